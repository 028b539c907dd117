//! Whether a request may go on, and the wait for other people where the rules say so.

use std::time::SystemTime;

use api::refusal::{self, ReasonCode};
use approval::{Application, ApprovalKind, Granted, NewApproval};
use config::{Login as Account, RoleName, RuleName};
use http::{HeaderMap, Method, StatusCode, request::Parts, uri::PathAndQuery};
use identity::login::Login;
use policy::{
    Access, Approved, ApprovedKind, CLUSTER_LOGIN, Capability, Context, Decision, Hold, KubeObject, KubeRequest,
    Permit, Protocol, RuleEffect, Verdict,
    approval::{Act, ActKind, Stdin},
};
use session::{permit::LivePermit, visit::Visit};
use wire::request_info::{RefusedRequest, RequestInfo, StreamRequest};

use super::{Front, KubeCluster, Peer};
use crate::{
    ending::Lifetime,
    impersonation::{Impersonation, is_as_somebody_else},
    status::Refusal,
    upgrade,
    upstream::ClusterConnection,
    watch_socket,
};

/// A request whose user and cluster are known.
pub(super) struct KnownRequest<'a> {
    pub(super) login: &'a Login,
    pub(super) cluster: &'a KubeCluster,
    pub(super) peer: &'a Peer,
    /// Below the cluster, raw.
    pub(super) path: &'a str,
    /// Why, in the user's own words.
    pub(super) reason: Option<String>,
}

/// A request that is allowed, with what it takes to send it on.
pub(super) struct Allowed {
    pub(super) permit: Permit,
    pub(super) connection: ClusterConnection,
    pub(super) path: PathAndQuery,
    pub(super) impersonation: Impersonation,
    pub(super) rule: Option<RuleName>,
    /// What other people have to say first, where it is a command: its user can be told while it waits.
    pub(super) hold: Option<Hold>,
    /// What ends it; as long as they have not said it, it has ended. when it is allowed no longer.
    pub(super) standing: LivePermit,
}

/// What the rules say to a request.
enum FrontDecision {
    Allowed(Box<Allowed>),
    /// The role wants an approval for each connection.
    Connection(Hold),
    /// A rule wants an approval for this request.
    Request(Verdict),
}

/// What other people have approved for one request while it waited.
#[derive(Default)]
struct GivenApprovals {
    connection: Vec<Approved>,
    rule: Option<RuleName>,
}

impl Front {
    /// Whether it may go on, after the wait for other people where the rules say so.
    pub(super) async fn allowed(
        &self,
        asking: &KnownRequest<'_>,
        head: &Parts,
        info: Result<RequestInfo, RefusedRequest>,
    ) -> Result<(RequestInfo, Allowed), Refusal> {
        let info = info.map_err(|refused| Refusal::new(StatusCode::BAD_REQUEST, refused.to_string()))?;
        if is_as_somebody_else(&head.headers) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, AS_SOMEBODY_ELSE).for_reason(ReasonCode::Unsupported));
        }
        let mut approvals = GivenApprovals::default();
        // What was true before a wait need not be true after it.
        for _ in 0..=MAX_WAITS {
            match self.decide(asking, head, &info, &approvals)? {
                FrontDecision::Allowed(allowed) => return Ok((info, *allowed)),
                FrontDecision::Connection(hold) => {
                    let granted = self.connection_approved(asking, head, &info, hold).await?;
                    approvals.connection = granted.approved_session().into_iter().collect();
                }
                FrontDecision::Request(verdict) => {
                    self.request_approved(asking, head, &verdict).await?;
                    approvals.rule = verdict.rule;
                }
            }
        }
        Err(refusal::Refusal::rules_changed().into())
    }

    fn decide(
        &self,
        asking: &KnownRequest<'_>,
        head: &Parts,
        info: &RequestInfo,
        approvals: &GivenApprovals,
    ) -> Result<FrontDecision, Refusal> {
        let KnownRequest { login, cluster, peer, path, .. } = asking;
        let rules = self.rules.borrow().clone();
        let question = question(info);
        let access = Access::Cluster { cluster: Box::new(cluster.settings.clone()), request: question.into() };
        let resource = access.resource();
        let mut approved = self.sessions.approvals.approved_access(login.subject());
        approved.extend(approvals.connection.iter().cloned());
        let context = Context { now: SystemTime::now(), source: peer.address.ip(), approved: &approved };
        let decided = |context: &Context<'_>| rules.decide(login.subject(), resource, access.action(), context);
        let mut held = None;
        let permit = match decided(&context) {
            Decision::Allow(permit) => permit,
            Decision::Deny(denial) => {
                let refusal = Refusal::from(refusal::Refusal::new(ReasonCode::NotAllowed, denial.reason));
                return Err(refusal.by_rule(denial.rule.map(String::from)));
            }
            Decision::Hold(hold) => {
                refuse_upgrade(question.capability(), info, &head.headers)?;
                if !matches!(info.stream(), Some(StreamRequest::Attach | StreamRequest::Exec)) {
                    return Ok(FrontDecision::Connection(hold));
                }
                // What it may be once it is approved. `standing` knows of no approval yet.
                let (what, target, login) = (ApprovedKind::Session, cluster.settings.name.clone(), account()?);
                let as_if = [&approved[..], &[Approved { what, target, login, until: None }]].concat();
                match decided(&Context { approved: &as_if, ..context }) {
                    Decision::Allow(permit) => {
                        held = Some(hold);
                        permit
                    }
                    Decision::Deny(_) | Decision::Hold(_) => return Ok(FrontDecision::Connection(hold)),
                }
            }
        };
        let verdict = rules.judge_request(login.subject(), resource, &question, context.now);
        let rule = verdict.rule.clone();
        match verdict.effect {
            RuleEffect::Allow => {}
            RuleEffect::Approve if rule.is_some() && rule == approvals.rule => {}
            RuleEffect::Approve => return Ok(FrontDecision::Request(verdict)),
            RuleEffect::Block => {
                let refusal = refusal::Refusal::new(ReasonCode::RequestBlocked, verdict.message);
                return Err(refusal.by_rule(rule).into());
            }
        }
        refuse_upgrade(question.capability(), info, &head.headers)?;
        let impersonation = Impersonation::new(login.authenticated(), &permit)
            .map_err(|error| refusal::Refusal::new(ReasonCode::NotAllowed, error.to_string()))?;
        let path = match head.uri.query() {
            Some(query) => format!("{path}?{query}").parse(),
            None => path.parse::<PathAndQuery>(),
        };
        let path =
            path.map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the path or the query cannot be passed on"))?;
        let standing = LivePermit {
            rules: self.rules.clone(),
            user: login.subject().clone(),
            access,
            source: peer.address.ip(),
            permit: permit.clone(),
            approved,
            login: Some(self.ended_logins.follow(login)),
        };
        let connection = cluster.connection.clone();
        Ok(FrontDecision::Allowed(Box::new(Allowed {
            permit,
            connection,
            path,
            impersonation,
            rule,
            hold: held,
            standing,
        })))
    }

    /// Asks other people for what a rule wants approved.
    async fn request_approved(
        &self,
        asking: &KnownRequest<'_>,
        head: &Parts,
        verdict: &Verdict,
    ) -> Result<(), Refusal> {
        let visit = self.visit(asking, account()?);
        let mut new = visit.command_question(verdict, act(asking, head))?;
        new.commands = vec![verdict.because.clone()];
        self.approved(new).await.map(drop)
    }

    /// Asks other people for what a role wants approved. It counts for as long as the connection lasts, unless they
    /// gave it a time.
    async fn connection_approved(
        &self,
        asking: &KnownRequest<'_>,
        head: &Parts,
        info: &RequestInfo,
        hold: Hold,
    ) -> Result<Granted, Refusal> {
        let resource = info.resource.as_ref();
        let pod = resource.and_then(|resource| format!("{}.{}", resource.name, resource.namespace).parse().ok());
        let visit = self.visit(asking, pod.map_or_else(account, Ok)?);
        let mut new = visit.question(ApprovalKind::Session, act(asking, head), hold.approvers);
        new.because = for_each_connection(&hold.role);
        self.approved(new).await
    }

    /// Asks, and waits. A user who leaves takes the question along.
    async fn approved(&self, new: NewApproval) -> Result<Granted, Refusal> {
        match self.sessions.approvals.apply(new).await? {
            Application::Granted(granted) => Ok(granted),
            Application::Waiting(mut waiting) => {
                let decided = waiting.decided().await;
                decided.map_err(|refusal| refusal.because(waiting.because()).into())
            }
        }
    }

    pub(super) fn visit(&self, asking: &KnownRequest<'_>, login: Account) -> Visit {
        Visit {
            sessions: self.sessions.clone(),
            user: asking.login.authenticated().clone(),
            target: asking.cluster.settings.name.clone(),
            login,
            protocol: Protocol::Kubernetes,
            container: None,
            source: asking.peer.address,
            reason: asking.reason.clone(),
            session: None,
        }
    }
}

/// What goes on as another protocol has a road of its own, or none: it is never passed on unread.
fn refuse_upgrade(capability: Capability, info: &RequestInfo, headers: &HeaderMap) -> Result<(), Refusal> {
    let is_upgrade = upgrade::is_asked_for(headers);
    let has_road = match info.stream() {
        Some(StreamRequest::Attach | StreamRequest::Exec | StreamRequest::PortForward) => true,
        Some(StreamRequest::Proxy) => false,
        None => watch_socket::has_messages(Lifetime::of(info)),
    };
    let needs_road = matches!(capability, Capability::Attach | Capability::Exec)
        || info.stream() == Some(StreamRequest::PortForward);
    if !is_upgrade && needs_road {
        let message = "the request must ask for an upgrade to WebSocket or SPDY";
        return Err(refusal::Refusal::new(ReasonCode::Unsupported, message).into());
    }
    if is_upgrade && !has_road {
        let message = "this request cannot be upgraded to another protocol";
        return Err(Refusal::new(StatusCode::FORBIDDEN, message).for_reason(ReasonCode::Unsupported));
    }
    Ok(())
}

/// The request as the rules see it.
fn question(info: &RequestInfo) -> KubeRequest<'_> {
    let object = info.resource.as_ref().map(|resource| KubeObject {
        group: &resource.group,
        resource: &resource.resource,
        subresource: &resource.subresource,
        namespace: &resource.namespace,
        name: &resource.name,
    });
    KubeRequest::new(info.verb, object)
}

/// What other people approve of a request. What its body holds they do not see.
fn act(asking: &KnownRequest<'_>, head: &Parts) -> Act {
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let words = [head.method.to_string(), format!("{}{query}", asking.path)];
    let has_body = !matches!(head.method, Method::GET | Method::HEAD);
    let stdin = if has_body { Stdin::Live } else { Stdin::None };
    Act { stdin, ..Act::of(ActKind::Request, Protocol::Kubernetes, words) }
}

/// Why a connection waits.
pub(crate) fn for_each_connection(role: &RoleName) -> String {
    format!("the role {role} needs an approval for each connection")
}

/// Stands for the account where a request runs no command.
pub(super) fn account() -> Result<Account, Refusal> {
    CLUSTER_LOGIN.parse().map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the account is none"))
}

/// Done as the caller, `kubectl auth can-i --as` would tell what is not so.
const AS_SOMEBODY_ELSE: &str = "--as, --as-group and --as-uid (Impersonate-* headers) are not taken here: the bastion \
     itself acts as you. Leave them out; what somebody else may do, they see with \"kubectl auth can-i --list\", or the \
     operator of the cluster without the bastion";

/// The role may ask for an approval, and a rule for another.
const MAX_WAITS: usize = 2;

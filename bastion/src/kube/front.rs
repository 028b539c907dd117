//! One request from its head to a decision: who, which cluster, what, and may they.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use config::{Cluster, RuleName, TargetName, UserName};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request::Parts, uri::PathAndQuery};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use policy::{
    ClusterDecision, ClusterPermit, Context, KubeCapability, KubeObject, KubeRequest, Permit, RequestVerdict,
    RuleEffect, RuleSet,
};
use rustls_pki_types::CertificateDer;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use super::{
    command::{Command, Run},
    dial::{Call, DialError},
    forward::{self, Side, Until},
    impersonation::Impersonation,
    proxy::{self, Body, BodyError, Entry},
    request_info::{RefusedRequest, RequestInfo, ResourceRequest, StreamRequest},
    request_log::RequestLog,
    retry::{Asked, Refused},
    status::{Refusal, Told},
    upgrade::{self, Upgrade},
    upstream::ClusterConnection,
};
use crate::{
    approval::{ApprovalKind, Progress},
    audit::{AuditEvent, KubeRequestEvent},
    identity::{
        kube_credential::{CredentialError, KubeCredentials},
        login::Login,
    },
    session::{
        Sessions,
        applicant::Applicant,
        permit::{LivePermit, Place},
    },
};

/// A cluster behind the bastion, and the connection to it.
#[derive(Debug, Clone)]
pub struct KubeCluster {
    /// What the operator wrote.
    pub settings: Cluster,
    /// Where its requests go.
    pub connection: ClusterConnection,
}

/// What the Kubernetes front decides with.
pub struct Front {
    /// Who people are.
    pub credentials: KubeCredentials,
    /// The rules as they are now; a reload replaces them.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// The clusters.
    pub clusters: HashMap<TargetName, KubeCluster>,
    /// Where requests are written down.
    pub log: RequestLog,
    /// Runs commands, and writes down what is no request.
    pub sessions: Sessions,
    /// The refusals that kubectl asks about twice.
    pub refused: Refused,
    /// The tasks of upgraded connections, waited for when the bastion stops.
    pub tasks: TaskTracker,
    /// Cancelled when every connection is to be cut.
    pub closing: CancellationToken,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The certificate that it has proved to hold.
    pub certificate: Option<CertificateDer<'static>>,
    /// Its place among the connections, kept as long as anything of it runs.
    pub place: Arc<OwnedSemaphorePermit>,
}

/// A request that is allowed, with what it takes to send it on.
struct Allowed {
    permit: ClusterPermit,
    connection: ClusterConnection,
    path: PathAndQuery,
    impersonation: Impersonation,
    rule: Option<RuleName>,
    /// It has to wait for other people.
    held: Option<RequestVerdict>,
}

/// A request whose user and cluster are known.
struct Asking<'a> {
    login: &'a Login,
    cluster: &'a KubeCluster,
    peer: &'a Peer,
    path: &'a str,
}

impl Front {
    /// Answers one request. What goes wrong is an answer.
    pub fn serve(
        self: Arc<Self>,
        peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
        let span = tracing::info_span!("kube.request", peer.addr = %peer.address, subject.id = tracing::field::Empty);
        let request = request.map(|body| body.map_err(BodyError::from).boxed_unsync());
        let answered = async move {
            Ok(match self.answer(peer, request).await {
                Ok(response) => response,
                Err(refusal) => refusal.response(),
            })
        };
        Box::pin(answered.instrument(span))
    }

    /// The errors are answers that are no audit event of a request: nobody, or no cluster, is known yet.
    async fn answer(&self, peer: Arc<Peer>, request: Request<Body>) -> Result<Response<Body>, Refusal> {
        let started = Instant::now();
        let (name, path) = split(request.uri().path()).map(|(name, path)| (name.to_owned(), path.to_owned()))?;
        let token = bearer(request.headers()).map(str::to_owned);
        let login = self.authenticate(peer.certificate.clone(), token).await?;
        tracing::Span::current().record("subject.id", login.subject().name.as_str());
        let rules = Arc::clone(&self.rules.borrow());
        let Some(cluster) = self.reachable_cluster(&rules, &login, &name) else {
            let (user, source) = (login.subject().name.clone(), peer.address.to_string());
            return Err(self.unknown_cluster(user, source, name).await);
        };

        let (head, body) = request.into_parts();
        let is_upgrade = upgrade::is_asked_for(&head.headers);
        let asked = Asked {
            user: login.subject().name.clone(),
            cluster: cluster.settings.name.clone(),
            path: head.uri.to_string(),
        };
        let is_websocket = head.headers.contains_key(header::SEC_WEBSOCKET_KEY);
        if is_upgrade
            && !is_websocket
            && let Some(told) = self.refused.take(&asked)
        {
            return Ok(told.response());
        }

        let place = self.log.reserve().await.map_err(|full| {
            tracing::error!("no place in the audit log");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string())
        })?;
        let info = RequestInfo::parse(&head.method, &path, head.uri.query());
        let event = event(&login, cluster, &peer, &head.method, &path, info.as_ref().ok());
        let mut entry = Entry::new(place, event, started);
        let asking = Asking { login: &login, cluster, peer: &peer, path: &path };
        let (info, allowed) = match self.allowed(&asking, &head, info).await {
            Ok(allowed) => allowed,
            Err(refusal) => {
                tracing::info!(target.name = %cluster.settings.name, refused = %refusal.message, "request refused");
                if is_websocket {
                    self.refused.remember(asked, refusal.told());
                }
                return Ok(entry.refuse(&refusal));
            }
        };
        entry.passed_by(allowed.rule.clone().map(String::from));
        let left = login.expires_at().duration_since(Timestamp::now());
        let left = Duration::try_from(left).unwrap_or_default();
        if let Some(stream) = info.stream().filter(|_| is_upgrade) {
            return Ok(match self.upgraded(&asking, head, (&info, stream), allowed, (entry, left)).await {
                Ok(response) => response,
                Err((entry, told)) => {
                    if is_websocket {
                        self.refused.remember(asked, told.clone());
                    }
                    entry.tell(&told)
                }
            });
        }

        let headers = allowed.impersonation.to_cluster(&head.headers, peer.address.ip().to_canonical());
        let mut onward = Request::new(body);
        *onward.method_mut() = head.method;
        *onward.uri_mut() = allowed.path.into();
        *onward.headers_mut() = headers;
        Ok(proxy::forward(&allowed.connection, onward, entry, is_long(&info), left).await)
    }

    /// Whether it may go on, after the wait for other people where the rules say so.
    async fn allowed(
        &self,
        asking: &Asking<'_>,
        head: &Parts,
        info: Result<RequestInfo, RefusedRequest>,
    ) -> Result<(RequestInfo, Allowed), Refusal> {
        let info = info.map_err(|refused| Refusal::new(StatusCode::BAD_REQUEST, refused.to_string()))?;
        let mut allowed = self.decide(asking, head, &info)?;
        if let Some(verdict) = &allowed.held {
            self.approved(asking, head, verdict).await?;
            // What was true before a wait need not be true after it.
            let again = self.decide(asking, head, &info)?;
            if again.held.as_ref().is_some_and(|now| now.rule != verdict.rule) {
                let message = "the rules have changed while it waited; ask again";
                return Err(Refusal::new(StatusCode::FORBIDDEN, message));
            }
            allowed = again;
        }
        Ok((info, allowed))
    }

    /// Asks other people, and waits. A user who leaves takes the question along.
    async fn approved(&self, asking: &Asking<'_>, head: &Parts, verdict: &RequestVerdict) -> Result<(), Refusal> {
        let rule = verdict.rule.clone();
        let refused =
            |message: String| Refusal::new(StatusCode::FORBIDDEN, message).by_rule(rule.clone().map(String::from));
        let Some(needed) = verdict.approvers.clone() else {
            return Err(refused(format!("{}, and the rules name nobody who can approve it", verdict.message)));
        };
        let login = API.parse().map_err(|_| refused("the account is none".to_owned()))?;
        let applicant = self.applicant(asking, login);
        let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let text = Bytes::from(format!("{} {}{query}", head.method, asking.path));
        let mut new = applicant.question(ApprovalKind::Command, text.clone(), needed);
        new.rule.clone_from(&verdict.rule);
        new.commands.push(verdict.because.clone());
        new.because.clone_from(&verdict.message);
        let approvals = &self.sessions.approvals;
        match approvals.standing(&new).await {
            Ok(Some(granted)) if granted.text() == &text => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(refused(error.to_string())),
        }
        let waiting = approvals.request(new).await;
        let mut waiting = waiting.map_err(|error| refused(format!("{}: {error}", verdict.message)))?;
        let outcome = loop {
            if let Progress::Decided(outcome) = waiting.changed().await {
                break outcome;
            }
        };
        let because = &verdict.message;
        outcome.granted(&text).map(drop).map_err(|why| refused(format!("{because}: {why}")))
    }

    fn applicant(&self, asking: &Asking<'_>, login: config::Login) -> Applicant {
        Applicant {
            sessions: self.sessions.clone(),
            subject: asking.login.subject().clone(),
            target: asking.cluster.settings.name.clone(),
            login,
            source: asking.peer.address.to_string(),
            reason: None,
        }
    }

    /// A command or forwarded ports. What is refused is given back with its entry.
    async fn upgraded(
        &self,
        asking: &Asking<'_>,
        head: Parts,
        (info, stream): (&RequestInfo, StreamRequest),
        allowed: Allowed,
        (mut entry, login_left): (Entry, Duration),
    ) -> Result<Response<Body>, (Entry, Told)> {
        let Allowed { permit, connection, path, impersonation, .. } = allowed;
        let ready = self.prepare(asking, &head, (info, stream), &permit);
        let Ready { upgrade, permit, standing, command } = match ready {
            Ok(ready) => ready,
            Err(refusal) => return Err((entry, refusal.told())),
        };
        let mut headers = impersonation.to_cluster(&head.headers, asking.peer.address.ip().to_canonical());
        headers.remove(header::CONTENT_TYPE);
        let user_side = hyper::upgrade::on(Request::from_parts(head, ()));
        let Some(command) = command else {
            let call = Call { cluster: connection, path, headers };
            let (io, transport) = match call.forward().await {
                Ok(cluster_side) => cluster_side,
                Err(error) => return Err((entry, undialled(error))),
            };
            let user_transport = match upgrade.forward() {
                Ok(transport) => transport,
                Err(refusal) => return Err((entry, refusal.told())),
            };
            entry.answered(StatusCode::SWITCHING_PROTOCOLS);
            let cluster_side = Side { io, transport, role: Role::Client };
            let until = Until { standing, login_left, closing: self.closing.clone() };
            let place = asking.peer.place.clone();
            self.tasks.spawn(async move {
                // The user may have gone.
                if let Ok(io) = user_side.await {
                    let user_side = Side { io: TokioIo::new(io), transport: user_transport, role: Role::Server };
                    forward::serve(user_side, cluster_side, until, entry).await;
                }
                drop(place);
            });
            return Ok(upgrade.accept(true));
        };
        let path = match format!("{}?{}", asking.path, command.query()).parse() {
            Ok(path) => path,
            Err(_) => {
                return Err((entry, Refusal::new(StatusCode::BAD_REQUEST, "the query cannot be passed on").told()));
            }
        };
        let run = Run {
            user: asking.login.authenticated().clone(),
            applicant: self.applicant(asking, command.pod.clone()),
            permit,
            standing,
            command,
            call: Call { cluster: connection, path, headers },
            source: asking.peer.address,
        };
        match run.serve(user_side, upgrade, &self.tasks, asking.peer.place.clone()).await {
            Ok(response) => Ok(entry.give(response)),
            Err(told) => Err((entry, told)),
        }
    }

    /// What a command or forwarded ports take, besides the connection.
    fn prepare(
        &self,
        asking: &Asking<'_>,
        head: &Parts,
        (info, stream): (&RequestInfo, StreamRequest),
        permit: &ClusterPermit,
    ) -> Result<Ready, Refusal> {
        let upgrade = Upgrade::read(&head.method, &head.headers)?;
        let command = match stream {
            StreamRequest::Attach | StreamRequest::Exec => Some(Command::read(info, stream)?),
            StreamRequest::PortForward => None,
            StreamRequest::Proxy => {
                let message = "a proxied request cannot be upgraded to another protocol";
                return Err(Refusal::new(StatusCode::FORBIDDEN, message));
            }
        };
        let (pod, is_terminal) = match &command {
            Some(command) => (command.pod.clone(), command.streams.tty),
            None => {
                upgrade.forward()?;
                let api = API.parse();
                (api.map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the account is none"))?, false)
            }
        };
        let session = permit.session(pod, is_terminal);
        let session = session.map_err(|denial| Refusal::new(StatusCode::FORBIDDEN, denial.reason))?;
        let standing = LivePermit {
            rules: self.rules.clone(),
            user: asking.login.subject().clone(),
            place: Place::Pod {
                cluster: Box::new(asking.cluster.settings.clone()),
                capability: permit.capability(),
                request: question(info).into(),
            },
            source: asking.peer.address.ip(),
            permit: session.clone(),
            approved: Vec::new(),
        };
        Ok(Ready { upgrade, permit: session, standing, command })
    }

    /// A client certificate, or else a bearer token.
    async fn authenticate(
        &self,
        certificate: Option<CertificateDer<'static>>,
        token: Option<String>,
    ) -> Result<Login, Refusal> {
        let now = Timestamp::now();
        let found = match (certificate, token) {
            (Some(certificate), _) => self.credentials.by_certificate(&certificate, now).await,
            (None, Some(token)) => self.credentials.by_token(&token, now).await,
            (None, None) => {
                let message =
                    "show a client certificate or a token of this bastion; \"bastion kubeconfig\" sets kubectl up";
                return Err(Refusal::new(StatusCode::UNAUTHORIZED, message));
            }
        };
        found.map_err(|error| {
            tracing::info!(%error, "credential refused");
            let status = match &error {
                CredentialError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
                CredentialError::Ended
                | CredentialError::LoginEnded
                | CredentialError::Malformed
                | CredentialError::Unknown => StatusCode::UNAUTHORIZED,
            };
            Refusal::new(status, error.to_string())
        })
    }

    fn reachable_cluster(&self, rules: &RuleSet, login: &Login, name: &str) -> Option<&KubeCluster> {
        let cluster = self.clusters.get(&name.parse::<TargetName>().ok()?)?;
        let is_reachable = !rules.reachable_clusters(login.subject(), [&cluster.settings]).is_empty();
        is_reachable.then_some(cluster)
    }

    /// The same answer for a cluster that does not exist and for one that the user cannot reach.
    async fn unknown_cluster(&self, user: UserName, source: String, name: String) -> Refusal {
        let shown: String = name.chars().take(MAX_SHOWN_CHARS).collect();
        let denial = policy::Denial::unknown_cluster(&shown);
        let event = AuditEvent::AccessRefused {
            user,
            what: format!("cluster {shown:?}"),
            reason: denial.reason.clone(),
            source,
        };
        match self.sessions.store.append_audit(Timestamp::now(), &[event]).await {
            Ok(()) => Refusal::new(StatusCode::NOT_FOUND, denial.reason),
            Err(error) => {
                tracing::error!(%error, "refusal could not be written to the audit log");
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the bastion's database does not answer; try again")
            }
        }
    }

    fn decide(&self, asking: &Asking<'_>, head: &Parts, info: &RequestInfo) -> Result<Allowed, Refusal> {
        let Asking { login, cluster, peer, path } = *asking;
        let rules = self.rules.borrow().clone();
        let question = question(info);
        let capability = question.capability();
        let context = Context { now: SystemTime::now(), source: peer.address.ip(), approved: &[] };
        let permit = match rules.decide_cluster(login.subject(), &cluster.settings, capability, &context) {
            ClusterDecision::Allow(permit) => permit,
            ClusterDecision::Deny(denial) => {
                let refusal = Refusal::new(StatusCode::FORBIDDEN, denial.reason);
                return Err(refusal.by_rule(denial.rule.map(String::from)));
            }
        };
        let verdict = rules.judge_request(login.subject(), &cluster.settings, &question, context.now);
        let rule = verdict.rule.clone();
        let held = match verdict.effect {
            RuleEffect::Allow => None,
            RuleEffect::Approve => Some(verdict),
            RuleEffect::Block => {
                return Err(Refusal::new(StatusCode::FORBIDDEN, verdict.message).by_rule(rule.map(String::from)));
            }
        };
        refuse_upgrade(&permit, info, &head.headers)?;
        let impersonation = Impersonation::new(login.authenticated(), &permit)
            .map_err(|error| Refusal::new(StatusCode::FORBIDDEN, error.to_string()))?;
        let path = match head.uri.query() {
            Some(query) => format!("{path}?{query}").parse(),
            None => path.parse::<PathAndQuery>(),
        };
        let path =
            path.map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the path or the query cannot be passed on"))?;
        Ok(Allowed { permit, connection: cluster.connection.clone(), path, impersonation, rule, held })
    }
}

/// What a command or forwarded ports take. Without a command it is ports.
struct Ready {
    upgrade: Upgrade,
    permit: Permit,
    standing: LivePermit,
    command: Option<Command>,
}

/// What a user reads of a cluster that forwards no ports: its own words where it has some.
fn undialled(error: DialError) -> Told {
    match error {
        DialError::Refused(told) if told.status != StatusCode::UNAUTHORIZED => told,
        DialError::Send(error) => proxy::unavailable(&error).told(),
        error @ (DialError::Protocol | DialError::Refused(_) | DialError::Streams(_) | DialError::TimedOut) => {
            Refusal::new(StatusCode::BAD_GATEWAY, error.to_string()).told()
        }
    }
}

/// `/clusters/NAME/rest` -> name and rest, both raw.
fn split(path: &str) -> Result<(&str, &str), Refusal> {
    let below = path.strip_prefix("/clusters/").filter(|below| !below.is_empty());
    let below = below.ok_or_else(|| {
        let message = "clusters are under /clusters/NAME; \"bastion kubeconfig NAME\" sets kubectl up";
        Refusal::new(StatusCode::NOT_FOUND, message)
    })?;
    Ok(match below.find('/') {
        Some(at) => below.split_at(at),
        None => (below, "/"),
    })
}

/// What goes on as another protocol has a road of its own, or none: it is never passed on unread.
fn refuse_upgrade(permit: &ClusterPermit, info: &RequestInfo, headers: &HeaderMap) -> Result<(), Refusal> {
    let is_upgrade = upgrade::is_asked_for(headers);
    let has_road =
        matches!(info.stream(), Some(StreamRequest::Attach | StreamRequest::Exec | StreamRequest::PortForward));
    if !is_upgrade && matches!(permit.capability(), KubeCapability::Attach | KubeCapability::Exec) {
        let message = "the request must ask for an upgrade to WebSocket or SPDY";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    }
    if is_upgrade && !has_road {
        let message = "this request cannot be upgraded to another protocol";
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(authorization), None) = (shown.next(), shown.next()) else { return None };
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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
    KubeRequest { verb: info.verb, object }
}

/// Whether the head of the answer may take as long as the cluster likes: `logs -f` of a silent pod has none.
fn is_long(info: &RequestInfo) -> bool {
    let subresource = info.resource.as_ref().map(|resource| resource.subresource.as_str());
    matches!(info.verb, "proxy" | "watch") || matches!(subresource, Some("log" | "proxy"))
}

fn event(
    login: &Login,
    cluster: &KubeCluster,
    peer: &Peer,
    method: &Method,
    path: &str,
    info: Option<&RequestInfo>,
) -> KubeRequestEvent {
    let shown = |text: &str| text.chars().take(MAX_SHOWN_CHARS).collect::<String>();
    let resource = info.and_then(|info| info.resource.clone());
    let path = resource.is_none().then(|| shown(path));
    let ResourceRequest { group, resource, subresource, namespace, name, .. } = resource.unwrap_or_default();
    KubeRequestEvent {
        user: login.subject().name.clone(),
        cluster: cluster.settings.name.clone(),
        verb: info.map_or_else(|| method.as_str().to_ascii_lowercase(), |info| info.verb.to_owned()),
        group: shown(&group),
        resource: shown(&resource),
        subresource: shown(&subresource),
        namespace: shown(&namespace),
        name: shown(&name),
        path,
        status: None,
        latency_ms: 0,
        bytes_in: 0,
        bytes_out: 0,
        rule: None,
        refused: None,
        source: peer.address.to_string(),
    }
}

/// Stands for the account where a request runs no command.
const API: &str = "api";

/// Names in Kubernetes have at most 253 characters.
const MAX_SHOWN_CHARS: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_split_and_not_changed() {
        for (path, expected) in [
            ("/clusters/a", ("a", "/")),
            ("/clusters/a/", ("a", "/")),
            ("/clusters/a/api/v1", ("a", "/api/v1")),
            ("/clusters/a//api", ("a", "//api")),
            ("/clusters/a/../b/api", ("a", "/../b/api")),
            ("/clusters/%61/api", ("%61", "/api")),
            ("/clusters/../x", ("..", "/x")),
            ("/clusters//api", ("", "/api")),
        ] {
            assert_eq!(split(path).unwrap(), expected);
        }
        for path in ["/", "/api", "/clusters", "/clusters/", "/Clusters/a", "//clusters/a", "/x/../clusters/a", "*"] {
            assert_eq!(split(path).unwrap_err().status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_token_is_taken_from_one_header_only() {
        let headers = |values: &[&'static str]| {
            values
                .iter()
                .map(|value| (header::AUTHORIZATION, http::HeaderValue::from_static(value)))
                .collect::<HeaderMap>()
        };
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer  abc"])), Some("abc"));
        for values in [&["Basic abc"][..], &["abc"], &[], &["Bearer a", "Bearer b"], &["Basic a", "Bearer b"]] {
            assert_eq!(bearer(&headers(values)), None, "{values:?}");
        }
    }
}

//! One authenticated connection: who it is, where it may go, and its channels.
//!
//! A connection to `login@target` runs sessions on that target. A connection to
//! the bastion itself is a jump host: a `direct-tcpip` channel to a target's
//! name holds an SSH connection of its own, which the bastion answers as that
//! target. The identity is proved again there; nothing is inherited but the
//! address that the user comes from.
//!
//! To be connected is no right to start things for ever: for each session and each jump login and certificate
//! (`Connection::may_start`) and the rules are asked anew, and none starts while the bastion stops.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::SystemTime};

use api::refusal::{ReasonCode, Refusal};
use approval::{ApprovalKind, Needed, NewApproval};
use config::TargetName;
use identity::Authenticated;
use ledger::audit::AuditEvent;
use policy::{
    Access, Action, Approved, Capability, Context, Decision, Denial, Hold, Permit, Protocol, Resource, RuleSet, Site,
    approval::Act,
};
use session::{Sessions, admission::NotPermitted, permit::LivePermit, start::STOPPING, visit::Visit};
use ssh_client::destination::Destination;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    auth::{Authenticator, Proof},
    host_identity::HostIdentity,
    target_connection::{SshTarget, TargetConnection},
};

/// The port of the SSH protocol, which a jump names unless the user's settings say otherwise.
const SSH_PORT: u32 = 22;

/// What every connection of the SSH front shares.
pub struct Front {
    /// Checks certificates.
    pub authenticator: Authenticator,
    /// The rules as they are now.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// The targets by name.
    pub targets: HashMap<TargetName, ConfiguredTarget>,
    /// Runs sessions.
    pub sessions: Sessions,
    /// Host certificates.
    pub host_identity: HostIdentity,
    /// Most channels that one connection may have open at a time.
    pub max_channels: usize,
    /// How long a connection may take to authenticate.
    pub login_grace_time: std::time::Duration,
    /// The tasks of connections and sessions, waited for when the bastion stops.
    pub tasks: TaskTracker,
    /// Cancelled when every connection is to be cut.
    pub closing: CancellationToken,
}

/// A target of the configuration.
pub struct ConfiguredTarget {
    /// As rules see it.
    pub settings: config::Target,
    /// As the SSH front uses it.
    pub ssh: SshTarget,
}

/// An authenticated connection.
pub struct Connection {
    front: Arc<Front>,
    user: Authenticated,
    proof: Proof,
    source: SocketAddr,
    purpose: Purpose,
}

/// Who came, and from where.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Who.
    pub user: Authenticated,
    /// How they proved it.
    pub proof: Proof,
    /// From where.
    pub source: SocketAddr,
}

/// What a connection is for.
enum Purpose {
    /// A jump host.
    Jump,
    /// A place that the user may not go, or that does not exist: every channel is told why.
    Refused(Refused),
    /// Sessions on a target.
    Target(Destination, Arc<TargetConnection>),
}

/// A refused destination.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Where the user wanted to go.
    destination: Option<Destination>,
    /// The rule that decided, if one did.
    rule: Option<String>,
    /// What said no.
    code: ReasonCode,
    /// Why, in words for the user.
    pub reason: String,
}

fn not_allowed(reason: String) -> NotPermitted {
    NotPermitted::Refused(Refusal::new(ReasonCode::NotAllowed, reason))
}

impl Connection {
    /// A connection that serves as a jump host.
    pub fn jump(front: Arc<Front>, arrival: Arrival) -> Arc<Self> {
        Self::new(front, arrival, Purpose::Jump)
    }

    /// A connection to a target. If the user may go there it is dialled at once.
    pub fn to_target(front: Arc<Front>, arrival: Arrival, destination: Destination) -> Arc<Self> {
        let opens = front.decide(&arrival.user, arrival.source, &destination, Action::Open, &[]);
        let purpose = match opens {
            Err(Undecided::Refused(refused)) => Purpose::Refused(refused),
            // To be connected needs no approval: nothing runs by it.
            Err(Undecided::Held(hold)) => Purpose::Refused(Refused {
                destination: Some(destination),
                rule: Some(hold.role.to_string()),
                code: ReasonCode::NotAllowed,
                reason: format!("the role {} needs an approval for this, which cannot be waited for here", hold.role),
            }),
            Ok((_, target)) => {
                let name = arrival.user.subject().name.clone();
                let connection = TargetConnection::new(target.ssh.clone(), destination.login.clone(), name);
                let ahead = Arc::clone(&connection);
                front.tasks.spawn(async move { ahead.dial_ahead().await });
                Purpose::Target(destination, connection)
            }
        };
        Self::new(front, arrival, purpose)
    }

    /// A connection that was authenticated but names no place to go.
    pub fn nowhere(front: Arc<Front>, arrival: Arrival, reason: String) -> Arc<Self> {
        Self::new(
            front,
            arrival,
            Purpose::Refused(Refused { destination: None, rule: None, code: ReasonCode::NotAllowed, reason }),
        )
    }

    fn new(front: Arc<Front>, arrival: Arrival, purpose: Purpose) -> Arc<Self> {
        let Arrival { user, proof, source } = arrival;
        Arc::new(Self { front, user, proof, source, purpose })
    }

    /// What all connections share.
    #[must_use]
    pub fn front(&self) -> &Arc<Front> {
        &self.front
    }

    /// Who it is.
    #[must_use]
    pub fn user(&self) -> &Authenticated {
        &self.user
    }

    /// Where the user came from.
    #[must_use]
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    /// Whether anything may start on this connection now.
    ///
    /// # Errors
    ///
    /// With the reason for the user.
    async fn may_start(&self) -> Result<(), Refusal> {
        if self.front.sessions.registry.is_draining() {
            return Err(Refusal::new(ReasonCode::Stopping, STOPPING));
        }
        let good = self.front.authenticator.still_good(&self.proof).await;
        good.map_err(|error| Refusal::new(ReasonCode::LoginEnded, error.to_string()))
    }

    /// The permit for a session with these capabilities, all of which must be allowed.
    ///
    /// # Errors
    ///
    /// With the reason for the user; the refusal is in the audit log then.
    pub async fn permit(&self, capabilities: &[Capability], approved: &[Approved]) -> Result<Permit, NotPermitted> {
        let wanted = capabilities.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");
        let destination = match &self.purpose {
            Purpose::Target(destination, _) => destination,
            Purpose::Refused(refused) => {
                self.audit_refusal(wanted, refused).await;
                return Err(not_allowed(refused.reason.clone()));
            }
            Purpose::Jump => return Err(not_allowed(self.where_to_go())),
        };
        if let Err(refusal) = self.may_start().await {
            let (code, reason) = (refusal.reason, refusal.message.clone());
            let refused = Refused { destination: Some(destination.clone()), rule: None, code, reason };
            self.audit_refusal(wanted, &refused).await;
            return Err(NotPermitted::Refused(refusal));
        }
        if let Some(capability) = capabilities.iter().find(|capability| !self.certificate_permits(**capability)) {
            let reason = format!("your certificate does not permit {capability}: log in again with `bastion login`");
            let code = ReasonCode::NotAllowed;
            let refused = Refused { destination: Some(destination.clone()), rule: None, code, reason: reason.clone() };
            self.audit_refusal(capability.to_string(), &refused).await;
            return Err(not_allowed(reason));
        }
        match self.front.decide(&self.user, self.source, destination, Action::Use(capabilities), approved) {
            Ok((permit, _)) => Ok(permit),
            Err(Undecided::Held(hold)) => Err(NotPermitted::Held(hold)),
            Err(Undecided::Refused(refused)) => {
                self.audit_refusal(wanted, &refused).await;
                Err(not_allowed(refused.reason))
            }
        }
    }

    /// The connection to the target, if this leads to one.
    #[must_use]
    pub fn target(&self) -> Option<&Arc<TargetConnection>> {
        match &self.purpose {
            Purpose::Target(_, target) => Some(target),
            Purpose::Jump | Purpose::Refused(_) => None,
        }
    }

    /// The connection to the target, if this leads to one that something may be opened on now.
    pub async fn open_target(&self) -> Option<&Arc<TargetConnection>> {
        let Purpose::Target(destination, target) = &self.purpose else { return None };
        let opens = self.front.decide(&self.user, self.source, destination, Action::Open, &[]);
        (opens.is_ok() && self.may_start().await.is_ok()).then_some(target)
    }

    /// Whether a session with this capability is not refused as the rules are now; it may still need an approval.
    #[must_use]
    pub fn may_use(&self, capability: Capability) -> bool {
        let Purpose::Target(destination, _) = &self.purpose else { return false };
        let decided = self.front.decide(&self.user, self.source, destination, Action::Use(&[capability]), &[]);
        self.certificate_permits(capability) && !matches!(decided, Err(Undecided::Refused(_)))
    }

    /// Writes that the target would not.
    pub async fn unavailable(&self, reason: &str) {
        let Purpose::Target(destination, _) = &self.purpose else { return };
        let event = AuditEvent::TargetUnavailable {
            user: self.user.subject().name.clone(),
            target: destination.target.clone(),
            reason: reason.to_owned(),
        };
        // What finds no room is counted: it is a refusal.
        let _ = self.front.sessions.audit(event).await;
    }

    /// What other people are asked about this connection's user and target; `None` where there is no target.
    #[must_use]
    pub fn question(
        &self,
        kind: ApprovalKind,
        act: Act,
        reason: Option<String>,
        needed: Needed,
    ) -> Option<NewApproval> {
        Some(self.visit(reason)?.question(kind, act, needed))
    }

    /// The permit as it stands when the rules change.
    #[must_use]
    pub fn standing(
        &self,
        permit: Permit,
        capabilities: Vec<Capability>,
        mut approved: Vec<Approved>,
    ) -> Option<LivePermit> {
        let Purpose::Target(Destination { target, login }, _) = &self.purpose else { return None };
        let target = Box::new(self.front.targets.get(target)?.settings.clone());
        approved.extend(self.front.sessions.approvals.approved_access(self.user.subject()));
        Some(LivePermit {
            rules: self.front.rules.clone(),
            user: self.user.subject().clone(),
            access: Access::Host { target, login: login.clone(), capabilities },
            source: self.source.ip(),
            permit,
            approved,
            login: self.front.sessions.limits.end_with_login.then(|| self.proof.login.clone()),
        })
    }

    /// The user of this connection, at its target; `None` where there is none.
    #[must_use]
    pub fn visit(&self, reason: Option<String>) -> Option<Visit> {
        let Purpose::Target(Destination { target, login }, _) = &self.purpose else { return None };
        Some(Visit {
            sessions: self.front.sessions.clone(),
            user: self.user.clone(),
            target: target.clone(),
            login: login.clone(),
            protocol: Protocol::Ssh,
            container: None,
            source: self.source,
            reason,
            session: None,
        })
    }

    /// Whether a jump to `host:port` may be answered, and as which target.
    ///
    /// # Errors
    ///
    /// With the reason for the user; the refusal is in the audit log then.
    pub async fn jump_to(&self, host: &str, port: u32) -> Result<TargetName, String> {
        let reason = match (&self.purpose, host.parse::<TargetName>()) {
            (Purpose::Jump, Ok(name)) if self.may_reach(&name, port) => match self.may_start().await {
                Ok(()) => return Ok(name),
                Err(refusal) => refusal.message,
            },
            (Purpose::Jump, _) => Denial::unknown_target(host).reason,
            (Purpose::Refused(_) | Purpose::Target(..), _) => {
                "port forwarding through the bastion is not allowed".to_owned()
            }
        };
        self.refuse(&format!("direct-tcpip to {host}:{port}"), &reason).await;
        Err(reason)
    }

    /// Writes the refusal of something that no rule can allow.
    pub async fn refuse(&self, what: &str, reason: &str) {
        self.refuse_for(ReasonCode::Unsupported, what, reason).await;
    }

    /// The same for another reason.
    pub async fn refuse_for(&self, code: ReasonCode, what: &str, reason: &str) {
        let destination = match &self.purpose {
            Purpose::Target(destination, _) => Some(destination.clone()),
            Purpose::Jump | Purpose::Refused(_) => None,
        };
        let refused = Refused { destination, rule: None, code, reason: reason.to_owned() };
        self.audit_refusal(what.to_owned(), &refused).await;
    }

    /// The user's connection is gone.
    pub async fn close(&self) {
        if let Purpose::Target(_, target) = &self.purpose {
            target.disconnect().await;
        }
    }

    /// Extensions are what the certificate itself permits (PROTOCOL.certkeys): without `permit-pty`, no terminal.
    fn certificate_permits(&self, capability: Capability) -> bool {
        let permits = self.proof.certificate.permits();
        match capability {
            Capability::Pty => permits.pty,
            Capability::AgentForward => permits.agent_forwarding,
            Capability::LocalForward | Capability::RemoteForward | Capability::StreamlocalForward => {
                permits.port_forwarding
            }
            Capability::X11Forward => permits.x11_forwarding,
            Capability::Exec | Capability::Sftp | Capability::Shell => true,
            // Those of clusters.
            Capability::Api | Capability::Attach | Capability::NodeProxy | Capability::PortForward => false,
        }
    }

    fn may_reach(&self, name: &TargetName, port: u32) -> bool {
        self.front.targets.get(name).is_some_and(|target| {
            self.front.rules.borrow().knows(self.user.subject(), Site::Host(&target.settings))
                && (port == SSH_PORT || port == u32::from(target.settings.address.port))
        })
    }

    /// What a user reads who opened a session on the bastion itself.
    fn where_to_go(&self) -> String {
        let targets = self.front.targets.values().map(|target| Site::Host(&target.settings));
        let context = Context { now: SystemTime::now(), source: self.source.ip(), approved: &[] };
        let mut text = String::from("this is the bastion; it runs nothing itself. You may go to:\r\n");
        for reachable in self.front.rules.borrow().reachable(self.user.subject(), targets, &context) {
            for login in &reachable.logins {
                // `*` stands for any account.
                let login = if login == "*" { "LOGIN" } else { login };
                text.push_str(&format!("  ssh -J THIS-BASTION {login}@{}\r\n", reachable.site.name()));
            }
        }
        text.push_str("bastion: `bastion ssh-config` prints settings with which `ssh TARGET` is enough");
        text
    }

    async fn audit_refusal(&self, what: String, refused: &Refused) {
        let event = AuditEvent::ChannelRefused {
            user: self.user.subject().name.clone(),
            target: refused.destination.as_ref().map(|destination| destination.target.clone()),
            login: refused.destination.as_ref().map(|destination| destination.login.clone()),
            what,
            rule: refused.rule.clone(),
            code: Some(refused.code),
            reason: refused.reason.clone(),
            source: self.source.to_string(),
        };
        // What finds no room is counted: it is a refusal.
        let _ = self.front.sessions.audit(event).await;
    }
}

/// Why the rules gave no permit.
enum Undecided {
    Held(Hold),
    Refused(Refused),
}

impl Front {
    fn decide(
        &self,
        user: &Authenticated,
        source: SocketAddr,
        destination: &Destination,
        action: Action<'_>,
        approved: &[Approved],
    ) -> Result<(Permit, &ConfiguredTarget), Undecided> {
        let refused = |denial: Denial| {
            Undecided::Refused(Refused {
                destination: Some(destination.clone()),
                rule: denial.rule.map(|rule| rule.to_string()),
                code: ReasonCode::NotAllowed,
                reason: denial.reason,
            })
        };
        let Some(target) = self.targets.get(&destination.target) else {
            return Err(refused(Denial::unknown_target(destination.target.as_str())));
        };
        let what = Resource::Host { target: &target.settings, login: &destination.login };
        let mut all = self.sessions.approvals.approved_access(user.subject());
        all.extend_from_slice(approved);
        let context = Context { now: SystemTime::now(), source: source.ip(), approved: &all };
        match self.rules.borrow().decide(user.subject(), what, action, &context) {
            Decision::Allow(permit) => Ok((permit, target)),
            Decision::Deny(denial) => Err(refused(denial)),
            Decision::Hold(hold) => Err(Undecided::Held(hold)),
        }
    }
}

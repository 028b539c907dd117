//! What happened, who did it, when: typed and versioned events for auditors.
//!
//! Events are named in the past tense. Their JSON form is `{"v":1,"kind":"…",…}`;
//! a field is only ever added, and a changed meaning gets a new `kind`.
//! Logs are for operators, audit events for auditors: never one for the other.
//!
//! Their way into the store: `refusals` (which are summed up), `bound` (how long they may be), [`log`] (who waits for
//! what), `spill` (what the store does not take).

use api::id::{ApprovalId, SubjectId};
use api::refusal::ReasonCode;
use config::{GroupName, Login, RuleName, TargetName, UserName};
use jiff::Timestamp;
use recorder::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{
    approval::{ApprovalKind, ApprovalState, ScopeWord},
    session::{SessionEnd, SessionKind},
};

mod bound;
pub mod command;
pub mod kube;
pub mod log;
mod names;
pub mod queued;
mod refusals;
mod spill;

pub use command::{CommandEvent, CommandHeldEvent, CommandObservedEvent, WouldHave};
pub use kube::{KubeRequestEvent, PortClosedEvent, PortEvent, PortRefusedEvent};
pub use log::AuditLog;

/// The version of the events' JSON form.
pub const AUDIT_VERSION: u32 = 1;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuditEvent {
    /// Access that was approved for a time has ended.
    AccessEnded {
        /// The approval that it came of.
        #[schema(value_type = String)]
        approval: ApprovalId,
        /// Whose.
        #[schema(value_type = String)]
        user: UserName,
        /// To which target.
        #[schema(value_type = String)]
        target: TargetName,
        /// As which account there.
        #[schema(value_type = String)]
        login: Login,
    },
    /// Somebody has access that was approved for a time.
    AccessGranted {
        /// The approval that it came of.
        #[schema(value_type = String)]
        approval: ApprovalId,
        /// Who.
        #[schema(value_type = String)]
        user: UserName,
        /// To which target.
        #[schema(value_type = String)]
        target: TargetName,
        /// As which account there.
        #[schema(value_type = String)]
        login: Login,
        /// Until when.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
        /// Who approved it.
        #[schema(value_type = Vec<String>)]
        by: Vec<UserName>,
    },
    /// Something in the console or the API was refused to somebody who is logged in.
    AccessRefused {
        /// Whom.
        #[schema(value_type = String)]
        user: UserName,
        /// What was asked for.
        what: String,
        /// Why, in words.
        reason: String,
        /// From where.
        source: String,
    },
    /// A request for an approval was decided.
    ApprovalDecided {
        /// Which one.
        #[schema(value_type = String)]
        approval: ApprovalId,
        /// Who had asked.
        #[schema(value_type = String)]
        user: UserName,
        /// In which session, if it had started.
        #[schema(value_type = Option<String>)]
        session: Option<SessionId>,
        /// How.
        state: ApprovalState,
        /// Who approved it, or who denied it; nobody where it expired or was cancelled.
        #[schema(value_type = Vec<String>)]
        by: Vec<UserName>,
        /// How far an approval goes.
        scope: Option<ScopeWord>,
        /// Until when it goes on to count, where that was said.
        #[schema(value_type = Option<String>, format = DateTime)]
        until: Option<Timestamp>,
        /// The words of who denied it, or why it was cancelled.
        reason: Option<String>,
    },
    /// Somebody asked for an approval.
    ApprovalRequested {
        /// Its id.
        #[schema(value_type = String)]
        approval: ApprovalId,
        /// What for.
        what: ApprovalKind,
        /// In which session, if it had started.
        #[schema(value_type = Option<String>)]
        session: Option<SessionId>,
        /// Who.
        #[schema(value_type = String)]
        user: UserName,
        /// On which target.
        #[schema(value_type = String)]
        target: TargetName,
        /// As which account there.
        #[schema(value_type = String)]
        login: Login,
        /// The command, masked, its control characters made visible.
        command: Option<String>,
        /// The rule that asks for it.
        #[schema(value_type = Option<String>)]
        rule: Option<RuleName>,
        /// The requester's reason.
        reason: Option<String>,
        /// Whose members may decide.
        #[schema(value_type = Vec<String>)]
        groups: Vec<GroupName>,
        /// How many of them it takes.
        count: usize,
        /// When it is refused if nobody decides.
        #[schema(value_type = String, format = DateTime)]
        expires_at: Timestamp,
        /// From where.
        source: String,
    },
    /// Somebody voted on a request for an approval.
    ApprovalVoted {
        /// On which one.
        #[schema(value_type = String)]
        approval: ApprovalId,
        /// Who voted.
        #[schema(value_type = String)]
        user: UserName,
        /// In which session the request was made, if it had started.
        #[schema(value_type = Option<String>)]
        session: Option<SessionId>,
        /// Who had asked.
        #[schema(value_type = String)]
        requester: UserName,
        /// Yes or no.
        approve: bool,
        /// How far a yes goes.
        scope: ScopeWord,
        /// Words for the requester.
        comment: Option<String>,
    },
    /// A certificate was issued.
    CertificateIssued {
        /// To whom.
        #[schema(value_type = String)]
        user: UserName,
        /// Its serial number.
        serial: u64,
        /// Fingerprint of the certified key.
        fingerprint: String,
        /// When it ends.
        #[schema(value_type = String, format = DateTime)]
        expires_at: Timestamp,
        /// From where it was asked for.
        source: String,
    },
    /// A channel that is not a session was opened: forwarding of a port, a socket, an agent, X11.
    ChannelOpened {
        /// Whose.
        #[schema(value_type = String)]
        user: UserName,
        /// On which target.
        #[schema(value_type = String)]
        target: TargetName,
        /// As which account there.
        #[schema(value_type = String)]
        login: Login,
        /// What for (`local-forward`, `agent-forward`, …).
        what: String,
        /// To or from which endpoint, where there is one.
        endpoint: Option<String>,
        /// From where.
        source: String,
    },
    /// A channel or request was refused.
    ChannelRefused {
        /// Whose.
        #[schema(value_type = String)]
        user: UserName,
        /// On which target, if one was named.
        #[schema(value_type = Option<String>)]
        target: Option<TargetName>,
        /// As which account there.
        #[schema(value_type = Option<String>)]
        login: Option<Login>,
        /// What was asked for (`shell`, `exec`, `sftp`, `local-forward`, …).
        what: String,
        /// The rule or role that decided, if one did.
        rule: Option<String>,
        /// What said no; events from before this was written have none.
        #[serde(default)]
        code: Option<ReasonCode>,
        /// Why, in words.
        reason: String,
        /// From where.
        source: String,
    },
    /// A command was refused before the target got it.
    CommandBlocked(CommandEvent),
    /// A command did not go on at once: it waits for an approval, or its user was asked to type it anew.
    CommandHeld(CommandHeldEvent),
    /// A command ran that would have been blocked or held, because the session's mode is `observe`.
    CommandObserved(CommandObservedEvent),
    /// An SSH connection was authenticated.
    ConnectionAuthenticated {
        /// Who.
        #[schema(value_type = String)]
        user: UserName,
        /// The serial number of the certificate.
        serial: u64,
        /// From where.
        source: String,
    },
    /// An SSH connection was refused before it was authenticated.
    ConnectionRefused {
        /// The certificate's key id, if one was shown (unverified unless its CA is ours).
        key_id: Option<String>,
        /// Why, in words.
        reason: String,
        /// From where.
        source: String,
    },
    /// A target accepted a typed line although no key that accepts lines was sent to it.
    GateTripped {
        /// In which session.
        #[schema(value_type = String)]
        session: SessionId,
        /// Whose.
        #[schema(value_type = String)]
        user: UserName,
        /// On which target.
        #[schema(value_type = String)]
        target: TargetName,
        /// As which account there.
        #[schema(value_type = String)]
        login: Login,
        /// What stood in the line, masked, its control characters made visible.
        command: String,
        /// Why, in words.
        reason: String,
        /// From where.
        source: String,
    },
    /// Somebody asked a Kubernetes cluster for something. Written when the answer has ended; bodies are never kept.
    KubeRequest(Box<KubeRequestEvent>),
    /// A login failed.
    LoginFailed {
        /// Why, in words.
        reason: String,
        /// From where.
        source: String,
    },
    /// Somebody logged in.
    LoggedIn {
        /// Who.
        #[schema(value_type = String)]
        user: UserName,
        /// The issuer.
        issuer: String,
        /// The issuer's identifier of the subject.
        subject: String,
        /// What the issuer calls them, where that is somebody else's name here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>)]
        claimed: Option<UserName>,
        /// When the login ends.
        #[schema(value_type = String, format = DateTime)]
        expires_at: Timestamp,
        /// From where.
        source: String,
    },
    /// Somebody logged out.
    LoggedOut {
        /// Who.
        #[schema(value_type = String)]
        user: UserName,
        /// From where.
        source: String,
    },
    /// A name is one person's from now on: who logs in with it and is somebody else goes by another.
    NameBound {
        /// The name.
        #[schema(value_type = String)]
        user: UserName,
        /// The issuer.
        issuer: String,
        /// The issuer's identifier of the subject.
        subject: String,
        /// From where.
        source: String,
    },
    /// A name is nobody's any more: it will be that of the next who logs in with it.
    NameReleased {
        /// Who released it.
        #[schema(value_type = String)]
        user: UserName,
        /// The name.
        #[schema(value_type = String)]
        name: UserName,
        /// The issuer of whoever had it.
        issuer: String,
        /// The issuer's identifier of whoever had it.
        subject: String,
        /// From where.
        source: String,
    },
    /// A forwarded connection to a port of a pod ended.
    PortClosed(Box<PortClosedEvent>),
    /// A connection to a port of a pod is about to be opened.
    PortOpened(Box<PortEvent>),
    /// A connection to a port of a pod was refused.
    PortRefused(Box<PortRefusedEvent>),
    /// A recording could not go on.
    RecordingFailed {
        /// Of which session.
        #[schema(value_type = String)]
        session: SessionId,
        /// Why, in words.
        reason: String,
        /// Whether the session was ended for it.
        terminated: bool,
    },
    /// A recording was read.
    RecordingViewed {
        /// By whom.
        #[schema(value_type = String)]
        user: UserName,
        /// Of which session.
        #[schema(value_type = String)]
        session: SessionId,
        /// From where.
        source: String,
    },
    /// Refusals that were counted and not written one by one, because the same person or address had met many.
    RefusalsSummed {
        /// The kind of event that each of them would have been.
        refused: String,
        /// Whom; nobody where the peer was not known.
        #[schema(value_type = Option<String>)]
        user: Option<UserName>,
        /// How many, besides those that were written.
        count: u64,
        /// The first of them.
        #[schema(value_type = String, format = DateTime)]
        from: Timestamp,
        /// The last of them.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
        /// Why the last one was.
        reason: String,
        /// From where the last one came.
        source: String,
    },
    /// A changed file of revoked keys does not read; the keys stay as they were.
    RevokedKeysRejected {
        /// The file.
        file: String,
        /// What is wrong with it.
        error: String,
    },
    /// The file of revoked keys was read.
    RevokedKeysReloaded {
        /// The file.
        file: String,
        /// How many keys are revoked.
        keys: u64,
    },
    /// Changed rule files do not hold; the rules stay as they were.
    RulesRejected {
        /// The file.
        file: String,
        /// Everything that is wrong in it.
        errors: Vec<String>,
    },
    /// The rules were replaced.
    RulesReloaded {
        /// The files.
        files: Vec<String>,
        /// How many roles they have.
        roles: u64,
        /// How many rules on commands they have.
        rules: u64,
        /// SHA-256 of the files one after the other.
        sha256: String,
    },
    /// A session ended.
    SessionEnded {
        /// Which one.
        #[schema(value_type = String)]
        session: SessionId,
        /// How.
        end: SessionEnd,
        /// Bytes of output that the target sent.
        output_bytes: u64,
    },
    /// A session started.
    SessionStarted {
        /// Which one.
        #[schema(value_type = String)]
        session: SessionId,
        /// Whose.
        #[schema(value_type = String)]
        user: UserName,
        /// On which target.
        #[schema(value_type = String)]
        target: TargetName,
        /// As which account there.
        #[schema(value_type = String)]
        login: Login,
        /// What it runs.
        what: SessionKind,
        /// The command of an exec request, masked.
        command: Option<String>,
        /// From where.
        source: String,
    },
    /// The store takes events again after a time in which it did not.
    StoreRecovered {
        /// Since when it had not.
        #[schema(value_type = String, format = DateTime)]
        from: Timestamp,
        /// Until when.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
        /// How many events were written late for it.
        delayed: u64,
        /// How many events found no place; what they are about was refused.
        lost: u64,
        /// What was wrong.
        reason: String,
    },
    /// A target could not be reached or did not prove who it is.
    TargetUnavailable {
        /// Who wanted it.
        #[schema(value_type = String)]
        user: UserName,
        /// Which one.
        #[schema(value_type = String)]
        target: TargetName,
        /// Why, in words.
        reason: String,
    },
    /// Stands in a listing where a row could not be read; never stored.
    UnreadableRow {
        /// The table of the row.
        table: String,
        /// The row's identifier.
        id: String,
        /// What did not parse.
        reason: String,
    },
}

/// An event as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// Its place in the order of events.
    pub seq: i64,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The version of its form.
    pub v: u32,
    /// Who `user` is to their issuer, whatever their name; unknown of some events from before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<SubjectId>,
    /// What happened.
    #[serde(flatten)]
    pub event: AuditEvent,
}

#[cfg(test)]
mod tests;

//! What happened, who did it, when: typed and versioned events for auditors.
//!
//! Events are named in the past tense. Their JSON form is `{"v":1,"kind":"…",…}`;
//! a field is only ever added, and a changed meaning gets a new `kind`.
//! Logs are for operators, audit events for auditors: never one for the other.

use config::{Login, TargetName, UserName};
use jiff::Timestamp;
use recorder::SessionId;
use serde::{Deserialize, Serialize};

use crate::store::{SessionEnd, SessionKind};

/// The version of the events' JSON form.
pub const AUDIT_VERSION: u32 = 1;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuditEvent {
    /// A certificate was issued.
    CertificateIssued {
        /// To whom.
        user: UserName,
        /// Its serial number.
        serial: u64,
        /// Fingerprint of the certified key.
        fingerprint: String,
        /// When it ends.
        expires_at: Timestamp,
        /// From where it was asked for.
        source: String,
    },
    /// A channel or request was refused.
    ChannelRefused {
        /// Whose.
        user: UserName,
        /// On which target, if one was named.
        target: Option<TargetName>,
        /// As which account there.
        login: Option<Login>,
        /// What was asked for (`shell`, `exec`, `sftp`, `local-forward`, …).
        what: String,
        /// The rule or role that decided, if one did.
        rule: Option<String>,
        /// Why, in words.
        reason: String,
        /// From where.
        source: String,
    },
    /// An SSH connection was authenticated.
    ConnectionAuthenticated {
        /// Who.
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
        user: UserName,
        /// The issuer.
        issuer: String,
        /// The issuer's identifier of the subject.
        subject: String,
        /// When the login ends.
        expires_at: Timestamp,
        /// From where.
        source: String,
    },
    /// Somebody logged out.
    LoggedOut {
        /// Who.
        user: UserName,
        /// From where.
        source: String,
    },
    /// A recording could not go on.
    RecordingFailed {
        /// Of which session.
        session: SessionId,
        /// Why, in words.
        reason: String,
        /// Whether the session was ended for it.
        terminated: bool,
    },
    /// A recording was read.
    RecordingViewed {
        /// By whom.
        user: UserName,
        /// Of which session.
        session: SessionId,
        /// From where.
        source: String,
    },
    /// A session ended.
    SessionEnded {
        /// Which one.
        session: SessionId,
        /// How.
        end: SessionEnd,
        /// Bytes of output that the target sent.
        output_bytes: u64,
    },
    /// A session started.
    SessionStarted {
        /// Which one.
        session: SessionId,
        /// Whose.
        user: UserName,
        /// On which target.
        target: TargetName,
        /// As which account there.
        login: Login,
        /// What it runs.
        what: SessionKind,
        /// The command of an exec request, masked.
        command: Option<String>,
        /// From where.
        source: String,
    },
    /// A target could not be reached or did not prove who it is.
    TargetUnavailable {
        /// Who wanted it.
        user: UserName,
        /// Which one.
        target: TargetName,
        /// Why, in words.
        reason: String,
    },
}

/// An event as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its place in the order of events.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// The version of its form.
    pub v: u32,
    /// What happened.
    #[serde(flatten)]
    pub event: AuditEvent,
}

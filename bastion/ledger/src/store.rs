//! What the bastion remembers: logins, certificates, sessions, approvals, audit events.
//!
//! Times are [`jiff::Timestamp`]s, stored as integer milliseconds since the
//! epoch. Secrets (login tokens, cookie values) are stored as SHA-256 only.

use std::{path::PathBuf, time::Duration};

use api::id::ApprovalId;
use async_trait::async_trait;
use config::{TargetName, UserName};
use jiff::Timestamp;
use policy::{Subject, approval::Person};
use recorder::SessionId;
use serde::{Deserialize, Serialize};

use crate::audit::{AuditEvent, AuditRecord, queued::QueuedEvent};

pub mod approval;
pub mod change;
pub mod instance;
pub mod lease;
pub mod listing;
pub mod person;
pub mod session;
pub mod sql;

pub use approval::{AccessGrant, ApprovalChange, ApprovalFilter, ApprovalRecord};
pub use change::{Change, Changes, Heard};
pub use instance::{DeadInstance, Entry, InstanceId, Owner};
pub use lease::{Lease, Tenure};
pub use listing::{Listing, UnreadableRow};
pub use person::{NameBinding, NameRecord, subject_id};
pub use session::{SessionEnd, SessionKind, SessionRecord};
pub use sql::SqlStore;

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not answer or refused.
    #[error("the store is unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database did not answer in time. A write that was given up may still be done later.
    #[error("the store did not answer within {0:?}")]
    Deadline(Duration),
    /// The database file could not be made or opened.
    #[error("the store's file {path} could not be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database file was removed, or another one stands in its place.
    #[error("the store's file {path} was removed or replaced while the bastion runs; restart it")]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// The database server could not be used at the start.
    #[error("{place}: {source}. {advice}")]
    Connect {
        /// The database.
        place: String,
        /// What it said.
        source: sqlx::Error,
        /// What to do.
        advice: &'static str,
    },
    /// The database server is older than what the bastion needs.
    #[error("{place}: PostgreSQL {version} is too old; 15 is the oldest that the bastion works with")]
    TooOld {
        /// The database.
        place: String,
        /// Its version.
        version: u32,
    },
    /// The database is copied, or was to be while a bastion uses it.
    #[error("{place} is held by {other}. Wait until that is done, or stop it")]
    Taken {
        /// The database.
        place: String,
        /// Who has it.
        other: String,
    },
    /// This instance may count on the database no more.
    #[error("the lease of {place} was lost: {reason}; nothing is written until there is a new one, which is tried")]
    NotHeld {
        /// The database.
        place: String,
        /// Why.
        reason: String,
    },
    /// Other instances have other keys.
    #[error(
        "the key {key} here is not that of another bastion on {place} ({other}): what one of them signs, people and targets \
         of the other would refuse. Set keys_dir to a folder that all of them share, or copy the other one's keys here"
    )]
    OtherKeys {
        /// The database.
        place: String,
        /// The key's name.
        key: String,
        /// What the other one says of itself.
        other: String,
    },
    /// The database is the target of a copy that is not complete.
    #[error(
        "a copy from {source_url} into this database was begun and is not complete; run `bastion store copy` to its end"
    )]
    HalfCopied {
        /// Where the copy is from.
        source_url: String,
    },
    /// The schema could not be brought up to date.
    #[error("the store's schema could not be migrated: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A stored row does not parse: the database was changed by other hands, or by a newer bastion.
    #[error("a row of table {table} is not readable: {reason}")]
    Corrupt {
        /// The table of the row.
        table: &'static str,
        /// What did not parse.
        reason: String,
    },
}

impl StoreError {
    /// What is wrong, for anybody who asks: without paths, and without the words of the database.
    #[must_use]
    pub fn in_short(&self) -> &'static str {
        match self {
            Self::Unavailable(error) | Self::Connect { source: error, .. } => sql::in_short(error),
            Self::Deadline(_) => "the database does not answer in time",
            Self::Gone { .. } => "the database was removed or replaced while the bastion runs; it must be restarted",
            Self::Corrupt { .. } => "a row of the database cannot be read",
            Self::NotHeld { .. } => "the lease of the database was lost; a new one is tried",
            Self::HalfCopied { .. }
            | Self::Migrate(_)
            | Self::Open { .. }
            | Self::OtherKeys { .. }
            | Self::Taken { .. }
            | Self::TooOld { .. } => "the database cannot be opened",
        }
    }
}

/// The SHA-256 of a secret that a client holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// What holds a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// The command line: a bearer token.
    Cli,
    /// The web console: a cookie.
    Web,
}

/// One person's login: it lasts until `expires_at`, and certificates are renewed under it.
#[derive(Debug, Clone)]
pub struct LoginRecord {
    /// Hash of the token or cookie.
    pub token: TokenHash,
    /// What holds it.
    pub kind: LoginKind,
    /// Who logged in.
    pub subject: Subject,
    /// When.
    pub created_at: Timestamp,
    /// When the login ends; no certificate outlives it.
    pub expires_at: Timestamp,
}

/// A login that was begun and waits for the issuer's answer; used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginFlow {
    /// Hash of the `state` (code flow) or of the device identifier given to the CLI (device flow).
    pub key: TokenHash,
    /// The `nonce` sent to the issuer.
    pub nonce: String,
    /// The PKCE verifier (RFC 7636), or the issuer's device code (RFC 8628), encrypted for the holder of what `key` is
    /// the hash of.
    pub secret: String,
    /// Where the issuer sends the browser back to; empty in the device flow.
    pub redirect_uri: String,
    /// What will hold the login.
    pub kind: LoginKind,
    /// When the flow is void.
    pub expires_at: Timestamp,
}

/// How often logins may be begun from one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginRate {
    /// So many at once.
    pub burst: u32,
    /// So many come back in a second.
    pub per_second: u32,
}

/// A user certificate that the bastion issued.
#[derive(Debug, Clone)]
pub struct CertificateRecord {
    /// The serial number, unique in this store and positive as an `i64`.
    pub serial: u64,
    /// SHA-256 fingerprint of the certified public key (`SHA256:…`).
    pub fingerprint: String,
    /// Who it was issued to, with the groups of that moment.
    pub subject: Subject,
    /// The login that it was issued under; unknown of those from before this was kept.
    pub login: Option<TokenHash>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Which sessions a listing wants. Newest first.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Only this person's.
    pub person: Option<Person>,
    /// Only those under this name.
    pub user: Option<UserName>,
    /// Only on this target.
    pub target: Option<TargetName>,
    /// Only running ones.
    pub running: bool,
    /// Only those of this owner.
    pub owner: Option<Owner>,
    /// Only sessions older than this one: the cursor of the page before.
    pub before: Option<SessionId>,
    /// At most this many.
    pub limit: u32,
}

/// Which audit events a listing wants. Newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only events about this user.
    pub user: Option<String>,
    /// Only events of this kind (the `kind` of their JSON).
    pub kind: Option<String>,
    /// Only events about this session.
    pub session: Option<SessionId>,
    /// Only events with a smaller sequence number: the cursor of the page before.
    pub before: Option<i64>,
    /// At most this many.
    pub limit: u32,
}

/// What the bastion remembers. Implemented by [`sql`].
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds a login.
    async fn add_login(&self, login: &LoginRecord) -> Result<(), StoreError>;
    /// The login with this token, if it has not expired at `now`.
    async fn login(&self, token: TokenHash, now: Timestamp) -> Result<Option<LoginRecord>, StoreError>;
    /// Ends a login; false if there was none.
    async fn remove_login(&self, token: TokenHash) -> Result<bool, StoreError>;

    /// Remembers a login that was begun.
    async fn add_login_flow(&self, flow: &LoginFlow) -> Result<(), StoreError>;
    /// Takes a begun login out, so that it cannot be used twice; `None` if unknown or void at `now`.
    async fn take_login_flow(&self, key: TokenHash, now: Timestamp) -> Result<Option<LoginFlow>, StoreError>;

    /// Counts a login that is begun from a network; false if there were too many already.
    async fn begin_login(&self, network: &str, rate: LoginRate, now: Timestamp) -> Result<bool, StoreError>;

    /// Binds a name to a person, who may have `most` of them, with the audit events of that; nothing is written where
    /// it is not bound now. A name of somebody at another issuer is taken away from them.
    async fn bind_name(&self, wanted: &NameRecord, most: u32, events: &[AuditEvent])
    -> Result<NameBinding, StoreError>;
    /// Whose a name is.
    async fn name(&self, name: &UserName) -> Result<Option<NameRecord>, StoreError>;
    /// Whose names are, in the order of the names, after this one.
    async fn names(&self, after: Option<&UserName>, limit: u32) -> Result<Vec<NameRecord>, StoreError>;
    /// Makes a name nobody's, with its audit events, and ends the logins and certificates of whoever had it; returns
    /// those logins with their ends.
    async fn release_name(
        &self,
        name: &NameRecord,
        at: Timestamp,
        events: &[AuditEvent],
    ) -> Result<Vec<(TokenHash, Timestamp)>, StoreError>;

    /// Remembers an issued certificate.
    async fn add_certificate(&self, certificate: &CertificateRecord) -> Result<(), StoreError>;
    /// The certificate with this serial number.
    async fn certificate(&self, serial: u64) -> Result<Option<CertificateRecord>, StoreError>;
    /// The newest certificate for the key with this fingerprint.
    async fn certificate_for_key(&self, fingerprint: &str) -> Result<Option<CertificateRecord>, StoreError>;

    /// Writes the row of a session that starts.
    async fn add_session(&self, session: &SessionRecord) -> Result<(), StoreError>;
    /// Writes the row of a session that starts with its audit events, all or none.
    async fn start_session(&self, session: &SessionRecord, events: &[AuditEvent]) -> Result<(), StoreError>;
    /// Completes the row of a session that ended; does nothing if it is complete already.
    async fn end_session(
        &self,
        id: SessionId,
        at: Timestamp,
        end: &SessionEnd,
        output_bytes: u64,
    ) -> Result<(), StoreError>;
    /// One session.
    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError>;
    /// Sessions, newest first.
    async fn sessions(&self, filter: &SessionFilter) -> Result<Listing<SessionRecord>, StoreError>;

    /// Adds a request for an approval with its audit events; false, and nothing is added, if its requester has
    /// `most_pending` that wait already.
    async fn add_approval(
        &self,
        approval: &ApprovalRecord,
        most_pending: u32,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;
    /// Changes a request that waits, with the change's audit events; false, and nothing is changed, if it does not
    /// wait or was changed since it was read.
    async fn change_approval(
        &self,
        change: &ApprovalChange,
        at: Timestamp,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError>;
    /// One request, with its votes.
    async fn approval(&self, id: ApprovalId) -> Result<Option<ApprovalRecord>, StoreError>;
    /// Requests, newest first.
    async fn approvals(&self, filter: &ApprovalFilter) -> Result<Listing<ApprovalRecord>, StoreError>;
    /// Approved requests of the same person, kind, target, login and exact text that were to count more than once
    /// and have not run out at `now`.
    async fn standing_approvals(
        &self,
        like: &ApprovalRecord,
        now: Timestamp,
    ) -> Result<Vec<ApprovalRecord>, StoreError>;
    /// Approved access that was not marked as ended.
    async fn open_access(&self) -> Result<Vec<AccessGrant>, StoreError>;
    /// Marks access as ended, with its audit events; false if it was.
    async fn end_access(&self, id: ApprovalId, at: Timestamp, events: &[AuditEvent]) -> Result<bool, StoreError>;

    /// Appends audit events, in order, all or none. One that says that a session ended completes its row.
    async fn append_audit(&self, at: Timestamp, events: &[AuditEvent]) -> Result<(), StoreError>;
    /// The same for events of a queue with rising numbers. Those that it was given before are passed over.
    async fn append_queued(&self, queue: &str, events: &[QueuedEvent]) -> Result<(), StoreError>;
    /// Removes audit events from before `end`, the oldest first and some of them at a time; returns how many.
    async fn forget_audit(&self, end: Timestamp) -> Result<u64, StoreError>;
    /// Audit events, newest first. In the place of one that cannot be read stands an
    /// [`UnreadableRow`](AuditEvent::UnreadableRow).
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError>;

    /// Removes logins, flows and certificates that ended before `now`; returns how many rows.
    async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError>;
    /// How many bytes the store takes on disk.
    async fn bytes(&self) -> Result<u64, StoreError>;
    /// Whether the store takes anything now: writes a row that means nothing.
    async fn probe(&self) -> Result<(), StoreError>;
}

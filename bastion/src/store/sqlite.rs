//! [`SqliteStore`]: the store in one SQLite file, for a bastion on one machine.
//!
//! One connection writes and a few read (write-ahead log), so a writer never
//! waits for a reader and never meets another writer of this process. A commit
//! survives a crash of the bastion; a power cut may lose the last moments
//! (`synchronous = NORMAL`) but never corrupts the file.
//!
//! Every call ends within its deadline: a hung disk makes callers fail, not wait. A call that fails or is given
//! up leaves nothing behind that the next one could meet (`writer`).
//!
//! Reading order: `writer` (transactions), `row` (values in columns), `logins`, `names`, `sessions`, `approvals`, `access`, `audit`.

use std::{fs::OpenOptions, future::Future, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use async_trait::async_trait;
use config::UserName;
use jiff::Timestamp;
use recorder::SessionId;
use sqlx::{
    ConnectOptions as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    AccessGrant, ApprovalChange, ApprovalFilter, ApprovalId, ApprovalRecord, AuditFilter, CertificateRecord, Listing,
    LoginFlow, LoginRecord, NameBinding, NameRecord, SessionEnd, SessionFilter, SessionRecord, Store, StoreError,
    TokenHash,
};
use crate::audit::{AuditEvent, AuditRecord, queued::QueuedEvent};

mod access;
mod approvals;
mod audit;
mod logins;
mod names;
mod row;
mod sessions;
mod writer;

use self::writer::Writer;

/// The store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    deadline: Duration,
}

impl SqliteStore {
    /// Opens the file at `path`, creates it (mode 0600) if it is missing, and brings its schema up to date.
    /// The folder must exist.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or read, or when its schema is newer than this program.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with_deadline(path, CALL_DEADLINE).await
    }

    pub(crate) async fn open_with_deadline(path: &Path, deadline: Duration) -> Result<Self, StoreError> {
        keep_private(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(deadline.mul_f32(LOCK_SHARE))
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(deadline)
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None);

        let writer =
            pool.clone().max_connections(1).connect_with(options.clone()).await.map_err(StoreError::Unavailable)?;
        migrations().run(&writer).await.map_err(StoreError::Migrate)?;
        let writer = Writer::new(writer, path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        let readers = pool
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(StoreError::Unavailable)?;
        Ok(Self { writer, readers, deadline })
    }

    /// Closes the file after the calls that are under way.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// For tests that damage the database.
    #[cfg(test)]
    pub(crate) fn writer(&self) -> &SqlitePool {
        self.writer.pool()
    }

    /// Gives `call` the time a caller may be made to wait. A write that is given up may still be done later.
    async fn within_deadline<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        tokio::time::timeout(self.deadline, call).await.unwrap_or(Err(StoreError::Deadline(self.deadline)))
    }
}

/// How long a call may take. Well above any healthy disk's worst, below a user's patience at a prompt.
const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// The part of a call's time in which it waits for a lock that another process holds (a backup, `sqlite3`): the
/// caller then reads that the database is locked, and not that it did not answer.
const LOCK_SHARE: f32 = 0.8;

/// Connections that read: listings of a few people who look at the console at the same time.
const READERS: u32 = 4;

/// Makes the file if there is none, and takes other people's access away.
/// SQLite gives its companion files (`-wal`, `-shm`) the same mode.
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

fn migrations() -> Migrator {
    let simple =
        |version, name: &'static str, sql| Migration::new(version, name.into(), MigrationType::Simple, sql, false);
    let audit_user_kind = include_str!("migrations/0020_audit_user_kind.sql").into_sql_str();
    let certificate_login = include_str!("migrations/0005_certificate_login.sql").into_sql_str();
    Migrator::with_migrations(vec![
        simple(1, "init", include_str!("migrations/0001_init.sql").into_sql_str()),
        simple(2, "approvals", include_str!("migrations/0002_approvals.sql").into_sql_str()),
        simple(5, "certificate_login", certificate_login),
        simple(10, "people", include_str!("migrations/0010_people.sql").into_sql_str()),
        simple(11, "approved_acts", include_str!("migrations/0011_approved_acts.sql").into_sql_str()),
        simple(20, "audit_user_kind", audit_user_kind),
    ])
}

#[async_trait]
impl Store for SqliteStore {
    async fn add_login(&self, login: &LoginRecord) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            logins::add(&mut transaction, login).await?;
            transaction.commit().await
        })
        .await
    }

    async fn login(&self, token: TokenHash, now: Timestamp) -> Result<Option<LoginRecord>, StoreError> {
        self.within_deadline(logins::find(&self.readers, token, now)).await
    }

    async fn remove_login(&self, token: TokenHash) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let removed = logins::remove(&mut transaction, token).await?;
            transaction.commit().await?;
            Ok(removed)
        })
        .await
    }

    async fn add_login_flow(&self, flow: &LoginFlow) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            logins::add_flow(&mut transaction, flow).await?;
            transaction.commit().await
        })
        .await
    }

    async fn take_login_flow(&self, key: TokenHash, now: Timestamp) -> Result<Option<LoginFlow>, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let flow = logins::take_flow(&mut transaction, key, now).await?;
            transaction.commit().await?;
            Ok(flow)
        })
        .await
    }

    async fn bind_name(
        &self,
        wanted: &NameRecord,
        most: u32,
        events: &[AuditEvent],
    ) -> Result<NameBinding, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let binding = names::bind(&mut transaction, wanted, most).await?;
            if binding == NameBinding::Bound {
                audit::append(&mut transaction, wanted.bound_at, events).await?;
                transaction.commit().await?;
            }
            Ok(binding)
        })
        .await
    }

    async fn name(&self, name: &UserName) -> Result<Option<NameRecord>, StoreError> {
        self.within_deadline(names::find(&self.readers, name.as_str())).await
    }

    async fn names(&self, after: Option<&UserName>, limit: u32) -> Result<Vec<NameRecord>, StoreError> {
        let after = after.map(UserName::as_str).unwrap_or_default();
        self.within_deadline(names::list(&self.readers, after, limit)).await
    }

    async fn release_name(
        &self,
        name: &NameRecord,
        at: Timestamp,
        events: &[AuditEvent],
    ) -> Result<Vec<(TokenHash, Timestamp)>, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let ended = names::release(&mut transaction, name).await?;
            audit::append(&mut transaction, at, events).await?;
            transaction.commit().await?;
            Ok(ended)
        })
        .await
    }

    async fn add_certificate(&self, certificate: &CertificateRecord) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            logins::add_certificate(&mut transaction, certificate).await?;
            transaction.commit().await
        })
        .await
    }

    async fn certificate(&self, serial: u64) -> Result<Option<CertificateRecord>, StoreError> {
        self.within_deadline(logins::certificate(&self.readers, serial)).await
    }

    async fn certificate_for_key(&self, fingerprint: &str) -> Result<Option<CertificateRecord>, StoreError> {
        self.within_deadline(logins::certificate_for_key(&self.readers, fingerprint)).await
    }

    async fn add_session(&self, session: &SessionRecord) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            sessions::add(&mut transaction, session).await?;
            transaction.commit().await
        })
        .await
    }

    async fn start_session(&self, session: &SessionRecord, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            sessions::add(&mut transaction, session).await?;
            audit::append(&mut transaction, session.started_at, events).await?;
            transaction.commit().await
        })
        .await
    }

    async fn end_session(
        &self,
        id: SessionId,
        at: Timestamp,
        end: &SessionEnd,
        output_bytes: u64,
    ) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            sessions::end(&mut transaction, id, at, end, output_bytes).await?;
            transaction.commit().await
        })
        .await
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.within_deadline(sessions::find(&self.readers, id)).await
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Listing<SessionRecord>, StoreError> {
        self.within_deadline(sessions::list(&self.readers, filter)).await
    }

    async fn add_approval(
        &self,
        approval: &ApprovalRecord,
        most_pending: u32,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let added = approvals::add(&mut transaction, approval, most_pending).await?;
            if added {
                audit::append(&mut transaction, approval.created_at, events).await?;
                transaction.commit().await?;
            }
            Ok(added)
        })
        .await
    }

    async fn change_approval(
        &self,
        change: &ApprovalChange,
        at: Timestamp,
        events: &[AuditEvent],
    ) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let changed = approvals::change(&mut transaction, change).await?;
            if changed {
                audit::append(&mut transaction, at, events).await?;
                transaction.commit().await?;
            }
            Ok(changed)
        })
        .await
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<ApprovalRecord>, StoreError> {
        self.within_deadline(approvals::find(&self.readers, id)).await
    }

    async fn approvals(&self, filter: &ApprovalFilter) -> Result<Listing<ApprovalRecord>, StoreError> {
        self.within_deadline(approvals::list(&self.readers, filter)).await
    }

    async fn standing_approvals(
        &self,
        like: &ApprovalRecord,
        now: Timestamp,
    ) -> Result<Vec<ApprovalRecord>, StoreError> {
        self.within_deadline(approvals::standing(&self.readers, like, now)).await
    }

    async fn open_access(&self) -> Result<Vec<AccessGrant>, StoreError> {
        self.within_deadline(access::open(&self.readers)).await
    }

    async fn end_access(&self, id: ApprovalId, at: Timestamp, events: &[AuditEvent]) -> Result<bool, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let ended = access::end(&mut transaction, id, at).await?;
            if ended {
                audit::append(&mut transaction, at, events).await?;
                transaction.commit().await?;
            }
            Ok(ended)
        })
        .await
    }

    async fn append_audit(&self, at: Timestamp, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            audit::append(&mut transaction, at, events).await?;
            transaction.commit().await
        })
        .await
    }

    async fn append_queued(&self, queue: &str, events: &[QueuedEvent]) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            audit::append_queued(&mut transaction, queue, events).await?;
            transaction.commit().await
        })
        .await
    }

    async fn forget_audit(&self, end: Timestamp) -> Result<u64, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let rows = audit::forget(&mut transaction, end).await?;
            transaction.commit().await?;
            Ok(rows)
        })
        .await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        self.within_deadline(audit::list(&self.readers, filter)).await
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            let rows = logins::forget_expired(&mut transaction, now).await?;
            transaction.commit().await?;
            Ok(rows)
        })
        .await
    }

    async fn bytes(&self) -> Result<u64, StoreError> {
        self.within_deadline(async {
            let bytes: i64 =
                sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
                    .fetch_one(&self.readers)
                    .await
                    .map_err(StoreError::Unavailable)?;
            Ok(u64::try_from(bytes).unwrap_or(0))
        })
        .await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.within_deadline(async {
            let mut transaction = self.writer.begin().await?;
            audit::probe(&mut transaction).await?;
            transaction.commit().await
        })
        .await
    }
}

#[cfg(test)]
mod tests;

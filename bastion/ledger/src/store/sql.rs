//! [`SqlStore`]: the store in one SQLite file, for a bastion on one machine, or in a database of a PostgreSQL server.
//!
//! One connection writes and a few read, so a writer never waits for a reader and never meets another writer of this
//! process. On SQLite (write-ahead log) a commit survives a crash of the bastion; a power cut may lose the last moments
//! (`synchronous = NORMAL`) but never corrupts the file. On PostgreSQL the server's settings decide that.
//!
//! Every call ends within its deadline: a hung disk or server makes callers fail, not wait. A call that fails or is
//! given up leaves nothing behind that the next one could meet (`writer`).
//!
//! Reading order: `file` and `postgres` (how they are opened), `holder` and `instances` (who shares a database), `listener`
//! (what the others do), `writer` (transactions),
//! `statement` and `dialect` (one SQL for both), `row` (values in columns), `logins`, `names`, `sessions`, `approvals`,
//! `access`, `audit`, `calls` (each call of a store); `copy` (from one into the other).

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{PgPool, SqlitePool};

use super::{
    AuditFilter, CertificateRecord, Entry, Lease, Listing, LoginFlow, LoginRecord, SessionEnd, SessionFilter,
    SessionRecord, StoreError, TokenHash,
};

mod access;
mod approvals;
mod audit;
mod calls;
pub mod copy;
mod dialect;
mod file;
mod holder;
mod instances;
mod listener;
mod logins;
mod migrations;
mod names;
mod postgres;
mod row;
mod sessions;
mod shared;
mod starts;
mod statement;
mod writer;

pub(super) use self::dialect::in_short;
pub use self::listener::Listening;
use self::{
    holder::{Holder, Role},
    row::Columns,
    statement::{Borrowed, Connection, sql},
    writer::Writer,
};

/// The store in one SQLite file, or in a database of a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct SqlStore {
    writer: Writer,
    readers: Readers,
    deadline: Duration,
}

/// The connections that read.
#[derive(Debug, Clone)]
enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool, Arc<Holder>),
}

impl SqlStore {
    /// Opens the store that the settings name, and brings its schema up to date. In a PostgreSQL database this is one
    /// of several instances until [`Self::close`].
    ///
    /// # Errors
    ///
    /// When the store cannot be used, is being copied, has a schema that is newer than this program, or when other
    /// instances have other keys.
    pub async fn open(settings: &config::Store, entry: &Entry) -> Result<Self, StoreError> {
        let store = match settings {
            config::Store::Sqlite(path) => Self::in_file_within(path, CALL_DEADLINE).await?,
            config::Store::Postgres(postgres) => {
                Self::on_server(postgres, Role::Instance(entry.clone()), CALL_DEADLINE).await?
            }
        };
        if let Err(error) = store.ensure_complete().await {
            store.close().await;
            return Err(error);
        }
        Ok(store)
    }

    /// Opens a store that everything is copied into, or out of: no bastion may use it meanwhile. `purpose` is what one
    /// reads that would.
    ///
    /// # Errors
    ///
    /// As above, and when a bastion uses it.
    pub async fn open_for_copy(settings: &config::Store, purpose: &str) -> Result<Self, StoreError> {
        match settings {
            config::Store::Sqlite(path) => Self::in_file_within(path, CALL_DEADLINE).await,
            config::Store::Postgres(postgres) => {
                Self::on_server(postgres, Role::Alone(purpose.to_owned()), CALL_DEADLINE).await
            }
        }
    }

    /// Opens the file at `path`, creates it (mode 0600) if it is missing. The folder must exist.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or is no database of this bastion.
    pub async fn in_file(path: &Path) -> Result<Self, StoreError> {
        Self::in_file_within(path, CALL_DEADLINE).await
    }

    /// The same with another deadline for each call.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn in_file_within(path: &Path, deadline: Duration) -> Result<Self, StoreError> {
        let (writer, file, readers) = file::open(path, deadline).await?;
        Ok(Self { writer: Writer::sqlite(writer, file), readers: Readers::Sqlite(readers), deadline })
    }

    async fn on_server(settings: &config::Postgres, role: Role, deadline: Duration) -> Result<Self, StoreError> {
        let (options, holder, readers) = postgres::open(settings, role, deadline).await?;
        let writer = Writer::postgres(options, Arc::clone(&holder));
        Ok(Self { writer, readers: Readers::Postgres(readers, holder), deadline })
    }

    /// For how long this process may count on the store.
    #[must_use]
    pub fn lease(&self) -> Lease {
        match &self.readers {
            Readers::Sqlite(_) => Lease::for_ever(),
            Readers::Postgres(_, holder) => holder.lease().clone(),
        }
    }

    /// Closes it after the calls that are under way.
    pub async fn close(&self) {
        match &self.readers {
            Readers::Sqlite(pool) => pool.close().await,
            Readers::Postgres(pool, _) => pool.close().await,
        }
        self.writer.close().await;
    }

    /// A store that a copy is made into is nobody's until it is complete.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn ensure_complete(&self) -> Result<(), StoreError> {
        let source = self
            .read(async |connection| {
                let row = sql("SELECT source FROM store_copy").optional(connection).await?;
                row.map(|row| Columns::of("store_copy", &row).plain("source")).transpose()
            })
            .await?;
        source.map_or(Ok(()), |source_url| Err(StoreError::HalfCopied { source_url }))
    }

    /// Reads within the time that a caller may be made to wait.
    async fn read<T>(&self, call: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.within_deadline(async {
            let mut connection = self.reader().await?;
            let read = call(&mut connection).await;
            // An answer that makes no sense is one all the same.
            if !matches!(read, Err(StoreError::Unavailable(_))) {
                connection.keep();
            }
            read
        })
        .await
    }

    async fn reader(&self) -> Result<Connection, StoreError> {
        match &self.readers {
            Readers::Sqlite(pool) => {
                let connection = pool.acquire().await.map_err(StoreError::Unavailable)?;
                Ok(Connection::Sqlite(Borrowed::kept(connection)))
            }
            Readers::Postgres(pool, holder) => match pool.acquire().await {
                Ok(connection) => Ok(Connection::Pooled(Borrowed::until_kept(connection))),
                // Whoever holds the database knows better why there is no connection.
                Err(sqlx::Error::PoolTimedOut) => {
                    holder.check()?;
                    Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut))
                }
                Err(error) => Err(StoreError::Unavailable(error)),
            },
        }
    }

    /// Gives `call` the time a caller may be made to wait. A write that is given up may still be done later.
    async fn within_deadline<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        tokio::time::timeout(self.deadline, call).await.unwrap_or(Err(StoreError::Deadline(self.deadline)))
    }
}

/// For tests that damage the database, and look into it.
#[cfg(test)]
impl SqlStore {
    /// A statement of the test; on SQLite as part of no transaction.
    pub(crate) async fn run(&self, statement: impl Into<String>) {
        let statement = sqlx::AssertSqlSafe(statement.into());
        match &self.writer {
            Writer::Sqlite { pool, .. } => drop(sqlx::query(statement).execute(pool).await.unwrap()),
            Writer::Postgres { .. } => {
                let mut transaction = self.writer.begin().await.unwrap();
                let Connection::Postgres(connection) = &mut *transaction else { panic!("one of PostgreSQL") };
                sqlx::query(statement).execute(connection).await.unwrap();
                transaction.commit().await.unwrap();
            }
        }
    }

    /// The number that a query finds.
    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        match &self.writer {
            Writer::Sqlite { pool, .. } => sqlx::query_scalar(query).fetch_one(pool).await.unwrap(),
            Writer::Postgres { .. } => self.read(async |connection| sql(query).number(connection).await).await.unwrap(),
        }
    }
}

/// How long a call may take. Well above any healthy disk's worst, below a user's patience at a prompt.
const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// The part of a call's time in which it waits for a lock that another process holds (a backup, `sqlite3`): the
/// caller then reads that the database is locked, and not that it did not answer.
const LOCK_SHARE: f32 = 0.8;

/// Connections that read: listings of a few people who look at the console at the same time.
const READERS: u32 = 4;

#[cfg(test)]
mod tests;

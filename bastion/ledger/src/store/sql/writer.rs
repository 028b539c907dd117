//! [`Writer`]: the one connection that writes; [`Transaction`]: what is written whole or not at all.
//!
//! SQLite undoes a transaction by itself when the disk is full or fails, and a caller may stop waiting between any
//! two statements. sqlx would go on counting such a transaction as open and refuse every later one. So transactions
//! are begun and ended here, and **one that was not committed takes its connection along**: it is closed, which
//! undoes whatever was begun, and the next one opens another. No error and no cancelled future leaves anything
//! behind.
//!
//! On PostgreSQL a transaction first waits for a lock that stands for "somebody writes", as SQLite's write lock does:
//! what is counted and then added, and the numbers of audit events, are right however many write.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgConnection, Row as _, SqlitePool, postgres::PgConnectOptions, query, raw_sql,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    StoreError,
    dialect::WRITE_LOCK,
    file::DatabaseFile,
    holder::Holder,
    instances,
    listener::CHANNEL,
    statement::{Borrowed, Connection, sql},
};
use crate::store::{Change, InstanceId};

/// The connection that writes.
#[derive(Debug, Clone)]
pub(super) enum Writer {
    /// A pool of one connection, and the file under it.
    Sqlite { pool: SqlitePool, file: Arc<DatabaseFile> },
    /// The connection, while nobody has it.
    Postgres { idle: Arc<Mutex<Option<PgConnection>>>, options: Arc<PgConnectOptions>, holder: Arc<Holder> },
}

/// A transaction under way. Dropped before [`Self::commit`], nothing of it happened.
#[derive(Debug)]
pub(super) struct Transaction {
    connection: Connection,
    /// The instance that writes, where there may be several.
    instance: Option<InstanceId>,
    /// Where a connection that is of no pool goes back to.
    home: Option<OwnedMutexGuard<Option<PgConnection>>>,
}

impl Writer {
    /// A writer over a pool of one connection.
    pub(super) fn sqlite(pool: SqlitePool, file: DatabaseFile) -> Self {
        Self::Sqlite { pool, file: Arc::new(file) }
    }

    /// A writer for whoever holds the database.
    pub(super) fn postgres(options: PgConnectOptions, holder: Arc<Holder>) -> Self {
        Self::Postgres { idle: Arc::default(), options: Arc::new(options), holder }
    }

    /// Begins one. The write lock is taken at once: a lock taken later could not be waited for.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite { pool, file } => {
                file.check()?;
                let connection = pool.acquire().await.map_err(StoreError::Unavailable)?;
                let connection = Connection::Sqlite(Borrowed::until_kept(connection));
                let mut transaction = Transaction { connection, instance: None, home: None };
                transaction.run("BEGIN IMMEDIATE").await?;
                // The connection has its log open by now; without the log's file, what it writes there is lost.
                file.check_log()?;
                Ok(transaction)
            }
            Self::Postgres { idle, options, holder } => {
                holder.check()?;
                let mut home = Arc::clone(idle).lock_owned().await;
                let instance = holder.instance();
                let begun = match home.take() {
                    // The server may have restarted since: nothing has happened yet, so that it can be tried again.
                    Some(connection) => begin(connection, holder, instance).await.ok(),
                    None => None,
                };
                let connection = match begun {
                    Some(connection) => connection,
                    None => {
                        let connection = options.connect().await.map_err(StoreError::Unavailable)?;
                        begin(connection, holder, instance).await?
                    }
                };
                Ok(Transaction { connection: Connection::Postgres(connection), instance, home: Some(home) })
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { pool, .. } => pool.close().await,
            Self::Postgres { idle, holder, .. } => {
                drop(idle.lock().await.take());
                holder.release().await;
            }
        }
    }
}

/// Waits for the write lock, and sees whether this instance lives: one that was cut off from the server, and declared
/// dead, must not go on.
async fn begin(
    mut connection: PgConnection,
    holder: &Holder,
    instance: Option<InstanceId>,
) -> Result<PgConnection, StoreError> {
    let lives = instance.map(instances::lives).unwrap_or_default();
    // A statement after the lock sees what was committed before it was given.
    let begin = raw_sql(AssertSqlSafe(format!("BEGIN; {WRITE_LOCK}; {lives}")));
    let rows = begin.fetch_all(&mut connection).await.map_err(StoreError::Unavailable)?;
    let is_live = || rows.last().and_then(|row| row.try_get("live").ok()).unwrap_or(false);
    if instance.is_some() && !is_live() {
        return Err(holder.replaced());
    }
    holder.check()?;
    Ok(connection)
}

impl Transaction {
    /// Makes it last.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.run("COMMIT").await?;
        match (self.connection, self.home) {
            (Connection::Postgres(connection), Some(mut home)) => *home = Some(connection),
            (mut connection, _) => connection.keep(),
        }
        Ok(())
    }

    /// The instance that writes, where there may be several.
    pub(super) fn instance(&self) -> Option<InstanceId> {
        self.instance
    }

    /// Tells the other instances, when it is committed, where there may be some.
    pub(super) async fn announce(&mut self, change: Change) -> Result<(), StoreError> {
        let Some(id) = self.instance else { return Ok(()) };
        let notify = sql("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(format!("{id} {change}"));
        notify.optional(&mut self.connection).await.map(drop)
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), StoreError> {
        let done = match &mut self.connection {
            Connection::Sqlite(connection) => query(statement).execute(&mut **connection).await.map(drop),
            Connection::Pooled(connection) => raw_sql(statement).execute(&mut **connection).await.map(drop),
            Connection::Postgres(connection) => raw_sql(statement).execute(connection).await.map(drop),
        };
        done.map_err(StoreError::Unavailable)
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

//! [`Writer`]: the one connection that writes; [`Transaction`]: what is written whole or not at all.
//!
//! SQLite undoes a transaction by itself when the disk is full or fails, and a caller may stop waiting between any
//! two statements. sqlx would go on counting such a transaction as open and refuse every later one. So transactions
//! are begun and ended here, and **one that was not committed takes its connection along**: it is closed, which
//! undoes whatever was begun, and the next one opens another. No error and no cancelled future leaves anything
//! behind.

use std::{
    ops::{Deref, DerefMut},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::{Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

use super::StoreError;

/// The connection that writes.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pool: SqlitePool,
    file: Arc<DatabaseFile>,
}

/// A transaction under way. Dropped before [`Self::commit`], nothing of it happened.
#[derive(Debug)]
pub(super) struct Transaction {
    connection: PoolConnection<Sqlite>,
    committed: bool,
}

impl Writer {
    /// A writer over a pool of one connection, which has opened the file at `path`.
    pub(super) fn new(pool: SqlitePool, path: &Path) -> std::io::Result<Self> {
        Ok(Self { pool, file: Arc::new(DatabaseFile::at(path)?) })
    }

    /// Begins one. The write lock is taken at once: a lock taken later could not be waited for.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        self.file.check()?;
        let connection = self.pool.acquire().await.map_err(StoreError::Unavailable)?;
        let mut transaction = Transaction { connection, committed: false };
        transaction.execute("BEGIN IMMEDIATE").await?;
        // The connection has its log open by now; without the log's file, what it writes there is lost.
        self.file.check_log()?;
        Ok(transaction)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    #[cfg(test)]
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

impl Transaction {
    /// Makes it last.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.execute("COMMIT").await?;
        self.committed = true;
        Ok(())
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::query(statement).execute(&mut *self.connection).await.map_err(StoreError::Unavailable)?;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.committed {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Transaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// The file under the connections. They would go on writing into a file that has no name any more, and all of it
/// would be gone at the next start: once that has been seen, nothing is written until then.
#[derive(Debug)]
struct DatabaseFile {
    path: PathBuf,
    log: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    is_gone: AtomicBool,
}

impl DatabaseFile {
    fn at(path: &Path) -> std::io::Result<Self> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let metadata = std::fs::metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            log: log.into(),
            identity: (metadata.dev(), metadata.ino()),
            is_gone: AtomicBool::new(false),
        })
    }

    fn check(&self) -> Result<(), StoreError> {
        let found = std::fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == self.identity);
        self.unless_gone(found)
    }

    fn check_log(&self) -> Result<(), StoreError> {
        self.unless_gone(self.log.exists())
    }

    fn unless_gone(&self, found: bool) -> Result<(), StoreError> {
        if !found {
            self.is_gone.store(true, Ordering::Relaxed);
        }
        if self.is_gone.load(Ordering::Relaxed) {
            return Err(StoreError::Gone { path: self.path.clone() });
        }
        Ok(())
    }
}

//! Opening of a SQLite file, and [`DatabaseFile`]: whether it is still the one that was opened.

use std::{
    fs::OpenOptions,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};

use super::{LOCK_SHARE, READERS, StoreError, migrations};

/// The pool of one connection that writes, and the pool of those that read.
pub(super) async fn open(
    path: &Path,
    deadline: Duration,
) -> Result<(SqlitePool, DatabaseFile, SqlitePool), StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    keep_private(path).map_err(failed)?;
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
    migrations::sqlite().run(&writer).await.map_err(StoreError::Migrate)?;
    let file = DatabaseFile::at(path).map_err(failed)?;
    let readers = pool
        .max_connections(READERS)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .map_err(StoreError::Unavailable)?;
    Ok((writer, file, readers))
}

/// Makes the file if there is none, and takes other people's access away.
/// SQLite gives its companion files (`-wal`, `-shm`) the same mode.
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

/// The file under the connections. They would go on writing into a file that has no name any more, and all of it
/// would be gone at the next start: once that has been seen, nothing is written until then.
#[derive(Debug)]
pub(super) struct DatabaseFile {
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

    pub(super) fn check(&self) -> Result<(), StoreError> {
        let found = std::fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == self.identity);
        self.unless_gone(found)
    }

    pub(super) fn check_log(&self) -> Result<(), StoreError> {
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

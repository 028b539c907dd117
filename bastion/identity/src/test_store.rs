//! The store of this crate's tests: SQLite in a folder of its own.

use std::{ops::Deref, sync::Arc};

use ledger::{
    audit::AuditEvent,
    store::{AuditFilter, SqlStore, Store},
};

/// A store that is gone with the value.
pub(crate) struct TestStore {
    store: Arc<SqlStore>,
    folder: tempfile::TempDir,
}

impl TestStore {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap());
        Self { store, folder }
    }

    /// The folder that it is in.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Another handle.
    pub(crate) fn shared(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    /// Every event, the oldest first.
    pub(crate) async fn audited(&self) -> Vec<AuditEvent> {
        let all = self.store.audit(&AuditFilter { limit: 1000, ..AuditFilter::default() }).await.unwrap();
        all.into_iter().rev().map(|record| record.event).collect()
    }

    /// From now on it does not answer.
    pub(crate) async fn take_down(&self) {
        self.store.close().await;
    }
}

impl Deref for TestStore {
    type Target = SqlStore;

    fn deref(&self) -> &SqlStore {
        &self.store
    }
}

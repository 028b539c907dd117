//! What tests of the front and of forwarded ports have in common: rules to begin with, and the audit log to end with.

use std::sync::Arc;

use config::RuleDoc;
use ledger::{
    audit::AuditEvent,
    store::{AuditFilter, SqlStore, Store as _},
};
use policy::RuleSet;
use tokio::time::timeout;

use super::SOON;

/// The rules of a document.
pub(crate) fn compiled(rules: &str) -> Arc<RuleSet> {
    Arc::new(RuleSet::compile(&[RuleDoc::parse(rules, "rules.yaml").unwrap()]).unwrap())
}

/// Waits until `count` events are in the store for which `wanted` gives something, oldest first.
pub(crate) async fn events<T>(store: &SqlStore, count: usize, wanted: impl Fn(AuditEvent) -> Option<T>) -> Vec<T> {
    let find = async {
        loop {
            let filter = AuditFilter { limit: 1000, ..AuditFilter::default() };
            let records = store.audit(&filter).await.unwrap();
            let found: Vec<T> = records.into_iter().rev().filter_map(|record| wanted(record.event)).collect();
            if found.len() >= count {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, find).await.unwrap_or_else(|_| panic!("there are not {count} events"))
}

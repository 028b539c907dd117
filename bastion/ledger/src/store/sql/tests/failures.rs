//! What goes wrong under the store: afterwards everything works, without a restart.

use std::{
    future::Future as _,
    task::{Context, Waker},
};

use sqlx::{Connection as _, SqliteConnection};

use super::*;

const DEADLINE: Duration = Duration::from_millis(300);

async fn brief_store() -> (SqlStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::in_file_within(&folder.path().join("bastion.db"), DEADLINE).await.unwrap();
    (store, folder)
}

/// Every kind of change, one after the other.
async fn everything_can_be_written(store: &SqlStore, token: u8) {
    store.add_login(&login(token)).await.unwrap();
    store.add_login_flow(&flow(token)).await.unwrap();
    assert!(store.take_login_flow(TokenHash([token; 32]), at(0)).await.unwrap().is_some());
    assert!(store.remove_login(TokenHash([token; 32])).await.unwrap());
    let row = session("alice", "web1");
    store.add_session(&row).await.unwrap();
    store.end_session(row.id, at(1), &SessionEnd::CutOff, 0).await.unwrap();
    store.append_audit(at(0), &[failed("x")]).await.unwrap();
    store.forget_expired(at(0)).await.unwrap();
    store.probe().await.unwrap();
}

#[tokio::test]
async fn a_disk_that_was_full_for_a_moment_is_written_again() {
    let (store, _folder) = store().await;
    let pages = store.number("PRAGMA page_count").await;
    store.run(format!("PRAGMA max_page_count = {pages}")).await;

    let many: Vec<_> = (0..200).map(|_| failed("x".repeat(900))).collect();
    let error = store.append_audit(at(0), &many).await.unwrap_err().to_string();
    assert!(error.contains("full"), "{error}");

    everything_can_be_written(&store, 1).await;
    assert_eq!(store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap().len(), 1, "all or none");
}

#[tokio::test]
async fn a_disk_that_was_read_only_for_a_moment_is_written_again() {
    let (store, _folder) = store().await;
    store.run("PRAGMA query_only = ON").await;
    let error = store.probe().await.unwrap_err().to_string();
    assert!(error.contains("readonly"), "{error}");
    everything_can_be_written(&store, 1).await;
}

#[tokio::test]
async fn a_database_that_another_process_locks_is_written_when_it_is_free_again() {
    let (store, folder) = brief_store().await;
    let path = folder.path().join("bastion.db");
    let mut other = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    for _ in 0..3 {
        store.append_audit(at(0), &[failed("x")]).await.unwrap_err();
        store.probe().await.unwrap_err();
        store.audit(&AuditFilter { limit: 1, ..Default::default() }).await.expect("reading goes on");
    }
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    everything_can_be_written(&store, 1).await;
    assert_eq!(store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lock_that_is_soon_free_is_waited_for() {
    let (store, folder) = store().await;
    let path = folder.path().join("bastion.db");
    let mut other = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let events = [failed("x")];
    let mut write = Box::pin(store.append_audit(at(0), &events));
    let early = tokio::time::timeout(Duration::from_millis(200), &mut write).await;
    assert!(early.is_err(), "{early:?}");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    write.await.unwrap();
}

async fn a_caller_may_stop_waiting_at_any_moment(place: Place) {
    let store = place.open().await;
    for polls in 0..60 {
        let events = [failed("a"), failed("b")];
        let mut call = Box::pin(store.append_audit(at(0), &events));
        for _ in 0..polls {
            if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(call);
        store.probe().await.unwrap();
    }
    everything_can_be_written(&store, 1).await;
    let events = store.audit(&AuditFilter { limit: 1000, ..Default::default() }).await.unwrap();
    assert_eq!(events.len() % 2, 1, "both events of a call or none, and the one at the end");
    assert!(events.iter().rev().zip(1..).all(|(record, seq)| record.seq == seq), "no gap");
}

#[tokio::test]
async fn a_file_that_was_removed_or_replaced_is_not_written_any_more() {
    for missing in ["bastion.db", "bastion.db-wal"] {
        let (store, folder) = store().await;
        std::fs::rename(folder.path().join(missing), folder.path().join("elsewhere")).unwrap();
        let error = store.append_audit(at(0), &[failed("x")]).await.unwrap_err().to_string();
        assert!(error.contains("bastion.db was removed or replaced") && error.contains("restart"), "{error}");
        std::fs::copy(folder.path().join("elsewhere"), folder.path().join(missing)).unwrap();
        assert!(matches!(store.probe().await, Err(StoreError::Gone { .. })), "another file of the same name");
    }
}

on_both![a_caller_may_stop_waiting_at_any_moment,];

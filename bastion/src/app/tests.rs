//! What settings come to, where a test of the parts does not show it.

use ledger::{audit::AuditEvent, store::AuditFilter};
use recorder::{Details, Header, Mode, SessionId};

use super::*;

#[tokio::test]
async fn events_are_kept_as_long_as_the_setting_says() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap());
    let event = |source: &str| AuditEvent::LoginFailed { reason: "no".to_owned(), source: source.to_owned() };
    let two_days_ago = Timestamp::now() - jiff::SignedDuration::from_hours(48);
    store.append_audit(two_days_ago, &[event("old")]).await.unwrap();
    store.append_audit(Timestamp::now(), &[event("new")]).await.unwrap();
    let retention = Audit { keep: Duration::from_hours(24), warn_above: u64::MAX };
    let stop = CancellationToken::new();
    let house = tokio::spawn(keep_house(Arc::clone(&store), retention, stop.clone()));
    let one_is_left = async {
        loop {
            let left = store.audit(&AuditFilter { limit: 9, ..AuditFilter::default() }).await.unwrap();
            if let [left] = left.as_slice() {
                return left.event.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_mins(1), one_is_left).await.expect("in time"), event("new"));
    stop.cancel();
    house.await.unwrap();
}

#[tokio::test]
async fn the_disk_of_the_spool_is_left_as_free_as_the_setting_says() {
    let folder = tempfile::tempdir().unwrap();
    let settings = config::Recording {
        storage: config::Storage::Folder(folder.path().join("recordings")),
        spool: folder.path().join("spool"),
        spool_limit: u64::MAX,
        free_space_floor: u64::MAX / 2,
        upload_interval: Duration::from_secs(1),
    };
    let header = Header {
        size: mask::WindowSize::DEFAULT,
        term: None,
        title: None,
        command: None,
        env: std::collections::BTreeMap::new(),
        details: Details {
            user: "alice".parse().unwrap(),
            target: "web1".parse().unwrap(),
            login: "root".parse().unwrap(),
            source: "192.0.2.7:1".to_owned(),
            kind: "exec".into(),
        },
    };
    let mode = Mode { pty: false, keep_binary: config::rules::KeptBinary::All };
    let refused = open_recorder(&settings).unwrap().start(SessionId::new(), header, mode).await.map(drop);
    let error = refused.expect_err("no disk has so much").to_string();
    assert!(error.contains(&(u64::MAX / 2).to_string()), "{error}");
}

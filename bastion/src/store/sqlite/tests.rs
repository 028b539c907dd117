use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, time::Instant};

use config::UserName;
use policy::{Subject, approval::Person};
use tempfile::TempDir;

use super::*;
use crate::store::{LoginKind, SessionKind};

mod failures;
mod people;

async fn store() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("bastion.db")).await.unwrap();
    (store, folder)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn subject(name: &str) -> Subject {
    Subject {
        issuer: "https://issuer.example.com".into(),
        id: format!("id-{name}"),
        name: name.parse().unwrap(),
        email: Some(format!("{name}@example.com")),
        groups: BTreeSet::from(["engineering".parse().unwrap(), "sre".parse().unwrap()]),
    }
}

fn login(token: u8) -> LoginRecord {
    LoginRecord {
        token: TokenHash([token; 32]),
        kind: LoginKind::Web,
        subject: subject("alice"),
        created_at: at(0),
        expires_at: at(60),
    }
}

fn flow(key: u8) -> LoginFlow {
    LoginFlow {
        key: TokenHash([key; 32]),
        nonce: "nonce".into(),
        secret: "verifier".into(),
        redirect_uri: "http://127.0.0.1:7/callback".into(),
        kind: LoginKind::Cli,
        expires_at: at(60),
    }
}

fn certificate(serial: u64, issued_at: Timestamp) -> CertificateRecord {
    CertificateRecord {
        serial,
        fingerprint: "SHA256:key".into(),
        subject: subject("alice"),
        login: Some(TokenHash([9; 32])),
        issued_at,
        expires_at: at(600),
    }
}

fn session(user: &str, target: &str) -> SessionRecord {
    SessionRecord {
        id: SessionId::new(),
        person: Some(Person::of(&subject(user))),
        user: user.parse().unwrap(),
        target: target.parse().unwrap(),
        login: "deploy".parse().unwrap(),
        kind: SessionKind::Exec,
        command: Some("id".into()),
        pty: true,
        source: "192.0.2.7:50000".into(),
        started_at: at(0),
        ended_at: None,
        end: None,
        output_bytes: 0,
    }
}

fn failed(reason: impl Into<String>) -> AuditEvent {
    AuditEvent::LoginFailed { reason: reason.into(), source: "192.0.2.7:50000".into() }
}

#[tokio::test]
async fn a_login_is_found_until_it_expires() {
    let (store, _folder) = store().await;
    store.add_login(&login(1)).await.unwrap();

    let found = store.login(TokenHash([1; 32]), at(59)).await.unwrap().unwrap();
    assert_eq!((found.token, found.kind, found.subject), (TokenHash([1; 32]), LoginKind::Web, subject("alice")));
    assert_eq!((found.created_at, found.expires_at), (at(0), at(60)));
    assert!(store.login(TokenHash([1; 32]), at(60)).await.unwrap().is_none());
    assert!(store.login(TokenHash([2; 32]), at(0)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_removed_login_is_gone() {
    let (store, _folder) = store().await;
    store.add_login(&login(1)).await.unwrap();
    assert!(store.remove_login(TokenHash([1; 32])).await.unwrap());
    assert!(!store.remove_login(TokenHash([1; 32])).await.unwrap());
    assert!(store.login(TokenHash([1; 32]), at(0)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_flow_is_given_to_one_caller_only() {
    let (store, _folder) = store().await;
    store.add_login_flow(&flow(1)).await.unwrap();
    let takers: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.take_login_flow(TokenHash([1; 32]), at(0)).await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.unwrap());
    }
    assert_eq!(taken, [flow(1)]);
}

#[tokio::test]
async fn a_void_login_flow_is_not_given_out() {
    let (store, _folder) = store().await;
    store.add_login_flow(&flow(1)).await.unwrap();
    assert!(store.take_login_flow(TokenHash([1; 32]), at(60)).await.unwrap().is_none());
    assert!(store.take_login_flow(TokenHash([1; 32]), at(0)).await.unwrap().is_none(), "it was taken out");
}

#[tokio::test]
async fn a_certificate_is_found_by_its_serial_and_the_newest_by_its_key() {
    let (store, _folder) = store().await;
    store.add_certificate(&certificate(i64::MAX as u64, at(1))).await.unwrap();
    store.add_certificate(&certificate(7, at(0))).await.unwrap();

    let found = store.certificate(7).await.unwrap().unwrap();
    assert_eq!((found.fingerprint.as_str(), found.subject), ("SHA256:key", subject("alice")));
    assert_eq!((found.issued_at, found.expires_at), (at(0), at(600)));
    assert_eq!(store.certificate_for_key("SHA256:key").await.unwrap().unwrap().serial, i64::MAX as u64);
    assert!(store.certificate(8).await.unwrap().is_none());
    assert!(store.certificate(u64::MAX).await.unwrap().is_none());
    assert!(store.certificate_for_key("SHA256:other").await.unwrap().is_none());
}

#[tokio::test]
async fn a_serial_number_cannot_be_given_out_twice() {
    let (store, _folder) = store().await;
    store.add_certificate(&certificate(7, at(0))).await.unwrap();
    store.add_certificate(&certificate(7, at(0))).await.unwrap_err();
}

#[tokio::test]
async fn only_what_has_expired_is_forgotten() {
    let (store, _folder) = store().await;
    store.add_login(&login(1)).await.unwrap();
    store.add_login_flow(&flow(1)).await.unwrap();
    store.add_certificate(&certificate(7, at(0))).await.unwrap();

    assert_eq!(store.forget_expired(at(59)).await.unwrap(), 0);
    assert_eq!(store.forget_expired(at(60)).await.unwrap(), 2, "the login and the flow");
    assert!(store.certificate(7).await.unwrap().is_some());
    assert_eq!(store.forget_expired(at(600)).await.unwrap(), 1);
    assert!(store.certificate(7).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_ends_once() {
    let (store, _folder) = store().await;
    let mut expected = session("alice", "web1");
    store.add_session(&expected).await.unwrap();
    assert_eq!(store.session(expected.id).await.unwrap().as_ref(), Some(&expected));

    store.end_session(expected.id, at(9), &SessionEnd::Exited { status: 7 }, u64::MAX).await.unwrap();
    store.end_session(expected.id, at(10), &SessionEnd::CutOff, 1).await.unwrap();

    expected.ended_at = Some(at(9));
    expected.end = Some(SessionEnd::Exited { status: 7 });
    expected.output_bytes = i64::MAX as u64;
    assert_eq!(store.session(expected.id).await.unwrap(), Some(expected));
    assert!(store.session(SessionId::new()).await.unwrap().is_none());
}

#[tokio::test]
async fn sessions_are_filtered() {
    let (store, _folder) = store().await;
    let ended = session("alice", "web1");
    let running = session("alice", "web2");
    let other = session("bob", "web1");
    for session in [&ended, &running, &other] {
        store.add_session(session).await.unwrap();
    }
    store.end_session(ended.id, at(1), &SessionEnd::CutOff, 0).await.unwrap();

    let list = async |filter: SessionFilter| {
        let found = store.sessions(&SessionFilter { limit: 10, ..filter }).await.unwrap();
        found.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(list(SessionFilter::default()).await, [other.id, running.id, ended.id]);
    let alice = SessionFilter { user: Some("alice".parse().unwrap()), ..Default::default() };
    assert_eq!(list(alice.clone()).await, [running.id, ended.id]);
    assert_eq!(list(SessionFilter { running: true, ..alice }).await, [running.id]);
    let web1 = SessionFilter { target: Some("web1".parse().unwrap()), ..Default::default() };
    assert_eq!(list(web1).await, [other.id, ended.id]);
}

#[tokio::test]
async fn paging_neither_skips_nor_repeats_while_rows_are_added() {
    let (store, _folder) = store().await;
    let mut expected = Vec::new();
    for number in 0..10 {
        let session = session("alice", "web1");
        store.add_session(&session).await.unwrap();
        store.append_audit(at(number), &[failed(number.to_string())]).await.unwrap();
        expected.insert(0, session.id);
    }

    let (mut sessions, mut reasons) = (Vec::new(), Vec::new());
    let mut filter = SessionFilter { limit: 3, ..Default::default() };
    let mut audit = AuditFilter { limit: 3, ..Default::default() };
    loop {
        let page = store.sessions(&filter).await.unwrap();
        let events = store.audit(&audit).await.unwrap();
        if page.is_empty() && events.is_empty() {
            break;
        }
        filter.before = page.last().map(|session| session.id);
        audit.before = events.last().map(|record| record.seq);
        sessions.extend(page.into_iter().map(|session| session.id));
        reasons.extend(events.into_iter().map(|record| {
            let AuditEvent::LoginFailed { reason, .. } = record.event.clone() else { panic!("{record:?}") };
            reason
        }));
        store.add_session(&session("bob", "web1")).await.unwrap();
        store.append_audit(at(99), &[failed("later")]).await.unwrap();
    }
    assert_eq!(sessions, expected);
    assert_eq!(reasons, (0..10).rev().map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn audit_events_are_filtered() {
    let (store, _folder) = store().await;
    let row = session("alice", "web1");
    store.add_session(&row).await.unwrap();
    let user: UserName = "bob".parse().unwrap();
    let events = [
        failed("first"),
        AuditEvent::LoggedOut { user, source: "192.0.2.7:1".into() },
        AuditEvent::SessionEnded { session: row.id, end: SessionEnd::CutOff, output_bytes: 1 },
    ];
    store.append_audit(at(5), &events).await.unwrap();

    let list = async |filter: AuditFilter| {
        let found = store.audit(&AuditFilter { limit: 10, ..filter }).await.unwrap();
        found.into_iter().map(|record| record.seq).collect::<Vec<_>>()
    };
    assert_eq!(list(AuditFilter::default()).await, [3, 2, 1]);
    assert_eq!(list(AuditFilter { user: Some("bob".into()), ..Default::default() }).await, [2]);
    assert_eq!(list(AuditFilter { kind: Some("login_failed".into()), ..Default::default() }).await, [1]);
    assert_eq!(list(AuditFilter { session: Some(row.id), ..Default::default() }).await, [3]);
    assert_eq!(
        list(AuditFilter { user: Some("alice".into()), ..Default::default() }).await,
        [3],
        "the user of a session is found through its row"
    );
    let all = store.audit(&AuditFilter { limit: 10, ..Default::default() }).await.unwrap();
    let stored: Vec<_> = all.iter().rev().map(|record| record.event.clone()).collect();
    assert_eq!(stored, events);
    assert!(all.iter().all(|record| record.at == at(5) && record.v == crate::audit::AUDIT_VERSION));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_audit_events_loses_none_and_keeps_each_tasks_order() {
    const TASKS: usize = 50;
    const EVENTS: usize = 200;
    let (store, _folder) = store().await;
    let writers: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..EVENTS {
                    store.append_audit(at(0), &[failed(format!("{task} {number}"))]).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }

    let limit = u32::try_from(2 * TASKS * EVENTS).unwrap();
    let records = store.audit(&AuditFilter { limit, ..Default::default() }).await.unwrap();
    assert_eq!(records.len(), TASKS * EVENTS);
    let mut next = [0; TASKS];
    for (record, seq) in records.iter().rev().zip(1..) {
        assert_eq!(record.seq, seq, "no gap");
        let AuditEvent::LoginFailed { reason, .. } = &record.event else { panic!("{record:?}") };
        let (task, number) = reason.split_once(' ').unwrap();
        let task: usize = task.parse().unwrap();
        assert_eq!(number.parse(), Ok(next[task]), "in order within a task");
        next[task] += 1;
    }
}

#[tokio::test]
async fn a_corrupt_row_is_reported_with_its_table_and_column() {
    let (store, _folder) = store().await;
    let broken = session("alice", "web1");
    store.add_session(&broken).await.unwrap();
    store.add_login(&login(1)).await.unwrap();
    for damage in ["UPDATE sessions SET user_name = 'a b'", "UPDATE logins SET subject = '{}'"] {
        sqlx::query(damage).execute(store.writer()).await.unwrap();
    }

    let error = store.session(broken.id).await.unwrap_err().to_string();
    assert!(error.contains("table sessions is not readable: column user_name: a user name must not"), "{error}");
    let error = store.login(TokenHash([1; 32]), at(0)).await.unwrap_err().to_string();
    assert!(error.contains("table logins is not readable: column subject: missing field"), "{error}");
}

#[tokio::test]
async fn one_row_that_cannot_be_read_does_not_take_its_page_along() {
    let (store, _folder) = store().await;
    let rows = [session("alice", "web1"), session("alice", "web2"), session("alice", "web3")];
    for row in &rows {
        store.add_session(row).await.unwrap();
    }
    store.append_audit(at(0), &[failed("1"), failed("2"), failed("3")]).await.unwrap();
    for damage in [
        "UPDATE sessions SET kind = 'of a newer bastion' WHERE target = 'web2'",
        "UPDATE audit SET event = '{\"kind\":\"of a newer bastion\"}' WHERE seq = 2",
    ] {
        sqlx::query(damage).execute(store.writer()).await.unwrap();
    }

    let listing = store.sessions(&SessionFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(listing.iter().map(|row| row.id).collect::<Vec<_>>(), [rows[2].id, rows[0].id]);
    assert_eq!((listing.unreadable[0].table, &listing.unreadable[0].id), ("sessions", &rows[1].id.to_string()));
    let events = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(events.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 2, 1]);
    let AuditEvent::UnreadableRow { table, id, reason } = &events[1].event else { panic!("{events:?}") };
    assert_eq!((table.as_str(), id.as_str()), ("audit", "2"));
    assert!(reason.contains("column event: unknown variant"), "{reason}");
}

#[tokio::test]
async fn events_of_a_queue_are_taken_once() {
    let (store, _folder) = store().await;
    let queued = |numbers: std::ops::RangeInclusive<u64>| -> Vec<QueuedEvent> {
        numbers.map(|number| QueuedEvent { number, at: at(5), event: failed(number.to_string()) }).collect()
    };
    store.append_queued("a", &queued(1..=3)).await.unwrap();
    store.append_queued("a", &queued(2..=4)).await.unwrap();
    store.append_queued("a", &queued(1..=4)).await.unwrap();
    store.append_queued("b", &queued(1..=1)).await.unwrap();
    let events = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    let reasons: Vec<_> = events.iter().rev().map(|record| record.event.clone()).collect();
    assert_eq!(reasons, ["1", "2", "3", "4", "1"].map(failed));
    assert!(events.iter().rev().zip(1..).all(|(record, seq)| record.seq == seq && record.at == at(5)));
}

#[tokio::test]
async fn the_event_of_an_end_completes_the_session() {
    let (store, _folder) = store().await;
    let row = session("alice", "web1");
    let end = SessionEnd::Exited { status: 7 };
    store.start_session(&row, &[failed("x")]).await.unwrap();
    let event = AuditEvent::SessionEnded { session: row.id, end: end.clone(), output_bytes: 12 };
    store.append_queued("a", &[QueuedEvent { number: 1, at: at(9), event }]).await.unwrap();
    let ended = store.session(row.id).await.unwrap().unwrap();
    assert_eq!((ended.ended_at, ended.end, ended.output_bytes), (Some(at(9)), Some(end), 12));
    assert_eq!(store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap().len(), 2);
}

#[tokio::test]
async fn texts_of_a_peer_are_cut_on_every_way_into_the_audit_log() {
    let (store, _folder) = store().await;
    let long = || failed("x".repeat(30_000));
    store.append_audit(at(0), &[long()]).await.unwrap();
    store.start_session(&session("alice", "web1"), &[long()]).await.unwrap();
    store.append_queued("a", &[QueuedEvent { number: 1, at: at(0), event: long() }]).await.unwrap();
    let events = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(events.len(), 3);
    for record in events {
        let AuditEvent::LoginFailed { reason, .. } = &record.event else { panic!("{record:?}") };
        assert!(reason.ends_with("[cut; 30000 bytes in all]") && reason.len() < 2_000, "{}", reason.len());
    }
}

#[tokio::test]
async fn old_audit_events_are_removed_some_at_a_time() {
    let (store, _folder) = store().await;
    let old: Vec<_> = (0..1_200).map(|number| failed(number.to_string())).collect();
    store.append_audit(at(0), &old).await.unwrap();
    store.append_audit(at(10), &[failed("new")]).await.unwrap();
    let mut removed = Vec::new();
    loop {
        removed.push(store.forget_audit(at(10)).await.unwrap());
        if removed.ends_with(&[0]) {
            break;
        }
    }
    assert_eq!(removed, [500, 500, 200, 0]);
    let left = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(left.iter().map(|record| record.seq).collect::<Vec<_>>(), [1_201]);
    store.append_audit(at(11), &[failed("next")]).await.unwrap();
    assert!(store.bytes().await.unwrap() > 100_000, "pages are used again, the file stays as large");
}

#[tokio::test]
async fn every_filter_of_the_audit_log_is_read_from_an_index_in_its_order() {
    let (store, _folder) = store().await;
    for filter in ["user_name = 'a'", "kind = 'b'", "session = 'c'", "user_name = 'a' AND kind = 'b'", "1 = 1"] {
        let explain =
            format!("EXPLAIN QUERY PLAN SELECT * FROM audit WHERE {filter} AND seq < 7 ORDER BY seq DESC LIMIT 9");
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(explain)).fetch_all(store.writer()).await.unwrap();
        let text = format!("{plan:?}");
        assert!(text.contains("SEARCH") && !text.contains("TEMP B-TREE"), "{filter}: {text}");
        if filter.contains("AND") {
            assert!(text.contains("user_name=? AND kind=?"), "{filter}: {text}");
        }
    }
}

/// What a page of the audit log costs; run by hand with `--ignored --nocapture`, it depends on the disk.
#[tokio::test]
#[ignore = "measures; run by hand"]
async fn measure_what_a_page_of_a_million_events_costs() {
    let (store, _folder) = store().await;
    // The worst for one index alone: much of the person, much of the kind, little of both.
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
         INSERT INTO audit (seq, recorded_at, version, kind, user_name, session, event) \
         SELECT i, i, 1, iif(i % 2, 'kube_request', 'logged_out'), iif(i % 2, 'alice', 'bob'), NULL, \
         '{\"kind\":\"login_failed\",\"reason\":\"x\",\"source\":\"192.0.2.7:1\"}' FROM n",
    )
    .execute(store.writer())
    .await
    .unwrap();
    for (user, kind) in [(Some("alice"), Some("logged_out")), (Some("alice"), None), (None, Some("x")), (None, None)] {
        let (user, kind) = (user.map(str::to_owned), kind.map(str::to_owned));
        let start = Instant::now();
        let filter = AuditFilter { user: user.clone(), kind: kind.clone(), limit: 200, ..Default::default() };
        let rows = store.audit(&filter).await.unwrap().len();
        println!("{user:?} {kind:?}: {rows} rows, {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (store, folder) = store().await;
    let row = session("alice", "web1");
    store.add_session(&row).await.unwrap();
    store.append_audit(at(0), &[failed("first")]).await.unwrap();
    store.close().await;

    let store = SqliteStore::open(&folder.path().join("bastion.db")).await.unwrap();
    store.append_audit(at(1), &[failed("second")]).await.unwrap();
    assert_eq!(store.session(row.id).await.unwrap(), Some(row));
    let seqs: Vec<_> = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(seqs.iter().map(|record| record.seq).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bastion.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    store.append_audit(at(0), &[failed("x")]).await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    assert!(files >= 2, "the database and its log");
}

#[tokio::test]
async fn tokens_are_not_on_disk() {
    let (store, folder) = store().await;
    let secret = b"a token that was handed to a client";
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret);
    let token = TokenHash(digest.as_ref().try_into().unwrap());
    store.add_login(&LoginRecord { token, ..login(1) }).await.unwrap();
    store.close().await;
    let file = std::fs::read(folder.path().join("bastion.db")).unwrap();
    assert!(!file.windows(secret.len()).any(|window| window == secret));
    assert!(store.login(token, at(0)).await.is_err(), "closed");
}

#[tokio::test]
async fn a_missing_folder_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = SqliteStore::open(&folder.path().join("missing/bastion.db")).await.unwrap_err().to_string();
    assert!(error.contains("missing/bastion.db"), "{error}");
}

#[tokio::test]
async fn a_call_that_hangs_ends_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bastion.db");
    let store = SqliteStore::open_with_deadline(&path, Duration::from_millis(100)).await.unwrap();
    let held = store.writer.begin().await.unwrap();

    let events = [failed("x")];
    let call = tokio::time::timeout(Duration::from_secs(10), store.append_audit(at(0), &events));
    call.await.expect("ended by its own deadline").unwrap_err();
    store.audit(&AuditFilter { limit: 1, ..Default::default() }).await.expect("reading goes on");
    drop(held);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (store, folder) = store().await;
    sqlx::query(
        "UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
    )
    .execute(store.writer())
    .await
    .unwrap();
    store.close().await;
    let error = SqliteStore::open(&folder.path().join("bastion.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::Migrate(_)), "{error}");
}

/// What a session start costs; run by hand with `--ignored --nocapture`, it depends on the disk.
#[tokio::test]
#[ignore = "measures; run by hand"]
async fn measure_what_a_session_start_costs() {
    const ROUNDS: u32 = 500;
    let (store, _folder) = store().await;
    store.add_certificate(&certificate(7, at(0))).await.unwrap();
    let mut spent = [Duration::ZERO; 3];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        store.certificate(7).await.unwrap();
        spent[0] += start.elapsed();
        let start = Instant::now();
        store.add_session(&session("alice", "web1")).await.unwrap();
        spent[1] += start.elapsed();
        let start = Instant::now();
        store.append_audit(at(0), &[failed("x")]).await.unwrap();
        spent[2] += start.elapsed();
    }
    println!("certificate, add_session, append_audit: {:?}", spent.map(|time| time / ROUNDS));
}

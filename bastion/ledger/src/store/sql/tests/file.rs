//! What is so of a SQLite file only.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[tokio::test]
async fn every_filter_of_the_audit_log_is_read_from_an_index_in_its_order() {
    let (store, _folder) = store().await;
    for filter in ["user_name = 'a'", "kind = 'b'", "session = 'c'", "user_name = 'a' AND kind = 'b'", "1 = 1"] {
        let explain =
            format!("EXPLAIN QUERY PLAN SELECT * FROM audit WHERE {filter} AND seq < 7 ORDER BY seq DESC LIMIT 9");
        let Writer::Sqlite { pool, .. } = &store.writer else { panic!("a file") };
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(explain)).fetch_all(pool).await.unwrap();
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
    store
        .run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
         INSERT INTO audit (seq, recorded_at, version, kind, user_name, session, event) \
         SELECT i, i, 1, iif(i % 2, 'kube_request', 'logged_out'), iif(i % 2, 'alice', 'bob'), NULL, \
         '{\"kind\":\"login_failed\",\"reason\":\"x\",\"source\":\"192.0.2.7:1\"}' FROM n",
        )
        .await;
    for (user, kind) in [(Some("alice"), Some("logged_out")), (Some("alice"), None), (None, Some("x")), (None, None)] {
        let (user, kind) = (user.map(str::to_owned), kind.map(str::to_owned));
        let start = Instant::now();
        let filter = AuditFilter { user: user.clone(), kind: kind.clone(), limit: 200, ..Default::default() };
        let rows = store.audit(&filter).await.unwrap().len();
        println!("{user:?} {kind:?}: {rows} rows, {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bastion.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqlStore::in_file(&path).await.unwrap();
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
    let error = SqlStore::in_file(&folder.path().join("missing/bastion.db")).await.unwrap_err().to_string();
    assert!(error.contains("missing/bastion.db"), "{error}");
}

#[tokio::test]
async fn a_call_that_hangs_ends_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bastion.db");
    let store = SqlStore::in_file_within(&path, Duration::from_millis(100)).await.unwrap();
    let held = store.writer.begin().await.unwrap();

    let events = [failed("x")];
    let call = tokio::time::timeout(Duration::from_secs(10), store.append_audit(at(0), &events));
    call.await.expect("ended by its own deadline").unwrap_err();
    store.audit(&AuditFilter { limit: 1, ..Default::default() }).await.expect("reading goes on");
    drop(held);
}

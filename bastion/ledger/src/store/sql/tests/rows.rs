//! Logins, certificates and sessions, on both databases.

use super::*;

async fn a_login_is_found_until_it_expires(place: Place) {
    let store = place.open().await;
    store.add_login(&login(1)).await.unwrap();

    let found = store.login(TokenHash([1; 32]), at(59)).await.unwrap().unwrap();
    assert_eq!((found.token, found.kind, found.subject), (TokenHash([1; 32]), LoginKind::Web, subject("alice")));
    assert_eq!((found.created_at, found.expires_at), (at(0), at(60)));
    assert!(store.login(TokenHash([1; 32]), at(60)).await.unwrap().is_none());
    assert!(store.login(TokenHash([2; 32]), at(0)).await.unwrap().is_none());
}

async fn a_removed_login_is_gone(place: Place) {
    let store = place.open().await;
    store.add_login(&login(1)).await.unwrap();
    assert!(store.remove_login(TokenHash([1; 32])).await.unwrap());
    assert!(!store.remove_login(TokenHash([1; 32])).await.unwrap());
    assert!(store.login(TokenHash([1; 32]), at(0)).await.unwrap().is_none());
}

async fn a_login_flow_is_given_to_one_caller_only(place: Place) {
    let store = place.open().await;
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

async fn a_void_login_flow_is_not_given_out(place: Place) {
    let store = place.open().await;
    store.add_login_flow(&flow(1)).await.unwrap();
    assert!(store.take_login_flow(TokenHash([1; 32]), at(60)).await.unwrap().is_none());
    assert!(store.take_login_flow(TokenHash([1; 32]), at(0)).await.unwrap().is_none(), "it was taken out");
}

async fn a_certificate_is_found_by_its_serial_and_the_newest_by_its_key(place: Place) {
    let store = place.open().await;
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

async fn a_serial_number_cannot_be_given_out_twice(place: Place) {
    let store = place.open().await;
    store.add_certificate(&certificate(7, at(0))).await.unwrap();
    store.add_certificate(&certificate(7, at(0))).await.unwrap_err();
}

async fn only_what_has_expired_is_forgotten(place: Place) {
    let store = place.open().await;
    store.add_login(&login(1)).await.unwrap();
    store.add_login_flow(&flow(1)).await.unwrap();
    store.add_certificate(&certificate(7, at(0))).await.unwrap();

    assert_eq!(store.forget_expired(at(59)).await.unwrap(), 0);
    assert_eq!(store.forget_expired(at(60)).await.unwrap(), 2, "the login and the flow");
    assert!(store.certificate(7).await.unwrap().is_some());
    assert_eq!(store.forget_expired(at(600)).await.unwrap(), 1);
    assert!(store.certificate(7).await.unwrap().is_none());
}

async fn a_session_ends_once(place: Place) {
    let store = place.open().await;
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

async fn sessions_are_filtered(place: Place) {
    let store = place.open().await;
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

async fn a_corrupt_row_is_reported_with_its_table_and_column(place: Place) {
    let store = place.open().await;
    let broken = session("alice", "web1");
    store.add_session(&broken).await.unwrap();
    store.add_login(&login(1)).await.unwrap();
    for damage in ["UPDATE sessions SET user_name = 'a b'", "UPDATE logins SET subject = '{}'"] {
        store.run(damage).await;
    }

    let error = store.session(broken.id).await.unwrap_err().to_string();
    assert!(error.contains("table sessions is not readable: column user_name: a user name must not"), "{error}");
    let error = store.login(TokenHash([1; 32]), at(0)).await.unwrap_err().to_string();
    assert!(error.contains("table logins is not readable: column subject: missing field"), "{error}");
}

async fn everything_is_there_after_a_restart(place: Place) {
    let store = place.open().await;
    let row = session("alice", "web1");
    store.add_session(&row).await.unwrap();
    store.append_audit(at(0), &[failed("first")]).await.unwrap();
    store.close().await;

    let store = place.open().await;
    store.append_audit(at(1), &[failed("second")]).await.unwrap();
    assert_eq!(store.session(row.id).await.unwrap(), Some(row));
    let seqs: Vec<_> = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(seqs.iter().map(|record| record.seq).collect::<Vec<_>>(), [2, 1]);
}

async fn a_newer_schema_is_refused(place: Place) {
    let store = place.open().await;
    store
        .run("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)")
        .await;
    store.close().await;
    let error = place.try_open().await.unwrap_err();
    assert!(matches!(error, StoreError::Migrate(_)), "{error}");
}

on_both![
    a_login_is_found_until_it_expires,
    a_removed_login_is_gone,
    a_login_flow_is_given_to_one_caller_only,
    a_void_login_flow_is_not_given_out,
    a_certificate_is_found_by_its_serial_and_the_newest_by_its_key,
    a_serial_number_cannot_be_given_out_twice,
    only_what_has_expired_is_forgotten,
    a_session_ends_once,
    sessions_are_filtered,
    a_corrupt_row_is_reported_with_its_table_and_column,
    everything_is_there_after_a_restart,
    a_newer_schema_is_refused,
];

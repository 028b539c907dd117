//! Who may do what.

use axum::body::Body;
use http::{Method, StatusCode, header};
use ledger::{
    audit::AuditEvent,
    store::{LoginKind, SessionRecord, Store as _},
};
use recorder::SessionId;
use serde_json::Value;

use super::front::{Answer, Front, front, request};
use crate::openapi;

#[tokio::test]
async fn every_route_of_the_description_needs_a_login_unless_it_says_otherwise() {
    let front = front().await;
    let description = front.get("/api/v1/openapi.json", None).await.json();
    let mut checked = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let is_public = operation["security"] == serde_json::json!([{}]);
            let path = path.replace("{id}", &SessionId::new().to_string());
            let method: Method = method.to_uppercase().parse().unwrap();
            for credential in [None, Some("unknown")] {
                let asked = request(method.clone(), &path, credential).header(header::CONTENT_TYPE, "application/json");
                let answer = front.send(asked, "{}").await;
                if is_public {
                    assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
                } else {
                    answer.problem(StatusCode::UNAUTHORIZED);
                    assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 14, "{checked}");
}

#[tokio::test]
async fn the_public_routes_are_these_and_no_more() {
    let description = serde_json::to_value(openapi::document().await.0).unwrap();
    let is_public = |operation: &Value| operation["security"] == serde_json::json!([{}]);
    let public: Vec<_> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, operations)| operations.as_object().unwrap().values().any(is_public))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(
        public,
        ["/api/v1/info", "/api/v1/login", "/api/v1/login/device", "/api/v1/login/device/poll", "/api/v1/login/finish"]
    );
}

#[tokio::test]
async fn a_cookie_is_no_bearer_token_nor_the_other_way_round() {
    let front = front().await;
    let cookie = front.log_in("alice", "engineering", LoginKind::Web).await;
    let token = front.log_in("alice", "engineering", LoginKind::Cli).await;

    assert_eq!(front.get("/api/v1/whoami", &*token).await.status, StatusCode::OK);
    front.get("/api/v1/whoami", &*cookie).await.problem(StatusCode::UNAUTHORIZED);
    let with_cookie = |value: &str| {
        request(Method::GET, "/api/v1/whoami", None).header(header::COOKIE, format!("__Host-bastion={value}"))
    };
    assert_eq!(front.send(with_cookie(&cookie), Body::empty()).await.status, StatusCode::OK);
    front.send(with_cookie(&token), Body::empty()).await.problem(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_change_by_cookie_needs_the_value_that_only_the_console_can_read() {
    let front = front().await;
    let cookie = front.log_in("alice", "engineering", LoginKind::Web).await;
    let other = front.log_in("bob", "engineering", LoginKind::Web).await;
    let with_cookie = |method: Method, path: &str, value: &str| {
        request(method, path, None).header(header::COOKIE, format!("__Host-bastion={value}"))
    };
    let csrf = async |cookie: &str| {
        let whoami = front.send(with_cookie(Method::GET, "/api/v1/whoami", cookie), Body::empty()).await;
        whoami.json()["csrf"].as_str().unwrap().to_owned()
    };
    let (own, foreign) = (csrf(&cookie).await, csrf(&other).await);

    for (method, path) in
        [(Method::POST, "/logout"), (Method::DELETE, "/api/v1/login"), (Method::POST, "/api/v1/certificates/ssh")]
    {
        let plain = with_cookie(method.clone(), path, &cookie);
        front.send(plain, Body::empty()).await.problem(StatusCode::FORBIDDEN);
        for wrong in ["", "x", &foreign, &cookie] {
            let wrong = with_cookie(method.clone(), path, &cookie).header("X-Bastion-CSRF", wrong);
            front.send(wrong, Body::empty()).await.problem(StatusCode::FORBIDDEN);
        }
    }
    let right = with_cookie(Method::POST, "/logout", &cookie).header("X-Bastion-CSRF", own);
    let answer = front.send(right, Body::empty()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header(header::SET_COOKIE).starts_with("__Host-bastion=; "));
    let after = front.send(with_cookie(Method::GET, "/api/v1/whoami", &cookie), Body::empty()).await;
    after.problem(StatusCode::UNAUTHORIZED);
    assert!(matches!(front.audit().await.last(), Some(AuditEvent::LoggedOut { user, .. }) if user.as_str() == "alice"));
}

#[tokio::test]
async fn a_bearer_token_is_ended_by_itself() {
    let front = front().await;
    let token = front.token("alice", "engineering").await;
    let ended = front.send(request(Method::DELETE, "/api/v1/login", &*token), Body::empty()).await;
    assert_eq!((ended.status, ended.header(header::SET_COOKIE)), (StatusCode::NO_CONTENT, ""));
    front.get("/api/v1/whoami", &*token).await.problem(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn somebody_elses_session_cannot_be_told_from_none() {
    let front = front().await;
    let (alice, carol) = (front.token("alice", "engineering").await, front.token("carol", "auditor").await);
    let (own, foreign) = (front.session("alice").await, front.session("bob").await);
    front.finished_recording(foreign).await;

    assert_eq!(front.get(&format!("/api/v1/sessions/{own}"), &*alice).await.status, StatusCode::OK);
    for suffix in ["", "/recording.cast"] {
        let path = |id: &str| format!("/api/v1/sessions/{id}{suffix}");
        let foreign_answer = front.get(&path(&foreign.to_string()), &*alice).await;
        let detail = foreign_answer.problem(StatusCode::NOT_FOUND);
        for none in [&SessionId::new().to_string(), "..%2f..%2fbastion.db", "%00", "x"] {
            assert_eq!(front.get(&path(none), &*alice).await.problem(StatusCode::NOT_FOUND), detail, "{none}");
        }
        assert_eq!(front.get(&path(&foreign.to_string()), &*carol).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn everybody_lists_their_own_sessions_and_auditors_all() {
    let front = front().await;
    let (alice, carol) = (front.token("alice", "engineering").await, front.token("carol", "auditor").await);
    let (own, foreign) = (front.session("alice").await, front.session("bob").await);
    let list = async |path: &str, token: &str| {
        let page = front.get(path, token).await.json();
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("/api/v1/sessions", &alice).await, [own.to_string()]);
    assert_eq!(list("/api/v1/sessions?user=alice", &alice).await, [own.to_string()]);
    assert_eq!(list("/api/v1/sessions", &carol).await, [foreign.to_string(), own.to_string()]);
    assert_eq!(list("/api/v1/sessions?user=bob", &carol).await, [foreign.to_string()]);

    front.get("/api/v1/sessions?user=bob", &*alice).await.problem(StatusCode::FORBIDDEN);
    assert!(
        matches!(front.audit().await.last(), Some(AuditEvent::AccessRefused { user, .. }) if user.as_str() == "alice")
    );
}

#[tokio::test]
async fn a_session_is_a_persons_and_not_a_names() {
    let front = front().await;
    let carol = front.token("carol", "auditor").await;
    let own = front.session("alice").await;
    // From before it was known whose sessions are: nobody owns it, auditors read it.
    let row = front.store.session(own).await.unwrap().unwrap();
    let old = SessionRecord { id: SessionId::new(), person: None, ..row };
    front.store.add_session(&old).await.unwrap();
    let subject = |id: &str, name: &str| {
        let mut subject = front.subject(name, "engineering");
        subject.id = id.to_owned();
        subject
    };
    let namesake = front.log_in_subject(subject("id-mallory", "alice"), LoginKind::Cli).await;
    let renamed = front.log_in_subject(subject("id-alice", "alice.smith"), LoginKind::Cli).await;
    for (token, sees_own, sees_old) in [(&namesake, false, false), (&renamed, true, false), (&carol, true, true)] {
        let page = front.get("/api/v1/sessions", &**token).await.json();
        let listed: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        for (id, sees) in [(own.to_string(), sees_own), (old.id.to_string(), sees_old)] {
            assert_eq!(listed.contains(&id.as_str()), sees, "{token}");
            let shown = front.get(&format!("/api/v1/sessions/{id}"), &**token).await.status;
            assert_eq!(shown == StatusCode::OK, sees, "{token}");
        }
    }
}

#[tokio::test]
async fn the_audit_log_is_for_auditors() {
    let front = front().await;
    let (alice, carol) = (front.token("alice", "engineering").await, front.token("carol", "auditor").await);
    let detail = front.get("/api/v1/audit", &*alice).await.problem(StatusCode::FORBIDDEN);
    assert!(detail.contains("console: [audit]"), "{detail}");
    let page = front.get("/api/v1/audit?kind=access_refused", &*carol).await.json();
    assert_eq!(page["items"][0]["user"], "alice", "the refusal itself is in the log");
    assert_eq!(page["items"][0]["source"], "192.0.2.7");
}

#[tokio::test]
async fn what_does_not_read_is_refused_with_a_problem() {
    let front = front().await;
    let token = front.token("carol", "auditor").await;
    for path in [
        "/api/v1/sessions?limit=0",
        "/api/v1/sessions?limit=201",
        "/api/v1/sessions?limit=x",
        "/api/v1/sessions?cursor=x",
        "/api/v1/sessions?user=a%20b",
        "/api/v1/sessions?target=a%2Fb",
        "/api/v1/sessions?usr=bob",
        "/api/v1/audit?cursor=x",
        "/api/v1/audit?session=x",
    ] {
        front.get(path, &*token).await.problem(StatusCode::BAD_REQUEST);
    }
    for path in ["/api/v1", "/api/v1/", "/api/v2/x", "/api/v1/x", "/api/v1/sessions/x/y/z"] {
        front.get(path, &*token).await.problem(StatusCode::NOT_FOUND);
        front.get(path, None).await.problem(StatusCode::NOT_FOUND);
    }
    let wrong = front.send(request(Method::PUT, "/api/v1/sessions", &*token), Body::empty()).await;
    wrong.problem(StatusCode::METHOD_NOT_ALLOWED);

    let post =
        |kind: &str| request(Method::POST, "/api/v1/certificates/ssh", &*token).header(header::CONTENT_TYPE, kind);
    front.send(post("text/plain"), "{}").await.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    front.send(post("application/json"), "{").await.problem(StatusCode::BAD_REQUEST);
    front.send(post("application/json"), "{}").await.problem(StatusCode::BAD_REQUEST);
    front.send(post("application/json"), r#"{"public_key":"x"}"#).await.problem(StatusCode::BAD_REQUEST);
    let large = format!(r#"{{"public_key":"{}"}}"#, "a".repeat(70_000));
    front.send(post("application/json"), large).await.problem(StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_dead_store_is_unavailable_and_its_words_stay_inside() {
    let front = front().await;
    let token = front.token("alice", "engineering").await;
    front.store.close().await;
    assert_eq!(front.get("/healthz", None).await.status, StatusCode::OK);
    for path in ["/readyz", "/api/v1/whoami"] {
        let detail = front.get(path, &*token).await.problem(StatusCode::SERVICE_UNAVAILABLE);
        assert!(!detail.contains("pool"), "{detail}");
    }
}

/// What `/readyz` says, once it says so.
async fn readiness_becomes(front: &Front, status: StatusCode) -> Answer {
    let asked = async {
        loop {
            let answer = front.get("/readyz", None).await;
            if answer.status == status {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), asked).await.expect("it becomes so")
}

#[tokio::test]
async fn readiness_is_whether_the_spool_takes_a_recording_too() {
    let front = front().await;
    assert_eq!(front.get("/readyz", None).await.text(), "ok\n");
    let (spool, elsewhere) = (front.folder.path().join("spool"), front.folder.path().join("elsewhere"));
    std::fs::rename(&spool, &elsewhere).unwrap();
    let answer = readiness_becomes(&front, StatusCode::SERVICE_UNAVAILABLE).await;
    let detail = answer.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(detail, "nothing can be recorded: the recording spool cannot be written");
    std::fs::rename(&elsewhere, &spool).unwrap();
    assert_eq!(readiness_becomes(&front, StatusCode::OK).await.text(), "ok\n");
}

#[tokio::test]
async fn nobody_is_ready_whose_audit_events_wait() {
    let front = front().await;
    let alice = front.token("alice", "engineering").await;
    let refuse = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END";
    front.damage(refuse).await;
    front.get("/api/v1/sessions?user=bob", &*alice).await.problem(StatusCode::FORBIDDEN);
    // Other tables are written as before.
    front.store.probe().await.unwrap();
    let detail =
        readiness_becomes(&front, StatusCode::SERVICE_UNAVAILABLE).await.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert!(detail.contains("audit events wait to be written"), "{detail}");
    front.damage("DROP TRIGGER full").await;
    assert_eq!(readiness_becomes(&front, StatusCode::OK).await.text(), "ok\n");
}

#[tokio::test]
async fn readiness_is_whether_the_store_takes_a_write_and_names_what_is_wrong() {
    let front = front().await;
    let becomes = async |status: StatusCode| readiness_becomes(&front, status).await;
    assert_eq!(front.get("/readyz", None).await.text(), "ok\n");
    front.damage("ALTER TABLE audit_counter RENAME TO gone").await;
    let detail = becomes(StatusCode::SERVICE_UNAVAILABLE).await.problem(StatusCode::SERVICE_UNAVAILABLE);
    assert!(detail.contains("the database does not answer"), "{detail}");
    front.damage("ALTER TABLE gone RENAME TO audit_counter").await;
    assert_eq!(becomes(StatusCode::OK).await.text(), "ok\n");
}

#[tokio::test]
async fn readiness_is_not_looked_at_for_each_who_asks() {
    let front = front().await;
    let asked = std::time::Instant::now();
    for _ in 0..200 {
        assert_eq!(front.get("/readyz", None).await.text(), "ok\n");
    }
    let probes = front.number("SELECT value FROM audit_counter WHERE name = 'probe'").await;
    let seconds = i64::try_from(asked.elapsed().as_secs()).unwrap();
    assert!(probes <= seconds + 1, "{probes} in {seconds} s");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_browsers_strict() {
    let front = front().await;
    let cast = "/api/v1/sessions/x/recording.cast";
    for path in ["/", "/x", "/login", "/login/callback", "/assets/x.js", "/api/v1/info", "/api/v1/x", cast, "/healthz"]
    {
        let answer = front.get(path, None).await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(!answer.header(header::CACHE_CONTROL).is_empty(), "{path}");
    }
}

//! The JSON that clients were written against: a field is added, never renamed or removed.

use axum::body::Body;
use http::{Method, StatusCode, header};
use jiff::Timestamp;
use ledger::store::{LoginKind, SessionEnd, Store as _};
use recorder::SessionId;

use super::front::{Front, front, request};

async fn body(front: &Front, path: &str, token: &str) -> String {
    let answer = front.get(path, token).await;
    assert_eq!((answer.status, answer.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/json"), "{path}");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "{path}");
    answer.text().to_owned()
}

#[tokio::test]
async fn sessions_have_this_form() {
    let front = front().await;
    let token = front.token("alice", "engineering").await;
    let running: SessionId = "0199aaaa-0000-7000-8000-000000000001".parse().unwrap();
    let ended: SessionId = "0199aaaa-0000-7000-8000-000000000002".parse().unwrap();
    front.session_with_id(running, "alice").await;
    front.session_with_id(ended, "alice").await;
    let at: Timestamp = "2026-01-02T03:05:00Z".parse().unwrap();
    front.store.end_session(ended, at, &SessionEnd::Exited { status: 7 }, 12).await.unwrap();

    let running = r#"{"id":"0199aaaa-0000-7000-8000-000000000001","person":{"issuer":"https://issuer.example.com","subject":"id-alice"},"user":"alice","target":"web1","login":"deploy","kind":"exec","command":"id","pty":false,"source":"192.0.2.7:50000","started_at":"2026-01-02T03:04:05.678Z","ended_at":null,"end":null,"output_bytes":0,"recording":{"url":"/api/v1/sessions/0199aaaa-0000-7000-8000-000000000001/recording.cast"}}"#;
    let ended = r#"{"id":"0199aaaa-0000-7000-8000-000000000002","person":{"issuer":"https://issuer.example.com","subject":"id-alice"},"user":"alice","target":"web1","login":"deploy","kind":"exec","command":"id","pty":false,"source":"192.0.2.7:50000","started_at":"2026-01-02T03:04:05.678Z","ended_at":"2026-01-02T03:05:00Z","end":{"how":"exited","status":7},"output_bytes":12,"recording":{"url":"/api/v1/sessions/0199aaaa-0000-7000-8000-000000000002/recording.cast"}}"#;
    assert_eq!(body(&front, "/api/v1/sessions/0199aaaa-0000-7000-8000-000000000001", &token).await, running);
    let all = format!(r#"{{"items":[{ended},{running}],"next":null}}"#);
    assert_eq!(body(&front, "/api/v1/sessions", &token).await, all);
    let first = format!(r#"{{"items":[{ended}],"next":"0199aaaa-0000-7000-8000-000000000002"}}"#);
    assert_eq!(body(&front, "/api/v1/sessions?limit=1", &token).await, first);
    let second = format!(r#"{{"items":[{running}],"next":null}}"#);
    let page = "/api/v1/sessions?limit=1&cursor=0199aaaa-0000-7000-8000-000000000002";
    assert_eq!(body(&front, page, &token).await, second);
    assert_eq!(body(&front, "/api/v1/sessions?running=true&target=web1", &token).await, second);
}

#[tokio::test]
async fn people_targets_and_the_bastion_have_this_form() {
    let front = front().await;
    let token = front.token("alice", "engineering").await;
    assert_eq!(
        body(&front, "/api/v1/whoami", &token).await,
        r#"{"user":{"person":{"issuer":"https://issuer.example.com","subject":"id-alice"},"name":"alice","email":"alice@example.com","groups":["engineering"]},"expires_at":"2100-01-01T00:00:00Z","console":{"sessions":false,"audit":false,"names":false}}"#
    );
    assert_eq!(
        body(&front, "/api/v1/targets", &token).await,
        r#"{"items":[{"name":"web1","kind":"host","labels":{"env":"prod"},"logins":["alice","deploy"],"capabilities":["exec","pty","shell"]},{"name":"dev","kind":"cluster","labels":{"env":"dev"},"logins":[],"capabilities":["api","exec"]}]}"#
    );
    assert_eq!(
        body(&front, "/api/v1/info", &token).await,
        r#"{"name":"bastion","version":"0.1.0","ssh":{"host":"bastion.example.com","port":2222},"kube":{"url":"https://bastion.example.com:6443"},"names":["bastion.example.com"],"host_ca":"ssh-ed25519 AAAA","issuer":"https://issuer.example.com"}"#
    );
    assert_eq!(
        body(&front, "/api/v1/clusters", &token).await,
        r#"{"items":[{"name":"dev","labels":{"env":"dev"},"capabilities":["api","exec"],"server":"https://bastion.example.com:6443/clusters/dev","tls_server_name":"dev.kube.bastion.example.com"}]}"#
    );
    let cookie = front.log_in("alice", "engineering", LoginKind::Web).await;
    let asked = request(Method::GET, "/api/v1/whoami", None).header(header::COOKIE, format!("__Host-bastion={cookie}"));
    let csrf = front.send(asked, Body::empty()).await.json()["csrf"].as_str().unwrap().len();
    assert_eq!(csrf, 43, "the console's answer has the CSRF value besides");
}

#[tokio::test]
async fn audit_pages_have_this_form() {
    let front = front().await;
    let token = front.token("carol", "auditor").await;
    let at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let failed =
        |reason: &str| ledger::audit::AuditEvent::LoginFailed { reason: reason.into(), source: "192.0.2.7".into() };
    front.store.append_audit(at, &[failed("one"), failed("two")]).await.unwrap();
    assert_eq!(
        body(&front, "/api/v1/audit?limit=1", &token).await,
        r#"{"items":[{"seq":2,"at":"2026-01-02T03:04:05Z","v":1,"kind":"login_failed","reason":"two","source":"192.0.2.7"}],"next":"2"}"#
    );
    assert_eq!(
        body(&front, "/api/v1/audit?limit=1&cursor=2", &token).await,
        r#"{"items":[{"seq":1,"at":"2026-01-02T03:04:05Z","v":1,"kind":"login_failed","reason":"one","source":"192.0.2.7"}],"next":null}"#
    );
}

#[tokio::test]
async fn a_certificate_has_this_form() {
    let front = front().await;
    let token = front.token("alice", "engineering").await;
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti alice";
    let asked =
        request(Method::POST, "/api/v1/certificates/ssh", &*token).header(header::CONTENT_TYPE, "application/json");
    let answer = front.send(asked, serde_json::json!({ "public_key": key }).to_string()).await.json();
    assert!(answer["certificate"].as_str().unwrap().starts_with("ssh-ed25519-cert-v01@openssh.com "));
    let serial: u64 = answer["serial"].as_str().unwrap().parse().unwrap();
    let stored = front.store.certificate(serial).await.unwrap().unwrap();
    assert_eq!(answer["expires_at"], stored.expires_at.to_string());
}

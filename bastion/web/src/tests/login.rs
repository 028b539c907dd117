//! Logins, with the demo's issuer at the other end.

use axum::body::Body;
use http::{Method, StatusCode, header};
use ledger::audit::AuditEvent;
use url::Url;

use super::front::{Answer, Front, URL, front, request};

/// What a browser remembers of an answer's cookies.
fn cookies(answer: &Answer) -> String {
    let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
    cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// Begins a console login and lets the issuer send the browser back: its cookies, and the path it is sent to.
async fn at_the_issuer(front: &Front, login: &str, person: &str) -> (String, String) {
    let begun = front.get(login, None).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let back = ask_issuer(begun.header(header::LOCATION), person).await;
    assert!(back.as_str().starts_with(URL), "{back}");
    (cookies(&begun), format!("{}?{}", back.path(), back.query().unwrap()))
}

async fn ask_issuer(url: &str, person: &str) -> Url {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = client.get(format!("{url}&demo_user={person}")).send().await.unwrap();
    answer.headers()[header::LOCATION].to_str().unwrap().parse().unwrap()
}

async fn come_back(front: &Front, cookies: &str, path: &str) -> Answer {
    front.send(request(Method::GET, path, None).header(header::COOKIE, cookies), Body::empty()).await
}

#[tokio::test]
async fn a_browser_logs_in_and_returns_to_where_it_was() {
    let front = front().await;
    let (under_way, callback) = at_the_issuer(&front, "/login?return_to=%2Faudit%3Fkind%3Dlogged_in", "carol").await;
    let done = come_back(&front, &under_way, &callback).await;
    assert_eq!((done.status, done.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/audit?kind=logged_in"));
    for cookie in done.headers.get_all(header::SET_COOKIE) {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age="), "{cookie}");
    }
    let whoami = come_back(&front, &cookies(&done), "/api/v1/whoami").await.json();
    assert_eq!(whoami["user"]["name"], "carol");
    assert_eq!(whoami["console"], serde_json::json!({ "sessions": true, "audit": true, "names": false }));
    assert!(matches!(front.audit().await.last(), Some(AuditEvent::LoggedIn { user, .. }) if user.as_str() == "carol"));

    let again = come_back(&front, &under_way, &callback).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "a login is finished once");
}

#[tokio::test]
async fn a_login_that_another_browser_began_is_not_finished() {
    let front = front().await;
    let (attacker, callback) = at_the_issuer(&front, "/login", "bob").await;
    let (victim, _) = at_the_issuer(&front, "/login", "alice").await;
    for cookies in ["", "__Host-bastion-login=", "__Host-bastion-login=.", &victim] {
        let refused = come_back(&front, cookies, &callback).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{cookies:?}");
        assert!(!self::cookies(&refused).contains("__Host-bastion="), "{refused:?}");
    }
    assert_eq!(come_back(&front, &attacker, &callback).await.status, StatusCode::SEE_OTHER, "it was not used up");
    for callback in ["/login/callback", "/login/callback?state=&code=x"] {
        assert_eq!(come_back(&front, "__Host-bastion-login=", callback).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_login_never_leads_to_another_place() {
    let front = front().await;
    for elsewhere in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "%2Fapi%2Fv1%2Flogin"] {
        let (under_way, callback) = at_the_issuer(&front, &format!("/login?return_to={elsewhere}"), "alice").await;
        let done = come_back(&front, &under_way, &callback).await;
        assert_eq!((done.status, done.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/"), "{elsewhere}");

        // The cookie is the browser's to change: what it names is checked again.
        let (under_way, callback) = at_the_issuer(&front, "/login", "alice").await;
        let changed = under_way.replace("./", ".//evil.example");
        let done = come_back(&front, &changed, &callback).await;
        assert_eq!((done.status, done.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/"));
    }
}

#[tokio::test]
async fn a_person_whom_the_issuer_refuses_sees_why() {
    let front = front().await;
    let (under_way, callback) = at_the_issuer(&front, "/login", "nobody").await;
    let refused = come_back(&front, &under_way, &callback).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text().contains("Log in again") && refused.text().contains("access_denied"), "{}", refused.text());
    assert!(matches!(front.audit().await.last(), Some(AuditEvent::LoginFailed { .. })));
}

#[tokio::test]
async fn hostile_words_of_the_issuer_are_shown_and_not_run() {
    let front = front().await;
    let (under_way, callback) = at_the_issuer(&front, "/login", "nobody").await;
    let hostile = format!("{callback}&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    let refused = come_back(&front, &under_way, &hostile).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.text().contains("<script"), "{}", refused.text());
}

#[tokio::test]
async fn the_command_line_logs_in_through_a_loopback_callback() {
    let front = front().await;
    let post = async |path: &str, body: serde_json::Value| {
        let asked = request(Method::POST, path, None).header(header::CONTENT_TYPE, "application/json");
        front.send(asked, body.to_string()).await
    };
    let begin = serde_json::json!({"redirect_uri": "http://127.0.0.1:7777/callback"});
    let begun = post("/api/v1/login", begin).await.json();
    let back = ask_issuer(begun["authorization_url"].as_str().unwrap(), "alice").await;
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let finish = serde_json::json!({"state": begun["state"], "code": code});
    let login = post("/api/v1/login/finish", finish.clone()).await.json();
    assert_eq!(login["user"]["name"], "alice");
    let token = login["token"].as_str().unwrap();
    assert_eq!(front.get("/api/v1/whoami", token).await.json()["user"]["groups"][0], "engineering");

    post("/api/v1/login/finish", finish).await.problem(StatusCode::BAD_REQUEST);
    let elsewhere = serde_json::json!({"redirect_uri": "https://evil.example/callback"});
    post("/api/v1/login", elsewhere).await.problem(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_device_login_waits_until_it_is_confirmed() {
    let front = front().await;
    let post = async |path: &str, body: String| {
        let asked = request(Method::POST, path, None).header(header::CONTENT_TYPE, "application/json");
        front.send(asked, body).await
    };
    let begun = post("/api/v1/login/device", "{}".into()).await.json();
    assert!(begun["interval"].as_u64().unwrap() > 0 && begun["user_code"].is_string());
    let poll = serde_json::json!({"device_id": begun["device_id"]}).to_string();
    let pending = post("/api/v1/login/device/poll", poll.clone()).await;
    assert_eq!(pending.status, StatusCode::ACCEPTED, "{pending:?}");
    assert!(pending.json()["interval"].as_u64().unwrap() > 0);
    post("/api/v1/login/device/poll", r#"{"device_id":"unknown"}"#.into()).await.problem(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn too_many_logins_from_one_address_have_to_wait() {
    let front = front().await;
    let mut last = StatusCode::OK;
    for _ in 0..200 {
        last = front.get("/login", None).await.status;
        if last != StatusCode::SEE_OTHER {
            break;
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

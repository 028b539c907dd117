//! The front before a cluster of the test's own, over real sockets.

mod claims;
mod cluster;
mod entry;
mod frames;
mod front;
pub(super) mod liar;
mod lifetime;
mod messages;
mod server_name;
pub(super) mod witness;

use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use ledger::audit::{AuditEvent, KubeRequestEvent};
use serde_json::Value;
use tokio::time::timeout;

use self::front::{Answer, Protocol, TestFront, front};

/// Long enough for a loaded machine; a test that waits for it has failed.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// What the cluster was asked, as it says itself.
fn seen(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

fn values(seen: &Value, name: &str) -> Vec<String> {
    let all = seen["headers"].as_array().unwrap().iter();
    all.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

/// The refusal's text, if it is a Status that kubectl understands.
fn refusal(answer: &Answer, status: StatusCode) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((body["kind"].as_str(), body["apiVersion"].as_str()), (Some("Status"), Some("v1")));
    assert_eq!(body["code"], status.as_u16());
    body["message"].as_str().unwrap().to_owned()
}

async fn request_events(front: &TestFront, count: usize) -> Vec<KubeRequestEvent> {
    let found =
        front.events(count, |event| if let AuditEvent::KubeRequest(request) = event { Some(*request) } else { None });
    found.await
}

#[tokio::test]
async fn the_cluster_sees_the_person_and_nothing_that_the_person_claims() {
    let front = front().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut user = front.certificate_of("alice", protocol).await;
        let answer = user
            .send(
                Method::GET,
                "/clusters/dev/api/v1/namespaces/shop/pods?limit=500&labelSelector=a%3Db",
                &[
                    ("x-remote-user", "root"),
                    ("authorization", "Bearer mine"),
                    ("x-forwarded-for", "10.0.0.1"),
                    ("accept", "application/vnd.kubernetes.protobuf"),
                ],
                b"",
            )
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        let seen = seen(&answer);
        assert_eq!(seen["uri"], "/base/api/v1/namespaces/shop/pods?limit=500&labelSelector=a%3Db");
        assert_eq!(values(&seen, "impersonate-user"), ["alice"]);
        assert_eq!(values(&seen, "impersonate-group"), ["engineering"]);
        assert_eq!(values(&seen, "authorization"), ["Bearer of-the-bastion"]);
        assert_eq!(values(&seen, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(values(&seen, "accept"), ["application/vnd.kubernetes.protobuf"]);
        for name in ["x-remote-user", "cookie"] {
            assert!(values(&seen, name).is_empty(), "{name}");
        }
    }
    let events = request_events(&front, 2).await;
    let event = &events[0];
    assert_eq!((event.user.as_str(), event.cluster.as_str(), event.verb.as_str()), ("alice", "dev", "list"));
    assert_eq!((event.resource.as_str(), event.namespace.as_str(), event.status), ("pods", "shop", Some(200)));
    assert!(event.bytes_out > 0 && event.refused.is_none());
}

#[tokio::test]
async fn only_a_credential_of_a_login_that_stands_counts() {
    let front = front().await;
    let path = "/clusters/dev/version";
    let mut nobody = front.connect(None, Protocol::Http1).await;
    let message = refusal(&nobody.send(Method::GET, path, &[], b"").await, StatusCode::UNAUTHORIZED);
    assert!(message.starts_with("bastion: "), "{message}");
    for token in
        ["Bearer x", "Bearer bkt_AAAAAAAAAAA.x", "Basic eDp5", &format!("Bearer {}", front.login_token("alice"))]
    {
        let answer = nobody.send(Method::GET, path, &[("authorization", token)], b"").await;
        refusal(&answer, StatusCode::UNAUTHORIZED);
    }
    let token = format!("Bearer {}", front.token_of("alice").await);
    let answer = nobody.send(Method::GET, path, &[("authorization", &token)], b"").await;
    assert_eq!(values(&seen(&answer), "impersonate-user"), ["alice"]);

    // One connection, two requests, and a logout between them.
    let mut user = front.certificate_of("alice", Protocol::Http2).await;
    assert_eq!(user.send(Method::GET, path, &[], b"").await.status, StatusCode::OK);
    front.log_out("alice").await;
    refusal(&user.send(Method::GET, path, &[], b"").await, StatusCode::UNAUTHORIZED);
    let answer = nobody.send(Method::GET, path, &[("authorization", &token)], b"").await;
    refusal(&answer, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_the_rules_do_not_allow_never_reaches_the_cluster() {
    let front = front().await;
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    let cases = [
        (Method::DELETE, "/clusters/dev/api/v1/namespaces/x", StatusCode::FORBIDDEN, "bastion: not here"),
        (Method::DELETE, "/clusters/dev/api/v1/namespaces/x/", StatusCode::FORBIDDEN, "bastion: not here"),
        (Method::PUT, "/clusters/dev/api/v1/namespaces/held/pods/p", StatusCode::FORBIDDEN, "needs approval"),
        (Method::GET, "/clusters/dev/api/v1/nodes/n/proxy/run", StatusCode::FORBIDDEN, "\"node-proxy\""),
        (Method::GET, "/clusters/dev/api/v1/namespaces/x/services/s/proxy/", StatusCode::FORBIDDEN, "\"port-forward\""),
        (Method::POST, "/clusters/dev/api/v1/namespaces/x/pods/p/attach", StatusCode::FORBIDDEN, "\"attach\""),
        (Method::POST, "/clusters/dev/api/v1/namespaces/x/pods/p/exec", StatusCode::BAD_REQUEST, "upgrade"),
        (
            Method::POST,
            "/clusters/watched/api/v1/namespaces/x/pods/p/portforward",
            StatusCode::BAD_REQUEST,
            "must ask for an upgrade",
        ),
        (Method::GET, "/clusters/prod/api/v1/pods", StatusCode::NOT_FOUND, "unknown cluster \"prod\""),
        (Method::GET, "/clusters/none/api/v1/pods", StatusCode::NOT_FOUND, "unknown cluster \"none\""),
        (Method::GET, "/clusters/dev/api/v1//pods", StatusCode::BAD_REQUEST, "empty segment"),
        (Method::GET, "/clusters/dev/api/v1/../v1/pods", StatusCode::BAD_REQUEST, "\"..\""),
        (Method::GET, "/clusters/dev/api/v1/%2e%2e/pods", StatusCode::BAD_REQUEST, "\"..\""),
        (Method::GET, "/clusters/dev/api/v1/pods%2fexec", StatusCode::BAD_REQUEST, "encoded"),
        (Method::GET, "/clusters/dev/../prod/api", StatusCode::BAD_REQUEST, "\"..\""),
        (Method::GET, "/clusters/%64ev/api", StatusCode::NOT_FOUND, "unknown cluster"),
        (Method::GET, "/api/v1/pods", StatusCode::NOT_FOUND, "/clusters/NAME"),
        (Method::TRACE, "/clusters/dev/api", StatusCode::BAD_REQUEST, "method"),
    ];
    for (method, path, status, expected) in cases {
        let answer = user.send(method.clone(), path, &[], b"").await;
        let message = refusal(&answer, status);
        assert!(message.contains(expected), "{method} {path}: {message}");
    }
    assert_eq!(front.cluster.requests(), 0);
    let events = request_events(&front, 12).await;
    assert!(events.iter().all(|event| event.refused.is_some()), "{events:?}");
    assert_eq!(events[0].rule.as_deref(), Some("no-ns-delete"));
}

#[tokio::test]
async fn an_upgrade_is_never_passed_on_unread() {
    let front = front().await;
    let upgrades: [&[(&str, &str)]; 4] = [
        &[
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ],
        &[("connection", "keep-alive, UPGRADE"), ("upgrade", "SPDY/3.1")],
        &[("upgrade", "h2c")],
        &[("connection", "upgrade")],
    ];
    for headers in upgrades {
        for path in [
            "/clusters/dev/api/v1/namespaces/x/pods/p/exec?command=id&stdout=true",
            "/clusters/dev/api/v1/pods",
            "/clusters/dev/api/v1/pods?watch=true",
        ] {
            // What a watch says over WebSocket is read here.
            if path.ends_with("watch=true") && headers.contains(&("upgrade", "websocket")) {
                continue;
            }
            let mut user = front.certificate_of("alice", Protocol::Http1).await;
            refusal(&user.send(Method::GET, path, headers, b"").await, StatusCode::FORBIDDEN);
        }
    }
    assert_eq!(front.cluster.requests(), 0);
}

#[tokio::test]
async fn bodies_pass_unchanged_both_ways() {
    let front = front().await;
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut user = front.certificate_of("alice", protocol).await;
        let path = "/clusters/dev/api/v1/namespaces/x/configmaps?echo";
        let answer = user.send(Method::POST, path, &[("content-type", "application/octet-stream")], &body).await;
        assert!(answer.body == body, "{} bytes came back", answer.body.len());
    }
    let events = request_events(&front, 2).await;
    for event in events {
        assert_eq!((event.verb.as_str(), event.bytes_in, event.bytes_out), ("create", 3_000_000, 3_000_000));
    }
}

#[tokio::test]
async fn a_watch_arrives_as_it_is_sent_and_ends_with_the_user() {
    let front = front().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut user = front.certificate_of("alice", protocol).await;
        let mut answer = user.open(Method::GET, "/clusters/dev/api/v1/pods?watch=true", &[], b"").await;
        for line in ["one\n", "two\n"] {
            front.cluster.push(line).await;
            let frame = timeout(SOON, answer.body_mut().frame()).await.unwrap().unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), line);
        }
        drop(answer);
        drop(user);
        timeout(SOON, front.cluster.watch_ended()).await.expect("the cluster was not told that the user left");
    }
    let events = request_events(&front, 2).await;
    assert!(events.iter().all(|event| event.verb == "watch" && event.bytes_out == 8), "{events:?}");
}

#[tokio::test]
async fn a_cluster_that_breaks_off_is_not_a_whole_answer() {
    let front = front().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut user = front.certificate_of("alice", protocol).await;
        let answer = user.open(Method::GET, "/clusters/dev/api/v1/pods?break", &[], b"").await;
        assert_eq!(answer.status(), StatusCode::OK);
        front.cluster.break_off();
        let whole = timeout(SOON, answer.into_body().collect()).await.unwrap();
        assert!(whole.is_err(), "half an answer was passed on as a whole one");
    }
}

#[tokio::test]
async fn the_bastions_own_trouble_with_the_cluster_is_not_the_users() {
    let front = front().await;
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    let answer = user.send(Method::GET, "/clusters/dev/api/v1/pods?unauthorized", &[], b"").await;
    assert!(refusal(&answer, StatusCode::BAD_GATEWAY).contains("own credential"));
    let spdy =
        [("connection", "Upgrade"), ("upgrade", "SPDY/3.1"), ("x-stream-protocol-version", "portforward.k8s.io")];
    let mut another = front.certificate_of("alice", Protocol::Http1).await;
    let path = "/clusters/lying/api/v1/namespaces/x/pods/p/portforward";
    refusal(&another.send(Method::POST, path, &spdy, b"").await, StatusCode::BAD_GATEWAY);
    let answer = user.send(Method::GET, "/clusters/gone/api/v1/pods", &[], b"").await;
    assert!(refusal(&answer, StatusCode::BAD_GATEWAY).contains("cannot be reached"));
    // What the cluster's own authorization says reaches the user as it is.
    let answer = user.send(Method::GET, "/clusters/dev/api/v1/pods?forbidden", &[], b"").await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::FORBIDDEN, &b"pods is forbidden"[..]));
}

#[tokio::test]
async fn a_cluster_changes_no_protocol_unasked_and_answers_once() {
    let front = front().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut user = front.certificate_of("alice", protocol).await;
        let answer = user.send(Method::GET, "/clusters/lying/switch", &[], b"").await;
        let message = refusal(&answer, StatusCode::BAD_GATEWAY);
        assert!(message.contains("changed the protocol unasked"), "{message}");
        // Before the answer there may be others, which say nothing.
        for path in ["/early", "/twice", "/once", "/once"] {
            let answer = user.send(Method::GET, &format!("/clusters/lying{path}"), &[], b"").await;
            assert_eq!((answer.status, &*answer.body), (StatusCode::OK, &b"fine\n"[..]), "{path}");
        }
    }
    assert!(front.liar.requests() >= 10);
}

#[tokio::test]
async fn a_request_with_two_lengths_is_one_request_or_none() {
    let front = front().await;
    let smuggled = "GET /clusters/dev/api/v1/secrets HTTP/1.1\r\nHost: b\r\n\r\n";
    for head in [
        format!("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Content-Length: 5\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len()),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Content-Length: +0\r\n\r\n{smuggled}"),
    ] {
        let raw = format!("POST /clusters/dev/api/v1/namespaces/x/pods HTTP/1.1\r\nHost: b\r\n{head}");
        front.send_raw("alice", raw.as_bytes()).await;
    }
    // Whatever the front made of them, the cluster got each as what the front had decided on: with one length, and
    // as a request of its own.
    for request in front.cluster.heads() {
        let lengths = values(&request, "content-length").len() + values(&request, "transfer-encoding").len();
        assert!(lengths <= 1, "{request}");
        assert_eq!(values(&request, "impersonate-user"), ["alice"]);
    }
}

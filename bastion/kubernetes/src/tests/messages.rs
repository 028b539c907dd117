//! Watches and logs over WebSocket: decided, counted and ended as they are without it.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Response, StatusCode};
use hyper::{body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, frame::coding::CloseCode},
    },
};

use super::{
    SOON,
    front::{Protocol, RULES, TestFront, front},
    request_events, values,
};

const WATCH: &str = "/clusters/dev/api/v1/pods?watch=true";
const LOG: &str = "/clusters/dev/api/v1/namespaces/x/pods/p/log?follow=true";

type Socket = WebSocketStream<TokioIo<Upgraded>>;

async fn ask(front: &TestFront, name: &str, path: &str, offered: &str) -> Response<Incoming> {
    let mut user = front.certificate_of(name, Protocol::Http1).await;
    let mut headers = vec![
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("accept", "application/vnd.kubernetes.protobuf, */*"),
    ];
    if !offered.is_empty() {
        headers.push(("sec-websocket-protocol", offered));
    }
    user.open(Method::GET, path, &headers, b"").await
}

async fn socket(response: Response<Incoming>) -> Socket {
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS, "{response:?}");
    let io = timeout(SOON, hyper::upgrade::on(response)).await.expect("no upgrade").unwrap();
    WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Client, None).await
}

async fn next(socket: &mut Socket) -> Message {
    timeout(SOON, socket.next()).await.expect("nothing comes").expect("it is over").unwrap()
}

fn code(message: &Message) -> Option<CloseCode> {
    if let Message::Close(Some(frame)) = message { Some(frame.code) } else { None }
}

#[tokio::test]
async fn each_event_of_a_watch_is_a_message_and_the_watch_ends_with_the_user() {
    let front = front().await;
    let response = ask(&front, "alice", WATCH, "base64.binary.k8s.io").await;
    assert_eq!(response.headers()["sec-websocket-protocol"], "base64.binary.k8s.io");
    let mut user = socket(response).await;
    for event in ["{\"type\":\"ADDED\"}\n", "{\"type\":\"MODIFIED\"}\n"] {
        front.cluster.push(event).await;
        assert_eq!(next(&mut user).await, Message::text(event));
    }
    front.cluster.push("{\"type\":\"DELETED\"}\n{\"type\":").await;
    assert_eq!(next(&mut user).await, Message::text("{\"type\":\"DELETED\"}\n"));
    // What a user says means nothing, and a ping is answered.
    user.send(Message::text("hello")).await.unwrap();
    user.send(Message::Ping(Bytes::from_static(b"?"))).await.unwrap();
    assert_eq!(next(&mut user).await, Message::Pong(Bytes::from_static(b"?")));
    drop(user);
    timeout(SOON, front.cluster.watch_ended()).await.expect("the cluster was not told that the user left");
    let seen = front.cluster.heads().remove(0);
    assert_eq!(
        (values(&seen, "impersonate-user"), values(&seen, "accept")),
        (vec!["alice".into()], vec!["application/json".into()])
    );
    for name in ["upgrade", "connection", "sec-websocket-key", "sec-websocket-protocol"] {
        assert!(values(&seen, name).is_empty(), "{name}");
    }
    let event = request_events(&front, 1).await.remove(0);
    assert_eq!((event.verb.as_str(), event.status), ("watch", Some(200)));
    assert!(event.bytes_out > 60 && event.refused.is_none(), "{event:?}");
}

#[tokio::test]
async fn a_log_comes_as_it_is_or_in_base64() {
    for (offered, first, line) in [
        ("", Message::Binary(Bytes::new()), Message::binary(&b"hello\n"[..])),
        ("binary.k8s.io", Message::Binary(Bytes::new()), Message::binary(&b"hello\n"[..])),
        ("base64.binary.k8s.io", Message::text(""), Message::text("aGVsbG8K")),
    ] {
        let front = front().await;
        let response = ask(&front, "alice", LOG, offered).await;
        let chosen = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(chosen.unwrap_or_default(), offered);
        let mut user = socket(response).await;
        front.cluster.push("hello\n").await;
        assert_eq!([next(&mut user).await, next(&mut user).await], [first, line], "{offered}");
    }
}

#[tokio::test]
async fn what_runs_over_websocket_ends_with_the_login_and_when_the_rules_change() {
    let front = front().await;
    let mut user = socket(ask(&front, "brief", WATCH, "").await).await;
    front.cluster.push("{\"type\":\"ADDED\"}\n").await;
    next(&mut user).await;
    let Message::Text(last) = next(&mut user).await else { panic!("no last event") };
    let event: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((event["type"].as_str(), event["object"]["code"].as_u64()), (Some("ERROR"), Some(401)));
    assert!(event["object"]["message"].as_str().unwrap().contains("your login has ended"), "{last}");
    assert_eq!(code(&next(&mut user).await), Some(CloseCode::Normal));

    let mut user = socket(ask(&front, "alice", LOG, "").await).await;
    front.cluster.push("hello\n").await;
    next(&mut user).await;
    next(&mut user).await;
    front.change_rules(&format!(
        "{RULES}  - {{ name: no-logs, effect: block, message: no logs now, match: {{ request: {{ subresources: [log] }} }} }}\n"
    ));
    let words = "bastion: the rules have changed: no logs now\n";
    assert_eq!(next(&mut user).await, Message::binary(words.as_bytes()));
    assert_eq!(code(&next(&mut user).await), Some(CloseCode::Error), "it is not taken for the whole");
    let ended = request_events(&front, 2).await;
    assert!(ended.iter().all(|event| event.ended.is_some()), "{ended:?}");
}

#[tokio::test]
async fn what_is_refused_is_refused_in_http() {
    let front = front().await;
    for (path, offered, status) in [
        // By a rule; by the role; by the cluster; because it is no watch and no log; for its subprotocol.
        ("/clusters/dev/api/v1/nodes/n/proxy/run?watch=true", "", StatusCode::FORBIDDEN),
        ("/clusters/watched/api/v1/pods?watch=true", "", StatusCode::FORBIDDEN),
        ("/clusters/dev/api/v1/namespaces/x/pods/p/log?forbidden", "", StatusCode::FORBIDDEN),
        ("/clusters/dev/api/v1/pods", "", StatusCode::FORBIDDEN),
        ("/clusters/dev/version?watch=true", "", StatusCode::FORBIDDEN),
        (LOG, "v4.channel.k8s.io", StatusCode::FORBIDDEN),
        ("/clusters/gone/api/v1/pods?watch=true", "", StatusCode::BAD_GATEWAY),
    ] {
        let response = ask(&front, "alice", path, offered).await;
        assert_eq!(response.status(), status, "{path}: {response:?}");
    }
    assert_eq!(front.cluster.requests(), 1);
}

//! A cluster that answers a handshake falsely is no connection, and is not asked once more.

use std::sync::{Arc, Mutex};

use super::*;
use crate::tests::liar::Liar;

const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";

/// What the cluster is asked for.
const STREAMS: Streams = Streams { stdin: true, stdout: true, stderr: true, tty: false };

async fn call(liar: &Liar) -> Call {
    let cluster = liar.connection().await;
    Call { cluster, path: PathAndQuery::from_static("/api/v1/namespaces/x/pods/p/exec"), headers: HeaderMap::new() }
}

/// Both ways to ask, each of a cluster that has refused nothing yet: whether both were told that the answer is none
/// that was asked for, and how many requests there were.
async fn both(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (bool, usize) {
    let liar = Liar::start(answer).await;
    let command = call(&liar).await.command(STREAMS).await.err();
    let forward = call(&liar).await.forward().await.err();
    let is_refused = |error: Option<DialError>| matches!(error, Some(DialError::Protocol));
    (is_refused(command) && is_refused(forward), liar.requests())
}

fn key(head: &str) -> &str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key")).map(|(_, key)| key).unwrap()
}

fn websocket(accept: &str, protocol: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    )
}

fn chosen(head: &str) -> String {
    let offered = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: ")).unwrap();
    format!("Sec-WebSocket-Protocol: {}\r\n", offered.split(',').next().unwrap())
}

#[tokio::test]
async fn an_honest_handshake_is_a_connection() {
    let liar = Liar::start(|head| websocket(&accept_key(key(head)), &chosen(head))).await;
    assert!(call(&liar).await.command(STREAMS).await.is_ok());
    let (_, transport) = call(&liar).await.forward().await.unwrap();
    assert_eq!(transport, ForwardTransport::WebSocket);
}

#[tokio::test]
async fn an_answer_to_another_key_is_none() {
    // That of the RFC's own example, one of the right length, the key itself, and none.
    let others: [fn(&str) -> String; 4] = [
        |_| "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned(),
        |head| accept_key(key(head)).to_ascii_lowercase(),
        |head| key(head).to_owned(),
        |_| String::new(),
    ];
    for other in others {
        assert_eq!(both(move |head| websocket(&other(head), &chosen(head))).await, (true, 2));
    }
}

#[tokio::test]
async fn a_subprotocol_that_was_not_offered_is_none() {
    for protocol in [
        "",
        "Sec-WebSocket-Protocol: \r\n",
        "Sec-WebSocket-Protocol: channel.k8s.io\r\n",
        "Sec-WebSocket-Protocol: base64.channel.k8s.io\r\n",
        "Sec-WebSocket-Protocol: v9.channel.k8s.io\r\n",
        "Sec-WebSocket-Protocol: V5.CHANNEL.K8S.IO\r\n",
        "Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n",
        "Sec-WebSocket-Protocol: v5.channel.k8s.io, SPDY/3.1+portforward.k8s.io\r\n",
    ] {
        assert_eq!(both(move |head| websocket(&accept_key(key(head)), protocol)).await, (true, 2), "{protocol}");
    }
    // What is offered for commands is not offered for ports, and the other way round.
    let swapped = |head: &str| {
        let other = if chosen(head).contains(PORT_FORWARD_TUNNEL) { "v5.channel.k8s.io" } else { PORT_FORWARD_TUNNEL };
        websocket(&accept_key(key(head)), &format!("Sec-WebSocket-Protocol: {other}\r\n"))
    };
    assert_eq!(both(swapped).await, (true, 2));
}

#[tokio::test]
async fn another_protocol_than_spdy_is_not_taken_for_it() {
    for answer in [
        "Upgrade: websocket\r\nX-Stream-Protocol-Version: v4.channel.k8s.io",
        "Upgrade: SPDY/2\r\nX-Stream-Protocol-Version: v4.channel.k8s.io",
        "X-Stream-Protocol-Version: portforward.k8s.io",
        "Upgrade: SPDY/3.1",
        "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ",
        "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v3.channel.k8s.io",
    ] {
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{answer}\r\n\r\n");
        let is_websocket = |head: &str| head.contains("sec-websocket-key");
        let told = both(move |head| if is_websocket(head) { REFUSED.to_owned() } else { answer.clone() }).await;
        assert_eq!(told, (true, 4));
    }
}

#[tokio::test]
async fn nothing_of_the_users_own_handshake_is_sent_on() {
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&heads);
    let liar = Liar::start(move |head| {
        kept.lock().unwrap().push(head.to_owned());
        REFUSED.to_owned()
    })
    .await;
    let mut call = call(&liar).await;
    call.headers.insert(STREAM_PROTOCOL, HeaderValue::from_static("v1.of-the-user"));
    assert!(matches!(call.command(STREAMS).await.err(), Some(DialError::Refused(told)) if told.body == "no"));
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|head| !head.contains("of-the-user")), "{heads:?}");
}

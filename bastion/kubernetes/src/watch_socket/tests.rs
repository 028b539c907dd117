//! The pieces of an answer become messages, however it is cut.

use http::Method;

use super::*;

fn messages(content: Content, pieces: &[&[u8]]) -> (Vec<Message>, Option<Message>) {
    let (mut messages, mut due) = (Messages { content, begun: BytesMut::new() }, Vec::new());
    for piece in pieces {
        messages.push(Bytes::copy_from_slice(piece), &mut due).unwrap();
    }
    (due, messages.last())
}

#[test]
fn each_event_is_one_message_however_it_is_cut() {
    let whole = "{\"type\":\"ADDED\"}\n{\"type\":\"MODIFIED\",\"x\":\"ä\"}\n{\"type\":\"half\"";
    let events = ["{\"type\":\"ADDED\"}\n", "{\"type\":\"MODIFIED\",\"x\":\"ä\"}\n"].map(Message::text);
    for first in 0..=whole.len() {
        for second in first..=whole.len() {
            let bytes = whole.as_bytes();
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            let (due, last) = messages(Content::Events, &pieces);
            assert_eq!(due, events, "cut at {first} and {second}");
            assert_eq!(last, Some(Message::text("{\"type\":\"half\"")));
        }
    }
}

#[test]
fn a_log_comes_in_its_pieces_and_nothing_is_lost() {
    let pieces: [&[u8]; 3] = [b"one\ntw", b"", b"o\xff\n"];
    let (due, last) = messages(Content::Log { base64: false }, &pieces);
    assert_eq!(due, [Message::binary(&b"one\ntw"[..]), Message::binary(&b"o\xff\n"[..])]);
    assert_eq!(last, None);
    let (due, _) = messages(Content::Log { base64: true }, &pieces);
    assert_eq!(due, [Message::text("b25lCnR3"), Message::text("b/8K")]);
}

#[test]
fn what_is_no_event_is_not_kept() {
    let mut endless = Messages { content: Content::Events, begun: BytesMut::new() };
    let mut due = Vec::new();
    let piece = Bytes::from(vec![b'x'; 1024 * 1024]);
    let refused = (0..20).map(|_| endless.push(piece.clone(), &mut due)).position(|pushed| pushed.is_err());
    assert_eq!((refused, due.len()), (Some(MAX_MESSAGE_BYTES / (1024 * 1024)), 0));
    let mut bytes = Messages { content: Content::Events, begun: BytesMut::new() };
    assert_eq!(bytes.push(Bytes::from_static(b"\xff\n"), &mut due), Err(NoMessage));
}

fn accepted(lifetime: Lifetime, offered: &str, accept: &str) -> Result<(String, Content, String), StatusCode> {
    let mut request = Request::builder().method(Method::GET).header("upgrade", "websocket");
    request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").header("sec-websocket-version", "13");
    request = request.header("sec-websocket-protocol", offered).header("accept", accept);
    let (head, ()) = request.header("accept-encoding", "gzip").body(()).unwrap().into_parts();
    let (socket, head) = WatchSocket::accept(head, lifetime).map_err(|refusal| refusal.status)?;
    assert!(!head.headers.contains_key("accept-encoding"));
    Ok((socket.protocol, socket.content, head.headers["accept"].to_str().unwrap().to_owned()))
}

#[test]
fn a_subprotocol_is_one_that_was_offered_and_never_a_token() {
    let token = "base64url.bearer.authorization.k8s.io.c2VjcmV0";
    let chosen =
        |lifetime, offered: &str| accepted(lifetime, offered, "*/*").map(|(protocol, content, _)| (protocol, content));
    let (raw, base64) = (Content::Log { base64: false }, Content::Log { base64: true });
    for (offered, expected) in [
        ("", Ok((String::new(), raw))),
        (token, Ok((String::new(), raw))),
        ("binary.k8s.io, base64.binary.k8s.io", Ok(("binary.k8s.io".to_owned(), raw))),
        (&format!("{token}, base64.binary.k8s.io"), Ok(("base64.binary.k8s.io".to_owned(), base64))),
        ("v4.channel.k8s.io", Err(StatusCode::FORBIDDEN)),
    ] {
        assert_eq!(chosen(Lifetime::Log, offered), expected, "{offered}");
    }
    let watch = |protocol: &str| Ok((protocol.to_owned(), Content::Events));
    assert_eq!(chosen(Lifetime::Watch, ""), watch(""));
    assert_eq!(chosen(Lifetime::Watch, &format!("{token}, base64.binary.k8s.io")), watch("base64.binary.k8s.io"));
}

#[test]
fn a_watch_is_asked_for_in_json() {
    let asked = |accept: &str| accepted(Lifetime::Watch, "", accept).unwrap().2;
    assert_eq!(asked("*/*"), "application/json");
    assert_eq!(asked("application/vnd.kubernetes.protobuf, application/json"), "application/json");
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    assert_eq!(asked(&format!("{table}, application/vnd.kubernetes.protobuf")), table);
}

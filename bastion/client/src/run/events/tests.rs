use api::id::ApprovalId;
use api::refusal::{ReasonCode, Refusal};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn parse(line: &str) -> Value {
    assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "{line:?}");
    serde_json::from_str(line).unwrap()
}

/// Feeds `packets`; gives the values of the lines.
fn encode(packets: &[Vec<u8>]) -> Vec<Value> {
    let mut encoder = OutputEncoder::new(Stream::Stdout);
    let mut lines: Vec<_> = packets.iter().filter_map(|packet| encoder.feed(packet)).collect();
    lines.extend(encoder.finish());
    lines.iter().map(|line| parse(line)).collect()
}

fn decode(events: &[Value]) -> Vec<u8> {
    let bytes = events.iter().map(|event| match (event.get("data"), event.get("base64")) {
        (Some(Value::String(text)), None) => text.clone().into_bytes(),
        (None, Some(Value::String(text))) => data_encoding::BASE64.decode(text.as_bytes()).unwrap(),
        other => panic!("{other:?}"),
    });
    bytes.flatten().collect()
}

fn split(bytes: &[u8], borders: &[usize]) -> Vec<Vec<u8>> {
    let mut borders: Vec<_> = borders.iter().map(|border| border % (bytes.len() + 1)).collect();
    borders.extend([0, bytes.len()]);
    borders.sort_unstable();
    borders.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn text_stays_text_wherever_packets_end(text in "[a-z\u{0}-\u{2ff}€\u{1f600}]{0,40}", borders in prop::collection::vec(any::<usize>(), 0..12)) {
        let events = encode(&split(text.as_bytes(), &borders));
        prop_assert!(events.iter().all(|event| event.get("data").is_some()));
        prop_assert_eq!(decode(&events), text.into_bytes());
    }

    #[test]
    fn no_byte_is_lost_or_changed(bytes in prop::collection::vec(any::<u8>(), 0..60), borders in prop::collection::vec(any::<usize>(), 0..12)) {
        prop_assert_eq!(decode(&encode(&split(&bytes, &borders))), bytes);
    }
}

#[test]
fn what_is_not_utf8_is_base64_and_spares_the_character_after_it() {
    let events = encode(&[b"\xff\xe2".to_vec(), b"\x82\xac!".to_vec(), b"\xf0\x9f".to_vec()]);
    assert_eq!(
        events,
        [
            json!({"event": "output", "stream": "stdout", "base64": "/w=="}),
            json!({"event": "output", "stream": "stdout", "data": "€!"}),
            json!({"event": "output", "stream": "stdout", "base64": "8J8="}),
        ]
    );
}

#[test]
fn a_line_moves_no_cursor() {
    let line = OutputEncoder::new(Stream::Stderr).feed("\x1b[2J\u{9b}2J\u{7f}\u{202e}\r\n".as_bytes()).unwrap();
    assert!(line.trim_end().bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{line:?}");
    assert_eq!(parse(&line)["data"], "\x1b[2J\u{9b}2J\u{7f}\u{202e}\r\n");
}

#[test]
fn waiting_carries_the_command_that_an_approver_types() {
    let approval: ApprovalId = "01935f00-0000-7000-8000-000000000001".parse().unwrap();
    let notice = Event::WaitingApproval {
        approval,
        rule: Some("restart-service".into()),
        message: "ask sre".into(),
        expires_at: Some("2026-11-22T10:00:00Z".parse().unwrap()),
    };
    assert_eq!(
        parse(&RunEvent::of(&notice).line()),
        json!({"event": "waiting_approval", "approval": approval, "rule": "restart-service", "message": "ask sre",
               "expires_at": "2026-11-22T10:00:00Z", "next": format!("bastion approvals approve {approval}")})
    );
}

#[test]
fn the_other_events_are_as_documented() {
    let started = Event::Started { session: None };
    let approved = Event::Approved { by: vec!["bob".into()] };
    let blocked = Event::from(Refusal::new(ReasonCode::NotAllowed, "no"));
    let table = [
        (RunEvent::of(&started), json!({"event": "started", "session": null})),
        (RunEvent::of(&approved), json!({"event": "approved", "by": ["bob"]})),
        (
            RunEvent::of(&blocked),
            json!({"event": "blocked", "code": "not_allowed", "rule": null, "message": "no", "approval": null}),
        ),
        (RunEvent::Error { message: "gone" }, json!({"event": "error", "message": "gone"})),
        (RunEvent::Exit { code: 7, signal: None }, json!({"event": "exit", "code": 7})),
        (RunEvent::Exit { code: 143, signal: Some("TERM") }, json!({"event": "exit", "code": 143, "signal": "TERM"})),
    ];
    for (event, expected) in table {
        assert_eq!(parse(&event.line()), expected);
    }
}

//! port-forward between a user and a cluster of the test's own.

mod site;

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use futures_util::SinkExt as _;
use ledger::audit::AuditEvent;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use wire::spdy::{Headers, ResetStatus};

use self::site::{BANNER, CLOSED, ECHO, RULES, Running, SILENT, SOON, channels, fast, forward, rules};
use super::{ForwardLimits, inbox};

#[tokio::test]
async fn each_connection_is_carried_by_itself_and_written_down() {
    let mut user = forward(fast(), None).await;
    let (error, data) = user.open(ECHO).await;
    user.echo(data, b"one").await;
    let (_, banner) = user.open(BANNER).await;
    user.until(|user| user.heard(banner) == b"hello\n").await;
    user.echo(data, b"two").await;
    user.socket.connection.finish(data).unwrap();
    assert_eq!(user.words(error).await, "");
    assert!(user.is_over(data));
    // One that fails leaves the others.
    let (error, _) = user.open(CLOSED).await;
    assert_eq!(user.words(error).await, "connection refused");
    user.echo(banner, b"still there").await;
    // The socket that was open from the beginning, and one for each of the others.
    assert_eq!(user.cluster.dialled.load(Ordering::SeqCst), 3);

    let closed = user.events(7, |event| {
        if let AuditEvent::PortOpened(event) = &event {
            return Some((event.port, "opened", 0, 0));
        }
        if let AuditEvent::PortClosed(event) = &event {
            return Some((event.port.port, "closed", event.bytes_in, event.bytes_out));
        }
        if let AuditEvent::KubeRequest(event) = event {
            Some((0, "all", event.bytes_in, event.bytes_out))
        } else {
            None
        }
    });
    let mut events = closed.await;
    events.sort_unstable();
    assert_eq!(
        events,
        [
            (0, "all", 17, 23),
            (ECHO, "closed", 6, 6),
            (ECHO, "opened", 0, 0),
            (BANNER, "closed", 11, 17),
            (BANNER, "opened", 0, 0),
            (CLOSED, "closed", 0, 0),
            (CLOSED, "opened", 0, 0),
        ]
    );
}

#[tokio::test]
async fn a_port_that_no_rule_allows_is_not_dialled() {
    let mut user = forward(fast(), None).await;
    let (error, _) = user.open(7022).await;
    assert_eq!(user.words(error).await, "bastion: use exec");
    let (error, _) = user.open(22).await;
    assert_eq!(user.words(error).await, "bastion: no role of yours allows port 22 on c");
    let (_, data) = user.open(ECHO).await;
    user.echo(data, b"x").await;
    assert_eq!(user.cluster.dialled.load(Ordering::SeqCst), 1);
    let refused = user.events(2, |event| {
        if let AuditEvent::PortOpened(event) = &event {
            assert_eq!(event.port, ECHO);
        }
        if let AuditEvent::PortRefused(event) = event {
            Some((event.port.port, event.rule, event.reason))
        } else {
            None
        }
    });
    let refused = refused.await;
    assert_eq!(refused[0], (7022, Some("no-sshd".to_owned()), "use exec".to_owned()));
    assert_eq!((refused[1].0, refused[1].1.clone(), refused.len()), (22, None, 2));
}

#[tokio::test]
async fn streams_that_are_no_pair_are_refused() {
    let mut user = forward(fast(), None).await;
    let open = |user: &mut Running, pairs: &[(&str, &str)]| user.socket.connection.open(&Headers::new(pairs)).unwrap();
    for headers in [
        &[("streamtype", "error")][..],
        &[("streamtype", "error"), ("port", "0"), ("requestid", "a")],
        &[("streamtype", "error"), ("port", "65536"), ("requestid", "a")],
        &[("streamtype", "error"), ("port", "ssh"), ("requestid", "a")],
        &[("streamtype", "other"), ("port", "80"), ("requestid", "a")],
        &[("streamtype", "data"), ("port", "80"), ("requestid", "never")],
        &[("port", "80")],
    ] {
        let id = open(&mut user, headers);
        user.until(|user| user.reset.contains(&(id, ResetStatus::PROTOCOL_ERROR))).await;
    }
    // One port was decided on; the other must not be reached by it.
    let error = open(&mut user, &[("streamtype", "error"), ("port", "80"), ("requestid", "b")]);
    user.accepted(error).await;
    let data = open(&mut user, &[("streamtype", "data"), ("port", "22"), ("requestid", "b")]);
    user.until(|user| user.reset.contains(&(data, ResetStatus::PROTOCOL_ERROR))).await;
    // Old clients give their pairs no name.
    let error = open(&mut user, &[("streamtype", "error"), ("port", "80")]);
    user.accepted(error).await;
    let data = open(&mut user, &[("streamtype", "data"), ("port", "80")]);
    user.echo(data, b"unnamed").await;
}

#[tokio::test]
async fn a_port_that_does_not_read_does_not_stall_the_others() {
    let limits = ForwardLimits { waiting_bytes: 128 * 1024, patience: Duration::from_millis(300), ..fast() };
    let mut user = forward(limits, None).await;
    let (silent_error, silent) = user.open(SILENT).await;
    let (_, echo) = user.open(ECHO).await;
    user.echo(echo, b"before").await;
    // What it does not read waits, and does not stop the others as long as it fits.
    user.accepted(silent).await;
    user.socket.connection.send(silent, &vec![0; 100 * 1024]).unwrap();
    user.echo(echo, b"while there is room").await;
    // Then it holds the others up for a time, and is ended.
    user.socket.connection.send(silent, &vec![0; 4 * 1024 * 1024]).unwrap();
    user.echo(echo, b"after").await;
    assert!(user.words(silent_error).await.contains("does not read"));
}

#[tokio::test]
async fn a_port_that_reads_slowly_is_not_ended_while_nobody_waits() {
    let limits = ForwardLimits { waiting_bytes: 1024, patience: Duration::from_millis(20), ..fast() };
    let mut user = forward(limits, None).await;
    let (error, data) = user.open(SILENT).await;
    user.accepted(data).await;
    user.socket.connection.send(data, &vec![0; 1024 * 1024]).unwrap();
    let ended = timeout(Duration::from_millis(400), user.words(error)).await;
    assert!(ended.is_err(), "it was ended: {ended:?}");
}

#[tokio::test]
async fn ten_thousand_connections_leave_nothing_behind() {
    let mut user = forward(fast(), None).await;
    for _ in 0..10_000 {
        let (error, data) = user.open(ECHO).await;
        user.echo(data, b"x").await;
        user.socket.connection.finish(data).unwrap();
        user.until(|user| user.is_over(error) && user.is_over(data)).await;
        user.heard.clear();
        user.accepted.clear();
        assert_eq!(user.socket.connection.streams(), 0);
        assert!(user.cluster.open.load(Ordering::SeqCst) < 50, "sockets are left open");
    }
    let cluster = user.cluster.clone();
    user.events(1, |event| if let AuditEvent::KubeRequest(event) = event { Some(event) } else { None }).await;
    let all_closed = async {
        while cluster.open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, all_closed).await.expect("sockets are left open");
}

#[tokio::test]
async fn more_connections_than_allowed_are_refused_and_others_take_their_turn() {
    let limits = ForwardLimits { connections: 2, ..fast() };
    let mut user = forward(limits, None).await;
    let (first_error, first) = user.open(ECHO).await;
    let (_, second) = user.open(ECHO).await;
    user.echo(first, b"1").await;
    user.echo(second, b"2").await;
    let (third, _) = user.open(ECHO).await;
    assert!(user.reset.contains(&(third, ResetStatus::REFUSED_STREAM)), "{:?}", user.reset);
    user.socket.connection.finish(first).unwrap();
    user.words(first_error).await;
    let (_, fourth) = user.open(ECHO).await;
    user.echo(fourth, b"4").await;
}

#[tokio::test]
async fn new_connections_come_no_faster_than_allowed() {
    let mut user = forward(ForwardLimits { per_second: 10, ..ForwardLimits::default() }, None).await;
    let started = Instant::now();
    for _ in 0..15 {
        let (_, data) = user.open(ECHO).await;
        user.echo(data, b"x").await;
    }
    // Ten at once, and five more at ten in a second.
    assert!(started.elapsed() >= Duration::from_millis(350), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_change_of_the_rules_ends_the_ports_that_they_no_longer_allow() {
    let mut user = forward(fast(), None).await;
    let (banner_error, banner) = user.open(BANNER).await;
    let (echo_error, echo) = user.open(ECHO).await;
    user.echo(banner, b"x").await;
    user.echo(echo, b"x").await;
    user.rules.send_replace(rules(&RULES.replace("7022", "7001, 7022")));
    assert!(user.words(banner_error).await.contains("the rules have changed: use exec"));
    user.echo(echo, b"goes on").await;
    user.rules
        .send_replace(rules(&RULES.replace("port-forward", "exec").replace(", ports: [ECHO, \"7000-7999\"]", "")));
    assert!(user.words(echo_error).await.contains("the rules have changed: no role of yours"));
    let ended = user.events(1, |event| if let AuditEvent::KubeRequest(event) = event { event.ended } else { None });
    assert!(ended.await[0].contains("the rules have changed"));
}

#[tokio::test]
async fn the_end_of_the_login_ends_every_port_with_words() {
    let mut user = forward(fast(), Some(SystemTime::now() + Duration::from_secs(2))).await;
    let (error, data) = user.open(ECHO).await;
    user.echo(data, b"x").await;
    assert!(user.words(error).await.contains("your login has ended"));
}

#[test]
fn what_a_port_is_sent_waits_in_order_and_is_bounded_by_who_puts_it() {
    let inbox = inbox::Inbox::new(Arc::default());
    inbox.put(inbox::PortInput::Data(Bytes::from_static(b"abc")));
    inbox.put(inbox::PortInput::End);
    assert_eq!(inbox.bytes(), 3);
    inbox.put(inbox::PortInput::Gone(None));
    assert_eq!(inbox.bytes(), 0);
}

#[tokio::test]
async fn a_client_library_has_its_ports_in_numbered_streams() {
    let mut user = channels(&[ECHO, BANNER]).await;
    let mut first: Vec<_> = Vec::new();
    for _ in 0..4 {
        first.push(user.next().await.unwrap());
    }
    let port = |port: u16| Bytes::copy_from_slice(&port.to_le_bytes());
    assert_eq!(first, [(0, port(ECHO)), (1, port(ECHO)), (2, port(BANNER)), (3, port(BANNER))]);
    assert_eq!(user.next().await, Some((2, Bytes::from_static(b"hello\n"))));
    user.send(0, b"one").await;
    assert_eq!(user.next().await, Some((0, Bytes::from_static(b"one"))));
    // What is of no stream, or is said where only the server speaks, says nothing.
    for nothing in [&[1, b'x'][..], &[3, b'x'], &[4, b'x'], &[255, b'x'], &[0], &[]] {
        user.socket.send(Message::binary(nothing.to_vec())).await.unwrap();
    }
    user.send(2, b"two").await;
    assert_eq!(user.next().await, Some((2, Bytes::from_static(b"two"))));
    let closed = user.events(5, |event| {
        if let AuditEvent::PortClosed(event) = &event {
            Some((event.port.port, event.bytes_in, event.bytes_out))
        } else if let AuditEvent::PortOpened(event) = &event {
            Some((event.port, 0, 0))
        } else if let AuditEvent::KubeRequest(event) = &event {
            Some((0, event.bytes_in, event.bytes_out))
        } else {
            None
        }
    });
    let mut events = closed.await;
    events.sort_unstable();
    assert_eq!(events, [(0, 6, 12), (ECHO, 0, 0), (ECHO, 3, 3), (BANNER, 0, 0), (BANNER, 3, 9)]);
}

#[tokio::test]
async fn a_client_library_is_told_of_a_port_that_no_rule_allows_or_that_is_closed() {
    for (port, words) in [
        (7022, "bastion: use exec"),
        (22, "bastion: no role of yours allows port 22 on c"),
        (CLOSED, "connection refused"),
    ] {
        let mut user = channels(&[port]).await;
        user.next().await.unwrap();
        user.next().await.unwrap();
        assert_eq!(user.next().await, Some((1, Bytes::from(words))), "{port}");
        // No stream ends before the socket does.
        assert_eq!(user.next().await, None, "{port}");
        assert_eq!(user.cluster.dialled.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_client_librarys_ports_end_when_the_rules_change() {
    let mut user = channels(&[ECHO]).await;
    user.next().await.unwrap();
    user.next().await.unwrap();
    user.send(0, b"x").await;
    user.next().await.unwrap();
    user.rules.send_replace(rules("roles: { none: { groups: [x], console: [audit] } }"));
    // The connection to the port and the socket find out by themselves, and each may say so.
    let mut told = 0;
    while let Some((stream, words)) = user.next().await {
        assert!(stream == 1 && words.starts_with(b"bastion: the rules have changed"), "{stream}: {words:?}");
        told += 1;
    }
    assert!(told > 0, "it ended without a word");
}

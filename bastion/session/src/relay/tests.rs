use std::{sync::Arc, time::Duration};

use config::RuleDoc;
use mask::WindowSize;
use policy::RuleSet;
use tokio::sync::watch;

use super::*;
use crate::{
    outbox::{OUTBOX_BYTES, OUTBOX_ITEMS},
    permit::tests::{of_test, permit},
    terminal::{Failure, Pixels, Signal},
};

fn relay() -> Relay {
    Relay::new(Gate::Open, Tap::new(None, false))
}

fn stdout(data: &'static [u8]) -> RelayEvent {
    RelayEvent::Target(FromTarget::Stdout(Bytes::from_static(data)))
}

/// What would be written to the user, in order.
fn written(relay: &mut Relay) -> Vec<String> {
    std::iter::from_fn(|| relay.to_user.pop())
        .map(|item| match item {
            ToUser::Close => "close".to_owned(),
            ToUser::Eof => "eof".to_owned(),
            ToUser::Exit(status) => format!("exit {}", status.shell_code()),
            ToUser::Failed(failure) => format!("failed {}", String::from_utf8_lossy(&failure.words).trim()),
            ToUser::Message(_, text) => format!("message {}", String::from_utf8_lossy(&text).trim()),
            ToUser::Unread => "unread".to_owned(),
            ToUser::Output(stream, masked, _) => format!("{stream:?} {}", String::from_utf8_lossy(masked.bytes())),
        })
        .collect()
}

/// What would be written to the target, in order.
fn sent(relay: &mut Relay) -> Vec<String> {
    std::iter::from_fn(|| relay.to_target.pop())
        .map(|item| match item {
            ToTarget::Close => "close".to_owned(),
            ToTarget::Eof => "eof".to_owned(),
            ToTarget::Input(data) | ToTarget::Judged(data) => String::from_utf8_lossy(&data).into_owned(),
            ToTarget::Resize(size, pixels) => format!("{}x{} {}x{}", size.cols, size.rows, pixels.width, pixels.height),
            ToTarget::Signal(signal) => format!("signal {signal}"),
        })
        .collect()
}

fn typed(data: &'static str) -> RelayEvent {
    RelayEvent::User(FromUser::Data(Bytes::from_static(data.as_bytes())))
}

/// A session with a terminal, in which this runs.
fn terminal(command: &str) -> Relay {
    let gate = LineGate::new(of_test(), WindowSize::DEFAULT, Some(command));
    Relay::new(Gate::Lines(Box::new(gate)), Tap::new(None, false))
}

/// Lets time pass until the gate waits for nothing more.
async fn settle(relay: &mut Relay) {
    while let Some(due) = relay.gate_deadline() {
        tokio::time::sleep_until(due + Duration::from_millis(1)).await;
        relay.handle(RelayEvent::GateDue);
    }
}

#[test]
fn output_exit_status_eof_and_close_keep_their_order() {
    let mut relay = relay();
    relay.handle(stdout(b"last words"));
    relay.handle(RelayEvent::Target(FromTarget::Exit(ExitStatus::Code(7))));
    relay.handle(RelayEvent::Target(FromTarget::Eof));
    relay.handle(RelayEvent::Target(FromTarget::Closed));
    assert!(!relay.is_over(), "the user has not got it yet");
    assert_eq!(written(&mut relay), ["Stdout last words", "exit 7", "eof", "close"]);
    assert!(relay.is_over());
    assert_eq!(relay.into_outcome().end, SessionEnd::Exited { status: 7 });
}

#[test]
fn what_a_target_says_of_a_program_that_did_not_run_comes_before_its_exit_status() {
    let mut relay = relay();
    relay.handle(stdout(b"out"));
    let failure = Failure {
        words: Bytes::from_static(b"no such file\n"),
        stream: OutputStream::Stderr,
        exact: Bytes::from_static(b"{}"),
    };
    relay.handle(RelayEvent::Target(FromTarget::Failed(failure)));
    relay.handle(RelayEvent::Target(FromTarget::Exit(ExitStatus::Code(1))));
    relay.handle(RelayEvent::Target(FromTarget::Closed));
    assert_eq!(written(&mut relay), ["Stdout out", "failed no such file", "exit 1", "close"]);
    let outcome = relay.into_outcome();
    assert_eq!((outcome.end, outcome.tap.output_bytes()), (SessionEnd::Exited { status: 1 }, 16));
}

#[test]
fn a_signal_is_the_end_that_is_stored() {
    let mut relay = relay();
    relay.handle(RelayEvent::Target(FromTarget::Exit(ExitStatus::Signal("KILL".into()))));
    relay.handle(RelayEvent::Target(FromTarget::Closed));
    assert_eq!(relay.into_outcome().end, SessionEnd::Signalled { signal: "KILL".into() });
}

#[test]
fn a_user_who_does_not_read_can_still_type() {
    let mut relay = relay();
    let chunk = Bytes::from(vec![b'x'; 32 * 1024]);
    while relay.reads_target() {
        relay.handle(RelayEvent::Target(FromTarget::Stdout(chunk.clone())));
    }
    assert!(relay.to_user.bytes <= OUTBOX_BYTES + chunk.len(), "the outbox is bounded");
    assert!(relay.reads_user());
    relay.handle(RelayEvent::User(FromUser::Data(Bytes::from_static(b"\x03"))));
    assert!(matches!(relay.to_target.pop(), Some(ToTarget::Input(data)) if data == b"\x03"[..]));
}

#[test]
fn tiny_packets_fill_the_outbox_by_their_number() {
    let mut relay = relay();
    let mut packets = 0;
    while relay.reads_target() {
        relay.handle(stdout(b"x"));
        packets += 1;
    }
    assert_eq!(packets, OUTBOX_ITEMS);
}

#[test]
fn a_window_opens_only_when_the_bytes_have_been_written() {
    let mut relay = relay();
    assert_eq!(relay.handle(stdout(b"four")), Released::default());
    assert_eq!(relay.handle(RelayEvent::UserWritten(Ok(4))), Released { to_target: 4, to_user: 0 });
    let typed = RelayEvent::User(FromUser::Data(Bytes::from_static(b"ls\r")));
    assert_eq!(relay.handle(typed), Released::default());
    assert_eq!(relay.handle(RelayEvent::TargetWritten(Ok(3))), Released { to_target: 0, to_user: 3 });
}

#[test]
fn after_the_user_has_gone_the_target_is_closed_and_still_drained() {
    let mut relay = relay();
    relay.handle(stdout(b"unread"));
    assert_eq!(relay.handle(RelayEvent::User(FromUser::Closed)), Released { to_target: 6, to_user: 0 });
    assert!(matches!(relay.to_target.pop(), Some(ToTarget::Close)));
    assert!(relay.deadline.is_some(), "the target has a time limit");
    assert_eq!(relay.handle(stdout(b"more")), Released { to_target: 4, to_user: 0 });
    assert_eq!(relay.tap.output_bytes(), 10);
    relay.handle(RelayEvent::Target(FromTarget::Closed));
    assert!(relay.is_over());
    let end = relay.into_outcome().end;
    assert!(matches!(&end, SessionEnd::Disconnected { reason } if reason.contains("user")), "{end:?}");
}

#[test]
fn a_target_that_vanishes_is_told_to_the_user_with_status_255() {
    let mut relay = relay();
    relay.handle(stdout(b"half a li"));
    relay.handle(RelayEvent::Target(FromTarget::Closed));
    let written = written(&mut relay);
    assert_eq!(written[0], "Stdout half a li");
    assert!(written[1].contains("the connection to the target was lost"), "{written:?}");
    assert_eq!(written[2..], ["exit 255", "close"]);
    let end = relay.into_outcome().end;
    assert!(matches!(&end, SessionEnd::Disconnected { reason } if reason.contains("target")), "{end:?}");
}

#[test]
fn after_the_bastion_has_ended_a_session_nothing_of_the_target_is_shown() {
    let mut relay = relay();
    relay.handle(stdout(b"before"));
    relay.handle(RelayEvent::Terminated("the bastion is stopping".into()));
    assert!(!relay.reads_target());
    let written = written(&mut relay);
    assert_eq!(written[0], "Stdout before");
    assert!(written[1].contains("session ended: the bastion is stopping"), "{written:?}");
    assert_eq!(written[2..], ["exit 255", "eof", "close"]);
    assert!(matches!(relay.to_target.pop(), Some(ToTarget::Close)));
    assert!(matches!(relay.into_outcome().end, SessionEnd::Terminated { .. }));
}

#[test]
fn a_required_recording_that_fails_ends_the_session() {
    let failure = || RelayEvent::RecordingFailed(RecordError::Overrun);
    let mut required = Relay::new(Gate::Open, Tap::new(None, true));
    required.handle(failure());
    assert!(matches!(required.end, Some(SessionEnd::Terminated { .. })));

    let mut best_effort = relay();
    best_effort.handle(failure());
    assert_eq!(best_effort.end, None);
    assert!(best_effort.into_outcome().recording_failure.is_some(), "it is reported");
}

#[test]
fn a_user_who_closes_the_channel_is_told_how_the_program_ends() {
    let mut relay = relay();
    relay.handle(RelayEvent::User(FromUser::Eof));
    relay.handle(stdout(b"unread"));
    assert_eq!(relay.handle(RelayEvent::User(FromUser::Closing)), Released { to_target: 6, to_user: 0 });
    assert!(std::mem::take(&mut relay.tells_unread), "the program has no reader any more");
    assert_eq!(sent(&mut relay), ["eof", "close"]);
    assert!(relay.deadline.is_none() && !relay.is_over(), "it takes the time that it takes");
    relay.handle(stdout(b"late"));
    relay.handle(RelayEvent::Target(FromTarget::Eof));
    relay.handle(RelayEvent::Target(FromTarget::Exit(ExitStatus::Code(7))));
    relay.handle(RelayEvent::Target(FromTarget::Closed));
    assert_eq!(written(&mut relay), ["exit 7", "close"]);
    assert!(relay.is_over());
    assert_eq!(relay.into_outcome().end, SessionEnd::Exited { status: 7 });
}

#[test]
fn a_write_that_fails_does_not_say_that_the_user_is_gone() {
    let mut relay = relay();
    relay.handle(RelayEvent::UserWritten(Err(LegClosed)));
    assert!(relay.deadline.is_some() && sent(&mut relay).is_empty(), "the reading half says soon what it was");
    relay.handle(RelayEvent::User(FromUser::Closing));
    assert!(relay.deadline.is_none());
    relay.handle(RelayEvent::Target(FromTarget::Exit(ExitStatus::Code(3))));
    relay.handle(RelayEvent::Target(FromTarget::Closed));
    assert_eq!(written(&mut relay), ["exit 3", "close"]);
}

#[test]
fn output_that_nobody_reads_is_dropped_and_its_program_ends() {
    let mut relay = relay();
    relay.handle(stdout(b"first"));
    assert_eq!(relay.handle(RelayEvent::User(FromUser::Unread)), Released { to_target: 5, to_user: 0 });
    assert!(std::mem::take(&mut relay.tells_unread));
    relay.handle(typed("more"));
    relay.handle(RelayEvent::Target(FromTarget::Stderr(Bytes::from_static(b"why"))));
    assert_eq!(written(&mut relay), ["Stderr why"], "only standard output is unread");

    let chunk = Bytes::from(vec![b'y'; 64 * 1024]);
    let mut released = 0;
    for _ in 0..10 * UNREAD_LIMIT / chunk.len() {
        released += relay.handle(RelayEvent::Target(FromTarget::Stdout(chunk.clone()))).to_target;
    }
    assert_eq!(released, UNREAD_LIMIT, "then its window stays closed");
    assert!(relay.drops_input && relay.deadline.is_some());
    assert_eq!(sent(&mut relay), ["close"]);
    relay.handle(RelayEvent::Target(FromTarget::Closed));
    let written = written(&mut relay);
    assert!(written[0].contains("nobody reads its output"), "{written:?}");
    let end = relay.into_outcome().end;
    assert!(matches!(&end, SessionEnd::Disconnected { reason } if reason.contains("nobody read")), "{end:?}");
}

#[test]
fn the_end_of_reading_is_passed_on_the_other_way() {
    let mut relay = relay();
    relay.handle(RelayEvent::Target(FromTarget::Unread));
    assert_eq!(written(&mut relay), ["unread"]);
}

#[tokio::test]
async fn what_comes_behind_input_that_the_gate_holds_waits_for_it() {
    let size = WindowSize { cols: 120, rows: 40 };
    let mut relay = terminal("read x; echo got $x");
    // Nothing was printed yet, so the gate waits for a prompt.
    relay.handle(typed("yes\n"));
    relay.handle(RelayEvent::User(FromUser::Resize(size, Pixels { width: 1200, height: 800 })));
    relay.handle(RelayEvent::User(FromUser::Signal(Signal("USR1".into()))));
    relay.handle(RelayEvent::User(FromUser::Eof));
    assert_eq!(sent(&mut relay), [""; 0]);
    settle(&mut relay).await;
    let sent = sent(&mut relay);
    let (input, rest) = sent.split_at(sent.len() - 3);
    assert_eq!(input.concat(), "yes\n");
    assert_eq!(rest, ["120x40 1200x800", "signal USR1", "eof"]);
}

#[tokio::test]
async fn an_interrupt_while_other_people_decide_takes_back_what_was_typed_behind_it() {
    let role =
        "r: { users: [alice], allow: [{ targets: { names: [web1] }, logins: [root], capabilities: [pty, shell] }] }";
    let rule = "{ name: rm, effect: approve, approvers: { groups: [sre] }, match: { command: { program: [rm] } } }";
    let rules = RuleDoc::parse(&format!("roles: {{ {role} }}\nrules: [{rule}]"), "rules.yaml").unwrap();
    let rules = watch::Sender::new(Arc::new(RuleSet::compile(&[rules]).unwrap()));
    let gate = LineGate::new(permit(&rules), WindowSize::DEFAULT, None);
    let mut relay = Relay::new(Gate::Lines(Box::new(gate)), Tap::new(None, false));
    for event in [stdout(b"$ "), typed("rm x"), stdout(b"rm x"), typed("\r")] {
        relay.handle(event);
        settle(&mut relay).await;
    }
    assert!(relay.decisions.iter().any(|decision| matches!(decision, Decision::Ask(_))), "{:?}", relay.decisions);
    sent(&mut relay);
    relay.handle(RelayEvent::User(FromUser::Signal(Signal("USR1".into()))));
    assert_eq!(relay.handle(typed("too late\r")).to_user, 0, "it waits behind the signal");
    assert_eq!(relay.handle(typed("\x03")).to_user, "too late\r\x03".len());
    assert!(relay.decisions.iter().any(|decision| matches!(decision, Decision::Withdraw)));
    settle(&mut relay).await;
    let sent = sent(&mut relay).concat();
    assert!(sent.contains("signal USR1") && !sent.contains("late"), "{sent:?}");
}

#[tokio::test]
async fn what_waits_is_bounded_and_is_no_credit_to_the_user() {
    let mut relay = terminal("sleep 9");
    relay.handle(typed("x"));
    relay.handle(RelayEvent::User(FromUser::Signal(Signal("USR1".into()))));
    let chunk = Bytes::from(vec![b'x'; 32 * 1024]);
    let mut fed = 0;
    while relay.reads_user() {
        assert_eq!(relay.handle(RelayEvent::User(FromUser::Data(chunk.clone()))).to_user, 0);
        fed += chunk.len();
    }
    assert!(fed <= OUTBOX_BYTES + chunk.len());
    let mut relay = terminal("sleep 9");
    relay.handle(typed("x"));
    for cols in 1..500 {
        relay.handle(RelayEvent::User(FromUser::Resize(WindowSize { cols, rows: 9 }, Pixels::default())));
    }
    assert!(relay.reads_user(), "only the last size counts");
    settle(&mut relay).await;
    assert_eq!(sent(&mut relay).last().map(String::as_str), Some("499x9 0x0"));
}

#[test]
fn a_session_that_the_bastion_ends_leaves_the_terminal_as_it_was() {
    let mut relay = terminal("vim");
    relay.handle(stdout(b"\x1b[?1049h\x1b[?1000;1006h\x1b[>1u\x1b[?25l~"));
    relay.handle(RelayEvent::Terminated("the login has ended".into()));
    let written = written(&mut relay);
    assert_eq!(written[1], "message \x1b[<1u\x1b[?25h\x1b[?1000l\x1b[?1006l\x1b[?1049l");
    assert!(written[2].starts_with("message bastion: session ended"), "{written:?}");

    // Without a terminal there is nothing to put back.
    let mut piped = self::relay();
    piped.handle(stdout(b"\x1b[?1049h"));
    piped.handle(RelayEvent::Terminated("the login has ended".into()));
    assert!(self::written(&mut piped)[1].starts_with("message bastion: session ended"));
}

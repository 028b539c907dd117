use super::*;
use crate::session::{
    outbox::{OUTBOX_BYTES, OUTBOX_ITEMS},
    terminal::Failure,
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
            ToUser::Output(stream, masked, _) => format!("{stream:?} {}", String::from_utf8_lossy(masked.bytes())),
        })
        .collect()
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

use config::rules::KeptBinary;
use mask::{Masked, Masker, WindowSize};
use proptest::prelude::*;

use super::*;
use crate::asciicast::{
    MAX_LINE_BYTES, MAX_TEXT_BYTES,
    reader::{CastEvent, CastEventKind, CastReader},
};

const PTY: Mode = Mode { pty: true, keep_binary: KeptBinary::UpTo(0) };
const HEADER: &[u8] = b"{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n";

fn masked(bytes: &[u8]) -> Masked {
    Masker::new().feed(Bytes::copy_from_slice(bytes))
}

fn read(lines: &[u8]) -> Vec<CastEvent> {
    CastReader::new([HEADER, lines].concat().as_slice()).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn times_do_not_drift() {
    let mut encoder = Encoder::new(PTY);
    let mut lines = Vec::new();
    for step in 1..=100_000_u32 {
        encoder.event(Duration::from_nanos(333_333) * step, &EventKind::Marker(String::new()), &mut lines);
    }
    let events = read(&lines);
    assert_eq!(events.last().unwrap().at, Duration::from_millis(33_333));
    assert_eq!(encoder.duration(), Duration::from_millis(33_333));
    assert_eq!(encoder.events(), 100_000);
}

#[test]
fn a_size_that_no_player_survives_is_bounded() {
    let huge = WindowSize { cols: u16::MAX, rows: u16::MAX };
    let details = Details {
        user: "alice".parse().unwrap(),
        target: "web1".parse().unwrap(),
        login: "root".parse().unwrap(),
        source: String::new(),
        kind: "shell".into(),
    };
    let header = Header { size: huge, term: None, title: None, command: None, env: BTreeMap::new(), details };
    let mut cast = header_line(SessionId::new(), Timestamp::UNIX_EPOCH, header);
    Encoder::new(PTY).event(Duration::ZERO, &EventKind::Resize(huge), &mut cast);
    let mut reader = CastReader::new(cast.as_slice()).unwrap();
    assert_eq!(reader.header().size, WindowSize::LARGEST);
    let event = reader.next_event().unwrap().unwrap();
    assert!(matches!(event.kind, CastEventKind::Resize(WindowSize::LARGEST)), "{event:?}");
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut encoder = Encoder::new(PTY);
    let mut lines = Vec::new();
    encoder.event(Duration::from_secs(5), &EventKind::Marker("a".into()), &mut lines);
    encoder.event(Duration::from_secs(4), &EventKind::Marker("b".into()), &mut lines);
    assert_eq!(lines, b"[5.000, \"m\", \"a\"]\n[0.000, \"m\", \"b\"]\n");
}

#[test]
fn a_large_chunk_becomes_several_bounded_lines() {
    let mut encoder = Encoder::new(PTY);
    let mut lines = Vec::new();
    let zeros = vec![0; 3 * MAX_EVENT_BYTES + 1];
    encoder.event(Duration::ZERO, &EventKind::Output(masked(&zeros)), &mut lines);
    assert_eq!(read(&lines).len(), 4);
    assert!(lines.split(|byte| *byte == b'\n').all(|line| line.len() < MAX_LINE_BYTES));
}

#[test]
fn a_long_marker_is_cut_and_says_so() {
    let mut lines = Vec::new();
    let label = "\u{20ac}".repeat(MAX_TEXT_BYTES);
    Encoder::new(PTY).event(Duration::ZERO, &EventKind::Marker(label), &mut lines);
    let [CastEvent { kind: CastEventKind::Marker(label), .. }] = &read(&lines)[..] else { panic!("one marker") };
    assert!(label.ends_with('…') && label.len() <= MAX_TEXT_BYTES);
}

#[test]
fn nothing_is_written_for_the_beginning_of_a_character() {
    let mut encoder = Encoder::new(PTY);
    let mut lines = Vec::new();
    encoder.event(Duration::from_millis(7), &EventKind::Stderr(masked(b"\xe2\x82")), &mut lines);
    assert!(lines.is_empty());
    encoder.event(Duration::from_millis(9), &EventKind::Stderr(masked(b"\xac")), &mut lines);
    assert_eq!(String::from_utf8(lines).unwrap(), "# stderr\n[0.009, \"o\", \"\u{20ac}\"]\n");
}

#[test]
fn a_signal_is_a_marker_and_a_shell_status_and_comes_once() {
    let mut encoder = Encoder::new(PTY);
    let mut lines = Vec::new();
    encoder.event(Duration::ZERO, &EventKind::Exit(ExitStatus::Signal("KILL".into())), &mut lines);
    encoder.finish(Duration::ZERO, &End::Signalled { signal: "KILL".into() }, &mut lines);
    assert_eq!(
        String::from_utf8(lines).unwrap(),
        "[0.000, \"m\", \"ended by signal KILL\"]\n[0.000, \"x\", \"137\"]\n"
    );
}

#[test]
fn output_after_the_exit_status_is_recorded_before_it() {
    let mut encoder = Encoder::new(PTY);
    let mut lines = Vec::new();
    encoder.event(Duration::ZERO, &EventKind::Exit(ExitStatus::Code(1)), &mut lines);
    encoder.event(Duration::ZERO, &EventKind::Output(masked(b"last words")), &mut lines);
    encoder.finish(Duration::ZERO, &End::Disconnected { reason: "the user left".into() }, &mut lines);
    let kinds: Vec<_> = read(&lines).into_iter().map(|event| event.kind).collect();
    let marker = CastEventKind::Marker("disconnected: the user left".into());
    assert_eq!(kinds, [CastEventKind::Output("last words".into()), marker, CastEventKind::Exit("1".into())]);
}

#[test]
fn with_a_terminal_or_on_request_binary_is_recorded() {
    for mode in [PTY, Mode { pty: false, keep_binary: KeptBinary::All }] {
        let mut encoder = Encoder::new(mode);
        let mut lines = Vec::new();
        encoder.event(Duration::ZERO, &EventKind::Output(masked(b"\0\0x\xff")), &mut lines);
        encoder.finish(Duration::ZERO, &End::Exited { status: 0 }, &mut lines);
        let kinds: Vec<_> = read(&lines).into_iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [CastEventKind::Output("\0\0x\u{fffd}".into()), CastEventKind::Exit("0".into())]);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Output(Vec<u8>),
    Stderr(Vec<u8>),
    Input(Vec<u8>),
    Resize(u16, u16),
    Marker(String),
}

fn steps() -> impl Strategy<Value = Vec<(u32, Step)>> {
    let bytes = || prop::collection::vec(prop_oneof![any::<u8>(), 0x20_u8..0x7f, Just(0xe2), Just(0x82)], 0..30);
    let step = prop_oneof![
        bytes().prop_map(Step::Output),
        bytes().prop_map(Step::Stderr),
        bytes().prop_map(Step::Input),
        (1_u16.., 1_u16..).prop_map(|(cols, rows)| Step::Resize(cols, rows)),
        any::<String>().prop_map(Step::Marker),
    ];
    prop::collection::vec((0..5_000_000_u32, step), 0..40)
}

proptest! {
    #[test]
    fn what_was_recorded_is_read_back(steps in steps()) {
        let mut encoder = Encoder::new(PTY);
        let (mut lines, mut at) = (Vec::new(), Duration::ZERO);
        let (mut stdout, mut stderr, mut input, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (micros, step) in steps {
            at += Duration::from_micros(micros.into());
            let event = match step {
                Step::Output(bytes) => { stdout.extend(&bytes); EventKind::Output(masked(&bytes)) }
                Step::Stderr(bytes) => { stderr.extend(&bytes); EventKind::Stderr(masked(&bytes)) }
                Step::Input(bytes) => { input.extend(&bytes); EventKind::Input(masked(&bytes)) }
                Step::Resize(cols, rows) => {
                    let size = WindowSize { cols, rows };
                    others.push((to_millis(at), CastEventKind::Resize(size.bounded())));
                    EventKind::Resize(size)
                }
                Step::Marker(label) => {
                    others.push((to_millis(at), CastEventKind::Marker(label.clone())));
                    EventKind::Marker(label)
                }
            };
            encoder.event(at, &event, &mut lines);
        }
        encoder.finish(at, &End::Exited { status: 7 }, &mut lines);
        others.push((to_millis(at), CastEventKind::Exit("7".into())));

        let (mut read_stdout, mut read_stderr, mut read_input, mut read_others) =
            (String::new(), String::new(), String::new(), Vec::new());
        let events = read(&lines);
        prop_assert_eq!(events.len() as u64, encoder.events());
        for CastEvent { at, kind } in events {
            match kind {
                CastEventKind::Output(text) => read_stdout.push_str(&text),
                CastEventKind::Stderr(text) => read_stderr.push_str(&text),
                CastEventKind::Input(text) => read_input.push_str(&text),
                kind @ (CastEventKind::Exit(_) | CastEventKind::Marker(_) | CastEventKind::Other(..) | CastEventKind::Resize(_)) => read_others.push((u64::try_from(at.as_millis()).unwrap(), kind)),
            }
        }
        prop_assert_eq!(read_stdout, String::from_utf8_lossy(&stdout));
        prop_assert_eq!(read_stderr, String::from_utf8_lossy(&stderr));
        prop_assert_eq!(read_input, String::from_utf8_lossy(&input));
        prop_assert_eq!(read_others, others);
    }
}

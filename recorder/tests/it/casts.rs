//! Golden casts: byte for byte what we write, and what older writers wrote.
//!
//! `BLESS=1 cargo test -p recorder golden` writes them anew after a wanted change.

use std::{fs, path::Path, time::Duration};

use bytes::Bytes;
use config::rules::KeptBinary;
use mask::{Masked, Masker, WindowSize};
use recorder::{
    End, EventKind, ExitStatus, Mode, SessionId,
    asciicast::{
        reader::{CastError, CastEventKind, CastReader},
        v3::{Encoder, header_line},
    },
};

use crate::fixture::header;

fn masked(bytes: &'static [u8]) -> Masked {
    Masker::new().feed(Bytes::from_static(bytes))
}

fn check(name: &str, cast: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/casts").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, cast).unwrap();
    }
    let golden = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(String::from_utf8_lossy(cast), String::from_utf8_lossy(&golden), "{name}");
}

fn cast(mode: Mode, events: &[(u64, EventKind)], end: &End) -> Vec<u8> {
    let id: SessionId = "01a2034d-e708-75b8-af5e-a05aa330aa2c".parse().unwrap();
    let mut lines = header_line(id, id.made_at(), header());
    let mut encoder = Encoder::new(mode);
    for (micros, event) in events {
        encoder.event(Duration::from_micros(*micros), event, &mut lines);
    }
    let last = events.last().map_or(0, |(micros, _)| *micros);
    encoder.finish(Duration::from_micros(last), end, &mut lines);
    lines
}

#[test]
fn golden_shell_with_resize_split_characters_and_a_signal() {
    let events = [
        (120_400, EventKind::Output(masked(b"\x1b[1;32mweb1\x1b[0m $ "))),
        (240_900, EventKind::Output(masked(b"Gr\xc3"))),
        (241_300, EventKind::Output(masked(b"\xbc\xc3\x9fe \xf0\x9f\x98\x80 \xff\"\\\x7f\r\n"))),
        (1_000_500, EventKind::Resize(WindowSize { cols: 132, rows: 43 })),
        (2_000_000, EventKind::Marker("command: ls -l".into())),
        (2_000_000, EventKind::Input(masked(b"ls -l\r"))),
        (3_500_000, EventKind::Exit(ExitStatus::Signal("TERM".into()))),
    ];
    let cast = cast(Mode { pty: true, ..Mode::default() }, &events, &End::Signalled { signal: "TERM".into() });
    check("shell.cast", &cast);
}

#[test]
fn golden_exec_with_stderr_and_binary() {
    let events = [
        (1_000, EventKind::Output(masked(b"C0644 8 a.bin\n"))),
        (2_000, EventKind::Stderr(masked(b"warning: slow\n"))),
        (3_000, EventKind::Output(masked(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"))),
        (4_000, EventKind::Output(masked(b"short\xff\xfe\0\0\0"))),
        (4_500, EventKind::Output(masked(b"a line of text in it\n\0"))),
        (5_000, EventKind::Stderr(masked(b"done\n"))),
    ];
    let mode = Mode { pty: false, keep_binary: KeptBinary::UpTo(12) };
    check("exec-binary.cast", &cast(mode, &events, &End::Exited { status: 0 }));
}

#[test]
fn a_cast_from_before_binary_segments_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/casts/exec.cast");
    let bytes = fs::read(path).unwrap();
    let events: Vec<_> = CastReader::new(bytes.as_slice()).unwrap().collect::<Result<_, _>>().unwrap();
    let sums = events.iter().filter(
        |event| matches!(&event.kind, CastEventKind::Marker(label) if label.contains("13 binary bytes not recorded, sha256")),
    );
    assert_eq!((events.len(), sums.count()), (7, 1));
}

#[test]
fn golden_session_that_was_terminated() {
    let events = [(10_000, EventKind::Output(masked(b"$ "))), (20_000, EventKind::Output(masked(b"\xe2\x82")))];
    let end = End::Terminated { reason: "the rules changed".into() };
    check("terminated.cast", &cast(Mode { pty: true, ..Mode::default() }, &events, &end));
}

#[test]
fn version_2_of_other_writers_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/casts/v2.cast");
    let bytes = fs::read(path).unwrap();
    let mut reader = CastReader::new(bytes.as_slice()).unwrap();
    assert_eq!(reader.header().size, WindowSize { cols: 80, rows: 24 });
    assert_eq!(reader.header().title.as_deref(), Some("Demo"));
    let events: Vec<_> = reader.by_ref().collect::<Result<_, _>>().unwrap();
    let times: Vec<_> = events.iter().map(|event| event.at.as_millis()).collect();
    assert_eq!(times, [249, 1001, 1500, 2144]);
    assert_eq!(events[1].kind, CastEventKind::Output("That was ok\rThis is better.".into()));
    assert_eq!(events[2].kind, CastEventKind::Resize(WindowSize { cols: 100, rows: 50 }));
    assert_eq!(events[3].kind, CastEventKind::Other("z".into(), "future".into()));
}

#[test]
fn what_is_no_cast_is_an_error_that_names_the_line() {
    for bytes in
        ["", "\n", "[]", "{\"version\":1}", "{\"version\":3}", "{\"version\":3,\"term\":{\"cols\":-1,\"rows\":1}}"]
    {
        assert!(matches!(CastReader::new(bytes.as_bytes()), Err(CastError::Header(_))), "{bytes:?}");
    }
    let header = "{\"version\":3,\"term\":{\"cols\":0,\"rows\":0}}\n\n# comment\n";
    let too_long = format!("[0.1, \"o\", \"{}\"]", "x".repeat(2 << 20));
    for line in
        ["[", "[1]", "[-1,\"o\",\"\"]", "[1e300,\"o\",\"\"]", "[0,\"r\",\"80\"]", "[0,\"o\",1]", "\u{0}", &too_long]
    {
        let cast = format!("{header}{line}\n");
        let mut reader = CastReader::new(cast.as_bytes()).unwrap();
        let error = reader.next_event().unwrap_err().to_string();
        assert!(error.starts_with("line 4: "), "{line:.20}: {error}");
    }
}

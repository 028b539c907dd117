//! Which bytes are which key, and that their chunks do not matter.

use proptest::prelude::*;

use super::{Key, KeyPress, KeyReader};

#[test]
fn what_terminals_send_is_read() {
    let cases: &[(&[u8], &[Key])] = &[
        ("aé漢".as_bytes(), &[Key::Char('a'), Key::Char('é'), Key::Char('漢')]),
        (b"\r\n\t\x7f\x08", &[Key::Enter, Key::LineFeed, Key::Tab, Key::Backspace, Key::Ctrl('h')]),
        (b"\x01\x1a\x1c\x1f", &[Key::Ctrl('a'), Key::Ctrl('z'), Key::Ctrl('\\'), Key::Ctrl('_')]),
        (b"\x1bb\x1b\x7f\x1b\r\x1b#", &[Key::Alt('b'), Key::AltBackspace, Key::AltCtrl('m'), Key::Alt('#')]),
        ("\x1bé".as_bytes(), &[Key::Alt('é')]),
        (b"\x1b[A\x1b[B\x1bOC\x1bOD", &[Key::Up, Key::Down, Key::Right, Key::Left]),
        (b"\x1b[1;5D\x1b[1;3C\x1bOd\x1b[1;1A", &[Key::WordLeft, Key::WordRight, Key::WordLeft, Key::Up]),
        (b"\x1b[1;2D\x1b[3;5~\x1b[D;", &[Key::Unknown, Key::Unknown, Key::Left, Key::Char(';')]),
        (b"\x1b[H\x1b[1~\x1b[7~\x1bOH\x1b[F\x1b[4~\x1b[8~\x1bOF", &[[Key::Home; 4], [Key::End; 4]].concat()),
        (b"\x1b[2~\x1b[3~\x1b[5~\x1b[6~\x1b[Z", &[Key::Insert, Key::Delete, Key::PageUp, Key::PageDown, Key::BackTab]),
        (b"\x1bOP\x1b[[E\x1b[15~\x1b[24~", &[Key::Function(1), Key::Function(5), Key::Function(5), Key::Function(12)]),
        (b"\x1b[13u\x1b[99;5u\x1b[27u\x1b[98;3u", &[Key::Enter, Key::Ctrl('c'), Key::Escape, Key::Alt('b')]),
        (b"\x1b[27;5;97~\x1b[97;6u\x1b[57441;1u", &[Key::Ctrl('a'), Key::Unknown, Key::Unknown]),
        (b"\x1b[24;80R\x1b[?64;1;2c\x1b[?2026;2$y\x1b[I\x1b[O\x1b[<0;3;4M", &[Key::Report; 6]),
        (b"\x1b]11;rgb:0000/0000/0000\x1b\\\x1b]10;rgb:ff/ff/ff\x07\x1bP1+r544e=78\x1b\\", &[Key::Report; 3]),
        (b"\x1b]52;c;cm0=\x07\x1b]0;reboot\x1b\\\x1bP1$reboot\x1b\\", &[Key::Unknown; 3]),
        (b"\x1b[M ab\x1b[7$\x1b\x1b[A", &[Key::Unknown; 3]),
        (
            b"\x1b\x1bx\x1b_x\x1bPx",
            &[Key::Escape, Key::Alt('x'), Key::Alt('_'), Key::Char('x'), Key::Alt('P'), Key::Char('x')],
        ),
        (
            b"\x00\xff\xc3(\xc2\x9b\xf0\x9f",
            &[Key::Invalid, Key::Invalid, Key::Invalid, Key::Char('('), Key::Invalid, Key::Invalid],
        ),
        (b"\x1b", &[Key::Escape]),
        (b"\x1b[", &[Key::Alt('[')]),
        (b"\x1b[1;", &[Key::Unknown]),
    ];
    for (bytes, keys) in cases {
        let read: Vec<Key> = read(&[bytes]).iter().map(|press| press.key).collect();
        assert_eq!(&read, keys, "{}", bytes.escape_ascii());
    }
}

#[test]
fn nothing_hides_enter_in_a_sequence() {
    for start in
        ["\x1b[", "\x1b[1;", "\x1bO", "\x1b]0;x", "\x1bP1$r", "\x1b[M", "\x1b[Ma", "\x1b_G", "\x1b[[", "\x1b\x1b["]
    {
        let presses = read(&[start.as_bytes(), b"\r"]);
        assert_eq!(presses.last().map(|press| press.key), Some(Key::Enter), "{}", start.escape_debug());
    }
    assert_eq!(read(&[b"\x1b\r"]).first().map(|press| press.key), Some(Key::AltCtrl('m')));
}

#[test]
fn a_paste_ends_only_with_its_mark() {
    let presses = read(&[b"\x1b[200~a\x1b[A\r\x1b\x1b[201~\x1b[A"]);
    let keys: Vec<Key> = presses.iter().map(|press| press.key).collect();
    let pasted = [Key::Char('a'), Key::Escape, Key::Char('['), Key::Char('A'), Key::Enter, Key::Escape];
    assert_eq!(keys, [&[Key::PasteStart], &pasted[..], &[Key::PasteEnd, Key::Up]].concat());
}

#[test]
fn what_is_too_long_is_not_kept() {
    let mut reader = KeyReader::default();
    let mut presses = Vec::new();
    for start in ["\x1b[", "\x1b]1", "\x1bP1"] {
        reader.feed(start.as_bytes(), &mut presses);
        reader.feed(&[b'1'; 5000], &mut presses);
        assert!(reader.kept() <= super::reader::MAX_STRING);
        reader.flush(&mut presses);
    }
    assert!(presses.iter().any(|press| press.key == Key::Unknown));
}

proptest! {
    #[test]
    fn chunks_do_not_matter_and_no_byte_is_lost(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..80), terminal_bytes()],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = read(&[&bytes]);
        let chunks = crate::chunks::chunks(&bytes, &cuts);
        prop_assert_eq!(&read(&chunks), &whole);
        let again: Vec<u8> = whole.iter().flat_map(|press| press.bytes.iter().copied()).collect();
        prop_assert_eq!(again, bytes);
    }
}

/// Bytes of the kind that sequences are made of.
fn terminal_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "\x1b",
        "[",
        "O",
        "]",
        "P",
        "_",
        "M",
        "1",
        ";",
        "5",
        "D",
        "~",
        "u",
        "200~",
        "\x1b[200~",
        "\x1b[201~",
        "\r",
        "\n",
        "\x07",
        "\x1b\\",
        "$",
        "y",
        "?",
        "<",
        "R",
        "a",
        "é",
        "\u{9b}",
        "x",
        "\x00",
        "rgb:",
        "0",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

fn read(chunks: &[&[u8]]) -> Vec<KeyPress> {
    let mut reader = KeyReader::default();
    let mut presses = Vec::new();
    for chunk in chunks {
        reader.feed(chunk, &mut presses);
    }
    reader.flush(&mut presses);
    presses
}

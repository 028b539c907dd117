//! What is known of a line after its keys, and what a gate does with each.

use proptest::prelude::*;

use super::{LineTracker, Pressed};
use crate::key::{Key, KeyReader};

#[test]
fn edits_that_shells_agree_on_are_followed() {
    let cases = [
        ("ls -l", "ls -l", 5),
        ("héllo\x7f\x7fp", "hélp", 4),
        ("l -l\x01\x1b[Cs", "ls -l", 2),
        ("ab\x02\x08", "b", 0),
        ("abc\x1b[D\x1b[D\x1b[3~", "ac", 1),
        ("abc\x1b[H\x0b", "", 0),
        ("rm -rf /tmp\x15ls", "ls", 2),
        ("echo one two\x17", "echo one ", 9),
        ("echo one \x17", "echo ", 5),
        ("echo one two\x1bb\x1bd", "echo one ", 9),
        ("echo one two\x1b\x7f", "echo one ", 9),
        ("rm x\x01\x0c\x1b[4~y", "rm xy", 5),
        ("ab\x1b[D\x04", "a", 1),
        ("rm\x16-", "rm-", 3),
        ("\tls\x03pwd", "pwd", 3),
        ("a\x1b[24;80Rb", "ab", 2),
    ];
    for (keys, text, cursor) in cases {
        let (tracker, _) = typed(keys.as_bytes());
        assert_eq!((tracker.text(), tracker.cursor()), (Some(text), Some(cursor)), "{}", keys.escape_debug());
    }
}

#[test]
fn what_shells_do_differently_is_unknown() {
    let cases = [
        "l\t",
        "\x1b[A",
        "a\x10",
        "a\x12b",
        "a\x19",
        "a\x1f",
        "ab\x14",
        "a\x1b.",
        "a\x1b3b",
        "ls /tmp/x\x17",
        "a b\x01\x1bf",
        "a b\x01\x1bd",
        "a-b\x1bb",
        "'a b\x1b\x7f",
        "ab\x02\x15",
        "ls\x05",
        "ls\x1b[C",
        "e\u{301}\x7f",
        "ls\x16\t",
        "a\x1b[2~b",
        "a\x1b[1;5Db",
        "ls\x1b",
        "a\x11",
        "a\x07",
    ];
    for keys in cases {
        let (mut tracker, _) = typed(keys.as_bytes());
        assert_eq!(tracker.text(), None, "{}", keys.escape_debug());
        assert!(!tracker.is_certainly_empty());
        // What is gone in one shell need not be in another; only the interrupt is the same in all.
        let _ = tracker.press(&Key::Ctrl('e'));
        let _ = tracker.press(&Key::Ctrl('u'));
        assert_eq!(tracker.text(), None);
    }
}

#[test]
fn keys_that_run_something_without_enter_do_not_pass() {
    let cases = [
        "#x\x1b1\x1b#",
        "ls\x1b\x05",
        "ls\x1ba",
        "ls\x1bA",
        "ls\x1bx",
        "ls\x1bq",
        "ls\x1bh",
        "ls\x1bo",
        "ls\x1be",
        "ls\x1b\r",
        "ls\x1bn",
        "ls\x18",
        "ls\x18\x05",
        "ls\x18x",
        "ls\x00",
        "ls\u{9b}",
        "ls\x1d",
        "ls\x1e",
        "ls\x1bOP",
        "ls\x1b[24~",
    ];
    for keys in cases {
        assert_eq!(typed(keys.as_bytes()).1.last(), Some(&Pressed::Refuse), "{}", keys.escape_debug());
    }
    assert_eq!(typed(b"\xff").1, [Pressed::Refuse]);
}

#[test]
fn a_lone_escape_makes_the_next_key_a_meta_key() {
    let mut tracker = LineTracker::new();
    assert_eq!(tracker.press(&Key::Char('x')), Pressed::Edit);
    assert_eq!(tracker.press(&Key::Escape), Pressed::Edit);
    assert_eq!(tracker.text(), None);
    for refused in [Key::Char('#'), Key::Char('a'), Key::Ctrl('e'), Key::Escape, Key::PasteStart, Key::Char('#')] {
        assert_eq!(tracker.press(&refused), Pressed::Refuse, "{refused:?}");
    }
    assert_eq!(tracker.press(&Key::Char('b')), Pressed::Edit);
    for refused in [Key::Char('v'), Key::Char('#'), Key::PasteStart] {
        assert_eq!(tracker.press(&refused), Pressed::Refuse, "{refused:?}");
    }
    assert_eq!(tracker.press(&Key::Enter), Pressed::Submit);
    tracker.clear();
    assert_eq!(tracker.press(&Key::Char('v')), Pressed::Edit);
}

#[test]
fn a_quoted_key_is_never_taken_for_the_end_of_the_line() {
    for (key, pressed) in [
        (Key::Ctrl('c'), Pressed::Edit),
        (Key::Ctrl('d'), Pressed::SubmitUnlessEditing),
        (Key::Enter, Pressed::Submit),
        (Key::PasteStart, Pressed::Refuse),
        (Key::Alt('#'), Pressed::Refuse),
    ] {
        for quote in ['v', 'q'] {
            let mut tracker = LineTracker::new();
            let _ = tracker.press(&Key::Ctrl(quote));
            assert!(!tracker.is_certainly_empty());
            assert_eq!(tracker.press(&key), pressed, "{key:?}");
            assert!(!tracker.is_certainly_empty(), "{key:?}");
        }
    }
}

#[test]
fn submit_keys_are_named() {
    for (keys, pressed) in [
        ("ls\r", Pressed::Submit),
        ("ls\n", Pressed::Submit),
        ("ls\x0f", Pressed::Submit),
        ("ls\x04", Pressed::SubmitUnlessEditing),
        ("\t\x04", Pressed::SubmitUnlessEditing),
        ("\x04", Pressed::EndOfInput),
        ("\x03", Pressed::Interrupt),
        ("\x1a", Pressed::Suspend),
        ("\x1b[?64c", Pressed::Report),
        ("\x1b[200~", Pressed::PasteStart),
    ] {
        assert_eq!(typed(keys.as_bytes()).1.last(), Some(&pressed), "{}", keys.escape_debug());
    }
}

#[test]
fn a_chord_takes_its_second_key_along_but_not_an_interrupt() {
    let (tracker, pressed) = typed(b"ls\x18\rx");
    assert_eq!(pressed.get(2..), Some(&[Pressed::Refuse, Pressed::Refuse, Pressed::Edit][..]));
    assert_eq!(tracker.text(), Some("lsx"));
    assert_eq!(typed(b"ls\x18\x03").1.last(), Some(&Pressed::Interrupt));
}

#[test]
fn a_paste_is_taken_as_it_is() {
    let mut tracker = LineTracker::new();
    tracker.paste("one\rtwo\r\nthree");
    assert_eq!(tracker.text(), Some("one\ntwo\nthree"));
    let _ = tracker.press(&Key::Ctrl('u'));
    assert_eq!(tracker.text(), None);
    tracker.clear();
    tracker.paste("a\x1b[A");
    assert_eq!(tracker.text(), None);
}

#[test]
fn the_length_is_bounded() {
    let mut tracker = LineTracker::new();
    tracker.paste(&"x".repeat(super::MAX_BYTES));
    assert!(tracker.text().is_some());
    let _ = tracker.press(&Key::Char('x'));
    assert_eq!(tracker.text(), None);
    let _ = tracker.press(&Key::Char('x'));
    assert!(tracker.text.is_empty());
}

proptest! {
    #[test]
    fn chunks_do_not_matter(bytes in terminal_bytes(), size in 1_usize..7) {
        let whole = typed(&bytes);
        let mut tracker = LineTracker::new();
        let mut pressed = Vec::new();
        let mut reader = KeyReader::default();
        let mut presses = Vec::new();
        for chunk in bytes.chunks(size) {
            reader.feed(chunk, &mut presses);
            pressed.extend(presses.drain(..).map(|press| tracker.press(&press.key)));
        }
        reader.flush(&mut presses);
        pressed.extend(presses.drain(..).map(|press| tracker.press(&press.key)));
        prop_assert_eq!(tracker.text(), whole.0.text());
        prop_assert_eq!(tracker.cursor(), whole.0.cursor());
        prop_assert_eq!(pressed, whole.1);
    }
}

fn terminal_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        any::<char>().prop_map(|char| char.to_string().into_bytes()),
        prop::sample::select(vec![
            "a", "bc", " ", "é", "漢", "e\u{301}", "\x7f", "\x01", "\x02", "\x04", "\x05", "\x06", "\x0b", "\x15",
            "\x17", "\x1bb", "\x1bf", "\x1bd", "\x1b\x7f", "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F", "\x1b[3~", "\x03",
            "\r", "\x16",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn typed(bytes: &[u8]) -> (LineTracker, Vec<Pressed>) {
    let (mut reader, mut tracker, mut presses) = (KeyReader::default(), LineTracker::new(), Vec::new());
    reader.feed(bytes, &mut presses);
    reader.flush(&mut presses);
    let pressed = presses.iter().map(|press| tracker.press(&press.key)).collect();
    (tracker, pressed)
}

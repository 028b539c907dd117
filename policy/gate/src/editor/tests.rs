//! What is entered, and that the screen of a terminal shows it, after any keys and at any width.

use avt::Terminal;
use proptest::prelude::*;
use unicode_width::UnicodeWidthChar as _;

use super::{Entered, LineEditor, layout};
use crate::key::{Key, KeyReader};

#[test]
fn emacs_keys_edit() {
    let cases = [
        ("ls -l", "ls -l"),
        ("l -l\x01\x1b[Cs", "ls -l"),
        ("one two\x17three", "one three"),
        ("one two\x15\x19\x19", "one twoone two"),
        ("one two three\x17\x17\x19", "one two three"),
        ("one two\x01\x0b\x19!", "one two!"),
        ("one/two\x1b\x7fx", "one/x"),
        ("one two\x1bb\x1bdx", "one x"),
        ("ab\x14", "ba"),
        ("abc\x02\x14", "acb"),
        ("one two\x01\x1bu\x1bc", "ONE Two"),
        ("one two\x15\x1f", "one two"),
        ("one two\x1f", "one"),
        ("he\u{301}\x7f", "h"),
        ("漢字\x02\x04", "漢"),
        ("a\x1b[200~b\rc\n\x1b[201~d", "ab\ncd"),
        ("a\x1b[24;80Rb", "ab"),
        ("a\x1b[H\x1b[3~b", "b"),
    ];
    for (keys, line) in cases {
        assert_eq!(typed(keys, 80).1, [Entered::Line(line.to_owned())], "{}", keys.escape_debug());
    }
}

#[test]
fn the_history_goes_up_and_down_and_is_searched() {
    let cases = [
        ("one\rtwo\r\x1b[A", "two"),
        ("one\rtwo\r\x10\x10", "one"),
        ("one\rone\rtwo\r\x10\x10\x10\x10", "one"),
        ("one\rdraft\x10\x0e", "draft"),
        ("one\rtwo\rx\x1b<", "one"),
        ("make a\rls\rmake b\r\x12mak", "make b"),
        ("make a\rls\rmake b\r\x12mak\x12", "make a"),
        ("make a\rls\rmake b\r\x12mak\x12\x13", "make b"),
        ("make a\rls\rx\x12mak\x07y", "xy"),
        ("make a\rls\r\x12mak\x05!", "make a!"),
        ("make a\rls\r\x12makx\x7f", "make a"),
        ("make a\rls\r\x12nothing\x1b[Cx", "x"),
    ];
    for (keys, line) in cases {
        assert_eq!(typed(keys, 80).1.last(), Some(&Entered::Line(line.to_owned())), "{}", keys.escape_debug());
    }
}

#[test]
fn a_line_ends_by_enter_interrupt_or_end_of_input() {
    let mut editor = LineEditor::new("$ ", 80);
    editor.begin();
    assert_eq!(editor.press(&Key::Ctrl('d')).done, Some(Entered::EndOfInput));
    editor.begin_with("rm x");
    assert_eq!(editor.text(), "rm x");
    assert_eq!(editor.press(&Key::Ctrl('d')).done, None);
    let step = editor.press(&Key::Ctrl('c'));
    assert!(step.draw.ends_with(b"$ rm x^C\r\n"));
    assert_eq!(step.done, Some(Entered::Interrupted));
}

#[test]
fn what_is_not_printable_is_made_visible() {
    assert_eq!(screen("a\x1b[200~\x1b[31m\tb\x07\u{202e}c\x1b[201~", 80), ["$ a^[[31m       b^G<202e>c", "$"]);
    let mut editor = LineEditor::new("\x1b[2J", 80);
    assert_eq!(editor.begin(), b"\x1b[J^[[2J");
    assert_eq!(editor.paste("\u{9b}\x7f"), b"\r\x1b[J^[[2J<9b>^?");
}

#[test]
fn secrets_are_neither_drawn_nor_remembered() {
    let mut editor = LineEditor::new("password: ", 80);
    editor.hide_input(true);
    let mut drawn = editor.begin();
    let mut done = None;
    for char in "hunter2".chars().chain(['\x15']).chain("hunter3".chars()) {
        let key = if char == '\x15' { Key::Ctrl('u') } else { Key::Char(char) };
        drawn.extend(editor.press(&key).draw);
    }
    for key in [Key::Ctrl('r'), Key::Up, Key::Enter] {
        let step = editor.press(&key);
        drawn.extend(step.draw);
        done = step.done;
    }
    assert_eq!(done, Some(Entered::Line("hunter3".to_owned())));
    assert!(!String::from_utf8_lossy(&drawn).contains('h'));
    editor.hide_input(false);
    editor.begin();
    let _ = editor.press(&Key::Up);
    assert_eq!(editor.text(), "");
}

#[test]
fn an_ordinary_key_draws_itself_only() {
    let mut editor = LineEditor::new("$ ", 80);
    editor.begin();
    assert_eq!(editor.press(&Key::Char('l')).draw, b"l");
    assert_eq!(editor.press(&Key::Char('漢')).draw, "漢".as_bytes());
    assert_eq!(editor.press(&Key::Left).draw, b"\r\x1b[3C");
}

#[test]
fn memory_is_bounded() {
    let mut editor = LineEditor::new("$ ", 80);
    editor.begin();
    editor.paste(&"x".repeat(60 * 1024));
    assert_eq!(editor.paste(&"x".repeat(60 * 1024)), b"\x07");
    assert_eq!(editor.text().len(), 60 * 1024);
    let _ = editor.press(&Key::Ctrl('u'));
    for _ in 0..3 {
        let _ = editor.press(&Key::Ctrl('y'));
    }
    assert_eq!(editor.text().len(), 60 * 1024);
    for line in 0..2000 {
        editor.begin_with(&format!("line {line}"));
        let _ = editor.press(&Key::Enter);
    }
    editor.begin();
    let _ = editor.press(&Key::Alt('<'));
    assert_eq!(editor.text(), "line 1000");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_screen_shows_the_prompt_the_text_and_the_cursor(
        keys in keys(), columns in prop::sample::select(vec![2_u16, 3, 7, 10, 20, 80]),
    ) {
        let mut editor = LineEditor::new(PROMPT, columns);
        let mut terminal = terminal(columns);
        show(&mut terminal, &editor.begin());
        for key in &keys {
            let step = editor.press(key);
            show(&mut terminal, &step.draw);
            if step.done.is_some() {
                terminal = self::terminal(columns);
                show(&mut terminal, &editor.begin());
            }
            if editor.search.is_some() {
                continue;
            }
            let (rows, cursor) = expected(PROMPT, editor.buffer.chars(), editor.buffer.cursor(), usize::from(columns));
            prop_assert_eq!(rows_of(&terminal), rows);
            let position = terminal.cursor();
            prop_assert_eq!((position.row, position.col), cursor);
        }
    }

    #[test]
    fn a_new_width_draws_the_text_in_it(keys in keys(), columns in 2_u16..40, new in 2_u16..40) {
        let mut editor = LineEditor::new(PROMPT, columns);
        editor.begin();
        for key in &keys {
            let _ = editor.press(key);
        }
        if editor.search.is_none() {
            editor.drawn_cursor = layout::Position::default();
            let mut terminal = terminal(new);
            show(&mut terminal, &editor.resize(new));
            let (rows, _) = expected(PROMPT, editor.buffer.chars(), 0, usize::from(new));
            prop_assert_eq!(rows_of(&terminal), rows);
        }
    }
}

const PROMPT: &str = "web1> ";

/// The rows and the cursor by the plainest reading: each cluster in the next cells that it fits in.
fn expected(prompt: &str, text: &[char], cursor: usize, columns: usize) -> (Vec<String>, (usize, usize)) {
    let mut rows = vec![(String::new(), 0)];
    let mut at = (0, 0);
    let place = |rows: &mut Vec<(String, usize)>, cell: &str, width: usize| {
        if rows.last().unwrap().1 + width > columns {
            rows.push((String::new(), 0));
        }
        let start = (rows.len() - 1, rows.last().unwrap().1);
        let row = rows.last_mut().unwrap();
        row.0.push_str(cell);
        row.1 += width;
        if row.1 == columns {
            rows.push((String::new(), 0));
        }
        start
    };
    for char in prompt.chars() {
        place(&mut rows, &char.to_string(), 1);
    }
    for (index, char) in text.iter().enumerate() {
        let here = (rows.len() - 1, rows.last().unwrap().1);
        let stands_alone = layout::is_border(text, index);
        let start = match char {
            '\n' => {
                rows.push((String::new(), 0));
                here
            }
            '\t' => {
                let blanks = (8 - here.1 % 8).min(columns - here.1);
                for _ in 0..blanks {
                    place(&mut rows, " ", 1);
                }
                here
            }
            '\u{301}' if stands_alone => place(&mut rows, "◌", 1),
            '\u{301}' => here,
            '\x07' => {
                place(&mut rows, "^", 1);
                place(&mut rows, "G", 1);
                here
            }
            char => place(&mut rows, &char.to_string(), char.width().unwrap()),
        };
        if index == cursor {
            at = start;
        }
    }
    if cursor >= text.len() {
        at = (rows.len() - 1, rows.last().unwrap().1);
    }
    let mut rows: Vec<String> = rows.into_iter().map(|(row, _)| row.trim_end().to_owned()).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    (rows, at)
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    let text = prop::sample::select(vec!['a', 'b', 'c', ' ', '/', 'é', '漢', '🦀', '\u{301}']).prop_map(Key::Char);
    let motion = prop::sample::select(vec![
        Key::Left,
        Key::Right,
        Key::Home,
        Key::End,
        Key::WordLeft,
        Key::WordRight,
        Key::Ctrl('b'),
        Key::Ctrl('f'),
    ]);
    let edit = prop::sample::select(vec![
        Key::Backspace,
        Key::Delete,
        Key::Ctrl('k'),
        Key::Ctrl('u'),
        Key::Ctrl('w'),
        Key::Ctrl('y'),
        Key::Ctrl('t'),
        Key::Ctrl('_'),
        Key::Ctrl('d'),
        Key::Alt('d'),
        Key::Alt('u'),
        Key::Alt('c'),
        Key::AltBackspace,
        Key::Ctrl('l'),
    ]);
    let other = prop::sample::select(vec![
        Key::Up,
        Key::Down,
        Key::Ctrl('r'),
        Key::Ctrl('s'),
        Key::Ctrl('g'),
        Key::Escape,
        Key::Enter,
        Key::Ctrl('c'),
        Key::Alt('<'),
        Key::Alt('>'),
        Key::Tab,
        Key::Unknown,
        Key::Invalid,
        Key::Report,
    ]);
    let paste = prop::collection::vec(
        prop::sample::select(vec![
            Key::Char('x'),
            Key::Char('漢'),
            Key::Enter,
            Key::Tab,
            Key::Ctrl('g'),
            Key::Char('\u{301}'),
        ]),
        0..8,
    );
    let paste = paste.prop_map(|keys| [vec![Key::PasteStart], keys, vec![Key::PasteEnd]].concat());
    let one = |key: Key| vec![key];
    let piece = prop_oneof![
        6 => text.prop_map(one), 3 => motion.prop_map(one), 3 => edit.prop_map(one), 2 => other.prop_map(one), 1 => paste,
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn terminal(columns: u16) -> Terminal {
    Terminal::new(usize::from(columns), 300).unwrap()
}

/// This terminal gives marks a cell of their own, which others do not: they are left out.
fn show(terminal: &mut Terminal, draw: &[u8]) {
    let text: String = std::str::from_utf8(draw).unwrap().chars().filter(|char| *char != '\u{301}').collect();
    terminal.feed(text.as_str());
}

fn rows_of(terminal: &Terminal) -> Vec<String> {
    let screen = terminal.screen();
    let mut rows: Vec<String> =
        (0..300).filter_map(|row| Some(screen.line(row)?.text().trim_end().to_owned())).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

fn screen(keys: &str, columns: u16) -> Vec<String> {
    let mut terminal = terminal(columns);
    show(&mut terminal, &typed(keys, columns).0);
    rows_of(&terminal)
}

/// What is drawn, and the lines that are entered; the last one by an Enter at the end.
fn typed(keys: &str, columns: u16) -> (Vec<u8>, Vec<Entered>) {
    let (mut reader, mut presses, mut editor) = (KeyReader::default(), Vec::new(), LineEditor::new("$ ", columns));
    reader.feed(keys.as_bytes(), &mut presses);
    reader.flush(&mut presses);
    let mut drawn = editor.begin();
    let mut entered = Vec::new();
    for key in presses.iter().map(|press| press.key).chain([Key::Enter]) {
        let step = editor.press(&key);
        drawn.extend(step.draw);
        if let Some(line) = step.done {
            entered.push(line);
            drawn.extend(editor.begin());
        }
    }
    (drawn, entered)
}

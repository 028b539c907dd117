use proptest::prelude::*;

use super::*;

const SIZE: WindowSize = WindowSize { cols: 20, rows: 5 };

fn screen(output: &str) -> Screen {
    let mut screen = Screen::new(SIZE);
    screen.output(output.as_bytes(), &mut Vec::new());
    screen
}

/// A screen with a prompt, the start of the line there, and what was echoed then.
fn typed(prompt: &str, echo: &str) -> (Screen, LineStart) {
    let mut screen = screen(prompt);
    let start = screen.line_start();
    screen.output(echo.as_bytes(), &mut Vec::new());
    (screen, start)
}

fn reading(prompt: &str, echo: &str, text: &str) -> Reading {
    let (mut screen, start) = typed(prompt, echo);
    screen.shows(&start, text, text.chars().count())
}

#[test]
fn an_echo_agrees_with_what_was_typed() {
    for text in [
        "",
        "ls",
        "a  b   c",
        "rm -rf /srv/data/one/two/three",
        "exactly-18-columns",
        "日本語日本語日本語日本語",
        "a日本語日本語日本語",
        "x\x01y",
    ] {
        let echo = text.replace('\x01', "^A");
        assert_eq!(reading("$ ", &echo, text), Reading::Agrees, "{text:?}");
    }
}

#[test]
fn marks_stand_in_the_cell_of_their_letter() {
    for text in ["cafe\u{301} x", "\u{2764}\u{fe0f} x", "e\u{301}".repeat(30).as_str(), "\u{e01}\u{e34} x"] {
        assert_eq!(reading("$ ", text, text), Reading::Agrees, "{text:?}");
        let (mut screen, start) = typed("$ ", text);
        assert_eq!(screen.read(&start), None, "what has no cell cannot be read");
        screen.line_ended();
        screen.output(b"\r\n$ ls", &mut Vec::new());
        assert_eq!(screen.read(&start).as_deref(), Some("ls"));
    }
}

#[test]
fn a_clock_in_the_prompt_may_go_on() {
    let (mut screen, start) = typed("12:00:09 $ ", "ls");
    screen.output(b"\r12:00:10 $ ls", &mut Vec::new());
    assert_eq!(screen.shows(&start, "ls", 2), Reading::Agrees);
    assert_eq!(screen.read(&start).as_deref(), Some("ls"));
    screen.output(b"\r12:00:1a $ ls", &mut Vec::new());
    assert_eq!((screen.shows(&start, "ls", 2), screen.read(&start)), (Reading::Differs, None));
}

#[test]
fn a_prompt_on_a_row_of_its_own_is_found_by_it() {
    let (mut screen, start) = typed("me@host $\r\n", "ls");
    assert_eq!(screen.read(&start).as_deref(), Some("ls"));
    screen.output(b"\r\nother\r\nls", &mut Vec::new());
    assert_eq!(screen.read(&start), None);
}

#[test]
fn a_line_is_found_however_it_is_broken() {
    let (mut screen, start) = typed("$ ", "echo aaaa\r\nbbbb c");
    assert!(screen.holds(&start, "echo aaaabbbb c"));
    assert!(!screen.holds(&start, "echo aaaabbbb") && !screen.holds(&start, ""));
}

#[test]
fn an_echo_that_has_not_come_yet_is_told_from_another_text() {
    assert_eq!(reading("$ ", "rm -r", "rm -rf"), Reading::Behind);
    assert_eq!(reading("$ ", "", "secret"), Reading::Nothing);
    assert_eq!(reading("$ ", "rm x", "rm -rf"), Reading::Differs);
    assert_eq!(reading("$ ", "rm -rf x", "rm -rf"), Reading::Differs);
}

#[test]
fn the_cursor_and_what_stands_behind_it_count() {
    assert_ne!(reading("$ ", "ls\x1b[D", "ls"), Reading::Agrees);
    assert_ne!(reading("$ ", "ls x\x1b[2D", "ls"), Reading::Agrees);
    assert_ne!(reading("$ ", "ls\r\nx", "ls\n"), Reading::Agrees);
    let (mut screen, start) = typed("$ ", "日x");
    assert_ne!(screen.shows(&start, "日", 1), Reading::Agrees);
}

#[test]
fn a_line_that_scrolled_the_screen_agrees_in_what_is_left_of_it() {
    let text = "word ".repeat(40).trim_end().to_owned();
    assert_eq!(reading("$ ", &text, &text), Reading::Agrees);
    assert_ne!(reading("$ ", &text, &text.replace("word word word", "word ward word")), Reading::Agrees);
}

#[test]
fn a_pasted_text_of_several_rows_agrees() {
    assert_eq!(reading("$ ", "for i in a b\r\ndo echo $i\r\ndone", "for i in a b\ndo echo $i\ndone"), Reading::Agrees);
    assert_eq!(reading("$ ", "for i in a b\r\ndo echo $i\r\nfi", "for i in a b\ndo echo $i\ndone"), Reading::Differs);
}

#[test]
fn a_prompt_that_is_not_there_any_more_disagrees() {
    let (mut screen, start) = typed("host$ ", "ls");
    screen.output(b"\r\nNOISE\r\nls", &mut Vec::new());
    assert_eq!(screen.shows(&start, "ls", 2), Reading::Differs);
    assert_eq!(screen.read(&start), None);
}

#[test]
fn a_proposal_of_the_shell_is_not_read_as_typed() {
    let (mut screen, start) = typed("> ", "ls\x1b[90m -la /srv\x1b[0m\x1b[9D");
    assert_eq!(screen.shows(&start, "ls", 2), Reading::Agrees);
    assert_eq!(screen.read(&start).as_deref(), Some("ls"));
}

#[test]
fn a_prompt_on_the_right_is_not_read_as_typed() {
    let mut screen = screen("$ \x1b[16C12\r\x1b[2C");
    screen.output(b"", &mut Vec::new());
    let start = screen.line_start();
    assert_eq!(start.right.trim(), "12");
    screen.output(b"ls", &mut Vec::new());
    assert_eq!(screen.shows(&start, "ls", 2), Reading::Agrees);
    assert_eq!(screen.read(&start).as_deref(), Some("ls"));
}

#[test]
fn an_edited_line_is_read_across_its_wraps() {
    let (mut screen, start) = typed("$ ", "echo one two three four five six");
    assert_eq!(screen.read(&start).as_deref(), Some("echo one two three four five six"));
    screen.output(b"\x1b[3D", &mut Vec::new());
    assert_eq!(screen.read(&start).as_deref(), Some("echo one two three four five six"));
}

#[test]
fn a_flood_leaves_the_end_on_the_screen() {
    let mut screen = screen("");
    for index in 0..40_000 {
        screen.output(format!("line {index} of the flood\r\n\x1b[31").as_bytes(), &mut Vec::new());
        screen.output(b"m", &mut Vec::new());
    }
    screen.output(b"$ ", &mut Vec::new());
    assert_eq!(screen.line_start().prompt, "$ ");
    assert!(screen.text().contains("39999"), "{}", screen.text());
    assert!(screen.pending.len() < 4);
}

proptest! {
    #[test]
    fn chunks_do_not_matter(
        text in "(\\PC|\r\n|\x1b\\[[0-9;]{0,4}[A-Km]|\x1b\\[\\?2004h){0,60}",
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = text.as_bytes();
        let (mut whole, mut split) = (screen(&text), screen(""));
        for (index, chunk) in crate::chunks::chunks(bytes, &cuts).into_iter().enumerate() {
            split.output(chunk, &mut Vec::new());
            if index % 2 == 0 {
                let _ = split.text();
            }
        }
        prop_assert_eq!(whole.text(), split.text());
        prop_assert_eq!(whole.line_start(), split.line_start());
    }

    #[test]
    fn what_a_terminal_echoes_always_agrees(text in "[ -~]{0,120}|(\\PC){0,40}") {
        let (mut screen, start) = typed("prompt$ ", &text);
        // A character that tables give more than two columns is drawn in two by terminals: such a line is held.
        let width = unicode_width::UnicodeWidthChar::width;
        prop_assume!(text.chars().all(|c| matches!(width(c), Some(1 | 2))));
        prop_assert_eq!(screen.shows(&start, &text, text.chars().count()), Reading::Agrees);
    }

    #[test]
    fn nothing_that_is_fed_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), cols in 1u16..30, rows in 1u16..6) {
        let mut screen = Screen::new(WindowSize { cols, rows });
        let start = screen.line_start();
        screen.output(&bytes, &mut Vec::new());
        let _ = (screen.read(&start), screen.shows(&start, "ls -l", 2), screen.cursor_row());
        screen.resize(WindowSize { cols: rows, rows: cols });
        let _ = (screen.read(&start), screen.shows(&start, "ls -l", 2), screen.text());
    }
}

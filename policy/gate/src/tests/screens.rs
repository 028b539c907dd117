//! Editors, pagers and multiplexers: what is judged there, and what is not.

use super::*;

/// A session in which `line` runs a program that shows `screen` on the other screen.
fn on_screen(line: &str, screen: &str) -> Session {
    let mut session = Session::new(true);
    start_program(&mut session, line, &format!("\x1b[?1049h\x1b[2J\x1b[H{screen}"));
    session.shell.away = true;
    session
}

fn enters(session: &mut Session) -> bool {
    session.types("\r");
    session.sent.contains(&b'\r')
}

#[test]
fn commands_of_editors_and_pagers_are_judged() {
    for typed in
        [":!rm -rf /srv/data", ":call system('rm -rf /srv/data')", ":r !rm -rf /srv/data", "|rm -rf /srv/data !x"]
    {
        let mut session = on_screen("vim notes", "text");
        session.types(typed);
        let passed = enters(&mut session);
        let expected = !typed.starts_with('|');
        assert_eq!(!passed, expected, "{typed}: {:?}", session.told);
    }
    let mut session = on_screen("vim notes", "text");
    session.types(":!systemctl restart db");
    assert!(!enters(&mut session) && session.questions.len() == 1);
    session.answers(Answer::Approved);
    assert!(session.sent.contains(&b'\r'));
}

#[test]
fn a_command_line_that_cannot_be_known_is_asked_about() {
    let mut session = on_screen("vim notes", "text");
    session.types(":!$X");
    session.output(b"\x1b[24;1H:!$X");
    assert!(!enters(&mut session) && session.questions.len() == 1);
    // The row alone tells what was put there by other keys.
    let mut recalled = on_screen("vim notes", "text");
    recalled.types(":\x1b[A");
    recalled.output(b"\x1b[24;1H:!rm -rf /srv/data");
    assert!(!enters(&mut recalled) && recalled.told[0].starts_with("blocked"), "{:?}", recalled.told);
}

#[test]
fn a_shell_that_an_editor_opens_is_a_shell() {
    for typed in [":sh", ":terminal", ":!"] {
        let mut session = on_screen("vim notes", "text");
        session.types(typed);
        session.output(format!("\x1b[24;1H{typed}").as_bytes());
        assert!(enters(&mut session), "{typed}");
        session.output(b"\r\nother> ");
        session.rest();
        session.sent.clear();
        session.types("rm -rf /srv/data");
        assert!(!enters(&mut session) && session.told[0].starts_with("blocked"), "{typed}: {:?}", session.told);
    }
}

#[test]
fn a_program_with_a_screen_that_nobody_knows_is_judged_at_each_enter() {
    let mut session = on_screen("make menuconfig", "menu");
    session.types("rm -rf /srv/data");
    assert!(!enters(&mut session) && session.told[0].starts_with("blocked"), "{:?}", session.told);
}

#[test]
fn panes_are_judged_by_keys_and_by_the_row() {
    let mut typed = on_screen("tmux", "host$ ");
    typed.types("rm -rf /srv/data");
    assert!(!enters(&mut typed) && typed.told[0].starts_with("blocked"));
    let mut shown = on_screen("tmux", "host$ ");
    shown.types("r\t");
    shown.output(b"rm -rf /srv/data");
    assert!(!enters(&mut shown) && shown.told[0].starts_with("blocked"));
    let mut unknown = on_screen("tmux", "host$ ");
    unknown.types("$X");
    unknown.output(b"$X");
    assert!(!enters(&mut unknown) && unknown.questions.len() == 1);
    let mut chord = on_screen("tmux", "host$ ");
    chord.types("#rm -rf /srv/data\x1b#");
    assert!(chord.told == ["bell"] && !chord.sent.contains(&0x1b));
    // What a multiplexer does with a key after its prefix is not known.
    let mut moved = on_screen("tmux", "host$ ");
    moved.types("rm -rf\x02n");
    moved.output(b"\x1b[2J\x1b[Hother$ rm -rf /srv/data");
    assert!(!enters(&mut moved) && moved.told[0].starts_with("blocked"));
}

#[test]
fn a_multiplexer_that_shows_no_screen_has_left_a_shell() {
    let mut session = Session::new(true);
    session.shell.completion = "$X";
    session.types("tmux\r");
    session.types("\t\r");
    assert_eq!((session.shell.ran.len(), session.questions.len()), (1, 1));
}

//! Screens that a program left on when it was killed: the shell reads, and its lines are judged as such.

use super::*;

/// A session with that prompt, in which `line` showed a screen, and was killed: then `prompt_after` shows.
fn killed(line: &str, prompt: &str, prompt_after: &str) -> Session {
    let mut session = Session::new(true);
    session.output(format!("\r\x1b[K{prompt}").as_bytes());
    session.rest();
    start_program(&mut session, line, "\x1b[?1049h\x1b[?2004h\x1b[2J\x1b[Htext\x1b[1;1H");
    session.shell.away = true;
    session.output(format!("Killed\r\n{prompt_after}").as_bytes());
    session.rest();
    session
}

const PROMPTS: [(&str, &str); 8] = [
    ("host$ ", "host$ "),
    ("12:00:00 me@target:~$ ", "12:00:03 me@target:~$ "),
    ("0 me@target:~$ ", "137 me@target:~$ "),
    ("7 me@target:~$ ", "8 me@target:~$ "),
    ("~$ ", "/srv$ "),
    ("\u{279c}  ~ ", "\u{279c}  /srv "),
    ("[me@host a]$ ", "[me@host b]$ "),
    ("me@host ~> ", "root@other:/# "),
];

#[test]
fn a_line_behind_a_prompt_is_a_shells() {
    for program in ["vim f", "less f", "git log", "systemctl status x", "top", "make menuconfig", "nano f"] {
        for (before, after) in PROMPTS {
            let start = || killed(program, before, after);
            assert!(!passes(start, &[("rm -rf x", "rm -rf x")]), "{program} {after}");
            assert!(!passes(start, &[("rm $(echo -rf) x", "rm $(echo -rf) x")]), "{program} {after}");
            let belongs = [("rm \\", "rm \\"), ("\r", "\r\n> "), ("-rf x", "-rf x")];
            assert!(!passes(start, &belongs), "{program} {after}: of two lines");
            assert!(passes(start, &[("ls -l", "ls -l")]), "{program} {after}");
        }
    }
}

#[test]
fn what_was_recalled_behind_a_prompt_is_a_shells() {
    for (before, after) in PROMPTS {
        let start = || killed("vim f", before, after);
        assert!(!passes(start, &[("\x1b[A", "rm -rf x")]), "{after}");
        assert!(!passes(start, &[("rm -r\t", "rm -rf x")]), "{after}");
    }
}

#[test]
fn every_later_line_is_judged() {
    let start = || {
        let mut session = killed("vim f", "12:00:00 me@target:~$ ", "12:00:03 me@target:~$ ");
        plays(&mut session, &[("date", "date"), ("\r", "\r\nMon\r\n12:00:09 me@target:~$ ")]);
        plays(&mut session, &[("cd /etc", "cd /etc"), ("\r", "\r\n12:00:12 me@target:/etc$ ")]);
        session
    };
    assert!(!passes(start, &[("rm -rf x", "rm -rf x")]));
    assert!(!passes(start, &[("echo x > motd", "echo x > motd")]));
    assert!(passes(start, &[("ls", "ls")]));
}

#[test]
fn what_is_typed_into_an_editor_is_no_line_of_a_shell() {
    for text in ["$ rm -rf build", "# rm -rf build", "me@host:~$ rm -rf build", "> $X", "cat <<E > $OUT"] {
        for program in ["vim notes", "nano notes"] {
            let start = || {
                let mut session = on_screen(program, "text");
                session.types(if program.starts_with("vim") { "o" } else { "\x1b[B" });
                session.types("\r");
                session
            };
            assert!(passes(start, &[(text, &format!("\x1b[3;1H{text}"))]), "{program}: {text}");
        }
    }
    // The editor puts the sign of a comment there.
    let start = || on_screen("vim notes", "text\x1b[3;1H# ");
    assert!(passes(start, &[("o", ""), ("rm -rf build", "rm -rf build")]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_output_makes_a_later_line_judged_less(
        program in "(vim f|less f|git log|tmux|top|make|systemctl status x|emacs f)",
        output in proptest::collection::vec(
            prop_oneof![
                Just("\x1b[?1049h"), Just("\x1b[?1049l"), Just("\x1b[?2004h"), Just("\x1b[?2004l"), Just("\x1bc"),
                Just("\x1b[2J\x1b[H"), Just("\x1b[24;1H"), Just(">>> "), Just("\u{2502}"), Just("text\r\n"),
                Just("password: "), Just("\x1b[?47h"), Just("Command to execute: "), Just("--More--"),
            ],
            0..8,
        ),
        typed in "(|:|i|ix\x1b|/a\r|\x02:|\x1a|q)",
    ) {
        let mut session = Session::new(true);
        start_program(&mut session, &program, "\x1b[?1049h\x1b[2J\x1b[H");
        session.shell.away = true;
        session.types(&typed);
        for piece in output {
            session.output(piece.as_bytes());
            session.rest();
        }
        session.output(b"\r\n\x1b[Khost$ ");
        session.rest();
        let before = session.reports.len() + session.questions.len();
        session.sent.clear();
        for key in ["r", "m", " -r", "f x"] {
            session.types(key);
            session.output(key.as_bytes());
            session.rest();
        }
        session.types("\r");
        prop_assert!(session.reports.len() + session.questions.len() > before, "{:?} {:?}", session.sent, session.told);
        prop_assert!(!session.sent.contains(&b'\r'), "{:?}", session.sent);
    }
}

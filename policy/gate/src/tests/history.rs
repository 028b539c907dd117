//! `!!` and its kin: what runs is the text that came of them, and that text was judged.

use super::*;

/// A session in which these lines were typed.
fn after(lines: &[&str]) -> Session {
    let mut session = Session::new(true);
    lines.iter().for_each(|line| session.types(&format!("{line}\r")));
    session
}

#[test]
fn the_line_before_is_put_in_and_sent_in_place_of_what_was_typed() {
    for readline in [true, false] {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Unknown] {
            for (typed, expected) in [
                ("!!", "cat a 'b c'"),
                ("sudo !!", "sudo cat a 'b c'"),
                ("ls -l !$", "ls -l 'b c'"),
                ("ls !*", "ls a 'b c'"),
                ("^cat^wc", "wc a 'b c'"),
            ] {
                let mut session = Session::new(readline);
                session.gate.login_shell(shell);
                session.types("cat a 'b c'\r");
                session.sent.clear();
                session.types(&format!("{typed}\r"));
                assert_eq!(session.shell.ran.get(1).map(String::as_str), Some(expected), "{:?}", session.told);
                assert_eq!((session.told.len(), session.reports.len()), (0, 0));
                let sent = session.sent.windows(2).position(|bytes| bytes == b"\x05\x15").unwrap();
                assert!(!session.sent[..sent].contains(&b'\r'), "it was erased before anything was accepted");
            }
        }
    }
}

#[test]
fn what_comes_of_it_is_judged() {
    for (before, typed, text) in [
        ("echo -rf /srv/data", "rm !*", "rm -rf /srv/data"),
        ("echo -rf /srv/data", "^echo^rm", "rm -rf /srv/data"),
        ("rm -r /srv/data", "!! -f", "rm -r /srv/data -f"),
        ("ls /etc/motd", "echo x > !$", "echo x > /etc/motd"),
    ] {
        let mut session = after(&[before]);
        session.types(&format!("{typed}\r"));
        assert_eq!(session.shell.ran, [before], "{typed}");
        assert!(session.told[0].starts_with("blocked by rule"), "{:?}", session.told);
        let report = &session.reports[0];
        assert_eq!((report.decision, report.text.as_str()), (Decided::Blocked, text));
        // The line was interrupted: what is typed next stands alone, behind the same line.
        session.types("!!\r");
        assert_eq!(session.shell.ran, [before, before], "{:?}", session.told);
    }
    let mut session = after(&["echo restart db"]);
    session.types("systemctl !*\r");
    assert_eq!((session.shell.ran.len(), session.questions[0].text.as_str()), (1, "systemctl restart db"));
    session.answers(Answer::Approved);
    assert_eq!(session.shell.ran, ["echo restart db", "systemctl restart db"]);
    session.types("!!\r");
    assert_eq!((session.shell.ran.len(), session.questions[1].text.as_str()), (2, "systemctl restart db"));
}

#[test]
fn a_line_that_was_refused_is_not_the_line_before() {
    for end in ["rm -rf /srv/data\r", "rm -rf /srv/data\x03"] {
        let mut session = after(&["ls -l"]);
        session.types(end);
        session.types("!!\r");
        assert_eq!(session.shell.ran, ["ls -l", "ls -l"], "{:?}", session.told);
    }
    let mut session = after(&["rm -rf /srv/data"]);
    session.types("!!\r");
    assert_eq!((session.shell.ran.len(), session.questions[0].text.as_str()), (0, "!!"));
}

#[test]
fn what_is_not_known_for_sure_is_not_put_in() {
    for (before, typed) in [
        // What the shell keeps depends on its settings, and on who reads.
        (&["ls", " ls -l"][..], "!!"),
        (&["ls", "echo 'a", "b'"], "!!"),
        (&["ls", "[ ! -f a ]"], "!!"),
        (&["ls", "bash"], "!!"),
        (&["ls", "sudo -i"], "!!"),
        (&["ls", "bash", "exit"], "!!"),
        (&["ls", "fc -l"], "!!"),
        // What is typed is another form, or nothing is there yet.
        (&[], "!!"),
        (&["ls -l"], "!ls"),
        (&["ls -l"], "!-1"),
        (&["ls -l a/b"], "cd !$:h"),
        (&["ls -l | wc"], "cat !$"),
        // The text would be replaced again.
        (&["echo ^a^b"], "!$"),
    ] {
        let mut session = after(before);
        let count = session.shell.ran.len();
        session.types(&format!("{typed}\r"));
        assert_eq!(session.shell.ran.len(), count, "{before:?} {typed}: {:?}", session.shell.ran);
        assert_eq!(session.questions[0].text, typed, "{before:?}");
    }
    // A key that does more than accept, vi mode, a change that was undone.
    for typed in ["!!\x0f", "!!\x1b\r", "!!x\x1f\r"] {
        let mut session = after(&["ls"]);
        session.types(typed);
        assert_eq!(session.shell.ran, ["ls"], "{typed:?}");
        assert!(!session.sent.ends_with(b"ls\r"), "{typed:?}");
    }
    // Another prompt may be another shell's.
    let mut session = Session::new(true);
    start_program(&mut session, "./connect", "\x1b[?2004hme@other$ ");
    session.types("!!\r");
    assert_eq!((session.shell.ran.len(), session.questions[0].text.as_str()), (1, "!!"));
    // fish has no such thing.
    let mut session = Session::new(true);
    session.gate.login_shell(Shell::Fish);
    session.types("ls\r");
    session.types("echo !!\r");
    assert_eq!(session.shell.ran, ["ls", "echo !!"]);
}

#[test]
fn a_secret_is_never_put_into_a_line() {
    for (prompt, expected) in [("Password: ", Some("make")), ("", None)] {
        let mut session = Session::new(false);
        start_program(&mut session, "make", prompt);
        session.shell.echo = false;
        session.types("hunter2\r");
        session.shell.echo = true;
        session.output(b"\r\nhost$ ");
        session.rest();
        session.types("echo !!\r");
        let last = session.shell.ran.last().unwrap();
        assert_eq!(last.strip_prefix("echo "), expected, "{:?}", session.shell.ran);
        assert!(!format!("{:?}{:?}", session.questions, session.reports).contains("hunter2"));
    }
}

/// Words of which some lines are refused.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["echo", "rm", "-rf", "-r", "-f", "/srv", "'a b'", "systemctl", "restart", "x"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn what_runs_is_the_judged_text(
        words in proptest::collection::vec(word(), 1..5),
        form in 0usize..8,
        readline: bool,
        pieces in 1usize..4,
    ) {
        let before = words.join(" ");
        let mut session = Session::new(readline);
        session.pieces = pieces;
        session.types(&format!("{before}\r"));
        let word = |at: usize| words.get(at).copied();
        let rest = (words.len() > 1).then(|| words[1..].join(" "));
        let (typed, expected) = match form {
            0 => ("!!", Some(before.clone())),
            1 => ("sudo !!", Some(format!("sudo {before}"))),
            2 => ("rm !*", rest.map(|rest| format!("rm {rest}"))),
            3 => ("rm -rf !$", word(words.len() - 1).map(|word| format!("rm -rf {word}"))),
            4 => ("!:0 !^", word(1).map(|word| format!("{} {word}", words[0]))),
            5 => ("echo !:2; !:1", word(2).map(|word| format!("echo {word}; {}", words[1]))),
            6 => ("^-r ^-rf ", None),
            _ => ("!! -f", Some(format!("{before} -f"))),
        };
        let ran = session.shell.ran.len();
        session.types(&format!("{typed}\r"));
        let line = session.shell.ran.get(ran).cloned();
        if let Some(line) = &line {
            prop_assert_eq!(Some(line), expected.as_ref());
        }
        prop_assert!(session.shell.ran.len() <= ran + 1);
        // The same text, typed by somebody else, has the same fate.
        if let Some(expected) = expected.filter(|_| ran == 1) {
            let mut other = Session::new(readline);
            other.types(&format!("{expected}\r"));
            prop_assert_eq!(line, other.shell.ran.first().cloned());
            let texts = |session: &Session| -> Vec<String> {
                session.reports.iter().map(|report| report.text.clone())
                    .chain(session.questions.iter().map(|question| question.text.clone())).collect()
            };
            prop_assert_eq!(texts(&session), texts(&other));
        }
    }
}

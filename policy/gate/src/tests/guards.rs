//! One test for each thing that keeps a line from slipping through: without the check, the test fails.

use super::*;

fn ran(session: &Session) -> Vec<&str> {
    session.shell.ran.iter().map(String::as_str).collect()
}

/// `line` does not run, and neither does what `session` typed before it, if that was no line.
fn is_blocked(mut session: Session, line: &str) {
    let before = session.shell.ran.clone();
    session.types(&format!("{line}\r"));
    assert_eq!(session.shell.ran, before, "{line}");
    let last = session.reports.last().unwrap_or_else(|| panic!("{line} is not reported: {:?}", session.told));
    assert_eq!(last.decision, Decided::Blocked, "{line}: {last:?}");
}

/// A session in which `line` runs a program that has a prompt.
fn program(line: &str, prompt: &str) -> Session {
    let mut session = Session::new(false);
    start_program(&mut session, line, prompt);
    session
}

#[test]
fn a_program_that_is_gone_leaves_a_shell() {
    for line in ["python3", "psql", "vim notes", "less notes", "make"] {
        for prompt in ["host$ ", "host:/srv# "] {
            is_blocked(program(line, prompt), "rm -rf /srv/data");
        }
    }
    // Neither the end of input nor a stop leaves the language, whatever looks like its prompt.
    for key in ["\x04", "\x1a"] {
        let mut session = program("python3", ">>> ");
        session.types(key);
        session.output(b"\r\n>>> ");
        session.rest();
        is_blocked(session, "rm -rf /srv/data");
    }
    let mut session = program("vim notes", "\x1b[?1049h");
    session.output(b"\x1b[?1049lodd: ");
    session.rest();
    session.types("$X\r");
    assert_eq!((ran(&session), session.questions.len()), (vec!["vim notes"], 1));
}

#[test]
fn what_a_language_would_run_is_judged() {
    for (language, prompt, line) in [
        ("python3", ">>> ", "import os; os.system(\"rm -rf /srv/data\")"),
        ("python3", ">>> ", "subprocess.run(['rm', '-rf', '/srv/data'])"),
        ("psql", "db=> ", "\\! rm -rf /srv/data"),
        ("psql", "db=> ", "drop table users;"),
        ("redis-cli", "127.0.0.1:6379> ", "drop table x"),
        ("make", "name: ", "!rm -rf /srv/data"),
        ("make", "name: ", "rm -rf /srv/data"),
    ] {
        is_blocked(program(language, prompt), line);
    }
    let mut session = program("python3", ">>> ");
    session.types("os.system(x)\r");
    assert_eq!((ran(&session), session.questions.len()), (vec!["python3"], 1));
    let mut harmless = program("python3", ">>> ");
    harmless.types("1 + 1\r");
    assert_eq!(ran(&harmless), ["python3", "1 + 1"]);
}

#[test]
fn a_program_that_reads_is_not_ended_with_its_line() {
    let mut session = program("make", "name: ");
    session.types("rm -rf /srv/data\r");
    assert!(session.sent.ends_with(b"\x15") && !session.sent.contains(&0x03), "{:?}", session.sent);
}

#[test]
fn end_of_input_behind_a_text_hands_it_over() {
    for readline in [true, false] {
        let mut session = Session::new(readline);
        session.types("rm -rf /srv/data\x04");
        assert_eq!(session.reports.first().map(|report| report.decision), Some(Decided::Blocked));
        assert!(!session.sent.contains(&0x04));
    }
}

#[test]
fn a_line_that_is_not_shown_yet_does_not_run_as_an_empty_one() {
    for enter in ["\r", "\n", "\x0f"] {
        let mut session = Session::new(true);
        session.shell.echo = false;
        session.types(&format!("rm -rf \x1b.{enter}"));
        assert_eq!(ran(&session), [""], "{:?}", session.told);
        assert!(was_sent(&session, b"\x05\x15"));
    }
}

#[test]
fn a_slow_echo_is_not_taken_for_a_line_without_echo() {
    let mut session = Session::new(true);
    session.shell.echo = false;
    session.types_bytes(b"rm -rf /srv/data\r");
    for _ in 0..2 {
        session.now += Duration::from_millis(700);
        session.work(|gate, now, judge, acts| gate.tick(now, judge, acts));
    }
    assert!(session.reports.is_empty(), "{:?}", session.reports);
    session.output(b"rm -rf /srv/data");
    session.rest();
    assert_eq!(session.reports[0].text, "rm -rf /srv/data", "it is no secret");
    is_blocked(session, "rm -rf /srv/data");
}

#[test]
fn an_interrupted_command_is_no_part_of_the_next() {
    for end in ["\x03", "$X'; rm -rf /srv/data\r"] {
        let mut session = Session::new(true);
        session.types(&format!("echo 'one\r{end}"));
        is_blocked(session, "rm -rf /srv/data");
    }
}

#[test]
fn a_line_that_was_undone_is_held() {
    let mut session = Session::new(true);
    session.types("ls\x1f\r");
    assert_eq!((ran(&session), session.reports[0].decision), (vec![], Decided::Held));
}

#[test]
fn what_cannot_be_erased_is_not_sent_anew() {
    let mut session = Session::new(true);
    session.shell.sticks = true;
    session.shell.completion = "cal/bin";
    session.types("ls /usr/lo\t\r");
    assert_eq!((ran(&session), session.reports[0].decision), (vec![], Decided::Held));
    assert!(session.sent.ends_with(b"\x03"), "{:?}", session.sent);
}

#[test]
fn what_cannot_be_interrupted_is_part_of_the_next_line() {
    for readline in [true, false] {
        let mut session = Session::new(readline);
        session.shell.sticks = true;
        session.types("rm -rf /srv/data\r");
        session.types("x\r");
        assert_eq!(ran(&session), [""; 0], "{:?}", session.told);
    }
}

#[test]
fn an_interrupt_that_the_shell_misses_is_sent_again() {
    for (readline, misses) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        let mut session = Session::new(readline);
        session.shell.misses = misses;
        session.types("rm -rf /srv/data\r");
        session.types("ls\r");
        assert_eq!(ran(&session), ["ls"], "{readline} {misses} {:?}", session.told);
        assert_eq!(session.sent.iter().filter(|byte| **byte == 0x03).count(), usize::from(misses) + 1);
    }
}

#[test]
fn a_line_that_stays_in_spite_of_its_interrupt_does_not_run() {
    for misses in 1..5 {
        for keys in ["rm -rf /srv/data\x03\r", "rm -rf /srv/data\r\x03\r", "rm -rf /srv/data\x03\x03\r\r"] {
            let mut session = settled();
            session.shell.misses = misses;
            session.types(keys);
            session.types("\r");
            assert!(ran(&session).iter().all(|line| line.is_empty()), "{misses} {keys:?} {:?}", ran(&session));
        }
    }
    // An interrupt that is heard keeps nobody waiting.
    let mut session = settled();
    session.types("abc\x03");
    session.types("ls\r");
    assert_eq!(ran(&session), ["ls"]);
    assert_eq!(session.sent, b"abc\x03ls\r");
}

#[test]
fn what_is_typed_without_echo_is_never_asked_about() {
    for line in ["systemctl restart db", "$X"] {
        let mut session = Session::new(false);
        session.shell.echo = false;
        session.types(&format!("{line}\r"));
        assert_eq!((ran(&session), session.questions.len()), (vec![], 0), "{line}");
        assert_eq!((session.reports[0].decision, session.reports[0].text.as_str()), (Decided::Blocked, ""));
    }
}

#[test]
fn a_secret_is_no_part_of_a_line_that_is_shown() {
    let mut session = program("sudo make", "Password: ");
    session.shell.echo = false;
    session.shell.program = Some("\r\n".to_owned());
    session.types("hunter2 & rm \\\r");
    session.shell.echo = true;
    session.types("-rf /srv/data\r");
    let told = format!("{:?} {:?} {:?}", session.told, session.reports, session.questions);
    assert!(!told.contains("hunter"), "{told}");
}

#[test]
fn what_follows_a_password_waits_for_what_it_opens() {
    let mut session = program("sudo -i", "Password: ");
    session.shell.echo = false;
    session.shell.program = Some("\r\n".to_owned());
    session.types_bytes(b"hunter2\rls\r");
    for _ in 0..20 {
        session.now += Duration::from_millis(50);
        session.work(|gate, now, judge, acts| gate.tick(now, judge, acts));
    }
    session.shell.echo = true;
    session.output(b"root# ");
    session.rest();
    assert_eq!(ran(&session), ["sudo -i", "hunter2", "ls"]);
    assert_eq!(session.reports, []);
}

/// Whether the shell was sent `bytes`.
fn was_sent(session: &Session, bytes: &[u8]) -> bool {
    session.sent.windows(bytes.len()).any(|window| window == bytes)
}

#[test]
fn another_shell_has_to_show_that_it_takes_pastes() {
    let mut session = Session::new(true);
    session.types("bash\r");
    session.types("\x1b[200~echo a\rrm -rf /srv/data\r\x1b[201~");
    assert_eq!(ran(&session), ["bash", "echo a"]);
    assert!(!was_sent(&session, b"\x1b[200~"));
}

#[test]
fn output_alone_makes_no_line_editor() {
    for (output, paste) in [
        ("\x1b[?2004l\x1b[?2004h", "\rrm -rf /srv/data\r"),
        ("\x1b[?2004h", "rm \\\r-rf /srv/data\r"),
        ("\x1b[?2004h", "echo 'a\rrm -rf /srv/data\rb'\r"),
    ] {
        let mut session = Session::new(false);
        session.types("printf x\r");
        session.output(output.as_bytes());
        session.types(&format!("\x1b[200~{paste}\x1b[201~\r"));
        assert!(!was_sent(&session, b"\x1b[200~"), "{paste:?}");
        assert!(!ran(&session).iter().any(|line| line.starts_with("rm")), "{:?}", session.shell.ran);
    }
}

#[test]
fn a_paste_with_other_keys_in_it_is_typed() {
    let mut session = Session::new(true);
    session.types("\x1b[200~ls\x1b#\x01\x1b[201~");
    assert!(!was_sent(&session, b"\x1b[200~") && !was_sent(&session, b"\x1b#"), "{:?}", session.sent);
}

#[test]
fn a_paste_that_vi_may_take_for_commands_has_no_marks() {
    let mut session = Session::new(true);
    session.types("ls\x1b");
    session.types("\x1b[200~ls\x1b[201~");
    assert!(!was_sent(&session, b"\x1b[200~"), "{:?}", session.sent);
}

#[test]
fn a_paste_that_does_not_end_is_dropped_and_the_user_told() {
    for readline in [true, false] {
        let mut session = Session::new(readline);
        session.types("\x1b[200~rm -rf /srv/data\r\x1b[20");
        assert_eq!((session.sent.len(), session.reports[0].decision), (0, Decided::Held), "{:?}", session.sent);
        assert!(session.told[0].contains("a paste"), "{:?}", session.told);
        session.types("ls\r");
        assert_eq!(ran(&session), ["ls"]);
    }
}

#[test]
fn what_is_too_long_to_be_read_is_asked_about() {
    let mut session = Session::new(true);
    session.types(&format!("\x1b[200~echo {}\x1b[201~\r", "x".repeat(9000)));
    assert_eq!((ran(&session), session.questions.len()), (vec![], 1));
}

/// A session in which these were typed, each after the answer to the one before.
fn typed(pieces: &[&str]) -> Session {
    let mut session = Session::new(true);
    pieces.iter().for_each(|piece| session.types(piece));
    session
}

#[test]
fn the_folder_of_earlier_lines_counts() {
    let write = "echo x > motd";
    for before in [
        &["cd /etc\r"][..],
        &["cd /\r", "cd etc\r"],
        &["bash\r", "cd /etc\r"],
        &["cd /etc\r", "bash\r", "cd /tmp\r", "exit\r"],
        &["cd /etc\r", "bash\r", "cd /tmp\r", "\x04"],
        // Typed ahead, it is known only later what Ctrl-D did.
        &["cd /etc\rbash\rcd /tmp\r\x04"],
    ] {
        is_blocked(typed(before), write);
    }
    for before in [
        &[][..],
        &["cd /tmp\r"],
        &["cd /etc\r", "cd\r"],
        &["bash\r", "cd /etc\r", "exit\r"],
        &["bash\r", "cd /etc\r", "\x04"],
    ] {
        let mut session = typed(before);
        session.types(&format!("{write}\r"));
        assert_eq!(ran(&session).last(), Some(&write), "{before:?}: {:?}", session.told);
    }
}

#[test]
fn the_folder_counts_in_a_paste_and_in_an_editor() {
    let mut session = Session::new(true);
    session.types("cd /etc\r");
    session.types("\x1b[200~echo x > motd\x1b[201~\r");
    assert_eq!((ran(&session), session.reports[0].decision), (vec!["cd /etc"], Decided::Blocked));

    let mut session = Session::new(true);
    session.types("cd /etc\r");
    session.shell.program = Some("\x1b[?2004l\x1b[?1049h".to_owned());
    session.types("vim hosts\r");
    session.types(":!echo x > motd\r");
    assert_eq!(session.reports.last().map(|report| report.decision), Some(Decided::Blocked), "{:?}", session.reports);
}

/// A session whose exec request runs a program that prints nothing.
fn silent_program() -> Session {
    let mut session = Session::new(false);
    session.gate = Gate::new(WindowSize::DEFAULT, Foreground::Program);
    session.shell.away = true;
    session.sent.clear();
    session
}

#[test]
fn a_signal_never_waits_for_a_prompt() {
    for key in ["\x03", "\x1a", "\x1c"] {
        let mut before_the_first_prompt = Session::new(false);
        before_the_first_prompt.gate = Gate::new(WindowSize::DEFAULT, Foreground::Shell);
        before_the_first_prompt.sent.clear();
        let mut behind_a_line = Session::new(false);
        start_program(&mut behind_a_line, "make", "");
        for mut session in [before_the_first_prompt, behind_a_line, silent_program()] {
            session.shell.away = true;
            // A terminal forgets what nobody has read.
            session.types_bytes(b"abc\r");
            session.types_bytes(key.as_bytes());
            assert_eq!(session.sent, key.as_bytes());
        }
    }
    let mut session = Session::new(false);
    session.shell.program = Some(String::new());
    // The prompt has been there for a while.
    session.now += Duration::from_secs(1);
    session.types_bytes(b"make\rabc\x03");
    for _ in 0..1000 {
        if session.sent.ends_with(b"\x03") {
            break;
        }
        let deadline = session.gate.deadline().expect("the signal waits for ever");
        session.now = session.now.max(deadline) + Duration::from_millis(1);
        session.work(|gate, now, judge, acts| gate.tick(now, judge, acts));
    }
    assert_eq!(String::from_utf8_lossy(&session.sent), "make\r\x03");
}

#[test]
fn the_first_key_of_a_program_that_prints_nothing_is_not_held_for_seconds() {
    let mut session = silent_program();
    let begun = session.now;
    session.types_bytes(b"q");
    let waits_until = session.gate.deadline().expect("a prompt may still come");
    assert!(waits_until <= begun + Duration::from_millis(200), "{:?}", waits_until - begun);
    session.types("");
    assert_eq!(session.sent, b"q");
}

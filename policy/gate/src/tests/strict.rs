use super::*;

const STRICT: &str = "
roles:
  engineer: { users: [alice], allow: [{ targets: { names: [web1] }, logins: [root], capabilities: [shell, pty] }] }
rules:
  - { name: rm_rf, effect: block, match: { command: { program: [rm], flags: { all: [[r, R, recursive], [f, force]] } } } }
  - { name: svc, effect: approve, match: { command: { program: [systemctl], args: [restart] } } }
  - { name: some, effect: allow, match: { command: { program: [ls, echo, date, systemctl, sleep, apt, printf, less, git, tmux, sudo, id, cat, cd, rm] } } }
  - { name: secret, effect: block, match: { command: { reads: [/etc/shadow] } } }
";

fn strict(readline: bool) -> Session {
    let mut session = Session::new(readline);
    session.gate = Gate::strict(WindowSize::DEFAULT, Foreground::Shell);
    session.rules = RuleSet::compile(&[RuleDoc::parse(STRICT, "rules.yaml").unwrap()]).unwrap();
    session.mode = SessionMode::Strict;
    let prompt = session.shell.prompt();
    session.seen = Screen::new(WindowSize::DEFAULT);
    session.output(prompt.as_bytes());
    session.rest();
    session
}

/// What the shell was sent since the last time.
fn sent(session: &mut Session) -> String {
    String::from_utf8(std::mem::take(&mut session.sent)).unwrap()
}

/// The shell wrote `text` while a program runs; no prompt follows by itself.
fn program_writes(session: &mut Session, text: &str) {
    session.output(text.as_bytes());
    session.rest();
}

#[test]
fn nothing_reaches_the_target_before_enter() {
    for readline in [true, false] {
        let mut session = strict(readline);
        session.types("ls -l\t\x1b[A\x1b#\x18\x05\x1b[200~ /srv\x1b[201~\x1b[0n\x0f\x1bOP\x00\x01\x05");
        assert_eq!(sent(&mut session), "");
        assert!(session.seen.text().ends_with("host$ ls -l /srv"), "{:?}", session.seen.text());
        session.types("\r");
        assert_eq!(session.shell.ran, ["ls -l /srv"]);
        let expected = if readline { "\x1b[200~ls -l /srv\x1b[201~\r" } else { "ls -l /srv\r" };
        assert_eq!(sent(&mut session), expected);
        assert_eq!(session.seen.text(), "host$ ls -l /srv\nhost$");
        assert_eq!(session.reports, []);
    }
}

#[test]
fn what_no_rule_allows_never_reaches_the_target() {
    for readline in [true, false] {
        for line in ["rm -rf /srv/data", "reboot", "bash", "$X", "ls; reboot", "ls `reboot`", "!!", "exec sh", "tmux"] {
            let mut session = strict(readline);
            session.types(&format!("{line}\r"));
            assert_eq!(sent(&mut session), "", "{line}");
            assert!(session.told[0].starts_with("blocked"), "{line}: {:?}", session.told);
            assert_eq!((session.reports[0].decision, session.reports[0].text.as_str()), (Decided::Blocked, line));
            session.types("ls\r");
            assert_eq!(session.shell.ran, ["ls"], "the next line is judged for itself");
        }
    }
}

#[test]
fn the_line_is_edited_here_and_has_a_history_of_its_own() {
    let mut session = strict(true);
    session.types("sl\x14 -a\x01\x06\x06\x0b -l\r");
    session.types("date\r");
    session.types("\x1b[A\x1b[A /srv\r");
    session.types("\x12dat\r");
    assert_eq!(session.shell.ran, ["ls -l", "date", "ls -l /srv", "date"]);
    assert_eq!(session.reports, []);
}

#[test]
fn ctrl_c_clears_the_line_and_is_the_shells_only_within_a_command() {
    for readline in [true, false] {
        let mut session = strict(readline);
        session.types("reboot\x03date\r");
        assert_eq!(session.shell.ran, ["date"]);
        assert!(!sent(&mut session).contains('\x03'));
        session.types("echo 'one\r");
        session.types("rm\x03");
        assert_eq!(sent(&mut session).chars().last(), Some('\x03'));
        session.types("date\r");
        assert_eq!(session.shell.ran, ["date", "date"]);
    }
}

#[test]
fn lines_of_one_command_are_judged_with_those_before() {
    let mut session = strict(false);
    session.types("echo 'one\r");
    session.types("reboot'\r");
    assert_eq!(session.shell.ran, ["echo 'one\nreboot'"]);
    session.types("rm \\\r");
    session.types("-rf /srv/data\r");
    session.types("date\r");
    assert_eq!(session.shell.ran[1..], ["date"], "what was begun is interrupted with what was blocked");
}

#[test]
fn the_folder_of_earlier_lines_counts() {
    for before in [&["cd /etc"][..], &["cd /", "cd etc"]] {
        let mut session = strict(true);
        before.iter().for_each(|line| session.types(&format!("{line}\r")));
        session.types("cat shadow\r");
        assert_eq!(session.shell.ran, before, "{:?}", session.told);
    }
    let mut session = strict(true);
    session.types("cd /tmp\r");
    session.types("cat shadow\r");
    assert_eq!(session.shell.ran, ["cd /tmp", "cat shadow"]);
}

#[test]
fn ctrl_d_ends_the_shell_only_where_its_line_is_empty() {
    let mut session = strict(true);
    session.types("l\x04");
    assert_eq!(sent(&mut session), "");
    session.types("\x7f\x04");
    assert_eq!(sent(&mut session), "\x04");
    let mut dirty = strict(true);
    dirty.shell.line = "reboot".into();
    program_writes(&mut dirty, "reboot");
    dirty.types("\x04");
    assert_eq!(sent(&mut dirty), "");
}

#[test]
fn what_stands_in_the_targets_line_is_erased_first() {
    let mut session = strict(true);
    session.shell.line = "reboot; ".into();
    program_writes(&mut session, "reboot; ");
    session.types("date\r");
    assert_eq!(session.shell.ran, ["date"]);
}

#[test]
fn an_echo_that_differs_is_not_accepted() {
    let mut session = strict(true);
    session.shell.echo = false;
    session.types("date\r");
    assert_eq!(session.shell.ran, [""; 0]);
    assert_eq!(session.reports[0].decision, Decided::Held);
}

#[test]
fn an_approved_line_is_sent_as_it_was_approved() {
    let mut session = strict(true);
    session.types("systemctl restart db\r");
    assert_eq!(sent(&mut session), "");
    assert_eq!(session.questions[0].text, "systemctl restart db");
    session.types("date\r");
    session.answers(Answer::Approved);
    assert_eq!(session.shell.ran, ["systemctl restart db", "date"]);
    session.types("systemctl restart db\r");
    let _ = sent(&mut session);
    session.types("\x03");
    assert_eq!(sent(&mut session), "");
    session.types("systemctl restart db\r");
    session.answers(Answer::Refused("denied by bob".into()));
    session.types("ls\r");
    assert_eq!(session.shell.ran[2..], ["ls"]);
    assert_eq!(session.told, ["withdrawn", "cancelled; the command was not sent", "denied by bob"]);
}

#[test]
fn lines_are_pasted_together_only_for_a_line_editor() {
    let paste = "\x1b[200~echo a\rdate\r\x1b[201~\r";
    let mut session = strict(true);
    session.types(paste);
    assert_eq!(session.shell.ran, ["echo a\ndate"]);
    assert_eq!(sent(&mut session), "\x1b[200~echo a\rdate\x1b[201~\r");
    session.types("\x1b[200~echo a\rreboot\x1b[201~\r");
    assert_eq!(session.reports[0].text, "echo a\nreboot");
    let _ = sent(&mut session);
    session.types("\x1b[200~ls\x1b[A\x1b[201~\r");
    assert_eq!(sent(&mut session), "\r", "an empty line is left");

    let mut plain = strict(false);
    plain.types(paste);
    assert_eq!(sent(&mut plain), "");
    assert_eq!(plain.reports[0].decision, Decided::Held);
}

#[test]
fn characters_that_cannot_be_seen_are_not_sent() {
    for text in ["ls \u{202e}x", "ls\u{200b}", "ls \u{2800}"] {
        let mut session = strict(true);
        session.types(&format!("{text}\r"));
        assert_eq!(sent(&mut session), "", "{text:?}");
    }
    let mut session = strict(true);
    session.types("ls größe/каталог/ファイル\r");
    assert_eq!(session.shell.ran, ["ls größe/каталог/ファイル"]);
}

#[test]
fn output_makes_room_and_the_line_comes_back() {
    let mut session = strict(true);
    session.types("ls -l");
    program_writes(&mut session, "\r\nBroadcast message\r\nhost$ ");
    assert_eq!(session.seen.text(), "host$\nBroadcast message\nhost$ ls -l");
    session.types("\r");
    assert_eq!(session.shell.ran, ["ls -l"]);
}

#[test]
fn a_line_that_is_accepted_behind_the_bastions_back_ends_the_session() {
    for pieces in [1, 7] {
        let mut session = strict(true);
        session.pieces = pieces;
        session.types("ls");
        session.output(b"\x1b[?2004l\r\nout\r\n\x1b[?2004hhost$ ");
        session.rest();
        assert_eq!(session.reports[0].decision, Decided::Tripped);
        assert!(session.told[0].starts_with("closed"), "{:?}", session.told);
        session.types("ls\r\x03\x04");
        assert_eq!(sent(&mut session), "");
    }
}

/// A gate whose session has just run `line`.
fn running(line: &str, output: &str) -> Session {
    let mut session = strict(false);
    start_program(&mut session, line, output);
    session
}

#[test]
fn answers_reach_a_program_and_commands_do_not() {
    let mut session = running("apt install x", "Go on? [Y/n] ");
    session.types("y");
    assert_eq!(sent(&mut session), "");
    session.types("\r");
    assert_eq!(sent(&mut session), "y\r");

    // What the program does not read, the shell reads after it.
    for line in ["reboot", "rm -rf /srv/data", "y; reboot", "$(reboot)"] {
        let mut session = running("printf 'Name? '; sleep 5", "Name? ");
        session.types(&format!("{line}\r"));
        assert_eq!(sent(&mut session), "", "{line}");
        assert_eq!(session.reports[0].decision, Decided::Blocked);
    }
}

#[test]
fn signals_reach_a_program_at_once() {
    for key in ["\x03", "\x1a", "\x1c"] {
        for output in ["", "Go on? "] {
            let mut session = running("apt install x", output);
            session.types_bytes(key.as_bytes());
            assert_eq!(sent(&mut session), key, "{output:?}");
        }
    }
}

#[test]
fn a_secret_is_neither_shown_nor_reported() {
    let mut session = running("sudo id", "[sudo] password for alice: ");
    session.shell.echo = false;
    session.types("hunter2");
    assert_eq!(sent(&mut session), "");
    assert!(!session.seen.text().contains("hunter2"), "{:?}", session.seen.text());
    session.types("\r");
    assert_eq!(sent(&mut session), "hunter2\r");
    let all = format!("{:?}{:?}{:?}", session.seen.text(), session.told, session.reports);
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn a_secret_that_is_echoed_is_not_accepted() {
    // The shell would run it: the prompt was only printed.
    let mut session = running("printf 'Password: '; sleep 5", "Password: ");
    session.types("reboot\r");
    let sent = sent(&mut session);
    assert!(!sent.contains('\r') && sent.ends_with(['\x03', '\x15']), "{sent:?}");
    assert_eq!((session.reports[0].decision, session.reports[0].text.as_str()), (Decided::Held, ""));
}

#[test]
fn keys_pass_into_a_program_that_owns_the_screen() {
    let mut session = strict(true);
    start_program(&mut session, "less notes", "\x1b[?1049h\x1b[2Jtext\r\n:");
    session.types("j/x");
    assert_eq!(sent(&mut session), "j/x");
    session.output(b"\x1b[2J\x1b[24;1H!reboot");
    session.types("\x1b!reboot\r");
    assert!(session.told[0].starts_with("blocked"), "{:?}", session.told);
    assert!(!sent(&mut session).contains('\r'));
    session.output(b"\x1b[?1049l\x1b[?2004hhost$ ");
    session.rest();
    session.types("reboot");
    assert_eq!(sent(&mut session), "");
}

#[test]
fn a_screen_that_was_only_printed_does_not_let_keys_pass() {
    for readline in [true, false] {
        for prompt in ["host$ ", "host:/tmp$ "] {
            let mut session = strict(readline);
            start_program(&mut session, "git show evil", "\x1b[?1049h");
            if prompt == "host:/tmp$ " && !readline {
                // Such a shell says nothing that an editor would not say.
                continue;
            }
            let asks = if readline { "\x1b[?2004h" } else { "" };
            session.output(format!("{asks}{prompt}").as_bytes());
            session.rest();
            session.types("reboot\r");
            assert_eq!(sent(&mut session), "", "{prompt}");
        }
    }
}

#[test]
fn a_program_that_is_known_by_no_screen_gets_no_keys() {
    let mut session = running("apt install x", "\x1b[?1049h\x1b[2JGo on? ");
    session.types("j");
    assert_eq!(sent(&mut session), "");
}

#[test]
fn an_answer_at_a_prompt_is_a_command() {
    let mut session = strict(true);
    session.types("y\r\x1a");
    assert_eq!((sent(&mut session).as_str(), session.reports[0].decision), ("", Decided::Blocked));
}

#[test]
fn a_paste_that_does_not_end_is_dropped() {
    let mut session = strict(true);
    session.types("\x1b[200~reboot\r");
    session.types("date\r");
    assert_eq!((session.shell.ran, session.reports[0].decision), (vec!["date".to_owned()], Decided::Held));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn chunks_do_not_matter(
        typed in "(ls|echo 'a|rm -rf /x|date|'|\t|\x7f|\r|\n|\x03|\x15|\x1b\\[A|\x1b#|#| |systemctl restart db|\x1b\\[200~a\rb\x1b\\[201~){1,12}",
        readline: bool,
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        pieces in 1usize..5,
    ) {
        let bytes = typed.as_bytes();
        let run = |chunks: Vec<&[u8]>, pieces: usize| {
            let mut session = strict(readline);
            session.pieces = pieces;
            for chunk in chunks {
                session.types_bytes(chunk);
            }
            session.rest();
            let decided: Vec<_> = session.reports.iter().map(|report| (report.decision, report.text.clone())).collect();
            (session.shell.ran, decided, session.questions.len())
        };
        let whole = run(vec![bytes], 1);
        let split = run(crate::chunks::chunks(bytes, &cuts), pieces);
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn only_what_may_run_runs(typed in "(ls|reboot|;|&&|'|\"|\\$X|`|\\|| |\t|\r|\n|\x0f|\x03|\x1b#|\x1b\\[200~|\x1b\\[201~|\x04|sh|!|#){1,24}", readline: bool) {
        let mut session = strict(readline);
        session.types(&typed);
        session.types("\r");
        for line in &session.shell.ran {
            let parsed = shell::parse(line, &ParseContext::default());
            for command in &parsed.commands {
                prop_assert!(matches!(command.program(), Some("ls")), "{line:?} ran");
            }
        }
    }

    #[test]
    fn nothing_that_is_typed_or_printed_panics(
        steps in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..24)), 0..24),
    ) {
        let mut session = strict(true);
        for (typed, bytes) in steps {
            if typed { session.types_bytes(&bytes) } else { session.output(&bytes) }
            session.rest();
        }
    }
}

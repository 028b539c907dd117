//! Keys that the target's start-up files bind: nothing runs by them that would not run if it was typed.

use config::rules::RuleEffect;
use policy::{CommandInput, Judging, Protocol, Resource};

use super::*;

/// A session at a bash whose `keys` are bound to texts, which it has told as `bind -s` does.
fn bash(keys: &[(&'static str, &'static str)]) -> Session {
    let mut session = Session::new(true);
    session.shell.macros = keys.to_vec();
    session.gate.login_shell(Shell::Bash);
    let told: Vec<String> =
        keys.iter().map(|(key, text)| format!("\"{}\": \"{}\"", escaped(key), escaped(text))).collect();
    tell(&mut session, Shell::Bash, &format!("bastion-keys:emacs-standard\n{}\n", told.join("\n")));
    session.now += Duration::from_secs(1);
    session
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|char| match char {
            '"' | '\\' => format!("\\{char}"),
            char if char.is_control() => format!("\\{:03o}", u32::from(char)),
            char => char.to_string(),
        })
        .collect()
}

fn tell(session: &mut Session, shell: Shell, answer: &str) {
    session.gate.login_shell(shell);
    session.gate.bindings(Bindings::of_answer(answer, shell));
}

#[test]
fn a_key_that_types_and_accepts_a_line_is_judged_before_it_is_sent() {
    for text in
        ["rm -rf x\r", "rm -rf x\n", "rm -rf x\x0f", "\x01\x0brm -rf x\r", "ls\rrm -rf x\r", "systemctl restart db\r"]
    {
        let mut session = bash(&[("z", text)]);
        session.sent.clear();
        session.types("z");
        assert_eq!((session.shell.ran.len(), session.sent.len()), (0, 0), "{text:?}");
        assert_eq!(session.reports.len(), 1, "{text:?}: {:?}", session.reports);
        assert_eq!(session.reports[0].decision, Decided::Blocked, "{text:?}");
        assert!(session.told[0].contains("start-up files"), "{:?}", session.told);
        // Nothing else is disturbed.
        session.types("ls\r");
        assert_eq!(session.shell.ran, ["ls"], "{:?}", session.told);
    }
}

#[test]
fn what_stands_in_the_line_is_part_of_what_a_key_runs() {
    let mut session = bash(&[("z", "-rf x\r"), ("y", "ls\r"), ("x", "| cat\r")]);
    session.types("rm z");
    assert_eq!((session.shell.ran.len(), session.reports.len()), (0, 1), "{:?}", session.told);
    session.types("\x03");
    session.types("date; y");
    assert_eq!(session.shell.ran, ["date; ls"], "{:?}", session.told);
    // A line of completion is read from the screen.
    session.types("rm -r\tx");
    assert_eq!(session.shell.ran, ["date; ls"], "{:?}", session.told);
    session.types("\x03");
    session.types("rm \\\r");
    session.types("z");
    assert_eq!(session.shell.ran, ["date; ls"], "{:?}", session.told);
}

#[test]
fn a_harmless_key_runs_and_the_next_line_is_read() {
    let mut session = bash(&[("\x07", "git status\n")]);
    session.types("g");
    session.types("\x07");
    assert_eq!(
        (session.shell.ran.clone(), session.reports.len()),
        (vec!["ggit status".to_owned()], 0),
        "{:?}",
        session.told
    );
    session.types("rm -rf x\r");
    assert_eq!((session.shell.ran.len(), session.reports.len()), (1, 1), "{:?}", session.told);
    session.types("ls\r");
    assert_eq!(session.shell.ran, ["ggit status", "ls"], "{:?}", session.told);
}

#[test]
fn keys_within_a_text_are_bound_as_well() {
    for keys in [&[("z", "y"), ("y", "rm -rf x\r")][..], &[("z", "ls\ry"), ("y", "rm -rf x\r")], &[("z", "zz\r")]] {
        let mut session = bash(keys);
        session.shell.macros.clear();
        session.sent.clear();
        session.types("z");
        assert_eq!((session.sent.len(), session.reports.len()), (0, 1), "{keys:?} {:?}", session.told);
    }
}

#[test]
fn a_text_that_cannot_be_followed_is_not_typed() {
    for text in ["ls\x1b\x05\r", "\x18\x05", "#\x1b#", "\x10\r", "ls\x1b", "rm \\\r", "\x04"] {
        let mut session = bash(&[("z", text)]);
        session.sent.clear();
        session.types("z");
        assert_eq!((session.sent.len(), session.reports.len()), (0, 1), "{text:?} {:?}", session.told);
        assert_eq!(session.reports[0].decision, Decided::Held);
        session.types("z");
        assert_eq!((session.reports.len(), session.told[1].as_str()), (1, "bell"));
    }
}

#[test]
fn a_text_without_enter_is_read_from_the_screen() {
    let mut session = bash(&[("z", "rm -r")]);
    session.types("zf x\r");
    assert_eq!(session.shell.ran, [""; 0]);
    assert_eq!(session.reports[0].text, "rm -rf x", "{:?}", session.told);
    let mut session = bash(&[("z", "ls ")]);
    session.types("z-l\r");
    assert_eq!((session.shell.ran.clone(), session.reports.len()), (vec!["ls -l".to_owned()], 0), "{:?}", session.told);
}

#[test]
fn a_key_that_is_typed_ahead_is_judged_too() {
    let mut session = bash(&[("z", "rm -rf x\r")]);
    start_program(&mut session, "make", "working\r\n");
    session.types("z");
    assert_eq!((session.sent.len(), session.reports.len()), (0, 1), "{:?}", session.told);
    // A password is for the program.
    let mut session = bash(&[("z", "rm -rf x\r")]);
    start_program(&mut session, "make", "Password: ");
    session.types("z");
    assert_eq!(session.sent, b"z");
}

#[test]
fn a_key_that_runs_a_command_is_judged_in_the_words_of_its_shell() {
    let bash = |line: &str| format!("bastion-keys:emacs-standard\nbastion-commands:\n{line}\n");
    for (shell, answer, runs) in [
        (Shell::Bash, bash(r#""z": "rm -rf w""#), false),
        (Shell::Bash, bash(r#""z": "eval \"$x\"""#), false),
        (Shell::Bash, bash(r#""z": "__fzf_history__""#), true),
        (Shell::Fish, "bind z 'rm -rf x'".to_owned(), false),
        (Shell::Fish, "bind z 'r\\\\155 -rf x'".to_owned(), false),
        (Shell::Fish, r"bind z commandline\ -r\ \'rm\ -rf\ y\'\;\ commandline\ -f\ execute".to_owned(), false),
        (Shell::Fish, r#"bind z 'commandline -i "$x"; commandline -f execute'"#.to_owned(), false),
        (Shell::Fish, "bind z 'git status; commandline -f repaint'".to_owned(), true),
        (Shell::Fish, "bind z _atuin_search".to_owned(), true),
        (Shell::Fish, "bind z forward-char".to_owned(), true),
        (Shell::Zsh, "bastion-keys:main\nbindkey \"z\" fzf-file-widget\nbindkey -s \"y\" \"a\"".to_owned(), true),
    ] {
        let mut session = settled();
        tell(&mut session, shell, &answer);
        session.sent.clear();
        session.types("z");
        assert_eq!(session.sent.is_empty(), !runs, "{answer}: {:?}", session.told);
        assert_eq!(session.reports.is_empty(), runs, "{answer}: {:?}", session.reports);
    }
}

#[test]
fn a_key_that_is_enter_elsewhere_accepts_what_was_typed() {
    let answer = "bastion-keys:emacs-standard\naccept-line can be invoked via \"\\C-j\", \"\\C-m\", \"z\".\n";
    let mut session = settled();
    session.shell.macros = vec![("z", "\r")];
    tell(&mut session, Shell::Bash, answer);
    session.types("rm -rf xz");
    assert_eq!((session.shell.ran.len(), session.reports.len()), (0, 1), "{:?}", session.told);
    session.types("\x03");
    session.types("lsz");
    assert_eq!(session.shell.ran, ["ls"], "{:?}", session.told);
}

#[test]
fn the_first_keys_wait_for_what_they_are_bound_to() {
    let mut session = settled();
    session.gate.awaits_bindings(true);
    session.sent.clear();
    session.types_bytes(b"z");
    for _ in 0..10 {
        session.now += Duration::from_millis(20);
        session.work(|gate, now, judge, acts| gate.tick(now, judge, acts));
    }
    assert_eq!(session.sent, b"", "it waits");
    tell(&mut session, Shell::Bash, "bastion-keys:emacs-standard\n\"z\": \"rm -rf x\\C-m\"\n");
    session.work(|gate, now, judge, acts| gate.tick(now, judge, acts));
    session.rest();
    assert_eq!((session.sent.len(), session.reports.len()), (0, 1), "{:?}", session.told);
    // A target that does not answer is as before.
    let mut session = settled();
    session.gate.awaits_bindings(true);
    session.sent.clear();
    session.types("ls\r");
    assert_eq!(session.shell.ran, ["ls"]);
}

#[test]
fn keys_of_the_gate_itself_are_not_sent_where_they_are_bound() {
    for key in [r"\C-u", r"\C-e", r"\C-l"] {
        let mut session = settled();
        tell(&mut session, Shell::Bash, &format!("bastion-keys:emacs-standard\n\"{key}\": \"reboot\\C-m\"\n"));
        session.sent.clear();
        session.types("ls /usr/lo\t\r");
        session.types("ls");
        session.output(b"note\r\n");
        session.types(" -l\r");
        let bytes: &[u8] = match key {
            r"\C-l" => b"\x0c",
            _ => b"\x05\x15",
        };
        assert!(!session.sent.windows(bytes.len()).any(|window| window == bytes), "{key}: {:?}", session.sent);
    }
}

/// A session whose shell has told of C-g what is not so.
fn told_falsely(text: &str) -> Session {
    let mut session = settled();
    tell(&mut session, Shell::Bash, &format!("bastion-keys:emacs-standard\n\"\\C-g\": \"{text}\"\n"));
    session
}

#[test]
fn a_false_answer_hides_no_text_that_still_stands_there() {
    let mut session = told_falsely(r"\C-a\C-kls\C-m");
    session.shell.echo = false;
    session.types("rm -rf x");
    session.types("\x07");
    session.types("\r");
    assert_eq!(session.shell.ran, [""], "{:?}", session.told);
    let mut session = told_falsely(r"\C-a\C-kls\C-m");
    session.types("rm -rf x");
    session.types("\x07");
    session.types("\r");
    assert_eq!(session.shell.ran, [""; 0], "{:?}", session.told);
}

#[test]
fn a_false_answer_puts_no_other_program_in_front() {
    let mut session = Session::new(false);
    tell(&mut session, Shell::Bash, "bastion-keys:emacs-standard\n\"\\C-g\": \"cat > x\\C-m\"\n");
    session.types("\x07");
    session.output(b"\r\n");
    session.rest();
    session.types("eval \"$(curl x)\"\r");
    assert_eq!(session.shell.ran, [""; 0], "{:?}", session.told);
}

#[test]
fn a_false_answer_gives_no_command_another_name() {
    let mut session = told_falsely(r"alias rm=ls\C-m");
    session.types("\x07");
    session.types("rm -rf x\r");
    assert_eq!(session.shell.ran, [""; 0], "{:?}", session.told);
}

#[test]
fn within_a_command_no_key_accepts_a_line() {
    let mut session = bash(&[("y", "ls\r")]);
    session.types("echo \\\r");
    session.sent.clear();
    session.types("y");
    assert_eq!((session.sent.len(), session.reports.len()), (0, 1), "{:?}", session.told);
}

#[test]
fn observing_reports_what_a_key_runs() {
    let mut session = bash(&[("z", "rm -rf x\r")]);
    let answer = "bastion-keys:emacs-standard\n\"z\": \"rm -rf x\\C-m\"\n";
    session.gate = Gate::observing(WindowSize::DEFAULT, Foreground::Shell);
    tell(&mut session, Shell::Bash, answer);
    session.output(b"\r\nhost$ ");
    session.types("z");
    assert_eq!((session.shell.ran.len(), session.reports[0].text.as_str()), (1, "rm -rf x"), "{:?}", session.reports);
    assert_eq!(session.reports[0].decision, Decided::Observed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the target tells, what runs is harmless: it may lie, and nothing be bound.
    #[test]
    fn an_answer_makes_nothing_milder(
        before in "(ls|rm -r|f x|echo 'a|'|\t|\x7f|\x15|\x1f|\x1b\\[A|\x1b| |\r|z|q|\x07){0,8}",
        line in "(rm -rf /srv/data|rm -rzf x|rm -r\tq|echo x > /etc/motd)",
        texts in proptest::collection::vec(
            "(ls|\\\\C-a\\\\C-k|\\\\C-e\\\\C-u|\\\\C-m|\\\\C-o|cd /etc|cat > x|vim x|alias rm=ls|f| |z|q|python3|\\\\e|\\\\C-y){0,5}(\\\\C-m)?",
            1..5,
        ),
        quirks: (bool, bool),
    ) {
        let keys = ["z", "q", r"\C-g", "r", "a"];
        let told: Vec<String> =
            texts.iter().zip(keys).map(|(text, key)| format!("\"{key}\": \"{text}\"")).collect();
        let (readline, commands) = quirks;
        let section = if commands { "bastion-commands:\n" } else { "" };
        let mut session = Session::new(readline);
        tell(&mut session, Shell::Bash, &format!("bastion-keys:emacs-standard\n{section}{}\n", told.join("\n")));
        session.types(&before);
        session.types(&format!("{line}\r"));
        session.types(&format!("{line}\r"));
        for ran in &session.shell.ran {
            prop_assert!(!is_ruled(ran), "{told:?}: {ran}");
        }
    }

    #[test]
    fn no_answer_panics(answer in "([\"\\\\'a-z: ^$-]|\\\\C-|\\\\M-|bind |bindkey -s |\n|é|\\PC){0,40}", keys in "\\PC{0,8}") {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Unknown] {
            let mut session = Session::new(true);
            tell(&mut session, shell, &format!("bastion-keys:emacs-standard\n{answer}"));
            session.types(&keys);
        }
    }
}

/// Whether a line would be refused that was typed.
fn is_ruled(line: &str) -> bool {
    let session = Session::new(true);
    let judging = Judging::of(SessionMode::Guard, Protocol::Ssh, std::time::SystemTime::UNIX_EPOCH);
    let judging = Judging { place: ParseContext::typed(), ..judging };
    let resource = Resource::Host { target: &session.target, login: &session.login };
    let verdict = session.rules.judge(&session.who, resource, CommandInput::Line(line), &judging);
    verdict.effect == RuleEffect::Block && verdict.rule.is_some()
}

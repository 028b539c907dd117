//! The gate in front of a shell: what runs, what is held, what is said.

use std::time::Duration;

use config::RuleDoc;
use policy::{RuleSet, SessionMode};
use proptest::prelude::*;
use shell::ParseContext;

use super::*;

mod bound;
mod guards;
mod history;
mod readers;
mod screens;
pub(crate) mod session;
mod strict;

use session::Session;

#[test]
fn what_no_rule_is_about_runs() {
    for readline in [true, false] {
        let mut session = Session::new(readline);
        session.types("ls -l /srv\r");
        session.types("echo 'one\r");
        session.types("rm -rf /srv/data'\r");
        session.types("\r");
        assert_eq!(session.shell.ran, ["ls -l /srv", "echo 'one\nrm -rf /srv/data'", ""]);
        assert_eq!((session.told, session.reports), (vec![], vec![]));
    }
}

#[test]
fn a_blocked_line_is_gone_before_anything_else_is_sent() {
    for readline in [true, false] {
        for enter in ["\r", "\n", "\x0f", "\x1bOM"] {
            let mut session = Session::new(readline);
            session.types(&format!("rm -rf /srv/data{enter}"));
            session.types(&format!("ls{enter}"));
            assert_eq!(session.shell.ran, ["ls"], "{enter:?}");
            assert!(session.told[0].starts_with("blocked by rule rm_rf"), "{:?}", session.told);
            assert_eq!(session.reports[0].decision, Decided::Blocked);
            assert_eq!(session.reports[0].text, "rm -rf /srv/data");
        }
    }
}

#[test]
fn what_was_typed_behind_a_refused_line_is_dropped() {
    let mut session = settled();
    session.types("rm -rf /srv/data\rdate\rdf");
    // Who has read it means what is typed then.
    session.types("ls\r");
    assert_eq!(session.shell.ran, ["ls"]);
    assert_eq!(session.told.get(1).map(String::as_str), Some("what was typed behind that line was dropped"));
    let mut session = Session::new(true);
    session.types("systemctl restart db\r");
    session.types("date\r");
    session.answers(Answer::Refused("denied by bob".into()));
    assert_eq!(session.shell.ran, [""; 0], "it waited for the approval");
}

#[test]
fn a_line_whose_echo_is_on_its_way_does_not_wait_for_it() {
    for shown in ["", "ls"] {
        let mut session = settled();
        session.shell.echo = false;
        session.types_bytes(b"ls -l");
        session.output(shown.as_bytes());
        session.types_bytes(b"\r");
        assert_eq!(session.shell.ran, ["ls -l"], "{shown:?}");
    }
    // What would be refused is read first, for it is shown to people.
    let mut session = settled();
    session.shell.echo = false;
    session.types_bytes(b"rm -rf /srv/data\r");
    assert_eq!((session.shell.ran.len(), session.told.len()), (0, 0));
    session.output(b"rm -rf /srv/data");
    session.rest();
    assert_eq!(session.reports[0].text, "rm -rf /srv/data");
    // A key that is no character may do what nobody knows.
    let mut session = settled();
    session.shell.echo = false;
    session.types_bytes(b"ls\x01 \r");
    assert_eq!(session.shell.ran, [""; 0]);
}

#[test]
fn a_line_that_was_looked_at_is_sent_anew_in_one_go() {
    let mut session = Session::new(true);
    session.shell.completion = "cal/bin";
    session.types("ls /usr/lo\t");
    session.now += Duration::from_secs(1);
    session.sent.clear();
    session.types_bytes(b"\r");
    assert_eq!(session.shell.ran, ["ls /usr/local/bin"], "nothing is waited for but the echo");
    assert_eq!(session.sent, b"\x05\x15\x1b[200~ls /usr/local/bin\x1b[201~\r");
    // In vi mode the keys that erase may be commands: the line stays as it was read, and judged.
    for (line, sent) in [("ls\x1b", &b"\r"[..]), ("rm -rf /srv/data\x1b", b"\x03\x03")] {
        let mut session = settled();
        session.types(line);
        session.now += Duration::from_secs(1);
        session.sent.clear();
        session.types("\r");
        assert_eq!(session.sent, sent, "{:?}", session.told);
    }
}

#[test]
fn the_lines_of_one_command_are_judged_together() {
    for readline in [true, false] {
        let mut session = Session::new(readline);
        session.types("rm \\\r");
        session.types("-rf /srv/data\r");
        session.types("ls\r");
        assert_eq!(session.shell.ran, ["ls"]);
    }
}

#[test]
fn what_only_the_screen_tells_is_sent_anew() {
    let mut session = Session::new(true);
    session.shell.completion = "cal/bin";
    session.types("ls /usr/lo\t\r");
    assert_eq!(session.shell.ran, ["ls /usr/local/bin"]);
    session.shell.completion = "f /srv/data";
    session.types("rm -r\t\r");
    session.types("date\r");
    assert_eq!(session.shell.ran, ["ls /usr/local/bin", "date"]);
    assert!(session.told[0].starts_with("blocked by rule rm_rf"), "{:?}", session.told);
}

#[test]
fn a_screen_that_contradicts_the_keys_holds_the_line() {
    let mut session = Session::new(true);
    session.types("ls");
    session.shell.line = "something else".into();
    session.output(b"\r\nNOISE\r\n");
    session.types("\r");
    assert_eq!(session.shell.ran, [""; 0]);
    assert_eq!(session.reports[0].decision, Decided::Held);
    session.types("ls\r");
    assert_eq!(session.shell.ran, ["ls"]);
}

#[test]
fn what_needs_an_approval_waits_and_goes_on_as_it_was_approved() {
    let mut session = Session::new(true);
    session.types("systemctl restart db\r");
    assert_eq!(session.questions[0].text, "systemctl restart db");
    session.types("ls\r");
    assert_eq!(session.shell.ran, [""; 0], "what is typed meanwhile waits");
    session.answers(Answer::Approved);
    assert_eq!(session.shell.ran, ["systemctl restart db", "ls"]);

    session.types("systemctl restart db\r");
    session.answers(Answer::Refused("denied by bob".into()));
    session.types("date\r");
    assert_eq!(session.shell.ran, ["systemctl restart db", "ls", "date"]);
    assert_eq!(session.told, ["denied by bob"]);
}

#[test]
fn ctrl_c_takes_the_question_back() {
    let mut session = Session::new(true);
    session.types("systemctl restart db\r");
    session.types("\x03");
    assert_eq!(session.told[0], "withdrawn");
    session.types("ls\r");
    assert_eq!(session.shell.ran, ["ls"]);
}

#[test]
fn keys_that_accept_lines_in_other_ways_do_not_pass() {
    for chord in ["\x1b#", "\x18\x05", "\x1b\x05", "\x1bx", "\x1ba"] {
        let mut session = Session::new(true);
        session.types(&format!("#rm -rf /srv/data{chord}"));
        assert!(session.told[0].starts_with("blocked by rule rm_rf"), "{chord:?}: {:?}", session.told);
        let mut session = Session::new(true);
        session.types(&format!("ls{chord}"));
        assert_eq!((session.told[0].as_str(), session.reports[0].decision), ("bell", Decided::Held), "{chord:?}");
        assert_eq!(session.shell.ran, [""; 0]);
    }
}

#[test]
fn a_paste_in_brackets_is_no_enter_for_a_line_editor_only() {
    let paste = "\x1b[200~echo a\rrm -rf /srv/data\r\x1b[201~";
    let mut session = Session::new(true);
    session.types(paste);
    assert_eq!((session.shell.ran.len(), session.reports.len()), (0, 0));
    session.types("\r");
    assert!(session.told[0].starts_with("blocked by rule rm_rf"), "{:?}", session.told);
    assert_eq!(session.shell.ran, [""; 0]);

    let mut plain = Session::new(false);
    plain.types(paste);
    assert_eq!(plain.shell.ran, ["echo a"]);
    assert!(plain.told[0].starts_with("blocked by rule rm_rf"), "{:?}", plain.told);
}

#[test]
fn a_program_that_prints_what_line_editors_print_is_not_trusted() {
    let mut session = Session::new(false);
    session.types("printf '\\033[?2004h'\r");
    session.output(b"\x1b[?2004h");
    session.types("\x1b[200~\rrm -rf /srv/data\r\x1b[201~\r");
    assert!(session.shell.ran.iter().all(|line| !line.contains("rm")), "{:?}", session.shell.ran);
}

#[test]
fn what_is_typed_without_echo_is_judged_and_never_repeated() {
    let mut session = Session::new(false);
    session.shell.echo = false;
    session.types("rm -rf /srv/data\r");
    assert_eq!(session.shell.ran, [""; 0]);
    assert_eq!(session.reports[0].text, "");
    let told = format!("{:?}{:?}", session.told, session.reports);
    assert!(!told.contains("/srv"), "{told}");
    session.types("hunter2\r");
    assert_eq!(session.shell.ran, ["hunter2"]);
}

#[test]
fn a_line_that_is_accepted_without_such_a_key_is_reported() {
    let mut session = Session::new(true);
    session.types("ls");
    session.output(b"\x1b[?2004l\r\nout\r\n\x1b[?2004hhost$ ");
    session.rest();
    assert_eq!(session.reports[0].decision, Decided::Tripped);
}

#[test]
fn shell_escapes_of_editors_are_judged() {
    let mut session = Session::new(true);
    session.types("vim notes\r");
    session.shell.away = true;
    session.output(b"\x1b[?1049h\x1b[2J\x1b[H");
    session.types("irm -rf /srv/data\r\x1b");
    assert_eq!(session.reports.len(), 0, "text of a file is no command");
    session.types(":!rm -rf /srv/data\r");
    assert!(session.told[0].starts_with("blocked by rule rm_rf"), "{:?}", session.told);
    session.shell.away = false;
    session.output(b"\x1b[?1049l\r\nhost$ ");
    session.rest();
    session.types("rm -rf /srv/data\r");
    assert_eq!(session.reports.len(), 2);
}

#[test]
fn printing_the_alternate_screen_changes_nothing() {
    let mut session = Session::new(true);
    session.types("printf '\\033[?1049h'\r");
    session.output(b"\x1b[?1049hhost$ ");
    session.rest();
    session.types("rm -rf /srv/data\r");
    assert_eq!(session.reports[0].decision, Decided::Blocked);
}

#[test]
fn a_pager_that_is_gone_is_no_reader_even_if_its_screen_is_still_shown() {
    let mut session = Session::new(true);
    session.types("git show x\r");
    session.output(b"\x1b[?1049hcommit\r\n\x1b[?2004hhost$ ");
    session.rest();
    session.types("rm -rf /srv/data\r");
    assert_eq!(session.reports[0].decision, Decided::Blocked);
}

#[test]
fn observing_holds_nothing_and_reports_all() {
    let mut session = Session::new(true);
    session.gate = Gate::observing(WindowSize::DEFAULT, Foreground::Shell);
    session.output(b"\r\nhost$ ");
    session.types("rm -rf /srv/data\r");
    assert_eq!(session.shell.ran, ["rm -rf /srv/data"]);
    assert_eq!(
        (session.reports[0].decision, session.reports[0].text.as_str()),
        (Decided::Observed, "rm -rf /srv/data")
    );
    session.types("ls\r");
    assert_eq!(session.reports.len(), 1);
}

#[test]
fn a_line_that_was_written_over_is_drawn_again() {
    let mut session = Session::new(true);
    session.types("ls");
    session.output(b"note\r\n");
    session.types(" -l\r");
    assert_eq!((session.shell.ran.clone(), session.told.len()), (vec!["ls -l".to_owned()], 0), "{:?}", session.told);
}

#[test]
fn a_line_of_the_session_that_was_fetched_again_is_known() {
    let mut session = Session::new(true);
    session.types("ls -l\r");
    session.shell.history = "ls -l";
    session.sent.clear();
    session.types("\x1b[A\r");
    assert_eq!(session.shell.ran, ["ls -l", "ls -l"]);
    assert_eq!(session.sent, b"\x1b[A\r", "it was not sent anew");
    // What another session left behind is read from the screen, and sent anew.
    session.shell.history = "ls -a";
    session.types("\x1b[A\r");
    assert_eq!(session.shell.ran.last().map(String::as_str), Some("ls -a"));
    assert!(session.sent.ends_with(b"\x1b[200~ls -a\x1b[201~\r"), "{:?}", session.sent);
    session.shell.history = "rm -rf /srv/data";
    session.types("\x1b[A\r");
    assert_eq!(session.shell.ran.len(), 3);
}

/// A session whose prompt has been there for a while.
fn settled() -> Session {
    let mut session = Session::new(true);
    session.now += Duration::from_secs(1);
    session
}

/// A line runs a program that writes `output` and goes on.
fn start_program(session: &mut Session, line: &str, output: &str) {
    session.shell.program = Some(output.to_owned());
    session.types(&format!("{line}\r"));
    assert_eq!(session.shell.ran.last().map(String::as_str), Some(line));
    session.sent.clear();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn chunks_do_not_matter(
        typed in "(ls|echo 'a|rm -rf /x|rm -r|f|'|\t|\x7f|\r|\n|\x03|\x15|\x1b\\[A|\x1b#|#| |systemctl restart db|\x1b\\[200~a\rb\x1b\\[201~){1,12}",
        readline: bool,
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        pieces in 1usize..5,
    ) {
        let bytes = typed.as_bytes();
        let run = |chunks: Vec<&[u8]>, pieces: usize| {
            let mut session = Session::new(readline);
            session.pieces = pieces;
            // All of it is there before anything is answered: what comes behind a refusal is not what was typed before it.
            session.busy = true;
            for chunk in chunks {
                session.types_bytes(chunk);
            }
            session.busy = false;
            session.carry_out();
            session.rest();
            // A question is left open: what comes after it waits.
            let decided: Vec<_> = session.reports.iter().map(|report| (report.decision, report.text.clone())).collect();
            (session.shell.ran, decided, session.questions.len())
        };
        let whole = run(vec![bytes], 1);
        let split = run(crate::chunks::chunks(bytes, &cuts), pieces);
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn nothing_that_is_typed_or_printed_panics(
        steps in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..24)), 0..24),
    ) {
        let mut session = Session::new(true);
        for (typed, bytes) in steps {
            if typed { session.types_bytes(&bytes) } else { session.output(&bytes) }
            session.rest();
        }
    }
}

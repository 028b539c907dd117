//! What of a dialogue with a shell goes on, by the real rules.

use std::time::SystemTime;

use config::{
    RuleDoc,
    rules::{Protocol, SessionMode},
};
use policy::{Judging, Resource, RuleSet};
use proptest::{prelude::*, sample::Index};

use super::*;
use crate::{
    chunks::chunks,
    tests::session::{alice, target},
};

const RULES: &str = "
roles: {}
approvals: { groups: [sre] }
rules:
  - { name: rm-rf, effect: block, message: no, match: { command: { program: [rm], flags: { all: [[r], [f]] } } } }
  - { name: svc, effect: approve, match: { command: { program: [systemctl], args: [restart] } } }
  - { name: etc, effect: block, match: { command: { writes: [/etc/**] } } }
  - { name: drop, effect: block, match: { text: '(?is)drop\\s+table' } }
";

/// Only these may run.
const NARROW: &str = "
roles: {}
rules:
  - { name: some, effect: allow, match: { command: { program: [echo, bash, ls] } } }
";

fn with_rules<T>(rules: &str, mode: SessionMode, work: impl FnOnce(Judge<'_>) -> T) -> T {
    let rules = RuleSet::compile(&[RuleDoc::parse(rules, "rules.yaml").unwrap()]).unwrap();
    let (target, who) = (target(), alice());
    let login = "root".parse().unwrap();
    let what = Resource::Host { target: &target, login: &login };
    let judging = Judging::of(mode, Protocol::Ssh, SystemTime::UNIX_EPOCH);
    work(&|input| rules.judge(&who, what, input, &judging))
}

/// What came of an input.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    sent: String,
    asked: Vec<String>,
    ended: bool,
    refused: Option<String>,
    reports: usize,
}

impl Outcome {
    /// Whether somebody is asked.
    fn take(&mut self, acts: &mut Vec<DialogueAct>) -> bool {
        let mut asks = false;
        for act in acts.drain(..) {
            assert!(self.refused.is_none(), "nothing follows a refusal: {act:?}");
            match act {
                DialogueAct::Ask(question) => {
                    self.asked.push(question.text);
                    asks = true;
                }
                DialogueAct::End => self.ended = true,
                DialogueAct::Forward(bytes) => self.sent.push_str(&String::from_utf8_lossy(&bytes)),
                DialogueAct::Refuse(reason) => self.refused = Some(reason),
                DialogueAct::Report(_) => self.reports += 1,
            }
        }
        asks
    }
}

/// Sends the pieces one after the other, and ends; who is asked says `answer`.
fn play(mut commands: Commands, pieces: &[&[u8]], answer: &Answer, judge: Judge<'_>) -> Outcome {
    let (now, mut outcome) = (Instant::now(), Outcome::default());
    for piece in pieces.iter().map(Some).chain([None]) {
        let mut acts = Vec::new();
        match piece {
            Some(piece) => commands.received(piece, now, judge, &mut acts),
            None => commands.end(now, judge, &mut acts),
        }
        loop {
            if outcome.take(&mut acts) {
                commands.answered(answer.clone(), judge, &mut acts);
            } else if commands.deadline().is_some_and(|due| due <= now) {
                commands.tick(now, judge, &mut acts);
            } else {
                break;
            }
        }
    }
    outcome
}

fn judged_in(mode: SessionMode, rules: &str, text: &str) -> Outcome {
    let commands = Commands::new(mode == SessionMode::Observe);
    with_rules(rules, mode, |judge| play(commands, &[text.as_bytes()], &Answer::Approved, judge))
}

fn judged(text: &str) -> Outcome {
    judged_in(SessionMode::Guard, RULES, text)
}

/// All of it went on, and nothing was to be said.
fn went_on(text: &str) -> Outcome {
    Outcome { sent: text.to_owned(), ended: true, ..Outcome::default() }
}

#[test]
fn what_the_rules_allow_goes_on_byte_for_byte_and_then_ends() {
    for text in [
        "",
        "\n\n# rm -rf x\n",
        "echo a",
        "echo 'a\nrm -rf x\n'\n",
        "cat <<E\nrm -rf x\nE\nls\n",
        "if true\nthen\nls\nfi\nf() {\nls\n}\nf\n",
        "echo a \\\n  b\n",
        "stty -echo; PS1=; export LANG=C\n",
        "bash\necho a\nsudo sh\nls\nexit\n",
        "cat > /tmp/f\nsome text\n",
        "make\nls\necho \"it's 'rm -rf x'\"\n",
    ] {
        assert_eq!(judged(text), went_on(text), "{text:?}");
    }
}

#[test]
fn what_a_rule_blocks_ends_the_session_and_nothing_of_its_command_goes_on() {
    for (text, sent) in [
        ("ls\nrm -rf x\nls\n", "ls\n"),
        ("ls\nrm -r \\\n -f x\n", "ls\n"),
        ("for i in a b\ndo\nrm -rf $i\ndone\n", ""),
        ("cat <<E\n$(rm -rf x)\nE\n", ""),
        ("f() {\nrm -rf x\n}\n", ""),
        ("rm -rf x", ""),
        // The program may not have started.
        ("cat > /nonexistent/f\nrm -rf x\n", "cat > /nonexistent/f\n"),
        ("bash\nrm -rf x\n", "bash\n"),
        ("cd /etc\necho x > motd\n", "cd /etc\n"),
        // Another program may read what follows.
        ("m4\n!rm -rf x\n", "m4\n"),
        ("vi -e\n:!rm -rf x\n", "vi -e\n"),
        ("psql\ndrop\ntable x;\n", "psql\ndrop\n"),
        ("psql\n\\! 'rm -rf x'\n", "psql\n"),
    ] {
        let outcome = judged(text);
        assert!(outcome.refused.as_deref().is_some_and(|why| why.starts_with("blocked")), "{text:?}: {outcome:?}");
        assert_eq!((outcome.sent.as_str(), outcome.ended, outcome.reports), (sent, false, 1), "{text:?}: {outcome:?}");
    }
}

#[test]
fn what_needs_an_approval_waits_for_it_and_what_comes_behind_it_too() {
    let text = "ls\nsystemctl restart db\nls\n$CMD\n";
    let asked = vec!["systemctl restart db".to_owned(), "$CMD".to_owned()];
    assert_eq!(judged(text), Outcome { asked, ..went_on(text) });
    let denied = Answer::Refused("denied by bob".to_owned());
    let outcome =
        with_rules(RULES, SessionMode::Guard, |judge| play(Commands::new(false), &[text.as_bytes()], &denied, judge));
    assert_eq!((outcome.sent.as_str(), outcome.ended), ("ls\n", false));
    assert_eq!(outcome.refused.as_deref(), Some("denied by bob"));
    let nobody = RULES.replace("approvals: { groups: [sre] }", "");
    let refused = judged_in(SessionMode::Guard, &nobody, text).refused.unwrap_or_default();
    assert!(refused.contains("nobody who can approve it"), "{refused}");
}

#[test]
fn what_cannot_be_read_is_refused_with_what_to_do() {
    let long = format!("echo {}\n", "x".repeat(MAX_LINE));
    let open = format!("echo '\n{}", "a line\n".repeat(5000));
    for (text, why) in [
        ("a\0b\n", "it is not text"),
        (long.as_str(), "longer than 60 KiB"),
        (open.as_str(), "too many lines of it belong together"),
    ] {
        let refused = judged(text).refused.unwrap_or_default();
        assert!(refused.contains(why) && refused.contains("ssh TARGET sh -s < SCRIPT"), "{refused}");
    }
}

#[test]
fn the_limit_is_one_of_each_command_and_not_of_the_session() {
    let text = format!("echo {}\n", "x".repeat(1000)).repeat(200);
    assert_eq!(judged(&text), went_on(&text));
}

#[test]
fn a_command_that_does_not_end_is_refused_after_a_minute() {
    with_rules(RULES, SessionMode::Guard, |judge| {
        let (mut commands, start, mut acts) = (Commands::new(false), Instant::now(), Vec::new());
        commands.received(b"ls\necho 'x\n", start, judge, &mut acts);
        assert_eq!(acts, [DialogueAct::Forward(b"ls\n".to_vec())]);
        assert_eq!(commands.deadline(), Some(start + PATIENCE));
        commands.received(b"y'\n", start, judge, &mut acts);
        assert_eq!(commands.deadline(), None, "a shell waits for the next command as long as it likes");
        commands.received(b"echo 'x\n", start, judge, &mut acts);
        acts.clear();
        commands.tick(start + PATIENCE, judge, &mut acts);
        let refused = matches!(acts.as_slice(), [_, DialogueAct::Refuse(why)] if why.contains("60 seconds"));
        assert!(refused, "{acts:?}");
    });
}

#[test]
fn what_is_begun_goes_on_to_a_program_that_takes_data_if_it_may_as_it_stands() {
    with_rules(RULES, SessionMode::Guard, |judge| {
        let (mut commands, start, mut acts) = (Commands::new(false), Instant::now(), Vec::new());
        let mut send = |commands: &mut Commands, bytes: &[u8]| {
            acts.clear();
            commands.received(bytes, start, judge, &mut acts);
            commands.tick(start + PAUSE, judge, &mut acts);
            acts.clone()
        };
        let forwarded = |bytes: &[u8]| vec![DialogueAct::Forward(bytes.to_vec())];
        assert_eq!(send(&mut commands, b"\0"), [], "a shell gets no NUL");
        let mut commands = Commands::new(false);
        assert_eq!(send(&mut commands, b"echo a"), [], "a shell gets whole commands");
        assert_eq!(send(&mut commands, b"\nscp -f x\n"), forwarded(b"echo a\nscp -f x\n"));
        assert_eq!(send(&mut commands, b"\0"), forwarded(b"\0"));
        assert_eq!(send(&mut commands, b"\0"), forwarded(b"\0"));
        assert_eq!(send(&mut commands, b"some text"), forwarded(b"some text"));
        assert_eq!(send(&mut commands, b"\0\nls\n"), forwarded(b"\0\nls\n"));
        assert_eq!(send(&mut commands, b"rm -rf x"), [], "the program may have ended");
        assert_eq!(commands.deadline(), Some(start + PATIENCE_WITH_DATA));
        let refused = send(&mut commands, b"\0\n");
        assert!(matches!(refused.as_slice(), [_, DialogueAct::Refuse(why)] if why.contains("rm-rf")), "{refused:?}");
        let mut commands = Commands::new(false);
        send(&mut commands, b"scp -t x\n");
        let refused = send(&mut commands, b"r\0m -rf x\n");
        assert!(matches!(refused.as_slice(), [_, DialogueAct::Refuse(why)] if why.contains(NO_TEXT)), "{refused:?}");
    });
}

#[test]
fn nothing_that_cannot_be_known_passes_in_exec_only_and_strict() {
    for (mode, rules, text, sent) in [
        (SessionMode::ExecOnly, RULES, "ls\n$CMD\n", "ls\n"),
        (SessionMode::ExecOnly, RULES, "ls\nsome-tool\n\nls\n", "ls\nsome-tool\n"),
        (SessionMode::ExecOnly, RULES, "python3 -\nprint(1)\n", ""),
        (SessionMode::Guard, RULES, "base64 -d | m4\nls\n", "base64 -d | m4\n"),
        (SessionMode::Strict, NARROW, "echo a\n# b\nls -l\nbash\nid\n", "echo a\n# b\nls -l\nbash\n"),
    ] {
        let outcome = judged_in(mode, rules, text);
        assert_eq!((outcome.sent.as_str(), outcome.asked.len()), (sent, 0), "{mode}: {text:?}: {outcome:?}");
        assert!(outcome.refused.is_some() && !outcome.ended, "{mode}: {text:?}: {outcome:?}");
    }
    for text in ["ls\nsome-tool </dev/null\nls\n", "some-tool\n"] {
        assert_eq!(judged_in(SessionMode::ExecOnly, RULES, text), went_on(text));
    }
}

#[test]
fn what_is_only_observed_goes_on_at_once_and_is_reported() {
    let text = "ls\nrm -rf x\n$X\nbase64 -d | m4\nrm -rf y\nvi -e\n:!rm -rf z\nls\n";
    assert_eq!(judged_in(SessionMode::Observe, RULES, text), Outcome { reports: 5, ..went_on(text) });
}

#[test]
fn commands_are_judged_in_turns_with_others() {
    with_rules(RULES, SessionMode::Guard, |judge| {
        let (mut commands, now, mut acts) = (Commands::new(false), Instant::now(), Vec::new());
        commands.received(&b"a\n".repeat(LINES_AT_ONCE * 3), now, judge, &mut acts);
        assert_eq!(acts, [DialogueAct::Forward(b"a\n".repeat(LINES_AT_ONCE))]);
        assert_eq!(commands.deadline(), Some(now));
    });
    let text = "a\n".repeat(LINES_AT_ONCE * 2);
    assert_eq!(judged(&text), went_on(&text), "the end is passed on");
}

#[test]
fn what_another_program_may_have_read_is_kept_in_whole_lines() {
    let mut text = "é line\n".repeat(MAX_LINE / 4);
    keep_end(&mut text);
    keep_end(&mut text);
    assert!(text.len() <= MAX_LINE && text.starts_with("é line\n"), "{}", text.len());
}

proptest! {
    #[test]
    fn how_input_is_cut_does_not_matter(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "ls", "\n", "rm", " ", "-rf", "\\\n", "'", "\"", "$X", "x", "<<E\n", "E\n", "\r", "é", "!", "if true", "fi",
            ";", "m4\n", "bash\n", "# a\n", "systemctl restart x\n", "cd /etc\n", "> y", "|", "f() {\n", "}\n",
        ]), 0..30),
        cuts in prop::collection::vec(any::<Index>(), 0..8),
    ) {
        let text = pieces.concat();
        with_rules(RULES, SessionMode::Guard, |judge| {
            let whole = play(Commands::new(false), &[text.as_bytes()], &Answer::Approved, judge);
            let parts = play(Commands::new(false), &chunks(text.as_bytes(), &cuts), &Answer::Approved, judge);
            prop_assert_eq!(&parts, &whole);
            prop_assert!(text.starts_with(&whole.sent));
            prop_assert_eq!(whole.ended, whole.refused.is_none());
            prop_assert!(!whole.ended || whole.sent == text);
            Ok(())
        })?;
    }
}

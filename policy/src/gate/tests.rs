use std::collections::BTreeSet;

use config::{Login, RuleDoc, Target, target::parse_targets};
use proptest::prelude::*;

use super::*;
use crate::{CommandInput, Judging, Protocol, Resource, RuleSet, SessionMode, Subject, command::ParseContext};

mod guards;
mod screens;
mod strict;

const RULES: &str = "
roles:
  engineer: { users: [alice], allow: [{ targets: { names: [web1] }, logins: [root], capabilities: [shell, pty] }] }
rules:
  - { name: rm_rf, effect: block, match: { command: { program: [rm], flags: { all: [[r, R, recursive], [f, force]] } } } }
  - { name: svc, effect: approve, match: { command: { program: [systemctl], args: [restart] } } }
  - { name: drop, effect: block, match: { text: '(?i)drop table' } }
";

/// A target that edits lines as bash does, as far as these tests type.
#[derive(Default)]
struct Shell {
    line: String,
    /// What ran.
    ran: Vec<String>,
    /// Whether it asks for bracketed pastes.
    readline: bool,
    /// What the next line that runs prints, and goes on: no prompt follows.
    program: Option<String>,
    /// What Tab adds.
    completion: &'static str,
    keys: KeyReader,
    in_paste: bool,
    continued: String,
    echo: bool,
    /// Another program reads, and shows nothing.
    away: bool,
    /// Nothing erases or interrupts the line.
    sticks: bool,
}

impl Shell {
    fn prompt(&self) -> String {
        let sign = if self.continued.is_empty() { "host$ " } else { "> " };
        format!("{}{sign}", if self.readline { "\x1b[?2004h" } else { "" })
    }

    fn input(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut presses, mut output) = (Vec::new(), String::new());
        if self.away {
            return Vec::new();
        }
        self.keys.feed(bytes, &mut presses);
        for press in presses {
            #[expect(clippy::wildcard_enum_match_arm, reason = "these tests type no others")]
            match press.key {
                Key::PasteStart => self.in_paste = self.readline,
                Key::PasteEnd => self.in_paste = false,
                Key::Enter | Key::LineFeed if self.in_paste => {
                    self.line.push('\n');
                    output.push_str("\r\n");
                }
                Key::Enter | Key::LineFeed | Key::Ctrl('o') => {
                    output.push_str(if self.readline { "\x1b[?2004l\r\n" } else { "\r\n" });
                    self.continued.push_str(&std::mem::take(&mut self.line));
                    if crate::command::completeness::is_incomplete(&self.continued) {
                        self.continued.push('\n');
                    } else {
                        self.ran.push(std::mem::take(&mut self.continued));
                    }
                    if let Some(program) = self.program.take() {
                        output.push_str(&program);
                        continue;
                    }
                    output.push_str(&self.prompt());
                }
                Key::Ctrl('c' | 'u') if self.sticks => {}
                Key::Ctrl('c') => {
                    self.line.clear();
                    self.continued.clear();
                    output.push_str("^C\r\n");
                    output.push_str(&self.prompt());
                }
                Key::Ctrl('u') => {
                    output.push_str(&format!("\x1b[{}D\x1b[K", self.line.len().max(1)));
                    if self.line.is_empty() {
                        output.truncate(output.len() - 7);
                    }
                    self.line.clear();
                }
                Key::Tab => {
                    self.line.push_str(self.completion);
                    output.push_str(self.completion);
                }
                Key::Backspace if self.line.pop().is_some() => output.push_str("\x08 \x08"),
                Key::Char(character) => {
                    self.line.push(character);
                    if self.echo {
                        output.push(character);
                    }
                }
                _ => {}
            }
        }
        output.into_bytes()
    }
}

/// A gate in front of such a target.
struct Session {
    gate: Gate,
    shell: Shell,
    now: Instant,
    rules: RuleSet,
    target: Target,
    login: Login,
    who: Subject,
    told: Vec<String>,
    reports: Vec<Report>,
    questions: Vec<Question>,
    /// In how many pieces output comes.
    pieces: usize,
    mode: SessionMode,
    /// What the user sees, save the words of the bastion.
    seen: Screen,
    /// All that the shell was sent.
    sent: Vec<u8>,
    acts: VecDeque<Act>,
    answers: VecDeque<Vec<u8>>,
    busy: bool,
}

impl Session {
    fn new(readline: bool) -> Self {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
        let targets = format!("- {{ name: web1, address: \"192.0.2.1:22\", host_keys: [\"{key}\"] }}");
        let mut session = Self {
            gate: Gate::new(WindowSize::DEFAULT, Foreground::Shell),
            shell: Shell { readline, echo: true, completion: "f /srv/data", ..Shell::default() },
            now: Instant::now(),
            rules: RuleSet::compile(&[RuleDoc::parse(RULES, "rules.yaml").unwrap()]).unwrap(),
            target: parse_targets(&targets, std::path::Path::new("."), "targets.yaml").unwrap().remove(0),
            login: "root".parse().unwrap(),
            who: Subject {
                issuer: "https://issuer.example".into(),
                id: "1".into(),
                name: "alice".parse().unwrap(),
                email: None,
                groups: BTreeSet::new(),
            },
            told: Vec::new(),
            reports: Vec::new(),
            questions: Vec::new(),
            pieces: 1,
            mode: SessionMode::Guard,
            seen: Screen::new(WindowSize::DEFAULT),
            sent: Vec::new(),
            acts: VecDeque::new(),
            answers: VecDeque::new(),
            busy: false,
        };
        let prompt = session.shell.prompt();
        session.output(prompt.as_bytes());
        session.rest();
        session
    }

    fn work(&mut self, work: impl FnOnce(&mut Gate, Instant, Judge<'_>, &mut Vec<Act>)) {
        let place = ParseContext::typed();
        let judging = Judging { place, ..Judging::of(self.mode, Protocol::Ssh, std::time::SystemTime::UNIX_EPOCH) };
        let judge = |input: CommandInput<'_>| {
            self.rules.judge(&self.who, &Resource { target: &self.target, login: &self.login }, input, &judging)
        };
        let mut acts = Vec::new();
        work(&mut self.gate, self.now, &judge, &mut acts);
        self.acts.extend(acts);
        self.carry_out();
    }

    /// Carries out what waits; output comes in the order in which the shell wrote it.
    fn carry_out(&mut self) {
        if std::mem::replace(&mut self.busy, true) {
            return;
        }
        loop {
            if let Some(act) = self.acts.pop_front() {
                self.act(act);
            } else if let Some(piece) = self.answers.pop_front() {
                let mut acts = Vec::new();
                self.gate.showing(&mut acts);
                acts.into_iter().for_each(|act| self.act(act));
                self.seen.output(&piece, &mut Vec::new());
                self.work(|gate, now, judge, acts| gate.output(&piece, now, judge, acts));
            } else {
                break;
            }
        }
        self.busy = false;
    }

    fn act(&mut self, act: Act) {
        {
            match act {
                Act::Ask(question) => self.questions.push(question),
                Act::Bell => self.told.push("bell".to_owned()),
                Act::Close(reason) => self.told.push(format!("closed: {reason}")),
                Act::Draw(bytes) => self.seen.output(&bytes, &mut Vec::new()),
                Act::Forward(bytes) => {
                    self.sent.extend_from_slice(&bytes);
                    let answer = self.shell.input(&bytes);
                    self.now += Duration::from_millis(1);
                    let size = answer.len().div_ceil(self.pieces).max(1);
                    self.answers.extend(answer.chunks(size).map(<[u8]>::to_vec));
                }
                Act::Report(report) => self.reports.push(report),
                Act::Tell(text) => self.told.push(text),
                Act::Withdraw => self.told.push("withdrawn".to_owned()),
            }
        }
    }

    fn output(&mut self, bytes: &[u8]) {
        let size = bytes.len().div_ceil(self.pieces).max(1);
        self.answers.extend(bytes.chunks(size).map(<[u8]>::to_vec));
        self.carry_out();
    }

    /// Lets time pass until nothing is waited for.
    fn rest(&mut self) {
        for _ in 0..1000 {
            let Some(deadline) = self.gate.deadline() else { return };
            self.now = self.now.max(deadline) + Duration::from_millis(1);
            self.work(|gate, now, judge, acts| gate.tick(now, judge, acts));
        }
        panic!("the gate waits for ever: {:?}", self.gate);
    }

    fn types(&mut self, text: &str) {
        self.types_bytes(text.as_bytes());
        self.rest();
    }

    fn types_bytes(&mut self, bytes: &[u8]) {
        self.work(|gate, now, judge, acts| gate.typed(bytes, now, judge, acts));
    }

    fn answers(&mut self, answer: Answer) {
        self.work(|gate, now, judge, acts| gate.answered(answer, now, judge, acts));
        self.rest();
    }
}

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
        for enter in ["\r", "\n", "\x0f"] {
            let mut session = Session::new(readline);
            session.types(&format!("rm -rf /srv/data{enter}ls{enter}"));
            assert_eq!(session.shell.ran, ["ls"], "{enter:?}");
            assert!(session.told[0].starts_with("blocked by rule rm_rf"), "{:?}", session.told);
            assert_eq!(session.reports[0].decision, Decided::Blocked);
            assert_eq!(session.reports[0].text, "rm -rf /srv/data");
        }
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
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let run = |chunks: Vec<&[u8]>, pieces: usize| {
            let mut session = Session::new(readline);
            session.pieces = pieces;
            for chunk in chunks {
                session.types_bytes(chunk);
            }
            session.rest();
            // A question is left open: what comes after it waits.
            let decided: Vec<_> = session.reports.iter().map(|report| (report.decision, report.text.clone())).collect();
            (session.shell.ran, decided, session.questions.len())
        };
        let whole = run(vec![bytes], 1);
        let split = run(places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect(), pieces);
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

//! A gate in front of a target that edits lines as bash does, as far as the tests type.

use std::{collections::BTreeSet, time::Duration};

use config::{Login, RuleDoc, Target, target::parse_targets};
use policy::{CommandInput, Judging, Protocol, Resource, RuleSet, SessionMode, Subject};
use shell::ParseContext;

use super::*;

const RULES: &str = "
roles:
  engineer: { users: [alice], allow: [{ targets: { names: [web1] }, logins: [root], capabilities: [shell, pty] }] }
rules:
  - { name: rm_rf, effect: block, match: { command: { program: [rm], flags: { all: [[r, R, recursive], [f, force]] } } } }
  - { name: etc, effect: block, match: { command: { writes: ['/etc/**'] } } }
  - { name: svc, effect: approve, match: { command: { program: [systemctl], args: [restart] } } }
  - { name: drop, effect: block, match: { text: '(?i)drop table' } }
";

/// A target that edits lines as bash does, as far as these tests type.
#[derive(Default)]
pub(super) struct Shell {
    pub(super) line: String,
    /// What ran.
    pub(super) ran: Vec<String>,
    /// Whether it asks for bracketed pastes.
    pub(super) readline: bool,
    /// What the next line that runs prints, and goes on: no prompt follows.
    pub(super) program: Option<String>,
    /// What Tab adds.
    pub(super) completion: &'static str,
    /// What Up fetches.
    pub(super) history: &'static str,
    pub(super) keys: KeyReader,
    pub(super) in_paste: bool,
    pub(super) continued: String,
    pub(super) echo: bool,
    /// Another program reads, and shows nothing.
    pub(super) away: bool,
    /// Nothing erases or interrupts the line.
    pub(super) sticks: bool,
    /// What keys are bound to, as a text that is typed then.
    pub(super) macros: Vec<(&'static str, &'static str)>,
    /// How many interrupts are shown without more coming of them: as in bash, where one came while it was at work on a
    /// key, the line stays and is not shown any more.
    pub(super) misses: u8,
}

impl Shell {
    pub(super) fn prompt(&self) -> String {
        let sign = if self.continued.is_empty() { "host$ " } else { "> " };
        format!("{}{sign}", if self.readline { "\x1b[?2004h" } else { "" })
    }

    pub(super) fn input(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut presses, mut output) = (Vec::new(), String::new());
        if self.away {
            return Vec::new();
        }
        self.keys.feed(bytes, &mut presses);
        let mut presses: VecDeque<KeyPress> = presses.into();
        while let Some(press) = presses.pop_front() {
            let bound = self.macros.iter().find(|(key, _)| *press.bytes == *key.as_bytes());
            if let Some((_, text)) = bound.filter(|_| !self.in_paste) {
                let mut typed = Vec::new();
                KeyReader::default().feed(text.as_bytes(), &mut typed);
                typed.into_iter().rev().for_each(|press| presses.push_front(press));
                continue;
            }
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
                    if shell::completeness::is_incomplete(&self.continued) {
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
                Key::Ctrl('c') if self.misses > 0 => {
                    self.misses -= 1;
                    output.push_str(if self.readline { "^C\x1b[?2004l\r\x1b[?2004h" } else { "^C" });
                }
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
                Key::Up => {
                    self.line = self.history.to_owned();
                    output.push_str(&format!("\r\x1b[K{}{}", self.prompt(), self.line));
                }
                Key::Ctrl('l') if self.readline => {
                    output.push_str(&format!("\x1b[H\x1b[J{}{}", self.prompt(), self.line));
                }
                Key::Ctrl('k') => {}
                Key::Ctrl('a') => {
                    // With C-k, which is all that these tests type behind it.
                    output.push_str(&format!("\r{}\x1b[K", self.prompt()));
                    self.line.clear();
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
pub(super) struct Session {
    pub(super) gate: Gate,
    pub(super) shell: Shell,
    pub(super) now: Instant,
    pub(super) rules: RuleSet,
    pub(super) target: Target,
    pub(super) login: Login,
    pub(super) who: Subject,
    pub(super) told: Vec<String>,
    pub(super) reports: Vec<Report>,
    pub(super) questions: Vec<Question>,
    /// In how many pieces output comes.
    pub(super) pieces: usize,
    pub(super) mode: SessionMode,
    /// What the user sees, save the words of the bastion.
    pub(super) seen: Screen,
    /// All that the shell was sent.
    pub(super) sent: Vec<u8>,
    pub(super) acts: VecDeque<Act>,
    pub(super) answers: VecDeque<Vec<u8>>,
    pub(super) busy: bool,
}

/// The target that the rules of tests are about.
pub(crate) fn target() -> Target {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
    let targets = format!("- {{ name: web1, address: \"192.0.2.1:22\", host_keys: [\"{key}\"] }}");
    parse_targets(&targets, std::path::Path::new("."), "targets.yaml").unwrap().remove(0)
}

/// Who works there.
pub(crate) fn alice() -> Subject {
    Subject {
        issuer: "https://issuer.example".into(),
        id: "1".into(),
        name: "alice".parse().unwrap(),
        email: None,
        groups: BTreeSet::new(),
    }
}

impl Session {
    pub(super) fn new(readline: bool) -> Self {
        let mut session = Self {
            gate: Gate::new(WindowSize::DEFAULT, Foreground::Shell),
            shell: Shell { readline, echo: true, completion: "f /srv/data", ..Shell::default() },
            now: Instant::now(),
            rules: RuleSet::compile(&[RuleDoc::parse(RULES, "rules.yaml").unwrap()]).unwrap(),
            target: target(),
            login: "root".parse().unwrap(),
            who: alice(),
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

    pub(super) fn work(&mut self, work: impl FnOnce(&mut Gate, Instant, Judge<'_>, &mut Vec<Act>)) {
        let place = ParseContext::typed();
        let judging = Judging { place, ..Judging::of(self.mode, Protocol::Ssh, std::time::SystemTime::UNIX_EPOCH) };
        let judge = |input: CommandInput<'_>| {
            self.rules.judge(&self.who, Resource::Host { target: &self.target, login: &self.login }, input, &judging)
        };
        let mut acts = Vec::new();
        work(&mut self.gate, self.now, &judge, &mut acts);
        self.acts.extend(acts);
        self.carry_out();
    }

    /// Carries out what waits; output comes in the order in which the shell wrote it.
    pub(super) fn carry_out(&mut self) {
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

    pub(super) fn act(&mut self, act: Act) {
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

    pub(super) fn output(&mut self, bytes: &[u8]) {
        let size = bytes.len().div_ceil(self.pieces).max(1);
        self.answers.extend(bytes.chunks(size).map(<[u8]>::to_vec));
        self.carry_out();
    }

    /// Lets time pass until nothing is waited for.
    pub(super) fn rest(&mut self) {
        for _ in 0..1000 {
            let Some(deadline) = self.gate.deadline() else { return };
            self.now = self.now.max(deadline) + Duration::from_millis(1);
            self.work(|gate, now, judge, acts| gate.tick(now, judge, acts));
        }
        panic!("the gate waits for ever: {:?}", self.gate);
    }

    pub(super) fn types(&mut self, text: &str) {
        self.types_bytes(text.as_bytes());
        self.rest();
    }

    pub(super) fn types_bytes(&mut self, bytes: &[u8]) {
        self.work(|gate, now, judge, acts| gate.typed(bytes, now, judge, acts));
    }

    pub(super) fn answers(&mut self, answer: Answer) {
        self.work(|gate, now, judge, acts| gate.answered(answer, now, judge, acts));
        self.rest();
    }
}

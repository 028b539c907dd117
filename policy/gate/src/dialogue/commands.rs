//! [`Commands`]: the standard input of a shell without a terminal, judged command by command before it is sent.
//!
//! A command is what a shell reads before it runs any of it: a line, with those that a quote, a here-document, a loop or
//! a backslash joins to it. Whoever waits for the answer to one before sending the next gets it.
//!
//! A command may read what follows it. What it does with that is known as for the command of an exec request, whose
//! input that is, and the strictest of all readings counts:
//!
//! ```text
//!   another shell (`bash`)   -> commands
//!   data (`cat > f`)         -> commands all the same, for the program may not have started, or may have ended
//!   anything (`m4`)          -> commands, and what a program that nobody knows could make of each line
//!   what cannot be judged    -> nothing more is sent
//! ```
//!
//! What is only begun waits for its end, save where a program may read it that knows no commands: after a pause it goes
//! on as it stands, if it may, and what completes it is judged with it.
//!
//! **Invariant:** no byte of a command goes on before all of the command was allowed, however the input was cut.

use std::{
    mem,
    time::{Duration, Instant},
};

use config::rules::RuleEffect;
use policy::verdict::{CommandInput, Input, Verdict};
use shell::{ParseContext, completeness::is_begun, decode};

use super::{Arriving, DialogueAct, LINES_AT_ONCE, MAX_LINE, PAUSE, push_forward};
use crate::{
    Answer, Decided, Question, Report,
    folders::Folders,
    judging::{self, Judge, after_marks, quoted, stricter, surely},
};

/// The input of one shell.
#[derive(Debug)]
pub struct Commands {
    /// Whether everything goes on, and decisions are only reported.
    observes: bool,
    state: State,
    /// The command at hand, as far as it has come.
    command: Vec<u8>,
    /// How much of it has gone on.
    sent: usize,
    /// How much of it was judged as it stood.
    tried: usize,
    /// How much was read to find its end.
    looked: usize,
    /// What was not looked at yet.
    arriving: Arriving,
    folders: Folders,
    readers: Readers,
    /// Whether a program may read some of it as data.
    is_data: bool,
}

#[derive(Debug)]
enum State {
    /// Other people decide about a command.
    Asking(Judged),
    Closed,
    Reading,
}

/// Who may read what comes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Readers {
    /// Shells, and programs that take it as data.
    Shells,
    /// Also one that may do anything with it, and what it may have read.
    Anything(String),
    /// One whose input cannot be judged, and why.
    Unjudged(String),
}

/// A command about which something was decided.
#[derive(Debug)]
struct Judged {
    /// What of it is still to go on.
    bytes: Vec<u8>,
    text: String,
    /// Who may read what follows, besides those who may already.
    readers: Readers,
}

impl Commands {
    /// The input of a shell in a session that `observes`, or judges.
    #[must_use]
    pub fn new(observes: bool) -> Self {
        Self {
            observes,
            state: State::Reading,
            command: Vec::new(),
            sent: 0,
            tried: 0,
            looked: 0,
            arriving: Arriving::default(),
            folders: Folders::of_a_script(),
            readers: Readers::Shells,
            is_data: false,
        }
    }

    /// The user sent something.
    pub fn received(&mut self, bytes: &[u8], now: Instant, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        if self.arriving.has_ended() || bytes.is_empty() {
            return;
        }
        if self.observes {
            acts.push(DialogueAct::Forward(bytes.to_vec()));
        }
        if matches!(self.state, State::Closed) {
            return;
        }
        self.arriving.add(bytes, now);
        self.go_on(judge, acts);
    }

    /// The user sends no more.
    pub fn end(&mut self, now: Instant, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        if !self.arriving.end(now) {
            return;
        }
        if self.observes {
            acts.push(DialogueAct::End);
        }
        self.go_on(judge, acts);
    }

    /// The time of [`Commands::deadline`] has come.
    pub fn tick(&mut self, now: Instant, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        self.go_on(judge, acts);
        let Some(came) = self.arriving.came.filter(|_| self.is_begun_only()) else { return };
        if now >= came + PAUSE && self.may_go_on_begun() {
            self.send_begun(judge, acts);
        } else if now >= came + self.patience() {
            self.unreadable(&format!("a command of it did not end within {} seconds", self.patience().as_secs()), acts);
        }
    }

    /// The answer to [`DialogueAct::Ask`].
    pub fn answered(&mut self, answer: Answer, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        let State::Asking(command) = mem::replace(&mut self.state, State::Reading) else { return };
        match answer {
            Answer::Approved => {
                self.accept(command, acts);
                self.go_on(judge, acts);
            }
            Answer::Refused(reason) => {
                self.close();
                acts.push(DialogueAct::Refuse(reason));
            }
        }
    }

    /// When [`Commands::tick`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let came = self.arriving.came.filter(|_| matches!(self.state, State::Reading))?;
        match () {
            () if self.arriving.has_ended() || !self.arriving.is_empty() => Some(came),
            () if self.is_begun_only() && self.may_go_on_begun() => Some(came + PAUSE),
            () if self.is_begun_only() => Some(came + self.patience()),
            () => None,
        }
    }

    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.arriving.has_room()
    }

    /// Whether there is nothing but the beginning of a command, which waits for its end.
    fn is_begun_only(&self) -> bool {
        let is_begun = !self.command.is_empty() && self.arriving.is_empty();
        is_begun && !self.arriving.has_ended() && !self.observes && matches!(self.state, State::Reading)
    }

    /// Whether what is begun may be for a program that knows no commands, and was not judged as it stands.
    fn may_go_on_begun(&self) -> bool {
        self.is_for_programs() && self.tried < self.command.len()
    }

    fn is_for_programs(&self) -> bool {
        self.is_data || matches!(self.readers, Readers::Anything(_))
    }

    /// How long what is begun waits for its end; what has gone on waits for no answer.
    fn patience(&self) -> Duration {
        if self.is_for_programs() && self.sent < self.command.len() { PATIENCE_WITH_DATA } else { PATIENCE }
    }

    /// What nobody has ended goes on as it stands, if it may.
    fn send_begun(&mut self, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        self.tried = self.command.len();
        let Some(text) = self.readable(&self.command) else { return self.unreadable(NO_TEXT, acts) };
        let is_allowed = text.trim().is_empty() || {
            let closed = judging::begun(&text, judge);
            stricter(self.judge(&text, judge).0, closed).effect == RuleEffect::Allow
        };
        if is_allowed {
            push_forward(self.command.get(self.sent..).unwrap_or_default(), acts);
            self.sent = self.command.len();
        }
    }

    /// The text of a command. Programs that take data may be sent NUL at the ends of lines, which is nothing to shells.
    fn readable(&self, bytes: &[u8]) -> Option<String> {
        if !self.is_data || !bytes.contains(&0) {
            return decode(bytes).map(|text| without_end(&text).to_owned());
        }
        let lines = bytes.split(|byte| *byte == b'\n').map(without_nuls);
        decode(&lines.collect::<Vec<_>>().join(&b'\n')).map(|text| without_end(&text).to_owned())
    }

    /// Looks at some lines. The rest waits for the next tick, for others are served in between.
    fn go_on(&mut self, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        for _ in 0..LINES_AT_ONCE {
            if !matches!(self.state, State::Reading) {
                return;
            }
            if let Readers::Unjudged(reason) = &self.readers
                && !self.arriving.is_empty()
            {
                let reason = reason.clone();
                if !self.observes {
                    return self.end_for(None, String::new(), reason, acts);
                }
                self.report(String::new(), None, reason, acts);
                self.readers = Readers::Anything(String::new());
            }
            let is_whole = self.arriving.take_line(&mut self.command);
            if self.command.len() > MAX_LINE {
                return self.unreadable("a command of it is longer than 60 KiB", acts);
            }
            if !is_whole && !self.arriving.has_ended() {
                return;
            }
            if !is_whole {
                if !self.command.is_empty() {
                    self.command_is_complete(judge, acts);
                }
                if matches!(self.state, State::Reading) {
                    self.finish(acts);
                }
                return;
            }
            match self.is_begun() {
                Ok(true) => {}
                Ok(false) => self.command_is_complete(judge, acts),
                Err(why) => return self.unreadable(why, acts),
            }
        }
    }

    /// Whether a shell would read on before it runs anything of the command at hand.
    fn is_begun(&mut self) -> Result<bool, &'static str> {
        self.looked += self.command.len();
        if self.looked > MAX_LOOKED {
            return Err("too many lines of it belong together");
        }
        let text = self.readable(&self.command).ok_or(NO_TEXT)?;
        is_begun(&text, false).ok_or("a command of it has too much in it")
    }

    fn finish(&mut self, acts: &mut Vec<DialogueAct>) {
        self.close();
        if !self.observes {
            acts.push(DialogueAct::End);
        }
    }

    fn command_is_complete(&mut self, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        let mut bytes = mem::take(&mut self.command);
        let Some(text) = self.readable(&bytes) else { return self.unreadable(NO_TEXT, acts) };
        bytes.drain(..mem::take(&mut self.sent).min(bytes.len()));
        (self.looked, self.tried) = (0, 0);
        let verdict = if text.trim().is_empty() { None } else { Some(self.judge(&text, judge)) };
        let (verdict, readers) = verdict.map_or((None, Readers::Shells), |(one, readers)| (Some(one), readers));
        let command = Judged { bytes, text, readers };
        let Some(verdict) = verdict.filter(|verdict| verdict.effect != RuleEffect::Allow) else {
            return self.accept(command, acts);
        };
        if self.observes {
            let message = verdict.message.clone();
            self.report(command.text.clone(), Some(verdict), message, acts);
            return self.accept(command, acts);
        }
        match verdict.effect {
            RuleEffect::Approve if verdict.approvers.is_some() => {
                let question = Question { text: command.text.clone(), verdict, screen: String::new() };
                acts.push(DialogueAct::Ask(question.into()));
                self.state = State::Asking(command);
            }
            RuleEffect::Allow | RuleEffect::Approve => {
                let reason = format!(
                    "blocked: a command on standard input {}, and the rules name nobody who can approve it",
                    verdict.message
                );
                self.end_for(Some(verdict), command.text, reason, acts);
            }
            RuleEffect::Block => {
                let reason = verdict.refusal();
                self.end_for(Some(verdict), command.text, reason, acts);
            }
        }
    }

    /// What the rules say to a command, and who may read what follows it.
    fn judge(&self, text: &str, judge: Judge<'_>) -> (Verdict, Readers) {
        let mut verdict = self.folders.judge(CommandInput::Line(text), judge);
        let is_code = verdict.stdin_is_code;
        let readers = match mem::take(&mut verdict.input) {
            Input::Refused { reason } => {
                Readers::Unjudged(format!("{reason}; a shell keeps it empty with `</dev/null`"))
            }
            Input::Judged { .. } => Readers::Anything(String::new()),
            Input::Commands => {
                if verdict.opaque {
                    // That commands follow is no reason to say no, for each of them is judged.
                    verdict = judge(CommandInput::Script(text, NO_COMMANDS));
                }
                Readers::Shells
            }
            // Code that is not a shell's, or text that rules are about.
            Input::Data if is_code => Readers::Anything(String::new()),
            Input::Data => Readers::Shells,
        };
        if let Readers::Anything(before) = &self.readers {
            verdict = stricter(verdict, anything(before, text, judge));
        }
        (verdict, readers)
    }

    /// The command goes on.
    fn accept(&mut self, command: Judged, acts: &mut Vec<DialogueAct>) {
        let Judged { bytes, text, readers } = command;
        let parsed = shell::parse(&text, &ParseContext::default());
        self.is_data |= parsed.stdin_is_data;
        self.folders.line_ran(&text, &parsed);
        if let Readers::Anything(before) = &mut self.readers {
            before.push_str(&text);
            before.push('\n');
            keep_end(before);
        }
        match (&self.readers, readers) {
            (_, Readers::Shells) | (Readers::Anything(_) | Readers::Unjudged(_), Readers::Anything(_)) => {}
            (_, stricter) => self.readers = stricter,
        }
        if !self.observes {
            push_forward(&bytes, acts);
        }
    }

    fn unreadable(&mut self, why: &str, acts: &mut Vec<DialogueAct>) {
        if self.observes {
            let reason = format!("standard input was not judged from there on: {why}");
            self.report(String::new(), None, reason, acts);
            return self.close();
        }
        let reason = format!("blocked: standard input holds commands, and cannot be judged: {why}; {ADVICE}");
        self.end_for(None, String::new(), reason, acts);
    }

    /// Nothing more goes on.
    fn end_for(&mut self, verdict: Option<Verdict>, text: String, reason: String, acts: &mut Vec<DialogueAct>) {
        self.close();
        self.report(text, verdict, reason.clone(), acts);
        acts.push(DialogueAct::Refuse(reason));
    }

    fn report(&self, text: String, verdict: Option<Verdict>, reason: String, acts: &mut Vec<DialogueAct>) {
        let decision = if self.observes { Decided::Observed } else { Decided::Blocked };
        acts.push(DialogueAct::Report(Report { decision, text, verdict, reason }.into()));
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.arriving.drop_waiting();
        self.command = Vec::new();
    }
}

/// What a program that nobody knows could make of the lines of `text`, after what it may have read `before`.
fn anything(before: &str, text: &str, judge: Judge<'_>) -> Verdict {
    let mut verdict = judge(CommandInput::Text(&format!("{before}{text}")));
    for line in text.lines().take(MAX_APART) {
        let alone = (line != text).then(|| line.to_owned());
        let is_text = line.split_whitespace().next().is_some_and(|word| TAKES_TEXT.contains(&word));
        let quoted = if is_text { Vec::new() } else { quoted(line) };
        for part in alone.into_iter().chain(after_marks(line).map(str::to_owned)).chain(quoted) {
            verdict = stricter(verdict, surely(judging::begun(&part, judge)));
        }
    }
    if text.lines().nth(MAX_APART).is_some() {
        let message =
            "needs approval: too many lines of it belong together, and another program may read them".to_owned();
        let unknown = Verdict { effect: RuleEffect::Approve, opaque: true, message, ..verdict.clone() };
        verdict = stricter(verdict, unknown);
    }
    verdict
}

/// Keeps what was read last, in whole lines.
fn keep_end(text: &mut String) {
    if text.len() > MAX_LINE {
        let middle = text.len() / 2;
        let from = text.bytes().skip(middle).position(|byte| byte == b'\n').map_or(text.len(), |at| middle + at + 1);
        *text = text.get(from..).unwrap_or_default().to_owned();
    }
}

fn without_nuls(line: &[u8]) -> &[u8] {
    let from = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
    let to = line.iter().rposition(|byte| *byte != 0).map_or(from, |at| at + 1);
    line.get(from..to).unwrap_or_default()
}

fn without_end(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

const NO_TEXT: &str = "it is not text";

/// What a shell reads that runs nothing.
const NO_COMMANDS: &str = "#\n";

const ADVICE: &str = "give them as a script whose end comes with it (`ssh TARGET sh -s < SCRIPT`), as the command itself, \
                      or send data by sftp or to a command of its own (`ssh TARGET 'cat > FILE'`)";

/// How long a command that is only begun waits for its end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same where it may be data: who has sent all of it waits for an answer.
const PATIENCE_WITH_DATA: Duration = Duration::from_secs(5);

/// How much is read to find where a command ends: its lines are read again with each further one.
const MAX_LOOKED: usize = 8 * 1024 * 1024;

/// What stands in quotes behind these is text for whoever reads it.
const TAKES_TEXT: [&str; 6] = ["echo", "egrep", "fgrep", "grep", "printf", "rg"];

/// As many lines of one command are looked at apart.
const MAX_APART: usize = 128;

#[cfg(test)]
mod tests;

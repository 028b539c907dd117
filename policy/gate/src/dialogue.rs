//! [`Dialogue`]: the standard input of a program that may do anything with it, judged line by line before it is sent.
//!
//! There is no terminal: nothing is echoed, edited or shown, so a line is what its bytes are. It is judged as the line of
//! a shell of unknown kind, together with those before it that a shell would take as its beginning, and as text; the
//! strictest counts. A line that is only begun goes on after a pause, if it could go on as it stands, for there are
//! programs that wait for no newline; what completes it is judged with it.
//!
//! **Invariant:** no byte goes on before a text that ends with it was allowed. What is not allowed ends the session,
//! for nobody is there who could type it again.

use std::{
    mem,
    time::{Duration, Instant},
};

use config::rules::{RuleEffect, SessionMode};
use policy::verdict::{Input, Verdict};
use shell::completeness::is_begun;

use super::{
    Decided, Question, Report,
    judging::{self, Judge},
};

mod arriving;
mod commands;

use arriving::Arriving;
pub use commands::Commands;

/// The input of one session.
#[derive(Debug)]
pub struct Dialogue {
    duty: Duty,
    /// Lines that have gone on, and that the line at hand belongs to.
    begun: Vec<String>,
    /// The line at hand.
    line: Vec<u8>,
    /// How much of it has gone on.
    sent: usize,
    /// What was not looked at yet.
    arriving: Arriving,
    closed: bool,
}

/// What is to be done in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialogueAct {
    /// Ask other people; the answer comes through [`Commands::answered`].
    Ask(Box<Question>),
    /// The input is over.
    End,
    /// Send these bytes to the target.
    Forward(Vec<u8>),
    /// End the session: the user reads why.
    Refuse(String),
    /// Write down what was decided.
    Report(Box<Report>),
}

/// What is done with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Duty {
    Judge { program: String },
    Observe,
    Refuse { reason: String },
}

impl Dialogue {
    /// The input of a session of that mode; nothing where it goes on unread, or is for a shell.
    #[must_use]
    pub fn new(input: &Input, mode: SessionMode) -> Option<Self> {
        let duty = match (input, mode) {
            (Input::Commands | Input::Data, _) => return None,
            (Input::Judged { .. } | Input::Refused { .. }, SessionMode::Observe) => Duty::Observe,
            (Input::Judged { program }, _) => Duty::Judge { program: program.clone() },
            (Input::Refused { reason }, _) => Duty::Refuse { reason: reason.clone() },
        };
        Some(Self { duty, begun: Vec::new(), line: Vec::new(), sent: 0, arriving: Arriving::default(), closed: false })
    }

    /// The user sent something.
    pub fn received(&mut self, bytes: &[u8], now: Instant, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        if self.arriving.has_ended() || bytes.is_empty() {
            return;
        }
        if self.duty == Duty::Observe {
            acts.push(DialogueAct::Forward(bytes.to_vec()));
        }
        if let Duty::Refuse { reason } = &self.duty {
            let reason = reason.clone();
            return self.refuse(None, String::new(), reason, acts);
        }
        if self.closed {
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
        if self.duty == Duty::Observe {
            // What waits is looked at all the same.
            acts.push(DialogueAct::End);
        }
        self.go_on(judge, acts);
    }

    /// The time of [`Dialogue::deadline`] has come.
    pub fn tick(&mut self, now: Instant, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        self.go_on(judge, acts);
        let is_over = self.arriving.has_ended() || !self.arriving.is_empty();
        if !is_over && self.arriving.came.is_some_and(|came| now >= came + PAUSE) {
            self.arriving.came = None;
            self.send_begun_line(judge, acts);
        }
    }

    /// When [`Dialogue::tick`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let came = self.arriving.came.filter(|_| !self.closed)?;
        match () {
            () if self.arriving.has_ended() || !self.arriving.is_empty() => Some(came),
            () if self.sent < self.line.len() => Some(came + PAUSE),
            () => None,
        }
    }

    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.arriving.has_room()
    }

    /// Looks at some lines. The rest waits for the next tick, for others are served in between.
    fn go_on(&mut self, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        for _ in 0..LINES_AT_ONCE {
            if self.closed {
                return;
            }
            let is_whole = self.arriving.take_line(&mut self.line);
            if self.line.len() > MAX_LINE {
                return self.unreadable("a line of it is longer than 60 KiB", acts);
            }
            if !is_whole {
                if self.arriving.has_ended() {
                    if !self.line.is_empty() {
                        self.line_is_complete(judge, acts);
                    }
                    self.finish(acts);
                }
                return;
            }
            self.line_is_complete(judge, acts);
        }
    }

    fn finish(&mut self, acts: &mut Vec<DialogueAct>) {
        if !mem::replace(&mut self.closed, true) && self.duty != Duty::Observe {
            acts.push(DialogueAct::End);
        }
    }

    fn line_is_complete(&mut self, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        let line = mem::take(&mut self.line);
        let sent = mem::take(&mut self.sent);
        let Some(text) = readable(&line) else {
            return self.unreadable("it is not text", acts);
        };
        if !text.trim().is_empty() || !self.begun.is_empty() {
            let whole = self.whole(text);
            if self.begun.len() == MAX_BEGUN_LINES || whole.len() > MAX_LINE {
                return self.unreadable("too many lines of it belong together", acts);
            }
            let verdict = judging::anything(&whole, text, judge);
            if verdict.effect != RuleEffect::Allow && !self.is_passed_over(whole.clone(), verdict, acts) {
                return;
            }
            match is_begun(&whole, false) {
                Some(true) => self.begun.push(text.to_owned()),
                Some(false) => self.begun.clear(),
                None => return self.unreadable("a line of it has too much in it", acts),
            }
        }
        self.forward(line.get(sent..).unwrap_or_default(), acts);
    }

    /// A line that nobody has ended goes on as it stands, if it may.
    fn send_begun_line(&mut self, judge: Judge<'_>, acts: &mut Vec<DialogueAct>) {
        let Some(text) = readable(&self.line).map(str::to_owned).filter(|_| !self.closed) else { return };
        if judging::anything(&self.whole(&text), &text, judge).effect == RuleEffect::Allow {
            let rest = self.line.get(self.sent..).unwrap_or_default().to_vec();
            self.sent = self.line.len();
            self.forward(&rest, acts);
        }
    }

    fn forward(&self, bytes: &[u8], acts: &mut Vec<DialogueAct>) {
        if self.duty != Duty::Observe {
            push_forward(bytes, acts);
        }
    }

    /// What is not allowed ends the session, or is only written down.
    fn is_passed_over(&mut self, text: String, verdict: Verdict, acts: &mut Vec<DialogueAct>) -> bool {
        let message = verdict.message.clone();
        match &self.duty {
            Duty::Observe => {
                let report = Report { decision: Decided::Observed, text, verdict: Some(verdict), reason: message };
                acts.push(DialogueAct::Report(report.into()));
                true
            }
            Duty::Judge { program } => {
                let reason = match verdict.effect {
                    RuleEffect::Block => verdict.refusal(),
                    RuleEffect::Approve | RuleEffect::Allow => {
                        format!("blocked: a line on the standard input of {program} {message}; {}", advice(program))
                    }
                };
                self.refuse(Some(verdict), text, reason, acts);
                false
            }
            Duty::Refuse { .. } => false,
        }
    }

    fn unreadable(&mut self, why: &str, acts: &mut Vec<DialogueAct>) {
        match &self.duty {
            Duty::Judge { program } => {
                let reason = format!(
                    "blocked: what comes on the standard input of {program} cannot be judged: {why}; {}",
                    advice(program)
                );
                self.refuse(None, String::new(), reason, acts);
            }
            Duty::Observe => {
                let reason = format!("standard input was not judged from there on: {why}");
                let report = Report { decision: Decided::Observed, text: String::new(), verdict: None, reason };
                acts.push(DialogueAct::Report(report.into()));
                self.close();
            }
            Duty::Refuse { .. } => {}
        }
    }

    fn refuse(&mut self, verdict: Option<Verdict>, text: String, reason: String, acts: &mut Vec<DialogueAct>) {
        if mem::replace(&mut self.closed, true) {
            return;
        }
        let report = Report { decision: Decided::Blocked, text, verdict, reason: reason.clone() };
        acts.extend([DialogueAct::Report(report.into()), DialogueAct::Refuse(reason)]);
        self.close();
    }

    fn close(&mut self) {
        self.closed = true;
        self.arriving.drop_waiting();
        self.line = Vec::new();
    }

    fn whole(&self, text: &str) -> String {
        self.begun.iter().map(String::as_str).chain([text]).collect::<Vec<_>>().join("\n")
    }
}

/// Sends bytes; those that go together are sent together.
fn push_forward(bytes: &[u8], acts: &mut Vec<DialogueAct>) {
    if bytes.is_empty() {
        return;
    }
    if let Some(DialogueAct::Forward(before)) = acts.last_mut() {
        before.extend_from_slice(bytes);
    } else {
        acts.push(DialogueAct::Forward(bytes.to_vec()));
    }
}

/// The line without its end, if it is text.
fn readable(line: &[u8]) -> Option<&str> {
    let text = str::from_utf8(line).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Some(text.strip_suffix('\r').unwrap_or(text)).filter(|text| !text.contains('\0'))
}

fn advice(program: &str) -> String {
    format!(
        "{program} may run what it reads, so each line is judged as a command would be: give it as an argument or in a file, \
         or ask for a rule that allows {program}"
    )
}

/// How long a line that is only begun waits for its rest.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest line, and the longest text of lines that belong together: as long as a script on standard input.
const MAX_LINE: usize = 60 * 1024;

/// The most lines that are begun and not ended: all of them are judged again with each further one.
const MAX_BEGUN_LINES: usize = 128;

/// As many lines are judged before others are served.
const LINES_AT_ONCE: usize = 32;

#[cfg(test)]
mod tests;

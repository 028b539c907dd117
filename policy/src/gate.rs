//! [`Gate`]: reads what is typed into a terminal before the target does, and holds each line until it is judged.
//!
//! A line is read twice: [`LineTracker`] follows the keys, [`Screen`] shows the echo. When both agree at
//! Enter, the line is judged. When the keys cannot tell (completion, history), the screen is read, and what
//! was read, judged and allowed is typed anew by the gate itself, so that what runs is what was judged.
//! When they contradict one another the line is held. The way of a key:
//!
//! ```text
//!  typed -> key.rs -> queue -> prompt.rs  at a prompt: allow-list, forward, or hold Enter
//!                        |     screens.rs in an editor, a pager, a multiplexer: `!` and `:!`
//!                        |     submit.rs  Enter is held: wait for the echo, compare, judge
//!                        |     retype.rs  erase (checked), send the judged text (checked), Enter
//!                        |     refuse.rs  a line that does not go on is interrupted (checked)
//!  output -> screen.rs --+
//! ```
//!
//! **Invariant:** output may make the gate stricter, never milder. Which program reads is told by the lines
//! that were allowed ([`Foreground`]), not by what is printed.
//!
//! No I/O and no clock: whoever runs it passes the time, and carries out the [`Act`]s in their order.
//!
//! What it cannot promise: what a program does with a line, what scripts and aliases of the target
//! contain, what a nested program reads that looks like a prompt but is none.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    foreground::{Foreground, Repl},
    key::{Key, KeyPress, KeyReader},
    line::LineTracker,
    screen::{LineStart, ModeChange, Screen, WindowSize},
    verdict::Verdict,
};

mod judging;
mod observe;
mod paste;
mod prompt;
mod refuse;
mod retype;
mod screens;
mod strict;
mod submit;

pub use judging::Judge;

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ask other people; the answer comes through [`Gate::answered`].
    Ask(Question),
    /// Ring the bell at the user's terminal.
    Bell,
    /// End the session, for this reason.
    Close(String),
    /// Draw this at the user's terminal: the line that the gate owns.
    Draw(Vec<u8>),
    /// Send these bytes to the target.
    Forward(Vec<u8>),
    /// Write down what was decided.
    Report(Report),
    /// Tell the user, on a line of its own.
    Tell(String),
    /// The question of before has no one to answer it any more: its line is gone.
    Withdraw,
}

/// A line that needs an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The line, or the lines that belong together: what will be sent is what is approved.
    pub text: String,
    /// Why, and who may approve.
    pub verdict: Verdict,
    /// What the target's screen shows.
    pub screen: String,
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The line may go on.
    Approved,
    /// The line may not go on; the reason is for the user.
    Refused(String),
}

/// What was decided about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What.
    pub decision: Decided,
    /// The line as far as it could be read; empty if it was typed without echo.
    pub text: String,
    /// The judgement, where there was one.
    pub verdict: Option<Verdict>,
    /// Why, in words.
    pub reason: String,
}

/// Kinds of decisions that are worth writing down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// A rule refused it.
    Blocked,
    /// It could not be read or known; it was not sent.
    Held,
    /// It went on, because the gate only observes; the verdict says what would have happened.
    Observed,
    /// A line was accepted by the target without a key that accepts lines.
    Tripped,
}

/// The gate of one terminal.
#[derive(Debug)]
pub struct Gate {
    /// Whether everything goes on, and decisions are only reported.
    observes: bool,
    /// The line that the gate owns, if it does.
    owned: Option<Box<strict::Owned>>,
    screen: Screen,
    keys: KeyReader,
    queue: VecDeque<KeyPress>,
    line: LineTracker,
    /// Where the line at hand began.
    start: Option<LineStart>,
    /// Where the last line at a shell's first prompt began.
    primary: Option<LineStart>,
    /// The lines before this one that belong to it.
    earlier: Vec<String>,
    foreground: Foreground,
    state: State,
    /// Why the line at hand cannot be trusted although it can be read.
    doubt: Option<&'static str>,
    /// Whether a key was refused in the line at hand.
    refused: bool,
    /// What was typed since the last Enter into a program with a screen of its own.
    escape: screens::Escape,
    paste: Option<Vec<KeyPress>>,
    trust: paste::Trust,
    times: Times,
}

/// When what happened.
#[derive(Debug, Default)]
struct Times {
    /// The gate did what there was to do last.
    looked: Option<Instant>,
    /// Output came last.
    output: Option<Instant>,
    /// A key that is echoed was forwarded, with no output since.
    forwarded: Option<Instant>,
    /// The first of the keys that wait came.
    queued: Option<Instant>,
    /// A byte came that may be the beginning of a key.
    partial: Option<Instant>,
    /// A part of a paste came, and not its end.
    pasting: Option<Instant>,
    /// How long the target took to answer a key, lately.
    echo: Duration,
}

/// What the gate waits for.
#[derive(Debug)]
enum State {
    /// The session is over.
    Closed,
    /// The user edits the line that the gate owns.
    Editing,
    /// The line is being erased, to be sent anew.
    Erasing { text: String, submit: KeyPress, until: Instant },
    /// The line was interrupted, maybe `again`: it must be gone before anything else is sent.
    Interrupting { since: Instant, again: bool },
    /// The judged text was sent, and must be seen.
    Retyping { text: String, submit: KeyPress, until: Instant },
    /// The next prompt is not there yet.
    Running { after: After },
    /// Enter is held until the echo is complete.
    Settling {
        submit: KeyPress,
        kind: submit::Kind,
        since: Instant,
        /// Whether a search was left to see the line that it found.
        probed: bool,
    },
    /// Keys go on.
    Typing,
    /// A secret was sent without Enter, and must not be seen.
    Unseen { text: String, until: Instant },
    /// Somebody else is to decide.
    Waiting { text: String, submit: KeyPress, read: bool },
}

/// What the next prompt comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// A line.
    Line,
    /// What was sent, at that time, to a prompt that asks for a secret. What is typed next is for what it opens.
    Secret(Instant),
    /// The start of the session.
    Start,
}

impl State {
    fn settling(submit: KeyPress, kind: submit::Kind, since: Instant) -> Self {
        Self::Settling { submit, kind, since, probed: false }
    }
}

/// Who reads a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Shells on a divided screen.
    Panes,
    /// A program that is no shell.
    Program,
    /// A language.
    Repl(Repl),
    /// A program with a screen of its own.
    Screen,
    /// A shell, or something unknown.
    Shell,
}

/// What one call of the gate works with.
struct Cx<'a> {
    now: Instant,
    judge: Judge<'a>,
    acts: &'a mut Vec<Act>,
}

impl Gate {
    /// A gate at the start of a session. `foreground` is the shell, or what an exec request runs.
    #[must_use]
    pub fn new(size: WindowSize, foreground: Foreground) -> Self {
        Self {
            observes: false,
            owned: None,
            screen: Screen::new(size),
            keys: KeyReader::default(),
            queue: VecDeque::new(),
            line: LineTracker::new(),
            start: None,
            primary: None,
            earlier: Vec::new(),
            foreground,
            state: State::Running { after: After::Start },
            doubt: None,
            refused: false,
            escape: screens::Escape::default(),
            paste: None,
            trust: paste::Trust::default(),
            times: Times::default(),
        }
    }

    /// A gate that holds nothing and reports what it would have held.
    #[must_use]
    pub fn observing(size: WindowSize, foreground: Foreground) -> Self {
        Self { observes: true, state: State::Typing, ..Self::new(size, foreground) }
    }

    /// The user typed.
    pub fn typed(&mut self, bytes: &[u8], now: Instant, judge: Judge<'_>, acts: &mut Vec<Act>) {
        let mut presses = Vec::new();
        self.keys.feed(bytes, &mut presses);
        self.times.partial = self.keys.is_partial().then_some(now);
        self.times.pasting = self.keys.is_in_paste().then_some(now);
        let cx = &mut Cx { now, judge, acts };
        self.reset_drawn();
        self.presses(presses, cx);
        self.pump(cx);
    }

    /// The target wrote.
    pub fn output(&mut self, bytes: &[u8], now: Instant, judge: Judge<'_>, acts: &mut Vec<Act>) {
        if bytes.is_empty() {
            return;
        }
        if let Some(forwarded) = self.times.forwarded.take() {
            let took = now.saturating_duration_since(forwarded);
            // What takes longer is no echo, but what a program wrote by itself.
            if took <= MAX_ECHO / 2 {
                self.times.echo = (self.times.echo * 3 + took) / 4;
            }
        }
        self.times.output = Some(now);
        let mut changes = Vec::new();
        self.screen.output(bytes, &mut changes);
        let cx = &mut Cx { now, judge, acts };
        for change in changes {
            self.mode_changed(change, cx);
        }
        self.interrupted_by_output(cx);
        self.reset_drawn();
        self.pump(cx);
    }

    /// The terminal has a new size.
    pub fn resized(&mut self, size: WindowSize, acts: &mut Vec<Act>) {
        self.screen.resize(size);
        self.resize_owned(size.cols, acts);
    }

    /// The time of [`Gate::deadline`] has come.
    pub fn tick(&mut self, now: Instant, judge: Judge<'_>, acts: &mut Vec<Act>) {
        let cx = &mut Cx { now, judge, acts };
        if self.times.partial.is_some_and(|since| now >= since + PARTIAL_KEY) {
            let mut presses = Vec::new();
            self.keys.flush(&mut presses);
            self.times.partial = None;
            self.presses(presses, cx);
        }
        if self.times.pasting.is_some_and(|since| now >= since + PASTE_PAUSE) {
            let mut presses = Vec::new();
            self.keys.cut_paste(&mut presses);
            self.times.pasting = None;
            self.presses(presses, cx);
        }
        self.reset_drawn();
        self.pump(cx);
    }

    /// When [`Gate::tick`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let output = self.times.output;
        let quiet = |since: Instant| output.map_or(since, |output| output.max(since)) + self.quiet();
        let state = match &self.state {
            State::Erasing { until, .. } | State::Retyping { until, .. } => [Some(*until), None, None],
            State::Interrupting { since, .. } => [Some(quiet(*since)), Some(*since + INTERRUPT_LIMIT), None],
            State::Running { .. } => {
                let until = self.queued_until();
                let ready = output.filter(|_| until.is_some() || self.owned.is_some());
                [ready.map(|output| output + READY_QUIET), ready.map(|output| output + self.quiet()), until]
            }
            State::Settling { since, .. } => [Some(quiet(*since)), Some(*since + self.patience()), None],
            State::Unseen { until, .. } => [Some(*until), None, None],
            State::Closed | State::Editing | State::Typing | State::Waiting { .. } => [None; 3],
        };
        let partial = self.times.partial.map(|since| since + PARTIAL_KEY);
        let pasting = self.times.pasting.map(|since| since + PASTE_PAUSE);
        // What has been looked at already will not change by looking again.
        let is_ahead = |time: &Instant| self.times.looked.is_none_or(|looked| *time > looked);
        state.into_iter().flatten().chain(partial).chain(pasting).filter(is_ahead).min()
    }

    /// The answer to [`Act::Ask`].
    pub fn answered(&mut self, answer: Answer, now: Instant, judge: Judge<'_>, acts: &mut Vec<Act>) {
        let cx = &mut Cx { now, judge, acts };
        let State::Waiting { text, submit, read } = std::mem::replace(&mut self.state, State::Typing) else { return };
        match answer {
            Answer::Approved => self.approved(text, submit, read, cx),
            Answer::Refused(reason) => {
                cx.acts.push(Act::Tell(reason));
                self.give_up(cx);
            }
        }
        self.pump(cx);
    }

    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        // While somebody decides, Ctrl-C must come through.
        self.queue.len() < MAX_QUEUE || matches!(self.state, State::Waiting { .. })
    }

    /// Takes what was typed into the queue. While somebody decides, Ctrl-C withdraws the line.
    fn presses(&mut self, presses: Vec<KeyPress>, cx: &mut Cx<'_>) {
        for press in presses {
            if matches!(self.state, State::Waiting { .. }) {
                if press.key == Key::Ctrl('c') {
                    self.queue.clear();
                    cx.acts.extend([Act::Withdraw, Act::Tell("cancelled; the command was not sent".to_owned())]);
                    self.give_up(cx);
                    continue;
                }
                if self.queue.len() >= MAX_QUEUE {
                    cx.acts.push(Act::Bell);
                    continue;
                }
            }
            if self.take_signal(&press, cx) {
                continue;
            }
            if self.queue.is_empty() {
                self.times.queued = Some(cx.now);
            }
            self.queue.push_back(press);
            if self.owned.is_some() {
                // Whether a program runs decides what the next key does.
                self.pump(cx);
            }
        }
    }

    /// Goes on as far as possible.
    fn pump(&mut self, cx: &mut Cx<'_>) {
        self.times.looked = Some(cx.now);
        loop {
            match &self.state {
                State::Closed | State::Waiting { .. } => return,
                State::Editing => {
                    let Some(press) = self.queue.pop_front() else { return };
                    self.owned_press(&press, cx);
                }
                State::Unseen { .. } => {
                    if !self.unseen(cx) {
                        return;
                    }
                }
                State::Settling { .. } => {
                    if !self.settle(cx) {
                        return;
                    }
                }
                State::Erasing { .. } | State::Retyping { .. } => {
                    if !self.retyped(cx) {
                        return;
                    }
                }
                State::Interrupting { since, again } => {
                    let (since, again) = (*since, *again);
                    if !self.interrupted(since, again, cx) {
                        return;
                    }
                }
                State::Running { after } if self.owned.is_some() => {
                    let after = *after;
                    if !self.begin_owned(after, cx) {
                        return;
                    }
                }
                State::Running { after } => {
                    let after = *after;
                    if self.queue.is_empty() || !self.is_ready(after, cx.now) {
                        return;
                    }
                    self.state = State::Typing;
                }
                State::Typing => {
                    let Some(press) = self.queue.pop_front() else { return };
                    self.press(press, cx);
                }
            }
        }
    }

    /// One key, while keys go on.
    fn press(&mut self, press: KeyPress, cx: &mut Cx<'_>) {
        if self.observes {
            return self.observe(&press, cx);
        }
        if self.owned.is_some() {
            return self.raw_press(press, cx);
        }
        if self.start.is_none() {
            self.begin_line();
        }
        match self.reader() {
            Reader::Screen => self.screen_press(press, cx),
            Reader::Panes => self.panes_press(press, cx),
            Reader::Program | Reader::Repl(_) | Reader::Shell => self.prompt_press(press, cx),
        }
    }

    /// Who reads the line at hand.
    fn reader(&mut self) -> Reader {
        let alternate = self.screen.modes().alternate;
        let prompt = self.start.as_ref().map(|start| start.prompt.as_str()).unwrap_or_default();
        match self.foreground {
            Foreground::Shell => Reader::Shell,
            Foreground::Multiplexer if alternate => Reader::Panes,
            Foreground::Screen if alternate && !self.is_primary_prompt() => Reader::Screen,
            // Anything can print what shows the other screen: behind a prompt a shell reads.
            Foreground::Program if alternate && self.owned.is_none() && !self.is_at_prompt() => Reader::Screen,
            Foreground::Repl(repl) if repl.has_prompt(prompt) => Reader::Repl(repl),
            // A program that ended gives the prompt back to the shell: its line editor or its prompt tells.
            Foreground::Screen | Foreground::Program if !self.is_at_prompt() => Reader::Program,
            Foreground::Multiplexer | Foreground::Program | Foreground::Repl(_) | Foreground::Screen => Reader::Shell,
        }
    }

    /// Whether the line at hand begins behind the shell's own prompt.
    fn is_primary_prompt(&self) -> bool {
        let (Some(start), Some(primary)) = (&self.start, &self.primary) else { return false };
        primary.has_prompt() && primary.prompt == start.prompt
    }

    /// Whether the line at hand looks like one that a shell reads.
    fn is_at_prompt(&self) -> bool {
        let Some(start) = &self.start else { return true };
        self.screen.modes().bracketed_paste
            || self.primary.as_ref().is_none_or(|primary| primary.prompt == start.prompt)
            || [">", "$", "#", "%"].iter().any(|sign| start.prompt.trim_end().ends_with(sign))
    }

    fn mode_changed(&mut self, change: ModeChange, cx: &mut Cx<'_>) {
        match change {
            ModeChange::Alternate(true) => {}
            ModeChange::Alternate(false) => {
                // The program with that screen is gone, or says so: from here on a shell reads.
                self.foreground = Foreground::Shell;
                self.escape = screens::Escape::default();
                if matches!(self.state, State::Typing) {
                    self.new_line();
                }
            }
            ModeChange::BracketedPaste(on) => self.bracketed_paste(on, cx),
        }
    }

    /// The line is over; the next one begins when the target is ready.
    fn new_line(&mut self) {
        self.line.clear();
        self.start = None;
        self.doubt = None;
        self.refused = false;
        self.state = if self.observes { State::Typing } else { State::Running { after: After::Line } };
    }

    fn forward(&mut self, press: &KeyPress, cx: &mut Cx<'_>) {
        if matches!(press.key, Key::Char(_)) {
            self.times.forwarded.get_or_insert(cx.now);
        }
        self.forward_bytes(press.bytes.to_vec(), cx);
    }

    fn forward_bytes(&mut self, bytes: Vec<u8>, cx: &mut Cx<'_>) {
        if bytes.is_empty() {
            return;
        }
        // Bytes that go together are sent together.
        if let Some(Act::Forward(before)) = cx.acts.last_mut() {
            before.extend_from_slice(&bytes);
        } else {
            cx.acts.push(Act::Forward(bytes));
        }
    }

    /// Whether the next prompt seems to be there.
    fn is_ready(&mut self, after: After, now: Instant) -> bool {
        if self.queued_until().is_some_and(|until| now >= until) {
            return true;
        }
        let Some(output) = self.times.output else { return false };
        // The prompt that asked is still there until it is answered.
        let is_answered = !matches!(after, After::Secret(sent) if output <= sent);
        if now < output + READY_QUIET || !is_answered {
            return false;
        }
        if self.screen.modes().bracketed_paste || self.screen.modes().alternate {
            return self.trust.asked_since_submit() || after == After::Start || self.screen.modes().alternate;
        }
        now >= output + self.quiet() && self.screen.line_start().has_prompt()
    }

    /// Until when keys may wait for a prompt.
    fn queued_until(&self) -> Option<Instant> {
        let State::Running { after } = self.state else { return None };
        let patience = match after {
            After::Line => NEXT_PROMPT,
            After::Secret(_) | After::Start => FIRST_PROMPT,
        };
        let queued = self.times.queued.filter(|_| self.has_input())?;
        Some(self.owned_until(queued, queued + patience))
    }

    /// How long silence lasts that means that all of the echo is there.
    fn quiet(&self) -> Duration {
        (self.times.echo * 2).clamp(MIN_QUIET, MAX_QUIET)
    }

    /// How long an echo that is on its way is waited for.
    fn patience(&self) -> Duration {
        (self.times.echo * 4).clamp(MAX_QUIET, MAX_ECHO)
    }
}

/// ESC may be the beginning of a sequence for this long.
const PARTIAL_KEY: Duration = Duration::from_millis(50);

/// The longest pause in a paste: terminals send one in one go, and a line that stalls for longer is mostly gone.
const PASTE_PAUSE: Duration = Duration::from_secs(10);

/// Silence after which a prompt that was asked for is complete.
const READY_QUIET: Duration = Duration::from_millis(12);

/// The shortest silence that means that the echo is complete (measured: local shells answer within some ms).
const MIN_QUIET: Duration = Duration::from_millis(30);

/// The longest, however slow the line is.
const MAX_QUIET: Duration = Duration::from_millis(300);

/// The slowest echo that is waited for.
const MAX_ECHO: Duration = Duration::from_secs(2);

/// How long keys wait for the first prompt of a session, or of what a password opens: a login shell reads its
/// start-up files.
const FIRST_PROMPT: Duration = Duration::from_secs(3);

/// How long keys wait for the next prompt, before they are taken as input for the program that runs.
const NEXT_PROMPT: Duration = Duration::from_millis(150);

/// How long an interrupted line may take to go away.
const INTERRUPT_LIMIT: Duration = Duration::from_secs(1);

/// The most keys that wait: more than anybody types ahead; pastes wait in the channel's window.
const MAX_QUEUE: usize = 16 * 1024;

#[cfg(test)]
mod tests;

//! [`Gate`]: reads what is typed into a terminal before the target does, and holds each line until it is judged.
//!
//! A line is read twice: [`LineTracker`] follows the keys, [`Screen`] shows the echo. When both agree at
//! Enter, the line is judged. When the keys cannot tell (completion, history), the screen is read, and what
//! was read, judged and allowed is typed anew by the gate itself, so that what runs is what was judged.
//! When they contradict one another the line is held. The way of a key:
//!
//! ```text
//!  typed -> key.rs -> queue -> prompt.rs  at a prompt: allow-list, forward, or hold Enter
//!                        |     bound.rs   a key that the target's start-up files bind (bindings.rs)
//!                        |     screens.rs in an editor, a pager, a multiplexer: `!` and `:!`
//!                        |     reader.rs  who reads the line: a shell, a language (repl.rs), or both (ahead.rs)
//!                        |     submit.rs  Enter is held: wait for the echo, compare (recall.rs), judge
//!                        |     expansion.rs  `!!` and its kin: what comes of it is judged, and typed anew
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

use std::{collections::VecDeque, time::Instant};

use mask::WindowSize;
use shell::Shell;

use crate::{
    foreground::Foreground,
    key::{Key, KeyPress, KeyReader},
    line::LineTracker,
    screen::{LineStart, ModeChange, Screen},
};

mod act;
mod ahead;
pub mod bindings;
mod bound;
#[cfg(test)]
mod chunks;
mod dialogue;
pub mod editor;
mod expansion;
mod folders;
pub mod foreground;
mod judging;
pub mod key;
pub mod line;
mod observe;
mod paste;
mod prompt;
mod reader;
mod recall;
mod refuse;
mod repl;
mod retype;
pub mod screen;
mod screens;
mod strict;
mod submit;
mod times;

pub use act::{Act, Answer, Decided, Question, Report};
pub use bindings::Bindings;
pub use dialogue::{Commands, Dialogue, DialogueAct};
use folders::Folders;
pub use judging::Judge;
use reader::Reader;
use times::{INTERRUPT_LIMIT, MAX_ECHO, PARTIAL_KEY, PASTE_PAUSE, READY_QUIET, Times};

/// The gate of one terminal.
#[derive(Debug)]
pub struct Gate {
    /// Whether everything goes on, and decisions are only reported.
    observes: bool,
    /// The line that the gate owns, if it does.
    owned: Option<Box<strict::Owned>>,
    screen: Screen,
    keys: KeyReader,
    /// What the keys of the login shell are bound to.
    bindings: Bindings,
    /// Whether that is still to be told.
    awaits_bindings: bool,
    queue: VecDeque<KeyPress>,
    line: LineTracker,
    /// Where the line at hand began.
    start: Option<LineStart>,
    /// Where the last line at a shell's first prompt began.
    primary: Option<LineStart>,
    /// The lines before this one that belong to it.
    earlier: Vec<String>,
    /// The lines before this one that a program or the shell may have read.
    ahead: ahead::Ahead,
    /// What was said to a language so far.
    spoken: repl::Session,
    /// What C-z may have stopped.
    jobs: foreground::Jobs,
    foreground: Foreground,
    folders: Folders,
    recall: recall::Recall,
    past: expansion::Past,
    state: State,
    /// Why the line at hand cannot be trusted although it can be read.
    doubt: Option<&'static str>,
    /// Whether a key was refused in the line at hand.
    refused: bool,
    /// Whether a line was dropped behind one that was refused.
    dropped: bool,
    /// What was typed since the last Enter into a program with a screen of its own.
    escape: screens::Escape,
    /// What is known of the programs that show a screen.
    programs: screens::Programs,
    paste: Option<Vec<KeyPress>>,
    trust: paste::Trust,
    times: Times,
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
    /// The interrupt of the line was sent, last at `since`: the line must be gone before anything else is sent.
    Interrupting { since: Instant, sent: u8 },
    /// The judged text was sent, and must be seen.
    Retyping {
        text: String,
        submit: KeyPress,
        until: Instant,
        /// When it was sent, where it went along with the keys that erase what was there.
        unerased: Option<Instant>,
    },
    /// The next prompt is not there yet.
    Running { after: After },
    /// Enter is held until the echo is complete.
    Settling {
        submit: KeyPress,
        kind: submit::Kind,
        since: Instant,
        /// Whether a search was left to see the line that it found.
        probed: bool,
        /// Whether the line editor was asked to draw the line again.
        redrawn: bool,
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
        Self::Settling { submit, kind, since, probed: false, redrawn: false }
    }
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
            bindings: Bindings::default(),
            awaits_bindings: false,
            queue: VecDeque::new(),
            line: LineTracker::new(),
            start: None,
            primary: None,
            earlier: Vec::new(),
            ahead: ahead::Ahead::default(),
            spoken: repl::Session::default(),
            jobs: foreground::Jobs::default(),
            foreground,
            folders: Folders::default(),
            recall: recall::Recall::default(),
            past: expansion::Past::default(),
            state: State::Running { after: After::Start },
            doubt: None,
            refused: false,
            dropped: false,
            escape: screens::Escape::default(),
            programs: screens::Programs::default(),
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

    /// The shell that was started first is of this kind.
    pub fn login_shell(&mut self, shell: Shell) {
        self.folders.login_shell(shell);
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

    /// Whether something that was typed is still to be sent on, or dropped. What comes behind it has to wait.
    #[must_use]
    pub fn holds(&self) -> bool {
        let decides = match self.state {
            State::Closed => return false,
            State::Editing | State::Running { .. } | State::Typing => false,
            State::Erasing { .. }
            | State::Interrupting { .. }
            | State::Retyping { .. }
            | State::Settling { .. }
            | State::Unseen { .. }
            | State::Waiting { .. } => true,
        };
        decides || self.has_input() || self.times.partial.is_some() || self.times.pasting.is_some()
    }

    /// Whether other people decide about a line.
    #[must_use]
    pub fn asks(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
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
            if press.key == Key::Report && self.owned.is_none() && matches!(self.state, State::Running { .. }) {
                // The terminal answers a program that may wait for it before it prompts.
                self.forward(&press, cx);
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
                State::Interrupting { since, sent } => {
                    let (since, sent) = (*since, *sent);
                    if !self.interrupted(since, sent, cx) {
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
                    self.take_queued_signal(cx);
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
            Reader::Answer | Reader::Data | Reader::Program | Reader::Repl(_) | Reader::Shell => {
                self.prompt_press(press, cx);
            }
        }
    }

    fn mode_changed(&mut self, change: ModeChange, cx: &mut Cx<'_>) {
        match change {
            ModeChange::Alternate(on) => self.alternate_screen(on),
            ModeChange::BracketedPaste(on) => self.bracketed_paste(on, cx),
        }
    }

    /// The line is over; the next one begins when the target is ready.
    fn new_line(&mut self) {
        self.line.clear();
        self.recall.line_ended();
        self.screen.line_ended();
        self.start = None;
        self.doubt = None;
        (self.refused, self.dropped) = (false, false);
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
        self.times.sent = Some(cx.now);
        // Bytes that go together are sent together.
        if let Some(Act::Forward(before)) = cx.acts.last_mut() {
            before.extend_from_slice(&bytes);
        } else {
            cx.acts.push(Act::Forward(bytes));
        }
    }
}

/// The most keys that wait: more than anybody types ahead; pastes wait in the channel's window.
const MAX_QUEUE: usize = 16 * 1024;

#[cfg(test)]
mod tests;

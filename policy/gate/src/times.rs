//! How long the gate waits for what.

use std::time::{Duration, Instant};

use super::{After, Gate, State, judging::asks_for_a_secret};
use crate::foreground::Foreground;

/// When what happened.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// The gate did what there was to do last.
    pub(super) looked: Option<Instant>,
    /// Output came last.
    pub(super) output: Option<Instant>,
    /// A key that is echoed was forwarded, with no output since.
    pub(super) forwarded: Option<Instant>,
    /// Something was sent last.
    pub(super) sent: Option<Instant>,
    /// The first of the keys that wait came.
    pub(super) queued: Option<Instant>,
    /// A byte came that may be the beginning of a key.
    pub(super) partial: Option<Instant>,
    /// A part of a paste came, and not its end.
    pub(super) pasting: Option<Instant>,
    /// The first prompt was there, and keys waited for what keys are bound to.
    pub(super) prompted: Option<Instant>,
    /// How long the target took to answer a key, lately.
    pub(super) echo: Duration,
}

impl Gate {
    /// When [`Gate::tick`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let output = self.times.output;
        let quiet = |since: Instant| output.map_or(since, |output| output.max(since)) + self.quiet();
        let settled = self.settled();
        let state = match &self.state {
            State::Erasing { until, .. } | State::Retyping { until, .. } => [Some(*until), None, None],
            State::Interrupting { since, .. } => [Some(quiet(*since)), Some(*since + INTERRUPT_LIMIT), None],
            State::Running { .. } => {
                let until = self.queued_until();
                let ready = output.filter(|_| until.is_some() || self.owned.is_some());
                [ready.map(|output| output + READY_QUIET), ready.map(|output| output + self.quiet()), until]
            }
            State::Settling { since, .. } => {
                [settled, Some(*since + self.patience()), Some(*since + self.unseen_after())]
            }
            State::Unseen { until, .. } => [Some(*until), None, None],
            State::Closed | State::Editing | State::Typing | State::Waiting { .. } => [None; 3],
        };
        let waits = matches!(self.state, State::Running { .. }) && self.awaits_bindings && self.has_input();
        let told = self.times.prompted.and(self.times.looked).filter(|_| waits).map(|looked| looked + BINDINGS_POLL);
        let partial = self.times.partial.map(|since| since + PARTIAL_KEY);
        let pasting = self.times.pasting.map(|since| since + PASTE_PAUSE);
        // What has been looked at already will not change by looking again.
        let is_ahead = |time: &Instant| self.times.looked.is_none_or(|looked| *time > looked);
        state.into_iter().flatten().chain(told).chain(partial).chain(pasting).filter(is_ahead).min()
    }

    /// Whether the next line may begin: its prompt seems to be there, and what keys are bound to is known if it ever will.
    pub(super) fn is_ready(&mut self, after: After, now: Instant) -> bool {
        let is_ready = self.is_prompted(after, now);
        if !is_ready || !self.awaits_bindings || after != After::Start {
            return is_ready;
        }
        let until = *self.times.prompted.get_or_insert(now) + BINDINGS;
        self.awaits_bindings = now < until;
        !self.awaits_bindings
    }

    /// Whether the next prompt seems to be there.
    fn is_prompted(&mut self, after: After, now: Instant) -> bool {
        if self.queued_until().is_some_and(|until| now >= until) {
            return true;
        }
        let Some(output) = self.times.output else { return false };
        // The prompt before is still there until what was sent is answered.
        let is_answered = after == After::Start || self.times.sent.is_none_or(|sent| output > sent);
        if now < output + READY_QUIET || !is_answered {
            return false;
        }
        if self.screen.modes().bracketed_paste || self.screen.modes().alternate {
            return self.trust.asked_since_submit() || after == After::Start || self.screen.modes().alternate;
        }
        now >= output + self.quiet() && self.screen.line_start().has_prompt()
    }

    /// Until when keys may wait for a prompt.
    pub(super) fn queued_until(&self) -> Option<Instant> {
        let State::Running { after } = self.state else { return None };
        let patience = match after {
            // An exec request's own program may never prompt.
            After::Start if self.foreground != Foreground::Shell || self.times.output.is_some() => NEXT_PROMPT,
            // Until a language prompts, it cannot be told from a shell.
            After::Line if matches!(self.foreground, Foreground::Repl(repl) if !repl.has_prompt("")) => LANGUAGE_PROMPT,
            After::Line => NEXT_PROMPT,
            After::Secret(_) | After::Start => FIRST_PROMPT,
        };
        // Keys that waited while the line before was looked at have not waited for its prompt yet.
        let queued = self.times.queued.filter(|_| self.has_input())?;
        let queued = self.times.sent.map_or(queued, |sent| sent.max(queued));
        Some(self.owned_until(queued, queued + patience))
    }

    /// When all that was sent has been answered, if nothing more comes.
    pub(super) fn settled(&self) -> Option<Instant> {
        let is_answered = self.times.output >= self.times.sent;
        let silence = if is_answered { self.quiet() } else { self.patience() };
        Some(self.times.output.max(self.times.sent)? + silence)
    }

    /// How long silence lasts that means that all of the echo is there.
    pub(super) fn quiet(&self) -> Duration {
        (self.times.echo * 2).clamp(MIN_QUIET, MAX_QUIET)
    }

    /// After how long a line of which nothing is shown was typed without echo. Where nobody asked for a secret the echo
    /// is more likely to be slow.
    pub(super) fn unseen_after(&self) -> Duration {
        let prompt = self.start.as_ref().map(|start| start.prompt.as_str()).unwrap_or_default();
        let echoes = self.foreground == Foreground::Shell && !asks_for_a_secret(prompt);
        if echoes { self.patience().max(SLOW_ECHO) } else { Duration::ZERO }
    }

    /// How long an echo that is on its way is waited for.
    pub(super) fn patience(&self) -> Duration {
        (self.times.echo * 4).clamp(MAX_QUIET, MAX_ECHO)
    }
}

/// ESC may be the beginning of a sequence for this long.
pub(super) const PARTIAL_KEY: Duration = Duration::from_millis(50);

/// The longest pause in a paste: terminals send one in one go, and a line that stalls for longer is mostly gone.
pub(super) const PASTE_PAUSE: Duration = Duration::from_secs(10);

/// Silence after which a prompt that was asked for is complete.
pub(super) const READY_QUIET: Duration = Duration::from_millis(12);

/// The shortest silence that means that the echo is complete (measured: local shells answer within some ms).
const MIN_QUIET: Duration = Duration::from_millis(30);

/// The longest, however slow the line is.
const MAX_QUIET: Duration = Duration::from_millis(300);

/// The slowest echo that is waited for.
pub(super) const MAX_ECHO: Duration = Duration::from_secs(2);

/// How long the echo of a machine under load is waited for.
const SLOW_ECHO: Duration = Duration::from_secs(1);

/// How long keys wait for a sign of the shell of a session, or of what a password opens: a login shell reads its
/// start-up files.
const FIRST_PROMPT: Duration = Duration::from_secs(1);

/// How long keys wait for the prompt of a language that was started, or is at work on a statement.
const LANGUAGE_PROMPT: Duration = Duration::from_secs(3);

/// How long keys wait for the next prompt, before they are taken as input for the program that runs.
const NEXT_PROMPT: Duration = Duration::from_millis(150);

/// How long the first keys wait at the prompt for what keys are bound to: the shell that tells it starts along with the one
/// that prompts, and runs the same files.
const BINDINGS: Duration = Duration::from_secs(1);

/// How often it is looked whether that was told.
const BINDINGS_POLL: Duration = Duration::from_millis(20);

/// How long an interrupted line may take to go away.
pub(super) const INTERRUPT_LIMIT: Duration = Duration::from_secs(1);

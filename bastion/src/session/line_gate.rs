//! The gate of a session with a terminal: [`policy::gate`] with the rules as they are at each line, for one
//! user on one target.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use config::{Login, Target};
use policy::{
    CommandInput, Judging, Protocol, Resource, RuleSet, SessionMode, Subject, Verdict, WindowSize,
    command::ParseContext,
    foreground::Foreground,
    gate::{Act, Answer, Gate},
};
use tokio::sync::watch;

/// What a gate needs to know of its session.
#[derive(Debug, Clone)]
pub struct Place {
    /// The rules as they are now.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// Whose session it is.
    pub user: Subject,
    /// The target's settings.
    pub target: Arc<Target>,
    /// The account there.
    pub login: Login,
    /// How strict the gate is.
    pub mode: SessionMode,
    /// How the session is spoken.
    pub protocol: Protocol,
}

/// The gate of one terminal.
#[derive(Debug)]
pub struct LineGate {
    gate: Gate,
    place: Place,
}

impl LineGate {
    /// A gate at the start of a session that runs the login shell, or `command`.
    #[must_use]
    pub fn new(place: Place, size: WindowSize, command: Option<&str>) -> Self {
        let foreground = match command {
            None => Foreground::Shell,
            Some(command) => Foreground::after(&policy::command::parse(command, &ParseContext::default())),
        };
        let gate = match place.mode {
            SessionMode::Observe => Gate::observing(size, foreground),
            SessionMode::ExecOnly | SessionMode::Guard | SessionMode::Strict => Gate::new(size, foreground),
        };
        Self { gate, place }
    }

    /// The user typed.
    pub fn typed(&mut self, data: &[u8], acts: &mut Vec<Act>) {
        self.gate.typed(data, now(), &self.place.judge(), acts);
    }

    /// The target wrote.
    pub fn output(&mut self, data: &[u8], acts: &mut Vec<Act>) {
        self.gate.output(data, now(), &self.place.judge(), acts);
    }

    /// The terminal has a new size.
    pub fn resized(&mut self, size: WindowSize) {
        self.gate.resized(size);
    }

    /// The time of [`LineGate::deadline`] has come.
    pub fn tick(&mut self, acts: &mut Vec<Act>) {
        self.gate.tick(now(), &self.place.judge(), acts);
    }

    /// The answer to [`Act::Ask`].
    pub fn answered(&mut self, answer: Answer, acts: &mut Vec<Act>) {
        self.gate.answered(answer, now(), &self.place.judge(), acts);
    }

    /// When [`LineGate::tick`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.gate.deadline()
    }

    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.gate.has_room()
    }
}

impl Place {
    fn judge(&self) -> impl Fn(CommandInput<'_>) -> Verdict {
        let rules = self.rules.borrow().clone();
        let place = ParseContext { interactive: true, ..ParseContext::default() };
        let judging = Judging { place, ..Judging::of(self.mode, self.protocol, SystemTime::now()) };
        move |input| {
            let what = Resource { target: &self.target, login: &self.login };
            rules.judge(&self.user, &what, input, &judging)
        }
    }
}

/// The clock that tests of async code can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

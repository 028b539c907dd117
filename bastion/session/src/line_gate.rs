//! The gate of a session with a terminal: [`gate`] with the rules as they are at each line, for one
//! user on one target.

use std::{
    sync::{Arc, OnceLock},
    time::{Instant, SystemTime},
};

use gate::{Act, Answer, Gate, foreground::Foreground};
use mask::WindowSize;
use policy::{CommandInput, Judging, SessionMode, Verdict};
use shell::{ParseContext, Shell};

use super::permit::LivePermit;

/// The shell of a login, which its target is asked for while the session begins. Until it is known, and where it is not,
/// lines are read as every shell would read them.
#[derive(Debug, Clone, Default)]
pub struct LoginShell(Arc<OnceLock<Shell>>);

impl LoginShell {
    /// The target has answered.
    pub fn tell(&self, shell: Shell) {
        // The first answer counts.
        let _ = self.0.set(shell);
    }
}

/// The gate of one terminal.
#[derive(Debug)]
pub struct LineGate {
    gate: Gate,
    permit: LivePermit,
    /// Until it was told.
    login_shell: Option<LoginShell>,
}

impl LineGate {
    /// A gate at the start of a session that runs the login shell, or `command`.
    #[must_use]
    pub fn new(permit: LivePermit, size: WindowSize, command: Option<&str>) -> Self {
        let foreground = match command {
            None => Foreground::Shell,
            Some(command) => {
                let place = ParseContext { interactive: true, ..ParseContext::default() };
                Foreground::after(&shell::parse(command, &place))
            }
        };
        let gate = match permit.permit.obligations().mode {
            SessionMode::Observe => Gate::observing(size, foreground),
            SessionMode::ExecOnly | SessionMode::Guard => Gate::new(size, foreground),
            SessionMode::Strict => Gate::strict(size, foreground),
        };
        Self { gate, permit, login_shell: None }
    }

    /// The same in front of a login shell.
    #[must_use]
    pub fn behind(self, login_shell: LoginShell) -> Self {
        Self { login_shell: Some(login_shell), ..self }
    }

    /// The user typed.
    pub fn typed(&mut self, data: &[u8], acts: &mut Vec<Act>) {
        if let Some(shell) = self.login_shell.as_ref().and_then(|shell| shell.0.get()) {
            self.gate.login_shell(*shell);
            self.login_shell = None;
        }
        self.gate.typed(data, now(), &judge(&self.permit, true), acts);
    }

    /// The user is about to see what the target wrote.
    pub fn showing(&mut self, acts: &mut Vec<Act>) {
        self.gate.showing(acts);
    }

    /// The target wrote.
    pub fn output(&mut self, data: &[u8], acts: &mut Vec<Act>) {
        self.gate.output(data, now(), &judge(&self.permit, true), acts);
    }

    /// The terminal has a new size.
    pub fn resized(&mut self, size: WindowSize, acts: &mut Vec<Act>) {
        self.gate.resized(size, acts);
    }

    /// The time of [`LineGate::deadline`] has come.
    pub fn tick(&mut self, acts: &mut Vec<Act>) {
        self.gate.tick(now(), &judge(&self.permit, true), acts);
    }

    /// The answer to [`Act::Ask`].
    pub fn answered(&mut self, answer: Answer, acts: &mut Vec<Act>) {
        self.gate.answered(answer, now(), &judge(&self.permit, true), acts);
    }

    /// When [`LineGate::tick`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.gate.deadline()
    }

    /// Whether something that was typed is still to be sent on, or dropped.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.gate.holds()
    }

    /// Whether other people decide about a line.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.gate.asks()
    }

    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.gate.has_room()
    }
}

/// Answers by the rules as they are now, for what is typed at a terminal or sent without one.
pub(super) fn judge(permit: &LivePermit, interactive: bool) -> impl Fn(CommandInput<'_>) -> Verdict {
    let rules = permit.rules.borrow().clone();
    let place = ParseContext { interactive, ..ParseContext::default() };
    let (mode, protocol) = (permit.permit.obligations().mode, permit.access.resource().protocol());
    let judging = Judging { place, ..Judging::of(mode, protocol, SystemTime::now()) };
    move |input| permit.judge(&rules, input, &judging)
}

/// The clock that tests of async code can stop.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

//! The gate of a session with a terminal: [`gate`] with the rules as they are at each line, for one
//! user on one target.

use std::{
    sync::{Arc, OnceLock},
    time::{Instant, SystemTime},
};

pub use gate::Bindings;
use gate::{Act, Answer, Gate, foreground::Foreground};
use mask::WindowSize;
use policy::{CommandInput, Judging, SessionMode, Verdict};
use shell::{ParseContext, Shell};

use super::permit::LivePermit;

/// The shell of a login, and what its keys are bound to, which its target is asked for while the session begins. Until
/// it is known, and where it is not, lines are read as every shell would read them.
#[derive(Debug, Clone, Default)]
pub struct LoginShell {
    is_asked: bool,
    shell: Arc<OnceLock<Shell>>,
    /// None where nobody can tell.
    bindings: Arc<OnceLock<Option<Bindings>>>,
}

impl LoginShell {
    /// One that a target is about to be asked for.
    #[must_use]
    pub fn asked() -> Self {
        Self { is_asked: true, ..Self::default() }
    }

    /// The target has answered.
    pub fn tell(&self, shell: Shell) {
        // The first answer counts.
        let _ = self.shell.set(shell);
    }

    /// The shell has told what its keys are bound to, or will not.
    pub fn tell_bindings(&self, bindings: Option<Bindings>) {
        let _ = self.bindings.set(bindings);
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
    pub fn behind(mut self, login_shell: LoginShell) -> Self {
        self.gate.awaits_bindings(login_shell.is_asked);
        Self { login_shell: Some(login_shell), ..self }
    }

    /// Passes on what was told of the login shell.
    fn learn(&mut self) {
        let Some(login_shell) = &mut self.login_shell else { return };
        if let Some(shell) = login_shell.shell.get().copied() {
            self.gate.login_shell(shell);
            // Once: what later lines open may be of another kind.
            login_shell.shell = Arc::default();
        }
        let Some(bindings) = login_shell.bindings.get() else { return };
        match bindings {
            Some(bindings) => self.gate.bindings(bindings.clone()),
            None => self.gate.awaits_bindings(false),
        }
        // Nothing more will be told.
        self.login_shell = None;
    }

    /// The user typed.
    pub fn typed(&mut self, data: &[u8], acts: &mut Vec<Act>) {
        self.learn();
        self.gate.typed(data, now(), &judge(&self.permit, true), acts);
    }

    /// The user is about to see what the target wrote.
    pub fn showing(&mut self, acts: &mut Vec<Act>) {
        self.gate.showing(acts);
    }

    /// The target wrote.
    pub fn output(&mut self, data: &[u8], acts: &mut Vec<Act>) {
        self.learn();
        self.gate.output(data, now(), &judge(&self.permit, true), acts);
    }

    /// The terminal has a new size.
    pub fn resized(&mut self, size: WindowSize, acts: &mut Vec<Act>) {
        self.gate.resized(size, acts);
    }

    /// The time of [`LineGate::deadline`] has come.
    pub fn tick(&mut self, acts: &mut Vec<Act>) {
        self.learn();
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

//! [`Verdict`]: the answer of the rules to a command or to a request, and the question about a command.

use std::time::SystemTime;

use config::{
    RuleName,
    rules::{Approvers, Protocol, RuleEffect, SessionMode},
};
use shell::{Earlier, Folder, ParseContext, Shell};

/// What is to be judged.
#[derive(Debug, Clone, Copy)]
pub enum CommandInput<'a> {
    /// Arguments that are executed without a shell (`kubectl exec`), and their standard input if it is known.
    Argv(&'a [String], Option<&'a str>),
    /// A line at a prompt, or the command string of an SSH exec request.
    Line(&'a str),
    /// A line at the prompt of a shell.
    LineIn {
        /// The line.
        line: &'a str,
        /// The folder that the shell is in.
        folder: &'a Folder,
        /// Of which kind it is.
        shell: Shell,
        /// What lines before it have done that gives it its meaning.
        earlier: &'a Earlier,
    },
    /// A command string, and all of its standard input.
    Script(&'a str, &'a str),
    /// Text for a program that is no shell, such as a line of a REPL: only rules on text look at it.
    Text(&'a str),
}

/// The circumstances of a command.
#[derive(Debug, Clone)]
pub struct Judging {
    /// When it is judged.
    pub now: SystemTime,
    /// How the session is spoken.
    pub protocol: Protocol,
    /// What is known about the place where it will run.
    pub place: ParseContext,
    /// What happens to a command that no rule matches: `Allow`, save where only what is allowed may run.
    pub default: RuleEffect,
    /// What happens to a command that cannot be known, where no rule on the class `opaque` says so
    /// and some rule could apply to it.
    pub opaque: RuleEffect,
    /// What happens to a script or a program of one's own, where no rule on the class `script` says so.
    pub script: RuleEffect,
}

/// The answer of the rules to a command, or to a request to an API server. It is no permit: it only says what may be
/// sent on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    /// What happens.
    pub effect: RuleEffect,
    /// The rule that decided; none where nothing matched, and for what is built in.
    pub rule: Option<RuleName>,
    /// Whether it was decided because it cannot be known what would run.
    pub opaque: bool,
    /// What the user reads; empty where it is allowed.
    pub message: String,
    /// What matched, in plain words.
    pub because: String,
    /// The commands that would run, for display; none of a request. Not fit for a shell; control characters are escaped.
    pub commands: Vec<String>,
    /// Whether standard input is read as commands, was not part of the question, and some rule could
    /// say no to it: it must be judged, as [`CommandInput::Script`], before any of it is sent.
    pub stdin_is_code: bool,
    /// What is to be done with standard input that was not part of the question.
    pub input: Input,
    /// Who may approve, for what needs it: the rule's approvers, or else the default ones. None where nobody can.
    pub approvers: Option<Approvers>,
}

/// What is to be done with the standard input that a session sends while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Input {
    /// A shell reads it, and nothing else: it may be judged command by command where the whole of it does not come at
    /// once.
    Commands,
    /// It goes on unread: whoever reads it takes it as data, or no rule could say no to it.
    #[default]
    Data,
    /// A program may do anything with it: each line is judged before it is sent.
    Judged {
        /// The program, for people.
        program: String,
    },
    /// The same, and it cannot be judged: nothing of it is sent.
    Refused {
        /// Why, and what to do.
        reason: String,
    },
}

impl Verdict {
    /// What a user reads whom it refuses: the message, and the rule that it comes from.
    #[must_use]
    pub fn refusal(&self) -> String {
        let rule = self.rule.as_ref().map(|rule| format!(" by rule {rule}")).unwrap_or_default();
        format!("blocked{rule}: {}", self.message)
    }
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The rule; none for what is built in.
    pub rule: Option<RuleName>,
    /// Its effect.
    pub effect: RuleEffect,
    /// What it matched.
    pub because: String,
    /// Whether it cannot be known that it matches.
    pub opaque: bool,
    /// Whether it is the one that decided.
    pub decides: bool,
}

impl Judging {
    /// A session of that mode, at `now`. In the mode `observe` it is judged as in `guard`, and the caller
    /// notes the verdict instead of acting on it.
    #[must_use]
    pub fn of(mode: SessionMode, protocol: Protocol, now: SystemTime) -> Self {
        let (default, opaque, script) = match mode {
            SessionMode::Observe | SessionMode::Guard => (RuleEffect::Allow, RuleEffect::Approve, RuleEffect::Allow),
            SessionMode::Strict => (RuleEffect::Block, RuleEffect::Block, RuleEffect::Block),
            SessionMode::ExecOnly => (RuleEffect::Allow, RuleEffect::Block, RuleEffect::Block),
        };
        Self { now, protocol, place: ParseContext::default(), default, opaque, script }
    }

    /// A session over SSH in the mode `guard`, at `now`.
    #[must_use]
    pub fn guard(now: SystemTime) -> Self {
        Self::of(SessionMode::Guard, Protocol::Ssh, now)
    }
}

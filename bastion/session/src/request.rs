//! The request that starts a session, judged before the target hears of it: a command string, a
//! script on standard input, or a shell.

use std::{borrow::Cow, time::SystemTime};

use config::RuleName;
use ledger::store::SessionKind;
use policy::{CommandInput, Input, Judging, Resource, RuleEffect, RuleSet, SessionMode, Subject, Verdict};
use shell::decode;

use super::tap::shown;

pub use approval::view::quoted;

/// What starts a session.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// A command string for the login shell.
    Exec {
        /// The command string.
        command: &'a [u8],
        /// Whether it has a terminal.
        terminal: bool,
    },
    /// A program and its arguments, without a shell in between.
    Argv {
        /// The program and its arguments.
        words: &'a [String],
        /// Whether it has a terminal.
        terminal: bool,
    },
    /// The program that runs in a container already; what it is is not known.
    Attach {
        /// Whether it has a terminal.
        terminal: bool,
        /// Whether it is sent anything.
        stdin: bool,
    },
    /// The login shell, on a terminal or reading commands from standard input.
    Shell {
        /// Whether it has a terminal.
        terminal: bool,
    },
    /// A subsystem: no commands at all.
    Subsystem,
}

/// What is known of the standard input of what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin<'a> {
    /// All of it.
    All(&'a [u8]),
    /// That it is commands, each of which is judged when it comes.
    Commands,
    /// Nothing.
    Unread,
}

impl<'a> From<Option<&'a [u8]>> for Stdin<'a> {
    fn from(all: Option<&'a [u8]>) -> Self {
        all.map_or(Self::Unread, Self::All)
    }
}

/// Whether a session may start, as the rules on commands say it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Judgement {
    /// It may start.
    Allow {
        /// In the mode `observe`: what would have been blocked or held otherwise.
        observed: Option<Box<Verdict>>,
        /// What is to be done with its standard input, as far as that was not judged here.
        input: Input,
    },
    /// It may not start.
    Block(Blocked),
    /// It may start once it has been approved.
    Hold(Box<Verdict>),
    /// Standard input is read as commands: it has to be judged first, whole.
    NeedsStdin {
        /// Whether it may be judged command by command where its sender waits for answers.
        by_command: bool,
    },
}

/// Why a request may not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The rule that decided; none for what is built in.
    pub rule: Option<RuleName>,
    /// Why, in words for the user.
    pub reason: String,
    /// Whether it is because it cannot be known what would run.
    pub opaque: bool,
    /// The commands that would have run, for display.
    pub commands: Vec<String>,
}

/// Judges the request that starts a session, with what is known of its standard input.
pub fn judge_start(
    rules: &RuleSet,
    who: &Subject,
    what: Resource<'_>,
    mode: SessionMode,
    (request, stdin): (Request<'_>, Stdin<'_>),
    now: SystemTime,
) -> Judgement {
    if matches!(request, Request::Subsystem) {
        let verdict = rules.judge_sftp(who, what, &Judging::of(mode, what.protocol(), now));
        return match verdict.effect {
            RuleEffect::Allow => Judgement::ALLOW,
            _ if mode == SessionMode::Observe => {
                Judgement::Allow { observed: Some(Box::new(verdict)), input: Input::Data }
            }
            RuleEffect::Approve => Judgement::Hold(Box::new(verdict)),
            RuleEffect::Block => Judgement::Block(Blocked::by(verdict)),
        };
    }
    let stdin_text = match stdin {
        Stdin::All(stdin) => Some(readable(stdin)),
        Stdin::Commands => Some(Cow::Borrowed(NO_COMMANDS)),
        Stdin::Unread => None,
    };
    let command = request.command().map(readable);
    let (stdin_text, command) = (stdin_text.as_deref(), command.as_deref());
    let (input, terminal) = match request {
        Request::Subsystem
        | Request::Attach { terminal: true, .. }
        | Request::Attach { stdin: false, .. }
        | Request::Shell { terminal: true } => return Judgement::ALLOW,
        // The login shell without a terminal reads commands from its input, as `sh -s` does.
        Request::Shell { terminal: false } => (line("sh -s", stdin_text), false),
        // What runs in a container may be anything, as a program of which nothing is known.
        Request::Attach { terminal: false, .. } => (CommandInput::Line(ATTACH), false),
        Request::Exec { terminal, .. } => (line(command.unwrap_or(UNREADABLE), stdin_text), terminal),
        Request::Argv { words, terminal } => (CommandInput::Argv(words, stdin_text), terminal),
    };
    let mut judging = Judging::of(mode, what.protocol(), now);
    let mut verdict = rules.judge(who, what, input, &judging);
    if terminal && verdict.stdin_is_code {
        // What is typed into a terminal is judged line by line when it comes.
        judging.place.interactive = true;
        judging.place.opens = true;
        verdict = rules.judge(who, what, input, &judging);
    }
    if terminal {
        verdict.input = Input::Data;
    }
    if stdin == Stdin::Commands {
        verdict.input = Input::Commands;
    }
    let is_certain = verdict.effect == RuleEffect::Block && !verdict.opaque;
    let lacks_stdin = verdict.stdin_is_code && !is_certain;
    match verdict.effect {
        // Nothing is read ahead here, so it is not known what would have been.
        _ if mode == SessionMode::Observe && lacks_stdin => Judgement::allow(verdict.input),
        RuleEffect::Allow if !lacks_stdin => Judgement::allow(verdict.input),
        _ if mode == SessionMode::Observe => {
            let input = verdict.input.clone();
            Judgement::Allow { observed: Some(Box::new(verdict)), input }
        }
        _ if lacks_stdin && stdin == Stdin::Unread && !terminal => {
            Judgement::NeedsStdin { by_command: verdict.input == Input::Commands }
        }
        RuleEffect::Allow => Judgement::Block(Blocked {
            rule: None,
            reason: STDIN_IS_CODE.to_owned(),
            opaque: true,
            commands: verdict.commands,
        }),
        RuleEffect::Block => Judgement::Block(Blocked::by(verdict)),
        RuleEffect::Approve => Judgement::Hold(Box::new(verdict)),
    }
}

impl Judgement {
    /// It may start, and nothing is to be noted.
    const ALLOW: Self = Self::allow(Input::Data);

    /// The same with that to be done with its input.
    const fn allow(input: Input) -> Self {
        Self::Allow { observed: None, input }
    }
}

impl Blocked {
    fn by(verdict: Verdict) -> Self {
        let reason = verdict.refusal();
        Self { rule: verdict.rule, reason, opaque: verdict.opaque, commands: verdict.commands }
    }
}

fn line<'a>(line: &'a str, stdin: Option<&'a str>) -> CommandInput<'a> {
    match stdin {
        None => CommandInput::Line(line),
        Some(stdin) => CommandInput::Script(line, stdin),
    }
}

impl Request<'_> {
    /// What kind of session it starts.
    #[must_use]
    pub fn kind(&self) -> SessionKind {
        match self {
            Self::Argv { .. } | Self::Exec { .. } => SessionKind::Exec,
            Self::Attach { .. } => SessionKind::Attach,
            Self::Shell { .. } => SessionKind::Shell,
            Self::Subsystem => SessionKind::Sftp,
        }
    }

    /// The command string.
    fn command(&self) -> Option<&[u8]> {
        match self {
            Self::Exec { command, .. } => Some(command),
            Self::Argv { .. } | Self::Attach { .. } | Self::Shell { .. } | Self::Subsystem => None,
        }
    }

    /// The request as it stands in the audit log: masked, control characters made visible, not too long.
    #[must_use]
    pub fn shown(&self, stdin: Option<&[u8]>) -> String {
        let command: Cow<'_, [u8]> = match (self, stdin) {
            (Self::Subsystem, _) => Cow::Borrowed(b"subsystem"),
            (Self::Shell { .. }, None) => Cow::Borrowed(b"shell"),
            (Self::Shell { .. }, Some(stdin)) => Cow::Owned([b"shell, input: ", stdin].concat()),
            (Self::Attach { .. }, None) => Cow::Borrowed(b"attach"),
            (Self::Attach { .. }, Some(stdin)) => Cow::Owned([b"attach, input: ", stdin].concat()),
            (Self::Argv { words, .. }, None) => Cow::Owned(quoted(words).into_bytes()),
            (Self::Argv { words, .. }, Some(stdin)) => {
                Cow::Owned([quoted(words).as_bytes(), b", input: ", stdin].concat())
            }
            (Self::Exec { command, .. }, None) => Cow::Borrowed(command),
            (Self::Exec { command, .. }, Some(stdin)) => Cow::Owned([command, &b", input: "[..], stdin].concat()),
        };
        let mut shown = shown(command.into_owned());
        if let Some((end, _)) = shown.char_indices().nth(MAX_SHOWN_CHARS) {
            shown.truncate(end);
            shown.push('…');
        }
        shown
    }
}

/// The text, or one that stands for what nobody can read.
fn readable(text: &[u8]) -> Cow<'_, str> {
    decode(text).unwrap_or(Cow::Borrowed(UNREADABLE))
}

/// The name of what runs in a container already, for rules on commands.
const ATTACH: &str = "attach";

/// Stands for a text that cannot be read: a command word that is not known.
const UNREADABLE: &str = "\"$UNREADABLE\"";

/// What a shell reads that runs nothing: what is left to judge is the command that starts it.
const NO_COMMANDS: &str = "#\n";

/// The longest command in the audit log, in characters.
const MAX_SHOWN_CHARS: usize = 4096;

/// What a user reads whose commands would come on a second standard input.
const STDIN_IS_CODE: &str = "blocked: some of the commands would come on an input that cannot be judged before they \
     run; give them as arguments, or as one script on standard input";

#[cfg(test)]
mod tests;

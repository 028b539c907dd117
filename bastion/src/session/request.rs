//! The request that starts a session, judged before the target hears of it: a command string, a
//! script on standard input, or a shell.

use std::{borrow::Cow, str, time::SystemTime};

use bytes::Bytes;
use config::RuleName;
use policy::{CommandInput, Judging, Protocol, Resource, RuleEffect, RuleSet, SessionMode, Subject, Verdict};

use super::tap::masked_text;

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
    /// The login shell, on a terminal or reading commands from standard input.
    Shell {
        /// Whether it has a terminal.
        terminal: bool,
    },
    /// A subsystem: no commands at all.
    Subsystem,
}

/// What the rules on commands say to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum RequestVerdict {
    /// It may start.
    Allow {
        /// In the mode `observe`: what would have been blocked or held otherwise.
        observed: Option<Box<Verdict>>,
    },
    /// It may not start.
    Block(Blocked),
    /// It may start once it has been approved.
    Hold(Box<Verdict>),
    /// Standard input is read as commands: it has to be judged first, whole.
    NeedsStdin,
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

/// Judges the request that starts a session; `stdin` is all of its standard input, where that was read already.
pub fn judge_request(
    rules: &RuleSet,
    who: &Subject,
    what: &Resource<'_>,
    mode: SessionMode,
    (request, stdin): (Request<'_>, Option<&[u8]>),
    now: SystemTime,
) -> RequestVerdict {
    let (line, terminal) = match request {
        Request::Subsystem | Request::Shell { terminal: true } => return RequestVerdict::ALLOW,
        // The login shell without a terminal reads commands from its input, as `sh -s` does.
        Request::Shell { terminal: false } => ("sh -s", false),
        Request::Exec { command, terminal } => (readable(command), terminal),
    };
    let mut judging = Judging::of(mode, Protocol::Ssh, now);
    let input = match stdin {
        None => CommandInput::Line(line),
        Some(stdin) => CommandInput::Script(line, readable(stdin)),
    };
    let mut verdict = rules.judge(who, what, input, &judging);
    if terminal && verdict.stdin_is_code {
        // What is typed into a terminal is judged line by line when it comes.
        judging.place.interactive = true;
        verdict = rules.judge(who, what, input, &judging);
    }
    let is_certain = verdict.effect == RuleEffect::Block && !verdict.opaque;
    let lacks_stdin = verdict.stdin_is_code && !is_certain;
    match verdict.effect {
        // Nothing is read ahead here, so it is not known what would have been.
        _ if mode == SessionMode::Observe && lacks_stdin => RequestVerdict::ALLOW,
        RuleEffect::Allow if !lacks_stdin => RequestVerdict::ALLOW,
        _ if mode == SessionMode::Observe => RequestVerdict::Allow { observed: Some(Box::new(verdict)) },
        _ if lacks_stdin && stdin.is_none() && !terminal => RequestVerdict::NeedsStdin,
        RuleEffect::Allow => RequestVerdict::Block(Blocked {
            rule: None,
            reason: STDIN_IS_CODE.to_owned(),
            opaque: true,
            commands: verdict.commands,
        }),
        RuleEffect::Block => RequestVerdict::Block(Blocked::by(verdict)),
        RuleEffect::Approve => RequestVerdict::Hold(Box::new(verdict)),
    }
}

impl RequestVerdict {
    /// It may start, and nothing is to be noted.
    const ALLOW: Self = Self::Allow { observed: None };
}

impl Blocked {
    fn by(verdict: Verdict) -> Self {
        let reason = match &verdict.rule {
            // The rule's own words; texts that are made up name the rule already.
            Some(rule) if !verdict.message.starts_with("blocked") => {
                format!("blocked by rule {rule}: {}", verdict.message)
            }
            _ => verdict.message,
        };
        Self { rule: verdict.rule, reason, opaque: verdict.opaque, commands: verdict.commands }
    }
}

impl Request<'_> {
    /// The request as it stands in the audit log: masked, control characters made visible, not too long.
    #[must_use]
    pub fn shown(&self, stdin: Option<&[u8]>) -> String {
        let command: Cow<'_, [u8]> = match (self, stdin) {
            (Self::Subsystem, _) => Cow::Borrowed(b"subsystem"),
            (Self::Shell { .. }, None) => Cow::Borrowed(b"shell"),
            (Self::Shell { .. }, Some(stdin)) => Cow::Owned([b"shell, input: ", stdin].concat()),
            (Self::Exec { command, .. }, None) => Cow::Borrowed(command),
            (Self::Exec { command, .. }, Some(stdin)) => Cow::Owned([command, &b", input: "[..], stdin].concat()),
        };
        let masked = masked_text(Bytes::from(command.into_owned()));
        let mut shown = String::new();
        for character in masked.chars().take(MAX_SHOWN_CHARS) {
            if character.is_control() { shown.extend(character.escape_default()) } else { shown.push(character) }
        }
        if masked.chars().nth(MAX_SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        shown
    }
}

/// The text, or one that stands for what nobody can read: not UTF-8, or with NUL characters, which shells drop.
fn readable(text: &[u8]) -> &str {
    str::from_utf8(text).ok().filter(|text| !text.contains('\0')).unwrap_or(UNREADABLE)
}

/// Stands for a text that cannot be read: a command word that is not known.
const UNREADABLE: &str = "\"$UNREADABLE\"";

/// The longest command in the audit log, in characters.
const MAX_SHOWN_CHARS: usize = 4096;

/// What a user reads whose commands would come on a second standard input.
const STDIN_IS_CODE: &str = "blocked: some of the commands would come on an input that cannot be judged before they \
     run; give them as arguments, or as one script on standard input";

#[cfg(test)]
mod tests;

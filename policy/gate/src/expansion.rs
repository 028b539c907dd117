//! [`Past`]: the line before, and what `!!`, `!$` and their kin make of it. The shell would put it in after Enter, unread.
//!
//! So the gate puts it in itself, judges what comes of it, and sends that text instead ([`retype`](super::retype)). No `!`
//! is left in it: the shell finds nothing to replace.
//!
//! ```text
//!  !!   the line     !^ !$ !:N   its first, its last, its Nth word     !*   all words but the first     ^old^new
//! ```
//!
//! What a shell keeps in its history is its own affair. The line before counts where it is sure: it went on in this session,
//! behind a prompt like this one, nothing behind it may have opened or ended a shell, and nothing in it is read differently
//! by one (a blank before it, a `!` of its own, line breaks). Where it is not sure, and for all other forms, nothing is
//! expanded, and the line is held as one that cannot be known.
//!
//! **Limits:** lines that other sessions put into a shared history are not known, nor are the shell's start-up files. Then
//! another line runs than the shell would have run; it was judged, and is shown.

use config::rules::RuleEffect;
use shell::{Command, Parsed, Shell};

use super::{Cx, Gate, Reader, screens::are_alike, submit::Kind};
use crate::{
    foreground::Foreground,
    key::{Key, KeyPress},
};

mod words;

/// What a shell's history ends with, as far as that is known.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) last: Option<Last>,
    /// Whether a line has changed what the shell keeps, or how it reads.
    is_off: bool,
}

#[derive(Debug)]
pub(super) struct Last {
    line: String,
    /// Behind which prompt it was typed.
    prompt: String,
}

impl Past {
    /// A whole line went on to a shell, which runs what is `parsed` and reads the next line too.
    fn went_on(&mut self, line: &str, prompt: &str, parsed: &Parsed) {
        self.is_off |= !parsed.tampering.is_empty();
        let leaves = |command: &Command| command.program().is_some_and(|program| LEAVES.contains(&program));
        let is_plain = !line.starts_with(['^', ' ', '\t'])
            && !line.contains(|char: char| char == '!' || char.is_control())
            && line.len() <= MAX_LINE;
        self.last = (is_plain && !parsed.commands.iter().any(leaves))
            .then(|| Last { line: line.to_owned(), prompt: prompt.to_owned() });
    }

    /// What the history ends with is not known any more.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// What comes of a line behind that prompt; none if nothing of it is replaced, or if it is not known by what.
    fn expand(&self, line: &str, prompt: &str) -> Option<String> {
        let last = self.last.as_ref().filter(|last| !self.is_off && are_alike(&last.prompt, prompt))?;
        let expanded = words::expand(line, &last.line)?;
        // The shell would look for its history in what is left.
        let is_safe = !expanded.starts_with('^') && !expanded.contains(|char: char| char == '!' || char.is_control());
        (is_safe && !expanded.trim().is_empty() && expanded.len() <= MAX_LINE).then_some(expanded)
    }
}

impl Gate {
    /// What the shell would make of the line that is held, if the gate can put it in its place.
    pub(super) fn expanded(&mut self, text: &str, submit: &KeyPress, kind: Kind) -> Option<String> {
        let prompt = self.start.as_ref().filter(|start| start.can_be_found())?.prompt.clone();
        let is_accepted = kind == Kind::Accepts && matches!(submit.key, Key::Enter | Key::LineFeed);
        let is_alone = self.earlier.is_empty() && self.ahead.is_empty() && self.owned.is_none();
        let can_be_sent = self.line.takes_text() && self.doubt.is_none();
        let expands = matches!(self.folders.shell(), Shell::Bash | Shell::Unknown | Shell::Zsh);
        if !(is_accepted && is_alone && can_be_sent && expands)
            || self.reader() != Reader::Shell
            || self.is_menu_shown(kind)
        {
            return None;
        }
        self.past.expand(text, &prompt)
    }

    /// Judges what comes of a line, and sends it in place of the line.
    pub(super) fn send_expanded(&mut self, text: String, submit: KeyPress, cx: &mut Cx<'_>) {
        let verdict = self.judge(&text, Reader::Shell, Kind::Accepts, cx);
        match verdict.effect {
            RuleEffect::Allow => self.retype(text, submit, Kind::Accepts, cx),
            RuleEffect::Approve | RuleEffect::Block => self.ask(text, true, verdict, submit, Kind::Accepts, cx),
        }
    }

    /// A whole line went on to a shell, and nothing before it belongs to it.
    pub(super) fn note_in_history(&mut self, line: &str, parsed: &Parsed) {
        if line.trim().is_empty() {
            return;
        }
        match &self.start {
            // What may be another shell has another history.
            Some(start) if self.foreground != Foreground::Shell => {
                self.past.went_on(line, &start.prompt, parsed);
            }
            _ => self.past.forget(),
        }
    }
}

/// What leaves a shell, or changes what its history ends with.
const LEAVES: [&str; 6] = ["exec", "exit", "fc", "logout", "r", "suspend"];

/// The longest line that is put in, and that comes of it, in bytes.
const MAX_LINE: usize = 1024;

//! Who reads the line at hand: told by the line that was allowed last, and checked against the prompt.

use super::Gate;
use crate::foreground::{Foreground, Repl};

/// Who reads a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
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

impl Gate {
    /// Who reads the line at hand.
    pub(super) fn reader(&mut self) -> Reader {
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
    pub(super) fn is_at_prompt(&self) -> bool {
        let Some(start) = &self.start else { return true };
        self.screen.modes().bracketed_paste
            || self.primary.as_ref().is_none_or(|primary| primary.prompt == start.prompt)
            || [">", "$", "#", "%"].iter().any(|sign| start.prompt.trim_end().ends_with(sign))
    }
}

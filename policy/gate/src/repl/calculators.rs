//! bc and dc, which show no prompt.

use super::{Language, Meaning, Place, code::shell};

/// bc and dc.
pub(super) struct Calculator;

impl Language for Calculator {
    fn is_spoken_by(&self, program: &str) -> bool {
        matches!(program, "bc" | "dc")
    }

    fn runs(&self) -> (&'static str, &'static str) {
        ("bc", "-e")
    }

    fn place(&self, prompt: &str) -> Option<Place> {
        prompt.is_empty().then_some(Place::First)
    }

    fn quits(&self, line: &str) -> bool {
        matches!(line, "quit" | "q" | "halt")
    }

    /// dc gives a shell what follows `!`, unless it compares.
    fn means(&self, statement: &str) -> Vec<Meaning> {
        let behind = statement.split_once('!').map(|(_, command)| command);
        behind.filter(|command| !command.starts_with(['=', '<', '>'])).map(shell).into_iter().collect()
    }
}

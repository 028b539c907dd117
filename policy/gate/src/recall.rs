//! [`Recall`]: which of the session's own lines the arrow keys have fetched, as a second opinion about what the screen
//! shows. Where both say the same, the line is known, and need not be sent anew.
//!
//! What a shell keeps in its history is its own affair (`HISTCONTROL`, files of earlier sessions): a guess that is wrong
//! is contradicted by the screen, and the line is read from there.

use std::collections::VecDeque;

use crate::key::Key;

/// The lines that went on to a shell, and how far back the line at hand was fetched.
#[derive(Debug, Default)]
pub(super) struct Recall {
    lines: VecDeque<String>,
    /// How many lines back; none where other keys were pressed too.
    back: Option<usize>,
    is_touched: bool,
}

impl Recall {
    /// A line went on to a shell.
    pub(super) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || line.len() > MAX_LINE || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    /// A key at a prompt.
    pub(super) fn press(&mut self, key: &Key) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all other keys change the line, or leave it")]
        let step: isize = match key {
            Key::Up | Key::Ctrl('p') => 1,
            Key::Down | Key::Ctrl('n') => -1,
            Key::Enter | Key::LineFeed | Key::Report => return,
            _ => {
                (self.is_touched, self.back) = (true, None);
                return;
            }
        };
        if !self.is_touched {
            self.back = self.back.unwrap_or_default().checked_add_signed(step);
            self.is_touched = self.back.is_none();
        }
    }

    /// The line that was fetched, if nothing else was done to it.
    pub(super) fn line(&self) -> Option<&str> {
        let at = self.lines.len().checked_sub(self.back?)?;
        self.lines.get(at).map(String::as_str)
    }

    /// The line at hand is gone.
    pub(super) fn line_ended(&mut self) {
        (self.is_touched, self.back) = (false, None);
    }
}

/// As many lines as are remembered.
const MAX_LINES: usize = 256;

/// The longest line that is remembered, in bytes.
const MAX_LINE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_alone_fetch_a_line() {
        let mut recall = Recall::default();
        for line in ["one", "two", "two", " ", "three"] {
            recall.remember(line);
        }
        let mut after = |keys: &[Key]| {
            recall.line_ended();
            keys.iter().for_each(|key| recall.press(key));
            recall.line().map(str::to_owned)
        };
        assert_eq!(after(&[Key::Up]).as_deref(), Some("three"));
        assert_eq!(after(&[Key::Up, Key::Up, Key::Up]).as_deref(), Some("one"));
        assert_eq!(after(&[Key::Up, Key::Up, Key::Down]).as_deref(), Some("three"));
        for none in [&[][..], &[Key::Down], &[Key::Up; 4], &[Key::Char('x'), Key::Up], &[Key::Up, Key::Char('x')]] {
            assert_eq!(after(none), None, "{none:?}");
        }
    }
}

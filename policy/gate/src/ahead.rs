//! [`Ahead`]: lines that were typed while a program ran. The program may have read them, or left them to the shell.
//!
//! A program that reads one line leaves the rest; so the shell may read all of them, all but the first, and so on. A
//! line that belongs together with lines before it (`rm \`, then `-rf x`) is judged with each number of them.

use shell::completeness::is_incomplete;

/// The lines that a shell may take together with the next one.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead(Vec<String>);

impl Ahead {
    /// What a shell may read when it reads `line`: the line alone, and with lines before it.
    pub(super) fn readings(&self, line: &str) -> Vec<String> {
        let from = |at: usize| self.0.get(at..).unwrap_or_default();
        let together = |at| from(at).iter().map(String::as_str).chain([line]).collect::<Vec<_>>().join("\n");
        (0..=self.0.len()).rev().map(together).collect()
    }

    /// Whether there is more than can be told apart with `line`.
    pub(super) fn is_too_much_with(&self, line: &str) -> bool {
        let bytes = line.len() + self.0.iter().map(String::len).sum::<usize>();
        !self.0.is_empty() && (self.0.len() >= MAX_LINES || bytes > MAX_BYTES)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A line went on. It is kept while a shell could go on with it.
    pub(super) fn went_on(&mut self, line: &str) {
        if self.readings(line).iter().any(|text| is_incomplete(text)) {
            self.0.push(line.to_owned());
        } else {
            self.clear();
        }
    }

    /// What was typed is gone, or a shell prompts anew.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The most lines that are kept: each is judged again with each line that comes.
const MAX_LINES: usize = 8;

/// The same in bytes.
const MAX_BYTES: usize = 1024;

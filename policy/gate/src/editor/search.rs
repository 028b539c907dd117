//! C-r: incremental search in the history.

use super::{LineEditor, buffer::Buffer};
use crate::key::Key;

/// A search that goes on.
#[derive(Debug)]
pub(super) struct Search {
    text: String,
    /// The line of the history that is shown.
    found: Option<usize>,
    has_failed: bool,
    /// What C-g goes back to.
    before: String,
}

impl Search {
    pub(super) fn start(buffer: &Buffer) -> Self {
        Self { text: String::new(), found: None, has_failed: false, before: buffer.text() }
    }

    pub(super) fn prompt(&self) -> String {
        format!("({}search)`{}': ", if self.has_failed { "failed " } else { "" }, self.text)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "keys are many, and most do nothing of note")]
impl LineEditor {
    /// Ends a search with what it has found.
    pub(super) fn leave_search(&mut self) {
        self.search = None;
    }

    /// A key while the user searches; false if it ends the search and has yet to do what it does.
    pub(super) fn search_key(&mut self, key: Key) -> bool {
        let Some(search) = &mut self.search else { return false };
        match key {
            Key::Char(char) if search.text.len() < MAX_BYTES => {
                search.text.push(char);
                let from = search.found.map(|found| found + 1);
                self.find_older(from);
            }
            Key::Char(_) => {}
            Key::Backspace | Key::Ctrl('h') => {
                search.text.pop();
                self.find_older(None);
            }
            Key::Ctrl('r') => {
                let found = search.found;
                self.find_older(found);
            }
            Key::Ctrl('s') => self.find_newer(),
            Key::Ctrl('g') => {
                let before = std::mem::take(&mut search.before);
                self.search = None;
                self.buffer.replace(&before);
            }
            Key::Escape => self.search = None,
            _ => {
                self.search = None;
                return false;
            }
        }
        true
    }

    fn find_older(&mut self, before: Option<usize>) {
        let Some(search) = &mut self.search else { return };
        let found = (!search.text.is_empty()).then(|| self.history.find_older(&search.text, before)).flatten();
        Self::show(search, &mut self.buffer, found);
    }

    fn find_newer(&mut self) {
        let Some(search) = &mut self.search else { return };
        let found = search.found.and_then(|found| self.history.find_newer(&search.text, found));
        Self::show(search, &mut self.buffer, found);
    }

    fn show(search: &mut Search, buffer: &mut Buffer, found: Option<(usize, &str)>) {
        search.has_failed = found.is_none() && !search.text.is_empty();
        let Some((index, line)) = found else { return };
        search.found = Some(index);
        buffer.replace(line);
        let before = line.find(&search.text).and_then(|start| line.get(..start)).unwrap_or_default();
        buffer.move_to(before.chars().count());
    }
}

/// Longer than anybody types to find a line.
const MAX_BYTES: usize = 256;

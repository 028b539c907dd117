//! [`Buffer`]: a text with a cursor, what was killed, and what undo goes back to.

use super::layout;

/// The text that is edited.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    text: Vec<char>,
    /// Always where a cluster begins, or at the end.
    cursor: usize,
    bytes: usize,
    pub(super) killed: Vec<char>,
    undo: Vec<(Vec<char>, usize)>,
    pub(super) last: LastEdit,
    revision: u64,
}

/// What the last key did, for what goes together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastEdit {
    Insert,
    Kill,
    #[default]
    Other,
}

impl Buffer {
    pub(super) fn of(text: &str) -> Self {
        let mut buffer = Self::default();
        buffer.insert(text);
        buffer.undo.clear();
        buffer
    }

    pub(super) fn text(&self) -> String {
        self.text.iter().collect()
    }

    pub(super) fn chars(&self) -> &[char] {
        &self.text
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Another number after each change of the text.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.cursor == self.text.len()
    }

    pub(super) fn move_to_end(&mut self) {
        self.cursor = self.text.len();
    }

    /// Moves to the next border of clusters from there on.
    pub(super) fn move_to(&mut self, to: usize) {
        self.cursor = to.min(self.text.len());
        while !layout::is_border(&self.text, self.cursor) {
            self.cursor += 1;
        }
    }

    /// Types a character. False, and nothing done, if the text would be too long.
    pub(super) fn insert_char(&mut self, char: char) -> bool {
        let fits = self.bytes + char.len_utf8() <= MAX_BYTES;
        if fits {
            self.splice(self.cursor, self.cursor, &[char]);
        }
        fits
    }

    /// Inserts a text in one step for undo. False, and nothing done, if it would be too long.
    pub(super) fn insert(&mut self, text: &str) -> bool {
        let fits = self.bytes + text.len() <= MAX_BYTES;
        if fits {
            let inserted: Vec<char> = text.chars().collect();
            self.last = LastEdit::Other;
            self.splice(self.cursor, self.cursor, &inserted);
        }
        fits
    }

    /// Replaces all of it, with the cursor at the end.
    pub(super) fn replace(&mut self, text: &str) {
        let text: Vec<char> = text.chars().collect();
        self.last = LastEdit::Other;
        self.splice(0, self.text.len(), &text);
    }

    /// Replaces a part, with the cursor behind what is new. Going on to type is the same step for undo.
    pub(super) fn splice(&mut self, start: usize, end: usize, new: &[char]) {
        if self.last != LastEdit::Insert {
            self.keep_for_undo();
        }
        let removed: Vec<char> = self.text.splice(start..end, new.iter().copied()).collect();
        self.bytes = self.bytes + length(new) - length(&removed);
        self.revision += 1;
        self.move_to(start + new.len());
    }

    /// Removes a part and keeps it for yanking, together with what was killed just before.
    pub(super) fn kill(&mut self, start: usize, end: usize) -> bool {
        if start >= end {
            return false;
        }
        let part = self.text.get(start..end).unwrap_or_default().to_vec();
        match (self.last, end == self.cursor) {
            (LastEdit::Kill, true) => drop(self.killed.splice(0..0, part)),
            (LastEdit::Kill, false) => self.killed.extend(part),
            _ => self.killed = part,
        }
        self.killed.truncate(MAX_BYTES);
        self.last = LastEdit::Kill;
        self.splice(start, end, &[]);
        true
    }

    pub(super) fn undo(&mut self) -> bool {
        let Some((text, cursor)) = self.undo.pop() else { return false };
        self.bytes = length(&text);
        self.text = text;
        self.revision += 1;
        self.move_to(cursor);
        true
    }

    fn keep_for_undo(&mut self) {
        self.undo.push((self.text.clone(), self.cursor));
        let mut kept = 0;
        let fits = self.undo.iter().rev().take(MAX_UNDO).take_while(|(text, _)| {
            kept += text.len();
            kept <= MAX_UNDO_CHARS
        });
        let excess = self.undo.len() - fits.count();
        self.undo.drain(..excess);
    }
}

fn length(text: &[char]) -> usize {
    text.iter().map(|char| char.len_utf8()).sum()
}

/// As much as the parser of commands takes.
pub(super) const MAX_BYTES: usize = 64 * 1024;

const MAX_UNDO: usize = 100;

/// Half a mebibyte of memory in each session.
const MAX_UNDO_CHARS: usize = 128 * 1024;

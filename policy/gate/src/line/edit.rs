//! The edits of [`LineTracker`] that bash, zsh and fish make alike; where they would not, the text is forgotten.

use unicode_width::UnicodeWidthChar as _;

use super::{LineTracker, MAX_BYTES};

impl LineTracker {
    pub(super) fn insert_char(&mut self, char: char) {
        self.insert(char.encode_utf8(&mut [0; 4]));
    }

    pub(super) fn insert(&mut self, text: &str) {
        if self.is_unknown {
            return;
        }
        if self.text.len() + text.len() > MAX_BYTES {
            return self.forget();
        }
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    pub(super) fn delete_left(&mut self) {
        if let Some(left) = self.left() {
            self.text.remove(left);
            self.cursor = left;
        }
    }

    pub(super) fn delete_right(&mut self) {
        if self.right().is_some() {
            self.text.remove(self.cursor);
        }
    }

    pub(super) fn move_left(&mut self) {
        if let Some(left) = self.left() {
            self.cursor = left;
        }
    }

    pub(super) fn move_right(&mut self) {
        if self.is_at_end() {
            // fish takes over what it suggests.
            return self.forget();
        }
        if let Some(right) = self.right() {
            self.cursor = right;
        }
    }

    pub(super) fn move_to_end(&mut self) {
        if self.is_at_end() || self.has_lines() {
            return self.forget();
        }
        self.cursor = self.text.len();
    }

    pub(super) fn move_to_start(&mut self) {
        if self.has_lines() {
            return self.forget();
        }
        self.cursor = 0;
    }

    pub(super) fn kill_to_end(&mut self) {
        if self.has_lines() {
            return self.forget();
        }
        self.text.truncate(self.cursor);
    }

    /// What is left of the cursor for bash and fish, everything for zsh, a line of several for some.
    pub(super) fn kill_line(&mut self) {
        if !self.is_at_end() || self.has_lines() {
            return self.forget();
        }
        self.text.clear();
        self.cursor = 0;
    }

    /// C-w ends at a blank for bash, and at different signs for zsh and fish.
    pub(super) fn rub_out_word(&mut self) {
        match self.word_left(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
            Some(start) => self.remove_left(start),
            None => self.forget(),
        }
    }

    pub(super) fn kill_word_left(&mut self) {
        // fish kills a whole argument, quotes and all.
        let has_quotes = self.before().contains(['\'', '"', '\\']);
        match self.word_left(|byte| byte.is_ascii_alphanumeric()) {
            Some(start) if !has_quotes => self.remove_left(start),
            _ => self.forget(),
        }
    }

    pub(super) fn move_word_left(&mut self) {
        match self.word_left(|byte| byte.is_ascii_alphanumeric()) {
            Some(start) => self.cursor = start,
            None => self.forget(),
        }
    }

    pub(super) fn move_word_right(&mut self) {
        if self.is_in_last_word() {
            self.cursor = self.text.len();
        } else {
            self.forget();
        }
    }

    pub(super) fn kill_word_right(&mut self) {
        if self.is_in_last_word() {
            self.text.truncate(self.cursor);
        } else {
            self.forget();
        }
    }

    fn remove_left(&mut self, start: usize) {
        self.text.drain(start..self.cursor);
        self.cursor = start;
    }

    /// The start of the word at or before the cursor, if it is one by every shell's reading: of those bytes, and
    /// after a blank or the start of the line.
    fn word_left(&self, is_word: impl Fn(u8) -> bool) -> Option<usize> {
        let before = self.before().trim_end_matches(' ').as_bytes();
        let length = before.iter().rev().take_while(|byte| is_word(**byte)).count();
        let start = before.len() - length;
        let begins = start.checked_sub(1).is_none_or(|before_it| before.get(before_it) == Some(&b' '));
        (length > 0 && begins && !self.is_unknown).then_some(start)
    }

    /// Whether only letters and digits follow the cursor, so that the end of the word is the end of the line.
    fn is_in_last_word(&self) -> bool {
        let after = self.text.get(self.cursor..).unwrap_or_default();
        !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    /// Where the character before the cursor starts. None at the start; and nothing is known any more if
    /// it combines with another, for some shells move by characters and others by what the user sees.
    fn left(&mut self) -> Option<usize> {
        let char = self.before().chars().next_back()?;
        if char.width() == Some(0) {
            self.forget();
            return None;
        }
        self.cursor.checked_sub(char.len_utf8())
    }

    /// Where the character under the cursor ends; see [`Self::left`].
    fn right(&mut self) -> Option<usize> {
        let mut after = self.text.get(self.cursor..)?.chars();
        let char = after.next()?;
        if after.next().is_some_and(|next| next.width() == Some(0)) {
            self.forget();
            return None;
        }
        Some(self.cursor + char.len_utf8())
    }

    fn before(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn is_at_end(&self) -> bool {
        self.cursor == self.text.len()
    }

    /// Several lines in one buffer: some keys mean one of them, which one differs.
    fn has_lines(&self) -> bool {
        self.text.contains('\n')
    }
}

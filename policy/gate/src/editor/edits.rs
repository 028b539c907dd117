//! What keys do to a [`Buffer`].

use super::{
    buffer::{Buffer, LastEdit},
    layout,
};
use crate::key::Key;

#[expect(clippy::wildcard_enum_match_arm, reason = "keys are many, and most do nothing of note")]
impl Buffer {
    /// Does what the key does to the text or the cursor. False if it does nothing.
    pub(super) fn press(&mut self, key: Key) -> bool {
        let before = self.last;
        let took = self.act(key);
        self.last = match (key, self.last) {
            (Key::Char(_), _) => LastEdit::Insert,
            // Only a kill right after a kill goes with it.
            (_, LastEdit::Kill) if is_kill(key) && took => LastEdit::Kill,
            _ => LastEdit::Other,
        };
        // What does nothing does not part what is typed around it.
        if !took {
            self.last = before;
        }
        took
    }

    fn act(&mut self, key: Key) -> bool {
        let (cursor, end) = (self.cursor(), self.chars().len());
        if !matches!(key, Key::Char(_)) && !is_kill(key) {
            self.last = LastEdit::Other;
        }
        match key {
            Key::Char(char) => {
                let goes_on = self.last == LastEdit::Insert && char != ' ';
                self.last = if goes_on { LastEdit::Insert } else { LastEdit::Other };
                self.insert_char(char)
            }
            Key::Left | Key::Ctrl('b') => self.go(self.left()),
            Key::Right | Key::Ctrl('f') => self.go(self.right()),
            Key::WordLeft | Key::Alt('b') => self.go(self.word_left()),
            Key::WordRight | Key::Alt('f') => self.go(self.word_right()),
            Key::Home | Key::Ctrl('a') => self.go_quietly(0),
            Key::End | Key::Ctrl('e') => self.go_quietly(end),
            Key::Backspace | Key::Ctrl('h') => self.remove(self.left(), cursor),
            Key::Delete | Key::Ctrl('d') => self.remove(cursor, self.right()),
            Key::Ctrl('k') => self.kill(cursor, end),
            Key::Ctrl('u') => self.kill(0, cursor),
            Key::Ctrl('w') => self.kill(self.blank_word_left(), cursor),
            Key::AltBackspace | Key::AltCtrl('h') => self.kill(self.word_left(), cursor),
            Key::Alt('d') => self.kill(cursor, self.word_right()),
            Key::Ctrl('y') => {
                let killed: String = self.killed.iter().collect();
                !killed.is_empty() && self.insert(&killed)
            }
            Key::Ctrl('t') => self.transpose(),
            Key::Ctrl('_') => self.undo(),
            Key::Alt('u') => self.change_word(|_, char| char.to_uppercase().collect()),
            Key::Alt('l') => self.change_word(|_, char| char.to_lowercase().collect()),
            Key::Alt('c') => self.change_word(|is_first, char| match is_first {
                true => char.to_uppercase().collect(),
                false => char.to_lowercase().collect(),
            }),
            _ => false,
        }
    }

    fn go(&mut self, to: usize) -> bool {
        let moves = to != self.cursor();
        self.move_to(to);
        moves
    }

    fn go_quietly(&mut self, to: usize) -> bool {
        self.move_to(to);
        true
    }

    fn remove(&mut self, start: usize, end: usize) -> bool {
        let removes = start < end;
        if removes {
            self.splice(start, end, &[]);
        }
        removes
    }

    /// Swaps the clusters around the cursor, or at the end the two before it.
    fn transpose(&mut self) -> bool {
        let middle = if self.is_at_end() { self.left() } else { self.cursor() };
        let start = self.left_of(middle);
        let end = layout::next_cluster(self.chars(), middle);
        if start == middle || middle == end {
            return false;
        }
        let swapped = [self.slice(middle, end), self.slice(start, middle)].concat();
        self.splice(start, end, &swapped);
        true
    }

    fn change_word(&mut self, change: impl Fn(bool, char) -> Vec<char>) -> bool {
        let (start, end) = (self.cursor(), self.word_right());
        if start == end {
            return false;
        }
        let mut is_first = true;
        let mut changed = Vec::new();
        for char in self.slice(start, end) {
            changed.extend(change(is_first, *char));
            is_first &= !char.is_alphanumeric();
        }
        // Some letters become two; beyond the limit it is better not to.
        let grows = changed.len() > end - start;
        if grows && self.text().len() + changed.len() * 4 > super::buffer::MAX_BYTES {
            return false;
        }
        self.splice(start, end, &changed);
        true
    }

    fn slice(&self, start: usize, end: usize) -> &[char] {
        self.chars().get(start..end).unwrap_or_default()
    }

    fn left(&self) -> usize {
        self.left_of(self.cursor())
    }

    fn left_of(&self, at: usize) -> usize {
        let mut at = at.saturating_sub(1);
        while !layout::is_border(self.chars(), at) {
            at -= 1;
        }
        at
    }

    fn right(&self) -> usize {
        layout::next_cluster(self.chars(), self.cursor())
    }

    fn word_left(&self) -> usize {
        self.back_over(char::is_alphanumeric)
    }

    fn blank_word_left(&self) -> usize {
        self.back_over(|char| !char.is_whitespace())
    }

    fn word_right(&self) -> usize {
        let after = self.slice(self.cursor(), self.chars().len());
        let gap = after.iter().take_while(|char| !char.is_alphanumeric()).count();
        let word = after.iter().skip(gap).take_while(|char| char.is_alphanumeric()).count();
        let mut end = self.cursor() + gap + word;
        while !layout::is_border(self.chars(), end) {
            end += 1;
        }
        end
    }

    fn back_over(&self, is_word: impl Fn(char) -> bool) -> usize {
        let before = self.slice(0, self.cursor());
        let gap = before.iter().rev().take_while(|char| !is_word(**char)).count();
        let word = before.iter().rev().skip(gap).take_while(|char| is_word(**char)).count();
        let mut start = self.cursor() - gap - word;
        while !layout::is_border(self.chars(), start) {
            start += 1;
        }
        start
    }
}

fn is_kill(key: Key) -> bool {
    matches!(key, Key::Ctrl('k' | 'u' | 'w') | Key::Alt('d') | Key::AltBackspace | Key::AltCtrl('h'))
}

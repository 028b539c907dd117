//! [`LineTracker`]: what stands in the input line of a shell, told from the keys alone.
//!
//! It follows readline's emacs mode where bash, zsh and fish do the same with a key, and knows
//! when it cannot know: after completion, history, undo and their like the text is *unknown* until the line is
//! gone. It sees no screen: aliases for keys, abbreviations and a terminal that edits by itself (dash) escape
//! it, so what it says counts only where the screen agrees.
//!
//! It also names what a gate does with each key ([`Pressed`]). At a prompt only keys that are known to edit
//! pass: others (`M-#`, `C-x C-e`, zsh's `M-a`, fish's `M-o` …) run something without Enter.
//! Vi mode is known only by a lone Escape. After one, the text is unknown and `#` and `v`, with which vi mode
//! accepts a line, do not pass until it is gone.

mod allowed;
mod edit;

use crate::key::Key;

/// Follows one input line.
#[derive(Debug, Clone, Default)]
pub struct LineTracker {
    text: String,
    /// In bytes, on a character border.
    cursor: usize,
    is_unknown: bool,
    next: Next,
    /// A lone Escape came: in vi mode, letters are commands from here on.
    may_be_vi: bool,
    /// A key came that is neither a character nor takes one back.
    is_edited: bool,
}

/// What a gate at a prompt does with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pressed {
    /// Forward: it edits the line.
    Edit,
    /// C-d on an empty line: the shell ends.
    EndOfInput,
    /// C-c: the line is gone.
    Interrupt,
    /// A bracketed paste ends.
    PasteEnd,
    /// A bracketed paste begins: its text goes to [`LineTracker::paste`].
    PasteStart,
    /// Do not forward: ring the bell.
    Refuse,
    /// An answer of the terminal: forward, for the program that asked takes it. Where none asked it would
    /// become text: the caller then calls [`LineTracker::forget`].
    Report,
    /// The line may be accepted: judge it first. Once it was, the caller calls [`LineTracker::clear`].
    Submit,
    /// C-d on a line that is not empty, or may not be: deletes a character, or (where the terminal itself
    /// edits) hands over the line.
    SubmitUnlessEditing,
    /// C-z.
    Suspend,
}

/// How the shell reads the next key.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Next {
    #[default]
    Any,
    /// C-x did not pass, nor will what it would have been a chord with.
    Chord,
    /// ESC passed alone: readline waits, and the next key is a Meta key.
    Meta,
    /// C-v passed: the next key is text, except for fish.
    Quoted,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "keys are many, and most do nothing of note")]
impl LineTracker {
    /// A line that is empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows a key, and says what a gate does with it.
    pub fn press(&mut self, key: &Key) -> Pressed {
        self.is_edited |= !matches!(key, Key::Char(_) | Key::Backspace | Key::Enter | Key::LineFeed);
        match std::mem::take(&mut self.next) {
            Next::Any => self.plain(*key),
            next if *key == Key::Report => {
                self.next = next;
                Pressed::Report
            }
            Next::Chord => match key {
                Key::Ctrl('c') => self.plain(*key),
                _ => Pressed::Refuse,
            },
            Next::Meta => self.meta(*key),
            Next::Quoted => self.quoted(*key),
        }
    }

    /// A bracketed paste: inserted as it is, with CR as a line break.
    pub fn paste(&mut self, text: &str) {
        self.is_edited = true;
        let is_plain = |char: char| !char.is_control() || matches!(char, '\n' | '\r' | '\t');
        if self.text.len() + text.len() > MAX_BYTES || !text.chars().all(is_plain) {
            return self.forget();
        }
        self.insert(&text.replace("\r\n", "\n").replace('\r', "\n"));
    }

    /// The text of the line; none if it is unknown.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        (!self.is_unknown).then_some(&self.text)
    }

    /// Where the cursor is, in characters from the start of the line; none if that is unknown.
    #[must_use]
    pub fn cursor(&self) -> Option<usize> {
        Some(self.text().map(|text| text.get(..self.cursor))??.chars().count())
    }

    /// Whether all of it was typed, character by character: keys that every editor takes alike.
    #[must_use]
    pub fn is_only_typed(&self) -> bool {
        !self.is_edited && !self.is_unknown
    }

    /// Whether what is sent to the line is certainly text, and no commands of vi mode.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        !self.may_be_vi
    }

    /// Whether there is certainly nothing in the line.
    #[must_use]
    pub fn is_certainly_empty(&self) -> bool {
        self.text() == Some("") && self.next == Next::Any
    }

    /// Whether the next key is not what it is alone: one came that others follow.
    #[must_use]
    pub fn awaits_a_key(&self) -> bool {
        self.next != Next::Any
    }

    /// The line is gone, and a new one begins.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The text is unknown from here on, until the line is gone.
    pub fn forget(&mut self) {
        self.text.clear();
        self.cursor = 0;
        self.is_unknown = true;
    }

    fn plain(&mut self, key: Key) -> Pressed {
        match key {
            Key::Char('#' | 'v') if self.may_be_vi => return Pressed::Refuse,
            Key::Char(char) => self.insert_char(char),
            Key::Ctrl(letter) => return self.control(letter),
            Key::Enter | Key::LineFeed => return Pressed::Submit,
            Key::Backspace => self.delete_left(),
            Key::Left => self.move_left(),
            Key::Right => self.move_right(),
            Key::Home => self.move_to_start(),
            Key::End => self.move_to_end(),
            Key::Delete => self.delete_right(),
            Key::Alt(char) => return self.alt(char),
            Key::AltBackspace | Key::AltCtrl('h') => self.kill_word_left(),
            Key::Escape => {
                self.forget();
                (self.next, self.may_be_vi) = (Next::Meta, true);
            }
            // Completion, history, and keys whose meaning differs.
            Key::AltCtrl('y')
            | Key::BackTab
            | Key::Down
            | Key::Insert
            | Key::PageDown
            | Key::PageUp
            | Key::Tab
            | Key::Up
            | Key::WordLeft
            | Key::WordRight => self.forget(),
            // In vi mode it may be the argument of a command, and the text then be typed: as such it is judged.
            Key::PasteStart if self.may_be_vi => return Pressed::Refuse,
            Key::PasteStart => return Pressed::PasteStart,
            Key::PasteCut | Key::PasteEnd => return Pressed::PasteEnd,
            Key::Report => return Pressed::Report,
            Key::AltCtrl(_) | Key::Function(_) | Key::Invalid | Key::Unknown => return Pressed::Refuse,
        }
        Pressed::Edit
    }

    fn control(&mut self, letter: char) -> Pressed {
        match letter {
            'a' => self.move_to_start(),
            'b' => self.move_left(),
            'c' => {
                self.clear();
                return Pressed::Interrupt;
            }
            'd' if self.is_certainly_empty() => return Pressed::EndOfInput,
            'd' => {
                self.delete_right();
                return Pressed::SubmitUnlessEditing;
            }
            'e' => self.move_to_end(),
            'f' => self.move_right(),
            'h' => self.delete_left(),
            'k' => self.kill_to_end(),
            'l' => {}
            'o' => return Pressed::Submit,
            // Text follows in bash; zsh puts the line aside.
            'q' => {
                self.forget();
                self.next = Next::Quoted;
            }
            'u' => self.kill_line(),
            'v' => self.next = Next::Quoted,
            'w' => self.rub_out_word(),
            'x' => {
                self.next = Next::Chord;
                return Pressed::Refuse;
            }
            'z' => {
                self.forget();
                return Pressed::Suspend;
            }
            'g' | 'n' | 'p' | 'r' | 's' | 't' | 'y' | '_' => self.forget(),
            _ => return Pressed::Refuse,
        }
        Pressed::Edit
    }

    fn alt(&mut self, char: char) -> Pressed {
        if !allowed::meta(char) {
            return Pressed::Refuse;
        }
        match char {
            'b' => self.move_word_left(),
            'f' => self.move_word_right(),
            'd' => self.kill_word_right(),
            _ => self.forget(),
        }
        Pressed::Edit
    }

    /// A key after a lone Escape: a Meta key for readline, a command in vi mode. The text is unknown.
    fn meta(&mut self, key: Key) -> Pressed {
        let pressed = match key {
            Key::Char(char) => self.alt(char),
            Key::Ctrl('c') => return self.plain(key),
            Key::Ctrl('h' | 'y') => Pressed::Edit,
            Key::Ctrl(_) => Pressed::Refuse,
            // Both wait for more.
            Key::Escape => Pressed::Refuse,
            _ => self.plain(key),
        };
        if pressed == Pressed::Refuse {
            self.next = Next::Meta;
        }
        pressed
    }

    /// A key after C-v. Where C-v is something else the key is what it always is, so that both must hold.
    fn quoted(&mut self, key: Key) -> Pressed {
        if let Key::Char(_) = key {
            return self.plain(key);
        }
        let pressed = match key {
            // The shell would take the mark as text, and what is pasted as typed.
            Key::PasteStart | Key::PasteCut | Key::PasteEnd => Pressed::Refuse,
            _ => self.plain(key),
        };
        if pressed == Pressed::Refuse {
            self.next = Next::Quoted;
            return Pressed::Refuse;
        }
        self.forget();
        match pressed {
            Pressed::Interrupt | Pressed::Suspend => Pressed::Edit,
            Pressed::EndOfInput => Pressed::SubmitUnlessEditing,
            pressed => pressed,
        }
    }
}

/// As much as the parser of commands takes.
const MAX_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;

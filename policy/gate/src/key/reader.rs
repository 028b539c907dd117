//! [`KeyReader`]: takes bytes as they come, and gives presses as they are complete.

use std::str;

use super::{BEL, ESC, Key, KeyBytes, KeyPress, PASTE_END, control, plain, sequence};

/// Reads key presses from bytes.
#[derive(Debug, Default)]
pub struct KeyReader {
    state: KeyReaderState,
    /// What was read of the press that is not complete.
    pending: Vec<u8>,
    in_paste: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum KeyReaderState {
    #[default]
    Ground,
    /// Part of a UTF-8 character, maybe after ESC.
    Utf8,
    /// ESC.
    Escape,
    /// ESC ESC, or ESC ESC and the first byte of a sequence.
    EscapeEscape,
    /// ESC and one of `]P_`: a string if the next byte is one that answers begin with, or else Alt.
    MaybeString,
    /// ESC `[` and on.
    Csi,
    /// ESC `[` `[`: function keys of the Linux console.
    Linux,
    /// ESC `[` M: a mouse event of three bytes.
    Mouse,
    /// ESC O.
    Ss3,
    /// OSC, DCS or APC.
    Text,
    /// ESC in such a string.
    TextEscape,
    /// Inside a paste: what may become its end.
    PasteEnd,
}

// === impl KeyReader ===

impl KeyReader {
    /// Reads `bytes` and appends the presses that they complete.
    pub fn feed(&mut self, bytes: &[u8], presses: &mut Vec<KeyPress>) {
        for byte in bytes {
            while !self.step(*byte, presses) {}
        }
    }

    /// Whether bytes are kept that a pause would complete: after a time that the caller chooses it calls
    /// [`Self::flush`]. Inside a paste there are none, for nobody types there.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.pending.is_empty() && !self.in_paste
    }

    /// Whether a paste has begun that has not ended: after a time that the caller chooses it calls [`Self::cut_paste`].
    #[must_use]
    pub fn is_in_paste(&self) -> bool {
        self.in_paste
    }

    /// Ends a paste whose end does not come. What follows is typed.
    pub fn cut_paste(&mut self, presses: &mut Vec<KeyPress>) {
        if std::mem::take(&mut self.in_paste) {
            self.flush(presses);
            self.emit(Key::PasteCut, presses);
        }
    }

    /// Gives out what is kept, as nothing will follow it: a lone ESC, Alt and a bracket, or part of a sequence.
    pub fn flush(&mut self, presses: &mut Vec<KeyPress>) {
        let key = match (self.state, self.pending.as_slice()) {
            (_, []) => return,
            (KeyReaderState::PasteEnd, _) => return self.release_paste(presses),
            (_, [ESC]) => Key::Escape,
            (_, [ESC, ESC]) => {
                self.pending.truncate(1);
                self.emit(Key::Escape, presses);
                self.pending.push(ESC);
                Key::Escape
            }
            (KeyReaderState::Utf8, _) => Key::Invalid,
            (_, [ESC, introducer]) => Key::Alt(char::from(*introducer)),
            _ => Key::Unknown,
        };
        self.emit(key, presses);
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.pending.len()
    }

    /// Reads one byte; false if it completed what was before it and has to be read again.
    fn step(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        match self.state {
            KeyReaderState::Ground => self.ground(byte, presses),
            KeyReaderState::Utf8 => return self.utf8(byte, presses),
            KeyReaderState::Escape => self.after_escape(byte, presses),
            KeyReaderState::EscapeEscape => return self.after_two_escapes(byte, presses),
            KeyReaderState::MaybeString => return self.maybe_string(byte, presses),
            KeyReaderState::Csi => return self.csi(byte, presses),
            KeyReaderState::Linux => return self.last_byte(byte, presses),
            KeyReaderState::Mouse => return self.mouse(byte, presses),
            KeyReaderState::Ss3 => return self.last_byte(byte, presses),
            KeyReaderState::Text => return self.text(byte, presses),
            KeyReaderState::TextEscape => return self.text_escape(byte, presses),
            KeyReaderState::PasteEnd => return self.paste_end(byte, presses),
        }
        true
    }

    fn ground(&mut self, byte: u8, presses: &mut Vec<KeyPress>) {
        self.pending.push(byte);
        match byte {
            ESC => self.state = if self.in_paste { KeyReaderState::PasteEnd } else { KeyReaderState::Escape },
            0x80.. => {
                self.state = KeyReaderState::Utf8;
                self.complete_utf8(presses);
            }
            _ => self.emit(plain(byte), presses),
        }
    }

    /// A byte that cannot go on with a character ends it, and is read again.
    fn utf8(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        self.pending.push(byte);
        if self.complete_utf8(presses) {
            return true;
        }
        self.pending.pop();
        self.emit(Key::Invalid, presses);
        false
    }

    /// False if the last byte does not belong to the character. A first byte always does.
    fn complete_utf8(&mut self, presses: &mut Vec<KeyPress>) -> bool {
        let is_alt = self.pending.first() == Some(&ESC);
        let character = self.pending.get(usize::from(is_alt)..).unwrap_or_default();
        match str::from_utf8(character) {
            Ok(text) => {
                let key = match text.chars().next() {
                    Some('\u{80}'..='\u{9f}') | None => Key::Invalid,
                    Some(char) if is_alt => Key::Alt(char),
                    Some(char) => Key::Char(char),
                };
                self.emit(key, presses);
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) if character.len() == 1 => self.emit(Key::Invalid, presses),
            Err(_) => return false,
        }
        true
    }

    fn after_escape(&mut self, byte: u8, presses: &mut Vec<KeyPress>) {
        self.pending.push(byte);
        match byte {
            ESC => self.state = KeyReaderState::EscapeEscape,
            b'[' => self.state = KeyReaderState::Csi,
            b'O' => self.state = KeyReaderState::Ss3,
            b']' | b'P' | b'_' => self.state = KeyReaderState::MaybeString,
            0x7f => self.emit(Key::AltBackspace, presses),
            0x20..0x7f => self.emit(Key::Alt(char::from(byte)), presses),
            0 => self.emit(Key::Invalid, presses),
            0x01..0x20 => self.emit(Key::AltCtrl(control(byte)), presses),
            0x80.. => {
                self.state = KeyReaderState::Utf8;
                self.complete_utf8(presses);
            }
        }
    }

    /// ESC ESC `[` A is Alt and a key for rxvt, but completion and two letters for readline: it stays one
    /// press that is unknown. Before anything else the first ESC is a key of its own.
    fn after_two_escapes(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        if matches!(byte, b'[' | b'O') {
            self.pending.push(byte);
            self.state = if byte == b'[' { KeyReaderState::Csi } else { KeyReaderState::Ss3 };
            return true;
        }
        self.pending.truncate(1);
        self.emit(Key::Escape, presses);
        self.pending.push(ESC);
        self.state = KeyReaderState::Escape;
        false
    }

    fn maybe_string(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        let begins = match self.pending.as_slice() {
            [_, b']'] => byte.is_ascii_digit(),
            [_, b'P'] => matches!(byte, b'0'..=b'9' | b'<'..=b'?' | b'!' | b'|'),
            _ => byte == b'G',
        };
        if begins {
            self.pending.push(byte);
            self.state = KeyReaderState::Text;
        } else {
            self.alt_of_introducer(presses);
        }
        begins
    }

    fn csi(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        // Past one or two ESC and the bracket.
        let parameters = self.pending.iter().position(|byte| *byte == b'[').map_or(0, |bracket| bracket + 1);
        let parameters = self.pending.get(parameters..).unwrap_or_default();
        match byte {
            b'[' if parameters.is_empty() => self.state = KeyReaderState::Linux,
            b'M' if parameters.is_empty() => self.state = KeyReaderState::Mouse,
            0x40..0x7f => {
                self.pending.push(byte);
                self.complete_sequence(presses);
                return true;
            }
            // rxvt ends some keys with Shift with this intermediate byte.
            b'$' if !parameters.is_empty() && parameters.iter().all(u8::is_ascii_digit) => {
                self.pending.push(byte);
                self.emit(Key::Unknown, presses);
                return true;
            }
            0x20..0x40 => {}
            _ => {
                self.cut_short(presses);
                return false;
            }
        }
        self.pending.push(byte);
        self.limit(MAX_SEQUENCE, presses);
        true
    }

    fn mouse(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        if byte < 0x20 {
            self.cut_short(presses);
            return false;
        }
        self.pending.push(byte);
        if self.pending.iter().rev().position(|byte| *byte == b'[').is_some_and(|after| after >= 4) {
            self.emit(Key::Unknown, presses);
        }
        true
    }

    /// Sequences that end with any printable byte.
    fn last_byte(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        if (0x20..0x7f).contains(&byte) {
            self.pending.push(byte);
            self.complete_sequence(presses);
            return true;
        }
        self.cut_short(presses);
        false
    }

    /// No answer has a control character in it: one ends it, and is a key.
    fn text(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        if byte < 0x20 && !matches!(byte, ESC | BEL) {
            self.cut_short(presses);
            return false;
        }
        self.pending.push(byte);
        match byte {
            BEL => self.complete_sequence(presses),
            ESC => self.state = KeyReaderState::TextEscape,
            _ => self.limit(MAX_STRING, presses),
        }
        true
    }

    fn text_escape(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        if byte == b'\\' {
            self.pending.push(byte);
            self.complete_sequence(presses);
            return true;
        }
        self.pending.pop();
        self.cut_short(presses);
        self.pending.push(ESC);
        self.state = KeyReaderState::Escape;
        false
    }

    fn paste_end(&mut self, byte: u8, presses: &mut Vec<KeyPress>) -> bool {
        if PASTE_END.get(self.pending.len()) != Some(&byte) {
            self.release_paste(presses);
            return false;
        }
        self.pending.push(byte);
        if self.pending == PASTE_END {
            self.in_paste = false;
            self.emit(Key::PasteEnd, presses);
        }
        true
    }

    /// What looked like the end of a paste is part of it.
    fn release_paste(&mut self, presses: &mut Vec<KeyPress>) {
        for byte in std::mem::take(&mut self.pending) {
            self.pending.push(byte);
            self.emit(plain(byte), presses);
        }
    }

    fn complete_sequence(&mut self, presses: &mut Vec<KeyPress>) {
        let key = sequence::key(&self.pending);
        self.in_paste = key == Key::PasteStart;
        self.emit(key, presses);
    }

    /// A sequence that something interrupts.
    fn cut_short(&mut self, presses: &mut Vec<KeyPress>) {
        if self.pending.len() == 2 {
            return self.alt_of_introducer(presses);
        }
        self.emit(Key::Unknown, presses);
    }

    fn alt_of_introducer(&mut self, presses: &mut Vec<KeyPress>) {
        let key = self.pending.last().map_or(Key::Unknown, |byte| Key::Alt(char::from(*byte)));
        self.emit(key, presses);
    }

    fn limit(&mut self, most: usize, presses: &mut Vec<KeyPress>) {
        if self.pending.len() >= most {
            self.emit(Key::Unknown, presses);
        }
    }

    fn emit(&mut self, key: Key, presses: &mut Vec<KeyPress>) {
        presses.push(KeyPress { key, bytes: KeyBytes::new(&self.pending) });
        self.pending.clear();
        self.state = KeyReaderState::Ground;
    }
}

/// Longer than any key, and than an answer with a handful of numbers.
const MAX_SEQUENCE: usize = 64;

/// Longer than the usual answers with text (colours, capabilities).
pub(super) const MAX_STRING: usize = 1024;

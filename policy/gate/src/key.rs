//! [`KeyReader`]: the bytes of a terminal become key presses.
//!
//! How the bytes arrive does not matter: any split of them gives the same presses, and the bytes of the presses
//! one after another are the bytes that came. Memory is bounded: a sequence that is too long becomes
//! [`Key::Unknown`], and what follows it is read as typed, which is what a shell does with it as well.
//!
//! Known are the forms of ECMA-48 (CSI, SS3), and of xterm, rxvt, the Linux console and kitty. What a key *does*
//! is not said here: a shell to which a sequence means nothing may take its end as text.

mod bytes;
mod reader;
mod sequence;

pub use bytes::KeyBytes;
pub use reader::KeyReader;

/// One press of a key, or one answer of the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPress {
    /// What it was.
    pub key: Key,
    /// Exactly the bytes it came as.
    pub bytes: KeyBytes,
}

/// A key of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A printable character, or one that combines with the one before.
    Char(char),
    /// Control and a character: `a` to `z` or one of `@[\]^_`, without those that have a variant of their own.
    Ctrl(char),
    /// CR.
    Enter,
    /// LF.
    LineFeed,
    /// HT.
    Tab,
    /// DEL (0x7f); 0x08 is `Ctrl('h')`.
    Backspace,
    /// ESC, followed by nothing that makes it more.
    Escape,
    /// ESC and a character.
    Alt(char),
    /// ESC and a control character.
    AltCtrl(char),
    /// ESC and DEL.
    AltBackspace,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Insert.
    Insert,
    /// Delete to the right.
    Delete,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Cursor left with Control or Alt.
    WordLeft,
    /// Cursor right with Control or Alt.
    WordRight,
    /// Shift and Tab.
    BackTab,
    /// F1 and on.
    Function(u8),
    /// A bracketed paste begins. Until it ends, presses are characters and control characters only.
    PasteStart,
    /// A bracketed paste did not come to its end in time. This press has no bytes.
    PasteCut,
    /// A bracketed paste ends.
    PasteEnd,
    /// What the terminal sends by itself: answers to questions, focus, mouse.
    Report,
    /// Any other escape sequence, also one cut short or too long.
    Unknown,
    /// Invalid UTF-8, a C1 control character, or NUL.
    Invalid,
}

/// The key of a byte that stands alone.
fn plain(byte: u8) -> Key {
    match byte {
        0 | 0x80.. => Key::Invalid,
        b'\t' => Key::Tab,
        b'\n' => Key::LineFeed,
        b'\r' => Key::Enter,
        ESC => Key::Escape,
        0x01..0x20 => Key::Ctrl(control(byte)),
        0x20..0x7f => Key::Char(char::from(byte)),
        0x7f => Key::Backspace,
    }
}

/// The character on the key that, with Control, gives that control character.
fn control(byte: u8) -> char {
    char::from(byte | 0x40).to_ascii_lowercase()
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// Begins a bracketed paste.
pub(crate) const PASTE_START: &[u8] = b"\x1b[200~";

/// Ends a bracketed paste.
pub(crate) const PASTE_END: &[u8] = b"\x1b[201~";

#[cfg(test)]
mod tests;

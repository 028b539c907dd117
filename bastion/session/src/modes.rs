//! [`SeenModes`]: what output has switched at the user's terminal, and how that is put back.
//!
//! A program that ends by itself does so. When the bastion ends the session, nobody else does, and the user's own
//! shell would be left in the alternate screen, with a mouse that types. Only what was seen is undone.
//!
//! ECMA-48; DEC private modes as in xterm's "Control Sequences" (DECSET); the keyboard protocol of kitty.

use std::collections::BTreeMap;

/// The longest control sequence that is read: all that are known here are far shorter.
const MAX_SEQUENCE: usize = 64;

/// The most modes that are remembered; there are about twenty.
const MAX_MODES: usize = 64;

/// The most entries that a terminal's stack of keyboard modes is taken to have.
const MAX_PUSHED: u16 = 64;

/// DEC private modes that are off in a terminal that nobody uses, and that would disturb a shell.
const OFF: [u16; 20] =
    [1, 5, 6, 9, 47, 66, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1047, 1049, 2004, 2026, 2048];

/// Those that are on: the cursor, and the wrap at the right edge.
const ON: [u16; 2] = [7, 25];

/// The ways to ask for the alternate screen.
const ALTERNATE: [u16; 3] = [47, 1047, 1049];

/// What output has switched.
#[derive(Debug, Default)]
pub(super) struct SeenModes {
    state: ModeState,
    sequence: Vec<u8>,
    /// DEC private modes that are not as a terminal has them at rest.
    private: BTreeMap<u16, bool>,
    /// Entries on the stack of keyboard modes, of the main screen and of the alternate one.
    pushed: [u16; 2],
    /// Keyboard modes that were set without the stack.
    keyboard: bool,
    modify_other_keys: bool,
    keypad: bool,
    insert: bool,
    colours: bool,
    margins: bool,
    graphics: bool,
    cursor_shape: bool,
}

/// How far a control sequence has been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ModeState {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte, which is kept.
    Intermediate,
    /// After ESC [.
    Control,
}

impl SeenModes {
    /// Takes what the user is shown.
    pub(super) fn output(&mut self, data: &[u8]) {
        let mut rest = data;
        loop {
            if self.state == ModeState::Ground {
                let Some(at) = rest.iter().position(|byte| matches!(*byte, ESC | SHIFT_OUT | SHIFT_IN)) else { return };
                rest = rest.get(at..).unwrap_or_default();
            }
            let Some((byte, tail)) = rest.split_first() else { return };
            self.byte(*byte);
            rest = tail;
        }
    }

    /// The bytes that put all of it back; nothing where nothing was seen. A sequence that was cut short ends with it.
    pub(super) fn undo(self) -> Vec<u8> {
        let mut undoing = String::new();
        let is_alternate = ALTERNATE.iter().any(|mode| self.private.contains_key(mode));
        let [main, alternate] = self.pushed;
        // Each screen has a stack of its own.
        if is_alternate && alternate > 0 {
            undoing.push_str(&format!("\x1b[<{alternate}u"));
        }
        for (mode, on) in &self.private {
            undoing.push_str(&format!("\x1b[?{mode}{}", if *on { 'l' } else { 'h' }));
        }
        if main > 0 {
            undoing.push_str(&format!("\x1b[<{main}u"));
        }
        let rest = [
            (self.keyboard, "\x1b[=0u"),
            (self.modify_other_keys, "\x1b[>4m"),
            (self.keypad, "\x1b>"),
            (self.insert, "\x1b[4l"),
            (self.colours, "\x1b[m"),
            (self.graphics, "\x0f\x1b(B"),
            (self.cursor_shape, "\x1b[0 q"),
            // The margins take the cursor to the top: where it is has to be kept.
            (self.margins, "\x1b7\x1b[r\x1b8"),
        ];
        undoing.extend(rest.into_iter().filter(|(seen, _)| *seen).map(|(_, undo)| undo));
        if self.state != ModeState::Ground && !undoing.is_empty() {
            undoing.insert(0, CANCEL);
        }
        undoing.into_bytes()
    }

    fn byte(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (_, ESC) => ModeState::Escape,
            (ModeState::Ground, _) => {
                self.graphics = byte == SHIFT_OUT || (self.graphics && byte != SHIFT_IN);
                ModeState::Ground
            }
            (ModeState::Escape, b'[') => {
                self.sequence.clear();
                ModeState::Control
            }
            (ModeState::Escape, 0x20..=0x2f) => {
                self.sequence = vec![byte];
                ModeState::Intermediate
            }
            (ModeState::Escape, b'=' | b'>') => {
                self.keypad = byte == b'=';
                ModeState::Ground
            }
            (ModeState::Escape, b'c') => {
                // RIS: full reset.
                *self = Self::default();
                ModeState::Ground
            }
            (ModeState::Intermediate, _) => {
                if self.sequence == *b"(" {
                    self.graphics = byte == b'0';
                }
                ModeState::Ground
            }
            (ModeState::Control, 0x20..=0x3f) if self.sequence.len() < MAX_SEQUENCE => {
                self.sequence.push(byte);
                ModeState::Control
            }
            (ModeState::Control, 0x40..=0x7e) => {
                let sequence = std::mem::take(&mut self.sequence);
                self.control(&sequence, byte);
                ModeState::Ground
            }
            (ModeState::Escape | ModeState::Control, _) => ModeState::Ground,
        };
    }

    fn control(&mut self, sequence: &[u8], end: u8) {
        let text = std::str::from_utf8(sequence).unwrap_or_default();
        match (text.as_bytes(), end) {
            ([b'?', ..], b'h' | b'l') => {
                for mode in numbers(text.get(1..).unwrap_or_default()) {
                    self.private(mode, end == b'h');
                }
            }
            ([b'>', ..], b'u') => {
                let pushed = self.stack();
                *pushed = (*pushed + 1).min(MAX_PUSHED);
            }
            ([b'<', ..], b'u') => {
                let popped = numbers(text.get(1..).unwrap_or_default()).next().unwrap_or(1).max(1);
                let pushed = self.stack();
                *pushed = pushed.saturating_sub(popped);
            }
            ([b'=', ..], b'u') => self.keyboard = text.get(1..).is_some_and(|text| numbers(text).any(|flag| flag > 0)),
            ([b'>', b'4', ..], b'm') => {
                self.modify_other_keys = numbers(text.get(2..).unwrap_or_default()).any(|n| n > 0)
            }
            ([b'?' | b'>' | b'<' | b'=', ..], _) => {}
            ([.., b' '], b'q') => self.cursor_shape = true,
            (_, b'h' | b'l') if numbers(text).any(|mode| mode == 4) => self.insert = end == b'h',
            (_, b'm') => self.colours = !numbers(text).all(|number| number == 0),
            (_, b'r') => self.margins = !text.is_empty(),
            _ => {}
        }
    }

    fn private(&mut self, mode: u16, on: bool) {
        let at_rest = match (OFF.contains(&mode), ON.contains(&mode)) {
            (true, _) => !on,
            (_, true) => on,
            _ => return,
        };
        if at_rest {
            self.private.remove(&mode);
        } else if self.private.len() < MAX_MODES {
            self.private.insert(mode, on);
        }
        if ALTERNATE.contains(&mode) && at_rest {
            // They are ways to the same screen, and its stack is left with it.
            self.private.retain(|other, _| !ALTERNATE.contains(other));
        }
    }

    fn stack(&mut self) -> &mut u16 {
        let is_alternate = ALTERNATE.iter().any(|mode| self.private.contains_key(mode));
        let [main, alternate] = &mut self.pushed;
        if is_alternate { alternate } else { main }
    }
}

/// The parameters of a control sequence; one that is left out is zero.
fn numbers(text: &str) -> impl Iterator<Item = u16> {
    text.split([';', ':']).map(|number| number.trim().parse().unwrap_or_default())
}

const ESC: u8 = 0x1b;
const SHIFT_IN: u8 = 0x0f;
const SHIFT_OUT: u8 = 0x0e;
/// CAN ends a sequence that was cut short.
const CANCEL: char = '\x18';

#[cfg(test)]
mod tests {
    use super::*;

    fn undo(output: &str) -> String {
        let (mut whole, mut split) = (SeenModes::default(), SeenModes::default());
        whole.output(output.as_bytes());
        for byte in output.bytes() {
            split.output(&[byte]);
        }
        let undone = String::from_utf8(whole.undo()).unwrap();
        assert_eq!(undone.as_bytes(), split.undo(), "{output:?}: chunks do not matter");
        undone
    }

    #[test]
    fn only_what_was_seen_is_undone() {
        for text in ["", "$ ls\r\n", "\x1b[1;31mred\x1b[0m\x1b[K", "\x1b[?25l\x1b[?25h", "[?1049h", "\x1b]0;title\x07"]
        {
            assert_eq!(undo(text), "", "{text:?}");
        }
        assert_eq!(undo("\x1b[?1049h\x1b[?1;1000;1006h"), "\x1b[?1l\x1b[?1000l\x1b[?1006l\x1b[?1049l");
        assert_eq!(undo("\x1b[?25l\x1b[?7l"), "\x1b[?7h\x1b[?25h");
        assert_eq!(undo("\x1b=\x1b[4h\x1b[31m\x1b[3;9r\x1b[5 q"), "\x1b>\x1b[4l\x1b[m\x1b[0 q\x1b7\x1b[r\x1b8");
    }

    #[test]
    fn what_the_program_has_undone_itself_is_left_alone() {
        assert_eq!(undo("\x1b[?1049h\x1b[?2004h\x1b[>1u text \x1b[<u\x1b[?2004l\x1b[?1049l"), "");
        assert_eq!(undo("\x1b[?47h\x1b[?1049l"), "", "two ways to the same screen");
        assert_eq!(undo("\x1b[?1000h\x1b=\x1bc"), "", "a full reset");
    }

    #[test]
    fn each_screen_has_its_own_keyboard_modes() {
        assert_eq!(undo("\x1b[>1u\x1b[?1049h\x1b[>1u\x1b[>31u"), "\x1b[<2u\x1b[?1049l\x1b[<1u");
        assert_eq!(undo("\x1b[=5;1u\x1b[>4;2m"), "\x1b[=0u\x1b[>4m");
        assert_eq!(undo("\x1b[=0u\x1b[>4;0m\x1b[<3u"), "");
    }

    #[test]
    fn a_sequence_that_was_cut_short_eats_nothing() {
        assert_eq!(undo("\x1b[?1049h\x1b[38;5"), "\x18\x1b[?1049l");
    }
}

//! The modes of a terminal that tell about line editors: bracketed paste (`2004`) and the alternate
//! screen (`47`, `1047`, `1049`). DEC private modes as in xterm's "Control Sequences", section "DECSET".
//!
//! Any output may set them. So they may make the gate stricter, but never milder by themselves.

/// What output did to a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeChange {
    /// The alternate screen is shown (`true`), or no longer.
    Alternate(bool),
    /// Bracketed paste is asked for (`true`), or no longer.
    BracketedPaste(bool),
}

/// The modes as output has set them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modes {
    /// Whether pastes are to come in brackets.
    pub bracketed_paste: bool,
    /// Whether the alternate screen is shown.
    pub alternate: bool,
    state: SequenceState,
    parameters: Vec<u16>,
}

/// How far a control sequence has been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum SequenceState {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC [.
    Csi,
    /// After ESC [ ?, and in its parameters.
    Private,
}

impl Modes {
    pub(super) fn output(&mut self, data: &[u8], changes: &mut Vec<ModeChange>) {
        let mut rest = data;
        loop {
            if self.state == SequenceState::Ground {
                // Nearly all output is none of our business.
                let Some(at) = memchr::memchr(ESCAPE, rest) else { return };
                rest = rest.get(at..).unwrap_or_default();
            }
            let Some((byte, tail)) = rest.split_first() else { return };
            self.byte(*byte, changes);
            rest = tail;
        }
    }

    fn byte(&mut self, byte: u8, changes: &mut Vec<ModeChange>) {
        self.state = match (self.state, byte) {
            (_, ESCAPE) => SequenceState::Escape,
            (SequenceState::Escape, b'[') => SequenceState::Csi,
            (SequenceState::Escape, b'c') => {
                // RIS: full reset.
                self.set(&[2004, 1049], false, changes);
                SequenceState::Ground
            }
            (SequenceState::Csi, b'?') => {
                self.parameters.clear();
                self.parameters.push(0);
                SequenceState::Private
            }
            (SequenceState::Private, b'0'..=b'9') => {
                if let Some(last) = self.parameters.last_mut() {
                    *last = last.saturating_mul(10).saturating_add(u16::from(byte - b'0'));
                }
                SequenceState::Private
            }
            (SequenceState::Private, b';') if self.parameters.len() < MAX_PARAMETERS => {
                self.parameters.push(0);
                SequenceState::Private
            }
            (SequenceState::Private, b'h' | b'l') => {
                let parameters = std::mem::take(&mut self.parameters);
                self.set(&parameters, byte == b'h', changes);
                SequenceState::Ground
            }
            _ => SequenceState::Ground,
        };
    }

    fn set(&mut self, parameters: &[u16], on: bool, changes: &mut Vec<ModeChange>) {
        for parameter in parameters {
            match parameter {
                47 | 1047 | 1049 if self.alternate != on => {
                    self.alternate = on;
                    changes.push(ModeChange::Alternate(on));
                }
                // Repeated on purpose: each prompt asks anew, which tells where prompts are.
                2004 => {
                    self.bracketed_paste = on;
                    changes.push(ModeChange::BracketedPaste(on));
                }
                _ => {}
            }
        }
    }
}

const ESCAPE: u8 = 0x1b;

/// As many as xterm reads.
const MAX_PARAMETERS: usize = 30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changes(chunks: &[&[u8]]) -> (Modes, Vec<ModeChange>) {
        let (mut modes, mut changes) = (Modes::default(), Vec::new());
        for chunk in chunks {
            modes.output(chunk, &mut changes);
        }
        (modes, changes)
    }

    #[test]
    fn prompts_and_editors_are_noticed() {
        let (modes, changes) = changes(&[b"\x1b[?2004h$ ", b"\x1b[?2004l\r\n", b"\x1b[?1;1049hx", b"\x1b[?10", b"49l"]);
        assert_eq!(
            changes,
            [
                ModeChange::BracketedPaste(true),
                ModeChange::BracketedPaste(false),
                ModeChange::Alternate(true),
                ModeChange::Alternate(false),
            ]
        );
        assert!(!modes.alternate && !modes.bracketed_paste);
    }

    #[test]
    fn what_only_looks_alike_is_none() {
        for text in ["[?2004h", "\x1b[2004h", "\x1b[?20004h", "\x1b(?2004h", "\x1b[?2004", "\x1b[?2004 h"] {
            assert_eq!(changes(&[text.as_bytes()]).1, [], "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(
            text in proptest::collection::vec(
                prop_oneof![Just(b"\x1b[?2004h".to_vec()), Just(b"\x1b[?1049l".to_vec()), proptest::collection::vec(any::<u8>(), 0..4)],
                0..20,
            ),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let bytes = text.concat();
            let chunks = crate::chunks::chunks(&bytes, &cuts);
            let (whole, split) = (changes(&[&bytes]), changes(&chunks));
            prop_assert_eq!(whole.1, split.1);
            prop_assert_eq!((whole.0.bracketed_paste, whole.0.alternate), (split.0.bracketed_paste, split.0.alternate));
        }
    }
}

//! The bastion's own words in a channel, for programs.
//!
//! With `BASTION_EVENTS=1` in the channel's environment the bastion writes them as lines of stderr ([`api::events`]). A
//! target could write such a line too, but it writes nothing before `started` (or its first byte of stdout): from there
//! on all of stderr is the command's.

use api::events::{Event, MARKER};

/// A part of stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Words of the bastion.
    Notice(Event),
    /// What the command wrote, or a line that is no notice after all.
    Plain(Vec<u8>),
}

/// Packets of stderr -> notices, and the rest.
#[derive(Debug)]
pub(super) struct NoticeReader {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing but `Plain` follows.
    Closed,
    /// Inside a line that is no notice.
    InLine,
    /// At the start of a line that has been, so far, a notice or the beginning of one.
    AtStart(Vec<u8>),
}

impl NoticeReader {
    pub(super) fn new() -> Self {
        Self { state: State::AtStart(Vec::new()) }
    }

    /// The target has been heard: no notice follows. Gives back what was held.
    pub(super) fn close(&mut self) -> Option<Part> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::AtStart(held) if !held.is_empty() => Some(Part::Plain(held)),
            State::AtStart(_) | State::Closed | State::InLine => None,
        }
    }

    /// What a packet holds. How the stream is cut into packets makes no difference, except to how
    /// `Plain` is cut.
    pub(super) fn feed(&mut self, packet: &[u8]) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut plain = Vec::new();
        for (index, &byte) in packet.iter().enumerate() {
            match &mut self.state {
                State::Closed => {
                    plain.extend(packet.iter().skip(index));
                    break;
                }
                State::InLine => {
                    plain.push(byte);
                    if byte == b'\n' {
                        self.state = State::AtStart(Vec::new());
                    }
                }
                State::AtStart(held) => {
                    held.push(byte);
                    if byte == b'\n' {
                        match Event::read(held) {
                            Some(notice) => {
                                let started = matches!(notice, Event::Started { .. });
                                parts.extend(take(&mut plain));
                                parts.push(Part::Notice(notice));
                                self.state = if started { State::Closed } else { State::AtStart(Vec::new()) };
                            }
                            None => plain.append(held),
                        }
                    } else if held.len() > MAX_LINE_BYTES || !may_be_notice(held) {
                        plain.append(held);
                        self.state = State::InLine;
                    }
                }
            }
        }
        parts.extend(take(&mut plain));
        parts
    }
}

fn take(plain: &mut Vec<u8>) -> Option<Part> {
    (!plain.is_empty()).then(|| Part::Plain(std::mem::take(plain)))
}

fn may_be_notice(held: &[u8]) -> bool {
    held.starts_with(MARKER.as_bytes()) || MARKER.as_bytes().starts_with(held)
}

/// Longest line that is held back while it may be a notice.
const MAX_LINE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The parts of a stream, `Plain` joined.
    fn read_all<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Vec<Part> {
        let mut reader = NoticeReader::new();
        let mut joined: Vec<Part> = Vec::new();
        let mut parts: Vec<_> = packets.into_iter().flat_map(|packet| reader.feed(packet)).collect();
        parts.extend(reader.close());
        for part in parts {
            match (joined.last_mut(), part) {
                (Some(Part::Plain(before)), Part::Plain(more)) => before.extend(more),
                (_, part) => joined.push(part),
            }
        }
        joined
    }

    fn plain(text: &str) -> Part {
        Part::Plain(text.as_bytes().to_vec())
    }

    fn blocked(message: &str) -> Part {
        Part::Notice(Event::Blocked { code: None, rule: None, message: message.into(), approval: None })
    }

    const APPROVED: &str = "\x1eBASTION {\"event\":\"approved\",\"by\":[\"bob\"]}\n";
    const STARTED: &str = "\x1eBASTION {\"event\":\"started\",\"session\":\"s\"}\n";
    const BLOCKED: &str = "\x1eBASTION {\"event\":\"blocked\",\"rule\":null,\"message\":\"no\",\"approval\":null}\n";

    #[test]
    fn notices_are_told_from_what_stands_around_them() {
        let stream = format!("a banner\n{APPROVED}{BLOCKED}\x1eBASTARD\nrest");
        let approved = Part::Notice(Event::Approved { by: vec!["bob".into()] });
        let expected = [plain("a banner\n"), approved, blocked("no"), plain("\x1eBASTARD\nrest")];
        assert_eq!(read_all([stream.as_bytes()]), expected);
    }

    #[test]
    fn a_target_can_forge_nothing_once_it_runs() {
        let stream = format!("{STARTED}{BLOCKED}x");
        let started = Part::Notice(Event::Started { session: Some("s".into()) });
        assert_eq!(read_all([stream.as_bytes()]), [started, plain(&format!("{BLOCKED}x"))]);

        let mut reader = NoticeReader::new();
        assert_eq!(reader.close(), None);
        assert_eq!(reader.feed(BLOCKED.as_bytes()), [plain(BLOCKED)]);
    }

    #[test]
    fn a_marker_inside_a_line_is_no_notice() {
        let stream = format!("x{BLOCKED}{BLOCKED}");
        assert_eq!(read_all([stream.as_bytes()]), [plain(&format!("x{BLOCKED}")), blocked("no")]);
    }

    #[test]
    fn lines_that_are_no_notice_after_all_are_passed_on_whole() {
        for line in ["\x1eBASTION {\n", "\x1eBASTION {\"event\":\"dance\"}\n", "\x1eBASTION ", "\x1e"] {
            assert_eq!(read_all([line.as_bytes()]), [plain(line)], "{line:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_held_for_ever() {
        let mut reader = NoticeReader::new();
        let mut passed = 0;
        let line = [MARKER.as_bytes(), &[b'{'; 2 * MAX_LINE_BYTES]].concat();
        for packet in line.chunks(1000) {
            for part in reader.feed(packet) {
                let Part::Plain(bytes) = part else { panic!("{part:?}") };
                passed += bytes.len();
            }
        }
        assert_eq!(passed, line.len());
    }

    proptest! {
        #[test]
        fn packets_make_no_difference(
            pieces in prop::collection::vec(prop::sample::select(vec![APPROVED, BLOCKED, STARTED, "x", "\n", "\x1eBAST", "ä\n"]), 0..8),
            size in 1_usize..40,
        ) {
            let stream = pieces.concat();
            prop_assert_eq!(read_all(stream.as_bytes().chunks(size)), read_all([stream.as_bytes()]));
        }
    }
}

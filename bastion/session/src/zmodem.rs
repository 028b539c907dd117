//! ZMODEM (`rz`, `sz` in a terminal) is not carried: it is file transfer that no rule sees, by keys that the gate would
//! read as lines. The header with which one side begins is seen in the output, and both sides are told to give up, as
//! the protocol has it (five CAN or more, ZMODEM §7.3), so that nobody waits for the other.

use std::time::Duration;

use tokio::time::Instant;

/// What is seen of ZMODEM in a terminal.
#[derive(Debug, Default)]
pub(super) struct Zmodem {
    /// The end of the output before, where it may be the beginning of a header.
    tail: Vec<u8>,
    /// When both sides were told last.
    told: Option<Instant>,
}

impl Zmodem {
    /// Whether both sides are to be told now, for one of them begins.
    pub(super) fn begins(&mut self, output: &[u8], now: Instant) -> bool {
        // A header is short; most output has no CAN in it.
        if self.tail.is_empty() && !output.contains(&CAN) && output.last() != Some(&b'*') {
            return false;
        }
        self.tail.extend_from_slice(output);
        let begins = self.tail.windows(HEADER_BYTES).any(is_header);
        let from = if begins { self.tail.len() } else { self.tail.len().saturating_sub(HEADER_BYTES - 1) };
        self.tail.drain(..from);
        if !self.tail.iter().any(|byte| matches!(*byte, b'*' | CAN)) {
            self.tail = Vec::new();
        }
        let is_new = self.told.is_none_or(|told| now >= told + PAUSE);
        if begins && is_new {
            self.told = Some(now);
        }
        begins && is_new
    }

    /// Whether this is no key, but what the program at the user's end has answered before it was told.
    pub(super) fn is_answer(&self, typed: &[u8], now: Instant) -> bool {
        let is_recent = self.told.is_some_and(|told| now < told + ANSWER_LIMIT);
        is_recent && (typed.windows(3).any(|part| part == b"*\x18B") || typed.starts_with(&[CAN; 5]))
    }
}

/// `**`, CAN, `B`, and a frame of the type ZRQINIT or ZRINIT in hexadecimal digits.
fn is_header(window: &[u8]) -> bool {
    let Some(digits) = window.strip_prefix(b"**\x18B0") else { return false };
    matches!(digits.first(), Some(b'0' | b'1')) && digits.iter().all(u8::is_ascii_hexdigit)
}

const CAN: u8 = 0x18;

/// Gives a transfer up, whichever side reads it.
pub(super) const CANCEL: &[u8; 8] = &[CAN; 8];

/// What the user reads.
pub(super) const REFUSED: &str = "rz and sz (ZMODEM) do not pass here; copy files with scp, sftp or rsync";

/// `**`, CAN, `B`; two digits of a type, eight of a position, four of a checksum.
const HEADER_BYTES: usize = 4 + 14;

/// Who begins says so again and again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long an answer may be on its way.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: &[u8] = b"rz\r**\x18B00000000000000\r\x8a\x11";
    const RECEIVER: &[u8] = b"rz waiting to receive.**\x18B0100000023be50\r\x8a\x11";

    #[test]
    fn each_side_is_seen_to_begin_however_its_header_is_cut() {
        let now = Instant::now();
        for header in [SENDER, RECEIVER] {
            for at in 0..header.len() {
                let (head, tail) = header.split_at(at);
                let mut zmodem = Zmodem::default();
                assert!(zmodem.begins(head, now) || zmodem.begins(tail, now), "{at}");
                assert!(!zmodem.begins(header, now), "once is enough");
                assert!(zmodem.begins(header, now + PAUSE) && zmodem.tail.is_empty());
            }
        }
    }

    #[test]
    fn other_output_is_nothing_of_it() {
        let (now, mut zmodem) = (Instant::now(), Zmodem::default());
        let long = b"*\x18".repeat(10_000);
        for output in [&b"**\x18B"[..], b"ls", b"**\x18B0800000000022d", b"**B00000000000000", b"\x18*", &long] {
            assert!(!zmodem.begins(output, now), "{output:?}");
            assert!(zmodem.tail.len() < HEADER_BYTES);
        }
    }

    #[test]
    fn only_what_is_an_answer_and_comes_soon_is_no_key() {
        let (now, mut zmodem) = (Instant::now(), Zmodem::default());
        assert!(!zmodem.is_answer(RECEIVER, now), "nobody has begun");
        assert!(zmodem.begins(SENDER, now));
        assert!(zmodem.is_answer(RECEIVER, now) && zmodem.is_answer(CANCEL, now));
        assert!(!zmodem.is_answer(b"ls\r", now) && !zmodem.is_answer(b"\x18\x05", now));
        assert!(!zmodem.is_answer(RECEIVER, now + ANSWER_LIMIT));
    }
}

//! [`Arriving`]: what the user of a session without a terminal has sent, until it is looked at.

use std::{collections::VecDeque, mem, time::Instant};

/// Input that waits.
#[derive(Debug, Default)]
pub(super) struct Arriving {
    /// When something came last, where what is begun may go on.
    pub(super) came: Option<Instant>,
    bytes: VecDeque<u8>,
    ended: bool,
}

impl Arriving {
    pub(super) fn add(&mut self, bytes: &[u8], now: Instant) {
        self.came = Some(now);
        self.bytes.extend(bytes);
    }

    /// No more comes; `false` if that was known.
    pub(super) fn end(&mut self, now: Instant) -> bool {
        if mem::replace(&mut self.ended, true) {
            return false;
        }
        self.came = Some(now);
        true
    }

    /// Moves what there is of a line behind `line`; whether the line ends with it.
    pub(super) fn take_line(&mut self, line: &mut Vec<u8>) -> bool {
        let end = self.bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        line.extend(self.bytes.drain(..end.unwrap_or(self.bytes.len())));
        end.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() < MAX_WAITING
    }

    /// Nobody looks at the rest.
    pub(super) fn drop_waiting(&mut self) {
        self.bytes = VecDeque::new();
    }
}

/// How much may wait: a piece of input is taken while there is room, and is no larger than a message of the channel.
const MAX_WAITING: usize = 32 * 1024;

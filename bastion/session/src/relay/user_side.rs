//! The user's side of the relay: what is sent on, what waits behind the gate, and how the side ends.
//!
//! Input, its end, signals and sizes keep their order, also where the gate still holds some of it: what comes
//! behind that waits here.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{Decision, FromUser, Gate, Note, Relay, Released, TARGET_CLOSE_GRACE, UNREAD_LIMIT};
use crate::{
    dialogue_gate::DialogueGate,
    outbox::{OUTBOX_BYTES, OUTBOX_ITEMS, ToTarget, ToUser},
    terminal::OutputStream,
};

/// ETX: Ctrl-C.
const INTERRUPT: u8 = 0x03;

/// What is left of the user's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserSide {
    /// It is closed, and waits to be told how the program ends.
    Closing,
    /// Nobody is there any more.
    Gone,
    /// Both directions, as far as the user has not ended one.
    Open,
}

/// What the user still reads of the program's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reads {
    stderr: bool,
    stdout: bool,
}

impl Reads {
    pub(super) const ALL: Self = Self { stderr: true, stdout: true };
    const NONE: Self = Self { stderr: false, stdout: false };
    const STDERR: Self = Self { stderr: true, stdout: false };
}

/// What came from the user behind what the gate holds.
#[derive(Debug, Default)]
pub(super) struct DeferredInput {
    events: VecDeque<FromUser>,
    bytes: usize,
}

impl DeferredInput {
    /// Whether more may be read from the user. What waits is not released, so the user's window bounds it too.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < OUTBOX_BYTES && self.events.len() < OUTBOX_ITEMS
    }

    /// Whether nothing but sizes waits.
    fn is_sizes(&self) -> bool {
        self.events.iter().all(|event| matches!(event, FromUser::Resize(..)))
    }

    fn push(&mut self, event: FromUser) {
        match (&event, self.events.back_mut()) {
            (FromUser::Resize(..), Some(last @ FromUser::Resize(..))) => {
                *last = event;
                return;
            }
            (FromUser::Data(data), _) => self.bytes += data.len(),
            _ => {}
        }
        self.events.push_back(event);
    }

    fn pop(&mut self) -> Option<FromUser> {
        let event = self.events.pop_front()?;
        if let FromUser::Data(data) = &event {
            self.bytes -= data.len();
        }
        Some(event)
    }

    /// Drops the input, and keeps the rest; returns how many bytes that was.
    fn drop_input(&mut self) -> usize {
        self.events.retain(|event| !matches!(event, FromUser::Data(_)));
        std::mem::take(&mut self.bytes)
    }
}

impl Relay {
    pub(super) fn user_event(&mut self, event: FromUser) -> Released {
        match event {
            FromUser::Closed => self.user_gone(),
            FromUser::Closing => self.user_closing(),
            FromUser::Unread => self.user_reads(Reads::STDERR),
            event @ (FromUser::Data(_) | FromUser::Eof | FromUser::Resize(..) | FromUser::Signal(_)) => {
                if let FromUser::Resize(size, _) = &event {
                    self.note(Note::Resize(*size));
                }
                self.in_order(event);
                Released::default()
            }
        }
    }

    /// Passes an event on, or lets it wait for its turn.
    fn in_order(&mut self, event: FromUser) {
        let (holds, asks) = match &self.gate {
            Gate::Lines(gate) => (gate.holds(), gate.asks()),
            Gate::Dialogue(_) | Gate::Open => (false, false),
        };
        let cancels = matches!(&event, FromUser::Data(data) if asks && data.contains(&INTERRUPT));
        if cancels {
            // While other people decide about a line, Ctrl-C takes back all that was typed.
            self.passed += self.waiting.drop_input();
        }
        // Input the gate itself holds back in order. It does not wait for a size, which waits for a prompt, maybe long.
        let is_next = if matches!(event, FromUser::Data(_)) {
            cancels || self.waiting.is_sizes()
        } else {
            !holds && self.waiting.events.is_empty()
        };
        if is_next { self.pass(event) } else { self.waiting.push(event) }
    }

    /// Passes on what waited, as far as its turn has come.
    pub(super) fn pass_waiting(&mut self) {
        while matches!(&self.gate, Gate::Dialogue(_) | Gate::Open)
            || matches!(&self.gate, Gate::Lines(gate) if !gate.holds())
        {
            let Some(event) = self.waiting.pop() else { return };
            self.pass(event);
        }
    }

    fn pass(&mut self, event: FromUser) {
        match event {
            FromUser::Data(data) => match &self.gate {
                Gate::Open => self.send(data.len(), ToTarget::Input(data)),
                // Its window is opened when the bytes have gone on.
                Gate::Dialogue(_) => self.dialogue_acts(|gate, acts| gate.received(&data, acts)),
                Gate::Lines(_) if self.zmodem.is_answer(&data, Instant::now()) => self.passed += data.len(),
                Gate::Lines(_) => {
                    self.gate_acts(|gate, acts| gate.typed(&data, acts));
                    self.passed += data.len();
                }
            },
            FromUser::Resize(size, pixels) => {
                self.gate_acts(|gate, acts| gate.resized(size, acts));
                self.send(0, ToTarget::Resize(size, pixels));
            }
            FromUser::Signal(signal) => self.send(0, ToTarget::Signal(signal)),
            FromUser::Eof => match &self.gate {
                Gate::Dialogue(_) => self.dialogue_acts(DialogueGate::end),
                Gate::Lines(_) | Gate::Open => self.send(0, ToTarget::Eof),
            },
            // They wait for nothing.
            FromUser::Closed | FromUser::Closing | FromUser::Unread => {}
        }
    }

    /// Puts something into the target's outbox, unless its channel is being closed.
    pub(super) fn send(&mut self, bytes: usize, item: ToTarget) {
        if !self.input_closed {
            self.to_target.push(bytes, item);
        }
    }

    /// Closes the target's channel when it has got what waits.
    pub(super) fn close_target(&mut self) {
        self.send(0, ToTarget::Close);
        self.input_closed = true;
    }

    /// Closes the target's channel, whatever waits.
    pub(super) fn close_target_now(&mut self) {
        self.to_target.clear();
        self.to_target.push(0, ToTarget::Close);
        self.input_closed = true;
    }

    /// Something that ends a direction, for a user who has not closed the channel.
    pub(super) fn end_to_user(&mut self, end: ToUser) {
        if self.user == UserSide::Open {
            self.to_user.push(0, end);
        }
    }

    /// Whether the user still wants to see this.
    pub(super) fn reads(&self, stream: OutputStream) -> bool {
        match stream {
            OutputStream::Stdout => self.reads.stdout,
            OutputStream::Stderr => self.reads.stderr,
        }
    }

    /// The user closes the channel. The program goes on, as behind any sshd, and how it ends is still told.
    fn user_closing(&mut self) -> Released {
        let released = self.user_reads(Reads::NONE);
        self.user = UserSide::Closing;
        if self.target_open {
            // A write to the user that failed was this.
            self.deadline = None;
            self.user_sends_no_more();
        }
        released
    }

    /// The user's connection is gone.
    fn user_gone(&mut self) -> Released {
        let released = self.user_reads(Reads::NONE);
        self.user = UserSide::Gone;
        if self.target_open {
            self.user_sends_no_more();
            self.expire_in(TARGET_CLOSE_GRACE);
        }
        Released { to_target: released.to_target + self.to_user.clear(), to_user: 0 }
    }

    /// Something could not be written to the user: the reading half says soon whether the channel is closed or gone.
    pub(super) fn user_unwritten(&mut self) -> Released {
        if self.user == UserSide::Open && self.deadline.is_none() {
            self.expire_in(TARGET_CLOSE_GRACE);
        }
        self.user_reads(Reads::NONE)
    }

    fn user_sends_no_more(&mut self) {
        // A line that the gate holds has no user any more who could stand by it.
        self.waiting = DeferredInput::default();
        self.decisions.push(Decision::Withdraw);
        self.close_target();
    }

    /// The user reads no more than this.
    fn user_reads(&mut self, most: Reads) -> Released {
        let now = Reads { stderr: self.reads.stderr && most.stderr, stdout: self.reads.stdout && most.stdout };
        if std::mem::replace(&mut self.reads, now) == now {
            return Released::default();
        }
        self.tells_unread = self.target_open;
        let dropped = self.to_user.retain(|item| match item {
            ToUser::Output(OutputStream::Stdout, ..) => now.stdout,
            ToUser::Message(..) | ToUser::Output(OutputStream::Stderr, ..) => now.stderr,
            ToUser::Close | ToUser::Eof | ToUser::Exit(_) | ToUser::Failed(_) | ToUser::Unread => true,
        });
        Released { to_target: dropped, to_user: 0 }
    }

    /// Output that nobody reads was recorded. A program that goes on with it is ended.
    pub(super) fn unread_output(&mut self, received: usize) -> Released {
        let before = self.unread;
        self.unread += received;
        if self.unread <= UNREAD_LIMIT {
            // It may end by itself.
            return Released { to_target: received, to_user: 0 };
        }
        if before <= UNREAD_LIMIT {
            self.drops_input = true;
            self.close_target_now();
            self.expire_in(TARGET_CLOSE_GRACE);
        }
        // Its window stays closed.
        Released::default()
    }
}

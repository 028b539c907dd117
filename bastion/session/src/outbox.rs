//! What waits to be written to one side of a session, in order, and how an item is written.

use std::collections::VecDeque;

use bytes::Bytes;
use mask::{Masked, WindowSize};
use recorder::ExitStatus;

use super::{
    leg::{LegClosed, TargetWriter, UserWriter},
    terminal::{Failure, OutputStream, Pixels, Signal},
};

/// What is to be written to the user.
#[derive(Debug)]
pub(super) enum ToUser {
    Close,
    Eof,
    Exit(ExitStatus),
    /// What the target says of a program that did not run; it has passed the tap.
    Failed(Failure),
    /// Words of the bastion; they did not come from the target.
    Message(OutputStream, Bytes),
    /// Output, and how many bytes of the target's it stands for.
    Output(OutputStream, Masked, usize),
    /// The program reads no more input.
    Unread,
}

/// What is to be written to the target.
#[derive(Debug)]
pub(super) enum ToTarget {
    Close,
    Eof,
    Input(Bytes),
    /// Input that the gate has taken over from the user already.
    Judged(Bytes),
    Resize(WindowSize, Pixels),
    Signal(Signal),
}

/// What waits to be written to one side, in order.
#[derive(Debug)]
pub(super) struct Outbox<T> {
    items: VecDeque<(usize, T)>,
    pub(super) bytes: usize,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), bytes: 0 }
    }
}

impl<T> Outbox<T> {
    pub(super) fn has_room(&self) -> bool {
        self.bytes < OUTBOX_BYTES && self.items.len() < OUTBOX_ITEMS
    }

    /// Whether what the bastion itself adds has room. Output alone does not use that up, so who does not read
    /// can still type.
    pub(super) fn has_room_for_words(&self) -> bool {
        self.bytes < WORDS_ROOM * OUTBOX_BYTES && self.items.len() < WORDS_ROOM * OUTBOX_ITEMS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn push(&mut self, bytes: usize, item: T) {
        self.bytes += bytes;
        self.items.push_back((bytes, item));
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let (bytes, item) = self.items.pop_front()?;
        self.bytes -= bytes;
        if self.items.is_empty() {
            // An idle session keeps no memory of its busy times.
            self.items.shrink_to(4);
        }
        Some(item)
    }

    /// Keeps only these items; returns how many bytes the others were.
    pub(super) fn retain(&mut self, keeps: impl Fn(&T) -> bool) -> usize {
        let before = self.bytes;
        self.items.retain(|(bytes, item)| {
            let kept = keeps(item);
            if !kept {
                self.bytes -= bytes;
            }
            kept
        });
        before - self.bytes
    }

    /// Drops everything; returns how many bytes that was.
    pub(super) fn clear(&mut self) -> usize {
        self.items.clear();
        std::mem::take(&mut self.bytes)
    }
}

/// Writes one item; returns how many of the target's bytes it stands for.
pub(super) async fn write_user<W: UserWriter>(writer: &W, item: ToUser) -> Result<usize, LegClosed> {
    match item {
        ToUser::Output(stream, masked, received) => {
            if !masked.bytes().is_empty() {
                writer.output(stream, masked.bytes().clone()).await?;
            }
            Ok(received)
        }
        ToUser::Message(stream, text) => writer.output(stream, text).await.map(|()| 0),
        ToUser::Exit(status) => writer.exit(status).await.map(|()| 0),
        ToUser::Failed(failure) => writer.failed(failure).await.map(|()| 0),
        ToUser::Eof => writer.eof().await.map(|()| 0),
        ToUser::Close => writer.close().await.map(|()| 0),
        ToUser::Unread => writer.unread().await.map(|()| 0),
    }
}

/// Writes one item; returns how many of the user's bytes it stands for.
pub(super) async fn write_target<W: TargetWriter>(writer: &W, item: ToTarget) -> Result<usize, LegClosed> {
    match item {
        ToTarget::Input(data) => {
            let received = data.len();
            writer.input(data).await.map(|()| received)
        }
        // The user's window was opened when the gate took it.
        ToTarget::Judged(data) => writer.input(data).await.map(|()| 0),
        ToTarget::Resize(size, pixels) => writer.resize(size, pixels).await.map(|()| 0),
        ToTarget::Signal(signal) => writer.signal(signal).await.map(|()| 0),
        ToTarget::Eof => writer.eof().await.map(|()| 0),
        ToTarget::Close => writer.close().await.map(|()| 0),
    }
}

/// An outbox takes no more when it holds this many bytes: enough to keep the
/// writer busy while the reader works, far below a channel's window.
pub(super) const OUTBOX_BYTES: usize = 256 * 1024;

/// The same for the number of items: many tiny packets must not cost more than few large ones.
pub(super) const OUTBOX_ITEMS: usize = 256;

/// How many times as much an outbox holds with what the bastion itself adds.
const WORDS_ROOM: usize = 4;

//! What the relay needs of its two sides. Each side splits into a reading half
//! and a writing half, so that a side that does not read cannot stop the other direction.
//!
//! Flow control: a reading half hands out data that the sender's window has paid
//! for. The relay calls `release` on the writing half of the same side once the
//! bytes have been written on the other side; only then may the sender send more.

use std::future::Future;

use api::{events::Event, refusal::Refusal};
use bytes::Bytes;
use mask::WindowSize;
use recorder::ExitStatus;

use super::{
    notice_format::NoticeFormat,
    terminal::{Failure, FromTarget, FromUser, OutputStream, Pixels, Signal},
};

/// The other end of this leg is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the channel is closed")]
pub struct LegClosed;

/// The reading half of the user's leg.
pub trait UserReader: Send {
    /// The next event. Cancel-safe. After [`FromUser::Closed`] or [`FromUser::Closing`] it is not called again.
    fn next(&mut self) -> impl Future<Output = FromUser> + Send;
}

/// The writing half of the user's leg.
pub trait UserWriter: Send + Sync + Sized {
    /// Writes output; waits while the user's window is closed.
    fn output(&self, stream: OutputStream, data: Bytes) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// How the user wants to be told what the bastion itself says.
    fn notice_format(&self) -> NoticeFormat {
        NoticeFormat::Words
    }
    /// Makes sure that the user can be told something before anything runs, and may send.
    fn open(&self) -> impl Future<Output = Result<(), LegClosed>> + Send {
        async { Ok(()) }
    }
    /// Says why nothing runs, and closes the channel. The user may be gone; then there is nobody to tell.
    fn refuse(&self, refusal: &Refusal) -> impl Future<Output = ()> + Send {
        refuse_in_words(self, refusal)
    }
    /// Takes on what the user asked to run: whatever follows is of it. Anything that is written does so too.
    fn accept(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
    /// Says that the program reads no more input, where the protocol can say that.
    fn unread(&self) -> impl Future<Output = Result<(), LegClosed>> + Send {
        async { Ok(()) }
    }
    /// Says what the target says of a program that did not run; [`UserWriter::exit`] follows. Where the user's protocol
    /// has nothing else for it, it is output.
    fn failed(&self, failure: Failure) -> impl Future<Output = Result<(), LegClosed>> + Send {
        self.output(failure.stream, failure.words)
    }
    /// Says how the program ended. It may follow the user's own close.
    fn exit(&self, status: ExitStatus) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// Says that no more output follows.
    fn eof(&self) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// Closes the channel.
    fn close(&self) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// Lets the user send `bytes` more.
    fn release(&self, bytes: usize);
    /// So many bytes were read that are kept, and released when they are passed on. Where the user's window is smaller
    /// than what is kept, it lets them send on.
    fn kept(&self, _bytes: usize) {}
}

/// Says something to the user, who may be gone; then there is nobody to tell.
pub async fn say<W: UserWriter>(user: &W, said: &Event) {
    let line = user.notice_format().line(said);
    if !line.is_empty() {
        let _ = user.output(OutputStream::Stderr, line).await;
    }
}

/// Says why nothing runs on an open channel, and closes it.
pub async fn refuse_in_words<W: UserWriter>(user: &W, refusal: &Refusal) {
    say(user, &Event::from(refusal.clone())).await;
    let _ = user.exit(ExitStatus::Code(refusal.reason.exit_status())).await;
    let _ = user.eof().await;
    let _ = user.close().await;
}

/// The reading half of the target's leg.
pub trait TargetReader: Send {
    /// The next event. Cancel-safe. After [`FromTarget::Closed`] it is not called again.
    fn next(&mut self) -> impl Future<Output = FromTarget> + Send;
}

/// The writing half of the target's leg.
pub trait TargetWriter: Send + Sync {
    /// Writes input; waits while the target's window is closed.
    fn input(&self, data: Bytes) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// Passes a new terminal size on.
    fn resize(&self, size: WindowSize, pixels: Pixels) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// Passes a signal on.
    fn signal(&self, signal: Signal) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// Says that nobody reads the program's output any more, where the protocol can say that. It does not wait for
    /// the target's window, and may be called while another method waits.
    fn unread(&self) -> impl Future<Output = Result<(), LegClosed>> + Send {
        async { Ok(()) }
    }
    /// Says that no more input follows.
    fn eof(&self) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// Closes the channel.
    fn close(&self) -> impl Future<Output = Result<(), LegClosed>> + Send;
    /// Lets the target send `bytes` more.
    fn release(&self, bytes: usize);
}

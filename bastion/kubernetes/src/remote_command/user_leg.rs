//! The user's side: the bastion is the server.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use recorder::ExitStatus;
use session::{
    leg::{LegClosed, UserReader, UserWriter},
    terminal::{Failure, FromUser, OutputStream, Pixels},
};
use wire::stream::{
    StreamKind, Streams,
    resize::ResizeReader,
    status::{CommandEnd, says_failed},
};

use super::wire::{Incoming, OutgoingMessage, WireReader, WireWriter};

/// What kubectl says when the session ends before the program said how.
const LOST: &str = "the session ended before the program did";

/// The reading half.
#[derive(Debug)]
pub struct RemoteUserReader {
    wire: WireReader,
    sizes: ResizeReader,
}

/// The writing half.
#[derive(Debug)]
pub struct RemoteUserWriter {
    wire: WireWriter,
    streams: Streams,
    /// What the cluster said of a command that did not run.
    failure: OnceLock<Bytes>,
    said_how_it_ended: AtomicBool,
}

pub(super) fn legs(reader: WireReader, writer: WireWriter, streams: Streams) -> (RemoteUserReader, RemoteUserWriter) {
    let reader = RemoteUserReader { wire: reader, sizes: ResizeReader::default() };
    let failure = OnceLock::new();
    (reader, RemoteUserWriter { wire: writer, streams, failure, said_how_it_ended: AtomicBool::new(false) })
}

impl UserReader for RemoteUserReader {
    async fn next(&mut self) -> FromUser {
        loop {
            match self.wire.next().await {
                None => return FromUser::Closed,
                Some(Incoming::Data(StreamKind::Stdin, data)) => return FromUser::Data(data),
                Some(Incoming::Data(StreamKind::Resize, data)) => {
                    if let Some(size) = self.sizes.push(&data) {
                        return FromUser::Resize(size, Pixels::default());
                    }
                }
                Some(Incoming::End(StreamKind::Stdin)) => return FromUser::Eof,
                // A client has nothing to say on the streams that it reads.
                Some(Incoming::Data(StreamKind::Error | StreamKind::Stderr | StreamKind::Stdout, _))
                | Some(Incoming::End(
                    StreamKind::Error | StreamKind::Resize | StreamKind::Stderr | StreamKind::Stdout,
                )) => {}
            }
        }
    }
}

impl UserWriter for RemoteUserWriter {
    async fn output(&self, stream: OutputStream, data: Bytes) -> Result<(), LegClosed> {
        let kind = match stream {
            OutputStream::Stderr if self.streams.stderr && !self.streams.tty => StreamKind::Stderr,
            // With a terminal, or with nobody who reads stderr, the words of the bastion must still be seen.
            OutputStream::Stderr | OutputStream::Stdout => StreamKind::Stdout,
        };
        if kind == StreamKind::Stdout && !self.streams.stdout {
            return Ok(());
        }
        self.wire.send(OutgoingMessage::Data(kind, data)).await
    }

    /// What was masked may be no status any more: then it is said in its words.
    async fn failed(&self, failure: Failure) -> Result<(), LegClosed> {
        let status = if says_failed(&failure.exact) {
            failure.exact
        } else {
            CommandEnd::Failed(String::from_utf8_lossy(&failure.words).trim_end().to_owned()).encode().into()
        };
        let _ = self.failure.set(status);
        Ok(())
    }

    async fn exit(&self, status: ExitStatus) -> Result<(), LegClosed> {
        if let Some(failure) = self.failure.get() {
            return self.end_with(failure.clone()).await;
        }
        // kubectl reads eight bits.
        let code = status.shell_code();
        self.end(CommandEnd::Code(u8::try_from(code).unwrap_or(u8::MAX))).await
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        for kind in [StreamKind::Stdout, StreamKind::Stderr] {
            self.wire.send(OutgoingMessage::End(kind)).await?;
        }
        Ok(())
    }

    async fn close(&self) -> Result<(), LegClosed> {
        // Without a status kubectl exits with 0.
        let _ = self.end(CommandEnd::Failed(LOST.to_owned())).await;
        self.wire.close().await
    }

    fn release(&self, bytes: usize) {
        self.wire.release(bytes);
    }
}

impl RemoteUserWriter {
    /// Says how the command ended, once; what kubectl prints for [`CommandEnd::Failed`] is its message.
    ///
    /// # Errors
    ///
    /// When the user has gone.
    pub async fn end(&self, end: CommandEnd) -> Result<(), LegClosed> {
        self.end_with(end.encode().into()).await
    }

    async fn end_with(&self, status: Bytes) -> Result<(), LegClosed> {
        if self.said_how_it_ended.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.wire.send(OutgoingMessage::Data(StreamKind::Error, status)).await?;
        self.wire.send(OutgoingMessage::End(StreamKind::Error)).await
    }
}

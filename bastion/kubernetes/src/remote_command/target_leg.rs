//! The target's side: the bastion is the client of an API server.

use std::collections::VecDeque;

use bytes::Bytes;
use mask::WindowSize;
use recorder::ExitStatus;
use session::{
    leg::{LegClosed, TargetReader, TargetWriter},
    terminal::{Failure, FromTarget, OutputStream, Pixels, Signal},
};
use wire::stream::{
    StreamKind, Streams, resize,
    status::{CommandEnd, StatusReader},
};

use super::wire::{Incoming, OutgoingMessage, WireReader, WireWriter};

/// The exit code of a command that did not run, as kubectl's own.
const DID_NOT_RUN: u32 = 1;

/// The reading half.
#[derive(Debug)]
pub struct RemoteTargetReader {
    wire: WireReader,
    status: StatusReader,
    streams: Streams,
    /// What one message of the target's became more than one event.
    next: VecDeque<FromTarget>,
    ended: bool,
}

/// The writing half.
#[derive(Debug)]
pub struct RemoteTargetWriter {
    wire: WireWriter,
    streams: Streams,
}

pub(super) fn legs(
    reader: WireReader,
    writer: WireWriter,
    streams: Streams,
) -> (RemoteTargetReader, RemoteTargetWriter) {
    let reader = RemoteTargetReader {
        wire: reader,
        status: StatusReader::default(),
        streams,
        next: VecDeque::new(),
        ended: false,
    };
    (reader, RemoteTargetWriter { wire: writer, streams })
}

impl TargetReader for RemoteTargetReader {
    async fn next(&mut self) -> FromTarget {
        loop {
            if let Some(event) = self.next.pop_front() {
                return event;
            }
            match self.wire.next().await {
                None => return FromTarget::Closed,
                Some(Incoming::Data(StreamKind::Stdout, data)) => return FromTarget::Stdout(data),
                Some(Incoming::Data(StreamKind::Stderr, data)) => return FromTarget::Stderr(data),
                Some(Incoming::Data(StreamKind::Error, data)) => {
                    if let Some(end) = self.status.push(&data).filter(|_| !self.ended) {
                        self.ended = true;
                        self.end(end);
                    }
                }
                // The status is the last word, on either transport: no stream needs to end before it.
                Some(Incoming::Data(StreamKind::Resize | StreamKind::Stdin, _) | Incoming::End(_)) => {}
            }
        }
    }
}

impl RemoteTargetReader {
    /// The runtime's words are masked and recorded like output; the user gets them as they were said.
    fn end(&mut self, end: CommandEnd) {
        let code = match end {
            CommandEnd::Code(code) => code.into(),
            CommandEnd::Failed(message) => {
                let (stream, line) = if self.streams.tty {
                    (OutputStream::Stdout, format!("{message}\r\n"))
                } else {
                    (OutputStream::Stderr, format!("{message}\n"))
                };
                let exact = self.status.text().clone();
                self.next.push_back(FromTarget::Failed(Failure { words: line.into(), stream, exact }));
                DID_NOT_RUN
            }
        };
        self.next.extend([FromTarget::Exit(ExitStatus::Code(code)), FromTarget::Eof]);
    }
}

impl TargetWriter for RemoteTargetWriter {
    async fn input(&self, data: Bytes) -> Result<(), LegClosed> {
        if !self.streams.stdin {
            return Ok(());
        }
        self.wire.send(OutgoingMessage::Data(StreamKind::Stdin, data)).await
    }

    async fn resize(&self, size: WindowSize, _: Pixels) -> Result<(), LegClosed> {
        if !self.streams.tty {
            return Ok(());
        }
        self.wire.send(OutgoingMessage::Data(StreamKind::Resize, resize::encode(size).into())).await
    }

    /// Kubernetes has no signals: with a terminal they are typed.
    async fn signal(&self, _: Signal) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        if !self.streams.stdin {
            return Ok(());
        }
        self.wire.send(OutgoingMessage::End(StreamKind::Stdin)).await
    }

    async fn close(&self) -> Result<(), LegClosed> {
        self.wire.close().await
    }

    fn release(&self, bytes: usize) {
        self.wire.release(bytes);
    }
}

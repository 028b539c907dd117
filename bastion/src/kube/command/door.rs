//! A user who waits at the door: the request stands, and is answered when it is known whether anything runs.
//!
//! Until then whatever the session would say becomes the refusal; once it is open the legs are those of the protocol
//! that the user asked for.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use recorder::ExitStatus;
use tokio::sync::oneshot;

use crate::{
    kube::{
        body::Body,
        remote_command::{RemoteUserReader, RemoteUserWriter, spdy, websocket},
        status::{Refusal, Told},
        stream::Streams,
        upgrade::{CommandTransport, Upgrade},
    },
    session::{
        leg::{LegClosed, UserReader, UserWriter},
        terminal::{Failure, FromUser, OutputStream},
        voice::{BLOCKED, REFUSED, UNAPPROVED, UNAVAILABLE},
    },
};

/// The answer to a request that asked for an upgrade.
pub type Answer = Response<Body>;

/// The user's request, not answered yet.
pub struct Waiting {
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Answer, Told>>,
    /// The connection, once it is answered.
    pub connection: OnUpgrade,
    /// What was asked for.
    pub upgrade: Upgrade,
    /// How it is carried.
    pub transport: CommandTransport,
    /// The streams.
    pub streams: Streams,
}

/// Opens the door, or refuses; either once.
pub struct Door {
    waiting: Mutex<Option<Waiting>>,
    reader: Mutex<Option<oneshot::Sender<RemoteUserReader>>>,
    writer: OnceLock<RemoteUserWriter>,
    said: Mutex<Vec<u8>>,
}

/// The reading half of the user's leg, before and after the door is open.
pub enum DoorReader {
    /// It is not open yet.
    Shut(oneshot::Receiver<RemoteUserReader>),
    /// It is.
    Open(Box<RemoteUserReader>),
}

/// The writing half.
#[derive(Clone)]
pub struct DoorWriter(Arc<Door>);

/// The door of `waiting`, and the legs behind it.
pub fn door(waiting: Waiting) -> (Arc<Door>, DoorReader, DoorWriter) {
    let (sender, receiver) = oneshot::channel();
    let door = Arc::new(Door {
        waiting: Mutex::new(Some(waiting)),
        reader: Mutex::new(Some(sender)),
        writer: OnceLock::new(),
        said: Mutex::default(),
    });
    (Arc::clone(&door), DoorReader::Shut(receiver), DoorWriter(door))
}

impl Door {
    /// Answers the request and establishes the streams. Opening an open door changes nothing.
    ///
    /// # Errors
    ///
    /// When the user has gone, or does not open the streams.
    pub async fn open(&self) -> Result<(), LegClosed> {
        let Some(waiting) = take(&self.waiting) else { return self.writer.get().map(drop).ok_or(LegClosed) };
        let Waiting { answer, connection, upgrade, transport, streams } = waiting;
        // Whatever happens now, the reading half learns of it when the sender is gone.
        let to_reader = take(&self.reader).ok_or(LegClosed)?;
        answer.send(Ok(upgrade.accept(transport.name()))).map_err(|_| LegClosed)?;
        let io = TokioIo::new(connection.await.map_err(|_| LegClosed)?);
        let (reader, writer) = match transport {
            CommandTransport::Spdy => spdy::user_leg(io, streams).await.map_err(|error| {
                tracing::debug!(%error, "the user opened no streams");
                LegClosed
            })?,
            CommandTransport::WebSocket(protocol) => websocket::user_leg(io, protocol, streams).await,
        };
        let _ = self.writer.set(writer);
        to_reader.send(reader).map_err(|_| LegClosed)
    }

    /// Refuses; nothing where the door is open.
    pub fn refuse(&self, told: Told) {
        if let Some(waiting) = take(&self.waiting) {
            drop(take(&self.reader));
            // The user may be gone.
            let _ = waiting.answer.send(Err(told));
        }
    }
}

/// What a session that did not begin is in HTTP.
fn refused_with(status: &ExitStatus) -> StatusCode {
    match status.shell_code() {
        REFUSED | BLOCKED | UNAPPROVED => StatusCode::FORBIDDEN,
        // It is the bastion that cannot now: what is amiss with the cluster is said by whoever asks it.
        UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl UserReader for DoorReader {
    async fn next(&mut self) -> FromUser {
        loop {
            match self {
                Self::Open(reader) => return reader.next().await,
                Self::Shut(receiver) => match receiver.await {
                    Ok(reader) => *self = Self::Open(Box::new(reader)),
                    Err(_) => return FromUser::Closed,
                },
            }
        }
    }
}

impl UserWriter for DoorWriter {
    async fn output(&self, stream: OutputStream, data: Bytes) -> Result<(), LegClosed> {
        if let Some(writer) = self.0.writer.get() {
            return writer.output(stream, data).await;
        }
        self.0.said.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&data);
        Ok(())
    }

    async fn failed(&self, failure: Failure) -> Result<(), LegClosed> {
        match self.0.writer.get() {
            Some(writer) => writer.failed(failure).await,
            None => self.output(failure.stream, failure.words).await,
        }
    }

    async fn exit(&self, status: ExitStatus) -> Result<(), LegClosed> {
        if let Some(writer) = self.0.writer.get() {
            return writer.exit(status).await;
        }
        let said = std::mem::take(&mut *self.0.said.lock().unwrap_or_else(PoisonError::into_inner));
        let said = String::from_utf8_lossy(&said);
        let said = said.trim().trim_start_matches("bastion: ");
        self.0.refuse(Refusal::new(refused_with(&status), said).told());
        Ok(())
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        match self.0.writer.get() {
            Some(writer) => writer.eof().await,
            None => Ok(()),
        }
    }

    async fn close(&self) -> Result<(), LegClosed> {
        match self.0.writer.get() {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    fn release(&self, bytes: usize) {
        if let Some(writer) = self.0.writer.get() {
            writer.release(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_begin_says_in_http_whether_to_try_again() {
        for (status, expected) in [
            (REFUSED, StatusCode::FORBIDDEN),
            (BLOCKED, StatusCode::FORBIDDEN),
            (UNAPPROVED, StatusCode::FORBIDDEN),
            (UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE),
            (2, StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            assert_eq!(refused_with(&ExitStatus::Code(status)), expected, "{status}");
        }
    }
}

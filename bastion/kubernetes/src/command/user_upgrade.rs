//! A user whose request waits to be upgraded: it stands, and is answered when it is known whether anything runs.
//!
//! Until then a refusal is the answer; once it is open the legs are those of the protocol that the user asked for.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use api::refusal;
use bytes::Bytes;
use http::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use recorder::ExitStatus;
use session::{
    leg::{LegClosed, UserReader, UserWriter, refuse_in_words},
    terminal::{Failure, FromUser, OutputStream},
};
use tokio::sync::oneshot;
use wire::stream::Streams;

use crate::{
    body::Body,
    remote_command::{RemoteUserReader, RemoteUserWriter, spdy, websocket},
    status::{Refusal, Told},
    upgrade::{CommandTransport, Upgrade},
};

/// The answer to a request that asked for an upgrade.
pub type UpgradeAnswer = Response<Body>;

/// The user's request, not answered yet.
pub struct PendingUpgrade {
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<UpgradeAnswer, Told>>,
    /// The connection, once it is answered.
    pub connection: OnUpgrade,
    /// What was asked for.
    pub upgrade: Upgrade,
    /// How it is carried.
    pub transport: CommandTransport,
    /// The streams.
    pub streams: Streams,
}

/// Upgrades the user's side, or refuses; either once.
pub struct UserUpgrade {
    waiting: Mutex<Option<PendingUpgrade>>,
    reader: Mutex<Option<oneshot::Sender<RemoteUserReader>>>,
    writer: OnceLock<RemoteUserWriter>,
}

/// The reading half of the user's leg, before and after the upgrade.
pub enum UpgradedReader {
    /// It is not open yet.
    Shut(oneshot::Receiver<RemoteUserReader>),
    /// It is.
    Open(Box<RemoteUserReader>),
}

/// The writing half.
#[derive(Clone)]
pub struct UpgradedWriter(Arc<UserUpgrade>);

/// The upgrade of `waiting`, and the legs behind it.
pub fn user_upgrade(waiting: PendingUpgrade) -> (Arc<UserUpgrade>, UpgradedReader, UpgradedWriter) {
    let (sender, receiver) = oneshot::channel();
    let user_upgrade = Arc::new(UserUpgrade {
        waiting: Mutex::new(Some(waiting)),
        reader: Mutex::new(Some(sender)),
        writer: OnceLock::new(),
    });
    (Arc::clone(&user_upgrade), UpgradedReader::Shut(receiver), UpgradedWriter(user_upgrade))
}

impl UserUpgrade {
    /// Answers the request and establishes the streams. Once that is done it changes nothing.
    ///
    /// # Errors
    ///
    /// When the user has gone, or does not open the streams.
    pub async fn open(&self) -> Result<(), LegClosed> {
        let Some(waiting) = take(&self.waiting) else { return self.writer.get().map(drop).ok_or(LegClosed) };
        let PendingUpgrade { answer, connection, upgrade, transport, streams } = waiting;
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

    /// Refuses; nothing once it is upgraded.
    pub fn refuse(&self, told: Told) {
        if let Some(waiting) = take(&self.waiting) {
            drop(take(&self.reader));
            // The user may be gone.
            let _ = waiting.answer.send(Err(told));
        }
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl UserReader for UpgradedReader {
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

impl UpgradedWriter {
    fn opened(&self) -> Result<&RemoteUserWriter, LegClosed> {
        self.0.writer.get().ok_or(LegClosed)
    }
}

impl UserWriter for UpgradedWriter {
    async fn open(&self) -> Result<(), LegClosed> {
        self.0.open().await
    }

    /// Before the upgrade, the refusal is the answer to the request.
    async fn refuse(&self, refusal: &refusal::Refusal) {
        if self.opened().is_ok() {
            refuse_in_words(self, refusal).await;
        } else {
            self.0.refuse(Refusal::from(refusal.clone()).told());
        }
    }

    async fn output(&self, stream: OutputStream, data: Bytes) -> Result<(), LegClosed> {
        self.opened()?.output(stream, data).await
    }

    async fn failed(&self, failure: Failure) -> Result<(), LegClosed> {
        self.opened()?.failed(failure).await
    }

    async fn exit(&self, status: ExitStatus) -> Result<(), LegClosed> {
        self.opened()?.exit(status).await
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        self.opened()?.eof().await
    }

    async fn close(&self) -> Result<(), LegClosed> {
        self.opened()?.close().await
    }

    fn release(&self, bytes: usize) {
        if let Ok(writer) = self.opened() {
            writer.release(bytes);
        }
    }

    /// What is kept may be longer than what a connection holds.
    fn kept(&self, bytes: usize) {
        self.release(bytes);
    }
}

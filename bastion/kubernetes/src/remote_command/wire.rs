//! What a transport's task and a leg pass to one another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use session::leg::LegClosed;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::stream::StreamKind;

/// Bytes that the peer sent and the session has not dealt with: above it the socket is not read.
pub const HELD_BYTES: usize = 256 * 1024;

/// Items that wait in either direction; their bytes are bounded by [`HELD_BYTES`] and by the relay's outboxes.
const QUEUED: usize = 32;

/// How long a peer may take to close, and to read what was written last.
const LINGER: Duration = Duration::from_secs(5);

/// What the peer sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Data(StreamKind, Bytes),
    End(StreamKind),
}

/// What the peer is to get.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OutgoingMessage {
    Close,
    Data(StreamKind, Bytes),
    End(StreamKind),
}

/// The leg's reading half. It ends when the connection does.
#[derive(Debug)]
pub(super) struct WireReader(mpsc::Receiver<Incoming>);

/// The leg's writing half. The connection ends with it.
#[derive(Debug)]
pub(super) struct WireWriter {
    outgoing: mpsc::Sender<OutgoingMessage>,
    held: Arc<HeldOutput>,
    written: watch::Receiver<bool>,
    _closing: DropGuard,
}

/// The task's half.
#[derive(Debug)]
pub(super) struct Wire {
    incoming: mpsc::Sender<Incoming>,
    outgoing: mpsc::Receiver<OutgoingMessage>,
    held: Arc<HeldOutput>,
    closing: CancellationToken,
    written: watch::Sender<bool>,
}

/// Counts the bytes that the session holds.
#[derive(Debug, Default)]
pub(super) struct HeldOutput {
    bytes: AtomicUsize,
    released: Notify,
}

/// Both halves of a leg, and what the task of its transport needs.
pub(super) fn wire() -> (WireReader, WireWriter, Wire) {
    let (to_leg, incoming) = mpsc::channel(QUEUED);
    let (to_task, outgoing) = mpsc::channel(QUEUED);
    let (written, all_written) = watch::channel(false);
    let (held, closing) = (Arc::new(HeldOutput::default()), CancellationToken::new());
    let writer = WireWriter {
        outgoing: to_task,
        held: Arc::clone(&held),
        written: all_written,
        _closing: closing.clone().drop_guard(),
    };
    (WireReader(incoming), writer, Wire { incoming: to_leg, outgoing, held, closing, written })
}

impl WireReader {
    pub(super) async fn next(&mut self) -> Option<Incoming> {
        self.0.recv().await
    }
}

impl WireWriter {
    pub(super) async fn send(&self, outgoing: OutgoingMessage) -> Result<(), LegClosed> {
        self.outgoing.send(outgoing).await.map_err(|_| LegClosed)
    }

    /// Closes the connection and waits until the peer has been sent everything.
    pub(super) async fn close(&self) -> Result<(), LegClosed> {
        // It may be closed already: then there is nothing to say.
        let _ = self.outgoing.send(OutgoingMessage::Close).await;
        self.written.clone().wait_for(|written| *written).await.map(drop).map_err(|_| LegClosed)
    }

    pub(super) fn release(&self, bytes: usize) {
        self.held.release(bytes);
    }
}

/// Says, when a task has written everything, that it has.
#[derive(Debug)]
pub(super) struct Written(watch::Sender<bool>);

impl Written {
    pub(super) fn all(self) {
        // Nobody may be waiting.
        let _ = self.0.send(true);
    }
}

impl Wire {
    /// The halves of the task's half, and what [`until_closed`] waits for.
    pub(super) fn split(
        self,
    ) -> (mpsc::Sender<Incoming>, mpsc::Receiver<OutgoingMessage>, Arc<HeldOutput>, Written, CancellationToken) {
        (self.incoming, self.outgoing, self.held, Written(self.written), self.closing)
    }
}

/// Runs a transport until it ends, or [`LINGER`] after its leg has gone.
pub(super) async fn until_closed(transport: impl Future<Output = ()>, closing: CancellationToken) {
    tokio::select! {
        () = transport => {}
        () = async {
            closing.cancelled().await;
            sleep(LINGER).await;
        } => {}
    }
}

/// Reads on after the last word was written, so that the peer gets to read it, for as long as that may take.
pub(super) async fn linger(transport: impl Future<Output = ()>) {
    let _ = timeout(LINGER, transport).await;
}

impl HeldOutput {
    /// Counts bytes that the session will release; statuses and sizes it deals with at once.
    pub(super) fn take(&self, kind: StreamKind, bytes: usize) {
        match kind {
            StreamKind::Stderr | StreamKind::Stdin | StreamKind::Stdout => {
                self.bytes.fetch_add(bytes, Ordering::AcqRel);
            }
            StreamKind::Error | StreamKind::Resize => {}
        }
    }

    fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Acquire) < HELD_BYTES
    }

    /// Waits for room. One task waits at a time.
    pub(super) async fn room(&self) {
        while !self.has_room() {
            // A release in between leaves a permit behind: it is not missed.
            self.released.notified().await;
        }
    }

    fn release(&self, bytes: usize) {
        let _ = self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, |held| Some(held.saturating_sub(bytes)));
        self.released.notify_one();
    }
}

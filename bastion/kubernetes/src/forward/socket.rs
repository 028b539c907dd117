//! One SPDY connection on its socket: what is to be written is written while the other direction is read.

use std::{future::poll_fn, io, task::ready, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use wire::spdy::{Connection, Event, Role};

use super::{Incoming, OutgoingSink};

/// A connection, and both halves of its socket.
pub(super) struct Socket {
    pub(super) connection: Connection,
    from: Incoming,
    to: OutgoingSink,
    unsent: Bytes,
    flushed: bool,
}

/// What happened at a socket.
pub(super) enum Happened {
    /// The peer did this.
    Events(Vec<Event>),
    /// The peer is gone, or breaks the protocol.
    Gone,
    /// Something was written: there may be room for more.
    Written,
}

impl Socket {
    pub(super) fn new(role: Role, max_streams: usize, (from, to): (Incoming, OutgoingSink)) -> Self {
        Self { connection: Connection::new(role, max_streams), from, to, unsent: Bytes::new(), flushed: true }
    }

    /// Whether there is room for more that is to be written.
    pub(super) fn has_room(&self) -> bool {
        self.connection.outgoing_bytes() < UNSENT_BYTES
    }

    /// Writes what there is to write, and reads if `reads`, until something happens. Cancel-safe.
    pub(super) async fn next(&mut self, reads: bool) -> Happened {
        self.load();
        let Self { connection, from, to, unsent, flushed } = self;
        tokio::select! {
            written = write(to, unsent), if !*flushed => match written {
                Ok(()) => {
                    *flushed = true;
                    Happened::Written
                }
                Err(_) => Happened::Gone,
            },
            read = from.next(), if reads => {
                let Some(Ok(bytes)) = read else { return Happened::Gone };
                let mut events = Vec::new();
                match connection.receive(bytes, &mut events) {
                    Ok(()) => Happened::Events(events),
                    Err(error) => {
                        tracing::debug!(%error, "a peer of a port-forward breaks the protocol");
                        Happened::Gone
                    }
                }
            }
            () = std::future::pending() => Happened::Gone,
        }
    }

    /// Says that nothing follows, and closes when everything is written.
    pub(super) async fn close(mut self) {
        self.connection.go_away();
        let last = async {
            loop {
                self.load();
                if self.flushed {
                    break;
                }
                if write(&mut self.to, &mut self.unsent).await.is_err() {
                    return;
                }
                self.flushed = true;
            }
            // The peer may be gone.
            let _ = self.to.close().await;
        };
        let _ = tokio::time::timeout(LINGER, last).await;
    }

    fn load(&mut self) {
        if self.unsent.is_empty() {
            self.unsent = self.connection.take_outgoing();
        }
        self.flushed &= self.unsent.is_empty();
    }
}

/// Writes all of `unsent`. Cancel-safe: what is taken out of `unsent` is in the sink.
async fn write(to: &mut OutgoingSink, unsent: &mut Bytes) -> io::Result<()> {
    poll_fn(|cx| {
        if !unsent.is_empty() {
            ready!(to.poll_ready_unpin(cx))?;
            to.start_send_unpin(std::mem::take(unsent))?;
        }
        to.poll_flush_unpin(cx)
    })
    .await
}

/// What waits to be written on one socket; above it nothing is taken that would add to it.
const UNSENT_BYTES: usize = 256 * 1024;

/// How long a side may take to read what was written last.
const LINGER: Duration = Duration::from_secs(5);

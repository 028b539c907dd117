//! One connection to a port: a socket to the cluster of its own, and an entry in the audit log.

use std::{
    collections::VecDeque,
    pin::pin,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ledger::audit::{
    AuditEvent, PortClosedEvent, PortEvent,
    log::{LogFull, Place},
};
use tokio::{
    sync::mpsc,
    time::{sleep, sleep_until, timeout},
};
use wire::spdy::{Event, Headers, Role, StreamId};

use super::{
    Dial, Forward, Side, halves,
    inbox::{Inbox, PortInput},
    socket::{Happened, Socket},
};

/// What a pair is called: the number of its error stream.
pub(super) type Key = StreamId;

/// What a pair has for the user.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromPair {
    /// The port sent this.
    Data(Bytes),
    /// The port sends no more.
    End,
    /// Words on the error stream: kubectl prints them.
    Error(Bytes),
    /// It is over.
    Over,
}

/// A connection that is allowed, and not open yet.
pub(super) struct Pair<D: Dial> {
    pub(super) key: Key,
    pub(super) port: u16,
    pub(super) forward: Forward,
    /// When it may be opened.
    pub(super) not_before: tokio::time::Instant,
    /// The socket that is open already.
    pub(super) first: Option<Side<D::Io>>,
    pub(super) dial: D,
    pub(super) inbox: Inbox,
    pub(super) to_user: mpsc::Sender<(Key, FromPair)>,
}

/// Why it ended, in words for the user and the audit log; `None` where an end closed it.
type Reason = Option<String>;

impl<D: Dial> Pair<D> {
    /// Carries the connection to its end.
    pub(super) async fn carry(mut self) {
        let key = self.key;
        let to_user = self.to_user.clone();
        let reason = self.run().await;
        if let Some(reason) = reason {
            let words = Bytes::from(format!("bastion: {reason}"));
            let _ = to_user.send((key, FromPair::Error(words))).await;
        }
        // The hub may be gone; then there is nobody to tell.
        let _ = to_user.send((key, FromPair::Over)).await;
    }

    async fn run(&mut self) -> Reason {
        sleep_until(self.not_before).await;
        let log = &self.forward.log;
        let (Ok(opened), Ok(closed)) = (log.reserve().await, log.reserve().await) else {
            return Some(LogFull.to_string());
        };
        let event = self.forward.pod.event(self.port);
        opened.fill(AuditEvent::PortOpened(Box::new(event.clone())));
        let mut entry = PortEntry {
            place: Some(closed),
            event,
            started: Instant::now(),
            counts: PairCounts::default(),
            reason: None,
        };
        let reason = self.carried(&mut entry.counts).await;
        entry.reason.clone_from(&reason);
        reason
    }

    async fn carried(&mut self, counts: &mut PairCounts) -> Reason {
        let mut standing = self.forward.standing.clone();
        let side = match self.first.take() {
            Some(side) => side,
            None => match timeout(OPENING, self.dial.dial()).await {
                Ok(Ok(side)) => side,
                Ok(Err(error)) => return Some(error.to_string()),
                Err(_) => return Some(TOO_LONG.to_owned()),
            },
        };
        // The cluster opens no streams.
        let mut socket = Socket::new(Role::Client, 0, halves(side).await);
        let port = self.port.to_string();
        let headers = |kind| Headers::new(&[("streamtype", kind), ("port", &port), ("requestid", "0")]);
        let opened = (socket.connection.open(&headers("error")), socket.connection.open(&headers("data")));
        let (Ok(error), Ok(data)) = opened else { return Some(BROKEN.to_owned()) };
        let mut port = Port { socket, error, data, accepted: 0, ended: 0, for_user: VecDeque::new() };
        let reason = tokio::select! {
            reason = port.exchange((self.key, &self.to_user), &self.inbox, counts) => reason,
            reason = standing.lost() => Some(reason),
        };
        // What broke off has nothing more to say.
        if reason.is_none() {
            port.socket.close().await;
        }
        reason
    }
}

/// The streams of one connection to a port.
struct Port {
    socket: Socket,
    error: StreamId,
    data: StreamId,
    /// How many streams the cluster has accepted.
    accepted: usize,
    /// How many it has finished.
    ended: usize,
    for_user: VecDeque<FromPair>,
}

impl Port {
    /// Carries until the cluster has finished both streams, or the user is gone.
    async fn exchange(
        &mut self,
        (key, to_user): (Key, &mpsc::Sender<(Key, FromPair)>),
        inbox: &Inbox,
        counts: &mut PairCounts,
    ) -> Reason {
        let mut opening = pin!(sleep(OPENING));
        let mut user_sends = true;
        while !(self.ended == STREAMS && self.for_user.is_empty()) {
            let is_open = self.accepted == STREAMS;
            let takes = is_open && user_sends && self.socket.has_room();
            tokio::select! {
                room = to_user.reserve(), if !self.for_user.is_empty() => match room {
                    Ok(room) => if let Some(item) = self.for_user.pop_front() {
                        if let FromPair::Data(data) = &item {
                            counts.out += length(data);
                        }
                        room.send((key, item));
                    },
                    Err(_) => return None,
                },
                happened = self.socket.next(self.for_user.is_empty()) => match happened {
                    Happened::Events(events) => if let Err(reason) = self.events(events) {
                        return reason;
                    },
                    Happened::Gone => return Some(BROKEN.to_owned()),
                    Happened::Written => {}
                },
                item = inbox.take(takes) => match item {
                    PortInput::Data(data) => {
                        counts.inward += length(&data);
                        // A port that has ended already reads no more.
                        let _ = self.socket.connection.send(self.data, &data);
                    }
                    PortInput::End => {
                        user_sends = false;
                        let _ = self.socket.connection.finish(self.data);
                    }
                    PortInput::Gone(reason) => return reason,
                },
                () = &mut opening, if !is_open => return Some(TOO_LONG.to_owned()),
            }
        }
        None
    }

    /// What the cluster did; the error is the end of the connection.
    fn events(&mut self, events: Vec<Event>) -> Result<(), Reason> {
        for event in events {
            match event {
                Event::Accepted(id) => {
                    self.accepted += 1;
                    if id == self.error {
                        // Nothing is said to the cluster on it.
                        let _ = self.socket.connection.finish(id);
                    }
                }
                Event::Data(id, data) => {
                    self.socket.connection.consumed(id, data.len());
                    self.for_user.push_back(if id == self.error {
                        FromPair::Error(data)
                    } else {
                        FromPair::Data(data)
                    });
                }
                Event::Finished(id) => {
                    self.ended += 1;
                    if id == self.data {
                        self.for_user.push_back(FromPair::End);
                    }
                }
                Event::Reset(..) if self.accepted < STREAMS => {
                    return Err(Some("the cluster refused the connection to the port".to_owned()));
                }
                Event::Reset(..) => return Err(Some(BROKEN.to_owned())),
                // What is open goes on; no stream is opened twice.
                Event::GoneAway | Event::Opened(..) => {}
            }
        }
        Ok(())
    }
}

/// The bytes that were carried.
#[derive(Debug, Clone, Copy, Default)]
struct PairCounts {
    inward: u64,
    out: u64,
}

/// Writes down the end of a connection, however it ends.
struct PortEntry {
    place: Option<Place>,
    event: PortEvent,
    started: Instant,
    counts: PairCounts,
    reason: Reason,
}

impl Drop for PortEntry {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        place.fill(AuditEvent::PortClosed(Box::new(PortClosedEvent {
            port: self.event.clone(),
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            bytes_in: self.counts.inward,
            bytes_out: self.counts.out,
            reason: self.reason.take(),
        })));
    }
}

fn length(data: &Bytes) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

/// `error` and `data`.
const STREAMS: usize = 2;

/// How long the cluster may take to open a connection: as long as kubectl waits.
const OPENING: Duration = Duration::from_secs(30);

const TOO_LONG: &str = "the cluster took too long to open the connection";
const BROKEN: &str = "the connection to the cluster broke";

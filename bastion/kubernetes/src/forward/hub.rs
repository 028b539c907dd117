//! The user's socket: pairs of streams are opened, decided, and handed to a task each.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};

use api::refusal::{self, ReasonCode};
use bytes::Bytes;
use ledger::audit::{AuditEvent, PortRefusedEvent};
use policy::{Access, Context, Decision, RuleEffect};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use wire::port_stream::{PortStream, PortStreamKind};
use wire::spdy::{Event, Headers, ResetStatus, Role, StreamId};

use super::{
    Dial, Forward, Incoming, OutgoingSink, Side,
    inbox::{Inbox, PortInput},
    pair::{FromPair, Key, Pair},
    socket::{Happened, Socket},
};
use crate::{ending, proxy::RequestEntry, status::Refusal};

/// One port-forward.
pub(super) struct PortHub<D: Dial> {
    forward: Forward,
    first: Option<Side<D::Io>>,
    dial: D,
    entry: RequestEntry,
    pairs: HashMap<Key, OpenPort>,
    /// Pairs that still lack their data stream, by the user's name for them.
    begun: HashMap<String, Begun>,
    data: HashMap<StreamId, Key>,
    tasks: JoinSet<()>,
    to_user: mpsc::Sender<(Key, FromPair)>,
    taken: Arc<Notify>,
    /// The pair whose port does not read, and until when that is borne.
    full: Option<(Key, Instant)>,
    /// When the next connection would be opened, if they came evenly.
    due: Instant,
    bytes_out: u64,
}

/// A pair that lacks its data stream.
struct Begun {
    error: StreamId,
    port: u16,
}

/// A pair.
struct OpenPort {
    data: StreamId,
    inbox: Inbox,
}

impl<D: Dial> PortHub<D> {
    pub(super) fn new(
        forward: Forward,
        first: Side<D::Io>,
        dial: D,
        entry: RequestEntry,
    ) -> (Self, mpsc::Receiver<(Key, FromPair)>) {
        let (to_user, from_pairs) = mpsc::channel(QUEUED);
        let hub = Self {
            forward,
            first: Some(first),
            dial,
            entry,
            pairs: HashMap::new(),
            begun: HashMap::new(),
            data: HashMap::new(),
            tasks: JoinSet::new(),
            to_user,
            taken: Arc::default(),
            full: None,
            due: Instant::now(),
            bytes_out: 0,
        };
        (hub, from_pairs)
    }

    pub(super) async fn serve(
        mut self,
        mut from_pairs: mpsc::Receiver<(Key, FromPair)>,
        halves: (Incoming, OutgoingSink),
        closing: CancellationToken,
    ) {
        let mut socket = Socket::new(Role::Server, self.forward.limits.connections.saturating_mul(2), halves);
        let mut standing = self.forward.standing.clone();
        let taken = Arc::clone(&self.taken);
        let mut lost = pin!(standing.lost());
        let ended: Option<Refusal> = loop {
            let stuck = self.full.map(|(_, until)| until);
            tokio::select! {
                happened = socket.next(stuck.is_none()) => match happened {
                    Happened::Events(events) => for event in events {
                        self.event(&mut socket, event).await;
                    },
                    Happened::Gone => break None,
                    Happened::Written => {}
                },
                item = from_pairs.recv(), if socket.has_room() => if let Some((key, item)) = item {
                    self.pass(&mut socket, key, item);
                },
                () = taken.notified(), if stuck.is_some() => self.look_again(),
                () = sleep_until(stuck.unwrap_or_else(Instant::now)), if stuck.is_some() => self.end_stuck(),
                Some(_ended) = self.tasks.join_next() => {}
                reason = &mut lost => break Some(ending::lost(&self.forward.standing, &reason)),
                () = closing.cancelled() => {
                    break Some(refusal::Refusal::new(ReasonCode::Stopping, "the bastion stops").into());
                }
            }
        };
        if let Some(refusal) = ended {
            tracing::info!(reason = refusal.message, "forwarded ports ended");
            self.tell_all(&mut socket, &refusal.message);
            self.entry.ended(&refusal);
            // kubectl ends with the connection, also in the middle of printing why; it closes when it has printed it.
            let gone = async { while !matches!(socket.next(true).await, Happened::Gone) {} };
            let _ = tokio::time::timeout(LAST_WORDS, gone).await;
        }
        self.entry.sent(self.bytes_out);
        socket.close().await;
        // The pairs write down how they ended; nobody is there to be told.
        drop(from_pairs);
        for open in self.pairs.values() {
            open.inbox.put(PortInput::Gone(None));
        }
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LINGER, ended).await;
    }

    async fn event(&mut self, socket: &mut Socket, event: Event) {
        match event {
            Event::Opened(id, headers) => self.opened(socket, id, &headers).await,
            Event::Data(id, data) => {
                socket.connection.consumed(id, data.len());
                let Some(open) = self.data.get(&id).and_then(|key| self.pairs.get(key)) else { return };
                self.entry.bytes_in().fetch_add(length(&data), Ordering::Relaxed);
                open.inbox.put(PortInput::Data(data));
                let is_full = open.inbox.bytes() >= self.forward.limits.waiting_bytes;
                if let Some(key) = self.data.get(&id).filter(|_| is_full && self.full.is_none()) {
                    self.full = Some((*key, Instant::now() + self.forward.limits.patience));
                }
            }
            Event::Finished(id) => self.tell_pair(id, PortInput::End),
            Event::Reset(id, _) => {
                self.begun.retain(|_, begun| begun.error != id);
                if let Some(key) = self.data.get(&id) {
                    socket.connection.reset(*key, ResetStatus::CANCEL);
                }
                self.tell_pair(id, PortInput::Gone(None));
            }
            // We open none.
            Event::Accepted(_) | Event::GoneAway => {}
        }
    }

    fn tell_pair(&self, data: StreamId, what: PortInput) {
        if let Some(open) = self.data.get(&data).and_then(|key| self.pairs.get(key)) {
            open.inbox.put(what);
        }
    }

    /// The error stream comes first; kubectl opens the data stream when it is accepted.
    async fn opened(&mut self, socket: &mut Socket, id: StreamId, headers: &Headers) {
        let connection = &mut socket.connection;
        let Some(PortStream { kind, port, pair }) = PortStream::read(id, headers) else {
            return connection.reset(id, ResetStatus::PROTOCOL_ERROR);
        };
        match kind {
            PortStreamKind::Error if self.begun.contains_key(&pair) => {
                connection.reset(id, ResetStatus::PROTOCOL_ERROR)
            }
            PortStreamKind::Error => {
                if self.pairs.len() + self.begun.len() >= self.forward.limits.connections {
                    return connection.reset(id, ResetStatus::REFUSED_STREAM);
                }
                if connection.accept(id).is_ok() {
                    self.begun.insert(pair, Begun { error: id, port });
                }
            }
            PortStreamKind::Data => match self.begun.remove(&pair) {
                Some(begun) if begun.port == port && connection.accept(id).is_ok() => {
                    self.paired(socket, begun, id).await;
                }
                Some(begun) => {
                    connection.reset(begun.error, ResetStatus::PROTOCOL_ERROR);
                    connection.reset(id, ResetStatus::PROTOCOL_ERROR);
                }
                None => connection.reset(id, ResetStatus::PROTOCOL_ERROR),
            },
        }
    }

    /// Decides on the port, and hands the pair to a task.
    async fn paired(&mut self, socket: &mut Socket, Begun { error, port }: Begun, data: StreamId) {
        let forward = match self.decided(port) {
            Ok(forward) => forward,
            Err(refusal) => {
                let event = PortRefusedEvent {
                    port: self.forward.pod.event(port),
                    rule: refusal.rule.map(String::from),
                    reason: refusal.message.clone(),
                    code: Some(refusal.reason),
                };
                // What finds no room is counted: it is a refusal.
                let _ = self.forward.log.record(AuditEvent::PortRefused(Box::new(event)));
                tell(socket, error, data, &refusal.message);
                return;
            }
        };
        let inbox = Inbox::new(Arc::clone(&self.taken));
        let pair = Pair {
            key: error,
            port,
            forward,
            not_before: self.turn(),
            first: self.first.take(),
            dial: self.dial.clone(),
            inbox: inbox.clone(),
            to_user: self.to_user.clone(),
        };
        self.pairs.insert(error, OpenPort { data, inbox });
        self.data.insert(data, error);
        self.tasks.spawn(pair.carry());
    }

    /// What the rules say to this port now; the permit of its connection, or why not.
    fn decided(&self, port: u16) -> Result<Forward, refusal::Refusal> {
        let refused = refusal::Refusal::new;
        let mut forward = self.forward.clone();
        let standing = &mut forward.standing;
        let Access::Cluster { request, .. } = &mut standing.access else {
            return Err(refused(ReasonCode::NotAllowed, "forwarded ports are those of a pod"));
        };
        *request = request.get().to_port(port).into();
        let request = request.clone();
        let (what, action) = (standing.access.resource(), standing.access.action());
        let rules = Arc::clone(&standing.rules.borrow());
        let context = Context { now: SystemTime::now(), source: standing.source, approved: &standing.approved };
        let verdict = rules.judge_request(&standing.user, what, &request.get(), context.now);
        if verdict.effect == RuleEffect::Block {
            return Err(refused(ReasonCode::RequestBlocked, &verdict.message).by_rule(verdict.rule));
        }
        match rules.decide(&standing.user, what, action, &context) {
            Decision::Allow(_) => Ok(forward),
            Decision::Deny(denial) => Err(refused(ReasonCode::NotAllowed, &denial.reason).by_rule(denial.rule)),
            Decision::Hold(hold) => {
                let message = format!("the role {} needs an approval now; forward anew", hold.role);
                Err(refused(ReasonCode::RulesChanged, &message))
            }
        }
    }

    /// When the next connection may be opened: some at once, and then evenly (the virtual scheduling of GCRA).
    fn turn(&mut self) -> Instant {
        let (now, step) = (Instant::now(), Duration::from_secs(1) / self.forward.limits.per_second.max(1));
        // A second's worth may come at once.
        self.due = self.due.max(now.checked_sub(Duration::from_secs(1)).unwrap_or(now)) + step;
        self.due.max(now)
    }

    /// Passes on what a pair has for the user.
    fn pass(&mut self, socket: &mut Socket, key: Key, item: FromPair) {
        let Some(open) = self.pairs.get(&key) else { return };
        let connection = &mut socket.connection;
        // What the user has ended on its side is dropped.
        match item {
            FromPair::Data(data) => {
                if connection.send(open.data, &data).is_ok() {
                    self.bytes_out += length(&data);
                }
            }
            FromPair::End => drop(connection.finish(open.data)),
            FromPair::Error(words) => drop(connection.send(key, &words)),
            FromPair::Over => {
                let _ = connection.finish(key);
                let _ = connection.finish(open.data);
                self.data.remove(&open.data);
                self.pairs.remove(&key);
                self.look_again();
            }
        }
    }

    /// Something was taken: the user is read again when the full one has room.
    fn look_again(&mut self) {
        let Some((key, _)) = self.full else { return };
        let limits = self.forward.limits;
        let is_full = |open: &OpenPort| open.inbox.bytes() >= limits.waiting_bytes;
        self.full = match self.pairs.get(&key) {
            // It reads, if slowly.
            Some(open) if is_full(open) => Some((key, Instant::now() + limits.patience)),
            Some(_) | None => None,
        };
    }

    /// A port has read nothing for long. It may, as long as nobody else waits for it.
    fn end_stuck(&mut self) {
        let Some((key, _)) = self.full.take() else { return };
        let Some(open) = self.pairs.get(&key) else { return };
        if self.pairs.len() == 1 {
            self.full = Some((key, Instant::now() + self.forward.limits.patience));
            return;
        }
        let reason = "the port does not read, and other connections waited for it";
        open.inbox.put(PortInput::Gone(Some(reason.to_owned())));
    }

    /// Tells every pair why all end.
    fn tell_all(&self, socket: &mut Socket, reason: &str) {
        for (error, open) in &self.pairs {
            tell(socket, *error, open.data, reason);
            open.inbox.put(PortInput::Gone(Some(reason.to_owned())));
        }
    }
}

/// Says on the error stream why there is no connection; kubectl prints it.
fn tell(socket: &mut Socket, error: StreamId, data: StreamId, reason: &str) {
    let connection = &mut socket.connection;
    let words = Bytes::from(format!("bastion: {reason}"));
    let _ = connection.send(error, &words);
    let _ = connection.finish(error);
    let _ = connection.finish(data);
}

fn length(data: &Bytes) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}

/// What pairs have for the user and the socket has not taken: a piece each.
const QUEUED: usize = 32;

/// How long a user may take to read why everything ends.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long the pairs may take to end.
const LINGER: Duration = Duration::from_secs(10);

//! How many connections a listener holds, and which of those that have not logged in makes room for a new one.
//!
//! A place is taken from the accept on. Of those that have not logged in there is a number for all, and one for each
//! source that nobody has logged in from; a share of the former is kept for networks that people have logged in from,
//! as an office with many people behind one address. When there is none left, one that is held goes, in this order:
//!
//! 1. one whose peer has said nothing for a second, which no honest program does;
//! 2. a silent one, where its source has several or a good part of all are: one of the source that has most;
//! 3. one of the source that has most; there, a silent one first.
//!
//! Always the oldest of them. So an honest login, which speaks at once and comes from an address that has few places,
//! is the last to go, and those who flood displace themselves.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::network::{KnownNetworks, Network};

/// How many connections.
#[derive(Debug, Clone, Copy)]
pub struct PlaceLimits {
    /// At a time.
    pub connections: usize,
    /// Of them not logged in yet.
    pub unauthenticated: usize,
    /// Of these from one source that nobody has logged in from.
    pub unauthenticated_per_source: usize,
}

/// The places of one listener.
#[derive(Debug)]
pub struct Places {
    listener: &'static str,
    limits: PlaceLimits,
    known: Arc<KnownNetworks>,
    state: Mutex<PlacesState>,
    freed: Notify,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    number: u64,
    network: Network,
    since: Instant,
    authenticated: AtomicBool,
    displaced: CancellationToken,
}

#[derive(Debug, Default)]
struct PlacesState {
    connections: usize,
    /// Those that have not logged in, oldest first.
    waiting: BTreeMap<u64, WaitingConnection>,
    /// The sources of these.
    sources: HashMap<Network, Arc<SourceCount>>,
    next: u64,
    /// Dropped to make room, and not reported yet.
    displaced: u64,
    reported: Option<Instant>,
}

#[derive(Debug)]
struct WaitingConnection {
    network: Network,
    source: Arc<SourceCount>,
    /// Whether people have logged in from there.
    known: bool,
    /// Since when the peer says nothing.
    silent: Option<Instant>,
    displaced: CancellationToken,
}

/// What a source has. Changed only under the lock of [`PlacesState`].
#[derive(Debug, Default)]
struct SourceCount {
    places: AtomicUsize,
    silent: AtomicUsize,
}

impl Places {
    /// Places of the listener of this name.
    #[must_use]
    pub fn new(listener: &'static str, limits: PlaceLimits, known: Arc<KnownNetworks>) -> Arc<Self> {
        Arc::new(Self { listener, limits, known, state: Mutex::default(), freed: Notify::new() })
    }

    /// Waits until a connection can be let in: there is a free place, or one that somebody makes room at.
    pub async fn vacancy(&self) {
        let mut told = false;
        loop {
            let freed = self.freed.notified();
            {
                let state = self.lock();
                if state.connections < self.limits.connections || !state.waiting.is_empty() {
                    return;
                }
            }
            if !told {
                let most = self.limits.connections;
                tracing::warn!(listener = self.listener, most, "all connections are in use: new ones wait");
                told = true;
            }
            freed.await;
        }
    }

    /// A place for a connection that comes `now` from this address; one that has not logged in is dropped where there
    /// is no room.
    #[must_use]
    pub fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Place {
        let network = Network::from(address);
        let known = self.known.contains(network, now);
        let displaced = CancellationToken::new();
        let mut state = self.lock();
        let most = self.limits.unauthenticated_per_source;
        if !known && state.sources.get(&network).is_some_and(|source| source.places() >= most) {
            state.displace(now, |waiting| waiting.network == network);
        }
        if state.waiting.len() >= self.limits.unauthenticated || state.connections >= self.limits.connections {
            let kept = self.limits.unauthenticated / KEPT_FOR_KNOWN;
            let share = if known { kept } else { self.limits.unauthenticated - kept };
            // Who has less than its share takes from the other.
            let of_the_same = state.waiting.values().filter(|waiting| waiting.known == known).count();
            let victim = if of_the_same < share { !known } else { known };
            let _went = state.displace(now, |waiting| waiting.known == victim) || state.displace(now, |_| true);
        }
        let number = state.next;
        state.next += 1;
        state.connections += 1;
        let source = Arc::clone(state.sources.entry(network).or_default());
        source.places.fetch_add(1, Ordering::Relaxed);
        source.silent.fetch_add(1, Ordering::Relaxed);
        let waiting = WaitingConnection { network, source, known, silent: Some(now), displaced: displaced.clone() };
        state.waiting.insert(number, waiting);
        let report = state.report(now);
        drop(state);
        if let Some(dropped) = report {
            tracing::warn!(
                listener = self.listener,
                dropped,
                "connections that had not logged in were dropped to make room"
            );
        }
        Place {
            places: Arc::clone(self),
            number,
            network,
            since: now,
            authenticated: AtomicBool::new(false),
            displaced,
        }
    }

    /// Drops a connection that has not logged in, if there is one.
    pub fn make_room(&self) {
        self.lock().displace(Instant::now(), |_| true);
    }

    fn lock(&self) -> MutexGuard<'_, PlacesState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PlacesState {
    /// Drops the first in the order of displacement of those that `may` go. Whether there was one.
    fn displace(&mut self, now: Instant, may: impl Fn(&WaitingConnection) -> bool) -> bool {
        let silent = self.waiting.values().filter(|waiting| waiting.silent.is_some()).count();
        let crowd = silent >= self.waiting.len() / CROWD;
        let candidates = self.waiting.iter().filter(|(_, waiting)| may(waiting));
        let victim = candidates.max_by_key(|(number, waiting)| (waiting.rank(crowd, now), Reverse(**number)));
        let Some(number) = victim.map(|(number, _)| *number) else { return false };
        if let Some(waiting) = self.leave(number) {
            waiting.displaced.cancel();
        }
        self.connections -= 1;
        self.displaced += 1;
        true
    }

    /// Takes one out of those that have not logged in.
    fn leave(&mut self, number: u64) -> Option<WaitingConnection> {
        let mut waiting = self.waiting.remove(&number)?;
        waiting.set_silent(None);
        if waiting.source.places.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.sources.remove(&waiting.network);
        }
        Some(waiting)
    }

    /// How many were dropped, when it is time to say so.
    fn report(&mut self, now: Instant) -> Option<u64> {
        let due = self.reported.is_none_or(|at| now.saturating_duration_since(at) >= REPORT_INTERVAL);
        if !due || self.displaced == 0 {
            return None;
        }
        self.reported = Some(now);
        Some(std::mem::take(&mut self.displaced))
    }
}

impl WaitingConnection {
    /// The greater goes first. Where there is a `crowd` of silent ones, one that has just come is not the oldest.
    fn rank(&self, crowd: bool, now: Instant) -> (u8, usize, bool) {
        let silent = self.silent.is_some();
        let alike = self.source.silent.load(Ordering::Relaxed);
        match self.silent {
            Some(since) if now.saturating_duration_since(since) >= SILENCE => (2, self.source.places(), silent),
            Some(_) if crowd || alike > 1 => (1, alike, silent),
            Some(_) | None => (0, self.source.places(), silent),
        }
    }

    fn set_silent(&mut self, since: Option<Instant>) {
        match (self.silent.is_some(), since.is_some()) {
            (true, false) => _ = self.source.silent.fetch_sub(1, Ordering::Relaxed),
            (false, true) => _ = self.source.silent.fetch_add(1, Ordering::Relaxed),
            (true, true) | (false, false) => {}
        }
        self.silent = since;
    }
}

impl SourceCount {
    fn places(&self) -> usize {
        self.places.load(Ordering::Relaxed)
    }
}

impl Place {
    /// When the connection was accepted.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Cancelled when the connection is to make room.
    #[must_use]
    pub fn displaced(&self) -> CancellationToken {
        self.displaced.clone()
    }

    /// The peer has said something.
    pub fn heard(&self) {
        self.set_silent(None);
    }

    /// The peer has nothing to say for now.
    pub fn silent(&self) {
        self.set_silent(Some(Instant::now()));
    }

    /// Somebody has logged in on it, or has shown a login: from now on it makes room for nobody.
    pub fn authenticated(&self) {
        if self.is_authenticated() || self.places.lock().leave(self.number).is_none() {
            return;
        }
        self.authenticated.store(true, Ordering::Relaxed);
        self.places.known.remember(self.network, Instant::now());
    }

    /// Whether somebody has.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    fn set_silent(&self, since: Option<Instant>) {
        if !self.is_authenticated()
            && let Some(waiting) = self.places.lock().waiting.get_mut(&self.number)
        {
            waiting.set_silent(since);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        // One that made room has left already.
        if state.leave(self.number).is_some() || self.is_authenticated() {
            state.connections -= 1;
        }
        drop(state);
        self.places.freed.notify_waiters();
    }
}

/// Of this many places for those who have not logged in, one is kept for networks that people have logged in from.
const KEPT_FOR_KNOWN: usize = 4;

/// Programs that speak SSH or TLS speak at once; their words need one way, as the connection itself did.
const SILENCE: Duration = Duration::from_secs(1);

/// Silent ones are a crowd when they are one in so many of those who have not logged in.
const CROWD: usize = 4;

/// How often the log may say that connections were dropped: whoever floods must not fill it.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;

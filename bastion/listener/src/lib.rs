//! How connections come in, on every port alike: one accept loop, one admission. Files in reading order:
//!
//! - `places`: how many may be here, and who makes room
//! - `network`: where a connection comes from, and which networks people have logged in from
//! - `heard`: notes that a peer has said something
//! - `tls`: the handshake
//! - `http`: HTTP/1.1 and HTTP/2, with a deadline at every stage
//!
//! Until somebody has logged in on it a connection costs its peer nothing. So it has one of a bounded number of
//! places; when they are all taken a new one does not wait for an old silent one, which is dropped instead.
//! Connections of people who have logged in are never dropped to make room: when these fill the listener, new ones
//! wait in the kernel's queue.

use std::{
    io::{Error, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::net::sockopt;
use tokio::{
    net::{TcpListener, TcpStream},
    task::yield_now,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod heard;
pub mod http;
mod network;
mod places;
pub mod tls;

pub use heard::Heard;
pub use network::{KnownNetworks, Network};
pub use places::{Place, PlaceLimits, Places};

/// What every listener bears of its peers.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections.
    pub places: PlaceLimits,
    /// How long a peer may take until it is logged in (SSH), or has made its first request (HTTP).
    pub login: Duration,
    /// How long an HTTP connection may be without a request.
    pub idle: Duration,
    /// How long an answer may wait until its reader has room for the next part, if nobody has logged in.
    pub unread: Duration,
}

/// What the listeners have in common: limits, and the networks that people have logged in from.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The limits of each listener.
    pub limits: Limits,
    /// Shared: who has logged in at one port is known at the others.
    pub known: Arc<KnownNetworks>,
}

/// A listening socket and the places of its connections.
pub struct Listener {
    name: &'static str,
    socket: TcpListener,
    places: Arc<Places>,
}

/// A connection that was let in.
pub struct Arrived {
    /// The connection.
    pub stream: Heard<TcpStream>,
    /// The peer's address.
    pub peer: SocketAddr,
    /// Its place among the connections, kept as long as anything of it runs.
    pub place: Arc<Place>,
}

impl Limits {
    /// Of [`Self::unread`]: 16 KiB in that time are enough.
    pub const UNREAD: Duration = Duration::from_mins(1);
}

impl Listener {
    /// A listener on a bound socket; the log has its `name`.
    pub fn new(name: &'static str, socket: TcpListener, admission: &Admission) -> Self {
        let places = Places::new(name, admission.limits.places, Arc::clone(&admission.known));
        Self { name, socket, places }
    }

    /// Gives every connection to `serve`, as one of the tasks of `connections`, until `stop`. Those that run then go on.
    pub async fn run<S, F>(self, stop: &CancellationToken, connections: &TaskTracker, serve: S)
    where
        S: Fn(Arrived) -> F + Send,
        F: Future<Output = ()> + Send + 'static,
    {
        while let Some((stream, peer)) = stop.run_until_cancelled(self.accept()).await {
            watch_for_death(&stream, self.name);
            let place = Arc::new(self.places.admit(peer.ip(), Instant::now()));
            let displaced = place.displaced();
            let served = serve(Arrived { stream: Heard::new(stream, Arc::clone(&place)), peer, place });
            connections.spawn(async move {
                if displaced.run_until_cancelled_owned(served).await.is_none() {
                    tracing::debug!(peer.addr = %peer, "dropped to make room");
                }
            });
            // Everybody else has a turn before the next one is let in. With more to accept than there is time for, a
            // keystroke would otherwise wait at each of its steps for all who came since the step before; so it is
            // the newcomers who wait, in the kernel's queue.
            yield_now().await;
        }
    }

    /// The next connection.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut failing = false;
        loop {
            self.places.vacancy().await;
            match self.socket.accept().await {
                Ok(accepted) => {
                    if failing {
                        tracing::info!(listener = self.name, "listener accepts again");
                    }
                    return accepted;
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    // Most likely there are no file descriptors left: a peer that has not logged in may hold one.
                    self.places.make_room();
                    if !failing {
                        tracing::warn!(%error, listener = self.name, "listener cannot accept; trying on");
                    }
                    failing = true;
                    sleep(ACCEPT_BACK_OFF).await;
                }
            }
        }
    }
}

/// Small packets go out at once, and the kernel asks a silent peer whether it is still there.
fn watch_for_death(stream: &TcpStream, listener: &'static str) {
    let set = stream.set_nodelay(true).and_then(|()| {
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, PROBE_AFTER)?;
        sockopt::set_tcp_keepintvl(stream, PROBE_INTERVAL)?;
        Ok(sockopt::set_tcp_keepcnt(stream, PROBES)?)
    });
    if let Err(error) = set {
        tracing::debug!(%error, listener, "a socket option could not be set");
    }
}

/// Whether a peer went away before it was accepted; others wait behind it.
fn is_the_peers(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

/// How long to wait when there are no file descriptors left: the next try would fail at once again.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// Silence until the kernel probes: sooner than home routers forget a connection.
const PROBE_AFTER: Duration = Duration::from_mins(1);

/// Between probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(20);

/// Probes without an answer until the peer is taken for dead: a minute without a network is survived.
const PROBES: u32 = 6;

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// Connections that wait when the listener begins.
    const CROWD: usize = 100;

    #[tokio::test]
    async fn a_crowd_is_let_in_one_by_one_and_others_have_their_turn_in_between() {
        let places = PlaceLimits { connections: 10, unauthenticated: 10, unauthenticated_per_source: 10 };
        let minute = Duration::from_mins(1);
        let limits = Limits { places, login: minute, idle: minute, unread: minute };
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let listener = Listener::new("test", socket, &Admission { limits, known: Arc::default() });
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            crowd.push(TcpStream::connect(address).await.unwrap());
        }

        let (turns, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let busy = Arc::clone(&turns);
        tokio::spawn(async move {
            loop {
                busy.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        let let_in_at = Mutex::new(Vec::new());
        let serve = |arrived: Arrived| {
            let mut let_in_at = let_in_at.lock().unwrap();
            let_in_at.push(turns.load(Ordering::Relaxed));
            if let_in_at.len() == CROWD {
                stop.cancel();
            }
            async move {
                let _arrived = arrived;
                std::future::pending().await
            }
        };
        listener.run(&stop, &TaskTracker::new(), serve).await;
        let let_in_at = let_in_at.into_inner().unwrap();
        assert!(let_in_at.is_sorted_by(|before, after| before < after), "{let_in_at:?}");
    }
}

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
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod heard;
pub(crate) mod http;
mod network;
mod places;
pub(crate) mod tls;

pub(crate) use heard::Heard;
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
pub(crate) struct Listener {
    name: &'static str,
    socket: TcpListener,
    places: Arc<Places>,
}

/// A connection that was let in.
pub(crate) struct Arrived {
    /// The connection.
    pub(crate) stream: Heard<TcpStream>,
    /// The peer's address.
    pub(crate) peer: SocketAddr,
    /// Its place among the connections, kept as long as anything of it runs.
    pub(crate) place: Arc<Place>,
}

impl Limits {
    /// Of [`Self::unread`]: 16 KiB in that time are enough.
    pub const UNREAD: Duration = Duration::from_mins(1);
}

impl Listener {
    /// A listener on a bound socket; the log has its `name`.
    pub(crate) fn new(name: &'static str, socket: TcpListener, admission: &Admission) -> Self {
        let places = Places::new(name, admission.limits.places, Arc::clone(&admission.known));
        Self { name, socket, places }
    }

    /// Gives every connection to `serve`, as one of the tasks of `connections`, until `stop`. Those that run then go on.
    pub(crate) async fn run<S, F>(self, stop: &CancellationToken, connections: &TaskTracker, serve: S)
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

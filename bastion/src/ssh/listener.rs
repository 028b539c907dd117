//! Accepts connections: limits, one task and one span for each. A silent or
//! slow client costs its own task only, and its place for no longer than the
//! login grace time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use russh::{Disconnect, server};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, warn};

use super::{
    algorithms::SOCKET_BUFFER_BYTES,
    connection::Front,
    handler::{Entrance, Handler},
    severable::Severable,
};

/// Pause after an accept error such as "too many open files": the next try would fail at once again.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Limits on connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Most connections at a time.
    pub connections: usize,
    /// Most connections at a time that are not authenticated yet.
    pub unauthenticated: usize,
}

/// The SSH front's listening socket.
pub struct Listener {
    socket: TcpListener,
    front: Arc<Front>,
    connections: Arc<Semaphore>,
    unauthenticated: Arc<Semaphore>,
}

impl Listener {
    /// A front that accepts on `socket`.
    #[must_use]
    pub fn new(socket: TcpListener, front: Arc<Front>, limits: &ConnectionLimits) -> Self {
        Self {
            socket,
            front,
            connections: Arc::new(Semaphore::new(limits.connections)),
            unauthenticated: Arc::new(Semaphore::new(limits.unauthenticated)),
        }
    }

    /// Accepts connections until `stop`. Connections that run then go on.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, source)) => self.admit(stream, source),
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    /// Starts the task of one connection, or closes it when a limit is reached.
    fn admit(&self, stream: TcpStream, source: SocketAddr) {
        let places =
            (Arc::clone(&self.connections).try_acquire_owned(), Arc::clone(&self.unauthenticated).try_acquire_owned());
        let (Ok(place), Ok(unauthenticated)) = places else {
            info!(peer.addr = %source, "connection limit reached");
            return;
        };
        let front = Arc::clone(&self.front);
        let span = tracing::info_span!("ssh.connection", peer.addr = %source, subject.id = tracing::field::Empty);
        self.front.tasks.spawn(
            async move {
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "TCP_NODELAY");
                }
                let stream = BufReader::with_capacity(SOCKET_BUFFER_BYTES, stream);
                serve(front, Entrance::Front, source, stream, move || drop(unauthenticated)).await;
                drop::<OwnedSemaphorePermit>(place);
            }
            .instrument(span),
        );
    }
}

/// Serves one SSH connection, from the network or inside a jump, to its end.
/// `authenticated` is called once the user has proved who it is.
pub async fn serve<S>(
    front: Arc<Front>,
    entrance: Entrance,
    source: SocketAddr,
    stream: S,
    authenticated: impl FnOnce() + Send,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let target = match &entrance {
        Entrance::Front => None,
        Entrance::Jump(target) => Some(target),
    };
    let config = match front.host_identity.server_config(target, Timestamp::now()) {
        Ok(config) => config,
        Err(error) => return warn!(%error, "no host certificate"),
    };
    let (grace, front_open) = (front.login_grace_time, front.closing.clone());
    let ends_with_login = front.sessions.limits.end_with_login;
    let (sender, receiver) = oneshot::channel();
    let handler = Handler::new(front, entrance, source, sender);

    // Whatever becomes of this function, the connection does not outlive it.
    let connected = front_open.child_token();
    let stream = Severable::new(stream, connected.clone());
    let _cut = connected.drop_guard();

    // Version exchange, key exchange and authentication together have the grace time.
    let login = timeout(grace, async {
        let mut running = server::run_stream(config, stream, handler).await?;
        tokio::select! {
            // The handler lives as long as the connection, so an error here is its end.
            login = receiver => Ok(login.ok().map(|login| (running, login))),
            ended = &mut running => ended.map(|()| None),
        }
    });
    let (mut running, mut login) = match login.await {
        Ok(Ok(Some(served))) => served,
        Ok(Ok(None)) => return debug!("connection ended before it was authenticated"),
        Ok(Err(error)) => return debug!(%error, "connection failed before it was authenticated"),
        Err(_) => return info!(peer.addr = %source, "connection not authenticated within the login grace time"),
    };
    authenticated();
    let handle = running.handle();
    let outlived = async {
        login.ended().await;
        // Its sessions say why they end. Then nothing can start on it, and a client that keeps it for later sessions
        // would keep its user out after the next login.
        sleep(PARTING).await;
    };
    tokio::select! {
        ended = &mut running => {
            if let Err(error) = ended {
                debug!(%error, "connection failed");
            }
        }
        () = outlived, if ends_with_login => {
            debug!("the login has ended, and so does the connection");
            let text = "your login has ended; run \"bastion login\"".to_owned();
            let _ = timeout(FAREWELL, async {
                // It may be gone at this very moment.
                let _ = handle.disconnect(Disconnect::ByApplication, text, String::new()).await;
                let _ = running.await;
            })
            .await;
        }
    }
}

/// How long the sessions of a connection may take to say that their login has ended: their last words have five
/// seconds ([`relay`](crate::session::relay)).
const PARTING: Duration = Duration::from_secs(8);

/// How long a client may take to hear that its connection ends.
const FAREWELL: Duration = Duration::from_secs(2);

//! Serves the connections of the listener: one task and one span for each. A slow client costs its own task only, and
//! its place for no longer than the login grace time.

use std::{net::SocketAddr, sync::Arc};

use jiff::Timestamp;
use russh::server;
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    net::TcpListener,
    sync::oneshot,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, warn};

use super::{
    algorithms::SOCKET_BUFFER_BYTES,
    connection::Front,
    handler::{Entrance, Handler},
    severable::Severable,
};
use crate::listener::{self, Admission, Arrived};

/// The SSH front's listening socket.
pub struct Listener {
    listener: listener::Listener,
    front: Arc<Front>,
}

impl Listener {
    /// A front that accepts on `socket`.
    #[must_use]
    pub fn new(socket: TcpListener, front: Arc<Front>, admission: &Admission) -> Self {
        Self { listener: listener::Listener::new("ssh", socket, admission), front }
    }

    /// Accepts connections until `stop`. Connections that run then go on.
    pub async fn run(self, stop: CancellationToken) {
        let Self { listener, front } = self;
        let arrived = |Arrived { stream, peer, place }| {
            let span = tracing::info_span!("ssh.connection", peer.addr = %peer, subject.id = tracing::field::Empty);
            let stream = BufReader::with_capacity(SOCKET_BUFFER_BYTES, stream);
            let authenticated = Arc::clone(&place);
            let served =
                serve(Arc::clone(&front), Entrance::Front, peer, stream, move || authenticated.authenticated());
            async move {
                served.await;
                drop(place);
            }
            .instrument(span)
        };
        listener.run(&stop, &front.tasks, arrived).await;
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
            _ = receiver => Ok(Some(running)),
            ended = &mut running => ended.map(|()| None),
        }
    });
    let running = match login.await {
        Ok(Ok(Some(running))) => running,
        Ok(Ok(None)) => return debug!("connection ended before it was authenticated"),
        Ok(Err(error)) => return debug!(%error, "connection failed before it was authenticated"),
        Err(_) => return debug!("connection not authenticated within the login grace time"),
    };
    authenticated();
    if let Err(error) = running.await {
        debug!(%error, "connection failed");
    }
}

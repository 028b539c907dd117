//! Serves the connections of the listener: one task and one span for each. A slow client costs its own task only, and
//! its place for no longer than the login grace time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use listener::{Admission, Arrived};
use russh::{Disconnect, server};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::oneshot,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, warn};

use super::{
    connection::Front,
    cuttable::Cuttable,
    handler::{Entrance, Handler},
    read_ahead::ReadAhead,
};

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
            let stream = ReadAhead::new(stream);
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
    let ends_with_login = front.sessions.limits.end_with_login;
    let (sender, receiver) = oneshot::channel();
    let handler = Handler::new(front, entrance, source, sender);

    // Whatever becomes of this function, the connection does not outlive it.
    let connected = front_open.child_token();
    let stream = Cuttable::new(stream, connected.clone());
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
        Err(_) => return debug!("connection not authenticated within the login grace time"),
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
/// seconds ([`relay`](session::relay)).
const PARTING: Duration = Duration::from_secs(8);

/// How long a client may take to hear that its connection ends.
const FAREWELL: Duration = Duration::from_secs(2);

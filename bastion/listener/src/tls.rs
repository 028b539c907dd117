//! Connections whose TLS handshake is done, for the web and the Kubernetes front.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout_at,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Admission, Arrived, Heard, Limits, Listener, Place};

/// Accepts connections and does their TLS handshakes.
pub struct TlsListener {
    name: &'static str,
    listener: Listener,
    limits: Limits,
    tls: TlsAcceptor,
}

/// A connection whose handshake is done.
pub struct Accepted {
    /// The connection.
    pub stream: TlsStream<Heard<TcpStream>>,
    /// The peer's address.
    pub peer: SocketAddr,
    /// Its place among the connections.
    pub place: Arc<Place>,
    /// What is borne of it.
    pub limits: Limits,
}

impl TlsListener {
    /// A listener on a bound socket; the log has its `name`.
    pub fn new(name: &'static str, socket: TcpListener, tls: Arc<ServerConfig>, admission: &Admission) -> Self {
        let listener = Listener::new(name, socket, admission);
        Self { name, listener, limits: admission.limits, tls: TlsAcceptor::from(tls) }
    }

    /// Gives every connection to `serve` until `stop`; then nothing new is accepted. Returns when the last has ended.
    pub async fn serve<S, F>(self, stop: &CancellationToken, serve: S)
    where
        S: Fn(Accepted) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { name, listener, limits, tls } = self;
        let connections = TaskTracker::new();
        let arrived = |Arrived { stream, peer, place }| {
            let (tls, serve, stop) = (tls.clone(), serve.clone(), stop.clone());
            async move {
                let handshake = handshake(name, tls, stream, peer, &place, limits);
                if let Some(Some(stream)) = stop.run_until_cancelled(handshake).await {
                    serve(Accepted { stream, peer, place, limits }).await;
                }
            }
        };
        listener.run(stop, &connections, arrived).await;
        connections.close();
        connections.wait().await;
    }
}

async fn handshake(
    name: &'static str,
    tls: TlsAcceptor,
    stream: Heard<TcpStream>,
    peer: SocketAddr,
    place: &Place,
    limits: Limits,
) -> Option<TlsStream<Heard<TcpStream>>> {
    let deadline = place.since() + HANDSHAKE_DEADLINE.min(limits.login);
    match timeout_at(deadline.into(), tls.accept(stream)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => tracing::debug!(peer.addr = %peer, %error, listener = name, "TLS handshake failed"),
        Err(_) => tracing::debug!(peer.addr = %peer, listener = name, "TLS handshake took too long"),
    }
    None
}

/// Slow enough for the slowest mobile network.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

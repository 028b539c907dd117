//! The web listener: accept, TLS handshake, HTTP/1.1 or HTTP/2.
//!
//! A peer that does not get on with its handshake or its request head is
//! dropped after a deadline; peers beyond the limit wait in the kernel's queue.
//! An error of `accept` (no file descriptors left) is waited out, not fatal.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use http::Request;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// Serves a router over TLS.
pub struct Listener {
    listener: TcpListener,
    tls: TlsAcceptor,
    router: Router,
    slots: Arc<Semaphore>,
}

impl Listener {
    /// A listener on a bound socket that serves at most `max_connections` at a time.
    #[must_use]
    pub fn new(listener: TcpListener, tls: Arc<ServerConfig>, router: Router, max_connections: usize) -> Self {
        let slots = Arc::new(Semaphore::new(max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { listener, tls: TlsAcceptor::from(tls), router, slots }
    }

    /// Serves until `stop`. Then nothing new is accepted, requests that are under way are answered, and idle
    /// connections end; returns when the last one has. The caller sets the deadline.
    pub async fn serve(self, stop: CancellationToken) {
        let connections = TaskTracker::new();
        while let Some((stream, peer, slot)) = self.accept(&stop).await {
            let connection = Connection {
                tls: self.tls.clone(),
                router: self.router.clone(),
                peer,
                stop: stop.clone(),
                _slot: slot,
            };
            connections.spawn(connection.serve(stream));
        }
        drop(self.listener);
        connections.close();
        connections.wait().await;
    }

    /// The next connection; `None` after `stop`.
    async fn accept(&self, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let next = async {
            let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
            loop {
                match self.listener.accept().await {
                    Ok((stream, peer)) => return Some((stream, peer, slot)),
                    Err(error) if is_the_peers(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "web listener cannot accept");
                        tokio::time::sleep(ACCEPT_BACK_OFF).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(next).await.flatten()
    }
}

/// One accepted connection.
struct Connection {
    tls: TlsAcceptor,
    router: Router,
    peer: SocketAddr,
    stop: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(peer.addr = %self.peer, %error, "web connection without TCP_NODELAY");
        }
        let handshake = timeout(HANDSHAKE_DEADLINE, self.tls.accept(stream));
        match self.stop.run_until_cancelled(handshake).await {
            None => {}
            Some(Ok(Ok(stream))) => self.serve_http(stream).await,
            Some(Ok(Err(error))) => tracing::debug!(peer.addr = %self.peer, %error, "TLS handshake failed"),
            Some(Err(_)) => tracing::debug!(peer.addr = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn serve_http(self, stream: TlsStream<TcpStream>) {
        let peer = self.peer;
        let service = self.router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE).max_buf_size(MAX_HEAD_BYTES);
        server
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER_LIST_BYTES);
        let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let mut connection = std::pin::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(peer.addr = %peer, %error, "web connection ended");
        }
    }
}

/// Errors of one connection that `accept` reports: the next may come at once.
fn is_the_peers(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

/// How long to wait when there are no file descriptors left.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(200);

/// Slow enough for the slowest mobile network.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// How long the head of a request may take; also how long an HTTP/1.1 connection may be idle.
const HEAD_DEADLINE: Duration = Duration::from_secs(60);

/// How often an idle HTTP/2 peer is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Cookies, a bearer token and the callback's query fit many times.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The same for HTTP/2.
const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;

/// A page of the console asks for a dozen things at once.
const MAX_STREAMS: u32 = 100;

#[cfg(test)]
mod tests;

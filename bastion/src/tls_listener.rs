//! What the web and the Kubernetes listener have in common: accept, TLS handshake, HTTP/1.1 or HTTP/2.
//!
//! A peer that does not get on with its handshake or its request head is dropped after a deadline; peers beyond the
//! limit wait in the kernel's queue. An error of `accept` (no file descriptors left) is waited out, not fatal, and a
//! peer that left while it waited is none.

use std::{
    fmt::Display,
    io::{Error, ErrorKind},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::{conn::auto, graceful::GracefulConnection},
};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Accepts connections and does their TLS handshakes.
pub(crate) struct TlsListener {
    name: &'static str,
    socket: TcpListener,
    tls: TlsAcceptor,
    places: Arc<Semaphore>,
}

/// A connection whose handshake is done.
pub(crate) struct Accepted {
    /// The connection.
    pub(crate) stream: TlsStream<TcpStream>,
    /// The peer's address.
    pub(crate) peer: SocketAddr,
    /// Its place among the connections.
    pub(crate) place: OwnedSemaphorePermit,
}

/// What an HTTP server bears of a peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpLimits {
    /// How long the head of a request may take; also how long an HTTP/1.1 connection may be idle.
    pub(crate) head_deadline: Duration,
    /// How often an idle HTTP/2 peer is asked whether it lives.
    pub(crate) keep_alive: Duration,
    /// How long the head of a request may be.
    pub(crate) max_head_bytes: u32,
    /// Requests at a time on one HTTP/2 connection.
    pub(crate) max_streams: u32,
}

impl TlsListener {
    /// A listener on a bound socket that holds at most `max_connections` at a time; the log has its `name`.
    pub(crate) fn new(name: &'static str, socket: TcpListener, tls: Arc<ServerConfig>, max_connections: usize) -> Self {
        let places = Arc::new(Semaphore::new(max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { name, socket, tls: TlsAcceptor::from(tls), places }
    }

    /// Gives every connection to `serve` until `stop`; then nothing new is accepted. Returns when the last has ended.
    pub(crate) async fn serve<S, F>(self, stop: &CancellationToken, serve: S)
    where
        S: Fn(Accepted) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let connections = TaskTracker::new();
        while let Some((stream, peer, place)) = self.accept(stop).await {
            let (tls, serve, stop, name) = (self.tls.clone(), serve.clone(), stop.clone(), self.name);
            connections.spawn(async move {
                let handshake = handshake(name, tls, stream, peer);
                if let Some(Some(stream)) = stop.run_until_cancelled(handshake).await {
                    serve(Accepted { stream, peer, place }).await;
                }
            });
        }
        drop(self.socket);
        connections.close();
        connections.wait().await;
    }

    /// The next connection; `None` after `stop`.
    async fn accept(&self, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let next = async {
            let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
            loop {
                match self.socket.accept().await {
                    Ok((stream, peer)) => return Some((stream, peer, place)),
                    Err(error) if is_the_peers(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, listener = self.name, "listener cannot accept");
                        tokio::time::sleep(ACCEPT_BACK_OFF).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(next).await.flatten()
    }
}

/// An HTTP server with these limits.
pub(crate) fn http(limits: HttpLimits) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    let max_head_bytes = usize::try_from(limits.max_head_bytes).unwrap_or(usize::MAX);
    server.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_deadline).max_buf_size(max_head_bytes);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.keep_alive)
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(limits.max_head_bytes);
    server
}

/// Serves an HTTP connection to its end. At `stop`, requests that are under way are answered, and no more are read.
#[expect(clippy::manual_async_fn, reason = "that the future is Send has to be said for the compiler to see it")]
pub(crate) fn answer<C>(connection: C, peer: SocketAddr, stop: CancellationToken) -> impl Future<Output = ()> + Send
where
    C: GracefulConnection<Error: Display + Send> + Send,
{
    async move {
        let mut connection = pin!(connection);
        let answered = tokio::select! {
            answered = connection.as_mut() => answered,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = answered {
            tracing::debug!(peer.addr = %peer, %error, "connection ended");
        }
    }
}

async fn handshake(
    name: &'static str,
    tls: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<TlsStream<TcpStream>> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(peer.addr = %peer, %error, listener = name, "connection without TCP_NODELAY");
    }
    match timeout(HANDSHAKE_DEADLINE, tls.accept(stream)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => tracing::debug!(peer.addr = %peer, %error, listener = name, "TLS handshake failed"),
        Err(_) => tracing::debug!(peer.addr = %peer, listener = name, "TLS handshake took too long"),
    }
    None
}

/// Whether a peer went away before it was accepted; others wait behind it.
fn is_the_peers(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

/// How long to wait when there are no file descriptors left.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(200);

/// Slow enough for the slowest mobile network.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

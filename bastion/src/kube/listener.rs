//! The Kubernetes listener: accept, TLS with an optional client certificate, HTTP/1.1 or HTTP/2.
//!
//! TLS proves that a certificate is one of our CA, good now, and that the peer holds its key. A peer without one may
//! show a bearer token. Silent peers are dropped after a deadline; an error of `accept` is waited out.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::{
    RootCertStore, ServerConfig,
    server::{ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier},
};
use rustls_pki_types::CertificateDer;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::front::{Front, Peer};

/// Why the front cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum ListenerTlsError {
    /// The CA for clients cannot be used.
    #[error("the CA for Kubernetes clients cannot be used: {0}")]
    ClientCa(#[from] VerifierBuilderError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// TLS that shows the certificate of `server` and takes client certificates of `client_ca`.
///
/// # Errors
///
/// When the CA cannot be used.
pub fn tls(
    server: Arc<dyn ResolvesServerCert>,
    client_ca: &CertificateDer<'static>,
) -> Result<Arc<ServerConfig>, ListenerTlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(client_ca.clone())?;
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(server);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Serves a front over TLS.
pub struct Listener {
    socket: TcpListener,
    tls: TlsAcceptor,
    front: Arc<Front>,
    places: Arc<Semaphore>,
}

impl Listener {
    /// A listener on a bound socket that serves at most `max_connections` at a time.
    #[must_use]
    pub fn new(socket: TcpListener, tls: Arc<ServerConfig>, front: Arc<Front>, max_connections: usize) -> Self {
        let places = Arc::new(Semaphore::new(max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { socket, tls: TlsAcceptor::from(tls), front, places }
    }

    /// Serves until `stop`. Then nothing new is accepted and requests that are under way are answered; returns when
    /// the last one has ended, or when `closing` ends them.
    pub async fn serve(self, stop: CancellationToken, closing: CancellationToken) {
        let connections = TaskTracker::new();
        while let Some((stream, peer, place)) = self.accept(&stop).await {
            let connection = Connection {
                tls: self.tls.clone(),
                front: Arc::clone(&self.front),
                peer,
                stop: stop.clone(),
                place: Arc::new(place),
            };
            let closing = closing.clone();
            connections.spawn(async move {
                let _ended = closing.run_until_cancelled_owned(connection.serve(stream)).await;
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
                    Err(error) => {
                        tracing::warn!(%error, "Kubernetes listener cannot accept");
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
    front: Arc<Front>,
    peer: SocketAddr,
    stop: CancellationToken,
    place: Arc<OwnedSemaphorePermit>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(peer.addr = %self.peer, %error, "connection without TCP_NODELAY");
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
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
        let certificate = certificate.map(CertificateDer::into_owned);
        let peer = Peer { address: self.peer, certificate, place: Arc::clone(&self.place) };
        let (front, peer) = (Arc::clone(&self.front), Arc::new(peer));
        let service = service_fn(move |request| Arc::clone(&front).serve(Arc::clone(&peer), request));
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE).max_buf_size(MAX_HEAD_BYTES);
        server
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER_LIST_BYTES);
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(peer.addr = %self.peer, %error, "connection ended");
        }
    }
}

/// How long to wait when there are no file descriptors left, and after a peer that left in the queue.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(50);

/// Slow enough for the slowest mobile network.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// How long the head of a request may take; also how long an HTTP/1.1 connection may be idle.
const HEAD_DEADLINE: Duration = Duration::from_secs(90);

/// How often an idle HTTP/2 peer is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// exec carries the whole command in the request line.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// The same for HTTP/2.
const MAX_HEADER_LIST_BYTES: u32 = 256 * 1024;

/// As many as the API server itself allows; a controller has a watch for each resource.
const MAX_STREAMS: u32 = 250;

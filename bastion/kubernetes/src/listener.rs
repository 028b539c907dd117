//! The Kubernetes listener: connections of `TlsListener` with an optional client certificate, served by the front.
//!
//! TLS proves that a certificate is one of our CA, good now, and that the peer holds its key. A peer without one may
//! show a bearer token.

use std::{sync::Arc, time::Duration};

use hyper::service::service_fn;
use listener::{
    Admission,
    http::{HttpLimits, serve},
    tls::{Accepted, TlsListener},
};
use rustls::{
    RootCertStore, ServerConfig,
    server::{ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier},
};
use rustls_pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
    listener: TlsListener,
    front: Arc<Front>,
}

impl Listener {
    /// A listener on a bound socket.
    #[must_use]
    pub fn new(socket: TcpListener, tls: Arc<ServerConfig>, front: Arc<Front>, admission: &Admission) -> Self {
        Self { listener: TlsListener::new("kube", socket, tls, admission), front }
    }

    /// Serves until `stop`. Then nothing new is accepted and requests that are under way are answered; returns when
    /// the last one has ended, or when `closing` ends them. Those who are connected at `leaving` are parted with in the
    /// same way, so that they come back elsewhere; who comes later is served.
    pub async fn serve(self, stop: CancellationToken, leaving: CancellationToken, closing: CancellationToken) {
        let (front, stopped) = (self.front, stop.clone());
        let serve = move |accepted| {
            let parting = if leaving.is_cancelled() { stopped.clone() } else { leaving.clone() };
            let served = serve_http(Arc::clone(&front), accepted, parting);
            let closing = closing.clone();
            async move {
                let _ended = closing.run_until_cancelled_owned(served).await;
            }
        };
        self.listener.serve(&stop, serve).await;
    }
}

async fn serve_http(front: Arc<Front>, accepted: Accepted, stop: CancellationToken) {
    let tls = accepted.stream.get_ref().1;
    let certificate = tls.peer_certificates().and_then(<[_]>::first).cloned();
    let certificate = certificate.map(CertificateDer::into_owned);
    let server_name = tls.server_name().map(str::to_owned);
    let peer = Arc::new(Peer { address: accepted.peer, certificate, server_name, place: Arc::clone(&accepted.place) });
    let service = service_fn(move |request| Arc::clone(&front).serve(Arc::clone(&peer), request));
    serve(accepted, LIMITS, stop, service).await;
}

const LIMITS: HttpLimits = HttpLimits {
    keep_alive: Duration::from_secs(30),
    // exec carries the whole command in the request line.
    max_head_bytes: 256 * 1024,
    // As many as the API server itself allows; a controller has a watch for each resource.
    max_streams: 250,
};

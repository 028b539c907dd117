//! The web listener: connections of `TlsListener`, served by a router.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use http::Request;
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::tls_listener::{Accepted, HttpLimits, TlsListener, answer, http};

/// Serves a router over TLS.
pub struct Listener {
    listener: TlsListener,
    router: Router,
}

impl Listener {
    /// A listener on a bound socket that serves at most `max_connections` at a time.
    #[must_use]
    pub fn new(socket: TcpListener, tls: Arc<ServerConfig>, router: Router, max_connections: usize) -> Self {
        Self { listener: TlsListener::new("web", socket, tls, max_connections), router }
    }

    /// Serves until `stop`. Then nothing new is accepted, requests that are under way are answered, and idle
    /// connections end; returns when the last one has. The caller sets the deadline.
    pub async fn serve(self, stop: CancellationToken) {
        let (router, stopped) = (self.router, stop.clone());
        self.listener.serve(&stop, move |accepted| serve_http(router.clone(), accepted, stopped.clone())).await;
    }
}

async fn serve_http(router: Router, accepted: Accepted, stop: CancellationToken) {
    let Accepted { stream, peer, place } = accepted;
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
        request
    });
    let server = http(LIMITS);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    answer(connection, peer, stop).await;
    drop(place);
}

const LIMITS: HttpLimits = HttpLimits {
    head_deadline: Duration::from_secs(60),
    keep_alive: Duration::from_secs(60),
    // Cookies, a bearer token and the callback's query fit many times.
    max_head_bytes: 64 * 1024,
    // A page of the console asks for a dozen things at once.
    max_streams: 100,
};

#[cfg(test)]
mod tests;

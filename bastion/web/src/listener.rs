//! The web listener: connections of `TlsListener`, served by a router.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use http::Request;
use hyper::body::Incoming;
use hyper_util::service::TowerToHyperService;
use listener::{
    Admission,
    http::{HttpLimits, serve},
    tls::{Accepted, TlsListener},
};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Serves a router over TLS.
pub struct Listener {
    listener: TlsListener,
    router: Router,
}

impl Listener {
    /// A listener on a bound socket.
    #[must_use]
    pub fn new(socket: TcpListener, tls: Arc<ServerConfig>, router: Router, admission: &Admission) -> Self {
        Self { listener: TlsListener::new("web", socket, tls, admission), router }
    }

    /// Serves until `stop`. Then nothing new is accepted, requests that are under way are answered, and idle
    /// connections end; returns when the last one has. The caller sets the deadline. Those who are connected at `leaving`
    /// are parted with in the same way, so that they come back elsewhere; who comes later is served.
    pub async fn serve(self, stop: CancellationToken, leaving: CancellationToken) {
        let (router, stopped) = (self.router, stop.clone());
        let serve = move |accepted| {
            let parting = if leaving.is_cancelled() { stopped.clone() } else { leaving.clone() };
            serve_http(router.clone(), accepted, parting)
        };
        self.listener.serve(&stop, serve).await;
    }
}

async fn serve_http(router: Router, accepted: Accepted, stop: CancellationToken) {
    let (peer, place) = (accepted.peer, Arc::clone(&accepted.place));
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
        request.extensions_mut().insert(Arc::clone(&place));
        request
    });
    serve(accepted, LIMITS, stop, TowerToHyperService::new(service)).await;
}

const LIMITS: HttpLimits = HttpLimits {
    keep_alive: Duration::from_secs(60),
    // Cookies, a bearer token and the callback's query fit many times.
    max_head_bytes: 64 * 1024,
    // A page of the console asks for a dozen things at once.
    max_streams: 100,
};

#[cfg(test)]
mod tests;

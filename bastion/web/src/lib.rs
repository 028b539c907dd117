//! The web front: console, API, and the TLS listener they share. Files in reading order.
//!
//! - [`tls`]: the certificate, from files or from a CA of our own
//! - [`listener`]: accept, handshake, HTTP/1.1 and HTTP/2, graceful end
//! - [`state`]: what requests are answered from
//! - `caller`: who asks: bearer token or cookie, CSRF check
//! - `cookie`: the two cookies
//! - `login`: the console's way through the issuer
//! - `api`: the table of routes
//! - `assets`: the built console
//! - `readiness`: whether the bastion can work
//! - `headers`, `limits`: what every answer carries, what every request is held to
//! - `openapi`: the description that tools read
//!
//! **Architecture invariant:** no route of the API but the ones listed under "public" in `api`, and its description,
//! answers without a login.

use axum::{Router, extract::DefaultBodyLimit, middleware, routing};

mod api;
mod assets;
mod caller;
mod cookie;
mod headers;
mod limits;
pub mod listener;
mod login;
mod openapi;
mod page;
mod readiness;
pub mod state;
pub mod tls;

pub use self::listener::Listener;
pub use state::WebState;

/// Everything that is served. The listener puts the peer's address into each request
/// (`axum::extract::ConnectInfo<SocketAddr>`).
pub fn router(state: WebState) -> Router {
    Router::new()
        .nest("/api/v1", api::router())
        .route("/api/v1/openapi.json", routing::get(openapi::document))
        .route("/api/{*rest}", routing::any(api::error::unknown_route))
        .route("/login", routing::get(login::begin))
        .route("/login/callback", routing::get(login::finish))
        .route("/logout", routing::post(login::logout))
        .route("/healthz", routing::get(api::health::alive))
        .route("/readyz", routing::get(api::health::ready))
        .merge(assets::router())
        .layer(middleware::from_fn(limits::answer_in_time))
        .layer(DefaultBodyLimit::max(limits::MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(state.clone(), headers::secure))
        .with_state(state)
}

#[cfg(test)]
mod tests;

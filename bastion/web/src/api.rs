//! The API: the table of routes, one line a route.
//!
//! Answers are JSON, errors problem details (RFC 9457, [`error`]), long lists paged by cursor ([`query`]).

use axum::{Router, routing};

use super::state::WebState;

pub(crate) mod access;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod certificates;
pub(crate) mod error;
pub(crate) mod health;
pub(crate) mod info;
pub(crate) mod kube;
pub(crate) mod login;
pub(crate) mod names;
pub(crate) mod query;
mod range;
pub(crate) mod recordings;
pub(crate) mod sessions;
pub(crate) mod targets;

/// Everything under `/api/v1`.
pub(super) fn router() -> Router<WebState> {
    let public = Router::new()
        .route("/info", routing::get(info::info))
        .route("/login", routing::post(login::begin).delete(login::end))
        .route("/login/finish", routing::post(login::finish))
        .route("/login/device", routing::post(login::begin_device))
        .route("/login/device/poll", routing::post(login::poll_device));
    let with_a_login = Router::new()
        .route("/access", routing::get(access::list).post(access::request))
        .route("/approvals", routing::get(approvals::list))
        .route("/approvals/{id}", routing::get(approvals::show).delete(approvals::cancel))
        .route("/approvals/{id}/approve", routing::post(approvals::approve))
        .route("/approvals/{id}/deny", routing::post(approvals::deny))
        .route("/audit", routing::get(audit::list))
        .route("/certificates/x509", routing::post(kube::issue_x509))
        .route("/clusters", routing::get(kube::list))
        .route("/tokens/kube", routing::post(kube::issue_token))
        .route("/certificates/ssh", routing::post(certificates::issue_ssh))
        .route("/names", routing::get(names::list))
        .route("/names/{name}", routing::delete(names::release))
        .route("/sessions", routing::get(sessions::list))
        .route("/sessions/{id}", routing::get(sessions::show))
        .route("/sessions/{id}/recording.cast", routing::get(recordings::read).head(recordings::head))
        .route("/targets", routing::get(targets::list))
        .route("/whoami", routing::get(login::whoami));
    public.merge(with_a_login).fallback(error::unknown_route).method_not_allowed_fallback(error::wrong_method)
}

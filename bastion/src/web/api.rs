//! The API: the table of routes, one line a route.
//!
//! Answers are JSON, errors problem details (RFC 9457, [`error`]), long lists paged by cursor ([`query`]).

use axum::{Router, routing};

use super::state::WebState;

pub(in crate::web) mod access;
pub(in crate::web) mod approvals;
pub(in crate::web) mod audit;
pub(in crate::web) mod certificates;
pub(in crate::web) mod error;
pub(in crate::web) mod health;
pub(in crate::web) mod info;
pub(in crate::web) mod kube;
pub(in crate::web) mod login;
pub(in crate::web) mod names;
pub(in crate::web) mod query;
mod range;
pub(in crate::web) mod recordings;
pub(in crate::web) mod sessions;
pub(in crate::web) mod targets;

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

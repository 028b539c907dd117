//! Who asks: a bearer token (command line) or a cookie (console) becomes a [`Caller`].
//!
//! A request that changes something and is known by a cookie must show the value
//! that only the console's own scripts can read (`X-Bastion-CSRF`). A bearer token
//! needs none: browsers do not add it by themselves.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use aws_lc_rs::{constant_time, digest};
use axum::extract::{ConnectInfo, FromRequestParts};
use data_encoding::BASE64URL_NOPAD;
use http::{Method, header, request::Parts};
use identity::login::Login;
use jiff::Timestamp;
use ledger::{audit::AuditEvent, store::LoginKind};
use listener::Place;
use policy::{ConsoleRights, Subject};

use super::{api::error::ApiError, cookie, state::WebState};

/// Somebody who is logged in and whose request is their own.
pub(super) struct Caller {
    /// The login.
    pub(super) login: Login,
    /// From where.
    pub(super) source: Source,
    /// The value that changing requests must show, if a cookie was used.
    pub(super) csrf: Option<String>,
}

impl Caller {
    pub(super) fn subject(&self) -> &Subject {
        self.login.subject()
    }

    pub(super) fn rights(&self, state: &WebState) -> ConsoleRights {
        state.rules().console(self.subject())
    }

    /// Writes the refusal down, then gives it.
    pub(super) async fn refuse(&self, state: &WebState, what: &str, reason: &str) -> ApiError {
        let event = AuditEvent::AccessRefused {
            user: self.subject().name.clone(),
            what: what.to_owned(),
            reason: reason.to_owned(),
            source: self.source.to_string(),
        };
        // What finds no room is counted: it is a refusal.
        let _ = state.log.record_now(event).await;
        ApiError::Forbidden(reason.to_owned())
    }
}

impl FromRequestParts<WebState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, ApiError> {
        let source = Source::from_request_parts(parts, state).await?;
        let (token, kind) = shown_token(parts).ok_or(ApiError::NotLoggedIn)?;
        let login = state.logins.login_by_token(&token, Timestamp::now()).await?;
        // A cookie's value is no bearer token, nor the other way round.
        let login = login.filter(|login| login.kind() == kind).ok_or(ApiError::NotLoggedIn)?;
        let csrf = (kind == LoginKind::Web).then(|| csrf_value(&token));
        if let Some(csrf) = &csrf
            && changes_something(&parts.method)
            && !shows(parts, csrf)
        {
            return Err(ApiError::Csrf);
        }
        if let Some(place) = parts.extensions.get::<Arc<Place>>() {
            place.authenticated();
        }
        Ok(Self { login, source, csrf })
    }
}

/// The address that a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source(pub(super) IpAddr);

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Sync> FromRequestParts<S> for Source {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.ok_or_else(|| ApiError::internal("the listener gave no peer address"))?;
        Ok(Self(peer.0.ip().to_canonical()))
    }
}

fn shown_token(parts: &Parts) -> Option<(String, LoginKind)> {
    if let Some(authorization) = parts.headers.get(header::AUTHORIZATION) {
        let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| (token.trim().to_owned(), LoginKind::Cli));
    }
    cookie::read(&parts.headers, cookie::LOGIN).map(|token| (token, LoginKind::Web))
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Derived from the cookie, which other sites' scripts cannot read: nothing needs to be stored.
fn csrf_value(token: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"bastion csrf\0");
    context.update(token.as_bytes());
    BASE64URL_NOPAD.encode(context.finish().as_ref())
}

fn shows(parts: &Parts, csrf: &str) -> bool {
    let Some(shown) = parts.headers.get(CSRF_HEADER) else { return false };
    constant_time::verify_slices_are_equal(shown.as_bytes(), csrf.as_bytes()).is_ok()
}

/// Where a changing request shows the value.
const CSRF_HEADER: &str = "x-bastion-csrf";

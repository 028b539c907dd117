//! Whether the bastion lives, and whether it can work.

use axum::extract::State;

use super::error::ApiError;
use crate::state::WebState;

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The store takes a write, and has every event that it should have; a session could be recorded; and people are not to
/// go elsewhere because the bastion will stop.
pub(crate) async fn ready(State(state): State<WebState>) -> Result<&'static str, ApiError> {
    if state.draining.is_cancelled() {
        return Err(ApiError::Unavailable(DRAINING.to_owned()));
    }
    match state.readiness.of(state.store.as_ref(), &state.log, &state.recorder).await {
        Ok(()) => Ok("ok\n"),
        Err(what) => Err(ApiError::Unavailable(what)),
    }
}

/// What a balancer is told that should send new people elsewhere.
const DRAINING: &str = "draining: what runs here goes on, new connections belong elsewhere";

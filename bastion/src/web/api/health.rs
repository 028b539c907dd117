//! Whether the bastion lives, and whether it can work.

use axum::extract::State;

use super::error::ApiError;
use crate::web::state::WebState;

/// The process answers.
pub(in crate::web) async fn alive() -> &'static str {
    "ok\n"
}

/// The store answers too.
pub(in crate::web) async fn ready(State(state): State<WebState>) -> Result<&'static str, ApiError> {
    state.store.ping().await?;
    Ok("ok\n")
}

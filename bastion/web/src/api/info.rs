//! What everybody may know, so that clients can be set up.

use api::info::BastionInfo;
use axum::{Json, extract::State};

use crate::state::WebState;

/// About this bastion.
#[utoipa::path(get, path = "/api/v1/info", tag = "info", security(()),
    responses((status = 200, body = BastionInfo)))]
pub(crate) async fn info(State(state): State<WebState>) -> Json<BastionInfo> {
    Json(state.info.clone())
}

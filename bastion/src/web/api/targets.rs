//! Where I may go.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use config::TargetName;
use policy::{Capability, Reachable};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Problem;
use crate::web::{caller::Caller, state::WebState};

/// The targets that somebody may reach.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Targets {
    items: Vec<TargetItem>,
}

/// A target that somebody may reach.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct TargetItem {
    #[schema(value_type = String)]
    name: TargetName,
    labels: BTreeMap<String, String>,
    /// The accounts there that may be used; `*` is any.
    logins: Vec<String>,
    /// What may be done there.
    #[schema(value_type = Vec<String>, example = json!(["shell", "pty"]))]
    capabilities: Vec<&'static str>,
}

/// Where I may go.
#[utoipa::path(get, path = "/api/v1/targets", operation_id = "list_targets", tag = "targets",
    responses((status = 200, body = Targets),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(in crate::web) async fn list(State(state): State<WebState>, caller: Caller) -> Json<Targets> {
    let rules = state.rules();
    let reachable = rules.reachable(caller.subject(), state.targets.iter());
    Json(Targets { items: reachable.into_iter().map(TargetItem::from).collect() })
}

impl From<Reachable<'_>> for TargetItem {
    fn from(reachable: Reachable<'_>) -> Self {
        Self {
            name: reachable.target.name.clone(),
            labels: reachable.target.labels.clone(),
            logins: reachable.logins.into_iter().collect(),
            capabilities: reachable.capabilities.into_iter().map(Capability::as_str).collect(),
        }
    }
}

//! Where I may go.

use std::{collections::BTreeMap, time::SystemTime};

use axum::{Json, extract::State};
use config::TargetName;
use policy::{Capability, Context, Reachable, Site};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Problem;
use crate::{caller::Caller, state::WebState};

/// The targets that somebody may reach.
#[derive(Serialize, ToSchema)]
pub(crate) struct Targets {
    items: Vec<TargetItem>,
}

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TargetKind {
    /// A Kubernetes cluster: `bastion kubeconfig` sets kubectl up.
    Cluster,
    /// A host, over SSH.
    Host,
}

/// A target that somebody may reach.
#[derive(Serialize, ToSchema)]
pub(crate) struct TargetItem {
    #[schema(value_type = String)]
    name: TargetName,
    kind: TargetKind,
    labels: BTreeMap<String, String>,
    /// The accounts there that may be used; `*` is any. A cluster has none.
    logins: Vec<String>,
    /// What may be done there.
    #[schema(value_type = Vec<String>, example = json!(["shell", "pty"]))]
    capabilities: Vec<&'static str>,
}

/// Where I may go: hosts, and then Kubernetes clusters.
#[utoipa::path(get, path = "/api/v1/targets", operation_id = "list_targets", tag = "targets",
    responses((status = 200, body = Targets),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(State(state): State<WebState>, caller: Caller) -> Json<Targets> {
    let rules = state.rules();
    let hosts = state.targets.iter().map(Site::Host);
    let clusters = state.kube.iter().flat_map(|kube| kube.clusters.iter()).map(Site::Cluster);
    let approved = state.approvals.approved_access(caller.subject());
    let context = Context { now: SystemTime::now(), source: caller.source.0, approved: &approved };
    let reachable = rules.reachable(caller.subject(), hosts.chain(clusters), &context).into_iter();
    // What has to be asked for is not listed.
    let reachable = reachable.filter(|reachable| !reachable.capabilities.is_empty());
    Json(Targets { items: reachable.map(TargetItem::from).collect() })
}

impl From<Reachable<'_>> for TargetItem {
    fn from(reachable: Reachable<'_>) -> Self {
        Self {
            name: reachable.site.name().clone(),
            kind: match reachable.site {
                Site::Cluster(_) => TargetKind::Cluster,
                Site::Host(_) => TargetKind::Host,
            },
            labels: reachable.site.labels().clone(),
            logins: reachable.logins.into_iter().collect(),
            capabilities: reachable.capabilities.into_iter().map(Capability::as_str).collect(),
        }
    }
}

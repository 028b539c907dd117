//! Where I may go.

use std::time::SystemTime;

use api::{
    problem::Problem,
    targets::{TargetItem, TargetKind, Targets},
};
use axum::{Json, extract::State};
use policy::{Capability, Context, Reachable, Site};

use crate::{caller::Caller, state::WebState};

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
    Json(Targets { items: reachable.map(item).collect() })
}

fn item(reachable: Reachable<'_>) -> TargetItem {
    TargetItem {
        name: reachable.site.name().to_string(),
        kind: match reachable.site {
            Site::Cluster(_) => TargetKind::Cluster,
            Site::Host(_) => TargetKind::Host,
        },
        labels: reachable.site.labels().clone(),
        logins: reachable.logins.into_iter().collect(),
        capabilities: words(reachable.capabilities),
    }
}

/// Capabilities as the API has them.
pub(super) fn words(capabilities: impl IntoIterator<Item = Capability>) -> Vec<String> {
    capabilities.into_iter().map(|capability| capability.as_str().to_owned()).collect()
}

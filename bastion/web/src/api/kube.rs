//! Kubernetes clusters that one may reach, and credentials for their front.

use std::time::SystemTime;

use api::{
    certificates::{TokenAnswer, X509Answer, X509Request},
    clusters::{ClusterItem, Clusters},
    problem::Problem,
};
use axum::{Json, extract::State};
use jiff::Timestamp;
use policy::{Context, Reachable, Site};

use super::{error::ApiError, query::Body, targets::words};
use crate::{
    caller::Caller,
    state::{KubeAccess, WebState},
};

/// Certifies a key for the Kubernetes front, for some minutes.
#[utoipa::path(post, path = "/api/v1/certificates/x509",
    operation_id = "issue_x509_certificate", tag = "certificates", request_body = X509Request,
    responses((status = 200, body = X509Answer),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn issue_x509(
    State(state): State<WebState>,
    caller: Caller,
    Body(body): Body<X509Request>,
) -> Result<Json<X509Answer>, ApiError> {
    let (source, now) = (caller.source.0, Timestamp::now());
    let credentials = &kube(&state)?.credentials;
    let issued = credentials.issue_certificate(&caller.login, &body.public_key, source, now).await?;
    Ok(Json(X509Answer {
        certificate: issued.certificate,
        serial: issued.serial.to_string(),
        expires_at: issued.expires_at,
    }))
}

/// Gives a bearer token for the Kubernetes front, for some minutes: where a balancer before it ends TLS.
#[utoipa::path(post, path = "/api/v1/tokens/kube", operation_id = "issue_kube_token", tag = "certificates",
    responses((status = 200, body = TokenAnswer),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn issue_token(State(state): State<WebState>, caller: Caller) -> Result<Json<TokenAnswer>, ApiError> {
    let (source, now) = (caller.source.0, Timestamp::now());
    let issued = kube(&state)?.credentials.issue_token(&caller.login, source, now).await?;
    Ok(Json(TokenAnswer { token: issued.token, expires_at: issued.expires_at }))
}

/// Which clusters I may reach.
#[utoipa::path(get, path = "/api/v1/clusters", operation_id = "list_clusters", tag = "targets",
    responses((status = 200, body = Clusters),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(State(state): State<WebState>, caller: Caller) -> Json<Clusters> {
    let Some(kube) = &state.kube else { return Json(Clusters { items: Vec::new() }) };
    let rules = state.rules();
    let base = kube.url.as_str().trim_end_matches('/');
    let approved = state.approvals.approved_access(caller.subject());
    let context = Context { now: SystemTime::now(), source: caller.source.0, approved: &approved };
    let reachable = rules.reachable(caller.subject(), kube.clusters.iter().map(Site::Cluster), &context);
    let item = |reachable: Reachable<'_>| ClusterItem {
        name: reachable.site.name().to_string(),
        labels: reachable.site.labels().clone(),
        capabilities: words(reachable.capabilities),
        server: format!("{base}/clusters/{}", reachable.site.name()),
        tls_server_name: kube.server_names.get(reachable.site.name()).cloned(),
    };
    Json(Clusters { items: reachable.into_iter().map(item).collect() })
}

fn kube(state: &WebState) -> Result<&KubeAccess, ApiError> {
    state.kube.as_ref().ok_or_else(|| ApiError::NotFound("this bastion has no Kubernetes clusters".into()))
}

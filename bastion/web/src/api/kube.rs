//! Kubernetes clusters that one may reach, and credentials for their front.

use std::{collections::BTreeMap, time::SystemTime};

use axum::{Json, extract::State};
use config::TargetName;
use jiff::Timestamp;
use policy::{Capability, Context, Reachable, Site};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    error::{ApiError, Problem},
    query::Body,
};
use crate::{
    caller::Caller,
    state::{KubeAccess, WebState},
};

/// Asks for a client certificate.
#[derive(Deserialize, ToSchema)]
pub(crate) struct X509Request {
    /// The public key to certify, as PEM: ECDSA on P-256, or Ed25519.
    #[schema(example = "-----BEGIN PUBLIC KEY-----…")]
    public_key: String,
}

/// A client certificate.
#[derive(Serialize, ToSchema)]
pub(crate) struct X509Answer {
    /// The certificate, as PEM.
    certificate: String,
    /// Its serial number, as text: it does not fit a JavaScript number.
    serial: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// A bearer token for the Kubernetes front.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// To be sent as `Authorization: Bearer …`.
    token: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The clusters that somebody may reach.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clusters {
    items: Vec<ClusterItem>,
}

/// A cluster that somebody may reach.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClusterItem {
    #[schema(value_type = String)]
    name: TargetName,
    labels: BTreeMap<String, String>,
    /// What may be done there now; nothing where access has to be asked for.
    #[schema(value_type = Vec<String>, example = json!(["api", "exec"]))]
    capabilities: Vec<&'static str>,
    /// Its API server, as kubectl reaches it.
    server: String,
    /// The TLS server name with which its API server is also at the root of the front, without the path of `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "prod.kube.bastion.example.com")]
    tls_server_name: Option<String>,
}

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
        name: reachable.site.name().clone(),
        labels: reachable.site.labels().clone(),
        capabilities: reachable.capabilities.into_iter().map(Capability::as_str).collect(),
        server: format!("{base}/clusters/{}", reachable.site.name()),
        tls_server_name: kube.server_names.get(reachable.site.name()).cloned(),
    };
    Json(Clusters { items: reachable.into_iter().map(item).collect() })
}

fn kube(state: &WebState) -> Result<&KubeAccess, ApiError> {
    state.kube.as_ref().ok_or_else(|| ApiError::NotFound("this bastion has no Kubernetes clusters".into()))
}

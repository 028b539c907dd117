//! Certificates under a login.

use api::{
    certificates::{CertificateAnswer, CertificateRequest},
    problem::Problem,
};
use axum::{Json, extract::State};
use jiff::Timestamp;

use super::{error::ApiError, query::Body};
use crate::{caller::Caller, state::WebState};

/// Certifies an SSH key for some minutes.
#[utoipa::path(post, path = "/api/v1/certificates/ssh",
    operation_id = "issue_ssh_certificate", tag = "certificates", request_body = CertificateRequest,
    responses((status = 200, body = CertificateAnswer),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn issue_ssh(
    State(state): State<WebState>,
    caller: Caller,
    Body(body): Body<CertificateRequest>,
) -> Result<Json<CertificateAnswer>, ApiError> {
    let (source, now) = (caller.source.0, Timestamp::now());
    let issued = state.logins.issue_ssh_certificate(&caller.login, &body.public_key, source, now).await?;
    Ok(Json(CertificateAnswer {
        certificate: issued.certificate,
        serial: issued.serial.to_string(),
        expires_at: issued.expires_at,
    }))
}

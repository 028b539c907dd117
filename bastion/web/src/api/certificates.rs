//! Certificates under a login.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    error::{ApiError, Problem},
    query::Body,
};
use crate::{caller::Caller, state::WebState};

/// Asks for a certificate.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CertificateRequest {
    /// The public key to certify, as in a `.pub` file.
    #[schema(example = "ssh-ed25519 AAAA…")]
    public_key: String,
}

/// A certificate.
#[derive(Serialize, ToSchema)]
pub(crate) struct CertificateAnswer {
    /// One line, as in a `-cert.pub` file.
    certificate: String,
    /// Its serial number, as text: it does not fit a JavaScript number.
    serial: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

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

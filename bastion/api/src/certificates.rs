//! Certificates and tokens under a login.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Asks for a certificate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificateRequest {
    /// The public key to certify, as in a `.pub` file.
    #[schema(example = "ssh-ed25519 AAAA…")]
    pub public_key: String,
}

/// A certificate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificateAnswer {
    /// One line, as in a `-cert.pub` file.
    pub certificate: String,
    /// Its serial number, as text: it does not fit a JavaScript number.
    pub serial: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Asks for a client certificate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct X509Request {
    /// The public key to certify, as PEM: ECDSA on P-256, or Ed25519.
    #[schema(example = "-----BEGIN PUBLIC KEY-----…")]
    pub public_key: String,
}

/// A client certificate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct X509Answer {
    /// The certificate, as PEM.
    pub certificate: String,
    /// Its serial number, as text: it does not fit a JavaScript number.
    pub serial: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A bearer token for the Kubernetes front.
// It has no `Debug`, because the token is a secret.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TokenAnswer {
    /// To be sent as `Authorization: Bearer …`.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

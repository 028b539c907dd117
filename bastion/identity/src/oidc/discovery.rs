//! The issuer's description of itself (OpenID Connect Discovery 1.0 §4, RFC 8414).

use std::time::Duration;

use serde::Deserialize;

use super::{
    error::OidcError,
    http::{ClientAuthentication, IssuerHttp},
    settings::Issuer,
};

/// What the bastion uses of the document; everything else in it is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    /// Who it is about.
    pub issuer: String,
    /// Where the browser goes.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// Where device logins begin, if there are any (RFC 8628 §4).
    pub device_authorization_endpoint: Option<String>,
    /// How a client may prove itself; `client_secret_basic` if not said.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Discovery {
    pub(super) fn client_authentication(&self) -> ClientAuthentication {
        // "If omitted, the default is client_secret_basic".
        let Some(methods) = &self.token_endpoint_auth_methods_supported else { return ClientAuthentication::Basic };
        let has = |name: &str| methods.iter().any(|method| method == name);
        if !has("client_secret_basic") && has("client_secret_post") {
            return ClientAuthentication::Post;
        }
        ClientAuthentication::Basic
    }
}

pub(super) async fn fetch(http: &IssuerHttp, issuer: &Issuer) -> Result<Discovery, OidcError> {
    let discovery: Discovery = http.get_json(&issuer.configuration_url(), "discovery document").await?;
    // "The issuer value returned MUST be identical to the Issuer URL that was used as the prefix" (§4.3).
    if discovery.issuer != issuer.as_str() {
        return Err(OidcError::IssuerMismatch {
            expected: issuer.to_string(),
            found: discovery.issuer.chars().take(200).collect(),
        });
    }
    Ok(discovery)
}

/// Endpoints change with an upgrade of the issuer; an hour later the bastion knows.
pub(super) const MAX_AGE: Duration = Duration::from_secs(3600);

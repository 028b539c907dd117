//! The OpenID Connect issuer, as a relying party sees it: a thin client.
//!
//! - [`settings`]: what the operator says about the issuer
//! - [`discovery`]: the issuer's own description (OpenID Connect Discovery 1.0)
//! - [`code_flow`]: authorization code with PKCE (RFC 6749 §4.1, RFC 7636)
//! - [`device_flow`]: device authorization grant (RFC 8628)
//! - [`error`], `http` (deadlines, size limits), `cache`
//!
//! Nothing here is needed at start: an issuer that is down makes logins fail
//! with a message, and nothing else.

use std::sync::Arc;

use jiff::Timestamp;
use policy::Subject;

use super::{
    id_token::{Expected, SignedToken},
    jwks::KeySetCache,
};

pub(crate) mod cache;
pub mod code_flow;
pub mod device_flow;
pub mod discovery;
pub mod error;
pub(crate) mod http;
pub mod settings;

use self::{
    cache::Cached,
    discovery::Discovery,
    http::{Body, IssuerHttp},
};
pub use self::{
    code_flow::{AuthorizationRequest, PkceVerifier},
    device_flow::{DeviceAuthorization, DeviceProgress},
    error::OidcError,
    settings::{Issuer, IssuerError, OidcSettings},
};

/// The tokens that the issuer answered with; used once and dropped.
pub struct Tokens {
    /// The ID token, unverified.
    pub(crate) id_token: String,
    /// The access token: only to compare its hash with the ID token's `at_hash`.
    pub(crate) access_token: Option<String>,
}

/// The client of one issuer.
pub struct OidcClient {
    settings: OidcSettings,
    http: IssuerHttp,
    discovery: Cached<Discovery>,
    keys: KeySetCache,
}

impl OidcClient {
    /// Builds the client; does not talk to the issuer.
    pub fn new(settings: OidcSettings) -> Result<Self, OidcError> {
        let http = IssuerHttp::new(&settings)?;
        Ok(Self { discovery: Cached::new(discovery::MAX_AGE), keys: KeySetCache::new(http.clone()), http, settings })
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.settings.issuer
    }

    /// Verifies an ID token (OpenID Connect Core §3.1.3.7) and says who it is about.
    pub async fn subject(&self, tokens: &Tokens, nonce: Option<&str>, now: Timestamp) -> Result<Subject, OidcError> {
        let token = SignedToken::parse(&tokens.id_token)?;
        let discovery = self.discovered().await?;
        let key = self.keys.key(&discovery.jwks_uri, token.key_id(), token.algorithm()).await?;
        let expected = Expected {
            issuer: self.settings.issuer.as_str(),
            client_id: &self.settings.client_id,
            nonce,
            access_token: tokens.access_token.as_deref(),
            username_claim: &self.settings.username_claim,
            username_is_verified: self.settings.username_is_verified,
            groups_claim: &self.settings.groups_claim,
            now,
        };
        Ok(token.verify(&key)?.subject(&expected)?)
    }

    async fn discovered(&self) -> Result<Arc<Discovery>, OidcError> {
        self.discovery.get(|| discovery::fetch(&self.http, &self.settings.issuer)).await
    }

    /// Asks the token endpoint; both flows end here.
    async fn ask_for_tokens(&self, form: &[(&str, &str)]) -> Result<Result<Tokens, error::TokenRefusal>, OidcError> {
        let discovery = self.discovered().await?;
        let body = self.http.post_form(&discovery.token_endpoint, form, discovery.client_authentication()).await?;
        match body {
            Body::Success(text) => {
                let answer: TokenAnswer = self.http.parse("token answer", &text)?;
                Ok(Ok(Tokens { id_token: answer.id_token, access_token: answer.access_token }))
            }
            Body::Refusal { status, text } => Ok(Err(error::TokenRefusal::read(status, &text))),
        }
    }
}

/// A successful token answer (OpenID Connect Core §3.1.3.3). A refresh token in it is not read.
#[derive(serde::Deserialize)]
struct TokenAnswer {
    id_token: String,
    access_token: Option<String>,
}

#[cfg(test)]
mod tests;

//! Authorization code with PKCE: the browser brings a code, the bastion exchanges it
//! (OpenID Connect Core §3.1, RFC 7636 with `S256` only).

use data_encoding::BASE64URL_NOPAD;
use url::Url;

use super::{OidcClient, OidcError, Tokens, settings::is_secure};
use crate::token::{RandomUnavailable, Token, sha256};

/// The PKCE verifier: stays here, and proves at the token endpoint that we began the flow.
#[derive(Clone, PartialEq, Eq)]
pub struct PkceVerifier(String);

impl PkceVerifier {
    /// "a high-entropy cryptographic random string" of 43 characters (RFC 7636 §4.1).
    pub fn random() -> Result<Self, RandomUnavailable> {
        Ok(Self(Token::random()?.as_str().to_owned()))
    }

    /// A verifier that was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// To be stored, and sent to the token endpoint.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `code_challenge = BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))` (RFC 7636 §4.2).
    #[must_use]
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&sha256(self.0.as_bytes()))
    }
}

/// What the browser is sent to the issuer with.
#[derive(Debug)]
pub struct AuthorizationRequest<'a> {
    /// Where the issuer sends the browser back to.
    pub redirect_uri: &'a str,
    /// Comes back with the code.
    pub state: &'a str,
    /// Comes back inside the ID token.
    pub nonce: &'a str,
    /// The PKCE challenge.
    pub code_challenge: &'a str,
}

impl OidcClient {
    /// The page of the issuer that the browser opens.
    pub async fn authorization_url(&self, request: &AuthorizationRequest<'_>) -> Result<Url, OidcError> {
        let discovery = self.discovered().await?;
        let endpoint = Url::parse(&discovery.authorization_endpoint).ok().filter(is_secure);
        let mut url = endpoint.ok_or_else(|| OidcError::InsecureEndpoint {
            issuer: self.settings.issuer.to_string(),
            endpoint: discovery.authorization_endpoint.chars().take(200).collect(),
        })?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", request.redirect_uri)
            .append_pair("scope", &self.settings.scope())
            .append_pair("state", request.state)
            .append_pair("nonce", request.nonce)
            .append_pair("code_challenge", request.code_challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Exchanges the code that the browser brought.
    pub async fn exchange_code(
        &self,
        code: &str,
        redirect_uri: &str,
        verifier: &PkceVerifier,
    ) -> Result<Tokens, OidcError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier.as_str()),
        ];
        Ok(self.ask_for_tokens(&form).await??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = PkceVerifier::stored("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}

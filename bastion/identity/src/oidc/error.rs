//! [`OidcError`]: why the issuer could not tell who somebody is, in words for that person.

use crate::{id_token::IdTokenRefusal, jwks::KeyError};

/// Why a login at the issuer did not work out.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The person (or the issuer) said no.
    #[error("the issuer refused the login: {0}")]
    AccessDenied(String),
    /// The HTTP client could not be set up.
    #[error("the client of the issuer {issuer} cannot be set up: {reason}")]
    Client {
        /// The issuer.
        issuer: String,
        /// Why.
        reason: String,
    },
    /// The code that the person had to enter is too old.
    #[error("the code was not confirmed in time; run \"bastion login\" again")]
    DeviceCodeExpired,
    /// The issuer describes an endpoint that is not https.
    #[error("the issuer {issuer} names the insecure endpoint {endpoint:?}; tell the operator")]
    InsecureEndpoint {
        /// The issuer.
        issuer: String,
        /// The endpoint.
        endpoint: String,
    },
    /// The issuer describes another issuer.
    #[error(
        "the issuer {expected} calls itself {found:?}: the setting identity.oidc.issuer must be written exactly so, tell the operator"
    )]
    IssuerMismatch {
        /// What the settings say.
        expected: String,
        /// What the issuer says.
        found: String,
    },
    /// No key of the issuer fits the token.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The issuer answered with something else than the specification says.
    #[error("the issuer {issuer} sent a {what} that cannot be read ({reason}); tell the operator")]
    Malformed {
        /// The issuer.
        issuer: String,
        /// What it should have been.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// The issuer has no device flow.
    #[error("the issuer {0} does not offer logins with a code; run \"bastion login\" without --device")]
    NoDeviceFlow(String),
    /// The issuer refused what the bastion asked.
    #[error("the issuer refused: {0}; try again or tell the operator")]
    Refused(TokenRefusal),
    /// The ID token is not acceptable.
    #[error("the issuer's ID token is not acceptable: {0}")]
    IdToken(#[from] IdTokenRefusal),
    /// The answer is larger than anything sensible.
    #[error("the issuer {issuer} answered with more than {limit} bytes; tell the operator")]
    TooLarge {
        /// The issuer.
        issuer: String,
        /// The limit.
        limit: usize,
    },
    /// No answer, or an answer that says "not now".
    #[error("the issuer {issuer} did not answer: {reason}; try again or tell the operator")]
    Unreachable {
        /// The issuer.
        issuer: String,
        /// Why, as far as known.
        reason: String,
    },
}

impl OidcError {
    /// Whether trying again later may help (and nobody is to blame but the way there).
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::AccessDenied(_)
            | Self::Client { .. }
            | Self::DeviceCodeExpired
            | Self::InsecureEndpoint { .. }
            | Self::IssuerMismatch { .. }
            | Self::Key(_)
            | Self::Malformed { .. }
            | Self::NoDeviceFlow(_)
            | Self::Refused(_)
            | Self::IdToken(_)
            | Self::TooLarge { .. } => false,
        }
    }
}

/// An error answer of the issuer (RFC 6749 §5.2), cleaned for display.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}{}", if .description.is_empty() { "" } else { ": " }, .description)]
pub struct TokenRefusal {
    /// `error`, or the HTTP status where there was none.
    pub code: String,
    /// `error_description`; empty if there was none.
    pub description: String,
}

impl TokenRefusal {
    /// Makes the issuer's words fit one line of plain text.
    #[must_use]
    pub fn new(code: &str, description: &str) -> Self {
        let clean = |text: &str| text.chars().filter(|c| matches!(c, ' '..='~')).take(MAX_SHOWN_CHARS).collect();
        Self { code: clean(code), description: clean(description) }
    }

    pub(super) fn read(status: u16, text: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct ErrorAnswer {
            error: String,
            #[serde(default)]
            error_description: String,
        }
        match serde_json::from_slice::<ErrorAnswer>(text) {
            Ok(answer) => Self::new(&answer.error, &answer.error_description),
            Err(_) => Self::new(&format!("HTTP status {status}"), ""),
        }
    }
}

impl From<TokenRefusal> for OidcError {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal.code.as_str() {
            "access_denied" => Self::AccessDenied(refusal.to_string()),
            "expired_token" => Self::DeviceCodeExpired,
            _ => Self::Refused(refusal),
        }
    }
}

/// RFC 6749 §5.2 allows printable ASCII without limit; a terminal line does not.
const MAX_SHOWN_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuers_words_cannot_move_the_cursor() {
        let refusal =
            TokenRefusal::read(400, br#"{"error":"invalid_grant","error_description":"no\u001b[2J\u202e way\n"}"#);
        assert_eq!(refusal.to_string(), "invalid_grant: no[2J way");
        assert_eq!(TokenRefusal::read(502, b"<html>").to_string(), "HTTP status 502");
    }
}

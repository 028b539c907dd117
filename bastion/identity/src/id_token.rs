//! ID token -> subject, check by check (OpenID Connect Core §3.1.3.7, RFC 7515, RFC 7519, RFC 8725).
//!
//! Two steps that cannot be swapped: [`SignedToken::verify`] checks the
//! signature and gives [`Claims`]; [`Claims::subject`] checks what they say.
//! Not checked: whether the issuer is still of this opinion. A login is a statement about one moment.

use config::{NameError, UserName};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use policy::Subject;
use serde_json::{Map, Value};

use super::jwks::SignatureKey;

mod compact;
mod names;

pub use compact::SignedToken;

/// Why an ID token is not acceptable: one variant a check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenRefusal {
    /// The access token beside it is not the one that it speaks of.
    #[error("it belongs to another access token (at_hash)")]
    AccessTokenHash,
    /// `none`, a symmetric algorithm, or one that is not known here.
    #[error("its signature algorithm {0:?} is not accepted")]
    Algorithm(String),
    /// It is for somebody else.
    #[error("it is not meant for this bastion: its audience (aud) lacks the client identifier {0:?}")]
    Audience(String),
    /// It was issued to somebody else.
    #[error("it was issued to another client (azp)")]
    AuthorizedParty,
    /// It has several audiences and does not say who asked for it.
    #[error("it has several audiences and no authorized party (azp)")]
    AuthorizedPartyMissing,
    /// It asks for an extension of the signature format.
    #[error("it has header parameters (crit) that must be understood and are not")]
    CriticalHeader,
    /// A claim stands in it twice: readers would disagree on which one counts.
    #[error("it has {0:?} twice")]
    Duplicate(String),
    /// The user name is to be the e-mail address, which the issuer does not vouch for.
    #[error(
        "the user name is to be the e-mail address, and the issuer does not say that it is verified (email_verified)"
    )]
    EmailNotVerified,
    /// It ended.
    #[error("it has expired (exp); check the clocks of the issuer and of the bastion")]
    Expired,
    /// The groups are neither a list of texts nor a text.
    #[error("its claim {0:?} is not a list of group names")]
    Groups(String),
    /// It was issued later than now.
    #[error("it was issued in the future (iat); check the clocks of the issuer and of the bastion")]
    IssuedInFuture,
    /// Another issuer's.
    #[error("it is from another issuer (iss): {0:?}")]
    Issuer(String),
    /// It is not three base64url texts with JSON inside.
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
    /// A claim that every ID token has is missing, or of a wrong type.
    #[error("its claim {0:?} is missing or of the wrong type")]
    Missing(&'static str),
    /// It was made for another login.
    #[error("it was made for another login (nonce)")]
    Nonce,
    /// It begins later.
    #[error("it is not valid yet (nbf); check the clocks of the issuer and of the bastion")]
    NotYetValid,
    /// The signature does not verify.
    #[error("its signature does not verify")]
    Signature,
    /// The subject is empty, or too long, or has control characters.
    #[error("its subject (sub) is empty or not printable")]
    Subject,
    /// It is too large.
    #[error("it is longer than {} bytes", compact::MAX_TOKEN_BYTES)]
    TooLong,
    /// It is another kind of token.
    #[error("it is a {0:?} and not an ID token (typ)")]
    Type(String),
    /// The user name cannot be used.
    #[error("its claim {claim:?} cannot be a user name here: {reason}")]
    UserName {
        /// Which claim.
        claim: String,
        /// Why not.
        reason: NameError,
    },
    /// There is no user name.
    #[error(
        "it has no claim {0:?} to take the user name from; the operator sets identity.oidc.username_claim, or lets the issuer send the claim"
    )]
    UserNameMissing(String),
}

/// What an ID token must say to be accepted.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Our issuer, as text.
    pub issuer: &'a str,
    /// Our client identifier.
    pub client_id: &'a str,
    /// The nonce of this login; `None` in the device flow, which has none.
    pub nonce: Option<&'a str>,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// The claim with the user name.
    pub username_claim: &'a str,
    /// Whether the issuer vouches for the user name: where it is an address, it counts as a verified one.
    pub username_is_verified: bool,
    /// The claim with the groups.
    pub groups_claim: &'a str,
    /// The time.
    pub now: Timestamp,
}

impl SignedToken {
    /// Checks the signature. The key says which algorithms it is for, so that the token's header cannot choose another.
    pub fn verify(self, key: &SignatureKey) -> Result<Claims, IdTokenRefusal> {
        if !key.permits(self.algorithm) {
            return Err(IdTokenRefusal::Algorithm(format!("{:?}", self.algorithm)));
        }
        match jsonwebtoken::crypto::verify(&self.signature, self.signed.as_bytes(), key.decoding(), self.algorithm) {
            Ok(true) => Ok(Claims { claims: compact::object(&self.payload)?, algorithm: self.algorithm }),
            Ok(false) | Err(_) => Err(IdTokenRefusal::Signature),
        }
    }
}

/// The claims of an ID token whose signature was verified.
#[derive(Debug)]
pub struct Claims {
    claims: Map<String, Value>,
    algorithm: Algorithm,
}

impl Claims {
    /// Checks every claim and says who the token is about. The steps are those of §3.1.3.7, by number.
    pub fn subject(&self, expected: &Expected<'_>) -> Result<Subject, IdTokenRefusal> {
        self.check_issuer(expected)?; // 2
        self.check_audience(expected)?; // 3, 4, 5
        self.check_times(expected)?; // 9, 10
        self.check_nonce(expected)?; // 11
        self.check_access_token_hash(expected)?; // §3.1.3.8
        let id = self.text("sub").ok_or(IdTokenRefusal::Missing("sub"))?;
        // "It MUST NOT exceed 255 ASCII characters in length" (§2).
        if id.is_empty() || id.len() > 255 || id.chars().any(char::is_control) {
            return Err(IdTokenRefusal::Subject);
        }
        Ok(Subject {
            issuer: expected.issuer.to_owned(),
            id: id.to_owned(),
            name: self.user_name(expected.username_claim)?,
            email: self.address(expected).map(str::to_owned),
            groups: names::groups(&self.claims, expected.groups_claim)?,
        })
    }

    fn check_issuer(&self, expected: &Expected<'_>) -> Result<(), IdTokenRefusal> {
        let issuer = self.text("iss").ok_or(IdTokenRefusal::Missing("iss"))?;
        if issuer != expected.issuer {
            return Err(IdTokenRefusal::Issuer(issuer.chars().take(200).collect()));
        }
        Ok(())
    }

    fn check_audience(&self, expected: &Expected<'_>) -> Result<(), IdTokenRefusal> {
        let audience: Vec<&str> = match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => {
                several.iter().map(Value::as_str).collect::<Option<_>>().ok_or(IdTokenRefusal::Missing("aud"))?
            }
            _ => return Err(IdTokenRefusal::Missing("aud")),
        };
        if !audience.contains(&expected.client_id) {
            return Err(IdTokenRefusal::Audience(expected.client_id.to_owned()));
        }
        match self.claims.get("azp") {
            Some(Value::String(party)) if party == expected.client_id => Ok(()),
            Some(_) => Err(IdTokenRefusal::AuthorizedParty),
            None if audience.len() > 1 => Err(IdTokenRefusal::AuthorizedPartyMissing),
            None => Ok(()),
        }
    }

    fn check_times(&self, expected: &Expected<'_>) -> Result<(), IdTokenRefusal> {
        let now = expected.now.as_second();
        let expires = self.seconds("exp")?.ok_or(IdTokenRefusal::Missing("exp"))?;
        if expires.saturating_add(SKEW_SECONDS) <= now {
            return Err(IdTokenRefusal::Expired);
        }
        let issued = self.seconds("iat")?.ok_or(IdTokenRefusal::Missing("iat"))?;
        if issued > now.saturating_add(SKEW_SECONDS) {
            return Err(IdTokenRefusal::IssuedInFuture);
        }
        match self.seconds("nbf")? {
            Some(not_before) if not_before > now.saturating_add(SKEW_SECONDS) => Err(IdTokenRefusal::NotYetValid),
            Some(_) | None => Ok(()),
        }
    }

    fn check_nonce(&self, expected: &Expected<'_>) -> Result<(), IdTokenRefusal> {
        match expected.nonce {
            Some(nonce) if self.text("nonce") != Some(nonce) => Err(IdTokenRefusal::Nonce),
            Some(_) | None => Ok(()),
        }
    }

    fn check_access_token_hash(&self, expected: &Expected<'_>) -> Result<(), IdTokenRefusal> {
        match (self.claims.get("at_hash"), expected.access_token) {
            (Some(hash), Some(token)) if hash.as_str() != Some(&compact::half_hash(self.algorithm, token)) => {
                Err(IdTokenRefusal::AccessTokenHash)
            }
            _ => Ok(()),
        }
    }

    fn user_name(&self, claim: &str) -> Result<UserName, IdTokenRefusal> {
        if claim == "email" && self.claims.contains_key("email") && self.verified_email().is_none() {
            return Err(IdTokenRefusal::EmailNotVerified);
        }
        let name = self.text(claim).ok_or_else(|| IdTokenRefusal::UserNameMissing(claim.to_owned()))?;
        name.parse().map_err(|reason| IdTokenRefusal::UserName { claim: claim.to_owned(), reason })
    }

    /// The e-mail address, if the issuer says with a boolean `true` that it is this person's.
    fn verified_email(&self) -> Option<&str> {
        let verified = self.claims.get("email_verified") == Some(&Value::Bool(true));
        self.text("email").filter(|email| verified && names::is_plain_email(email))
    }

    /// The address that rules may know this person by.
    fn address(&self, expected: &Expected<'_>) -> Option<&str> {
        let name = self.text(expected.username_claim).filter(|name| names::is_plain_email(name));
        name.filter(|_| expected.username_is_verified).or_else(|| self.verified_email())
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// A `NumericDate` (RFC 7519 §2), which may have a fraction.
    fn seconds(&self, claim: &'static str) -> Result<Option<i64>, IdTokenRefusal> {
        let Some(value) = self.claims.get(claim) else { return Ok(None) };
        let whole = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        whole.map(Some).ok_or(IdTokenRefusal::Missing(claim))
    }
}

/// "a small leeway, usually no more than a few minutes, to account for clock skew" (RFC 7519 §4.1.4).
const SKEW_SECONDS: i64 = 30;

#[cfg(test)]
mod tests;

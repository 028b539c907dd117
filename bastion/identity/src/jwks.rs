//! The issuer's signature keys (RFC 7517): fetched, kept for a while, fetched again when a key is unknown.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::oidc::{cache::Cached, error::OidcError, http::IssuerHttp};

/// Why no key was found for a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The token names no key, and the issuer has several that could be it.
    #[error("the issuer's ID token does not say which of the issuer's keys signed it; tell the operator")]
    Ambiguous,
    /// The issuer has no such key, even after its keys were fetched again.
    #[error(
        "the issuer's ID token is signed with a key that the issuer does not publish; try again in {RETRY_SECONDS} s or tell the operator"
    )]
    Unknown,
}

/// A key of the issuer, for certain algorithms only.
#[derive(Debug)]
pub struct SignatureKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
}

impl SignatureKey {
    /// Whether this key may verify `algorithm`: a key of one kind never verifies another kind's signature.
    #[must_use]
    pub fn permits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    pub(crate) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    /// Reads one key of a set; `None` for keys that are not for signatures, or of a kind that is not known here.
    pub(crate) fn read(jwk: &Jwk) -> Option<Self> {
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig")
            || jwk
                .operations
                .as_ref()
                .is_some_and(|operations| !operations.iter().any(|operation| operation == "verify"))
        {
            return None;
        }
        let (kind, decoding): (&[Algorithm], _) = match (jwk.kind.as_str(), jwk.curve.as_deref()) {
            ("RSA", _) => (&RSA_ALGORITHMS, DecodingKey::from_rsa_components(jwk.n.as_deref()?, jwk.e.as_deref()?)),
            ("EC", Some("P-256")) => {
                (&[Algorithm::ES256], DecodingKey::from_ec_components(jwk.x.as_deref()?, jwk.y.as_deref()?))
            }
            ("EC", Some("P-384")) => {
                (&[Algorithm::ES384], DecodingKey::from_ec_components(jwk.x.as_deref()?, jwk.y.as_deref()?))
            }
            ("OKP", Some("Ed25519")) => (&[Algorithm::EdDSA], DecodingKey::from_ed_components(jwk.x.as_deref()?)),
            // Symmetric keys ("oct") among them: nothing that others can know signs an ID token.
            _ => return None,
        };
        let algorithms: Vec<_> = match &jwk.algorithm {
            Some(name) => name.parse().ok().filter(|named| kind.contains(named)).into_iter().collect(),
            None => kind.to_vec(),
        };
        if algorithms.is_empty() {
            return None;
        }
        Some(Self { id: jwk.id.clone(), algorithms, decoding: decoding.ok()? })
    }
}

/// One member of a set, as text (RFC 7517 §4, RFC 7518 §6, RFC 8037).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Jwk {
    #[serde(rename = "kty")]
    kind: String,
    #[serde(rename = "kid")]
    id: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    #[serde(rename = "key_ops")]
    operations: Option<Vec<String>>,
    #[serde(rename = "alg")]
    algorithm: Option<String>,
    #[serde(rename = "crv")]
    curve: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

// === KeySet ===

#[derive(Debug)]
struct KeySet(Vec<Arc<SignatureKey>>);

impl KeySet {
    async fn fetch(http: &IssuerHttp, url: &str) -> Result<Self, OidcError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document: Document = http.get_json(url, "key set").await?;
        Ok(Self::read(document.keys))
    }

    fn read(keys: Vec<serde_json::Value>) -> Self {
        // "Implementations SHOULD ignore JWKs within a JWK Set that use kty values that are not understood" (§5).
        let keys = keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Self(keys.filter_map(|jwk| SignatureKey::read(&jwk)).map(Arc::new).collect())
    }

    /// By its identifier; or without one, if only one key is possible.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Arc<SignatureKey>, KeyError> {
        let named = |key: &SignatureKey| id.is_none_or(|id| key.id.as_deref() == Some(id));
        let mut fitting = self.0.iter().filter(|key| key.permits(algorithm) && named(key));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(Arc::clone(key)),
            (None, _) => Err(KeyError::Unknown),
            (Some(_), Some(_)) => Err(KeyError::Ambiguous),
        }
    }
}

// === KeySetCache ===

/// The issuer's keys.
pub(crate) struct KeySetCache {
    http: IssuerHttp,
    set: Cached<KeySet>,
    /// How young the set must be for an unknown key to stay unknown without another fetch.
    retry: Duration,
}

impl KeySetCache {
    pub(crate) fn new(http: IssuerHttp) -> Self {
        Self { http, set: Cached::new(MAX_AGE), retry: Duration::from_secs(RETRY_SECONDS) }
    }

    /// The key for a token. An unknown key makes the set be fetched again, so that the issuer can change its keys at
    /// any time; but not more often than every few seconds, so that bad tokens are no way to make the bastion knock.
    pub(crate) async fn key(
        &self,
        url: &str,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<SignatureKey>, OidcError> {
        match self.set.get(|| KeySet::fetch(&self.http, url)).await?.find(id, algorithm) {
            Err(KeyError::Unknown) => {}
            found => return Ok(found?),
        }
        let set = self.set.get_younger_than(self.retry, || KeySet::fetch(&self.http, url)).await?;
        Ok(set.find(id, algorithm)?)
    }
}

const RSA_ALGORITHMS: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// A key that the issuer withdrew is believed for this long at most.
const MAX_AGE: Duration = Duration::from_secs(15 * 60);

/// How long an unknown key is not looked for again.
const RETRY_SECONDS: u64 = 5;

/// Issuers publish two or three; bounds the work of one lookup.
const MAX_KEYS: usize = 64;

#[cfg(test)]
mod tests;

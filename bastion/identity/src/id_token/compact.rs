//! The compact form of a signed token (RFC 7515 §7.1): `header.payload.signature`, read strictly.

use std::fmt;

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::Algorithm;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::IdTokenRefusal;

/// A token that was taken apart. Nothing in it is verified yet.
#[derive(Debug)]
pub struct SignedToken {
    pub(super) algorithm: Algorithm,
    key_id: Option<String>,
    /// `header.payload`, as it was signed.
    pub(super) signed: String,
    pub(super) signature: String,
    pub(super) payload: Vec<u8>,
}

impl SignedToken {
    /// Takes a token apart; refuses algorithms that never count.
    pub fn parse(token: &str) -> Result<Self, IdTokenRefusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IdTokenRefusal::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(IdTokenRefusal::Malformed("not three parts"));
        };
        let decoded_header = object(&decode(header)?)?;
        if decoded_header.contains_key("crit") {
            return Err(IdTokenRefusal::CriticalHeader);
        }
        let parameter = |name: &str| decoded_header.get(name).and_then(Value::as_str);
        match parameter("typ") {
            Some(kind) if !kind.eq_ignore_ascii_case("JWT") => return Err(IdTokenRefusal::Type(shorten(kind))),
            Some(_) | None => {}
        }
        Ok(Self {
            algorithm: asymmetric(parameter("alg").unwrap_or_default())?,
            key_id: parameter("kid").map(str::to_owned),
            signed: format!("{header}.{payload}"),
            signature: signature.to_owned(),
            payload: decode(payload)?,
        })
    }

    /// The algorithm that the header names.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that the header names.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

/// The algorithms that an issuer may sign with. `none` and `HS*` are not among them: with those, whoever knows
/// the client identifier or the public key could make tokens.
fn asymmetric(name: &str) -> Result<Algorithm, IdTokenRefusal> {
    match name {
        "RS256" => Ok(Algorithm::RS256),
        "RS384" => Ok(Algorithm::RS384),
        "RS512" => Ok(Algorithm::RS512),
        "PS256" => Ok(Algorithm::PS256),
        "PS384" => Ok(Algorithm::PS384),
        "PS512" => Ok(Algorithm::PS512),
        "ES256" => Ok(Algorithm::ES256),
        "ES384" => Ok(Algorithm::ES384),
        "EdDSA" => Ok(Algorithm::EdDSA),
        other => Err(IdTokenRefusal::Algorithm(shorten(other))),
    }
}

/// The left half of the hash that belongs to the signature algorithm (OpenID Connect Core §3.1.3.6).
pub(super) fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let hash = if matches!(algorithm, Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384) {
        &digest::SHA384
    } else if matches!(algorithm, Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA) {
        // Ed25519 hashes with SHA-512 inside.
        &digest::SHA512
    } else {
        &digest::SHA256
    };
    let hash = digest::digest(hash, text.as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    BASE64URL_NOPAD.encode(left)
}

/// A JSON object with every name once. RFC 7519 §4: "parsers MUST either reject JWTs with duplicate Claim Names or
/// use [...] only the lexically last": rejecting is the only choice that no other reader can disagree with.
pub(super) fn object(json: &[u8]) -> Result<Map<String, Value>, IdTokenRefusal> {
    let Pairs(pairs) = serde_json::from_slice(json).map_err(|_| IdTokenRefusal::Malformed("not a JSON object"))?;
    let mut object = Map::new();
    for (name, value) in pairs {
        if object.contains_key(&name) {
            return Err(IdTokenRefusal::Duplicate(shorten(&name)));
        }
        object.insert(name, value);
    }
    Ok(object)
}

fn decode(part: &str) -> Result<Vec<u8>, IdTokenRefusal> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| IdTokenRefusal::Malformed("not base64url"))
}

fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

/// The members of a JSON object in order, doubles included.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;

        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(PairsVisitor)
    }
}

/// A token with some hundred groups has about 20 KiB.
pub(super) const MAX_TOKEN_BYTES: usize = 128 * 1024;

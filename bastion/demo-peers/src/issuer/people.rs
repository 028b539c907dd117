//! The four people of the demo, and the ID tokens about them.

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::secret::random_text;

/// Somebody who can log in.
#[derive(Debug)]
pub struct DemoPerson {
    /// The user name.
    pub name: &'static str,
    /// What the groups claim says.
    pub groups: &'static [&'static str],
}

/// Everybody who can log in.
pub static PEOPLE: [DemoPerson; 4] = [
    DemoPerson { name: "alice", groups: &["engineering"] },
    DemoPerson { name: "bob", groups: &["engineering", "sre"] },
    DemoPerson { name: "carol", groups: &["auditor"] },
    DemoPerson { name: "robot", groups: &["agents"] },
];

impl DemoPerson {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        PEOPLE.iter().find(|person| person.name == name)
    }
}

/// Signs ID tokens with a key that no disk ever sees.
pub(super) struct Signer {
    key: EncodingKey,
    public: Vec<u8>,
}

impl Signer {
    pub(super) fn new() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())
            .map_err(|_| aws_lc_rs::error::Unspecified)?;
        Ok(Self { key: EncodingKey::from_ec_der(pkcs8.as_ref()), public: pair.public_key().as_ref().to_vec() })
    }

    /// The public key (RFC 7518 §6.2): an uncompressed point is `04 ‖ x ‖ y`.
    pub(super) fn jwk(&self) -> Value {
        let coordinate = |range| BASE64URL_NOPAD.encode(self.public.get(range).unwrap_or_default());
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID,
            "x": coordinate(1..33), "y": coordinate(33..65),
        })
    }

    /// The answer of the token endpoint. The access token opens nothing.
    pub(super) fn tokens(
        &self,
        issuer: &str,
        client_id: &str,
        person: &DemoPerson,
        nonce: Option<&str>,
    ) -> Option<Value> {
        let access_token = random_text()?;
        let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
        let now = Timestamp::now().as_second();
        let mut claims = json!({
            "iss": issuer,
            "sub": format!("demo-{}", person.name),
            "aud": client_id,
            "iat": now,
            "exp": now + ID_TOKEN_SECONDS,
            "at_hash": BASE64URL_NOPAD.encode(hash.as_ref().get(..16)?),
            "preferred_username": person.name,
            "email": format!("{}@example.com", person.name),
            "email_verified": true,
            "groups": person.groups,
        });
        if let (Some(nonce), Some(claims)) = (nonce, claims.as_object_mut()) {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(KEY_ID.to_owned());
        let id_token = jsonwebtoken::encode(&header, &claims, &self.key).ok()?;
        Some(json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": ID_TOKEN_SECONDS,
            "id_token": id_token,
        }))
    }
}

const KEY_ID: &str = "demo";

/// The token is verified at once and dropped.
const ID_TOKEN_SECONDS: i64 = 60;

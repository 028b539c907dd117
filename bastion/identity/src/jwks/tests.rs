//! Which keys of a set count, and what happens when the issuer changes them.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Router, extract::State, routing::get};
use serde_json::{Value, json};

use super::*;
use crate::oidc::OidcSettings;

// The example keys of RFC 7517 appendix A.1 and RFC 8037 appendix A.2.
const EC_X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const EC_Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
const OKP_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const RSA_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

fn ec(id: &str) -> Value {
    json!({"kty": "EC", "crv": "P-256", "kid": id, "x": EC_X, "y": EC_Y})
}

fn ec_with(name: &str, value: Value) -> Value {
    let mut key = ec("k");
    key[name] = value;
    key
}

fn found(keys: Vec<Value>, id: Option<&str>, algorithm: Algorithm) -> Result<(), KeyError> {
    KeySet::read(keys).find(id, algorithm).map(|_| ())
}

#[test]
fn a_key_is_found_by_its_identifier() {
    assert_eq!(found(vec![ec("a"), ec("b")], Some("b"), Algorithm::ES256), Ok(()));
    assert_eq!(found(vec![ec("a"), ec("b")], Some("c"), Algorithm::ES256), Err(KeyError::Unknown));
}

#[test]
fn without_an_identifier_only_a_single_possible_key_is_taken() {
    let okp = json!({"kty": "OKP", "crv": "Ed25519", "x": OKP_X});
    assert_eq!(found(vec![ec("a"), okp.clone()], None, Algorithm::ES256), Ok(()));
    assert_eq!(found(vec![ec("a"), okp], None, Algorithm::EdDSA), Ok(()));
    assert_eq!(found(vec![ec("a"), ec("b")], None, Algorithm::ES256), Err(KeyError::Ambiguous));
    assert_eq!(found(vec![], None, Algorithm::ES256), Err(KeyError::Unknown));
}

#[test]
fn a_key_verifies_only_algorithms_of_its_kind() {
    for algorithm in [Algorithm::ES384, Algorithm::RS256, Algorithm::EdDSA, Algorithm::HS256] {
        assert_eq!(found(vec![ec("k")], Some("k"), algorithm), Err(KeyError::Unknown), "{algorithm:?}");
    }
    let rsa = json!({"kty": "RSA", "n": RSA_N, "e": "AQAB"});
    assert_eq!(found(vec![rsa.clone()], None, Algorithm::PS512), Ok(()));
    assert_eq!(found(vec![rsa.clone()], None, Algorithm::ES256), Err(KeyError::Unknown));
    let mut only = rsa;
    only["alg"] = "RS256".into();
    assert_eq!(found(vec![only.clone()], None, Algorithm::RS256), Ok(()));
    assert_eq!(found(vec![only], None, Algorithm::RS384), Err(KeyError::Unknown));
}

#[test]
fn keys_that_are_not_for_signatures_do_not_count() {
    for key in [
        ec_with("use", "enc".into()),
        ec_with("key_ops", json!(["deriveKey"])),
        ec_with("alg", "ECDH-ES".into()),
        ec_with("alg", "RS256".into()),
        ec_with("crv", "P-521".into()),
        ec_with("crv", "secp256k1".into()),
        ec_with("x", Value::Null),
        ec_with("x", "!".into()),
        ec_with("kty", "oct".into()),
        json!({"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ", "kid": "k", "alg": "HS256"}),
        json!("text"),
        json!({}),
    ] {
        for algorithm in [Algorithm::ES256, Algorithm::HS256] {
            assert_eq!(found(vec![key.clone()], Some("k"), algorithm), Err(KeyError::Unknown), "{key}");
        }
    }
    assert_eq!(found(vec![ec_with("use", "sig".into())], Some("k"), Algorithm::ES256), Ok(()));
    assert_eq!(found(vec![ec_with("key_ops", json!(["verify"]))], Some("k"), Algorithm::ES256), Ok(()));
}

#[test]
fn a_set_without_end_is_read_in_part() {
    let many: Vec<_> = (0..MAX_KEYS).map(|number| ec(&number.to_string())).chain([ec("beyond")]).collect();
    assert_eq!(KeySet::read(many).0.len(), MAX_KEYS);
}

// === KeySetCache ===

struct Published {
    url: String,
    cache: KeySetCache,
    fetches: Arc<AtomicUsize>,
}

/// An issuer that shows key `k0` on the first fetch, `k1` on the second, …
async fn published(retry: Duration) -> Published {
    async fn keys(State(fetches): State<Arc<AtomicUsize>>) -> axum::Json<Value> {
        let number = fetches.fetch_add(1, Ordering::SeqCst);
        axum::Json(json!({"keys": [ec(&format!("k{number}"))]}))
    }
    let fetches = Arc::new(AtomicUsize::new(0));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/jwks", get(keys)).with_state(Arc::clone(&fetches));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let http = IssuerHttp::new(&OidcSettings::new(issuer.parse().unwrap(), "bastion")).unwrap();
    let cache = KeySetCache { http, set: Cached::new(MAX_AGE), retry };
    Published { url: format!("{issuer}/jwks"), cache, fetches }
}

impl Published {
    async fn key(&self, id: &str) -> Result<(), OidcError> {
        self.cache.key(&self.url, Some(id), Algorithm::ES256).await.map(|_| ())
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_known_key_is_not_fetched_again() {
    let issuer = published(Duration::ZERO).await;
    issuer.key("k0").await.unwrap();
    issuer.key("k0").await.unwrap();
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_found_and_the_old_one_is_gone() {
    let issuer = published(Duration::ZERO).await;
    issuer.key("k0").await.unwrap();
    issuer.key("k1").await.unwrap();
    assert_eq!(issuer.fetches(), 2);
    assert!(matches!(issuer.key("k0").await, Err(OidcError::Key(KeyError::Unknown))));
}

#[tokio::test]
async fn unknown_keys_do_not_make_the_bastion_knock_again_and_again() {
    let issuer = published(Duration::MAX).await;
    for _ in 0..20 {
        assert!(matches!(issuer.key("no such key").await, Err(OidcError::Key(KeyError::Unknown))));
    }
    assert_eq!(issuer.fetches(), 1);
}

//! One token that is good, and every way to spoil it. Keys are made here; nothing is mocked.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        Ed25519KeyPair, KeyPair, RsaKeyPair,
    },
};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::EncodingKey;
use serde_json::json;

use super::*;
use crate::jwks::Jwk;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example.com";
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

struct TestKey {
    algorithm: &'static str,
    encoding: EncodingKey,
    jwk: Value,
}

impl TestKey {
    fn ecdsa(algorithm: &'static str, curve: &str, kind: &'static EcdsaSigningAlgorithm) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref()).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
        let jwk = json!({"kty": "EC", "crv": curve, "x": BASE64URL_NOPAD.encode(x), "y": BASE64URL_NOPAD.encode(y)});
        Self { algorithm, encoding: EncodingKey::from_ec_der(pkcs8.as_ref()), jwk }
    }

    fn es256() -> Self {
        Self::ecdsa("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        Self { algorithm: "EdDSA", encoding: EncodingKey::from_ed_der(pkcs8.as_ref()), jwk }
    }

    fn rsa(algorithm: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public = pair.public_key();
        let (n, e) =
            (public.modulus().big_endian_without_leading_zero(), public.exponent().big_endian_without_leading_zero());
        let jwk = json!({"kty": "RSA", "n": BASE64URL_NOPAD.encode(n), "e": BASE64URL_NOPAD.encode(e)});
        let base64 = data_encoding::BASE64_MIME.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}-----END PRIVATE KEY-----\n");
        Self { algorithm, encoding: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), jwk }
    }

    fn public(&self) -> SignatureKey {
        SignatureKey::read(&serde_json::from_value::<Jwk>(self.jwk.clone()).unwrap()).unwrap()
    }

    fn header(&self) -> Value {
        json!({"alg": self.algorithm, "typ": "JWT", "kid": "k1"})
    }

    /// Signs any texts, also ones that no library would write.
    fn sign(&self, header: &str, payload: &str) -> String {
        let signed =
            format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(payload.as_bytes()));
        let algorithm = self.algorithm.parse().unwrap();
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.encoding, algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "4711", "aud": "bastion", "exp": NOW + 300, "iat": NOW - 5, "nonce": "n-1",
        "preferred_username": "alice", "email": "alice@example.com", "email_verified": true,
        "groups": ["engineering", "sre"],
    })
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        client_id: "bastion",
        nonce: Some("n-1"),
        access_token: None,
        username_claim: "preferred_username",
        username_is_verified: false,
        groups_claim: "groups",
        now: Timestamp::from_second(NOW).unwrap(),
    }
}

fn verify(key: &TestKey, token: &str, expected: &Expected<'_>) -> Result<Subject, IdTokenRefusal> {
    SignedToken::parse(token)?.verify(&key.public())?.subject(expected)
}

/// Verifies the good token with changed claims.
fn with(change: impl FnOnce(&mut Map<String, Value>)) -> Result<Subject, IdTokenRefusal> {
    with_expected(&expected(), change)
}

fn with_expected(
    expected: &Expected<'_>,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<Subject, IdTokenRefusal> {
    let (key, mut claims) = (TestKey::es256(), claims());
    change(claims.as_object_mut().unwrap());
    verify(&key, &key.sign(&key.header().to_string(), &claims.to_string()), expected)
}

fn set(claim: &'static str, value: Value) -> impl FnOnce(&mut Map<String, Value>) {
    move |claims| drop(claims.insert(claim.to_owned(), value))
}

fn unset(claim: &'static str) -> impl FnOnce(&mut Map<String, Value>) {
    move |claims| drop(claims.remove(claim))
}

#[test]
fn a_good_token_says_who() {
    let subject = with(|_| {}).unwrap();
    assert_eq!((subject.issuer.as_str(), subject.id.as_str(), subject.name.as_str()), (ISSUER, "4711", "alice"));
    assert_eq!(subject.email.as_deref(), Some("alice@example.com"));
    assert_eq!(subject.groups.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["engineering", "sre"]);
}

#[test]
fn every_accepted_algorithm_verifies() {
    let mut keys = vec![TestKey::es256(), TestKey::ed25519()];
    keys.push(TestKey::ecdsa("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING));
    keys.extend(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map(TestKey::rsa));
    for key in keys {
        let token = key.sign(&key.header().to_string(), &claims().to_string());
        assert!(verify(&key, &token, &expected()).is_ok(), "{}", key.algorithm);
    }
}

#[test]
fn no_signature_and_symmetric_signatures_are_refused() {
    let (key, payload) = (TestKey::es256(), claims().to_string());
    for name in ["none", "None", "", "HS256", "HS384", "HS512", "ES512", "RS1", "es256"] {
        let token = key.sign(&json!({"alg": name, "kid": "k1"}).to_string(), &payload);
        assert!(matches!(SignedToken::parse(&token), Err(IdTokenRefusal::Algorithm(found)) if found == name), "{name}");
    }
    let unsigned = key.sign(r#"{"alg":"none"}"#, &payload);
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    assert!(matches!(SignedToken::parse(&unsigned), Err(IdTokenRefusal::Algorithm(_))));
    assert!(matches!(SignedToken::parse(&key.sign("{}", &payload)), Err(IdTokenRefusal::Algorithm(_))));
}

#[test]
fn the_header_cannot_choose_an_algorithm_that_the_key_is_not_for() {
    let (ec, rsa) = (TestKey::es256(), TestKey::rsa("RS256"));
    let token = rsa.sign(&rsa.header().to_string(), &claims().to_string());
    assert_eq!(verify(&ec, &token, &expected()).unwrap_err(), IdTokenRefusal::Algorithm("RS256".to_owned()));
    let mut only_pss = TestKey::rsa("RS256");
    only_pss.jwk["alg"] = "PS256".into();
    let token = only_pss.sign(&only_pss.header().to_string(), &claims().to_string());
    assert_eq!(verify(&only_pss, &token, &expected()).unwrap_err(), IdTokenRefusal::Algorithm("RS256".to_owned()));
}

#[test]
fn another_key_does_not_verify() {
    let (ours, theirs) = (TestKey::es256(), TestKey::es256());
    let token = theirs.sign(&theirs.header().to_string(), &claims().to_string());
    assert_eq!(verify(&ours, &token, &expected()).unwrap_err(), IdTokenRefusal::Signature);
}

#[test]
fn a_changed_claim_does_not_verify() {
    let key = TestKey::es256();
    let token = key.sign(&key.header().to_string(), &claims().to_string());
    let mut admin = claims();
    admin["preferred_username"] = "admin".into();
    let parts: Vec<_> = token.split('.').collect();
    let forged = format!("{}.{}.{}", parts[0], BASE64URL_NOPAD.encode(admin.to_string().as_bytes()), parts[2]);
    assert_eq!(verify(&key, &forged, &expected()).unwrap_err(), IdTokenRefusal::Signature);
    for signature in ["", "AAAA", parts[1]] {
        let forged = format!("{}.{}.{signature}", parts[0], parts[1]);
        assert_eq!(verify(&key, &forged, &expected()).unwrap_err(), IdTokenRefusal::Signature, "{signature:?}");
    }
}

#[test]
fn only_three_base64url_parts_with_objects_are_a_token() {
    let key = TestKey::es256();
    let (header, payload) = (key.header().to_string(), claims().to_string());
    let good = key.sign(&header, &payload);
    for bad in [
        String::new(),
        "a.b".to_owned(),
        format!("{good}.{good}"),
        format!("{good}."),
        format!("{good}=").replace('.', "=."),
        key.sign("[]", &payload),
        key.sign("\"x\"", &payload),
        key.sign(&header, "[]").replacen('.', "!.", 1),
        // The JSON form with several signatures (RFC 7515 §7.2).
        json!({"payload": payload, "signatures": [{"protected": header, "signature": "x"}]}).to_string(),
    ] {
        assert!(matches!(SignedToken::parse(&bad), Err(IdTokenRefusal::Malformed(_))), "{bad:.80}");
    }
    let refused = verify(&key, &key.sign(&header, "[]"), &expected()).unwrap_err();
    assert_eq!(refused, IdTokenRefusal::Malformed("not a JSON object"));
    let large = "a".repeat(compact::MAX_TOKEN_BYTES + 1);
    assert_eq!(SignedToken::parse(&large).unwrap_err(), IdTokenRefusal::TooLong);
}

#[test]
fn what_stands_twice_is_refused() {
    let key = TestKey::es256();
    let payload = claims().to_string();
    let twice = payload.replacen('{', r#"{"sub":"admin","#, 1);
    let refused = verify(&key, &key.sign(&key.header().to_string(), &twice), &expected()).unwrap_err();
    assert_eq!(refused, IdTokenRefusal::Duplicate("sub".to_owned()));
    let header = r#"{"alg":"ES256","alg":"none"}"#;
    assert_eq!(
        SignedToken::parse(&key.sign(header, &payload)).unwrap_err(),
        IdTokenRefusal::Duplicate("alg".to_owned())
    );
}

#[test]
fn header_parameters_that_change_the_meaning_are_refused() {
    let (key, payload) = (TestKey::es256(), claims().to_string());
    let header = json!({"alg": "ES256", "crit": ["b64"], "b64": false}).to_string();
    assert_eq!(SignedToken::parse(&key.sign(&header, &payload)).unwrap_err(), IdTokenRefusal::CriticalHeader);
    let header = json!({"alg": "ES256", "typ": "at+jwt"}).to_string();
    let refused = SignedToken::parse(&key.sign(&header, &payload)).unwrap_err();
    assert_eq!(refused, IdTokenRefusal::Type("at+jwt".to_owned()));
}

#[test]
fn another_issuer_is_refused_also_when_it_looks_alike() {
    for issuer in ["https://id.example.com/", "https://ID.example.com", "https://id.example.org", ""] {
        assert_eq!(with(set("iss", issuer.into())).unwrap_err(), IdTokenRefusal::Issuer(issuer.to_owned()));
    }
    assert_eq!(with(unset("iss")).unwrap_err(), IdTokenRefusal::Missing("iss"));
}

#[test]
fn a_token_for_others_is_refused() {
    for audience in [json!("other"), json!(["other"]), json!([]), json!("bastion ")] {
        assert!(matches!(with(set("aud", audience)).unwrap_err(), IdTokenRefusal::Audience(_)));
    }
    for audience in [json!(7), json!([7, "bastion"]), json!({"bastion": true}), Value::Null] {
        assert_eq!(with(set("aud", audience)).unwrap_err(), IdTokenRefusal::Missing("aud"));
    }
    assert_eq!(with(unset("aud")).unwrap_err(), IdTokenRefusal::Missing("aud"));
    assert!(with(set("aud", json!(["bastion"]))).is_ok());
}

#[test]
fn the_authorized_party_is_us() {
    let several = || set("aud", json!(["other", "bastion"]));
    assert_eq!(with(several()).unwrap_err(), IdTokenRefusal::AuthorizedPartyMissing);
    let party = |party: Value| {
        with(move |claims| {
            several()(claims);
            set("azp", party)(claims);
        })
    };
    assert!(party("bastion".into()).is_ok());
    assert_eq!(party("other".into()).unwrap_err(), IdTokenRefusal::AuthorizedParty);
    assert_eq!(
        with(set("azp", "other".into())).unwrap_err(),
        IdTokenRefusal::AuthorizedParty,
        "also with one audience"
    );
    assert_eq!(with(set("azp", json!(["bastion"]))).unwrap_err(), IdTokenRefusal::AuthorizedParty);
}

#[test]
fn times_are_kept_with_half_a_minute_of_skew() {
    assert!(with(set("exp", (NOW - 29).into())).is_ok());
    assert_eq!(with(set("exp", (NOW - 30).into())).unwrap_err(), IdTokenRefusal::Expired);
    assert_eq!(with(unset("exp")).unwrap_err(), IdTokenRefusal::Missing("exp"));
    assert_eq!(with(set("exp", "never".into())).unwrap_err(), IdTokenRefusal::Missing("exp"));
    assert!(with(set("iat", (NOW + 30).into())).is_ok());
    assert_eq!(with(set("iat", (NOW + 31).into())).unwrap_err(), IdTokenRefusal::IssuedInFuture);
    assert_eq!(with(unset("iat")).unwrap_err(), IdTokenRefusal::Missing("iat"));
    assert!(with(set("nbf", (NOW + 30).into())).is_ok());
    assert_eq!(with(set("nbf", (NOW + 31).into())).unwrap_err(), IdTokenRefusal::NotYetValid);
    assert_eq!(with(set("nbf", "x".into())).unwrap_err(), IdTokenRefusal::Missing("nbf"));
    assert!(with(set("exp", json!(NOW as f64 + 0.5))).is_ok());
    assert!(with(set("exp", json!(1e300))).is_ok());
    assert_eq!(with(set("exp", json!(-1e300))).unwrap_err(), IdTokenRefusal::Expired);
}

#[test]
fn the_nonce_is_that_of_this_login() {
    assert_eq!(with(set("nonce", "n-2".into())).unwrap_err(), IdTokenRefusal::Nonce);
    assert_eq!(with(unset("nonce")).unwrap_err(), IdTokenRefusal::Nonce);
    let device_flow = Expected { nonce: None, ..expected() };
    assert!(with_expected(&device_flow, unset("nonce")).is_ok());
}

#[test]
fn the_access_token_is_the_one_that_the_token_speaks_of() {
    // Hash and token of OpenID Connect Core, appendix A.3.
    let expected = Expected { access_token: Some(ACCESS_TOKEN), ..expected() };
    assert!(with_expected(&expected, |_| {}).is_ok(), "at_hash is optional in the code flow");
    assert!(with_expected(&expected, set("at_hash", "77QmUPtjPfzWtF2AnpK9RQ".into())).is_ok());
    for wrong in [json!("77QmUPtjPfzWtF2AnpK9RR"), json!(7), json!("")] {
        let refused = with_expected(&expected, set("at_hash", wrong)).unwrap_err();
        assert_eq!(refused, IdTokenRefusal::AccessTokenHash);
    }
}

#[test]
fn somebody_without_a_subject_is_nobody() {
    assert_eq!(with(unset("sub")).unwrap_err(), IdTokenRefusal::Missing("sub"));
    for subject in [String::new(), "a".repeat(256), "a\nb".to_owned(), "a\0".to_owned()] {
        assert_eq!(with(set("sub", subject.into())).unwrap_err(), IdTokenRefusal::Subject);
    }
}

#[test]
fn a_user_name_is_one_safe_name() {
    for name in ["a,b", "a b", "*", "a\nb", "ädmin", "a/b", ""] {
        let refused = with(set("preferred_username", name.into())).unwrap_err();
        assert!(matches!(refused, IdTokenRefusal::UserName { .. }), "{name:?}");
    }
    let refused = with(unset("preferred_username")).unwrap_err();
    assert_eq!(refused, IdTokenRefusal::UserNameMissing("preferred_username".to_owned()));
    assert!(refused.to_string().contains("identity.oidc.username_claim"));
}

#[test]
fn an_email_address_counts_only_when_the_issuer_verified_it() {
    for not_verified in [json!(false), json!("true"), json!(1), Value::Null] {
        let subject = with(set("email_verified", not_verified.clone())).unwrap();
        assert_eq!(subject.email, None);
        let by_email = Expected { username_claim: "email", ..expected() };
        let refused = with_expected(&by_email, set("email_verified", not_verified)).unwrap_err();
        assert_eq!(refused, IdTokenRefusal::EmailNotVerified);
    }
    assert_eq!(with(unset("email_verified")).unwrap().email, None);
    let by_email = Expected { username_claim: "email", ..expected() };
    assert_eq!(with_expected(&by_email, |_| {}).unwrap().name.as_str(), "alice@example.com");
    for odd in ["no at", "a@b@c", "@b", "a@", "a@b\u{1b}[2J"] {
        assert_eq!(with(set("email", odd.into())).unwrap().email, None, "{odd:?}");
    }
}

#[test]
fn a_name_that_looks_like_an_address_is_one_only_where_the_operator_says_so() {
    let named = |claims: &mut Map<String, Value>| {
        set("preferred_username", "boss@example.com".into())(claims);
        set("email_verified", json!(false))(claims);
    };
    assert_eq!(with(named).unwrap().email, None);
    let verified = Expected { username_is_verified: true, ..expected() };
    assert_eq!(with_expected(&verified, named).unwrap().email.as_deref(), Some("boss@example.com"));
    assert_eq!(with_expected(&verified, |_| {}).unwrap().email.as_deref(), Some("alice@example.com"));
}

#[test]
fn groups_are_a_list_of_names() {
    assert!(with(unset("groups")).unwrap().groups.is_empty());
    assert_eq!(with(set("groups", "sre".into())).unwrap().groups.len(), 1);
    let usable = with(set("groups", json!(["sre", "a,b", "two words", "", "x\u{0}"]))).unwrap().groups;
    assert_eq!(usable.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["sre"]);
    for wrong in [json!({"sre": true}), json!(7), json!(true), json!(["sre", 7])] {
        assert_eq!(with(set("groups", wrong)).unwrap_err(), IdTokenRefusal::Groups("groups".to_owned()));
    }
}

//! Every way in which a certificate does not count, one test each. Certificates that our authority never issues are
//! made here with its key, field by field.

use std::{sync::Arc, time::Duration};

use config::revoked_keys::RevokedKey;
use ledger::store::{CertificateRecord, LoginKind, LoginRecord, TokenHash};
use policy::Subject;
use russh::keys::{
    PrivateKey, PublicKey,
    ssh_encoding::{Decode, Encode},
    ssh_key::{certificate::Builder, private::Ed25519Keypair, public::SkEd25519},
};
use tokio::sync::watch;

use super::*;
use crate::{
    revoked_keys::{Fingerprints, fingerprints},
    ssh_ca::{SshAuthorities, TargetRequest, UserRequest},
    test_store::TestStore,
    token::random_bytes,
};

const NOW: u64 = 1_800_000_000;
const HERE: &str = "192.0.2.7";

fn now() -> Timestamp {
    timestamp(NOW).unwrap()
}

fn here() -> IpAddr {
    HERE.parse().unwrap()
}

fn ed25519() -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&random_bytes().unwrap()))
}

struct Fixture {
    authorities: SshAuthorities,
    user_key: PrivateKey,
    cas: TrustedCas,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let authorities = SshAuthorities::load_or_create(folder.path()).unwrap();
    let cas = TrustedCas::new([authorities.user.fingerprint()]);
    Fixture { authorities, user_key: ed25519(), cas }
}

impl Fixture {
    /// What our authority really issues.
    fn issued(&self) -> Certificate {
        let request = UserRequest {
            key: self.user_key.public_key(),
            user: &"alice".parse().unwrap(),
            expires_at: timestamp(NOW + 600).unwrap(),
            source_addresses: None,
        };
        self.authorities.user.issue(&request, now()).unwrap()
    }

    /// As issued, with changes, signed by our authority.
    fn changed(&self, change: impl FnOnce(&mut Fields)) -> Certificate {
        self.changed_and_signed_by(self.authorities.user.private_key(), change)
    }

    fn changed_and_signed_by(&self, ca: &PrivateKey, change: impl FnOnce(&mut Fields)) -> Certificate {
        let mut fields = Fields::usual(self.user_key.public_key().key_data().clone());
        change(&mut fields);
        fields.sign(ca)
    }

    fn verify(&self, certificate: &Certificate) -> Result<VerifiedCertificate, CertificateRefusal> {
        verify(certificate, here(), now(), &self.cas)
    }

    fn refused(&self, certificate: &Certificate) -> CertificateRefusal {
        self.verify(certificate).unwrap_err()
    }

    /// Why the certificate as issued does not count once this key is revoked.
    fn refused_without(&self, key: &PublicKey) -> CertificateRefusal {
        let revoked = fingerprints(&[RevokedKey::Key(key.to_openssh().unwrap().parse().unwrap())]).unwrap();
        let cas = self.cas.clone().without(RevokedKeys::new(watch::Sender::new(revoked).subscribe()));
        verify(&self.issued(), here(), now(), &cas).unwrap_err()
    }
}

struct Fields {
    key: KeyData,
    serial: u64,
    cert_type: CertType,
    key_id: &'static str,
    principals: Vec<&'static str>,
    valid_after: u64,
    valid_before: u64,
    critical: Vec<(&'static str, String)>,
}

impl Fields {
    fn usual(key: KeyData) -> Self {
        Self {
            key,
            serial: 7,
            cert_type: CertType::User,
            key_id: "alice",
            principals: vec!["alice"],
            valid_after: NOW - 60,
            valid_before: NOW + 600,
            critical: Vec::new(),
        }
    }

    fn sign(self, ca: &PrivateKey) -> Certificate {
        let mut builder = Builder::new(vec![1; 16], self.key, self.valid_after, self.valid_before).unwrap();
        builder.serial(self.serial).unwrap().cert_type(self.cert_type).unwrap().key_id(self.key_id).unwrap();
        builder.all_principals_valid().unwrap();
        for principal in self.principals {
            builder.valid_principal(principal).unwrap();
        }
        for (name, value) in self.critical {
            builder.critical_option(name, value).unwrap();
        }
        builder.extension("permit-pty", "").unwrap();
        builder.sign(ca).unwrap()
    }
}

#[test]
fn what_our_authority_issues_is_verified() {
    let fixture = fixture();
    let certificate = fixture.issued();
    let verified = fixture.verify(&certificate).unwrap();
    assert_eq!(verified.user().as_str(), "alice");
    assert_eq!(verified.serial(), certificate.serial());
    assert_eq!(verified.expires_at(), timestamp(NOW + 600).unwrap());
    assert_eq!(verified.fingerprint(), fixture.user_key.fingerprint(HashAlg::Sha256).to_string());
    assert!(verified.permits().pty && verified.permits().port_forwarding && verified.permits().agent_forwarding);
    assert!(fixture.verify(&fixture.changed(|_| {})).is_ok(), "the usual fields are accepted as they are");
}

#[test]
fn an_ecdsa_key_is_accepted() {
    let fixture = fixture();
    let line = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";
    let key = PublicKey::from_openssh(line).unwrap();
    assert!(fixture.verify(&fixture.changed(|fields| fields.key = key.key_data().clone())).is_ok());
}

#[test]
fn an_expired_certificate_is_refused() {
    let fixture = fixture();
    let refused = fixture.refused(&fixture.changed(|fields| fields.valid_before = NOW - 185 + 180));
    assert_eq!(refused, CertificateRefusal::Expired { seconds_ago: 5 });
    let certificate = fixture.issued();
    let later = |seconds| verify(&certificate, here(), timestamp(NOW + seconds).unwrap(), &fixture.cas);
    assert!(later(599).is_ok());
    assert_eq!(later(600).unwrap_err(), CertificateRefusal::Expired { seconds_ago: 0 });
    let message = later(600 + 190).unwrap_err().to_string();
    assert_eq!(message, "this certificate expired 3 min ago: run \"bastion login\"");
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused() {
    let fixture = fixture();
    let certificate = fixture.changed(|fields| fields.valid_after = NOW + 30);
    assert_eq!(fixture.refused(&certificate), CertificateRefusal::NotYetValid { seconds_left: 30 });
    assert!(verify(&certificate, here(), timestamp(NOW + 30).unwrap(), &fixture.cas).is_ok());
}

#[test]
fn a_certificate_without_an_end_is_refused() {
    let fixture = fixture();
    let refused = fixture.refused(&fixture.changed(|fields| fields.valid_before = u64::MAX));
    assert_eq!(refused, CertificateRefusal::NeverExpires);
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let fixture = fixture();
    let foreign = fixture.changed_and_signed_by(&ed25519(), |_| {});
    assert_eq!(fixture.refused(&foreign), CertificateRefusal::UnknownAuthority);
}

#[test]
fn a_certificate_that_signed_itself_is_refused() {
    let fixture = fixture();
    let own = fixture.changed_and_signed_by(&fixture.user_key, |_| {});
    assert_eq!(fixture.refused(&own), CertificateRefusal::SelfSigned);
}

#[test]
fn a_certificate_for_targets_does_not_log_in_to_the_bastion() {
    let fixture = fixture();
    let request = TargetRequest {
        key: fixture.user_key.public_key(),
        key_id: "alice",
        login: &"alice".parse().unwrap(),
        lifetime: Duration::from_secs(300),
    };
    let certificate = fixture.authorities.target.issue(&request, now()).unwrap();
    assert_eq!(fixture.refused(&certificate), CertificateRefusal::UnknownAuthority);
}

#[test]
fn a_revoked_authority_does_not_count_although_it_is_trusted() {
    let fixture = fixture();
    let refused = fixture.refused_without(fixture.authorities.user.public_key());
    assert_eq!(refused, CertificateRefusal::RevokedAuthority);
}

#[test]
fn a_revoked_key_does_not_count_although_it_is_certified() {
    let fixture = fixture();
    let refused = fixture.refused_without(fixture.user_key.public_key());
    assert_eq!(refused, CertificateRefusal::RevokedKey);
}

#[test]
fn a_key_that_is_revoked_later_counts_no_more() {
    let fixture = fixture();
    let sender = watch::Sender::new(Fingerprints::default());
    let cas = fixture.cas.clone().without(RevokedKeys::new(sender.subscribe()));
    assert!(verify(&fixture.issued(), here(), now(), &cas).is_ok());
    let fingerprint = fixture.user_key.public_key().fingerprint(HashAlg::Sha256).sha256().unwrap();
    sender.send_replace(Arc::new([fingerprint].into()));
    let refused = verify(&fixture.issued(), here(), now(), &cas).unwrap_err();
    assert_eq!(refused, CertificateRefusal::RevokedKey);
}

#[test]
fn a_changed_byte_is_refused() {
    let fixture = fixture();
    let certificate = fixture.changed(|_| {});
    let mut bytes = certificate.to_bytes().unwrap();
    let position = bytes.windows(5).rposition(|window| window == b"alice").unwrap();
    bytes[position..position + 5].copy_from_slice(b"admin");
    let forged = Certificate::from_bytes(&bytes).unwrap();
    assert_eq!(forged.valid_principals(), ["admin"]);
    assert_eq!(fixture.refused(&forged), CertificateRefusal::Signature);
}

#[test]
fn a_signature_taken_from_another_certificate_is_refused() {
    let fixture = fixture();
    let (mine, other) = (fixture.changed(|_| {}), fixture.changed(|fields| fields.serial = 8));
    let signature = |certificate: &Certificate| encoded_with_length(certificate.signature());
    let mut bytes = mine.to_bytes().unwrap();
    bytes.truncate(bytes.len() - signature(&mine).len());
    bytes.extend(signature(&other));
    assert_eq!(fixture.refused(&Certificate::from_bytes(&bytes).unwrap()), CertificateRefusal::Signature);
}

#[test]
fn a_host_certificate_does_not_log_in() {
    let fixture = fixture();
    let host = fixture.changed(|fields| fields.cert_type = CertType::Host);
    assert_eq!(fixture.refused(&host), CertificateRefusal::HostType);
    let names = ["alice"];
    let key = fixture.user_key.public_key();
    let real = fixture.authorities.host.issue(key, &names, Duration::from_secs(60), now()).unwrap();
    assert_eq!(fixture.refused(&real), CertificateRefusal::UnknownAuthority);
}

#[test]
fn a_certificate_for_nobody_is_not_one_for_everybody() {
    let fixture = fixture();
    let refused = fixture.refused(&fixture.changed(|fields| fields.principals.clear()));
    assert_eq!(refused, CertificateRefusal::NoPrincipal);
}

#[test]
fn a_certificate_for_two_is_refused() {
    let fixture = fixture();
    let refused = fixture.refused(&fixture.changed(|fields| fields.principals.push("bob")));
    assert_eq!(refused, CertificateRefusal::SeveralPrincipals);
}

#[test]
fn a_principal_that_reads_as_a_list_is_refused() {
    let fixture = fixture();
    for principal in ["alice,bob", "alice ", "*", ""] {
        let refused = fixture.refused(&fixture.changed(|fields| fields.principals = vec![principal]));
        assert!(matches!(refused, CertificateRefusal::Principal(_)), "{principal:?}: {refused:?}");
    }
}

#[test]
fn a_key_id_of_somebody_else_is_refused() {
    let fixture = fixture();
    let refused = fixture.refused(&fixture.changed(|fields| fields.key_id = "bob"));
    assert_eq!(refused, CertificateRefusal::KeyId);
}

#[test]
fn an_unknown_critical_option_is_refused() {
    let fixture = fixture();
    for option in ["force-command", "verify-required", "source-address2", "x@example.com\u{1b}[2J"] {
        let certificate = fixture.changed(|fields| fields.critical.push((option, "x".to_owned())));
        let refused = fixture.refused(&certificate);
        assert_eq!(refused, CertificateRefusal::CriticalOption(option.to_owned()));
        assert!(!refused.to_string().contains('\u{1b}'));
    }
}

#[test]
fn the_source_address_is_kept() {
    let fixture = fixture();
    let from = |list: &str| {
        let list = list.to_owned();
        fixture.changed(|fields| fields.critical.push(("source-address", list)))
    };
    assert!(fixture.verify(&from("192.0.2.0/24")).is_ok());
    assert!(fixture.verify(&from("10.0.0.0/8,192.0.2.7/32")).is_ok());
    let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    assert!(verify(&from("192.0.2.0/24"), mapped, now(), &fixture.cas).is_ok());
    let refused = fixture.refused(&from("10.0.0.0/8"));
    assert!(matches!(&refused, CertificateRefusal::SourceAddress { found, .. } if *found == here()));
    assert!(refused.to_string().contains("from 10.0.0.0/8 only, and you come from 192.0.2.7"));
    assert_eq!(fixture.refused(&from("192.0.2.7/24")), CertificateRefusal::SourceAddressUnreadable);
    assert_eq!(fixture.refused(&from("")), CertificateRefusal::SourceAddressUnreadable);
}

#[test]
fn a_serial_number_that_no_store_holds_is_refused() {
    let fixture = fixture();
    for serial in [0, u64::MAX] {
        let refused = fixture.refused(&fixture.changed(|fields| fields.serial = serial));
        assert_eq!(refused, CertificateRefusal::UnknownSerial);
    }
}

#[test]
fn keys_whose_proof_is_not_checked_here_are_refused() {
    let fixture = fixture();
    let security_key = SkEd25519::new(*fixture.user_key.public_key().key_data().ed25519().unwrap(), "ssh:");
    for key in [KeyData::SkEd25519(security_key), rsa_key()] {
        let refused = fixture.refused(&fixture.changed(|fields| fields.key = key));
        assert_eq!(refused, CertificateRefusal::KeyAlgorithm);
    }
}

/// CVE-2025-49825's class: the key that signed is itself a certificate, whose inner key is ours.
#[test]
fn a_certificate_signed_by_a_certificate_is_refused() {
    let fixture = fixture();
    let inner = fixture.changed(|fields| fields.key = fixture.authorities.user.public_key().key_data().clone());
    let plain = fixture.changed(|_| {});
    let authority = encoded_with_length(plain.signature_key());
    let signature = encoded_with_length(plain.signature());
    let mut bytes = plain.to_bytes().unwrap();
    bytes.truncate(bytes.len() - authority.len() - signature.len());
    bytes.extend(encoded_with_length(&KeyData::Certificate(Box::new(inner))));
    bytes.extend(signature);
    match Certificate::from_bytes(&bytes) {
        Ok(nested) => assert_eq!(fixture.refused(&nested), CertificateRefusal::NestedAuthority),
        Err(error) => panic!("the reader refuses it already ({error}): then this check is not needed any more"),
    }
}

#[test]
fn a_signature_of_an_odd_algorithm_is_refused_without_panic() {
    let fixture = fixture();
    let plain = fixture.changed(|_| {});
    let signature = encoded_with_length(plain.signature());
    let odd = {
        let mut inner = Vec::new();
        "ssh-none".encode(&mut inner).unwrap();
        Vec::<u8>::new().encode(&mut inner).unwrap();
        let mut out = Vec::new();
        inner.encode(&mut out).unwrap();
        out
    };
    let mut bytes = plain.to_bytes().unwrap();
    bytes.truncate(bytes.len() - signature.len());
    bytes.extend(odd);
    if let Ok(certificate) = Certificate::from_bytes(&bytes) {
        assert_eq!(fixture.refused(&certificate), CertificateRefusal::Signature);
    }
}

#[test]
fn a_cut_certificate_is_refused_without_panic() {
    let bytes = fixture().issued().to_bytes().unwrap();
    for length in 0..bytes.len() {
        assert!(Certificate::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
}

// === authenticate ===

fn record(fixture: &Fixture, certificate: &Certificate) -> CertificateRecord {
    CertificateRecord {
        serial: certificate.serial(),
        fingerprint: fixture.user_key.fingerprint(HashAlg::Sha256).to_string(),
        subject: Subject {
            issuer: "https://id.example.com".to_owned(),
            id: "4711".to_owned(),
            name: "alice".parse().unwrap(),
            email: None,
            groups: ["engineering".parse().unwrap()].into(),
        },
        login: Some(LOGIN),
        issued_at: now(),
        expires_at: timestamp(NOW + 600).unwrap(),
    }
}

const LOGIN: TokenHash = TokenHash([7; 32]);

fn login(record: &CertificateRecord) -> LoginRecord {
    let (subject, expires_at) = (record.subject.clone(), timestamp(NOW + 3600).unwrap());
    LoginRecord { token: LOGIN, kind: LoginKind::Cli, subject, created_at: now(), expires_at }
}

async fn authenticated_with(change: impl FnOnce(&mut CertificateRecord)) -> Result<Login, AuthenticateError> {
    authenticated_under(change, |_| {}).await
}

async fn authenticated_under(
    change: impl FnOnce(&mut CertificateRecord),
    change_login: impl FnOnce(&mut LoginRecord),
) -> Result<Login, AuthenticateError> {
    let (fixture, store) = (fixture(), TestStore::new().await);
    let certificate = fixture.issued();
    let mut record = record(&fixture, &certificate);
    let mut login = login(&record);
    change(&mut record);
    change_login(&mut login);
    store.add_login(&login).await.unwrap();
    store.add_certificate(&record).await.unwrap();
    authenticate(&*store, &fixture.verify(&certificate).unwrap(), now()).await
}

fn refusal(result: Result<Login, AuthenticateError>) -> CertificateRefusal {
    match result {
        Err(AuthenticateError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_authenticates_whom_it_was_issued_to() {
    let login = authenticated_with(|_| {}).await.unwrap();
    let authenticated = login.authenticated();
    assert_eq!(authenticated.subject().id, "4711");
    assert!(authenticated.subject().groups.contains(&"engineering".parse().unwrap()));
}

#[tokio::test]
async fn a_serial_number_that_the_store_does_not_know_is_refused() {
    let result = authenticated_with(|record| record.serial += 1).await;
    assert_eq!(refusal(result), CertificateRefusal::UnknownSerial);
}

#[tokio::test]
async fn a_serial_number_of_another_key_is_refused() {
    let result = authenticated_with(|record| record.fingerprint = "SHA256:other".to_owned()).await;
    assert_eq!(refusal(result), CertificateRefusal::OtherKey);
}

#[tokio::test]
async fn a_serial_number_of_another_user_is_refused() {
    let result = authenticated_with(|record| record.subject.name = "bob".parse().unwrap()).await;
    assert_eq!(refusal(result), CertificateRefusal::OtherUser);
}

#[tokio::test]
async fn an_end_in_the_store_counts_also_when_the_certificate_says_later() {
    let result = authenticated_with(|record| record.expires_at = now()).await;
    assert_eq!(refusal(result), CertificateRefusal::Expired { seconds_ago: 0 });
}

#[tokio::test]
async fn a_certificate_counts_no_longer_than_its_login() {
    for result in [
        authenticated_with(|record| record.login = None).await,
        authenticated_under(|_| {}, |login| login.token = TokenHash([8; 32])).await,
        authenticated_under(|_| {}, |login| login.expires_at = now()).await,
    ] {
        assert_eq!(refusal(result), CertificateRefusal::LoginEnded);
    }
    let result = authenticated_under(|_| {}, |login| login.subject.id = "4712".to_owned()).await;
    assert_eq!(refusal(result), CertificateRefusal::OtherUser);
}

#[tokio::test]
async fn who_was_authenticated_stays_so_with_a_certificate_that_counts_now() {
    let (fixture, store) = (fixture(), TestStore::new().await);
    let certificate = fixture.issued();
    let verified = fixture.verify(&certificate).unwrap();
    let mut record = record(&fixture, &certificate);
    store.add_certificate(&record).await.unwrap();
    is_renewed(&*store, &verified, now()).await.unwrap();

    let later = timestamp(NOW + 660).unwrap();
    let error = is_renewed(&*store, &verified, later).await.unwrap_err();
    assert!(matches!(error, AuthenticateError::Refused(CertificateRefusal::Expired { .. })), "{error:?}");

    (record.serial, record.issued_at, record.expires_at) = (record.serial + 1, later, timestamp(NOW + 1200).unwrap());
    store.add_certificate(&record).await.unwrap();
    is_renewed(&*store, &verified, later).await.unwrap();
    store.take_down().await;
    let error = is_renewed(&*store, &verified, later).await.unwrap_err();
    assert!(matches!(error, AuthenticateError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn without_the_store_nobody_is_authenticated() {
    let (fixture, store) = (fixture(), TestStore::new().await);
    let verified = fixture.verify(&fixture.issued()).unwrap();
    store.take_down().await;
    let error = authenticate(&*store, &verified, now()).await.unwrap_err();
    assert!(matches!(error, AuthenticateError::Unavailable(_)));
}

// === helpers ===

fn encoded_with_length(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode_prefixed(&mut out).unwrap();
    out
}

/// An RSA key as it stands on the wire: the build has no RSA, but its reader has.
fn rsa_key() -> KeyData {
    let mut bytes = Vec::new();
    "ssh-rsa".encode(&mut bytes).unwrap();
    [1u8, 0, 1].as_slice().encode(&mut bytes).unwrap();
    [&[0u8, 0xc1][..], &[0x55; 255]].concat().encode(&mut bytes).unwrap();
    KeyData::decode(&mut bytes.as_slice()).unwrap()
}

use std::net::Ipv4Addr;

use ledger::store::{LoginKind, LoginRecord, TokenHash};
use rcgen::KeyPair;
use rustls_pki_types::pem::PemObject as _;

use super::*;
use crate::test_store::TestStore;

struct Fixture {
    store: TestStore,
    credentials: KubeCredentials,
    login: Login,
}

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Alice, logged in from 0 to 3600; credentials last 600 seconds.
async fn fixture() -> Fixture {
    let store = TestStore::new().await;
    let ca = Arc::new(KubeClientCa::load_or_create(store.folder()).unwrap());
    let credentials = KubeCredentials::new(store.shared(), ca, Duration::from_secs(600));
    let subject = Subject {
        issuer: "https://issuer".into(),
        id: "42".into(),
        name: "alice".parse().unwrap(),
        email: None,
        groups: ["engineering".parse().unwrap()].into(),
    };
    let record = LoginRecord {
        token: TokenHash([7; 32]),
        kind: LoginKind::Cli,
        subject,
        created_at: at(0),
        expires_at: at(3600),
    };
    store.add_login(&record).await.unwrap();
    Fixture { store, credentials, login: Login::of_record(record) }
}

async fn certificate(fixture: &Fixture, now: Timestamp) -> (CertificateDer<'static>, Timestamp) {
    let key = KeyPair::generate().unwrap().public_key_pem();
    let issued = fixture.credentials.issue_certificate(&fixture.login, &key, SOURCE, now).await.unwrap();
    (CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap(), issued.expires_at)
}

#[tokio::test]
async fn a_certificate_names_its_person_until_it_ends() {
    let fixture = fixture().await;
    let (certificate, expires_at) = certificate(&fixture, at(0)).await;
    assert_eq!(expires_at, at(600));
    let who = fixture.credentials.by_certificate(&certificate, at(599)).await.unwrap();
    assert_eq!(who.subject().name.as_str(), "alice");
    let ended = fixture.credentials.by_certificate(&certificate, at(600)).await.unwrap_err();
    assert!(matches!(ended, CredentialError::Ended));
}

#[tokio::test]
async fn nothing_outlives_the_login() {
    let fixture = fixture().await;
    let (certificate, expires_at) = certificate(&fixture, at(3500)).await;
    assert_eq!(expires_at, at(3600));
    let token = fixture.credentials.issue_token(&fixture.login, SOURCE, at(3500)).await.unwrap();
    assert_eq!(token.expires_at, at(3600));
    assert!(fixture.credentials.by_certificate(&certificate, at(3501)).await.is_ok());
    assert!(fixture.credentials.by_token(&token.token, at(3501)).await.is_ok());

    fixture.store.remove_login(fixture.login.token()).await.unwrap();
    let refused = fixture.credentials.by_certificate(&certificate, at(3502)).await.unwrap_err();
    assert!(matches!(refused, CredentialError::LoginEnded));
    let refused = fixture.credentials.by_token(&token.token, at(3502)).await.unwrap_err();
    assert!(matches!(refused, CredentialError::LoginEnded));

    let none = fixture.credentials.issue_token(&fixture.login, SOURCE, at(3600)).await.unwrap_err();
    assert!(matches!(none, IssueCredentialError::Ended));
}

#[tokio::test]
async fn a_certificate_counts_only_with_the_key_that_it_was_issued_for() {
    let fixture = fixture().await;
    let (certificate, _) = certificate(&fixture, at(0)).await;
    let serial = serial_number(EndEntityCert::try_from(&certificate).unwrap().serial()).unwrap();
    // The same CA, the same serial number, another key: what a stolen CA key, but no store, would make.
    let other = ClientKey::from_pem(&KeyPair::generate().unwrap().public_key_pem()).unwrap();
    let request = ClientRequest { key: &other, user: "alice", groups: &[], serial, expires_at: at(600) };
    let forged = fixture.credentials.ca().issue(&request, at(0)).unwrap();
    let forged = CertificateDer::from_pem_slice(forged.as_bytes()).unwrap();
    let refused = fixture.credentials.by_certificate(&forged, at(1)).await.unwrap_err();
    assert!(matches!(refused, CredentialError::Unknown));
}

#[tokio::test]
async fn a_token_is_kept_as_a_hash_and_must_be_whole() {
    let fixture = fixture().await;
    let issued = fixture.credentials.issue_token(&fixture.login, SOURCE, at(0)).await.unwrap();
    let audited = format!("{:?}", fixture.store.audited().await);
    let (_, secret) = issued.token.split_once('.').unwrap();
    assert!(!audited.contains(secret));
    assert!(fixture.credentials.by_token(&issued.token, at(1)).await.is_ok());
    let mut other = issued.token.clone();
    other.pop();
    for token in [other.as_str(), "", "bkt_", "bkt_.", "bkt_AAAAAAAAAAA.x", secret, &issued.token[4..]] {
        let refused = fixture.credentials.by_token(token, at(1)).await.unwrap_err();
        assert!(matches!(refused, CredentialError::Unknown), "{token}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_lets_nobody_in() {
    let fixture = fixture().await;
    let (certificate, _) = certificate(&fixture, at(0)).await;
    fixture.store.take_down().await;
    assert!(matches!(
        fixture.credentials.by_certificate(&certificate, at(1)).await.unwrap_err(),
        CredentialError::Store(_)
    ));
}

#[test]
fn a_serial_number_is_one_of_ours_or_none() {
    let max = i64::MAX.to_be_bytes();
    for (bytes, expected) in [
        (&[1_u8][..], Some(1)),
        (&[0, 0x80], Some(0x80)),
        (&max, Some(i64::MAX.unsigned_abs())),
        (&[], None),
        (&[0], None),
        (&[0x80, 0, 0, 0, 0, 0, 0, 0], None),
        (&[1; 9], None),
    ] {
        assert_eq!(serial_number(bytes), expected, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_credential_does_not_count_for_another_persons_login() {
    let fixture = fixture().await;
    let token = fixture.credentials.issue_token(&fixture.login, SOURCE, at(0)).await.unwrap();
    // Somebody else's login stands where alice's was.
    let subject = Subject { id: "43".into(), name: "bob".parse().unwrap(), ..fixture.login.subject().clone() };
    let (created_at, expires_at) = (at(0), at(3600));
    assert!(fixture.store.remove_login(TokenHash([7; 32])).await.unwrap());
    let record = LoginRecord { token: TokenHash([7; 32]), kind: LoginKind::Cli, subject, created_at, expires_at };
    fixture.store.add_login(&record).await.unwrap();
    let refused = fixture.credentials.by_token(&token.token, at(1)).await.unwrap_err();
    assert!(matches!(refused, CredentialError::LoginEnded), "{refused:?}");
}

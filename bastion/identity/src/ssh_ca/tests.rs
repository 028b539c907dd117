//! What the authorities issue, and what they refuse to.

use super::*;

fn now() -> Timestamp {
    "2026-11-22T12:00:00.5Z".parse().unwrap()
}

fn authorities() -> SshAuthorities {
    let folder = tempfile::tempdir().unwrap();
    SshAuthorities::load_or_create(folder.path()).unwrap()
}

#[test]
fn every_authority_has_a_key_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let made = SshAuthorities::load_or_create(folder.path()).unwrap();
    let mut keys = vec![
        made.user.fingerprint(),
        made.target.fingerprint(),
        made.host.fingerprint(),
        made.host_key.fingerprint(HashAlg::Sha256),
    ];
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 4);
    let again = SshAuthorities::load_or_create(folder.path()).unwrap();
    assert_eq!(again.user.public_key(), made.user.public_key());
    for name in ["ssh-user-ca", "ssh-target-ca", "ssh-host-ca", "ssh-host-key"] {
        assert!(folder.path().join(name).exists() && folder.path().join(format!("{name}.pub")).exists(), "{name}");
    }
}

#[test]
fn a_user_certificate_says_who_until_when_and_from_where() {
    let authorities = authorities();
    let addresses: SourceAddresses = "192.0.2.0/24".parse().unwrap();
    let request = UserRequest {
        key: authorities.host_key.public_key(),
        user: &"alice@example.com".parse().unwrap(),
        expires_at: "2026-11-22T12:10:00Z".parse().unwrap(),
        source_addresses: Some(&addresses),
    };
    let certificate = authorities.user.issue(&request, now()).unwrap();
    assert_eq!(certificate.cert_type(), CertType::User);
    assert_eq!(certificate.key_id(), "alice@example.com");
    assert_eq!(certificate.valid_principals(), ["alice@example.com"]);
    assert_eq!(certificate.valid_before() - certificate.valid_after(), 60 + 600);
    assert_eq!(certificate.critical_options().get("source-address").unwrap(), "192.0.2.0/24");
    assert!(certificate.extensions().contains_key("permit-pty"));
    assert!(!certificate.extensions().contains_key("no-touch-required"));
    assert!(certificate.serial() > 0 && i64::try_from(certificate.serial()).is_ok());
    assert_ne!(certificate.serial(), authorities.user.issue(&request, now()).unwrap().serial());
    let line = certificate.to_openssh().unwrap();
    assert_eq!(Certificate::from_openssh(&line).unwrap(), certificate);
}

#[test]
fn a_certificate_never_ends_before_it_begins() {
    let authorities = authorities();
    let request = UserRequest {
        key: authorities.host_key.public_key(),
        user: &"alice".parse().unwrap(),
        expires_at: now(),
        source_addresses: None,
    };
    assert!(matches!(authorities.user.issue(&request, now()), Err(IssueError::Ended)));
    let forever = TargetRequest {
        key: authorities.host_key.public_key(),
        key_id: "alice/1",
        login: &"demo".parse().unwrap(),
        lifetime: Duration::MAX,
    };
    assert!(matches!(authorities.target.issue(&forever, now()), Err(IssueError::Ended)));
}

#[test]
fn a_target_certificate_is_for_one_account_and_names_the_person() {
    let authorities = authorities();
    let request = TargetRequest {
        key: authorities.host_key.public_key(),
        key_id: "alice/0190c0de",
        login: &"deploy".parse().unwrap(),
        lifetime: Duration::from_secs(300),
    };
    let certificate = authorities.target.issue(&request, now()).unwrap();
    assert_eq!((certificate.key_id(), certificate.valid_principals()), ("alice/0190c0de", &["deploy".to_owned()][..]));
    assert_eq!(certificate.valid_before() - certificate.valid_after(), 60 + 300);
    assert_eq!(certificate.signature_key(), authorities.target.public_key().key_data());
}

#[test]
fn a_host_certificate_is_for_the_names_given() {
    let authorities = authorities();
    let key = authorities.host_key.public_key();
    let names = ["bastion.example.com", "2001:db8::1"];
    let certificate = authorities.host.issue(key, &names, Duration::from_secs(3600), now()).unwrap();
    assert_eq!(certificate.cert_type(), CertType::Host);
    assert_eq!(certificate.valid_principals(), names);
    assert!(certificate.extensions().is_empty());
    let nobody = authorities.host.issue(key, &[], Duration::from_secs(3600), now());
    assert!(matches!(nobody, Err(IssueError::NoPrincipal)));
}

#[test]
fn a_name_that_reads_as_several_or_as_a_pattern_is_not_certified() {
    let authorities = authorities();
    let long = "a".repeat(254);
    for name in
        ["", "a,b", "a b", "a\tb", "a\nb", "a\0", "*", "web?", "we[b]", "!web", "ä", "\u{202e}a", "a/b", "a\"b", &long]
    {
        let refused =
            authorities.host.issue(authorities.host_key.public_key(), &["good", name], Duration::from_secs(60), now());
        assert!(matches!(refused, Err(IssueError::Principal(_))), "{name:?}");
    }
}

//! The X.509 CA for Kubernetes clients (RFC 5280): it certifies a person's key for minutes.
//!
//! The names in a certificate (CN the user, O the groups) are for people who look at it. Who somebody is stands in
//! the store, under the certificate's serial number: see [`kube_credential`](super::kube_credential).

use std::{fs, io, path::Path};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData, SignatureAlgorithm,
};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, pem::PemObject as _};

use super::key_file::{self, KeyFileError};

/// Issues client certificates for the Kubernetes front.
pub struct KubeClientCa {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// Why there is no CA, or no certificate from it.
#[derive(Debug, thiserror::Error)]
pub enum X509Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// No certificate could be made.
    #[error("no X.509 certificate could be made: {0}")]
    Issue(#[from] rcgen::Error),
    /// The CA's key file holds no key.
    #[error("{path} does not hold a PEM private key: {source}")]
    NotAKey {
        /// The file.
        path: String,
        /// What is wrong.
        source: rcgen::Error,
    },
    /// The time is beyond what certificates can say.
    #[error("the end of the certificate is beyond what a certificate can say")]
    Time,
}

/// A public key that a person wants certified: ECDSA on P-256, or Ed25519.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    spki: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
    point: usize,
}

/// Why a public key is not certified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyError {
    /// It is not PEM.
    #[error("send a public key as PEM (-----BEGIN PUBLIC KEY-----)")]
    NotPem,
    /// It is a key of another kind.
    #[error("only ECDSA keys on P-256 and Ed25519 keys are certified")]
    Unsupported,
}

/// What a certificate is to say.
#[derive(Debug, Clone, Copy)]
pub struct ClientRequest<'a> {
    /// The key that it is for.
    pub key: &'a ClientKey,
    /// The common name.
    pub user: &'a str,
    /// The organisations.
    pub groups: &'a [&'a str],
    /// The serial number: positive as an `i64`.
    pub serial: u64,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl KubeClientCa {
    /// Reads the CA's key from the folder of keys (`kube-client-ca-key.pem`, 0600), or makes one. The certificate
    /// (`kube-client-ca.pem`) is written beside it for balancers that verify clients themselves.
    ///
    /// # Errors
    ///
    /// When a file cannot be used.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, X509Error> {
        let key_path = data_dir.join("kube-client-ca-key.pem");
        let key = match key_file::read_private(&key_path)? {
            Some(pem) => KeyPair::from_pem(&pem)
                .map_err(|source| X509Error::NotAKey { path: key_path.display().to_string(), source })?,
            None => {
                let key = KeyPair::generate()?;
                key_file::create(&key_path, key.serialize_pem().as_bytes())
                    .map_err(|source| KeyFileError::Io { path: key_path, source })?;
                key
            }
        };
        let parameters = parameters(&key);
        let certificate = parameters.self_signed(&key)?;
        let path = data_dir.join("kube-client-ca.pem");
        let written = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::write(&path, certificate.pem()),
            other => other.map(drop),
        };
        written.map_err(|source| KeyFileError::Io { path, source })?;
        Ok(Self { issuer: Issuer::new(parameters, key), certificate: certificate.der().clone() })
    }

    /// The SHA-256 of the CA's public key, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        HEXLOWER.encode(digest(&SHA256, self.issuer.key().der_bytes()).as_ref())
    }

    /// The CA's own certificate: the only root that the Kubernetes front trusts for clients.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Issues a certificate, as PEM.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn issue(&self, request: &ClientRequest<'_>, now: Timestamp) -> Result<String, X509Error> {
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CommonName, request.user);
        for group in request.groups.iter().take(MAX_SHOWN_GROUPS) {
            leaf.distinguished_name.push(DnType::OrganizationName, *group);
        }
        leaf.serial_number = Some(request.serial.into());
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.use_authority_key_identifier_extension = true;
        let skewed = now.checked_sub(CLOCK_SKEW).map_err(|_| X509Error::Time)?;
        leaf.not_before = std::time::SystemTime::from(skewed).into();
        leaf.not_after = std::time::SystemTime::from(request.expires_at).into();
        Ok(leaf.signed_by(request.key, &self.issuer)?.pem())
    }
}

impl ClientKey {
    /// Reads a key as PEM.
    ///
    /// # Errors
    ///
    /// When it is none, or of a kind that is not certified.
    pub fn from_pem(pem: &str) -> Result<Self, ClientKeyError> {
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).map_err(|_| ClientKeyError::NotPem)?;
        let spki = spki.as_ref();
        let kinds: [(&[u8], usize, &'static SignatureAlgorithm); 2] = [
            (&P256_PREFIX, P256_POINT_BYTES, &rcgen::PKCS_ECDSA_P256_SHA256),
            (&ED25519_PREFIX, ED25519_KEY_BYTES, &rcgen::PKCS_ED25519),
        ];
        let kind = kinds
            .into_iter()
            .find(|(prefix, bytes, _)| spki.strip_prefix(*prefix).is_some_and(|point| point.len() == *bytes));
        let (prefix, _, algorithm) = kind.ok_or(ClientKeyError::Unsupported)?;
        Ok(Self { spki: spki.to_vec(), algorithm, point: prefix.len() })
    }

    /// The key's SubjectPublicKeyInfo (RFC 5280 §4.1).
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}

// === impl PublicKeyData for ClientKey ===

impl PublicKeyData for ClientKey {
    fn der_bytes(&self) -> &[u8] {
        self.spki.get(self.point..).unwrap_or_default()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

/// The same for the same key, so that the certificate on disk and the one in memory agree.
fn parameters(key: &KeyPair) -> CertificateParams {
    let mut ca = CertificateParams::default();
    ca.distinguished_name = rcgen::DistinguishedName::new();
    let mark: String = data_encoding::HEXLOWER.encode(&super::token::sha256(key.der_bytes())).chars().take(8).collect();
    ca.distinguished_name.push(DnType::CommonName, format!("bastion Kubernetes client CA {mark}"));
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    ca.not_before = rcgen::date_time_ymd(2024, 1, 1);
    // "has no well-defined expiration date" (RFC 5280 §4.1.2.5): it ends when the operator removes it.
    ca.not_after = rcgen::date_time_ymd(9999, 12, 31);
    ca
}

/// SubjectPublicKeyInfo of an uncompressed point on P-256 (RFC 5480 §2), up to the point.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P256_POINT_BYTES: usize = 65;

/// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 §4), up to the key.
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ED25519_KEY_BYTES: usize = 32;

/// The bastion's clock may be ahead of nobody's but its own replicas'.
const CLOCK_SKEW: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// The groups are there to be looked at; a certificate of hundreds of them would be slow to send.
const MAX_SHOWN_GROUPS: usize = 32;

#[cfg(test)]
mod tests {
    use webpki::EndEntityCert;

    use super::*;

    #[test]
    fn a_certificate_is_for_the_key_the_person_and_the_time_that_were_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let ca = KubeClientCa::load_or_create(folder.path()).unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519] {
            let pair = KeyPair::generate_for(algorithm).unwrap();
            let key = ClientKey::from_pem(&pair.public_key_pem()).unwrap();
            let expires_at = now + jiff::SignedDuration::from_secs(600);
            let request = ClientRequest { key: &key, user: "alice", groups: &["engineering"], serial: 77, expires_at };
            let der = CertificateDer::from_pem_slice(ca.issue(&request, now).unwrap().as_bytes()).unwrap();
            let certificate = EndEntityCert::try_from(&der).unwrap();
            assert_eq!(certificate.serial(), [77]);
            assert_eq!(certificate.subject_public_key_info().as_ref(), key.spki());
            let root = webpki::anchor_from_trusted_cert(ca.certificate()).unwrap();
            let is_good = |seconds: i64, usage| {
                let at = rustls_pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(
                    (now.as_second() + seconds).unsigned_abs(),
                ));
                let algorithms = webpki::ALL_VERIFICATION_ALGS;
                certificate
                    .verify_for_usage(algorithms, std::slice::from_ref(&root), &[], at, usage, None, None)
                    .is_ok()
            };
            assert!(is_good(0, webpki::KeyUsage::client_auth()));
            assert!(!is_good(0, webpki::KeyUsage::server_auth()));
            assert!(!is_good(601, webpki::KeyUsage::client_auth()));
            assert!(!is_good(-61, webpki::KeyUsage::client_auth()));
        }
    }

    #[test]
    fn the_ca_survives_a_restart_and_only_its_owner_can_read_its_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let first = KubeClientCa::load_or_create(folder.path()).unwrap();
        let second = KubeClientCa::load_or_create(folder.path()).unwrap();
        let name = |ca: &KubeClientCa| webpki::anchor_from_trusted_cert(ca.certificate()).unwrap().to_owned();
        assert_eq!(name(&first), name(&second));
        let key = folder.path().join("kube-client-ca-key.pem");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = KubeClientCa::load_or_create(folder.path());
        assert!(matches!(refused.err(), Some(X509Error::File(KeyFileError::ReadableByOthers { .. }))));
    }

    #[test]
    fn other_keys_are_not_certified() {
        let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert_eq!(ClientKey::from_pem(&p384.public_key_pem()), Err(ClientKeyError::Unsupported));
        assert_eq!(ClientKey::from_pem(&p384.serialize_pem()), Err(ClientKeyError::NotPem));
        for text in ["", "ssh-ed25519 AAAA", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(ClientKey::from_pem(text).is_err(), "{text:?}");
        }
    }
}

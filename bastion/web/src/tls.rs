//! The certificate of the web front: from files, or from a CA of our own in the folder of keys.
//!
//! The CA's key (`tls-ca-key.pem`, 0600) and certificate (`tls-ca.pem`, what browsers and the command line are told
//! to trust) are made once. The front's own certificate is made anew at every start and never written down, so that
//! it cannot run out on disk. The CA may not sign for other CAs.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData as _,
};
use rustls::{ServerConfig, client::verify_server_name, crypto::aws_lc_rs, server::ParsedCertificate};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};

/// What the fronts show in TLS.
#[derive(Debug, Clone)]
pub struct Serving {
    /// For the web front.
    pub config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
    /// The fingerprint of our own CA, where there is one.
    authority: Option<String>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} does not hold a PEM {what}: {reason}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// No certificate could be made.
    #[error("no certificate for {names:?} could be made: {source}")]
    Issue {
        /// The names it was for.
        names: Vec<String>,
        /// Why.
        source: rcgen::Error,
    },
    /// The certificate and the key cannot be used together.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[source] rustls::Error),
}

/// The operator's certificate chain and key, PEM files.
pub fn from_files(certificate: &Path, key: &Path) -> Result<Serving, TlsError> {
    let pem = |path: &Path, what, error: rustls_pki_types::pem::Error| TlsError::Pem {
        path: path.to_owned(),
        what,
        reason: error.to_string(),
    };
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| if chain.is_empty() { Err(rustls_pki_types::pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(|error| pem(certificate, "certificate chain", error))?;
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| pem(key, "private key", error))?;
    Serving::new(chain, private)
}

/// A certificate for these names and addresses, from the CA in the folder, which is made if it is missing.
pub fn from_own_ca(folder: &Path, names: &[String]) -> Result<Serving, TlsError> {
    let ca = load_or_create_ca(folder)?;
    let (certificate, key) =
        issue_leaf(&ca, names).map_err(|source| TlsError::Issue { names: names.to_vec(), source })?;
    let serving = Serving::new(vec![certificate], key.into())?;
    Ok(Serving { authority: Some(fingerprint(ca.key())), ..serving })
}

impl Serving {
    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let certificate = chain.first().cloned().ok_or(TlsError::Unusable(rustls::Error::NoCertificatesPresented))?;
        Ok(Self { config: server_config(chain, key)?, certificate, authority: None })
    }

    /// The SHA-256 of our own CA's public key, where the certificate is from it.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Whether clients that verify it take it for a server of this name.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        let (certificate, name) = (ParsedCertificate::try_from(&self.certificate), ServerName::try_from(name));
        matches!((certificate, name), (Ok(certificate), Ok(name)) if verify_server_name(&certificate, &name).is_ok())
    }
}

/// Where the certificate of our own CA stands.
#[must_use]
pub fn ca_path(data_dir: &Path) -> PathBuf {
    data_dir.join("tls-ca.pem")
}

fn load_or_create_ca(data_dir: &Path) -> Result<Issuer<'static, KeyPair>, TlsError> {
    let (key_path, certificate_path) = (data_dir.join("tls-ca-key.pem"), ca_path(data_dir));
    let issue = |source| TlsError::Issue { names: vec!["the web CA".into()], source };
    let key = match fs::read_to_string(&key_path) {
        Ok(pem) => KeyPair::from_pem(&pem).map_err(|error| TlsError::Pem {
            path: key_path,
            what: "private key",
            reason: error.to_string(),
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = KeyPair::generate().map_err(issue)?;
            write_new(&key_path, &key.serialize_pem(), 0o600)?;
            key
        }
        Err(source) => return Err(TlsError::File { path: key_path, source }),
    };
    let parameters = ca_parameters(&key);
    if !certificate_path.exists() {
        let certificate = parameters.self_signed(&key).map_err(issue)?;
        write_new(&certificate_path, &certificate.pem(), 0o644)?;
    }
    Ok(Issuer::new(parameters, key))
}

fn issue_leaf(ca: &Issuer<'_, KeyPair>, names: &[String]) -> Result<(CertificateDer<'static>, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(names)?;
    let common_name = names.first().map_or("bastion", String::as_str);
    leaf.distinguished_name.push(DnType::CommonName, common_name);
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let now = SystemTime::now();
    leaf.not_before = (now - CLOCK_SKEW).into();
    leaf.not_after = (now + LEAF_LIFETIME).into();
    let certificate = leaf.signed_by(&key, ca)?;
    Ok((certificate.der().clone(), key))
}

/// The SHA-256 of a public key, in hexadecimal.
fn fingerprint(key: &KeyPair) -> String {
    let digest = ::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, key.der_bytes());
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

/// The same for the same key, so that the certificate on disk and what is signed at each start fit together.
fn ca_parameters(key: &KeyPair) -> CertificateParams {
    let mut ca = CertificateParams::default();
    let mark: String = fingerprint(key).chars().take(8).collect();
    // Browsers keep CAs apart by this name.
    ca.distinguished_name.push(DnType::CommonName, format!("bastion web CA {mark}"));
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.not_before = rcgen::date_time_ymd(2024, 1, 1);
    // "has no well-defined expiration date" (RFC 5280 §4.1.2.5): it ends when the operator removes it.
    ca.not_after = rcgen::date_time_ymd(9999, 12, 31);
    ca
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// Writes a file whole or not at all: a start that was cut off must not leave half a key.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let unfinished = path.with_extension("pem.new");
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    })();
    written.map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// Clients whose clocks run behind accept the certificate too.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// Longer than any process should run without an update, and what clients accept (825 days) with room to spare.
const LEAF_LIFETIME: Duration = Duration::from_secs(800 * 24 * 3600);

#[cfg(test)]
mod tests;

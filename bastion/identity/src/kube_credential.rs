//! What `kubectl` shows to the Kubernetes front: a client certificate, or a bearer token where a balancer ends TLS.
//!
//! Both last minutes and are rows of the store: a serial number, what it was given for, and the login it hangs on.
//! A request counts while its credential has not ended *and* the login still stands, so that `bastion logout`
//! holds from the next request on.

use std::{net::IpAddr, sync::Arc, time::Duration};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use jiff::{SignedDuration, Timestamp};
use ledger::{
    audit::AuditEvent,
    store::{CertificateRecord, Store, StoreError},
};
use policy::Subject;
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::{
    login::Login,
    token::{self, RandomUnavailable, Token},
    x509_ca::{ClientKey, ClientKeyError, ClientRequest, KubeClientCa, X509Error},
};

/// Issues credentials for the Kubernetes front, and checks them.
#[derive(Clone)]
pub struct KubeCredentials {
    store: Arc<dyn Store>,
    ca: Arc<KubeClientCa>,
    lifetime: Duration,
}

/// A certificate for a person's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedClientCertificate {
    /// The certificate, as PEM.
    pub certificate: String,
    /// Its serial number.
    pub serial: u64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token; the bastion keeps only its hash.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why no credential was given.
#[derive(Debug, thiserror::Error)]
pub enum IssueCredentialError {
    /// The login has ended.
    #[error("your login has ended; run \"bastion login\"")]
    Ended,
    /// It could not be made.
    #[error("no certificate could be made; tell the operator")]
    Issue(#[from] X509Error),
    /// The key is not acceptable.
    #[error(transparent)]
    Key(#[from] ClientKeyError),
    /// No random bytes.
    #[error("no credential could be made; tell the operator")]
    Random(#[from] RandomUnavailable),
    /// The store did not answer.
    #[error("logins cannot be looked up right now; try again in a moment")]
    Store(#[from] StoreError),
}

/// Why a credential does not count.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It has ended.
    #[error("the credential has ended; \"bastion credential kube\" gets a new one")]
    Ended,
    /// The login that it hangs on has ended.
    #[error("your login has ended; run \"bastion login\"")]
    LoginEnded,
    /// The certificate does not read.
    #[error("the client certificate is damaged")]
    Malformed,
    /// The store did not answer.
    #[error("logins cannot be looked up right now; try again in a moment")]
    Store(#[from] StoreError),
    /// The bastion did not issue it, or not for this key.
    #[error("the credential is not one of this bastion; run \"bastion login\"")]
    Unknown,
}

impl KubeCredentials {
    /// Credentials from `ca` that last `lifetime`, and never longer than their login.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, ca: Arc<KubeClientCa>, lifetime: Duration) -> Self {
        Self { store, ca, lifetime }
    }

    /// The CA whose certificates count.
    #[must_use]
    pub fn ca(&self) -> &KubeClientCa {
        &self.ca
    }

    /// Certifies a person's public key (PEM).
    ///
    /// # Errors
    ///
    /// When the login has ended or the key is not acceptable.
    pub async fn issue_certificate(
        &self,
        login: &Login,
        public_key: &str,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<IssuedClientCertificate, IssueCredentialError> {
        let key = ClientKey::from_pem(public_key)?;
        let expires_at = self.end(login, now)?;
        let (subject, serial) = (login.subject(), token::random_serial()?);
        let groups: Vec<&str> = subject.groups.iter().map(config::GroupName::as_str).collect();
        let request = ClientRequest { key: &key, user: subject.name.as_str(), groups: &groups, serial, expires_at };
        let certificate = self.ca.issue(&request, now)?;
        self.remember(login, serial, key_fingerprint(key.spki()), expires_at, source, now).await?;
        Ok(IssuedClientCertificate { certificate, serial, expires_at })
    }

    /// Gives a bearer token that the Kubernetes front takes, and nothing else does.
    ///
    /// # Errors
    ///
    /// When the login has ended.
    pub async fn issue_token(
        &self,
        login: &Login,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<IssuedToken, IssueCredentialError> {
        let expires_at = self.end(login, now)?;
        let (serial, secret) = (token::random_serial()?, Token::random()?);
        self.remember(login, serial, token_fingerprint(secret.as_str()), expires_at, source, now).await?;
        let number = BASE64URL_NOPAD.encode(&serial.to_be_bytes());
        Ok(IssuedToken { token: format!("{TOKEN_PREFIX}{number}.{}", secret.as_str()), expires_at })
    }

    /// The login under which the certificate was issued. TLS has proved that the peer holds the key and that our CA signed it.
    ///
    /// # Errors
    ///
    /// When it does not count.
    pub async fn by_certificate(
        &self,
        certificate: &CertificateDer<'static>,
        now: Timestamp,
    ) -> Result<Login, CredentialError> {
        let (serial, fingerprint) = read_certificate(certificate)?;
        self.look_up(serial, &fingerprint, now).await
    }

    /// The login under which the token was given.
    ///
    /// # Errors
    ///
    /// When it does not count.
    pub async fn by_token(&self, token: &str, now: Timestamp) -> Result<Login, CredentialError> {
        let (number, secret) =
            token.strip_prefix(TOKEN_PREFIX).and_then(|token| token.split_once('.')).ok_or(CredentialError::Unknown)?;
        let number = BASE64URL_NOPAD.decode(number.as_bytes()).map_err(|_| CredentialError::Unknown)?;
        let serial = number.try_into().map(u64::from_be_bytes).map_err(|_| CredentialError::Unknown)?;
        self.look_up(serial, &token_fingerprint(secret), now).await
    }

    async fn look_up(&self, serial: u64, fingerprint: &str, now: Timestamp) -> Result<Login, CredentialError> {
        let record = self.store.certificate(serial).await?.ok_or(CredentialError::Unknown)?;
        // Hashes of random values and public keys: that the comparison takes a varying time tells nothing.
        if record.fingerprint != fingerprint {
            return Err(CredentialError::Unknown);
        }
        if record.expires_at <= now {
            return Err(CredentialError::Ended);
        }
        let login = record.login.ok_or(CredentialError::Unknown)?;
        let login = self.store.login(login, now).await?.ok_or(CredentialError::LoginEnded)?;
        if !is_same(&login.subject, &record.subject) {
            return Err(CredentialError::LoginEnded);
        }
        Ok(Login::of_record(login))
    }

    fn end(&self, login: &Login, now: Timestamp) -> Result<Timestamp, IssueCredentialError> {
        let lifetime = SignedDuration::try_from(self.lifetime).unwrap_or(SignedDuration::MAX);
        let end = now.checked_add(lifetime).unwrap_or(Timestamp::MAX).min(login.expires_at());
        // Certificates count in seconds; the record ends at the same moment.
        let end = Timestamp::from_second(end.as_second()).map_err(|_| IssueCredentialError::Ended)?;
        if end > now { Ok(end) } else { Err(IssueCredentialError::Ended) }
    }

    async fn remember(
        &self,
        login: &Login,
        serial: u64,
        fingerprint: String,
        expires_at: Timestamp,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let subject = login.subject().clone();
        let event = AuditEvent::CertificateIssued {
            user: subject.name.clone(),
            serial,
            fingerprint: fingerprint.clone(),
            expires_at,
            source: source.to_string(),
        };
        self.store.append_audit(now, &[event]).await?;
        let login = Some(login.token());
        let record = CertificateRecord { serial, fingerprint, subject, login, issued_at: now, expires_at };
        self.store.add_certificate(&record).await
    }
}

/// What a certificate is looked up by: its serial number, and the key that it must be for.
fn read_certificate(certificate: &CertificateDer<'_>) -> Result<(u64, String), CredentialError> {
    let certificate = EndEntityCert::try_from(certificate).map_err(|_| CredentialError::Malformed)?;
    let serial = serial_number(certificate.serial()).ok_or(CredentialError::Unknown)?;
    Ok((serial, key_fingerprint(certificate.subject_public_key_info().as_ref())))
}

fn is_same(one: &Subject, other: &Subject) -> bool {
    one.issuer == other.issuer && one.id == other.id
}

/// A serial number of ours: an INTEGER in two's complement (X.690 §8.3) that fits 63 bits.
fn serial_number(bytes: &[u8]) -> Option<u64> {
    let bytes = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    let number = bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    (1..=u64::try_from(i64::MAX).ok()?).contains(&number).then_some(number)
}

/// SSH keys are `SHA256:…` in the same column; nothing that is shown here can be taken for one.
fn key_fingerprint(spki: &[u8]) -> String {
    format!("x509:SHA256:{}", BASE64_NOPAD.encode(&token::sha256(spki)))
}

fn token_fingerprint(secret: &str) -> String {
    format!("token:SHA256:{}", BASE64_NOPAD.encode(&token::sha256(secret.as_bytes())))
}

/// Scanners for leaked secrets can know it by this.
const TOKEN_PREFIX: &str = "bkt_";

#[cfg(test)]
mod tests;

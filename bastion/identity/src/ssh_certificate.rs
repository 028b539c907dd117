//! The certificate that a user shows on the user leg: checked here, check by check.
//!
//! The SSH engine has proved that the peer holds the certified key, and that
//! the certificate is signed by the key *inside* it. It does not check whose key
//! that is, nor the type, the names, the options: an engine's "accept" admits anybody's
//! self-signed certificate. So nothing of what it checked is relied upon here, except the proof of possession.
//!
//! A certificate counts only while the login that it was issued under stands: `bastion logout` holds at once.
//!
//! Not checked here: what the user may do (rules), and locks.

use std::net::IpAddr;

use config::UserName;
use jiff::Timestamp;
use ledger::store::{Store, StoreError};
use russh::keys::{
    Certificate, HashAlg,
    ssh_key::{Fingerprint, certificate::CertType, public::KeyData},
};

use super::{login::Login, revoked_keys::RevokedKeys, source_address::SourceAddresses};

mod refusal;

pub use refusal::CertificateRefusal;

/// Whose certificates count.
#[derive(Debug, Clone, Default)]
pub struct TrustedCas {
    trusted: Vec<Fingerprint>,
    revoked: RevokedKeys,
}

impl TrustedCas {
    /// The authorities with these SHA-256 fingerprints.
    #[must_use]
    pub fn new(trusted: impl IntoIterator<Item = Fingerprint>) -> Self {
        Self { trusted: trusted.into_iter().collect(), revoked: RevokedKeys::default() }
    }

    /// Without those of these keys, even if they are among the trusted ones, and without certificates of such keys.
    #[must_use]
    pub fn without(self, revoked: RevokedKeys) -> Self {
        Self { revoked, ..self }
    }
}

/// What the certificate itself lets its holder ask for (its extensions). Rules decide what is granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CertificatePermits {
    /// `permit-agent-forwarding`.
    pub agent_forwarding: bool,
    /// `permit-port-forwarding`.
    pub port_forwarding: bool,
    /// `permit-pty`.
    pub pty: bool,
    /// `permit-X11-forwarding`.
    pub x11_forwarding: bool,
}

/// A user certificate of ours that is good now, from this address. Only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCertificate {
    serial: u64,
    user: UserName,
    fingerprint: String,
    permits: CertificatePermits,
    expires_at: Timestamp,
}

impl VerifiedCertificate {
    /// Its serial number.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The user that it names.
    #[must_use]
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// SHA-256 fingerprint of the certified key (`SHA256:…`).
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What its extensions permit.
    #[must_use]
    pub fn permits(&self) -> CertificatePermits {
        self.permits
    }

    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Checks a user certificate that was shown from `source`.
///
/// The caller has the SSH engine's proof that the peer holds the certified key; a
/// certificate that was only offered is not verified by this.
pub fn verify(
    certificate: &Certificate,
    source: IpAddr,
    now: Timestamp,
    cas: &TrustedCas,
) -> Result<VerifiedCertificate, CertificateRefusal> {
    check_authority(certificate, cas)?;
    check_key(certificate.public_key(), cas)?;
    // "Certificates may be either user or host": a host's certificate must not open a login.
    match certificate.cert_type() {
        CertType::User => {}
        CertType::Host => return Err(CertificateRefusal::HostType),
    }
    let expires_at = check_validity(certificate, now)?;
    let user = sole_principal(certificate)?;
    check_critical_options(certificate, source)?;
    if certificate.serial() == 0 || i64::try_from(certificate.serial()).is_err() {
        return Err(CertificateRefusal::UnknownSerial);
    }
    Ok(VerifiedCertificate {
        serial: certificate.serial(),
        user,
        fingerprint: certificate.public_key().fingerprint(HashAlg::Sha256).to_string(),
        permits: permits(certificate),
        expires_at,
    })
}

/// Why a verified certificate did not authenticate.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// The certificate does not count.
    #[error(transparent)]
    Refused(#[from] CertificateRefusal),
    /// Nobody can say now whether it counts.
    #[error("your certificate cannot be looked up right now; try again in a moment")]
    Unavailable(#[source] StoreError),
}

/// Finds the login under which the bastion issued the certificate. A certificate that the store does not know is
/// refused, even with a good signature.
pub async fn authenticate(
    store: &dyn Store,
    certificate: &VerifiedCertificate,
    now: Timestamp,
) -> Result<Login, AuthenticateError> {
    let record = store.certificate(certificate.serial).await.map_err(AuthenticateError::Unavailable)?;
    let record = record.ok_or(CertificateRefusal::UnknownSerial)?;
    if record.fingerprint != certificate.fingerprint {
        return Err(CertificateRefusal::OtherKey.into());
    }
    if record.subject.name != certificate.user {
        return Err(CertificateRefusal::OtherUser.into());
    }
    if record.expires_at <= now {
        return Err(CertificateRefusal::Expired { seconds_ago: seconds_between(record.expires_at, now) }.into());
    }
    let token = record.login.ok_or(CertificateRefusal::LoginEnded)?;
    let login = store.login(token, now).await.map_err(AuthenticateError::Unavailable)?;
    let login = login.ok_or(CertificateRefusal::LoginEnded)?;
    if login.subject.issuer != record.subject.issuer || login.subject.id != record.subject.id {
        return Err(CertificateRefusal::OtherUser.into());
    }
    Ok(Login::of_record(login))
}

/// Whether somebody who was authenticated with this certificate could be so now: with it, or with a later one for the
/// same key, as clients get it while the login lasts.
pub async fn is_renewed(
    store: &dyn Store,
    certificate: &VerifiedCertificate,
    now: Timestamp,
) -> Result<(), AuthenticateError> {
    if now < certificate.expires_at {
        return Ok(());
    }
    let newest = store.certificate_for_key(&certificate.fingerprint).await.map_err(AuthenticateError::Unavailable)?;
    let expired = |end| CertificateRefusal::Expired { seconds_ago: seconds_between(end, now) };
    match newest {
        Some(newest) if newest.subject.name != certificate.user => Err(CertificateRefusal::OtherUser.into()),
        Some(newest) if now < newest.expires_at => Ok(()),
        Some(newest) => Err(expired(newest.expires_at).into()),
        None => Err(expired(certificate.expires_at).into()),
    }
}

/// The signature, and whose it is.
fn check_authority(certificate: &Certificate, cas: &TrustedCas) -> Result<(), CertificateRefusal> {
    let authority = certificate.signature_key();
    // "Chained" certificates, where the signature key type is a certificate, are not supported
    // (PROTOCOL.certkeys). Looked at first: such a key has no fingerprint worth comparing.
    if authority.is_certificate() {
        return Err(CertificateRefusal::NestedAuthority);
    }
    let fingerprint = authority.fingerprint(HashAlg::Sha256);
    if cas.revoked.contain(authority) {
        return Err(CertificateRefusal::RevokedAuthority);
    }
    if !cas.trusted.contains(&fingerprint) {
        let own = certificate.public_key().fingerprint(HashAlg::Sha256) == fingerprint;
        return Err(if own { CertificateRefusal::SelfSigned } else { CertificateRefusal::UnknownAuthority });
    }
    // Whose key it is was decided above. `validate_at` is asked for the signature only, at a moment inside the period;
    // an authentic certificate of ours has one.
    certificate.validate_at(certificate.valid_after(), [&fingerprint]).map_err(|_| CertificateRefusal::Signature)
}

fn check_key(key: &KeyData, cas: &TrustedCas) -> Result<(), CertificateRefusal> {
    if cas.revoked.contain(key) {
        return Err(CertificateRefusal::RevokedKey);
    }
    if matches!(key, KeyData::Ed25519(_) | KeyData::Ecdsa(_)) { Ok(()) } else { Err(CertificateRefusal::KeyAlgorithm) }
}

/// "valid after <= current time < valid before" (PROTOCOL.certkeys).
fn check_validity(certificate: &Certificate, now: Timestamp) -> Result<Timestamp, CertificateRefusal> {
    let valid_after = timestamp(certificate.valid_after()).ok_or(CertificateRefusal::NeverValid)?;
    let valid_before = timestamp(certificate.valid_before()).ok_or(CertificateRefusal::NeverExpires)?;
    if now < valid_after {
        return Err(CertificateRefusal::NotYetValid { seconds_left: seconds_between(now, valid_after) });
    }
    if valid_before <= now {
        return Err(CertificateRefusal::Expired { seconds_ago: seconds_between(valid_before, now) });
    }
    Ok(valid_before)
}

/// An empty list would mean "good for every name"; a second name would be somebody else's.
fn sole_principal(certificate: &Certificate) -> Result<UserName, CertificateRefusal> {
    let [principal] = certificate.valid_principals() else {
        return Err(match certificate.valid_principals().len() {
            0 => CertificateRefusal::NoPrincipal,
            _ => CertificateRefusal::SeveralPrincipals,
        });
    };
    let user: UserName = principal.parse().map_err(CertificateRefusal::Principal)?;
    if certificate.key_id() != user.as_str() {
        return Err(CertificateRefusal::KeyId);
    }
    Ok(user)
}

/// "All such options are 'critical' in the sense that an implementation must refuse to authorise
/// a key that has an unrecognised option" (PROTOCOL.certkeys).
fn check_critical_options(certificate: &Certificate, source: IpAddr) -> Result<(), CertificateRefusal> {
    for (name, value) in certificate.critical_options().iter() {
        if name != "source-address" {
            return Err(CertificateRefusal::CriticalOption(name.clone()));
        }
        let addresses: SourceAddresses = value.parse().map_err(|_| CertificateRefusal::SourceAddressUnreadable)?;
        if !addresses.contain(source) {
            return Err(CertificateRefusal::SourceAddress { allowed: addresses, found: source.to_canonical() });
        }
    }
    Ok(())
}

fn permits(certificate: &Certificate) -> CertificatePermits {
    let has = |name: &str| certificate.extensions().contains_key(name);
    CertificatePermits {
        agent_forwarding: has("permit-agent-forwarding"),
        port_forwarding: has("permit-port-forwarding"),
        pty: has("permit-pty"),
        x11_forwarding: has("permit-X11-forwarding"),
    }
}

/// `None` for what is beyond any calendar, above all for "never" (`u64::MAX`).
fn timestamp(unix_seconds: u64) -> Option<Timestamp> {
    i64::try_from(unix_seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.duration_since(earlier).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests;

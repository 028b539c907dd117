//! SSH certificates under a login.

use std::net::IpAddr;

use jiff::Timestamp;
use ledger::{audit::AuditEvent, store::CertificateRecord};
use russh::keys::HashAlg;

use super::{Login, LoginError, LoginService, later, public_key};
use crate::ssh_ca::UserRequest;

/// A certificate for the person to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// One line, as in a `-cert.pub` file.
    pub certificate: String,
    /// Its serial number.
    pub serial: u64,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl LoginService {
    /// Certifies a person's public key for some minutes, and never beyond the login's end.
    pub async fn issue_ssh_certificate(
        &self,
        login: &Login,
        public_key: &str,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<IssuedCertificate, LoginError> {
        let key = public_key::read(public_key)?;
        let end = later(now, self.settings.certificate_lifetime).min(login.expires_at());
        // Certificates count in seconds; the record ends at the same moment.
        let expires_at = Timestamp::from_second(end.as_second()).map_err(|_| LoginError::Ended)?;
        if expires_at <= now {
            return Err(LoginError::Ended);
        }
        let subject = login.subject();
        let request = UserRequest { key: &key, user: &subject.name, expires_at, source_addresses: None };
        let certificate = self.user_ca.issue(&request, now).map_err(LoginError::Issue)?;
        let text = certificate.to_openssh().map_err(|error| LoginError::Issue(error.into()))?;
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let event = AuditEvent::CertificateIssued {
            user: subject.name.clone(),
            serial: certificate.serial(),
            fingerprint: fingerprint.clone(),
            expires_at,
            source: source.to_string(),
        };
        self.store.append_audit(now, &[event]).await?;
        let record = CertificateRecord {
            serial: certificate.serial(),
            fingerprint,
            subject: subject.clone(),
            login: Some(login.token()),
            issued_at: now,
            expires_at,
        };
        self.store.add_certificate(&record).await?;
        Ok(IssuedCertificate { certificate: text, serial: certificate.serial(), expires_at })
    }
}

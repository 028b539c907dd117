//! Certificate -> [`Authenticated`]: the only way in.
//!
//! russh proves that the peer holds the key that the certificate certifies.
//! Everything else about the certificate is checked here, twice: when it is
//! offered, so that a refusal can be explained before the client signs
//! anything, and again when possession of the key is proved.

use std::{net::IpAddr, sync::Arc};

use jiff::Timestamp;
use russh::keys::Certificate;

use crate::{
    identity::{
        Authenticated,
        ssh_certificate::{self, AuthenticateError, TrustedCas, VerifiedCertificate},
    },
    store::Store,
};

/// Checks certificates that people show.
#[derive(Clone)]
pub struct Authenticator {
    store: Arc<dyn Store>,
    authorities: TrustedCas,
    /// What people run to get a certificate.
    login_command: String,
}

impl Authenticator {
    /// Trusts `authorities`; `login_command` is what a refused user is told to run.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, authorities: TrustedCas, login_command: String) -> Self {
        Self { store, authorities, login_command }
    }

    /// Whom the certificate was issued to, if it is good now and from `source`.
    ///
    /// # Errors
    ///
    /// With the reason that the user reads.
    pub async fn authenticate(
        &self,
        certificate: &Certificate,
        source: IpAddr,
    ) -> Result<(Authenticated, VerifiedCertificate), AuthenticateError> {
        let now = Timestamp::now();
        let verified = ssh_certificate::verify(certificate, source, now, &self.authorities)?;
        let user = ssh_certificate::authenticate(self.store.as_ref(), &verified, now).await?;
        Ok((user, verified))
    }

    /// What somebody without a good certificate is told.
    #[must_use]
    pub fn instructions(&self) -> String {
        format!(
            "bastion: log in with a certificate of this bastion. Get one with `{}`, \
             then connect with the settings that `bastion ssh-config` prints.",
            self.login_command
        )
    }
}

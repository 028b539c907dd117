//! Certificate -> [`Authenticated`](crate::identity::subject::Authenticated): the only way in.
//!
//! russh proves that the peer holds the key that the certificate certifies.
//! Everything else about the certificate is checked here, twice: when it is
//! offered, so that a refusal can be explained before the client signs
//! anything, and again when possession of the key is proved.
//!
//! That is not for ever: whoever starts something on a connection later is asked
//! for login and certificate anew ([`Authenticator::still_good`]).

use std::{net::IpAddr, sync::Arc};

use jiff::Timestamp;
use russh::keys::Certificate;

use crate::{
    identity::{
        login::{EndedLogins, LiveLogin, Login},
        ssh_certificate::{self, AuthenticateError, CertificateRefusal, TrustedCas, VerifiedCertificate},
    },
    store::Store,
};

/// What a connection was authenticated with.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The certificate.
    pub certificate: VerifiedCertificate,
    /// The login that it was issued under.
    pub login: LiveLogin,
}

/// Checks certificates that people show.
#[derive(Clone)]
pub struct Authenticator {
    store: Arc<dyn Store>,
    authorities: TrustedCas,
    ended: EndedLogins,
    /// What people run to get a certificate.
    login_command: String,
}

impl Authenticator {
    /// Trusts `authorities`; `login_command` is what a refused user is told to run.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, authorities: TrustedCas, ended: EndedLogins, login_command: String) -> Self {
        Self { store, authorities, ended, login_command }
    }

    /// The login under which the certificate was issued, if it is good now and from `source`.
    ///
    /// # Errors
    ///
    /// With the reason that the user reads.
    pub async fn authenticate(
        &self,
        certificate: &Certificate,
        source: IpAddr,
    ) -> Result<(Login, Proof), AuthenticateError> {
        let now = Timestamp::now();
        let certificate = ssh_certificate::verify(certificate, source, now, &self.authorities)?;
        let login = ssh_certificate::authenticate(self.store.as_ref(), &certificate, now).await?;
        let proof = Proof { certificate, login: self.ended.follow(&login) };
        Ok((login, proof))
    }

    /// Whether what a connection was authenticated with would do so now.
    ///
    /// # Errors
    ///
    /// With the reason that the user reads.
    pub async fn still_good(&self, proof: &Proof) -> Result<(), AuthenticateError> {
        let (store, now) = (self.store.as_ref(), Timestamp::now());
        if !proof.login.stands(store, now).await.map_err(AuthenticateError::Unavailable)? {
            return Err(CertificateRefusal::LoginEnded.into());
        }
        ssh_certificate::is_renewed(store, &proof.certificate, now).await
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

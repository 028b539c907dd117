//! Certificate -> [`Authenticated`](identity::subject::Authenticated): the only way in.
//!
//! russh proves that the peer holds the key that the certificate certifies.
//! Everything else about the certificate is checked here, twice: when it is
//! offered, so that a refusal can be explained before the client signs
//! anything, and again when possession of the key is proved.
//!
//! That is not for ever: whoever starts something on a connection later is asked
//! for login and certificate anew ([`Authenticator::still_good`]).

use std::{net::IpAddr, sync::Arc};

use identity::{
    login::{EndedLogins, LiveLogin, Login},
    ssh_certificate::{self, AuthenticateError, CertificateRefusal, TrustedCas, VerifiedCertificate},
};
use jiff::Timestamp;
use ledger::store::Store;
use russh::keys::Certificate;

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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use jiff::SignedDuration;
    use policy::Subject;
    use russh::keys::{HashAlg, PrivateKey, ssh_key::private::Ed25519Keypair};

    use super::*;
    use identity::ssh_ca::{UserCa, UserRequest};
    use ledger::store::{CertificateRecord, LoginKind, LoginRecord, SqlStore};

    const TOKEN: &str = "token";

    #[tokio::test]
    async fn a_connection_outlives_its_certificate_if_there_is_a_new_one_and_never_its_login() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap());
        let now = Timestamp::now();
        let in_minutes = |minutes| now + SignedDuration::from_mins(minutes);
        let subject = Subject {
            issuer: "https://id.example.com".into(),
            id: "4711".into(),
            name: "alice".parse().unwrap(),
            email: None,
            groups: [].into(),
        };
        let login = LoginRecord {
            token: identity::token::hash(TOKEN),
            kind: LoginKind::Cli,
            subject: subject.clone(),
            created_at: in_minutes(-30),
            expires_at: in_minutes(30),
        };
        store.add_login(&login).await.unwrap();
        let ca = UserCa::load_or_create(&folder.path().join("ca")).unwrap();
        let (cas, ended) = (TrustedCas::new([ca.fingerprint()]), EndedLogins::default());
        let authenticator = Authenticator::new(Arc::clone(&store), cas.clone(), ended.clone(), String::new());
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[2; 32]));
        let issue = async |issued_at, expires_at| {
            let asked = UserRequest { key: key.public_key(), user: &subject.name, expires_at, source_addresses: None };
            let certificate = ca.issue(&asked, issued_at).unwrap();
            let record = CertificateRecord {
                serial: certificate.serial(),
                fingerprint: key.public_key().fingerprint(HashAlg::Sha256).to_string(),
                subject: subject.clone(),
                login: Some(login.token),
                issued_at,
                expires_at,
            };
            store.add_certificate(&record).await.unwrap();
            certificate
        };

        let shown = issue(in_minutes(-20), in_minutes(-10)).await;
        let source = Ipv4Addr::LOCALHOST.into();
        let certificate = ssh_certificate::verify(&shown, source, in_minutes(-15), &cas).unwrap();
        let found = Login::by_token(store.as_ref(), TOKEN, now).await.unwrap().unwrap();
        let proof = Proof { certificate, login: ended.follow(&found) };
        let error = authenticator.still_good(&proof).await.unwrap_err();
        assert!(matches!(error, AuthenticateError::Refused(CertificateRefusal::Expired { .. })), "{error:?}");
        issue(now, in_minutes(10)).await;
        authenticator.still_good(&proof).await.unwrap();
        store.remove_login(login.token).await.unwrap();
        let error = authenticator.still_good(&proof).await.unwrap_err();
        assert!(matches!(error, AuthenticateError::Refused(CertificateRefusal::LoginEnded)), "{error:?}");
    }
}

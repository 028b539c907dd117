//! Dial the target, check its host key, log in.
//!
//! One connection to a target serves all channels of one user connection. It is
//! dialled as soon as the user is authenticated, while the user's client still
//! opens its channel, so that a login through the bastion costs little more
//! than a direct one.

use std::{io, sync::Arc, time::Duration};

use config::{Login, TargetName, UserName};
use identity::{
    revoked_keys::RevokedKeys,
    ssh_ca::{TargetCa, TargetRequest},
};
use jiff::Timestamp;
use russh::{
    Disconnect,
    client::{self, AuthResult},
    keys::{
        Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate,
        ssh_key::private::Ed25519Keypair,
    },
};
use ssh_client::{
    algorithms::{Keepalive, PACKET_BYTES, WINDOW_BYTES, identification, target_leg},
    host_certificate,
    outgoing::{Outgoing, Server},
};
use tokio::{net::TcpStream, sync::Mutex, time::timeout};

use super::{
    read_ahead::ReadAhead,
    target_error::TargetError,
    target_leg::{ChannelSetup, OpenChannel, PreparedChannel},
};

/// How long each step to a target may take: connect, key exchange, log in.
const STEP_DEADLINE: Duration = Duration::from_secs(10);

/// How long a certificate for a target lives: it is used within seconds of being minted.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(120);

/// How the bastion knows that a host is the target: by one of these.
#[derive(Debug, Clone)]
pub struct HostTrust {
    /// Its pinned keys.
    pub keys: Vec<PublicKey>,
    /// The CA whose host certificates count if they name the target.
    pub authority: Option<PublicKey>,
    /// Keys that count for nothing, though they are among the others.
    pub revoked: RevokedKeys,
}

/// How the bastion logs in to a target.
#[derive(Clone)]
pub enum TargetCredential {
    /// A certificate minted for the connection.
    Certificate(Arc<TargetCa>),
    /// A stored password that the user never sees.
    Password(config::Secret),
    /// A stored key that the user never sees.
    PrivateKey(Arc<PrivateKey>),
}

/// A target as the SSH front uses it.
#[derive(Clone)]
pub struct SshTarget {
    /// Its name.
    pub name: TargetName,
    /// `host:port`.
    pub address: String,
    /// How it is recognised.
    pub trust: HostTrust,
    /// How the bastion logs in.
    pub credential: TargetCredential,
    /// How a target that is gone is noticed.
    pub keepalive: Keepalive,
}

/// A connection to a target, dialled once and shared by the channels of one user connection.
pub struct TargetConnection {
    target: SshTarget,
    login: Login,
    user: UserName,
    /// Held over the dial on purpose: whoever comes second waits for the first one's result.
    /// An error is taken by the first who sees it; the next one dials again.
    state: Mutex<Option<Dialled>>,
}

/// What came of dialling.
type Dialled = Result<Arc<client::Handle<Outgoing<HostCheck>>>, TargetError>;

impl TargetConnection {
    /// A connection that will be dialled for `user` when it is first needed.
    #[must_use]
    pub fn new(target: SshTarget, login: Login, user: UserName) -> Arc<Self> {
        Arc::new(Self { target, login, user, state: Mutex::new(None) })
    }

    /// Dials in the background, ahead of the first channel.
    pub async fn dial_ahead(&self) {
        let mut state = self.state.lock().await;
        if state.is_none() {
            *state = Some(self.dial().await.map(Arc::new));
        }
    }

    /// Opens a channel.
    ///
    /// # Errors
    ///
    /// When the target cannot be reached, does not prove who it is, or refuses.
    pub async fn open(&self) -> Result<OpenChannel, TargetError> {
        let handle = self.handle().await?;
        let channel = timeout(STEP_DEADLINE, handle.channel_open_session())
            .await
            .map_err(|_| TargetError::Silent { what: "opening a channel" })??;
        Ok(OpenChannel::new(channel))
    }

    /// Gives a channel its terminal and environment; its program has not started yet. The channel is `ahead`, or a
    /// new one if the target has closed the connection since, or if none was opened.
    ///
    /// # Errors
    ///
    /// As [`TargetConnection::open`], and when the target refuses the terminal.
    pub async fn prepare(
        &self,
        ahead: Option<Result<OpenChannel, TargetError>>,
        setup: ChannelSetup,
    ) -> Result<PreparedChannel, TargetError> {
        let channel = match ahead {
            Some(Err(error)) => return Err(error),
            Some(Ok(channel)) if self.is_connected().await => channel,
            Some(Ok(_)) | None => self.open().await?,
        };
        channel.prepare(setup).await
    }

    async fn is_connected(&self) -> bool {
        matches!(&*self.state.lock().await, Some(Ok(handle)) if !handle.is_closed())
    }

    /// Ends the connection, if there is one.
    pub async fn disconnect(&self) {
        if let Some(Ok(handle)) = self.state.lock().await.take() {
            // It may be gone already.
            let _ = handle.disconnect(Disconnect::ByApplication, "", "").await;
        }
    }

    async fn handle(&self) -> Result<Arc<client::Handle<Outgoing<HostCheck>>>, TargetError> {
        let mut state = self.state.lock().await;
        let handle = match state.take() {
            Some(Ok(handle)) if !handle.is_closed() => handle,
            Some(Err(error)) => return Err(error),
            Some(Ok(_)) | None => Arc::new(self.dial().await?),
        };
        *state = Some(Ok(Arc::clone(&handle)));
        Ok(handle)
    }

    async fn dial(&self) -> Result<client::Handle<Outgoing<HostCheck>>, TargetError> {
        let unreachable = |source| TargetError::Unreachable { address: self.target.address.clone(), source };
        let stream = timeout(STEP_DEADLINE, TcpStream::connect(&self.target.address))
            .await
            .map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))?
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let stream = ReadAhead::new(stream);

        let check = Outgoing::to(HostCheck { target: self.target.clone() });
        let connecting = client::connect_stream(Arc::new(client_config(&self.target)), stream, check);
        let mut handle =
            timeout(STEP_DEADLINE, connecting).await.map_err(|_| TargetError::Silent { what: "key exchange" })??;
        timeout(STEP_DEADLINE, self.log_in(&mut handle))
            .await
            .map_err(|_| TargetError::Silent { what: "logging in" })??;
        Ok(handle)
    }

    async fn log_in(&self, handle: &mut client::Handle<Outgoing<HostCheck>>) -> Result<(), TargetError> {
        let login = self.login.as_str();
        let (result, hint) = match &self.target.credential {
            TargetCredential::Certificate(ca) => {
                let key = PrivateKey::from(Ed25519Keypair::from_seed(&random_seed()?));
                let request = TargetRequest {
                    key: key.public_key(),
                    key_id: self.user.as_str(),
                    login: &self.login,
                    lifetime: CERTIFICATE_LIFETIME,
                };
                let certificate = ca
                    .issue(&request, Timestamp::now())
                    .map_err(|error| TargetError::Certificate(error.to_string()))?;
                (
                    handle.authenticate_openssh_cert(login, Arc::new(key), certificate).await?,
                    "the account must exist there, and its sshd must trust the bastion's target CA (TrustedUserCAKeys)",
                )
            }
            TargetCredential::PrivateKey(key) => {
                let hash = handle.best_supported_rsa_hash().await?.flatten();
                let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
                (handle.authenticate_publickey(login, key).await?, "the stored key must be in its authorized_keys")
            }
            TargetCredential::Password(password) => (
                handle.authenticate_password(login, password.expose()).await?,
                "the stored password must be right, and its sshd must allow passwords",
            ),
        };
        match result {
            AuthResult::Success => Ok(()),
            AuthResult::Failure { .. } => Err(TargetError::LoginRefused { login: self.login.clone(), hint }),
        }
    }
}

/// Checks that the host is the target.
pub struct HostCheck {
    target: SshTarget,
}

impl Server for HostCheck {
    type Error = TargetError;

    async fn check(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, TargetError> {
        let trust = &self.target.trust;
        if let Some(fingerprint) = revoked(shown, &trust.revoked) {
            return Err(TargetError::HostKeyRevoked { fingerprint });
        }
        match (&trust.authority, shown) {
            (Some(ca), PublicKeyOrCertificate::Certificate(certificate)) => {
                let host = self.target.address.rsplit_once(':').map_or(self.target.address.as_str(), |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']');
                host_certificate::check(certificate, ca, &[host, self.target.name.as_str()], Timestamp::now())
                    .map_err(|reason| TargetError::HostCertificate { reason })?;
                Ok(true)
            }
            (_, shown) => {
                let key = shown.public_key();
                if trust.keys.iter().any(|pinned| pinned.key_data() == key.key_data()) {
                    return Ok(true);
                }
                let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
                Err(if trust.keys.is_empty() {
                    let reason =
                        format!("it showed the plain key {fingerprint}, but the configuration names a host CA");
                    TargetError::HostCertificate { reason }
                } else {
                    TargetError::HostKeyChanged { fingerprint }
                })
            }
        }
    }
}

/// The fingerprint of the key that is revoked, of the host or of the authority of its certificate.
fn revoked(shown: &PublicKeyOrCertificate, revoked: &RevokedKeys) -> Option<String> {
    let authority = match shown {
        PublicKeyOrCertificate::Certificate(certificate) => Some(certificate.signature_key()),
        PublicKeyOrCertificate::PublicKey { .. } => None,
    };
    let key = shown.public_key();
    let keys = [key.key_data()].into_iter().chain(authority);
    keys.filter(|key| revoked.contain(key)).map(|key| key.fingerprint(HashAlg::Sha256).to_string()).next()
}

fn client_config(target: &SshTarget) -> client::Config {
    let SshTarget { trust, keepalive, .. } = target;
    // Only what can be checked is negotiated: a host has several keys, and one of another type proves nothing.
    let pinned: Vec<Algorithm> = trust.keys.iter().flat_map(|key| signature_algorithms(&key.algorithm())).collect();
    let every = || russh::Preferred::DEFAULT.key.into_owned();
    let keys = if pinned.is_empty() { every() } else { pinned };
    let certificates = if trust.authority.is_some() { every() } else { Vec::new() };
    client::Config {
        window_size: WINDOW_BYTES,
        maximum_packet_size: PACKET_BYTES,
        preferred: target_leg(keys, certificates),
        consumption_window: true,
        application_channels: true,
        client_id: identification(),
        inactivity_timeout: None,
        keepalive_interval: Some(keepalive.interval),
        keepalive_max: keepalive.most_unanswered,
        nodelay: true,
        ..client::Config::default()
    }
}

/// The signature algorithms of a key type; for RSA only those with SHA-2 (RFC 8332).
fn signature_algorithms(key: &Algorithm) -> Vec<Algorithm> {
    if !matches!(key, Algorithm::Rsa { .. }) {
        return vec![key.clone()];
    }
    [HashAlg::Sha512, HashAlg::Sha256].into_iter().map(|hash| Algorithm::Rsa { hash: Some(hash) }).collect()
}

/// Random bytes for a key of one connection.
fn random_seed() -> Result<[u8; 32], TargetError> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed)
        .map_err(|_| TargetError::Certificate("the system gave no random numbers".into()))?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tokio::sync::watch;

    use super::*;
    use identity::ssh_ca::HostCa;

    #[tokio::test]
    async fn a_host_counts_neither_with_a_revoked_key_nor_by_a_revoked_authority() {
        let folder = tempfile::tempdir().unwrap();
        let ca = HostCa::load_or_create(&folder.path().join("ca")).unwrap();
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[3; 32])).public_key().clone();
        let names = ["web1"];
        let certificate = ca.issue(&key, &names, Duration::from_secs(600), Timestamp::now()).unwrap();
        let shown = PublicKeyOrCertificate::Certificate(certificate);
        let print = |key: &PublicKey| key.fingerprint(HashAlg::Sha256).sha256().unwrap();
        for (revoked, counts) in [(None, true), (Some(print(&key)), false), (Some(print(ca.public_key())), false)] {
            let revoked: HashSet<[u8; 32]> = revoked.into_iter().collect();
            let target = SshTarget {
                name: "web1".parse().unwrap(),
                address: "192.0.2.1:22".to_owned(),
                trust: HostTrust {
                    keys: Vec::new(),
                    authority: Some(ca.public_key().clone()),
                    revoked: RevokedKeys::new(watch::Sender::new(Arc::new(revoked)).subscribe()),
                },
                credential: TargetCredential::Password(config::Secret::new("x".to_owned())),
                keepalive: Keepalive { interval: Duration::from_secs(1), most_unanswered: 1 },
            };
            let checked = HostCheck { target }.check(&shown).await;
            match checked {
                Ok(true) => assert!(counts),
                Err(TargetError::HostKeyRevoked { .. }) => assert!(!counts),
                other => panic!("{other:?}"),
            }
        }
    }
}

//! From the login in the folder to an SSH connection: `LOGIN@TARGET` at the bastion, whose host
//! certificate must come from the host CA of the login.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use api::info::BastionInfo;
use jiff::Timestamp;
use russh::client::{self, AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Certificate, HashAlg, PrivateKey, PublicKey, PublicKeyOrCertificate};
use russh::{AgentAuthError, Disconnect, Preferred, Signer};
use ssh_client::algorithms::{PACKET_BYTES, WINDOW_BYTES, target_leg};
use ssh_client::destination::Destination;
use ssh_client::host_certificate;
use ssh_client::outgoing::{OpensChannels, Outgoing, Server};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::exit::CommandError;
use crate::home::{BastionHome, SavedLogin};

/// An authenticated connection to the bastion.
pub(super) type Connection = Handle<Outgoing<BastionCheck>>;

/// Connects and logs in.
pub(super) async fn connect(
    home: &BastionHome,
    login: &SavedLogin,
    info: &BastionInfo,
    destination: &Destination,
) -> Result<Connection, CommandError> {
    let credential = Credential::read(home).await?;
    let server = format!("{}:{}", info.ssh.host, info.ssh.port);
    let unreachable = |reason: String| CommandError::Unreachable { server: server.clone(), reason };
    let in_time = |what: &str| unreachable(format!("{what} took more than {} s", STEP_DEADLINE.as_secs()));

    let stream = timeout(STEP_DEADLINE, TcpStream::connect((info.ssh.host.as_str(), info.ssh.port)))
        .await
        .map_err(|_| in_time("connecting"))?
        .map_err(|error| unreachable(error.to_string()))?;
    let name = info.host_key_alias().unwrap_or(&info.ssh.host).to_owned();
    let said = Arc::new(Mutex::new(String::new()));
    let check = Outgoing::to(BastionCheck { authority: host_ca(home)?, name, said: Arc::clone(&said) });
    let mut connection = timeout(STEP_DEADLINE, client::connect_stream(Arc::new(settings()), stream, check))
        .await
        .map_err(|_| in_time("the key exchange"))?
        .map_err(|error| unreachable(error.to_string()))?;

    let user = format!("{}@{}", destination.login, destination.target);
    let result = timeout(STEP_DEADLINE, credential.log_in(&mut connection, &user))
        .await
        .map_err(|_| in_time("logging in"))?
        .map_err(|error| unreachable(error.to_string()))?;
    match result {
        AuthResult::Success => Ok(connection),
        AuthResult::Failure { .. } => {
            let said = said.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned();
            let why = if said.is_empty() { format!("log in anew: bastion login {}", login.server) } else { said };
            Err(CommandError::Refused(format!("the bastion does not accept the certificate: {why}")))
        }
    }
}

/// Says good-bye, and waits until it is said.
pub(super) async fn close(connection: Connection) {
    // The connection may be gone already.
    let _ = connection.disconnect(Disconnect::ByApplication, "", "").await;
    let _ = timeout(GOODBYE_DEADLINE, connection).await;
}

/// The host CA that the login trusts.
fn host_ca(home: &BastionHome) -> Result<PublicKey, CommandError> {
    let file = home.known_hosts();
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}; log in again", file.display()))?;
    let key = text.lines().find_map(|line| line.strip_prefix("@cert-authority * "));
    let key = key.and_then(|key| PublicKey::from_openssh(key.trim()).ok());
    Ok(key.with_context(|| format!("{} names no host CA; log in again", file.display()))?)
}

fn settings() -> client::Config {
    let algorithms = Preferred::DEFAULT.key.into_owned();
    client::Config {
        window_size: WINDOW_BYTES,
        maximum_packet_size: PACKET_BYTES,
        // A plain key is refused by the check, but the list of them may not be empty.
        preferred: target_leg(algorithms.clone(), algorithms),
        consumption_window: true,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: MOST_UNANSWERED,
        nodelay: true,
        ..client::Config::default()
    }
}

/// The certificate, and what signs for it.
enum Credential {
    Agent(Box<AgentSigner>, Certificate),
    File(Arc<PrivateKey>, Certificate),
}

impl Credential {
    async fn read(home: &BastionHome) -> Result<Self, CommandError> {
        let file = home.certificate();
        let line =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}; log in again", file.display()))?;
        let certificate = Certificate::from_openssh(line.trim())
            .with_context(|| format!("{} is damaged; log in again", file.display()))?;
        let file = home.private_key();
        if file.exists() {
            let key = PrivateKey::read_openssh_file(&file)
                .with_context(|| format!("{} is damaged; log in again", file.display()))?;
            return Ok(Self::File(Arc::new(key), certificate));
        }
        let agent = AgentClient::connect_env().await.context("the key is in the ssh-agent, which does not answer")?;
        let key = PublicKey::from(certificate.public_key().clone());
        Ok(Self::Agent(Box::new(AgentSigner { agent, key }), certificate))
    }

    async fn log_in(self, connection: &mut Connection, user: &str) -> Result<AuthResult, LoginError> {
        Ok(match self {
            Self::Agent(mut signer, certificate) => {
                connection.authenticate_certificate_with(user, certificate, None, signer.as_mut()).await?
            }
            Self::File(key, certificate) => connection.authenticate_openssh_cert(user, key, certificate).await?,
        })
    }
}

#[derive(Debug, thiserror::Error)]
enum LoginError {
    #[error("the ssh-agent did not sign: {0}")]
    Agent(#[from] AgentAuthError),
    #[error("{0}")]
    Ssh(#[from] russh::Error),
}

/// The agent holds the plain key, not the certificate, and finds it by that only.
struct AgentSigner {
    agent: AgentClient<UnixStream>,
    key: PublicKey,
}

impl Signer for AgentSigner {
    type Error = AgentAuthError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, AgentAuthError> {
        let identity = AgentIdentity::PublicKey { key: self.key.clone(), comment: String::new() };
        Ok(self.agent.sign_request(&identity, hash, to_sign).await?)
    }
}

/// Checks that the server is the bastion, and keeps what it says when it refuses.
pub(super) struct BastionCheck {
    authority: PublicKey,
    name: String,
    said: Arc<Mutex<String>>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The server did not prove that it is the bastion.
    #[error("its host certificate is not accepted: {0}; somebody may be in between: ask your operator")]
    HostCertificate(String),
    /// The server opened channels.
    #[error(transparent)]
    OpensChannels(#[from] OpensChannels),
    /// The SSH protocol failed.
    #[error("{0}")]
    Ssh(#[from] russh::Error),
}

impl Server for BastionCheck {
    type Error = ConnectError;

    fn says(&mut self, banner: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_BANNER_CHARS.saturating_sub(said.len());
        said.extend(banner.chars().take(room));
    }

    async fn check(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, ConnectError> {
        let PublicKeyOrCertificate::Certificate(certificate) = shown else {
            return Err(ConnectError::HostCertificate("it showed a plain key".to_owned()));
        };
        host_certificate::check(certificate, &self.authority, &[&self.name], Timestamp::now())
            .map_err(ConnectError::HostCertificate)?;
        Ok(true)
    }
}

/// How long each step may take: connect, key exchange, log in.
const STEP_DEADLINE: Duration = Duration::from_secs(10);
/// How long the last messages may take to leave.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(1);
/// After this time without a byte the server is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// After so many questions without an answer it is not: a computer that slept for some minutes finds its session again.
const MOST_UNANSWERED: usize = 10;
/// Longer than any honest refusal.
const MAX_BANNER_CHARS: usize = 4096;

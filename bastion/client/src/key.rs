//! The key pair and certificate of a login: made, kept in the agent or in a file, checked.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::ssh_key::{Certificate, LineEnding, PrivateKey, PublicKey};

use super::agent::Agent;
use super::exit::CommandError;
use super::home::{BastionHome, HomeLock, KeyPlace, PUBLIC, SECRET, SavedLogin, remove, write_atomically};

/// A new Ed25519 key pair, named after the user.
///
/// # Errors
///
/// When the system gives no random numbers.
pub fn generate(user: &str) -> Result<PrivateKey, CommandError> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| anyhow!("the system gives no random numbers"))?;
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    Ok(PrivateKey::new(pair, comment(user)).context("cannot make a key")?)
}

/// Puts the private key where it will be used from: into the agent if there is one (and
/// `prefer` allows), else into the folder.
///
/// # Errors
///
/// When the file cannot be written.
pub fn keep(
    home: &BastionHome,
    _lock: &HomeLock,
    key: &PrivateKey,
    user: &str,
    lifetime: Duration,
    prefer: KeyPlace,
) -> Result<KeyPlace, CommandError> {
    let in_agent = prefer == KeyPlace::Agent
        && Agent::connect().is_some_and(|mut agent| agent.add(key, &comment(user), lifetime).is_ok());
    if in_agent {
        // A key file from an earlier login would be tried in place of the agent's.
        remove(&home.private_key())?;
    } else {
        let text = key.to_openssh(LineEnding::LF).context("cannot write the key")?;
        write_atomically(&home.private_key(), text.as_bytes(), SECRET)?;
    }
    let line = key.public_key().to_openssh().context("cannot write the key")?;
    write_atomically(&home.public_key(), format!("{line}\n").as_bytes(), PUBLIC)?;
    Ok(if in_agent { KeyPlace::Agent } else { KeyPlace::File })
}

/// Writes a certificate from the server, after checking that it is one for our key.
///
/// # Errors
///
/// When it is not, or the file cannot be written.
pub fn keep_certificate(
    home: &BastionHome,
    _lock: &HomeLock,
    key: &PublicKey,
    line: &str,
) -> Result<Certificate, CommandError> {
    let certificate = Certificate::from_openssh(line.trim()).context("the server's answer is no SSH certificate")?;
    if certificate.public_key() != key.key_data() {
        return Err(anyhow!("the server gave a certificate for another key").into());
    }
    let line = certificate.to_openssh().context("cannot write the certificate")?;
    write_atomically(&home.certificate(), format!("{line}\n").as_bytes(), PUBLIC)?;
    Ok(certificate)
}

/// What a renewal finds in the folder.
#[derive(Debug)]
pub struct KeptKey {
    /// The public key, if its private half can still be used.
    pub key: Option<PublicKey>,
    /// The time that the certificate for this key is good for.
    pub validity: Option<Validity>,
}

impl KeptKey {
    /// Reads the files and, where the key is in the agent, asks the agent.
    #[must_use]
    pub fn read(home: &BastionHome, login: &SavedLogin) -> Self {
        let key = fs::read_to_string(home.public_key()).ok().and_then(|line| PublicKey::from_openssh(line.trim()).ok());
        let key = key.filter(|key| match login.key {
            KeyPlace::Agent => {
                home.private_key().exists()
                    || Agent::connect().is_some_and(|mut agent| agent.holds(key).unwrap_or(false))
            }
            KeyPlace::File => home.private_key().exists(),
        });
        let validity = key.as_ref().and_then(|key| {
            let line = fs::read_to_string(home.certificate()).ok()?;
            let certificate = Certificate::from_openssh(line.trim()).ok()?;
            (certificate.public_key() == key.key_data()).then(|| Validity::of(&certificate))?
        });
        Self { key, validity }
    }
}

/// The time that a certificate is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Good from here on.
    pub after: Timestamp,
    /// Good up to here.
    pub before: Timestamp,
}

impl Validity {
    /// The times in the certificate; `None` when they are beyond what a calendar holds.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Option<Self> {
        let time = |seconds: u64| i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        Some(Self { after: time(certificate.valid_after())?, before: time(certificate.valid_before())? })
    }
}

/// Takes key and certificate away.
///
/// # Errors
///
/// When a file stays.
pub fn forget(home: &BastionHome, _lock: &HomeLock) -> Result<(), CommandError> {
    let public = fs::read_to_string(home.public_key()).ok().and_then(|line| PublicKey::from_openssh(line.trim()).ok());
    if let (Some(key), Some(mut agent)) = (public, Agent::connect()) {
        // It may never have held the key, or its time may be over: the aim is reached either way.
        let _ = agent.remove(&key);
    }
    for path in [home.private_key(), home.public_key(), home.certificate(), home.kube_credential()] {
        remove(&path)?;
    }
    Ok(())
}

fn comment(user: &str) -> String {
    format!("bastion {user}")
}

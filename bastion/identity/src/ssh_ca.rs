//! The bastion's SSH certificate authorities (draft-miller-ssh-cert; OpenSSH `PROTOCOL.certkeys`).
//!
//! There are three, and each is a type of its own: a certificate that a person
//! holds ([`UserCa`]) never opens a target past the bastion, because targets
//! trust [`TargetCa`]; and neither can speak for a host ([`HostCa`]).
//! Every certificate ends: there is no way to ask for one without an end.

use std::{collections::BTreeMap, path::Path, time::Duration};

use config::{Login, UserName};
use jiff::{SignedDuration, Timestamp};
use russh::keys::{
    Certificate, HashAlg, PrivateKey, PublicKey,
    ssh_key::{
        self, Fingerprint,
        certificate::{Builder, CertType},
        public::KeyData,
    },
};

use super::{
    key_file::{self, KeyFileError},
    source_address::SourceAddresses,
    token::{RandomUnavailable, random_bytes, random_serial},
};

/// Everything that the bastion signs SSH with, from one folder.
pub struct SshAuthorities {
    /// Signs what people show to the bastion.
    pub user: UserCa,
    /// Signs what the bastion shows to targets.
    pub target: TargetCa,
    /// Signs host certificates; its public key is what people's clients trust.
    pub host: HostCa,
    /// The bastion's own host key.
    pub host_key: PrivateKey,
}

impl SshAuthorities {
    /// Reads `ssh-user-ca`, `ssh-target-ca`, `ssh-host-ca` and `ssh-host-key` in the folder; makes those that are missing.
    pub fn load_or_create(folder: &Path) -> Result<Self, KeyFileError> {
        Ok(Self {
            user: UserCa::load_or_create(&folder.join("ssh-user-ca"))?,
            target: TargetCa::load_or_create(&folder.join("ssh-target-ca"))?,
            host: HostCa::load_or_create(&folder.join("ssh-host-ca"))?,
            host_key: key_file::load_or_create(&folder.join("ssh-host-key"))?,
        })
    }

    /// The fingerprints of the public keys, by the names of their files.
    #[must_use]
    pub fn fingerprints(&self) -> BTreeMap<String, String> {
        let keys = [
            ("ssh-user-ca", self.user.fingerprint()),
            ("ssh-target-ca", self.target.fingerprint()),
            ("ssh-host-ca", self.host.fingerprint()),
            ("ssh-host-key", self.host_key.fingerprint(HashAlg::Sha256)),
        ];
        keys.into_iter().map(|(name, fingerprint)| (name.to_owned(), fingerprint.to_string())).collect()
    }
}

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A certificate without a name would be good for every name.
    #[error("a certificate needs at least one name")]
    NoPrincipal,
    /// The name could be read as several names or as a pattern.
    #[error("{0:?} cannot stand in a certificate as a name")]
    Principal(String),
    /// The certificate would have ended before it began.
    #[error("the certificate would have ended before it began")]
    Ended,
    /// No random serial number or nonce.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
    /// The certificate could not be built or signed.
    #[error("the certificate could not be signed: {0}")]
    Sign(#[from] ssh_key::Error),
}

macro_rules! authority {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        pub struct $type(PrivateKey);

        impl $type {
            /// Reads the authority's key at `path`, or makes it; see [`key_file::load_or_create`].
            pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
                key_file::load_or_create(path).map(Self)
            }

            /// The public key that verifies its certificates.
            #[must_use]
            pub fn public_key(&self) -> &PublicKey {
                self.0.public_key()
            }

            /// SHA-256 fingerprint of the public key.
            #[must_use]
            pub fn fingerprint(&self) -> Fingerprint {
                self.0.fingerprint(HashAlg::Sha256)
            }
        }
    };
}

authority!(
    /// The authority for certificates that people use towards the bastion (`ssh-user-ca`).
    UserCa
);
authority!(
    /// The authority for certificates that the bastion uses towards targets (`ssh-target-ca`).
    TargetCa
);
authority!(
    /// The authority for host certificates (`ssh-host-ca`).
    HostCa
);

/// What to certify for a person.
#[derive(Debug)]
pub struct UserRequest<'a> {
    /// The person's key.
    pub key: &'a PublicKey,
    /// The person: key id and only principal.
    pub user: &'a UserName,
    /// When the certificate ends; seconds count, what is below is cut off.
    pub expires_at: Timestamp,
    /// From where it may be used; `None` = from everywhere.
    pub source_addresses: Option<&'a SourceAddresses>,
}

impl UserCa {
    /// For tests that sign what this authority never issues.
    #[cfg(test)]
    pub(crate) fn private_key(&self) -> &PrivateKey {
        &self.0
    }

    /// A user certificate with a random serial number.
    pub fn issue(&self, request: &UserRequest<'_>, now: Timestamp) -> Result<Certificate, IssueError> {
        let mut builder = builder(
            request.key.key_data(),
            CertType::User,
            request.user.as_str(),
            &[request.user.as_str()],
            now,
            request.expires_at,
        )?;
        for extension in USER_EXTENSIONS {
            builder.extension(extension, "")?;
        }
        if let Some(addresses) = request.source_addresses {
            builder.critical_option("source-address", addresses.to_string())?;
        }
        Ok(builder.sign(&self.0)?)
    }
}

/// What to certify for the bastion's own use on a target.
#[derive(Debug)]
pub struct TargetRequest<'a> {
    /// The key that the bastion made for this connection.
    pub key: &'a PublicKey,
    /// `user/session`: what the target's log shows.
    pub key_id: &'a str,
    /// The account on the target: the only principal.
    pub login: &'a Login,
    /// How long the certificate is good.
    pub lifetime: Duration,
}

impl TargetCa {
    /// A user certificate for the target leg with a random serial number.
    pub fn issue(&self, request: &TargetRequest<'_>, now: Timestamp) -> Result<Certificate, IssueError> {
        let expires_at = later(now, request.lifetime)?;
        let login = [request.login.as_str()];
        let mut builder = builder(request.key.key_data(), CertType::User, request.key_id, &login, now, expires_at)?;
        for extension in USER_EXTENSIONS {
            builder.extension(extension, "")?;
        }
        Ok(builder.sign(&self.0)?)
    }
}

impl HostCa {
    /// A host certificate for `names` (host names and addresses).
    pub fn issue(
        &self,
        key: &PublicKey,
        names: &[&str],
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<Certificate, IssueError> {
        let key_id = names.first().copied().ok_or(IssueError::NoPrincipal)?;
        let expires_at = later(now, lifetime)?;
        Ok(builder(key.key_data(), CertType::Host, key_id, names, now, expires_at)?.sign(&self.0)?)
    }
}

fn builder(
    key: &KeyData,
    cert_type: CertType,
    key_id: &str,
    principals: &[&str],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Builder, IssueError> {
    let now = unix_seconds(now).ok_or(IssueError::Ended)?;
    let valid_before = unix_seconds(expires_at).filter(|end| *end > now).ok_or(IssueError::Ended)?;
    // Clocks differ a little: a certificate of this moment must not be "not yet valid" elsewhere.
    let valid_after = now.saturating_sub(BACKDATED_SECONDS);
    let mut builder = Builder::new(random_bytes::<32>()?, key.clone(), valid_after, valid_before)?;
    builder.serial(random_serial()?)?.cert_type(cert_type)?.key_id(key_id)?;
    if principals.is_empty() {
        return Err(IssueError::NoPrincipal);
    }
    for principal in principals {
        builder.valid_principal(checked_principal(principal)?)?;
    }
    Ok(builder)
}

/// A name that every reader takes for exactly one name: no list separator, no white space, no pattern.
fn checked_principal(name: &str) -> Result<&str, IssueError> {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '@' | '$' | ':');
    if name.is_empty() || name.len() > MAX_PRINCIPAL_BYTES || !name.chars().all(safe) {
        return Err(IssueError::Principal(name.chars().take(MAX_PRINCIPAL_BYTES).collect()));
    }
    Ok(name)
}

fn later(now: Timestamp, lifetime: Duration) -> Result<Timestamp, IssueError> {
    SignedDuration::try_from(lifetime).ok().and_then(|lifetime| now.checked_add(lifetime).ok()).ok_or(IssueError::Ended)
}

fn unix_seconds(at: Timestamp) -> Option<u64> {
    u64::try_from(at.as_second()).ok()
}

/// What a user certificate lets its holder ask for; roles decide what is granted.
const USER_EXTENSIONS: [&str; 4] =
    ["permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty"];

/// How far certificates are backdated, in seconds.
const BACKDATED_SECONDS: u64 = 60;

/// The length limit of a DNS name, which is also that of our own names.
const MAX_PRINCIPAL_BYTES: usize = 253;

#[cfg(test)]
mod tests;

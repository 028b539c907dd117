//! [`RevokedKeys`]: keys that count for nothing, wherever else they are trusted: of authorities, people and targets.
//!
//! Asked at each authentication, so that what the operator adds to the file counts from the next one on.

use std::{collections::HashSet, sync::Arc};

use config::revoked_keys::RevokedKey;
use russh::keys::{
    HashAlg, PublicKey,
    ssh_key::{self, public::KeyData},
};
use tokio::sync::watch;

/// The revoked keys as they are now. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RevokedKeys(watch::Receiver<Fingerprints>);

/// SHA-256 fingerprints of keys.
pub type Fingerprints = Arc<HashSet<[u8; 32]>>;

impl RevokedKeys {
    /// Those that `receiver` has.
    #[must_use]
    pub fn new(receiver: watch::Receiver<Fingerprints>) -> Self {
        Self(receiver)
    }

    /// Whether this key is revoked.
    #[must_use]
    pub fn contain(&self, key: &KeyData) -> bool {
        let fingerprint = key.fingerprint(HashAlg::Sha256).sha256();
        fingerprint.is_some_and(|fingerprint| self.0.borrow().contains(&fingerprint))
    }
}

impl Default for RevokedKeys {
    /// None, and none ever.
    fn default() -> Self {
        Self(watch::Sender::new(Fingerprints::default()).subscribe())
    }
}

/// The fingerprints of keys as the settings have them.
///
/// # Errors
///
/// When a key does not read.
pub fn fingerprints(keys: &[RevokedKey]) -> Result<Fingerprints, ssh_key::Error> {
    let fingerprint = |key: &RevokedKey| match key {
        RevokedKey::Fingerprint(fingerprint) => Ok(Some(*fingerprint)),
        RevokedKey::Key(key) => {
            PublicKey::from_openssh(key.as_str()).map(|key| key.fingerprint(HashAlg::Sha256).sha256())
        }
    };
    let found = keys.iter().map(fingerprint).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(found.into_iter().flatten().collect()))
}

//! [`KeyFolder`]: the folder of the authorities' keys, which several instances may share. Of those that start at the same
//! time one makes the keys that are missing, and the others read them.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::key_file::KeyFileError;

/// The folder, which nobody else makes keys in as long as the value lives.
#[derive(Debug)]
pub struct KeyFolder {
    _lock: Option<File>,
}

impl KeyFolder {
    /// Makes the folder, if there is none, and waits until nobody else makes keys there. In a folder that cannot be
    /// written nobody makes any.
    ///
    /// # Errors
    ///
    /// When it cannot be used, or somebody else makes keys there for longer than that takes.
    pub async fn open(path: &Path) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let lock = path.join(LOCK);
        let failed = |source| KeyFileError::Io { path: lock.clone(), source };
        let mut options = OpenOptions::new();
        let file = match options.write(true).create(true).truncate(false).mode(0o600).open(&lock) {
            Ok(file) => file,
            Err(error) if is_read_only(&error) => return Ok(Self { _lock: None }),
            Err(error) => return Err(failed(error)),
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _lock: Some(file) }),
                Err(Errno::WOULDBLOCK) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(failed(error.into())),
            }
        }
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

const LOCK: &str = "keys.lock";

/// Keys are made within moments.
const PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{ssh_ca::SshAuthorities, x509_ca::KubeClientCa};

    #[tokio::test(flavor = "multi_thread")]
    async fn instances_that_start_at_once_have_the_same_keys() {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let folder = Arc::clone(&folder);
                tokio::spawn(async move {
                    let keys = folder.path().join("keys");
                    let _folder = KeyFolder::open(&keys).await.unwrap();
                    let authorities = SshAuthorities::load_or_create(&keys).unwrap();
                    let kube = KubeClientCa::load_or_create(&keys).unwrap();
                    (authorities.fingerprints(), kube.fingerprint())
                })
            })
            .collect();
        let mut found = Vec::new();
        for start in starts {
            found.push(start.await.unwrap());
        }
        assert!(found.iter().all(|keys| *keys == found[0]), "{found:?}");
    }
}

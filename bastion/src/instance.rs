//! [`Instance`]: this bastion among others on the machine. Its folder belongs to one of them at a time: a second one
//! would end the first one's sessions and approvals as left over. The lock goes with the process, however it ends;
//! what stands in the file is for people.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::getpid,
    system::uname,
};

/// Why the folder is not this bastion's.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// The folder or its lock cannot be used.
    #[error("data_dir: {path} cannot be used: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another bastion runs there.
    #[error(
        "{path} is held by another bastion ({other}). Stop that one, or give this one a data_dir, and a store and spool, of its own"
    )]
    Taken {
        /// The lock.
        path: PathBuf,
        /// What the other one says of itself.
        other: String,
    },
}

/// What belongs to this bastion for as long as the value lives.
#[derive(Debug)]
pub struct Instance {
    data_dir: PathBuf,
    /// What another one reads of this one.
    description: String,
    locks: Vec<File>,
}

impl Instance {
    /// Makes the data folder, if there is none, and claims it. Only the bastion may look into it: keys and
    /// recordings are there. `addresses` say where this bastion is reached.
    ///
    /// # Errors
    ///
    /// When it cannot be used, or belongs to another bastion that runs.
    pub fn claim(data_dir: &Path, addresses: &str) -> Result<Self, InstanceError> {
        let failed = |source| InstanceError::Io { path: data_dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(failed)?;
        let host = uname().nodename().to_string_lossy().into_owned();
        let description = format!("process {} on {host}, {addresses}", getpid().as_raw_nonzero());
        let mut instance = Self { data_dir: data_dir.canonicalize().map_err(failed)?, description, locks: Vec::new() };
        instance.lock(data_dir.join(LOCK))?;
        std::fs::set_permissions(data_dir, Permissions::from_mode(0o700)).map_err(failed)?;
        Ok(instance)
    }

    /// What another one reads of this one.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Claims a file or folder that may be outside the data folder. Where nothing can be written beside it, nothing
    /// is claimed.
    ///
    /// # Errors
    ///
    /// When it belongs to another bastion that runs.
    pub fn claim_also(&mut self, path: &Path) -> Result<(), InstanceError> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
        // A folder that is not there yet is nobody's; whoever makes it says what is wrong with it.
        let Ok(folder) = folder.canonicalize() else { return Ok(()) };
        if !self.data_dir.as_os_str().is_empty() && folder.starts_with(&self.data_dir) {
            return Ok(());
        }
        let mut lock = name.to_owned();
        lock.push(".lock");
        match self.lock(folder.join(lock)) {
            Ok(()) => Ok(()),
            Err(InstanceError::Io { path, source }) => {
                tracing::warn!(path = %path.display(), error = %source, "another bastion there would not be noticed");
                Ok(())
            }
            Err(taken @ InstanceError::Taken { .. }) => Err(taken),
        }
    }

    /// Claims the file of a store for a program that is no bastion: the folders above it may be one's.
    ///
    /// # Errors
    ///
    /// When it belongs to a bastion that runs.
    pub fn claim_store(path: &Path, purpose: &str) -> Result<Self, InstanceError> {
        let failed = |source| InstanceError::Io { path: path.to_owned(), source };
        let folder = match path.parent() {
            Some(folder) => folder.canonicalize().map_err(failed)?,
            None => return Err(failed(io::ErrorKind::InvalidFilename.into())),
        };
        let description = format!("process {}, {purpose}", getpid().as_raw_nonzero());
        let mut instance = Self { data_dir: PathBuf::new(), description, locks: Vec::new() };
        for above in folder.ancestors().map(|above| above.join(LOCK)).filter(|lock| lock.exists()) {
            instance.lock(above)?;
        }
        instance.claim_also(path)?;
        Ok(instance)
    }

    fn lock(&mut self, path: PathBuf) -> Result<(), InstanceError> {
        let failed = |source: io::Error| InstanceError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut other = String::new();
                let read = file.take(MOST_READ).read_to_string(&mut other);
                let other =
                    if read.is_ok() && !other.trim().is_empty() { other.trim() } else { "it does not say which" };
                return Err(InstanceError::Taken { path, other: other.to_owned() });
            }
            Err(error) => return Err(failed(error.into())),
        }
        // For people; a full disk is no reason not to start.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", self.description));
        self.locks.push(file);
        Ok(())
    }
}

/// The lock's name in the data folder.
const LOCK: &str = "bastion.lock";

/// A description is a line.
const MOST_READ: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_and_the_other_reads_to_whom() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/data");
        let first = Instance::claim(&data, "ssh 127.0.0.1:2222").unwrap();
        let error = Instance::claim(&data, "ssh 127.0.0.1:3333").unwrap_err().to_string();
        let own = format!("process {} on ", std::process::id());
        assert!(
            error.contains(&own) && error.contains("ssh 127.0.0.1:2222") && error.contains("Stop that one"),
            "{error}"
        );
        assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop(first);
        Instance::claim(&data, "").unwrap();
    }

    #[test]
    fn a_store_elsewhere_belongs_to_one_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shared.db");
        let mut first = Instance::claim(&folder.path().join("one"), "").unwrap();
        let mut second = Instance::claim(&folder.path().join("two"), "").unwrap();
        first.claim_also(&path).unwrap();
        assert!(matches!(second.claim_also(&path), Err(InstanceError::Taken { .. })));
        second.claim_also(&folder.path().join("two/own.db")).unwrap();
        second.claim_also(&folder.path().join("other.db")).unwrap();

        // A program that copies a store keeps off one that is in use, wherever that is.
        for held in ["shared.db", "one/bastion.db", "one/below/bastion.db"] {
            std::fs::create_dir_all(folder.path().join("one/below")).unwrap();
            let taken = Instance::claim_store(&folder.path().join(held), "a copy");
            assert!(matches!(taken, Err(InstanceError::Taken { .. })), "{held}: {taken:?}");
        }
        drop(first);
        let copy = Instance::claim_store(&folder.path().join("one/bastion.db"), "a copy").unwrap();
        let error = Instance::claim(&folder.path().join("one"), "").unwrap_err().to_string();
        assert!(error.contains("a copy"), "{error}");
        drop(copy);
    }
}

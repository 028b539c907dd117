//! Private SSH keys on disk: made on first start, readable by their owner only.
//!
//! The public half stands beside the private one as `NAME.pub`, for operators to hand out.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use russh::keys::{
    PrivateKey,
    ssh_key::{self, LineEnding, private::Ed25519Keypair},
};

use super::token::{RandomUnavailable, random_bytes};

/// Why a key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file could not be read or written.
    #[error("cannot use the key file {path}: {source}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others can read the private key.
    #[error(
        "the private key {path} can be read by others (mode {mode:03o}); run \"chmod 600 {path}\" if nobody read it, \
         or else remove it and its .pub so that a new one is made",
        path = path.display()
    )]
    ReadableByOthers {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not an unencrypted Ed25519 key in OpenSSH's form.
    #[error("{path} is not an unencrypted ssh-ed25519 private key in OpenSSH format", path = path.display())]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
    /// No key could be made.
    #[error(transparent)]
    Random(#[from] RandomUnavailable),
}

/// Reads the Ed25519 key at `path`, or makes one there (mode 0600) if there is no file.
pub fn load_or_create(path: &Path) -> Result<PrivateKey, KeyFileError> {
    let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
    let not_a_key = |_: ssh_key::Error| KeyFileError::NotAKey { path: path.to_owned() };
    let key = match File::open(path) {
        Ok(file) => load(path, file)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = PrivateKey::from(Ed25519Keypair::from_seed(&random_bytes()?));
            let text = key.to_openssh(LineEnding::LF).map_err(not_a_key)?;
            create(path, text.as_bytes()).map_err(io_error)?;
            key
        }
        Err(error) => return Err(io_error(error)),
    };
    let public = format!("{}\n", key.public_key().to_openssh().map_err(not_a_key)?);
    let public_path = public_path(path);
    if fs::read_to_string(&public_path).ok().as_deref() != Some(&public) {
        fs::write(&public_path, public).map_err(|source| KeyFileError::Io { path: public_path, source })?;
    }
    Ok(key)
}

/// The text of a private key's file; `None` if there is no file.
pub(crate) fn read_private(path: &Path) -> Result<Option<String>, KeyFileError> {
    match File::open(path) {
        Ok(file) => text_of(path, file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyFileError::Io { path: path.to_owned(), source }),
    }
}

fn text_of(path: &Path, file: File) -> Result<String, KeyFileError> {
    let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
    // The mode is asked of the opened file, so that it is the mode of what is read.
    let mode = file.metadata().map_err(io_error)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::ReadableByOthers { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(MAX_KEY_FILE_BYTES).read_to_string(&mut text).map_err(io_error)?;
    Ok(text)
}

fn load(path: &Path, file: File) -> Result<PrivateKey, KeyFileError> {
    let text = text_of(path, file)?;
    match PrivateKey::from_openssh(&text) {
        Ok(key) if key.algorithm() == ssh_key::Algorithm::Ed25519 && !key.is_encrypted() => Ok(key),
        Ok(_) | Err(_) => Err(KeyFileError::NotAKey { path: path.to_owned() }),
    }
}

/// Writes the whole file under another name first: a crash leaves no half key at `path`.
pub(crate) fn create(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text)?;
    file.sync_all()?;
    // Unlike a rename, a link never replaces a key that another process made meanwhile.
    fs::hard_link(&unfinished, path)?;
    fs::remove_file(&unfinished)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

/// Writes a file that only its owner reads, whole or not at all, in the place of what is there.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(text)?;
    fs::rename(&unfinished, path)
}

fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// An Ed25519 key in OpenSSH's form has about 400 bytes.
const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_survives_a_restart_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssh-user-ca");
        let made = load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path).unwrap().public_key(), made.public_key());
        let public = fs::read_to_string(folder.path().join("ssh-user-ca.pub")).unwrap();
        assert_eq!(public.trim(), made.public_key().to_openssh().unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no unfinished file is left");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssh-user-ca");
        load_or_create(&path).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = load_or_create(&path).unwrap_err();
            assert!(matches!(refused, KeyFileError::ReadableByOthers { mode: found, .. } if found == mode));
        }
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssh-user-ca");
        load_or_create(&path).unwrap();
        fs::write(&path, "-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap();
        assert!(matches!(load_or_create(&path), Err(KeyFileError::NotAKey { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    }

    #[test]
    fn a_crash_while_the_key_was_written_does_not_stop_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssh-user-ca");
        fs::write(folder.path().join("ssh-user-ca.new"), "half").unwrap();
        load_or_create(&path).unwrap();
    }
}

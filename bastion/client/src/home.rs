//! [`BastionHome`]: the folder that holds a person's login, and how its files are written.
//!
//! Several `ssh` processes may renew the same certificate at the same moment. Readers need no
//! lock, because each file changes by rename; writers hold [`HomeLock`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use api::login::User;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api_client::{ApiClient, ServerUrl};
use super::exit::CommandError;

/// Mode of files with a secret in them.
pub const SECRET: u32 = 0o600;
/// Mode of files that anybody may read.
pub const PUBLIC: u32 = 0o644;

/// The folder of a login: `$BASTION_HOME`, else `~/.bastion`.
#[derive(Debug, Clone)]
pub struct BastionHome {
    folder: PathBuf,
}

impl BastionHome {
    /// The folder that the environment names. It is made by the first write, not here.
    ///
    /// # Errors
    ///
    /// When neither `BASTION_HOME` nor `HOME` says where it is.
    pub fn open() -> Result<Self, CommandError> {
        let folder = match std::env::var_os("BASTION_HOME").filter(|value| !value.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => std::env::home_dir()
                .filter(|home| !home.as_os_str().is_empty())
                .ok_or_else(|| CommandError::Usage("set BASTION_HOME: there is no home folder".to_owned()))?
                .join(".bastion"),
        };
        Self::at(&folder)
    }

    /// The given folder, made absolute, because ssh reads the paths from another folder.
    ///
    /// # Errors
    ///
    /// When the current folder is gone.
    pub fn at(folder: &Path) -> Result<Self, CommandError> {
        Ok(Self { folder: std::path::absolute(folder)? })
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `login.json`: server, token, user, end of the login.
    #[must_use]
    pub fn login(&self) -> PathBuf {
        self.folder.join("login.json")
    }

    /// The certificates that the server's certificate must lead to.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The private key. The file exists only when no agent holds the key.
    #[must_use]
    pub fn private_key(&self) -> PathBuf {
        self.folder.join("id_ed25519")
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PathBuf {
        self.folder.join("id_ed25519.pub")
    }

    /// The SSH certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("id_ed25519-cert.pub")
    }

    /// The `@cert-authority` line for the bastion's host certificates.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }

    /// The block that `~/.ssh/config` includes after `bastion ssh-config --install`.
    #[must_use]
    pub fn ssh_config(&self) -> PathBuf {
        self.folder.join("ssh_config")
    }

    /// The credential for Kubernetes clusters, as the exec plugin gives it to kubectl.
    #[must_use]
    pub fn kube_credential(&self) -> PathBuf {
        self.folder.join("kube-credential.json")
    }

    /// The login on record, or `None` before the first one.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn saved_login(&self) -> Result<Option<SavedLogin>, CommandError> {
        let path = self.login();
        let Some(text) = read_optional(&path)? else { return Ok(None) };
        let login =
            serde_json::from_slice(&text).with_context(|| format!("{} is damaged; log in again", path.display()))?;
        Ok(Some(login))
    }

    /// The login on record, which has not ended.
    ///
    /// # Errors
    ///
    /// [`CommandError::NotLoggedIn`] when there is none or its time is over.
    pub fn login_at(&self, now: Timestamp) -> Result<SavedLogin, CommandError> {
        let not_logged_in = |reason: &str, url| CommandError::NotLoggedIn { reason: reason.to_owned(), url };
        let Some(login) = self.saved_login()? else {
            return Err(not_logged_in("there is no login here", Some("URL".to_owned())));
        };
        if login.expires_at <= now {
            return Err(not_logged_in("the login ended", Some(login.server.to_string())));
        }
        Ok(login)
    }

    /// A client of the bastion's API with the login on record.
    ///
    /// # Errors
    ///
    /// [`CommandError::NotLoggedIn`] when there is none or it ended.
    pub fn client(&self) -> Result<ApiClient, CommandError> {
        self.client_of(&self.login_at(Timestamp::now())?)
    }

    /// A client with this login.
    ///
    /// # Errors
    ///
    /// When the CA file cannot be read.
    pub fn client_of(&self, login: &SavedLogin) -> Result<ApiClient, CommandError> {
        Ok(ApiClient::new(&login.server, self.ca_pem()?.as_deref())?.with_token(&login.token))
    }

    /// The CA file's content, where the login has one.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn ca_pem(&self) -> Result<Option<Vec<u8>>, CommandError> {
        read_optional(&self.ca())
    }

    /// Makes the folder (0700) where it is missing, and waits until no other process writes in it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, or others may write in it.
    pub fn lock(&self) -> Result<HomeLock, CommandError> {
        let folder = self.folder.display();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .with_context(|| format!("cannot make the folder {folder}"))?;
        let mode = fs::metadata(&self.folder).with_context(|| format!("cannot read {folder}"))?.mode();
        if mode & 0o022 != 0 {
            return Err(anyhow!("others may write in {folder}: run chmod 700 on it, or set BASTION_HOME").into());
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(SECRET)
            .open(self.folder.join("lock"))
            .with_context(|| format!("cannot write in {folder}"))?;
        file.lock().with_context(|| format!("cannot lock {folder}"))?;
        Ok(HomeLock { _file: file })
    }
}

/// While it lives, no other process writes in the folder.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

/// What `login.json` holds. It has no `Debug`, because the token is a secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct SavedLogin {
    /// The server.
    pub server: ServerUrl,
    /// The bearer token of the login.
    pub token: String,
    /// Who logged in.
    pub user: User,
    /// When the login ends.
    pub expires_at: Timestamp,
    /// Where the private key is.
    pub key: KeyPlace,
}

/// Where the private key of a login is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// In ssh-agent, until the login ends.
    Agent,
    /// In `id_ed25519`.
    File,
}

/// Replaces a file in one step: readers see the old content or the new, never a part.
///
/// # Errors
///
/// When the folder cannot be written; the old file is then untouched.
pub fn write_atomically(path: &Path, content: &[u8], mode: u32) -> Result<(), CommandError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", uuid::Uuid::now_v7()));
    let beside = path.with_file_name(name);
    let written = (|| {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        // The error that counts is the first one.
        let _ = fs::remove_file(&beside);
    }
    Ok(written.with_context(|| format!("cannot write {}", path.display()))?)
}

/// Removes a file; one that is not there is as good as removed.
///
/// # Errors
///
/// When the file stays.
pub fn remove(path: &Path) -> Result<(), CommandError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(anyhow::Error::new(error).context(format!("cannot remove {}", path.display())).into())
        }
        _ => Ok(()),
    }
}

fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, CommandError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(anyhow::Error::new(error).context(format!("cannot read {}", path.display())).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_whole_and_private_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login.json");
        fs::write(&path, "a longer content than the new one").unwrap();
        write_atomically(&path, b"new", SECRET).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, SECRET);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        // A folder cannot be replaced by a file, so the rename fails.
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(write_atomically(&path, b"new", SECRET).is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_folder_is_made_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = BastionHome::at(&folder.path().join("a/b")).unwrap();
        let _lock = home.lock().unwrap();
        assert_eq!(fs::metadata(home.folder()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_others_may_write_in_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let shared = folder.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let error = BastionHome::at(&shared).unwrap().lock().unwrap_err().to_string();
        assert!(error.contains("chmod 700"), "{error}");
    }

    #[test]
    fn two_writers_wait_for_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let home = BastionHome::at(folder.path()).unwrap();
        let first = home.lock().unwrap();
        let other = OpenOptions::new().write(true).open(home.folder().join("lock")).unwrap();
        assert!(other.try_lock().is_err());
        drop(first);
        assert!(other.try_lock().is_ok());
    }
}

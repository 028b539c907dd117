//! OpenSSH's `sshd` as target, and keys and certificates made with `ssh-keygen`.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpStream, process::Command};

use crate::{
    patience::{SOON, until},
    peers,
    program::{Program, run},
};

/// A running `sshd` with a host key and a configuration of its own; its only login is who runs the test.
pub struct Sshd {
    address: SocketAddr,
    program: Program,
    folder: TempDir,
}

impl Sshd {
    /// Starts a target that trusts nobody yet, see [`Self::trust`].
    ///
    /// # Errors
    /// Fails when sshd is missing or does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with("Subsystem sftp internal-sftp\n").await
    }

    /// Starts a target with further lines in its `sshd_config`, which must name an sftp server where one is wanted.
    ///
    /// # Errors
    /// Fails when sshd is missing or does not start.
    pub async fn start_with(lines: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("home"))?;
        // Typed at the prompt it would be a change of the prompt, which rules may hold.
        for profile in [".bash_profile", ".profile"] {
            fs::write(folder.path().join("home").join(profile), "PS1='> '\n")?;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], peers::free_port()?));
        make_key(&folder.path().join("host_key")).await?;
        fs::write(folder.path().join("trusted_ca.pub"), "")?;
        fs::write(folder.path().join("authorized_keys"), "")?;
        let configuration = configuration(address, folder.path(), lines);
        fs::write(folder.path().join("sshd_config"), configuration)?;
        let program = start_sshd(folder.path())?;
        let mut sshd = Self { address, program, folder };
        sshd.answers().await?;
        Ok(sshd)
    }

    /// Accepts certificates of the CA whose public key is in this file, from the next connection on.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn trust(&self, ca: &Path) -> Result<()> {
        fs::copy(ca, self.folder.path().join("trusted_ca.pub")).with_context(|| ca.display().to_string())?;
        Ok(())
    }

    /// Accepts this plain key, for connections that do not go through the bastion.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn authorize(&self, public_key: &Path) -> Result<()> {
        fs::copy(public_key, self.folder.path().join("authorized_keys"))?;
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its public host key, as `bastion.yaml` wants it.
    ///
    /// # Errors
    /// Fails when the file is gone.
    pub fn host_key(&self) -> Result<String> {
        public_key(&self.folder.path().join("host_key.pub"))
    }

    /// The target as `bastion.yaml` and `bastion demo --targets` want it.
    ///
    /// # Errors
    /// Fails when the host key is gone.
    pub fn target(&self, name: &str) -> Result<Value> {
        Ok(json!({
            "name": name,
            "address": self.address.to_string(),
            "host_keys": [self.host_key()?],
            "credential": "certificate",
        }))
    }

    /// The home folder of sessions, in which nothing but the profile of the shell is at the start.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// What sshd logged so far.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Ends the listener; running connections go on in their own processes.
    ///
    /// # Errors
    /// Fails when the process cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.program.kill().await
    }

    /// Comes back with a new host key at the same address, as an attacker in between would.
    ///
    /// # Errors
    /// Fails when it does not start again.
    pub async fn change_host_key(&mut self) -> Result<()> {
        self.program.kill().await?;
        fs::remove_file(self.folder.path().join("host_key"))?;
        make_key(&self.folder.path().join("host_key")).await?;
        self.program = start_sshd(self.folder.path())?;
        self.answers().await
    }

    async fn answers(&mut self) -> Result<()> {
        let (address, program) = (self.address, &mut self.program);
        until("sshd listens", SOON, async || {
            program.ensure_running()?;
            Ok(TcpStream::connect(address).await.ok().map(drop))
        })
        .await
    }
}

fn start_sshd(folder: &Path) -> Result<Program> {
    let install = "install the Debian package openssh-server";
    // sshd wants its absolute path, because it runs itself again for each connection.
    let mut command = Command::new(peers::find(&["sshd"], install)?);
    if rustix::process::getuid().is_root() {
        // Where sshd puts its unprivileged half; the package's service creates it at boot.
        fs::create_dir_all("/run/sshd")?;
    }
    command.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config"));
    Program::start("sshd", command, folder)
}

/// `HOME` is a folder of its own: what the account's own start-up files print is not for the tests to know.
fn configuration(address: SocketAddr, folder: &Path, lines: &str) -> String {
    let folder = folder.display();
    format!(
        "ListenAddress {ip}:{port}\n\
         HostKey {folder}/host_key\n\
         TrustedUserCAKeys {folder}/trusted_ca.pub\n\
         AuthorizedKeysFile {folder}/authorized_keys\n\
         PidFile none\n\
         StrictModes no\n\
         UsePAM no\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\n\
         AcceptEnv *\n\
         SetEnv HOME={folder}/home\n\
         PrintMotd no\n\
         PrintLastLog no\n\
         MaxStartups 1000\n\
         MaxSessions 1000\n\
         LogLevel VERBOSE\n\
         {lines}",
        ip = address.ip(),
        port = address.port(),
    )
}

/// Makes an Ed25519 key pair at `path` and `path.pub`.
///
/// # Errors
/// Fails when `ssh-keygen` does.
pub async fn make_key(path: &Path) -> Result<()> {
    let mut command = keygen()?;
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "made by a test", "-f"]).arg(path);
    run(command, b"", SOON).await?.ok()?;
    Ok(())
}

/// Signs `KEY.pub` with the CA key; `options` are those of `ssh-keygen -s`. The result is `KEY-cert.pub`.
///
/// # Errors
/// Fails when `ssh-keygen` does.
pub async fn sign(ca: &Path, key: &Path, options: &[&str]) -> Result<PathBuf> {
    let mut command = keygen()?;
    command.arg("-q").arg("-s").arg(ca).args(options).arg(key.with_extension("pub"));
    run(command, b"", SOON).await?.ok()?;
    let mut certificate = key.as_os_str().to_owned();
    certificate.push("-cert.pub");
    Ok(certificate.into())
}

/// The algorithm and the key of a `.pub` file, without its comment.
///
/// # Errors
/// Fails when the file is not a public key.
pub fn public_key(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut words = text.split_whitespace();
    let (algorithm, key) = words.next().zip(words.next()).context("not a public key")?;
    Ok(format!("{algorithm} {key}"))
}

fn keygen() -> Result<Command> {
    Ok(Command::new(peers::find(&["ssh-keygen"], "install the Debian package openssh-client")?))
}

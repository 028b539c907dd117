//! Somebody who uses the bastion from a terminal: `bastion login` and `ssh-config`, then stock programs.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

use crate::{
    bastion::Bastion,
    oidc,
    patience::{SOON, within},
    peers,
    program::{Outcome, run},
    terminal::{Screen, Terminal},
};

/// How long one command through the bastion may take in a test.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);

/// A folder with somebody's login (`BASTION_HOME`) and `ssh_config`.
pub struct Person {
    home: TempDir,
}

impl Person {
    /// Nobody yet: a folder without a login.
    ///
    /// # Errors
    /// Fails when no folder can be made.
    pub fn stranger() -> Result<Self> {
        Ok(Self { home: tempfile::tempdir()? })
    }

    /// Logs in at the issuer that is built into `demo`, and writes the `ssh_config`.
    ///
    /// # Errors
    /// Fails when the login does.
    pub async fn log_in(bastion: &Bastion, name: &str) -> Result<Self> {
        let person = Self::stranger()?;
        let mut login = person.bastion(&["login", bastion.url(), "--demo-user", name, "--ca"])?;
        login.arg(bastion.ca());
        run(login, b"", SOON).await?.ok().context("bastion login")?;
        person.write_ssh_config().await?;
        Ok(person)
    }

    /// Logs in at a real provider in a browser without a window.
    ///
    /// # Errors
    /// Fails when the login does.
    pub async fn log_in_with_browser(bastion: &Bastion, name: &str) -> Result<Self> {
        Self::log_in_with_browser_by(bastion.url(), &bastion.ca(), name).await
    }

    /// The same at a URL that is not that of one bastion, with the CA in this file.
    ///
    /// # Errors
    /// Fails when the login does.
    pub async fn log_in_with_browser_by(url: &str, ca: &Path, name: &str) -> Result<Self> {
        let person = Self::stranger()?;
        person
            .log_in_by_page((url, ca), &[], "log in at ", async |page: String| {
                let back = oidc::log_in(&page, name).await?;
                // The page that a browser shows at the end is served by `bastion login` itself.
                let answer = reqwest::get(back).await?;
                ensure!(answer.status().is_success(), "the callback answered {}", answer.status());
                Ok(())
            })
            .await?;
        Ok(person)
    }

    /// Logs in by the device flow, approving in a browser without a window.
    ///
    /// # Errors
    /// Fails when the login does.
    pub async fn log_in_with_device(bastion: &Bastion, name: &str) -> Result<Self> {
        let person = Self::stranger()?;
        let visit = async |page: String| oidc::approve_device(&page, name).await;
        person.log_in_by_page((bastion.url(), &bastion.ca()), &["--device"], "or open ", visit).await?;
        Ok(person)
    }

    /// Starts `bastion login`, hands the address that it prints after `label` to `visit`, and waits for its end.
    async fn log_in_by_page(
        &self,
        (url, ca): (&str, &Path),
        options: &[&str],
        label: &str,
        visit: impl AsyncFnOnce(String) -> Result<()>,
    ) -> Result<()> {
        let mut login = self.bastion(&["login", url, "--ca"])?;
        login.arg(ca).args(options);
        // `true` stands for a browser: the address is read from what the command prints.
        login.env("BROWSER", "true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = login.kill_on_drop(true).spawn()?;
        let mut messages = BufReader::new(child.stderr.take().context("standard error")?).lines();
        let mut printed = String::new();
        let page = within("the address of the login page", SOON, async {
            while let Some(line) = messages.next_line().await? {
                printed += &format!("{line}\n");
                if let Some(page) = line.strip_prefix(label) {
                    return Ok(page.trim().to_owned());
                }
            }
            anyhow::bail!("bastion login printed no address: {printed}")
        })
        .await?;
        visit(page).await?;
        let mut rest = String::new();
        let status = within("bastion login", SOON, async {
            messages.into_inner().read_to_string(&mut rest).await?;
            Ok(child.wait().await?)
        })
        .await?;
        ensure!(status.success(), "bastion login ended with {status}: {rest}");
        self.write_ssh_config().await
    }

    /// Writes the block of `bastion ssh-config` to [`Self::ssh_config`].
    ///
    /// # Errors
    /// Fails when the command does.
    pub async fn write_ssh_config(&self) -> Result<()> {
        let block = run(self.bastion(&["ssh-config"])?, b"", SOON).await?.ok().context("bastion ssh-config")?;
        Ok(fs::write(self.ssh_config(), block.stdout)?)
    }

    /// From now on `ssh` goes to the bastion at this address, which has the keys of the one that was logged in at.
    ///
    /// # Errors
    /// Fails when the block of `bastion ssh-config` names no port.
    pub fn connect_by(&self, address: SocketAddr) -> Result<()> {
        let block = fs::read_to_string(self.ssh_config())?;
        // The bastion's own comes first; those of the targets are ports beyond it.
        let (before, rest) = block.split_once("  Port ").with_context(|| format!("no port in {block}"))?;
        let (_, after) = rest.split_once('\n').context("no line after the port")?;
        Ok(fs::write(self.ssh_config(), format!("{before}  Port {}\n{after}", address.port()))?)
    }

    /// The folder with everything of this person.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The file for `ssh -F`.
    pub fn ssh_config(&self) -> PathBuf {
        self.home.path().join("ssh_config")
    }

    /// A command of the `bastion` program, as this person.
    ///
    /// # Errors
    /// Fails when the program is not built.
    pub fn bastion(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(peers::bastion()?);
        command.args(arguments);
        self.surround(&mut command);
        Ok(command)
    }

    /// Runs a command of the `bastion` program to its end.
    ///
    /// # Errors
    /// Fails when it cannot be started or does not end.
    pub async fn run_bastion(&self, arguments: &[&str]) -> Result<Outcome> {
        run(self.bastion(arguments)?, b"", COMMAND_LIMIT).await
    }

    /// Starts a command of the `bastion` program in a terminal.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub fn bastion_in_terminal(&self, arguments: &[&str], columns: u16, rows: u16) -> Result<Terminal> {
        let command = pty_process::Command::new(peers::bastion()?)
            .args(arguments)
            .env("BASTION_HOME", self.home.path())
            .env("TERM", "xterm-256color")
            .env_remove("SSH_AUTH_SOCK");
        Terminal::start(command, columns, rows)
    }

    /// `ssh`, `scp`, `sftp` … with this person's configuration and without any question to the person.
    ///
    /// # Errors
    /// Fails when the program is missing.
    pub fn stock(&self, program: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(peers::find(&[program], &format!("install the Debian package with {program}"))?);
        command.arg("-F").arg(self.ssh_config()).args(["-o", "BatchMode=yes"]).args(arguments);
        self.surround(&mut command);
        Ok(command)
    }

    /// Runs stock `ssh` to its end.
    ///
    /// # Errors
    /// Fails when it cannot be started or does not end.
    pub async fn ssh(&self, arguments: &[&str]) -> Result<Outcome> {
        self.ssh_with_input(arguments, b"").await
    }

    /// Runs stock `ssh` to its end, with `input` as standard input.
    ///
    /// # Errors
    /// Fails when it cannot be started or does not end.
    pub async fn ssh_with_input(&self, arguments: &[&str], input: &[u8]) -> Result<Outcome> {
        run(self.stock("ssh", arguments)?, input, COMMAND_LIMIT).await
    }

    /// Runs a program that calls `ssh` itself (rsync, git) and so needs it as one string.
    ///
    /// # Errors
    /// Fails when it cannot be started or does not end.
    pub async fn with_ssh(&self, program: &str, arguments: &[&str]) -> Result<Outcome> {
        let mut command = Command::new(peers::find(&[program], &format!("install the Debian package {program}"))?);
        let ssh = format!("ssh -F {} -o BatchMode=yes", self.ssh_config().display());
        command.args(arguments).env("GIT_SSH_COMMAND", &ssh).env("RSYNC_RSH", &ssh);
        self.surround(&mut command);
        run(command, b"", COMMAND_LIMIT).await
    }

    /// Starts stock `ssh` in a terminal.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub fn ssh_in_terminal(&self, arguments: &[&str], columns: u16, rows: u16) -> Result<Terminal> {
        let program = peers::find(&["ssh"], "install the Debian package openssh-client")?;
        let command = pty_process::Command::new(program)
            .arg("-F")
            .arg(self.ssh_config())
            .args(arguments)
            .env("BASTION_HOME", self.home.path())
            .env("TERM", "xterm-256color")
            .env_remove("SSH_AUTH_SOCK");
        Terminal::start(command, columns, rows)
    }

    /// Starts stock `ssh` with a shell in a terminal; [`Sshd`](crate::sshd::Sshd) makes it prompt `> `.
    ///
    /// What is typed before the shell listens is echoed twice, by this terminal and by the target's; so this waits
    /// for the prompt.
    ///
    /// # Errors
    /// Fails when no prompt comes.
    pub async fn shell(&self, destination: &str, columns: u16, rows: u16) -> Result<Terminal> {
        let terminal = self.ssh_in_terminal(&["-q", destination], columns, rows)?;
        let prompts = |screen: &Screen| screen.lines().last().is_some_and(|line| line.ends_with('>'));
        terminal.wait_until("the shell prompts", SOON, prompts).await?;
        Ok(terminal)
    }

    /// A command line of `sh` in which `ssh` means [`Self::stock`].
    ///
    /// # Errors
    /// Fails when it cannot be started or takes longer than `limit`.
    pub async fn shell_line(&self, line: &str, limit: Duration) -> Result<Outcome> {
        let ssh = format!("ssh() {{ command ssh -F {} -o BatchMode=yes \"$@\"; }}", self.ssh_config().display());
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("{ssh}\n{line}"));
        self.surround(&mut command);
        run(command, b"", limit).await
    }

    /// Keeps the account's own agent and login out of the test.
    fn surround(&self, command: &mut Command) {
        command.env("BASTION_HOME", self.home.path()).env_remove("SSH_AUTH_SOCK").env_remove("BROWSER");
    }
}

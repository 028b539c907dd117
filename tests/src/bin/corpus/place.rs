//! Where cases run against: a real sshd, reached through the bastion or directly.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use config::rules::SessionMode;
use tests::{
    bastion::{Bastion, Settings},
    peers,
    person::Person,
    sshd::{self, Sshd},
    terminal::Terminal,
};
use tokio::process::Command;

use crate::{
    case::{Case, Mode, Server},
    modes, needs,
    pod::Pod,
    sandbox::Sandbox,
    servers::{self, Servers},
};

/// The size that typed cases were made for: columns and rows.
pub(crate) const SIZE: (u16, u16) = (80, 24);

/// The target, and the way to it.
pub(crate) struct Place {
    /// Where cases leave what ran.
    pub(crate) sandbox: Sandbox,
    /// For cases without a shell.
    pub(crate) pod: Option<Pod>,
    servers: Option<Servers>,
    way: Way,
    _sshd: Sshd,
}

enum Way {
    Bastion {
        bastion: Box<Bastion>,
        user: Person,
        mode: SessionMode,
    },
    /// The folder with the key and `ssh_config`.
    Direct(tempfile::TempDir),
}

/// The name of a trial of the case with this number, as a target and for the sandbox: an id may be any text.
pub(crate) fn target_name(number: usize, trial: usize) -> String {
    format!("c{number:04}t{trial}")
}

impl Place {
    /// A bastion with the rules of the corpus in this mode and with these target names, and a pod where a case wants one.
    ///
    /// # Errors
    /// Fails when something does not start.
    pub(crate) async fn behind_bastion(mode: SessionMode, cases: &[Case], targets: Vec<String>) -> Result<Self> {
        let sandbox = Sandbox::new()?;
        let servers = servers_for(&sandbox, cases).await?;
        let sshd = Sshd::start_with(&sandbox.sshd_lines()).await?;
        let mut settings = Settings::demo().rules_text(modes::rules(mode)?);
        for name in targets {
            settings = settings.target(sshd.target(&name)?);
        }
        let bastion = settings.start().await?;
        bastion.open(&sshd)?;
        let user = Person::log_in(&bastion, "alice").await?;
        let pod = if cases.iter().any(|case| case.mode == Mode::KubectlExec) { pod(mode).await } else { None };
        Ok(Self { sandbox, pod, servers, way: Way::Bastion { bastion: Box::new(bastion), user, mode }, _sshd: sshd })
    }

    /// No bastion in between, to see what really runs.
    ///
    /// # Errors
    /// Fails when something does not start.
    pub(crate) async fn direct(cases: &[Case]) -> Result<Self> {
        let sandbox = Sandbox::new()?;
        let servers = servers_for(&sandbox, cases).await?;
        let sshd = Sshd::start_with(&sandbox.sshd_lines()).await?;
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("key");
        sshd::make_key(&key).await?;
        sshd.authorize(&key.with_extension("pub"))?;
        let at = folder.path().display();
        let address = sshd.address();
        fs::write(folder.path().join("known_hosts"), format!("target {}\n", sshd.host_key()?))?;
        let configuration = format!(
            "Host *\n  HostName {}\n  Port {}\n  HostKeyAlias target\n  IdentityFile {at}/key\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {at}/known_hosts\n  StrictHostKeyChecking yes\n",
            address.ip(),
            address.port(),
        );
        fs::write(folder.path().join("ssh_config"), configuration)?;
        Ok(Self { sandbox, pod: None, servers, way: Way::Direct(folder), _sshd: sshd })
    }

    /// Starts the servers, whether or not a case wants them.
    ///
    /// # Errors
    /// Fails when they cannot be started.
    pub(crate) async fn with_servers(mut self) -> Result<Self> {
        self.servers = Some(servers::start(&self.sandbox).await?);
        Ok(self)
    }

    /// The servers that run.
    pub(crate) fn servers(&self) -> &[Server] {
        self.servers.as_ref().map_or(&[], Servers::running)
    }

    /// The mode in which the bastion judges, unless the way is direct.
    pub(crate) fn mode(&self) -> Option<SessionMode> {
        match &self.way {
            Way::Bastion { mode, .. } => Some(*mode),
            Way::Direct(_) => None,
        }
    }

    /// The bastion, unless the way is direct.
    pub(crate) fn bastion(&self) -> Option<&Bastion> {
        match &self.way {
            Way::Bastion { bastion, .. } => Some(bastion),
            Way::Direct(_) => None,
        }
    }

    /// Stock `ssh` to the target of a case; `more` are options or the command.
    ///
    /// # Errors
    /// Fails when `ssh` is missing.
    pub(crate) fn ssh(&self, name: &str, options: &[&str], more: &[&str]) -> Result<Command> {
        self.ssh_with_environment(name, "", options, more)
    }

    /// [`Self::ssh`] with further assignments for `SetEnv`, each after a blank.
    ///
    /// # Errors
    /// Fails when `ssh` is missing.
    pub(crate) fn ssh_with_environment(
        &self,
        name: &str,
        assignments: &str,
        options: &[&str],
        more: &[&str],
    ) -> Result<Command> {
        let (case, destination) = words(name);
        let case = case + assignments;
        let arguments = [&["-e", "none", "-o", &case], options, &[&destination], more].concat();
        match &self.way {
            Way::Bastion { user, .. } => user.stock("ssh", &arguments),
            Way::Direct(folder) => {
                let mut command = Command::new(ssh_program()?);
                command.arg("-F").arg(folder.path().join("ssh_config")).args(["-o", "BatchMode=yes"]).args(arguments);
                command.env_remove("SSH_AUTH_SOCK");
                Ok(command)
            }
        }
    }

    /// Stock `ssh` with a shell of a case, in a terminal of so many columns and rows.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub(crate) fn shell(&self, name: &str, (columns, rows): (u16, u16)) -> Result<Terminal> {
        let (case, destination) = words(name);
        let arguments = ["-q", "-e", "none", "-o", &case, &destination];
        match &self.way {
            Way::Bastion { user, .. } => user.ssh_in_terminal(&arguments, columns, rows),
            Way::Direct(folder) => {
                let command = pty_process::Command::new(ssh_program()?)
                    .arg("-F")
                    .arg(folder.path().join("ssh_config"))
                    .args(arguments)
                    .env("TERM", "xterm-256color")
                    .env_remove("SSH_AUTH_SOCK");
                Terminal::start(command, columns, rows)
            }
        }
    }
}

async fn servers_for(sandbox: &Sandbox, cases: &[Case]) -> Result<Option<Servers>> {
    let wanted = cases.iter().any(|case| !needs::servers(case).is_empty());
    Ok(if wanted { Some(servers::start(sandbox).await?) } else { None })
}

/// A cluster needs more of a machine than shells do.
async fn pod(mode: SessionMode) -> Option<Pod> {
    let started = Pod::start(mode).await;
    if let Err(error) = &started {
        eprintln!(
            "corpus: there is no cluster, so kubectl-exec cases are judged by `bastion rules explain`: {error:#}"
        );
    }
    started.ok()
}

/// The option that names the case to the sandbox, and the destination.
fn words(name: &str) -> (String, String) {
    (format!("SetEnv=LC_BASTION_CASE={name}"), format!("{}@{name}", peers::login()))
}

fn ssh_program() -> Result<PathBuf> {
    peers::find(&["ssh"], "install the Debian package openssh-client").context("no ssh")
}

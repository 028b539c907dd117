//! The ways to the same target, with the same key exchange, the same cipher and the same kind of key on each hop.

use std::fs;

use anyhow::Result;
use serde_json::json;
use tempfile::TempDir;
use tests::{
    bastion::{Bastion, Settings, rules},
    peers,
    person::Person,
    sshd::{self, Sshd},
};
use tokio::process::Command;

/// What every hop of every way negotiates, in the words of `ssh_config` and `sshd_config`.
const ALGORITHMS: &str = "Ciphers aes128-gcm@openssh.com\nKexAlgorithms curve25519-sha256\n";

/// One way to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Straight to its sshd.
    Direct,
    /// Through a second sshd.
    Jump,
    /// `ssh login@target@bastion`.
    Bastion,
    /// `ssh -J bastion login@target`.
    BastionJump,
}

impl Way {
    /// Every way, in the order of the table.
    pub(crate) const ALL: [Self; 4] = [Self::Direct, Self::Jump, Self::Bastion, Self::BastionJump];

    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Jump => "ssh -J",
            Self::Bastion => "bastion",
            Self::BastionJump => "bastion -J",
        }
    }
}

/// Everything that runs during the measurement.
pub(crate) struct Ways {
    /// The bastion, whose CPU time and memory are measured.
    pub(crate) bastion: Bastion,
    person: Person,
    folder: TempDir,
    target: Sshd,
    jump: Sshd,
}

impl Ways {
    /// Starts a target, an sshd as jump host, and a bastion, and logs in.
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("key");
        sshd::make_key(&key).await?;
        let lines = format!("Subsystem sftp internal-sftp\n{ALGORITHMS}");
        let (target, jump) = tokio::try_join!(Sshd::start_with(&lines), Sshd::start_with(&lines))?;
        for sshd in [&target, &jump] {
            sshd.authorize(&key.with_extension("pub"))?;
        }
        let capabilities = json!(["shell", "exec", "pty", "sftp"]);
        let allow = json!([{ "targets": { "names": ["*"] }, "logins": ["*"], "capabilities": capabilities }]);
        let bastion = Settings::demo().target(target.target("target")?).rules(rules(allow)).start().await?;
        bastion.open(&target)?;
        let person = Person::log_in(&bastion, "alice").await?;
        let ways = Self { bastion, person, folder, target, jump };
        ways.write_configuration()?;
        Ok(ways)
    }

    /// Stock `ssh` on this way; options of it may follow, then [`Self::destination`] and the command.
    pub(crate) fn ssh(&self, way: Way, options: &[&str]) -> Result<Command> {
        let mut ssh = match way {
            Way::Direct | Way::Jump => {
                let mut ssh = Command::new(peers::find(&["ssh"], "install the Debian package openssh-client")?);
                ssh.arg("-F").arg(self.folder.path().join("ssh_config")).args(["-o", "BatchMode=yes"]);
                ssh.env_remove("SSH_AUTH_SOCK");
                ssh
            }
            Way::Bastion | Way::BastionJump => self.person.stock("ssh", &[])?,
        };
        ssh.arg("-q").args(options).kill_on_drop(true);
        Ok(ssh)
    }

    /// The destination on this way.
    pub(crate) fn destination(&self, way: Way) -> String {
        let login = peers::login();
        match way {
            Way::Direct => "direct".to_owned(),
            Way::Jump => "jumped".to_owned(),
            Way::Bastion => format!("{login}@target@bastion"),
            Way::BastionJump => format!("{login}@target"),
        }
    }

    /// Hosts `direct`, `jump` and `jumped` with pinned host keys.
    fn write_configuration(&self) -> Result<()> {
        let folder = self.folder.path().display();
        let login = peers::login();
        let host = |name: &str, sshd: &Sshd, more: &str| {
            format!(
                "Host {name}\n  HostName 127.0.0.1\n  HostKeyAlias {name}\n  Port {}\n{more}\n",
                sshd.address().port()
            )
        };
        let all = format!(
            "Host *\n  User {login}\n  IdentityFile {folder}/key\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {folder}/known_hosts\n  StrictHostKeyChecking yes\n"
        );
        // What stands first counts, for the person's own file too, which the program wrote.
        let own = self.person.ssh_config();
        fs::write(&own, format!("Host *\n{ALGORITHMS}{}", fs::read_to_string(&own)?))?;
        let configuration = [
            format!("Host *\n{ALGORITHMS}"),
            host("direct", &self.target, ""),
            host("jump", &self.jump, ""),
            host("jumped", &self.target, "  ProxyJump jump"),
            all,
        ];
        fs::write(self.folder.path().join("ssh_config"), configuration.concat())?;
        let known = format!("direct,jumped {}\njump {}\n", self.target.host_key()?, self.jump.host_key()?);
        fs::write(self.folder.path().join("known_hosts"), known)?;
        Ok(())
    }
}

//! [`Block`]: the text of the ssh_config block, see ssh_config(5).
//!
//! Paths stand in quotes, with `%` doubled, in a form that every OpenSSH since 7.3 reads alike.
//! What no form can carry (quotes, backslashes, `${`, control characters) is refused by name.

use std::fmt::Write as _;
use std::path::Path;

use api::info::BastionInfo;
use api::targets::TargetItem;
use config::{Login, TargetName, UserName};

use crate::exit::CommandError;
use crate::home::BastionHome;

/// Everything that the block depends on.
pub(super) struct Block<'a> {
    pub(super) home: &'a BastionHome,
    pub(super) program: &'a Path,
    pub(super) user: &'a str,
    pub(super) info: &'a BastionInfo,
    pub(super) targets: Vec<TargetHost>,
}

/// A target as a host of the block.
pub(super) struct TargetHost {
    name: TargetName,
    /// The login, where only one is named.
    login: Option<Login>,
}

impl TargetHost {
    /// `None` for a name that is none: nothing from the server may add lines to the block.
    pub(super) fn of(target: &TargetItem) -> Option<Self> {
        // `*` (any account) names none.
        let mut named = target.logins.iter().filter(|login| *login != "*");
        let login = match (named.next(), named.next()) {
            (Some(login), None) => login.parse().ok(),
            _ => None,
        };
        Some(Self { name: target.name.parse().ok()?, login })
    }
}

impl Block<'_> {
    pub(super) fn render(&self) -> Result<String, CommandError> {
        let bad_answer = |what: &str| CommandError::Refused(format!("the server's {what} cannot stand in ssh_config"));
        let user: UserName = self.user.parse().map_err(|_| bad_answer("user name"))?;
        let host = &self.info.ssh.host;
        if !is_host(host) || !self.info.names.iter().all(|name| is_host(name)) {
            return Err(bad_answer("address"));
        }
        let jump = self.jump_name();
        let mut hosts = vec![jump.as_str()];
        hosts.extend(self.targets.iter().map(|target| target.name.as_str()));

        let mut text = format!("# Written by: bastion ssh-config\n\nMatch originalhost {}", hosts.join(","));
        line(&mut text, &format!(" exec \"{}\"", self.renewal()?));
        line(&mut text, &format!("\nHost {jump}"));
        line(&mut text, &format!("  HostName {host}"));
        line(&mut text, &format!("  Port {}", self.info.ssh.port));
        if let Some(name) = self.info.host_key_alias() {
            line(&mut text, &format!("  HostKeyAlias {name}"));
        }
        line(&mut text, &format!("  User {user}"));
        for target in &self.targets {
            line(&mut text, &format!("\nHost {}", target.name));
            line(&mut text, &format!("  HostName {}", target.name));
            line(&mut text, &format!("  HostKeyAlias {}", target.name));
            line(&mut text, "  Port 22");
            if let Some(login) = &target.login {
                line(&mut text, &format!("  User {login}"));
            }
            line(&mut text, &format!("  ProxyJump {jump}"));
        }
        line(&mut text, &format!("\nHost {}", hosts.join(" ")));
        line(&mut text, &format!("  IdentityFile {}", quoted(&self.home.private_key())?));
        line(&mut text, &format!("  CertificateFile {}", quoted(&self.home.certificate())?));
        line(&mut text, "  IdentitiesOnly yes");
        line(&mut text, &format!("  UserKnownHostsFile {}", quoted(&self.home.known_hosts())?));
        line(&mut text, "  StrictHostKeyChecking yes");
        line(&mut text, "  Ciphers ^aes128-gcm@openssh.com");
        Ok(text)
    }

    /// `bastion`, unless a target has taken that name.
    fn jump_name(&self) -> String {
        let taken = |name: &str| self.targets.iter().any(|target| target.name.as_str() == name);
        let mut name = "bastion".to_owned();
        while taken(&name) {
            name.push_str("-jump");
        }
        name
    }

    /// The command of `Match exec`, which the user's shell runs. The double quotes around it
    /// belong to ssh, so the shell's words stand in single ones.
    fn renewal(&self) -> Result<String, CommandError> {
        let home = carried(self.home.folder())?;
        let program = carried(self.program)?;
        // `env`, because not every login shell takes VARIABLE=value before a command.
        Ok(format!("env 'BASTION_HOME={home}' '{program}' login --renew"))
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

fn quoted(path: &Path) -> Result<String, CommandError> {
    Ok(format!("\"{}\"", carried(path)?))
}

/// The path with ssh_config's own `%` sequences taken out.
pub(super) fn carried(path: &Path) -> Result<String, CommandError> {
    let refused = |what: &str| {
        CommandError::Usage(format!(
            "ssh_config cannot carry the path {}: it contains {what}; set BASTION_HOME (or move the program) to a \
             plainer path",
            path.display()
        ))
    };
    let text = path.to_str().ok_or_else(|| refused("bytes that are not UTF-8"))?;
    if let Some(found) = text.chars().find(|character| matches!(character, '"' | '\'' | '\\') || character.is_control())
    {
        return Err(refused(&format!("{found:?}")));
    }
    if text.contains("${") {
        return Err(refused("\"${\""));
    }
    Ok(text.replace('%', "%%"))
}

/// Letters of host names and IPv6 addresses, and not an option.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'))
}

#[cfg(test)]
mod tests;

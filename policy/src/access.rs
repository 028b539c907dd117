//! One question to the rules: who (subject) wants what (action) on what (resource).
//!
//! The words are those of NIST SP 800-162.

use std::{collections::BTreeSet, fmt, net::IpAddr, str::FromStr, time::SystemTime};

use config::{Cluster, GroupName, Login, Target, TargetName, UserName, rules::UserSelector};

/// Who asks: a person or robot whose login the bastion verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The issuer's URL (`iss`).
    pub issuer: String,
    /// The issuer's identifier of the subject (`sub`).
    pub id: String,
    /// The name in certificates, recordings and audit events. No two people have the same one at a bastion.
    pub name: UserName,
    /// The e-mail address, only where the issuer says that it is verified.
    pub email: Option<String>,
    /// The groups that the issuer's groups claim named.
    pub groups: BTreeSet<GroupName>,
}

/// What it is wanted on: an account of a target.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// The target.
    pub target: &'a Target,
    /// The account there.
    pub login: &'a Login,
}

/// Where commands run.
#[derive(Debug, Clone, Copy)]
pub enum Site<'a> {
    /// In an account of a target.
    Account(Resource<'a>),
    /// In a pod of a cluster. As which account is not known: the container says so.
    Cluster(&'a Cluster),
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To be connected at all; allowed where any capability is.
    OpenConnection,
    /// To use a channel for this.
    Use(Capability),
}

/// The circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// When it is wanted.
    pub now: SystemTime,
    /// From where.
    pub source: IpAddr,
    /// What other people have approved for this subject.
    pub approved: &'a [Approved],
}

/// What other people have approved for a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Whether it is one session, or access that the subject has no standing right to.
    pub what: ApprovedKind,
    /// On which target.
    pub target: TargetName,
    /// As which account.
    pub login: Login,
    /// Until then; without a time for as long as the one session or connection lasts that waited for it.
    pub until: Option<SystemTime>,
}

/// What was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovedKind {
    /// Access for a time: what an entry of `request` is for.
    Access,
    /// A session: what an entry of `allow` with `approval` waits for.
    Session,
}

impl Subject {
    /// Whether one of `users` or of `groups` is this subject.
    pub(crate) fn is_among(&self, users: &[UserSelector], groups: &[GroupName]) -> bool {
        let is_meant = |user: &UserSelector| match user {
            UserSelector::Email(email) => self.email.as_ref() == Some(email),
            UserSelector::Name(name) => self.name == *name,
            UserSelector::Subject { issuer, id } => {
                self.id == *id && issuer.as_ref().is_none_or(|issuer| self.issuer == *issuer)
            }
        };
        users.iter().any(is_meant) || groups.iter().any(|group| self.groups.contains(group))
    }
}

impl<'a> From<&Resource<'a>> for Site<'a> {
    fn from(account: &Resource<'a>) -> Self {
        Self::Account(*account)
    }
}

impl<'a> From<&'a Cluster> for Site<'a> {
    fn from(cluster: &'a Cluster) -> Self {
        Self::Cluster(cluster)
    }
}

impl Approved {
    /// Whether it is `what`, on `resource`, and still counts at `now`.
    pub(crate) fn covers(&self, what: ApprovedKind, resource: &Resource<'_>, now: SystemTime) -> bool {
        self.what == what && self.target == resource.target.name && self.login == *resource.login && self.counts_at(now)
    }

    /// Whether it still counts at `now`.
    pub(crate) fn counts_at(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What a channel may be used for; a role must allow each one (default deny).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Forwarding of the user's SSH agent to the target.
    AgentForward,
    /// One command (`ssh host command`), scp and rsync included.
    Exec,
    /// `-L` and `-D`: connections from the target's network (`direct-tcpip`).
    LocalForward,
    /// A pseudo-terminal.
    Pty,
    /// `-R`: listening sockets on the target (`tcpip-forward`).
    RemoteForward,
    /// The sftp subsystem.
    Sftp,
    /// An interactive shell.
    Shell,
    /// Unix-socket forwarding (`direct-streamlocal@openssh.com`).
    StreamlocalForward,
    /// X11 forwarding.
    X11Forward,
}

/// The word is not the name of a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such capability")]
pub struct UnknownCapability;

impl Capability {
    /// All capabilities, in the order of their names.
    pub const ALL: [Self; 9] = [
        Self::AgentForward,
        Self::Exec,
        Self::LocalForward,
        Self::Pty,
        Self::RemoteForward,
        Self::Sftp,
        Self::Shell,
        Self::StreamlocalForward,
        Self::X11Forward,
    ];

    /// The name in rules, messages and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentForward => "agent-forward",
            Self::Exec => "exec",
            Self::LocalForward => "local-forward",
            Self::Pty => "pty",
            Self::RemoteForward => "remote-forward",
            Self::Sftp => "sftp",
            Self::Shell => "shell",
            Self::StreamlocalForward => "streamlocal-forward",
            Self::X11Forward => "x11-forward",
        }
    }
}

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(word: &str) -> Result<Self, UnknownCapability> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == word).ok_or(UnknownCapability)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_is_read_back_from_its_name() {
        for capability in Capability::ALL {
            assert_eq!(capability.to_string().parse(), Ok(capability));
        }
        assert!(Capability::ALL.is_sorted(), "messages list them in the order of their names");
        assert_eq!("Shell".parse::<Capability>(), Err(UnknownCapability));
    }
}

//! One question to the rules: who (subject) wants what (action) on what (resource).
//!
//! The words are those of NIST SP 800-162.

use std::collections::BTreeSet;

use config::{GroupName, UserName};

/// Who asks: a person or robot whose login the bastion verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The issuer's URL (`iss`).
    pub issuer: String,
    /// The issuer's identifier of the subject (`sub`).
    pub id: String,
    /// The name in certificates, recordings and audit events.
    pub name: UserName,
    /// The e-mail address, only where the issuer says that it is verified.
    pub email: Option<String>,
    /// The groups that the issuer's groups claim named.
    pub groups: BTreeSet<GroupName>,
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

//! [`Capability`]: what a role allows, one by one.

use std::{fmt, str::FromStr};

/// What a host, or a cluster, may be used for; a role must allow each one (default deny).
///
/// Which of them there are for a kind of resource say [`Capability::HOST`] and [`Capability::CLUSTER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Forwarding of the user's SSH agent to the target.
    AgentForward,
    /// Requests to the API of a cluster that open no connection further on.
    Api,
    /// `kubectl attach`.
    Attach,
    /// One command: `ssh host command` (scp and rsync included), or `kubectl exec` and `cp`.
    Exec,
    /// `-L` and `-D`: connections from the target's network (`direct-tcpip`).
    LocalForward,
    /// The kubelet's own API through `nodes/NAME/proxy`: whoever has it can run commands in each pod, unrecorded.
    NodeProxy,
    /// `kubectl port-forward`, and HTTP to pods and services through the API server.
    PortForward,
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
    /// Those of Kubernetes clusters, in the order of their names.
    pub const CLUSTER: [Self; 5] = [Self::Api, Self::Attach, Self::Exec, Self::NodeProxy, Self::PortForward];

    /// Those of hosts, in the order of their names.
    pub const HOST: [Self; 9] = [
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
            Self::Api => "api",
            Self::Attach => "attach",
            Self::Exec => "exec",
            Self::LocalForward => "local-forward",
            Self::NodeProxy => "node-proxy",
            Self::PortForward => "port-forward",
            Self::Pty => "pty",
            Self::RemoteForward => "remote-forward",
            Self::Sftp => "sftp",
            Self::Shell => "shell",
            Self::StreamlocalForward => "streamlocal-forward",
            Self::X11Forward => "x11-forward",
        }
    }

    /// Their names in a sentence.
    pub(crate) fn listed<'c>(capabilities: impl IntoIterator<Item = &'c Self>) -> String {
        capabilities.into_iter().map(|capability| capability.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(word: &str) -> Result<Self, UnknownCapability> {
        let mut all = Self::HOST.into_iter().chain(Self::CLUSTER);
        all.find(|capability| capability.as_str() == word).ok_or(UnknownCapability)
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
        for all in [&Capability::HOST[..], &Capability::CLUSTER] {
            for capability in all {
                assert_eq!(capability.to_string().parse(), Ok(*capability));
            }
            assert!(all.is_sorted(), "messages list them in the order of their names");
        }
        assert_eq!("Shell".parse::<Capability>(), Err(UnknownCapability));
    }

    #[test]
    fn the_order_of_capabilities_is_that_of_their_names() {
        let mut all: Vec<_> = Capability::HOST.into_iter().chain(Capability::CLUSTER).collect();
        all.sort();
        assert!(all.is_sorted_by_key(|capability| capability.as_str()));
    }
}

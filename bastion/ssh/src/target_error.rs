//! Why a target could not be used, in words that fit after the target's name.

use std::io;

use config::Login;
use russh::ChannelOpenFailure;
use ssh_client::outgoing::OpensChannels;

/// Why a target could not be used. The text is what the user reads after the target's name.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It closed the channel in answer to a request.
    #[error("it closed the channel instead of starting {what}")]
    Closed {
        /// What was asked for.
        what: &'static str,
    },
    /// Its host certificate does not prove that it is this target.
    #[error(
        "its host certificate is not accepted: {reason}. Ask your operator to check the target before anybody logs in"
    )]
    HostCertificate {
        /// What is wrong with it.
        reason: String,
    },
    /// Its host key is not the pinned one.
    #[error(
        "its host key has changed: it showed {fingerprint}, which is not the key that the bastion's configuration pins. \
         Somebody may be in between, or the host was set up anew: ask your operator to check, then to update `host_keys`"
    )]
    HostKeyChanged {
        /// The fingerprint of the key that it showed.
        fingerprint: String,
    },
    /// Its host key, or the key of its host CA, is revoked.
    #[error(
        "it showed a key that is revoked ({fingerprint}): it may not be the host that it claims to be. Ask your operator \
         to check it and to give it a new host key"
    )]
    HostKeyRevoked {
        /// The fingerprint of the revoked key.
        fingerprint: String,
    },
    /// It refused the login.
    #[error("it does not let the bastion log in as {login:?}: {hint}")]
    LoginRefused {
        /// The account.
        login: Login,
        /// What the operator can do.
        hint: &'static str,
    },
    /// It refused a channel.
    #[error("it refused to open a channel: {0:?}")]
    OpenRefused(ChannelOpenFailure),
    /// It opened channels towards the bastion.
    #[error(transparent)]
    OpensChannels(#[from] OpensChannels),
    /// The SSH protocol failed.
    #[error("the SSH connection to it failed: {0}")]
    Protocol(russh::Error),
    /// It refused a channel request.
    #[error("it refused {what}")]
    RequestRefused {
        /// What was asked for.
        what: &'static str,
    },
    /// The certificate for it could not be made.
    #[error("the bastion could not make a certificate for it: {0}")]
    Certificate(String),
    /// It did not answer in time.
    #[error("it did not answer within the time limit ({what}). Try again later")]
    Silent {
        /// During what.
        what: &'static str,
    },
    /// It could not be connected to.
    #[error("it could not be reached at {address}: {source}. Try again later, or ask your operator whether it is up")]
    Unreachable {
        /// Its address.
        address: String,
        /// What the network said.
        source: io::Error,
    },
}

impl From<russh::Error> for TargetError {
    fn from(error: russh::Error) -> Self {
        if let russh::Error::ChannelOpenFailure(reason) = error {
            return Self::OpenRefused(reason);
        }
        Self::Protocol(error)
    }
}

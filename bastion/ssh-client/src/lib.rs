//! How an SSH server is reached: by the bastion at a target, and by `bastion run` at the bastion.
//!
//! - [`destination`]: `login@target` -> login and target
//! - [`algorithms`]: what both legs negotiate, and their flow-control settings
//! - [`host_certificate`]: whether a host is the one meant
//! - [`message`]: what OpenSSH says on a channel, and russh leaves to its user
//! - [`outgoing`]: a server may open nothing towards its client

pub mod algorithms;
pub mod destination;
pub mod host_certificate;
pub mod message;
pub mod outgoing;

//! The words of the interface that server and clients share: reason codes and identifiers.
//!
//! - [`refusal`]: why something does not run
//! - [`id`]: how approvals and people are named
//! - [`reason`]: a user's reason beside a credential for a cluster

pub mod id;
pub mod reason;
pub mod refusal;

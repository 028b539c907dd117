//! The contract between server and clients: each message once, with the words in it.
//!
//! Messages of the HTTP API, by subject: [`access`], [`approvals`], [`certificates`], [`clusters`], [`info`], [`login`],
//! [`names`], [`sessions`], [`targets`]; what every listing has ([`page`]) and every error ([`problem`]). What the bastion
//! says in a channel of `bastion run`: [`events`]. The words in them: [`refusal`] (why something does not run), [`id`]
//! (how approvals and people are named), [`open`] (words of which a newer bastion may have more), [`reason`] (a user's
//! reason beside a credential for a cluster).
//!
//! Members are added, never renamed or removed. A reader skips those that it does not know, and has a default for those
//! that an older bastion does not send. Names are text here: what a peer says is parsed where it is used. Messages are
//! made of records where both are known (`web`, `approval`, `session`).

pub mod access;
pub mod approvals;
pub mod certificates;
pub mod clusters;
pub mod events;
pub mod id;
pub mod info;
pub mod login;
pub mod names;
pub mod open;
pub mod page;
pub mod problem;
pub mod reason;
pub mod refusal;
pub mod sessions;
pub mod targets;

#[cfg(test)]
mod tests;

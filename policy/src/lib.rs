//! The rules: pure functions over values.
//!
//! In reading order: [`access`] (one question to the rules), [`capability`] (what may be done), [`rule_set`] (compile
//! documents, decide), [`decision`] (the answer), [`error`] (what is wrong with rules). [`kube`] has the words of
//! Kubernetes, `rule` is what a rule says of a command that [`shell`] has read, and [`verdict`] the answer of
//! [`RuleSet::judge`]. [`approval`] is what other people say to it.
//!
//! In the folders beside `src` are three crates of their own: `shell` (what would run), `gate` (what stands in the line
//! that is typed) and `mask` (what may be shown).
//!
//! **Architecture invariant:** no I/O, no async, no clock. Time is an argument.

pub mod access;
pub mod approval;
pub mod capability;
pub mod decision;
pub mod error;
mod glob;
pub mod kube;
mod rule;
pub mod rule_set;
pub mod verdict;

pub use access::{Access, Action, Approved, ApprovedKind, Context, Resource, Site, Subject};
pub use capability::{Capability, UnknownCapability};
pub use config::rules::{Obligations, Protocol, RecordingDuty, RuleEffect, SessionMode};
pub use decision::{Decision, Denial, Hold, Permit};
pub use error::{CompileError, CompileReason, Named};
pub use kube::{CLUSTER_LOGIN, KubeObject, KubePort, KubeRequest, OwnedKubeRequest};
pub use rule_set::{AccessTerms, ConsoleRights, Reachable, RuleSet};
pub use verdict::{CommandInput, Explained, Input, Judging, Verdict};

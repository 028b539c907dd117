//! Decisions on access and masking: pure functions over values.
//!
//! In reading order: [`access`] (one question to the rules), [`rule_set`] (compile
//! documents, decide), [`decision`] (the answer), [`error`] (what is wrong with
//! rules). [`kube`] has the words of Kubernetes for the same. [`command`] is what a line would run, `rule` what a rule says of it, and [`verdict`] the
//! answer of [`RuleSet::judge`]. Then come [`mask`] and [`screen`], which session output passes.
//!
//! **Architecture invariant:** no I/O, no async, no clock. Time is an argument.

pub mod access;
pub mod command;
pub mod decision;
pub mod error;
mod glob;
pub mod kube;
pub mod mask;
mod path;
mod rule;
pub mod rule_set;
pub mod screen;
pub mod verdict;

pub use access::{Action, Capability, Context, Resource, Subject, UnknownCapability};
pub use config::rules::{Protocol, RecordingDuty, RuleEffect};
pub use decision::{Decision, Denial, Obligations, Permit};
pub use error::{CompileError, CompileReason, Named};
pub use kube::{
    ClusterDecision, ClusterPermit, KubeCapability, KubeObject, KubeRequest, ReachableCluster, RequestVerdict,
};
pub use mask::{Masked, Masker};
pub use rule_set::{ConsoleRights, Reachable, RuleSet};
pub use screen::WindowSize;
pub use verdict::{CommandInput, Explained, Judging, Verdict};

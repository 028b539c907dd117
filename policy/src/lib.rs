//! Decisions on access and masking: pure functions over values.
//!
//! In reading order: [`access`] (one question to the rules, whatever is asked for), [`capability`] (what roles allow),
//! [`kube`] (what is asked of a cluster), [`rule_set`] (compile documents, decide), [`decision`] (the answer),
//! [`error`] (what is wrong with rules). [`command`] is what a line would run, `rule` what a
//! rule says of it, and [`verdict`] the answer of [`RuleSet::judge`]. [`approval`] is what other people say to it,
//! [`mod@visible`] what they see. Then come [`mask`] and [`screen`], which session output passes, and what session
//! input passes: [`key`] (bytes become key presses), [`mod@line`] (they become the text of a line) and [`gate`] (the line
//! is read, and held until it is judged). [`editor`] is the line that the bastion itself offers.
//!
//! **Architecture invariant:** no I/O, no async, no clock. Time is an argument.

pub mod access;
pub mod approval;
pub mod capability;
#[cfg(test)]
mod chunks;
pub mod command;
pub mod decision;
pub mod editor;
pub mod error;
pub mod foreground;
pub mod gate;
mod glob;
pub mod key;
pub mod kube;
pub mod line;
pub mod mask;
mod path;
mod rule;
pub mod rule_set;
pub mod screen;
pub mod verdict;
pub mod visible;

pub use access::{Access, Action, Approved, ApprovedKind, Context, Resource, Site, Subject};
pub use capability::{Capability, UnknownCapability};
pub use config::rules::{Obligations, Protocol, RecordingDuty, RuleEffect, SessionMode};
pub use decision::{Decision, Denial, Hold, Permit};
pub use editor::{EditorStep, Entered, LineEditor};
pub use error::{CompileError, CompileReason, Named};
pub use key::{Key, KeyBytes, KeyPress, KeyReader};
pub use kube::{CLUSTER_LOGIN, KubeObject, KubePort, KubeRequest, OwnedKubeRequest};
pub use line::{LineTracker, Pressed};
pub use mask::{Masked, Masker};
pub use rule_set::{AccessTerms, ConsoleRights, Reachable, RuleSet};
pub use screen::WindowSize;
pub use verdict::{CommandInput, Explained, Input, Judging, Verdict};
pub use visible::visible;

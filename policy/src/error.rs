//! [`CompileError`]: what is wrong with a role or a rule, and where.

use std::fmt;

use config::{Location, RoleName, RuleName};

use crate::capability::Capability;

/// One thing that is wrong with the rules.
///
/// Displays as `FILE:LINE:COLUMN: roles.ROLE: REASON`, or with `rules.RULE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// The rule file.
    pub file: String,
    /// The place in it.
    pub at: Location,
    /// The role or rule.
    pub of: Named,
    /// What is wrong.
    pub reason: CompileReason,
}

/// What an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The approvers where nothing else names some.
    Approvals,
    /// A role.
    Role(RoleName),
    /// A rule on commands.
    Rule(RuleName),
}

/// What is wrong with a role or a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileReason {
    /// Each request to the API would have to be approved.
    #[error(
        "requests to the API are too many to be approved one by one: leave \"api\" out of an entry with approval, and \
         give it in an entry of its own, in one of request (access for a time), or by rules with effect: approve"
    )]
    ApprovalOfApi,
    /// A glob with a character that no target name has.
    #[error(
        "the target name {glob:?} matches nothing: a target name has letters, digits, '.', '-' and '_' only \
         (and `*` or `?` stand for any of them)"
    )]
    BadGlob {
        /// The glob as written.
        glob: String,
    },
    /// The regular expression cannot be used.
    #[error("the regular expression cannot be used: {reason}")]
    BadRegex {
        /// Why.
        reason: String,
    },
    /// The default approvers are given twice.
    #[error("the approvers are given at {first} already; give them once in all files")]
    DuplicateApprovals {
        /// Where they stand first.
        first: String,
    },
    /// Two roles have one name.
    #[error("there is already a role of this name at {first}")]
    DuplicateRole {
        /// Where the first one stands.
        first: String,
    },
    /// Two rules have one name.
    #[error("there is already a rule of this name at {first}")]
    DuplicateRule {
        /// Where the first one stands.
        first: String,
    },
    /// The rule can never fire; the text says why.
    #[error("this rule can never fire: {0}")]
    NeverFires(String),
    /// An entry of `request` that nobody could approve.
    #[error("nobody could approve this; give it approvers, or the file approvals")]
    NoApprovers,
    /// A grant without capabilities; these there are.
    #[error("grants no capability; name some of: {}", Capability::listed(*.0))]
    NoCapabilities(&'static [Capability]),
    /// Neither groups nor users.
    #[error("nobody can have this role; name groups or users")]
    NoMembers,
    /// A grant without logins.
    #[error(r#"grants no login; name some, or "*" for any, or "{{user}}" for the user's own name"#)]
    NoLogins,
    /// Neither grants nor console rights.
    #[error("this role allows nothing; give it allow or console")]
    NothingAllowed,
    /// Ports where no connection to a port is allowed.
    #[error("ports are those of port-forward, which this entry does not allow")]
    PortsOfNothing,
    /// A rule is for a role that does not exist.
    #[error("there is no role {role}; {hint}")]
    UnknownRole {
        /// The role as written.
        role: RoleName,
        /// What to do.
        hint: String,
    },
    /// There is no such capability.
    #[error("unknown capability {word:?}; {hint}")]
    UnknownCapability {
        /// The word as written.
        word: String,
        /// A similar one, or all.
        hint: String,
    },
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.at, self.of, self.reason)
    }
}

impl std::error::Error for CompileError {}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approvals => f.write_str("approvals"),
            Self::Role(name) => write!(f, "roles.{name}"),
            Self::Rule(name) => write!(f, "rules.{name}"),
        }
    }
}

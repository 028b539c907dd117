//! [`Refusal`]: why something does not run, the same whichever front it was asked at. The fronts only render it: SSH as a
//! line and an exit status, Kubernetes as a `Status`, `bastion run` as an event.
//!
//! The codes are part of the interface: programs branch on them, and the audit log has them. `docs/reason-codes.md` lists
//! them.

use config::RuleName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{id::ApprovalId, open::words};

/// What it was that said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Other people cannot be asked: nobody is named, or too much waits already.
    ApprovalCannotBeAsked,
    /// The user took it back.
    ApprovalCancelled,
    /// Other people said no.
    ApprovalDenied,
    /// Nobody decided in time.
    ApprovalExpired,
    /// The audit log cannot be written.
    AuditUnavailable,
    /// A rule on commands blocks it, or it cannot be known what would run.
    CommandBlocked,
    /// What would run comes on an input that cannot be judged.
    InputNotJudged,
    /// There are too many of them already.
    LimitReached,
    /// The login has ended.
    LoginEnded,
    /// No role allows it.
    NotAllowed,
    /// The session has to be recorded, and cannot be.
    RecordingUnavailable,
    /// A rule on requests to Kubernetes blocks it.
    RequestBlocked,
    /// The rules have changed while it waited.
    RulesChanged,
    /// The bastion stops.
    Stopping,
    /// The target cannot be reached, or refuses.
    TargetUnavailable,
    /// There is no such thing here.
    Unsupported,
}

/// Why something does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What said no.
    pub reason: ReasonCode,
    /// The rule that decided, if one did.
    pub rule: Option<RuleName>,
    /// Why, in words for the user, and what to do.
    pub message: String,
    /// The approval that was not given.
    pub approval: Option<ApprovalId>,
}

impl ReasonCode {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::ApprovalCannotBeAsked,
        Self::ApprovalCancelled,
        Self::ApprovalDenied,
        Self::ApprovalExpired,
        Self::AuditUnavailable,
        Self::CommandBlocked,
        Self::InputNotJudged,
        Self::LimitReached,
        Self::LoginEnded,
        Self::NotAllowed,
        Self::RecordingUnavailable,
        Self::RequestBlocked,
        Self::RulesChanged,
        Self::Stopping,
        Self::TargetUnavailable,
        Self::Unsupported,
    ];

    /// The exit status of a channel that is refused for it: 1 not allowed, 4 nobody approved it in time, 5 blocked or
    /// denied, 255 something is down (as `ssh` says of its own failures).
    #[must_use]
    pub const fn exit_status(self) -> u32 {
        match self {
            Self::LoginEnded | Self::NotAllowed | Self::RulesChanged | Self::Unsupported => 1,
            Self::ApprovalExpired => 4,
            Self::ApprovalCannotBeAsked
            | Self::ApprovalCancelled
            | Self::ApprovalDenied
            | Self::CommandBlocked
            | Self::InputNotJudged
            | Self::RequestBlocked => 5,
            Self::AuditUnavailable
            | Self::LimitReached
            | Self::RecordingUnavailable
            | Self::Stopping
            | Self::TargetUnavailable => 255,
        }
    }
}

words!(ReasonCode {
    ApprovalCannotBeAsked = "approval_cannot_be_asked",
    ApprovalCancelled = "approval_cancelled",
    ApprovalDenied = "approval_denied",
    ApprovalExpired = "approval_expired",
    AuditUnavailable = "audit_unavailable",
    CommandBlocked = "command_blocked",
    InputNotJudged = "input_not_judged",
    LimitReached = "limit_reached",
    LoginEnded = "login_ended",
    NotAllowed = "not_allowed",
    RecordingUnavailable = "recording_unavailable",
    RequestBlocked = "request_blocked",
    RulesChanged = "rules_changed",
    Stopping = "stopping",
    TargetUnavailable = "target_unavailable",
    Unsupported = "unsupported",
});

impl Refusal {
    /// One that no rule on commands has decided.
    #[must_use]
    pub fn new(reason: ReasonCode, message: impl Into<String>) -> Self {
        Self { reason, rule: None, message: message.into(), approval: None }
    }

    /// The same, decided by this rule.
    #[must_use]
    pub fn by_rule(self, rule: Option<RuleName>) -> Self {
        Self { rule, ..self }
    }

    /// The same, for want of this approval.
    #[must_use]
    pub fn without(self, approval: ApprovalId) -> Self {
        Self { approval: Some(approval), ..self }
    }

    /// The same, with what it needed an approval for.
    #[must_use]
    pub fn because(self, why: &str) -> Self {
        Self { message: format!("{why}: {}", self.message), ..self }
    }

    /// What was allowed, or had to wait for one thing, and is not or has to wait for another now.
    #[must_use]
    pub fn rules_changed() -> Self {
        Self::new(ReasonCode::RulesChanged, "the rules have changed while it waited; ask again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_written_as_it_is_read() {
        for reason in ReasonCode::ALL {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
            assert_eq!(serde_json::from_str::<ReasonCode>(&json).unwrap(), reason);
        }
    }

    #[test]
    fn the_page_of_reason_codes_lists_each_with_its_exit_status() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reason-codes.md");
        let page = std::fs::read_to_string(page).unwrap();
        for reason in ReasonCode::ALL {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{reason}` |")));
            let row = row.unwrap_or_else(|| panic!("{reason} is not on the page"));
            let status = row.split('|').nth(3).map(str::trim);
            assert_eq!(status, Some(reason.exit_status().to_string().as_str()), "{row}");
        }
        assert_eq!(page.lines().filter(|line| line.starts_with("| `")).count(), ReasonCode::ALL.len());
    }
}

//! What audit events say of commands that did not simply run.

use api::id::ApprovalId;
use config::{Login, RuleName, TargetName, UserName};
use recorder::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What [`AuditEvent::CommandBlocked`](super::AuditEvent::CommandBlocked) says, and the other two with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandEvent {
    /// In which session, if it had started.
    #[schema(value_type = Option<String>)]
    pub session: Option<SessionId>,
    /// Whose.
    #[schema(value_type = String)]
    pub user: UserName,
    /// On which target.
    #[schema(value_type = String)]
    pub target: TargetName,
    /// As which account there.
    #[schema(value_type = String)]
    pub login: Login,
    /// The command as far as it could be read, masked, its control characters made visible; empty if it was typed
    /// without echo.
    pub command: String,
    /// The rule that decided; none for what is built in.
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleName>,
    /// Why, in words.
    pub reason: String,
    /// Whether it is because it cannot be known what would run.
    pub opaque: bool,
    /// From where.
    pub source: String,
}

/// What [`AuditEvent::CommandHeld`](super::AuditEvent::CommandHeld) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandHeldEvent {
    /// Which command, and why.
    #[serde(flatten)]
    pub command: CommandEvent,
    /// The approval that it waits for.
    #[schema(value_type = Option<String>)]
    pub approval: Option<ApprovalId>,
}

/// What [`AuditEvent::CommandObserved`](super::AuditEvent::CommandObserved) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandObservedEvent {
    /// Which command, and why.
    #[serde(flatten)]
    pub command: CommandEvent,
    /// What would have happened.
    pub effect: WouldHave,
}

/// What would have happened to a command in another mode than `observe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WouldHave {
    /// It would have waited for an approval.
    Approve,
    /// It would have been refused.
    Block,
}

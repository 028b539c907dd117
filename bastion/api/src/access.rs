//! Access for a time: asking for it, and who has it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{ApprovalId, SubjectId},
    targets::TargetKind,
};

/// Asks for access.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessRequest {
    /// To which target or Kubernetes cluster.
    pub target: String,
    /// As which account there; a cluster has none.
    pub login: Option<String>,
    /// For how long, such as `2h`.
    #[serde(rename = "for")]
    pub time: String,
    /// Why.
    pub reason: Option<String>,
}

/// Access that is open.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessList {
    /// The first to end comes first.
    pub items: Vec<AccessItem>,
}

/// Access that somebody has for a time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccessItem {
    /// The approval that it came of.
    #[schema(value_type = String)]
    pub id: ApprovalId,
    /// Who has it; older bastions do not say.
    #[schema(required, value_type = SubjectId)]
    pub person: Option<SubjectId>,
    /// The name they had.
    pub user: String,
    /// Where.
    pub target: String,
    /// What that is; older bastions do not say.
    #[schema(required, value_type = TargetKind)]
    pub target_kind: Option<TargetKind>,
    /// As which account there; `api` for a cluster.
    pub login: String,
    /// Until when.
    pub until: Timestamp,
}

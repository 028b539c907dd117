//! Whose names are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::SubjectId;

/// A name, and whose it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NameItem {
    /// The name.
    pub name: String,
    /// Whose it is.
    pub person: SubjectId,
    /// Since when.
    pub bound_at: Timestamp,
}

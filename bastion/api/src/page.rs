//! What every listing has.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list; `next` asks for the page after it.
// A client reads the items as JSON values first, so that `--output json` passes them on untouched.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The `cursor` of the next page; null at the end.
    #[schema(required)]
    pub next: Option<String>,
    /// Items that should stand here and cannot be read; missing where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableRow>,
}

/// A row that cannot be read: the database was changed by other hands, or by a newer bastion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadableRow {
    /// The table of the row.
    pub table: String,
    /// The row's identifier.
    pub id: String,
}

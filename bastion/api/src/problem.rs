//! [`Problem`]: why a request got no answer (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The JSON form of an error.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says which problem it is.
    #[serde(rename = "type", default)]
    #[schema(required)]
    pub kind: String,
    /// The words for the status.
    #[serde(default)]
    #[schema(required)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    #[schema(required)]
    pub status: u16,
    /// What went wrong and what to do next.
    #[serde(default)]
    #[schema(required)]
    pub detail: String,
}

impl Problem {
    /// What it says, the more exact member first.
    #[must_use]
    pub fn into_text(self) -> Option<String> {
        [self.detail, self.title].into_iter().find(|text| !text.trim().is_empty())
    }
}

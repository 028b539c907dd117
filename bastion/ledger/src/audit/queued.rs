//! [`QueuedEvent`]: an event on its way into the store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AuditEvent;

/// An event on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedEvent {
    /// Its number in its queue.
    pub number: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: AuditEvent,
}

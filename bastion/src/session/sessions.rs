//! [`Sessions`]: what every session needs of the rest.

use std::sync::Arc;

use config::SessionLimits;
use jiff::Timestamp;
use recorder::Recorder;
use tracing::warn;

use super::registry::Registry;
use crate::{approval::Approvals, audit::AuditEvent, store::Store};

/// What every session needs.
#[derive(Clone)]
pub struct Sessions {
    /// Session rows and audit events.
    pub store: Arc<dyn Store>,
    /// Recordings.
    pub recorder: Arc<Recorder>,
    /// The sessions that run.
    pub registry: Registry,
    /// What waits for other people.
    pub approvals: Approvals,
    /// How long sessions may last.
    pub limits: SessionLimits,
}

impl Sessions {
    /// Writes audit events about what has happened already.
    pub async fn audit(&self, events: &[AuditEvent]) {
        if let Err(error) = self.store.append_audit(Timestamp::now(), events).await {
            warn!(%error, events = events.len(), "audit events were not stored");
        }
    }
}

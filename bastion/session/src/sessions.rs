//! [`Sessions`]: what every session needs of the rest.

use std::sync::Arc;

use approval::Approvals;
use config::SessionLimits;
use ledger::{
    audit::{AuditEvent, AuditLog, log::LogFull},
    store::Store,
};
use recorder::Recorder;

use super::registry::Registry;

/// What every session needs.
#[derive(Clone)]
pub struct Sessions {
    /// Session rows.
    pub store: Arc<dyn Store>,
    /// What happens.
    pub log: AuditLog,
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
    /// Writes down what has happened already; it is there for whoever looks next.
    ///
    /// # Errors
    ///
    /// When the log has no room: then nothing more may happen. A refusal is counted even so.
    pub async fn audit(&self, event: AuditEvent) -> Result<(), LogFull> {
        self.log.record_now(event).await
    }
}

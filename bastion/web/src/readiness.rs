//! [`Readiness`]: whether the bastion can work: the store takes a write and has every event that it should have, and a
//! session could be recorded.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use ledger::{audit::AuditLog, store::Store};
use recorder::{RecordError, Recorder};
use tokio::sync::Mutex;

/// What was last found. Anybody may ask, so that it is looked at once a second and not for each who asks.
#[derive(Debug, Default)]
pub(crate) struct Readiness(
    // Held while the store is asked: whoever comes meanwhile waits for that answer, which has a deadline.
    Mutex<Option<(Instant, Result<(), String>)>>,
);

impl Readiness {
    /// Whether it can work now; else what is wrong.
    pub(crate) async fn of(&self, store: &dyn Store, log: &AuditLog, recorder: &Recorder) -> Result<(), String> {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = &*last
            && at.elapsed() < FRESH
        {
            return found.clone();
        }
        let found = match store.probe().await {
            Ok(()) => match log.check() {
                Ok(()) => spool(recorder).await,
                Err(behind) => Err(behind),
            },
            Err(error) => {
                tracing::error!(%error, "the store takes no writes");
                Err(format!("nothing can be written: {}", error.in_short()))
            }
        };
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

/// Whether the spool takes recordings: without them hardly anything may start. What the operating system said, and
/// where, is for the log.
async fn spool(recorder: &Recorder) -> Result<(), String> {
    let Err(error) = recorder.check().await else { return Ok(()) };
    tracing::error!(%error, "the spool takes no recordings");
    let what = match &error {
        RecordError::DiskFull { .. } | RecordError::SpoolFull { .. } => error.to_string(),
        RecordError::Spool { source, .. } if source.kind() == ErrorKind::StorageFull => {
            "the disk of the recording spool is full".to_owned()
        }
        RecordError::AlreadyStarted(_)
        | RecordError::Conflict { .. }
        | RecordError::Damaged { .. }
        | RecordError::Finished
        | RecordError::NotFound(_)
        | RecordError::Overrun
        | RecordError::Spool { .. }
        | RecordError::Storage { .. } => "the recording spool cannot be written".to_owned(),
    };
    Err(format!("nothing can be recorded: {what}"))
}

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);

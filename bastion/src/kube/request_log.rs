//! Each request to a cluster is an audit event. Its place in the log is taken before the request goes on, so that
//! none goes on that could not be written down; the event follows when the answer has ended.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{audit::AuditEvent, store::Store};

/// Where requests are written down. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RequestLog(mpsc::Sender<AuditEvent>);

/// A place in the log for one event.
#[derive(Debug)]
pub struct Place(mpsc::OwnedPermit<AuditEvent>);

/// The log has no place, because the store does not answer or too many requests are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("requests cannot be written to the audit log right now; try again in a moment")]
pub struct LogFull;

impl RequestLog {
    /// Starts the task that writes into `store`; it ends when the last clone and place is gone.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, tasks: &TaskTracker) -> Self {
        let (sender, receiver) = mpsc::channel(PLACES);
        tasks.spawn(write(store, receiver));
        Self(sender)
    }

    /// Takes a place.
    ///
    /// # Errors
    ///
    /// When there is none within some seconds.
    pub async fn reserve(&self) -> Result<Place, LogFull> {
        match timeout(PATIENCE, self.0.clone().reserve_owned()).await {
            Ok(Ok(place)) => Ok(Place(place)),
            Ok(Err(_)) | Err(_) => Err(LogFull),
        }
    }
}

impl Place {
    /// Puts the event there.
    pub fn fill(self, event: AuditEvent) {
        self.0.send(event);
    }
}

async fn write(store: Arc<dyn Store>, mut events: mpsc::Receiver<AuditEvent>) {
    let mut batch = Vec::with_capacity(BATCH);
    while events.recv_many(&mut batch, BATCH).await > 0 {
        // Nothing is dropped while the store is down: new requests find no place, and wait or are refused.
        while let Err(error) = store.append_audit(Timestamp::now(), &batch).await {
            tracing::error!(%error, waiting = batch.len(), "requests could not be written to the audit log");
            tokio::time::sleep(RETRY).await;
        }
        batch.clear();
    }
}

/// Requests under way or not yet written. A watch keeps its place as long as it runs.
const PLACES: usize = 16 * 1024;

/// Events that are written in one transaction.
const BATCH: usize = 256;

/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pause between tries to write.
const RETRY: Duration = Duration::from_secs(1);

//! [`Hub`]: who in this process waits for a request, and what they are told.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{ApprovalId, Outcome};

/// Where a request stands, for those who wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Change {
    /// How many people approve.
    pub(super) approvals: usize,
    /// How it was decided.
    pub(super) outcome: Option<Outcome>,
}

/// The requests that wait for votes. There are at most so many as people may have pending.
#[derive(Default)]
pub(super) struct Hub(Mutex<HashMap<ApprovalId, watch::Sender<Change>>>);

impl Hub {
    pub(super) fn enter(&self, id: ApprovalId) -> watch::Receiver<Change> {
        let (sender, receiver) = watch::channel(Change::default());
        self.lock().insert(id, sender);
        receiver
    }

    pub(super) fn leave(&self, id: ApprovalId) {
        self.lock().remove(&id);
    }

    pub(super) fn watch(&self, id: ApprovalId) -> Option<watch::Receiver<Change>> {
        self.lock().get(&id).map(watch::Sender::subscribe)
    }

    /// Tells those who wait; what is decided is told once and for all.
    pub(super) fn tell(&self, id: ApprovalId, change: Change) {
        let mut waiting = self.lock();
        let decided = change.outcome.is_some();
        if let Some(sender) = waiting.get(&id) {
            sender.send_replace(change);
        }
        if decided {
            waiting.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ApprovalId, watch::Sender<Change>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

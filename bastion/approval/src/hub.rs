//! [`ChangeHub`]: who in this process waits for a request, and what they are told.

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

/// The requests that somebody here waits for: whoever asked, or who looks at one over the API.
/// Those whom nobody waits for any more go when they are looked for, and before there are too many.
#[derive(Default)]
pub(super) struct ChangeHub(Mutex<HashMap<ApprovalId, watch::Sender<Change>>>);

impl ChangeHub {
    pub(super) fn enter(&self, id: ApprovalId) -> watch::Receiver<Change> {
        let (sender, receiver) = watch::channel(Change::default());
        self.lock().insert(id, sender);
        receiver
    }

    pub(super) fn leave(&self, id: ApprovalId) {
        self.lock().remove(&id);
    }

    /// Waits for a request of whoever, that may have come in at another instance.
    pub(super) fn watch(&self, id: ApprovalId) -> watch::Receiver<Change> {
        let mut waiting = self.lock();
        if waiting.len() >= SWEPT_ABOVE && !waiting.contains_key(&id) {
            waiting.retain(|_, sender| !sender.is_closed());
        }
        waiting.entry(id).or_default().subscribe()
    }

    /// What somebody waits for now.
    pub(super) fn watched(&self) -> Vec<ApprovalId> {
        let mut waiting = self.lock();
        waiting.retain(|_, sender| !sender.is_closed());
        waiting.keys().copied().collect()
    }

    /// Tells those who wait, if that is new to them.
    pub(super) fn tell_news(&self, id: ApprovalId, change: Change) {
        let known = self.lock().get(&id).map(|sender| sender.borrow().approvals);
        if change.outcome.is_some() || known.is_some_and(|approvals| approvals != change.approvals) {
            self.tell(id, change);
        }
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

/// More than people wait for at a time: then those go that nobody waits for any more.
const SWEPT_ABOVE: usize = 256;

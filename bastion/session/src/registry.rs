//! The sessions that run now: list them, end them, wait for them, let no more begin.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ledger::store::Lease;
use recorder::SessionId;
use tokio::sync::watch;

use super::termination::Termination;

/// The sessions that run in this process.
#[derive(Debug, Clone)]
pub struct Registry {
    running: Arc<Mutex<Running>>,
    count: watch::Sender<usize>,
    /// Sessions end when it is lost.
    lease: Lease,
}

#[derive(Debug, Default)]
struct Running {
    sessions: HashMap<SessionId, watch::Sender<Option<String>>>,
    /// Whether none may be entered any more.
    is_draining: bool,
}

impl Registry {
    /// An empty registry, of a bastion that shares its store with nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::under(Lease::for_ever())
    }

    /// An empty registry whose sessions last as long as this lease does.
    #[must_use]
    pub fn under(lease: Lease) -> Self {
        Self { running: Arc::default(), count: watch::Sender::new(0), lease }
    }

    /// Enters a session; it leaves when the guard is dropped. None once the bastion is draining.
    pub fn enter(&self, id: SessionId) -> Option<(RegistryEntry, Termination)> {
        let (sender, receiver) = watch::channel(None);
        let mut running = self.lock();
        if running.is_draining {
            return None;
        }
        running.sessions.insert(id, sender);
        // Under the lock, so that counts are published in their order.
        self.count.send_replace(running.sessions.len());
        drop(running);
        Some((RegistryEntry { registry: self.clone(), id }, Termination::new(receiver, self.lease.tenure())))
    }

    /// From now on no session starts; those that run go on.
    pub fn drain(&self) {
        self.lock().is_draining = true;
    }

    /// Whether no session may start any more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.lock().is_draining
    }

    /// Whether this session runs here.
    #[must_use]
    pub fn is_running(&self, id: SessionId) -> bool {
        self.lock().sessions.contains_key(&id)
    }

    /// Asks every session to end, with a reason that its user reads.
    pub fn terminate_all(&self, reason: &str) {
        for sender in self.lock().sessions.values() {
            sender.send_replace(Some(reason.to_owned()));
        }
    }

    /// How many sessions run now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Whether none runs now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until no session runs.
    pub async fn emptied(&self) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.count.subscribe().wait_for(|running| *running == 0).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

/// A session's place in the registry.
#[derive(Debug)]
pub struct RegistryEntry {
    registry: Registry,
    id: SessionId,
}

impl Drop for RegistryEntry {
    fn drop(&mut self) {
        let mut running = self.registry.lock();
        running.sessions.remove(&self.id);
        self.registry.count.send_replace(running.sessions.len());
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{super::termination::Notice, *};

    #[tokio::test]
    async fn sessions_end_with_the_lease_and_do_not_come_back_with_the_next() {
        let lease = Lease::until(Instant::now() + Duration::from_mins(1));
        let registry = Registry::under(lease.clone());
        let (_entry, mut termination) = registry.enter(SessionId::new()).unwrap();
        assert_eq!(termination.unheld(), None);
        lease.lose("the network");
        lease.begin(Instant::now() + Duration::from_mins(1));
        assert!(termination.unheld().is_some());
        assert!(matches!(termination.notice().await, Notice::End(reason) if reason.contains("database")));
        let (_entry, termination) = registry.enter(SessionId::new()).unwrap();
        assert_eq!(termination.unheld(), None);
    }

    #[tokio::test]
    async fn while_it_drains_sessions_end_and_none_begins() {
        let registry = Registry::new();
        let (entry, mut termination) = registry.enter(SessionId::new()).unwrap();
        registry.drain();
        assert!(registry.is_draining() && registry.enter(SessionId::new()).is_none());
        assert_eq!(registry.len(), 1);
        registry.terminate_all("over");
        assert_eq!(termination.notice().await, Notice::End("over".to_owned()));
        drop(entry);
        registry.emptied().await;
    }
}

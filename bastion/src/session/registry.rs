//! The sessions that run now: list them, end them, wait for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use recorder::SessionId;
use tokio::sync::watch;

use super::permit::LivePermit;

/// The sessions that run in this process.
#[derive(Debug, Clone)]
pub struct Registry {
    running: Arc<Mutex<HashMap<SessionId, watch::Sender<Option<String>>>>>,
    count: watch::Sender<usize>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self { running: Arc::default(), count: watch::Sender::new(0) }
    }

    /// Enters a session; it leaves when the guard is dropped.
    pub fn enter(&self, id: SessionId) -> (RegistryEntry, Termination) {
        let (sender, receiver) = watch::channel(None);
        let mut sessions = self.lock();
        sessions.insert(id, sender);
        // Under the lock, so that counts are published in their order.
        self.count.send_replace(sessions.len());
        drop(sessions);
        (RegistryEntry { registry: self.clone(), id }, Termination { asked: receiver, permit: None })
    }

    /// Whether this session runs here.
    #[must_use]
    pub fn is_running(&self, id: SessionId) -> bool {
        self.lock().contains_key(&id)
    }

    /// Asks every session to end, with a reason that its user reads.
    pub fn terminate_all(&self, reason: &str) {
        for sender in self.lock().values() {
            sender.send_replace(Some(reason.to_owned()));
        }
    }

    /// How many sessions run now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, watch::Sender<Option<String>>>> {
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
        let mut sessions = self.registry.lock();
        sessions.remove(&self.id);
        self.registry.count.send_replace(sessions.len());
    }
}

/// Tells a session that it is to end.
#[derive(Debug)]
pub struct Termination {
    asked: watch::Receiver<Option<String>>,
    permit: Option<LivePermit>,
}

impl Termination {
    /// The same, for a session that is also to end when its permit no longer holds.
    #[must_use]
    pub fn or_lost(self, permit: LivePermit) -> Self {
        Self { permit: Some(permit), ..self }
    }

    /// Resolves with the reason when the session is to end. Cancel-safe.
    pub async fn requested(&mut self) -> String {
        let asked = async {
            match self.asked.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
                Ok(Some(reason)) => reason,
                // Nobody can ask any more.
                Ok(None) | Err(_) => std::future::pending().await,
            }
        };
        let Some(permit) = &mut self.permit else { return asked.await };
        tokio::select! {
            reason = asked => reason,
            reason = permit.lost() => reason,
        }
    }
}

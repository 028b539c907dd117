//! Instances that are dead: their sessions are marked as cut off, their requests refused, their recordings completed with
//! what the object store has. The store gives each of them to one instance; whoever dies over it is dead, too, and the
//! next one goes on. So every step may be done again.

use std::collections::HashSet;

use approval::Approvals;
use ledger::store::{DeadInstance, InstanceId, Owner, SessionFilter, SqlStore, Store as _, StoreError};
use tokio::{sync::Notify, task::JoinSet};
use tracing::{info, warn};

use super::Instances;

impl Instances {
    /// Looks for them, and whenever somebody goes.
    pub(super) async fn clear_up(&self, arrivals: &Notify) {
        let mut looks = tokio::time::interval(self.lease / LOOKS);
        let mut under_way: HashSet<InstanceId> = HashSet::new();
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = arrivals.notified() => {}
                Some(done) = tasks.join_next() => {
                    // A task that panicked says nothing; what it left is begun again after a restart.
                    if let Ok(id) = done {
                        under_way.remove(&id);
                    }
                    continue;
                }
            }
            let dead = match self.store.claim_dead(None).await {
                Ok(dead) => dead,
                Err(error) => {
                    tracing::debug!(%error, "it was not seen which instances are dead");
                    continue;
                }
            };
            for dead in dead {
                if under_way.insert(dead.id) {
                    let (store, approvals) = (self.store.clone(), self.approvals.clone());
                    let recorder = std::sync::Arc::clone(&self.recorder);
                    tasks.spawn(async move {
                        let cleared = clear_up_after(&dead, &store, &approvals, &recorder).await;
                        match cleared {
                            Ok(0) => {}
                            Ok(sessions) => info!(instance = %dead.id, sessions, "a dead instance was cleared up after"),
                            Err(error) => {
                                warn!(instance = %dead.id, %error, "a dead instance was not cleared up after; it is tried again");
                            }
                        }
                        dead.id
                    });
                }
            }
        }
    }
}

/// Says how many sessions were cut off.
async fn clear_up_after(
    dead: &DeadInstance,
    store: &SqlStore,
    approvals: &Approvals,
    recorder: &recorder::Recorder,
) -> Result<usize, ClearUpError> {
    let owner = Owner::Instance(dead.id);
    approvals.refuse_of(owner, GONE).await?;
    let running = SessionFilter { running: true, owner: Some(owner), limit: u32::MAX, ..SessionFilter::default() };
    let mut cut_off = 0;
    for session in store.sessions(&running).await? {
        // When it ended is not known: it was there when its instance was last heard of.
        let at = dead.last_heard.max(session.started_at);
        cut_off += usize::from(store.cut_off(&session, at).await?);
    }
    if cut_off > 0 {
        warn!(instance = %dead.id, was = dead.description, sessions = cut_off, "an instance is dead: its sessions were cut off");
    }
    recorder.complete_from_parts(&store.unended_of(dead.id).await?).await?;
    // What nobody waited for goes on without its instance.
    approvals.look_at_pending().await?;
    store.forget_instance(dead.id).await?;
    Ok(cut_off)
}

/// Why somebody is not cleared up after.
#[derive(Debug, thiserror::Error)]
enum ClearUpError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Recording(#[from] recorder::RecordError),
}

/// How often within a lease it is looked for the dead.
const LOOKS: u32 = 5;

/// What a requester reads.
const GONE: &str = "the bastion that it waited at is gone; ask again";

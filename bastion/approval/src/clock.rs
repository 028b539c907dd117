//! [`DeadlineClock`]: ends what runs out, requests and access, in the moment in which it does.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{ApprovalId, Approvals};

/// What runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    /// Approved access.
    AccessEnd(ApprovalId),
    /// A request that waits.
    Expiry(ApprovalId),
}

/// Everything that will run out, in its order.
#[derive(Default)]
pub(super) struct DeadlineClock {
    due: Mutex<BTreeSet<(Timestamp, Deadline)>>,
    changed: Notify,
}

impl DeadlineClock {
    pub(super) fn remember(&self, at: Timestamp, due: Deadline) {
        self.lock().insert((at, due));
        self.changed.notify_one();
    }

    pub(super) fn forget(&self, at: Timestamp, due: Deadline) {
        self.lock().remove(&(at, due));
    }

    fn first(&self) -> Option<(Timestamp, Deadline)> {
        self.lock().first().copied()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(Timestamp, Deadline)>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends what runs out, until the bastion stops.
pub(super) async fn run(approvals: Approvals, closing: CancellationToken) {
    loop {
        let clock = &approvals.0.clock;
        let next = clock.first();
        let left = next.map(|(at, _)| Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default());
        tokio::select! {
            () = closing.cancelled() => return,
            () = clock.changed.notified() => continue,
            // The wall clock may be set: it is looked at again after a while.
            () = tokio::time::sleep(left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)) => {}
        }
        let Some((at, due)) = next.filter(|(at, _)| *at <= Timestamp::now()) else { continue };
        clock.forget(at, due);
        let ended = match due {
            Deadline::AccessEnd(id) => approvals.end_access(id).await,
            Deadline::Expiry(id) => approvals.expire(id).await,
        };
        if let Err(error) = ended {
            warn!(%error, "what ran out was not written down; it is tried again");
            let later =
                jiff::SignedDuration::try_from(RETRY).ok().and_then(|time| Timestamp::now().checked_add(time).ok());
            clock.remember(later.unwrap_or(at), due);
        }
    }
}

/// Idle, the clock costs one wake-up in this time.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// When the store did not answer.
const RETRY: Duration = Duration::from_secs(5);

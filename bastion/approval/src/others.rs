//! What other instances have changed: the store is read, and whoever waits here is told. Everything here may be done at
//! any time, and again: it finds out what is so, and not what has happened.

use api::id::ApprovalId;
use ledger::store::{ApprovalFilter, Owner, StoreError};
use tracing::warn;

use super::{Approval, ApprovalState, Approvals, Deadline, Outcome, hub::Change};

impl Approvals {
    /// Reads a request anew, for those who wait for it here.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn look_at(&self, id: ApprovalId) -> Result<(), StoreError> {
        let Some(record) = self.find(id).await? else { return Ok(()) };
        self.found(&record);
        Ok(())
    }

    /// Reads all requests anew that somebody waits for here.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn look_at_watched(&self) -> Result<(), StoreError> {
        for id in self.0.hub.watched() {
            self.look_at(id).await?;
        }
        Ok(())
    }

    /// Reads all requests anew that wait for votes, wherever: each is ended when its time is over, also if the instance
    /// is dead that it came in at.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn look_at_pending(&self) -> Result<(), StoreError> {
        let mut filter = ApprovalFilter { pending: Some(true), limit: BATCH, ..ApprovalFilter::default() };
        loop {
            let pending = self.0.store.approvals(&filter).await?;
            let Some(last) = pending.last() else { return Ok(()) };
            filter.before = Some(last.id);
            for record in &pending.rows {
                self.found(record);
            }
        }
    }

    /// Reads anew which access is open.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn look_at_access(&self) -> Result<(), StoreError> {
        self.replace_access(self.0.store.open_access().await?);
        Ok(())
    }

    /// Refuses the requests that wait at an owner that is gone: nobody waits for these.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn refuse_of(&self, owner: Owner, remark: &str) -> Result<(), StoreError> {
        let mut filter =
            ApprovalFilter { pending: Some(true), owner: Some(owner), limit: BATCH, ..ApprovalFilter::default() };
        loop {
            let left = self.0.store.approvals(&filter).await?;
            // What cannot be read cannot be refused, and must not be met again and again.
            let Some(last) = left.last() else { return Ok(()) };
            filter.before = Some(last.id);
            for record in left {
                self.end_if_pending(record.id, ApprovalState::Cancelled, Some(remark)).await?;
            }
        }
    }

    /// Tells everybody who waits here that it is over: others may have refused by now what they wait for.
    pub fn abandon(&self) {
        for id in self.0.hub.watched() {
            self.0.hub.tell(id, Change { approvals: 0, outcome: Some(Outcome::Cancelled) });
        }
    }

    fn found(&self, record: &Approval) {
        let outcome = Outcome::of(record);
        match &outcome {
            Some(_) => self.0.clock.forget(record.expires_at, Deadline::Expiry(record.id)),
            None => self.0.clock.remember(record.expires_at, Deadline::Expiry(record.id)),
        }
        if outcome.is_none() && !record.is_pending() {
            warn!(approval.id = %record.id, "a request is decided, and nobody knows how");
        }
        let approvals = record.votes.iter().filter(|vote| vote.approve).count();
        self.0.hub.tell_news(record.id, Change { approvals, outcome });
    }
}

/// How many requests are read at a time.
const BATCH: u32 = 200;

//! Access to a target for a time: asked for, approved, used, ended.
//!
//! What is approved counts only where the rules still let the person ask for it: it is put to
//! [`policy::RuleSet::decide`] as a circumstance, and grants nothing by itself.

use std::{
    ops::RangeInclusive,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use ledger::{
    audit::AuditEvent,
    store::{AccessGrant, StoreError},
};
use policy::{AccessTerms, Approved, ApprovedKind, Subject};
use tracing::warn;

use super::{Approval, ApprovalError, ApprovalId, Approvals, Deadline, NewApproval};

/// The access that is open now, as the store has it.
#[derive(Default)]
pub(super) struct OpenAccess(RwLock<Vec<AccessGrant>>);

impl Approvals {
    /// Asks for access for a time. Nobody waits for the decision: it shows in the list of requests.
    ///
    /// # Errors
    ///
    /// As [`Approvals::request`], and when the time is too short or too long.
    pub async fn request_access(
        &self,
        new: NewApproval,
        lasting: Duration,
        terms: &AccessTerms,
    ) -> Result<Approval, ApprovalError> {
        let times: RangeInclusive<Duration> = SHORTEST..=terms.max;
        if !times.contains(&lasting) {
            return Err(ApprovalError::Time { min: SHORTEST, max: terms.max });
        }
        let (record, _) = self.file(new, Some(lasting)).await?;
        Ok(record)
    }

    /// What was approved for this person and is not over: for [`policy::Context::approved`].
    #[must_use]
    pub fn approved_access(&self, who: &Subject) -> Vec<Approved> {
        let approved = |grant: AccessGrant| Approved {
            what: ApprovedKind::Access,
            target: grant.target,
            login: grant.login,
            until: Some(grant.until.into()),
        };
        self.access_of(Some(who)).into_iter().map(approved).collect()
    }

    /// The access that is open now, of one person or of everybody; the first to end comes first.
    #[must_use]
    pub fn access_of(&self, who: Option<&Subject>) -> Vec<AccessGrant> {
        let now = Timestamp::now();
        let open = self.0.access.0.read().unwrap_or_else(PoisonError::into_inner);
        let mine = |grant: &&AccessGrant| now < grant.until && who.is_none_or(|who| grant.person.is(who));
        open.iter().filter(mine).cloned().collect()
    }

    /// Opens access that the store has.
    pub(super) fn open_access(&self, grant: AccessGrant) {
        self.0.clock.remember(grant.until, Deadline::AccessEnd(grant.id));
        let mut open = self.0.access.0.write().unwrap_or_else(PoisonError::into_inner);
        open.push(grant);
        open.sort_by_key(|grant| grant.until);
    }

    /// Takes what the store has, in its order, for what is open.
    pub(super) fn replace_access(&self, grants: Vec<AccessGrant>) {
        for grant in &grants {
            self.0.clock.remember(grant.until, Deadline::AccessEnd(grant.id));
        }
        *self.0.access.0.write().unwrap_or_else(PoisonError::into_inner) = grants;
    }

    /// Ends access whose time is over.
    pub(super) async fn end_access(&self, id: ApprovalId) -> Result<(), StoreError> {
        let grant = {
            let mut open = self.0.access.0.write().unwrap_or_else(PoisonError::into_inner);
            let found = open.iter().position(|grant| grant.id == id);
            found.map(|place| open.remove(place))
        };
        let Some(grant) = grant else { return Ok(()) };
        let event = AuditEvent::AccessEnded {
            approval: id,
            user: grant.user.clone(),
            target: grant.target.clone(),
            login: grant.login.clone(),
        };
        let ended = self.0.store.end_access(id, Timestamp::now(), &[event]).await;
        if let Err(error) = &ended {
            // It is over all the same; that it was, is written down later.
            warn!(approval.id = %id, %error, "the end of approved access was not stored");
            self.0.access.0.write().unwrap_or_else(PoisonError::into_inner).push(grant);
        }
        ended.map(|_| ())
    }
}

/// Access for less would be over before the login is done.
const SHORTEST: Duration = Duration::from_secs(60);

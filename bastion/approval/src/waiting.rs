//! [`Waiting`]: somebody waits for a decision. Whoever drops it undecided gives the request up.

use std::time::Duration;

use api::refusal::{ReasonCode, Refusal};
use bytes::Bytes;
use config::{RuleName, UserName};
use jiff::Timestamp;
use ledger::store::StoreError;
use mask::visible;
use policy::{Approved, ApprovedKind};
use tokio::sync::watch;

use super::{Approval, ApprovalId, ApprovalKind, ApprovalState, Approvals, Needed, ScopeWord, WENT_AWAY, hub::Change};

/// What became of an application at once.
pub enum Application {
    /// It was approved before.
    Granted(Granted),
    /// It waits for other people.
    Waiting(Box<Waiting>),
}

/// A request that waits for its decision.
#[must_use = "a request that nobody waits for is given up"]
pub struct Waiting {
    approvals: Approvals,
    record: Approval,
    changes: watch::Receiver<Change>,
    over: bool,
}

/// What happened to a request.
#[derive(Debug, Clone)]
pub enum Progress {
    /// It was decided.
    Decided(Outcome),
    /// Somebody approved, and it takes more.
    Voted {
        /// How many people approve.
        approvals: usize,
        /// How many it takes.
        of: usize,
    },
}

/// How a request was decided.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was given up.
    Cancelled,
    /// Somebody said no.
    Denied {
        /// Who.
        by: UserName,
        /// Their words.
        comment: Option<String>,
    },
    /// Nobody decided in time.
    Expired,
    /// Enough people said yes.
    Granted(Granted),
}

impl Outcome {
    /// The grant, if it is one of `exact`: what was approved is what runs, to the byte.
    fn granted(self, exact: &[u8]) -> Result<Granted, Refusal> {
        let (reason, message) = match self {
            Self::Granted(granted) if granted.text() == exact => return Ok(granted),
            Self::Granted(_) => (ReasonCode::ApprovalDenied, "what was approved is not what was asked for".to_owned()),
            Self::Denied { by, comment } => {
                let words = comment.map(|comment| format!(": {}", visible(comment.as_bytes()))).unwrap_or_default();
                (ReasonCode::ApprovalDenied, format!("denied by {by}{words}"))
            }
            Self::Cancelled => (ReasonCode::ApprovalCancelled, "the request for approval was cancelled".to_owned()),
            Self::Expired => {
                let message = "nobody approved it in time, so it did not run; ask again, or ask somebody first";
                (ReasonCode::ApprovalExpired, message.to_owned())
            }
        };
        Err(Refusal::new(reason, message))
    }
}

/// The proof that enough people approved something. Nothing outside of this crate makes one:
///
/// ```compile_fail,E0624
/// let forge = approval::Granted::of;
/// ```
#[derive(Debug, Clone)]
pub struct Granted {
    record: Box<Approval>,
}

impl Waiting {
    pub(super) fn new(approvals: Approvals, record: Approval, changes: watch::Receiver<Change>) -> Self {
        Self { approvals, record, changes, over: false }
    }

    /// The request's name.
    #[must_use]
    pub fn id(&self) -> ApprovalId {
        self.record.id
    }

    /// When it is refused if nobody decides.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.record.expires_at
    }

    /// Whose votes it takes.
    #[must_use]
    pub fn needed(&self) -> &Needed {
        &self.record.needed
    }

    /// Where people decide on it.
    #[must_use]
    pub fn url(&self) -> String {
        self.approvals.url(self.record.id)
    }

    /// Waits for the next vote or the decision. Cancel-safe.
    pub async fn changed(&mut self) -> Progress {
        let left = self.record.expires_at.duration_since(Timestamp::now());
        let patience = Duration::try_from(left).unwrap_or(Duration::ZERO) + GRACE;
        tokio::select! {
            // An error is no news: what was last told counts.
            _ = self.changes.changed() => {}
            // The clock could not write down that the time is over. It is over all the same, and no vote counts.
            () = tokio::time::sleep(patience) => return Progress::Decided(Outcome::Expired),
        }
        let Change { approvals, outcome } = self.changes.borrow_and_update().clone();
        match outcome {
            Some(outcome) => {
                self.over = true;
                Progress::Decided(outcome)
            }
            None if self.changes.has_changed().is_err() => Progress::Decided(Outcome::Cancelled),
            None => Progress::Voted { approvals, of: self.record.needed.count },
        }
    }

    /// The decision, however many vote before. Cancel-safe.
    ///
    /// # Errors
    ///
    /// Why it does not run, in words for the user.
    pub async fn decided(&mut self) -> Result<Granted, Refusal> {
        loop {
            if let Progress::Decided(outcome) = self.changed().await {
                return self.settle(outcome);
            }
        }
    }

    /// What a decision means: the grant of exactly what was asked for, to the byte.
    ///
    /// # Errors
    ///
    /// Why it does not run, in words for the user.
    pub fn settle(&self, outcome: Outcome) -> Result<Granted, Refusal> {
        let granted = outcome.granted(&self.record.text);
        granted.map_err(|refusal| refusal.by_rule(self.record.rule.clone()).without(self.record.id))
    }

    /// The rule that asks for it, if one does.
    #[must_use]
    pub fn rule(&self) -> Option<&RuleName> {
        self.record.rule.as_ref()
    }

    /// Why it needs an approval.
    #[must_use]
    pub fn because(&self) -> &str {
        &self.record.because
    }

    /// Gives the request up, and returns when that is written down.
    ///
    /// # Errors
    ///
    /// When the store does not answer; then it expires.
    pub async fn cancel(mut self) -> Result<(), StoreError> {
        self.over = true;
        self.approvals.withdraw(self.record.id, CANCELLED).await
    }

    /// The same for a requester who waits for nothing, the store neither. If the store is down, it expires.
    pub fn cancel_later(mut self) {
        self.over = true;
        self.approvals.withdraw_later(self.record.id, CANCELLED);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.over {
            self.approvals.withdraw_later(self.record.id, WENT_AWAY);
        }
    }
}

impl Outcome {
    /// How a request was decided, if it was.
    pub(super) fn of(record: &Approval) -> Option<Self> {
        Some(match record.state {
            ApprovalState::Approved => Self::Granted(Granted::of(record.clone())),
            ApprovalState::Cancelled => Self::Cancelled,
            ApprovalState::Denied => {
                let vote = record.votes.iter().find(|vote| !vote.approve)?;
                Self::Denied { by: vote.name.clone(), comment: vote.comment.clone() }
            }
            ApprovalState::Expired => Self::Expired,
            ApprovalState::Pending => return None,
        })
    }
}

impl Granted {
    /// Called with what enough people approved.
    pub(super) fn of(record: Approval) -> Self {
        Self { record: Box::new(record) }
    }

    /// The request's name.
    #[must_use]
    pub fn id(&self) -> ApprovalId {
        self.record.id
    }

    /// Who approved it.
    #[must_use]
    pub fn by(&self) -> Vec<UserName> {
        self.record.approved_by()
    }

    /// The bytes of the act that was approved ([`super::NewApproval::exact`]): this may be done, and nothing else.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        &self.record.text
    }

    /// How far it goes.
    #[must_use]
    pub fn scope(&self) -> ScopeWord {
        self.record.reach.map_or(ScopeWord::Once, |reach| reach.scope)
    }

    /// Until when it goes on to count, where a time was given.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.record.reach.and_then(|reach| reach.until)
    }

    /// What [`policy::RuleSet::decide`] may count on, for an approved session: as long as it lasts, if no time was given.
    #[must_use]
    pub fn approved_session(&self) -> Option<Approved> {
        (self.record.kind == ApprovalKind::Session).then(|| Approved {
            what: ApprovedKind::Session,
            target: self.record.target.clone(),
            login: self.record.login.clone(),
            until: self.until().map(Into::into),
        })
    }
}

/// How long after its expiry a request may take to be written down as expired.
const GRACE: Duration = Duration::from_secs(5);

const CANCELLED: &str = "the requester cancelled it";

//! Votes, and everything else that ends a request.
//!
//! Whoever changes a request says which revision they read; if it was changed in between they look again. So
//! votes are counted one after the other, whoever casts them and however.

use std::{ops::RangeInclusive, time::Duration};

use config::UserName;
use jiff::{SignedDuration, Timestamp};
use ledger::{
    audit::AuditEvent,
    store::{
        AccessGrant, ApprovalChange, StoreError,
        approval::{DecidedRecord, Reach, VoteRecord},
    },
};
use mask::visible;
use policy::{
    Subject,
    approval::{self, NoVote, Person, Scope, Tally, Vote},
};

use super::{Approval, ApprovalId, ApprovalKind, ApprovalState, Approvals, ScopeWord, request::MAX_WORDS_BYTES, view};

/// Why somebody could not decide on a request.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// It was decided before.
    #[error("this request is {state} already")]
    AlreadyDecided {
        /// How.
        state: ApprovalState,
    },
    /// Too many others decide at the same time.
    #[error("others are deciding on this request at the same time; look at it again")]
    Busy,
    /// They may not vote.
    #[error(transparent)]
    NoVote(#[from] NoVote),
    /// Only the requester can cancel it.
    #[error("only the person who asked can cancel this request")]
    NotRequester,
    /// It cannot be approved that far.
    #[error("{0}")]
    Scope(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such request.
    #[error("there is no such request")]
    Unknown,
}

impl Approvals {
    /// Votes on a request, and decides it if that is enough.
    ///
    /// # Errors
    ///
    /// When it is one's own, or was decided; when one belongs to none of the groups or has voted; when it cannot
    /// be approved that far; when the store does not answer. Then nothing was changed.
    pub async fn decide(&self, id: ApprovalId, by: &Subject, vote: Vote) -> Result<Approval, DecideError> {
        let comment = vote.comment.map(|words| view::cut(visible(words.trim().as_bytes()), MAX_WORDS_BYTES));
        let comment = comment.filter(|words| !words.is_empty());
        for _ in 0..ATTEMPTS {
            let record = self.find(id).await?.ok_or(DecideError::Unknown)?;
            let requester = Person::of(&record.requester);
            let now = Timestamp::now();
            match approval::may_vote(&requester, &record.needed, &record.cast(), by) {
                // Who has voted is told first how it went.
                Err(NoVote::Again) if !record.is_pending() => {}
                other => other?,
            }
            let record = self.still_pending(record, now).await?;
            check_scope(&record, vote.approve, vote.scope)?;
            let cast = VoteRecord {
                by: Person::of(by),
                name: by.name.clone(),
                entitled: approval::is_entitled(&record.needed, by),
                approve: vote.approve,
                scope: vote.scope,
                comment: comment.clone(),
                at: now,
            };
            if let Some(record) = self.cast(record, cast, now).await? {
                return Ok(record);
            }
        }
        Err(DecideError::Busy)
    }

    /// Gives up one's own request.
    ///
    /// # Errors
    ///
    /// When it is not one's own, when it was decided, or when the store does not answer.
    pub async fn cancel(&self, id: ApprovalId, by: &Subject) -> Result<Approval, DecideError> {
        for _ in 0..ATTEMPTS {
            let record = self.find(id).await?.ok_or(DecideError::Unknown)?;
            if !Person::of(&record.requester).is(by) {
                return Err(DecideError::NotRequester);
            }
            let record = self.still_pending(record, Timestamp::now()).await?;
            if let Some(record) = self.end(record, ApprovalState::Cancelled, Some(CANCELLED)).await? {
                return Ok(record);
            }
        }
        Err(DecideError::Busy)
    }

    /// Gives a request up for its requester, if it still waits.
    pub(super) async fn withdraw(&self, id: ApprovalId, remark: &str) -> Result<(), StoreError> {
        self.end_if_pending(id, ApprovalState::Cancelled, Some(remark)).await
    }

    /// Refuses a request whose time is over, if it still waits.
    pub(super) async fn expire(&self, id: ApprovalId) -> Result<(), StoreError> {
        self.end_if_pending(id, ApprovalState::Expired, None).await
    }

    pub(super) async fn end_if_pending(
        &self,
        id: ApprovalId,
        state: ApprovalState,
        remark: Option<&str>,
    ) -> Result<(), StoreError> {
        // Each round in which somebody else was faster, a vote was added: there are few of them.
        while let Some(record) = self.find(id).await?.filter(Approval::is_pending) {
            if self.end(record, state, remark).await?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Ends a request without a vote; nothing if it was changed since it was read.
    async fn end(
        &self,
        mut record: Approval,
        state: ApprovalState,
        remark: Option<&str>,
    ) -> Result<Option<Approval>, StoreError> {
        let at = Timestamp::now();
        let decided = DecidedRecord { state, at, reach: None, remark: remark.map(str::to_owned) };
        let change = ApprovalChange {
            id: record.id,
            read: record.revision,
            vote: None,
            decided: Some(decided.clone()),
            grant: None,
        };
        apply(&mut record, None, Some(&decided));
        if !self.0.store.change_approval(&change, at, &[decided_event(&record)]).await? {
            return Ok(None);
        }
        self.tell(&record);
        Ok(Some(record))
    }

    /// Adds a vote, and what it comes to; nothing if the request was changed since it was read.
    async fn cast(
        &self,
        mut record: Approval,
        vote: VoteRecord,
        at: Timestamp,
    ) -> Result<Option<Approval>, DecideError> {
        let read = record.revision;
        let mut cast = record.cast();
        record.votes.push(vote.clone());
        cast.extend(record.cast().pop());
        record.votes.pop();
        let requester = Person::of(&record.requester);
        let tally = approval::tally(&requester, &record.needed, &cast, record.expires_at.into(), at.into());
        let decided = match tally {
            Tally::Approved { reach } => {
                let reach = reach_of(&record, reach, at);
                Some(DecidedRecord { state: ApprovalState::Approved, at, reach: Some(reach), remark: None })
            }
            Tally::Denied => Some(DecidedRecord { state: ApprovalState::Denied, at, reach: None, remark: None }),
            Tally::Expired => return Err(DecideError::AlreadyDecided { state: ApprovalState::Expired }),
            Tally::Pending { .. } => None,
        };
        let mut events = vec![voted_event(&record, &vote)];
        apply(&mut record, Some(vote.clone()), decided.as_ref());
        let grant = access_of(&record);
        if decided.is_some() {
            events.push(decided_event(&record));
        }
        events.extend(grant.as_ref().map(|grant| granted_event(grant, record.approved_by())));
        let change = ApprovalChange { id: record.id, read, vote: Some(vote), decided, grant: grant.clone() };
        if !self.0.store.change_approval(&change, at, &events).await? {
            return Ok(None);
        }
        if let Some(grant) = grant {
            self.open_access(grant);
        }
        self.tell(&record);
        Ok(Some(record))
    }

    /// The request, if it waits at `now`. One whose time is over is ended.
    async fn still_pending(&self, record: Approval, now: Timestamp) -> Result<Approval, DecideError> {
        if !record.is_pending() {
            return Err(DecideError::AlreadyDecided { state: record.state });
        }
        if now >= record.expires_at {
            self.expire(record.id).await?;
            return Err(DecideError::AlreadyDecided { state: ApprovalState::Expired });
        }
        Ok(record)
    }
}

/// The change, on the record that was read.
fn apply(record: &mut Approval, vote: Option<VoteRecord>, decided: Option<&DecidedRecord>) {
    record.revision += 1;
    record.votes.extend(vote);
    if let Some(decided) = decided {
        record.state = decided.state;
        record.decided_at = Some(decided.at);
        record.reach = decided.reach;
        record.remark.clone_from(&decided.remark);
    }
}

/// How far a request of this kind can be approved.
fn check_scope(record: &Approval, approve: bool, scope: Scope) -> Result<(), DecideError> {
    let refused = |why: &str| Err(DecideError::Scope(why.to_owned()));
    match (record.kind, scope) {
        _ if !approve => Ok(()),
        (_, Scope::Once) => Ok(()),
        (ApprovalKind::Access, _) => {
            refused("a request for access says itself for how long; approve it with scope once")
        }
        (_, Scope::Session) if record.session.is_none() => {
            refused("this request belongs to no session; approve it once, or for a time")
        }
        (_, Scope::For(time)) if !STANDING.contains(&time) => Err(DecideError::Scope(format!(
            "an approval counts for {} to {}",
            view::duration(*STANDING.start()),
            view::duration(*STANDING.end())
        ))),
        (_, Scope::Session | Scope::For(_)) => Ok(()),
    }
}

fn reach_of(record: &Approval, reach: approval::Reach, at: Timestamp) -> Reach {
    let after = |time: Duration| at.checked_add(SignedDuration::try_from(time).ok()?).ok();
    match reach {
        approval::Reach::Once => Reach { scope: ScopeWord::Once, until: record.lasting.and_then(after) },
        approval::Reach::Again { in_session: true, lasting } => {
            Reach { scope: ScopeWord::Session, until: lasting.and_then(after) }
        }
        // A time that no calendar has is over at once.
        approval::Reach::Again { in_session: false, lasting } => {
            Reach { scope: ScopeWord::For, until: Some(lasting.and_then(after).unwrap_or(at)) }
        }
    }
}

/// The access that comes of an approved request for it.
fn access_of(record: &Approval) -> Option<AccessGrant> {
    let is_access = record.kind == ApprovalKind::Access && record.state == ApprovalState::Approved;
    let until = record.reach.and_then(|reach| reach.until)?;
    is_access.then(|| AccessGrant {
        id: record.id,
        person: Person::of(&record.requester),
        user: record.requester.name.clone(),
        target: record.target.clone(),
        login: record.login.clone(),
        granted_at: record.decided_at.unwrap_or(record.created_at),
        until,
    })
}

fn voted_event(record: &Approval, vote: &VoteRecord) -> AuditEvent {
    AuditEvent::ApprovalVoted {
        approval: record.id,
        user: vote.name.clone(),
        session: record.session,
        requester: record.requester.name.clone(),
        approve: vote.approve,
        scope: view::scope_word(vote.scope),
        comment: vote.comment.clone(),
    }
}

fn decided_event(record: &Approval) -> AuditEvent {
    let denied = record.votes.iter().find(|vote| !vote.approve);
    let by: Vec<UserName> = match (record.state, denied) {
        (ApprovalState::Approved, _) => record.approved_by(),
        (ApprovalState::Denied, Some(vote)) => vec![vote.name.clone()],
        (ApprovalState::Cancelled | ApprovalState::Denied | ApprovalState::Expired | ApprovalState::Pending, _) => {
            Vec::new()
        }
    };
    AuditEvent::ApprovalDecided {
        approval: record.id,
        user: record.requester.name.clone(),
        session: record.session,
        state: record.state,
        by,
        scope: record.reach.map(|reach| reach.scope),
        until: record.reach.and_then(|reach| reach.until),
        reason: denied.and_then(|vote| vote.comment.clone()).or_else(|| record.remark.clone()),
    }
}

fn granted_event(grant: &AccessGrant, by: Vec<UserName>) -> AuditEvent {
    AuditEvent::AccessGranted {
        approval: grant.id,
        user: grant.user.clone(),
        target: grant.target.clone(),
        login: grant.login.clone(),
        until: grant.until,
        by,
    }
}

/// More people than this do not vote on one request within the same milliseconds.
const ATTEMPTS: usize = 20;

/// What counts for longer than a day should be a rule.
const STANDING: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 60 * 60);

const CANCELLED: &str = "the requester cancelled it";

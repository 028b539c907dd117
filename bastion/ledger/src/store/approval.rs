//! What the store keeps of approvals: requests, votes, and the access that came of them.

use std::time::Duration;

pub use api::approvals::{ApprovalKind, ApprovalState, ScopeWord};
use api::id::ApprovalId;
use bytes::Bytes;
use config::{Login, RuleName, TargetName, UserName};
use jiff::Timestamp;
use policy::{
    Subject,
    approval::{Act, Cast, Needed, Person, Scope},
};
use recorder::SessionId;

use super::instance::Owner;

/// What was approved goes this far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// The word for it.
    pub scope: ScopeWord,
    /// Until then, where a time was given.
    pub until: Option<Timestamp>,
}

/// A request for an approval, with the votes on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// Its name.
    pub id: ApprovalId,
    /// How often it was changed.
    pub revision: i64,
    /// What is asked for.
    pub kind: ApprovalKind,
    /// Where it stands.
    pub state: ApprovalState,
    /// Who asks.
    pub requester: Subject,
    /// On which target.
    pub target: TargetName,
    /// As which account.
    pub login: Login,
    /// In which session, if it had started.
    pub session: Option<SessionId>,
    /// The rule or role that asks for it.
    pub rule: Option<RuleName>,
    /// What exactly is asked for; unknown of requests from before its parts were kept apart.
    pub act: Option<Act>,
    /// Its bytes, by which it is compared ([`Act::encode`]). Where the act is unknown: what the request kept instead.
    pub text: Bytes,
    /// What would run, parsed.
    pub commands: Vec<String>,
    /// The requester's screen, masked.
    pub screen: Option<String>,
    /// The requester's reason.
    pub reason: Option<String>,
    /// Why it needs an approval.
    pub because: String,
    /// Whose votes it takes.
    pub needed: Needed,
    /// For how long access is asked for.
    pub lasting: Option<Duration>,
    /// From where it was asked for.
    pub source: String,
    /// When.
    pub created_at: Timestamp,
    /// When it is refused if nobody decides.
    pub expires_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// How far it goes, if approved.
    pub reach: Option<Reach>,
    /// Why it was cancelled.
    pub remark: Option<String>,
    /// The votes, in their order.
    pub votes: Vec<VoteRecord>,
}

/// One person's vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteRecord {
    /// Who.
    pub by: Person,
    /// The name they had.
    pub name: UserName,
    /// Whether they were in one of the groups.
    pub entitled: bool,
    /// Yes or no.
    pub approve: bool,
    /// How far a yes goes.
    pub scope: Scope,
    /// Words for the requester.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A change of a request. Nothing of it happens if the request was changed since it was read.
#[derive(Debug, Clone)]
pub struct ApprovalChange {
    /// Which one.
    pub id: ApprovalId,
    /// The revision that was read.
    pub read: i64,
    /// A vote to add.
    pub vote: Option<VoteRecord>,
    /// How it was decided, if it is now.
    pub decided: Option<DecidedRecord>,
    /// The access that comes of it.
    pub grant: Option<AccessGrant>,
}

/// How a request was decided.
#[derive(Debug, Clone)]
pub struct DecidedRecord {
    /// Where it stands now.
    pub state: ApprovalState,
    /// When.
    pub at: Timestamp,
    /// How far an approval goes.
    pub reach: Option<Reach>,
    /// Why it was cancelled.
    pub remark: Option<String>,
}

/// Access that was approved for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessGrant {
    /// The approval that it came of.
    pub id: ApprovalId,
    /// Who has it.
    pub person: Person,
    /// The name they had.
    pub user: UserName,
    /// To which target.
    pub target: TargetName,
    /// As which account.
    pub login: Login,
    /// Since when.
    pub granted_at: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Which requests a listing wants. Newest first.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// Only those that wait (true), or only those that do not (false).
    pub pending: Option<bool>,
    /// Only those of this person.
    pub requester: Option<Person>,
    /// Only those that this person asked for or may decide by these groups.
    pub visible_to: Option<Subject>,
    /// Only those that wait at this owner.
    pub owner: Option<Owner>,
    /// Only requests older than this one: the cursor of the page before.
    pub before: Option<ApprovalId>,
    /// At most this many.
    pub limit: u32,
}

// === impl ApprovalRecord ===

impl ApprovalRecord {
    /// The votes as the rules count them.
    #[must_use]
    pub fn cast(&self) -> Vec<Cast> {
        let cast = |vote: &VoteRecord| Cast {
            by: vote.by.clone(),
            entitled: vote.entitled,
            approve: vote.approve,
            scope: vote.scope,
            at: vote.at.into(),
        };
        self.votes.iter().map(cast).collect()
    }

    /// Whether it waits.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.state == ApprovalState::Pending
    }

    /// The names of those who approved it.
    #[must_use]
    pub fn approved_by(&self) -> Vec<UserName> {
        self.votes.iter().filter(|vote| vote.approve).map(|vote| vote.name.clone()).collect()
    }
}

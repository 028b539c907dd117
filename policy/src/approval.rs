//! Approvals: who may vote, what the votes come to, and what an approval goes on to cover.
//! [`Decision::Hold`](crate::Decision::Hold) says what needs one; the bastion keeps requests and votes.
//!
//! People are told apart by issuer and subject identifier, never by name. The groups that count are those
//! that a person has when they vote.

use std::time::{Duration, SystemTime};

use config::{Login, RuleName, TargetName};

use crate::access::Subject;

pub mod act;

pub use act::{Act, ActKind, Stdin};

/// What a request needs: whose votes, how many, in which time.
pub use config::rules::Approvers as Needed;

/// A person, as an issuer knows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// The issuer's URL.
    pub issuer: String,
    /// The issuer's identifier of the subject.
    pub id: String,
}

/// What a vote says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Yes or no.
    pub approve: bool,
    /// How far a yes goes.
    pub scope: Scope,
    /// Words for the requester.
    pub comment: Option<String>,
}

/// How far an approval goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What was asked for, this once.
    Once,
    /// The same again, until the requester's session ends.
    Session,
    /// The same again, for this long after the decision.
    For(Duration),
}

/// A vote that was cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// By whom.
    pub by: Person,
    /// Whether this person was in one of the groups at that time.
    pub entitled: bool,
    /// Yes or no.
    pub approve: bool,
    /// How far a yes goes.
    pub scope: Scope,
    /// When.
    pub at: SystemTime,
}

/// Why somebody may not vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoVote {
    /// They have voted.
    #[error("you have voted on this request already; it takes another person")]
    Again,
    /// They belong to none of the groups.
    #[error("you belong to none of the groups that may decide this request")]
    NotEntitled,
    /// It is their own request.
    #[error("nobody decides on their own request; ask somebody else")]
    Own,
}

/// What the votes come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// Enough people approve.
    Approved {
        /// How far that goes.
        reach: Reach,
    },
    /// Somebody said no.
    Denied,
    /// The time is over.
    Expired,
    /// It waits for more votes.
    Pending {
        /// How many people approve so far.
        approvals: usize,
    },
}

/// How far an approval of several people goes: no further than any of them said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This once.
    Once,
    /// The same again.
    Again {
        /// Only in the session that it was asked for in.
        in_session: bool,
        /// Only for this long after the decision.
        lasting: Option<Duration>,
    },
}

/// What was asked for, by whom, and of whom.
#[derive(Debug, Clone, Copy)]
pub struct ApprovalSubject<'a> {
    /// Who asked.
    pub requester: &'a Person,
    /// On which target.
    pub target: &'a TargetName,
    /// As which account.
    pub login: &'a Login,
    /// Which rule asked for it.
    pub rule: Option<&'a RuleName>,
    /// The bytes of the act ([`Act::encode`]).
    pub text: &'a [u8],
    /// Whose approval it needs.
    pub needed: &'a Needed,
}

/// How long a standing approval counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts<S> {
    /// Only in this session.
    pub session: Option<S>,
    /// Until then.
    pub until: Option<SystemTime>,
}

impl Person {
    /// The person behind a login.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        Self { issuer: subject.issuer.clone(), id: subject.id.clone() }
    }

    /// Whether `subject` is this person, whatever the name.
    #[must_use]
    pub fn is(&self, subject: &Subject) -> bool {
        self.issuer == subject.issuer && self.id == subject.id
    }
}

/// Whether `who` is in one of the groups.
#[must_use]
pub fn is_entitled(needed: &Needed, who: &Subject) -> bool {
    needed.groups.iter().any(|group| who.groups.contains(group))
}

/// Whether `who` may vote on a request of `requester`.
///
/// # Errors
///
/// When it is their own, when they are in none of the groups, or when they have voted.
pub fn may_vote(requester: &Person, needed: &Needed, cast: &[Cast], who: &Subject) -> Result<(), NoVote> {
    if requester.is(who) {
        return Err(NoVote::Own);
    }
    if !is_entitled(needed, who) {
        return Err(NoVote::NotEntitled);
    }
    if cast.iter().any(|vote| vote.by.is(who)) {
        return Err(NoVote::Again);
    }
    Ok(())
}

/// What the votes come to at `now`. Votes count in their order; what is decided stays decided.
///
/// A vote that should not have been taken (one's own, a second one, one of somebody outside the groups, a
/// late one) does not count here either.
#[must_use]
pub fn tally(requester: &Person, needed: &Needed, cast: &[Cast], expires_at: SystemTime, now: SystemTime) -> Tally {
    let mut approving: Vec<&Cast> = Vec::new();
    for vote in cast {
        let counts = vote.entitled && vote.at < expires_at && vote.by != *requester;
        if !counts || approving.iter().any(|other| other.by == vote.by) {
            continue;
        }
        if !vote.approve {
            return Tally::Denied;
        }
        approving.push(vote);
        if approving.len() >= needed.count {
            return Tally::Approved { reach: narrowest(&approving) };
        }
    }
    if now >= expires_at { Tally::Expired } else { Tally::Pending { approvals: approving.len() } }
}

fn narrowest(votes: &[&Cast]) -> Reach {
    let (mut in_session, mut lasting) = (false, None);
    for vote in votes {
        match vote.scope {
            Scope::Once => return Reach::Once,
            Scope::Session => in_session = true,
            Scope::For(time) => lasting = Some(lasting.map_or(time, |other: Duration| other.min(time))),
        }
    }
    Reach::Again { in_session, lasting }
}

/// Whether an approval of `earlier` is one of `now` too: the same person wants the same bytes in the same place under
/// the same rule, and it takes no other people than then.
#[must_use]
pub fn covers(earlier: &ApprovalSubject<'_>, now: &ApprovalSubject<'_>) -> bool {
    earlier.requester == now.requester
        && earlier.target == now.target
        && earlier.login == now.login
        && earlier.rule == now.rule
        && earlier.text == now.text
        && earlier.needed.groups == now.needed.groups
        && earlier.needed.count >= now.needed.count
}

impl<S: PartialEq> Counts<S> {
    /// Whether it counts at `now` in `session`.
    #[must_use]
    pub fn at(&self, now: SystemTime, session: Option<&S>) -> bool {
        let here = self.session.as_ref().is_none_or(|own| Some(own) == session);
        // What is bound to neither a session nor a time was for once.
        let bound = self.session.is_some() || self.until.is_some();
        bound && here && self.until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests;

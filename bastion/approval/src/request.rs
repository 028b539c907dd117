//! [`NewApproval`]: what is asked for, checked before anybody is bothered with it.

use std::time::Duration;

use bytes::Bytes;
use config::{Login, RuleName, TargetName};
use jiff::{SignedDuration, Timestamp};
use ledger::{audit::AuditEvent, store::StoreError};
use mask::visible;
use policy::{
    Subject,
    approval::{Act, Needed},
};
use recorder::SessionId;
use tokio::sync::watch;

use super::{Approval, ApprovalId, ApprovalKind, ApprovalState, Approvals, Deadline, hub::Change, view, webhook};

/// What somebody asks other people to approve.
#[derive(Debug, Clone)]
pub struct NewApproval {
    /// A command, a session or access.
    pub kind: ApprovalKind,
    /// Who asks.
    pub requester: Subject,
    /// On which target.
    pub target: TargetName,
    /// As which account there.
    pub login: Login,
    /// In which session, if it has started.
    pub session: Option<SessionId>,
    /// The rule or role that asks for it.
    pub rule: Option<RuleName>,
    /// What exactly is asked for.
    pub act: Act,
    /// What would run, parsed.
    pub commands: Vec<String>,
    /// The requester's screen, masked.
    pub screen: Option<String>,
    /// The requester's reason.
    pub reason: Option<String>,
    /// Why it needs an approval, in words.
    pub because: String,
    /// Whose votes it takes.
    pub needed: Needed,
    /// From where it is asked for.
    pub source: String,
}

/// Why an approval could not be asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// The rules name nobody who could approve it.
    #[error("it needs an approval, and the rules name nobody who could give it")]
    NobodyCanApprove,
    /// A reason has to be given.
    #[error(
        "say why you need it: a reason is required, in the environment variable BASTION_REASON, as in \
         `BASTION_REASON='ticket 4711' kubectl …` or `ssh -o SetEnv='BASTION_REASON=ticket 4711' …`, or with \
         `bastion run --reason`"
    )]
    ReasonRequired,
    /// The store does not answer.
    #[error("approvals are not available now: {0}")]
    Store(#[from] StoreError),
    /// Access was asked for, for a time that cannot be given.
    #[error("you can ask for {min} to {max}", min = view::duration(*min), max = view::duration(*max))]
    Time {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// It is longer than anybody would read.
    #[error("the {what} is too long to be approved: at most {limit} bytes")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// How long it may be.
        limit: usize,
    },
    /// The requester has too many requests that wait.
    #[error("{limit} of your requests wait already; cancel some, or wait until they are decided")]
    TooManyPending {
        /// How many may wait.
        limit: u32,
    },
}

impl Approvals {
    /// Writes a request down, then tells whoever may decide on it.
    pub(super) async fn file(
        &self,
        new: NewApproval,
        lasting: Option<Duration>,
    ) -> Result<(Approval, watch::Receiver<Change>), ApprovalError> {
        let record = new.into_record(lasting, Timestamp::now())?;
        if record.needed.groups.is_empty() {
            return Err(ApprovalError::NobodyCanApprove);
        }
        if record.needed.reason_required && record.reason.is_none() {
            return Err(ApprovalError::ReasonRequired);
        }
        let changes = self.0.hub.enter(record.id);
        let added = self.0.store.add_approval(&record, MOST_PENDING, &[requested(&record)]).await;
        match added {
            Ok(true) => {}
            Ok(false) => {
                self.0.hub.leave(record.id);
                return Err(ApprovalError::TooManyPending { limit: MOST_PENDING });
            }
            Err(error) => {
                self.0.hub.leave(record.id);
                return Err(error.into());
            }
        }
        self.0.clock.remember(record.expires_at, Deadline::Expiry(record.id));
        self.notify(webhook::Event::ApprovalRequested, &record);
        Ok((record, changes))
    }
}

impl NewApproval {
    /// The bytes of what is asked for: these are approved, and no others.
    #[must_use]
    pub fn exact(&self) -> Bytes {
        self.act.encode(&self.target, &self.login)
    }

    /// The record of this request. What people read of it is made fit for that; the exact bytes are kept as they are.
    pub(super) fn into_record(self, lasting: Option<Duration>, now: Timestamp) -> Result<Approval, ApprovalError> {
        let text = self.exact();
        if text.len() > MAX_TEXT_BYTES {
            return Err(ApprovalError::TooLong { what: "command", limit: MAX_TEXT_BYTES });
        }
        let reason = self.reason.map(|reason| visible(reason.trim().as_bytes())).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.len() > MAX_WORDS_BYTES) {
            return Err(ApprovalError::TooLong { what: "reason", limit: MAX_WORDS_BYTES });
        }
        let expires = SignedDuration::try_from(self.needed.expires).unwrap_or(SignedDuration::ZERO);
        Ok(Approval {
            id: ApprovalId::new(),
            revision: 0,
            kind: self.kind,
            state: ApprovalState::Pending,
            requester: self.requester,
            target: self.target,
            login: self.login,
            session: self.session,
            rule: self.rule,
            act: Some(self.act),
            text,
            commands: shown_commands(&self.commands),
            screen: self.screen.as_deref().map(shown_screen),
            reason,
            because: view::cut(visible(self.because.as_bytes()), MAX_WORDS_BYTES),
            needed: self.needed,
            lasting,
            source: self.source,
            created_at: now,
            expires_at: now.checked_add(expires).unwrap_or(now),
            decided_at: None,
            reach: None,
            remark: None,
            votes: Vec::new(),
        })
    }
}

fn requested(record: &Approval) -> AuditEvent {
    AuditEvent::ApprovalRequested {
        approval: record.id,
        what: record.kind,
        session: record.session,
        user: record.requester.name.clone(),
        target: record.target.clone(),
        login: record.login.clone(),
        command: view::in_a_line(record),
        rule: record.rule.clone(),
        reason: record.reason.clone(),
        groups: record.needed.groups.clone(),
        count: record.needed.count,
        expires_at: record.expires_at,
        source: record.source.clone(),
    }
}

fn shown_commands(commands: &[String]) -> Vec<String> {
    let mut left = MAX_TEXT_BYTES;
    let mut shown = Vec::new();
    for command in commands {
        let command = visible(command.as_bytes());
        let Some(rest) = left.checked_sub(command.len()) else {
            shown.push("…".to_owned());
            break;
        };
        left = rest;
        shown.push(command);
    }
    shown
}

/// The end of the screen, line by line: what happened last stands there.
fn shown_screen(screen: &str) -> String {
    let mut lines = Vec::new();
    let mut left = MAX_SCREEN_BYTES;
    for line in screen.trim_end().lines().rev() {
        let line = visible(line.trim_end().as_bytes());
        let Some(rest) = left.checked_sub(line.len() + 1) else { break };
        left = rest;
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}

/// Nobody reads more than that before they say yes; a pasted script may be this long.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A large terminal full of text.
pub const MAX_SCREEN_BYTES: usize = 16 * 1024;

/// A reason or a comment is some sentences.
pub const MAX_WORDS_BYTES: usize = 2 * 1024;

/// Bounds what one person can make others look at, and what the store keeps of it.
pub const MOST_PENDING: u32 = 20;

//! [`ApprovalView`]: a request as people see it, in the API and in deliveries of the webhook.

use std::time::Duration;

use bytes::Bytes;
use config::{GroupName, Login, RuleName, TargetName, UserName};
use jiff::{SignedDuration, Timestamp};
use policy::{Masker, Subject, approval::Scope, visible};
use recorder::SessionId;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::{Approval, ApprovalId, ApprovalKind, ApprovalState, ScopeWord, may_decide};
use crate::store::SubjectId;

/// A request for an approval.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApprovalView {
    #[schema(value_type = String)]
    id: ApprovalId,
    kind: ApprovalKind,
    state: ApprovalState,
    requester: Requester,
    #[schema(value_type = String)]
    target: TargetName,
    /// The account on the target.
    #[schema(value_type = String)]
    login: Login,
    /// The session, if it had started.
    #[schema(value_type = Option<String>)]
    session: Option<SessionId>,
    /// The rule or role that asks for the approval.
    #[schema(value_type = Option<String>)]
    rule: Option<RuleName>,
    /// Why it needs one.
    because: String,
    /// What will run, masked; whatever would not be shown as what it is is named between `⟨` and `⟩`.
    command: Option<String>,
    /// The same, parsed: what each command would run.
    commands: Vec<String>,
    /// The requester's screen, masked.
    screen: Option<String>,
    /// The requester's reason.
    reason: Option<String>,
    /// For how many seconds access is asked for.
    lasting_seconds: Option<u64>,
    needed: NeededView,
    votes: Vec<VoteView>,
    /// How far it was approved.
    scope: Option<ScopeView>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it is refused if nobody decides.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Timestamp>,
    /// Why it was cancelled.
    remark: Option<String>,
    /// Whether whoever asks for it may vote on it now; not in deliveries of the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_decide: Option<bool>,
    /// Where people decide on it.
    url: String,
}

/// Who asks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Requester {
    person: SubjectId,
    #[schema(value_type = String)]
    name: UserName,
    email: Option<String>,
    #[schema(value_type = Vec<String>)]
    groups: Vec<GroupName>,
}

/// Whose votes it takes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NeededView {
    /// Members of any of these groups may vote.
    #[schema(value_type = Vec<String>)]
    groups: Vec<GroupName>,
    /// How many different people must approve.
    count: usize,
}

/// A vote.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VoteView {
    person: SubjectId,
    #[schema(value_type = String)]
    by: UserName,
    approve: bool,
    comment: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// How far an approval goes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScopeView {
    scope: ScopeWord,
    /// Until when, where a time was given.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl ApprovalView {
    /// The request as `viewer` sees it. One whose time is over is shown as expired, whoever has noticed.
    #[must_use]
    pub fn of(record: &Approval, viewer: Option<&Subject>, console: &Url, now: Timestamp) -> Self {
        let is_over = record.is_pending() && now >= record.expires_at;
        Self {
            id: record.id,
            kind: record.kind,
            state: if is_over { ApprovalState::Expired } else { record.state },
            requester: Requester {
                person: SubjectId::from(&record.requester),
                name: record.requester.name.clone(),
                email: record.requester.email.clone(),
                groups: record.requester.groups.iter().cloned().collect(),
            },
            target: record.target.clone(),
            login: record.login.clone(),
            session: record.session,
            rule: record.rule.clone(),
            because: record.because.clone(),
            command: command(record),
            commands: record.commands.clone(),
            screen: record.screen.clone(),
            reason: record.reason.clone(),
            lasting_seconds: record.lasting.map(|lasting| lasting.as_secs()),
            needed: NeededView { groups: record.needed.groups.clone(), count: record.needed.count },
            votes: record
                .votes
                .iter()
                .map(|vote| VoteView {
                    person: SubjectId::from(&vote.by),
                    by: vote.name.clone(),
                    approve: vote.approve,
                    comment: vote.comment.clone(),
                    at: vote.at,
                })
                .collect(),
            scope: record.reach.map(|reach| ScopeView { scope: reach.scope, until: reach.until }),
            created_at: record.created_at,
            expires_at: record.expires_at,
            decided_at: record.decided_at,
            remark: record.remark.clone(),
            may_decide: viewer.map(|viewer| may_decide(record, viewer, now)),
            url: url(console, record.id),
        }
    }

    /// Without the screen: what leaves the bastion by itself need not carry it.
    #[must_use]
    pub fn without_screen(self) -> Self {
        Self { screen: None, ..self }
    }
}

/// The command as people read it: masked first, then made visible.
pub(super) fn command(record: &Approval) -> Option<String> {
    if record.text.is_empty() {
        return None;
    }
    let mut masker = Masker::new();
    let (head, tail): (_, _) = (masker.feed(Bytes::clone(&record.text)), masker.finish());
    Some(visible(&[head.bytes().as_ref(), tail.bytes().as_ref()].concat()))
}

/// Where people decide on a request.
pub(super) fn url(console: &Url, id: ApprovalId) -> String {
    format!("{}/#/approvals/{id}", console.as_str().trim_end_matches('/'))
}

pub(super) fn scope_word(scope: Scope) -> ScopeWord {
    match scope {
        Scope::For(_) => ScopeWord::For,
        Scope::Once => ScopeWord::Once,
        Scope::Session => ScopeWord::Session,
    }
}

pub(super) fn state(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Approved => "approved",
        ApprovalState::Cancelled => "cancelled",
        ApprovalState::Denied => "denied",
        ApprovalState::Expired => "expired",
        ApprovalState::Pending => "pending",
    }
}

/// A time as it stands in rules: `15m`, `8h`.
pub(super) fn duration(time: Duration) -> String {
    SignedDuration::try_from(time).map_or_else(|_| "forever".to_owned(), |time| format!("{time:#}").replace(' ', ""))
}

/// The head of a text, marked if something is missing.
pub(super) fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
    text
}

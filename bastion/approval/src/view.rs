//! [`ApprovalView`]: a request as people see it, in the API and in deliveries of the webhook.

use std::time::Duration;

use api::id::SubjectId;
use bytes::Bytes;
use config::{GroupName, Login, RuleName, TargetName, UserName};
use jiff::{SignedDuration, Timestamp};
use ledger::store::subject_id;
use mask::{Masker, visible};
use policy::{
    Subject,
    approval::{Act, ActKind, Person, Scope, Stdin},
};
use recorder::SessionId;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::{Approval, ApprovalId, ApprovalKind, ApprovalState, ScopeWord, may_decide};

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
    #[schema(required, value_type = Option<String>)]
    session: Option<SessionId>,
    /// The rule or role that asks for the approval.
    #[schema(required, value_type = Option<String>)]
    rule: Option<RuleName>,
    /// Why it needs one.
    because: String,
    /// What will run, masked; whatever would not be shown as what it is is named between `⟨` and `⟩`. What it reads is
    /// in `act`.
    #[schema(required)]
    command: Option<String>,
    /// The same, part by part; unknown of requests from before the parts were kept apart.
    #[schema(required)]
    act: Option<ActView>,
    /// The same, parsed: what each command would run.
    commands: Vec<String>,
    /// The requester's screen, masked.
    #[schema(required)]
    screen: Option<String>,
    /// The requester's reason.
    #[schema(required)]
    reason: Option<String>,
    /// For how many seconds access is asked for.
    #[schema(required)]
    lasting_seconds: Option<u64>,
    needed: NeededView,
    votes: Vec<VoteView>,
    /// How far it was approved.
    #[schema(required)]
    scope: Option<ScopeView>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it is refused if nobody decides.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    decided_at: Option<Timestamp>,
    /// Why it was cancelled.
    #[schema(required)]
    remark: Option<String>,
    /// Whether whoever asks for it may vote on it now; not in deliveries of the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_decide: Option<bool>,
    /// Where people decide on it.
    url: String,
}

/// What is asked for, part by part: texts as in `command`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActView {
    /// What it is: `access`, `argv`, `attach`, `exec`, `line`, `request`, `session`, `shell` or `subsystem`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// `ssh` or `kubernetes`.
    #[schema(value_type = String)]
    protocol: &'static str,
    /// One command string, the words of a program's call, a typed line, a method and a path, capabilities.
    words: Vec<String>,
    stdin: StdinView,
    /// What the terminal understands (`TERM`); null where there is no terminal.
    #[schema(required)]
    terminal: Option<String>,
    /// In which container of the pod, where that was said.
    #[schema(required)]
    container: Option<String>,
    /// The environment variables that the target is asked to set.
    env: Vec<EnvView>,
}

/// What is read on standard input.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum StdinView {
    /// Exactly this.
    Given {
        /// The text.
        text: String,
    },
    /// Whatever is sent while it runs: nobody has seen that.
    Live,
    /// Nothing.
    None,
}

/// An environment variable.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EnvView {
    name: String,
    value: String,
}

/// Who asks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Requester {
    person: SubjectId,
    #[schema(value_type = String)]
    name: UserName,
    #[schema(required)]
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
    #[schema(required)]
    comment: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// How far an approval goes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScopeView {
    scope: ScopeWord,
    /// Until when, where a time was given.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl ActView {
    fn of(act: &Act) -> Self {
        let text = |text: &str| shown(&Bytes::copy_from_slice(text.as_bytes()));
        Self {
            kind: act.kind.as_str(),
            protocol: act.protocol.as_str(),
            words: act.words.iter().map(shown).collect(),
            stdin: match &act.stdin {
                Stdin::Given(input) => StdinView::Given { text: shown(input) },
                Stdin::Live => StdinView::Live,
                Stdin::None => StdinView::None,
            },
            terminal: act.terminal.as_deref().map(text),
            container: act.container.as_deref().map(text),
            env: act.env.iter().map(|(name, value)| EnvView { name: text(name), value: text(value) }).collect(),
        }
    }
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
                person: subject_id(&Person::of(&record.requester)),
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
            act: record.act.as_ref().map(ActView::of),
            commands: record.commands.clone(),
            screen: record.screen.clone(),
            reason: record.reason.clone(),
            lasting_seconds: record.lasting.map(|lasting| lasting.as_secs()),
            needed: NeededView { groups: record.needed.groups.clone(), count: record.needed.count },
            votes: record
                .votes
                .iter()
                .map(|vote| VoteView {
                    person: subject_id(&vote.by),
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

/// What would run, as people read it, without what it reads; nothing where no command is asked for.
pub(super) fn command(record: &Approval) -> Option<String> {
    let Some(act) = &record.act else { return Some(shown(&record.text)).filter(|text| !text.is_empty()) };
    let words = || act.words.iter().map(shown);
    match act.kind {
        ActKind::Access => None,
        ActKind::Argv => Some(quoted(&words().collect::<Vec<_>>())),
        ActKind::Exec | ActKind::Line | ActKind::Request => Some(words().collect::<Vec<_>>().join(" ")),
        ActKind::Attach => Some("attach to what runs in the container".to_owned()),
        ActKind::Session => Some(words().collect::<Vec<_>>().join(" + ")),
        ActKind::Shell => Some("the login shell".to_owned()),
        ActKind::Subsystem => Some(format!("the subsystem {}", words().collect::<String>())),
    }
}

/// What it reads on standard input, where that is known.
pub(super) fn input(record: &Approval) -> Option<String> {
    match &record.act.as_ref()?.stdin {
        Stdin::Given(input) => Some(shown(input)),
        Stdin::Live | Stdin::None => None,
    }
}

/// Command and input as they stand in the audit log.
pub(super) fn in_a_line(record: &Approval) -> Option<String> {
    let input = input(record).map(|input| format!(", input: {input}")).unwrap_or_default();
    command(record).map(|command| format!("{command}{input}"))
}

/// Masked first, then made visible.
fn shown(text: &Bytes) -> String {
    let mut masker = Masker::new();
    let (head, tail): (_, _) = (masker.feed(Bytes::clone(text)), masker.finish());
    visible(&[head.bytes().as_ref(), tail.bytes().as_ref()].concat())
}

/// Words as a shell would read them.
#[must_use]
pub fn quoted(words: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    let quote = |word: &String| {
        if !word.is_empty() && word.chars().all(is_plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
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

//! [`view()`]: a request as people see it, in the API and in deliveries of the webhook.

use std::time::Duration;

use api::approvals::{ActView, ApprovalView, EnvView, NeededView, Requester, ScopeView, StdinView, VoteView};
use bytes::Bytes;
use config::{GroupName, RuleName};
use jiff::{SignedDuration, Timestamp};
use ledger::store::{approval::VoteRecord, subject_id};
use mask::{Masker, visible};
use policy::{
    Subject,
    approval::{Act, ActKind, Person, Scope, Stdin},
};
use url::Url;

use super::{Approval, ApprovalId, ApprovalState, ScopeWord, may_decide};

/// The request as `viewer` sees it. One whose time is over is shown as expired, whoever has noticed.
#[must_use]
pub fn view(record: &Approval, viewer: Option<&Subject>, console: &Url, now: Timestamp) -> ApprovalView {
    let is_over = record.is_pending() && now >= record.expires_at;
    ApprovalView {
        id: record.id,
        kind: record.kind.into(),
        state: if is_over { ApprovalState::Expired } else { record.state },
        requester: Requester {
            person: Some(subject_id(&Person::of(&record.requester))),
            name: record.requester.name.to_string(),
            email: record.requester.email.clone(),
            groups: record.requester.groups.iter().map(GroupName::to_string).collect(),
        },
        target: record.target.to_string(),
        login: record.login.to_string(),
        session: record.session.map(|session| session.to_string()),
        rule: record.rule.as_ref().map(RuleName::to_string),
        because: record.because.clone(),
        command: command(record),
        act: record.act.as_ref().map(act_view),
        commands: record.commands.clone(),
        screen: record.screen.clone(),
        reason: record.reason.clone(),
        lasting_seconds: record.lasting.map(|lasting| lasting.as_secs()),
        needed: NeededView {
            groups: record.needed.groups.iter().map(GroupName::to_string).collect(),
            count: record.needed.count,
        },
        votes: record.votes.iter().map(vote_view).collect(),
        scope: record.reach.map(|reach| ScopeView { scope: reach.scope.into(), until: reach.until }),
        created_at: record.created_at,
        expires_at: record.expires_at,
        decided_at: record.decided_at,
        remark: record.remark.clone(),
        may_decide: viewer.map(|viewer| may_decide(record, viewer, now)),
        url: url(console, record.id),
    }
}

fn act_view(act: &Act) -> ActView {
    let text = |text: &str| shown(&Bytes::copy_from_slice(text.as_bytes()));
    ActView {
        kind: act.kind.as_str().to_owned(),
        protocol: act.protocol.as_str().to_owned(),
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

fn vote_view(vote: &VoteRecord) -> VoteView {
    VoteView {
        person: Some(subject_id(&vote.by)),
        by: vote.name.to_string(),
        approve: vote.approve,
        comment: vote.comment.clone(),
        at: vote.at,
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

//! Requests, votes and what comes of them, over a real store.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use ledger::{
    audit::AuditEvent,
    store::{AuditFilter, SqlStore},
};
use policy::{
    ApprovedKind, Protocol, Subject,
    approval::{Act, ActKind, Stdin},
};
use recorder::SessionId;
use sqlx::Connection as _;
use tempfile::TempDir;

use super::*;

struct Site {
    approvals: Approvals,
    store: SqlStore,
    folder: TempDir,
}

async fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let (approvals, store) = open(folder.path()).await;
    Site { approvals, store, folder }
}

async fn open(folder: &Path) -> (Approvals, SqlStore) {
    let store = SqlStore::in_file(&folder.join("bastion.db")).await.unwrap();
    let console = "https://bastion.example.com:8443".parse().unwrap();
    (Approvals::start(Arc::new(store.clone()), console, None).await.unwrap(), store)
}

impl Site {
    /// The bastion stops, in whatever state it is, and starts anew.
    async fn restart(self) -> Self {
        self.approvals.close().await;
        self.store.close().await;
        let (approvals, store) = open(self.folder.path()).await;
        Self { approvals, store, folder: self.folder }
    }

    /// A statement by other hands: what an older bastion left, or what breaks the database.
    async fn damage(&self, statement: &'static str) {
        let url = format!("sqlite:{}", self.folder.path().join("bastion.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }

    async fn events(&self) -> Vec<AuditEvent> {
        let filter = AuditFilter { limit: 1000, ..AuditFilter::default() };
        self.store.audit(&filter).await.unwrap().into_iter().rev().map(|record| record.event).collect()
    }

    async fn kinds(&self) -> Vec<&'static str> {
        self.events().await.iter().map(AuditEvent::kind).collect()
    }

    async fn state(&self, id: ApprovalId) -> ApprovalState {
        self.approvals.find(id).await.unwrap().unwrap().state
    }

    /// Waits until a request is no longer pending.
    async fn decided(&self, id: ApprovalId) -> Approval {
        let wait = async {
            loop {
                let change = self.approvals.next_change(id);
                let record = self.approvals.find(id).await.unwrap().unwrap();
                if !record.is_pending() {
                    return record;
                }
                change.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("decided in time")
    }
}

fn subject(name: &str, groups: &[&str]) -> Subject {
    Subject {
        issuer: "https://issuer.example.com".into(),
        id: format!("id-{name}"),
        name: name.parse().unwrap(),
        email: None,
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
    }
}

fn alice() -> Subject {
    subject("alice", &["engineering", "sre"])
}

fn bob() -> Subject {
    subject("bob", &["sre"])
}

fn carol() -> Subject {
    subject("carol", &["sre"])
}

fn needed(count: usize) -> Needed {
    Needed { groups: vec!["sre".parse().unwrap()], count, expires: Duration::from_secs(900), reason_required: false }
}

fn act(command: &'static [u8]) -> Act {
    Act::of(ActKind::Exec, Protocol::Ssh, [command])
}

/// The bytes of that act on `web1` as root.
fn exact(command: &'static [u8]) -> Bytes {
    act(command).encode(&"web1".parse().unwrap(), &"root".parse().unwrap())
}

fn command(text: &'static [u8]) -> NewApproval {
    NewApproval {
        kind: ApprovalKind::Command,
        requester: alice(),
        target: "web1".parse().unwrap(),
        login: "root".parse().unwrap(),
        session: None,
        rule: Some("restart".parse().unwrap()),
        act: act(text),
        commands: vec!["systemctl restart db".into()],
        screen: None,
        reason: None,
        because: "systemctl restart".into(),
        needed: needed(1),
        source: "192.0.2.7:50000".into(),
    }
}

fn yes() -> Vote {
    Vote { approve: true, scope: Scope::Once, comment: None }
}

fn no(comment: &str) -> Vote {
    Vote { approve: false, scope: Scope::Once, comment: Some(comment.into()) }
}

async fn next(waiting: &mut Waiting) -> Progress {
    tokio::time::timeout(Duration::from_secs(20), waiting.changed()).await.expect("told in time")
}

async fn granted(waiting: &mut Waiting) -> Granted {
    match next(waiting).await {
        Progress::Decided(Outcome::Granted(granted)) => granted,
        other @ (Progress::Decided(_) | Progress::Voted { .. }) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_approved_is_given_byte_for_byte_to_whoever_waits() {
    let site = site().await;
    let mut waiting = site.approvals.request(command(b"systemctl restart db\x1b[2J\xff")).await.unwrap();
    let record = site.approvals.decide(waiting.id(), &bob(), yes()).await.unwrap();
    assert_eq!((record.state, record.approved_by()), (ApprovalState::Approved, vec!["bob".parse().unwrap()]));
    let granted = granted(&mut waiting).await;
    assert_eq!(*granted.text(), exact(b"systemctl restart db\x1b[2J\xff"));
    assert_eq!((granted.id(), granted.by(), granted.scope()), (waiting.id(), record.approved_by(), ScopeWord::Once));
    drop(waiting);
    assert_eq!(site.state(record.id).await, ApprovalState::Approved);
    assert_eq!(site.kinds().await, ["approval_requested", "approval_voted", "approval_decided"]);
    let AuditEvent::ApprovalRequested { command: Some(command), .. } = &site.events().await[0] else { panic!() };
    assert_eq!(command, "systemctl restart db⟨ESC⟩[2J⟨0xFF⟩");
}

#[tokio::test]
async fn one_no_decides_and_says_why() {
    let site = site().await;
    let mut waiting = site.approvals.request(NewApproval { needed: needed(3), ..command(b"x") }).await.unwrap();
    site.approvals.decide(waiting.id(), &carol(), yes()).await.unwrap();
    let Progress::Voted { approvals: 1, of: 3 } = next(&mut waiting).await else { panic!() };
    site.approvals.decide(waiting.id(), &bob(), no("not\x1b[2J today")).await.unwrap();
    let Progress::Decided(Outcome::Denied { by, comment }) = next(&mut waiting).await else { panic!() };
    assert_eq!((by.as_str(), comment.as_deref()), ("bob", Some("not⟨ESC⟩[2J today")));
}

#[tokio::test]
async fn nobody_decides_on_their_own_request_under_whatever_name_and_group() {
    let site = site().await;
    let waiting = site.approvals.request(command(b"x")).await.unwrap();
    let alias = Subject { name: "root".parse().unwrap(), ..subject("alice", &["sre", "admin"]) };
    for who in [alice(), alias] {
        for vote in [yes(), no("")] {
            let error = site.approvals.decide(waiting.id(), &who, vote).await.unwrap_err();
            assert!(matches!(error, DecideError::NoVote(approval::NoVote::Own)), "{error}");
        }
    }
    assert_eq!(site.kinds().await, ["approval_requested"], "nothing was changed");
}

#[tokio::test]
async fn a_vote_needs_membership_in_a_group_at_the_time_of_the_vote() {
    let site = site().await;
    let waiting = site.approvals.request(command(b"x")).await.unwrap();
    for who in [subject("eve", &["engineering"]), subject("bob", &[])] {
        let error = site.approvals.decide(waiting.id(), &who, yes()).await.unwrap_err();
        assert!(matches!(error, DecideError::NoVote(approval::NoVote::NotEntitled)), "{error}");
    }
    assert_eq!(site.state(waiting.id()).await, ApprovalState::Pending);
}

#[tokio::test]
async fn two_of_three_are_two_people_and_more_votes_come_too_late() {
    let site = site().await;
    let mut waiting = site.approvals.request(NewApproval { needed: needed(2), ..command(b"x") }).await.unwrap();
    let id = waiting.id();
    site.approvals.decide(id, &bob(), yes()).await.unwrap();
    let renamed = Subject { name: "robert".parse().unwrap(), ..bob() };
    for again in [bob(), renamed] {
        let error = site.approvals.decide(id, &again, yes()).await.unwrap_err();
        assert!(matches!(error, DecideError::NoVote(approval::NoVote::Again)), "{error}");
    }
    assert_eq!(site.state(id).await, ApprovalState::Pending);
    site.approvals.decide(id, &carol(), yes()).await.unwrap();
    while !matches!(next(&mut waiting).await, Progress::Decided(Outcome::Granted(_))) {}
    for (who, vote) in [(subject("dave", &["sre"]), yes()), (subject("dave", &["sre"]), no("")), (bob(), no(""))] {
        let error = site.approvals.decide(id, &who, vote).await.unwrap_err();
        assert!(matches!(error, DecideError::AlreadyDecided { state: ApprovalState::Approved }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_at_the_same_time_are_all_counted_and_decide_once() {
    let site = site().await;
    let mut waiting = site.approvals.request(NewApproval { needed: needed(5), ..command(b"x") }).await.unwrap();
    let id = waiting.id();
    let votes: Vec<_> = (0..8)
        .map(|n| {
            let approvals = site.approvals.clone();
            tokio::spawn(async move { approvals.decide(id, &subject(&format!("p{n}"), &["sre"]), yes()).await.is_ok() })
        })
        .collect();
    let mut taken = 0;
    for vote in votes {
        taken += usize::from(vote.await.unwrap());
    }
    assert_eq!(taken, 5);
    while !matches!(next(&mut waiting).await, Progress::Decided(Outcome::Granted(_))) {}
    assert_eq!(site.kinds().await.iter().filter(|kind| **kind == "approval_decided").count(), 1);
}

#[tokio::test]
async fn what_nobody_decides_expires_and_no_vote_comes_after() {
    let site = site().await;
    let soon = Needed { expires: Duration::from_millis(150), ..needed(1) };
    let mut waiting = site.approvals.request(NewApproval { needed: soon, ..command(b"x") }).await.unwrap();
    assert!(matches!(next(&mut waiting).await, Progress::Decided(Outcome::Expired)));
    let error = site.approvals.decide(waiting.id(), &bob(), yes()).await.unwrap_err();
    assert!(matches!(error, DecideError::AlreadyDecided { state: ApprovalState::Expired }), "{error}");
    assert_eq!(site.kinds().await, ["approval_requested", "approval_decided"]);
}

#[tokio::test]
async fn what_nobody_waits_for_expires_in_its_moment_too() {
    let site = site().await;
    let soon = Needed { expires: Duration::from_millis(150), ..needed(1) };
    let asked = NewApproval { needed: soon, ..access() };
    let record = site.approvals.request_access(asked, Duration::from_secs(60), &terms()).await.unwrap();
    assert_eq!(site.decided(record.id).await.state, ApprovalState::Expired);
    assert_eq!(site.kinds().await, ["approval_requested", "approval_decided"]);
}

#[tokio::test]
async fn a_vote_is_too_late_even_if_nobody_has_noticed_yet() {
    let site = site().await;
    let over = Needed { expires: Duration::ZERO, ..needed(1) };
    let waiting = site.approvals.request(NewApproval { needed: over, ..command(b"x") }).await.unwrap();
    let error = site.approvals.decide(waiting.id(), &bob(), yes()).await.unwrap_err();
    assert!(matches!(error, DecideError::AlreadyDecided { state: ApprovalState::Expired }), "{error}");
}

#[tokio::test]
async fn who_goes_away_gives_the_request_up() {
    let site = site().await;
    let waiting = site.approvals.request(command(b"x")).await.unwrap();
    let id = waiting.id();
    drop(waiting);
    let record = site.decided(id).await;
    assert_eq!((record.state, record.remark.as_deref()), (ApprovalState::Cancelled, Some(WENT_AWAY)));
    let error = site.approvals.decide(id, &bob(), yes()).await.unwrap_err();
    assert!(matches!(error, DecideError::AlreadyDecided { state: ApprovalState::Cancelled }), "{error}");
}

#[tokio::test]
async fn only_the_requester_cancels() {
    let site = site().await;
    let mut waiting = site.approvals.request(command(b"x")).await.unwrap();
    for who in [bob(), subject("eve", &[])] {
        let error = site.approvals.cancel(waiting.id(), &who).await.unwrap_err();
        assert!(matches!(error, DecideError::NotRequester), "{error}");
    }
    site.approvals.cancel(waiting.id(), &alice()).await.unwrap();
    assert!(matches!(next(&mut waiting).await, Progress::Decided(Outcome::Cancelled)));

    let waiting = site.approvals.request(command(b"x")).await.unwrap();
    let id = waiting.id();
    waiting.cancel().await.unwrap();
    assert_eq!(site.state(id).await, ApprovalState::Cancelled);
}

#[tokio::test]
async fn a_restart_refuses_what_waits_and_keeps_what_was_decided() {
    let site = site().await;
    let pending = site.approvals.request(command(b"waits")).await.unwrap();
    let hour = Vote { scope: Scope::For(Duration::from_secs(3600)), ..yes() };
    let decided = site.approvals.request(command(b"lasts")).await.unwrap();
    site.approvals.decide(decided.id(), &bob(), hour).await.unwrap();
    let (pending_id, decided_id) = (pending.id(), decided.id());
    // As after a crash: nobody gives anything up.
    std::mem::forget(pending);

    let site = site.restart().await;
    let record = site.approvals.find(pending_id).await.unwrap().unwrap();
    assert_eq!((record.state, record.remark.as_deref()), (ApprovalState::Cancelled, Some(RESTARTED)));
    let error = site.approvals.decide(pending_id, &bob(), yes()).await.unwrap_err();
    assert!(matches!(error, DecideError::AlreadyDecided { .. }), "{error}");
    assert_eq!(site.state(decided_id).await, ApprovalState::Approved);
    let standing = site.approvals.standing(&command(b"lasts")).await.unwrap().expect("it stands");
    assert_eq!((standing.id(), standing.text()), (decided_id, &exact(b"lasts")));
}

#[tokio::test]
async fn an_approval_stands_for_its_session_or_time_and_for_the_same_only() {
    let site = site().await;
    let session = SessionId::new();
    let in_session = NewApproval { session: Some(session), ..command(b"again") };
    for (scope, stands_here, stands_elsewhere) in [
        (Scope::Once, false, false),
        (Scope::Session, true, false),
        (Scope::For(Duration::from_secs(3600)), true, true),
    ] {
        let waiting = site.approvals.request(in_session.clone()).await.unwrap();
        site.approvals.decide(waiting.id(), &bob(), Vote { scope, ..yes() }).await.unwrap();
        let elsewhere = NewApproval { session: Some(SessionId::new()), ..in_session.clone() };
        assert_eq!(site.approvals.standing(&in_session).await.unwrap().is_some(), stands_here, "{scope:?}");
        assert_eq!(site.approvals.standing(&elsewhere).await.unwrap().is_some(), stands_elsewhere, "{scope:?}");
    }
    for other in [
        NewApproval { act: act(b"again "), ..in_session.clone() },
        NewApproval { act: Act { stdin: Stdin::Live, ..act(b"again") }, ..in_session.clone() },
        NewApproval { act: Act { terminal: Some("xterm".into()), ..act(b"again") }, ..in_session.clone() },
        NewApproval { act: Act { kind: ActKind::Line, ..act(b"again") }, ..in_session.clone() },
        NewApproval { target: "db1".parse().unwrap(), ..in_session.clone() },
        NewApproval { login: "demo".parse().unwrap(), ..in_session.clone() },
        NewApproval { rule: None, ..in_session.clone() },
        NewApproval { requester: carol(), ..in_session.clone() },
        NewApproval { kind: ApprovalKind::Session, ..in_session.clone() },
        NewApproval { needed: needed(2), ..in_session.clone() },
    ] {
        assert!(site.approvals.standing(&other).await.unwrap().is_none(), "{other:?}");
    }
}

#[tokio::test]
async fn what_was_approved_before_its_parts_were_kept_apart_stands_for_nothing() {
    let site = site().await;
    let waiting = site.approvals.request(command(b"again")).await.unwrap();
    let hour = Scope::For(Duration::from_secs(3600));
    site.approvals.decide(waiting.id(), &bob(), Vote { scope: hour, ..yes() }).await.unwrap();
    assert!(site.approvals.standing(&command(b"again")).await.unwrap().is_some());
    // As an older bastion left it, even if its text were the bytes of an act.
    site.damage("UPDATE approvals SET exact_form = NULL").await;
    assert!(site.approvals.standing(&command(b"again")).await.unwrap().is_none());
    site.damage("UPDATE approvals SET exact_text = CAST('again' AS BLOB)").await;
    let record = site.approvals.find(waiting.id()).await.unwrap().unwrap();
    assert_eq!((record.act.as_ref(), view::command(&record).as_deref()), (None, Some("again")), "it can be read");
}

#[tokio::test]
async fn how_far_an_approval_may_go_is_bounded() {
    let site = site().await;
    let waiting = site.approvals.request(command(b"x")).await.unwrap();
    let day = Duration::from_secs(24 * 3600);
    for scope in [Scope::Session, Scope::For(Duration::from_secs(1)), Scope::For(day * 2)] {
        let error = site.approvals.decide(waiting.id(), &bob(), Vote { scope, ..yes() }).await.unwrap_err();
        assert!(matches!(error, DecideError::Scope(_)), "{error}");
    }
    assert_eq!(site.state(waiting.id()).await, ApprovalState::Pending);
}

#[tokio::test]
async fn what_nobody_could_or_would_read_is_not_asked_for() {
    let site = site().await;
    let ask = async |new: NewApproval| site.approvals.request(new).await.map(|_| ()).unwrap_err();
    let nobody = Needed { groups: Vec::new(), ..needed(1) };
    assert!(matches!(ask(NewApproval { needed: nobody, ..command(b"x") }).await, ApprovalError::NobodyCanApprove));
    let why = Needed { reason_required: true, ..needed(1) };
    for reason in [None, Some(" \n".to_owned())] {
        let new = NewApproval { needed: why.clone(), reason, ..command(b"x") };
        assert!(matches!(ask(new).await, ApprovalError::ReasonRequired));
    }
    let long = NewApproval {
        act: Act::of(ActKind::Exec, Protocol::Ssh, [vec![b'a'; request::MAX_TEXT_BYTES]]),
        ..command(b"x")
    };
    assert!(matches!(ask(long).await, ApprovalError::TooLong { what: "command", .. }));
    let reason = Some("a".repeat(request::MAX_WORDS_BYTES + 1));
    assert!(matches!(
        ask(NewApproval { reason, ..command(b"x") }).await,
        ApprovalError::TooLong { what: "reason", .. }
    ));
    assert!(site.events().await.is_empty());
}

#[tokio::test]
async fn one_person_has_so_many_requests_that_wait_and_no_more() {
    let site = site().await;
    let mut waiting = Vec::new();
    for _ in 0..request::MOST_PENDING {
        waiting.push(site.approvals.request(command(b"x")).await.unwrap());
    }
    let error = site.approvals.request(command(b"x")).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, ApprovalError::TooManyPending { limit: request::MOST_PENDING }), "{error}");
    site.approvals.request(NewApproval { requester: carol(), ..command(b"x") }).await.map(|_| ()).unwrap();
    waiting.pop().unwrap().cancel().await.unwrap();
    site.approvals.request(command(b"x")).await.map(|_| ()).unwrap();
}

#[tokio::test]
async fn the_screen_is_cut_at_its_top_and_made_visible() {
    let site = site().await;
    let screen = format!("{}\n$ \x1b[31mlast\u{202e}   \n\n", "a".repeat(request::MAX_SCREEN_BYTES));
    let waiting = site.approvals.request(NewApproval { screen: Some(screen), ..command(b"x") }).await.unwrap();
    let record = site.approvals.find(waiting.id()).await.unwrap().unwrap();
    assert_eq!(record.screen.as_deref(), Some("$ ⟨ESC⟩[31mlast⟨U+202E⟩"));
}

fn access() -> NewApproval {
    NewApproval {
        kind: ApprovalKind::Access,
        rule: None,
        act: Act { kind: ActKind::Access, words: Vec::new(), ..act(b"") },
        commands: Vec::new(),
        ..command(b"")
    }
}

fn terms() -> policy::AccessTerms {
    policy::AccessTerms { role: "engineer".parse().unwrap(), approvers: needed(1), max: Duration::from_secs(7200) }
}

#[tokio::test]
async fn approved_access_is_open_for_its_time_and_survives_a_restart() {
    let site = site().await;
    let hour = Duration::from_secs(3600);
    let record = site.approvals.request_access(access(), hour, &terms()).await.unwrap();
    assert!(site.approvals.approved_access(&alice()).is_empty());
    let decided = site.approvals.decide(record.id, &bob(), yes()).await.unwrap();
    assert_eq!(site.kinds().await.last(), Some(&"access_granted"));

    let site = site.restart().await;
    let [open] = site.approvals.approved_access(&alice()).try_into().unwrap();
    assert_eq!((open.what, open.target.as_str(), open.login.as_str()), (ApprovedKind::Access, "web1", "root"));
    let until = decided.decided_at.unwrap().as_second() + 3600;
    assert!((Timestamp::try_from(open.until.unwrap()).unwrap().as_second() - until).abs() <= 1);
    assert!(site.approvals.approved_access(&bob()).is_empty(), "it is hers alone");
    for lasting in [Duration::from_secs(1), terms().max + Duration::from_secs(1)] {
        let error = site.approvals.request_access(access(), lasting, &terms()).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, ApprovalError::Time { .. }), "{error}");
    }
    let record = site.approvals.request_access(access(), hour, &terms()).await.unwrap();
    let for_longer = Vote { scope: Scope::For(hour * 20), ..yes() };
    assert!(matches!(site.approvals.decide(record.id, &bob(), for_longer).await, Err(DecideError::Scope(_))));
}

#[tokio::test]
async fn access_whose_time_is_over_is_ended_and_written_down() {
    let site = site().await;
    let record = site.approvals.request_access(access(), Duration::from_secs(60), &terms()).await.unwrap();
    site.approvals.decide(record.id, &bob(), yes()).await.unwrap();
    // The hour passes while the bastion does not run.
    site.damage("UPDATE access_grants SET until = 1000").await;
    let site = site.restart().await;
    assert!(site.approvals.approved_access(&alice()).is_empty());
    let ended = async {
        while site.kinds().await.last() != Some(&"access_ended") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("ended in time");
    assert!(site.store.open_access().await.unwrap().is_empty());
}

// === other instances on the same store ===

/// Another instance: it shares the store, and nobody tells it anything.
async fn elsewhere(site: &Site) -> Approvals {
    let console = "https://bastion.example.com:8443".parse().unwrap();
    Approvals::start(Arc::new(site.store.clone()), console, None).await.unwrap()
}

#[tokio::test]
async fn what_another_instance_decides_is_told_to_whoever_waits_once_it_is_looked_at() {
    let site = site().await;
    let other = elsewhere(&site).await;
    let mut waiting = site.approvals.request(NewApproval { needed: needed(2), ..command(b"reboot") }).await.unwrap();
    let id = waiting.id();
    // Somebody looks at it over the API of the other one.
    let change = other.next_change(id);
    other.decide(id, &bob(), yes()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), change).await.expect("told there");

    site.approvals.look_at(id).await.unwrap();
    let progress = next(&mut waiting).await;
    assert!(matches!(progress, Progress::Voted { approvals: 1, of: 2 }), "{progress:?}");
    // Nothing is new: nobody is told twice.
    site.approvals.look_at_watched().await.unwrap();
    let change = site.approvals.next_change(id);
    other.decide(id, &carol(), yes()).await.unwrap();
    site.approvals.look_at_watched().await.unwrap();
    let granted = granted(&mut waiting).await;
    assert_eq!(*granted.text(), exact(b"reboot"));
    tokio::time::timeout(Duration::from_secs(20), change).await.expect("told here");
    site.approvals.look_at(ApprovalId::new()).await.unwrap();
}

#[tokio::test]
async fn access_that_another_instance_grants_or_ends_holds_here_too() {
    let site = site().await;
    let other = elsewhere(&site).await;
    let asked = other.request_access(access(), Duration::from_secs(600), &terms()).await.unwrap();
    other.decide(asked.id, &bob(), yes()).await.unwrap();
    assert!(site.approvals.approved_access(&alice()).is_empty());
    site.approvals.look_at_access().await.unwrap();
    assert_eq!(site.approvals.approved_access(&alice()).len(), 1);
    assert!(site.store.end_access(asked.id, Timestamp::now(), &[]).await.unwrap());
    site.approvals.look_at_access().await.unwrap();
    assert!(site.approvals.approved_access(&alice()).is_empty());
}

#[tokio::test]
async fn a_bastion_that_others_may_take_for_dead_lets_nobody_wait() {
    let site = site().await;
    let mut waiting = site.approvals.request(command(b"reboot")).await.unwrap();
    site.approvals.abandon();
    let progress = next(&mut waiting).await;
    assert!(matches!(progress, Progress::Decided(Outcome::Cancelled)), "{progress:?}");
}

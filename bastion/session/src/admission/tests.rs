//! What may start, what may not, and that nothing is taken from before a wait.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use approval::{ApprovalKind, Vote};
use config::RuleDoc;
use ledger::store::{ApprovalFilter, AuditFilter};
use policy::{
    Decision, Protocol, RuleSet,
    approval::{ActKind, Scope},
};
use recorder::ExitStatus;
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};

use super::{super::permit::tests::decided, *};
use crate::{
    Sessions,
    leg::LegClosed,
    start::tests::{sessions, visit},
    terminal::{FromUser, OutputStream},
};

const SOON: Duration = Duration::from_secs(30);

/// Everybody may, but what these rules say.
const RULES: &str = "rules:
  - { name: rm, effect: block, match: { command: { program: [rm] } } }
  - { name: svc, effect: approve, approvers: { groups: [sre] }, match: { command: { program: [systemctl] } } }
";

fn compile(allow: &str, rules: &str) -> Arc<RuleSet> {
    let text = format!(
        "roles: {{ r: {{ users: [alice], allow: [{{ targets: {{ names: [web1] }}, logins: [root], {allow} }}] }} }}\n{rules}"
    );
    Arc::new(RuleSet::compile(&[RuleDoc::parse(&text, "rules.yaml").unwrap()]).unwrap())
}

const FREE: &str = "capabilities: [pty, shell, exec]";
const WITH_APPROVAL: &str = "capabilities: [pty, shell, exec], approval: { groups: [sre] }";

/// A front as small as one can be.
#[derive(Clone)]
struct Front {
    command: &'static [u8],
    rules: watch::Sender<Arc<RuleSet>>,
    sessions: Sessions,
    visit: Visit,
    refused_scripts: Arc<AtomicUsize>,
}

impl AccessRequest for Front {
    fn request(&self) -> Request<'_> {
        Request::Exec { command: self.command, terminal: false }
    }

    fn act(&self, stdin: Option<&Bytes>) -> Act {
        Act::of(ActKind::Exec, Protocol::Ssh, [Bytes::from_static(self.command)].into_iter().chain(stdin.cloned()))
    }

    fn has_terminal(&self) -> bool {
        false
    }

    fn has_stdin(&self) -> bool {
        true
    }

    async fn permitted(&self, approved: &[Approved]) -> Result<Permitted, NotPermitted> {
        let standing = decided(&self.rules, approved.to_vec()).map_err(|decision| match decision {
            Decision::Hold(hold) => NotPermitted::Held(hold),
            Decision::Deny(denial) => NotPermitted::Refused(Refusal::new(ReasonCode::NotAllowed, denial.reason)),
            Decision::Allow(permit) => panic!("{permit:?}"),
        })?;
        Ok(Permitted { visit: self.visit.clone(), standing })
    }

    fn approvals(&self) -> Approvals {
        self.sessions.approvals.clone()
    }

    fn session_question(&self, hold: Hold) -> Option<NewApproval> {
        let act = Act::of(ActKind::Session, Protocol::Ssh, ["exec"]);
        Some(self.visit.question(ApprovalKind::Session, act, hold.approvers))
    }

    async fn script_refused(&self, _: &str) {
        self.refused_scripts.fetch_add(1, Ordering::SeqCst);
    }
}

/// A user who sends this, then nothing.
struct Typing(VecDeque<FromUser>);

impl UserReader for Typing {
    async fn next(&mut self) -> FromUser {
        match self.0.pop_front() {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}

/// What the user was told, and whether there is one.
#[derive(Clone, Default)]
struct Told {
    text: Arc<Mutex<String>>,
    gone: bool,
}

impl UserWriter for Told {
    async fn open(&self) -> Result<(), LegClosed> {
        if self.gone { Err(LegClosed) } else { Ok(()) }
    }

    async fn output(&self, _: OutputStream, data: Bytes) -> Result<(), LegClosed> {
        self.text.lock().unwrap().push_str(&String::from_utf8_lossy(&data));
        Ok(())
    }

    async fn exit(&self, _: ExitStatus) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn close(&self) -> Result<(), LegClosed> {
        Ok(())
    }

    fn release(&self, _: usize) {}
}

struct Site {
    front: Front,
    told: Told,
    _folder: TempDir,
}

async fn site(command: &'static [u8], allow: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let (sessions, rules) = (sessions(folder.path()).await, watch::Sender::new(compile(allow, RULES)));
    let visit = visit(&sessions).await;
    let front = Front { command, rules, sessions, visit, refused_scripts: Arc::default() };
    Site { front, told: Told::default(), _folder: folder }
}

impl Site {
    async fn admit(&self, events: impl IntoIterator<Item = FromUser>) -> Result<Admitted<Front, Typing>, Refusal> {
        let admitting = admit(self.front.clone(), Typing(events.into_iter().collect()), &self.told);
        timeout(SOON, admitting).await.expect("an answer")
    }

    /// Admits, while `meanwhile` happens once somebody is asked.
    async fn admit_while(&self, meanwhile: impl AsyncFnOnce(&Self)) -> Result<Admitted<Front, Typing>, Refusal> {
        let (admitted, ()) = tokio::join!(self.admit([]), async {
            let told = async {
                while !self.told.text.lock().unwrap().contains("waiting for approval") {
                    tokio::task::yield_now().await;
                }
            };
            timeout(SOON, told).await.expect("somebody is asked");
            meanwhile(self).await;
        });
        admitted
    }

    async fn vote(&self, approve: bool) {
        let approvals = &self.front.sessions.approvals;
        let filter = ApprovalFilter { limit: 10, ..ApprovalFilter::default() };
        let id = self.front.sessions.store.approvals(&filter).await.unwrap().rows.first().unwrap().id;
        let mut bob = decided(&watch::Sender::new(compile(FREE, "")), Vec::new()).unwrap().user;
        (bob.id, bob.name) = ("2".into(), "bob".parse().unwrap());
        bob.groups.insert("sre".parse().unwrap());
        approvals.decide(id, &bob, Vote { approve, scope: Scope::Once, comment: None }).await.unwrap();
    }

    async fn audited(&self) -> Vec<&'static str> {
        let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
        let records = self.front.sessions.store.audit(&filter).await.unwrap();
        records.iter().rev().map(|record| record.event.kind()).collect()
    }
}

fn refused(admitted: Result<Admitted<Front, Typing>, Refusal>) -> (ReasonCode, Option<String>) {
    let refusal = admitted.map(drop).unwrap_err();
    (refusal.reason, refusal.rule.map(String::from))
}

fn data(text: &'static [u8]) -> FromUser {
    FromUser::Data(Bytes::from_static(text))
}

#[tokio::test]
async fn what_no_rule_is_about_is_admitted_and_what_a_rule_blocks_is_not() {
    let allowed = site(b"ls", FREE).await;
    assert_eq!(allowed.admit([]).await.unwrap().input, Input::Data);
    let blocked = site(b"rm x", FREE).await;
    assert_eq!(refused(blocked.admit([]).await), (ReasonCode::CommandBlocked, Some("rm".to_owned())));
    assert_eq!(blocked.audited().await, ["command_blocked"]);
    let nowhere = site(b"ls", "capabilities: [sftp]").await;
    assert_eq!(refused(nowhere.admit([]).await), (ReasonCode::NotAllowed, None));
    // Words are the front's affair.
    assert!(blocked.told.text.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_script_is_judged_whole_and_given_on_byte_for_byte() {
    let site = site(b"sh -s", FREE).await;
    let mut admitted = site.admit([data(b"ls\n"), data(b"id\n"), FromUser::Eof]).await.unwrap();
    assert_eq!(format!("{:?}", admitted.reader.next().await), r#"Data(b"ls\nid\n")"#);
    assert!(matches!(admitted.reader.next().await, FromUser::Eof));

    let blocked = site.admit([data(b"ls\nr"), data(b"m x\n"), FromUser::Eof]).await;
    assert_eq!(refused(blocked), (ReasonCode::CommandBlocked, Some("rm".to_owned())));
    assert_eq!(site.front.refused_scripts.load(Ordering::SeqCst), 0);
    let cut = site.admit([data(b"ls\n"), FromUser::Closed]).await;
    assert_eq!(refused(cut), (ReasonCode::InputNotJudged, None));
    assert_eq!(site.front.refused_scripts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_command_that_others_approve_is_admitted_and_one_that_they_deny_is_not() {
    let site = site(b"systemctl restart db", FREE).await;
    assert!(site.admit_while(async |site| site.vote(true).await).await.is_ok());
    assert!(site.told.text.lock().unwrap().contains("approved by bob"));
    site.told.text.lock().unwrap().clear();
    let denied = site.admit_while(async |site| site.vote(false).await).await.map(drop).unwrap_err();
    assert_eq!((denied.reason, denied.approval.is_some()), (ReasonCode::ApprovalDenied, true), "{denied:?}");
    assert!(denied.message.contains("denied by bob"), "{denied:?}");
}

#[tokio::test]
async fn a_session_that_others_approve_is_admitted_and_its_command_is_judged_all_the_same() {
    let allowed = site(b"ls", WITH_APPROVAL).await;
    let admitted = allowed.admit_while(async |site| site.vote(true).await).await.unwrap();
    assert_eq!(admitted.permitted.standing.approved.len(), 1);
    let denied = site(b"ls", WITH_APPROVAL).await;
    let denied = denied.admit_while(async |site| site.vote(false).await).await;
    assert_eq!(refused(denied).0, ReasonCode::ApprovalDenied);
    let blocked = site(b"rm x", WITH_APPROVAL).await;
    let blocked = blocked.admit_while(async |site| site.vote(true).await).await;
    assert_eq!(refused(blocked), (ReasonCode::CommandBlocked, Some("rm".to_owned())));
}

/// What was true before a wait need not be true after it.
#[tokio::test]
async fn rules_that_change_during_the_wait_count() {
    let change = async |allow: &str, rules: &str| {
        let site = site(b"systemctl restart db", FREE).await;
        let (allow, rules) = (allow.to_owned(), rules.to_owned());
        let admitted = site.admit_while(async |site| {
            site.front.rules.send_replace(compile(&allow, &rules));
            site.vote(true).await;
        });
        refused(admitted.await)
    };
    assert_eq!(change("capabilities: [sftp]", RULES).await, (ReasonCode::NotAllowed, None));
    let block = RULES.replace("effect: approve, approvers: { groups: [sre] }", "effect: block");
    assert_eq!(change(FREE, &block).await, (ReasonCode::CommandBlocked, Some("svc".to_owned())));
    let other = RULES.replace("name: svc", "name: other");
    assert_eq!(change(FREE, &other).await, (ReasonCode::RulesChanged, None));
}

#[tokio::test]
async fn who_gives_up_or_is_gone_runs_nothing() {
    let site = site(b"systemctl restart db", FREE).await;
    assert_eq!(refused(site.admit([FromUser::Closing]).await).0, ReasonCode::ApprovalCancelled);
    let gone = Told { gone: true, ..Told::default() };
    let admitted = timeout(SOON, admit(site.front.clone(), Typing(VecDeque::new()), &gone)).await.expect("an answer");
    assert_eq!(refused(admitted).0, ReasonCode::ApprovalCancelled);
    assert!(gone.text.lock().unwrap().is_empty(), "nobody was asked");
}

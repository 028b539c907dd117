//! A session that falls takes nothing along.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use approval::Approvals;
use config::RuleDoc;
use ledger::{
    audit::AuditLog,
    store::{AuditFilter, SessionFilter, SqlStore, Store},
};
use policy::{Protocol, RuleSet};
use recorder::{ExitStatus, Recorder, RecorderSettings, StorageSettings};
use sqlx::{Connection as _, SqliteConnection};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use url::Url;

use super::{
    super::permit::tests::{login, permit, rules},
    *,
};
use crate::{
    Registry,
    leg::LegClosed,
    terminal::{FromTarget, FromUser, OutputStream, Pixels, Signal},
};

const SOON: Duration = Duration::from_secs(30);

/// Says nothing, and hears what it is told.
#[derive(Clone, Default)]
struct User(Arc<Mutex<String>>);

impl UserReader for User {
    async fn next(&mut self) -> FromUser {
        std::future::pending().await
    }
}

impl UserWriter for User {
    async fn output(&self, _: OutputStream, data: Bytes) -> Result<(), LegClosed> {
        self.0.lock().unwrap().push_str(&String::from_utf8_lossy(&data));
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

/// Sends this, and no more.
struct Sends(Option<&'static [u8]>);

impl UserReader for Sends {
    async fn next(&mut self) -> FromUser {
        match self.0.take() {
            Some(data) => FromUser::Data(Bytes::from_static(data)),
            None => std::future::pending().await,
        }
    }
}

/// A program that ends, or falls, when it is told to.
#[derive(Clone)]
struct Target {
    falls: bool,
    go: Arc<Notify>,
    has_said: bool,
}

impl PreparedTarget for Target {
    type Reader = Self;
    type Writer = Self;
    type Error = LegClosed;

    async fn launch(self) -> Result<(Self, Self), LegClosed> {
        Ok((self.clone(), self))
    }
}

impl TargetReader for Target {
    async fn next(&mut self) -> FromTarget {
        if self.has_said {
            return FromTarget::Closed;
        }
        self.go.notified().await;
        assert!(!self.falls, "a fault in the middle of a session");
        self.has_said = true;
        FromTarget::Exit(ExitStatus::Code(0))
    }
}

impl TargetWriter for Target {
    async fn input(&self, _: Bytes) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn resize(&self, _: WindowSize, _: Pixels) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn signal(&self, _: Signal) -> Result<(), LegClosed> {
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

pub(crate) async fn sessions(folder: &std::path::Path) -> Sessions {
    sessions_in(folder, SqlStore::in_file(&folder.join("bastion.db")).await.unwrap()).await
}

async fn sessions_in(folder: &std::path::Path, store: SqlStore) -> Sessions {
    let store: Arc<dyn Store> = Arc::new(store);
    let approvals = Approvals::start(Arc::clone(&store), "https://b.example".parse().unwrap(), None).await.unwrap();
    let storage = Url::from_directory_path(folder.join("recordings")).unwrap();
    let storage = recorder::storage::build(&StorageSettings { url: storage, s3: None }).unwrap();
    let recorder = Recorder::open(RecorderSettings::new(storage, folder.join("spool"))).unwrap();
    let limits = config::SessionLimits::default();
    let log = AuditLog::start(Arc::clone(&store), &folder.join("waiting")).unwrap();
    Sessions { store, log, recorder: Arc::new(recorder), registry: Registry::new(), approvals, limits }
}

/// Alice, who comes to root on web1.
pub(crate) async fn visit(sessions: &Sessions) -> Visit {
    let login = login(sessions.store.as_ref(), "2100-01-01T00:00:00Z".parse().unwrap()).await;
    Visit {
        sessions: sessions.clone(),
        user: login.authenticated().clone(),
        target: "web1".parse().unwrap(),
        login: "root".parse().unwrap(),
        protocol: Protocol::Ssh,
        container: None,
        source: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        reason: None,
        session: None,
    }
}

async fn request(sessions: &Sessions, rules: &watch::Sender<Arc<RuleSet>>) -> SessionRequest {
    SessionRequest {
        permitted: Permitted { visit: visit(sessions).await, standing: permit(rules) },
        kind: SessionKind::Exec,
        command: Some(Bytes::from_static(b"true")),
        input: Input::Data,
        terminal: None,
        env: Vec::new(),
        login_shell: LoginShell::default(),
    }
}

#[tokio::test]
async fn a_fault_in_one_session_ends_that_session_only() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = sessions(folder.path()).await;
    let rules = watch::Sender::new(rules("capabilities: [pty, shell]"));
    let run = async |falls| {
        let go = Arc::new(Notify::new());
        let target = Target { falls, go: Arc::clone(&go), has_said: false };
        let (sessions, request) = (sessions.clone(), request(&sessions, &rules).await);
        let legs = (User::default(), User::default());
        (go, tokio::spawn(async move { sessions.run(request, legs, async { Ok(target) }).await }))
    };
    let ((fall, falling), (end, ending)) = (run(true).await, run(false).await);
    let both_run = async {
        while sessions.registry.len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, both_run).await.expect("both begin");
    fall.notify_one();
    timeout(SOON, falling).await.expect("its end").expect("the fault stays in the session");
    assert_eq!(sessions.registry.len(), 1, "the other one goes on");
    end.notify_one();
    timeout(SOON, ending).await.expect("its end").unwrap();
    timeout(SOON, sessions.registry.emptied()).await.expect("none is left");

    let filter = AuditFilter { kind: Some("session_ended".to_owned()), limit: 10, ..AuditFilter::default() };
    let ended = sessions.store.audit(&filter).await.unwrap();
    let ended: Vec<String> = ended.iter().map(|record| format!("{:?}", record.event)).collect();
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert!(ended.iter().any(|end| end.contains("a fault of the bastion")), "{ended:?}");
    assert!(ended.iter().any(|end| end.contains("Exited")), "{ended:?}");
}

#[tokio::test]
async fn while_the_bastion_stops_no_session_starts() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = sessions(folder.path()).await;
    sessions.registry.drain();
    let rules = watch::Sender::new(rules("capabilities: [pty, shell]"));
    let (user, target) = (User::default(), Target { falls: true, go: Arc::default(), has_said: false });
    let running = sessions.run(request(&sessions, &rules).await, (user.clone(), user.clone()), async { Ok(target) });
    timeout(SOON, running).await.expect("an answer");
    assert!(user.0.lock().unwrap().contains("the bastion is stopping"), "{:?}", user.0);
    assert!(sessions.store.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_rules_take_back_while_the_target_is_prepared_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = sessions(folder.path()).await;
    let sender = watch::Sender::new(rules("capabilities: [pty, shell]"));
    let (user, target) = (User::default(), Target { falls: true, go: Arc::default(), has_said: false });
    let prepared = async {
        sender.send_replace(rules("capabilities: [exec]"));
        Ok(target)
    };
    let running = sessions.run(request(&sessions, &sender).await, (user.clone(), user.clone()), prepared);
    timeout(SOON, running).await.expect("an answer");
    assert!(user.0.lock().unwrap().contains("the rules have changed"), "{:?}", user.0);
    assert!(sessions.store.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_session_starts_behind_what_the_audit_log_could_not_write_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bastion.db");
    let store = SqlStore::in_file_within(&path, Duration::from_millis(300)).await.unwrap();
    let sessions = sessions_in(folder.path(), store).await;
    let mut lock = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    let before = AuditEvent::LoggedOut { user: "alice".parse().unwrap(), source: "192.0.2.7:1".to_owned() };
    sessions.log.record_now(before).await.unwrap();
    assert!(sessions.log.check().is_err(), "the store takes nothing");
    lock.close().await.unwrap();

    let rules = watch::Sender::new(rules("capabilities: [pty, shell]"));
    let go = Arc::new(Notify::new());
    go.notify_one();
    let target = Target { falls: false, go, has_said: false };
    let running =
        sessions.run(request(&sessions, &rules).await, (User::default(), User::default()), async { Ok(target) });
    timeout(SOON, running).await.expect("its end");
    let events = sessions.store.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).await.unwrap();
    let kinds: Vec<_> = events.iter().rev().map(|record| record.event.kind()).collect();
    let at = |kind| kinds.iter().position(|other| *other == kind).unwrap_or_else(|| panic!("no {kind}: {kinds:?}"));
    assert!(at("logged_out") < at("session_started"), "{kinds:?}");
}

#[tokio::test]
async fn without_room_in_the_audit_log_nothing_starts_and_nothing_noteworthy_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut sessions = sessions(folder.path()).await;
    let full = |units| {
        let waiting = folder.path().join(format!("with-room-for-{units}"));
        AuditLog::with_room(Arc::clone(&sessions.store), &waiting, units).unwrap()
    };
    let (none, for_an_end) = (full(0), full(2));
    let target = || Target { falls: false, go: Arc::default(), has_said: false };
    let observed = r#"
roles: { r: { users: [alice], allow: [{ targets: { names: [web1] }, logins: [root], capabilities: [pty, shell], mode: observe }] } }
rules: [{ name: no-rm, effect: block, match: { command: { program: [rm] } } }]
"#;
    let observed = RuleSet::compile(&[RuleDoc::parse(observed, "rules.yaml").unwrap()]).unwrap();
    let sender = watch::Sender::new(Arc::new(observed));
    let asked = async |sessions: &Sessions| SessionRequest {
        input: Input::Judged { program: "m4".to_owned() },
        ..request(sessions, &sender).await
    };

    sessions.log = none;
    let user = User::default();
    let running = sessions.run(asked(&sessions).await, (user.clone(), user.clone()), async { Ok(target()) });
    timeout(SOON, running).await.expect("an answer");
    assert!(user.0.lock().unwrap().contains("cannot write its audit log"), "{:?}", user.0);

    sessions.log = for_an_end;
    let user = User::default();
    let running = sessions.run(asked(&sessions).await, (Sends(Some(b"rm x\n")), user.clone()), async { Ok(target()) });
    timeout(SOON, running).await.expect("its end");
    assert!(user.0.lock().unwrap().contains("session ended: the bastion cannot write its audit log"), "{:?}", user.0);
    let listed = sessions.store.sessions(&SessionFilter { limit: 9, ..SessionFilter::default() }).await.unwrap();
    assert!(listed.len() == 1 && matches!(listed[0].end, Some(SessionEnd::Terminated { .. })), "only the second");
}

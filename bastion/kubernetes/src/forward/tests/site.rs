//! A user and a cluster, over sockets in memory.

use std::{
    collections::{BTreeSet, HashMap},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime},
};

use config::{Cluster, ClusterAccess};
use policy::{Access, Context, Decision, KubeObject, KubeRequest, RuleSet, Subject};
use tokio::{io::DuplexStream, sync::watch, task::JoinHandle, time::timeout};

use super::super::{
    socket::{Happened, Socket},
    *,
};
pub(super) use crate::tests::SOON;
use crate::tests::witness::{self, compiled};
use identity::{
    login::{EndedLogins, LiveLogin, Login},
    token::Token,
};
use jiff::Timestamp;
use ledger::{
    audit::{AuditEvent, AuditLog, KubeRequestEvent},
    store::{LoginKind, LoginRecord, SqlStore, Store},
};
use wire::spdy::{self, Event, Headers, ResetStatus, StreamId};

pub(super) const RULES: &str = r#"
roles:
  dev:
    groups: [dev]
    allow: [{ clusters: { names: [c] }, capabilities: [port-forward], ports: [ECHO, "7000-7999"] }]
rules:
  - { name: no-sshd, effect: block, message: use exec, match: { request: { ports: [7022] } } }
"#;

/// Sends back what it gets.
pub(super) const ECHO: u16 = 80;
/// Speaks first.
pub(super) const BANNER: u16 = 7001;
/// Never reads.
pub(super) const SILENT: u16 = 7002;
/// Nobody listens there.
pub(super) const CLOSED: u16 = 7003;

pub(super) fn rules(text: &str) -> Arc<RuleSet> {
    compiled(&text.replace("ECHO", &ECHO.to_string()))
}

/// Counts the sockets to the cluster: all that were opened, and those that are open.
#[derive(Clone, Default)]
pub(super) struct TestCluster {
    pub(super) dialled: Arc<AtomicUsize>,
    pub(super) open: Arc<AtomicUsize>,
}

impl Dial for TestCluster {
    type Io = DuplexStream;

    async fn dial(&self) -> Result<Side<DuplexStream>, DialError> {
        let (here, there) = tokio::io::duplex(64 * 1024);
        self.dialled.fetch_add(1, Ordering::SeqCst);
        self.open.fetch_add(1, Ordering::SeqCst);
        let open = Arc::clone(&self.open);
        tokio::spawn(async move {
            serve_port(there).await;
            open.fetch_sub(1, Ordering::SeqCst);
        });
        Ok(Side { io: here, transport: ForwardTransport::Spdy, role: Role::Client })
    }
}

/// The cluster's end of one socket.
async fn serve_port(io: DuplexStream) {
    let side = Side { io, transport: ForwardTransport::Spdy, role: Role::Server };
    let mut socket = Socket::new(spdy::Role::Server, 2, halves(side).await);
    let (mut error, mut reads) = (StreamId(0), true);
    loop {
        let events = match socket.next(reads).await {
            Happened::Events(events) => events,
            Happened::Gone => return,
            Happened::Written => continue,
        };
        for event in events {
            match event {
                Event::Opened(id, headers) => {
                    socket.connection.accept(id).unwrap();
                    if headers.value("streamtype") == Some("error") {
                        error = id;
                        continue;
                    }
                    match headers.value("port").unwrap().parse().unwrap() {
                        BANNER => socket.connection.send(id, b"hello\n").unwrap(),
                        SILENT => reads = false,
                        CLOSED => {
                            socket.connection.send(error, b"connection refused").unwrap();
                            socket.connection.finish(error).unwrap();
                            socket.connection.finish(id).unwrap();
                        }
                        _ => {}
                    }
                }
                Event::Data(id, data) => socket.connection.send(id, &data).unwrap(),
                Event::Finished(id) if id != error => {
                    socket.connection.finish(id).unwrap();
                    socket.connection.finish(error).unwrap();
                }
                Event::Accepted(_) | Event::Finished(_) | Event::GoneAway | Event::Reset(..) => {}
            }
        }
    }
}

/// A port-forward that runs, and the user's end of it.
pub(super) struct Running {
    pub(super) socket: Socket,
    pub(super) heard: HashMap<StreamId, (Vec<u8>, bool)>,
    pub(super) accepted: Vec<StreamId>,
    pub(super) reset: Vec<(StreamId, ResetStatus)>,
    pub(super) cluster: TestCluster,
    pub(super) rules: watch::Sender<Arc<RuleSet>>,
    store: SqlStore,
    task: JoinHandle<()>,
    requests: usize,
    _folder: tempfile::TempDir,
}

pub(super) async fn forward(limits: ForwardLimits, login_ends: Option<SystemTime>) -> Running {
    let Parts { forward, cluster, rules, store, entry, folder } = parts(limits, login_ends).await;
    let (here, there) = tokio::io::duplex(64 * 1024);
    let user_side = Side { io: there, transport: ForwardTransport::Spdy, role: Role::Server };
    let first = cluster.dial().await.unwrap();
    let task = tokio::spawn(forward.serve(user_side, first, cluster.clone(), entry, CancellationToken::new()));
    let side = Side { io: here, transport: ForwardTransport::Spdy, role: Role::Client };
    Running {
        socket: Socket::new(spdy::Role::Client, 0, halves(side).await),
        heard: HashMap::new(),
        accepted: Vec::new(),
        reset: Vec::new(),
        cluster,
        rules,
        store,
        task,
        requests: 0,
        _folder: folder,
    }
}

/// What a port-forward takes that does not run yet.
struct Parts {
    forward: Forward,
    cluster: TestCluster,
    rules: watch::Sender<Arc<RuleSet>>,
    store: SqlStore,
    entry: RequestEntry,
    folder: tempfile::TempDir,
}

async fn parts(limits: ForwardLimits, login_ends: Option<SystemTime>) -> Parts {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap();
    let log = AuditLog::start(Arc::new(store.clone()), &folder.path().join("waiting")).unwrap();
    let sender = watch::Sender::new(rules(RULES));
    let user = Subject {
        issuer: "https://issuer".into(),
        id: "1".into(),
        name: "alice".parse().unwrap(),
        email: None,
        groups: BTreeSet::from(["dev".parse().unwrap()]),
    };
    let cluster = Cluster { name: "c".parse().unwrap(), labels: [].into(), access: ClusterAccess::InCluster };
    let object = KubeObject { group: "", resource: "pods", subresource: "portforward", namespace: "ns", name: "web" };
    let request = KubeRequest::new("create", Some(object));
    let source = Ipv4Addr::LOCALHOST.into();
    let context = Context { now: SystemTime::now(), source, approved: &[] };
    let access = Access::Cluster { cluster: Box::new(cluster), request: request.into() };
    let Decision::Allow(permit) = rules(RULES).decide(&user, access.resource(), access.action(), &context) else {
        panic!("it is not allowed")
    };
    let pod = Pod {
        user: user.name.clone(),
        cluster: "c".parse().unwrap(),
        namespace: "ns".into(),
        name: "web".into(),
        source: "192.0.2.7:1".into(),
    };
    let standing = LivePermit {
        rules: sender.subscribe(),
        permit,
        access,
        login: match login_ends {
            Some(ends) => Some(login_until(&store, &user, ends).await),
            None => None,
        },
        user,
        source,
        approved: Vec::new(),
    };
    let event = KubeRequestEvent {
        user: pod.user.clone(),
        cluster: pod.cluster.clone(),
        verb: "create".into(),
        group: String::new(),
        resource: "pods".into(),
        subresource: "portforward".into(),
        namespace: "ns".into(),
        name: "web".into(),
        path: None,
        status: Some(101),
        latency_ms: 0,
        bytes_in: 0,
        bytes_out: 0,
        rule: None,
        refused: None,
        code: None,
        ended: None,
        source: pod.source.clone(),
    };
    let entry = RequestEntry::new(log.reserve().await.unwrap(), event, Instant::now());
    let forward = Forward { pod, standing, log, limits };
    Parts { forward, cluster: TestCluster::default(), rules: sender, store, entry, folder }
}

/// A port-forward of a client library, and the user's end of it.
pub(super) struct Channels {
    pub(super) socket: WebSocketStream<DuplexStream>,
    pub(super) cluster: TestCluster,
    pub(super) rules: watch::Sender<Arc<RuleSet>>,
    store: SqlStore,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

pub(super) async fn channels(ports: &[u16]) -> Channels {
    let Parts { forward, cluster, rules, store, entry, folder } = parts(fast(), None).await;
    let (here, there) = tokio::io::duplex(64 * 1024);
    let first = cluster.dial().await.unwrap();
    let user = (there, ports.to_vec());
    let task = tokio::spawn(forward.serve_channels(user, first, cluster.clone(), entry, CancellationToken::new()));
    let socket = WebSocketStream::from_raw_socket(here, Role::Client, None).await;
    Channels { socket, cluster, rules, store, task, _folder: folder }
}

impl Channels {
    /// The next message: its stream, and what it says. `None` once it is closed.
    pub(super) async fn next(&mut self) -> Option<(u8, Bytes)> {
        let message = timeout(SOON, self.socket.next()).await.expect("nothing comes")?.ok()?;
        if let Message::Binary(mut message) = message {
            return Some((message[0], message.split_off(1)));
        }
        assert!(message.is_close(), "{message:?}");
        None
    }

    pub(super) async fn send(&mut self, channel: u8, data: &[u8]) {
        let message = [&[channel], data].concat();
        self.socket.send(Message::binary(message)).await.unwrap();
    }

    /// Ends it and waits for the events that `wanted` picks.
    pub(super) async fn events<T>(self, count: usize, wanted: impl Fn(AuditEvent) -> Option<T>) -> Vec<T> {
        drop(self.socket);
        timeout(SOON, self.task).await.expect("it does not end").unwrap();
        witness::events(&self.store, count, wanted).await
    }
}

impl Running {
    /// Opens a connection as kubectl does: error stream, reply, data stream.
    pub(super) async fn open(&mut self, port: u16) -> (StreamId, StreamId) {
        let (port, id) = (port.to_string(), self.requests.to_string());
        self.requests += 1;
        let headers = |kind| Headers::new(&[("streamtype", kind), ("port", &port), ("requestid", &id)]);
        let error = self.socket.connection.open(&headers("error")).unwrap();
        self.until(|user| user.accepted.contains(&error) || user.reset.iter().any(|(id, _)| *id == error)).await;
        let _ = self.socket.connection.finish(error);
        let data = self.socket.connection.open(&headers("data")).unwrap();
        (error, data)
    }

    pub(super) async fn accepted(&mut self, id: StreamId) {
        self.until(|user| user.accepted.contains(&id)).await;
    }

    /// Reads and writes until something holds.
    pub(super) async fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                self.step().await;
            }
        };
        timeout(SOON, wait).await.expect("it does not come to hold");
    }

    async fn step(&mut self) {
        match self.socket.next(true).await {
            Happened::Events(events) => {
                for event in events {
                    match event {
                        Event::Accepted(id) => self.accepted.push(id),
                        Event::Data(id, data) => self.heard.entry(id).or_default().0.extend_from_slice(&data),
                        Event::Finished(id) => self.heard.entry(id).or_default().1 = true,
                        Event::Reset(id, status) => self.reset.push((id, status)),
                        Event::GoneAway | Event::Opened(..) => {}
                    }
                }
            }
            Happened::Gone => panic!("the bastion is gone; heard {:?}", self.heard),
            Happened::Written => {}
        }
    }

    pub(super) fn heard(&self, id: StreamId) -> &[u8] {
        self.heard.get(&id).map(|(heard, _)| heard.as_slice()).unwrap_or_default()
    }

    pub(super) fn is_over(&self, id: StreamId) -> bool {
        self.heard.get(&id).is_some_and(|(_, ended)| *ended)
    }

    /// What was said on the error stream, once it is over.
    pub(super) async fn words(&mut self, error: StreamId) -> String {
        self.until(|user| user.is_over(error)).await;
        String::from_utf8(self.heard(error).to_vec()).unwrap()
    }

    pub(super) async fn echo(&mut self, data: StreamId, text: &[u8]) {
        let before = self.heard(data).len();
        self.accepted(data).await;
        self.socket.connection.send(data, text).unwrap();
        self.until(|user| user.heard(data).len() >= before + text.len()).await;
        assert!(self.heard(data).ends_with(text));
    }

    /// Ends the connection and waits for the events that `wanted` picks.
    pub(super) async fn events<T>(self, count: usize, wanted: impl Fn(AuditEvent) -> Option<T>) -> Vec<T> {
        drop(self.socket);
        timeout(SOON, self.task).await.expect("it does not end").unwrap();
        witness::events(&self.store, count, wanted).await
    }
}

pub(super) fn fast() -> ForwardLimits {
    ForwardLimits { per_second: 1_000_000, ..ForwardLimits::default() }
}

/// A login of `user` that ends by itself only.
async fn login_until(store: &SqlStore, user: &Subject, ends: SystemTime) -> LiveLogin {
    let (token, created_at) = (Token::random().unwrap(), Timestamp::UNIX_EPOCH);
    let record = LoginRecord {
        token: token.hash(),
        kind: LoginKind::Cli,
        subject: user.clone(),
        created_at,
        expires_at: ends.try_into().unwrap(),
    };
    store.add_login(&record).await.unwrap();
    let login = Login::by_token(store, token.as_str(), created_at).await.unwrap().unwrap();
    EndedLogins::default().follow(&login)
}

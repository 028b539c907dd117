//! A front in a temporary folder, and users of it that speak TLS.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ::listener::{Admission, Limits, PlaceLimits};
use approval::{Approval, ApprovalKind, ApprovalState, Approvals, NewApproval, Scope, Vote};
use bytes::Bytes;
use config::{Cluster, ClusterAccess, ClusterCredential, Secret, TargetName};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use identity::{
    kube_credential::KubeCredentials,
    login::{EndedLogins, Login},
    token,
    x509_ca::KubeClientCa,
};
use jiff::Timestamp;
use ledger::{
    audit::{AuditEvent, AuditLog},
    store::{ApprovalFilter, LoginKind, LoginRecord, SqlStore, Store},
};
use policy::{
    RuleSet, Subject,
    approval::{Act, ActKind},
};
use rcgen::KeyPair;
use recorder::{Recorder, RecorderSettings, StorageSettings};
use rustls::{ClientConfig, RootCertStore, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use session::{Registry, Sessions};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{
    SOON,
    cluster::TestCluster,
    liar::Liar,
    witness::{self, compiled},
};
use crate::{Front, KubeCluster, Listener, listener, retry::RememberedRefusals, upstream::ClusterConnection};

pub(super) const RULES: &str = r#"
roles:
  engineer:
    groups: [engineering]
    allow:
      - clusters: { names: [dev, gone, lying] }
        capabilities: [api, exec]
      - clusters: { names: [lying] }
        capabilities: [port-forward]
      - clusters: { names: [watched] }
        capabilities: [port-forward]
        approval: { groups: [sre], reason: required }
    request:
      - clusters: { names: [asked] }
        capabilities: [api]
        approvers: { groups: [sre] }
rules:
  - { name: no-rm, effect: block, message: not that, match: { command: { program: [rm] } } }
  - { name: no-ns-delete, effect: block, message: not here, match: { request: { verbs: [delete], resources: [namespaces] } } }
  - { name: held, effect: approve, match: { request: { verbs: [update], namespaces: [held] } } }
"#;

pub(super) struct TestFront {
    pub(super) cluster: TestCluster,
    /// The cluster `lying`: what it says to a request, its path says.
    pub(super) liar: Liar,
    address: SocketAddr,
    server: CertificateDer<'static>,
    store: SqlStore,
    credentials: KubeCredentials,
    approvals: Approvals,
    rules: watch::Sender<Arc<RuleSet>>,
    clusters: std::collections::HashMap<TargetName, Cluster>,
    /// When the login of `brief` ends.
    brief_ends: Timestamp,
    stop: CancellationToken,
    _folder: TempDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

pub(super) enum User {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

pub(super) async fn front() -> TestFront {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap();
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let ca = Arc::new(KubeClientCa::load_or_create(folder.path()).unwrap());
    let credentials = KubeCredentials::new(Arc::clone(&shared), ca, Duration::from_secs(600));
    let test_cluster = TestCluster::start().await;
    let liar = Liar::start(lie).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut clusters = std::collections::HashMap::new();
    for (name, address) in [
        ("dev", test_cluster.address),
        ("prod", test_cluster.address),
        ("asked", test_cluster.address),
        ("watched", test_cluster.address),
        ("gone", nobody),
        ("lying", liar.address),
    ] {
        let settings = Cluster {
            name: name.parse().unwrap(),
            labels: [].into(),
            access: ClusterAccess::Server {
                url: format!("http://{address}/base/").parse().unwrap(),
                ca: None,
                credential: ClusterCredential::Token(Secret::new("of-the-bastion".into())),
            },
        };
        let connection = ClusterConnection::prepare(&settings).await.unwrap();
        clusters.insert(settings.name.clone(), KubeCluster { settings, connection });
    }
    let log = AuditLog::start(Arc::clone(&shared), &folder.path().join("waiting")).unwrap();
    let rules = watch::Sender::new(compiled(RULES));
    let key =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "*.kube.bastion.internal".to_owned()]).unwrap();
    let server = key.cert.der().clone();
    let private = PrivateKeyDer::from_pem_slice(key.signing_key.serialize_pem().as_bytes()).unwrap();
    let private = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private).unwrap();
    let resolver = rustls::sign::SingleCertAndKey::from(CertifiedKey::new(vec![server.clone()], private));
    let tls = listener::tls(Arc::new(resolver), credentials.ca().certificate()).unwrap();
    let approvals =
        Approvals::start(Arc::clone(&shared), "https://bastion.example.com".parse().unwrap(), None).await.unwrap();
    let storage = Url::from_directory_path(folder.path().join("recordings")).unwrap();
    let storage = recorder::storage::build(&StorageSettings { url: storage, s3: None }).unwrap();
    let recorder = Recorder::open(RecorderSettings::new(storage, folder.path().join("spool"))).unwrap();
    let settings = clusters.iter().map(|(name, cluster)| (name.clone(), cluster.settings.clone())).collect();
    let front = Arc::new(Front {
        credentials: credentials.clone(),
        ended_logins: EndedLogins::default(),
        rules: rules.subscribe(),
        clusters,
        domain: Some("kube.bastion.internal".parse().unwrap()),
        log: log.clone(),
        sessions: Sessions {
            store: Arc::clone(&shared),
            log,
            recorder: Arc::new(recorder),
            registry: Registry::new(),
            approvals: approvals.clone(),
            limits: config::SessionLimits::default(),
        },
        refused: RememberedRefusals::default(),
        tasks: TaskTracker::new(),
        closing: CancellationToken::new(),
    });
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let stop = CancellationToken::new();
    let places = PlaceLimits { connections: 100, unauthenticated: 100, unauthenticated_per_source: 100 };
    let minute = Duration::from_mins(1);
    let limits = Limits { places, login: minute, idle: minute, unread: minute };
    let listener = Listener::new(socket, tls, front, &Admission { limits, known: Arc::default() });
    tokio::spawn(listener.serve(stop.clone(), stop.clone(), stop.clone()));
    let brief_ends = Timestamp::now() + Duration::from_secs(3);
    let front = TestFront {
        cluster: test_cluster,
        liar,
        address,
        server,
        store,
        credentials,
        approvals,
        rules,
        clusters: settings,
        brief_ends,
        stop,
        _folder: folder,
    };
    for name in ["alice", "brief"] {
        front.store.add_login(&front.record(name)).await.unwrap();
    }
    front
}

/// What an honest cluster never says.
fn lie(head: &str) -> String {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfine\n";
    match head.split(' ').nth(1).unwrap_or_default() {
        path if path.ends_with("/switch") => {
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw".to_owned()
        }
        path if path.ends_with("/early") => {
            format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{whole}")
        }
        path if path.ends_with("/portforward") => "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned(),
        // It says nothing yet.
        path if path.ends_with("/log?follow=true") => String::new(),
        path if path.ends_with("/twice") => format!("{whole}{}", whole.replace("fine\n", "other")),
        _ => whole.to_owned(),
    }
}

impl TestFront {
    fn record(&self, name: &str) -> LoginRecord {
        LoginRecord {
            token: token::hash(&self.login_token(name)),
            kind: LoginKind::Cli,
            subject: Subject {
                issuer: "https://issuer".into(),
                id: name.into(),
                name: name.parse().unwrap(),
                email: None,
                groups: ["engineering".parse().unwrap()].into(),
            },
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: if name == "brief" { self.brief_ends } else { "2100-01-01T00:00:00Z".parse().unwrap() },
        }
    }

    pub(super) fn change_rules(&self, rules: &str) {
        self.rules.send_replace(compiled(rules));
    }

    /// What waits for an approval, once something does.
    pub(super) async fn waiting(&self) -> Approval {
        let find = async {
            loop {
                let pending =
                    self.store.approvals(&ApprovalFilter { limit: 100, ..ApprovalFilter::default() }).await.unwrap();
                if let Some(found) = pending.into_iter().find(|approval| approval.state == ApprovalState::Pending) {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, find).await.expect("nothing waits")
    }

    /// Somebody of the group that may approve says yes to what waits.
    pub(super) async fn approve(&self, waiting: &Approval) {
        let groups = ["sre".parse().unwrap()].into();
        let bob = Subject { groups, ..self.record("bob").subject };
        let yes = Vote { approve: true, scope: Scope::Once, comment: None };
        self.approvals.decide(waiting.id, &bob, yes).await.unwrap();
    }

    /// Asks for access to a cluster, as the API does it.
    pub(super) async fn ask_for_access(&self, name: &str, cluster: &str) {
        let rules = self.rules.borrow().clone();
        let subject = self.record(name).subject;
        let cluster = &self.clusters[&cluster.parse::<TargetName>().unwrap()];
        let terms = rules.terms(&subject, policy::Resource::Cluster(cluster)).expect("it cannot be asked for");
        let new = NewApproval {
            kind: ApprovalKind::Access,
            requester: subject,
            target: cluster.name.clone(),
            login: policy::CLUSTER_LOGIN.parse().unwrap(),
            session: None,
            rule: None,
            act: Act::of(ActKind::Access, policy::Protocol::Kubernetes, std::iter::empty::<Bytes>()),
            commands: Vec::new(),
            screen: None,
            reason: None,
            because: String::new(),
            needed: terms.approvers.clone(),
            source: String::new(),
        };
        self.approvals.request_access(new, Duration::from_secs(60), &terms).await.unwrap();
    }

    pub(super) fn login_token(&self, name: &str) -> String {
        format!("login-of-{name}")
    }

    async fn login(&self, name: &str) -> Login {
        let token = self.login_token(name);
        Login::by_token(&self.store, &token, Timestamp::now()).await.unwrap().expect("logged in")
    }

    pub(super) async fn log_out(&self, name: &str) {
        assert!(self.store.remove_login(token::hash(&self.login_token(name))).await.unwrap());
    }

    pub(super) async fn token_of(&self, name: &str) -> String {
        let source = self.address.ip();
        self.credentials.issue_token(&self.login(name).await, source, Timestamp::now()).await.unwrap().token
    }

    /// A connection of somebody who shows a client certificate.
    pub(super) async fn certificate_of(&self, name: &str, protocol: Protocol) -> User {
        self.connect(Some(name), protocol).await
    }

    pub(super) async fn connect(&self, name: Option<&str>, protocol: Protocol) -> User {
        self.connect_to("localhost", name, protocol).await
    }

    /// The same, of somebody who names this server in TLS.
    pub(super) async fn connect_to(&self, server: &str, name: Option<&str>, protocol: Protocol) -> User {
        let stream = TokioIo::new(self.tls_to(server, name, protocol).await);
        match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.unwrap();
                tokio::spawn(connection.with_upgrades());
                User::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
                tokio::spawn(connection);
                User::Http2(sender)
            }
        }
    }

    pub(super) async fn tls(&self, name: Option<&str>, protocol: Protocol) -> TlsStream<TcpStream> {
        self.tls_to("localhost", name, protocol).await
    }

    async fn tls_to(&self, server: &str, name: Option<&str>, protocol: Protocol) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.server.clone()).unwrap();
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let mut config = match name {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let pair = KeyPair::generate().unwrap();
                let (login, source) = (self.login(name).await, self.address.ip());
                let key = pair.public_key_pem();
                let issued = self.credentials.issue_certificate(&login, &key, source, Timestamp::now()).await.unwrap();
                let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(pair.serialize_pem().as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        config.alpn_protocols = vec![if protocol == Protocol::Http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let stream = TcpStream::connect(self.address).await.unwrap();
        let server = ServerName::try_from(server.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(server, stream).await.unwrap()
    }

    /// Sends bytes as they are, and reads until the front has nothing more to say.
    pub(super) async fn send_raw(&self, name: &str, bytes: &[u8]) {
        let mut stream = self.tls(Some(name), Protocol::Http1).await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // An end without a word is an answer too.
        let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the front does not end");
    }

    /// Waits until `count` events are in the store for which `wanted` gives something, oldest first.
    pub(super) async fn events<T>(&self, count: usize, wanted: impl Fn(AuditEvent) -> Option<T>) -> Vec<T> {
        witness::events(&self.store, count, wanted).await
    }
}

impl Drop for TestFront {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl User {
    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let response = self.open(method, path, headers, body).await;
        let status = response.status();
        let body = timeout(SOON, response.into_body().collect()).await.unwrap().unwrap().to_bytes();
        Answer { status, body }
    }

    /// Sends a request and returns with the head of the answer.
    pub(super) async fn open(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body));
        let answer = async {
            match self {
                Self::Http1(sender) => {
                    sender.ready().await.unwrap();
                    sender.send_request(request.uri(path).header("host", "bastion").body(body).unwrap()).await
                }
                Self::Http2(sender) => {
                    sender.ready().await.unwrap();
                    sender.send_request(request.uri(format!("https://bastion{path}")).body(body).unwrap()).await
                }
            }
        };
        timeout(SOON, answer).await.expect("no answer").unwrap()
    }
}

//! The web front in a temporary folder, and a client for it.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use api::info::{BastionInfo, KubeAddress, SshAddress};
use approval::Approvals;
use axum::{Router, body::Body, extract::ConnectInfo};
use bytes::Bytes;
use config::{RuleDoc, UserName};
use demo_peers::issuer::DemoIssuer;
use http::{HeaderMap, Method, Request, StatusCode, header, request};
use http_body_util::BodyExt as _;
use identity::{
    kube_credential::KubeCredentials,
    login::{EndedLogins, LoginService, LoginSettings},
    oidc::{OidcClient, OidcSettings},
    ssh_ca::UserCa,
    token,
    x509_ca::KubeClientCa,
};
use jiff::Timestamp;
use ledger::{
    audit::{AuditEvent, AuditLog},
    store::{AuditFilter, LoginKind, LoginRecord, SessionKind, SessionRecord, SqlStore, Store},
};
use mask::{Masker, WindowSize};
use policy::{RuleSet, Subject, approval::Person};
use recorder::{
    Details, End, EventKind, Header, Mode, Recorder, RecorderSettings, Recording, SessionId, StorageSettings,
};
use sqlx::Connection as _;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use url::Url;

use crate::{WebState, router, state::KubeAccess};

/// Who vouches for the people of these tests.
const ISSUER: &str = "https://issuer.example.com";

/// A bastion's web front with nothing around it.
pub(super) struct Front {
    pub(super) router: Router,
    pub(super) store: SqlStore,
    pub(super) recorder: Arc<Recorder>,
    pub(super) approvals: Approvals,
    _issuer: DemoIssuer,
    pub(super) folder: TempDir,
}

pub(super) const URL: &str = "https://bastion.example.com:8443";

const RULES: &str = r#"
roles:
  engineer:
    groups: [engineering]
    allow:
      - targets: { names: ["web*"] }
        logins: [deploy, "{user}"]
        capabilities: [shell, pty, exec]
      - clusters: { names: [dev] }
        capabilities: [api, exec]
    request:
      - targets: { names: ["db*"] }
        logins: [deploy]
        capabilities: [shell]
        approvers: { groups: [sre], reason: required }
        max: 8h
  auditor: { groups: [auditor], console: [sessions, audit] }
"#;

const TARGETS: &str = r#"
- { name: web1, address: "10.0.0.5:22", labels: { env: prod }, host_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti"] }
- { name: db1, address: "10.0.0.6:22", host_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti"] }
"#;

pub(super) async fn front() -> Front {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap();
    let recorder = Arc::new(recorder(folder.path()));
    let callback: Url = format!("{URL}/login/callback").parse().unwrap();
    let issuer = DemoIssuer::start(callback.clone()).await.unwrap();
    let oidc = OidcClient::new(OidcSettings::new(issuer.url().parse().unwrap(), issuer.client_id())).unwrap();
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let log = AuditLog::start(Arc::clone(&shared), &folder.path().join("waiting")).unwrap();
    let logins = Arc::new(LoginService::new(
        oidc,
        Arc::clone(&shared),
        log.clone(),
        Arc::new(UserCa::load_or_create(&folder.path().join("ssh-user-ca")).unwrap()),
        LoginSettings {
            login_lifetime: Duration::from_secs(3600),
            certificate_lifetime: Duration::from_secs(600),
            console_callback: callback,
        },
        EndedLogins::default(),
    ));
    let rules = RuleSet::compile(&[RuleDoc::parse(RULES, "rules.yaml").unwrap()]).unwrap();
    let targets = config::target::parse_targets(TARGETS, Path::new(""), "targets.yaml").unwrap();
    let info = BastionInfo {
        name: "bastion".into(),
        version: "0.1.0".into(),
        ssh: SshAddress { host: "bastion.example.com".into(), port: 2222 },
        kube: Some(KubeAddress { url: "https://bastion.example.com:6443".into() }),
        names: vec!["bastion.example.com".into()],
        host_ca: "ssh-ed25519 AAAA".into(),
        issuer: "https://issuer.example.com".into(),
    };
    let rules = watch::Sender::new(Arc::new(rules)).subscribe();
    let ca = Arc::new(KubeClientCa::load_or_create(folder.path()).unwrap());
    let cluster = |name: &str| config::Cluster {
        name: name.parse().unwrap(),
        labels: [("env".to_owned(), "dev".to_owned())].into(),
        access: config::ClusterAccess::InCluster,
    };
    let kube = KubeAccess {
        credentials: KubeCredentials::new(Arc::clone(&shared), ca, Duration::from_secs(600)),
        clusters: [cluster("dev"), cluster("prod")].into(),
        url: "https://bastion.example.com:6443".parse().unwrap(),
        server_names: Arc::new([("dev".parse().unwrap(), "dev.kube.bastion.example.com".to_owned())].into()),
    };
    let approvals = Approvals::start(Arc::clone(&shared), URL.parse().unwrap(), None).await.unwrap();
    let state = WebState::new(
        shared,
        log,
        logins,
        rules,
        targets.into(),
        Some(kube),
        Arc::clone(&recorder),
        approvals.clone(),
        CancellationToken::new(),
        info,
        URL.parse().unwrap(),
    );
    Front { router: router(state), store, recorder, approvals, _issuer: issuer, folder }
}

fn recorder(folder: &Path) -> Recorder {
    let url = Url::from_directory_path(folder.join("recordings")).unwrap();
    let storage = recorder::storage::build(&StorageSettings { url, s3: None }).unwrap();
    Recorder::open(RecorderSettings::new(storage, folder.join("spool"))).unwrap()
}

impl Front {
    /// A statement by other hands: what an older bastion left, or what breaks the database.
    pub(super) async fn damage(&self, statement: &'static str) {
        let url = format!("sqlite:{}", self.folder.path().join("bastion.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }

    /// The number that a query finds in the database.
    pub(super) async fn number(&self, query: &'static str) -> i64 {
        let url = format!("sqlite:{}", self.folder.path().join("bastion.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
    }

    /// Somebody, as the issuer would say.
    pub(super) fn subject(&self, name: &str, group: &str) -> Subject {
        Subject {
            issuer: ISSUER.to_owned(),
            id: format!("id-{name}"),
            name: name.parse().unwrap(),
            email: Some(format!("{name}@example.com")),
            groups: [group.parse().unwrap()].into(),
        }
    }

    /// Logs somebody in without the issuer; the token is a bearer token or a cookie's value.
    pub(super) async fn log_in(&self, name: &str, group: &str, kind: LoginKind) -> String {
        self.log_in_subject(self.subject(name, group), kind).await
    }

    pub(super) async fn log_in_subject(&self, subject: Subject, kind: LoginKind) -> String {
        let token = format!("token of {} {kind:?}", subject.name).replace(' ', "-");
        let record = LoginRecord {
            token: token::hash(&token),
            kind,
            subject,
            created_at: Timestamp::now(),
            expires_at: "2100-01-01T00:00:00Z".parse().unwrap(),
        };
        self.store.add_login(&record).await.unwrap();
        token
    }

    /// A bearer token.
    pub(super) async fn token(&self, name: &str, group: &str) -> String {
        self.log_in(name, group, LoginKind::Cli).await
    }

    /// Writes the row of a session.
    pub(super) async fn session(&self, user: &str) -> SessionId {
        let id = SessionId::new();
        self.session_with_id(id, user).await;
        id
    }

    pub(super) async fn session_with_id(&self, id: SessionId, user: &str) {
        let user: UserName = user.parse().unwrap();
        let record = SessionRecord {
            id,
            person: Some(Person { issuer: ISSUER.to_owned(), id: format!("id-{user}") }),
            user,
            target: "web1".parse().unwrap(),
            login: "deploy".parse().unwrap(),
            kind: SessionKind::Exec,
            command: Some("id".into()),
            pty: false,
            source: "192.0.2.7:50000".into(),
            started_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            ended_at: None,
            end: None,
            output_bytes: 0,
        };
        self.store.add_session(&record).await.unwrap();
    }

    /// Starts the recording of a session and writes something into it.
    pub(super) async fn record(&self, id: SessionId) -> Recording {
        let details = Details {
            user: "alice".parse().unwrap(),
            target: "web1".parse().unwrap(),
            login: "deploy".parse().unwrap(),
            source: "192.0.2.7:50000".into(),
            kind: "exec".into(),
        };
        let header = Header {
            size: WindowSize::DEFAULT,
            term: None,
            title: None,
            command: Some("id".into()),
            env: std::collections::BTreeMap::new(),
            details,
        };
        let recording = self.recorder.start(id, header, Mode { pty: true, ..Mode::default() }).await.unwrap();
        let output = Masker::new().feed(Bytes::from_static(b"uid=0(root) gid=0(root)\r\n"));
        recording.record(EventKind::Output(output)).unwrap();
        recording.ready().await.unwrap();
        recording
    }

    /// Records a session from start to end, and waits until it is sealed.
    pub(super) async fn finished_recording(&self, id: SessionId) {
        self.record(id).await.finish(End::Exited { status: 0 }).await.unwrap();
        let sealed = async {
            while !self.recorder.read(id).await.is_ok_and(|reader| reader.complete()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), sealed).await.expect("sealed in time");
    }

    pub(super) async fn send(&self, request: request::Builder, body: impl Into<Body>) -> Answer {
        let mut request: Request<Body> = request.body(body.into()).unwrap();
        let peer = SocketAddr::from(([192, 0, 2, 7], 50_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// A GET, with a bearer token where one is given.
    pub(super) async fn get(&self, path: &str, token: impl Into<Option<&str>>) -> Answer {
        self.send(request(Method::GET, path, token), Body::empty()).await
    }

    pub(super) async fn audit(&self) -> Vec<AuditEvent> {
        let filter = AuditFilter { limit: 1000, ..AuditFilter::default() };
        self.store.audit(&filter).await.unwrap().into_iter().rev().map(|record| record.event).collect()
    }
}

pub(super) fn request<'a>(method: Method, path: &str, token: impl Into<Option<&'a str>>) -> request::Builder {
    let request = Request::builder().method(method).uri(path);
    match token.into() {
        Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        None => request,
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Asserts that it is a well-formed problem with this status, and gives its detail.
    #[track_caller]
    pub(super) fn problem(&self, status: StatusCode) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["title"], status.canonical_reason().unwrap());
        let detail = problem["detail"].as_str().unwrap().to_owned();
        assert!(!detail.is_empty());
        detail
    }
}

//! A fake of the HTTP API and of the demo's issuer, for the command's side of the flows only.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::{Timestamp, ToSpan as _};
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Certificate, PrivateKey, PublicKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::home::{BastionHome, write_atomically};
use crate::key;

const TOKEN: &str = "the-token";

pub(crate) struct FakeApi {
    shared: Arc<Shared>,
    server: JoinHandle<std::io::Result<()>>,
}

struct Shared {
    url: String,
    ca: PrivateKey,
    issued: AtomicU64,
    polls: AtomicU64,
    ended: AtomicBool,
    redirect_uri: Mutex<String>,
    session_queries: Mutex<Vec<String>>,
}

impl FakeApi {
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let shared = Arc::new(Shared {
            url: format!("http://{}", listener.local_addr().unwrap()),
            ca: key::generate("ca").unwrap(),
            issued: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            redirect_uri: Mutex::default(),
            session_queries: Mutex::default(),
        });
        let router = Router::new()
            .route("/api/v1/info", get(info))
            .route("/api/v1/login", post(start_login).delete(end_login))
            .route("/api/v1/login/finish", post(finish_login))
            .route("/api/v1/login/device", post(start_device))
            .route("/api/v1/login/device/poll", post(poll_device))
            .route("/api/v1/certificates/ssh", post(issue))
            .route("/api/v1/sessions", get(sessions))
            .route("/authorize", get(authorize))
            .with_state(shared.clone());
        let server = axum::serve(listener, router);
        Self { shared, server: tokio::spawn(server.into_future()) }
    }

    pub(crate) async fn stop(self) {
        self.server.abort();
        let _ = self.server.await;
    }

    pub(crate) fn url(&self) -> String {
        self.shared.url.clone()
    }

    /// The key that signs both users' and host certificates.
    pub(crate) fn ca(&self) -> &PrivateKey {
        &self.shared.ca
    }

    pub(crate) fn issued(&self) -> u64 {
        self.shared.issued.load(SeqCst)
    }

    pub(crate) fn polls(&self) -> u64 {
        self.shared.polls.load(SeqCst)
    }

    pub(crate) fn session_queries(&self) -> Vec<String> {
        self.shared.session_queries.lock().unwrap().clone()
    }

    pub(crate) fn end_logins(&self) {
        self.shared.ended.store(true, SeqCst);
    }

    pub(crate) fn logins_ended(&self) -> bool {
        self.shared.ended.load(SeqCst)
    }

    /// Puts a certificate in the last third of its life into the folder.
    pub(crate) fn age_certificate(&self, home: &BastionHome) {
        let public_key = std::fs::read_to_string(home.public_key()).unwrap();
        let certificate = self.shared.certificate(public_key.trim(), 540, 60, 999);
        write_atomically(&home.certificate(), certificate.to_openssh().unwrap().as_bytes(), 0o644).unwrap();
    }
}

impl Shared {
    fn certificate(&self, public_key: &str, since: u64, left: u64, serial: u64) -> Certificate {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap();
        let key = PublicKey::from_openssh(public_key).unwrap();
        let mut builder = Builder::new([7_u8; 16].as_slice(), key.key_data().clone(), now - since, now + left).unwrap();
        builder.serial(serial).unwrap().cert_type(CertType::User).unwrap();
        builder.key_id("alice").unwrap().valid_principal("alice").unwrap();
        builder.sign(&self.ca).unwrap()
    }

    fn login(&self) -> Value {
        json!({"token": TOKEN, "user": {"name": "alice", "groups": ["engineering"]},
               "expires_at": Timestamp::now() + 12.hours(), "a member of a later version": 1})
    }

    fn refuses(&self, headers: &HeaderMap) -> Option<Response> {
        let sent = headers.get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        if sent == Some(format!("Bearer {TOKEN}").into_bytes()) && !self.ended.load(SeqCst) {
            return None;
        }
        Some(problem(StatusCode::UNAUTHORIZED, "the login ended"))
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({"title": "refused", "status": status.as_u16(), "detail": detail}))).into_response()
}

async fn info(State(shared): State<Arc<Shared>>) -> Json<Value> {
    // A server that would like to add a line of its own.
    let host_ca = format!("{} x\n* ssh-ed25519 AAAA", shared.ca.public_key().to_openssh().unwrap());
    Json(json!({"name": "bastion", "version": "0", "ssh": {"host": "127.0.0.1", "port": 2222},
                "names": ["127.0.0.1"], "host_ca": host_ca, "issuer": shared.url}))
}

async fn start_login(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Json<Value> {
    *shared.redirect_uri.lock().unwrap() = body["redirect_uri"].as_str().unwrap().to_owned();
    Json(json!({"authorization_url": format!("{}/authorize?client_id=bastion", shared.url), "state": "s&1"}))
}

#[derive(serde::Deserialize)]
struct Authorize {
    demo_user: String,
}

async fn authorize(State(shared): State<Arc<Shared>>, Query(query): Query<Authorize>) -> Redirect {
    let answer =
        if query.demo_user == "alice" { "code=c%2B1" } else { "error=access_denied&error_description=unknown+user" };
    Redirect::to(&format!("{}?{answer}&state=s%261", shared.redirect_uri.lock().unwrap()))
}

async fn finish_login(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    if body["code"] == "c+1" && body["state"] == "s&1" {
        return Json(shared.login()).into_response();
    }
    problem(StatusCode::BAD_REQUEST, "unknown code")
}

async fn end_login(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(refusal) = shared.refuses(&headers) {
        return refusal;
    }
    shared.ended.store(true, SeqCst);
    StatusCode::NO_CONTENT.into_response()
}

async fn start_device() -> Json<Value> {
    Json(json!({"device_id": "d", "user_code": "ABCD-EFGH", "verification_uri": "http://127.0.0.1/device",
                "interval": 0, "expires_at": Timestamp::now() + 5.minutes()}))
}

async fn poll_device(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    assert_eq!(body["device_id"], "d");
    match shared.polls.fetch_add(1, SeqCst) {
        0 => (StatusCode::ACCEPTED, Json(json!({"interval": 0}))).into_response(),
        _ => Json(shared.login()).into_response(),
    }
}

async fn issue(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Some(refusal) = shared.refuses(&headers) {
        return refusal;
    }
    let serial = shared.issued.fetch_add(1, SeqCst) + 1;
    let certificate = shared.certificate(body["public_key"].as_str().unwrap(), 0, 600, serial);
    Json(json!({"certificate": certificate.to_openssh().unwrap(), "serial": serial.to_string(),
                "expires_at": Timestamp::now() + 10.minutes()}))
    .into_response()
}

async fn sessions(State(shared): State<Arc<Shared>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if let Some(refusal) = shared.refuses(&headers) {
        return refusal;
    }
    let query = query.unwrap_or_default();
    let first = if query.starts_with("cursor=") { 3 } else { 0 };
    shared.session_queries.lock().unwrap().push(query);
    let items: Vec<_> = (first..first + 3).map(|number| json!({"id": number})).collect();
    Json(json!({"items": items, "next": (first + 3).to_string()})).into_response()
}

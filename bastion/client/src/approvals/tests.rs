use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser as _;
use serde_json::json;

use super::*;
use crate::access::{self, AccessCommand};
use crate::api_client::ServerUrl;
use crate::{Command, tests::Arguments};

const ID: &str = "01935f00-0000-7000-8000-000000000001";

fn approval(state: &str) -> Value {
    json!({
        "id": ID, "kind": "command", "state": state,
        "requester": {"name": "alice", "email": "alice@example.com", "groups": ["engineering"]},
        "target": "db1", "login": "root", "session": "0193", "rule": "restart-service",
        "because": "restarts are for sre", "command": "systemctl restart db\\n\u{1b}[2J\u{202e}",
        "commands": ["systemctl restart db"], "screen": "$ systemctl\u{9b}2J\n└── votes", "reason": "ticket 4711",
        "needed": {"groups": ["sre", "dba"], "count": 2},
        "votes": [{"by": "bob", "approve": true, "comment": "fine\u{1b}[A", "at": "2026-11-22T10:01:00Z"}],
        "scope": null, "created_at": "2026-11-22T10:00:00Z", "expires_at": "2026-11-22T10:15:00Z",
        "decided_at": null, "may_decide": true, "url": "https://b.example/#/approvals/1", "a later member": 1
    })
}

/// What was asked, and the states that are answered in turn; the last one stands.
#[derive(Default)]
struct Fake {
    asked: Vec<String>,
    states: VecDeque<&'static str>,
}

type Shared = Arc<Mutex<Fake>>;

fn answer(shared: &Shared, asked: String) -> Json<Value> {
    let mut fake = shared.lock().unwrap();
    fake.asked.push(asked);
    let state = if fake.states.len() > 1 { fake.states.pop_front() } else { fake.states.front().copied() };
    Json(approval(state.unwrap_or("pending")))
}

async fn show(State(shared): State<Shared>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Json<Value> {
    answer(&shared, format!("GET {id}?{}", query.unwrap_or_default()))
}

async fn decide(State(shared): State<Shared>, Path((id, what)): Path<(String, String)>, body: String) -> Response {
    if what == "deny" && body == "{}" {
        let problem = Json(json!({"title": "conflict", "detail": "it is decided already"}));
        return (StatusCode::CONFLICT, problem).into_response();
    }
    answer(&shared, format!("{what} {id} {body}")).into_response()
}

async fn cancel(State(shared): State<Shared>, Path(id): Path<String>) -> Json<Value> {
    answer(&shared, format!("DELETE {id}"))
}

async fn page(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Json<Value> {
    shared.lock().unwrap().asked.push(query.unwrap_or_default());
    Json(json!({"items": [approval("pending")], "next": null}))
}

async fn request(State(shared): State<Shared>, body: String) -> Response {
    (StatusCode::CREATED, answer(&shared, format!("access {body}"))).into_response()
}

async fn server(states: &[&'static str]) -> (ApiClient, Shared) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let shared: Shared = Arc::new(Mutex::new(Fake { asked: vec![], states: states.iter().copied().collect() }));
    let router = Router::new()
        .route("/api/v1/approvals", get(page))
        .route("/api/v1/approvals/{id}", get(show).delete(cancel))
        .route("/api/v1/approvals/{id}/{what}", post(decide))
        .route("/api/v1/access", post(request))
        .with_state(Arc::clone(&shared));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = ServerUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    (ApiClient::new(&url, None).unwrap().with_token("t"), shared)
}

fn command(line: &str) -> ApprovalsCommand {
    let words = line.split(' ').map(|word| word.replace("ID", ID));
    let Command::Approvals(command) = Arguments::try_parse_from(words).unwrap().command else { panic!("{line}") };
    command
}

fn now() -> Timestamp {
    "2026-11-22T10:05:00Z".parse().unwrap()
}

#[test]
fn an_approver_sees_everything_and_no_control_character() {
    let text = sheet(&read(approval("pending")).unwrap(), now());
    for part in [
        "alice <alice@example.com> (groups: engineering)",
        "db1",
        "root",
        "restart-service",
        "restarts are for sre",
        "ticket 4711",
        "1 more (of 2) from sre or dba",
        "(in 10m)",
        "command\n  systemctl restart db\\n\\u{1b}[2J\\u{202e}\n",
        "read as\n  systemctl restart db\n",
        "  │ $ systemctl\\u{9b}2J\n  │ └── votes\n",
        "bob approved at ",
        "fine\\u{1b}[A",
        &format!("next: bastion approvals approve {ID}\n"),
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(visible(&text.replace('\n', "")), text.replace('\n', ""));
}

#[test]
fn who_may_not_decide_is_not_told_to() {
    let mut other = approval("pending");
    other["may_decide"] = false.into();
    assert!(!sheet(&read(other).unwrap(), now()).contains("next:"));
    assert!(!sheet(&read(approval("denied")).unwrap(), now()).contains("next:"));
}

#[test]
fn the_table_tells_what_is_missing_and_what_became_of_it() {
    let mut decided = approval("approved");
    decided["command"] = Value::Null;
    decided["kind"] = "access".into();
    let text = table(vec![approval("pending"), decided], now()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[1].contains("pending, 10m left") && lines[1].contains("root@db1"), "{text}");
    assert!(lines[1].ends_with("systemctl restart db\\n\\u{1b}[2J\\u{202e}"), "{text}");
    assert!(lines[2].contains("  approved  ") && lines[2].ends_with("  access"), "{text}");
}

#[tokio::test]
async fn listings_ask_for_what_is_wanted() {
    let (api, shared) = server(&[]).await;
    for line in
        ["bastion approvals ls", "bastion approvals ls --state all --mine", "bastion approvals ls --state decided"]
    {
        let ApprovalsCommand::Ls(options) = command(line) else { panic!() };
        assert_eq!(list(&api, &options).await.unwrap().len(), 1);
    }
    assert_eq!(
        shared.lock().unwrap().asked,
        ["limit=50&state=pending", "limit=50&mine=true", "limit=50&state=decided"]
    );
}

#[tokio::test]
async fn a_vote_carries_scope_and_comment() {
    let (api, shared) = server(&["pending", "approved"]).await;
    let vote = async |line: &str| {
        let ApprovalsCommand::Approve(options) = command(line) else { panic!() };
        approve(&api, &options).await
    };
    let first = vote("bastion approvals approve ID").await.unwrap();
    assert_eq!(said(&first), format!("{ID}: your vote counts; 1 more (of 2) from sre or dba\n"));
    let second = vote("bastion approvals approve ID --for 1h --comment ok").await.unwrap();
    assert_eq!(said(&second), format!("{ID}: approved\n"));
    vote("bastion approvals approve ID --scope session").await.unwrap();
    for line in ["bastion approvals approve ID --scope for", "bastion approvals approve ID --scope once --for 1h"] {
        assert_eq!(vote(line).await.unwrap_err().code(), 2, "{line}");
    }
    let asked = shared.lock().unwrap().asked.clone();
    assert_eq!(
        asked,
        [
            format!("approve {ID} {{\"scope\":\"once\"}}"),
            format!("approve {ID} {{\"scope\":\"for\",\"for\":\"3600s\",\"comment\":\"ok\"}}"),
            format!("approve {ID} {{\"scope\":\"session\"}}"),
        ]
    );
}

#[tokio::test]
async fn a_vote_after_the_decision_is_refused_in_the_servers_words() {
    let (api, _) = server(&[]).await;
    let ApprovalsCommand::Deny(options) = command("bastion approvals deny ID") else { panic!() };
    let error = deny(&api, &options).await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (1, "it is decided already"));
}

#[test]
fn an_id_that_is_none_reaches_no_server() {
    for id in ["../whoami", "", "1"] {
        let error = Arguments::try_parse_from(["bastion", "approvals", "approve", id]).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{id}");
    }
}

#[tokio::test]
async fn waiting_asks_until_it_is_decided() {
    let (api, shared) = server(&["pending", "pending", "denied"]).await;
    let answer = decided(&api, ID.parse().unwrap()).await.unwrap();
    assert_eq!(answer["state"], "denied");
    assert_eq!(shared.lock().unwrap().asked, vec![format!("GET {ID}?wait=30"); 3]);
}

#[tokio::test]
async fn the_exit_code_of_an_access_request_tells_what_became_of_it() {
    for (states, code) in [
        (&["approved"][..], None),
        (&["pending", "approved"], None),
        (&["pending", "cancelled"], Some(1)),
        (&["pending", "pending", "expired"], Some(4)),
        (&["pending", "denied"], Some(5)),
    ] {
        let (api, shared) = server(states).await;
        let line = "bastion access request db1 --login root --for 2h --reason 4711 --wait";
        let Command::Access(AccessCommand::Request(options)) =
            Arguments::try_parse_from(line.split(' ')).unwrap().command
        else {
            panic!()
        };
        let outcome = access::request(&api, &options).await;
        assert_eq!(outcome.err().map(|error| error.code()), code, "{states:?}");
        let asked = shared.lock().unwrap().asked[0].clone();
        assert_eq!(asked, r#"access {"target":"db1","login":"root","for":"7200s","reason":"4711"}"#);
    }
}

#[test]
fn a_line_of_the_watch_names_who_decided() {
    let line = watch::words(&read(approval("approved")).unwrap(), now());
    assert!(line.contains(&format!("{ID}  approved by bob  alice on root@db1: systemctl restart db")), "{line}");
    let line = watch::words(&read(approval("pending")).unwrap(), now());
    assert!(line.contains("pending (1 more (of 2) from sre or dba, 10m left)"), "{line}");
}

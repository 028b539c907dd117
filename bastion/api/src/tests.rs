//! The contract: each message is written as it was read, and the description of the API has it.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    access::{AccessItem, AccessList, AccessRequest},
    approvals::{ApprovalKind, ApprovalState, ApprovalView, ApproveRequest, DenyRequest, ScopeWord},
    certificates::{CertificateAnswer, CertificateRequest, TokenAnswer, X509Answer, X509Request},
    clusters::Clusters,
    events::Event,
    info::BastionInfo,
    login::{BeginLogin, BegunDeviceLogin, BegunLogin, FinishLogin, LoginAnswer, Pending, PollDeviceLogin, WhoAmI},
    names::NameItem,
    open::Open,
    page::Page,
    problem::Problem,
    sessions::{SessionItem, SessionKind},
    targets::{TargetItem, TargetKind, Targets},
};

const ID: &str = "01935f00-0000-7000-8000-000000000001";
const AT: &str = "2026-11-22T10:00:00Z";

/// It is read, and written as it was; the description of the API has a schema of the type's name with each member.
fn documented<T: Serialize + DeserializeOwned + ToSchema>(message: Value) -> T {
    let description: Value = serde_json::from_str(include_str!("../../web/src/openapi.json")).unwrap();
    let name = T::name();
    let schema = &description["components"]["schemas"][&*name];
    for member in message.as_object().unwrap().keys() {
        assert!(schema["properties"][member].is_object(), "{name} has no {member} in openapi.json");
    }
    for member in schema["required"].as_array().into_iter().flatten() {
        assert!(message.get(member.as_str().unwrap()).is_some(), "{name}: {member} is not in the example");
    }
    same(message)
}

fn same<T: Serialize + DeserializeOwned>(message: Value) -> T {
    let read: T = serde_json::from_value(message.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), message);
    read
}

fn person() -> Value {
    json!({"issuer": "https://issuer.example.com", "subject": "id-alice"})
}

fn user() -> Value {
    json!({"person": person(), "name": "alice", "email": null, "groups": ["sre"]})
}

fn approval() -> Value {
    json!({
        "id": ID, "kind": "command", "state": "approved", "requester": user(), "target": "db1", "login": "root",
        "session": null, "rule": "restart", "because": "restarts are for sre", "command": "restart db",
        "act": {
            "kind": "exec", "protocol": "ssh", "words": ["restart db"], "stdin": {"how": "given", "text": "y"},
            "terminal": null, "container": null, "env": [{"name": "LANG", "value": "C"}],
        },
        "commands": ["restart db"], "screen": null, "reason": null, "lasting_seconds": 60,
        "needed": {"groups": ["sre"], "count": 2},
        "votes": [{"person": person(), "by": "bob", "approve": true, "comment": null, "at": AT}],
        "scope": {"scope": "for", "until": AT}, "created_at": AT, "expires_at": AT, "decided_at": AT, "remark": null,
        "may_decide": false, "url": "https://b.example/#/approvals/1",
    })
}

fn session() -> Value {
    json!({
        "id": ID, "person": person(), "user": "alice", "target": "web1", "login": "deploy", "kind": "exec",
        "command": "id", "pty": false, "source": "192.0.2.7:50000", "started_at": AT, "ended_at": AT,
        "end": {"how": "exited", "status": 7}, "output_bytes": 12, "recording": {"url": "/r"},
    })
}

#[test]
fn every_message_reads_what_it_writes_and_is_documented() {
    documented::<AccessRequest>(json!({"target": "db1", "login": null, "for": "2h", "reason": "ticket"}));
    documented::<AccessList>(json!({"items": [access()]}));
    documented::<AccessItem>(access());
    documented::<ApprovalView>(approval());
    documented::<ApproveRequest>(json!({"scope": "for", "for": "1h", "comment": "fine"}));
    documented::<DenyRequest>(json!({"comment": "no"}));
    documented::<BastionInfo>(json!({
        "name": "bastion", "version": "0.1.0", "ssh": {"host": "b.example", "port": 2222},
        "kube": {"url": "https://b.example:6443"}, "names": ["b.example"], "host_ca": "ssh-ed25519 AAAA",
        "issuer": "https://issuer.example.com",
    }));
    documented::<BeginLogin>(json!({"redirect_uri": "http://127.0.0.1:1/callback"}));
    documented::<BegunLogin>(json!({"authorization_url": "https://i.example", "state": "s"}));
    documented::<FinishLogin>(json!({"state": "s", "code": "c"}));
    documented::<BegunDeviceLogin>(json!({
        "device_id": "d", "user_code": "u", "verification_uri": "https://i.example",
        "verification_uri_complete": null, "interval": 5, "expires_at": AT,
    }));
    documented::<PollDeviceLogin>(json!({"device_id": "d"}));
    documented::<Pending>(json!({"interval": 5}));
    documented::<LoginAnswer>(json!({"token": "t", "user": user(), "claimed": "bob", "expires_at": AT}));
    let console = json!({"sessions": true, "audit": false, "names": true});
    documented::<WhoAmI>(json!({"user": user(), "expires_at": AT, "csrf": "c", "console": console}));
    documented::<CertificateRequest>(json!({"public_key": "k"}));
    documented::<CertificateAnswer>(json!({"certificate": "c", "serial": "1", "expires_at": AT}));
    documented::<X509Request>(json!({"public_key": "k"}));
    documented::<X509Answer>(json!({"certificate": "c", "serial": "1", "expires_at": AT}));
    documented::<TokenAnswer>(json!({"token": "t", "expires_at": AT}));
    documented::<Clusters>(json!({"items": [{
        "name": "dev", "labels": {"env": "dev"}, "capabilities": ["api"], "server": "https://b.example/clusters/dev",
        "tls_server_name": "dev.b.example",
    }]}));
    documented::<Targets>(json!({"items": [{
        "name": "web1", "kind": "host", "labels": {"env": "prod"}, "logins": ["deploy"], "capabilities": ["shell"],
    }]}));
    documented::<NameItem>(json!({"name": "alice", "person": person(), "bound_at": AT}));
    documented::<SessionItem>(session());
    documented::<Problem>(json!({"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "no"}));
    same::<Page<SessionItem>>(json!({"items": [session()], "next": "c", "unreadable": [{"table": "s", "id": "1"}]}));
}

fn access() -> Value {
    json!({
        "id": ID, "person": person(), "user": "alice", "target": "db1", "target_kind": "host", "login": "root", "until": AT,
    })
}

#[test]
fn every_event_reads_what_it_writes() {
    for message in [
        json!({"event": "approved", "by": ["bob"]}),
        json!({"event": "blocked", "code": "command_blocked", "rule": "no-rm", "message": "no", "approval": ID}),
        json!({"event": "started", "session": ID}),
        json!({"event": "waiting_approval", "approval": ID, "rule": null, "message": "ask sre", "expires_at": AT}),
    ] {
        let event: Event = same(message);
        assert_eq!(Event::read(event.line().as_bytes()), Some(event));
    }
    let first = json!({"event": "blocked", "message": "no", "a later member": 1});
    assert!(matches!(serde_json::from_value(first).unwrap(), Event::Blocked { code: None, rule: None, .. }));
}

#[test]
fn words_are_written_as_they_are_shown() {
    fn is_word(word: impl Serialize + ToString) {
        assert_eq!(serde_json::to_value(&word).unwrap(), word.to_string());
    }
    is_word(ApprovalKind::Access);
    is_word(ApprovalKind::Command);
    is_word(ApprovalKind::Session);
    for state in [
        ApprovalState::Approved,
        ApprovalState::Cancelled,
        ApprovalState::Denied,
        ApprovalState::Expired,
        ApprovalState::Pending,
    ] {
        is_word(state);
    }
    is_word(ScopeWord::For);
    is_word(ScopeWord::Once);
    is_word(ScopeWord::Session);
    for kind in [SessionKind::Attach, SessionKind::Exec, SessionKind::Sftp, SessionKind::Shell] {
        is_word(kind);
    }
    is_word(TargetKind::Cluster);
    is_word(TargetKind::Host);
}

#[test]
fn an_older_client_reads_what_a_newer_bastion_says() {
    let mut newer = session();
    newer["kind"] = "forward".into();
    newer["end"] = json!({"how": "moved", "to": "elsewhere"});
    newer["a later member"] = 1.into();
    let read: SessionItem = serde_json::from_value(newer).unwrap();
    assert_eq!((read.kind.to_string().as_str(), matches!(read.end, Some(Open::Other(_)))), ("forward", true));

    let mut newer = approval();
    newer["kind"] = "forward".into();
    newer["scope"]["scope"] = "week".into();
    let read: ApprovalView = serde_json::from_value(newer).unwrap();
    assert_eq!((read.kind.to_string(), read.scope.unwrap().scope.to_string()), ("forward".into(), "week".into()));

    let event = json!({"event": "blocked", "code": "moon_phase", "message": "no"});
    let Event::Blocked { code, .. } = serde_json::from_value(event).unwrap() else { panic!() };
    assert_eq!(code.unwrap().to_string(), "moon_phase");
}

#[test]
fn a_newer_client_reads_what_an_older_bastion_says() {
    let _: BastionInfo =
        serde_json::from_value(json!({"ssh": {"host": "b", "port": 1}, "names": [], "host_ca": ""})).unwrap();
    let target: TargetItem = serde_json::from_value(json!({"name": "web1"})).unwrap();
    assert_eq!(target.kind, TargetKind::Host);
    let _: WhoAmI = serde_json::from_value(json!({"user": {"name": "alice"}, "expires_at": AT})).unwrap();
    let _: SessionItem = serde_json::from_value(json!({
        "id": "1", "user": "a", "target": "t", "login": "l", "kind": "exec", "started_at": AT,
    }))
    .unwrap();
    let read: ApprovalView = serde_json::from_value(json!({
        "id": ID, "kind": "access", "state": "pending", "requester": {"name": "alice"}, "target": "t", "login": "l",
        "needed": {"groups": [], "count": 2}, "created_at": AT, "expires_at": AT,
    }))
    .unwrap();
    assert_eq!((read.missing(), read.may_decide), (2, None));
    let problem = |text| serde_json::from_value::<Problem>(text).unwrap().into_text();
    assert_eq!(problem(json!({"title": "forbidden"})).as_deref(), Some("forbidden"));
    assert_eq!(problem(json!({"title": "forbidden", "detail": "ask"})).as_deref(), Some("ask"));
    assert_eq!(problem(json!({})), None);
}

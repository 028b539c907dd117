//! Requests, votes and access as clients of the API see them.

use std::time::Duration;

use approval::{ApprovalKind, Needed, NewApproval, Outcome, Progress, Waiting};
use axum::body::Body;
use bytes::Bytes;
use http::{Method, StatusCode, header};
use ledger::{
    audit::AuditEvent,
    store::{LoginKind, Store as _},
};
use policy::{
    Protocol,
    approval::{Act, ActKind, Stdin},
};
use serde_json::{Value, json};

use super::front::{Answer, Front, front, request};

async fn post(front: &Front, path: &str, token: &str, body: Value) -> Answer {
    let asked = request(Method::POST, path, token).header(header::CONTENT_TYPE, "application/json");
    front.send(asked, body.to_string()).await
}

fn new(requester: policy::Subject, count: usize) -> NewApproval {
    NewApproval {
        kind: ApprovalKind::Command,
        requester,
        target: "web1".parse().unwrap(),
        login: "deploy".parse().unwrap(),
        session: None,
        rule: Some("restart".parse().unwrap()),
        act: Act {
            stdin: Stdin::Given(Bytes::from_static(b"yes\n")),
            env: vec![("LANG".into(), "C".into())],
            ..Act::of(ActKind::Exec, Protocol::Ssh, [&b"systemctl restart db\r"[..]])
        },
        commands: vec!["systemctl restart db".into()],
        screen: Some("$ ".into()),
        reason: None,
        because: "systemctl restart db".into(),
        needed: Needed {
            groups: vec!["sre".parse().unwrap()],
            count,
            expires: Duration::from_secs(900),
            reason_required: false,
        },
        source: "192.0.2.7:50000".into(),
    }
}

async fn ask(front: &Front, who: &str, count: usize) -> (Waiting, String) {
    let waiting = front.approvals.request(new(front.subject(who, "engineering"), count)).await.unwrap();
    let path = format!("/api/v1/approvals/{}", waiting.id());
    (waiting, path)
}

async fn outcome(waiting: &mut Waiting) -> Outcome {
    loop {
        let told = tokio::time::timeout(Duration::from_secs(20), waiting.changed()).await.expect("told in time");
        if let Progress::Decided(outcome) = told {
            return outcome;
        }
    }
}

#[tokio::test]
async fn a_request_has_this_form() {
    let front = front().await;
    let bob = front.token("bob", "sre").await;
    let (waiting, path) = ask(&front, "alice", 1).await;
    let mut shown = front.get(&path, &*bob).await.json();
    for time in ["created_at", "expires_at"] {
        assert!(shown[time].take().is_string(), "{time}");
    }
    assert_eq!(
        shown,
        json!({
            "id": waiting.id().to_string(), "kind": "command", "state": "pending",
            "requester": {
                "person": { "issuer": "https://issuer.example.com", "subject": "id-alice" },
                "name": "alice", "email": "alice@example.com", "groups": ["engineering"],
            },
            "target": "web1", "login": "deploy", "session": null, "rule": "restart",
            "because": "systemctl restart db", "command": "systemctl restart db⟨CR⟩",
            "act": {
                "kind": "exec", "protocol": "ssh", "words": ["systemctl restart db⟨CR⟩"],
                "stdin": { "how": "given", "text": "yes⟨LF⟩" }, "terminal": null, "container": null,
                "env": [{ "name": "LANG", "value": "C" }],
            },
            "commands": ["systemctl restart db"], "screen": "$", "reason": null, "lasting_seconds": null,
            "needed": { "groups": ["sre"], "count": 1 }, "votes": [], "scope": null,
            "created_at": null, "expires_at": null, "decided_at": null, "remark": null, "may_decide": true,
            "url": format!("https://bastion.example.com:8443/#/approvals/{}", waiting.id()),
        })
    );
}

#[tokio::test]
async fn somebody_else_approves_and_whoever_waits_goes_on() {
    let front = front().await;
    let bob = front.token("bob", "sre").await;
    let (mut waiting, path) = ask(&front, "alice", 1).await;
    let answer = post(&front, &format!("{path}/approve"), &bob, json!({ "comment": "go" })).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let shown = answer.json();
    assert_eq!((&shown["state"], &shown["may_decide"]), (&json!("approved"), &json!(false)));
    assert_eq!(shown["scope"], json!({ "scope": "once", "until": null }));
    assert_eq!((&shown["votes"][0]["by"], &shown["votes"][0]["comment"]), (&json!("bob"), &json!("go")));
    let Outcome::Granted(granted) = outcome(&mut waiting).await else { panic!() };
    assert_eq!(*granted.text(), new(front.subject("alice", "engineering"), 1).exact());
    assert_eq!(shown["votes"][0]["person"]["subject"], "id-bob");

    for path in ["approve", "deny"].map(|end| format!("{path}/{end}")) {
        let detail = post(&front, &path, &bob, json!({})).await.problem(StatusCode::CONFLICT);
        assert_eq!(detail, "this request is approved already");
    }
}

#[tokio::test]
async fn somebody_else_denies() {
    let front = front().await;
    let bob = front.token("bob", "sre").await;
    let (mut waiting, path) = ask(&front, "alice", 2).await;
    let answer = post(&front, &format!("{path}/deny"), &bob, json!({ "comment": "no" })).await;
    assert_eq!(answer.json()["state"], "denied");
    assert!(matches!(outcome(&mut waiting).await, Outcome::Denied { by, .. } if by.as_str() == "bob"));
}

#[tokio::test]
async fn nobody_approves_their_own_not_even_who_may_see_everything() {
    let front = front().await;
    let mut all = front.subject("carol", "auditor");
    all.groups.insert("sre".parse().unwrap());
    let carol = front.log_in_subject(all.clone(), LoginKind::Cli).await;
    let waiting = front.approvals.request(new(all, 1)).await.unwrap();
    let path = format!("/api/v1/approvals/{}", waiting.id());
    assert_eq!(front.get(&path, &*carol).await.json()["may_decide"], false);
    for end in ["approve", "deny"] {
        let answer = post(&front, &format!("{path}/{end}"), &carol, json!({})).await;
        assert!(answer.problem(StatusCode::FORBIDDEN).contains("their own request"));
    }
    assert!(
        matches!(front.audit().await.last(), Some(AuditEvent::AccessRefused { user, .. }) if user.as_str() == "carol")
    );
    assert_eq!(front.get(&path, &*carol).await.json()["state"], "pending");
}

#[tokio::test]
async fn who_may_see_a_request_but_is_in_no_group_cannot_decide_on_it() {
    let front = front().await;
    let (carol, eve) = (front.token("carol", "auditor").await, front.token("eve", "engineering").await);
    let (_waiting, path) = ask(&front, "alice", 1).await;
    assert_eq!(front.get(&path, &*carol).await.json()["may_decide"], false);
    post(&front, &format!("{path}/approve"), &carol, json!({})).await.problem(StatusCode::FORBIDDEN);
    front.send(request(Method::DELETE, &path, &*carol), Body::empty()).await.problem(StatusCode::FORBIDDEN);

    // Who may not see it cannot tell it from one that there is not.
    let unknown = "/api/v1/approvals/0199aaaa-0000-7000-8000-000000000001";
    let detail = front.get(unknown, &*eve).await.problem(StatusCode::NOT_FOUND);
    for path in [path.as_str(), unknown, "/api/v1/approvals/x", "/api/v1/approvals/..%2f"] {
        assert_eq!(front.get(path, &*eve).await.problem(StatusCode::NOT_FOUND), detail);
        for end in ["approve", "deny"] {
            let answer = post(&front, &format!("{path}/{end}"), &eve, json!({})).await;
            assert_eq!(answer.problem(StatusCode::NOT_FOUND), detail);
        }
        let answer = front.send(request(Method::DELETE, path, &*eve), Body::empty()).await;
        assert_eq!(answer.problem(StatusCode::NOT_FOUND), detail);
    }
    assert_eq!(front.get(&path, &*carol).await.json()["state"], "pending");
}

#[tokio::test]
async fn two_of_three_are_two_people() {
    let front = front().await;
    let (bob, dave) = (front.token("bob", "sre").await, front.token("dave", "sre").await);
    let (mut waiting, path) = ask(&front, "alice", 2).await;
    let approve = format!("{path}/approve");
    assert_eq!(post(&front, &approve, &bob, json!({})).await.json()["state"], "pending");
    assert!(post(&front, &approve, &bob, json!({})).await.problem(StatusCode::CONFLICT).contains("another person"));
    assert_eq!(post(&front, &approve, &dave, json!({ "scope": "for", "for": "1h" })).await.json()["state"], "approved");
    let Outcome::Granted(granted) = outcome(&mut waiting).await else { panic!() };
    assert_eq!(granted.by().len(), 2);
    assert_eq!(granted.scope(), approval::ScopeWord::Once, "no further than bob said");
}

#[tokio::test]
async fn the_requester_cancels_and_nobody_else() {
    let front = front().await;
    let (alice, bob) = (front.token("alice", "engineering").await, front.token("bob", "sre").await);
    let (mut waiting, path) = ask(&front, "alice", 1).await;
    front.send(request(Method::DELETE, &path, &*bob), Body::empty()).await.problem(StatusCode::FORBIDDEN);
    let answer = front.send(request(Method::DELETE, &path, &*alice), Body::empty()).await;
    assert_eq!(answer.json()["state"], "cancelled");
    assert!(matches!(outcome(&mut waiting).await, Outcome::Cancelled));
    front.send(request(Method::DELETE, &path, &*alice), Body::empty()).await.problem(StatusCode::CONFLICT);
}

#[tokio::test]
async fn everybody_lists_what_they_asked_for_and_may_decide_and_auditors_all() {
    let front = front().await;
    let tokens = [("alice", "engineering"), ("bob", "sre"), ("carol", "auditor"), ("eve", "engineering")];
    let (_one, first) = ask(&front, "alice", 1).await;
    let (_two, second) = ask(&front, "bob", 1).await;
    let (one, two) = (first.rsplit('/').next().unwrap(), second.rsplit('/').next().unwrap());
    let list = async |token: &str, query: &str| {
        let page = front.get(&format!("/api/v1/approvals{query}"), token).await.json();
        let ids = page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), page["next"].as_str().map(str::to_owned))
    };
    let mut by_name = Vec::new();
    for (name, group) in tokens {
        by_name.push(front.token(name, group).await);
    }
    let [alice, bob, carol, eve] = by_name.as_slice() else { panic!() };
    assert_eq!(list(alice, "").await.0, [one]);
    assert_eq!(list(bob, "").await.0, [two, one]);
    assert_eq!(list(bob, "?mine=true").await.0, [two]);
    assert_eq!(list(carol, "").await.0, [two, one]);
    assert!(list(eve, "").await.0.is_empty());

    post(&front, &format!("{first}/deny"), bob, json!({})).await;
    assert_eq!(list(carol, "?state=pending").await.0, [two]);
    assert_eq!(list(carol, "?state=decided").await.0, [one]);
    let (page, next) = list(carol, "?limit=1").await;
    assert_eq!((page.as_slice(), next.as_deref()), ([two.to_owned()].as_slice(), Some(two)));
    assert_eq!(list(carol, &format!("?limit=1&cursor={two}")).await, (vec![one.to_owned()], None));
    for bad in ["?state=x", "?limit=0", "?cursor=x", "?mine=x", "?own=true"] {
        front.get(&format!("/api/v1/approvals{bad}"), &**carol).await.problem(StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_long_poll_answers_with_the_change_or_at_once_if_there_is_none_to_come() {
    let front = front().await;
    let (alice, bob) = (front.token("alice", "engineering").await, front.token("bob", "sre").await);
    let (_waiting, path) = ask(&front, "alice", 1).await;
    let poll = format!("{path}?wait=30");
    let approve = format!("{path}/approve");
    let both = async { tokio::join!(front.get(&poll, &*alice), post(&front, &approve, &bob, json!({}))) };
    let (polled, _) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("told in time");
    assert_eq!(polled.json()["state"], "approved");
    let again = tokio::time::timeout(Duration::from_secs(20), front.get(&poll, &*alice)).await.expect("at once");
    assert_eq!(again.json()["state"], "approved");
    front.get(&format!("{path}?wait=31"), &*alice).await.problem(StatusCode::BAD_REQUEST);

    let (_waiting, path) = ask(&front, "alice", 1).await;
    let poll = format!("{path}?wait=30");
    let both = async { tokio::join!(front.get(&poll, &*alice), front.approvals.close()) };
    let (polled, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("a stop does not wait for it");
    assert_eq!(polled.json()["state"], "pending");
}

#[tokio::test]
async fn a_vote_by_cookie_needs_the_value_that_only_the_console_can_read() {
    let front = front().await;
    let cookie = front.log_in("bob", "sre", LoginKind::Web).await;
    let alice = front.token("alice", "engineering").await;
    let (_waiting, path) = ask(&front, "alice", 1).await;
    let by_cookie = |method: Method, path: &str| {
        request(method, path, None)
            .header(header::COOKIE, format!("__Host-bastion={cookie}"))
            .header(header::CONTENT_TYPE, "application/json")
    };
    for (method, path) in [
        (Method::POST, format!("{path}/approve")),
        (Method::POST, format!("{path}/deny")),
        (Method::DELETE, path.clone()),
        (Method::POST, "/api/v1/access".into()),
    ] {
        let detail = front.send(by_cookie(method, &path), "{}").await.problem(StatusCode::FORBIDDEN);
        assert!(detail.contains("not made by the console"), "{detail}");
    }
    assert_eq!(front.get(&path, &*alice).await.json()["state"], "pending");
}

#[tokio::test]
async fn what_does_not_read_is_refused() {
    let front = front().await;
    let bob = front.token("bob", "sre").await;
    let (_waiting, path) = ask(&front, "alice", 1).await;
    let approve = format!("{path}/approve");
    for body in [
        json!({ "scope": "ever" }),
        json!({ "scope": "for" }),
        json!({ "scope": "for", "for": "soon" }),
        json!({ "scope": "for", "for": "-1h" }),
        json!({ "scope": "for", "for": "1s" }),
        json!({ "scope": "for", "for": "48h" }),
        json!({ "scope": "session" }),
        json!({ "scope": "once", "for": "1h" }),
        json!({ "scop": "once" }),
    ] {
        post(&front, &approve, &bob, body.clone()).await.problem(StatusCode::BAD_REQUEST);
    }
    assert_eq!(front.get(&path, &*bob).await.json()["state"], "pending");
}

#[tokio::test]
async fn access_is_asked_for_approved_and_listed() {
    let front = front().await;
    let (alice, bob) = (front.token("alice", "engineering").await, front.token("bob", "sre").await);
    let carol = front.token("carol", "auditor").await;
    let body = json!({ "target": "db1", "login": "deploy", "for": "2h", "reason": "ticket 7" });
    let asked = post(&front, "/api/v1/access", &alice, body.clone()).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{asked:?}");
    let asked = asked.json();
    assert_eq!(
        (&asked["kind"], &asked["lasting_seconds"], &asked["reason"]),
        (&json!("access"), &json!(7200), &json!("ticket 7"))
    );
    let path = format!("/api/v1/approvals/{}", asked["id"].as_str().unwrap());
    let decided = post(&front, &format!("{path}/approve"), &bob, json!({})).await.json();
    assert_eq!(decided["state"], "approved");
    let items = async |token: &str| front.get("/api/v1/access", token).await.json()["items"].clone();
    let person = json!({ "issuer": "https://issuer.example.com", "subject": "id-alice" });
    let item = json!([{ "id": asked["id"], "person": person, "user": "alice", "target": "db1", "target_kind": "host", "login": "deploy", "until": decided["scope"]["until"] }]);
    assert_eq!(items(&alice).await, item);
    assert_eq!(items(&carol).await, item);
    assert_eq!(items(&bob).await, json!([]));

    for (who, changed, status) in [
        (&alice, json!({ "for": "9h" }), StatusCode::BAD_REQUEST),
        (&alice, json!({ "for": "1s" }), StatusCode::BAD_REQUEST),
        (&alice, json!({ "for": "x" }), StatusCode::BAD_REQUEST),
        (&alice, json!({ "reason": null }), StatusCode::BAD_REQUEST),
        (&alice, json!({ "login": "a b" }), StatusCode::BAD_REQUEST),
        (&alice, json!({ "login": "root" }), StatusCode::FORBIDDEN),
        (&alice, json!({ "target": "web1" }), StatusCode::FORBIDDEN),
        (&alice, json!({ "target": "nowhere" }), StatusCode::FORBIDDEN),
        (&bob, json!({}), StatusCode::FORBIDDEN),
    ] {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        post(&front, "/api/v1/access", who, body.clone()).await.problem(status);
    }
}

#[tokio::test]
async fn a_request_whose_time_is_over_is_shown_so() {
    let front = front().await;
    let bob = front.token("bob", "sre").await;
    let mut over = new(front.subject("alice", "engineering"), 1);
    over.needed.expires = Duration::ZERO;
    let waiting = front.approvals.request(over).await.unwrap();
    let path = format!("/api/v1/approvals/{}", waiting.id());
    let shown = front.get(&path, &*bob).await.json();
    assert_eq!((&shown["state"], &shown["may_decide"]), (&json!("expired"), &json!(false)));
    let late = post(&front, &format!("{path}/approve"), &bob, json!({})).await;
    assert_eq!(late.problem(StatusCode::CONFLICT), "this request is expired already");
    assert!(front.store.approval(waiting.id()).await.unwrap().unwrap().votes.is_empty());
}

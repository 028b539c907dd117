//! Each request is one event in the audit log, whatever becomes of it; and what waits for other people waits there.

use http::{Method, StatusCode};
use ledger::audit::{AuditEvent, KubeRequestEvent};
use policy::approval::Stdin;
use tokio::time::timeout;

use super::{
    SOON,
    front::{Protocol, TestFront, front},
    refusal, request_events,
};

const EXEC: &str = "/clusters/dev/api/v1/namespaces/x/pods/p/exec?command=rm&command=a&stdout=true";

const WEBSOCKET: [(&str, &str); 5] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
    ("sec-websocket-protocol", "v5.channel.k8s.io"),
];

const SPDY: [(&str, &str); 3] =
    [("connection", "Upgrade"), ("upgrade", "SPDY/3.1"), ("x-stream-protocol-version", "v4.channel.k8s.io")];

/// The events of these requests, and no more: a marker is asked for after them.
async fn exactly(front: &TestFront, count: usize) -> Vec<KubeRequestEvent> {
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    assert_eq!(user.send(Method::GET, "/clusters/dev/marker", &[], b"").await.status, StatusCode::OK);
    drop(user);
    let mut events = request_events(front, count + 1).await;
    assert_eq!(events.len(), count + 1, "{events:?}");
    let at = events.iter().position(|event| event.path.as_deref() == Some("/marker")).unwrap();
    events.remove(at);
    events
}

#[tokio::test]
async fn a_refusal_and_the_repetition_over_spdy_are_one_decision_and_one_event() {
    let front = front().await;
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    let first = user.send(Method::GET, EXEC, &WEBSOCKET, b"").await;
    assert!(refusal(&first, StatusCode::FORBIDDEN).contains("not that"));
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    let second = user.send(Method::POST, EXEC, &SPDY, b"").await;
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    let events = exactly(&front, 1).await;
    assert!(events[0].refused.as_ref().unwrap().contains("not that"));
    let blocked = |event| matches!(event, AuditEvent::CommandBlocked(_)).then_some(());
    assert_eq!(front.events(1, blocked).await.len(), 1);

    // A third time it is a question of its own, as is another path or a SPDY request that nothing went before.
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    refusal(&user.send(Method::POST, EXEC, &SPDY, b"").await, StatusCode::FORBIDDEN);
    assert_eq!(exactly_after(&front, 2).await, 2);
}

#[tokio::test]
async fn a_second_websocket_request_is_a_question_of_its_own() {
    let front = front().await;
    for _ in 0..2 {
        let mut user = front.certificate_of("alice", Protocol::Http1).await;
        refusal(&user.send(Method::GET, EXEC, &WEBSOCKET, b"").await, StatusCode::FORBIDDEN);
    }
    exactly(&front, 2).await;
}

async fn exactly_after(front: &TestFront, count: usize) -> usize {
    let events = request_events(front, count + 1).await;
    events.iter().filter(|event| event.path.is_none()).count()
}

#[tokio::test]
async fn every_way_to_end_is_one_event() {
    let front = front().await;
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    for (path, status) in [
        // Answered; refused by the cluster; by a rule; by the role; not understood; the cluster away.
        ("/clusters/dev/api/v1/pods", 200),
        ("/clusters/dev/api/v1/pods?forbidden", 403),
        ("/clusters/dev/api/v1/pods?unauthorized", 502),
        ("/clusters/dev/api/v1/nodes/n/proxy/run", 403),
        ("/clusters/dev/api/v1//pods", 400),
        ("/clusters/gone/api/v1/pods", 502),
    ] {
        let answer = user.send(Method::GET, path, &[], b"").await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    let mut events = exactly(&front, 6).await;
    events.sort_by_key(|event| event.status);
    assert_eq!(events.iter().map(|event| event.status.unwrap()).collect::<Vec<_>>(), [200, 400, 403, 403, 502, 502]);
    assert!(events.iter().filter(|event| event.refused.is_some()).count() == 4, "{events:?}");
}

#[tokio::test]
async fn upgrades_that_fail_are_one_event_each() {
    let front = front().await;
    type Headers = &'static [(&'static str, &'static str)];
    let attempts: [(&str, Headers, u16); 4] = [
        // No subprotocol that is known; no such protocol; a resource that has no other; a cluster that is away.
        (EXEC, &SPDY[..2], 403),
        (EXEC, &[("upgrade", "h2c"), ("connection", "upgrade")], 403),
        ("/clusters/dev/api/v1/pods", &WEBSOCKET, 403),
        ("/clusters/gone/api/v1/namespaces/x/pods/p/exec?command=id&stdout=true", &SPDY, 502),
    ];
    for (path, headers, status) in attempts {
        let mut user = front.certificate_of("alice", Protocol::Http1).await;
        let answer = user.send(Method::GET, path, headers, b"").await;
        assert_eq!(answer.status.as_u16(), status, "{path} {answer:?}");
    }
    let events = exactly(&front, 4).await;
    assert!(events.iter().all(|event| event.refused.is_some()), "{events:?}");
}

#[tokio::test]
async fn a_user_who_leaves_before_the_answer_is_one_event_without_a_status() {
    let front = front().await;
    let path = "/clusters/dev/api/v1/namespaces/held/pods/p";
    let waits = async {
        let mut user = front.certificate_of("alice", Protocol::Http2).await;
        user.send(Method::PUT, "/clusters/dev/api/v1/namespaces/held/pods/p", &[], b"").await
    };
    // The rule names nobody, so that the request is refused at once; with an approver it waits.
    let rules = super::front::RULES
        .replace("name: held, effect: approve,", "name: held, effect: approve, approvers: { groups: [sre] },");
    front.change_rules(&rules);
    tokio::select! {
        answer = waits => panic!("{path} was answered: {answer:?}"),
        _ = front.waiting() => {}
    }
    let events = exactly(&front, 1).await;
    assert_eq!((events[0].status, events[0].refused.clone()), (None, None));
}

#[tokio::test]
async fn what_was_approved_under_one_rule_is_asked_again_under_another() {
    let front = front().await;
    let held_by = |rule: &str| {
        let approvers = format!("name: {rule}, effect: approve, approvers: {{ groups: [sre] }},");
        super::front::RULES.replace("name: held, effect: approve,", &approvers)
    };
    front.change_rules(&held_by("held"));
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    let asked = user.send(Method::PUT, "/clusters/dev/api/v1/namespaces/held/pods/p", &[], b"");
    let deciding = async {
        let first = front.waiting().await;
        let stdin = first.act.as_ref().map(|act| &act.stdin);
        assert_eq!(stdin, Some(&Stdin::Live), "who approves knows that they have not seen what is sent with it");
        front.change_rules(&held_by("held-anew"));
        front.approve(&first).await;
        let second = front.waiting().await;
        let rules = [&first, &second].map(|waiting| waiting.rule.as_ref().map(ToString::to_string));
        assert_eq!(rules, [Some("held".to_owned()), Some("held-anew".to_owned())]);
        assert_eq!(front.cluster.requests(), 0);
        front.approve(&second).await;
    };
    let (answer, ()) = tokio::join!(asked, deciding);
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_connection_that_a_role_wants_approved_waits_and_needs_a_reason() {
    let front = front().await;
    let path = "/clusters/watched/api/v1/namespaces/x/pods/p/portforward";
    let spdy = |reason: Option<&str>| {
        let mut headers = vec![
            ("connection", "Upgrade".to_owned()),
            ("upgrade", "SPDY/3.1".to_owned()),
            ("x-stream-protocol-version", "portforward.k8s.io".to_owned()),
        ];
        let reason = reason.map(|reason| api::reason::with_reason(None, reason));
        headers.extend(reason.map(|reason| ("authorization", format!("Bearer {reason}"))));
        headers
    };
    let ask = async |reason| {
        let headers = spdy(reason);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut user = front.certificate_of("alice", Protocol::Http1).await;
        user.send(Method::POST, path, &headers, b"").await
    };
    let message = refusal(&ask(None).await, StatusCode::FORBIDDEN);
    assert!(message.contains("BASTION_REASON='ticket 4711' kubectl"), "{message}");
    let approved = async {
        let waiting = front.waiting().await;
        assert_eq!((waiting.login.as_str(), waiting.reason.as_deref()), ("p.x", Some("ticket 1")));
        front.approve(&waiting).await;
    };
    let (answer, ()) = tokio::join!(ask(Some("ticket 1")), approved);
    // The cluster of the test has no port-forward: what it was asked shows that it was asked.
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(front.cluster.heads().last().unwrap()["uri"], "/base/api/v1/namespaces/x/pods/p/portforward");
}

#[tokio::test]
async fn a_cluster_that_has_to_be_asked_for_is_open_while_access_is() {
    let front = front().await;
    let mut user = front.certificate_of("alice", Protocol::Http1).await;
    let path = "/clusters/asked/api/v1/pods";
    let message = refusal(&user.send(Method::GET, path, &[], b"").await, StatusCode::FORBIDDEN);
    assert!(message.contains("`bastion access request asked --for 1h --reason 'WHY' --wait`"), "{message}");
    front.ask_for_access("alice", "asked").await;
    refusal(&user.send(Method::GET, path, &[], b"").await, StatusCode::FORBIDDEN);
    front.approve(&front.waiting().await).await;
    let open = async {
        while user.send(Method::GET, path, &[], b"").await.status != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, open).await.expect("it stays shut");
}

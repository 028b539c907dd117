//! Deliveries to a receiver of our own: signed, tried again, and fit for a chat.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, extract::State, routing};
use config::Secret;
use http::HeaderMap;
use ledger::store::SqlStore;
use policy::{
    Protocol,
    approval::{Act, ActKind, Stdin},
};
use tokio::{net::TcpListener, sync::Notify};

use super::*;
use crate::{Approvals, Needed, NewApproval, Scope, Vote};

/// What came in, and how many answers are a failure first.
#[derive(Default)]
struct Inbox {
    failures: AtomicUsize,
    received: Mutex<Vec<(HeaderMap, Bytes, StatusCode)>>,
    arrived: Notify,
}

async fn receive(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let fails = inbox.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    let status = if fails { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT };
    inbox.received.lock().unwrap().push((headers, body, status));
    inbox.arrived.notify_one();
    status
}

impl Inbox {
    async fn wait_for(&self, count: usize) -> Vec<(HeaderMap, Bytes, StatusCode)> {
        let enough = async {
            loop {
                let received = self.received.lock().unwrap().clone();
                if received.len() >= count {
                    return received;
                }
                self.arrived.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), enough).await.expect("delivered in time")
    }
}

struct Site {
    approvals: Approvals,
    inbox: Arc<Inbox>,
    server: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

async fn site(failures: usize) -> Site {
    let inbox = Arc::new(Inbox { failures: failures.into(), ..Inbox::default() });
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=t0ken", socket.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().route("/hook", routing::post(receive)).with_state(Arc::clone(&inbox));
    let server = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap();
    let settings = config::Webhook { url, secret: Secret::new("s3cret".into()), ca: None };
    let console = "https://bastion.example.com:8443".parse().unwrap();
    let approvals = Approvals::start(Arc::new(store), console, Some(&settings)).await.unwrap();
    Site { approvals, inbox, server, _folder: folder }
}

fn request() -> NewApproval {
    let subject = |name: &str| policy::Subject {
        issuer: "https://issuer.example.com".into(),
        id: name.into(),
        name: name.parse().unwrap(),
        email: None,
        groups: ["sre".parse().unwrap()].into(),
    };
    NewApproval {
        kind: ApprovalKind::Command,
        requester: subject("alice"),
        target: "web1".parse().unwrap(),
        login: "root".parse().unwrap(),
        session: None,
        rule: None,
        act: Act {
            stdin: Stdin::Given(Bytes::from_static(b"a `b`\n")),
            ..Act::of(ActKind::Exec, Protocol::Ssh, [&b"echo `id` <!channel> & \x1b[2J"[..]])
        },
        commands: Vec::new(),
        screen: Some("$ secret screen".into()),
        reason: Some("<https://evil.example.com|click>".into()),
        because: "echo".into(),
        needed: Needed {
            groups: vec!["sre".parse().unwrap()],
            count: 1,
            expires: Duration::from_secs(900),
            reason_required: false,
        },
        source: "192.0.2.7:50000".into(),
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

/// As a receiver checks it: from what is documented, and nothing else.
fn is_signed(headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    let (timestamp, delivery) = (header(headers, "x-bastion-timestamp"), header(headers, "x-bastion-delivery"));
    let text = [format!("v1:{timestamp}:{delivery}:").as_bytes(), body].concat();
    let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &text);
    header(headers, "x-bastion-signature") == format!("v1={}", HEXLOWER.encode(expected.as_ref()))
}

#[tokio::test]
async fn requests_and_decisions_are_posted_signed_and_fit_for_a_chat() {
    let site = site(0).await;
    let waiting = site.approvals.request(request()).await.unwrap();
    let bob = policy::Subject { id: "bob".into(), name: "bob".parse().unwrap(), ..request().requester };
    let vote = Vote { approve: true, scope: Scope::Once, comment: None };
    let received = site.inbox.wait_for(1).await;
    let (headers, body, _) = &received[0];
    assert!(is_signed(headers, body, "s3cret"));
    assert!(!is_signed(headers, body, "other"));
    assert!(!is_signed(headers, &body[1..], "s3cret"));
    let age = Timestamp::now().as_second() - header(headers, "x-bastion-timestamp").parse::<i64>().unwrap();
    assert!((0..60).contains(&age));
    let json: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!(json["event"], "approval_requested");
    assert_eq!(json["approval"]["id"], waiting.id().to_string());
    assert_eq!(json["approval"]["state"], "pending");
    assert_eq!(json["approval"]["command"], "echo `id` <!channel> & ⟨ESC⟩[2J");
    assert_eq!(json["approval"]["screen"], serde_json::Value::Null, "screens stay inside");
    assert!(json["approval"].get("may_decide").is_none());
    assert_eq!(
        json["text"],
        format!(
            "*alice* asks for approval: to run `echo ⟨U+0060⟩id⟨U+0060⟩ &lt;!channel&gt; &amp; ⟨ESC⟩[2J` with the input `a ⟨U+0060⟩b⟨U+0060⟩⟨LF⟩` on *web1* as root \
             — &lt;https://evil.example.com|click&gt; — <https://bastion.example.com:8443/#/approvals/{}|decide>",
            waiting.id()
        )
    );

    site.approvals.decide(waiting.id(), &bob, vote).await.unwrap();
    let received = site.inbox.wait_for(2).await;
    let json: serde_json::Value = serde_json::from_slice(&received[1].1).unwrap();
    assert_eq!((&json["event"], &json["approval"]["state"]), (&"approval_decided".into(), &"approved".into()));
    assert!(json["text"].as_str().unwrap().contains(" — approved, approved by *bob* — <https://"), "{json}");
    assert_ne!(header(&received[0].0, "x-bastion-delivery"), header(&received[1].0, "x-bastion-delivery"));
    site.server.abort();
}

#[tokio::test]
async fn a_receiver_that_fails_first_gets_the_same_delivery_again() {
    let site = site(1).await;
    let _waiting = site.approvals.request(request()).await.unwrap();
    let received = site.inbox.wait_for(2).await;
    let statuses: Vec<_> = received.iter().map(|(_, _, status)| *status).collect();
    assert_eq!(statuses, [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::NO_CONTENT]);
    assert_eq!(header(&received[0].0, "x-bastion-delivery"), header(&received[1].0, "x-bastion-delivery"));
    assert_eq!(received[0].1, received[1].1);
    assert!(is_signed(&received[1].0, &received[1].1, "s3cret"));
    site.server.abort();
}

#[tokio::test]
async fn a_receiver_that_is_down_holds_nobody_up() {
    let site = site(0).await;
    site.server.abort();
    let asked = tokio::time::timeout(Duration::from_secs(10), site.approvals.request(request())).await;
    let _waiting = asked.expect("at once").unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(10), site.approvals.close()).await;
    closed.expect("what waits to be delivered is given up");
}

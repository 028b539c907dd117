//! What runs ends with the login, and when the rules allow it no longer; and its user is told why.

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::{
    SOON,
    front::{Protocol, RULES, front},
    refusal, request_events,
};

const WATCH: &str = "/clusters/dev/api/v1/pods?watch=true";
const LOG: &str = "/clusters/dev/api/v1/namespaces/x/pods/p/log?follow=true";

/// Reads a line, and then what the bastion puts behind it; whether the answer ended as a whole one.
async fn last_words(answer: &mut http::Response<hyper::body::Incoming>) -> (String, bool) {
    let mut text = String::new();
    loop {
        match timeout(SOON, answer.body_mut().frame()).await.expect("it goes on") {
            Some(Ok(frame)) => text.push_str(str::from_utf8(&frame.into_data().unwrap()).unwrap()),
            Some(Err(_)) => return (text, false),
            None => return (text, true),
        }
    }
}

#[tokio::test]
async fn the_end_of_the_login_ends_watches_and_logs_with_words() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let front = front().await;
        let mut user = front.certificate_of("brief", protocol).await;
        let mut answer = user.open(Method::GET, WATCH, &[], b"").await;
        front.cluster.push("{\"type\":\"ADDED\"}\n").await;
        let (words, whole) = last_words(&mut answer).await;
        let (first, last) = words.trim_end().split_once('\n').unwrap();
        let event: serde_json::Value = serde_json::from_str(last).unwrap();
        assert_eq!((first, event["type"].as_str()), ("{\"type\":\"ADDED\"}", Some("ERROR")));
        assert_eq!((event["object"]["kind"].as_str(), event["object"]["code"].as_i64()), (Some("Status"), Some(401)));
        assert!(event["object"]["message"].as_str().unwrap().contains("bastion: your login has ended"), "{last}");
        assert!(whole, "a watch may end at any event");
        let answer = user.send(Method::GET, WATCH, &[], b"").await;
        refusal(&answer, StatusCode::UNAUTHORIZED);
        let ended = request_events(&front, 1).await.remove(0);
        assert!(ended.ended.unwrap().contains("login has ended") && ended.status == Some(200));
    }
}

#[tokio::test]
async fn a_change_of_the_rules_ends_logs_with_a_last_line_and_never_as_a_whole_answer() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let front = front().await;
        let mut user = front.certificate_of("alice", protocol).await;
        let mut answer = user.open(Method::GET, LOG, &[], b"").await;
        front.cluster.push("half a line").await;
        let frame = timeout(SOON, answer.body_mut().frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "half a line");
        // A change that leaves it allowed changes nothing.
        front.change_rules(&format!(
            "{RULES}  - {{ name: more, effect: block, match: {{ request: {{ verbs: [patch] }} }} }}\n"
        ));
        front.cluster.push("; the rest\n").await;
        let frame = timeout(SOON, answer.body_mut().frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "; the rest\n");
        front.change_rules(&format!("{RULES}  - {{ name: no-logs, effect: block, message: no logs now, match: {{ request: {{ subresources: [log] }} }} }}\n"));
        let (words, whole) = last_words(&mut answer).await;
        assert_eq!((words.as_str(), whole), ("bastion: the rules have changed: no logs now\n", false));
    }
}

#[tokio::test]
async fn a_watch_in_the_middle_of_an_event_breaks_off() {
    let front = front().await;
    let mut user = front.certificate_of("alice", Protocol::Http2).await;
    let mut answer = user.open(Method::GET, WATCH, &[], b"").await;
    front.cluster.push("{\"type\":").await;
    let frame = timeout(SOON, answer.body_mut().frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "{\"type\":");
    front.change_rules("roles: { none: { groups: [x], console: [audit] } }");
    assert_eq!(last_words(&mut answer).await, (String::new(), false));
    let ended = request_events(&front, 1).await.remove(0);
    assert!(ended.ended.unwrap().contains("the rules have changed"));
}

#[tokio::test]
async fn a_log_that_says_nothing_yet_ends_with_the_right_to_it() {
    let front = front().await;
    let mut user = front.certificate_of("alice", Protocol::Http2).await;
    let asked = user.send(Method::GET, "/clusters/lying/api/v1/namespaces/x/pods/p/log?follow=true", &[], b"");
    let changing = async {
        while front.liar.requests() == 0 {
            tokio::task::yield_now().await;
        }
        front.change_rules("roles: { none: { groups: [x], console: [audit] } }");
    };
    let (answer, ()) = tokio::join!(asked, changing);
    assert!(refusal(&answer, StatusCode::FORBIDDEN).contains("the rules have changed"));
}

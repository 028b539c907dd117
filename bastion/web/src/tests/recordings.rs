//! Recordings over HTTP.

use axum::body::Body;
use http::{Method, StatusCode, header};
use ledger::audit::AuditEvent;
use recorder::SessionId;

use super::front::{Answer, Front, front, request};

fn path(id: SessionId) -> String {
    format!("/api/v1/sessions/{id}/recording.cast")
}

async fn get_with(front: &Front, id: SessionId, token: &str, headers: &[(&str, &str)]) -> Answer {
    let asked =
        headers.iter().fold(request(Method::GET, &path(id), token), |asked, (name, value)| asked.header(*name, *value));
    front.send(asked, Body::empty()).await
}

fn views(events: &[AuditEvent]) -> usize {
    events.iter().filter(|event| matches!(event, AuditEvent::RecordingViewed { .. })).count()
}

#[tokio::test]
async fn a_finished_recording_is_sent_whole_or_in_part() {
    let front = front().await;
    let alice = front.token("alice", "engineering").await;
    let id = front.session("alice").await;
    front.finished_recording(id).await;

    let whole = get_with(&front, id, &alice, &[]).await;
    assert_eq!(whole.status, StatusCode::OK);
    assert_eq!(whole.header(header::CONTENT_TYPE), "application/x-asciicast");
    assert_eq!(whole.header(header::ACCEPT_RANGES), "bytes");
    assert_eq!(whole.header(header::CACHE_CONTROL), "private, no-cache");
    let len = whole.body.len();
    assert_eq!(whole.header(header::CONTENT_LENGTH), len.to_string());
    assert!(whole.text().starts_with("{\"version\":3") && whole.text().ends_with('\n'), "{}", whole.text());
    assert!(whole.text().contains("uid=0(root)"));
    let tag = whole.header(header::ETAG).to_owned();
    assert!(tag.starts_with('"') && tag.len() > 60, "{tag}");

    let last = format!("bytes={}-", len - 1);
    let beyond = format!("bytes={len}-");
    for (range, status, part) in [
        ("bytes=0-9", StatusCode::PARTIAL_CONTENT, 0..10),
        ("bytes=5-", StatusCode::PARTIAL_CONTENT, 5..len),
        ("bytes=-7", StatusCode::PARTIAL_CONTENT, len - 7..len),
        (&*last, StatusCode::PARTIAL_CONTENT, len - 1..len),
        ("bytes=0-999999999", StatusCode::PARTIAL_CONTENT, 0..len),
        ("bytes=0-1,3-4", StatusCode::OK, 0..len),
        ("nonsense", StatusCode::OK, 0..len),
    ] {
        let answer = get_with(&front, id, &alice, &[("range", range)]).await;
        assert_eq!(answer.status, status, "{range}");
        assert_eq!(answer.body, whole.body[part.clone()], "{range}");
        assert_eq!(answer.header(header::CONTENT_LENGTH), part.len().to_string());
        if status == StatusCode::PARTIAL_CONTENT {
            let expected = format!("bytes {}-{}/{len}", part.start, part.end - 1);
            assert_eq!(answer.header(header::CONTENT_RANGE), expected);
        }
    }
    let answer = get_with(&front, id, &alice, &[("range", &beyond)]).await;
    answer.problem(StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(answer.header(header::CONTENT_RANGE), format!("bytes */{len}"));

    let known = get_with(&front, id, &alice, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let same = get_with(&front, id, &alice, &[("range", "bytes=0-0"), ("if-range", &tag)]).await;
    assert_eq!(same.status, StatusCode::PARTIAL_CONTENT);
    let changed = get_with(&front, id, &alice, &[("range", "bytes=0-0"), ("if-range", "\"old\"")]).await;
    assert_eq!((changed.status, changed.body), (StatusCode::OK, whole.body));
}

#[tokio::test]
async fn a_running_recording_is_sent_as_far_as_it_is_and_never_kept() {
    let front = front().await;
    let alice = front.token("alice", "engineering").await;
    let id = front.session("alice").await;
    let recording = front.record(id).await;

    let answer = get_with(&front, id, &alice, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CACHE_CONTROL), "private, no-store");
    assert_eq!(answer.header(header::ETAG), "");
    assert!(answer.text().starts_with("{\"version\":3") && answer.text().ends_with('\n'));
    let part = get_with(&front, id, &alice, &[("range", "bytes=1-3"), ("if-range", "\"x\"")]).await;
    assert_eq!(part.status, StatusCode::OK, "what may change is not continued");
    drop(recording);
}

#[tokio::test]
async fn every_look_at_a_recording_is_in_the_audit_log_before_its_bytes_are_sent() {
    let front = front().await;
    let carol = front.token("carol", "auditor").await;
    let id = front.session("alice").await;
    front.finished_recording(id).await;

    let head = front.send(request(Method::HEAD, &path(id), &*carol), Body::empty()).await;
    assert_eq!(head.status, StatusCode::OK);
    assert!(head.header(header::CONTENT_LENGTH).parse::<u64>().unwrap() > 0 && head.body.is_empty());
    assert_eq!(views(&front.audit().await), 0, "the length alone is no look");

    get_with(&front, id, &carol, &[]).await;
    get_with(&front, id, &carol, &[("range", "bytes=5-9")]).await;
    let events = front.audit().await;
    assert_eq!(views(&events), 2);
    let Some(AuditEvent::RecordingViewed { user, session, source }) = events.last() else { panic!("{events:?}") };
    assert_eq!((user.as_str(), *session, source.as_str()), ("carol", id, "192.0.2.7"));

    front.damage("DROP TABLE audit").await;
    let refused = get_with(&front, id, &carol, &[]).await;
    refused.problem(StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_session_without_a_recording_says_so() {
    let front = front().await;
    let alice = front.token("alice", "engineering").await;
    let id = front.session("alice").await;
    let detail = get_with(&front, id, &alice, &[]).await.problem(StatusCode::NOT_FOUND);
    assert_eq!(detail, "this session has no recording");
}

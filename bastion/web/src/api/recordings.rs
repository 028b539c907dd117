//! Recordings: streamed from where they are stored, in whole or in part.
//!
//! That somebody looks at a recording is written to the audit log before its first byte leaves.

use api::problem::Problem;
use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ledger::audit::AuditEvent;
use recorder::{RecordingReader, SessionId};

use super::{
    error::ApiError,
    range::{self, Wanted},
    sessions::visible,
};
use crate::{caller::Caller, state::WebState};

/// The recording of a session, as asciicast v3. While the session runs it is what there is so far.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/recording.cast", operation_id = "read_recording", tag = "sessions",
    params(("id" = String, Path), ("Range" = Option<String>, Header, description = "one range of bytes")),
    responses((status = 200, content_type = ASCIICAST), (status = 206, content_type = ASCIICAST), (status = 304),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn read(
    State(state): State<WebState>,
    caller: Caller,
    Path(id): Path<String>,
    asked: HeaderMap,
) -> Result<Response, ApiError> {
    let session = visible(&state, &caller, &id).await?;
    let file = state.recorder.read(session.id).await?;
    let head = Head::of(session.id, &file);
    let wanted = head.wanted(&asked);
    if wanted == Wanted::Nothing {
        return Err(ApiError::RangeNotSatisfiable(head.len));
    }

    let viewed = AuditEvent::RecordingViewed {
        user: caller.subject().name.clone(),
        session: session.id,
        source: caller.source.to_string(),
    };
    state.log.write(viewed).await?;

    if head.is_known_to(&asked) {
        return Ok(head.answer(StatusCode::NOT_MODIFIED, None, Body::empty()));
    }
    let (status, content_range, bytes) = match wanted {
        Wanted::Part(part) => {
            let content_range = format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), head.len);
            (StatusCode::PARTIAL_CONTENT, Some(content_range), part)
        }
        Wanted::Nothing | Wanted::Whole => (StatusCode::OK, None, 0..head.len),
    };
    let length = bytes.end.saturating_sub(bytes.start);
    let body = Body::from_stream(file.read(bytes));
    let mut response = head.answer(status, content_range, body);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// How long the recording is, without looking at it.
pub(super) async fn head(
    State(state): State<WebState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let session = visible(&state, &caller, &id).await?;
    let file = state.recorder.read(session.id).await?;
    let head = Head::of(session.id, &file);
    let mut response = head.answer(StatusCode::OK, None, Body::empty());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(head.len));
    Ok(response)
}

/// What is known about a recording before its bytes are read.
struct Head {
    session: SessionId,
    len: u64,
    /// Only a recording that is complete has one: it never changes again.
    tag: Option<String>,
}

impl Head {
    fn of(session: SessionId, file: &RecordingReader) -> Self {
        let len = file.len();
        let tag = file.sha256().map(|digest| format!("\"{digest}\""));
        Self { session, len, tag }
    }

    /// The range; the whole when the range was meant for an earlier state (RFC 9110 §13.1.5).
    fn wanted(&self, asked: &HeaderMap) -> Wanted {
        let same = match asked.get(header::IF_RANGE) {
            Some(tag) => self.tag.as_deref().is_some_and(|own| tag.as_bytes() == own.as_bytes()),
            None => true,
        };
        let range = asked.get(header::RANGE).filter(|_| same).and_then(|range| range.to_str().ok());
        range::wanted(range, self.len)
    }

    fn is_known_to(&self, asked: &HeaderMap) -> bool {
        let Some(own) = self.tag.as_deref() else { return false };
        let tags = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
        tags.flat_map(|tags| tags.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == own)
    }

    fn answer(&self, status: StatusCode, content_range: Option<String>, body: Body) -> Response {
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        let cache = if self.tag.is_some() { "private, no-cache" } else { "private, no-store" };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(ASCIICAST));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let disposition = format!("attachment; filename=\"{}.cast\"", self.session);
        for (name, value) in [
            (header::CONTENT_DISPOSITION, Some(disposition)),
            (header::CONTENT_RANGE, content_range),
            (header::ETAG, self.tag.clone()),
        ] {
            headers.extend(value.and_then(|value| HeaderValue::try_from(value).ok()).map(|value| (name, value)));
        }
        response
    }
}

/// The registered media type of asciicast files.
const ASCIICAST: &str = "application/x-asciicast";

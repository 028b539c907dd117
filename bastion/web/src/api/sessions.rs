//! Sessions: everyone sees their own; who may see all of them is up to the rules.

use api::{
    page::Page,
    problem::Problem,
    sessions::{RecordingLink, SessionItem},
};
use axum::{
    Json,
    extract::{Path, State},
};
use config::UserName;
use ledger::store::{SessionFilter, SessionRecord, subject_id};
use policy::approval::Person;
use recorder::SessionId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    error::ApiError,
    query::{Filter, page, page_size, parsed},
};
use crate::{caller::Caller, state::WebState};

/// Which sessions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// At most this many (1 to 200).
    limit: Option<u32>,
    /// Only those under this name.
    user: Option<String>,
    /// Only on this target.
    target: Option<String>,
    /// Only those that run now.
    #[serde(default)]
    running: bool,
}

/// Sessions, newest first.
#[utoipa::path(get, path = "/api/v1/sessions", operation_id = "list_sessions", tag = "sessions", params(SessionQuery),
    responses((status = 200, body = Page<SessionItem>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(state): State<WebState>,
    caller: Caller,
    Filter(query): Filter<SessionQuery>,
) -> Result<Json<Page<SessionItem>>, ApiError> {
    let limit = page_size(query.limit)?;
    let mut user = parsed::<UserName>("user", query.user.as_deref())?;
    let mut person = None;
    if !caller.rights(&state).sessions {
        if user.is_some_and(|user| user != caller.subject().name) {
            let reason = "you may see your own sessions only; a role with \"console: [sessions]\" sees all";
            return Err(caller.refuse(&state, "sessions of another user", reason).await);
        }
        // Their own are those of the same person, under whatever name.
        user = None;
        person = Some(Person::of(caller.subject()));
    }
    let filter = SessionFilter {
        person,
        user,
        target: parsed("target", query.target.as_deref())?,
        running: query.running,
        owner: None,
        before: parsed("cursor", query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let rows = state.store.sessions(&filter).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), item)))
}

/// One session.
#[utoipa::path(get, path = "/api/v1/sessions/{id}",
    operation_id = "show_session", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = SessionItem),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(state): State<WebState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SessionItem>, ApiError> {
    Ok(Json(item(visible(&state, &caller, &id).await?)))
}

/// The session, if it exists and this person may see it: the two cannot be told apart from outside.
pub(super) async fn visible(state: &WebState, caller: &Caller, id: &str) -> Result<SessionRecord, ApiError> {
    let missing = || ApiError::NotFound("there is no such session, or you may not see it".into());
    let id: SessionId = id.parse().map_err(|_| missing())?;
    let session = state.store.session(id).await?.ok_or_else(missing)?;
    let is_own = session.person.as_ref().is_some_and(|person| person.is(caller.subject()));
    let allowed = is_own || caller.rights(state).sessions;
    if allowed { Ok(session) } else { Err(missing()) }
}

fn item(row: SessionRecord) -> SessionItem {
    SessionItem {
        recording: RecordingLink { url: format!("/api/v1/sessions/{}/recording.cast", row.id) },
        id: row.id.to_string(),
        person: row.person.as_ref().map(subject_id),
        user: row.user.into(),
        target: row.target.into(),
        login: row.login.into(),
        kind: row.kind.into(),
        command: row.command,
        pty: row.pty,
        source: row.source,
        started_at: row.started_at,
        ended_at: row.ended_at,
        end: row.end.map(Into::into),
        output_bytes: row.output_bytes,
    }
}

//! Requests for approval: what waits for me, what I asked for, and my vote on it.
//!
//! Everybody sees what they asked for and what their groups may decide on; who may see all sessions sees all requests.

use std::time::Duration;

use api::{
    approvals::{ApprovalView, ApproveRequest, DenyRequest},
    page::Page,
    problem::Problem,
};
use approval::{Approval, ApprovalError, ApprovalId, DecideError, Scope, ScopeWord, Vote};
use axum::{
    Json,
    extract::{Path, State},
};
use jiff::{SignedDuration, Timestamp};
use ledger::store::ApprovalFilter;
use policy::approval::{NoVote, Person, is_entitled};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    error::ApiError,
    query::{Body, Filter, page, page_size, parsed},
};
use crate::{caller::Caller, state::WebState};

/// Which requests.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApprovalQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// At most this many (1 to 200).
    limit: Option<u32>,
    /// Only those that wait, or only those that do not.
    #[param(inline)]
    state: Option<StateQuery>,
    /// Only those that I asked for.
    #[serde(default)]
    mine: bool,
}

/// Whether a request waits.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StateQuery {
    /// Those that do not wait any more.
    Decided,
    /// Those that wait.
    Pending,
}

/// How long to wait for a change.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// For so many seconds (at most 30) the answer waits for the next vote or the decision, if none was made.
    wait: Option<u64>,
}

/// Requests, newest first.
#[utoipa::path(get, path = "/api/v1/approvals", operation_id = "list_approvals", tag = "approvals",
    params(ApprovalQuery),
    responses((status = 200, body = Page<ApprovalView>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(state): State<WebState>,
    caller: Caller,
    Filter(query): Filter<ApprovalQuery>,
) -> Result<Json<Page<ApprovalView>>, ApiError> {
    let limit = page_size(query.limit)?;
    let sees_all = caller.rights(&state).sessions;
    let filter = ApprovalFilter {
        pending: query.state.map(|state| matches!(state, StateQuery::Pending)),
        requester: query.mine.then(|| Person::of(caller.subject())),
        visible_to: (!sees_all).then(|| caller.subject().clone()),
        owner: None,
        before: parsed("cursor", query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let rows = state.approvals.list(&filter).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), |row| view(&state, &caller, &row))))
}

/// One request.
#[utoipa::path(get, path = "/api/v1/approvals/{id}", operation_id = "show_approval", tag = "approvals",
    params(("id" = String, Path), WaitQuery),
    responses((status = 200, body = ApprovalView),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(state): State<WebState>,
    caller: Caller,
    Path(id): Path<String>,
    Filter(query): Filter<WaitQuery>,
) -> Result<Json<ApprovalView>, ApiError> {
    let wait = match query.wait.unwrap_or(0) {
        seconds @ 0..=30 => Duration::from_secs(seconds).min(LONGEST_WAIT),
        seconds => return Err(ApiError::BadRequest(format!("wait={seconds} is not between 0 and 30"))),
    };
    // Asked for first, so that no change between the two is missed.
    let change = id.parse().map(|id| state.approvals.next_change(id));
    let mut record = visible(&state, &caller, &id).await?;
    if let Ok(change) = change
        && !wait.is_zero()
        && record.is_pending()
        && tokio::time::timeout(wait, change).await.is_ok()
    {
        record = visible(&state, &caller, &id).await?;
    }
    Ok(Json(view(&state, &caller, &record)))
}

/// Votes yes.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/approve", operation_id = "approve", tag = "approvals",
    params(("id" = String, Path)), request_body = ApproveRequest,
    responses((status = 200, body = ApprovalView),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn approve(
    State(state): State<WebState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<ApproveRequest>,
) -> Result<Json<ApprovalView>, ApiError> {
    let scope = scope(body.scope, body.time.as_deref())?;
    vote(&state, &caller, &id, Vote { approve: true, scope, comment: body.comment }).await
}

/// Votes no, which decides the request.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/deny", operation_id = "deny", tag = "approvals",
    params(("id" = String, Path)), request_body = DenyRequest,
    responses((status = 200, body = ApprovalView),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn deny(
    State(state): State<WebState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<DenyRequest>,
) -> Result<Json<ApprovalView>, ApiError> {
    vote(&state, &caller, &id, Vote { approve: false, scope: Scope::Once, comment: body.comment }).await
}

/// Gives up a request of one's own.
#[utoipa::path(delete, path = "/api/v1/approvals/{id}", operation_id = "cancel_approval", tag = "approvals",
    params(("id" = String, Path)),
    responses((status = 200, body = ApprovalView),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn cancel(
    State(state): State<WebState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ApprovalView>, ApiError> {
    let id = visible(&state, &caller, &id).await?.id;
    match state.approvals.cancel(id, caller.subject()).await {
        Ok(record) => Ok(Json(view(&state, &caller, &record))),
        Err(error) => Err(refused(&state, &caller, id, error).await),
    }
}

async fn vote(state: &WebState, caller: &Caller, id: &str, vote: Vote) -> Result<Json<ApprovalView>, ApiError> {
    let id = visible(state, caller, id).await?.id;
    match state.approvals.decide(id, caller.subject(), vote).await {
        Ok(record) => Ok(Json(view(state, caller, &record))),
        Err(error) => Err(refused(state, caller, id, error).await),
    }
}

/// The request, if it exists and this person may see it: the two cannot be told apart from outside.
async fn visible(state: &WebState, caller: &Caller, id: &str) -> Result<Approval, ApiError> {
    let missing = || ApiError::NotFound("there is no such request, or you may not see it".into());
    let id: ApprovalId = id.parse().map_err(|_| missing())?;
    let record = state.approvals.find(id).await?.ok_or_else(missing)?;
    let who = caller.subject();
    let own = Person::of(&record.requester).is(who);
    let allowed = own || is_entitled(&record.needed, who) || caller.rights(state).sessions;
    if allowed { Ok(record) } else { Err(missing()) }
}

pub(super) fn view(state: &WebState, caller: &Caller, record: &Approval) -> ApprovalView {
    approval::view::view(record, Some(caller.subject()), &state.url, Timestamp::now())
}

fn scope(word: ScopeWord, time: Option<&str>) -> Result<Scope, ApiError> {
    match (word, time) {
        (ScopeWord::For, Some(time)) => Ok(Scope::For(duration("for", time)?)),
        (ScopeWord::For, None) => Err(ApiError::BadRequest("for: say for how long, such as \"1h\"".into())),
        (ScopeWord::Once, None) => Ok(Scope::Once),
        (ScopeWord::Session, None) => Ok(Scope::Session),
        (ScopeWord::Once | ScopeWord::Session, Some(_)) => {
            Err(ApiError::BadRequest("for: only scope \"for\" has a time".into()))
        }
    }
}

/// A time as it stands in a request.
pub(super) fn duration(name: &str, text: &str) -> Result<Duration, ApiError> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    parsed.ok_or_else(|| ApiError::BadRequest(format!("{name}: {text:?} is no time such as 30m or 2h")))
}

/// Why a vote did not count. What the rules refuse is in the audit log then.
async fn refused(state: &WebState, caller: &Caller, id: ApprovalId, error: DecideError) -> ApiError {
    match error {
        DecideError::NoVote(NoVote::Own | NoVote::NotEntitled) | DecideError::NotRequester => {
            caller.refuse(state, &format!("approval {id}"), &error.to_string()).await
        }
        DecideError::AlreadyDecided { .. } | DecideError::Busy | DecideError::NoVote(NoVote::Again) => {
            ApiError::Conflict(error.to_string())
        }
        DecideError::Scope(reason) => ApiError::BadRequest(reason),
        DecideError::Store(error) => error.into(),
        DecideError::Unknown => ApiError::NotFound("there is no such request, or you may not see it".into()),
    }
}

impl From<ApprovalError> for ApiError {
    fn from(error: ApprovalError) -> Self {
        match error {
            ApprovalError::NobodyCanApprove => Self::Forbidden(error.to_string()),
            ApprovalError::ReasonRequired | ApprovalError::Time { .. } | ApprovalError::TooLong { .. } => {
                Self::BadRequest(error.to_string())
            }
            ApprovalError::Store(error) => error.into(),
            ApprovalError::TooManyPending { .. } => Self::Conflict(error.to_string()),
        }
    }
}

/// Every answer has to begin within the deadline of `limits`, with time to spare for the store.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

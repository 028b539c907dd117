//! Whose names are, and to release one, for those whom the rules let.

use api::{names::NameItem, page::Page, problem::Problem};
use axum::{
    Json,
    extract::{Path, State},
};
use config::UserName;
use jiff::Timestamp;
use ledger::store::{NameRecord, subject_id};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    error::ApiError,
    query::{Filter, page, page_size, parsed},
};
use crate::{caller::Caller, state::WebState};

/// Which names.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NameQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// At most this many (1 to 200).
    limit: Option<u32>,
}

/// Names in their order.
#[utoipa::path(get, path = "/api/v1/names", operation_id = "list_names", tag = "names", params(NameQuery),
    responses((status = 200, body = Page<NameItem>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(state): State<WebState>,
    caller: Caller,
    Filter(query): Filter<NameQuery>,
) -> Result<Json<Page<NameItem>>, ApiError> {
    may_see(&state, &caller).await?;
    let limit = page_size(query.limit)?;
    let after = parsed::<UserName>("cursor", query.cursor.as_deref())?;
    let rows = state.store.names(after.as_ref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.name.to_string(), item)))
}

/// Makes a name nobody's: it will be that of the next who logs in with it. The logins of whoever had it end.
#[utoipa::path(delete, path = "/api/v1/names/{name}", operation_id = "release_name", tag = "names",
    params(("name" = String, Path)),
    responses((status = 200, body = NameItem),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn release(
    State(state): State<WebState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<NameItem>, ApiError> {
    may_see(&state, &caller).await?;
    let nobodys = || ApiError::NotFound("this name is nobody's".into());
    let name: UserName = name.parse().map_err(|_| nobodys())?;
    let released = state.logins.release_name(&name, &caller.login, caller.source.0, Timestamp::now()).await?;
    released.map(|record| Json(item(record))).ok_or_else(nobodys)
}

async fn may_see(state: &WebState, caller: &Caller) -> Result<(), ApiError> {
    if caller.rights(state).names {
        return Ok(());
    }
    let reason = "you may not look at names or release them; a role with \"console: [names]\" may";
    Err(caller.refuse(state, "names", reason).await)
}

fn item(record: NameRecord) -> NameItem {
    NameItem { name: record.name.into(), person: subject_id(&record.person), bound_at: record.bound_at }
}

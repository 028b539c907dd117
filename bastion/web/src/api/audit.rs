//! The audit log, for those whom the rules let read it.

use api::{page::Page, problem::Problem};
use axum::{Json, extract::State};
use ledger::{audit::AuditRecord, store::AuditFilter};
use recorder::SessionId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    error::ApiError,
    query::{Filter, page, page_size, parsed},
};
use crate::{caller::Caller, state::WebState};

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// At most this many (1 to 200).
    limit: Option<u32>,
    /// Only events about this user.
    user: Option<String>,
    /// Only events of this kind.
    kind: Option<String>,
    /// Only events about this session.
    session: Option<String>,
}

/// Audit events, newest first.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Page<AuditRecord>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(state): State<WebState>,
    caller: Caller,
    Filter(query): Filter<AuditQuery>,
) -> Result<Json<Page<AuditRecord>>, ApiError> {
    if !caller.rights(&state).audit {
        let reason = "you may not read the audit log; a role with \"console: [audit]\" may";
        return Err(caller.refuse(&state, "audit log", reason).await);
    }
    let limit = page_size(query.limit)?;
    let filter = AuditFilter {
        user: query.user.filter(|user| !user.is_empty()),
        kind: query.kind.filter(|kind| !kind.is_empty()),
        session: parsed::<SessionId>("session", query.session.as_deref())?,
        before: parsed("cursor", query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let rows = state.store.audit(&filter).await?;
    Ok(Json(page(rows, limit, |row| row.seq.to_string(), |row| row)))
}

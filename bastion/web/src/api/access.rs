//! Access for a time: asking for it, and who has it.

use api::{
    access::{AccessItem, AccessList, AccessRequest},
    approvals::ApprovalView,
    problem::Problem,
    targets::TargetKind,
};
use approval::{ApprovalKind, NewApproval};
use axum::{Json, extract::State};
use bytes::Bytes;
use config::{Cluster, Login, TargetName};
use http::StatusCode;
use ledger::store::{AccessGrant, subject_id};
use policy::{
    AccessTerms, CLUSTER_LOGIN, Denial, Protocol, Resource,
    approval::{Act, ActKind},
};

use super::{approvals, error::ApiError, query::Body};
use crate::{caller::Caller, state::WebState};

/// Asks for access to a target or a Kubernetes cluster for a time.
#[utoipa::path(post, path = "/api/v1/access", operation_id = "request_access", tag = "approvals",
    request_body = AccessRequest,
    responses((status = 201, body = ApprovalView),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn request(
    State(state): State<WebState>,
    caller: Caller,
    Body(body): Body<AccessRequest>,
) -> Result<(StatusCode, Json<ApprovalView>), ApiError> {
    let lasting = approvals::duration("for", &body.time)?;
    let Some(Requestable { target, login, protocol, terms }) = asked(&state, &caller, &body)? else {
        // The same for a target that there is not: nobody learns from it which there are.
        let login = body.login.as_ref().map(|login| format!(" as {login:?}")).unwrap_or_default();
        let reason = format!(
            "none of your roles may ask for access{login} there, or there is no such target or cluster: {}",
            Denial::unknown_target(&body.target).reason
        );
        return Err(caller.refuse(&state, &format!("access to {:?}", body.target), &reason).await);
    };
    let act = Act::of(ActKind::Access, protocol, std::iter::empty::<Bytes>());
    let new = NewApproval {
        kind: ApprovalKind::Access,
        requester: caller.subject().clone(),
        because: format!("the role {} may ask for access to {target} for a time", terms.role),
        target,
        login,
        session: None,
        rule: terms.role.as_str().parse().ok(),
        act,
        commands: Vec::new(),
        screen: None,
        reason: body.reason,
        needed: terms.approvers.clone(),
        source: caller.source.to_string(),
    };
    let record = state.approvals.request_access(new, lasting, &terms).await?;
    Ok((StatusCode::CREATED, Json(approvals::view(&state, &caller, &record))))
}

/// What somebody may ask access to, and on which terms.
struct Requestable {
    target: TargetName,
    login: Login,
    protocol: Protocol,
    terms: AccessTerms,
}

/// What is asked for, if there is such a thing and the caller may ask for it.
fn asked(state: &WebState, caller: &Caller, body: &AccessRequest) -> Result<Option<Requestable>, ApiError> {
    let read = |login: &str| login.parse().map_err(|error| ApiError::BadRequest(format!("login: {error}")));
    let cluster = cluster(state, &body.target);
    let login: Login = match (cluster, &body.login) {
        (Some(_), _) => read(CLUSTER_LOGIN)?,
        (None, Some(login)) => read(login)?,
        (None, None) => {
            let message = "login: say as which account (`--login`); only a cluster has none";
            return Err(ApiError::BadRequest(message.into()));
        }
    };
    let host = || state.targets.iter().find(|target| target.name.as_str() == body.target);
    let what = cluster.map(Resource::Cluster).or_else(|| Some(Resource::Host { target: host()?, login: &login }));
    let Some(what) = what else { return Ok(None) };
    let (target, protocol, terms) =
        (what.site().name().clone(), what.protocol(), state.rules().terms(caller.subject(), what));
    Ok(terms.map(|terms| Requestable { target, login, protocol, terms }))
}

/// Access that I have for a time, or that anybody has if I may see all sessions.
#[utoipa::path(get, path = "/api/v1/access", operation_id = "list_access", tag = "approvals",
    responses((status = 200, body = AccessList),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(State(state): State<WebState>, caller: Caller) -> Json<AccessList> {
    let who = (!caller.rights(&state).sessions).then(|| caller.subject());
    let items = state.approvals.access_of(who).into_iter().map(|grant| item(&state, grant)).collect();
    Json(AccessList { items })
}

/// The cluster of this name.
fn cluster<'s>(state: &'s WebState, name: &str) -> Option<&'s Cluster> {
    state.kube.iter().flat_map(|kube| kube.clusters.iter()).find(|cluster| cluster.name.as_str() == name)
}

fn item(state: &WebState, grant: AccessGrant) -> AccessItem {
    AccessItem {
        id: grant.id,
        person: Some(subject_id(&grant.person)),
        user: grant.user.into(),
        target_kind: Some(cluster(state, grant.target.as_str()).map_or(TargetKind::Host, |_| TargetKind::Cluster)),
        target: grant.target.into(),
        login: grant.login.into(),
        until: grant.until,
    }
}

//! Logins of the command line, and who is logged in.

use api::id::SubjectId;
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use config::{GroupName, UserName};
use http::{StatusCode, header};
use identity::login::{DevicePoll, NewLogin};
use jiff::Timestamp;
use ledger::store::{LoginKind, subject_id};
use policy::{ConsoleRights, Subject, approval::Person};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    error::{ApiError, Problem},
    query::Body,
};
use crate::{
    caller::{Caller, Source},
    cookie,
    state::WebState,
};

/// Begins a login in a browser on this machine.
#[derive(Deserialize, ToSchema)]
pub(crate) struct BeginLogin {
    /// `http://127.0.0.1:PORT/callback`
    redirect_uri: String,
}

/// A login that was begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct BegunLogin {
    /// The page to open.
    authorization_url: String,
    /// Comes back with the code; to be compared.
    state: String,
}

/// What came back to `redirect_uri`.
#[derive(Deserialize, ToSchema)]
pub(crate) struct FinishLogin {
    state: String,
    code: String,
}

/// A device login that was begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct BegunDeviceLogin {
    /// What to poll with.
    device_id: String,
    /// What the person enters.
    user_code: String,
    /// Where they enter it.
    verification_uri: String,
    /// The same with the code in it.
    #[schema(required)]
    verification_uri_complete: Option<String>,
    /// Seconds to wait between polls.
    interval: u64,
    /// When the code is void.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Asks whether the person has entered the code.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PollDeviceLogin {
    device_id: String,
}

/// They have not, yet.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pending {
    /// Seconds to wait before the next poll.
    interval: u64,
}

/// A login.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginAnswer {
    /// To be sent as `Authorization: Bearer …`.
    token: String,
    user: User,
    /// What the issuer calls them, where that is somebody else's name here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    claimed: Option<UserName>,
    /// When the login ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// A person, as the issuer describes them.
#[derive(Serialize, ToSchema)]
pub(crate) struct User {
    person: SubjectId,
    /// The name that they go by here; no two people have the same one.
    #[schema(value_type = String)]
    name: UserName,
    #[schema(required)]
    email: Option<String>,
    #[schema(value_type = Vec<String>)]
    groups: Vec<GroupName>,
}

/// Who is logged in, and what they may see.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoAmI {
    user: User,
    /// When the login ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// What changing requests of the console must show as `X-Bastion-CSRF`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
    console: Rights,
}

/// What somebody may see beyond their own.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rights {
    /// Everybody's sessions and recordings.
    sessions: bool,
    /// The audit log.
    audit: bool,
    /// Whose names are, and to release them.
    names: bool,
}

/// Begins a login that comes back to a loopback listener of the command line.
#[utoipa::path(post, path = "/api/v1/login",
    operation_id = "begin_login", tag = "login", security(()), request_body = BeginLogin,
    responses((status = 200, body = BegunLogin), (status = "4XX", body = Problem, content_type = PROBLEM)))]
pub(crate) async fn begin(
    State(state): State<WebState>,
    source: Source,
    Body(body): Body<BeginLogin>,
) -> Result<Json<BegunLogin>, ApiError> {
    state.login_limiter.begin(state.store.as_ref(), source.0).await?;
    let login = state.logins.begin_browser(&body.redirect_uri, LoginKind::Cli, Timestamp::now()).await?;
    Ok(Json(BegunLogin { authorization_url: login.authorization_url.into(), state: login.state.as_str().to_owned() }))
}

/// Finishes it.
#[utoipa::path(post, path = "/api/v1/login/finish",
    operation_id = "finish_login", tag = "login", security(()), request_body = FinishLogin,
    responses((status = 200, body = LoginAnswer), (status = "4XX", body = Problem, content_type = PROBLEM)))]
pub(crate) async fn finish(
    State(state): State<WebState>,
    source: Source,
    Body(body): Body<FinishLogin>,
) -> Result<Json<LoginAnswer>, ApiError> {
    let now = Timestamp::now();
    let login = state.logins.finish_browser(&body.state, &body.code, LoginKind::Cli, source.0, now).await?;
    Ok(Json(login.into()))
}

/// Begins a login with a code that the person enters on any device (RFC 8628).
#[utoipa::path(post, path = "/api/v1/login/device", operation_id = "begin_device_login", tag = "login", security(()),
    responses((status = 200, body = BegunDeviceLogin), (status = "4XX", body = Problem, content_type = PROBLEM)))]
pub(crate) async fn begin_device(
    State(state): State<WebState>,
    source: Source,
) -> Result<Json<BegunDeviceLogin>, ApiError> {
    state.login_limiter.begin(state.store.as_ref(), source.0).await?;
    let device = state.logins.begin_device(Timestamp::now()).await?;
    Ok(Json(BegunDeviceLogin {
        device_id: device.device_id.as_str().to_owned(),
        user_code: device.user_code,
        verification_uri: device.verification_uri,
        verification_uri_complete: device.verification_uri_complete,
        interval: device.interval.as_secs(),
        expires_at: device.expires_at,
    }))
}

/// Asks whether the person has entered the code.
#[utoipa::path(post, path = "/api/v1/login/device/poll",
    operation_id = "poll_device_login", tag = "login", security(()), request_body = PollDeviceLogin,
    responses((status = 200, body = LoginAnswer), (status = 202, body = Pending),
        (status = "4XX", body = Problem, content_type = PROBLEM)))]
pub(crate) async fn poll_device(
    State(state): State<WebState>,
    source: Source,
    Body(body): Body<PollDeviceLogin>,
) -> Result<Response, ApiError> {
    Ok(match state.logins.poll_device(&body.device_id, source.0, Timestamp::now()).await? {
        DevicePoll::Done(login) => Json(LoginAnswer::from(*login)).into_response(),
        DevicePoll::Pending { interval } => {
            (StatusCode::ACCEPTED, Json(Pending { interval: interval.as_secs() })).into_response()
        }
    })
}

/// Ends the login.
#[utoipa::path(delete, path = "/api/v1/login", operation_id = "end_login", tag = "login",
    responses((status = 204), (status = "4XX", body = Problem, content_type = PROBLEM)))]
pub(crate) async fn end(State(state): State<WebState>, caller: Caller) -> Result<Response, ApiError> {
    state.logins.logout(&caller.login, caller.source.0, Timestamp::now()).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if caller.csrf.is_some() {
        response.headers_mut().extend(cookie::clear(cookie::LOGIN).map(|value| (header::SET_COOKIE, value)));
    }
    Ok(response)
}

/// Who is logged in, and what they may see.
#[utoipa::path(get, path = "/api/v1/whoami", tag = "login",
    responses((status = 200, body = WhoAmI), (status = "4XX", body = Problem, content_type = PROBLEM)))]
pub(crate) async fn whoami(State(state): State<WebState>, caller: Caller) -> Json<WhoAmI> {
    Json(WhoAmI {
        user: caller.subject().clone().into(),
        expires_at: caller.login.expires_at(),
        console: caller.rights(&state).into(),
        csrf: caller.csrf,
    })
}

impl From<NewLogin> for LoginAnswer {
    fn from(login: NewLogin) -> Self {
        Self {
            token: login.token.as_str().to_owned(),
            user: login.record.subject.into(),
            claimed: login.claimed,
            expires_at: login.record.expires_at,
        }
    }
}

impl From<ConsoleRights> for Rights {
    fn from(rights: ConsoleRights) -> Self {
        Self { sessions: rights.sessions, audit: rights.audit, names: rights.names }
    }
}

impl From<Subject> for User {
    fn from(subject: Subject) -> Self {
        Self {
            person: subject_id(&Person::of(&subject)),
            name: subject.name,
            email: subject.email,
            groups: subject.groups.into_iter().collect(),
        }
    }
}

const PROBLEM: &str = "application/problem+json";

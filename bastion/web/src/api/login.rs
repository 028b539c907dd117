//! Logins of the command line, and who is logged in.

use api::{
    login::{
        BeginLogin, BegunDeviceLogin, BegunLogin, FinishLogin, LoginAnswer, Pending, PollDeviceLogin, Rights, User,
        WhoAmI,
    },
    problem::Problem,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use identity::login::{DevicePoll, NewLogin};
use jiff::Timestamp;
use ledger::store::{LoginKind, subject_id};
use policy::{Subject, approval::Person};

use super::{error::ApiError, query::Body};
use crate::{
    caller::{Caller, Source},
    cookie,
    state::WebState,
};

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
    Ok(Json(answer(login)))
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
        DevicePoll::Done(login) => Json(answer(*login)).into_response(),
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
    let rights = caller.rights(&state);
    Json(WhoAmI {
        user: user(caller.subject().clone()),
        expires_at: caller.login.expires_at(),
        console: Rights { sessions: rights.sessions, audit: rights.audit, names: rights.names },
        csrf: caller.csrf,
    })
}

fn answer(login: NewLogin) -> LoginAnswer {
    LoginAnswer {
        token: login.token.as_str().to_owned(),
        user: user(login.record.subject),
        claimed: login.claimed.map(Into::into),
        expires_at: login.record.expires_at,
    }
}

fn user(subject: Subject) -> User {
    User {
        person: Some(subject_id(&Person::of(&subject))),
        name: subject.name.into(),
        email: subject.email,
        groups: subject.groups.into_iter().map(Into::into).collect(),
    }
}

const PROBLEM: &str = "application/problem+json";

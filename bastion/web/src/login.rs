//! The console's login: issuer and back, then a cookie.
//!
//! The `state` that the issuer gives back must stand in a cookie of the browser
//! that began the login; else somebody could be made to finish a stranger's login
//! and work under their name (login CSRF, RFC 6749 §10.12). After it the browser
//! goes to a page of the console and nowhere else.

use std::time::Duration;

use aws_lc_rs::constant_time;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use identity::login::{LoginError, Outcome};
use jiff::Timestamp;
use ledger::store::LoginKind;
use serde::Deserialize;

use super::{
    api::error::ApiError,
    assets::console_page,
    caller::{Caller, Source},
    cookie, page,
    state::WebState,
};

/// What the console asks a login for.
#[derive(Deserialize)]
pub(super) struct Begin {
    #[serde(default)]
    return_to: String,
}

/// What the issuer sends back (RFC 6749 §4.1.2).
#[derive(Deserialize)]
pub(super) struct LoginAnswer {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    error: Option<String>,
    #[serde(default)]
    error_description: String,
}

/// Sends the browser to the issuer.
pub(super) async fn begin(
    State(state): State<WebState>,
    source: Source,
    begin: Result<Query<Begin>, QueryRejection>,
) -> Result<Response, ApiError> {
    state.login_limiter.begin(state.store.as_ref(), source.0).await?;
    let return_to = begin.as_ref().map_or("/", |begin| safe_return(&begin.return_to));
    let callback = callback_url(&state)?;
    match state.logins.begin_browser(&callback, LoginKind::Web, Timestamp::now()).await {
        Ok(login) => {
            let value = format!("{}.{}", login.state.as_str(), return_to);
            let cookie = cookie::set(cookie::LOGIN_UNDER_WAY, &value, UNDER_WAY);
            Ok(redirect(login.authorization_url.as_str(), [cookie]))
        }
        Err(error) => Ok(failed(&error)),
    }
}

/// Takes the browser back from the issuer.
pub(super) async fn finish(
    State(state): State<WebState>,
    source: Source,
    headers: HeaderMap,
    answer: Result<Query<LoginAnswer>, QueryRejection>,
) -> Response {
    let under_way = cookie::read(&headers, cookie::LOGIN_UNDER_WAY).unwrap_or_default();
    let (expected, return_to) = under_way.split_once('.').unwrap_or_default();
    let Ok(Query(answer)) = answer else { return not_begun_here() };
    let same_browser = constant_time::verify_slices_are_equal(expected.as_bytes(), answer.state.as_bytes()).is_ok();
    if expected.is_empty() || !same_browser {
        return not_begun_here();
    }

    let now = Timestamp::now();
    if let Some(error) = &answer.error {
        let (kind, description) = (LoginKind::Web, &answer.error_description);
        let error = state.logins.fail_browser(&answer.state, error, description, kind, source.0, now).await;
        return failed(&error);
    }
    match state.logins.finish_browser(&answer.state, &answer.code, LoginKind::Web, source.0, now).await {
        Ok(login) => {
            let lifetime = Duration::try_from(login.record.expires_at.duration_since(now)).unwrap_or_default();
            let cookies =
                [cookie::set(cookie::LOGIN, login.token.as_str(), lifetime), cookie::clear(cookie::LOGIN_UNDER_WAY)];
            redirect(safe_return(return_to), cookies)
        }
        Err(error) => failed(&error),
    }
}

/// Ends the login of this browser.
pub(super) async fn logout(State(state): State<WebState>, caller: Caller) -> Result<Response, ApiError> {
    state.logins.logout(&caller.login, caller.source.0, Timestamp::now()).await?;
    Ok(with_cookies(StatusCode::NO_CONTENT.into_response(), [cookie::clear(cookie::LOGIN)]))
}

/// The console's callback as the issuer knows it.
fn callback_url(state: &WebState) -> Result<String, ApiError> {
    let url = state.url.join("/login/callback");
    url.map(String::from).map_err(|error| ApiError::internal(format!("the web URL has no path: {error}")))
}

/// A page of the console; its front page for anything else. Another host never comes out of here.
fn safe_return(wanted: &str) -> &str {
    let path = wanted.split_once('?').map_or(wanted, |(path, _)| path);
    let plain = wanted.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b';' | b'"' | b','));
    if wanted.len() <= MAX_RETURN_BYTES && plain && console_page(path) { wanted } else { "/" }
}

fn redirect<const N: usize>(to: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    with_cookies(Redirect::to(to).into_response(), cookies)
}

fn with_cookies<const N: usize>(mut response: Response, cookies: [Option<HeaderValue>; N]) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn not_begun_here() -> Response {
    let text = "This login was not begun in this browser, or took longer than ten minutes.";
    page::message(StatusCode::FORBIDDEN, "Not logged in", text, LOG_IN_AGAIN)
}

fn failed(error: &LoginError) -> Response {
    let status = match error.outcome() {
        Outcome::Refused => StatusCode::FORBIDDEN,
        Outcome::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Outcome::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    tracing::info!(%error, "console login failed");
    let response = page::message(status, "Not logged in", &error.to_string(), LOG_IN_AGAIN);
    with_cookies(response, [cookie::clear(cookie::LOGIN_UNDER_WAY)])
}

const LOG_IN_AGAIN: (&str, &str) = ("/login", "Log in again");

/// How long a person may take at the issuer.
const UNDER_WAY: Duration = Duration::from_secs(600);

/// The longest address of a console page, filters included.
const MAX_RETURN_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_returns_to_a_page_of_the_console_and_nowhere_else() {
        for page in ["/", "/audit", "/targets", "/sessions?user=bob", "/sessions/0199aaaa-0000-7000-8000-000000000001"]
        {
            assert_eq!(safe_return(page), page);
        }
        for elsewhere in [
            "",
            "https://evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/sessions/..//evil.example",
            "/%2f%2fevil.example",
            "/\t/evil.example",
            "/audit\r\nSet-Cookie: a=b",
            "/audit;x",
            "javascript:alert(1)",
            "/api/v1/sessions",
            "/login",
            "evil.example/audit",
            "@evil.example",
        ] {
            assert_eq!(safe_return(elsewhere), "/", "{elsewhere:?}");
        }
    }
}

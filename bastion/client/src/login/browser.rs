//! The browser flow (RFC 8252): the issuer's page in a browser, its answer on a loopback listener.

use std::io;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use api::login::{BeginLogin, BegunLogin, FinishLogin, LoginAnswer};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

use super::LoginOptions;
use crate::api_client::ApiClient;
use crate::exit::CommandError;
use crate::shown::visible;

/// Logs in through the issuer's page, or, for the demo, in its place.
///
/// # Errors
///
/// When the issuer or the bastion refuses, or nobody logs in for five minutes.
pub(super) async fn log_in(api: &ApiClient, options: &LoginOptions) -> Result<LoginAnswer, CommandError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on 127.0.0.1")?;
    let redirect_uri = format!("http://{}/callback", listener.local_addr()?);
    let start: BegunLogin = api.post("login", &BeginLogin { redirect_uri: redirect_uri.clone() }).await?;
    let page = Url::parse(&start.authorization_url).context("the server gave no login page")?;
    if !matches!(page.scheme(), "http" | "https") {
        return Err(CommandError::Refused(format!("the server gave a login page that is no web page: {page}")));
    }
    let code = match &options.demo_user {
        Some(name) => demo_code(page, name, &redirect_uri, &start.state).await?,
        None => {
            let callback = Callback::serve(listener, start.state.clone())?;
            eprintln!("log in at {}", visible(page.as_str()));
            if !options.no_browser {
                open_browser(page.as_str());
            }
            callback.wait(PATIENCE).await?
        }
    };
    api.post("login/finish", &FinishLogin { state: start.state, code }).await
}

// === Callback ===

/// The loopback listener that waits for the issuer's answer.
struct Callback {
    answer: oneshot::Receiver<Result<String, CommandError>>,
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<io::Result<()>>,
}

impl Callback {
    fn serve(listener: TcpListener, state: String) -> Result<Self, CommandError> {
        let (sender, answer) = oneshot::channel();
        let expected =
            ExpectedCallback { host: listener.local_addr()?.to_string(), state, sender: Mutex::new(Some(sender)) };
        let router = Router::new().route("/callback", get(callback)).with_state(Arc::new(expected));
        let (stop, stopped) = oneshot::channel();
        let server = axum::serve(listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        Ok(Self { answer, stop, server: tokio::spawn(server.into_future()) })
    }

    async fn wait(self, patience: Duration) -> Result<String, CommandError> {
        let answer = tokio::time::timeout(patience, self.answer).await;
        // The last page must reach the browser before the process ends, if the browser takes it.
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(LAST_PAGE, self.server).await;
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(anyhow::anyhow!("the listener for the browser stopped").into()),
            Err(_) => Err(CommandError::Refused(
                "nobody logged in for five minutes; run bastion login again, or with --device".to_owned(),
            )),
        }
    }
}

struct ExpectedCallback {
    host: String,
    state: String,
    sender: Mutex<Option<oneshot::Sender<Result<String, CommandError>>>>,
}

#[derive(Deserialize)]
struct BrowserAnswer {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn callback(
    State(expected): State<Arc<ExpectedCallback>>,
    headers: HeaderMap,
    Query(answer): Query<BrowserAnswer>,
) -> Response {
    // A page elsewhere that points its own name at 127.0.0.1 sends that name.
    if headers.get(HOST).is_none_or(|host| host.as_bytes() != expected.host.as_bytes()) {
        return page(StatusCode::BAD_REQUEST, "This address is for the bastion command only.");
    }
    if answer.state.as_deref() != Some(expected.state.as_str()) {
        return page(StatusCode::BAD_REQUEST, "This login was not started here. Run bastion login again.");
    }
    let outcome = match (answer.code, answer.error) {
        (Some(code), None) => Ok(code),
        (_, error) => {
            let said = answer.error_description.or(error).unwrap_or_else(|| "no reason given".to_owned());
            Err(CommandError::Refused(format!("the issuer refused the login: {said}")))
        }
    };
    let text = match outcome {
        Ok(_) => "Logged in. You may close this tab.",
        Err(_) => "The login was refused. The terminal says why; you may close this tab.",
    };
    let sender = expected.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    match sender.map(|sender| sender.send(outcome)) {
        Some(Ok(())) => page(StatusCode::OK, text),
        _ => page(StatusCode::GONE, "This login was finished before. You may close this tab."),
    }
}

fn page(status: StatusCode, text: &'static str) -> Response {
    let headers = [(CACHE_CONTROL, "no-store"), (CONNECTION, "close"), (CONTENT_SECURITY_POLICY, "default-src 'none'")];
    let html = format!("<!doctype html><meta charset=\"utf-8\"><title>bastion</title><p>{text}</p>\n");
    (status, headers, Html(html)).into_response()
}

// === The demo's issuer ===

/// Asks the demo's issuer to log a user in at once, and reads the answer off its redirect.
async fn demo_code(mut page: Url, name: &str, redirect_uri: &str, state: &str) -> Result<String, CommandError> {
    page.query_pairs_mut().append_pair("demo_user", name);
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .context("cannot set up HTTP")?;
    let issuer = page.origin().ascii_serialization();
    let response = http.get(page).send().await.map_err(|error| CommandError::Unreachable {
        server: issuer.clone(),
        reason: error.without_url().to_string(),
    })?;
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let Some(location) = location.and_then(|location| Url::parse(location).ok()) else {
        return Err(CommandError::Refused(format!(
            "{issuer} did not log {name} in ({}); --demo-user works with the demo's own issuer and users only",
            response.status()
        )));
    };
    code_in(&location, redirect_uri, state)
}

fn code_in(location: &Url, redirect_uri: &str, state: &str) -> Result<String, CommandError> {
    let mut bare = location.clone();
    bare.set_query(None);
    let value = |key: &str| location.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned());
    if bare.as_str() != redirect_uri || value("state").as_deref() != Some(state) {
        return Err(CommandError::Refused("the issuer's answer belongs to another login".to_owned()));
    }
    match (value("code"), value("error_description").or_else(|| value("error"))) {
        (Some(code), None) => Ok(code),
        (_, said) => Err(CommandError::Refused(format!(
            "the issuer refused the login: {}",
            said.as_deref().unwrap_or("no reason given")
        ))),
    }
}

// === The browser ===

/// Starts the first browser opener that there is. The address stands in the terminal as well, so
/// having none is no error.
fn open_browser(page: &str) {
    let chosen = std::env::var("BROWSER").ok().filter(|browser| !browser.is_empty());
    for opener in chosen.as_deref().into_iter().chain(["xdg-open", "open"]) {
        let started =
            Command::new(opener).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if started.is_ok() {
            return;
        }
    }
}

/// How long a person may take at the issuer's page.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// For the last page to reach the browser over loopback.
const LAST_PAGE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

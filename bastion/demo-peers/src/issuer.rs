//! The demo's OpenID Connect issuer: four made-up people, no passwords, loopback only.
//!
//! It speaks what the bastion asks for: discovery, authorization code with PKCE, device flow, one ES256 key that
//! lives as long as the process. Whoever can reach it can be anybody; it has no place outside a demo, and says so on every page.
//!
//! - `grants`: codes and device logins that wait
//! - `people`: who can log in, and their ID tokens
//! - `pages`: what a browser sees
//! - `secret`: random values, and the challenge of PKCE

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use url::{Url, form_urlencoded};

use self::{
    grants::{DeviceState, Grants, PendingCode},
    people::Signer,
};

pub use people::{DemoPerson, PEOPLE};

mod grants;
mod pages;
mod people;
mod secret;

/// Why the demo issuer did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoIssuerError {
    /// No loopback port.
    #[error("the demo issuer found no free loopback port: {0}")]
    Listen(#[from] std::io::Error),
    /// No key.
    #[error("the demo issuer could not make a key")]
    Key,
}

/// A running demo issuer; stops when it is dropped.
#[derive(Debug)]
pub struct DemoIssuer {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl DemoIssuer {
    /// Starts it on a free loopback port. Codes go to the console's callback or to the CLI's loopback callback only.
    pub async fn start(console_callback: Url) -> Result<Self, DemoIssuerError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let issuer = Arc::new(IssuerState {
            url: url.clone(),
            address,
            console_callback,
            signer: Signer::new().map_err(|_| DemoIssuerError::Key)?,
            grants: Grants::default(),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let until_stopped = async move {
                // A dropped sender stops it, too.
                let _stopped = stopped.await;
            };
            if let Err(error) = axum::serve(listener, router(issuer)).with_graceful_shutdown(until_stopped).await {
                tracing::error!(%error, "demo issuer ended");
            }
        });
        Ok(Self { url, stop: Some(stop), task })
    }

    /// The issuer's identifier: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The one client that is registered; it is public, without a secret.
    #[must_use]
    pub fn client_id(&self) -> &'static str {
        CLIENT_ID
    }

    /// Stops it now.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.task.abort();
        // Aborted or ended: either way it listens no more.
        let _ended = (&mut self.task).await;
    }
}

impl Drop for DemoIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct IssuerState {
    url: String,
    address: SocketAddr,
    console_callback: Url,
    signer: Signer,
    grants: Grants,
}

type SharedIssuer = State<Arc<IssuerState>>;
type FormFields = HashMap<String, String>;

fn router(issuer: Arc<IssuerState>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/jwks", get(jwks))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/device_authorization", post(device_authorization))
        .route("/device", get(device))
        .layer(middleware::from_fn_with_state(Arc::clone(&issuer), guard))
        .with_state(issuer)
}

/// Answers only under its own address, so that a web page whose name was pointed at loopback reads nothing.
async fn guard(State(issuer): SharedIssuer, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host != Some(issuer.address.to_string().as_str()) {
        return (StatusCode::MISDIRECTED_REQUEST, "unknown host\n").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(pages::CONTENT_SECURITY_POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn configuration(State(issuer): SharedIssuer) -> axum::Json<Value> {
    let url = &issuer.url;
    axum::Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
        "device_authorization_endpoint": format!("{url}/device_authorization"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", DEVICE_GRANT],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["openid", "profile", "email", "groups"],
    }))
}

async fn jwks(State(issuer): SharedIssuer) -> axum::Json<Value> {
    axum::Json(json!({ "keys": [issuer.signer.jwk()] }))
}

/// The authorization endpoint. With `demo_user=NAME` there is no page: the answer is the redirect.
async fn authorize(State(issuer): SharedIssuer, Query(query): Query<FormFields>) -> Response {
    let parameter = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    // Checked before anything is sent to the redirect URI (RFC 6749 §4.1.2.1).
    let redirect = parameter("redirect_uri");
    if parameter("client_id") != CLIENT_ID || !issuer.accepts_redirect(redirect) {
        return (StatusCode::BAD_REQUEST, Html(pages::refused("unknown client or redirect URI"))).into_response();
    }
    let back = |pairs: &[(&str, &str)]| {
        let Ok(mut url) = Url::parse(redirect) else { return StatusCode::BAD_REQUEST.into_response() };
        url.query_pairs_mut().extend_pairs(pairs).append_pair("state", parameter("state"));
        Redirect::to(url.as_str()).into_response()
    };
    if parameter("response_type") != "code"
        || parameter("code_challenge_method") != "S256"
        || parameter("code_challenge").is_empty()
    {
        return back(&[
            ("error", "invalid_request"),
            ("error_description", "needs response_type=code and PKCE with S256"),
        ]);
    }
    let Some(name) = query.get("demo_user") else {
        let mut again = form_urlencoded::Serializer::new(String::from("/authorize?"));
        again.extend_pairs(&query);
        return Html(pages::choose(&again.finish(), "Who do you want to be?")).into_response();
    };
    let Some(person) = DemoPerson::named(name) else { return back(&[("error", "access_denied")]) };
    let waiting = PendingCode {
        person,
        redirect_uri: redirect.to_owned(),
        code_challenge: parameter("code_challenge").to_owned(),
        nonce: query.get("nonce").cloned(),
    };
    match issuer.grants.add_code(waiting) {
        Some(code) => back(&[("code", &code)]),
        None => back(&[("error", "temporarily_unavailable")]),
    }
}

async fn token(State(issuer): SharedIssuer, body: Bytes) -> Response {
    let form: FormFields = form_urlencoded::parse(&body).into_owned().collect();
    let parameter = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if parameter("client_id") != CLIENT_ID {
        return refuse("invalid_client");
    }
    let (person, nonce) = match parameter("grant_type") {
        "authorization_code" => {
            // Taken out first: a code that was shown once is void, also if the rest does not fit.
            let waiting = issuer.grants.take_code(parameter("code"));
            match waiting {
                Some(waiting) if waiting.accepts(parameter("redirect_uri"), parameter("code_verifier")) => {
                    (waiting.person, waiting.nonce)
                }
                Some(_) | None => return refuse("invalid_grant"),
            }
        }
        DEVICE_GRANT => match issuer.grants.poll_device(parameter("device_code")) {
            DeviceState::Confirmed(person) => (person, None),
            DeviceState::Pending => return refuse("authorization_pending"),
            DeviceState::Unknown => return refuse("expired_token"),
        },
        _ => return refuse("unsupported_grant_type"),
    };
    match issuer.signer.tokens(&issuer.url, CLIENT_ID, person, nonce.as_deref()) {
        Some(tokens) => axum::Json(tokens).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn device_authorization(State(issuer): SharedIssuer, body: Bytes) -> Response {
    let client = form_urlencoded::parse(&body).find(|(name, _)| name == "client_id");
    if client.is_none_or(|(_, id)| id != CLIENT_ID) {
        return refuse("invalid_client");
    }
    let Some((device_code, user_code)) = issuer.grants.add_device() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let page = format!("{}/device", issuer.url);
    axum::Json(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": grants::DEVICE_LIFETIME.as_secs(),
        "interval": 1,
    }))
    .into_response()
}

/// Where the person enters the code. `demo_user=NAME` confirms it without a page, like at the authorization endpoint.
async fn device(State(issuer): SharedIssuer, Query(query): Query<FormFields>) -> Response {
    let Some(code) = query.get("user_code") else { return Html(pages::enter_code()).into_response() };
    let Some(name) = query.get("demo_user") else {
        let mut again = form_urlencoded::Serializer::new(String::from("/device?"));
        again.append_pair("user_code", code);
        return Html(pages::choose(&again.finish(), "Who confirms this login?")).into_response();
    };
    match DemoPerson::named(name) {
        Some(person) if issuer.grants.confirm_device(code, person) => {
            Html(pages::confirmed(person.name)).into_response()
        }
        Some(_) | None => {
            (StatusCode::BAD_REQUEST, Html(pages::refused("this code is not known, or used already"))).into_response()
        }
    }
}

impl IssuerState {
    fn accepts_redirect(&self, text: &str) -> bool {
        let Ok(url) = Url::parse(text) else { return false };
        let loopback = url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "[::1]"));
        url == self.console_callback || (loopback && url.path() == "/callback" && url.query().is_none())
    }
}

fn refuse(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": error }))).into_response()
}

const CLIENT_ID: &str = "bastion-demo";

/// RFC 8628 §3.4.
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[cfg(test)]
mod tests;

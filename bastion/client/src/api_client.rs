//! [`ApiClient`]: the commands' side of the HTTP API.
//!
//! Everything that comes back is untrusted text: sizes are bounded here, and what reaches the
//! terminal passes `output::visible`. Redirects are never followed: the token would go along.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use anyhow::Context as _;
use api::login::{LoginAnswer, Pending, PollDeviceLogin};
use api::page::Page;
use api::problem::Problem;
use recorder::SessionId;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::exit::CommandError;

/// Longest answer that is read into memory. A page of sessions is far below it.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Longer than any honest connection takes, shorter than a person's patience.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For a whole answer of the API.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Items asked for at a time.
const MAX_PAGE: usize = 100;
/// Between two parts of a recording that is being downloaded.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to one bastion's API, with or without a login.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    server: ServerUrl,
    token: Option<String>,
}

impl ApiClient {
    /// A client without a login. With `ca_pem` the server's certificate must lead to one of these
    /// certificates; else to one that this machine trusts.
    ///
    /// # Errors
    ///
    /// When the certificates cannot be read.
    pub fn new(server: &ServerUrl, ca_pem: Option<&[u8]>) -> Result<Self, CommandError> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("bastion/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = ca_pem {
            http = http.tls_certs_only(certificates(pem)?);
        }
        let http =
            http.build().context("cannot set up TLS: is there a certificate store on this machine? else give --ca")?;
        Ok(Self { http, server: server.clone(), token: None })
    }

    /// The same client, with this bearer token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// `GET` of a JSON answer. `query` pairs with an empty value are left out.
    ///
    /// # Errors
    ///
    /// As the server or the network says.
    pub async fn get<A: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<A, CommandError> {
        let query: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
        let request = self.request(Method::GET, path)?.query(&query).timeout(ANSWER_TIMEOUT);
        self.answer(self.send(request).await?).await
    }

    /// `GET` that the server answers when something changes, or when `wait` is over.
    ///
    /// # Errors
    ///
    /// As the server or the network says.
    pub async fn get_when_changed<A: DeserializeOwned>(&self, path: &str, wait: Duration) -> Result<A, CommandError> {
        let query = [("wait", wait.as_secs().to_string())];
        let request = self.request(Method::GET, path)?.query(&query).timeout(wait + ANSWER_TIMEOUT);
        self.answer(self.send(request).await?).await
    }

    /// The first `limit` items of a listing, page after page.
    ///
    /// # Errors
    ///
    /// As the server or the network says.
    pub async fn list(&self, path: &str, filter: &[(&str, &str)], limit: usize) -> Result<Vec<Value>, CommandError> {
        let mut items: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page_size = (limit - items.len()).min(MAX_PAGE).to_string();
            let mut query = vec![("cursor", cursor.as_str()), ("limit", page_size.as_str())];
            query.extend(filter);
            let page: Page<Value> = self.get(path, &query).await?;
            if !page.unreadable.is_empty() {
                let rows = page.unreadable.len();
                eprintln!("{rows} rows cannot be read by the bastion and are missing here; tell its operator");
            }
            items.extend(page.items);
            items.truncate(limit);
            match page.next {
                // A cursor that does not move would be asked for without end.
                Some(next) if items.len() < limit && next != cursor => cursor = next,
                _ => return Ok(items),
            }
        }
    }

    /// `DELETE` with a JSON answer.
    ///
    /// # Errors
    ///
    /// As the server or the network says.
    pub async fn delete<A: DeserializeOwned>(&self, path: &str) -> Result<A, CommandError> {
        let request = self.request(Method::DELETE, path)?.timeout(ANSWER_TIMEOUT);
        self.answer(self.send(request).await?).await
    }

    /// `POST` of a JSON body with a JSON answer.
    ///
    /// # Errors
    ///
    /// As the server or the network says.
    pub async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, CommandError> {
        let request = self.request(Method::POST, path)?.json(body).timeout(ANSWER_TIMEOUT);
        self.answer(self.send(request).await?).await
    }

    /// One question whether the person has confirmed the device login.
    ///
    /// # Errors
    ///
    /// When the login was refused or its code ran out.
    pub async fn poll_device(&self, device_id: &str) -> Result<DevicePoll, CommandError> {
        let body = PollDeviceLogin { device_id: device_id.to_owned() };
        let request = self.request(Method::POST, "login/device/poll")?.json(&body).timeout(ANSWER_TIMEOUT);
        let response = self.send(request).await?;
        if response.status() == StatusCode::ACCEPTED {
            return Ok(DevicePoll::Pending(self.answer(response).await?));
        }
        Ok(DevicePoll::Done(self.answer(response).await?))
    }

    /// Ends the login on the server.
    ///
    /// # Errors
    ///
    /// As the server or the network says.
    pub async fn end_login(&self) -> Result<(), CommandError> {
        let request = self.request(Method::DELETE, "login")?.timeout(ANSWER_TIMEOUT);
        self.send(request).await.map(drop)
    }

    /// The body of a recording, part by part.
    ///
    /// # Errors
    ///
    /// As the server or the network says.
    pub async fn recording(&self, session: SessionId) -> Result<Download, CommandError> {
        // No timeout for the whole: a recording may be large. The read timeout bounds each part.
        let request = self.request(Method::GET, &format!("sessions/{session}/recording.cast"))?;
        Ok(Download { response: self.send(request).await?, server: self.server.clone() })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, CommandError> {
        let mut request = self.http.request(method, self.server.api(path)?);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        Ok(request)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CommandError> {
        let response = request.send().await.map_err(|error| unreachable(&self.server, &error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.problem(response).await)
    }

    async fn answer<A: DeserializeOwned>(&self, response: Response) -> Result<A, CommandError> {
        let body = self.body(response).await?;
        let answer = serde_json::from_slice(&body)
            .with_context(|| format!("{} gave an answer that this version does not understand", self.server))?;
        Ok(answer)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, CommandError> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| unreachable(&self.server, &error))? {
            if body.len() + part.len() > MAX_ANSWER_BYTES {
                return Err(
                    anyhow::anyhow!("{} gave an answer of more than {MAX_ANSWER_BYTES} bytes", self.server).into()
                );
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    async fn problem(&self, response: Response) -> CommandError {
        let status = response.status();
        let problem: Option<Problem> =
            self.body(response).await.ok().and_then(|body| serde_json::from_slice(&body).ok());
        let said = problem.and_then(Problem::into_text).unwrap_or_else(|| format!("{} answered {status}", self.server));
        match status {
            StatusCode::UNAUTHORIZED => CommandError::NotLoggedIn { reason: said, url: Some(self.server.to_string()) },
            status if status.is_client_error() => CommandError::Refused(said),
            _ => CommandError::Failed(anyhow::anyhow!("the server failed: {said}")),
        }
    }
}

/// The answer to a poll.
pub enum DevicePoll {
    /// The person has confirmed.
    Done(LoginAnswer),
    /// Not yet.
    Pending(Pending),
}

/// A recording on its way.
pub struct Download {
    response: Response,
    server: ServerUrl,
}

impl Download {
    /// The next part, or `None` at the end.
    ///
    /// # Errors
    ///
    /// When the connection breaks: what came so far is then not whole.
    pub async fn next(&mut self) -> Result<Option<bytes::Bytes>, CommandError> {
        self.response.chunk().await.map_err(|error| unreachable(&self.server, &error))
    }
}

/// The address of a bastion's web listener. Plain HTTP is accepted on loopback only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerUrl(Url);

impl ServerUrl {
    /// Reads what a person typed; without a scheme it is https.
    ///
    /// # Errors
    ///
    /// [`CommandError::Usage`] when it is not the address of a web server.
    pub fn parse(text: &str) -> Result<Self, CommandError> {
        let usage =
            |why: &str| CommandError::Usage(format!("{text:?} is no bastion URL: {why}; write https://HOST[:PORT]"));
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let mut url = Url::parse(&full).map_err(|error| usage(&error.to_string()))?;
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(usage("it names no host")),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(usage("plain http is for loopback only, because a login travels over it")),
            _ => return Err(usage("it is not https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(usage("it has a user name in it"));
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    fn api(&self, path: &str) -> Result<Url, CommandError> {
        Ok(self.0.join("api/v1/").and_then(|base| base.join(path)).context("cannot build the URL")?)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, CommandError> {
    let found = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
    if found.is_empty() {
        return Err(CommandError::Usage("the CA file holds no PEM certificate".to_owned()));
    }
    Ok(found)
}

fn unreachable(server: &ServerUrl, error: &reqwest::Error) -> CommandError {
    let mut reason = if error.is_timeout() { "it took too long".to_owned() } else { innermost(error) };
    if concerns_certificate(error) {
        reason.push_str("; if it is the right server, give its CA: bastion login --ca FILE");
    }
    CommandError::Unreachable { server: server.to_string(), reason }
}

/// The cause at the end of the chain: the layers above it only say that a request failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn concerns_certificate(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        let tls = cause.downcast_ref::<rustls::Error>().or_else(|| {
            cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref())
        });
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests;

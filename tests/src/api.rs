//! The HTTP API with a bearer token, as a script uses it.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use url::Url;

use crate::{
    bastion::Bastion,
    cast::Cast,
    oidc,
    patience::{SOON, until},
};

/// The redirect that the login answers with; nobody listens there, because the code is taken from the address.
const REDIRECT: &str = "http://127.0.0.1:9/callback";

/// Somebody's access to the API.
pub struct Api {
    http: Client,
    url: String,
    token: String,
}

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Api {
    /// Logs in at the issuer that is built into `demo`.
    ///
    /// # Errors
    /// Fails when a step is refused.
    pub async fn log_in(bastion: &Bastion, user: &str) -> Result<Self> {
        let api = Self::anonymous(bastion)?;
        let start = api.begin().await?;
        let mut page = Url::parse(&text(&start, "authorization_url")?)?;
        page.query_pairs_mut().append_pair("demo_user", user);
        let redirect = api.http.get(page).send().await?;
        let back = redirect.headers().get("location").context("the demo issuer did not redirect")?.to_str()?;
        api.finish(&start, &Url::parse(back)?).await
    }

    /// Logs in at a real provider.
    ///
    /// # Errors
    /// Fails when a step is refused.
    pub async fn log_in_at_provider(bastion: &Bastion, user: &str) -> Result<Self> {
        let api = Self::anonymous(bastion)?;
        let start = api.begin().await?;
        let back = oidc::log_in(&text(&start, "authorization_url")?, user).await?;
        api.finish(&start, &back).await
    }

    /// The same at a URL that is not that of one bastion, with the CA in this file.
    ///
    /// # Errors
    /// Fails when a step is refused.
    pub async fn log_in_at_provider_by(url: &str, ca: &Path, user: &str) -> Result<Self> {
        let api = Self { http: Self::http(&fs::read(ca)?)?, url: url.to_owned(), token: String::new() };
        let start = api.begin().await?;
        let back = oidc::log_in(&text(&start, "authorization_url")?, user).await?;
        api.finish(&start, &back).await
    }

    /// Without a login.
    ///
    /// # Errors
    /// Fails when the bastion's CA cannot be read.
    pub fn anonymous(bastion: &Bastion) -> Result<Self> {
        let http = Self::http(&fs::read(bastion.ca())?)?;
        Ok(Self { http, url: bastion.url().to_owned(), token: String::new() })
    }

    /// The same login, at another bastion that shares its store.
    ///
    /// # Errors
    /// Fails when that one's CA cannot be read.
    pub fn at(&self, bastion: &Bastion) -> Result<Self> {
        Ok(Self { token: self.token.clone(), ..Self::anonymous(bastion)? })
    }

    /// A client that trusts one CA and follows no redirects.
    ///
    /// # Errors
    /// Fails when the CA is not a PEM file.
    pub fn http(ca: &[u8]) -> Result<Client> {
        oidc::install_crypto();
        let roots = Certificate::from_pem_bundle(ca)?;
        Ok(Client::builder().tls_certs_only(roots).redirect(Policy::none()).timeout(SOON).build()?)
    }

    /// Asks for a page below `/api/v1`.
    ///
    /// # Errors
    /// Fails only when there is no answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// Fails only when there is no answer.
    pub async fn post(&self, path: &str, body: Value) -> Result<Answer> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// The items of a list, all pages of it.
    ///
    /// # Errors
    /// Fails when the list is refused.
    pub async fn items(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut page = path.to_owned();
        loop {
            let answer = self.get(&page).await?;
            let more = answer.body.get("items").and_then(Value::as_array);
            items.extend(more.with_context(|| format!("{page}: {answer:?}"))?.iter().cloned());
            let Some(next) = answer.body.get("next").and_then(Value::as_str) else { return Ok(items) };
            let separator = if path.contains('?') { '&' } else { '?' };
            page = format!("{path}{separator}cursor={next}");
        }
    }

    /// The sessions on a target, newest first, once there are `count` of them and all have ended.
    ///
    /// # Errors
    /// Fails when that does not come soon.
    pub async fn ended_sessions(&self, target: &str, count: usize) -> Result<Vec<Value>> {
        let path = format!("/sessions?target={target}");
        until(&format!("{count} sessions on {target} have ended"), SOON, async || {
            let sessions = self.items(&path).await?;
            let done = sessions.len() >= count && sessions.iter().all(|session| !at(session, "/ended_at").is_null());
            Ok(done.then_some(sessions))
        })
        .await
    }

    /// The approval that waits for people, once there is exactly one.
    ///
    /// # Errors
    /// Fails when that does not come soon.
    pub async fn waiting_approval(&self) -> Result<Value> {
        until("one approval waits", SOON, async || {
            let mut waiting = self.items("/approvals?state=pending").await?;
            Ok(waiting.pop().filter(|_| waiting.is_empty()))
        })
        .await
    }

    /// An approval, once it is in this state.
    ///
    /// # Errors
    /// Fails when that does not come soon.
    pub async fn approval_in_state(&self, id: &str, state: &str) -> Result<Value> {
        until(&format!("the approval is {state}"), SOON, async || {
            let approval = self.get(&format!("/approvals/{id}")).await?.body;
            Ok((at(&approval, "/state") == state).then_some(approval))
        })
        .await
    }

    /// The text of a session's recording.
    ///
    /// # Errors
    /// Fails when it is refused.
    pub async fn recording(&self, session: &str) -> Result<String> {
        let request = self.request(Method::GET, &format!("/api/v1/sessions/{session}/recording.cast"));
        let request = request.timeout(Duration::from_secs(300));
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    /// A session's recording, parsed.
    ///
    /// # Errors
    /// Fails when it is refused or invalid.
    pub async fn cast(&self, session: &str) -> Result<Cast> {
        Cast::parse(&self.recording(session).await?)
    }

    /// A request for any path of the web front, with the login.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Asks for the end of something.
    ///
    /// # Errors
    /// Fails only when there is no answer.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer> {
        let mut request = self.request(method, &format!("/api/v1{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { status, body })
    }

    async fn begin(&self) -> Result<Value> {
        let answer = self.post("/login", json!({ "redirect_uri": REDIRECT })).await?;
        if !answer.status.is_success() {
            bail!("the login was refused: {answer:?}");
        }
        Ok(answer.body)
    }

    async fn finish(self, start: &Value, back: &Url) -> Result<Self> {
        let code = back.query_pairs().find(|(name, _)| name == "code").with_context(|| format!("no code in {back}"))?;
        let finish = json!({ "state": text(start, "state")?, "code": code.1 });
        let answer = self.post("/login/finish", finish).await?;
        let token = text(&answer.body, "token").with_context(|| format!("{answer:?}"))?;
        Ok(Self { token, ..self })
    }
}

/// The value at a JSON pointer; null when there is none.
pub fn at<'value>(value: &'value Value, pointer: &str) -> &'value Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// A string member.
///
/// # Errors
/// Fails with the whole value when there is none.
pub fn text(value: &Value, key: &str) -> Result<String> {
    Ok(value.get(key).and_then(Value::as_str).with_context(|| format!("no {key} in {value}"))?.to_owned())
}

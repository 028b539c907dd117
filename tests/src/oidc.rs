//! A certified OpenID provider (npm `oidc-provider`), and a browser without a window that logs in at it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, Response, redirect::Policy};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use url::Url;

use crate::{
    patience::{SOON, within},
    peers,
    program::Program,
};

/// Pages and redirects that a login goes through at most.
const MAX_STEPS: usize = 30;

/// A running provider with the accounts alice, bob, carol and mallory (who has no group).
pub struct Provider {
    issuer: String,
    program: Program,
    _folder: TempDir,
}

impl Provider {
    /// Starts the provider and waits until it listens.
    ///
    /// # Errors
    /// Fails when node or the packages of `tests/oidc` are missing.
    pub async fn start() -> Result<Self> {
        let source = peers::tests_folder().join("oidc");
        if !source.join("node_modules/oidc-provider").is_dir() {
            bail!("the packages of tests/oidc are missing: `make setup` runs npm ci there");
        }
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(peers::find(&["node", "nodejs"], "install Node.js 20 or later")?);
        command.arg(source.join("provider.mjs"));
        let mut program = Program::start("oidc-provider", command, folder.path())?;
        let ready: Value = serde_json::from_str(&program.line(SOON).await?)?;
        let issuer = ready.get("issuer").and_then(Value::as_str).context("the provider's first line")?.to_owned();
        Ok(Self { issuer, program, _folder: folder })
    }

    /// The issuer's URL.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Changes what the provider calls an account, and its groups where they are given. The subject stays.
    ///
    /// # Errors
    /// Fails when the provider does not answer.
    pub async fn rename(&self, account: &str, name: &str, groups: Option<&str>) -> Result<()> {
        let mut url = Url::parse(&self.issuer)?.join("/test/rename")?;
        url.query_pairs_mut().append_pair("account", account).append_pair("name", name);
        if let Some(groups) = groups {
            url.query_pairs_mut().append_pair("groups", groups);
        }
        plain_http()?.get(url).send().await?.error_for_status()?;
        Ok(())
    }

    /// Ends the provider.
    ///
    /// # Errors
    /// Fails when the process cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.program.kill().await
    }
}

/// Goes to `start` as `account`, fills in every form, and returns the redirect that leaves the provider.
///
/// # Errors
/// Fails when the provider shows a page that is not a form.
pub async fn log_in(start: &str, account: &str) -> Result<Url> {
    let url = browse(start, account).await?;
    url.right().with_context(|| format!("the provider never redirected back from {start}"))
}

/// Approves a device: goes to the verification page with the code in it and fills in every form.
///
/// # Errors
/// Fails when the provider redirects away or refuses the code.
pub async fn approve_device(verification: &str, account: &str) -> Result<()> {
    let page = browse(verification, account).await?.left().context("the device page redirected away")?;
    if !page.contains("Success") {
        bail!("the device page ended with {page}");
    }
    Ok(())
}

/// Where a walk through the provider's pages ended.
enum End {
    Page(String),
    Redirect(Url),
}

impl End {
    fn left(self) -> Option<String> {
        match self {
            Self::Page(page) => Some(page),
            Self::Redirect(_) => None,
        }
    }

    fn right(self) -> Option<Url> {
        match self {
            Self::Page(_) => None,
            Self::Redirect(url) => Some(url),
        }
    }
}

async fn browse(start: &str, account: &str) -> Result<End> {
    let http = plain_http()?;
    let mut cookies = BTreeMap::new();
    let mut url = Url::parse(start).with_context(|| format!("{start:?}"))?;
    let provider = url.origin();
    let mut request = http.request(Method::GET, url.clone());
    for _ in 0..MAX_STEPS {
        let header = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let response = within("a page", SOON, async { Ok(request.header("cookie", header).send().await?) }).await?;
        keep_cookies(&response, &mut cookies);
        if response.status().is_redirection() {
            let location = response.headers().get("location").context("a redirect to nowhere")?.to_str()?;
            url = url.join(location)?;
            if url.origin() != provider {
                return Ok(End::Redirect(url));
            }
            request = http.get(url.clone());
            continue;
        }
        let status = response.status();
        let page = response.text().await?;
        let Some(form) = Form::first(&page) else {
            if status.is_success() {
                return Ok(End::Page(page));
            }
            bail!("{url} answered {status}: {page}");
        };
        url = url.join(&form.action)?;
        request = http.post(url.clone()).form(&form.filled_in(account));
    }
    bail!("more than {MAX_STEPS} pages for one login")
}

/// A client that follows nothing, so that redirects can be looked at.
fn plain_http() -> Result<Client> {
    install_crypto();
    Ok(Client::builder().redirect(Policy::none()).build()?)
}

/// Chooses the TLS implementation; only the first call of a process counts.
pub fn install_crypto() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn keep_cookies(response: &Response, cookies: &mut BTreeMap<String, String>) {
    for cookie in response.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok()) {
        let pair = cookie.split(';').next().unwrap_or_default();
        match pair.split_once('=') {
            Some((name, "")) => drop(cookies.remove(name)),
            Some((name, value)) => drop(cookies.insert(name.to_owned(), value.to_owned())),
            None => {}
        }
    }
}

/// The first form of a page. Enough of HTML for the pages of one provider, and no more.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn first(page: &str) -> Option<Self> {
        let form = page.get(page.find("<form")?..)?;
        let form = form.get(..form.find("</form>")?)?;
        let (head, body) = form.split_once('>')?;
        let inputs = body.split("<input").skip(1).filter_map(|input| input.split_once('>')).map(|(input, _)| input);
        let field = |input: &str| Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()));
        Some(Self { action: attribute(head, "action")?, fields: inputs.filter_map(field).collect() })
    }

    /// The fields with the account's name and some password where they are asked for.
    fn filled_in(self, account: &str) -> Vec<(String, String)> {
        let fill = |(name, value): (String, String)| match name.as_str() {
            "login" => (name, account.to_owned()),
            "password" => (name, "any password is right".to_owned()),
            _ => (name, value),
        };
        self.fields.into_iter().map(fill).collect()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&").replace("&quot;", "\"").replace("&#39;", "'"))
}

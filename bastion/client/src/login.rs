//! `bastion login`: OIDC login, key pair, certificate; and its silent renewal.

mod browser;
mod device;
mod renew;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use api::certificates::{CertificateAnswer, CertificateRequest};
use api::info::BastionInfo;
use api::login::LoginAnswer;
use clap::Args;
use jiff::Timestamp;
use russh::keys::ssh_key::PublicKey;

use super::api_client::{ApiClient, ServerUrl};
use super::exit::CommandError;
use super::home::{BastionHome, HomeLock, KeyPlace, PUBLIC, SECRET, SavedLogin, remove, write_atomically};
use super::output::local_time;
use super::shown::visible;
use super::{key, ssh_config};
use crate::in_runtime;

/// Arguments of `bastion login`.
#[derive(Debug, Clone, Default, Args)]
pub struct LoginOptions {
    /// The bastion's web address; the one of the last login when left out.
    #[arg(value_name = "URL", conflicts_with = "renew")]
    pub url: Option<String>,
    /// Log in with a code on another device, for machines without a browser.
    #[arg(long, conflicts_with_all = ["renew", "demo_user"])]
    pub device: bool,
    /// Log in to the demo's issuer as this user, without a browser.
    #[arg(long, value_name = "NAME", conflicts_with = "renew")]
    pub demo_user: Option<String>,
    /// Trust the certificates in this PEM file, and no others, for the web address.
    #[arg(long, value_name = "FILE", conflicts_with = "renew")]
    pub ca: Option<PathBuf>,
    /// Print the address of the login page without opening a browser.
    #[arg(long, conflicts_with_all = ["renew", "device", "demo_user"])]
    pub no_browser: bool,
    /// Keep the private key in a file even if an ssh-agent is running.
    #[arg(long, conflicts_with = "renew")]
    pub no_agent: bool,
    /// Renew the certificate if it needs it, and say nothing: what `Match exec` calls.
    #[arg(long)]
    pub renew: bool,
}

/// Logs in, or renews.
///
/// # Errors
///
/// When the issuer or the bastion refuses, or cannot be reached.
pub fn run(home: &BastionHome, options: &LoginOptions) -> Result<(), CommandError> {
    if options.renew {
        return renew::run(home);
    }
    in_runtime(log_in(home, options))
}

pub(super) async fn log_in(home: &BastionHome, options: &LoginOptions) -> Result<(), CommandError> {
    let last = home.saved_login().unwrap_or_default();
    let server = match (&options.url, &last) {
        (Some(url), _) => ServerUrl::parse(url)?,
        (None, Some(last)) => last.server.clone(),
        (None, None) => {
            return Err(CommandError::Usage("give the bastion's address: bastion login https://HOST:8443".to_owned()));
        }
    };
    let ca_pem = match &options.ca {
        Some(file) => Some(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?),
        // The CA of the last login says nothing about another server.
        None if last.is_some_and(|last| last.server == server) => home.ca_pem()?,
        None => None,
    };
    let api = ApiClient::new(&server, ca_pem.as_deref())?;
    let info: BastionInfo = api.get("info", &[]).await?;
    let known_hosts = known_hosts_line(&info)?;

    let login = if options.device { device::log_in(&api).await? } else { browser::log_in(&api, options).await? };

    let api = api.with_token(&login.token);
    let claimed = login.claimed.clone();
    let lock = home.lock()?;
    let prefer = if options.no_agent { KeyPlace::File } else { KeyPlace::Agent };
    let saved = get_first_certificate(home, &lock, &api, &server, login, prefer).await?;
    write_atomically(&home.known_hosts(), known_hosts.as_bytes(), PUBLIC)?;
    match ca_pem {
        Some(pem) => write_atomically(&home.ca(), &pem, PUBLIC)?,
        None => remove(&home.ca())?,
    }
    // Last, because a reader that finds it relies on the others.
    save(home, &lock, &saved)?;
    drop(lock);

    eprintln!("logged in to {server} as {} until {}", saved.user.name, local_time(saved.expires_at));
    if let Some(claimed) = claimed {
        eprintln!(
            "{} is somebody else's name here: you have the rights of your groups, and none that rules give to it. If it \
             is yours, ask an operator for: bastion names release {0}",
            visible(&claimed)
        );
    }
    eprintln!("next: bastion ssh-config --install, then ssh TARGET (bastion targets lists them)");
    ssh_config::refresh(home, &api, &saved).await
}

async fn get_first_certificate(
    home: &BastionHome,
    lock: &HomeLock,
    api: &ApiClient,
    server: &ServerUrl,
    login: LoginAnswer,
    prefer: KeyPlace,
) -> Result<SavedLogin, CommandError> {
    // A key is never carried from one login to the next: the old one may belong to someone else.
    key::forget(home, lock)?;
    let place = new_key(home, lock, api, &login.user.name, login.expires_at, prefer).await?;
    Ok(SavedLogin {
        server: server.clone(),
        token: login.token,
        user: login.user,
        expires_at: login.expires_at,
        key: place,
    })
}

/// Makes a key pair and gets its certificate; tells where the key is.
async fn new_key(
    home: &BastionHome,
    lock: &HomeLock,
    api: &ApiClient,
    user: &str,
    login_ends: Timestamp,
    prefer: KeyPlace,
) -> Result<KeyPlace, CommandError> {
    let private = key::generate(user)?;
    let certificate = request_certificate(api, private.public_key()).await?;
    let lifetime = Duration::try_from(login_ends.duration_since(Timestamp::now())).unwrap_or_default();
    let place = key::keep(home, lock, &private, user, lifetime.max(Duration::from_secs(1)), prefer)?;
    key::keep_certificate(home, lock, private.public_key(), &certificate.certificate)?;
    Ok(place)
}

async fn request_certificate(api: &ApiClient, key: &PublicKey) -> Result<CertificateAnswer, CommandError> {
    let public_key = key.to_openssh().context("cannot write the key")?;
    api.post("certificates/ssh", &CertificateRequest { public_key }).await
}

fn save(home: &BastionHome, _lock: &HomeLock, login: &SavedLogin) -> Result<(), CommandError> {
    let text = serde_json::to_vec_pretty(login).context("cannot write the login")?;
    write_atomically(&home.login(), &text, SECRET)
}

/// The line by which ssh trusts the bastion, and the targets behind it. It holds for every name,
/// because the file is used for those hosts alone.
fn known_hosts_line(info: &BastionInfo) -> Result<String, CommandError> {
    // Parsed and written anew, so that the server cannot add lines.
    let key = PublicKey::from_openssh(info.host_ca.trim()).context("the server's host CA is no SSH public key")?;
    let key = PublicKey::from(key.key_data().clone()).to_openssh().context("cannot write the host CA")?;
    Ok(format!("@cert-authority * {key}\n"))
}

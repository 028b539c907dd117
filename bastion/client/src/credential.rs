//! `bastion credential kube`: the exec plugin that `kubectl` calls (client.authentication.k8s.io/v1).
//!
//! Until its last third a credential is read from the folder, without a network. The private key is made here, and
//! stays here and with kubectl; it is never kept longer than its certificate.

use std::fs;

use anyhow::Context as _;
use api::certificates::{TokenAnswer, X509Answer, X509Request};
use api::reason::with_reason;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api_client::ApiClient;
use super::exit::CommandError;
use super::home::{BastionHome, SECRET, SavedLogin, write_atomically};
use super::output;
use crate::in_runtime;

/// Credentials for other programs.
#[derive(Debug, Subcommand)]
pub enum CredentialCommand {
    /// A short-lived credential for Kubernetes clusters: what the context of `bastion kubeconfig` calls.
    Kube(KubeCredentialOptions),
}

/// Arguments of `bastion credential kube`.
#[derive(Debug, Clone, Copy, Args)]
pub struct KubeCredentialOptions {
    /// Give a bearer token in place of a client certificate: where a balancer before the bastion ends TLS.
    #[arg(long)]
    pub token: bool,
}

/// A credential as it is kept. It has no `Debug`, because it is a secret.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    /// The login's server and end: a credential of another login is of no use.
    server: String,
    login_ends: Timestamp,
    user: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
    secret: KeptSecret,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptSecret {
    Certificate { certificate: String, key: String },
    Token(String),
}

/// Prints the credential.
///
/// # Errors
///
/// When the login ended, or the bastion gives none.
pub fn run(home: &BastionHome, command: CredentialCommand) -> Result<(), CommandError> {
    let CredentialCommand::Kube(options) = command;
    let now = Timestamp::now();
    let login = home.login_at(now)?;
    let kept = read(home, &login, options).filter(|kept| kept.is_young(now));
    let kept = match kept {
        Some(kept) => kept,
        None => in_runtime(renew(home, options))?,
    };
    let reason = std::env::var(REASON).ok().filter(|reason| !reason.trim().is_empty());
    output::print(&format!("{}\n", kept.exec_credential(reason.as_deref())))
}

async fn renew(home: &BastionHome, options: KubeCredentialOptions) -> Result<Kept, CommandError> {
    let lock = home.lock()?;
    // Another kubectl may have renewed, or somebody logged in anew, while this one waited for the lock.
    let login = home.login_at(Timestamp::now())?;
    let old = read(home, &login, options);
    if let Some(kept) = old.clone().filter(|kept| kept.is_young(Timestamp::now())) {
        return Ok(kept);
    }
    let renewed = request(&home.client_of(&login)?, &login, options).await;
    match (renewed, old) {
        (Ok(kept), _) => {
            let text = serde_json::to_vec(&kept).context("cannot write the credential")?;
            write_atomically(&home.kube_credential(), &text, SECRET)?;
            drop(lock);
            Ok(kept)
        }
        // The web front may be down while the Kubernetes front is not: the credential in hand will do.
        (Err(CommandError::Unreachable { .. }), Some(kept)) if Timestamp::now() < kept.expires_at => Ok(kept),
        (Err(error), _) => Err(error),
    }
}

async fn request(api: &ApiClient, login: &SavedLogin, options: KubeCredentialOptions) -> Result<Kept, CommandError> {
    let (secret, expires_at) = if options.token {
        let issued: TokenAnswer = api.post("tokens/kube", &json!({})).await?;
        (KeptSecret::Token(issued.token), issued.expires_at)
    } else {
        let pair = KeyPair::generate().context("cannot make a key")?;
        let body = X509Request { public_key: pair.public_key_pem() };
        let issued: X509Answer = api.post("certificates/x509", &body).await?;
        (KeptSecret::Certificate { certificate: issued.certificate, key: pair.serialize_pem() }, issued.expires_at)
    };
    Ok(Kept {
        server: login.server.to_string(),
        login_ends: login.expires_at,
        user: login.user.name.clone(),
        issued_at: Timestamp::now(),
        expires_at,
        secret,
    })
}

/// The kept credential, if it is of this login and of the kind that is asked for.
fn read(home: &BastionHome, login: &SavedLogin, options: KubeCredentialOptions) -> Option<Kept> {
    let kept: Kept = serde_json::from_slice(&fs::read(home.kube_credential()).ok()?).ok()?;
    let is_token = matches!(kept.secret, KeptSecret::Token(_));
    let is_of_login =
        kept.server == login.server.to_string() && kept.login_ends == login.expires_at && kept.user == login.user.name;
    (is_of_login && is_token == options.token).then_some(kept)
}

impl Kept {
    /// More than a third of its life is left, or no later one can be had.
    fn is_young(&self, now: Timestamp) -> bool {
        let left = self.expires_at.duration_since(now);
        if left.is_negative() || left.is_zero() {
            return false;
        }
        let life = self.expires_at.duration_since(self.issued_at);
        left > life / 3 || self.login_ends.as_second() <= self.expires_at.as_second()
    }

    fn exec_credential(&self, reason: Option<&str>) -> Value {
        let until = self.expires_at.to_string();
        let status = match (&self.secret, reason) {
            (KeptSecret::Certificate { certificate, key }, None) => json!({
                "expirationTimestamp": until,
                "clientCertificateData": certificate,
                "clientKeyData": key,
            }),
            (KeptSecret::Certificate { certificate, key }, Some(reason)) => json!({
                "expirationTimestamp": until,
                "clientCertificateData": certificate,
                "clientKeyData": key,
                "token": with_reason(None, reason),
            }),
            (KeptSecret::Token(token), None) => json!({ "expirationTimestamp": until, "token": token }),
            (KeptSecret::Token(token), Some(reason)) => {
                json!({ "expirationTimestamp": until, "token": with_reason(Some(token), reason) })
            }
        };
        json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status })
    }
}

/// Why, in the user's own words, for those who approve: as with `ssh`.
const REASON: &str = "BASTION_REASON";

#[cfg(test)]
mod tests {
    use super::*;
    use api::reason::without_reason;

    fn kept(issued: i64, expires: i64) -> Kept {
        let at = |second| Timestamp::from_second(second).unwrap();
        Kept {
            server: "https://b.example".into(),
            login_ends: at(10_000),
            user: "alice".into(),
            issued_at: at(issued),
            expires_at: at(expires),
            secret: KeptSecret::Token("bkt_x".into()),
        }
    }

    #[test]
    fn a_credential_is_renewed_in_the_last_third_of_its_life() {
        let now = |second| Timestamp::from_second(second).unwrap();
        for (issued, expires, at, expected) in [
            (1000, 1600, 1000, true),
            (1000, 1600, 1399, true),
            (1000, 1600, 1400, false),
            (1000, 1600, 1600, false),
            // It lasts as long as the login: there is nothing to gain.
            (9700, 10_000, 9990, true),
            (9700, 10_000, 10_000, false),
        ] {
            assert_eq!(kept(issued, expires).is_young(now(at)), expected, "{issued} {expires} {at}");
        }
    }

    #[test]
    fn a_reason_goes_with_either_credential_and_changes_neither() {
        let token = kept(1000, 1600);
        let certificate =
            Kept { secret: KeptSecret::Certificate { certificate: "C".into(), key: "K".into() }, ..kept(1000, 1600) };
        let with = |kept: &Kept| kept.exec_credential(Some("ticket 4711 ~ 漢字")).clone();
        let read = |credential: &Value| without_reason(credential["status"]["token"].as_str().unwrap());
        let reason = Some("ticket 4711 ~ 漢字".to_owned());
        assert_eq!(read(&with(&token)), (Some("bkt_x".to_owned()), reason.clone()));
        assert_eq!(read(&with(&certificate)), (None, reason));
        assert_eq!(with(&certificate)["status"]["clientCertificateData"], "C");
        assert_eq!(certificate.exec_credential(None)["status"]["token"], Value::Null);
        assert_eq!(without_reason("bkt_x"), (Some("bkt_x".to_owned()), None));
        assert_eq!(without_reason("bkt_x~!"), (Some("bkt_x".to_owned()), None));
    }

    #[test]
    fn the_plugin_speaks_version_1() {
        assert_eq!(
            kept(1000, 1600).exec_credential(None),
            json!({
                "apiVersion": "client.authentication.k8s.io/v1",
                "kind": "ExecCredential",
                "status": { "expirationTimestamp": "1970-01-01T00:26:40Z", "token": "bkt_x" },
            })
        );
    }
}

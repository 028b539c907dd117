//! Logins: begun here, proved at the issuer, finished here; and the SSH certificates under them.
//!
//! ```text
//! begin_browser -> issuer's page -> finish_browser ─┐
//! begin_device  -> issuer's page -> poll_device    ─┴-> NewLogin -> login_by_token -> issue_ssh_certificate
//! ```
//!
//! What begins a login is used once. The audit event is written before its effect is handed out.
//! The issuer's tokens are dropped at the end of a login; nothing here renews a login without a person.

use std::{net::IpAddr, sync::Arc, time::Duration};

use config::UserName;
use jiff::{SignedDuration, Timestamp};
use ledger::{
    audit::{AuditEvent, AuditLog},
    store::{LoginKind, LoginRecord, Store, StoreError, TokenHash},
};
use policy::Subject;
use url::Url;

use super::{
    oidc::{OidcClient, Tokens},
    ssh_ca::UserCa,
    subject::Authenticated,
    token::{self, Token},
};

mod browser;
mod certificate;
mod device;
mod error;
mod live;
mod names;
mod public_key;
mod redirect;
mod sealed;

pub use self::{
    browser::BrowserLogin,
    certificate::IssuedCertificate,
    device::{DeviceLogin, DevicePoll},
    error::{LoginError, Outcome},
    live::{EndedLogins, LiveLogin},
    public_key::PublicKeyError,
};

/// How long things last.
#[derive(Debug, Clone)]
pub struct LoginSettings {
    /// How long a login lasts.
    pub login_lifetime: Duration,
    /// How long an SSH certificate lasts; never longer than its login.
    pub certificate_lifetime: Duration,
    /// The console's own callback (`https://bastion.example.com:8443/login/callback`), the only place that web
    /// logins come back to.
    pub console_callback: Url,
}

/// Begins and finishes logins.
pub struct LoginService {
    oidc: OidcClient,
    store: Arc<dyn Store>,
    log: AuditLog,
    user_ca: Arc<UserCa>,
    settings: LoginSettings,
    ended: EndedLogins,
}

/// A login that was just finished.
#[derive(Debug)]
pub struct NewLogin {
    /// To be handed to the CLI (bearer token) or the browser (cookie); the bastion keeps only its hash.
    pub token: Token,
    /// Who, and until when.
    pub record: LoginRecord,
    /// What the issuer calls them, where that is somebody else's name here.
    pub claimed: Option<UserName>,
}

/// A login that was shown by its token and is good now.
#[derive(Debug, Clone)]
pub struct Login {
    authenticated: Authenticated,
    token: TokenHash,
    kind: LoginKind,
    expires_at: Timestamp,
}

impl Login {
    /// The login of a record that was just looked up or made.
    pub(crate) fn of_record(record: LoginRecord) -> Self {
        Self {
            authenticated: Authenticated::verified(record.subject),
            token: record.token,
            kind: record.kind,
            expires_at: record.expires_at,
        }
    }

    /// The login that a client shows the token of; `None` if there is none, or it has ended.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn by_token(store: &dyn Store, token: &str, now: Timestamp) -> Result<Option<Self>, StoreError> {
        Ok(store.login(token::hash(token), now).await?.map(Self::of_record))
    }

    /// Who.
    #[must_use]
    pub fn authenticated(&self) -> &Authenticated {
        &self.authenticated
    }

    /// Who, as the rules see it.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        self.authenticated.subject()
    }

    /// What holds it.
    #[must_use]
    pub fn kind(&self) -> LoginKind {
        self.kind
    }

    /// The hash of its token.
    #[must_use]
    pub fn token(&self) -> TokenHash {
        self.token
    }

    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl LoginService {
    /// Puts the parts together; talks to nobody.
    #[must_use]
    pub fn new(
        oidc: OidcClient,
        store: Arc<dyn Store>,
        log: AuditLog,
        user_ca: Arc<UserCa>,
        settings: LoginSettings,
        ended: EndedLogins,
    ) -> Self {
        Self { oidc, store, log, user_ca, settings, ended }
    }

    /// The issuer's identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.oidc.issuer().as_str()
    }

    /// The login that a client shows the token of; `None` if there is none, or it has ended.
    pub async fn login_by_token(&self, token: &str, now: Timestamp) -> Result<Option<Login>, LoginError> {
        Ok(Login::by_token(self.store.as_ref(), token, now).await?)
    }

    /// The logins that were ended here.
    #[must_use]
    pub fn ended(&self) -> EndedLogins {
        self.ended.clone()
    }

    /// Ends a login, and what hangs on it: certificates that were issued under it count no longer.
    pub async fn logout(&self, login: &Login, source: IpAddr, now: Timestamp) -> Result<(), LoginError> {
        if self.store.remove_login(login.token).await? {
            self.ended.add(login.token, login.expires_at, now);
            let event = AuditEvent::LoggedOut { user: login.subject().name.clone(), source: source.to_string() };
            self.store.append_audit(now, &[event]).await?;
        }
        Ok(())
    }

    /// The end of both flows: tokens -> subject -> its name here -> login.
    async fn log_in(
        &self,
        tokens: &Tokens,
        nonce: Option<&str>,
        kind: LoginKind,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<NewLogin, LoginError> {
        let mut subject = self.oidc.subject(tokens, nonce, now).await?;
        let claimed = self.name(&mut subject, source, now).await?;
        let token = Token::random()?;
        let expires_at = later(now, self.settings.login_lifetime);
        let event = AuditEvent::LoggedIn {
            user: subject.name.clone(),
            issuer: subject.issuer.clone(),
            subject: subject.id.clone(),
            claimed: claimed.clone(),
            expires_at,
            source: source.to_string(),
        };
        let record = LoginRecord { token: token.hash(), kind, subject, created_at: now, expires_at };
        self.store.append_audit(now, &[event]).await?;
        self.store.add_login(&record).await?;
        Ok(NewLogin { token, record, claimed })
    }

    /// Writes down a login that failed at the issuer.
    async fn audit_failure(&self, error: &LoginError, source: IpAddr) {
        let event = AuditEvent::LoginFailed { reason: error.to_string(), source: source.to_string() };
        // What finds no room is counted: it is a refusal.
        let _ = self.log.record_now(event).await;
    }
}

/// A time that is `lifetime` away; the end of time if the operator asks for more than that.
fn later(now: Timestamp, lifetime: Duration) -> Timestamp {
    SignedDuration::try_from(lifetime)
        .ok()
        .and_then(|lifetime| now.checked_add(lifetime).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How long a person may take between the begin of a login and its end, if the issuer sets no limit.
const FLOW_LIFETIME: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;

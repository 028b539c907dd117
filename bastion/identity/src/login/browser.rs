//! Logins through a browser: the authorization code comes back to the CLI's loopback listener or to the console.

use std::net::IpAddr;

use jiff::Timestamp;
use ledger::store::{LoginFlow, LoginKind};
use url::Url;

use super::{FLOW_LIFETIME, LoginError, LoginService, NewLogin, later, redirect, sealed};
use crate::{
    oidc::{AuthorizationRequest, OidcError, PkceVerifier, error::TokenRefusal},
    token::{self, Token},
};

/// A login that was begun.
#[derive(Debug)]
pub struct BrowserLogin {
    /// The issuer's page to open.
    pub authorization_url: Url,
    /// Must come back with the code. Whoever began the login holds it (the console: in a cookie), so that a
    /// person cannot be made to finish somebody else's login.
    pub state: Token,
}

impl LoginService {
    /// Begins a login that ends at `redirect_uri`.
    pub async fn begin_browser(
        &self,
        redirect_uri: &str,
        kind: LoginKind,
        now: Timestamp,
    ) -> Result<BrowserLogin, LoginError> {
        redirect::check(redirect_uri, kind, &self.settings.console_callback)?;
        let (state, nonce, verifier) = (Token::random()?, Token::random()?, PkceVerifier::random()?);
        let request = AuthorizationRequest {
            redirect_uri,
            state: state.as_str(),
            nonce: nonce.as_str(),
            code_challenge: &verifier.challenge(),
        };
        let authorization_url = self.oidc.authorization_url(&request).await?;
        let flow = LoginFlow {
            key: state.hash(),
            nonce: nonce.as_str().to_owned(),
            secret: sealed::seal(state.as_str(), verifier.as_str())?,
            redirect_uri: redirect_uri.to_owned(),
            kind,
            expires_at: later(now, FLOW_LIFETIME),
        };
        self.store.add_login_flow(&flow).await?;
        Ok(BrowserLogin { authorization_url, state })
    }

    /// Finishes a login of this `kind` with the code that the browser brought. The state is used up, also by a failure.
    pub async fn finish_browser(
        &self,
        state: &str,
        code: &str,
        kind: LoginKind,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<NewLogin, LoginError> {
        let flow = self.take_browser_flow(state, kind, now).await?;
        let finished = self.finish(&flow, state, code, source, now).await;
        if let Err(error) = &finished {
            self.audit_failure(error, source).await;
        }
        finished
    }

    /// The browser came back with an error instead of a code (RFC 6749 §4.1.2.1): uses the state up, and gives the
    /// error to show.
    pub async fn fail_browser(
        &self,
        state: &str,
        error: &str,
        description: &str,
        kind: LoginKind,
        source: IpAddr,
        now: Timestamp,
    ) -> LoginError {
        if let Err(unknown) = self.take_browser_flow(state, kind, now).await {
            return unknown;
        }
        let failure = LoginError::Oidc(OidcError::from(TokenRefusal::new(error, description)));
        self.audit_failure(&failure, source).await;
        failure
    }

    async fn finish(
        &self,
        flow: &LoginFlow,
        state: &str,
        code: &str,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<NewLogin, LoginError> {
        let verifier = sealed::open(state, &flow.secret).map(PkceVerifier::stored).ok_or(LoginError::UnknownFlow)?;
        let tokens = self.oidc.exchange_code(code, &flow.redirect_uri, &verifier).await?;
        self.log_in(&tokens, Some(&flow.nonce), flow.kind, source, now).await
    }

    async fn take_browser_flow(&self, state: &str, kind: LoginKind, now: Timestamp) -> Result<LoginFlow, LoginError> {
        let flow = self.store.take_login_flow(token::hash(state), now).await?;
        // A device login has no place to come back to; its identifier is no `state`.
        flow.filter(|flow| flow.kind == kind && !flow.redirect_uri.is_empty() && now < flow.expires_at)
            .ok_or(LoginError::UnknownFlow)
    }
}

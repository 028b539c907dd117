//! Device authorization (RFC 8628): the person confirms a short code in any browser,
//! while the bastion polls on behalf of the command line.

use std::time::Duration;

use serde::Deserialize;

use super::{OidcClient, OidcError, Tokens, error::TokenRefusal, http::Body};

/// What the issuer handed out for one device login.
#[derive(Clone)]
pub struct DeviceAuthorization {
    /// Held by the bastion, and polled with.
    pub device_code: String,
    /// What the person enters.
    pub user_code: String,
    /// Where the person enters it.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// How long to wait between polls.
    pub interval: Duration,
    /// How long the codes are good.
    pub lifetime: Duration,
}

/// How far a device login is.
pub enum DeviceProgress {
    /// Confirmed.
    Done(Tokens),
    /// Not confirmed yet.
    Pending,
    /// Not confirmed yet, "and the interval MUST be increased by 5 seconds for this and all subsequent requests".
    SlowDown,
}

impl OidcClient {
    /// Begins a device login.
    pub async fn begin_device(&self) -> Result<DeviceAuthorization, OidcError> {
        let discovery = self.discovered().await?;
        let Some(endpoint) = &discovery.device_authorization_endpoint else {
            return Err(OidcError::NoDeviceFlow(self.settings.issuer.to_string()));
        };
        let scope = self.settings.scope();
        let form = [("scope", scope.as_str())];
        let text = match self.http.post_form(endpoint, &form, discovery.client_authentication()).await? {
            Body::Success(text) => text,
            Body::Refusal { status, text } => return Err(TokenRefusal::read(status, &text).into()),
        };
        let answer: DeviceAnswer = self.http.parse("device authorization", &text)?;
        Ok(DeviceAuthorization {
            device_code: answer.device_code,
            user_code: shown(&answer.user_code),
            verification_uri: shown(&answer.verification_uri),
            verification_uri_complete: answer.verification_uri_complete.as_deref().map(shown),
            interval: Duration::from_secs(answer.interval.clamp(1, MAX_INTERVAL_SECONDS)),
            lifetime: Duration::from_secs(answer.expires_in.min(MAX_LIFETIME_SECONDS)),
        })
    }

    /// Asks once whether the person has confirmed.
    pub async fn poll_device(&self, device_code: &str) -> Result<DeviceProgress, OidcError> {
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", device_code)];
        match self.ask_for_tokens(&form).await? {
            Ok(tokens) => Ok(DeviceProgress::Done(tokens)),
            Err(refusal) => match refusal.code.as_str() {
                "authorization_pending" => Ok(DeviceProgress::Pending),
                "slow_down" => Ok(DeviceProgress::SlowDown),
                _ => Err(refusal.into()),
            },
        }
    }
}

/// RFC 8628 §3.2.
#[derive(Deserialize)]
struct DeviceAnswer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    /// "If no value is provided, clients MUST use 5 as the default."
    #[serde(default = "default_interval")]
    interval: u64,
}

fn default_interval() -> u64 {
    5
}

/// What goes to a terminal is printable ASCII of a sensible length.
fn shown(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(2048).collect()
}

/// A person would think that nothing happens.
const MAX_INTERVAL_SECONDS: u64 = 60;

/// Nobody types a code for longer.
const MAX_LIFETIME_SECONDS: u64 = 1800;

//! Logins with a code that the person enters on any device.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use ledger::store::{LoginFlow, LoginKind};

use super::{FLOW_LIFETIME, LoginError, LoginService, NewLogin, later, sealed};
use crate::{
    oidc::DeviceProgress,
    token::{self, Token},
};

/// A device login that was begun.
#[derive(Debug)]
pub struct DeviceLogin {
    /// What the CLI polls with. The issuer's own device code stays in the bastion.
    pub device_id: Token,
    /// What the person enters.
    pub user_code: String,
    /// Where the person enters it.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// How long to wait between polls.
    pub interval: Duration,
    /// When the code is void.
    pub expires_at: Timestamp,
}

/// How far a device login is.
#[derive(Debug)]
pub enum DevicePoll {
    /// Logged in.
    Done(Box<NewLogin>),
    /// The person has not confirmed yet.
    Pending {
        /// How long to wait before the next poll; grows when the issuer asks for it.
        interval: Duration,
    },
}

impl LoginService {
    /// Begins a device login.
    pub async fn begin_device(&self, now: Timestamp) -> Result<DeviceLogin, LoginError> {
        let device = self.oidc.begin_device().await?;
        let device_id = Token::random()?;
        let lifetime = if device.lifetime.is_zero() { FLOW_LIFETIME } else { device.lifetime };
        let expires_at = later(now, lifetime);
        let secret = DeviceSecret { interval: device.interval, device_code: &device.device_code };
        let flow = LoginFlow {
            key: device_id.hash(),
            nonce: String::new(),
            secret: sealed::seal(device_id.as_str(), &secret.to_text())?,
            redirect_uri: String::new(),
            kind: LoginKind::Cli,
            expires_at,
        };
        self.store.add_login_flow(&flow).await?;
        Ok(DeviceLogin {
            device_id,
            user_code: device.user_code,
            verification_uri: device.verification_uri,
            verification_uri_complete: device.verification_uri_complete,
            interval: device.interval,
            expires_at,
        })
    }

    /// Asks the issuer once. After an answer that settles it (logged in, denied, expired) the device id is used up.
    pub async fn poll_device(&self, device_id: &str, source: IpAddr, now: Timestamp) -> Result<DevicePoll, LoginError> {
        let key = token::hash(device_id);
        let flow = self.store.take_login_flow(key, now).await?;
        let flow = flow.filter(|flow| now < flow.expires_at).ok_or(LoginError::UnknownFlow)?;
        // The `state` of a browser login is no device identifier: what it keeps does not parse.
        let secret = sealed::open(device_id, &flow.secret).ok_or(LoginError::UnknownFlow)?;
        let secret = DeviceSecret::from_text(&secret).ok_or(LoginError::UnknownFlow)?;
        // Put back at once: a poll that is cut off on the way must not end the login.
        self.store.add_login_flow(&flow).await?;
        let polled = match self.oidc.poll_device(secret.device_code).await {
            Ok(DeviceProgress::Pending) => return Ok(DevicePoll::Pending { interval: secret.interval }),
            Ok(DeviceProgress::SlowDown) => return self.slow_down(&flow, device_id, &secret, now).await,
            Err(error) if error.is_unavailable() => return Err(error.into()),
            Ok(DeviceProgress::Done(tokens)) => Ok(tokens),
            Err(error) => Err(LoginError::from(error)),
        };
        // Settled. Of two polls that were on the way, the one that takes the flow out goes on.
        self.store.take_login_flow(key, now).await?.ok_or(LoginError::UnknownFlow)?;
        let finished = match polled {
            Ok(tokens) => self.log_in(&tokens, None, flow.kind, source, now).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &finished {
            self.audit_failure(error, source).await;
        }
        finished.map(|login| DevicePoll::Done(Box::new(login)))
    }

    async fn slow_down(
        &self,
        flow: &LoginFlow,
        device_id: &str,
        secret: &DeviceSecret<'_>,
        now: Timestamp,
    ) -> Result<DevicePoll, LoginError> {
        let slower = DeviceSecret { interval: secret.interval + SLOW_DOWN, device_code: secret.device_code };
        self.store.take_login_flow(flow.key, now).await?.ok_or(LoginError::UnknownFlow)?;
        let secret = sealed::seal(device_id, &slower.to_text())?;
        self.store.add_login_flow(&LoginFlow { secret, ..flow.clone() }).await?;
        Ok(DevicePoll::Pending { interval: slower.interval })
    }
}

/// What a device flow keeps, sealed: `5 DEVICE-CODE`.
struct DeviceSecret<'a> {
    interval: Duration,
    device_code: &'a str,
}

impl<'a> DeviceSecret<'a> {
    fn to_text(&self) -> String {
        format!("{} {}", self.interval.as_secs(), self.device_code)
    }

    fn from_text(text: &'a str) -> Option<Self> {
        let (interval, device_code) = text.split_once(' ')?;
        Some(Self { interval: Duration::from_secs(interval.parse().ok()?), device_code })
    }
}

/// "the interval MUST be increased by 5 seconds for this and all subsequent requests" (RFC 8628 §3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);

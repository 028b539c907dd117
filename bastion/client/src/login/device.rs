//! The device flow (RFC 8628): the person confirms on another device, the command polls.

use std::time::Duration;

use api::login::{BegunDeviceLogin, LoginAnswer};
use jiff::Timestamp;
use tokio::time::sleep;

use crate::api_client::{ApiClient, DevicePoll};
use crate::exit::CommandError;
use crate::shown::visible;

/// Shows the code and waits until the person has confirmed it.
///
/// # Errors
///
/// When the person or the issuer refuses, or the code runs out.
pub(super) async fn log_in(api: &ApiClient) -> Result<LoginAnswer, CommandError> {
    let start: BegunDeviceLogin = api.post("login/device", &serde_json::json!({})).await?;
    eprintln!("open    {}", visible(&start.verification_uri));
    eprintln!("confirm {}", visible(&start.user_code));
    if let Some(complete) = &start.verification_uri_complete {
        eprintln!("or open {}", visible(complete));
    }
    let mut interval = bounded(start.interval);
    loop {
        let left = Duration::try_from(start.expires_at.duration_since(Timestamp::now())).unwrap_or_default();
        if left.is_zero() {
            return Err(CommandError::Refused(
                "the code ran out before it was confirmed; run bastion login --device again".to_owned(),
            ));
        }
        sleep(interval.min(left)).await;
        interval = match api.poll_device(&start.device_id).await {
            Ok(DevicePoll::Done(login)) => return Ok(login),
            Ok(DevicePoll::Pending(next)) => bounded(next.interval),
            // "On encountering a connection timeout, clients MUST unilaterally reduce their
            // polling frequency before retrying" (RFC 8628 §3.5).
            Err(CommandError::Unreachable { .. }) => bounded(interval.as_secs() * 2),
            Err(error) => return Err(error),
        };
    }
}

/// A server's interval cannot make the command spin or hang.
fn bounded(seconds: u64) -> Duration {
    Duration::from_secs(seconds.clamp(1, 60))
}

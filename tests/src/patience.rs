//! Waiting for a condition with a deadline: the only place of the suite that polls.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a test waits for something that is about to happen on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Asks `probe` until it has an answer.
///
/// # Errors
/// Fails when `probe` fails, or with `what` in the message when there is no answer after `limit`.
pub async fn until<T>(what: &str, limit: Duration, mut probe: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe().await? {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            bail!("waited {limit:?} in vain until {what}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Runs `work`, and fails when it takes longer than `limit`.
///
/// # Errors
/// Fails with `what` in the message after `limit`, or as `work` does.
pub async fn within<T>(what: &str, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => bail!("{what} took longer than {limit:?}"),
    }
}

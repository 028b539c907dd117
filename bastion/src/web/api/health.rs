//! Whether the bastion lives, and whether it can work.

use std::time::{Duration, Instant};

use axum::extract::State;
use tokio::sync::Mutex;

use super::error::ApiError;
use crate::web::state::WebState;

/// The process answers.
pub(in crate::web) async fn alive() -> &'static str {
    "ok\n"
}

/// The store takes a write, and has every event that it should have.
pub(in crate::web) async fn ready(State(state): State<WebState>) -> Result<&'static str, ApiError> {
    match state.readiness.of(&state).await {
        Ok(()) => Ok("ok\n"),
        Err(what) => Err(ApiError::Unavailable(what)),
    }
}

/// What was last found. Anybody may ask, so that it is looked at once a second and not for each who asks.
#[derive(Debug, Default)]
pub(in crate::web) struct Readiness(
    // Held while the store is asked: whoever comes meanwhile waits for that answer, which has a deadline.
    Mutex<Option<(Instant, Result<(), String>)>>,
);

impl Readiness {
    async fn of(&self, state: &WebState) -> Result<(), String> {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = &*last
            && at.elapsed() < FRESH
        {
            return found.clone();
        }
        let found = match state.store.probe().await {
            Ok(()) => state.log.check(),
            Err(error) => {
                tracing::error!(%error, "the store takes no writes");
                Err(format!("nothing can be written: {}", error.in_short()))
            }
        };
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);

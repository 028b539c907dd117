//! Whether the bastion lives, and whether it can work.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use axum::extract::State;
use recorder::RecordError;
use tokio::sync::Mutex;

use super::error::ApiError;
use crate::state::WebState;

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The store takes a write, and has every event that it should have; a session could be recorded; and people are not to
/// go elsewhere because the bastion will stop.
pub(crate) async fn ready(State(state): State<WebState>) -> Result<&'static str, ApiError> {
    if state.draining.is_cancelled() {
        return Err(ApiError::Unavailable(DRAINING.to_owned()));
    }
    match state.readiness.of(&state).await {
        Ok(()) => Ok("ok\n"),
        Err(what) => Err(ApiError::Unavailable(what)),
    }
}

/// What was last found. Anybody may ask, so that it is looked at once a second and not for each who asks.
#[derive(Debug, Default)]
pub(crate) struct Readiness(
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
            Ok(()) => match state.log.check() {
                Ok(()) => spool(state).await,
                Err(behind) => Err(behind),
            },
            Err(error) => {
                tracing::error!(%error, "the store takes no writes");
                Err(format!("nothing can be written: {}", error.in_short()))
            }
        };
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

/// Whether the spool takes recordings: without them hardly anything may start. What the operating system said, and
/// where, is for the log.
async fn spool(state: &WebState) -> Result<(), String> {
    let Err(error) = state.recorder.check().await else { return Ok(()) };
    tracing::error!(%error, "the spool takes no recordings");
    let what = match &error {
        RecordError::DiskFull { .. } | RecordError::SpoolFull { .. } => error.to_string(),
        RecordError::Spool { source, .. } if source.kind() == ErrorKind::StorageFull => {
            "the disk of the recording spool is full".to_owned()
        }
        RecordError::AlreadyStarted(_)
        | RecordError::Conflict { .. }
        | RecordError::Damaged { .. }
        | RecordError::Finished
        | RecordError::NotFound(_)
        | RecordError::Overrun
        | RecordError::Spool { .. }
        | RecordError::Storage { .. } => "the recording spool cannot be written".to_owned(),
    };
    Err(format!("nothing can be recorded: {what}"))
}

/// What a balancer is told that should send new people elsewhere.
const DRAINING: &str = "draining: what runs here goes on, new connections belong elsewhere";

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);

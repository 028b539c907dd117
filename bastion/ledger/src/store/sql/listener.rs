//! Hears what other instances have changed: `LISTEN`, on a connection of its own. A transaction that changes something
//! says so when it is committed (`NOTIFY`), with the name of its instance, and with identifiers only.
//!
//! Nobody may count on it: a notification that gets lost costs the time until whoever needs it looks by itself. After a
//! connection was lost, everything may have been missed.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::dialect::in_short;
use crate::store::{Change, Changes, InstanceId};

/// What is heard; ends with this value.
#[derive(Debug)]
pub struct Listening {
    changes: Arc<Changes>,
    task: JoinHandle<()>,
}

impl Listening {
    /// Begins. What was changed before may have been missed.
    pub(super) fn start(
        options: PgConnectOptions,
        own: watch::Receiver<Option<InstanceId>>,
        silence: Duration,
    ) -> Self {
        let changes = Arc::<Changes>::default();
        let task = tokio::spawn(listen(options, own, silence, Arc::clone(&changes)));
        Self { changes, task }
    }

    /// What was heard since the last call, once there is something. Cancel-safe.
    pub async fn next(&self) -> crate::store::Heard {
        self.changes.next().await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(
    options: PgConnectOptions,
    own: watch::Receiver<Option<InstanceId>>,
    silence: Duration,
    changes: Arc<Changes>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        // A pool for each connection: nothing of a broken one is used again.
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(silence).connect_lazy_with(options.clone());
        match begin(&pool).await {
            Ok(listener) => {
                pause = FIRST_PAUSE;
                changes.miss();
                hear(listener, &own, silence, &changes).await;
            }
            Err(error) => {
                tracing::debug!(reason = in_short(&error), "other instances are not heard; that is tried again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn begin(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Hears until the connection is lost, or nothing has come for so long that it must be: this instance itself is heard at
/// each renewal of its lease.
async fn hear(
    mut listener: PgListener,
    own: &watch::Receiver<Option<InstanceId>>,
    silence: Duration,
    changes: &Changes,
) {
    while let Ok(Ok(Some(notification))) = timeout(silence, listener.try_recv()).await {
        let Some((origin, what)) = notification.payload().split_once(' ') else { continue };
        if InstanceId::from_str(origin).ok() == *own.borrow() || what == HEARTBEAT {
            continue;
        }
        match what.parse::<Change>() {
            Ok(change) => changes.hear(change),
            // A newer instance has changed something that this one does not know.
            Err(_) => changes.miss(),
        }
    }
    tracing::debug!("the connection on which other instances are heard was lost");
}

/// The channel of the notifications.
pub(super) const CHANNEL: &str = "bastion";

/// What an instance says when nothing has changed.
pub(super) const HEARTBEAT: &str = "lives";

const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

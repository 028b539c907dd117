//! [`Holder`]: a PostgreSQL database belongs to one bastion at a time, as a SQLite file does: a second one would end the
//! first one's sessions and approvals as left over.
//!
//! The lock lives in a session of the server, on a connection of its own, and goes with it. Whoever has the lock
//! writes its name into the table `holder`. When the connection is lost nothing is written until the lock is taken
//! again, which is tried every second; if another name stands in the table by then, another bastion was there
//! meanwhile, and this one must be restarted. Each transaction looks at that name, too (`writer`): a bastion
//! that does not know yet that it was replaced changes nothing.

use std::{sync::Mutex, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, migrate::MigrateError, postgres::PgConnectOptions};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use uuid::Uuid;

use super::{StoreError, dialect::in_short, migrations};

/// This bastion's hold on the database.
#[derive(Debug)]
pub(super) struct Holder {
    claim: Claim,
    state: watch::Sender<Held>,
    /// Keeps the connection; ends with this value.
    keeper: Mutex<Option<JoinHandle<()>>>,
}

/// Who holds what, and how it is reached.
#[derive(Debug, Clone)]
struct Claim {
    options: PgConnectOptions,
    /// The database, for people.
    place: String,
    /// The name of this bastion in the table.
    owner: String,
    /// What another bastion reads of this one.
    description: String,
}

/// Whether the database is this bastion's now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    Yes,
    /// Not until the lock is taken again.
    Lost(String),
    /// Not again: another one had it meanwhile.
    Replaced(String),
}

impl Holder {
    /// Claims the database, and brings its schema up to date.
    pub(super) async fn claim(options: PgConnectOptions, place: &str, description: &str) -> Result<Self, StoreError> {
        let claim = Claim {
            options,
            place: place.to_owned(),
            owner: Uuid::now_v7().to_string(),
            description: description.to_owned(),
        };
        let connection =
            timeout(CLAIM_LIMIT, claim.at_start()).await.unwrap_or(Err(StoreError::Deadline(CLAIM_LIMIT)))?;
        let state = watch::Sender::new(Held::Yes);
        let keeper = tokio::spawn(keep(claim.clone(), connection, state.clone()));
        Ok(Self { claim, state, keeper: Mutex::new(Some(keeper)) })
    }

    /// Whether anything may be written now.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &*self.state.borrow() {
            Held::Yes => Ok(()),
            Held::Lost(reason) => Err(StoreError::NotHeld { place: self.claim.place.clone(), reason: reason.clone() }),
            Held::Replaced(other) => {
                Err(StoreError::Replaced { place: self.claim.place.clone(), other: other.clone() })
            }
        }
    }

    /// The same, where this is the name that stands in the table.
    pub(super) fn check_owner(&self, found: Option<&str>) -> Result<(), StoreError> {
        if found != Some(self.claim.owner.as_str()) {
            self.state.send_if_modified(|state| {
                let news = !matches!(state, Held::Replaced(_));
                if news {
                    *state = Held::Replaced(UNKNOWN.to_owned());
                }
                news
            });
        }
        self.check()
    }

    /// Lets the database go.
    pub(super) async fn release(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            keeper.abort();
            // Its connection is closed with it.
            let _ = keeper.await;
        }
    }

    /// For tests: the process on the server that has the lock.
    #[cfg(test)]
    pub(super) fn states(&self) -> watch::Receiver<String> {
        let (sender, receiver) = watch::channel(String::new());
        let mut state = self.state.subscribe();
        tokio::spawn(async move {
            loop {
                let word = format!("{:?}", *state.borrow_and_update());
                if sender.send(word).is_err() || state.changed().await.is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Ok(keeper) = self.keeper.get_mut()
            && let Some(keeper) = keeper.take()
        {
            keeper.abort();
        }
    }
}

impl Claim {
    /// Connects, locks, brings the schema up to date and writes the name down.
    async fn at_start(&self) -> Result<PgConnection, StoreError> {
        let connected = self.options.connect().await;
        let mut connection = connected.map_err(|error| StoreError::connecting(&self.place, error))?;
        let version = connection.server_version_num().unwrap_or_default();
        if version < OLDEST {
            return Err(StoreError::TooOld { place: self.place.clone(), version: version / 10_000 });
        }
        // A server needs a moment to see that a process is gone.
        let mut tries = 0;
        while !try_lock(&mut connection).await.map_err(StoreError::Unavailable)? {
            tries += 1;
            if tries > GRACE {
                let other = named(&mut connection).await.map(|(_, description)| description);
                let other = other.unwrap_or_else(|_| UNKNOWN.to_owned());
                return Err(StoreError::Taken { place: self.place.clone(), other });
            }
            tokio::time::sleep(PAUSE / 10).await;
        }
        if let Err(error) = migrations::postgres().run(&mut connection).await {
            if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
                return Err(StoreError::connecting(&self.place, error));
            }
            return Err(StoreError::Migrate(error));
        }
        sqlx::query(
            "INSERT INTO holder (place, owner, description) VALUES (1, $1, $2) \
             ON CONFLICT (place) DO UPDATE SET owner = excluded.owner, description = excluded.description",
        )
        .bind(&self.owner)
        .bind(&self.description)
        .execute(&mut connection)
        .await
        .map_err(StoreError::Unavailable)?;
        Ok(connection)
    }

    /// Takes the lock again.
    async fn again(&self) -> Result<PgConnection, Held> {
        let lost = |error: sqlx::Error| Held::Lost(in_short(&error).to_owned());
        let mut connection = self.options.connect().await.map_err(lost)?;
        let locked = try_lock(&mut connection).await.map_err(lost)?;
        let (owner, description) = named(&mut connection).await.map_err(lost)?;
        if owner != self.owner {
            return Err(Held::Replaced(description));
        }
        if locked { Ok(connection) } else { Err(Held::Lost("the server has not let go of it yet".to_owned())) }
    }
}

/// Sees that the connection is there, and takes the lock again where it is not.
async fn keep(claim: Claim, mut connection: PgConnection, state: watch::Sender<Held>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let lost = match timeout(ANSWER_LIMIT, connection.ping()).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => in_short(&error),
            Err(_) => "the database server does not answer",
        };
        tracing::error!(database = claim.place, reason = lost, "the lock of the database was lost");
        state.send_if_modified(|state| lose(state, Held::Lost(lost.to_owned())));
        // Its place on the server may still have the lock: it must not be there when that is tried.
        drop(connection);
        connection = loop {
            if matches!(*state.borrow(), Held::Replaced(_)) {
                return;
            }
            match timeout(ANSWER_LIMIT, claim.again()).await {
                Ok(Ok(connection)) => break connection,
                Ok(Err(held)) => {
                    state.send_if_modified(|state| lose(state, held));
                }
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        };
        tracing::info!(database = claim.place, "the lock of the database was taken again");
        state.send_if_modified(|state| lose(state, Held::Yes));
    }
}

/// What was replaced stays so.
fn lose(state: &mut Held, now: Held) -> bool {
    let news = !matches!(state, Held::Replaced(_)) && *state != now;
    if news {
        *state = now;
    }
    news
}

async fn try_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock(7089074232280182376)").fetch_one(connection).await
}

/// Owner and description, as they stand in the table.
async fn named(connection: &mut PgConnection) -> Result<(String, String), sqlx::Error> {
    sqlx::query_as("SELECT owner, description FROM holder").fetch_one(connection).await
}

/// PostgreSQL 15.
const OLDEST: u32 = 150_000;

/// How long claiming may take, with the migrations.
const CLAIM_LIMIT: Duration = Duration::from_mins(10);

/// How often the connection is looked at, and a lost lock is tried.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the server may take to answer that.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// Tries at the start, a tenth of a pause apart.
const GRACE: u32 = 10;

const UNKNOWN: &str = "it does not say which";

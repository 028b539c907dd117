//! [`Holder`]: what this process has of a PostgreSQL database. Several bastions share one, each as an instance with a
//! lease of its own; a copy has it alone.
//!
//! Both have a lock in a session of the server, on a connection of its own: shared between instances, and exclusive for
//! a copy (and for a bastion from before there were instances). An instance writes itself down in the table `instances`
//! and renews its lease on that connection, so that it has no lease without the lock. When the connection breaks, it
//! tries another; when the lease has run out by its own clock, or somebody else has taken over, the instance is dead for
//! good, and this process comes back as another one. Each transaction looks at the lease under the lock that all
//! writers take (`writer`): whoever was declared dead changes nothing any more.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, migrate::MigrateError, postgres::PgConnectOptions};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::{
    StoreError,
    dialect::in_short,
    instances::{self, Registered},
    migrations,
};
use crate::store::{Entry, InstanceId, Lease};

/// What this process has of the database.
#[derive(Debug)]
pub(super) struct Holder {
    place: String,
    options: PgConnectOptions,
    lease: Lease,
    /// The instance that it is now; none for a copy.
    instance: watch::Receiver<Option<InstanceId>>,
    silence: Option<Duration>,
    /// They keep the connection and the lease; they end with this value.
    keepers: Mutex<Vec<JoinHandle<()>>>,
}

/// As what a process comes.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// As the only one; what others read of it.
    Alone(String),
    /// As one of several.
    Instance(Entry),
}

impl Holder {
    /// Takes the lock, brings the schema up to date, and gets a lease.
    pub(super) async fn claim(options: PgConnectOptions, place: &str, role: Role) -> Result<Self, StoreError> {
        let claim = Claim { options: options.clone(), place: place.to_owned() };
        let claimed = timeout(CLAIM_LIMIT, claim.at_start(&role)).await;
        let (connection, since, id) = claimed.unwrap_or(Err(StoreError::Deadline(CLAIM_LIMIT)))?;
        let (instance, is) = watch::channel(id);
        let silence = match &role {
            Role::Alone(_) => None,
            Role::Instance(entry) => Some(entry.lease),
        };
        let (lease, keepers) = match role {
            Role::Alone(_) => {
                let lease = Lease::for_ever();
                (lease.clone(), vec![tokio::spawn(stay_connected(connection, lease))])
            }
            Role::Instance(entry) => {
                let lease = Lease::until(since + trusted(entry.lease));
                let keeper = Keeper { claim, entry, lease: lease.clone(), instance, connection: Some(connection) };
                (lease.clone(), vec![tokio::spawn(keeper.run()), tokio::spawn(lease.expire())])
            }
        };
        Ok(Self { place: place.to_owned(), options, lease, instance: is, silence, keepers: Mutex::new(keepers) })
    }

    /// Whether anything may be written now.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.lease.check().map_err(|reason| StoreError::NotHeld { place: self.place.clone(), reason })
    }

    /// The lease; of a copy one that ends with its connection only.
    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The instance that this process is now.
    pub(super) fn instance(&self) -> Option<InstanceId> {
        *self.instance.borrow()
    }

    /// The same, as it changes.
    pub(super) fn follow_instance(&self) -> watch::Receiver<Option<InstanceId>> {
        self.instance.clone()
    }

    /// For how long nothing can be heard of this instance itself while all is well; nothing is heard of a copy.
    pub(super) fn silence(&self) -> Option<Duration> {
        self.silence
    }

    /// Somebody has declared this instance dead.
    pub(super) fn replaced(&self) -> StoreError {
        self.lease.lose(REPLACED);
        StoreError::NotHeld { place: self.place.clone(), reason: REPLACED.to_owned() }
    }

    /// Lets the database go: others need not wait for the end of the lease.
    pub(super) async fn release(&self) {
        let keepers = std::mem::take(&mut *self.keepers.lock().unwrap_or_else(PoisonError::into_inner));
        if keepers.is_empty() {
            return;
        }
        for keeper in keepers {
            keeper.abort();
            // Its connection is closed with it.
            let _ = keeper.await;
        }
        if let Some(id) = self.instance() {
            let release = async {
                let mut connection = self.options.connect().await?;
                instances::end_lease(&mut connection, id).await?;
                connection.close().await
            };
            match timeout(RELEASE_LIMIT, release).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "the lease was left to run out"),
                Err(_) => tracing::debug!("the lease was left to run out: the database does not answer"),
            }
        }
        self.lease.lose("it was given up");
    }
}

/// For tests: what is left when the process is gone.
#[cfg(test)]
impl Holder {
    /// Nobody renews the lease any more.
    pub(super) fn abort_for_test(&self) {
        for keeper in self.keepers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            keeper.abort();
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        for keeper in self.keepers.get_mut().unwrap_or_else(PoisonError::into_inner) {
            keeper.abort();
        }
    }
}

/// Which database it is, and how it is reached.
#[derive(Debug)]
struct Claim {
    options: PgConnectOptions,
    /// For people.
    place: String,
}

impl Claim {
    /// Connects, locks, brings the schema up to date and writes down who is here. Says since when a lease counts.
    async fn at_start(&self, role: &Role) -> Result<(PgConnection, Instant, Option<InstanceId>), StoreError> {
        let connected = self.options.connect().await;
        let mut connection = connected.map_err(|error| StoreError::connecting(&self.place, error))?;
        let version = connection.server_version_num().unwrap_or_default();
        if version < OLDEST {
            return Err(StoreError::TooOld { place: self.place.clone(), version: version / 10_000 });
        }
        // A server needs a moment to see that a process is gone.
        let mut tries = 0;
        while !try_lock(&mut connection, role).await.map_err(StoreError::Unavailable)? {
            tries += 1;
            if tries > GRACE {
                return Err(self.taken(other(&mut connection, role).await));
            }
            tokio::time::sleep(PAUSE / 10).await;
        }
        // Of several that start at once one does it, and the others wait for it.
        if let Err(error) = migrations::postgres().run(&mut connection).await {
            if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
                return Err(StoreError::connecting(&self.place, error));
            }
            return Err(StoreError::Migrate(error));
        }
        let since = Instant::now();
        let id = match role {
            Role::Alone(description) => {
                // One that does not reach the server now may come back to its lease.
                if let Some(other) = instances::live(&mut connection).await.map_err(StoreError::Unavailable)? {
                    return Err(self.taken(format!("another bastion ({other})")));
                }
                name_holder(&mut connection, description).await.map_err(StoreError::Unavailable)?;
                None
            }
            Role::Instance(entry) => Some(self.register(&mut connection, entry).await?),
        };
        Ok((connection, since, id))
    }

    /// A new instance, if it has the keys that the others have.
    async fn register(&self, connection: &mut PgConnection, entry: &Entry) -> Result<InstanceId, StoreError> {
        match instances::register(connection, InstanceId::new(), entry).await.map_err(StoreError::Unavailable)? {
            Registered::Now(id) => Ok(id),
            Registered::OtherKey { key, other } => Err(StoreError::OtherKeys { place: self.place.clone(), key, other }),
        }
    }

    fn taken(&self, other: String) -> StoreError {
        StoreError::Taken { place: self.place.clone(), other }
    }
}

/// Keeps an instance's lock and lease.
struct Keeper {
    claim: Claim,
    entry: Entry,
    lease: Lease,
    instance: watch::Sender<Option<InstanceId>>,
    connection: Option<PgConnection>,
}

impl Keeper {
    async fn run(mut self) {
        let renewal = renewal(self.entry.lease);
        loop {
            tokio::time::sleep(if self.connection.is_some() { renewal } else { renewal.min(PAUSE) }).await;
            let tried = timeout(self.entry.lease / 3, self.renew()).await;
            let failed = match tried {
                Ok(Ok(())) => continue,
                Ok(Err(reason)) => reason,
                Err(_) => "the database server does not answer".to_owned(),
            };
            tracing::warn!(database = self.claim.place, reason = failed, "the lease of the database was not renewed");
            // Its place on the server may still have the lock: it must not be there when that is tried.
            self.connection = None;
        }
    }

    /// Renews the lease, on another connection where the last one is lost; or gets a new one.
    async fn renew(&mut self) -> Result<(), String> {
        let short = |error: sqlx::Error| in_short(&error).to_owned();
        let connection = match self.connection.take() {
            Some(connection) => self.connection.insert(connection),
            None => {
                let mut connection = self.claim.options.connect().await.map_err(short)?;
                let role = Role::Instance(self.entry.clone());
                if !try_lock(&mut connection, &role).await.map_err(short)? {
                    return Err("the database is being copied".to_owned());
                }
                self.connection.insert(connection)
            }
        };
        let since = Instant::now();
        let until = since + trusted(self.entry.lease);
        let current = *self.instance.borrow();
        if let Some(id) = current
            && self.lease.check().is_ok()
        {
            if instances::renew(connection, id, self.entry.lease).await.map_err(short)? {
                self.lease.extend(until);
                return Ok(());
            }
            self.lease.lose(REPLACED);
        }
        match instances::register(connection, InstanceId::new(), &self.entry).await.map_err(short)? {
            Registered::Now(id) => {
                tracing::info!(database = self.claim.place, instance = %id, "a lease of the database was got again");
                self.instance.send_replace(Some(id));
                self.lease.begin(until);
                Ok(())
            }
            Registered::OtherKey { key, other } => Err(format!("{key} is not that of {other}")),
        }
    }
}

/// Sees that a connection is there.
async fn stay_connected(mut connection: PgConnection, lease: Lease) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if !matches!(timeout(ANSWER_LIMIT, connection.ping()).await, Ok(Ok(()))) {
            return lease.lose("the connection to the database server was lost");
        }
    }
}

/// How long after it was asked for a lease counts here: shorter than for the database and all others.
fn trusted(lease: Duration) -> Duration {
    lease - lease / 5
}

/// How often a lease is renewed.
pub(super) fn renewal(lease: Duration) -> Duration {
    lease / 5
}

async fn try_lock(connection: &mut PgConnection, role: &Role) -> Result<bool, sqlx::Error> {
    let query = match role {
        Role::Alone(_) => "SELECT pg_try_advisory_lock(7089074232280182376)",
        Role::Instance(_) => "SELECT pg_try_advisory_lock_shared(7089074232280182376)",
    };
    sqlx::query_scalar(query).fetch_one(connection).await
}

/// Who has the database, for people.
async fn other(connection: &mut PgConnection, role: &Role) -> String {
    let found = match role {
        Role::Alone(_) => {
            instances::live(connection).await.map(|found| found.map(|of| format!("another bastion ({of})")))
        }
        Role::Instance(_) => {
            let query = sqlx::query_scalar("SELECT description FROM holder");
            query.fetch_optional(connection).await
        }
    };
    found.ok().flatten().unwrap_or_else(|| UNKNOWN.to_owned())
}

async fn name_holder(connection: &mut PgConnection, description: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO holder (place, owner, description) VALUES (1, '', $1) \
         ON CONFLICT (place) DO UPDATE SET owner = excluded.owner, description = excluded.description",
    )
    .bind(description)
    .execute(connection)
    .await
    .map(drop)
}

/// PostgreSQL 15.
const OLDEST: u32 = 150_000;

/// How long claiming may take, with the migrations.
const CLAIM_LIMIT: Duration = Duration::from_mins(10);

/// How often a connection is looked at, and a lost lock is tried.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the server may take to answer that.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// How long a stop waits for the server to hear of it.
const RELEASE_LIMIT: Duration = Duration::from_secs(2);

/// Tries at the start, a tenth of a pause apart.
const GRACE: u32 = 10;

const UNKNOWN: &str = "somebody else, and it does not say who";

const REPLACED: &str = "others have declared this instance dead, because the database had not heard from it";

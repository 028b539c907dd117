//! Instances: the bastions that share one database, as it knows them.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

/// Names an instance from when it gets a lease until it loses that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Uuid);

/// What an instance says of itself when it comes.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// What others read of it: its process and addresses.
    pub description: String,
    /// How long its lease is.
    pub lease: Duration,
    /// The fingerprints of the keys that all instances must have alike, by their names.
    pub keys: BTreeMap<String, String>,
}

/// An instance whose lease has run out, and which is this one's to clear up after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadInstance {
    /// Its name.
    pub id: InstanceId,
    /// What it said of itself.
    pub description: String,
    /// When it was last heard of.
    pub last_heard: Timestamp,
}

/// Whose sessions and requests are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Those of an instance.
    Instance(InstanceId),
    /// Those that no instance has: what a bastion left that shared its database with nobody. In a SQLite file, all.
    Nobody,
}

impl InstanceId {
    /// A new id.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for InstanceId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for InstanceId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

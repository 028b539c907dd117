//! How several bastions share one PostgreSQL database.

use std::time::Duration;

use crate::{
    reader::{Field, Read},
    value,
};

/// What an instance promises the others, and what it expects of them. Of no meaning on SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instances {
    /// An instance from which the database has not heard for so long is dead: the others take over what it left. One
    /// that cannot reach the database ends its sessions a little earlier.
    pub lease: Duration,
    /// For how long after SIGTERM an instance says in `/readyz` that it is draining, and serves everybody all the same,
    /// so that a balancer sends nobody here any more before anybody is refused.
    pub drain_notice: Duration,
}

impl Default for Instances {
    fn default() -> Self {
        Self { lease: Duration::from_secs(15), drain_notice: Duration::from_secs(10) }
    }
}

impl Instances {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        let default = Self::default();
        // Shorter than a second, and a busy database ends sessions.
        let lease = value::duration(Duration::from_secs(1)..=Duration::from_mins(10));
        let notice = value::duration(Duration::ZERO..=Duration::from_mins(2));
        field.table("a mapping such as { lease: 15s }", |instances| {
            Ok(Self {
                lease: instances.or("lease", default.lease, lease),
                drain_notice: instances.or("drain_notice", default.drain_notice, notice),
            })
        })
    }
}

//! How long audit events are kept.

use std::time::Duration;

use crate::{
    reader::{Field, Read},
    value,
};

/// The audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// How long events are kept.
    pub keep: Duration,
    /// The operator is warned when the database is larger.
    pub warn_above: u64,
}

impl Audit {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping such as { keep_days: 400 }", |audit| {
            let days = audit.or("keep_days", DAYS, |f| f.count(MOST_DAYS));
            let days = u64::try_from(days).unwrap_or(u64::MAX);
            Ok(Self {
                keep: Duration::from_secs(days.saturating_mul(24 * 60 * 60)),
                warn_above: audit.or("warn_above", 20 << 30, value::size),
            })
        })
    }
}

/// A year, which is what auditors ask about, and a month to ask in.
const DAYS: usize = 400;

/// A hundred years: for good.
const MOST_DAYS: usize = 36_500;

//! How long a session may last: as long as its login, and by limits of its own.

use std::time::Duration;

use crate::{
    reader::{Field, Read},
    value,
};

/// What ends a session that would go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLimits {
    /// Whether an SSH session ends with the login under which it was started. None starts after it, in any case.
    pub end_with_login: bool,
    /// How long before its end a session in a terminal is told of it.
    pub warning: Duration,
    /// How long nothing may pass in either direction; for ever where there is none.
    pub idle_timeout: Option<Duration>,
    /// How long a session may last at most; for ever where there is none.
    pub max_duration: Option<Duration>,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { end_with_login: true, warning: Duration::from_mins(5), idle_timeout: None, max_duration: None }
    }
}

impl SessionLimits {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        let default = Self::default();
        // A year is as good as for ever.
        let limit = || value::duration(Duration::from_secs(1)..=Duration::from_hours(366 * 24));
        let warning = value::duration(Duration::ZERO..=Duration::from_hours(1));
        field.table("a mapping such as { idle_timeout: 30m }", |sessions| {
            Ok(Self {
                end_with_login: sessions.or("end_with_login", default.end_with_login, Field::boolean),
                warning: sessions.or("warning", default.warning, warning),
                idle_timeout: sessions.optional("idle_timeout", limit()),
                max_duration: sessions.optional("max_duration", limit()),
            })
        })
    }
}

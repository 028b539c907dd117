//! What the bastion logs for its operators, and how.

use crate::{
    reader::{Field, Read},
    value,
};

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// The filter: a level, or `level,module=level,…`.
    pub log: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

impl Telemetry {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping such as { log: info, format: text }", |telemetry| {
            Ok(Self {
                log: telemetry.or(
                    "log",
                    "info".to_owned(),
                    value::line("a log filter such as info or warn,bastion=debug"),
                ),
                format: telemetry.or("format", LogFormat::Text, |format| {
                    format.choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)])
                }),
            })
        })
    }
}

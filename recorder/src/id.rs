//! Identifiers of sessions, and the object keys that follow from them.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, tz::TimeZone};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The identifier of a session and of its recording: a UUIDv7 (RFC 9562 §5.7), made by the bastion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new identifier that sorts by its time of creation.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// When it was made; the epoch for an identifier that is not a UUIDv7.
    #[must_use]
    pub fn made_at(&self) -> Timestamp {
        let since_epoch = self.0.get_timestamp().map_or((0, 0), |time| time.to_unix());
        let seconds = i64::try_from(since_epoch.0).unwrap_or_default();
        Timestamp::new(seconds, i32::try_from(since_epoch.1).unwrap_or_default()).unwrap_or_default()
    }
}

/// The keys of a recording's objects. They follow from the identifier alone, so that nobody who
/// chooses a name or a command chooses a key:
///
/// ```text
/// <prefix>/recordings/<yyyy>/<mm>/<dd>/<session-id>/parts/00000000.cast …   while the session runs
///                                                   /session.cast           at the end: all of it
///                                                   /manifest.json          last: seals it
/// ```
#[derive(Debug, Clone)]
pub struct RecordingKeys {
    folder: Path,
}

impl RecordingKeys {
    /// The keys under `prefix` for this session.
    #[must_use]
    pub fn new(prefix: &Path, id: SessionId) -> Self {
        let day = id.made_at().to_zoned(TimeZone::UTC).date();
        let folder = prefix
            .clone()
            .join("recordings")
            .join(format!("{:04}", day.year()))
            .join(format!("{:02}", day.month()))
            .join(format!("{:02}", day.day()))
            .join(id.to_string());
        Self { folder }
    }

    /// The whole recording.
    #[must_use]
    pub fn cast(&self) -> Path {
        self.folder.clone().join("session.cast")
    }

    /// The manifest that seals it.
    #[must_use]
    pub fn manifest(&self) -> Path {
        self.folder.clone().join("manifest.json")
    }

    /// The folder of the parts.
    #[must_use]
    pub fn parts(&self) -> Path {
        self.folder.clone().join("parts")
    }

    /// One part.
    #[must_use]
    pub fn part(&self, index: u32) -> Path {
        self.parts().join(format!("{index:08}.cast"))
    }
}

impl Default for SessionId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

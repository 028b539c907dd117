//! What the store keeps of a session.

pub use api::sessions::{SessionEnd, SessionKind};
use config::{Login, TargetName, UserName};
use jiff::Timestamp;
use policy::approval::Person;
use recorder::SessionId;

/// One session. The row is written at the start and completed at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its identifier, also its recording's.
    pub id: SessionId,
    /// Who. Unknown of some sessions from before this was kept: nobody owns those.
    pub person: Option<Person>,
    /// The name they had.
    pub user: UserName,
    /// On which target.
    pub target: TargetName,
    /// As which account there.
    pub login: Login,
    /// What it runs.
    pub kind: SessionKind,
    /// The command of an exec request, masked; `None` for a shell.
    pub command: Option<String>,
    /// Whether it has a terminal.
    pub pty: bool,
    /// Where the user came from (`ip:port`).
    pub source: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// How it ended; `None` while it runs.
    pub end: Option<SessionEnd>,
    /// Bytes of output (stdout and stderr) that the target sent.
    pub output_bytes: u64,
}

//! What the store keeps of a session.

use config::{Login, TargetName, UserName};
use jiff::Timestamp;
use policy::approval::Person;
use recorder::SessionId;
use serde::{Deserialize, Serialize};

/// What a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// What runs in a container already.
    Attach,
    /// One command.
    Exec,
    /// The sftp subsystem.
    Sftp,
    /// An interactive shell.
    Shell,
}

impl SessionKind {
    /// The word that stands for it in JSON and in recordings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Exec => "exec",
            Self::Sftp => "sftp",
            Self::Shell => "shell",
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum SessionEnd {
    /// The bastion stopped without ending it (crash, `kill -9`); found at the next start.
    CutOff,
    /// The program ended by itself with this status.
    Exited {
        /// Its exit status.
        status: u32,
    },
    /// The bastion ended it.
    Terminated {
        /// Why, in words for the user.
        reason: String,
    },
    /// The program was ended by a signal.
    Signalled {
        /// The signal's name without `SIG` (RFC 4254 §6.10).
        signal: String,
    },
    /// The user's or the target's connection went away first.
    Disconnected {
        /// Which one, in words.
        reason: String,
    },
}

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

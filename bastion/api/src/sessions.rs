//! Sessions, and where their recordings are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::SubjectId,
    open::{Open, words},
};

/// A session.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionItem {
    /// Its identifier, also its recording's.
    pub id: String,
    /// Whose; unknown of some sessions from before this was kept.
    #[schema(required)]
    pub person: Option<SubjectId>,
    /// The name they had.
    pub user: String,
    /// On which target.
    pub target: String,
    /// The account on the target.
    pub login: String,
    /// What it runs.
    #[schema(value_type = SessionKind)]
    pub kind: Open<SessionKind>,
    /// The command of an exec request, masked.
    #[schema(required)]
    pub command: Option<String>,
    /// Whether it has a terminal.
    #[serde(default)]
    #[schema(required)]
    pub pty: bool,
    /// Where the user came from.
    #[serde(default)]
    #[schema(required)]
    pub source: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Null while it runs.
    #[schema(required)]
    pub ended_at: Option<Timestamp>,
    /// Null while it runs.
    #[schema(required, value_type = Option<SessionEnd>)]
    pub end: Option<Open<SessionEnd>>,
    /// Bytes of output that the target sent.
    #[serde(default)]
    #[schema(required)]
    pub output_bytes: u64,
    /// Its recording.
    #[serde(default)]
    #[schema(required)]
    pub recording: RecordingLink,
}

/// Where a recording is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct RecordingLink {
    /// On this host.
    pub url: String,
}

/// What a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

words!(SessionKind { Attach = "attach", Exec = "exec", Sftp = "sftp", Shell = "shell" });

//! [`Voice`]: what the bastion itself says to a user before a program runs: a line for people, or a JSON
//! object for `bastion run`, which asks for it with the environment variable `BASTION_EVENTS=1`.
//!
//! The JSON lines begin with RS (0x1e, as in RFC 7464) and `BASTION `. A target could write such lines too, so
//! none is believed after the one that says that the program has started.

use bytes::Bytes;
use config::{RuleName, UserName};
use jiff::Timestamp;
use recorder::{ExitStatus, SessionId};
use serde::Serialize;

use super::{leg::UserWriter, terminal::OutputStream};
use crate::approval::ApprovalId;

/// Exit status of a session that could not start because something is down; `ssh` uses the same for its own failures.
pub const UNAVAILABLE: u32 = 255;

/// Exit status of a session that is not allowed.
pub const REFUSED: u32 = 1;

/// Exit status of a command that a rule blocks, or that people deny.
pub const BLOCKED: u32 = 5;

/// Exit status of a command that nobody approved in time.
pub const UNAPPROVED: u32 = 4;

/// How a user's side wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// In JSON, a line each.
    Events,
    /// In words.
    Words,
}

/// What is said.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Said {
    /// Other people approved it.
    Approved {
        /// Who.
        by: Vec<UserName>,
    },
    /// It does not run.
    Blocked {
        /// The rule that decided, if one did.
        rule: Option<RuleName>,
        /// Why, and what to do.
        message: String,
        /// The approval that was not given.
        approval: Option<ApprovalId>,
    },
    /// The program runs now.
    Started {
        /// In this session.
        session: SessionId,
    },
    /// It waits for other people.
    WaitingApproval {
        /// What they decide on.
        approval: ApprovalId,
        /// The rule that asks for it.
        rule: Option<RuleName>,
        /// Why, who can approve it, and where.
        message: String,
        /// When it is refused if nobody decides.
        expires_at: Timestamp,
    },
}

impl Voice {
    /// The voice for a channel that asked for events, or did not.
    #[must_use]
    pub fn of(events: bool) -> Self {
        if events { Self::Events } else { Self::Words }
    }

    /// Says it. The user may be gone; then there is nobody to tell.
    pub async fn say<W: UserWriter>(self, user: &W, said: &Said) {
        let line = match self {
            Self::Events => serde_json::to_string(said).map(|json| format!("\x1eBASTION {json}\n")).unwrap_or_default(),
            Self::Words => match said {
                Said::Approved { by } => format!("bastion: {}\r\n", approved(by)),
                Said::Blocked { message, .. } | Said::WaitingApproval { message, .. } => {
                    format!("bastion: {message}\r\n")
                }
                Said::Started { .. } => return,
            },
        };
        let _ = user.output(OutputStream::Stderr, Bytes::from(line)).await;
    }

    /// Says why nothing runs, and closes the channel.
    pub async fn refuse<W: UserWriter>(self, user: &W, said: &Said, status: u32) {
        self.say(user, said).await;
        let _ = user.exit(ExitStatus::Code(status)).await;
        let _ = user.eof().await;
        let _ = user.close().await;
    }
}

/// What a user reads whose request was approved.
#[must_use]
pub fn approved(by: &[UserName]) -> String {
    format!("approved by {}", by.iter().map(UserName::as_str).collect::<Vec<_>>().join(", "))
}

//! [`Voice`]: what the bastion itself says to a user before a program runs: a line for people, or a JSON
//! object for `bastion run`, which asks for it with the environment variable `BASTION_EVENTS=1`.
//!
//! The JSON lines begin with RS (0x1e, as in RFC 7464) and `BASTION `. A target could write such lines too, so
//! none is believed after the one that says that the program has started.

use api::id::ApprovalId;
use api::refusal::Refusal;
use bytes::Bytes;
use config::{RuleName, UserName};
use jiff::Timestamp;
use recorder::SessionId;
use serde::Serialize;

use super::{leg::UserWriter, terminal::OutputStream};

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
    Blocked(Refusal),
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

    /// It in the form that the user reads; nothing where people see it by themselves.
    #[must_use]
    pub fn line(self, said: &Said) -> Bytes {
        Bytes::from(match (self, said) {
            (Self::Events, _) => {
                serde_json::to_string(said).map(|json| format!("\x1eBASTION {json}\n")).unwrap_or_default()
            }
            (Self::Words, Said::Approved { by }) => format!("bastion: {}\r\n", approved(by)),
            (Self::Words, Said::Blocked(Refusal { message, .. }) | Said::WaitingApproval { message, .. }) => {
                format!("bastion: {message}\r\n")
            }
            (Self::Words, Said::Started { .. }) => String::new(),
        })
    }
}

/// Says something to the user, who may be gone; then there is nobody to tell.
pub async fn say<W: UserWriter>(user: &W, said: &Said) {
    let line = user.voice().line(said);
    if !line.is_empty() {
        let _ = user.output(OutputStream::Stderr, line).await;
    }
}

/// What a user reads whose request was approved.
#[must_use]
pub fn approved(by: &[UserName]) -> String {
    format!("approved by {}", by.iter().map(UserName::as_str).collect::<Vec<_>>().join(", "))
}

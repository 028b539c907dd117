//! [`Voice`]: what the bastion itself says to a user before a program runs: a line for people, or a JSON
//! object for `bastion run`, which asks for it with the environment variable `BASTION_EVENTS=1`.

use api::events::Event;
use bytes::Bytes;
use config::UserName;

use super::{leg::UserWriter, terminal::OutputStream};

/// How a user's side wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// In JSON, a line each.
    Events,
    /// In words.
    Words,
}

impl Voice {
    /// The voice for a channel that asked for events, or did not.
    #[must_use]
    pub fn of(events: bool) -> Self {
        if events { Self::Events } else { Self::Words }
    }

    /// It in the form that the user reads; nothing where people see it by themselves.
    #[must_use]
    pub fn line(self, said: &Event) -> Bytes {
        Bytes::from(match (self, said) {
            (Self::Events, _) => said.line(),
            (Self::Words, Event::Approved { by }) => format!("bastion: approved by {}\r\n", by.join(", ")),
            (Self::Words, Event::Blocked { message, .. } | Event::WaitingApproval { message, .. }) => {
                format!("bastion: {message}\r\n")
            }
            (Self::Words, Event::Started { .. }) => String::new(),
        })
    }
}

/// Says something to the user, who may be gone; then there is nobody to tell.
pub async fn say<W: UserWriter>(user: &W, said: &Event) {
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

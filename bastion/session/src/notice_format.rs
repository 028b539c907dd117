//! [`NoticeFormat`]: what the bastion itself says to a user before a program runs: a line for people, or a JSON
//! object for `bastion run`, which asks for it with the environment variable `BASTION_EVENTS=1`.

use api::events::Event;
use bytes::Bytes;
use config::UserName;

/// How a user's side wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeFormat {
    /// In JSON, a line each.
    Events,
    /// In words.
    Words,
}

impl NoticeFormat {
    /// The format for a channel that asked for events, or did not.
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

/// What a user reads whose request was approved.
#[must_use]
pub fn approved(by: &[UserName]) -> String {
    format!("approved by {}", by.iter().map(UserName::as_str).collect::<Vec<_>>().join(", "))
}

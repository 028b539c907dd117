//! [`Event`]: what the bastion says in a channel of `bastion run`, before the program runs.
//!
//! Who asks for it with `BASTION_EVENTS=1` in the channel's environment gets it as lines of stderr:
//!
//! ```text
//! RS "BASTION " JSON LF          RS = 0x1e (as in RFC 7464), at the start of a line only
//! ```
//!
//! A target could write such lines too, so none is believed after [`Event::Started`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::ApprovalId,
    open::Open,
    refusal::{ReasonCode, Refusal},
};

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Other people approved it.
    Approved {
        /// Who.
        #[serde(default)]
        by: Vec<String>,
    },
    /// It does not run.
    Blocked {
        /// What said no; older bastions do not say.
        code: Option<Open<ReasonCode>>,
        /// The rule that decided, if one did.
        rule: Option<String>,
        /// Why, in words for the user, and what to do.
        message: String,
        /// The approval that was not given.
        approval: Option<ApprovalId>,
    },
    /// The program runs now.
    Started {
        /// In this session.
        session: Option<String>,
    },
    /// It waits for other people.
    WaitingApproval {
        /// What they decide on.
        approval: ApprovalId,
        /// The rule that asks for it.
        rule: Option<String>,
        /// Why, who can approve it, and where.
        message: String,
        /// When it is refused if nobody decides.
        expires_at: Option<Timestamp>,
    },
}

impl Event {
    /// It as a line of stderr.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).map(|json| format!("{MARKER}{json}\n")).unwrap_or_default()
    }

    /// What a line of stderr says, if it is one of these.
    #[must_use]
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line.strip_prefix(MARKER.as_bytes())?).ok()
    }
}

impl From<Refusal> for Event {
    fn from(refusal: Refusal) -> Self {
        Self::Blocked {
            code: Some(refusal.reason.into()),
            rule: refusal.rule.map(Into::into),
            message: refusal.message,
            approval: refusal.approval,
        }
    }
}

/// What such a line begins with.
pub const MARKER: &str = "\x1eBASTION ";

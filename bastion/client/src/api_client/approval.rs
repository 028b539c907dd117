//! The messages about approvals and access for a time.

use api::id::ApprovalId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::User;

/// Something that waits, or waited, for people.
#[derive(Debug, Clone, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// What for: a command, a session, access for a time.
    pub kind: String,
    /// What became of it.
    pub state: ApprovalState,
    /// Who asks.
    pub requester: User,
    /// Where.
    pub target: String,
    /// As which account.
    pub login: String,
    /// In which session.
    #[serde(default)]
    pub session: Option<String>,
    /// The rule that asks for approval.
    #[serde(default)]
    pub rule: Option<String>,
    /// Why it needs approval, in the server's words.
    #[serde(default)]
    pub because: String,
    /// The exact command, its control characters made visible.
    #[serde(default)]
    pub command: Option<String>,
    /// The same, part by part.
    #[serde(default)]
    pub act: Option<Act>,
    /// What the command was read as.
    #[serde(default)]
    pub commands: Vec<String>,
    /// What the requester saw, masked.
    #[serde(default)]
    pub screen: Option<String>,
    /// Why the requester wants it.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whose approval is needed.
    pub needed: Needed,
    /// The votes so far.
    #[serde(default)]
    pub votes: Vec<Vote>,
    /// How far an approval reaches.
    #[serde(default)]
    pub scope: Option<Scope>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it counts as refused.
    pub expires_at: Timestamp,
    /// Whether the one who asks the server may vote.
    #[serde(default)]
    pub may_decide: bool,
    /// Its page in the console.
    #[serde(default)]
    pub url: Option<String>,
}

impl Approval {
    /// How many more people have to approve.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.needed.count.saturating_sub(self.votes.iter().filter(|vote| vote.approve).count())
    }
}

/// What is asked for, part by part.
#[derive(Debug, Clone, Deserialize)]
pub struct Act {
    /// What it is: a command string, the words of a call, a typed line.
    pub kind: String,
    /// The words of it.
    #[serde(default)]
    pub words: Vec<String>,
    /// What it reads.
    pub stdin: Stdin,
    /// What the terminal understands, where there is one.
    #[serde(default)]
    pub terminal: Option<String>,
    /// In which container.
    #[serde(default)]
    pub container: Option<String>,
    /// The environment that the target is asked to set.
    #[serde(default)]
    pub env: Vec<EnvVariable>,
}

/// What is read on standard input.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Stdin {
    /// Exactly this.
    Given {
        /// The text, its control characters made visible.
        text: String,
    },
    /// Whatever is sent while it runs.
    Live,
    /// Nothing.
    None,
}

/// An environment variable.
#[derive(Debug, Clone, Deserialize)]
pub struct EnvVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What became of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Enough people approved.
    Approved,
    /// The requester took it back, or went away.
    Cancelled,
    /// Somebody denied it.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// It waits.
    Pending,
}

impl ApprovalState {
    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Pending => "pending",
        }
    }
}

/// Whose approval is needed.
#[derive(Debug, Clone, Deserialize)]
pub struct Needed {
    /// Members of any of these groups.
    pub groups: Vec<String>,
    /// How many of them.
    pub count: usize,
}

/// One person's vote.
#[derive(Debug, Clone, Deserialize)]
pub struct Vote {
    /// Who.
    pub by: String,
    /// For or against.
    pub approve: bool,
    /// What they said.
    #[serde(default)]
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// How far an approval reaches.
#[derive(Debug, Clone, Deserialize)]
pub struct Scope {
    /// Once, the session, or for a time.
    pub scope: String,
    /// The end of that time.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Access for a time that one has.
#[derive(Debug, Clone, Deserialize)]
pub struct Access {
    /// The approval that gave it.
    pub id: String,
    /// Who has it.
    pub user: String,
    /// Where.
    pub target: String,
    /// As which account.
    pub login: String,
    /// Until when.
    pub until: Timestamp,
}

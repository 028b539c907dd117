//! Requests for approval, and votes on them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{ApprovalId, SubjectId},
    open::{Open, words},
};

/// A request for an approval.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// Its name.
    #[schema(value_type = String)]
    pub id: ApprovalId,
    /// What is asked for.
    #[schema(value_type = ApprovalKind)]
    pub kind: Open<ApprovalKind>,
    /// Where it stands.
    pub state: ApprovalState,
    /// Who asks.
    pub requester: Requester,
    /// On which target.
    pub target: String,
    /// The account on the target.
    pub login: String,
    /// The session, if it had started.
    #[schema(required)]
    pub session: Option<String>,
    /// The rule or role that asks for the approval.
    #[schema(required)]
    pub rule: Option<String>,
    /// Why it needs one.
    #[serde(default)]
    #[schema(required)]
    pub because: String,
    /// What will run, masked; whatever would not be shown as what it is is named between `⟨` and `⟩`. What it reads is
    /// in `act`.
    #[schema(required)]
    pub command: Option<String>,
    /// The same, part by part; unknown of requests from before the parts were kept apart.
    #[schema(required)]
    pub act: Option<ActView>,
    /// The same, parsed: what each command would run.
    #[serde(default)]
    #[schema(required)]
    pub commands: Vec<String>,
    /// The requester's screen, masked.
    #[schema(required)]
    pub screen: Option<String>,
    /// The requester's reason.
    #[schema(required)]
    pub reason: Option<String>,
    /// For how many seconds access is asked for.
    #[schema(required)]
    pub lasting_seconds: Option<u64>,
    /// Whose votes it takes.
    pub needed: NeededView,
    /// The votes, in their order.
    #[serde(default)]
    #[schema(required)]
    pub votes: Vec<VoteView>,
    /// How far it was approved.
    #[schema(required)]
    pub scope: Option<ScopeView>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it is refused if nobody decides.
    pub expires_at: Timestamp,
    /// When it was decided.
    #[schema(required)]
    pub decided_at: Option<Timestamp>,
    /// Why it was cancelled.
    #[schema(required)]
    pub remark: Option<String>,
    /// Whether whoever asks for it may vote on it now; not in deliveries of the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_decide: Option<bool>,
    /// Where people decide on it.
    #[serde(default)]
    #[schema(required)]
    pub url: String,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// Access to a target for a time.
    Access,
    /// A command.
    Command,
    /// A session.
    Session,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Enough people approved.
    Approved,
    /// The requester gave it up, or went away; or the bastion was started anew.
    Cancelled,
    /// Somebody said no.
    Denied,
    /// Its time ran out.
    Expired,
    /// It waits.
    Pending,
}

/// What is asked for, part by part: texts as in `command`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ActView {
    /// What it is: `access`, `argv`, `attach`, `exec`, `line`, `request`, `session`, `shell` or `subsystem`.
    pub kind: String,
    /// `ssh` or `kubernetes`.
    #[serde(default)]
    #[schema(required)]
    pub protocol: String,
    /// One command string, the words of a program's call, a typed line, a method and a path, capabilities.
    #[serde(default)]
    #[schema(required)]
    pub words: Vec<String>,
    /// What it reads on standard input.
    pub stdin: StdinView,
    /// What the terminal understands (`TERM`); null where there is no terminal.
    #[schema(required)]
    pub terminal: Option<String>,
    /// In which container of the pod, where that was said.
    #[schema(required)]
    pub container: Option<String>,
    /// The environment variables that the target is asked to set.
    #[serde(default)]
    #[schema(required)]
    pub env: Vec<EnvView>,
}

/// What is read on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum StdinView {
    /// Exactly this.
    Given {
        /// The text.
        text: String,
    },
    /// Whatever is sent while it runs: nobody has seen that.
    Live,
    /// Nothing.
    None,
}

/// An environment variable.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnvView {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Who asks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Requester {
    /// Who they are to their issuer; older bastions do not say.
    #[schema(required, value_type = SubjectId)]
    pub person: Option<SubjectId>,
    /// The name they had.
    pub name: String,
    /// Their mail address, where the issuer gives one.
    #[schema(required)]
    pub email: Option<String>,
    /// Their groups, as the issuer gave them.
    #[serde(default)]
    #[schema(required)]
    pub groups: Vec<String>,
}

/// Whose votes it takes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NeededView {
    /// Members of any of these groups may vote.
    pub groups: Vec<String>,
    /// How many different people must approve.
    pub count: usize,
}

/// A vote.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VoteView {
    /// Who they are to their issuer; older bastions do not say.
    #[schema(required, value_type = SubjectId)]
    pub person: Option<SubjectId>,
    /// The name they had.
    pub by: String,
    /// Yes or no.
    pub approve: bool,
    /// Words for the requester.
    #[schema(required)]
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// How far an approval goes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ScopeView {
    /// The word for it.
    #[schema(value_type = ScopeWord)]
    pub scope: Open<ScopeWord>,
    /// Until when, where a time was given.
    #[schema(required)]
    pub until: Option<Timestamp>,
}

/// The words for how far an approval goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeWord {
    /// For a time.
    For,
    /// This once.
    #[default]
    Once,
    /// Until the session ends.
    Session,
}

/// A yes.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// How far it goes; once where it is left out.
    #[serde(default)]
    pub scope: ScopeWord,
    /// For scope `for`: for how long, such as `1h`.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Words for the requester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A no.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DenyRequest {
    /// Words for the requester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl ApprovalView {
    /// How many more people have to approve.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.needed.count.saturating_sub(self.votes.iter().filter(|vote| vote.approve).count())
    }
}

words!(ApprovalKind { Access = "access", Command = "command", Session = "session" });
words!(ApprovalState {
    Approved = "approved",
    Cancelled = "cancelled",
    Denied = "denied",
    Expired = "expired",
    Pending = "pending",
});
words!(ScopeWord { For = "for", Once = "once", Session = "session" });

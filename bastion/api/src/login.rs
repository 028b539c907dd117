//! Logins of the command line, and who is logged in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::SubjectId;

/// Begins a login in a browser on this machine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BeginLogin {
    /// `http://127.0.0.1:PORT/callback`
    pub redirect_uri: String,
}

/// A login that was begun.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BegunLogin {
    /// The page to open.
    pub authorization_url: String,
    /// Comes back with the code; to be compared.
    pub state: String,
}

/// What came back to `redirect_uri`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct FinishLogin {
    /// As it was when the login was begun.
    pub state: String,
    /// The issuer's code for the login.
    pub code: String,
}

/// A device login that was begun.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BegunDeviceLogin {
    /// What to poll with.
    pub device_id: String,
    /// What the person enters.
    pub user_code: String,
    /// Where they enter it.
    pub verification_uri: String,
    /// The same with the code in it.
    #[schema(required)]
    pub verification_uri_complete: Option<String>,
    /// Seconds to wait between polls.
    pub interval: u64,
    /// When the code is void.
    pub expires_at: Timestamp,
}

/// Asks whether the person has entered the code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PollDeviceLogin {
    /// Which login.
    pub device_id: String,
}

/// They have not, yet.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct Pending {
    /// Seconds to wait before the next poll.
    pub interval: u64,
}

/// A login.
// It has no `Debug`, because the token is a secret.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct LoginAnswer {
    /// To be sent as `Authorization: Bearer …`.
    pub token: String,
    /// Who logged in.
    pub user: User,
    /// What the issuer calls them, where that is somebody else's name here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<String>,
    /// When the login ends.
    pub expires_at: Timestamp,
}

/// A person, as the issuer describes them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Who they are to their issuer; older bastions do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = SubjectId)]
    pub person: Option<SubjectId>,
    /// The name that they go by here; no two people have the same one.
    pub name: String,
    /// Their mail address, where the issuer gives one.
    #[schema(required)]
    pub email: Option<String>,
    /// Their groups, as the issuer gives them.
    #[serde(default)]
    #[schema(required)]
    pub groups: Vec<String>,
}

/// Who is logged in, and what they may see.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WhoAmI {
    /// Who is logged in.
    pub user: User,
    /// When the login ends.
    pub expires_at: Timestamp,
    /// What changing requests of the console must show as `X-Bastion-CSRF`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
    /// What they may see beyond their own.
    #[serde(default)]
    #[schema(required)]
    pub console: Rights,
}

/// What somebody may see beyond their own.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct Rights {
    /// Everybody's sessions and recordings.
    pub sessions: bool,
    /// The audit log.
    pub audit: bool,
    /// Whose names are, and to release them.
    #[serde(default)]
    #[schema(required)]
    pub names: bool,
}

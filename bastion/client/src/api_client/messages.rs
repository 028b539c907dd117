//! The messages of the HTTP API that commands read. Unknown members are skipped, so that an
//! older command works with a newer server.

use std::collections::BTreeMap;

use api::id::SubjectId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a bastion tells everybody about itself.
#[derive(Debug, Clone, Deserialize)]
pub struct Info {
    /// Where its SSH front listens.
    pub ssh: SshAddress,
    /// Names and addresses that its host certificate is good for.
    pub names: Vec<String>,
    /// The public key that signs host certificates.
    pub host_ca: String,
}

impl Info {
    /// The name by which its host certificate is checked, where that is not the host that is dialled: the
    /// certificate may lack an address that a load balancer answers on.
    #[must_use]
    pub fn host_key_alias(&self) -> Option<&str> {
        self.names.first().filter(|_| !self.names.contains(&self.ssh.host)).map(String::as_str)
    }
}

/// Where an SSH front listens.
#[derive(Debug, Clone, Deserialize)]
pub struct SshAddress {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// The person or robot behind a login.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Who they are to their issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<SubjectId>,
    /// The name in certificates and recordings.
    pub name: String,
    /// E-mail address, where the issuer gave one.
    #[serde(default)]
    pub email: Option<String>,
    /// Groups from the issuer.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A browser login that has begun.
#[derive(Debug, Deserialize)]
pub struct LoginStart {
    /// The issuer's page.
    pub authorization_url: String,
    /// What the callback must carry.
    pub state: String,
}

/// A login. It has no `Debug`, because the token is a secret.
#[derive(Deserialize)]
pub struct Login {
    /// Bearer token.
    pub token: String,
    /// Who logged in.
    pub user: User,
    /// What the issuer calls them, where that is somebody else's name here.
    #[serde(default)]
    pub claimed: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A device login that has begun.
#[derive(Debug, Deserialize)]
pub struct DeviceStart {
    /// Names the attempt in polls.
    pub device_id: String,
    /// The code that the person compares or types.
    pub user_code: String,
    /// The page to open.
    pub verification_uri: String,
    /// The page with the code filled in.
    #[serde(default)]
    pub verification_uri_complete: Option<String>,
    /// Seconds between polls.
    pub interval: u64,
    /// When the code runs out.
    pub expires_at: Timestamp,
}

/// The answer to a poll.
pub enum DevicePoll {
    /// The person has confirmed.
    Done(Login),
    /// Not yet.
    Pending(Interval),
}

/// How long to wait before the next poll.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Interval {
    /// Seconds.
    pub interval: u64,
}

/// An issued SSH certificate.
#[derive(Debug, Deserialize)]
pub struct Certificate {
    /// In OpenSSH's one-line form.
    pub certificate: String,
}

/// Who is logged in.
#[derive(Debug, Deserialize)]
pub struct Whoami {
    /// The person or robot.
    pub user: User,
    /// When the login ends.
    pub expires_at: Timestamp,
}

/// One page of a listing.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The items, as the API gives them: `--output json` passes them on untouched.
    pub items: Vec<serde_json::Value>,
    /// What should stand among them and cannot be read.
    #[serde(default)]
    pub unreadable: Vec<serde_json::Value>,
    /// Asks for the page after this one.
    #[serde(default)]
    pub next: Option<String>,
}

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A Kubernetes cluster.
    Cluster,
    /// A host, over SSH.
    #[default]
    Host,
}

/// A target that one may reach.
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub kind: TargetKind,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Logins that one may use there.
    #[serde(default)]
    pub logins: Vec<String>,
    /// What one may do there.
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// RFC 9457 problem details.
#[derive(Debug, Deserialize)]
pub struct Problem {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    detail: Option<String>,
}

impl Problem {
    /// What it says, the more exact member first.
    #[must_use]
    pub fn into_text(self) -> Option<String> {
        self.detail.or(self.title).filter(|text| !text.trim().is_empty())
    }
}

/// A Kubernetes cluster that the person may reach.
#[derive(Debug, Clone, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What may be done there.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Its API server, as kubectl reaches it.
    pub server: String,
    /// The TLS server name with which it is at the root of the front; none where the certificate covers none.
    #[serde(default)]
    pub tls_server_name: Option<String>,
}

/// A client certificate for Kubernetes clusters.
#[derive(Debug, Clone, Deserialize)]
pub struct ClientCertificate {
    /// The certificate, as PEM.
    pub certificate: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A bearer token for Kubernetes clusters. It has no `Debug`, because it is a secret.
#[derive(Deserialize)]
pub struct KubeToken {
    /// The token.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

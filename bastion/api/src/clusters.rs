//! Kubernetes clusters that somebody may reach.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The clusters that somebody may reach.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Clusters {
    /// In the order of the settings.
    pub items: Vec<ClusterItem>,
}

/// A cluster that somebody may reach.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClusterItem {
    /// Its name.
    pub name: String,
    /// Its labels.
    #[serde(default)]
    #[schema(required)]
    pub labels: BTreeMap<String, String>,
    /// What may be done there now; nothing where access has to be asked for.
    #[serde(default)]
    #[schema(required, example = json!(["api", "exec"]))]
    pub capabilities: Vec<String>,
    /// Its API server, as kubectl reaches it.
    pub server: String,
    /// The TLS server name with which its API server is also at the root of the front, without the path of `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "prod.kube.bastion.example.com")]
    pub tls_server_name: Option<String>,
}

//! Where somebody may go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::open::words;

/// The targets that somebody may reach.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Targets {
    /// Hosts, and then Kubernetes clusters.
    pub items: Vec<TargetItem>,
}

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A Kubernetes cluster: `bastion kubeconfig` sets kubectl up.
    Cluster,
    /// A host, over SSH.
    #[default]
    Host,
}

/// A target that somebody may reach.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TargetItem {
    /// Its name.
    pub name: String,
    /// What it is; a host, to bastions that do not say.
    #[serde(default)]
    #[schema(required)]
    pub kind: TargetKind,
    /// Its labels.
    #[serde(default)]
    #[schema(required)]
    pub labels: BTreeMap<String, String>,
    /// The accounts there that may be used; `*` is any. A cluster has none.
    #[serde(default)]
    #[schema(required)]
    pub logins: Vec<String>,
    /// What may be done there.
    #[serde(default)]
    #[schema(required, example = json!(["shell", "pty"]))]
    pub capabilities: Vec<String>,
}

words!(TargetKind { Cluster = "cluster", Host = "host" });

//! `GET /info`: what everybody may know, so that clients can be set up.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the bastion tells everybody, so that clients can be set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BastionInfo {
    /// Always `bastion`.
    #[serde(default)]
    #[schema(required, example = "bastion")]
    pub name: String,
    /// The version of the program.
    #[serde(default)]
    #[schema(required, example = "0.1.0")]
    pub version: String,
    /// Where SSH is served.
    pub ssh: SshAddress,
    /// Where Kubernetes clusters are served; none where there are no clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube: Option<KubeAddress>,
    /// The bastion's own host names: principals of its host certificate.
    pub names: Vec<String>,
    /// The CA that signs host certificates, as in a `known_hosts` line after `@cert-authority`.
    pub host_ca: String,
    /// The OpenID Connect issuer.
    #[serde(default)]
    #[schema(required)]
    pub issuer: String,
}

/// Where SSH is served, as users reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshAddress {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Where Kubernetes clusters are served, as users reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KubeAddress {
    /// The front's URL; clusters are under `/clusters/NAME`.
    pub url: String,
}

impl BastionInfo {
    /// The name by which its host certificate is checked, where that is not the host that is dialled: the
    /// certificate may lack an address that a load balancer answers on.
    #[must_use]
    pub fn host_key_alias(&self) -> Option<&str> {
        self.names.first().filter(|_| !self.names.contains(&self.ssh.host)).map(String::as_str)
    }
}

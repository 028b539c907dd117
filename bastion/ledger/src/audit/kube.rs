//! What audit events say of Kubernetes: requests, and connections to ports of pods.

use api::refusal::ReasonCode;
use config::{TargetName, UserName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What [`AuditEvent::KubeRequest`](super::AuditEvent::KubeRequest) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KubeRequestEvent {
    /// Who.
    #[schema(value_type = String)]
    pub user: UserName,
    /// Of which cluster.
    #[schema(value_type = String)]
    pub cluster: TargetName,
    /// The verb, as the API server has it.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource; empty for paths such as `/version`.
    pub resource: String,
    /// The subresource.
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The path, where it names no resource.
    pub path: Option<String>,
    /// The status of the answer; none where the user left before it came.
    pub status: Option<u16>,
    /// From the request to the head of the answer.
    pub latency_ms: u64,
    /// Bytes of the request's body that the cluster was sent.
    pub bytes_in: u64,
    /// Bytes of the answer's body that the user was sent.
    pub bytes_out: u64,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Why the bastion refused it.
    pub refused: Option<String>,
    /// What said no, where that has a code.
    #[serde(default)]
    pub code: Option<ReasonCode>,
    /// Why the bastion ended the answer before the cluster or the user did.
    #[serde(default)]
    pub ended: Option<String>,
    /// From where.
    pub source: String,
}

/// What [`AuditEvent::PortOpened`](super::AuditEvent::PortOpened) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortEvent {
    /// Who.
    #[schema(value_type = String)]
    pub user: UserName,
    /// In which cluster.
    #[schema(value_type = String)]
    pub cluster: TargetName,
    /// In which namespace.
    pub namespace: String,
    /// Of which pod.
    pub pod: String,
    /// Which one.
    pub port: u16,
    /// From where.
    pub source: String,
}

/// What [`AuditEvent::PortClosed`](super::AuditEvent::PortClosed) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortClosedEvent {
    /// Whose connection to where.
    #[serde(flatten)]
    pub port: PortEvent,
    /// How long it was open.
    pub duration_ms: u64,
    /// Bytes that the pod was sent.
    pub bytes_in: u64,
    /// Bytes that the user was sent.
    pub bytes_out: u64,
    /// Why it ended, where neither end closed it.
    pub reason: Option<String>,
}

/// What [`AuditEvent::PortRefused`](super::AuditEvent::PortRefused) says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortRefusedEvent {
    /// Whose connection to where.
    #[serde(flatten)]
    pub port: PortEvent,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
    /// What said no.
    #[serde(default)]
    pub code: Option<ReasonCode>,
}

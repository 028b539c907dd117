//! What a role allows on Kubernetes clusters.

use std::time::Duration;

use super::{ACCESS, Approvers, DEFAULT_ACCESS, Obligations, PortRange, TargetSelector, word};
use crate::{
    error::{Located, Location},
    name::GroupName,
    reader::{Field, Read, Table},
    value,
};

/// One grant of a role on Kubernetes clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAllow {
    /// Where it stands.
    pub at: Location,
    /// Its clusters.
    pub clusters: TargetSelector,
    /// The groups that the cluster sees; the user's own where the key is not there.
    pub groups: Option<Vec<GroupName>>,
    /// The capabilities, as words.
    pub capabilities: Vec<Located<String>>,
    /// To which ports connections may go; to every one where the key is not there.
    pub ports: Option<Vec<PortRange>>,
    /// How exec and attach are watched.
    pub obligations: Obligations,
    /// Whose approval each connection needs before it opens; none where it needs no approval.
    pub approval: Option<Approvers>,
}

/// Access to clusters that a role may ask for (just-in-time access).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRequest {
    /// What is allowed once it is approved.
    pub allow: ClusterAllow,
    /// Who may approve it, where the entry says so.
    pub approvers: Option<Approvers>,
    /// The longest time that can be asked for.
    pub max: Duration,
}

impl ClusterRequest {
    pub(super) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping with the keys clusters, capabilities and max", |request| {
            let approvers = request.present("approvers", Approvers::read).transpose();
            let max = request.present("max", value::duration(ACCESS)).transpose();
            let allow = ClusterAllow::read_keys(field, request);
            Ok(Self { allow: allow?, approvers: approvers?, max: max?.unwrap_or(DEFAULT_ACCESS) })
        })
    }
}

impl ClusterAllow {
    pub(super) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping with the keys clusters and capabilities", |allow| {
            let approval = allow.present("approval", Approvers::read).transpose();
            let grant = Self::read_keys(field, allow);
            Ok(Self { approval: approval?, ..grant? })
        })
    }

    /// Reads what `allow` and `request` have in common.
    fn read_keys(field: &Field<'_>, allow: &Table<'_, '_>) -> Read<Self> {
        let clusters = allow.required("clusters", TargetSelector::read);
        let groups = allow
            .present("groups", |groups| {
                groups.list("a list of groups such as [view]", |group| group.name("a group name"))
            })
            .transpose();
        let capabilities = allow.required("capabilities", |capabilities| {
            capabilities.list("a list of capabilities such as [api, exec]", word)
        });
        let ports = allow.present("ports", PortRange::read_list).transpose();
        Ok(Self {
            at: field.at(),
            obligations: Obligations::read_keys(allow),
            clusters: clusters?,
            groups: groups?,
            capabilities: capabilities?,
            ports: ports?,
            approval: None,
        })
    }
}

//! What a request to a Kubernetes API server must look like for a rule to match it.

use super::{PortRange, word};
use crate::{
    error::{Located, Location},
    reader::{Field, Read},
};

/// What a request must look like. Parts that are empty match all. Not all are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestMatch {
    /// Where it stands.
    pub at: Location,
    /// Verbs as Kubernetes RBAC has them, and `connect` for exec, attach, port-forward and proxy.
    pub verbs: Vec<Located<String>>,
    /// API groups; the core group is the empty text.
    pub groups: Vec<Located<String>>,
    /// Resources in the plural.
    pub resources: Vec<Located<String>>,
    /// Subresources; the resource itself is the empty text.
    pub subresources: Vec<Located<String>>,
    /// Namespaces.
    pub namespaces: Vec<Located<String>>,
    /// Names of objects.
    pub names: Vec<Located<String>>,
    /// Ports that a connection goes to.
    pub ports: Vec<PortRange>,
}

impl RequestMatch {
    pub(super) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("what a request looks like, such as { verbs: [delete], resources: [namespaces] }", |request| {
            let words =
                |key, expected: &'static str| request.present(key, |list| list.list(expected, word)).transpose();
            let verbs = words("verbs", "a list of verbs such as [create, delete]");
            let groups = words("groups", r#"a list of API groups such as ["", apps]"#);
            let resources = words("resources", "a list of resources such as [pods]");
            let subresources = words("subresources", "a list of subresources such as [exec]");
            let namespaces = words("namespaces", r#"a list of namespaces such as ["prod-*"]"#);
            let names = words("names", "a list of names such as [web]");
            let ports = request.present("ports", PortRange::read_list).transpose();
            Ok(Self {
                at: field.at(),
                verbs: verbs?.unwrap_or_default(),
                groups: groups?.unwrap_or_default(),
                resources: resources?.unwrap_or_default(),
                subresources: subresources?.unwrap_or_default(),
                namespaces: namespaces?.unwrap_or_default(),
                names: names?.unwrap_or_default(),
                ports: ports?.unwrap_or_default(),
            })
        })
    }
}

//! The words of Kubernetes in questions to the rules and in their answers.
//!
//! A request is what the API server's own RequestInfo makes of it. Whether `exec`, `attach`, `portforward` or
//! `proxy` came as a GET or as a POST says nothing: these are keyed on the subresource, and their verb is
//! [`CONNECT`].

use std::{collections::BTreeSet, fmt, str::FromStr};

use config::{
    Cluster, GroupName, Login, RoleName, RuleName, TargetName,
    rules::{Approvers, Obligations, RuleEffect, SessionMode},
};

use crate::{
    access::UnknownCapability,
    decision::{Denial, Hold, Permit},
};

/// The verb of requests that open a connection into a pod, a node or a service, whatever their method is.
pub const CONNECT: &str = "connect";

/// Stands for the account where access to a cluster is approved, which has none.
pub const CLUSTER_LOGIN: &str = "api";

/// One request to an API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KubeRequest<'a> {
    /// The verb, as RequestInfo has it (`get`, `list`, `watch`, `create` …).
    pub verb: &'a str,
    /// What it is about; none for paths such as `/version`.
    pub object: Option<KubeObject<'a>>,
    /// To which port of it.
    pub port: KubePort,
}

/// To which port a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KubePort {
    /// To none, or not yet: a port-forward names its ports one by one once it is open, and each is a question of
    /// its own.
    #[default]
    None,
    /// To this one.
    Number(u16),
    /// To one that cannot be known here: it goes by a name, or is the only one there is. What rules say of any port
    /// they say of this one.
    Unknown,
}

/// What a request is about. A part that the request does not name is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KubeObject<'a> {
    /// The API group; the core group is empty.
    pub group: &'a str,
    /// The resource, in the plural.
    pub resource: &'a str,
    /// The subresource.
    pub subresource: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The object's name.
    pub name: &'a str,
}

/// A [`KubeRequest`] that is kept: what a session was opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedKubeRequest {
    verb: String,
    object: Option<[String; 5]>,
    port: KubePort,
}

/// What may be done with a cluster; a role must allow each one (default deny).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KubeCapability {
    /// Requests to the API that open no connection further on.
    Api,
    /// `kubectl attach`.
    Attach,
    /// `kubectl exec` and `cp`.
    Exec,
    /// The kubelet's own API through `nodes/NAME/proxy`: whoever has it can run commands in each pod, unrecorded.
    NodeProxy,
    /// `kubectl port-forward`, and HTTP to pods and services through the API server.
    PortForward,
}

/// Whether a subject may use a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ClusterDecision {
    /// It may, under the permit's obligations.
    Allow(ClusterPermit),
    /// It may not.
    Deny(Denial),
    /// It may once other people have approved it: then the question is put anew, with what they approved in
    /// [`Context::approved`](crate::Context::approved).
    Hold(Hold),
}

/// The proof that the rules allow a subject to use a cluster.
/// Only [`RuleSet::decide_cluster`](crate::RuleSet::decide_cluster) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPermit {
    pub(crate) cluster: TargetName,
    pub(crate) capability: KubeCapability,
    pub(crate) groups: BTreeSet<GroupName>,
    pub(crate) roles: Vec<RoleName>,
    pub(crate) obligations: Obligations,
}

/// A cluster that a subject can reach, and what it may do there.
#[derive(Debug, Clone)]
pub struct ReachableCluster<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What is allowed there.
    pub capabilities: BTreeSet<KubeCapability>,
}

/// The answer of the rules to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RequestVerdict {
    /// What happens.
    pub effect: RuleEffect,
    /// The rule that decided; none where nothing matched.
    pub rule: Option<RuleName>,
    /// What the user reads; empty where it is allowed.
    pub message: String,
    /// What matched, in plain words.
    pub because: String,
    /// Who may approve, where the rule says so.
    pub approvers: Option<Approvers>,
}

// === impl KubeRequest ===

impl<'a> KubeRequest<'a> {
    /// A request with the verb of RequestInfo for `object`. HTTP through the API server names its port in the name
    /// (`[scheme:]NAME[:PORT]`, k8s.io/apimachinery `SplitSchemeNamePort`).
    #[must_use]
    pub fn new(verb: &'a str, object: Option<KubeObject<'a>>) -> Self {
        let request = Self { verb, object, port: KubePort::None };
        let is_proxy = object.is_some_and(|object| object.subresource == "proxy" && object.resource != "nodes");
        let Some(object) = object.filter(|_| is_proxy) else { return request };
        let port = object.name.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Self { port: port.map_or(KubePort::Unknown, KubePort::Number), ..request }
    }

    /// The same connection, to one of its ports.
    #[must_use]
    pub fn to_port(self, port: u16) -> Self {
        Self { port: KubePort::Number(port), ..self }
    }

    /// What a role must allow for it. Keyed on the subresource of every group: aggregated APIs use these words in
    /// the same sense.
    #[must_use]
    pub fn capability(&self) -> KubeCapability {
        let Some(object) = self.object else { return KubeCapability::Api };
        match object.subresource {
            // The API server's old form of the same: `/api/v1/proxy/nodes/NAME`.
            _ if self.verb == "proxy" => KubeCapability::NodeProxy,
            "attach" => KubeCapability::Attach,
            "exec" => KubeCapability::Exec,
            "portforward" => KubeCapability::PortForward,
            "proxy" if object.resource == "nodes" => KubeCapability::NodeProxy,
            "proxy" => KubeCapability::PortForward,
            _ => KubeCapability::Api,
        }
    }

    /// The verb that rules see.
    #[must_use]
    pub fn rule_verb(&self) -> &str {
        if self.capability() == KubeCapability::Api { self.verb } else { CONNECT }
    }
}

impl fmt::Display for KubeRequest<'_> {
    /// As messages repeat it: `delete namespaces "x"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(object) = self.object else { return write!(f, "{}", self.verb.escape_default()) };
        write!(f, "{} {}", self.rule_verb().escape_default(), object.resource.escape_default())?;
        if !object.subresource.is_empty() {
            write!(f, "/{}", object.subresource.escape_default())?;
        }
        if !object.group.is_empty() {
            write!(f, ".{}", object.group.escape_default())?;
        }
        if !object.name.is_empty() {
            write!(f, " {:?}", object.name)?;
        }
        if !object.namespace.is_empty() && object.resource != "namespaces" {
            write!(f, " in the namespace {:?}", object.namespace)?;
        }
        if let KubePort::Number(port) = self.port {
            write!(f, ", port {port}")?;
        }
        Ok(())
    }
}

impl From<KubeRequest<'_>> for OwnedKubeRequest {
    fn from(request: KubeRequest<'_>) -> Self {
        let owned = |KubeObject { group, resource, subresource, namespace, name }: KubeObject<'_>| {
            [group, resource, subresource, namespace, name].map(str::to_owned)
        };
        Self { verb: request.verb.to_owned(), object: request.object.map(owned), port: request.port }
    }
}

impl OwnedKubeRequest {
    /// The request.
    #[must_use]
    pub fn get(&self) -> KubeRequest<'_> {
        let object = self.object.as_ref().map(|[group, resource, subresource, namespace, name]| KubeObject {
            group,
            resource,
            subresource,
            namespace,
            name,
        });
        KubeRequest { verb: &self.verb, object, port: self.port }
    }
}

// === impl KubeCapability ===

impl KubeCapability {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 5] = [Self::Api, Self::Attach, Self::Exec, Self::NodeProxy, Self::PortForward];

    /// The name in rules, messages and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Attach => "attach",
            Self::Exec => "exec",
            Self::NodeProxy => "node-proxy",
            Self::PortForward => "port-forward",
        }
    }
}

impl FromStr for KubeCapability {
    type Err = UnknownCapability;

    fn from_str(word: &str) -> Result<Self, UnknownCapability> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == word).ok_or(UnknownCapability)
    }
}

impl fmt::Display for KubeCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl ClusterPermit ===

impl ClusterPermit {
    /// The cluster it is for.
    #[must_use]
    pub fn cluster(&self) -> &TargetName {
        &self.cluster
    }

    /// What it is for.
    #[must_use]
    pub fn capability(&self) -> KubeCapability {
        self.capability
    }

    /// The groups that the cluster is to see the user with.
    #[must_use]
    pub fn groups(&self) -> &BTreeSet<GroupName> {
        &self.groups
    }

    /// The roles that allow it, in the order of the rule files; never empty.
    #[must_use]
    pub fn roles(&self) -> &[RoleName] {
        &self.roles
    }

    /// What whoever acts on it must do.
    #[must_use]
    pub fn obligations(&self) -> Obligations {
        self.obligations
    }

    /// The permit of one session in `pod`, which stands where the account of a host does; `terminal` says whether
    /// somebody types into it.
    ///
    /// # Errors
    ///
    /// Where the mode rules a terminal out.
    pub fn session(&self, pod: Login, terminal: bool) -> Result<Permit, Denial> {
        if terminal && self.obligations.mode == SessionMode::ExecOnly {
            return Err(Denial::exec_only_cluster(&self.cluster));
        }
        Ok(Permit::new(self.cluster.clone(), pod, self.roles.clone(), self.obligations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(verb: &'a str, group: &'a str, resource: &'a str, subresource: &'a str) -> KubeRequest<'a> {
        let object = KubeObject { group, resource, subresource, namespace: "ns", name: "x" };
        KubeRequest { verb, object: Some(object), port: KubePort::None }
    }

    #[test]
    fn the_method_does_not_change_what_a_connection_needs() {
        for (resource, subresource, expected) in [
            ("pods", "exec", KubeCapability::Exec),
            ("pods", "attach", KubeCapability::Attach),
            ("pods", "portforward", KubeCapability::PortForward),
            ("pods", "proxy", KubeCapability::PortForward),
            ("services", "proxy", KubeCapability::PortForward),
            ("nodes", "proxy", KubeCapability::NodeProxy),
        ] {
            for verb in ["get", "create", "update", "delete"] {
                let request = request(verb, "", resource, subresource);
                assert_eq!(request.capability(), expected, "{verb} {resource}/{subresource}");
                assert_eq!(request.rule_verb(), CONNECT);
            }
        }
        for (verb, subresource) in
            [("get", ""), ("get", "log"), ("patch", "ephemeralcontainers"), ("create", "binding")]
        {
            assert_eq!(request(verb, "", "pods", subresource).capability(), KubeCapability::Api);
            assert_eq!(request(verb, "", "pods", subresource).rule_verb(), verb);
        }
        assert_eq!(request("proxy", "", "nodes", "").capability(), KubeCapability::NodeProxy);
        let aggregated = request("get", "subresources.kubevirt.io", "virtualmachineinstances", "portforward");
        assert_eq!(aggregated.capability(), KubeCapability::PortForward);
    }

    #[test]
    fn every_capability_is_read_back_from_its_name() {
        for capability in KubeCapability::ALL {
            assert_eq!(capability.to_string().parse(), Ok(capability));
        }
        assert_eq!("shell".parse::<KubeCapability>(), Err(UnknownCapability));
    }

    #[test]
    fn a_request_is_shown_without_control_characters() {
        let hostile = KubeObject { group: "g\x1b", resource: "r\n", subresource: "", namespace: "\x07", name: "\r" };
        let text = KubeRequest { verb: "get", object: Some(hostile), port: KubePort::None }.to_string();
        assert!(!text.contains(char::is_control), "{text}");
        assert_eq!(
            request("get", "apps", "deployments", "scale").to_string(),
            "get deployments/scale.apps \"x\" in the namespace \"ns\""
        );
    }
}

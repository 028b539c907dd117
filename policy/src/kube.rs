//! [`KubeRequest`]: a request to a Kubernetes API server, in the words of Kubernetes.
//!
//! A request is what the API server's own RequestInfo makes of it. Whether `exec`, `attach`, `portforward` or
//! `proxy` came as a GET or as a POST says nothing: these are keyed on the subresource, and their verb is
//! [`CONNECT`].

use std::fmt;

use crate::capability::Capability;

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
    pub fn capability(&self) -> Capability {
        let Some(object) = self.object else { return Capability::Api };
        match object.subresource {
            // The API server's old form of the same: `/api/v1/proxy/nodes/NAME`.
            _ if self.verb == "proxy" => Capability::NodeProxy,
            "attach" => Capability::Attach,
            "exec" => Capability::Exec,
            "portforward" => Capability::PortForward,
            "proxy" if object.resource == "nodes" => Capability::NodeProxy,
            "proxy" => Capability::PortForward,
            _ => Capability::Api,
        }
    }

    /// The verb that rules see.
    #[must_use]
    pub fn rule_verb(&self) -> &str {
        if self.capability() == Capability::Api { self.verb } else { CONNECT }
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
            ("pods", "exec", Capability::Exec),
            ("pods", "attach", Capability::Attach),
            ("pods", "portforward", Capability::PortForward),
            ("pods", "proxy", Capability::PortForward),
            ("services", "proxy", Capability::PortForward),
            ("nodes", "proxy", Capability::NodeProxy),
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
            assert_eq!(request(verb, "", "pods", subresource).capability(), Capability::Api);
            assert_eq!(request(verb, "", "pods", subresource).rule_verb(), verb);
        }
        assert_eq!(request("proxy", "", "nodes", "").capability(), Capability::NodeProxy);
        let aggregated = request("get", "subresources.kubevirt.io", "virtualmachineinstances", "portforward");
        assert_eq!(aggregated.capability(), Capability::PortForward);
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

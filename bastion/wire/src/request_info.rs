//! What a request asks of the API server, read from the method, the path and the query as the API server itself
//! reads them (`k8s.io/apiserver/pkg/endpoints/request`, 1.34).
//!
//! A request is parsed once; everything after decides on the parsed value. Two readers of one path are where
//! authorization is walked around, so a path or query that any reader on the way may understand differently
//! is refused here ([`RefusedRequest`]) and nowhere else. A trailing slash is neutral, as it is for the API server.
//!
//! ```text
//!   /api/v1/namespaces/shop/pods/web-0/exec ?command=sh&tty=true
//!    |   |             |    |    |     |
//!    |   version       |    |    name  subresource
//!    prefix, no group  |    resource
//!                      namespace
//! ```
//!
//! Kubernetes opens exec over WebSocket with GET and over SPDY with POST: [`RequestInfo::stream`] looks at the
//! subresource only, whatever the verb is.

use http::Method;

mod path;
mod query;
mod selector;
#[cfg(test)]
mod tests;

pub use query::Query;

use self::{path::Segments, selector::exact_name};

/// Prefixes below which resources are.
const API_PREFIXES: [&str; 2] = ["api", "apis"];

/// The prefix that is followed by a version and no group.
const GROUPLESS_PREFIX: &str = "api";

/// Deprecated: path segments that are verbs (`/api/v1/watch/pods`).
const PATH_VERBS: [&str; 2] = ["proxy", "watch"];

/// What follows a namespace's name and is a subresource of the namespace, not a resource in it.
const NAMESPACE_SUBRESOURCES: [&str; 2] = ["finalize", "status"];

/// One request to an API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInfo {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, the deprecated `proxy`, or
    /// `options`. Without a resource: the method in lower case.
    pub verb: &'static str,
    /// The path with percent-encoding undone.
    pub path: String,
    /// The query's parameters.
    pub query: Query,
    /// The resource; `None` for others, such as `/healthz`, `/version` and discovery.
    pub resource: Option<ResourceRequest>,
}

/// The part of a request that is about a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceRequest {
    /// `api` or `apis`.
    pub prefix: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The version of the group.
    pub version: String,
    /// The namespace; empty where the resource has none, or for all namespaces.
    pub namespace: String,
    /// The resource, such as `pods`.
    pub resource: String,
    /// What of the resource, such as `exec`; empty for the resource itself.
    pub subresource: String,
    /// The object's name; empty for many or for one that is to be created.
    pub name: String,
    /// What follows the subresource (for `proxy`: the path at the other end).
    pub rest: Vec<String>,
}

/// A road to a program or a port in the cluster. Each needs its own verdict, and each is more than its verb says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamRequest {
    /// `pods/attach`.
    Attach,
    /// `pods/exec`.
    Exec,
    /// `pods/portforward`.
    PortForward,
    /// `nodes/proxy`, `pods/proxy` or `services/proxy`: HTTP to the other end; a node's runs commands too.
    Proxy,
}

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedRequest {
    /// A control character in the path.
    #[error("the path has a control character")]
    ControlCharacter,
    /// `.` or `..` as a segment.
    #[error("the path has a \".\" or \"..\" segment")]
    DotSegment,
    /// An encoded slash, backslash or percent sign, which some readers decode once more.
    #[error("the path has an encoded \"/\", \"\\\" or \"%\"")]
    EncodedDelimiter,
    /// `//`.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("the path or the query has a \"%\" without two hexadecimal digits")]
    MalformedEncoding,
    /// A method that the API server does not serve.
    #[error("the method is not one of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS")]
    Method,
    /// A deprecated verb in the path without a resource after it.
    #[error("the path ends where a resource is expected")]
    NoResource,
    /// The path does not begin with a slash.
    #[error("the path does not begin with \"/\"")]
    NotAbsolute,
    /// Bytes that are no UTF-8.
    #[error("the path or the query is not UTF-8")]
    NotUtf8,
}

impl RequestInfo {
    /// Reads a request. `path` and `query` are raw, as in the request line.
    ///
    /// # Errors
    ///
    /// When the path or the query could be understood in two ways; see [`RefusedRequest`].
    pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self, RefusedRequest> {
        let verbs = Verbs::of(method).ok_or(RefusedRequest::Method)?;
        let segments = Segments::parse(path)?;
        let query = Query::parse(query.unwrap_or_default())?;
        let info = Self { verb: verbs.plain, path: segments.path(), query, resource: None };
        info.with_resource(verbs, segments)
    }

    /// The road to a program or port that this request is, whatever its verb.
    #[must_use]
    pub fn stream(&self) -> Option<StreamRequest> {
        let resource = self.resource.as_ref()?;
        if self.verb == "proxy" {
            return Some(StreamRequest::Proxy);
        }
        if !resource.group.is_empty() {
            return None;
        }
        match (resource.resource.as_str(), resource.subresource.as_str()) {
            ("pods", "attach") => Some(StreamRequest::Attach),
            ("pods", "exec") => Some(StreamRequest::Exec),
            ("pods", "portforward") => Some(StreamRequest::PortForward),
            ("nodes" | "pods" | "services", "proxy") => Some(StreamRequest::Proxy),
            _ => None,
        }
    }

    /// Reads the segments from left to right; stops where they stop being about a resource.
    fn with_resource(mut self, verbs: Verbs, segments: Segments) -> Result<Self, RefusedRequest> {
        if segments.len() < 3 {
            return Ok(self);
        }
        let mut rest = segments.into_iter().peekable();
        let Some(prefix) = rest.next_if(|prefix| API_PREFIXES.contains(&prefix.as_str())) else { return Ok(self) };
        let mut group = String::new();
        if prefix != GROUPLESS_PREFIX {
            if rest.len() < 3 {
                return Ok(self);
            }
            group = rest.next().unwrap_or_default();
        }
        let version = rest.next().unwrap_or_default();

        self.verb = verbs.resource;
        if let Some(verb) = rest.peek().and_then(|first| PATH_VERBS.into_iter().find(|verb| verb == first)) {
            rest.next();
            self.verb = verb;
        }
        let mut parts: Vec<String> = rest.collect();
        let mut namespace = String::new();
        if let [first, name, tail @ ..] = parts.as_slice()
            && first == "namespaces"
        {
            namespace.clone_from(name);
            if tail.first().is_some_and(|next| !NAMESPACE_SUBRESOURCES.contains(&next.as_str())) {
                parts.drain(..2);
            }
        }

        let mut parts = parts.into_iter();
        let resource = parts.next().ok_or(RefusedRequest::NoResource)?;
        let name = parts.next().unwrap_or_default();
        // The path after a proxied object belongs to the other end.
        let subresource = if self.verb == "proxy" { String::new() } else { parts.next().unwrap_or_default() };
        let resource =
            ResourceRequest { prefix, group, version, namespace, resource, subresource, name, rest: parts.collect() };
        self.resource = Some(self.collection(resource));
        Ok(self)
    }

    /// A request without a name is about many objects, unless a selector names one.
    fn collection(&mut self, mut resource: ResourceRequest) -> ResourceRequest {
        if !resource.name.is_empty() {
            return resource;
        }
        match self.verb {
            "get" => {
                self.verb = if self.query.is_set("watch") { "watch" } else { "list" };
                if let Some(name) = exact_name(&self.query) {
                    resource.name = name;
                }
            }
            "delete" => self.verb = "deletecollection",
            _ => {}
        }
        resource
    }
}

/// What a method is called.
#[derive(Debug, Clone, Copy)]
struct Verbs {
    /// In lower case: the verb of a request without a resource.
    plain: &'static str,
    /// The verb of a request for a resource.
    resource: &'static str,
}

impl Verbs {
    fn of(method: &Method) -> Option<Self> {
        let (plain, resource) = match method.as_str() {
            "DELETE" => ("delete", "delete"),
            "GET" => ("get", "get"),
            "HEAD" => ("head", "get"),
            "OPTIONS" => ("options", "options"),
            "PATCH" => ("patch", "patch"),
            "POST" => ("post", "create"),
            "PUT" => ("put", "update"),
            _ => return None,
        };
        Some(Self { plain, resource })
    }
}

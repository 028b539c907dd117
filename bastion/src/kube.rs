//! The Kubernetes front.
//!
//! The protocol, without sockets or policy:
//!
//! - [`request_info`]: method, path and query -> verb, resource, subresource, namespace, name.

pub mod request_info;

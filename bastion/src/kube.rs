//! The Kubernetes front.
//!
//! The protocol, without sockets or policy:
//!
//! - [`request_info`]: method, path and query -> verb, resource, subresource, namespace, name.
//! - [`spdy`]: SPDY/3.1, bytes -> events and commands -> bytes.

pub mod request_info;
pub mod spdy;

//! Bytes of the Kubernetes protocols, without I/O, and without anything of the bastion.
//!
//! - [`request_info`]: method, path and query -> verb, resource, subresource, namespace, name
//! - [`spdy`]: SPDY/3.1, bytes -> events and commands -> bytes
//! - [`websocket`]: what the messages of `v5.channel.k8s.io` say, and the limits of the connection
//! - [`stream`]: the streams of a command; sizes and exit status as they are written there
//! - [`port_stream`]: which port a stream of a forward is for
//!
//! [`fuzz`] is what a fuzzer feeds.

pub mod fuzz;
pub mod port_stream;
pub mod request_info;
pub mod spdy;
pub mod stream;
pub mod websocket;

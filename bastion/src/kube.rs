//! The Kubernetes front.
//!
//! The protocol, without sockets or policy:
//!
//! - [`request_info`]: method, path and query -> verb, resource, subresource, namespace, name.
//! - [`spdy`]: SPDY/3.1, bytes -> events and commands -> bytes.
//! - [`websocket`]: what the messages of `v5.channel.k8s.io` say, and the limits of the connection.
//! - [`stream`]: the streams of a command; sizes and exit status as they are written there.
//!
//! On sockets:
//!
//! - [`remote_command`]: either transport on either side becomes the legs of a session.
//!
//! [`fuzz`] is what a fuzzer feeds.

pub mod fuzz;
pub mod remote_command;
pub mod request_info;
pub mod spdy;
pub mod stream;
pub mod websocket;

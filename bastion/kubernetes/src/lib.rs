//! The Kubernetes front: what `kubectl`, Helm and client libraries take for an API server, under `/clusters/NAME`
//! or by a TLS server name.
//!
//! ```text
//!   kubectl ──TLS──> listener ──> front ─── who? (certificate or token; the login still stands)
//!                                   │   ─── what? (request_info)  may they? (policy)
//!                                   ├──> proxy ──> upstream ──TLS──> API server
//!                                   └──> a Status that kubectl prints, and why
//! ```
//!
//! - [`listener`]: accept, TLS with an optional client certificate, HTTP/1.1 and HTTP/2
//! - [`front`]: one request from its head to a decision
//! - [`server_name`]: which cluster: by the name in TLS, or by the path
//! - [`impersonation`]: which headers go on, and as whom the cluster sees the user
//! - [`proxy`]: a request and its answer, streamed both ways; `ending` ends an answer that is not allowed any longer
//! - [`watch_socket`]: watches and logs over WebSocket, from the plain form of the same
//! - [`upstream`]: the connection to a cluster, with the bastion's own credential
//! - each request takes a place in the [`AuditLog`](ledger::audit::AuditLog) before it goes on
//! - [`status`]: refusals as `metav1.Status`
//!
//! Commands in pods and forwarded ports:
//!
//! - [`upgrade`]: the head of a request for another protocol
//! - [`command`]: exec and attach become sessions; [`forward`]: ports, counted; [`retry`]: kubectl's second try
//! - [`dial`]: the same towards the cluster, over WebSocket or else SPDY
//! - [`remote_command`]: either transport on either side becomes the legs of a session
//!
//! What the bytes of requests, SPDY and WebSocket messages say is in [`wire`].
//!
//! **Architecture invariant:** no request reaches a cluster without [`impersonation::Impersonation`], which only a
//! [`policy::Permit`] and an [`Authenticated`](identity::Authenticated) subject make.

pub mod body;
pub mod command;
pub mod dial;
mod ending;
pub mod forward;
pub mod front;
pub mod impersonation;
pub mod listener;
pub mod proxy;
pub mod remote_command;
pub mod retry;
pub mod server_name;
pub mod status;
pub mod upgrade;
pub mod upstream;
pub mod watch_socket;

pub use self::listener::Listener;
pub use front::{Front, KubeCluster};

#[cfg(test)]
mod tests;

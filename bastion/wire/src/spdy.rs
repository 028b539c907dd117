//! SPDY/3.1, as Kubernetes speaks it for exec, attach and port-forward since before WebSocket.
//!
//! Bytes in, events out; commands in, bytes out. Nothing here reads a socket or a clock, and nothing grows with
//! what a peer says: not with a length, not with a count, not with what a header block inflates to.
//!
//! ```text
//!   bytes --> frame.rs --> header_block.rs --> connection.rs --> Event
//!             8 + length   one zlib stream     streams, ids,
//!                          per direction       half close
//! ```
//!
//! What Kubernetes leaves out is left out here too. Its library, moby/spdystream, is on the other side everywhere;
//! it neither sends nor reads WINDOW_UPDATE, so a sender that waited for one would stop after 64 KiB for good. We
//! send without a window, bounded by what the socket takes, and still tell a peer that does count what was
//! consumed ([`Connection::consumed`]). SETTINGS are read and have no effect. Nothing is pushed.
//!
//! Header blocks are sent in stored deflate blocks: they are few and small, and what is not compressed leaks nothing.
//!
//! Specification: the SPDY protocol, draft 3.1 (<https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/>).

mod connection;
mod dictionary;
mod error;
mod frame;
mod header_block;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Event, Role};
pub use error::{ResetStatus, SendError, SpdyError};
pub use frame::StreamId;
pub use header_block::Headers;

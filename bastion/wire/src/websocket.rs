//! WebSocket as Kubernetes uses it for exec, attach and port-forward. tungstenite reads and writes the frames
//! (RFC 6455), within [`settings`]; what the messages mean is in [`channel`].
//!
//! The handshake is HTTP and belongs to who serves the request; [`accept_key`] is the part of it that is arithmetic.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::BASE64;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub mod channel;

/// The subprotocol of port-forward: SPDY/3.1 in binary messages, without channels.
pub const PORT_FORWARD_TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

/// A message that a peer sends may be no longer. The API server itself takes 32 MiB; kubectl sends 32 KiB, and
/// clients that pass a string to a library send that string.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Where a writer waits until the socket has taken what was written before.
const WRITE_BUFFER_BYTES: usize = 128 * 1024;

/// Pongs may go on top of a full write buffer.
const MAX_WRITE_BUFFER_BYTES: usize = 32 * 1024 * 1024;

/// Appended to the key (RFC 6455 §1.3).
const ACCEPT_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The limits of both sides.
#[must_use]
pub fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
}

/// The value of `Sec-WebSocket-Accept` that answers `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
#[must_use]
pub fn accept_key(key: &str) -> String {
    BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{ACCEPT_GUID}").as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_rfc_6455_has_its_answer() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}

//! `v4.channel.k8s.io` and `v5.channel.k8s.io`: a binary message begins with the number of its stream.
//!
//! ```text
//!   00 6c 73 0a    stdin "ls\n"          01    stdout, empty: the server's first message, "it is open"
//!   ff 00          v5 only: stdin ends
//! ```
//!
//! Neither side answers here, and nothing is kept from message to message: how a stream is cut into messages, and
//! messages into frames, changes nothing. `channel.k8s.io` and `base64.channel.k8s.io`, which have no exit status
//! or are text, are not offered.

use bytes::{BufMut, Bytes, BytesMut};

use crate::stream::StreamKind;

/// Begins a message that ends a stream.
const CLOSE: u8 = 0xff;

/// A version of the protocol, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChannelProtocol {
    /// Exit status; no stream ends before the connection does.
    V4,
    /// As 4, and a stream may end by itself.
    V5,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelMessage {
    /// Bytes of a stream, never empty.
    Data(StreamKind, Bytes),
    /// The sender finished the stream.
    End(StreamKind),
}

/// The peer broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The end of something that is no stream.
    #[error("a message that ends no stream")]
    MalformedClose,
}

impl ChannelProtocol {
    /// The best of what a `Sec-WebSocket-Protocol` header offers.
    #[must_use]
    pub fn choose(offered: &str) -> Option<Self> {
        let known = |name: &str| [Self::V4, Self::V5].into_iter().find(|protocol| protocol.name() == name.trim());
        offered.split(',').filter_map(known).max()
    }

    /// The name of the subprotocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4.channel.k8s.io",
            Self::V5 => "v5.channel.k8s.io",
        }
    }

    /// Reads a message. An empty one, one that is its number only, and one of an unknown stream say nothing, as
    /// with the API server.
    ///
    /// # Errors
    ///
    /// When a stream is ended that does not exist.
    pub fn decode(self, mut message: Bytes) -> Result<Option<ChannelMessage>, ChannelError> {
        let Some(&first) = message.first() else { return Ok(None) };
        let payload = message.split_off(1);
        if first == CLOSE && self == Self::V5 {
            return match payload.as_ref() {
                [channel] => stream(*channel).map(|kind| Some(ChannelMessage::End(kind))),
                _ => None,
            }
            .ok_or(ChannelError::MalformedClose);
        }
        Ok(stream(first).filter(|_| !payload.is_empty()).map(|kind| ChannelMessage::Data(kind, payload)))
    }

    /// The message that ends a stream, where there is one.
    #[must_use]
    pub fn end(self, kind: StreamKind) -> Option<Bytes> {
        (self == Self::V5).then(|| Bytes::copy_from_slice(&[CLOSE, kind.channel()]))
    }
}

/// A message with bytes of a stream.
#[must_use]
pub fn data(kind: StreamKind, payload: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + payload.len());
    message.put_u8(kind.channel());
    message.extend_from_slice(payload);
    message.freeze()
}

fn stream(channel: u8) -> Option<StreamKind> {
    StreamKind::ALL.into_iter().find(|kind| kind.channel() == channel)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ChannelMessage::*, ChannelProtocol::*, *};

    type Decoded = Result<Option<ChannelMessage>, ChannelError>;

    fn decode(protocol: ChannelProtocol, message: &[u8]) -> Decoded {
        protocol.decode(Bytes::copy_from_slice(message))
    }

    #[test]
    fn messages_are_read_as_the_api_server_reads_them() {
        let data = |kind, bytes: &'static [u8]| Ok(Some(Data(kind, Bytes::from_static(bytes))));
        let table: &[(ChannelProtocol, &[u8], Decoded)] = &[
            (V5, b"\x00ls\n", data(StreamKind::Stdin, b"ls\n")),
            (V4, b"\x01out", data(StreamKind::Stdout, b"out")),
            (V4, b"\x02err", data(StreamKind::Stderr, b"err")),
            (V4, b"\x03{}", data(StreamKind::Error, b"{}")),
            (V4, b"\x04{}", data(StreamKind::Resize, b"{}")),
            (V5, b"\x00\xff\x00", data(StreamKind::Stdin, b"\xff\x00")),
            (V5, b"\xff\x00", Ok(Some(End(StreamKind::Stdin)))),
            // Version 4 has no half close: the same bytes say nothing.
            (V4, b"\xff\x00", Ok(None)),
            (V5, b"", Ok(None)),
            (V5, b"\x01", Ok(None)),
            (V5, b"\x05x", Ok(None)),
            (V5, b"\xfex", Ok(None)),
            (V5, b"\xff", Err(ChannelError::MalformedClose)),
            (V5, b"\xff\x05", Err(ChannelError::MalformedClose)),
            (V5, b"\xff\x00\x00", Err(ChannelError::MalformedClose)),
        ];
        for (protocol, message, expected) in table {
            assert_eq!(decode(*protocol, message), *expected, "{protocol:?} {message:?}");
        }
    }

    #[test]
    fn the_best_of_what_is_offered_is_chosen_and_nothing_else() {
        for (offered, expected) in [
            ("v5.channel.k8s.io", Some(V5)),
            ("v4.channel.k8s.io, v5.channel.k8s.io", Some(V5)),
            ("v4.channel.k8s.io,v3.channel.k8s.io,channel.k8s.io", Some(V4)),
            ("v9.channel.k8s.io", None),
            ("channel.k8s.io", None),
            ("base64.channel.k8s.io", None),
            ("V5.channel.k8s.io", None),
            ("SPDY/3.1+portforward.k8s.io", None),
            ("", None),
        ] {
            assert_eq!(ChannelProtocol::choose(offered), expected, "{offered}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(payload in proptest::collection::vec(any::<u8>(), 1..100), v5 in any::<bool>()) {
            let protocol = if v5 { V5 } else { V4 };
            for kind in StreamKind::ALL {
                prop_assert_eq!(protocol.decode(data(kind, &payload)), Ok(Some(Data(kind, payload.clone().into()))));
                let end = protocol.end(kind).map(|end| protocol.decode(end));
                prop_assert_eq!(end, v5.then_some(Ok(Some(End(kind)))));
            }
        }

        #[test]
        fn any_message_is_read_or_refused(message in proptest::collection::vec(any::<u8>(), 0..20)) {
            for protocol in [V4, V5] {
                match decode(protocol, &message) {
                    Ok(Some(Data(kind, payload))) => prop_assert_eq!(data(kind, &payload), message.clone()),
                    Ok(Some(End(kind))) => prop_assert_eq!(protocol.end(kind), Some(message.clone().into())),
                    Ok(None) | Err(ChannelError::MalformedClose) => {}
                }
            }
        }
    }
}

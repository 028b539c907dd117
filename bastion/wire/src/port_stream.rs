//! What a stream of a port-forward is for, as the user's headers have it.

use crate::spdy::{Headers, StreamId};

/// A stream that a user opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortStream {
    /// Which of a pair it is.
    pub kind: PortStreamKind,
    /// The port in the pod; never 0.
    pub port: u16,
    /// What the user calls the pair.
    pub pair: String,
}

/// Each connection to a port is a pair of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortStreamKind {
    /// The bytes, both ways.
    Data,
    /// Why there are none; it comes first.
    Error,
}

impl PortStream {
    /// Reads the headers; `None` where they make no sense.
    pub fn read(id: StreamId, headers: &Headers) -> Option<Self> {
        let port = headers.value("port")?.parse().ok().filter(|port| *port > 0)?;
        let kind = match headers.value("streamtype")? {
            "data" => PortStreamKind::Data,
            "error" => PortStreamKind::Error,
            _ => return None,
        };
        // As the kubelet does it for clients that name no pair: the data stream is the next one of theirs.
        let pair = match (headers.value("requestid"), kind) {
            (Some(name), _) => Some(name.to_owned()).filter(|name| name.len() <= MAX_NAME_BYTES)?,
            (None, PortStreamKind::Error) => format!("#{}", id.0),
            (None, PortStreamKind::Data) => format!("#{}", id.0.checked_sub(2)?),
        };
        Some(Self { kind, port, pair })
    }
}

/// kubectl counts its connections; nobody needs longer names.
const MAX_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pairs_name_is_as_long_as_it_needs_to_be() {
        let read = |name: &str| {
            let headers = Headers::new(&[("streamtype", "error"), ("port", "80"), ("requestid", name)]);
            PortStream::read(StreamId(1), &headers).map(|stream| stream.pair)
        };
        let longest = "x".repeat(MAX_NAME_BYTES);
        assert_eq!(read(&longest), Some(longest.clone()));
        assert_eq!(read(&format!("{longest}x")), None);
    }
}

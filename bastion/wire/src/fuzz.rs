//! What a fuzzer feeds: each function takes any bytes, never panics, and checks what must hold for all of them.

use bytes::Bytes;
use http::Method;

use super::{
    port_stream::{PortStream, PortStreamKind},
    request_info::RequestInfo,
    spdy::{Connection, Event, Headers, Role, StreamId},
    stream::{resize::ResizeReader, status::StatusReader},
    websocket::channel::{self, ChannelMessage, ChannelProtocol},
};

/// A request line: the method's number, the path, and after the first `?` the query.
pub fn request_info(data: &[u8]) {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];
    let Some((first, target)) = data.split_first() else { return };
    let Ok(target) = str::from_utf8(target) else { return };
    let Some(method) = methods.get(usize::from(*first) % methods.len()) else { return };
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    if let Ok(info) = RequestInfo::parse(method, path, query) {
        assert!(!info.path.contains("//") && !info.path.split('/').any(|segment| matches!(segment, "." | "..")));
        assert_eq!(RequestInfo::parse(method, &info.path, query), Ok(info), "nothing is left to decode");
    }
}

/// The bytes of a SPDY peer, whole and cut at the place that the first byte says; both must be read alike.
pub fn spdy(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let (first, second) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    let whole = spdy_events(&[bytes]);
    assert_eq!(spdy_events(&[first, second]), whole);
}

/// Whether it was read, the data, and the number of other events.
fn spdy_events(pieces: &[&[u8]]) -> (bool, Vec<u8>, usize) {
    let mut server = Connection::new(Role::Server, 8);
    let mut events = Vec::new();
    let read = pieces.iter().all(|piece| server.receive(Bytes::copy_from_slice(piece), &mut events).is_ok());
    assert!(server.streams() <= 8);
    let mut data = Vec::new();
    let mut others = 0;
    for event in events {
        match event {
            Event::Data(_, bytes) => data.extend_from_slice(&bytes),
            Event::Accepted(_) | Event::Finished(_) | Event::GoneAway | Event::Opened(..) | Event::Reset(..) => {
                others += 1;
            }
        }
    }
    (read, data, others)
}

/// A message of either version, and what the streams of sizes and status make of it.
pub fn websocket_channel(data: &[u8]) {
    for protocol in [ChannelProtocol::V4, ChannelProtocol::V5] {
        match protocol.decode(Bytes::copy_from_slice(data)) {
            Ok(Some(ChannelMessage::Data(kind, payload))) => assert_eq!(channel::data(kind, &payload), data),
            Ok(Some(ChannelMessage::End(kind))) => assert_eq!(protocol.end(kind).as_deref(), Some(data)),
            Ok(None) | Err(_) => {}
        }
    }
    let _ = ResizeReader::default().push(data);
    let _ = StatusReader::default().push(data);
}

/// The headers of a stream of forwarded ports: its number, and then a name and a value a line.
pub fn port_stream(data: &[u8]) {
    let Some((first, text)) = data.split_first() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let headers: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let id = StreamId(u32::from(*first));
    let Some(PortStream { kind, port, pair }) = PortStream::read(id, &Headers::new(&headers)) else { return };
    assert!(port > 0 && pair.len() <= 64);
    let has_name = headers.iter().any(|(name, _)| *name == "requestid");
    if !has_name && kind == PortStreamKind::Error {
        // The stream that the user opens next is the other one of the pair.
        let next = Headers::new(&[("streamtype", "data"), ("port", &port.to_string())]);
        assert_eq!(PortStream::read(StreamId(id.0 + 2), &next).map(|next| next.pair), Some(pair));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_break_a_promise(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::request_info(&data);
            super::spdy(&data);
            super::port_stream(&data);
            super::websocket_channel(&data);
        }
    }
}

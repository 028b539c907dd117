//! Forwarded ports as client libraries have them: `v4.channel.k8s.io` over a WebSocket (`k8s.io/kubelet`
//! `pkg/cri/streaming/portforward/websocket.go`). The ports stand in the query, and each has one connection, with two
//! numbered streams:
//!
//! ```text
//!   00 90 1f       data of the first port; the server's first message says which port it is, low byte first
//!   01 90 1f       why there is none, of the first port; the same
//!   00 47 45 54    data, either way
//!   02 50 00       data of the second port …
//! ```
//!
//! Nothing is decided here. Towards the hub it is a client like kubectl, which opens a pair of streams
//! for each port: what is decided, counted, limited and ended there is so for these users too. No stream ends before
//! the socket does, so that the first port that has ended ends all, as it does at a kubelet.

use std::collections::HashSet;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};
use wire::{
    request_info::Query,
    spdy::{self, Event, Headers, StreamId},
    websocket::settings,
};

use super::{
    LINGER, Side, halves,
    socket::{Happened, Socket},
};
use crate::{status::Refusal, upgrade::ForwardTransport};

/// The ports that a request names: `ports=80,443`, also several times.
///
/// # Errors
///
/// When there are none, too many, or one that is no port.
pub fn ports(query: &Query) -> Result<Vec<u16>, Refusal> {
    let refused = |message: String| Refusal::new(StatusCode::BAD_REQUEST, message);
    let mut ports = Vec::new();
    for word in query.all("ports").flat_map(|value| value.split(',')) {
        let port = word.parse::<u16>().ok().filter(|port| *port > 0);
        ports
            .push(port.ok_or_else(|| refused("ports= names what is no port: a number from 1 to 65535 is".to_owned()))?);
        if ports.len() > MAX_PORTS {
            return Err(refused(format!("ports= names more than {MAX_PORTS} ports")));
        }
    }
    if ports.is_empty() {
        return Err(refused("name the ports to forward, as in ?ports=8080,8443".to_owned()));
    }
    Ok(ports)
}

/// The pair of streams that a port has at the hub.
struct ChannelPair {
    data: StreamId,
    error: StreamId,
}

/// Carries what passes between the user's socket and the hub until one of them ends, and closes the user's.
pub(super) async fn carry<IO>(io: IO, ports: &[u16], hub: DuplexStream)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut user = WebSocketStream::from_raw_socket(io, Role::Server, Some(settings())).await;
    let hub = Side { io: hub, transport: ForwardTransport::Spdy, role: Role::Client };
    // The hub opens no streams.
    let mut hub = Socket::new(spdy::Role::Client, 0, halves(hub).await);
    // The user may be gone at any time; then there is nobody to tell.
    let _ = exchange(&mut user, &mut hub, ports).await;
    drop(hub);
    let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    let _ = timeout(LINGER, user.close(Some(close))).await;
}

async fn exchange<IO>(user: &mut WebSocketStream<IO>, hub: &mut Socket, ports: &[u16]) -> Result<(), Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut pairs = Vec::with_capacity(ports.len());
    for (index, port) in ports.iter().enumerate() {
        let (text, name) = (port.to_string(), index.to_string());
        let headers = |kind| Headers::new(&[("streamtype", kind), ("port", &text), ("requestid", &name)]);
        let opened = (hub.connection.open(&headers("error")), hub.connection.open(&headers("data")));
        // A new connection takes streams.
        let (Ok(error), Ok(data)) = opened else { return Ok(()) };
        pairs.push(ChannelPair { data, error });
        for channel in [index * 2, index * 2 + 1] {
            user.send(message(channel, &port.to_le_bytes())).await?;
        }
    }
    let (mut settled, mut ended) = (HashSet::new(), HashSet::new());
    loop {
        // What came before the hub has accepted a stream would be lost.
        let takes = settled.len() == pairs.len() * 2 && hub.has_room();
        tokio::select! {
            happened = hub.next(true) => match happened {
                Happened::Events(events) => for event in events {
                    match event {
                        Event::Data(id, data) => {
                            hub.connection.consumed(id, data.len());
                            if let Some(channel) = channel(&pairs, id) {
                                user.send(message(channel, &data)).await?;
                            }
                        }
                        Event::Accepted(id) => {
                            settled.insert(id);
                        }
                        Event::Finished(id) | Event::Reset(id, _) => {
                            settled.insert(id);
                            ended.insert(id);
                        }
                        Event::GoneAway | Event::Opened(..) => {}
                    }
                },
                Happened::Gone => return Ok(()),
                Happened::Written => {}
            },
            message = user.next(), if takes => {
                let mut message = match message.transpose()? {
                    Some(Message::Binary(message)) => message,
                    Some(Message::Text(message)) => message.into(),
                    Some(Message::Close(_)) | None => return Ok(()),
                    Some(Message::Frame(_) | Message::Ping(_) | Message::Pong(_)) => continue,
                };
                // A client has nothing to say on the streams for errors; what is of no stream says nothing.
                let Some(&channel) = message.first() else { continue };
                let pair = pairs.get(usize::from(channel / 2)).filter(|_| channel % 2 == 0);
                let data = message.split_off(1);
                if let Some(pair) = pair.filter(|_| !data.is_empty()) {
                    // A port that has ended reads no more.
                    let _ = hub.connection.send(pair.data, &data);
                }
            }
        }
        if pairs.iter().any(|pair| ended.contains(&pair.data) && ended.contains(&pair.error)) {
            return Ok(());
        }
    }
}

/// The number of a stream in messages.
fn channel(pairs: &[ChannelPair], id: StreamId) -> Option<usize> {
    pairs.iter().enumerate().find_map(|(index, pair)| match id {
        id if id == pair.data => Some(index * 2),
        id if id == pair.error => Some(index * 2 + 1),
        _ => None,
    })
}

fn message(channel: usize, data: &[u8]) -> Message {
    let mut message = BytesMut::with_capacity(1 + data.len());
    // There are as many ports as a byte has numbers for.
    message.put_u8(u8::try_from(channel).unwrap_or(u8::MAX));
    message.extend_from_slice(data);
    Message::Binary(Bytes::from(message))
}

/// Each has two streams, which are numbered by one byte.
const MAX_PORTS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_a_request_are_read_as_the_api_server_reads_them() {
        let read = |query: &str| ports(&Query::parse(query).unwrap()).map_err(|refusal| refusal.status);
        assert_eq!(read("ports=80"), Ok(vec![80]));
        assert_eq!(read("ports=80,443&ports=8080&x=1"), Ok(vec![80, 443, 8080]));
        for refused in ["", "ports=", "ports=0", "ports=65536", "ports=http", "ports=80,", "ports=-1", "port=80"] {
            assert_eq!(read(refused), Err(StatusCode::BAD_REQUEST), "{refused}");
        }
        let many = |count: usize| format!("ports={}", vec!["80"; count].join(","));
        assert!(read(&many(MAX_PORTS)).is_ok());
        assert!(read(&many(MAX_PORTS + 1)).is_err());
    }
}

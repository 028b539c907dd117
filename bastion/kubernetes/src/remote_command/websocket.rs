//! The task of a WebSocket connection.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::sleep,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};
use wire::{
    stream::{StreamKind, Streams},
    websocket::{
        channel::{self, ChannelMessage, ChannelProtocol},
        settings,
    },
};

use super::{
    target_leg::{self, RemoteTargetReader, RemoteTargetWriter},
    user_leg::{self, RemoteUserReader, RemoteUserWriter},
    wire::{HeldOutput, Incoming, OutgoingMessage, Wire, Written, linger, until_closed, wire},
};

/// How often a peer hears of us while its bytes are held. kubectl gives up after 61 s without a pong, and its pings
/// stand behind the bytes; a pong that was not asked for is allowed (RFC 6455 §5.5.3) and counts.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Serves a user whose connection was upgraded to `protocol`.
pub async fn user_leg<IO>(io: IO, protocol: ChannelProtocol, streams: Streams) -> (RemoteUserReader, RemoteUserWriter)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    user_leg_with(io, protocol, streams, HEARTBEAT).await
}

pub(super) async fn user_leg_with<IO>(
    io: IO,
    protocol: ChannelProtocol,
    streams: Streams,
    heartbeat: Duration,
) -> (RemoteUserReader, RemoteUserWriter)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(settings())).await;
    // Clients take an empty message on the first stream that they can read for "it is open". When it cannot be
    // sent, the task finds out.
    if let Some(first) = [StreamKind::Stdout, StreamKind::Stderr, StreamKind::Error]
        .into_iter()
        .find(|kind| streams.kinds().any(|wanted| wanted == *kind))
    {
        let _ = socket.feed(Message::Binary(channel::data(first, &[]))).await;
    }
    let (reader, writer, wire) = wire();
    tokio::spawn(carry(socket, Role::Server, protocol, heartbeat, wire));
    user_leg::legs(reader, writer, streams)
}

/// Uses a connection to an API server that was upgraded to `protocol`.
pub async fn target_leg<IO>(
    io: IO,
    protocol: ChannelProtocol,
    streams: Streams,
) -> (RemoteTargetReader, RemoteTargetWriter)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let socket = WebSocketStream::from_raw_socket(io, Role::Client, Some(settings())).await;
    let (reader, writer, wire) = wire();
    tokio::spawn(carry(socket, Role::Client, protocol, HEARTBEAT, wire));
    target_leg::legs(reader, writer, streams)
}

async fn carry<IO>(socket: WebSocketStream<IO>, role: Role, protocol: ChannelProtocol, every: Duration, wire: Wire)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (sink, stream) = socket.split();
    let (incoming, outgoing, held, written, closing) = wire.split();
    let (heartbeat, heartbeats) = mpsc::channel(1);
    let reading = read(stream, (role, protocol), incoming, &held, (every, heartbeat));
    let writing = write(sink, role, protocol, outgoing, heartbeats, written);
    until_closed(
        async {
            let (mut reading, mut writing) = (std::pin::pin!(reading), std::pin::pin!(writing));
            tokio::select! {
                // The peer is gone: nobody reads what would be written.
                () = &mut reading => {}
                () = &mut writing => linger(reading).await,
            }
        },
        closing,
    )
    .await;
}

async fn read(
    mut socket: impl Stream<Item = Result<Message, Error>> + Unpin,
    (role, protocol): (Role, ChannelProtocol),
    incoming: mpsc::Sender<Incoming>,
    held: &HeldOutput,
    (every, heartbeat): (Duration, mpsc::Sender<()>),
) {
    loop {
        let room = async {
            held.room().await;
            incoming.reserve().await
        };
        let mut room = std::pin::pin!(room);
        let permit = loop {
            tokio::select! {
                biased;
                permit = &mut room => break permit.ok(),
                // One that is still to be written is as good as two.
                () = sleep(every) => drop(heartbeat.try_send(())),
            }
        };
        // Without a permit the leg is gone: what still comes is read, so that the close is.
        let Some(message) = next(&mut socket, role, protocol).await else { return };
        let Some(permit) = permit else { continue };
        permit.send(match message {
            ChannelMessage::Data(kind, data) => {
                held.take(kind, data.len());
                Incoming::Data(kind, data)
            }
            ChannelMessage::End(kind) => Incoming::End(kind),
        });
    }
}

/// The next message that says something; `None` at the end, or when the peer breaks the protocol.
async fn next(
    socket: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    role: Role,
    protocol: ChannelProtocol,
) -> Option<ChannelMessage> {
    loop {
        let message = match socket.next().await?.ok()? {
            Message::Binary(message) => message,
            // The Python client writes text. An API server takes both for the same bytes, and writes binary itself.
            Message::Text(message) if role == Role::Server => message.into(),
            Message::Text(_) => return None,
            // tungstenite answers pings and closes; the end of the connection follows.
            Message::Close(_) | Message::Frame(_) | Message::Ping(_) | Message::Pong(_) => continue,
        };
        if let Some(message) = protocol.decode(message).ok()? {
            return Some(message);
        }
    }
}

async fn write(
    mut socket: impl Sink<Message, Error = Error> + Unpin,
    role: Role,
    protocol: ChannelProtocol,
    mut outgoing: mpsc::Receiver<OutgoingMessage>,
    mut heartbeats: mpsc::Receiver<()>,
    written: Written,
) {
    // What was fed before this task began.
    if socket.flush().await.is_err() {
        return;
    }
    loop {
        let item = tokio::select! {
            item = outgoing.recv() => item.unwrap_or(OutgoingMessage::Close),
            Some(()) = heartbeats.recv() => {
                if socket.send(Message::Pong(Bytes::new())).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let message = match item {
            OutgoingMessage::Close => break,
            OutgoingMessage::Data(kind, data) => Some(channel::data(kind, &data)),
            // A server ends no stream before the connection; kubectl would complain of it.
            OutgoingMessage::End(kind) => protocol.end(kind).filter(|_| role == Role::Client),
        };
        if let Some(message) = message
            && socket.feed(Message::Binary(message)).await.is_err()
        {
            return;
        }
        // A user gets each message in a write, and so a TLS record, of its own, as from an API server. The Python client
        // waits for its socket after each frame: a second one in the same record it would see only when more comes.
        if (role == Role::Server || outgoing.is_empty()) && socket.flush().await.is_err() {
            return;
        }
    }
    let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    let _ = socket.send(Message::Close(Some(close))).await;
    written.all();
}

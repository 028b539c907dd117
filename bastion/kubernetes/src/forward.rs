//! port-forward: each connection to a port is decided, counted, written down and carried by itself.
//!
//! ```text
//!   kubectl ══SPDY══> hub.rs ──┬── pair.rs ══SPDY══> API server     one for each connection that
//!           one socket,        ├── pair.rs ══SPDY══> API server     kubectl accepts on its own port
//!           all connections    └── …
//! ```
//!
//! A connection is a pair of streams, `error` and `data`, whose headers name the port. Towards the cluster each pair
//! has a socket of its own, because SPDY as Kubernetes speaks it has no flow control: on a shared one a port that
//! does not read would stop all others. What waits for a port is bounded ([`ForwardLimits`]); a full one stops the reading
//! of the user's socket, and where others are kept waiting too long by that, it is ended.
//!
//! Both transports carry the same SPDY, as it is or in the messages of a WebSocket, and need not be the same on both
//! sides. Client libraries speak no SPDY: for them `channels` does.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use config::{TargetName, UserName};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _, future, sink, stream};
use ledger::audit::{AuditLog, PortEvent};
use session::permit::LivePermit;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use tokio_util::sync::CancellationToken;
use wire::websocket::settings;

use super::{
    dial::{Call, DialError, Io},
    proxy::RequestEntry,
    upgrade::ForwardTransport,
};

pub mod channels;
mod hub;
mod inbox;
mod pair;
mod socket;
#[cfg(test)]
mod tests;

use hub::PortHub;

/// What comes from one side.
type Incoming = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What goes to one side.
type OutgoingSink = Pin<Box<dyn Sink<Bytes, Error = io::Error> + Send>>;

/// One side: its socket, how SPDY is carried on it, and which end of it we are.
pub struct Side<IO> {
    /// The socket.
    pub io: IO,
    /// How SPDY is carried.
    pub transport: ForwardTransport,
    /// Which end we are.
    pub role: Role,
}

/// Whose ports are forwarded, and from where.
#[derive(Debug, Clone)]
pub struct Pod {
    /// For whom.
    pub user: UserName,
    /// In which cluster.
    pub cluster: TargetName,
    /// In which namespace.
    pub namespace: String,
    /// Which pod.
    pub name: String,
    /// From where the user came.
    pub source: String,
}

/// How much one port-forward may hold at a time.
#[derive(Debug, Clone, Copy)]
pub struct ForwardLimits {
    /// Connections to ports.
    pub connections: usize,
    /// New connections in a second; more wait.
    pub per_second: u32,
    /// Bytes that wait for a port to read them.
    pub waiting_bytes: usize,
    /// For how long a port that reads nothing may keep others waiting.
    pub patience: Duration,
}

/// A permitted port-forward.
#[derive(Debug, Clone)]
pub struct Forward {
    /// To where.
    pub pod: Pod,
    /// What ends it.
    pub standing: LivePermit,
    /// Where each connection is written down.
    pub log: AuditLog,
    /// How much it may hold.
    pub limits: ForwardLimits,
}

/// Opens sockets to the cluster.
pub trait Dial: Clone + Send + Sync + 'static {
    /// A socket.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens one.
    fn dial(&self) -> impl Future<Output = Result<Side<Self::Io>, DialError>> + Send;
}

impl Default for ForwardLimits {
    fn default() -> Self {
        Self {
            // A browser opens six to a host, a load test some hundred.
            connections: 256,
            // Each costs the cluster an upgraded request.
            per_second: 200,
            waiting_bytes: 1024 * 1024,
            patience: Duration::from_secs(30),
        }
    }
}

impl Dial for Call {
    type Io = Io;

    async fn dial(&self) -> Result<Side<Io>, DialError> {
        let (io, transport) = self.forward().await?;
        Ok(Side { io, transport, role: Role::Client })
    }
}

impl Pod {
    fn event(&self, port: u16) -> PortEvent {
        let Self { user, cluster, namespace, name, source } = self.clone();
        PortEvent { user, cluster, namespace, pod: name, port, source }
    }
}

impl Forward {
    /// Serves the user's socket until either side ends it, or something else does. `first` is a socket to the cluster
    /// that is open already: the answer to the user's request hung on it.
    pub async fn serve<IO, D>(
        self,
        user: Side<IO>,
        first: Side<D::Io>,
        dial: D,
        entry: RequestEntry,
        closing: CancellationToken,
    ) where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        D: Dial,
    {
        let (hub, from_pairs) = PortHub::new(self, first, dial, entry);
        hub.serve(from_pairs, halves(user).await, closing).await;
    }

    /// The same for a user whose messages say which of `ports` they are of.
    pub async fn serve_channels<IO, D>(
        self,
        (io, ports): (IO, Vec<u16>),
        first: Side<D::Io>,
        dial: D,
        entry: RequestEntry,
        closing: CancellationToken,
    ) where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        D: Dial,
    {
        let (ours, hubs) = tokio::io::duplex(PIECE_BYTES);
        let user = Side { io: hubs, transport: ForwardTransport::Spdy, role: Role::Server };
        let mut hub = pin!(self.serve(user, first, dial, entry, closing));
        let mut carried = pin!(channels::carry(io, &ports, ours));
        tokio::select! {
            // What it said last is still to be read.
            () = &mut hub => drop(tokio::time::timeout(LINGER, carried).await),
            () = &mut carried => hub.await,
        }
    }
}

async fn halves<IO>(Side { io, transport, role }: Side<IO>) -> (Incoming, OutgoingSink)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match transport {
        ForwardTransport::Spdy => {
            let (reading, writing) = tokio::io::split(io);
            let from = stream::unfold(reading, |mut reading| async {
                let mut piece = BytesMut::with_capacity(PIECE_BYTES);
                match reading.read_buf(&mut piece).await {
                    Ok(0) => None,
                    Ok(_) => Some((Ok(piece.freeze()), reading)),
                    Err(error) => Some((Err(error), reading)),
                }
            });
            let to = sink::unfold(writing, |mut writing, bytes: Bytes| async move {
                writing.write_all(&bytes).await?;
                writing.flush().await?;
                Ok(writing)
            });
            (Box::pin(from), Box::pin(to))
        }
        ForwardTransport::WebSocket => {
            let socket = WebSocketStream::from_raw_socket(io, role, Some(settings())).await;
            let (to, from) = socket.split();
            let from = from.map(|message| message.map_err(io::Error::other)).filter_map(|message| {
                future::ready(match message {
                    Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
                    Ok(Message::Text(_)) => Some(Err(io::ErrorKind::InvalidData.into())),
                    Ok(Message::Close(_) | Message::Frame(_) | Message::Ping(_) | Message::Pong(_)) => None,
                    Err(error) => Some(Err(error)),
                })
            });
            let to = to.sink_map_err(io::Error::other).with(|bytes| future::ready(Ok(Message::Binary(bytes))));
            (Box::pin(from), Box::pin(to))
        }
    }
}

/// How long a user may take to read what was said last.
const LINGER: Duration = Duration::from_secs(5);

/// What is read at once.
const PIECE_BYTES: usize = 32 * 1024;

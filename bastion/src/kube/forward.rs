//! port-forward: decided per pod, counted, and passed on as it is.
//!
//! Both transports carry the same SPDY connection, so its bytes pass from either to either. A side that does not
//! read stops the other: nothing is kept here but the piece on its way.

use std::{io, pin::Pin, sync::atomic::Ordering, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _, future, sink, stream};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use tokio_util::sync::CancellationToken;

use super::{proxy::Entry, upgrade::ForwardTransport, websocket::settings};
use crate::session::permit::LivePermit;

/// What comes from one side.
type Incoming = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What goes to one side.
type Outgoing = Pin<Box<dyn Sink<Bytes, Error = io::Error> + Send>>;

/// One side: its connection, how it is carried, and which end of it we are.
pub struct Side {
    /// The connection.
    pub io: TokioIo<Upgraded>,
    /// How it is carried.
    pub transport: ForwardTransport,
    /// Which end we are.
    pub role: Role,
}

/// What ends it besides the two sides.
pub struct Until {
    /// The rules.
    pub standing: LivePermit,
    /// The end of the login.
    pub login_left: Duration,
    /// The end of the bastion.
    pub closing: CancellationToken,
}

/// Passes on between `user` and `cluster` until one of them ends, or something else does.
pub async fn serve(user: Side, cluster: Side, mut until: Until, mut entry: Entry) {
    let (from_user, to_user) = halves(user).await;
    let (from_cluster, to_cluster) = halves(cluster).await;
    let bytes_in = entry.bytes_in();
    let mut bytes_out = 0;
    let inward = pass(from_user, to_cluster, |bytes| {
        bytes_in.fetch_add(bytes, Ordering::Relaxed);
    });
    let outward = pass(from_cluster, to_user, |bytes| bytes_out += bytes);
    tokio::select! {
        () = inward => {}
        () = outward => {}
        reason = until.standing.lost() => tracing::info!(reason, "forwarded ports ended"),
        () = tokio::time::sleep(until.login_left) => tracing::info!("forwarded ports ended with the login"),
        () = until.closing.cancelled() => {}
    }
    entry.sent(bytes_out);
}

async fn pass(mut from: Incoming, mut to: Outgoing, mut count: impl FnMut(u64)) {
    while let Some(Ok(bytes)) = from.next().await {
        count(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if to.send(bytes).await.is_err() {
            break;
        }
    }
    // The other side may be gone.
    let _ = tokio::time::timeout(LINGER, to.close()).await;
}

async fn halves(Side { io, transport, role }: Side) -> (Incoming, Outgoing) {
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

/// What is read at once.
const PIECE_BYTES: usize = 32 * 1024;

/// How long a side may take to close.
const LINGER: Duration = Duration::from_secs(5);

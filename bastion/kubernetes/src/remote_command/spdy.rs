//! The task of a SPDY connection, and how its streams come to be.
//!
//! The client opens a stream of each kind that the request asks for; the server accepts them. Data that comes before
//! the other side accepted is dropped by Kubernetes' library, so both sides begin when all streams are there.

use std::{collections::VecDeque, io, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};
use wire::{
    spdy::{Connection, Event, Headers, ResetStatus, Role, SpdyError, StreamId},
    stream::{StreamKind, Streams},
};

use super::{
    target_leg::{self, RemoteTargetReader, RemoteTargetWriter},
    user_leg::{self, RemoteUserReader, RemoteUserWriter},
    wire::{HELD_BYTES, HeldOutput, Incoming, OutgoingMessage, Wire, linger, until_closed, wire},
};

/// How long the streams may take, as in the API server.
const STREAMS_DEADLINE: Duration = Duration::from_secs(30);

/// More streams than kinds there are: a peer that opens one twice is told so, stream by stream.
const MAX_STREAMS: usize = 8;

/// Bytes that wait for the socket; more are not taken from the leg.
const UNSENT_BYTES: usize = 128 * 1024;

/// What is read at once.
const READ_BYTES: usize = 32 * 1024;

/// The header that names a stream's kind.
const STREAM_TYPE: &str = "streamtype";

/// The streams of a command did not come to be.
#[derive(Debug, thiserror::Error)]
pub enum StreamsError {
    /// The peer sent data before the streams were there.
    #[error("the peer sent data before all streams were open")]
    Early,
    /// The connection failed.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    Protocol(#[from] SpdyError),
    /// The peer refused a stream.
    #[error("the peer refused the {0} stream")]
    Refused(StreamKind),
    /// The streams took too long.
    #[error("the streams were not there in time")]
    Silent,
}

/// Serves a user whose connection was upgraded to SPDY/3.1 with `v4.channel.k8s.io`.
///
/// # Errors
///
/// When the user does not open the streams that the request asked for.
pub async fn user_leg<IO>(mut io: IO, streams: Streams) -> Result<(RemoteUserReader, RemoteUserWriter), StreamsError>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut carried = Carried::new(Role::Server, streams);
    carried.establish(&mut io).await?;
    let (reader, writer, wire) = wire();
    tokio::spawn(carry(io, carried, wire));
    Ok(user_leg::legs(reader, writer, streams))
}

/// Uses a connection to an API server that was upgraded to SPDY/3.1 with `v4.channel.k8s.io`.
///
/// # Errors
///
/// When the API server does not accept the streams.
pub async fn target_leg<IO>(
    mut io: IO,
    streams: Streams,
) -> Result<(RemoteTargetReader, RemoteTargetWriter), StreamsError>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut carried = Carried::new(Role::Client, streams);
    carried.open();
    carried.establish(&mut io).await?;
    let (reader, writer, wire) = wire();
    tokio::spawn(carry(io, carried, wire));
    Ok(target_leg::legs(reader, writer, streams))
}

/// A connection whose streams have kinds. It does no I/O of its own but while it is established.
#[derive(Debug)]
struct Carried {
    connection: Connection,
    wanted: Vec<StreamKind>,
    streams: Vec<(StreamKind, StreamId)>,
    accepted: usize,
    /// What the leg is to get next.
    incoming: VecDeque<Incoming>,
}

impl Carried {
    fn new(role: Role, streams: Streams) -> Self {
        Self {
            connection: Connection::new(role, MAX_STREAMS),
            wanted: streams.kinds().collect(),
            streams: Vec::new(),
            accepted: 0,
            incoming: VecDeque::new(),
        }
    }

    fn open(&mut self) {
        for &kind in &self.wanted {
            // A new connection takes streams.
            if let Ok(id) = self.connection.open(&Headers::new(&[(STREAM_TYPE, kind.name())])) {
                self.streams.push((kind, id));
            }
        }
    }

    async fn establish(&mut self, io: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<(), StreamsError> {
        timeout(STREAMS_DEADLINE, self.exchange_opening(io)).await.map_err(|_| StreamsError::Silent)?
    }

    /// Reads while it writes: two sides that only wrote would wait for one another.
    async fn exchange_opening(&mut self, io: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<(), StreamsError> {
        let (mut reading, mut writing) = tokio::io::split(io);
        let mut read = BytesMut::with_capacity(READ_BYTES);
        let (mut unsent, mut flushed) = (Bytes::new(), true);
        loop {
            if unsent.is_empty() {
                unsent = self.connection.take_outgoing();
            }
            flushed &= unsent.is_empty();
            if flushed && self.accepted == self.wanted.len() {
                return Ok(());
            }
            tokio::select! {
                written = write_or_flush(&mut writing, &unsent), if !flushed => match written? {
                    0 => flushed = true,
                    written => unsent.advance(written),
                },
                count = reading.read_buf(&mut read) => {
                    some(count?)?;
                    self.receive(read.split().freeze())?;
                    if self.early_bytes() > HELD_BYTES {
                        return Err(StreamsError::Early);
                    }
                    read.reserve(READ_BYTES);
                }
            }
        }
    }

    fn receive(&mut self, bytes: Bytes) -> Result<(), StreamsError> {
        let mut events = Vec::new();
        let received = self.connection.receive(bytes, &mut events);
        for event in events {
            match event {
                Event::Accepted(_) => self.accepted += 1,
                Event::Data(id, data) => {
                    let kind = self.kind(id);
                    self.incoming.extend(kind.map(|kind| Incoming::Data(kind, data)));
                }
                Event::Finished(id) => {
                    let kind = self.kind(id);
                    self.incoming.extend(kind.map(Incoming::End));
                }
                Event::GoneAway => {}
                Event::Opened(id, headers) => self.opened(id, &headers),
                Event::Reset(id, _) => {
                    let kind = self.kind(id);
                    if let Some(kind) = kind.filter(|_| self.accepted < self.wanted.len()) {
                        return Err(StreamsError::Refused(kind));
                    }
                    self.incoming.extend(kind.map(Incoming::End));
                }
            }
        }
        Ok(received?)
    }

    /// Accepts one stream of each kind that the request asked for, and nothing else.
    fn opened(&mut self, id: StreamId, headers: &Headers) {
        let named = headers.value(STREAM_TYPE);
        let kind = self.wanted.iter().copied().find(|kind| Some(kind.name()) == named);
        match kind.filter(|kind| self.id(*kind).is_none()) {
            Some(kind) if self.connection.accept(id).is_ok() => {
                self.streams.push((kind, id));
                self.accepted += 1;
            }
            Some(_) | None => self.connection.reset(id, ResetStatus::PROTOCOL_ERROR),
        }
    }

    /// Writes to the connection; what the peer has ended already is dropped. False when nothing follows.
    fn send(&mut self, item: OutgoingMessage) -> bool {
        match item {
            OutgoingMessage::Close => {
                for (_, id) in std::mem::take(&mut self.streams) {
                    let _ = self.connection.finish(id);
                }
                self.connection.go_away();
                return false;
            }
            OutgoingMessage::Data(kind, data) => {
                if let Some(id) = self.id(kind) {
                    let _ = self.connection.send(id, &data);
                }
            }
            OutgoingMessage::End(kind) => {
                if let Some(id) = self.id(kind) {
                    let _ = self.connection.finish(id);
                }
            }
        }
        true
    }

    /// Passes the next item to the leg.
    fn pass(&mut self, permit: mpsc::Permit<'_, Incoming>, held: &HeldOutput) {
        let Some(item) = self.incoming.pop_front() else { return };
        if let Incoming::Data(kind, data) = &item {
            held.take(*kind, data.len());
            if let Some(id) = self.id(*kind) {
                self.connection.consumed(id, data.len());
            }
        }
        permit.send(item);
    }

    /// How many bytes came before the leg was there.
    fn early_bytes(&self) -> usize {
        let length = |item: &Incoming| match item {
            Incoming::Data(_, data) => data.len(),
            Incoming::End(_) => 0,
        };
        self.incoming.iter().map(length).sum()
    }

    fn kind(&self, id: StreamId) -> Option<StreamKind> {
        self.streams.iter().find(|(_, other)| *other == id).map(|(kind, _)| *kind)
    }

    fn id(&self, kind: StreamKind) -> Option<StreamId> {
        self.streams.iter().find(|(other, _)| *other == kind).map(|(_, id)| *id)
    }
}

async fn carry<IO>(io: IO, mut carried: Carried, wire: Wire)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (incoming, outgoing, held, written, closing) = wire.split();
    let (mut reading, mut writing) = tokio::io::split(io);
    let transport = async {
        let done = exchange(&mut reading, &mut writing, &mut carried, incoming, outgoing, &held).await;
        // An error needs no word: the leg sees the connection end.
        if done.is_ok() {
            let _ = writing.shutdown().await;
            written.all();
            linger(drain(&mut reading)).await;
        }
    };
    until_closed(transport, closing).await;
}

/// Carries until the leg closes (and everything is written), or the peer is gone.
async fn exchange(
    reading: &mut (impl AsyncRead + Unpin),
    writing: &mut (impl AsyncWrite + Unpin),
    carried: &mut Carried,
    incoming: mpsc::Sender<Incoming>,
    mut outgoing: mpsc::Receiver<OutgoingMessage>,
    held: &HeldOutput,
) -> Result<(), StreamsError> {
    let mut read = BytesMut::with_capacity(READ_BYTES);
    let mut unsent = Bytes::new();
    let (mut flushed, mut open, mut leg_reads) = (true, true, true);
    // When the connection breaks, what came before is passed on first.
    let mut broken: Option<StreamsError> = None;
    loop {
        if unsent.is_empty() {
            unsent = carried.connection.take_outgoing();
        }
        flushed &= unsent.is_empty();
        if flushed && !open {
            return Ok(());
        }
        if !leg_reads {
            carried.incoming.clear();
        }
        if carried.incoming.is_empty()
            && let Some(error) = broken.take()
        {
            return Err(error);
        }
        let is_whole = broken.is_none();
        tokio::select! {
            written = write_or_flush(writing, &unsent), if is_whole && !flushed => match written {
                Ok(0) => flushed = true,
                Ok(written) => unsent.advance(written),
                Err(error) => broken = Some(error.into()),
            },
            item = outgoing.recv(), if is_whole && open && carried.connection.outgoing_bytes() < UNSENT_BYTES => {
                open = carried.send(item.unwrap_or(OutgoingMessage::Close));
            }
            permit = room(&incoming, held), if leg_reads && !carried.incoming.is_empty() => match permit {
                Some(permit) => carried.pass(permit, held),
                None => leg_reads = false,
            },
            // At the peer's end all that it sent before is in the leg's hands.
            count = reading.read_buf(&mut read), if is_whole && carried.incoming.is_empty() => {
                some(count?)?;
                broken = carried.receive(read.split().freeze()).err();
                read.reserve(READ_BYTES);
            }
        }
    }
}

/// How many bytes were written; none when there were none and what was written before is flushed.
async fn write_or_flush(writing: &mut (impl AsyncWrite + Unpin), unsent: &[u8]) -> io::Result<usize> {
    if unsent.is_empty() {
        return writing.flush().await.map(|()| 0);
    }
    some(writing.write(unsent).await?)
}

/// Room for one item in the leg's queue, and for its bytes in what the session holds.
async fn room<'a>(incoming: &'a mpsc::Sender<Incoming>, held: &HeldOutput) -> Option<mpsc::Permit<'a, Incoming>> {
    held.room().await;
    incoming.reserve().await.ok()
}

async fn drain(reading: &mut (impl AsyncRead + Unpin)) {
    let mut read = vec![0; READ_BYTES];
    while reading.read(&mut read).await.is_ok_and(|count| count > 0) {}
}

/// No bytes are the end of a connection.
fn some(count: usize) -> io::Result<usize> {
    if count > 0 { Ok(count) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

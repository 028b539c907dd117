//! One connection: which streams there are, and which half of each is finished.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::{
    Headers, ResetStatus, SendError, SpdyError, StreamId,
    frame::{Frame, FrameReader, FrameWriter},
    header_block::{HeaderReader, HeaderWriter},
};

/// Replies (to pings, to refused streams) that may wait until the peer reads: a peer that only asks is cut off.
const MAX_REPLY_BYTES: usize = 64 * 1024;

/// The window that a peer starts with (SPDY/3.1 §2.6.8); it is told of consumed bytes by the half of it.
const WINDOW_BYTES: u32 = 64 * 1024;

/// Which end of the connection we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Opens streams with odd numbers.
    Client,
    /// Opens streams with even numbers.
    Server,
}

/// What the peer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It accepted a stream that we opened: data may be sent.
    Accepted(StreamId),
    /// It sent data, never empty.
    Data(StreamId, Bytes),
    /// It finished its half of a stream.
    Finished(StreamId),
    /// It opens no more streams, and wants none.
    GoneAway,
    /// It opened a stream, which is to be accepted or reset.
    Opened(StreamId, Headers),
    /// It ended a stream.
    Reset(StreamId, ResetStatus),
}

/// The state of a connection. After an error it is of no more use.
#[derive(Debug)]
pub struct Connection {
    frames: FrameReader,
    header_reader: HeaderReader,
    header_writer: HeaderWriter,
    streams: BTreeMap<StreamId, StreamState>,
    /// Streams of the peer that may be there at one time.
    max_streams: usize,
    /// The next one of ours.
    next: u32,
    /// The last one of the peer's; zero before the first.
    last: StreamId,
    gone_away: bool,
    outgoing: BytesMut,
    /// How many bytes of `outgoing` are replies.
    replies: usize,
    /// Consumed on the whole connection, not yet told.
    consumed: u32,
}

#[derive(Debug, Clone, Copy)]
struct StreamState {
    ours: bool,
    accepted: bool,
    finished_here: bool,
    finished_there: bool,
    consumed: u32,
}

impl Connection {
    /// A connection on which nothing was said. A peer's streams above `max_streams` at one time are refused.
    #[must_use]
    pub fn new(role: Role, max_streams: usize) -> Self {
        Self {
            frames: FrameReader::default(),
            header_reader: HeaderReader::new(),
            header_writer: HeaderWriter::default(),
            streams: BTreeMap::new(),
            max_streams,
            next: if role == Role::Client { 1 } else { 2 },
            last: StreamId(0),
            gone_away: false,
            outgoing: BytesMut::new(),
            replies: 0,
            consumed: 0,
        }
    }

    /// Reads what the peer sent and adds what it did to `events`; how the bytes are cut does not matter.
    ///
    /// # Errors
    ///
    /// When the peer breaks the protocol or a limit. Events from before that are added.
    pub fn receive(&mut self, mut bytes: Bytes, events: &mut Vec<Event>) -> Result<(), SpdyError> {
        while let Some(frame) = self.frames.next(&mut bytes)? {
            self.frame(frame, events)?;
            if self.replies > MAX_REPLY_BYTES {
                return Err(SpdyError::UnreadReplies);
            }
        }
        Ok(())
    }

    /// Opens a stream. Data may be sent after [`Event::Accepted`].
    ///
    /// # Errors
    ///
    /// When the connection takes no more streams.
    pub fn open(&mut self, headers: &Headers) -> Result<StreamId, SendError> {
        if self.gone_away || self.next > i32::MAX.cast_unsigned() {
            return Err(SendError::GoneAway);
        }
        let id = StreamId(self.next);
        self.next += 2;
        let block = self.header_writer.write(headers);
        self.writer().syn_stream(id, &block, false);
        self.streams.insert(id, StreamState::new(true));
        Ok(id)
    }

    /// Accepts a stream that the peer opened.
    ///
    /// # Errors
    ///
    /// When it is not there any more, or accepted already.
    pub fn accept(&mut self, id: StreamId) -> Result<(), SendError> {
        let stream = self.streams.get_mut(&id).filter(|stream| !stream.ours && !stream.accepted);
        stream.ok_or(SendError::Closed)?.accepted = true;
        let block = self.header_writer.write(&Headers::default());
        self.writer().syn_reply(id, &block);
        self.forget_finished(id);
        Ok(())
    }

    /// Sends data.
    ///
    /// # Errors
    ///
    /// When our half of the stream is finished or not accepted.
    pub fn send(&mut self, id: StreamId, data: &[u8]) -> Result<(), SendError> {
        self.writable(id)?;
        if !data.is_empty() {
            self.writer().data(id, data, false);
        }
        Ok(())
    }

    /// Finishes our half of a stream.
    ///
    /// # Errors
    ///
    /// When it is finished or not accepted.
    pub fn finish(&mut self, id: StreamId) -> Result<(), SendError> {
        self.writable(id)?.finished_here = true;
        self.writer().data(id, &[], true);
        self.forget_finished(id);
        Ok(())
    }

    /// Ends a stream, or refuses one that the peer opened. One that is not there any more has ended.
    pub fn reset(&mut self, id: StreamId, status: ResetStatus) {
        if self.streams.remove(&id).is_some() {
            self.writer().rst_stream(id, status);
        }
    }

    /// Says that no more streams follow.
    pub fn go_away(&mut self) {
        self.gone_away = true;
        let last = self.last;
        self.writer().go_away(last);
    }

    /// Tells a peer that counts, in time, that `bytes` of a stream's data need no room any more.
    pub fn consumed(&mut self, id: StreamId, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(WINDOW_BYTES);
        self.consumed = self.consumed.saturating_add(bytes);
        let mut of_stream = 0;
        if let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.finished_there) {
            stream.consumed = stream.consumed.saturating_add(bytes);
            if stream.consumed >= WINDOW_BYTES / 2 {
                of_stream = std::mem::take(&mut stream.consumed);
            }
        }
        if of_stream > 0 {
            self.writer().window_update(id.0, of_stream);
        }
        if self.consumed >= WINDOW_BYTES / 2 {
            let of_connection = std::mem::take(&mut self.consumed);
            self.writer().window_update(0, of_connection);
        }
    }

    /// The bytes that are to be sent to the peer.
    pub fn take_outgoing(&mut self) -> Bytes {
        self.replies = 0;
        self.outgoing.split().freeze()
    }

    /// How many bytes wait to be sent.
    #[must_use]
    pub fn outgoing_bytes(&self) -> usize {
        self.outgoing.len()
    }

    /// How many streams there are.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    fn frame(&mut self, frame: Frame, events: &mut Vec<Event>) -> Result<(), SpdyError> {
        match frame {
            Frame::Data { stream, data, fin } => self.data(stream, data, fin, events)?,
            Frame::GoAway => {
                self.gone_away = true;
                events.push(Event::GoneAway);
            }
            Frame::Headers { stream, block, fin } => {
                // Kubernetes sends none after the first; they are read for what later ones refer to.
                self.header_reader.read(&block)?;
                self.data(stream, Bytes::new(), fin, events)?;
            }
            // Only our pings would have replies, and we send none.
            Frame::Ping { id } if id % 2 == self.next % 2 => {}
            Frame::Ping { id } => self.reply(|writer| writer.ping(id)),
            Frame::RstStream { stream, status } => {
                if self.streams.remove(&stream).is_some() {
                    events.push(Event::Reset(stream, status));
                }
            }
            Frame::Settings | Frame::WindowUpdate => {}
            Frame::SynReply { stream, block, fin } => {
                self.header_reader.read(&block)?;
                self.accepted(stream, fin, events)?;
            }
            Frame::SynStream { stream, block, fin } => {
                let headers = self.header_reader.read(&block)?;
                self.opened(stream, headers, fin, events)?;
            }
        }
        Ok(())
    }

    fn opened(&mut self, id: StreamId, headers: Headers, fin: bool, events: &mut Vec<Event>) -> Result<(), SpdyError> {
        if id.0 % 2 == self.next % 2 || id <= self.last {
            return Err(SpdyError::StreamId);
        }
        self.last = id;
        let there = self.streams.values().filter(|stream| !stream.ours).count();
        if self.gone_away || there >= self.max_streams {
            self.reply(|writer| writer.rst_stream(id, ResetStatus::REFUSED_STREAM));
            return Ok(());
        }
        self.streams.insert(id, StreamState { finished_there: fin, ..StreamState::new(false) });
        events.push(Event::Opened(id, headers));
        if fin {
            events.push(Event::Finished(id));
        }
        Ok(())
    }

    fn accepted(&mut self, id: StreamId, fin: bool, events: &mut Vec<Event>) -> Result<(), SpdyError> {
        if !self.was_opened_here(id) {
            return Err(SpdyError::UnexpectedReply);
        }
        // It was reset here while the reply was on its way.
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        if std::mem::replace(&mut stream.accepted, true) {
            return Err(SpdyError::UnexpectedReply);
        }
        events.push(Event::Accepted(id));
        self.data(id, Bytes::new(), fin, events)
    }

    fn data(&mut self, id: StreamId, data: Bytes, fin: bool, events: &mut Vec<Event>) -> Result<(), SpdyError> {
        let Some(stream) = self.streams.get_mut(&id) else {
            // What was on its way when the stream ended says nothing; what was never opened is a lie.
            return if id <= self.last || self.was_opened_here(id) { Ok(()) } else { Err(SpdyError::StreamId) };
        };
        if stream.finished_there {
            return Err(SpdyError::DataAfterEnd);
        }
        if !data.is_empty() {
            events.push(Event::Data(id, data));
        }
        if fin {
            stream.finished_there = true;
            events.push(Event::Finished(id));
            self.forget_finished(id);
        }
        Ok(())
    }

    fn writable(&mut self, id: StreamId) -> Result<&mut StreamState, SendError> {
        let stream = self.streams.get_mut(&id).filter(|stream| !stream.finished_here).ok_or(SendError::Closed)?;
        if stream.accepted { Ok(stream) } else { Err(SendError::NotAccepted) }
    }

    fn was_opened_here(&self, id: StreamId) -> bool {
        id.0 % 2 == self.next % 2 && id.0 < self.next
    }

    fn forget_finished(&mut self, id: StreamId) {
        if self.streams.get(&id).is_some_and(|stream| stream.finished_here && stream.finished_there) {
            self.streams.remove(&id);
        }
    }

    fn writer(&mut self) -> FrameWriter<'_> {
        FrameWriter(&mut self.outgoing)
    }

    fn reply(&mut self, write: impl FnOnce(&mut FrameWriter<'_>)) {
        let before = self.outgoing.len();
        write(&mut FrameWriter(&mut self.outgoing));
        self.replies += self.outgoing.len() - before;
    }
}

impl StreamState {
    fn new(ours: bool) -> Self {
        Self { ours, accepted: false, finished_here: false, finished_there: false, consumed: 0 }
    }
}

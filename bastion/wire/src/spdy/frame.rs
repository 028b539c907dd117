//! Frames: what is between two frame headers (SPDY/3.1 §2.2).
//!
//! ```text
//!   control |1| version (15) |    type (16)    |   data |0|       stream id (31)        |
//!           | flags (8) |     length (24)      |        | flags (8) |    length (24)    |
//!           | as the type says                 |        | bytes                         |
//! ```
//!
//! Data is passed on as it arrives, whatever length its frame announces; a control frame is collected up to
//! [`MAX_CONTROL_BYTES`].

use bytes::{Buf, Bytes, BytesMut};

use super::{ResetStatus, SpdyError};

/// The longest control frame: a header block of the largest size that is read, hardly compressed.
pub(super) const MAX_CONTROL_BYTES: u32 = 32 * 1024;

/// Data frames that we send are no longer.
pub(super) const MAX_DATA_BYTES: usize = 64 * 1024;

const VERSION: u16 = 3;
const FIN: u8 = 1;
const FRAME_HEADER_BYTES: usize = 8;
const STREAM_ID_BITS: u32 = 0x7fff_ffff;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const SETTINGS: u16 = 4;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;
const WINDOW_UPDATE: u16 = 9;

/// The number of a stream: odd when the client opened it, even when the server did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// One frame, or a piece of a data frame. Header blocks are still compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    Data { stream: StreamId, data: Bytes, fin: bool },
    GoAway,
    Headers { stream: StreamId, block: Bytes, fin: bool },
    Ping { id: u32 },
    RstStream { stream: StreamId, status: ResetStatus },
    Settings,
    SynReply { stream: StreamId, block: Bytes, fin: bool },
    SynStream { stream: StreamId, block: Bytes, fin: bool },
    WindowUpdate,
}

/// Cuts bytes into frames.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// The beginning of a frame header or of a control frame.
    begun: BytesMut,
    /// The data frame whose bytes come now.
    data: Option<DataFrame>,
}

#[derive(Debug, Clone, Copy)]
struct DataFrame {
    stream: StreamId,
    left: usize,
    fin: bool,
}

impl FrameReader {
    /// The next frame; takes its bytes from `input`. `None` when `input` is used up.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Frame>, SpdyError> {
        if let Some(data) = self.data {
            return Ok(self.data_piece(data, input));
        }
        if !self.fill(FRAME_HEADER_BYTES, input) {
            return Ok(None);
        }
        let mut header = self.begun.as_ref();
        let (first, second) = (header.try_get_u32(), header.try_get_u32());
        let (Ok(first), Ok(second)) = (first, second) else { return Err(SpdyError::MalformedFrame) };
        let [flags, ..] = second.to_be_bytes();
        let length = second & 0x00ff_ffff;

        if first & !STREAM_ID_BITS == 0 {
            if first == 0 {
                return Err(SpdyError::StreamId);
            }
            let left = usize::try_from(length).map_err(|_| SpdyError::MalformedFrame)?;
            let data = DataFrame { stream: StreamId(first), left, fin: flags & FIN != 0 };
            self.begun.clear();
            self.data = Some(data);
            return Ok(self.data_piece(data, input));
        }

        let [version_high, version_low, kind_high, kind_low] = (first & STREAM_ID_BITS).to_be_bytes();
        let version = u16::from_be_bytes([version_high, version_low]);
        if version != VERSION {
            return Err(SpdyError::Version(version));
        }
        let kind = u16::from_be_bytes([kind_high, kind_low]);
        if length > MAX_CONTROL_BYTES {
            return Err(SpdyError::ControlFrameTooLong(length));
        }
        let whole = FRAME_HEADER_BYTES + usize::try_from(length).map_err(|_| SpdyError::MalformedFrame)?;
        if !self.fill(whole, input) {
            return Ok(None);
        }
        let mut frame = self.begun.split().freeze();
        frame.advance(FRAME_HEADER_BYTES);
        control(kind, flags, frame).map(Some)
    }

    /// What there is of a data frame. An empty piece only ends the stream.
    fn data_piece(&mut self, mut frame: DataFrame, input: &mut Bytes) -> Option<Frame> {
        if input.is_empty() && frame.left > 0 {
            return None;
        }
        let data = input.split_to(frame.left.min(input.len()));
        frame.left -= data.len();
        let ends = frame.left == 0;
        self.data = (!ends).then_some(frame);
        Some(Frame::Data { stream: frame.stream, data, fin: ends && frame.fin })
    }

    /// Whether `begun` has `length` bytes now.
    fn fill(&mut self, length: usize, input: &mut Bytes) -> bool {
        let missing = length.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(&input.split_to(missing.min(input.len())));
        self.begun.len() >= length
    }
}

fn control(kind: u16, flags: u8, mut payload: Bytes) -> Result<Frame, SpdyError> {
    let fin = flags & FIN != 0;
    let frame = match kind {
        SYN_STREAM => {
            let stream = stream_id(&mut payload)?;
            // The stream that this one belongs to, priority and slot mean nothing in Kubernetes.
            if payload.len() < 6 {
                return Err(SpdyError::MalformedFrame);
            }
            payload.advance(6);
            Frame::SynStream { stream, block: std::mem::take(&mut payload), fin }
        }
        SYN_REPLY => Frame::SynReply { stream: stream_id(&mut payload)?, block: std::mem::take(&mut payload), fin },
        HEADERS => Frame::Headers { stream: stream_id(&mut payload)?, block: std::mem::take(&mut payload), fin },
        RST_STREAM => Frame::RstStream { stream: stream_id(&mut payload)?, status: ResetStatus(number(&mut payload)?) },
        SETTINGS => settings(&mut payload)?,
        PING => Frame::Ping { id: number(&mut payload)? },
        GOAWAY => {
            number(&mut payload)?;
            number(&mut payload)?;
            Frame::GoAway
        }
        WINDOW_UPDATE => {
            number(&mut payload)?;
            if number(&mut payload)? & STREAM_ID_BITS == 0 {
                return Err(SpdyError::MalformedFrame);
            }
            Frame::WindowUpdate
        }
        kind => return Err(SpdyError::UnknownFrame(kind)),
    };
    if payload.is_empty() { Ok(frame) } else { Err(SpdyError::MalformedFrame) }
}

/// The count must be the number of entries that are there; it is never trusted for more.
fn settings(payload: &mut Bytes) -> Result<Frame, SpdyError> {
    let count = number(payload)?;
    if u64::from(count) * 8 != u64::try_from(payload.len()).unwrap_or(u64::MAX) {
        return Err(SpdyError::MalformedFrame);
    }
    payload.clear();
    Ok(Frame::Settings)
}

fn stream_id(payload: &mut Bytes) -> Result<StreamId, SpdyError> {
    match number(payload)? & STREAM_ID_BITS {
        0 => Err(SpdyError::StreamId),
        id => Ok(StreamId(id)),
    }
}

fn number(payload: &mut Bytes) -> Result<u32, SpdyError> {
    payload.try_get_u32().map_err(|_| SpdyError::MalformedFrame)
}

// === writing ===

/// Writes frames. Invariant: what is passed fits its length field.
#[derive(Debug)]
pub(super) struct FrameWriter<'a>(pub(super) &'a mut BytesMut);

impl FrameWriter<'_> {
    pub(super) fn data(&mut self, stream: StreamId, data: &[u8], fin: bool) {
        let mut pieces = data.chunks(MAX_DATA_BYTES).peekable();
        loop {
            let piece = pieces.next().unwrap_or_default();
            let last = pieces.peek().is_none();
            self.0.extend_from_slice(&stream.0.to_be_bytes());
            self.length(piece.len(), last && fin);
            self.0.extend_from_slice(piece);
            if last {
                return;
            }
        }
    }

    pub(super) fn syn_stream(&mut self, stream: StreamId, block: &[u8], fin: bool) {
        self.control(SYN_STREAM, fin, 10 + block.len());
        self.0.extend_from_slice(&stream.0.to_be_bytes());
        self.0.extend_from_slice(&[0; 6]);
        self.0.extend_from_slice(block);
    }

    pub(super) fn syn_reply(&mut self, stream: StreamId, block: &[u8]) {
        self.control(SYN_REPLY, false, 4 + block.len());
        self.0.extend_from_slice(&stream.0.to_be_bytes());
        self.0.extend_from_slice(block);
    }

    pub(super) fn rst_stream(&mut self, stream: StreamId, status: ResetStatus) {
        self.numbers(RST_STREAM, &[stream.0, status.0]);
    }

    pub(super) fn ping(&mut self, id: u32) {
        self.numbers(PING, &[id]);
    }

    pub(super) fn go_away(&mut self, last: StreamId) {
        self.numbers(GOAWAY, &[last.0, 0]);
    }

    /// `stream` zero is the connection.
    pub(super) fn window_update(&mut self, stream: u32, delta: u32) {
        self.numbers(WINDOW_UPDATE, &[stream, delta]);
    }

    fn numbers(&mut self, kind: u16, numbers: &[u32]) {
        self.control(kind, false, numbers.len() * 4);
        for number in numbers {
            self.0.extend_from_slice(&number.to_be_bytes());
        }
    }

    fn control(&mut self, kind: u16, fin: bool, length: usize) {
        self.0.extend_from_slice(&(0x8000 | VERSION).to_be_bytes());
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.length(length, fin);
    }

    fn length(&mut self, length: usize, fin: bool) {
        let length = u32::try_from(length).unwrap_or_default() & 0x00ff_ffff;
        self.0.extend_from_slice(&(u32::from(u8::from(fin)) << 24 | length).to_be_bytes());
    }
}

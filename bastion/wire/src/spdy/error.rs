//! What a peer can do wrong, and what we can.

/// The peer broke the protocol or a limit; the connection is of no more use, for the state of the header
/// compression is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpdyError {
    /// A control frame is longer than any that is needed.
    #[error("a control frame of {0} bytes")]
    ControlFrameTooLong(u32),
    /// Data for a stream whose sender had finished it.
    #[error("data after the end of a stream")]
    DataAfterEnd,
    /// A header block that zlib cannot read, or without our dictionary.
    #[error("a header block that does not inflate")]
    Deflate,
    /// More header bytes than any request needs, or more than a zlib bomb may make.
    #[error("a header block of more than {0} bytes")]
    HeadersTooLong(usize),
    /// A control frame whose length or content does not fit its type.
    #[error("a malformed control frame")]
    MalformedFrame,
    /// Names that are empty, not in lower case or there twice; counts and lengths that do not add up.
    #[error("a malformed header block")]
    MalformedHeaders,
    /// A stream id of the wrong side, zero, or not above the one before.
    #[error("a stream id that may not be used")]
    StreamId,
    /// The peer asks for replies and does not read them.
    #[error("too many replies wait for the peer to read them")]
    UnreadReplies,
    /// A reply to a stream that was not opened, or a second one.
    #[error("a reply that was not asked for")]
    UnexpectedReply,
    /// A control frame of a type that SPDY/3.1 does not have.
    #[error("a control frame of unknown type {0}")]
    UnknownFrame(u16),
    /// Not version 3.
    #[error("SPDY version {0}")]
    Version(u16),
}

/// What was to be sent cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The stream does not exist any more, or our half of it is finished.
    #[error("the stream is closed")]
    Closed,
    /// The peer or we said that no streams follow, or the ids are used up.
    #[error("no more streams can be opened")]
    GoneAway,
    /// The peer has not replied to the stream yet; Kubernetes drops data that comes before its reply.
    #[error("the stream is not accepted yet")]
    NotAccepted,
}

/// Why a stream ends abnormally (SPDY/3.1 §2.6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetStatus(pub u32);

impl ResetStatus {
    /// The stream is not wanted any more.
    pub const CANCEL: Self = Self(5);
    /// Something failed on our side.
    pub const INTERNAL_ERROR: Self = Self(6);
    /// The stream breaks the protocol above SPDY.
    pub const PROTOCOL_ERROR: Self = Self(1);
    /// The stream was refused before anything was done with it.
    pub const REFUSED_STREAM: Self = Self(3);
}

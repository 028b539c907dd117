//! Header blocks (SPDY/3.1 §2.6.10): pairs of names and values in one zlib stream that lasts as long as the
//! connection, primed with a dictionary. Every block must be read, in order, also of streams that are refused:
//! what one block holds, the next may refer to.
//!
//! ```text
//!   | pairs (32) |  then for each:  | length (32) | name | length (32) | value, parts separated by NUL |
//! ```

use std::fmt;

use bytes::{Buf, Bytes};
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_HAS_MORE_INPUT},
};

use super::{
    SpdyError,
    dictionary::{DICTIONARY, DICTIONARY_ID},
};

/// A block may not inflate to more. Kubernetes' are below 200 bytes.
pub(super) const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The window of deflate.
const WINDOW_BYTES: usize = 32 * 1024;

/// zlib with a 32 KiB window and a preset dictionary (RFC 1950 §2.2). The two bytes are a multiple of 31.
const ZLIB_HEADER: [u8; 2] = [0x78, 0x20];

/// Has the name of its dictionary after it.
const PRESET_DICTIONARY: u8 = 0x20;

/// What a stored deflate block holds at most.
const MAX_STORED_BYTES: usize = 0xffff;

/// The headers of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The headers with these names, which must be in lower case, and values.
    #[must_use]
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The value of a header; its name in lower case.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn parse(mut block: Bytes) -> Result<Self, SpdyError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let count = block.try_get_u32().map_err(|_| SpdyError::MalformedHeaders)?;
        for _ in 0..count {
            let (name, value) = (text(&mut block)?, text(&mut block)?);
            let known = pairs.iter().any(|(other, _)| *other == name);
            if name.is_empty() || known || name.chars().any(char::is_uppercase) {
                return Err(SpdyError::MalformedHeaders);
            }
            pairs.push((name, value));
        }
        if block.is_empty() { Ok(Self(pairs)) } else { Err(SpdyError::MalformedHeaders) }
    }

    fn encode(&self) -> Vec<u8> {
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        let mut block = length(self.0.len()).to_vec();
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            block.extend_from_slice(&length(text.len()));
            block.extend_from_slice(text.as_bytes());
        }
        block
    }
}

fn text(block: &mut Bytes) -> Result<String, SpdyError> {
    let length = block.try_get_u32().map_err(|_| SpdyError::MalformedHeaders)?;
    let length = usize::try_from(length).ok().filter(|&length| length <= block.len());
    let bytes = block.split_to(length.ok_or(SpdyError::MalformedHeaders)?);
    String::from_utf8(bytes.into()).map_err(|_| SpdyError::MalformedHeaders)
}

// === HeaderReader ===

/// Inflates the blocks that the peer sends.
pub(super) struct HeaderReader {
    inflate: Box<DecompressorOxide>,
    /// The last 32 KiB, as a ring.
    window: Box<[u8]>,
    /// Where the next byte goes; always below the length of `window`.
    at: usize,
    begun: bool,
}

impl HeaderReader {
    pub(super) fn new() -> Self {
        let mut window = vec![0; WINDOW_BYTES];
        for (byte, known) in window.iter_mut().zip(DICTIONARY) {
            *byte = *known;
        }
        Self { inflate: Box::default(), window: window.into(), at: DICTIONARY.len(), begun: false }
    }

    pub(super) fn read(&mut self, mut block: &[u8]) -> Result<Headers, SpdyError> {
        if !self.begun {
            block = after_zlib_header(block).ok_or(SpdyError::Deflate)?;
            self.begun = true;
        }
        let mut plain = Vec::new();
        loop {
            let (status, taken, made) =
                decompress(&mut self.inflate, block, &mut self.window, self.at, TINFL_FLAG_HAS_MORE_INPUT);
            let (rest, new) = (block.get(taken..), self.window.get(self.at..self.at + made));
            let (Some(rest), Some(new)) = (rest, new) else { return Err(SpdyError::Deflate) };
            plain.extend_from_slice(new);
            if plain.len() > MAX_HEADER_BYTES {
                return Err(SpdyError::HeadersTooLong(MAX_HEADER_BYTES));
            }
            block = rest;
            self.at = (self.at + made) % WINDOW_BYTES;
            #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive; the rest are failures")]
            match status {
                TINFLStatus::NeedsMoreInput if block.is_empty() => return Headers::parse(plain.into()),
                TINFLStatus::HasMoreOutput if taken + made > 0 => {}
                // That includes the end: the stream may not end before the connection does.
                _ => return Err(SpdyError::Deflate),
            }
        }
    }
}

impl fmt::Debug for HeaderReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderReader").field("begun", &self.begun).finish_non_exhaustive()
    }
}

/// What follows the header of a zlib stream with our dictionary.
fn after_zlib_header(block: &[u8]) -> Option<&[u8]> {
    let (&[method, flags], rest) = block.split_first_chunk()?;
    let deflates = method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]) % 31 == 0;
    let (id, rest) = rest.split_first_chunk()?;
    (deflates && flags & PRESET_DICTIONARY != 0 && *id == DICTIONARY_ID).then_some(rest)
}

// === HeaderWriter ===

/// Wraps the blocks that we send as stored deflate blocks.
#[derive(Debug, Default)]
pub(super) struct HeaderWriter {
    begun: bool,
}

impl HeaderWriter {
    pub(super) fn write(&mut self, headers: &Headers) -> Vec<u8> {
        let mut block = Vec::new();
        if !self.begun {
            block.extend_from_slice(&ZLIB_HEADER);
            block.extend_from_slice(&DICTIONARY_ID);
            self.begun = true;
        }
        for piece in headers.encode().chunks(MAX_STORED_BYTES) {
            stored(&mut block, piece);
        }
        // Go reads on to the end of a deflate block: this empty one, as a flush writes it, is what it waits for.
        stored(&mut block, &[]);
        block
    }
}

/// A stored block that is not the last (RFC 1951 §3.2.4).
fn stored(block: &mut Vec<u8>, piece: &[u8]) {
    let length = u16::try_from(piece.len()).unwrap_or_default();
    block.push(0);
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&(!length).to_le_bytes());
    block.extend_from_slice(piece);
}

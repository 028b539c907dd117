//! As much of SPDY/3.1 as a server needs that may lie. Written for the tests alone.

use miniz_oxide::inflate::core::{
    DecompressorOxide, decompress,
    inflate_flags::{TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF},
};

/// A stream is opened.
pub const SYN_STREAM: u16 = 1;
/// A stream is accepted.
pub const SYN_REPLY: u16 = 2;
/// A stream is broken off.
pub const RST_STREAM: u16 = 3;
/// A question whether the peer lives; the answer is the same.
pub const PING: u16 = 6;
/// No stream is opened any more.
pub const GOAWAY: u16 = 7;
/// The peer may send more.
pub const WINDOW_UPDATE: u16 = 9;

/// The words of the dictionary of SPDY/3 (§2.6.10.1), each after its length.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language \
    accept-ranges age allow authorization cache-control connection content-base content-encoding content-language \
    content-length content-location content-md5 content-range content-type date etag expect expires from host if-match \
    if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma \
    proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
    user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie \
    keep-alive origin";

/// What follows the words.
const TAIL: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 \
    Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 \
    Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept \
    Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,\
    application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,\
    sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/// Adler-32 of the dictionary, by which zlib names it.
const DICTIONARY_ID: u32 = 0xe3c6_a7c2;

/// All the header blocks of a connection together.
const MAX_HEADERS: usize = 4 * 1024 * 1024;

/// One frame of a client's.
#[derive(Debug)]
pub enum Frame {
    /// Data of a stream, and whether they are the last.
    Data(u32, Vec<u8>, bool),
    /// Type, flags and what it holds.
    Control(u16, u8, Vec<u8>),
}

/// A control frame.
pub fn control(kind: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32 & 0xff_ffff) | u32::from(flags) << 24;
    [&[0x80, 3][..], &kind.to_be_bytes(), &length.to_be_bytes(), payload].concat()
}

/// A data frame.
pub fn data(stream: u32, payload: &[u8], is_last: bool) -> Vec<u8> {
    let length = (payload.len() as u32 & 0xff_ffff) | u32::from(is_last) << 24;
    [&stream.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

/// A control frame that holds two numbers.
pub fn pair(kind: u16, first: u32, second: u32) -> Vec<u8> {
    control(kind, 0, &[first.to_be_bytes(), second.to_be_bytes()].concat())
}

/// Writes header blocks, stored and not compressed.
#[derive(Default)]
pub struct HeaderWriter {
    begun: bool,
}

impl HeaderWriter {
    /// Accepts a stream, with a header block that holds these bytes.
    pub fn reply(&mut self, stream: u32, block: &[u8]) -> Vec<u8> {
        let mut payload = stream.to_be_bytes().to_vec();
        if !std::mem::replace(&mut self.begun, true) {
            // RFC 1950: deflate, with a dictionary, and a multiple of 31.
            payload.extend([0x78, 0xbb]);
            payload.extend(DICTIONARY_ID.to_be_bytes());
        }
        let length = block.len() as u16;
        payload.push(0);
        payload.extend(length.to_le_bytes());
        payload.extend((!length).to_le_bytes());
        payload.extend_from_slice(block);
        // An empty block makes Go's zlib give out what came before it.
        payload.extend([0, 0, 0, 0xff, 0xff]);
        control(SYN_REPLY, 0, &payload)
    }
}

/// The frames of a client, with the headers of its streams.
pub struct Reader {
    bytes: Vec<u8>,
    inflate: Box<DecompressorOxide>,
    headers: Vec<u8>,
    at: usize,
    begun: bool,
}

impl Default for Reader {
    fn default() -> Self {
        let mut headers = Vec::new();
        for word in WORDS.split(' ') {
            headers.extend((word.len() as u32).to_be_bytes());
            headers.extend(word.replace('_', " ").bytes());
        }
        headers.extend(TAIL.bytes());
        let at = headers.len();
        headers.resize(MAX_HEADERS, 0);
        Self { bytes: Vec::new(), inflate: Box::default(), headers, at, begun: false }
    }
}

impl Reader {
    /// More bytes came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub fn frame(&mut self) -> Option<Frame> {
        let head = u32::from_be_bytes(self.bytes.get(..4)?.try_into().ok()?);
        let flags_and_length = u32::from_be_bytes(self.bytes.get(4..8)?.try_into().ok()?);
        let (flags, end) = ((flags_and_length >> 24) as u8, 8 + (flags_and_length & 0xff_ffff) as usize);
        let payload = self.bytes.get(8..end)?.to_vec();
        self.bytes.drain(..end);
        Some(if head >> 31 == 1 {
            Frame::Control((head & 0xffff) as u16, flags, payload)
        } else {
            Frame::Data(head, payload, flags & 1 == 1)
        })
    }

    /// The stream of a SYN_STREAM, and its headers.
    pub fn headers(&mut self, payload: &[u8]) -> Option<(u32, Vec<(String, String)>)> {
        let stream = u32::from_be_bytes(payload.get(..4)?.try_into().ok()?);
        let mut block = payload.get(10..)?;
        if !std::mem::replace(&mut self.begun, true) {
            let has_dictionary = block.get(1)? & 0x20 != 0;
            block = block.get(if has_dictionary { 6 } else { 2 }..)?;
        }
        let flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let start = self.at;
        let (_, _, written) = decompress(&mut self.inflate, block, &mut self.headers, start, flags);
        self.at += written;
        let mut rest = self.headers.get(start..self.at)?;
        let (pairs, after) = rest.split_at_checked(4)?;
        rest = after;
        let pairs = u32::from_be_bytes(pairs.try_into().ok()?);
        let mut headers = Vec::new();
        for _ in 0..pairs {
            let name = text(&mut rest)?;
            headers.push((name, text(&mut rest)?));
        }
        Some((stream, headers))
    }
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let (length, after) = rest.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    let (text, after) = after.split_at_checked(length)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

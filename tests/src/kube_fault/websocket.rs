//! As much of WebSocket (RFC 6455) as a server needs that may lie. Written for the tests alone.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::BASE64;

/// A message of bytes.
pub const BINARY: u8 = 2;

/// What belongs to the message before.
pub const CONTINUATION: u8 = 0;

/// The end.
pub const CLOSE: u8 = 8;

/// A question whether the peer lives.
pub const PING: u8 = 9;

/// RFC 6455 §1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// `Sec-WebSocket-Accept` for a key.
pub fn accept(key: &str) -> String {
    BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()).as_ref())
}

/// One frame of a server's, whole and honest.
pub fn frame(opcode: u8, is_final: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, is_final, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// The head of a frame that says that `length` bytes follow.
pub fn head(opcode: u8, is_final: bool, length: u64) -> Vec<u8> {
    let mut head = vec![opcode | if is_final { 0x80 } else { 0 }];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..=125), _) => head.push(length),
        (_, Ok(length)) => {
            head.push(126);
            head.extend(length.to_be_bytes());
        }
        _ => {
            head.push(127);
            head.extend(length.to_be_bytes());
        }
    }
    head
}

/// The frames of a client.
#[derive(Default)]
pub struct Reader {
    bytes: Vec<u8>,
}

impl Reader {
    /// More bytes came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

impl Iterator for Reader {
    /// A whole frame: its opcode and what it holds, unmasked.
    type Item = (u8, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let (&first, &second) = (self.bytes.first()?, self.bytes.get(1)?);
        let (length, at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(self.bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(self.bytes.get(2..10)?.try_into().ok()?), 10),
            length => (u64::from(length), 2),
        };
        let mask: [u8; 4] = self.bytes.get(at..at + 4)?.try_into().ok()?;
        let end = at + 4 + usize::try_from(length).ok()?;
        let masked = self.bytes.get(at + 4..end)?;
        let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        self.bytes.drain(..end);
        Some((first & 0x0f, payload))
    }
}

//! One stream of session bytes: text is recorded, binary is counted and hashed.
//!
//! Without a terminal a stream is text until it shows otherwise, and binary
//! from there to its end. It turns binary
//!
//! * at a NUL byte, or
//! * at the invalid UTF-8 sequence that brings the *suspicion* over its limit:
//!   each invalid sequence adds to it, each valid byte takes one off. So a few
//!   Latin-1 letters in a long text are shown as U+FFFD and the text goes on,
//!   while nine broken sequences close together are taken for binary.
//!
//! The rule looks at bytes, never at chunks. The *binary rest* of the stream is
//! every byte from that NUL byte, or from the first byte of that sequence, to
//! the end of the stream: of those bytes the number and the SHA-256 are
//! recorded. What came before is in the recording as text.
//!
//! A terminal's driver turns each line feed of a program into CR LF (ONLCR).
//! Without a terminal nobody does, and a player would show a staircase; so the
//! missing CR is put in, where it is missing.

use std::mem;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use crate::{
    asciicast::json::escape_into,
    utf8::{Piece, Utf8Decoder},
};

/// One stream of session bytes on its way into events.
#[derive(Debug)]
pub struct OutputStream {
    name: &'static str,
    decoder: Utf8Decoder,
    contents: Contents,
    line_ends: LineEnds,
    bytes: u64,
}

/// What is written for a line feed.
#[derive(Debug)]
enum LineEnds {
    /// As it came: a terminal has made it CR LF already.
    AsTheyAre,
    /// CR LF, unless the byte before it was a CR.
    Completed { after_cr: bool },
}

#[derive(Debug)]
enum Contents {
    /// Recorded whatever it is.
    Everything,
    Text {
        suspicion: usize,
    },
    Binary(Box<BinaryRest>),
    Ended,
}

struct BinaryRest {
    bytes: u64,
    sha256: Context,
}

impl OutputStream {
    /// A stream of a terminal (`pty`) or of a program without one, that markers call `name`. With `keep_binary`,
    /// binary is recorded too (invalid UTF-8 as U+FFFD), as it always is on a terminal.
    #[must_use]
    pub fn new(name: &'static str, pty: bool, keep_binary: bool) -> Self {
        let contents = if pty || keep_binary { Contents::Everything } else { Contents::Text { suspicion: 0 } };
        let line_ends = if pty { LineEnds::AsTheyAre } else { LineEnds::Completed { after_cr: false } };
        Self { name, decoder: Utf8Decoder::default(), contents, line_ends, bytes: 0 }
    }

    /// Appends the text of `chunk`, escaped for JSON. Gives a note when the stream turned binary in this chunk.
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Option<String> {
        self.bytes += chunk.len() as u64;
        let suspicion = match &mut self.contents {
            Contents::Everything => {
                self.decoder.feed(chunk, |piece| {
                    self.line_ends.write(piece, out);
                    true
                });
                return None;
            }
            Contents::Binary(rest) => {
                rest.update(chunk);
                return None;
            }
            Contents::Ended => return None,
            Contents::Text { suspicion } => suspicion,
        };
        let nul = memchr::memchr(0, chunk);
        let (text, binary) = chunk.split_at(nul.unwrap_or(chunk.len()));
        let mut rest = BinaryRest::new();
        let mut tipped = false;
        let used = self.decoder.feed(text, |piece| {
            match piece {
                Piece::Text(text) => *suspicion = suspicion.saturating_sub(text.len()),
                Piece::Invalid(bytes) => {
                    *suspicion += INVALID_SEQUENCE;
                    if *suspicion > SUSPICION_LIMIT {
                        rest.update(bytes);
                        tipped = true;
                        return false;
                    }
                }
            }
            self.line_ends.write(piece, out);
            true
        });
        if tipped {
            rest.update(chunk.get(used..).unwrap_or_default());
        } else if nul.is_some() {
            if self.decoder.finish() {
                self.line_ends.write(Piece::Invalid(&[]), out);
            }
            rest.update(binary);
        } else {
            return None;
        }
        self.contents = Contents::Binary(Box::new(rest));
        Some(format!("{} is binary from here: counted and hashed, not recorded", self.name))
    }

    /// Appends what the end of the stream leaves to write. Gives the summary of its binary rest.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Option<String> {
        if self.decoder.finish() {
            self.line_ends.write(Piece::Invalid(&[]), out);
        }
        match mem::replace(&mut self.contents, Contents::Ended) {
            Contents::Binary(rest) => {
                let sha256 = HEXLOWER.encode(rest.sha256.finish().as_ref());
                Some(format!("{}: {} binary bytes not recorded, sha256 {sha256}", self.name, rest.bytes))
            }
            Contents::Ended | Contents::Everything | Contents::Text { .. } => None,
        }
    }

    /// How many bytes came.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl BinaryRest {
    fn new() -> Self {
        Self { bytes: 0, sha256: Context::new(&SHA256) }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sha256.update(bytes);
    }
}

impl std::fmt::Debug for BinaryRest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BinaryRest").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl LineEnds {
    /// Appends a piece, escaped for JSON.
    fn write(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) {
        match (piece, self) {
            (Piece::Text(text), Self::AsTheyAre) => escape_into(text, out),
            (Piece::Text(text), Self::Completed { after_cr }) => {
                for line in text.split_inclusive('\n') {
                    match line.strip_suffix('\n') {
                        Some(line) if !ends_in_cr(line, *after_cr) => {
                            escape_into(line, out);
                            escape_into("\r\n", out);
                        }
                        Some(_) | None => escape_into(line, out),
                    }
                    *after_cr = ends_in_cr(line, *after_cr);
                }
            }
            (Piece::Invalid(_), line_ends) => {
                out.extend_from_slice("\u{fffd}".as_bytes());
                if let Self::Completed { after_cr } = line_ends {
                    *after_cr = false;
                }
            }
        }
    }
}

/// Whether `text` ends in a CR; where it is empty, what stood before it decides.
fn ends_in_cr(text: &str, before: bool) -> bool {
    text.as_bytes().last().map_or(before, |last| *last == b'\r')
}

/// What an invalid sequence adds to the suspicion: as much as 16 valid bytes take off.
const INVALID_SEQUENCE: usize = 16;
/// Nine invalid sequences in a row, or more than one in 16 bytes in the long run, are over this. Latin-1 text in a
/// European language has one in 20 to 100.
const SUSPICION_LIMIT: usize = 8 * INVALID_SEQUENCE;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(chunks: &[&[u8]]) -> (String, bool, Option<String>) {
        let mut stream = OutputStream::new("stdout", false, false);
        let mut out = Vec::new();
        let turned = chunks.iter().filter(|chunk| stream.feed(chunk, &mut out).is_some()).count();
        let summary = stream.finish(&mut out);
        assert!(turned <= 1);
        (String::from_utf8(out).unwrap(), turned == 1, summary)
    }

    fn sha256(bytes: &[u8]) -> String {
        HEXLOWER.encode(aws_lc_rs::digest::digest(&SHA256, bytes).as_ref())
    }

    #[test]
    fn the_rest_from_the_first_nul_is_counted_and_hashed() {
        let (text, turned, summary) = run(&[b"C0644 8 a.bin\n", b"ab\xe2", b"\x82\0\x01\x02", b"\xff"]);
        assert_eq!(text, "C0644 8 a.bin\\r\\nab\u{fffd}");
        assert!(turned);
        let hash = sha256(b"\0\x01\x02\xff");
        assert_eq!(summary.unwrap(), format!("stdout: 4 binary bytes not recorded, sha256 {hash}"));
    }

    #[test]
    fn without_a_terminal_a_missing_cr_is_put_in() {
        assert_eq!(run(&[b"a\nb\r", b"\nc\r\n", b"", b"\n"]).0, r"a\r\nb\r\nc\r\n\r\n");
        let mut terminal = OutputStream::new("stdout", true, false);
        let mut out = Vec::new();
        terminal.feed(b"a\nb\r\n", &mut out);
        assert_eq!(out, br"a\nb\r\n");
    }

    #[test]
    fn a_few_latin_1_letters_are_still_text() {
        let line = b"Stra\xdfe und Gr\xfc\xdfe in a log file of some other decade, with enough plain text to tell what it is; \
            and then more of it, because one line of text is not proof of anything. The end of the line.\n";
        let text = line.repeat(200);
        let (out, turned, summary) = run(&[&text]);
        assert!(!turned && summary.is_none());
        assert_eq!(out.matches('\u{fffd}').count(), 600);
    }

    #[test]
    fn nine_broken_sequences_in_a_row_are_binary() {
        let (out, turned, summary) = run(&[&[0xff; 12]]);
        assert_eq!(out, "\u{fffd}".repeat(8));
        assert!(turned);
        assert!(summary.unwrap().ends_with(&sha256(&[0xff; 4])));
    }

    proptest! {
        #[test]
        fn chunking_does_not_matter(
            bytes in prop::collection::vec(prop_oneof![9 => 0x20_u8..0x7f, 6 => 0x80_u8..=0xff, 2 => Just(b'\n'), 1 => Just(b'\r'), 1 => Just(0)], 0..300),
            size in 1_usize..40,
        ) {
            let chunks: Vec<_> = bytes.chunks(size).collect();
            prop_assert_eq!(run(&chunks), run(&[&bytes]));
        }
    }
}

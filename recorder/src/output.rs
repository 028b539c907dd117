//! One stream of session bytes: text is recorded, binary is kept up to a bound, counted and hashed beyond it.
//!
//! Without a terminal a stream is text until it shows otherwise, and then binary until it is text again. What decides
//! is the *suspicion*: each illegible byte (a NUL or another control character that text has no use for) and each
//! invalid UTF-8 sequence adds to it, each other byte takes one off. So a NUL here and there or a few Latin-1 letters
//! in a long text are shown, and the text goes on; nine of them close together begin a *binary segment*.
//!
//! In a binary segment
//!
//! * what is legible is recorded all the same: every run of `MIN_RUN` bytes and more (see `legible`);
//! * of the rest, the first `SEGMENT_BYTES` are recorded, as long as the stream may keep binary at all
//!   (`keep_binary`); beyond that the bytes are counted and go into a BLAKE3 hash, and a U+FFFD stands for each gap;
//! * `RECOVERY` bytes of text make the stream text again. A marker says how many bytes were left out, and their hash.
//!
//! So neither one NUL byte nor a gigabyte of binary hides the text that follows, and whoever changes between the two all
//! the time makes the recording longer by a factor only. What remains is bulk data that is mostly text, as in an archive
//! of text files: text behind the first binary segment is recorded up to `TEXT_BURST` at once and `TEXT_RATE` in the
//! long run; more than that is treated as binary.
//!
//! The rule looks at bytes, never at chunks.
//!
//! A terminal's driver turns each line feed of a program into CR LF (ONLCR).
//! Without a terminal nobody does, and a player would show a staircase; so the
//! missing CR is put in, where it is missing.

use std::{mem, time::Duration};

use blake3::Hasher;
use config::rules::KeptBinary;

use crate::{
    asciicast::json::escape_into,
    legible::{RunFinder, Stretch, is_illegible},
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
    /// How much binary may still be kept.
    binary_left: u64,
    /// How much text may still be recorded, once binary came.
    text_left: Option<Allowance>,
}

/// What was done with a chunk.
#[derive(Debug, PartialEq, Eq)]
pub struct Fed {
    /// How many of its bytes are dealt with. The rest is to be fed again.
    pub used: usize,
    /// What is to be noted before the rest.
    pub note: Option<String>,
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
    Binary(Box<Segment>),
    Ended,
}

/// A binary segment.
struct Segment {
    finder: RunFinder,
    suspicion: usize,
    /// The length of the gap that the last bytes are in.
    gap: usize,
    /// How many bytes of gaps are still kept.
    keep: u64,
    /// Whether the sign that bytes were left out stands for the last of them.
    is_marked: bool,
    omitted: u64,
    hasher: Hasher,
}

impl OutputStream {
    /// A stream of a terminal (`pty`) or of a program without one, that markers call `name`. As much binary as
    /// `keep_binary` says is recorded too (invalid UTF-8 as U+FFFD); on a terminal all of it always is.
    #[must_use]
    pub fn new(name: &'static str, pty: bool, keep_binary: KeptBinary) -> Self {
        let (contents, binary_left) = match keep_binary {
            KeptBinary::UpTo(bytes) if !pty => (Contents::Text { suspicion: 0 }, bytes),
            KeptBinary::UpTo(_) | KeptBinary::All => (Contents::Everything, 0),
        };
        let line_ends = if pty { LineEnds::AsTheyAre } else { LineEnds::Completed { after_cr: false } };
        Self { name, decoder: Utf8Decoder::default(), contents, line_ends, bytes: 0, binary_left, text_left: None }
    }

    /// Appends what is recorded of the beginning of `chunk`, which came `at` after the start, escaped for JSON.
    pub fn feed(&mut self, at: Duration, chunk: &[u8], out: &mut Vec<u8>) -> Fed {
        let fed = match &mut self.contents {
            Contents::Everything => {
                self.decoder.feed(chunk, |piece| {
                    self.line_ends.write(piece, out);
                    true
                });
                Fed { used: chunk.len(), note: None }
            }
            Contents::Ended => Fed { used: chunk.len(), note: None },
            Contents::Text { .. } => self.feed_text(at, chunk, out),
            Contents::Binary(_) => self.feed_binary(at, chunk, out),
        };
        self.bytes += fed.used as u64;
        fed
    }

    fn feed_text(&mut self, at: Duration, chunk: &[u8], out: &mut Vec<u8>) -> Fed {
        let left = self.text_left.as_mut().map_or(usize::MAX, |allowance| allowance.left(at));
        if left == 0 && !chunk.is_empty() {
            return Fed { used: 0, note: Some(self.begin_segment(&[], out)) };
        }
        let chunk = chunk.get(..left).unwrap_or(chunk);
        let mut broken = BrokenOff::default();
        let used = self.text(chunk, out, &mut broken);
        if let Some(allowance) = &mut self.text_left {
            allowance.take(used);
        }
        let note = broken.is_binary.then(|| self.begin_segment(broken.sequence(), out));
        Fed { used, note }
    }

    /// Records text up to where it turns binary, and says how many bytes that is.
    fn text(&mut self, chunk: &[u8], out: &mut Vec<u8>, broken: &mut BrokenOff) -> usize {
        let Contents::Text { suspicion } = &mut self.contents else { return 0 };
        let mut used = 0;
        while let rest @ [_, ..] = chunk.get(used..).unwrap_or_default() {
            let (text, from_control) =
                rest.split_at(rest.iter().position(|byte| is_illegible(*byte)).unwrap_or(rest.len()));
            used += self.decoder.feed(text, |piece| {
                match piece {
                    Piece::Text(text) => *suspicion = suspicion.saturating_sub(text.len()),
                    Piece::Invalid(bytes) => {
                        *suspicion += ILLEGIBLE;
                        if *suspicion > SUSPICION_LIMIT {
                            broken.set(bytes);
                            return false;
                        }
                    }
                }
                self.line_ends.write(piece, out);
                true
            });
            let Some(control) = from_control.get(..1).filter(|_| !broken.is_binary) else { break };
            if self.decoder.finish() {
                self.line_ends.write(Piece::Invalid(&[]), out);
                *suspicion += ILLEGIBLE;
            }
            *suspicion += ILLEGIBLE;
            if *suspicion > SUSPICION_LIMIT {
                broken.set(&[]);
                break;
            }
            used += 1;
            self.line_ends.write(Piece::Text(std::str::from_utf8(control).unwrap_or_default()), out);
        }
        used
    }

    /// Begins a binary segment with the invalid bytes that showed it, and gives the note of it.
    fn begin_segment(&mut self, invalid: &[u8], out: &mut Vec<u8>) -> String {
        if self.decoder.finish() {
            self.line_ends.write(Piece::Invalid(&[]), out);
        }
        let is_spent = self.text_left.get_or_insert_default().spent;
        let keep = if is_spent { 0 } else { SEGMENT_BYTES.min(self.binary_left) };
        let mut segment = Box::new(Segment::new(keep));
        self.gap(&mut segment, invalid, out);
        self.contents = Contents::Binary(segment);
        let name = self.name;
        if is_spent {
            format!("{name}: more text came after binary than is recorded at once; counted and hashed until that rests")
        } else {
            format!("{name} is binary from here: text in it is recorded, and {keep} bytes of the rest")
        }
    }

    fn feed_binary(&mut self, at: Duration, chunk: &[u8], out: &mut Vec<u8>) -> Fed {
        let Contents::Binary(mut segment) = mem::replace(&mut self.contents, Contents::Ended) else {
            return Fed { used: chunk.len(), note: None };
        };
        let mut finder = mem::take(&mut segment.finder);
        let mut used = 0;
        loop {
            let rest = chunk.get(used..).unwrap_or_default();
            let left = self.text_left.as_mut().map_or(usize::MAX, |allowance| allowance.left(at));
            let most = segment.suspicion_of_run().min(if left == 0 { usize::MAX } else { left });
            let Some((stretch, length)) = finder.next(rest, most) else { break };
            used += length;
            match stretch {
                Stretch::Gap(bytes) => {
                    self.gap(&mut segment, bytes, out);
                    segment.gap = segment.gap.saturating_add(bytes.len());
                }
                Stretch::Run(text) if left == 0 => {
                    segment.keep = 0;
                    self.gap(&mut segment, text.as_bytes(), out);
                    segment.gap = segment.gap.saturating_add(text.len());
                }
                Stretch::Run(text) => {
                    if let Some(allowance) = &mut self.text_left {
                        allowance.take(text.len());
                    }
                    segment.suspicion = segment.suspicion_of_run().saturating_sub(text.len());
                    segment.gap = 0;
                    segment.is_marked = false;
                    if self.decoder.finish() {
                        self.line_ends.write(Piece::Invalid(&[]), out);
                    }
                    self.line_ends.write(Piece::Text(text), out);
                    if segment.suspicion == 0 {
                        self.contents = Contents::Text { suspicion: 0 };
                        let note = match segment.omitted() {
                            Some(omitted) => format!("{} is text again: {omitted}", self.name),
                            None => format!("{} is text again", self.name),
                        };
                        return Fed { used, note: Some(note) };
                    }
                }
            }
        }
        segment.finder = finder;
        self.contents = Contents::Binary(segment);
        Fed { used: chunk.len(), note: None }
    }

    /// Keeps bytes of a gap as long as that is allowed, and leaves out the rest.
    fn gap(&mut self, segment: &mut Segment, bytes: &[u8], out: &mut Vec<u8>) {
        let keep = usize::try_from(segment.keep).unwrap_or(usize::MAX).min(bytes.len());
        let (kept, omitted) = bytes.split_at(keep);
        self.decoder.feed(kept, |piece| {
            self.line_ends.write(piece, out);
            true
        });
        segment.keep -= keep as u64;
        self.binary_left = self.binary_left.saturating_sub(keep as u64);
        if !omitted.is_empty() {
            if !mem::replace(&mut segment.is_marked, true) {
                self.decoder.finish();
                self.line_ends.write(Piece::Invalid(&[]), out);
            }
            segment.omit(omitted);
        }
    }

    /// Appends what the end of the stream leaves to write. Gives the summary of a binary segment that reaches to here.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Option<String> {
        let summary = match mem::replace(&mut self.contents, Contents::Ended) {
            Contents::Binary(mut segment) => {
                let mut finder = mem::take(&mut segment.finder);
                self.gap(&mut segment, finder.finish(), out);
                segment.omitted().map(|omitted| format!("{}: {omitted}", self.name))
            }
            Contents::Ended | Contents::Everything | Contents::Text { .. } => None,
        };
        if self.decoder.finish() {
            self.line_ends.write(Piece::Invalid(&[]), out);
        }
        summary
    }

    /// How many bytes came.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Segment {
    fn new(keep: u64) -> Self {
        Self {
            finder: RunFinder::default(),
            suspicion: RECOVERY,
            gap: 0,
            keep,
            is_marked: false,
            omitted: 0,
            hasher: Hasher::new(),
        }
    }

    /// The suspicion once the gap has ended.
    fn suspicion_of_run(&self) -> usize {
        self.suspicion.saturating_add(self.gap.saturating_mul(ILLEGIBLE)).min(RECOVERY)
    }

    fn omit(&mut self, bytes: &[u8]) {
        self.omitted += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    /// What was left out, if anything was.
    fn omitted(&self) -> Option<String> {
        let hash = || self.hasher.finalize().to_hex();
        (self.omitted > 0).then(|| format!("{} bytes not recorded, blake3 {}", self.omitted, hash()))
    }
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment").field("omitted", &self.omitted).finish_non_exhaustive()
    }
}

/// The invalid sequence with which text turned binary; empty where that was a control character.
#[derive(Default)]
struct BrokenOff {
    is_binary: bool,
    bytes: [u8; 3],
    len: usize,
}

impl BrokenOff {
    fn set(&mut self, bytes: &[u8]) {
        self.is_binary = true;
        self.len = bytes.len().min(self.bytes.len());
        for (slot, byte) in self.bytes.iter_mut().zip(bytes) {
            *slot = *byte;
        }
    }

    fn sequence(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// How much may pass at once, and again with time.
#[derive(Debug)]
struct Allowance {
    left: u64,
    as_of: Duration,
    /// Whether it was used up, and is not yet back at [`TEXT_RESUMES`].
    spent: bool,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: TEXT_BURST, as_of: Duration::ZERO, spent: false }
    }
}

impl Allowance {
    /// How much may pass now.
    fn left(&mut self, now: Duration) -> usize {
        let since = now.saturating_sub(self.as_of);
        let more = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_mul(TEXT_RATE) / 1000;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(TEXT_BURST);
            self.as_of = now;
        }
        self.spent &= self.left < TEXT_RESUMES;
        if self.spent { 0 } else { usize::try_from(self.left).unwrap_or(usize::MAX) }
    }

    fn take(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
        self.spent |= self.left == 0;
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

/// What an illegible byte or an invalid sequence adds to the suspicion: as much as 8 other bytes take off.
const ILLEGIBLE: usize = 8;
/// Nine in a row, or more than one in 9 bytes in the long run, are over this. Latin-1 text in a European language has one in
/// 20 to 100, a list of paths that are separated by NUL as many.
const SUSPICION_LIMIT: usize = 8 * ILLEGIBLE;
/// So much text makes a binary stream text again; two markers for each kilobyte do not matter.
const RECOVERY: usize = 1024;
/// How much binary is kept of each segment: what a program prints by mistake, not a file.
const SEGMENT_BYTES: u64 = 64 * 1024;
/// How much text after binary is recorded at once: more than people read, less than an archive.
const TEXT_BURST: u64 = 64 * 1024 * 1024;
/// How much of that comes back in a second. At 100 MiB/s a quarter of a percent is recorded.
const TEXT_RATE: u64 = 256 * 1024;
/// How much must have come back before text is recorded again.
const TEXT_RESUMES: u64 = TEXT_BURST / 8;

#[cfg(test)]
mod tests;

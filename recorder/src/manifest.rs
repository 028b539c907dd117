//! The manifest: what a finished recording is. Written last, it seals the recording.
//!
//! It follows from the recording's bytes and its end alone, so that whoever
//! writes it again (after a crash) writes the same bytes.

use std::{io, ops::Range, time::Duration};

use aws_lc_rs::digest::{self, Context, SHA256};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::{SessionId, asciicast::reader::parse_header, error::RecordError, event::End};

/// The version of the manifest's form; readers refuse a higher one.
pub const MANIFEST_VERSION: u32 = 1;

/// A finished recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// The session.
    pub session: SessionId,
    /// When it started, in seconds since the epoch (the header's `timestamp`).
    pub started_at: i64,
    /// The time of the last event, in milliseconds since the start.
    pub duration_ms: u64,
    /// How many events the recording has.
    pub events: u64,
    /// How it ended.
    pub end: End,
    /// The size of `session.cast` in bytes.
    pub size: u64,
    /// The SHA-256 of `session.cast`, in hexadecimal.
    pub sha256: String,
    /// The SHA-256 of its parts: consecutive ranges of whole lines that cover it.
    pub parts: Vec<PartDigest>,
}

/// One range of whole lines of `session.cast`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartDigest {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// What reading a cast from start to end shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    pub(crate) started_at: i64,
    pub(crate) duration: Duration,
    pub(crate) events: u64,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) parts: Vec<PartDigest>,
}

impl Survey {
    pub(crate) fn into_manifest(self, session: SessionId, end: End) -> Manifest {
        Manifest {
            version: MANIFEST_VERSION,
            session,
            started_at: self.started_at,
            duration_ms: u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX),
            events: self.events,
            end,
            size: self.size,
            sha256: self.sha256,
            parts: self.parts,
        }
    }
}

/// Reads the first `size` bytes of a cast of ours, which must end at a whole line.
///
/// `read` gives the bytes of a range of at most [`PART_BYTES`].
pub(crate) fn survey(
    id: SessionId,
    size: u64,
    read: impl Fn(Range<u64>) -> io::Result<Vec<u8>>,
) -> Result<Survey, RecordError> {
    let damaged = |reason: String| RecordError::Damaged { reason };
    let mut whole = Context::new(&SHA256);
    let mut survey =
        Survey { started_at: 0, duration: Duration::ZERO, events: 0, size, sha256: String::new(), parts: Vec::new() };
    let mut milliseconds = 0_u64;
    let mut line_number = 0_u64;
    while survey.parts.last().map_or(0, PartDigest::end) < size {
        let offset = survey.parts.last().map_or(0, PartDigest::end);
        let mut bytes =
            read(offset..size.min(offset + PART_BYTES)).map_err(|error| damaged(format!("cannot be read: {error}")))?;
        bytes.truncate(whole_lines(&bytes));
        if bytes.is_empty() {
            return Err(damaged(format!("no whole line at byte {offset}")));
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            line_number += 1;
            if line_number == 1 {
                let header = parse_header(line).map_err(|error| damaged(error.to_string()))?;
                if header.session != Some(id) {
                    return Err(damaged(format!("its header is not that of session {id}")));
                }
                survey.started_at = header.timestamp.unwrap_or_default();
            } else if line.starts_with(b"[") {
                let interval =
                    interval_of(line).ok_or_else(|| damaged(format!("line {line_number} is not an event of ours")))?;
                milliseconds = milliseconds.saturating_add(interval);
                survey.events += 1;
            } else if !line.starts_with(b"#") {
                return Err(damaged(format!("line {line_number} is neither an event nor a comment")));
            }
        }
        whole.update(&bytes);
        survey.parts.push(PartDigest { offset, size: bytes.len() as u64, sha256: sha256(&bytes) });
    }
    if survey.parts.is_empty() {
        return Err(damaged("it is empty".into()));
    }
    survey.duration = Duration::from_millis(milliseconds);
    survey.sha256 = HEXLOWER.encode(whole.finish().as_ref());
    Ok(survey)
}

impl PartDigest {
    fn end(&self) -> u64 {
        self.offset + self.size
    }
}

/// How many bytes of `bytes` are whole lines.
pub(crate) fn whole_lines(bytes: &[u8]) -> usize {
    memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1)
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&SHA256, bytes).as_ref())
}

/// The interval of an event line of ours (`[12.345, "o", "…"]`), in milliseconds.
fn interval_of(line: &[u8]) -> Option<u64> {
    let comma = memchr::memchr(b',', line)?;
    let number = std::str::from_utf8(line.get(1..comma)?).ok()?;
    let (seconds, thousandths) = number.split_once('.')?;
    if thousandths.len() != 3 || !line.ends_with(b"\"]\n") {
        return None;
    }
    seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(thousandths.parse().ok()?)
}

/// The largest part of a running recording, and the largest range with a hash of its own in the manifest.
pub(crate) const PART_BYTES: u64 = 4 * 1024 * 1024;

//! Lines to events: asciicast v2 and v3, for playing, searching and tests.
//!
//! Takes whatever a file may hold: a line that does not parse is an error that
//! names the line, never a panic, and no line longer than
//! [`MAX_LINE_BYTES`] is read into memory.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read as _},
    time::Duration,
};

use mask::WindowSize;
use serde::Deserialize;

use super::{MAX_LINE_BYTES, v3::STDERR_COMMENT};
use crate::SessionId;

/// Why a cast cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// The first line is not a header of a version we read.
    #[error("line 1: not the header of an asciicast v2 or v3: {0}")]
    Header(String),
    /// A line is not an event.
    #[error("line {line}: not an asciicast event: {reason}")]
    Event {
        /// The line's number, from 1.
        line: u64,
        /// What was expected.
        reason: String,
    },
    /// A line is longer than any writer of ours makes it.
    #[error("line {line}: longer than {MAX_LINE_BYTES} bytes")]
    LineTooLong {
        /// The line's number, from 1.
        line: u64,
    },
    /// The source could not be read.
    #[error("the cast cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// What a player needs of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CastHeader {
    /// 2 or 3.
    pub version: u8,
    /// The terminal's size at the start; 80 by 24 when the file says zero.
    pub size: WindowSize,
    /// When the recording started, in seconds since the epoch.
    pub timestamp: Option<i64>,
    /// The title.
    pub title: Option<String>,
    /// The command.
    pub command: Option<String>,
    /// The session, if a bastion made the recording.
    pub session: Option<SessionId>,
}

/// One event of a cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CastEvent {
    /// Time since the start.
    pub at: Duration,
    /// What happened.
    pub kind: CastEventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CastEventKind {
    /// `x`: the program ended with this status.
    Exit(String),
    /// `i`: typed text.
    Input(String),
    /// `m`: a label on the time line.
    Marker(String),
    /// A code we do not know, and its data.
    Other(String, String),
    /// `o`: text on the screen.
    Output(String),
    /// `r`: the terminal's new size.
    Resize(WindowSize),
    /// `o` after the comment that marks standard error.
    Stderr(String),
}

/// Reads a cast line by line; an iterator of its events.
#[derive(Debug)]
pub struct CastReader<R> {
    source: R,
    header: CastHeader,
    line: u64,
    at: Duration,
    stderr_next: bool,
    buffer: Vec<u8>,
}

impl<R: BufRead> CastReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// When the source cannot be read, or its first line is not a header.
    pub fn new(mut source: R) -> Result<Self, CastError> {
        let mut buffer = Vec::new();
        read_line(&mut source, &mut buffer, 1)?;
        let header = parse_header(&buffer)?;
        Ok(Self { source, header, line: 1, at: Duration::ZERO, stderr_next: false, buffer })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &CastHeader {
        &self.header
    }

    /// The next event, or nothing at the end. A last line without its end of line is read like any other.
    ///
    /// # Errors
    ///
    /// When the source cannot be read, or a line is not an event.
    pub fn next_event(&mut self) -> Result<Option<CastEvent>, CastError> {
        loop {
            self.line += 1;
            if !read_line(&mut self.source, &mut self.buffer, self.line)? {
                return Ok(None);
            }
            let line = self.buffer.trim_ascii();
            if line == STDERR_COMMENT.as_bytes() {
                self.stderr_next = true;
            } else if !line.is_empty() && !line.starts_with(b"#") {
                return self.event().map(Some);
            }
        }
    }

    fn event(&mut self) -> Result<CastEvent, CastError> {
        let number = self.line;
        let fault = |reason: String| CastError::Event { line: number, reason };
        let (time, code, data): (f64, Cow<'_, str>, Cow<'_, str>) =
            serde_json::from_slice(self.buffer.trim_ascii()).map_err(|error| fault(error.to_string()))?;
        let time = Duration::try_from_secs_f64(time).map_err(|error| fault(error.to_string()))?;
        let stderr = std::mem::take(&mut self.stderr_next);
        self.at = match self.header.version {
            2 => time,
            _ => self.at.checked_add(time).ok_or_else(|| fault("the time is out of range".into()))?,
        };
        let kind = match &*code {
            "o" if stderr => CastEventKind::Stderr(data.into_owned()),
            "o" => CastEventKind::Output(data.into_owned()),
            "i" => CastEventKind::Input(data.into_owned()),
            "m" => CastEventKind::Marker(data.into_owned()),
            "x" => CastEventKind::Exit(data.into_owned()),
            "r" => CastEventKind::Resize(parse_size(&data).ok_or_else(|| fault(format!("not a size: {data:?}")))?),
            _ => CastEventKind::Other(code.into_owned(), data.into_owned()),
        };
        Ok(CastEvent { at: self.at, kind })
    }
}

impl<R: BufRead> Iterator for CastReader<R> {
    type Item = Result<CastEvent, CastError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}

/// Reads one line without its `\n`; `false` at the end of the source.
fn read_line(source: &mut impl BufRead, buffer: &mut Vec<u8>, line: u64) -> Result<bool, CastError> {
    buffer.clear();
    let read = source.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', buffer)?;
    if buffer.last() == Some(&b'\n') {
        buffer.pop();
    } else if read > MAX_LINE_BYTES {
        return Err(CastError::LineTooLong { line });
    }
    Ok(read > 0)
}

pub(crate) fn parse_header(line: &[u8]) -> Result<CastHeader, CastError> {
    let raw: RawHeader = serde_json::from_slice(line).map_err(|error| CastError::Header(error.to_string()))?;
    let (cols, rows) = match (raw.version, raw.term) {
        (2, _) => (raw.width.unwrap_or(0), raw.height.unwrap_or(0)),
        (3, Some(term)) => (term.cols, term.rows),
        (3, None) => return Err(CastError::Header("`term` is missing".into())),
        (version, _) => return Err(CastError::Header(format!("version {version}"))),
    };
    let size = if cols == 0 || rows == 0 { WindowSize::DEFAULT } else { WindowSize { cols, rows } };
    Ok(CastHeader {
        version: raw.version,
        size,
        timestamp: raw.timestamp,
        title: raw.title,
        command: raw.command,
        session: raw.bastion.map(|origin| origin.session),
    })
}

fn parse_size(text: &str) -> Option<WindowSize> {
    let (cols, rows) = text.split_once('x')?;
    Some(WindowSize { cols: cols.parse().ok()?, rows: rows.parse().ok()? })
}

#[derive(Deserialize)]
struct RawHeader {
    version: u8,
    width: Option<u16>,
    height: Option<u16>,
    term: Option<RawTerm>,
    timestamp: Option<i64>,
    title: Option<String>,
    command: Option<String>,
    bastion: Option<RawOrigin>,
}

#[derive(Deserialize)]
struct RawTerm {
    cols: u16,
    rows: u16,
}

#[derive(Deserialize)]
struct RawOrigin {
    session: SessionId,
}

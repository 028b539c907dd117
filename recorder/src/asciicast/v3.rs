//! Events to lines of asciicast v3.
//!
//! Times: "interval: the number of seconds since the previous event", written
//! with three decimals. Each event's time is rounded to whole milliseconds
//! since the start *before* the difference is taken, so the rounding error is
//! carried forward and the sum of all intervals never drifts.
//!
//! Standard error is written as output, because that is what stock players
//! show, under a comment line `# stderr` that they skip and our reader knows.
//!
//! The exit status is a decimal number in an `x` event. A program that was
//! ended by a signal gets what a shell shows (128 + n), after a marker that
//! names the signal.

use std::{collections::BTreeMap, io::Write as _, time::Duration};

use bytes::Bytes;
use config::rules::KeptBinary;
use jiff::Timestamp;
use serde::Serialize;

use super::{Details, Header, bounded, json::escape_into};
use crate::{
    SessionId,
    event::{End, EventKind, ExitStatus},
    output::OutputStream,
};

/// The most session bytes in one event; a longer chunk becomes several events of the same time.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;

/// The comment line before an event that is standard error.
pub const STDERR_COMMENT: &str = "# stderr";

/// What is recorded of the session's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// The session has a terminal: all output is recorded.
    pub pty: bool,
    /// Without a terminal: how much binary output is recorded, and not only counted and hashed.
    pub keep_binary: KeptBinary,
}

/// The header line, with its end of line.
#[must_use]
pub fn header_line(id: SessionId, at: Timestamp, header: Header) -> Vec<u8> {
    let header = header.bounded();
    let line = HeaderLine {
        version: 3,
        term: Term { cols: header.size.cols, rows: header.size.rows, kind: header.term.as_deref() },
        timestamp: at.as_second(),
        title: header.title.as_deref(),
        command: header.command.as_deref(),
        env: &header.env,
        bastion: Origin { session: id, details: &header.details },
    };
    // Serialising plain structs of strings and numbers into memory cannot fail.
    let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[derive(Serialize)]
struct HeaderLine<'a> {
    version: u8,
    term: Term<'a>,
    timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: &'a BTreeMap<String, String>,
    bastion: Origin<'a>,
}

#[derive(Serialize)]
struct Term<'a> {
    cols: u16,
    rows: u16,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
}

#[derive(Serialize)]
struct Origin<'a> {
    session: SessionId,
    #[serde(flatten)]
    details: &'a Details,
}

/// Turns the events of one recording into lines.
#[derive(Debug)]
pub struct Encoder {
    last_ms: u64,
    stdout: OutputStream,
    stderr: OutputStream,
    input: OutputStream,
    exit: Option<ExitStatus>,
    events: u64,
}

impl Encoder {
    /// An encoder for a recording that starts now.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        let output = |name| OutputStream::new(name, mode.pty, mode.keep_binary);
        Self {
            last_ms: 0,
            stdout: output("stdout"),
            stderr: output("stderr"),
            input: OutputStream::new("input", true, KeptBinary::All),
            exit: None,
            events: 0,
        }
    }

    /// Appends the lines of an event that happened `at` after the start.
    pub fn event(&mut self, at: Duration, kind: &EventKind, out: &mut Vec<u8>) {
        let mut lines = Lines { last_ms: &mut self.last_ms, events: &mut self.events, at, out };
        match kind {
            EventKind::Output(chunk) => lines.session_bytes(&mut self.stdout, 'o', "", chunk.bytes()),
            EventKind::Stderr(chunk) => lines.session_bytes(&mut self.stderr, 'o', STDERR_COMMENT, chunk.bytes()),
            EventKind::Input(chunk) => lines.session_bytes(&mut self.input, 'i', "", chunk.bytes()),
            EventKind::Resize(size) => {
                let size = size.bounded();
                lines.text('r', &format!("{}x{}", size.cols, size.rows));
            }
            EventKind::Marker(label) => lines.text('m', &bounded(label)),
            // Output may still follow (RFC 4254 §6.10 sets no order), so the status waits for the end.
            EventKind::Exit(status) => self.exit = Some(status.clone()),
        }
    }

    /// Appends what the end of the recording needs: the rests of the streams, their binary summaries, the reason, the exit
    /// status. Nothing may follow.
    pub fn finish(&mut self, at: Duration, end: &End, out: &mut Vec<u8>) {
        let (reason, status) = match end {
            End::Exited { status } => (None, Some(ExitStatus::Code(*status))),
            End::Signalled { signal } => (None, Some(ExitStatus::Signal(signal.clone()))),
            End::CutOff { reason } => (Some(format!("cut off: {reason}")), None),
            End::Disconnected { reason } => (Some(format!("disconnected: {reason}")), None),
            End::Terminated { reason } => (Some(format!("terminated: {reason}")), None),
        };
        let status = self.exit.take().or(status);
        let mut lines = Lines { last_ms: &mut self.last_ms, events: &mut self.events, at, out };
        lines.rest_of(&mut self.stdout, 'o', "");
        lines.rest_of(&mut self.stderr, 'o', STDERR_COMMENT);
        lines.rest_of(&mut self.input, 'i', "");
        if let Some(reason) = reason {
            lines.text('m', &bounded(&reason));
        }
        if let Some(ExitStatus::Signal(name)) = &status {
            lines.text('m', &bounded(&format!("ended by signal {name}")));
        }
        if let Some(status) = status {
            lines.text('x', &status.shell_code().to_string());
        }
    }

    /// How many events were written.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The time of the last event, in whole milliseconds since the start.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.last_ms)
    }

    /// How many bytes of output (stdout and stderr) came, recorded or only counted.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.stdout.bytes() + self.stderr.bytes()
    }
}

/// Where the lines of one moment go.
struct Lines<'a> {
    last_ms: &'a mut u64,
    events: &'a mut u64,
    at: Duration,
    out: &'a mut Vec<u8>,
}

impl Lines<'_> {
    fn session_bytes(&mut self, stream: &mut OutputStream, code: char, comment: &str, chunk: &Bytes) {
        self.out.reserve(chunk.len() + chunk.len() / 8 + LINE_OVERHEAD);
        let at = self.at;
        for mut piece in chunk.chunks(MAX_EVENT_BYTES) {
            while !piece.is_empty() {
                let mut note = None;
                self.line(code, comment, |out| {
                    let fed = stream.feed(at, piece, out);
                    piece = piece.get(fed.used..).unwrap_or_default();
                    note = fed.note;
                });
                if let Some(note) = note {
                    self.text('m', &note);
                }
            }
        }
    }

    fn rest_of(&mut self, stream: &mut OutputStream, code: char, comment: &str) {
        let mut summary = None;
        self.line(code, comment, |out| summary = stream.finish(out));
        if let Some(summary) = summary {
            self.text('m', &summary);
        }
    }

    fn text(&mut self, code: char, text: &str) {
        self.write(code, "", |out| escape_into(text, out), true);
    }

    /// Writes an event unless `body` writes nothing: a chunk may hold only the beginning of a character.
    fn line(&mut self, code: char, comment: &str, body: impl FnOnce(&mut Vec<u8>)) {
        self.write(code, comment, body, false);
    }

    fn write(&mut self, code: char, comment: &str, body: impl FnOnce(&mut Vec<u8>), even_empty: bool) {
        let start = self.out.len();
        let at_ms = to_millis(self.at).max(*self.last_ms);
        let interval = at_ms - *self.last_ms;
        if !comment.is_empty() {
            self.out.extend_from_slice(comment.as_bytes());
            self.out.push(b'\n');
        }
        // Writing into memory cannot fail.
        let _ = write!(self.out, "[{}.{:03}, \"{code}\", \"", interval / 1000, interval % 1000);
        let body_start = self.out.len();
        body(self.out);
        if self.out.len() == body_start && !even_empty {
            self.out.truncate(start);
            return;
        }
        self.out.extend_from_slice(b"\"]\n");
        *self.last_ms = at_ms;
        *self.events += 1;
    }
}

/// Whole milliseconds, rounded to the nearest.
fn to_millis(at: Duration) -> u64 {
    u64::try_from((at.as_micros() + 500) / 1000).unwrap_or(u64::MAX)
}

/// Room for what stands around the bytes in a line.
const LINE_OVERHEAD: usize = 64;

#[cfg(test)]
mod tests;

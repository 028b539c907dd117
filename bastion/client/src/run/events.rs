//! What `bastion run --json` prints: one JSON object on each line of stdout.
//!
//! Output of the command is text while it is UTF-8 and base64 where it is not. A character that two
//! packets share is printed whole, so a program may join the `data` of all events.

use api::events::Event;
use serde::Serialize;

use crate::output::json_line;

/// One line of `--json`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum RunEvent<'a> {
    /// The command could not be run, or its end is not known.
    Error { message: &'a str },
    /// The last line: what `bastion run` exits with.
    Exit {
        code: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<&'a str>,
    },
    /// The command wrote something.
    Output {
        stream: Stream,
        #[serde(flatten)]
        data: OutputData<'a>,
    },
    /// What the bastion says.
    #[serde(untagged)]
    Said {
        #[serde(flatten)]
        event: &'a Event,
        /// What an approver types.
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
}

impl<'a> RunEvent<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let next = match event {
            Event::WaitingApproval { approval, .. } => Some(format!("bastion approvals approve {approval}")),
            Event::Approved { .. } | Event::Blocked { .. } | Event::Started { .. } => None,
        };
        Self::Said { event, next }
    }

    /// The line, ended.
    pub(super) fn line(&self) -> String {
        json_line(self)
    }
}

/// Where output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) enum OutputData<'a> {
    /// Text.
    #[serde(rename = "data")]
    Text(&'a str),
    /// Bytes that are not UTF-8.
    #[serde(rename = "base64")]
    Bytes(String),
}

/// Packets of one stream -> lines.
#[derive(Debug)]
pub(super) struct OutputEncoder {
    stream: Stream,
    /// The start of a character whose rest has not come: three bytes at most.
    unfinished: Vec<u8>,
}

impl OutputEncoder {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, unfinished: Vec::new() }
    }

    /// The line for what came, or nothing while it is only a part of a character.
    pub(super) fn feed(&mut self, packet: &[u8]) -> Option<String> {
        let mut bytes = std::mem::take(&mut self.unfinished);
        bytes.extend_from_slice(packet);
        self.unfinished = bytes.split_off(bytes.len() - unfinished_len(&bytes));
        self.line(&bytes)
    }

    /// The line for a part of a character that is left at the end.
    pub(super) fn finish(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.unfinished);
        self.line(&rest)
    }

    fn line(&self, bytes: &[u8]) -> Option<String> {
        if bytes.is_empty() {
            return None;
        }
        let data = match std::str::from_utf8(bytes) {
            Ok(text) => OutputData::Text(text),
            Err(_) => OutputData::Bytes(data_encoding::BASE64.encode(bytes)),
        };
        Some(RunEvent::Output { stream: self.stream, data }.line())
    }
}

/// How many bytes at the end are the start of a character and nothing else.
fn unfinished_len(bytes: &[u8]) -> usize {
    let is_start =
        |tail: &[u8]| std::str::from_utf8(tail).is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none());
    (1..=MAX_UNFINISHED.min(bytes.len()))
        .find(|length| bytes.get(bytes.len() - length..).is_some_and(is_start))
        .unwrap_or(0)
}

/// The longest character has four bytes.
const MAX_UNFINISHED: usize = 3;

#[cfg(test)]
mod tests;

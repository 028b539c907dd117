//! asciicast, the format of recordings: <https://docs.asciinema.org/manual/asciicast/v3/>.
//!
//! A recording is NDJSON. Line 1 is the header object; every other line is an
//! event `[interval, code, data]`, or a comment that starts with `#`. We write
//! version 3 ([`v3`]) and read versions 2 and 3 ([`reader`]).
//!
//! Bounds that other tools may rely on: a line we write is never longer than
//! [`MAX_LINE_BYTES`].

use std::collections::BTreeMap;

use config::{Login, TargetName, UserName};
use mask::WindowSize;
use serde::Serialize;

pub mod json;
pub mod reader;
pub mod v3;

/// The longest line that is written, and that the reader accepts.
///
/// An event holds at most [`v3::MAX_EVENT_BYTES`] of session bytes, of which each may take six bytes of JSON; a header's
/// texts are bounded by [`MAX_TEXT_BYTES`].
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// The longest command, title, marker or environment value that is written; what is longer is cut, and ends in "…".
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The most environment variables that a header takes.
const MAX_ENV: usize = 8;

/// What is known about a session when its recording starts.
#[derive(Debug, Clone)]
pub struct Header {
    /// The terminal's size; [`WindowSize::DEFAULT`] when there is none.
    pub size: WindowSize,
    /// The terminal's type (`TERM`).
    pub term: Option<String>,
    /// One line for a list of recordings.
    pub title: Option<String>,
    /// The command of an exec request, masked.
    pub command: Option<String>,
    /// The environment that the session was given (at most 8 variables are kept).
    pub env: BTreeMap<String, String>,
    /// Who did what where.
    pub details: Details,
}

/// Who did what where: the header's `bastion` object, together with the session's id.
#[derive(Debug, Clone, Serialize)]
pub struct Details {
    /// Who.
    pub user: UserName,
    /// On which target.
    pub target: TargetName,
    /// As which account there.
    pub login: Login,
    /// Where the user came from (`ip:port`).
    pub source: String,
    /// What the session runs: `shell`, `exec`, `sftp`.
    pub kind: String,
}

impl Header {
    /// The header with its texts cut to [`MAX_TEXT_BYTES`], and a size that can be shown.
    pub(crate) fn bounded(mut self) -> Self {
        self.size = self.size.bounded();
        for text in [&mut self.term, &mut self.title, &mut self.command] {
            *text = text.take().map(|text| bounded(&text).into_owned());
        }
        self.env = std::mem::take(&mut self.env)
            .into_iter()
            .take(MAX_ENV)
            .map(|(name, value)| (bounded(&name).into_owned(), bounded(&value).into_owned()))
            .collect();
        self.details.source = bounded(&self.details.source).into_owned();
        self.details.kind = bounded(&self.details.kind).into_owned();
        self
    }
}

/// `text`, cut to [`MAX_TEXT_BYTES`].
pub(crate) fn bounded(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return text.into();
    }
    let mut end = MAX_TEXT_BYTES - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default()).into()
}

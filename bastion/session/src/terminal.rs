//! The events of a session as both fronts give them to the relay (RFC 4254 §6).

use std::fmt;

use bytes::Bytes;
use mask::WindowSize;
use recorder::ExitStatus;

/// What the user's side sends.
#[derive(Debug)]
pub enum FromUser {
    /// The channel is gone; nothing follows, and nobody is there to be told anything.
    Closed,
    /// The user closes the channel: nothing follows, and no more output is wanted. How the program ends still is
    /// (RFC 4254 §5.3).
    Closing,
    /// Input for the program.
    Data(Bytes),
    /// No more input follows.
    Eof,
    /// The user's terminal has a new size.
    Resize(WindowSize, Pixels),
    /// A signal for the program.
    Signal(Signal),
    /// Nobody reads the program's standard output any more (`eow@openssh.com`).
    Unread,
}

/// What the target's side sends.
#[derive(Debug)]
pub enum FromTarget {
    /// The channel is gone; nothing follows.
    Closed,
    /// No more output follows.
    Eof,
    /// How the program ended.
    Exit(ExitStatus),
    /// The target says that the program did not start, or was lost; how it ended follows.
    Failed(Failure),
    /// Output on stderr.
    Stderr(Bytes),
    /// Output on stdout, or of the terminal.
    Stdout(Bytes),
    /// The program reads no more input (`eow@openssh.com`).
    Unread,
}

/// A terminal's width and height in pixels; zero where it is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pixels {
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

/// What a target says of a program that did not start, or was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In words, with the end of the line; they belong to the output.
    pub words: Bytes,
    /// On this stream.
    pub stream: OutputStream,
    /// The same as its protocol has it, for a user who speaks that too.
    pub exact: Bytes,
}

/// Which of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Extended data of type 1 (RFC 4254 §5.2).
    Stderr,
    /// Plain data.
    Stdout,
}

/// A signal's name without `SIG` (RFC 4254 §6.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal(pub String);

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A terminal that the user asked for (RFC 4254 §6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// The value of `TERM`.
    pub term: String,
    /// Its size in cells.
    pub size: WindowSize,
}

//! The streams of exec and attach, whatever carries them, and what is said on two of them.

use std::fmt;

pub mod resize;
pub mod status;

/// One of the streams of a remote command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamKind {
    /// How the program ended, as a `metav1.Status` ([`status`]).
    Error,
    /// The terminal's size ([`resize`]).
    Resize,
    /// Output for people; never with a terminal.
    Stderr,
    /// Input.
    Stdin,
    /// Output, or what the terminal shows.
    Stdout,
}

impl StreamKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Error, Self::Resize, Self::Stderr, Self::Stdin, Self::Stdout];

    /// The number that a WebSocket message begins with.
    #[must_use]
    pub const fn channel(self) -> u8 {
        match self {
            Self::Stdin => 0,
            Self::Stdout => 1,
            Self::Stderr => 2,
            Self::Error => 3,
            Self::Resize => 4,
        }
    }

    /// The name in the SPDY header `streamtype`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Resize => "resize",
            Self::Stderr => "stderr",
            Self::Stdin => "stdin",
            Self::Stdout => "stdout",
        }
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which streams a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    /// `stdin=true`.
    pub stdin: bool,
    /// `stdout=true`.
    pub stdout: bool,
    /// `stderr=true`. With a terminal it comes on stdout.
    pub stderr: bool,
    /// `tty=true`.
    pub tty: bool,
}

impl Streams {
    /// The streams that SPDY has, in the order in which kubectl opens them.
    pub fn kinds(self) -> impl Iterator<Item = StreamKind> {
        [
            (true, StreamKind::Error),
            (self.stdin, StreamKind::Stdin),
            (self.stdout, StreamKind::Stdout),
            (self.stderr && !self.tty, StreamKind::Stderr),
            (self.tty, StreamKind::Resize),
        ]
        .into_iter()
        .filter_map(|(wanted, kind)| wanted.then_some(kind))
    }
}

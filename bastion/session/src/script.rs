//! A script on standard input (`ssh host bash -s < script`): read whole before anything reaches the
//! target, so that it can be judged whole, then replayed byte for byte.
//!
//! Flow control: where the sender's window is larger than [`MAX_SCRIPT_BYTES`], nothing is released while the script is
//! read; each replayed byte is released when the relay has written it to the target.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use super::{leg::UserReader, terminal::FromUser};

/// The longest script: as much as is parsed, with room for the command that reads it, and far below the window of a
/// channel (2 MiB).
pub const MAX_SCRIPT_BYTES: usize = 60 * 1024;

/// How long a user may send nothing before the script is complete.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// The size of the pieces in which a script is replayed: one data message each.
const PIECE_BYTES: usize = 32 * 1024;

/// Why there is no script that could be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The user is gone.
    #[error("the channel was closed before the script on standard input was complete; nothing ran")]
    Closed,
    /// A signal came first.
    #[error("a signal came before the script on standard input was complete; nothing ran")]
    Interrupted,
    /// The user sends nothing and does not end it.
    #[error(
        "standard input holds commands, and they are judged together before the first one runs; none came for \
         {} seconds and the input did not end. Give a whole script (`ssh TARGET sh -s < SCRIPT`) or the command itself",
        SILENCE_LIMIT.as_secs()
    )]
    Silent,
    /// It is longer than what is judged.
    #[error(
        "the script on standard input is longer than {} KiB, the most that is judged before it runs. Copy it to the \
         target as a file, or split it",
        MAX_SCRIPT_BYTES / 1024
    )]
    TooLong,
}

/// All that a user sends on standard input, and the rest of the user's side.
#[derive(Debug)]
pub struct Script<R> {
    text: Bytes,
    reader: R,
}

impl<R: UserReader> Script<R> {
    /// Reads standard input to its end; `kept` is told how much was read.
    ///
    /// # Errors
    ///
    /// When it does not end, or is too long; the text says what to do.
    pub async fn read(reader: R, kept: impl FnMut(usize) + Send) -> Result<Self, ScriptError> {
        Self::read_within(reader, SILENCE_LIMIT, kept).await
    }

    async fn read_within(
        mut reader: R,
        silence: Duration,
        mut kept: impl FnMut(usize) + Send,
    ) -> Result<Self, ScriptError> {
        let mut text = BytesMut::new();
        loop {
            match timeout(silence, reader.next()).await.map_err(|_| ScriptError::Silent)? {
                FromUser::Data(data) if text.len() + data.len() > MAX_SCRIPT_BYTES => return Err(ScriptError::TooLong),
                FromUser::Data(data) => {
                    kept(data.len());
                    text.extend_from_slice(&data);
                }
                FromUser::Eof => return Ok(Self { text: text.freeze(), reader }),
                FromUser::Closed | FromUser::Closing => return Err(ScriptError::Closed),
                FromUser::Signal(_) => return Err(ScriptError::Interrupted),
                // Without a terminal there is nothing to resize; whether anybody reads the output is seen when there is some.
                FromUser::Resize(..) | FromUser::Unread => {}
            }
        }
    }

    /// The bytes to judge.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The user's side as if nothing had been read yet: exactly the judged bytes, then their end.
    pub fn into_reader(self) -> ReplayedReader<R> {
        ReplayedReader { text: self.text, ended: false, reader: self.reader }
    }
}

/// The reading half of a user's leg whose input is known already.
#[derive(Debug)]
pub struct ReplayedReader<R> {
    text: Bytes,
    ended: bool,
    reader: R,
}

impl<R: UserReader> UserReader for ReplayedReader<R> {
    async fn next(&mut self) -> FromUser {
        if !self.text.is_empty() {
            return FromUser::Data(self.text.split_to(self.text.len().min(PIECE_BYTES)));
        }
        if !self.ended {
            self.ended = true;
            return FromUser::Eof;
        }
        loop {
            match self.reader.next().await {
                // Nothing may follow the end of the input (RFC 4254 §5.3), and nobody has judged it.
                FromUser::Data(_) | FromUser::Eof => {}
                event @ (FromUser::Closed
                | FromUser::Closing
                | FromUser::Resize(..)
                | FromUser::Signal(_)
                | FromUser::Unread) => return event,
            }
        }
    }
}

/// The reading half of a user's leg, whose input may be known already.
#[derive(Debug)]
pub enum SessionInput<R> {
    /// It is not.
    Live(R),
    /// It is.
    Replayed(ReplayedReader<R>),
}

impl<R: UserReader> UserReader for SessionInput<R> {
    async fn next(&mut self) -> FromUser {
        match self {
            Self::Live(reader) => reader.next().await,
            Self::Replayed(reader) => reader.next().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::{super::terminal::Signal, *};

    /// A user whose events are given; then nothing comes.
    struct Scripted(VecDeque<FromUser>);

    impl UserReader for Scripted {
        async fn next(&mut self) -> FromUser {
            match self.0.pop_front() {
                Some(event) => event,
                None => std::future::pending().await,
            }
        }
    }

    fn user(events: impl IntoIterator<Item = FromUser>) -> Scripted {
        Scripted(events.into_iter().collect())
    }

    fn data(text: &'static [u8]) -> FromUser {
        FromUser::Data(Bytes::from_static(text))
    }

    #[tokio::test]
    async fn exactly_the_judged_bytes_are_replayed_and_then_they_end() {
        let later = [data(b"rm -rf /\n"), FromUser::Eof, FromUser::Signal(Signal("TERM".into())), FromUser::Closed];
        let events = [data(b"echo a\nec"), data(b"ho b\n"), FromUser::Eof].into_iter().chain(later);
        let script = Script::read(user(events), |_| ()).await.unwrap();
        assert_eq!(script.bytes(), b"echo a\necho b\n");
        let mut reader = script.into_reader();
        let mut seen = Vec::new();
        loop {
            let event = reader.next().await;
            if matches!(event, FromUser::Closed) {
                break;
            }
            seen.push(format!("{event:?}"));
        }
        // What came after the end is not in it: nobody judged that.
        assert_eq!(seen, [r#"Data(b"echo a\necho b\n")"#, "Eof", r#"Signal(Signal("TERM"))"#]);
    }

    #[tokio::test]
    async fn a_long_script_is_replayed_in_pieces_that_add_up() {
        let sent = vec![b'#'; MAX_SCRIPT_BYTES];
        let script = Script::read(user([FromUser::Data(sent.clone().into()), FromUser::Eof]), |_| ()).await.unwrap();
        let mut reader = script.into_reader();
        let mut replayed = Vec::new();
        while let FromUser::Data(piece) = reader.next().await {
            assert!(piece.len() <= PIECE_BYTES);
            replayed.extend_from_slice(&piece);
        }
        assert_eq!(replayed, sent);
    }

    #[tokio::test]
    async fn what_does_not_end_or_is_too_long_is_refused_with_what_to_do() {
        let refused = async |events: Vec<FromUser>| {
            Script::read_within(user(events), Duration::ZERO, |_| ()).await.map(|_| ()).unwrap_err()
        };
        assert_eq!(refused(vec![data(b"ls\n")]).await, ScriptError::Silent);
        assert_eq!(refused(vec![data(b"ls\n"), FromUser::Closed]).await, ScriptError::Closed);
        assert_eq!(refused(vec![FromUser::Signal(Signal("INT".into()))]).await, ScriptError::Interrupted);
        let long = FromUser::Data(vec![b'#'; MAX_SCRIPT_BYTES].into());
        assert_eq!(refused(vec![long, data(b"x")]).await, ScriptError::TooLong);
        assert!(ScriptError::Silent.to_string().contains("60 seconds"), "{}", ScriptError::Silent);
        assert!(ScriptError::TooLong.to_string().contains("60 KiB"), "{}", ScriptError::TooLong);
    }
}

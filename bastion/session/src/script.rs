//! A script on standard input (`ssh host bash -s < script`): read whole before anything reaches the
//! target, so that it can be judged whole, then replayed byte for byte.
//!
//! Whoever sends a command and waits for its answer sends no script: where nothing comes for a `PAUSE`, and no end,
//! what has come is the beginning of a dialogue, whose commands are judged one by one.
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

/// How long nothing comes from who waits for an answer. What is sent at once comes at once, even over slow networks.
const PAUSE: Duration = Duration::from_millis(200);

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

/// What a user has sent on standard input, and the rest of the user's side.
#[derive(Debug)]
pub struct Script<R> {
    text: Bytes,
    /// Whether that is all of it.
    is_whole: bool,
    reader: R,
}

impl<R: UserReader> Script<R> {
    /// Reads standard input to its end, or `by_command` to a pause; `kept` is told how much was read.
    ///
    /// # Errors
    ///
    /// When it does not end, or is too long; the text says what to do.
    pub async fn read(reader: R, by_command: bool, kept: impl FnMut(usize) + Send) -> Result<Self, ScriptError> {
        let silence = if by_command { PAUSE } else { SILENCE_LIMIT };
        Self::read_within(reader, silence, by_command, kept).await
    }

    async fn read_within(
        mut reader: R,
        silence: Duration,
        by_command: bool,
        mut kept: impl FnMut(usize) + Send,
    ) -> Result<Self, ScriptError> {
        let mut text = BytesMut::new();
        loop {
            let Ok(event) = timeout(silence, reader.next()).await else {
                return if by_command {
                    Ok(Self { text: text.freeze(), is_whole: false, reader })
                } else {
                    Err(ScriptError::Silent)
                };
            };
            match event {
                FromUser::Data(data) if text.len() + data.len() > MAX_SCRIPT_BYTES => return Err(ScriptError::TooLong),
                FromUser::Data(data) => {
                    kept(data.len());
                    text.extend_from_slice(&data);
                }
                FromUser::Eof => return Ok(Self { text: text.freeze(), is_whole: true, reader }),
                FromUser::Closed | FromUser::Closing => return Err(ScriptError::Closed),
                FromUser::Signal(_) => return Err(ScriptError::Interrupted),
                // Without a terminal there is nothing to resize; whether anybody reads the output is seen when there is some.
                FromUser::Resize(..) | FromUser::Unread => {}
            }
        }
    }

    /// The bytes to judge, if there are no others.
    #[must_use]
    pub fn whole(&self) -> Option<&Bytes> {
        self.is_whole.then_some(&self.text)
    }

    /// The user's side as if nothing had been read yet: exactly these bytes, then their end, or what comes next.
    pub fn into_reader(self) -> ReplayedReader<R> {
        let end = if self.is_whole { ReplayEnd::Owed } else { ReplayEnd::Open };
        ReplayedReader { text: self.text, end, reader: self.reader }
    }
}

/// The reading half of a user's leg of whose input some is known already.
#[derive(Debug)]
pub struct ReplayedReader<R> {
    text: Bytes,
    end: ReplayEnd,
    reader: R,
}

/// What follows what is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReplayEnd {
    /// More input.
    Open,
    /// The end of the input, which is still to be told.
    Owed,
    /// No more input.
    Told,
}

impl<R: UserReader> UserReader for ReplayedReader<R> {
    async fn next(&mut self) -> FromUser {
        if !self.text.is_empty() {
            return FromUser::Data(self.text.split_to(self.text.len().min(PIECE_BYTES)));
        }
        match self.end {
            ReplayEnd::Open => return self.reader.next().await,
            ReplayEnd::Owed => {
                self.end = ReplayEnd::Told;
                return FromUser::Eof;
            }
            ReplayEnd::Told => {}
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

    /// A user whose events come while the test goes on.
    struct Channel(tokio::sync::mpsc::Receiver<FromUser>);

    impl UserReader for Channel {
        async fn next(&mut self) -> FromUser {
            match self.0.recv().await {
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
        let script = Script::read(user(events), true, |_| ()).await.unwrap();
        assert_eq!(script.whole().unwrap(), "echo a\necho b\n");
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
        let script =
            Script::read(user([FromUser::Data(sent.clone().into()), FromUser::Eof]), false, |_| ()).await.unwrap();
        let mut reader = script.into_reader();
        let mut replayed = Vec::new();
        while let FromUser::Data(piece) = reader.next().await {
            assert!(piece.len() <= PIECE_BYTES);
            replayed.extend_from_slice(&piece);
        }
        assert_eq!(replayed, sent);
    }

    #[tokio::test]
    async fn who_waits_for_an_answer_sends_no_script_and_what_they_send_next_follows() {
        for begun in [vec![], vec![data(b"echo a\nec")]] {
            let (sender, receiver) = tokio::sync::mpsc::channel(8);
            let sent = begun.len();
            begun.into_iter().for_each(|event| sender.try_send(event).unwrap());
            let script = Script::read_within(Channel(receiver), Duration::ZERO, true, |_| ()).await.unwrap();
            assert!(script.whole().is_none());
            let mut reader = script.into_reader();
            [data(b"ho b\n"), FromUser::Eof].into_iter().for_each(|event| sender.try_send(event).unwrap());
            let mut seen = Vec::new();
            for _ in 0..sent + 2 {
                seen.push(format!("{:?}", reader.next().await));
            }
            let expected = [r#"Data(b"echo a\nec")"#, r#"Data(b"ho b\n")"#, "Eof"];
            assert_eq!(seen, expected[1 - sent..]);
        }
    }

    #[tokio::test]
    async fn what_does_not_end_or_is_too_long_is_refused_with_what_to_do() {
        let refused = async |events: Vec<FromUser>| {
            Script::read_within(user(events), Duration::ZERO, false, |_| ()).await.map(|_| ()).unwrap_err()
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

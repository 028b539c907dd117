//! One exec channel, from its request to its exit status.

use api::events::Event;
use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use ssh_client::message::signal_name;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::Stopped;
use super::connection::Connection;
use super::events::Stream;
use super::notices::{NoticeReader, Part};
use super::printer::Printer;
use crate::exit::CommandError;

/// A command on its way.
pub(super) struct Remote {
    reading: ChannelReadHalf,
    writing: ChannelWriteHalf<Msg>,
    notices: NoticeReader,
    waits: bool,
    blocked: bool,
    exit: Option<Ending>,
}

impl Remote {
    /// Opens a channel and asks for the command.
    pub(super) async fn start(
        connection: &Connection,
        command: &str,
        reason: Option<&str>,
    ) -> Result<Self, CommandError> {
        let channel = connection.channel_open_session().await.map_err(lost)?;
        channel.set_env(false, "BASTION_EVENTS", "1").await.map_err(lost)?;
        if let Some(reason) = reason {
            channel.set_env(false, "BASTION_REASON", reason).await.map_err(lost)?;
        }
        channel.exec(true, command).await.map_err(lost)?;
        let (reading, writing) = channel.split();
        Ok(Self { reading, writing, notices: NoticeReader::new(), waits: false, blocked: false, exit: None })
    }

    /// Whether people are to decide about it.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Carries input and output until the channel ends. Cancel-safe in so far as nothing is read
    /// after a cancel but by [`Self::abandon`].
    pub(super) async fn serve<I, O, E>(
        &mut self,
        printer: &mut Printer<O, E>,
        input: Option<I>,
    ) -> Result<Ending, CommandError>
    where
        I: AsyncRead + Unpin,
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let Self { reading, writing, notices, waits, blocked, exit } = self;
        let output = async {
            while let Some(message) = reading.wait().await {
                #[expect(
                    clippy::wildcard_enum_match_arm,
                    reason = "the enum is not exhaustive and mixes both directions"
                )]
                match message {
                    ChannelMsg::Data { data } => {
                        // Only the target writes to stdout, so it runs.
                        *waits = false;
                        if let Some(Part::Plain(held)) = notices.close() {
                            printer.output(Stream::Stderr, &held).await?;
                        }
                        printer.output(Stream::Stdout, &data).await?;
                        reading.release(length(&data));
                    }
                    ChannelMsg::ExtendedData { data, .. } => {
                        for part in notices.feed(&data) {
                            match part {
                                Part::Plain(bytes) => printer.output(Stream::Stderr, &bytes).await?,
                                Part::Notice(notice) => {
                                    *waits = matches!(notice, Event::WaitingApproval { .. });
                                    *blocked |= matches!(notice, Event::Blocked { .. });
                                    printer.notice(&notice).await?;
                                }
                            }
                        }
                        reading.release(length(&data));
                    }
                    ChannelMsg::ExitStatus { exit_status } => *exit = Some(Ending::Code(exit_status)),
                    ChannelMsg::ExitSignal { signal_name: signal, .. } => {
                        *exit = Some(Ending::Signal(signal_name(&signal).to_owned()));
                    }
                    ChannelMsg::Failure => {
                        return Err(CommandError::Refused("the bastion refused to run a command there".to_owned()));
                    }
                    ChannelMsg::Close => break,
                    _ => {}
                }
            }
            if let Some(Part::Plain(held)) = notices.close() {
                printer.output(Stream::Stderr, &held).await?;
            }
            printer.finish().await
        };
        tokio::select! {
            ended = output => ended?,
            // It ends with the channel: a command may go on after its input.
            never = async { pass_on(input, writing).await; std::future::pending().await } => never,
        }
        match (self.exit.take(), self.blocked) {
            (ending, true) => Ok(Ending::of_refusal(ending)),
            (Some(ending), false) => Ok(ending),
            (None, false) => Err(CommandError::Unreachable {
                server: "the target".to_owned(),
                reason: "the connection ended before the command did; whether it did its work is not known".to_owned(),
            }),
        }
    }

    /// Gives the command up: what waits is taken back, what runs gets a signal.
    pub(super) async fn abandon(&self, why: Stopped) {
        let signal = match why {
            Stopped::Interrupted => Sig::INT,
            Stopped::Terminated | Stopped::TimedOut => Sig::TERM,
        };
        // The connection may be gone, which is just as well.
        let _ = self.writing.signal(signal).await;
        let _ = self.writing.close().await;
    }
}

async fn pass_on(input: Option<impl AsyncRead + Unpin>, writing: &ChannelWriteHalf<Msg>) {
    if let Some(mut input) = input {
        let mut buffer = vec![0; INPUT_BYTES];
        // An input that cannot be read has ended.
        while let Ok(count @ 1..) = input.read(&mut buffer).await {
            let Some(read) = buffer.get(..count) else { break };
            if writing.data_bytes(Bytes::copy_from_slice(read)).await.is_err() {
                return;
            }
        }
    }
    // The channel may be closed by now.
    let _ = writing.eof().await;
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// With this exit status.
    Code(u32),
    /// By a signal, named as in RFC 4254 §6.10.
    Signal(String),
}

impl Ending {
    /// A refusal's own exit status stands (4: nobody approved in time), if it is one of the documented ones.
    fn of_refusal(ending: Option<Self>) -> Self {
        match ending {
            Some(Self::Code(code @ (1..=BLOCKED | UNAVAILABLE))) => Self::Code(code),
            Some(Self::Code(_) | Self::Signal(_)) | None => Self::Code(BLOCKED),
        }
    }

    /// The exit code that stands for it: as a shell has it, signals are 128 and their number.
    pub(super) fn code(&self) -> u8 {
        match self {
            // An exit status on POSIX has eight bits. A larger one must not look like success.
            Self::Code(code) => u8::try_from(*code).unwrap_or(u8::MAX),
            Self::Signal(name) => 128 + number(name),
        }
    }

    pub(super) fn signal(&self) -> Option<&str> {
        match self {
            Self::Code(_) => None,
            Self::Signal(name) => Some(name),
        }
    }
}

/// The number of a signal on Linux; 0 for one that is not known.
fn number(name: &str) -> u8 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "TRAP" => 5,
        "ABRT" => 6,
        "BUS" => 7,
        "FPE" => 8,
        "KILL" => 9,
        "USR1" => 10,
        "SEGV" => 11,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        _ => 0,
    }
}

fn lost(error: russh::Error) -> CommandError {
    CommandError::Unreachable { server: "the target".to_owned(), reason: error.to_string() }
}

fn length(data: &Bytes) -> u32 {
    u32::try_from(data.len()).unwrap_or(u32::MAX)
}

/// As much as goes into one packet.
const INPUT_BYTES: usize = 32 * 1024;
/// Exit status of a command that a rule blocks or a person denies.
const BLOCKED: u32 = 5;

/// Something is down: the bastion's own store or recordings, or the target.
const UNAVAILABLE: u32 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_documented_table() {
        let signal = |name: &str| Ending::Signal(name.to_owned());
        let table = [
            (Ending::Code(0), 0),
            (Ending::Code(7), 7),
            (Ending::Code(255), 255),
            (Ending::Code(256), 255),
            (signal("INT"), 130),
            (signal("KILL"), 137),
            (signal("TERM"), 143),
            (signal("a new one"), 128),
            (Ending::of_refusal(None), 5),
            (Ending::of_refusal(Some(Ending::Code(0))), 5),
            (Ending::of_refusal(Some(Ending::Code(1))), 1),
            (Ending::of_refusal(Some(Ending::Code(4))), 4),
            (Ending::of_refusal(Some(Ending::Code(9))), 5),
            (Ending::of_refusal(Some(signal("TERM"))), 5),
        ];
        for (ending, code) in table {
            assert_eq!(ending.code(), code, "{ending:?}");
        }
    }
}

//! A session channel of the target's connection: opened before the user's is confirmed, prepared, started
//! only when the recording is open, then carried by the relay.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use mask::WindowSize;
use recorder::ExitStatus;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Pty, client};
use session::{
    leg::{LegClosed, TargetReader, TargetWriter},
    start::PreparedTarget,
    terminal::{FromTarget, Pixels, Signal},
};
use ssh_client::message::{END_OF_WRITE, signal_name};
use tokio::time::timeout;

use super::{target_error::TargetError, user_leg::signal};

/// How long the target may take to answer a channel request.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// A terminal that the user asked for (RFC 4254 §6.2), as it is passed on.
#[derive(Debug, Clone)]
pub struct PtyRequest {
    /// The value of `TERM`.
    pub term: String,
    /// Its size in cells.
    pub size: WindowSize,
    /// Its width and height in pixels.
    pub pixels: Pixels,
    /// Encoded terminal modes (RFC 4254 §8).
    pub modes: Vec<(Pty, u32)>,
}

/// What the channel is to run.
#[derive(Debug, Clone)]
pub enum Program {
    /// A command line for the login shell, as the user sent it.
    Exec(Vec<u8>),
    /// The login shell.
    Shell,
    /// A subsystem.
    Subsystem(String),
}

/// What a channel needs before its program starts.
#[derive(Debug, Clone)]
pub struct ChannelSetup {
    /// The terminal, if there is one.
    pub pty: Option<PtyRequest>,
    /// Environment variables that the allow-list let through.
    pub env: Vec<(String, String)>,
    /// The program.
    pub program: Program,
}

/// A channel that runs nothing yet.
#[derive(Debug)]
pub struct OpenChannel {
    channel: Channel<client::Msg>,
    /// The terminal that the target has given it.
    terminal: Option<(WindowSize, Pixels)>,
}

impl OpenChannel {
    /// A fresh channel.
    #[must_use]
    pub fn new(channel: Channel<client::Msg>) -> Self {
        Self { channel, terminal: None }
    }

    /// Requests a terminal.
    ///
    /// # Errors
    ///
    /// When the target refuses it, does not answer, or goes away.
    pub async fn request_terminal(&mut self, pty: &PtyRequest) -> Result<(), TargetError> {
        let PtyRequest { term, size, pixels, modes } = pty;
        let (cols, rows) = (size.cols.into(), size.rows.into());
        self.channel.request_pty(true, term, cols, rows, pixels.width, pixels.height, modes).await?;
        let early = reply(&mut self.channel, "a terminal").await?;
        debug_assert!(early.is_empty(), "nothing runs yet");
        self.terminal = Some((*size, *pixels));
        Ok(())
    }

    /// Gives it the terminal, unless it has one, and the environment.
    ///
    /// # Errors
    ///
    /// When the target refuses the terminal, does not answer, or goes away. A
    /// refused environment variable is no error, as with a direct login.
    pub async fn prepare(mut self, setup: ChannelSetup) -> Result<PreparedChannel, TargetError> {
        match self.equip(&setup).await {
            Ok(()) => Ok(PreparedChannel { channel: self.channel, program: setup.program }),
            Err(error) => {
                self.close().await;
                Err(error)
            }
        }
    }

    async fn equip(&mut self, setup: &ChannelSetup) -> Result<(), TargetError> {
        match (&setup.pty, self.terminal) {
            (Some(pty), None) => self.request_terminal(pty).await?,
            (Some(PtyRequest { size, pixels, .. }), Some(had)) if (*size, *pixels) != had => {
                let (cols, rows) = (size.cols.into(), size.rows.into());
                self.channel.window_change(cols, rows, pixels.width, pixels.height).await?;
            }
            _ => {}
        }
        for (name, value) in &setup.env {
            self.channel.set_env(false, name, value).await?;
        }
        Ok(())
    }

    /// The channel itself, for what is no session of a user.
    #[must_use]
    pub fn into_inner(self) -> Channel<client::Msg> {
        self.channel
    }

    /// Gives it up.
    pub async fn close(self) {
        // The target may be gone.
        let _ = self.channel.close().await;
    }
}

/// A channel with its terminal and environment, whose program has not started.
#[derive(Debug)]
pub struct PreparedChannel {
    channel: Channel<client::Msg>,
    program: Program,
}

impl PreparedTarget for PreparedChannel {
    type Reader = SshTargetReader;
    type Writer = SshTargetWriter;
    type Error = TargetError;

    async fn launch(mut self) -> Result<(SshTargetReader, SshTargetWriter), TargetError> {
        let what = match self.program {
            Program::Shell => {
                self.channel.request_shell(true).await?;
                "a shell"
            }
            Program::Exec(command) => {
                self.channel.exec(true, command).await?;
                "the command"
            }
            Program::Subsystem(name) => {
                self.channel.request_subsystem(true, name).await?;
                "the subsystem"
            }
        };
        let early = match reply(&mut self.channel, what).await {
            Ok(early) => early,
            Err(error) => {
                let _ = self.channel.close().await;
                return Err(error);
            }
        };
        let (reading, writing) = self.channel.split();
        Ok((SshTargetReader { channel: reading, early }, SshTargetWriter(writing)))
    }

    async fn abandon(self) {
        // The target may be gone.
        let _ = self.channel.close().await;
    }
}

/// The reading half.
#[derive(Debug)]
pub struct SshTargetReader {
    channel: ChannelReadHalf,
    /// What came before the reply to the request that started the program.
    early: VecDeque<FromTarget>,
}

/// The writing half.
#[derive(Debug)]
pub struct SshTargetWriter(ChannelWriteHalf<client::Msg>);

impl TargetReader for SshTargetReader {
    async fn next(&mut self) -> FromTarget {
        if let Some(event) = self.early.pop_front() {
            return event;
        }
        loop {
            let Some(message) = self.channel.wait().await else { return FromTarget::Closed };
            if let Some(event) = from_target(message) {
                return event;
            }
        }
    }
}

impl TargetWriter for SshTargetWriter {
    async fn input(&self, data: Bytes) -> Result<(), LegClosed> {
        self.0.data_bytes(data).await.map_err(|_| LegClosed)
    }

    async fn resize(&self, size: WindowSize, pixels: Pixels) -> Result<(), LegClosed> {
        let (cols, rows) = (size.cols.into(), size.rows.into());
        self.0.window_change(cols, rows, pixels.width, pixels.height).await.map_err(|_| LegClosed)
    }

    async fn unread(&self) -> Result<(), LegClosed> {
        self.0.request(false, END_OF_WRITE, Bytes::new()).await.map_err(|_| LegClosed)
    }

    async fn signal(&self, name: Signal) -> Result<(), LegClosed> {
        self.0.signal(signal(&name.0)).await.map_err(|_| LegClosed)
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        self.0.eof().await.map_err(|_| LegClosed)
    }

    async fn close(&self) -> Result<(), LegClosed> {
        self.0.close().await.map_err(|_| LegClosed)
    }

    fn release(&self, bytes: usize) {
        self.0.release(bytes.try_into().unwrap_or(u32::MAX));
    }
}

/// Waits for the reply to a request; what came before it is kept.
async fn reply(channel: &mut Channel<client::Msg>, what: &'static str) -> Result<VecDeque<FromTarget>, TargetError> {
    let mut early = VecDeque::new();
    let waiting = async {
        loop {
            match channel.wait().await {
                None | Some(ChannelMsg::Close) => return Err(TargetError::Closed { what }),
                Some(ChannelMsg::Success) => return Ok(()),
                Some(ChannelMsg::Failure) => return Err(TargetError::RequestRefused { what }),
                Some(message) => early.extend(from_target(message)),
            }
        }
    };
    timeout(REQUEST_DEADLINE, waiting).await.map_err(|_| TargetError::Silent { what })??;
    Ok(early)
}

/// What a message means to the relay, if anything.
fn from_target(message: ChannelMsg) -> Option<FromTarget> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive and mixes both directions")]
    match message {
        ChannelMsg::Data { data } => Some(FromTarget::Stdout(data)),
        // Type 1 is stderr; others are not defined (RFC 4254 §5.2) and shown as stderr rather than lost.
        ChannelMsg::ExtendedData { data, .. } => Some(FromTarget::Stderr(data)),
        ChannelMsg::Eof => Some(FromTarget::Eof),
        ChannelMsg::Close => Some(FromTarget::Closed),
        ChannelMsg::Request { name, .. } if name == END_OF_WRITE => Some(FromTarget::Unread),
        ChannelMsg::ExitStatus { exit_status } => Some(FromTarget::Exit(ExitStatus::Code(exit_status))),
        ChannelMsg::ExitSignal { signal_name: signal, .. } => {
            Some(FromTarget::Exit(ExitStatus::Signal(signal_name(&signal).to_owned())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_reads_no_more_is_no_unknown_request() {
        let request = |name: &str| ChannelMsg::Request { name: name.to_owned(), want_reply: false, data: Bytes::new() };
        assert!(matches!(from_target(request(END_OF_WRITE)), Some(FromTarget::Unread)));
        assert!(from_target(request("keepalive@openssh.com")).is_none());
    }
}

//! The user's session channel as the relay sees it.
//!
//! Replies to channel requests are sent by [`handler`](super::handler) when they
//! arrive; here only what flows while a program runs is left.

use bytes::Bytes;
use policy::WindowSize;
use recorder::ExitStatus;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig, server};

use crate::session::{
    leg::{LegClosed, UserReader, UserWriter},
    terminal::{FromUser, OutputStream, Signal},
};

/// Extended data of this type is stderr (RFC 4254 §5.2).
pub(super) const EXTENDED_DATA_STDERR: u32 = 1;

/// The reading half.
#[derive(Debug)]
pub struct SshUserReader(pub(super) ChannelReadHalf);

/// The writing half.
#[derive(Debug)]
pub struct SshUserWriter {
    pub(super) channel: ChannelWriteHalf<server::Msg>,
    /// exit-signal has no method on the channel.
    pub(super) connection: server::Handle,
}

impl UserReader for SshUserReader {
    async fn next(&mut self) -> FromUser {
        loop {
            let Some(message) = self.0.wait().await else { return FromUser::Closed };
            #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive and mixes both directions")]
            match message {
                ChannelMsg::Data { data } => return FromUser::Data(data),
                ChannelMsg::Eof => return FromUser::Eof,
                ChannelMsg::Close => return FromUser::Closed,
                // A name that none can have is passed over: a request for a signal has no reply (RFC 4254 §6.9).
                ChannelMsg::Signal { signal } if is_signal(&signal) => return FromUser::Signal(signal_name(&signal)),
                ChannelMsg::WindowChange { col_width, row_height, .. } => {
                    return FromUser::Resize(window_size(col_width, row_height));
                }
                // No extended data is defined in this direction: it is consumed, and ignored as sshd does.
                ChannelMsg::ExtendedData { data, .. } => self.0.release(length(&data)),
                // A second shell, exec, pty-req … on a channel that runs already (RFC 4254 §6.5: only one succeeds).
                _ => {}
            }
        }
    }
}

impl UserWriter for SshUserWriter {
    async fn output(&self, stream: OutputStream, data: Bytes) -> Result<(), LegClosed> {
        match stream {
            OutputStream::Stdout => self.channel.data_bytes(data).await,
            OutputStream::Stderr => self.channel.extended_data_bytes(EXTENDED_DATA_STDERR, data).await,
        }
        .map_err(|_| LegClosed)
    }

    async fn exit(&self, status: ExitStatus) -> Result<(), LegClosed> {
        match status {
            ExitStatus::Code(status) => self.channel.exit_status(status).await.map_err(|_| LegClosed),
            ExitStatus::Signal(name) => self
                .connection
                .exit_signal_request(self.channel.id(), signal(&name), false, String::new(), String::new())
                .await
                .map_err(|()| LegClosed),
        }
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        self.channel.eof().await.map_err(|_| LegClosed)
    }

    async fn close(&self) -> Result<(), LegClosed> {
        self.channel.close().await.map_err(|_| LegClosed)
    }

    fn release(&self, bytes: usize) {
        self.channel.release(bytes.try_into().unwrap_or(u32::MAX));
    }
}

/// The length of a chunk of channel data, which the packet length limits to far less than 4 GiB.
fn length(data: &Bytes) -> u32 {
    data.len().try_into().unwrap_or(u32::MAX)
}

/// A terminal size as clients send it; zero means unknown, and more than 65,535 is nonsense.
pub(super) fn window_size(cols: u32, rows: u32) -> WindowSize {
    let or_default = |cells: u32, default: u16| match u16::try_from(cells) {
        Ok(0) => default,
        Ok(cells) => cells,
        Err(_) => u16::MAX,
    };
    WindowSize { cols: or_default(cols, WindowSize::DEFAULT.cols), rows: or_default(rows, WindowSize::DEFAULT.rows) }
}

/// Whether a signal has a name as signals have it: `USR1`, `sig@example.com`.
fn is_signal(signal: &Sig) -> bool {
    let Sig::Custom(name) = signal else { return true };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"@.+-_".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_part)
}

/// The name of a signal, without `SIG`.
pub(crate) fn signal_name(signal: &Sig) -> Signal {
    Signal(match signal {
        Sig::ABRT => "ABRT".into(),
        Sig::ALRM => "ALRM".into(),
        Sig::FPE => "FPE".into(),
        Sig::HUP => "HUP".into(),
        Sig::ILL => "ILL".into(),
        Sig::INT => "INT".into(),
        Sig::KILL => "KILL".into(),
        Sig::PIPE => "PIPE".into(),
        Sig::QUIT => "QUIT".into(),
        Sig::SEGV => "SEGV".into(),
        Sig::TERM => "TERM".into(),
        Sig::USR1 => "USR1".into(),
        Sig::Custom(name) => name.clone(),
    })
}

/// The signal with this name.
pub(super) fn signal(name: &str) -> Sig {
    match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        name => Sig::Custom(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_of_zero_is_the_default_and_nonsense_is_bounded() {
        assert_eq!(window_size(0, 0), WindowSize::DEFAULT);
        assert_eq!(window_size(132, 43), WindowSize { cols: 132, rows: 43 });
        assert_eq!(window_size(u32::MAX, 1), WindowSize { cols: u16::MAX, rows: 1 });
    }

    #[test]
    fn what_no_signal_is_called_is_none() {
        assert!(["INT", "WINCH", "info@example.com"].iter().all(|name| is_signal(&signal(name))));
        assert!(
            ["", "IN T", "x\n", "caf\u{fffd}", "x".repeat(65).as_str()].iter().all(|name| !is_signal(&signal(name)))
        );
    }

    #[test]
    fn every_signal_keeps_its_name() {
        for name in
            ["ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "WINCH"]
        {
            assert_eq!(signal_name(&signal(name)).0, name);
        }
    }
}

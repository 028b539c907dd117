//! The user's session channel as the relay sees it.
//!
//! The request that starts the program is answered by the first thing that is written, or by
//! [`accept`](UserWriter::accept): nothing is promised before somebody is there who keeps it. Requests that
//! come later are answered here, so that replies keep the order of the requests (RFC 4254 §5.4).

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mask::WindowSize;
use recorder::ExitStatus;
use russh::{ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig, server};
use session::{
    leg::{LegClosed, UserReader, UserWriter},
    notice_format::NoticeFormat,
    terminal::{FromUser, OutputStream, Pixels, Signal},
};
use ssh_client::message::{END_OF_WRITE, signal_name, wants_reply};

/// Extended data of this type is stderr (RFC 4254 §5.2).
pub(super) const EXTENDED_DATA_STDERR: u32 = 1;

/// The reading half.
#[derive(Debug)]
pub struct SshUserReader {
    channel: ChannelReadHalf,
    /// Where late requests are refused.
    connection: server::Handle,
    id: ChannelId,
    /// Refusals that are still to be sent.
    owed: usize,
}

/// The writing half.
#[derive(Debug)]
pub struct SshUserWriter {
    channel: ChannelWriteHalf<server::Msg>,
    /// exit-signal has no method on the channel.
    connection: server::Handle,
    /// Whether the request that starts the program is still to be answered.
    owed: AtomicBool,
    notice_format: NoticeFormat,
}

/// Both halves of a channel whose user has asked for a program, and may wait for an answer.
pub(super) fn legs(
    channel: (ChannelReadHalf, ChannelWriteHalf<server::Msg>),
    connection: server::Handle,
    owed: bool,
    notice_format: NoticeFormat,
) -> (SshUserReader, SshUserWriter) {
    let (reading, writing) = channel;
    let reader = SshUserReader { channel: reading, connection: connection.clone(), id: writing.id(), owed: 0 };
    (reader, SshUserWriter { channel: writing, connection, owed: AtomicBool::new(owed), notice_format })
}

impl UserReader for SshUserReader {
    async fn next(&mut self) -> FromUser {
        loop {
            while self.owed > 0 {
                // The connection may be gone; then nobody waits for it.
                let _ = self.connection.channel_failure(self.id).await;
                self.owed -= 1;
            }
            let Some(message) = self.channel.wait().await else { return FromUser::Closed };
            // A second shell, exec, pty-req … on a channel that runs already (RFC 4254 §6.5: only one succeeds).
            self.owed += usize::from(wants_reply(&message));
            #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive and mixes both directions")]
            match message {
                ChannelMsg::Data { data } => return FromUser::Data(data),
                ChannelMsg::Eof => return FromUser::Eof,
                ChannelMsg::Close => return FromUser::Closing,
                // A name that none can have is passed over: a request for a signal has no reply (RFC 4254 §6.9).
                ChannelMsg::Signal { signal } if is_signal(&signal) => {
                    return FromUser::Signal(Signal(signal_name(&signal).to_owned()));
                }
                ChannelMsg::WindowChange { col_width, row_height, pix_width, pix_height } => {
                    let pixels = Pixels { width: pix_width, height: pix_height };
                    return FromUser::Resize(window_size(col_width, row_height), pixels);
                }
                ChannelMsg::Request { name, .. } if name == END_OF_WRITE => return FromUser::Unread,
                // No extended data is defined in this direction: it is consumed, and ignored as sshd does.
                ChannelMsg::ExtendedData { data, .. } => self.channel.release(length(&data)),
                _ => {}
            }
        }
    }
}

impl UserWriter for SshUserWriter {
    fn notice_format(&self) -> NoticeFormat {
        self.notice_format
    }

    async fn accept(&self) {
        if self.owed.swap(false, Ordering::AcqRel) {
            // The user may be gone.
            let _ = self.channel.reply(true).await;
        }
    }

    async fn unread(&self) -> Result<(), LegClosed> {
        self.channel.request(false, END_OF_WRITE, Bytes::new()).await.map_err(|_| LegClosed)
    }

    async fn output(&self, stream: OutputStream, data: Bytes) -> Result<(), LegClosed> {
        self.accept().await;
        match stream {
            OutputStream::Stdout => self.channel.data_bytes(data).await,
            OutputStream::Stderr => self.channel.extended_data_bytes(EXTENDED_DATA_STDERR, data).await,
        }
        .map_err(|_| LegClosed)
    }

    async fn exit(&self, status: ExitStatus) -> Result<(), LegClosed> {
        self.accept().await;
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

/// A terminal size as clients send it; zero means unknown, and more than the largest is nonsense.
pub(super) fn window_size(cols: u32, rows: u32) -> WindowSize {
    let or_default = |cells: u32, default: u16| match u16::try_from(cells) {
        Ok(0) => default,
        Ok(cells) => cells,
        Err(_) => u16::MAX,
    };
    WindowSize { cols: or_default(cols, WindowSize::DEFAULT.cols), rows: or_default(rows, WindowSize::DEFAULT.rows) }
        .bounded()
}

/// Whether a signal has a name as signals have it: `USR1`, `sig@example.com`.
fn is_signal(signal: &Sig) -> bool {
    let Sig::Custom(name) = signal else { return true };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"@.+-_".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_part)
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
        assert_eq!(window_size(u32::MAX, 1), WindowSize { cols: WindowSize::LARGEST.cols, rows: 1 });
        assert_eq!(window_size(120, 65535), WindowSize { cols: 120, rows: WindowSize::LARGEST.rows });
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
            assert_eq!(signal_name(&signal(name)), name);
        }
    }
}

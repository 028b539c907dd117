//! Channels and global requests of a raw connection (RFC 4254).

use anyhow::{Context, Result, bail};

use super::{RawSsh, Reader, Wire, msg};

/// The window of each channel: more than any test sends.
const WINDOW: u32 = 1 << 30;

/// What a channel open was answered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is open; the bastion's number for it.
    Yes(u32),
    /// It is not, and why.
    No(String),
    /// The connection ended.
    Cut,
}

/// What a request was answered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// By success.
    Success,
    /// By failure, or by the end of the channel.
    Failure,
    /// By the end of the connection.
    Cut,
}

/// What a channel was told to its end.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Its output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// The exit status, if there was one.
    pub code: Option<u32>,
    /// How many requests were answered by success, and by failure.
    pub answers: (usize, usize),
}

impl RawSsh {
    /// Opens a channel of this kind; `more` is what the kind wants besides.
    ///
    /// # Errors
    /// Fails when there is no answer.
    pub async fn open(&mut self, kind: &[u8], more: Wire) -> Result<Opened> {
        let own = self.next_channel;
        self.next_channel += 1;
        let open = Wire::message(msg::CHANNEL_OPEN).string(kind).number(own).number(WINDOW).number(32 * 1024);
        if self.send(&open.bytes(&more.into_bytes()).into_bytes()).await.is_err() {
            return Ok(Opened::Cut);
        }
        loop {
            let Some(packet) = self.next().await? else { return Ok(Opened::Cut) };
            let mut reader = Reader::of(packet.get(1..).unwrap_or_default());
            match packet.first() {
                Some(&msg::CHANNEL_OPEN_CONFIRMATION) if reader.number()? == own => {
                    return Ok(Opened::Yes(reader.number()?));
                }
                Some(&msg::CHANNEL_OPEN_FAILURE) if reader.number()? == own => {
                    let code = reader.number()?;
                    return Ok(Opened::No(format!("{code}: {}", reader.text()?)));
                }
                // Of channels from before.
                _ => {}
            }
        }
    }

    /// Sends a request on a channel, which wants an answer.
    ///
    /// # Errors
    /// Fails when the connection is gone.
    pub async fn request(&mut self, channel: u32, name: &[u8], more: Wire) -> Result<()> {
        let request = Wire::message(msg::CHANNEL_REQUEST).number(channel).string(name).flag(true);
        self.send(&request.bytes(&more.into_bytes()).into_bytes()).await
    }

    /// The answer to the last request, on the last channel or on none.
    ///
    /// # Errors
    /// Fails when there is none.
    pub async fn reply(&mut self) -> Result<Reply> {
        loop {
            let Some(packet) = self.next().await? else { return Ok(Reply::Cut) };
            let channel = Reader::of(packet.get(1..).unwrap_or_default()).number().ok();
            let is_last = channel == self.next_channel.checked_sub(1);
            match packet.first() {
                Some(&msg::REQUEST_SUCCESS) => return Ok(Reply::Success),
                Some(&msg::REQUEST_FAILURE) => return Ok(Reply::Failure),
                Some(&msg::CHANNEL_SUCCESS) if is_last => return Ok(Reply::Success),
                Some(&(msg::CHANNEL_FAILURE | msg::CHANNEL_CLOSE)) if is_last => return Ok(Reply::Failure),
                // Of channels from before.
                _ => {}
            }
        }
    }

    /// Sends a global request that wants an answer.
    ///
    /// # Errors
    /// Fails when there is none.
    pub async fn global(&mut self, name: &[u8], more: Wire) -> Result<Reply> {
        let request = Wire::message(msg::GLOBAL_REQUEST).string(name).flag(true).bytes(&more.into_bytes());
        if self.send(&request.into_bytes()).await.is_err() {
            return Ok(Reply::Cut);
        }
        self.reply().await
    }

    /// Reads what the last channel is told until it is closed, and closes it.
    ///
    /// # Errors
    /// Fails when that takes too long.
    pub async fn to_the_end(&mut self, channel: u32) -> Result<Ended> {
        self.to_the_end_after(channel, None).await
    }

    /// The same, of a program that gets no more input once it has said `words`.
    ///
    /// # Errors
    /// Fails when that takes too long.
    pub async fn to_the_end_after(&mut self, channel: u32, mut words: Option<&str>) -> Result<Ended> {
        let own = self.next_channel.checked_sub(1).context("a channel")?;
        let mut ended = Ended::default();
        while let Some(packet) = self.next().await? {
            let mut reader = Reader::of(packet.get(1..).unwrap_or_default());
            let is_channels = matches!(packet.first(), Some(msg::CHANNEL_OPEN..=msg::CHANNEL_FAILURE));
            if is_channels && reader.number()? != own {
                continue;
            }
            match packet.first() {
                Some(&msg::CHANNEL_DATA) => {
                    ended.stdout.push_str(&reader.text()?);
                    if words.take_if(|words| ended.stdout.contains(*words)).is_some() {
                        self.eof(channel).await?;
                    }
                }
                Some(&msg::CHANNEL_EXTENDED_DATA) => {
                    reader.number()?;
                    ended.stderr.push_str(&reader.text()?);
                }
                Some(&msg::CHANNEL_REQUEST) => {
                    let name = reader.text()?;
                    reader.flag()?;
                    if name == "exit-status" {
                        ended.code = Some(reader.number()?);
                    }
                }
                Some(&msg::CHANNEL_SUCCESS) => ended.answers.0 += 1,
                Some(&msg::CHANNEL_FAILURE) => ended.answers.1 += 1,
                Some(&msg::CHANNEL_CLOSE) => {
                    self.close(channel).await?;
                    return Ok(ended);
                }
                _ => {}
            }
        }
        Ok(ended)
    }

    /// Says that a channel gets no more input.
    ///
    /// # Errors
    /// Fails when the connection is gone.
    pub async fn eof(&mut self, channel: u32) -> Result<()> {
        self.send(&Wire::message(msg::CHANNEL_EOF).number(channel).into_bytes()).await
    }

    /// Closes a channel.
    ///
    /// # Errors
    /// Fails when the connection is gone.
    pub async fn close(&mut self, channel: u32) -> Result<()> {
        self.send(&Wire::message(msg::CHANNEL_CLOSE).number(channel).into_bytes()).await
    }

    /// Runs a command in a session of its own.
    ///
    /// # Errors
    /// Fails when no session opens.
    pub async fn run(&mut self, command: &str) -> Result<Ended> {
        let Opened::Yes(channel) = self.open(b"session", Wire::default()).await? else { bail!("no session") };
        self.request(channel, b"exec", Wire::default().text(command)).await?;
        self.to_the_end(channel).await
    }

    /// The next packet, once the bastion's questions whether anybody is there are answered.
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let Some(packet) = self.receive().await? else { return Ok(None) };
            if packet.first() != Some(&msg::GLOBAL_REQUEST) {
                return Ok(Some(packet));
            }
            let mut reader = Reader::of(packet.get(1..).unwrap_or_default());
            reader.text()?;
            if reader.flag()? {
                self.send(&[msg::REQUEST_FAILURE]).await?;
            }
        }
    }
}

//! What a fault server does after the upgrade: a command's streams over either protocol, or ports that echo.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use anyhow::{Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{
    Behaviour, Seen, Step,
    spdy::{self, Frame, HeaderWriter},
    websocket,
};

/// What is read at once.
const READ_BYTES: usize = 64 * 1024;

/// How the streams are carried.
pub enum Protocol {
    /// Each message begins with its stream's number.
    WebSocket(websocket::Reader),
    /// Each is a stream of its own.
    Spdy(Box<Streams>),
}

/// The streams of a SPDY connection.
pub struct Streams {
    reader: spdy::Reader,
    headers: HeaderWriter,
    /// By their kinds.
    open: HashMap<String, u32>,
    /// How many a command has; without one, what comes is sent back.
    wanted: Option<usize>,
}

/// What came of a command's input.
enum Input {
    Stdin(Vec<u8>),
    Size(String),
    End,
}

impl Protocol {
    /// A command over WebSocket.
    pub fn web_socket() -> Self {
        Self::WebSocket(websocket::Reader::default())
    }

    /// A command with so many streams over SPDY.
    pub fn spdy(wanted: usize) -> Self {
        Self::streams(Some(wanted))
    }

    /// Ports that send back what they get.
    pub fn echo() -> Self {
        Self::streams(None)
    }

    fn streams(wanted: Option<usize>) -> Self {
        let (reader, headers) = (spdy::Reader::default(), HeaderWriter::default());
        Self::Spdy(Box::new(Streams { reader, headers, open: HashMap::new(), wanted }))
    }

    /// Does what the behaviour says, until its end or the peer's.
    ///
    /// # Errors
    /// Fails when the peer leaves.
    pub async fn run(self, stream: TcpStream, behaviour: Behaviour, seen: &Mutex<Seen>) -> Result<()> {
        let (reading, writing) = stream.into_split();
        let mut peer = Peer { reading, writing, protocol: self, piece: behaviour.piece, stdin: 0, ended: false };
        while !peer.is_ready() {
            peer.read(seen).await?;
        }
        for step in behaviour.steps {
            peer.step(step, seen).await?;
        }
        if let Self::WebSocket(_) = peer.protocol {
            let close = websocket::frame(websocket::CLOSE, true, &1000_u16.to_be_bytes());
            peer.write(&close).await?;
        }
        peer.writing.shutdown().await?;
        // What is still unread would make the end a reset, and that could take the last bytes along.
        loop {
            peer.read(seen).await?;
        }
    }
}

/// The peer of a command.
struct Peer {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
    protocol: Protocol,
    piece: usize,
    /// Bytes of standard input so far.
    stdin: usize,
    ended: bool,
}

impl Peer {
    /// Whether all streams are there. Ports are never ready: they do no steps.
    fn is_ready(&self) -> bool {
        match &self.protocol {
            Protocol::WebSocket(_) => true,
            Protocol::Spdy(streams) => streams.wanted.is_some_and(|wanted| streams.open.len() >= wanted),
        }
    }

    async fn step(&mut self, step: Step, seen: &Mutex<Seen>) -> Result<()> {
        match step {
            Step::AwaitInput(bytes) => {
                while self.stdin < bytes {
                    self.read(seen).await?;
                }
            }
            Step::AwaitEnd => {
                while !self.ended {
                    self.read(seen).await?;
                }
            }
            Step::HalfClose => self.writing.shutdown().await?,
            Step::Hold => loop {
                self.read(seen).await?;
            },
            Step::Out(_) | Step::Err(_) | Step::Status(_) | Step::Raw(_) | Step::Together(_) => {
                let bytes = self.encoded(step);
                self.write(&bytes).await?;
            }
        }
        Ok(())
    }

    fn encoded(&self, step: Step) -> Vec<u8> {
        let (channel, name, bytes) = match step {
            Step::Out(bytes) => (1, "stdout", bytes),
            Step::Err(bytes) => (2, "stderr", bytes),
            Step::Status(status) => (3, "error", status.into_bytes()),
            Step::Raw(bytes) => return bytes,
            Step::Together(steps) => return steps.into_iter().flat_map(|step| self.encoded(step)).collect(),
            Step::AwaitInput(_) | Step::AwaitEnd | Step::HalfClose | Step::Hold => return Vec::new(),
        };
        match &self.protocol {
            Protocol::WebSocket(_) => {
                websocket::frame(websocket::BINARY, true, &[&[channel], bytes.as_slice()].concat())
            }
            Protocol::Spdy(streams) => {
                spdy::data(streams.open.get(name).copied().unwrap_or_default(), &bytes, name == "error")
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let piece = if self.piece == 0 { bytes.len().max(1) } else { self.piece };
        for piece in bytes.chunks(piece) {
            self.writing.write_all(piece).await?;
            // Without it the reader would get many pieces at once.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Reads something, and answers what wants an answer.
    async fn read(&mut self, seen: &Mutex<Seen>) -> Result<()> {
        let mut bytes = vec![0; READ_BYTES];
        let length = self.reading.read(&mut bytes).await?;
        if length == 0 {
            bail!("the peer has gone");
        }
        bytes.truncate(length);
        let (inputs, answer) = match &mut self.protocol {
            Protocol::WebSocket(reader) => {
                reader.feed(&bytes);
                (reader.by_ref().filter_map(|(code, data)| message(code, data)).collect(), Vec::new())
            }
            Protocol::Spdy(streams) => streams.read(&bytes),
        };
        self.note(inputs, seen);
        if !answer.is_empty() {
            self.writing.write_all(&answer).await?;
        }
        Ok(())
    }

    fn note(&mut self, inputs: Vec<Input>, seen: &Mutex<Seen>) {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for input in inputs {
            match input {
                Input::Stdin(bytes) => {
                    self.stdin += bytes.len();
                    seen.stdin.extend(bytes);
                }
                Input::Size(size) => seen.sizes.push(size),
                Input::End => self.ended = true,
            }
        }
    }
}

fn message(code: u8, mut data: Vec<u8>) -> Option<Input> {
    if code != websocket::BINARY || data.is_empty() {
        return None;
    }
    match data.remove(0) {
        0 => Some(Input::Stdin(data)),
        4 => Some(Input::Size(String::from_utf8_lossy(&data).into_owned())),
        255 => Some(Input::End),
        _ => None,
    }
}

impl Streams {
    fn read(&mut self, bytes: &[u8]) -> (Vec<Input>, Vec<u8>) {
        let (mut inputs, mut answer) = (Vec::new(), Vec::new());
        self.reader.feed(bytes);
        while let Some(frame) = self.reader.frame() {
            match frame {
                Frame::Control(spdy::SYN_STREAM, _, payload) => {
                    if let Some((id, headers)) = self.reader.headers(&payload) {
                        let kind = headers.iter().find(|(name, _)| name == "streamtype").map(|(_, kind)| kind.clone());
                        self.open.insert(kind.unwrap_or_default(), id);
                        // No headers.
                        answer.extend(self.headers.reply(id, &[0; 4]));
                    }
                }
                Frame::Control(spdy::PING, flags, payload) => answer.extend(spdy::control(spdy::PING, flags, &payload)),
                Frame::Control(..) => {}
                Frame::Data(id, data, is_last) => {
                    if !data.is_empty() {
                        let length = u32::try_from(data.len()).unwrap_or_default();
                        answer.extend(spdy::pair(spdy::WINDOW_UPDATE, id, length));
                    }
                    if self.wanted.is_none() {
                        answer.extend(spdy::data(id, &data, is_last));
                    } else if self.open.get("resize") == Some(&id) {
                        inputs.push(Input::Size(String::from_utf8_lossy(&data).into_owned()));
                    } else if self.open.get("stdin") == Some(&id) {
                        inputs.push(Input::Stdin(data));
                        inputs.extend(is_last.then_some(Input::End));
                    }
                }
            }
        }
        (inputs, answer)
    }
}

//! HTTP/2 frame by frame (RFC 9113): what no client library lets a test send. Header fields are written as literals
//! without an index (RFC 7541 §6.2.2), and those of an answer are not read: its body says what a test wants to know.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use super::SOON;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The only request of a connection.
const STREAM: u32 = 1;

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With an answer: its body.
    Answered(Vec<u8>),
    /// By the end of its stream or of the connection.
    Broken,
}

/// Sends a request, with these header fields first and those after its body, and reads what comes of it.
pub(super) async fn ask(
    mut stream: TlsStream<TcpStream>,
    fields: &[(&str, &str)],
    body: &[u8],
    trailers: &[(&str, &str)],
) -> Ended {
    let mut sent = PREFACE.to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    let ends = |last: bool| if last { END_STREAM } else { 0 };
    let (bodiless, final_body) = (body.is_empty() && trailers.is_empty(), trailers.is_empty());
    sent.extend(frame(HEADERS, END_HEADERS | ends(bodiless), STREAM, &literals(fields)));
    if !bodiless {
        sent.extend(frame(DATA, ends(final_body), STREAM, body));
    }
    if !final_body {
        sent.extend(frame(HEADERS, END_HEADERS | END_STREAM, STREAM, &literals(trailers)));
    }
    // The front may have had enough before it has read all.
    let _ = stream.write_all(&sent).await;
    timeout(SOON, answer(&mut stream)).await.unwrap_or_else(|_| panic!("no answer to {fields:?}"))
}

async fn answer(stream: &mut TlsStream<TcpStream>) -> Ended {
    let mut body = Vec::new();
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return Ended::Broken;
        }
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
        if stream.read_exact(&mut payload).await.is_err() {
            return Ended::Broken;
        }
        let is_ours = u32::from_be_bytes(id) == STREAM;
        match kind {
            DATA if is_ours => body.extend_from_slice(&payload),
            GOAWAY => return Ended::Broken,
            RST_STREAM if is_ours => return Ended::Broken,
            _ => {}
        }
        if is_ours && matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            return Ended::Answered(body);
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn literals(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = length(text.len());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// An integer with a prefix of seven bits (RFC 7541 §5.1).
fn length(mut rest: usize) -> Vec<u8> {
    if rest < 127 {
        return vec![u8::try_from(rest).unwrap()];
    }
    rest -= 127;
    let mut bytes = vec![127];
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

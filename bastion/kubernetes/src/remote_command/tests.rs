//! A user's client and a target of our own on either transport, in memory, with sockets that pass few bytes at once.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ::wire::{
    stream::{StreamKind, Streams, status::CommandEnd},
    websocket::channel::ChannelProtocol,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use mask::WindowSize;
use recorder::ExitStatus;
use session::{
    leg::{TargetReader, TargetWriter, UserReader, UserWriter},
    terminal::{Failure, FromTarget, FromUser, OutputStream, Pixels},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::{wire::HELD_BYTES, *};

const ALL: Streams = Streams { stdin: true, stdout: true, stderr: true, tty: false };
const TTY: Streams = Streams { stdin: true, stdout: true, stderr: true, tty: true };
const SOON: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
enum Transport {
    Spdy,
    WebSocket,
}

const BOTH: [Transport; 2] = [Transport::Spdy, Transport::WebSocket];

type UserSide = (RemoteUserReader, RemoteUserWriter);
type TargetSide = (RemoteTargetReader, RemoteTargetWriter);

/// What serves a user, connected to what uses a target: each is the other's peer.
async fn connected(transport: Transport, streams: Streams) -> (UserSide, TargetSide) {
    // A socket of seven bytes cuts everything there is.
    let (here, there) = duplex(7);
    match transport {
        Transport::Spdy => {
            let (user, target) = tokio::join!(spdy::user_leg(here, streams), spdy::target_leg(there, streams));
            (user.unwrap(), target.unwrap())
        }
        Transport::WebSocket => {
            let protocol = ChannelProtocol::V5;
            // The first message does not fit the socket.
            tokio::join!(websocket::user_leg(here, protocol, streams), websocket::target_leg(there, protocol, streams))
        }
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(SOON, what).await.expect("in time")
}

async fn input(user: &mut RemoteUserReader) -> FromUser {
    soon(user.next()).await
}

async fn output(target: &mut RemoteTargetReader) -> FromTarget {
    soon(target.next()).await
}

#[tokio::test]
async fn input_sizes_and_half_close_arrive_on_either_transport() {
    for transport in BOTH {
        let ((mut user, _user_writer), (_target, target)) = connected(transport, TTY).await;
        target.resize(WindowSize { cols: 132, rows: 43 }, Pixels::default()).await.unwrap();
        let FromUser::Resize(size, _) = input(&mut user).await else { panic!("{transport:?}: a size") };
        assert_eq!(size, WindowSize { cols: 132, rows: 43 });
        target.input(Bytes::from_static(b"cat\n")).await.unwrap();
        target.eof().await.unwrap();
        let mut typed = Vec::new();
        loop {
            match input(&mut user).await {
                FromUser::Data(data) => typed.extend_from_slice(&data),
                FromUser::Eof => break,
                other @ (FromUser::Closed
                | FromUser::Closing
                | FromUser::Resize(..)
                | FromUser::Signal(_)
                | FromUser::Unread) => {
                    panic!("{transport:?}: {other:?}")
                }
            }
        }
        assert_eq!(typed, b"cat\n");
    }
}

#[tokio::test]
async fn output_then_exit_status_arrive_on_either_transport() {
    for transport in BOTH {
        let ((_user, user), (mut target, _target_writer)) = connected(transport, ALL).await;
        let ended = async {
            user.output(OutputStream::Stdout, Bytes::from_static(b"out")).await.unwrap();
            user.output(OutputStream::Stderr, Bytes::from_static(b"err")).await.unwrap();
            user.exit(ExitStatus::Code(7)).await.unwrap();
            user.eof().await.unwrap();
            user.close().await.unwrap();
        };
        let seen = async {
            let (mut out, mut err, mut exit) = (Vec::new(), Vec::new(), None);
            loop {
                match output(&mut target).await {
                    FromTarget::Stdout(data) => out.extend_from_slice(&data),
                    FromTarget::Stderr(data) => err.extend_from_slice(&data),
                    FromTarget::Exit(status) => exit = Some(status),
                    FromTarget::Eof | FromTarget::Failed(_) | FromTarget::Unread => {}
                    FromTarget::Closed => return (out, err, exit),
                }
            }
        };
        let (_, seen) = soon(async { tokio::join!(ended, seen) }).await;
        assert_eq!(seen, (b"out".to_vec(), b"err".to_vec(), Some(ExitStatus::Code(7))), "{transport:?}");
    }
}

#[tokio::test]
async fn a_program_that_did_not_start_is_explained_and_is_no_success() {
    for (streams, words) in [(ALL, "no such file\n"), (TTY, "no such file\r\n")] {
        let ((_user, user), (mut target, _target_writer)) = connected(Transport::Spdy, streams).await;
        user.end(CommandEnd::Failed("no such file".to_owned())).await.unwrap();
        let FromTarget::Failed(failure) = output(&mut target).await else { panic!("an explanation") };
        assert_eq!(failure.words, words.as_bytes());
        assert!(matches!(output(&mut target).await, FromTarget::Exit(ExitStatus::Code(1))));
    }
}

#[tokio::test]
async fn what_a_cluster_says_of_a_program_that_did_not_start_reaches_the_user_unchanged() {
    let exact = r#"{"metadata":{},"status":"Failure","message":"Internal error occurred: no such file","reason":"InternalError","details":{"causes":[{"message":"no such file"}]},"code":500}"#;
    for transport in BOTH {
        let ((_user, user), (mut target, _target_writer)) = connected(transport, ALL).await;
        let failure = |exact: &str| Failure {
            words: Bytes::from_static(b"in words\n"),
            stream: OutputStream::Stderr,
            exact: Bytes::copy_from_slice(exact.as_bytes()),
        };
        user.failed(failure(exact)).await.unwrap();
        user.exit(ExitStatus::Code(1)).await.unwrap();
        let FromTarget::Failed(seen) = output(&mut target).await else { panic!("{transport:?}: an explanation") };
        assert_eq!(
            (&seen.exact[..], &seen.words[..]),
            (exact.as_bytes(), &b"Internal error occurred: no such file\n"[..])
        );
        // What a mask has made no failure of is said in its words, and is none the less no success.
        for spoilt in ["***", r#"{"metadata":{},"status":"Success"}"#, ""] {
            let ((_user, user), (mut target, _target_writer)) = connected(transport, ALL).await;
            user.failed(failure(spoilt)).await.unwrap();
            user.exit(ExitStatus::Code(1)).await.unwrap();
            let FromTarget::Failed(seen) = output(&mut target).await else { panic!("{spoilt}: an explanation") };
            assert_eq!(&seen.words[..], b"in words\n", "{spoilt}");
        }
    }
}

#[tokio::test]
async fn a_session_that_ends_without_a_status_is_no_success() {
    for transport in BOTH {
        let ((_user, user), (mut target, _target_writer)) = connected(transport, ALL).await;
        let (_, exit) = soon(async {
            tokio::join!(user.close(), async {
                loop {
                    match target.next().await {
                        FromTarget::Exit(status) => return Some(status),
                        FromTarget::Closed => return None,
                        FromTarget::Eof
                        | FromTarget::Failed(_)
                        | FromTarget::Stderr(_)
                        | FromTarget::Stdout(_)
                        | FromTarget::Unread => {}
                    }
                }
            })
        })
        .await;
        assert_eq!(exit, Some(ExitStatus::Code(1)), "{transport:?}");
    }
}

#[tokio::test]
async fn what_the_session_holds_is_bounded_until_it_is_released() {
    for transport in BOTH {
        let ((mut user, user_writer), (_target, target)) = connected(transport, ALL).await;
        let sent = 4 * HELD_BYTES;
        let sender = tokio::spawn(async move {
            for _ in 0..sent / 8192 {
                target.input(Bytes::from_static(&[b'x'; 8192])).await.unwrap();
            }
            target
        });
        let mut held = 0;
        while held < HELD_BYTES {
            let FromUser::Data(data) = input(&mut user).await else { panic!("data") };
            held += data.len();
        }
        // Nothing comes while it is held …
        let more = timeout(Duration::from_millis(300), user.next()).await;
        assert!(more.is_err(), "{transport:?}: {more:?}");
        // … and all of it when it is released.
        user_writer.release(held);
        while held < sent {
            let FromUser::Data(data) = input(&mut user).await else { panic!("data") };
            held += data.len();
            user_writer.release(data.len());
        }
        assert_eq!(held, sent);
        drop(soon(sender).await.unwrap());
    }
}

#[tokio::test]
async fn a_peer_that_vanishes_closes_the_leg() {
    let (here, there) = duplex(1024);
    let (mut user, writer) = websocket::user_leg(here, ChannelProtocol::V5, ALL).await;
    drop(there);
    assert!(matches!(input(&mut user).await, FromUser::Closed));
    assert!(soon(writer.close()).await.is_err());
}

#[tokio::test]
async fn the_first_message_says_that_the_stream_is_open() {
    let (here, there) = duplex(1024);
    let (_reader, writer) = websocket::user_leg(here, ChannelProtocol::V4, ALL).await;
    let mut client = WebSocketStream::from_raw_socket(there, Role::Client, None).await;
    writer.output(OutputStream::Stdout, Bytes::from_static(b"hi")).await.unwrap();
    assert_eq!(soon(client.next()).await.unwrap().unwrap(), Message::Binary(Bytes::from_static(&[1])));
    assert_eq!(soon(client.next()).await.unwrap().unwrap(), Message::Binary(Bytes::from_static(b"\x01hi")));
}

#[tokio::test]
async fn a_user_may_write_text_and_a_target_may_not() {
    let (here, there) = duplex(1024);
    let (mut user, _writer) = websocket::user_leg(here, ChannelProtocol::V4, ALL).await;
    let mut client = WebSocketStream::from_raw_socket(there, Role::Client, None).await;
    client.send(Message::Text("\0ls\n".into())).await.unwrap();
    assert!(matches!(input(&mut user).await, FromUser::Data(data) if data == "ls\n"));
    // The old `base64.channel.k8s.io`, which nobody agreed on: a channel `0` (0x30) there is none.
    client.send(Message::Text("0bHMK".into())).await.unwrap();
    client.send(Message::Text("\0pwd\n".into())).await.unwrap();
    assert!(matches!(input(&mut user).await, FromUser::Data(data) if data == "pwd\n"));

    let (here, there) = duplex(1024);
    let (mut target, _writer) = websocket::target_leg(here, ChannelProtocol::V4, ALL).await;
    let mut server = WebSocketStream::from_raw_socket(there, Role::Server, None).await;
    server.send(Message::Text("\u{1}out".into())).await.unwrap();
    assert!(matches!(output(&mut target).await, FromTarget::Closed));
}

/// The bytes of each write, until the socket ends.
struct Writes(mpsc::Sender<Vec<u8>>);

impl AsyncRead for Writes {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Writes {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.0.try_send(bytes.to_vec()).unwrap();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn each_message_for_a_user_is_a_write_of_its_own() {
    let (sender, mut writes) = mpsc::channel(16);
    let (_reader, writer) = websocket::user_leg(Writes(sender), ChannelProtocol::V4, ALL).await;
    for text in ["a", "b"] {
        writer.output(OutputStream::Stdout, Bytes::from_static(text.as_bytes())).await.unwrap();
    }
    for expected in [&b"\x82\x01\x01"[..], b"\x82\x02\x01a", b"\x82\x02\x01b"] {
        assert_eq!(soon(writes.recv()).await.unwrap(), expected);
    }
}

/// A frame as a client sends it, with a mask of zeroes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

#[tokio::test]
async fn every_split_of_fragments_and_control_frames_is_read_alike() {
    // Two sizes and data in one read; a message in three fragments with an empty one and a ping between them; the end.
    let bytes = [
        frame(0x82, b"\x04{\"Width\":9,\"Height\":9}"),
        frame(0x82, b"\x04{\"Width\":80,\"Height\":24}"),
        frame(0x82, b"\x00ls"),
        frame(0x02, b"\x00 -l"),
        frame(0x89, b"ping"),
        frame(0x00, b""),
        frame(0x80, b"a\n"),
        frame(0x82, b"\xff\x00"),
    ]
    .concat();
    for cut in 0..=bytes.len() {
        let (here, mut there) = duplex(4096);
        let (mut user, _writer) = websocket::user_leg(here, ChannelProtocol::V5, TTY).await;
        let (first, second) = bytes.split_at(cut);
        there.write_all(first).await.unwrap();
        tokio::task::yield_now().await;
        there.write_all(second).await.unwrap();
        let (mut typed, mut sizes) = (Vec::new(), Vec::new());
        loop {
            match input(&mut user).await {
                FromUser::Data(data) => typed.extend_from_slice(&data),
                FromUser::Resize(size, _) => sizes.push(size.cols),
                FromUser::Eof => break,
                other @ (FromUser::Closed | FromUser::Closing | FromUser::Signal(_) | FromUser::Unread) => {
                    panic!("cut at {cut}: {other:?}")
                }
            }
        }
        assert_eq!((typed.as_slice(), sizes), (b"ls -la\n".as_slice(), vec![9, 80]), "cut at {cut}");
    }
}

#[tokio::test]
async fn a_client_whose_input_is_held_still_hears_a_heartbeat() {
    let (here, there) = duplex(64 * 1024);
    let every = Duration::from_millis(50);
    let (_reader, _writer) = websocket::user_leg_with(here, ChannelProtocol::V5, ALL, every).await;
    let (mut sink, mut stream) = WebSocketStream::from_raw_socket(there, Role::Client, None).await.split();
    let sender: tokio::task::JoinHandle<()> = tokio::spawn(async move {
        loop {
            let message = [&[StreamKind::Stdin.channel()], [b'x'; 8192].as_slice()].concat();
            if sink.send(Message::Binary(message.into())).await.is_err() {
                return;
            }
        }
    });
    soon(async { while !stream.next().await.unwrap().unwrap().is_pong() {} }).await;
    sender.abort();
}

#[tokio::test]
async fn a_spdy_client_that_opens_something_else_gets_no_session() {
    let other = Streams { stdin: false, ..ALL };
    let (here, there) = duplex(1024);
    // The user's request said stdin; the streams do not: refused when the client goes.
    let (user, target) =
        tokio::join!(spdy::user_leg(here, other), async { timeout(SOON, spdy::target_leg(there, ALL)).await.unwrap() });
    assert!(matches!(target, Err(spdy::StreamsError::Refused(StreamKind::Stdin))), "{target:?}");
    drop(user);
}

#[tokio::test]
async fn a_spdy_peer_that_is_none_gets_no_session() {
    let (here, mut there): (DuplexStream, DuplexStream) = duplex(1024);
    there.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let refused = soon(spdy::user_leg(here, ALL)).await;
    assert!(matches!(refused, Err(spdy::StreamsError::Protocol(_) | spdy::StreamsError::Io(_))), "{refused:?}");
    let mut rest = Vec::new();
    soon(there.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
}

//! Watches and logs over WebSocket, as web consoles and clients in Java and JavaScript ask for them: each event of a
//! watch is a message of text, and the log of a container comes in messages of bytes, or of base64 where the client
//! asks for `base64.binary.k8s.io` (`k8s.io/apiserver`, `endpoints/handlers/watch.go` and
//! `k8s.io/apimachinery`, `util/httpstream/wsstream/stream.go`).
//!
//! ```text
//!   user ══WebSocket══> here ──GET, no upgrade──> proxy.rs ──> API server
//! ```
//!
//! The cluster is asked for the plain form of the same. So the request is decided, counted, written down and ended as
//! any other, with the same last words; nothing passes that was not read. What the cluster refuses, it refuses before
//! the protocol is changed.

use std::time::Duration;

use api::refusal::ReasonCode;
use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::BodyExt as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{interval, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::websocket::{MAX_MESSAGE_BYTES, settings};

use super::{body::Body, ending::Lifetime, status::Refusal, upgrade::Upgrade};

/// A user who is to get an answer in messages.
pub struct WatchSocket {
    upgrade: Upgrade,
    protocol: String,
    content: Content,
    connection: OnUpgrade,
}

/// How an answer becomes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Each line is one.
    Events,
    /// Each piece is one.
    Log {
        /// In text, and not as it is.
        base64: bool,
    },
}

/// Whether an answer that may last so can be had over WebSocket.
#[must_use]
pub fn has_messages(lifetime: Lifetime) -> bool {
    matches!(lifetime, Lifetime::Log | Lifetime::Watch)
}

impl WatchSocket {
    /// Reads what is asked for, and gives the head back as one that asks for the plain form.
    ///
    /// # Errors
    ///
    /// When it is not WebSocket, or none of the subprotocols is known.
    pub fn accept(head: Parts, lifetime: Lifetime) -> Result<(Self, Parts), Refusal> {
        let upgrade = Upgrade::read(&head.method, &head.headers)?;
        let Upgrade::WebSocket { offered, .. } = &upgrade else {
            let message = "watches and logs are to be had as they are, and over WebSocket";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message).for_reason(ReasonCode::Unsupported));
        };
        // A token in this place is not looked at, and told nobody.
        let mut offered = offered.iter().filter(|name| !name.is_empty() && !name.starts_with(BEARER)).peekable();
        let (protocol, content) = match lifetime {
            Lifetime::Log => {
                let is_offered = offered.peek().is_some();
                let known = offered.find(|name| [BINARY, BASE64_BINARY].contains(&name.as_str()));
                if is_offered && known.is_none() {
                    let message = format!("the protocol of a log must be {BINARY} or {BASE64_BINARY}, or none");
                    return Err(Refusal::new(StatusCode::FORBIDDEN, message).for_reason(ReasonCode::Unsupported));
                }
                (known, Content::Log { base64: known.is_some_and(|name| name == BASE64_BINARY) })
            }
            // Whatever a client of a watch offers means the same to an API server.
            Lifetime::Open | Lifetime::Short | Lifetime::Watch => (offered.next(), Content::Events),
        };
        let protocol = protocol.cloned().unwrap_or_default();
        let mut request = Request::from_parts(head, ());
        let connection = hyper::upgrade::on(&mut request);
        let (mut head, ()) = request.into_parts();
        ask_for_text(&mut head.headers, content);
        Ok((Self { upgrade, protocol, content, connection }, head))
    }

    /// Answers with the plain form's answer: as it is where the cluster refuses, else in messages, from a task that
    /// ends with either side or with `closing`. `hold` is kept as long.
    pub fn serve(
        self,
        answer: Response<Body>,
        tasks: &TaskTracker,
        closing: CancellationToken,
        hold: impl Send + 'static,
    ) -> Response<Body> {
        if answer.status() != StatusCode::OK {
            return answer;
        }
        let Self { upgrade, protocol, content, connection } = self;
        tasks.spawn(async move {
            // The user may have gone.
            if let Ok(io) = connection.await {
                carry(TokioIo::new(io), answer.into_body(), content, closing).await;
            }
            drop(hold);
        });
        upgrade.accept(&protocol)
    }
}

/// What is not text, or is packed, would be no messages.
fn ask_for_text(headers: &mut HeaderMap, content: Content) {
    headers.remove(header::ACCEPT_ENCODING);
    if content != Content::Events {
        return;
    }
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let json: Vec<_> =
        accepted.flat_map(|value| value.split(',')).map(str::trim).filter(|kind| kind.starts_with(JSON)).collect();
    let accept = HeaderValue::from_str(&json.join(", ")).ok().filter(|accept| !accept.is_empty());
    headers.insert(header::ACCEPT, accept.unwrap_or(HeaderValue::from_static(JSON)));
}

/// Passes an answer on in messages until it or the user ends.
async fn carry<IO>(io: IO, mut answer: Body, content: Content, closing: CancellationToken)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
{
    // The user has nothing to say.
    let settings = settings().max_message_size(Some(MAX_USER_BYTES)).max_frame_size(Some(MAX_USER_BYTES));
    let mut user = WebSocketStream::from_raw_socket(io, Role::Server, Some(settings)).await;
    let mut messages = Messages { content, begun: BytesMut::new() };
    let mut due: Vec<Message> = messages.first().into_iter().collect();
    let mut pings = interval(PING);
    pings.reset();
    let code = loop {
        for message in due.drain(..) {
            match timeout(STALLED, user.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
        tokio::select! {
            frame = answer.frame() => match frame {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data()
                        && messages.push(data, &mut due).is_err()
                    {
                        break CloseCode::Size;
                    }
                }
                // What breaks off is not taken for the end.
                Some(Err(_)) => break CloseCode::Error,
                None => {
                    let last = messages.last();
                    if let Some(last) = last {
                        let _ = timeout(STALLED, user.send(last)).await;
                    }
                    break CloseCode::Normal;
                }
            },
            heard = user.next() => match heard {
                // Pings and the end are answered by what reads them.
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            _ = pings.tick() => due.push(Message::Ping(Bytes::new())),
            () = closing.cancelled() => break CloseCode::Away,
        }
    };
    let close = CloseFrame { code, reason: "".into() };
    let _ = timeout(LINGER, user.close(Some(close))).await;
}

/// Cuts an answer into messages.
#[derive(Debug)]
struct Messages {
    content: Content,
    /// The beginning of an event.
    begun: BytesMut,
}

/// An event is longer than any message may be, or no text.
#[derive(Debug, PartialEq, Eq)]
struct NoMessage;

impl Messages {
    /// Says that it is open, where an API server does.
    fn first(&self) -> Option<Message> {
        match self.content {
            Content::Events => None,
            Content::Log { base64: false } => Some(Message::Binary(Bytes::new())),
            Content::Log { base64: true } => Some(Message::text("")),
        }
    }

    fn push(&mut self, data: Bytes, due: &mut Vec<Message>) -> Result<(), NoMessage> {
        match self.content {
            _ if data.is_empty() => {}
            Content::Log { base64: false } => due.push(Message::Binary(data)),
            Content::Log { base64: true } => due.push(Message::text(BASE64.encode(&data))),
            Content::Events => {
                let mut searched = self.begun.len();
                self.begun.extend_from_slice(&data);
                while let Some(at) = self.begun.iter().skip(searched).position(|byte| *byte == b'\n') {
                    let event = self.begun.split_to(searched + at + 1).freeze();
                    due.push(Message::Text(Utf8Bytes::try_from(event).map_err(|_| NoMessage)?));
                    searched = 0;
                }
                if self.begun.len() > MAX_MESSAGE_BYTES {
                    return Err(NoMessage);
                }
            }
        }
        Ok(())
    }

    /// What does not end with a line.
    fn last(&mut self) -> Option<Message> {
        let rest = self.begun.split().freeze();
        Utf8Bytes::try_from(rest).ok().filter(|rest| !rest.is_empty()).map(Message::Text)
    }
}

const JSON: &str = "application/json";
const BINARY: &str = "binary.k8s.io";
const BASE64_BINARY: &str = "base64.binary.k8s.io";

/// Browsers, which cannot set a header, put a token into the list of subprotocols.
const BEARER: &str = "base64url.bearer.authorization.k8s.io.";

/// What a user says is dropped; it need not be long.
const MAX_USER_BYTES: usize = 64 * 1024;

/// A silent watch looks dead to what stands between; a user who is gone is noticed by it.
const PING: Duration = Duration::from_secs(30);

/// For how long a user may read nothing while there is something to read.
const STALLED: Duration = Duration::from_mins(5);

/// How long a user may take to read what was written last.
const LINGER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;

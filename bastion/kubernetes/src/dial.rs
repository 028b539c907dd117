//! The upgraded connection to a cluster: WebSocket, and SPDY where that is refused.

use std::time::Duration;

use api::refusal::ReasonCode;
use aws_lc_rs::rand;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, uri::PathAndQuery};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use wire::{
    stream::Streams,
    websocket::{PORT_FORWARD_TUNNEL, accept_key, channel::ChannelProtocol},
};

use super::{
    body::Body,
    proxy,
    remote_command::{RemoteTargetReader, RemoteTargetWriter, spdy, websocket},
    status::{Refusal, Told},
    upgrade::{ForwardTransport, SPDY, SPDY_COMMAND, SPDY_FORWARD, STREAM_PROTOCOL},
    upstream::{ClusterConnection, UpstreamSendError},
};

/// Why there is no upgraded connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The cluster changed the protocol into one that was not asked for.
    #[error("the cluster answered in a protocol that was not asked for")]
    Protocol,
    /// The cluster said no: its own answer.
    #[error("the cluster refused: {}", .0.message())]
    Refused(Told),
    /// There was no answer.
    #[error(transparent)]
    Send(#[from] UpstreamSendError),
    /// The streams did not come to be.
    #[error("the cluster: {0}")]
    Streams(#[from] spdy::StreamsError),
    /// The answer takes too long.
    #[error("the cluster took too long to answer")]
    TimedOut,
}

impl DialError {
    /// What a user reads of it: the cluster's own words where it has some.
    #[must_use]
    pub fn told(self) -> Told {
        let (status, message) = match self {
            Self::Refused(told) if told.status != StatusCode::UNAUTHORIZED => return told,
            Self::Send(error) => return proxy::unavailable(&error).told(),
            // It is the bastion's own credential that is not taken. Passed on, it would tell kubectl that the user's is
            // the wrong one.
            error @ (Self::Protocol | Self::Refused(_) | Self::Streams(_)) => {
                (StatusCode::BAD_GATEWAY, error.to_string())
            }
            error @ Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, error.to_string()),
        };
        Refusal::new(status, message).for_reason(ReasonCode::TargetUnavailable).told()
    }
}

/// What a connection is asked for with: path, query and headers that are fit for the cluster.
#[derive(Debug, Clone)]
pub struct Call {
    /// The cluster.
    pub cluster: ClusterConnection,
    /// Path and query.
    pub path: PathAndQuery,
    /// The headers, without those of an upgrade.
    pub headers: HeaderMap,
}

/// An upgraded connection.
pub type Io = TokioIo<Upgraded>;

impl Call {
    /// Runs a command.
    ///
    /// # Errors
    ///
    /// When the cluster refuses it over either transport, or is gone.
    pub async fn command(&self, streams: Streams) -> Result<(RemoteTargetReader, RemoteTargetWriter), DialError> {
        if !self.cluster.refuses_websocket() {
            match self.websocket(COMMAND_OFFER).await {
                Ok((io, protocol)) => {
                    let protocol = ChannelProtocol::choose(&protocol).ok_or(DialError::Protocol)?;
                    return Ok(websocket::target_leg(io, protocol, streams).await);
                }
                // Nothing ran yet. kubectl does the same: who may not `get` may still `create`.
                Err(DialError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let io = self.spdy(SPDY_COMMAND).await?;
        self.cluster.websocket_was_refused();
        Ok(spdy::target_leg(io, streams).await?)
    }

    /// Opens the connection for forwarded ports.
    ///
    /// # Errors
    ///
    /// When the cluster refuses it over either transport, or is gone.
    pub async fn forward(&self) -> Result<(Io, ForwardTransport), DialError> {
        if !self.cluster.refuses_websocket() {
            match self.websocket(PORT_FORWARD_TUNNEL).await {
                Ok((io, _)) => return Ok((io, ForwardTransport::WebSocket)),
                Err(DialError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let io = self.spdy(SPDY_FORWARD).await?;
        self.cluster.websocket_was_refused();
        Ok((io, ForwardTransport::Spdy))
    }

    /// The connection, and the subprotocol that the cluster chose.
    async fn websocket(&self, offer: &'static str) -> Result<(Io, String), DialError> {
        let mut random = [0; 16];
        rand::fill(&mut random).map_err(|_| DialError::Protocol)?;
        let key = BASE64.encode(&random);
        let mut request = self.request(Method::GET);
        let headers = request.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::try_from(&key).map_err(|_| DialError::Protocol)?);
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offer));
        let response = self.send(request).await?;
        let value = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if value(header::SEC_WEBSOCKET_ACCEPT) != accept_key(&key) {
            return Err(DialError::Protocol);
        }
        // RFC 6455 §4.1: "If this header field indicates the use of a subprotocol that was not present in the
        // client's handshake […], the client MUST _Fail the WebSocket Connection_." Without one nobody could say
        // what the messages mean.
        let protocol = value(header::SEC_WEBSOCKET_PROTOCOL).to_owned();
        if !offer.split(", ").any(|offered| offered == protocol) {
            return Err(DialError::Protocol);
        }
        Ok((upgraded(response).await?, protocol))
    }

    async fn spdy(&self, protocol: &'static str) -> Result<Io, DialError> {
        let mut request = self.request(Method::POST);
        let headers = request.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static(SPDY));
        headers.insert(STREAM_PROTOCOL, HeaderValue::from_static(protocol));
        let response = self.send(request).await?;
        let is_spdy = response
            .headers()
            .get(header::UPGRADE)
            .is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(SPDY.as_bytes()));
        if !is_spdy || response.headers().get(STREAM_PROTOCOL).is_none_or(|chosen| chosen != protocol) {
            return Err(DialError::Protocol);
        }
        upgraded(response).await
    }

    fn request(&self, method: Method) -> Request<Body> {
        let mut request = Request::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
        *request.method_mut() = method;
        *request.uri_mut() = self.path.clone().into();
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().remove(STREAM_PROTOCOL);
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        request
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, DialError> {
        let response =
            timeout(ANSWER_DEADLINE, self.cluster.send(request)).await.map_err(|_| DialError::TimedOut)??;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = timeout(ANSWER_DEADLINE, Limited::new(body, MAX_REFUSAL_BYTES).collect()).await;
        let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
        let content_type = head.headers.get(header::CONTENT_TYPE).cloned();
        Err(DialError::Refused(Told { status: head.status, content_type, body, code: None }))
    }
}

async fn upgraded(response: Response<Incoming>) -> Result<Io, DialError> {
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| UpstreamSendError::Exchange(error.into()))?;
    Ok(TokioIo::new(upgraded))
}

/// What is offered over WebSocket, best first.
const COMMAND_OFFER: &str = "v5.channel.k8s.io, v4.channel.k8s.io";

/// A container may be slow to start a program.
const ANSWER_DEADLINE: Duration = Duration::from_secs(90);

/// A refusal is a Status; what is longer is cut.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;

//! The head of a request that asks for another protocol, and the answer to it.

use api::refusal::ReasonCode;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use wire::websocket::{PORT_FORWARD_TUNNEL, accept_key, channel::ChannelProtocol};

use super::{body::Body, status::Refusal};

/// The protocol that a user asks for, with what is offered inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrade {
    /// SPDY/3.1.
    Spdy(Vec<String>),
    /// WebSocket (RFC 6455).
    WebSocket {
        /// `Sec-WebSocket-Key`.
        key: String,
        /// The subprotocols.
        offered: Vec<String>,
    },
}

/// How the streams of a command are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandTransport {
    /// Each stream is one of SPDY's.
    Spdy,
    /// Each message says which stream it is of.
    WebSocket(ChannelProtocol),
}

/// How a user has forwarded ports carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardProtocol {
    /// Each message says which port it is of, as client libraries do it.
    Channels,
    /// In streams of SPDY, as kubectl does it.
    Spdy(ForwardTransport),
}

/// How the streams of SPDY that carry ports are carried themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardTransport {
    /// As it is.
    Spdy,
    /// In the messages of a WebSocket.
    WebSocket,
}

impl CommandTransport {
    /// What the protocol is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spdy => SPDY_COMMAND,
            Self::WebSocket(protocol) => protocol.name(),
        }
    }
}

impl ForwardProtocol {
    /// What the protocol is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Channels => ChannelProtocol::V4.name(),
            Self::Spdy(transport) => transport.name(),
        }
    }
}

impl ForwardTransport {
    /// What the protocol is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spdy => SPDY_FORWARD,
            Self::WebSocket => PORT_FORWARD_TUNNEL,
        }
    }
}

/// The streams of a command over SPDY.
pub(super) const SPDY_COMMAND: &str = "v4.channel.k8s.io";

/// Forwarded ports over SPDY.
pub(super) const SPDY_FORWARD: &str = "portforward.k8s.io";

/// The protocol inside SPDY.
pub(super) const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");

/// Whether a request asks for another protocol in any way.
#[must_use]
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    let options = headers.get_all(header::CONNECTION).iter();
    let mut options = options.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    headers.contains_key(header::UPGRADE) || options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

impl Upgrade {
    /// Reads what a request asks for.
    ///
    /// # Errors
    ///
    /// When it is neither WebSocket nor SPDY/3.1, or not as these want it.
    pub fn read(method: &Method, headers: &HeaderMap) -> Result<Self, Refusal> {
        let refused = |message: &str| Refusal::new(StatusCode::BAD_REQUEST, message);
        let one = |name: HeaderName| {
            let mut values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default().trim());
            values.next().filter(|_| values.next().is_none())
        };
        let all = |name: HeaderName| {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).map(|word| word.trim().to_owned()).collect::<Vec<_>>()
        };
        match one(header::UPGRADE) {
            Some(word) if word.eq_ignore_ascii_case("websocket") => {
                let key = one(header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == KEY_CHARS);
                let (Some(key), true, &Method::GET) = (key, one(header::SEC_WEBSOCKET_VERSION) == Some("13"), method)
                else {
                    return Err(refused("the WebSocket handshake is not as RFC 6455 has it"));
                };
                Ok(Self::WebSocket { key: key.to_owned(), offered: all(header::SEC_WEBSOCKET_PROTOCOL) })
            }
            Some(word) if word.eq_ignore_ascii_case(SPDY) => Ok(Self::Spdy(all(STREAM_PROTOCOL))),
            Some(_) | None => {
                let message = "the only protocols that a request can be upgraded to are WebSocket and SPDY/3.1";
                Err(Refusal::new(StatusCode::FORBIDDEN, message).for_reason(ReasonCode::Unsupported))
            }
        }
    }

    /// The best way to carry a command.
    ///
    /// # Errors
    ///
    /// When none that is known is offered.
    pub fn command(&self) -> Result<CommandTransport, Refusal> {
        let chosen = match self {
            Self::WebSocket { offered, .. } => {
                ChannelProtocol::choose(&offered.join(",")).map(CommandTransport::WebSocket)
            }
            Self::Spdy(offered) => offered.iter().any(|name| name == SPDY_COMMAND).then_some(CommandTransport::Spdy),
        };
        chosen.ok_or_else(|| {
            let message = "none of the stream protocols is known here: v5.channel.k8s.io and v4.channel.k8s.io are";
            Refusal::new(StatusCode::FORBIDDEN, message).for_reason(ReasonCode::Unsupported)
        })
    }

    /// The way to carry forwarded ports.
    ///
    /// # Errors
    ///
    /// When none that is known is offered.
    pub fn forward(&self) -> Result<ForwardProtocol, Refusal> {
        let (offered, known) = match self {
            Self::WebSocket { offered, .. } => {
                (offered, &[ForwardProtocol::Spdy(ForwardTransport::WebSocket), ForwardProtocol::Channels][..])
            }
            Self::Spdy(offered) => (offered, &[ForwardProtocol::Spdy(ForwardTransport::Spdy)][..]),
        };
        let chosen = known.iter().find(|protocol| offered.iter().any(|offer| offer == protocol.name()));
        chosen.copied().ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|protocol| protocol.name()).collect();
            let message = format!("the protocol to forward ports with must be {}", names.join(" or "));
            Refusal::new(StatusCode::FORBIDDEN, message).for_reason(ReasonCode::Unsupported)
        })
    }

    /// The answer that changes the protocol to this one, which was chosen of those that are offered; none of them is
    /// the empty one.
    #[must_use]
    pub fn accept(&self, protocol: &str) -> Response<Body> {
        let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let value = |protocol: &str| HeaderValue::from_str(protocol).ok().filter(|value| !value.is_empty());
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        match self {
            Self::WebSocket { key, .. } => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                if let Ok(accept) = HeaderValue::try_from(accept_key(key)) {
                    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
                }
                if let Some(protocol) = value(protocol) {
                    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
                }
            }
            Self::Spdy(_) => {
                headers.insert(header::UPGRADE, HeaderValue::from_static(SPDY));
                if let Some(protocol) = value(protocol) {
                    headers.insert(STREAM_PROTOCOL, protocol);
                }
            }
        }
        response
    }
}

/// The name of the protocol in `Upgrade`.
pub(super) const SPDY: &str = "SPDY/3.1";

/// Sixteen bytes in base64.
const KEY_CHARS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_says_each_thing_once() {
        let handshake = [
            ("upgrade", "websocket"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ];
        let read = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            Upgrade::read(&Method::GET, &headers).is_ok()
        };
        assert!(read(&handshake));
        for twice in handshake {
            assert!(!read(&[&handshake[..], &[twice]].concat()), "{twice:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_taken_for_what_is() {
        let spdy = |names: &[&str]| Upgrade::Spdy(names.iter().map(|name| (*name).to_owned()).collect());
        let websocket = |names: &[&str]| Upgrade::WebSocket {
            key: String::new(),
            offered: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        for unknown in [&[][..], &["v3.channel.k8s.io"], &["channel.k8s.io", "base64.channel.k8s.io"], &["v9"]] {
            for upgrade in [spdy(unknown), websocket(unknown)] {
                assert_eq!(upgrade.command().unwrap_err().status, StatusCode::FORBIDDEN, "{upgrade:?}");
                assert_eq!(upgrade.forward().unwrap_err().status, StatusCode::FORBIDDEN, "{upgrade:?}");
            }
        }
        assert_eq!(spdy(&["v5", "v4.channel.k8s.io"]).command(), Ok(CommandTransport::Spdy));
        let newest = CommandTransport::WebSocket(ChannelProtocol::V5);
        assert_eq!(websocket(&["v4.channel.k8s.io", "v5.channel.k8s.io"]).command(), Ok(newest));
        assert_eq!(spdy(&[SPDY_FORWARD]).forward(), Ok(ForwardProtocol::Spdy(ForwardTransport::Spdy)));
        let (channels, tunnel) = ("v4.channel.k8s.io", ForwardProtocol::Spdy(ForwardTransport::WebSocket));
        assert_eq!(websocket(&["v5.channel.k8s.io", channels]).forward(), Ok(ForwardProtocol::Channels));
        assert_eq!(websocket(&[channels, PORT_FORWARD_TUNNEL]).forward(), Ok(tunnel), "the better one");
        assert!(spdy(&[channels]).forward().is_err());
        assert!(websocket(&["v4.base64.channel.k8s.io"]).forward().is_err());
        // What is carried over one has no meaning over the other.
        assert!(spdy(&[PORT_FORWARD_TUNNEL]).forward().is_err());
        assert!(websocket(&[SPDY_FORWARD]).forward().is_err());
    }
}

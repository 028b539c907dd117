//! A request for another protocol that is allowed: a command becomes a session, ports are forwarded.

use api::refusal::{self, ReasonCode};
use http::{Request, Response, StatusCode, header, request::Parts};
use hyper_util::rt::TokioIo;
use policy::Permit;
use session::{admission::Permitted, permit::LivePermit};
use tokio_tungstenite::tungstenite::protocol::Role;
use wire::request_info::{RequestInfo, StreamRequest};

use super::{
    Front,
    decision::{Allowed, KnownRequest},
};
use crate::{
    body::Body,
    command::{Command, Run},
    dial::Call,
    forward::{self, Forward, Pod, Side, channels},
    proxy::RequestEntry,
    status::{Refusal, Told},
    upgrade::{ForwardProtocol, Upgrade},
};

/// What is refused, with the entry that is to say so.
type NotConnected = Box<(RequestEntry, Told)>;

/// What a command or forwarded ports take. Without a command it is ports.
struct Ready {
    upgrade: Upgrade,
    command: Option<Command>,
}

impl Front {
    /// A command or forwarded ports. What is refused is given back with its entry.
    pub(super) async fn connect(
        &self,
        asking: &KnownRequest<'_>,
        head: Parts,
        (info, stream): (&RequestInfo, StreamRequest),
        allowed: Allowed,
        entry: RequestEntry,
    ) -> Result<Response<Body>, NotConnected> {
        let Allowed { permit, connection, path, impersonation, hold, standing, .. } = allowed;
        let Ready { upgrade, command } = match ready(&head, (info, stream), &permit) {
            Ok(ready) => ready,
            Err(refusal) => return Err(Box::new((entry, refusal.told()))),
        };
        let mut headers = impersonation.to_cluster(&head.headers, asking.peer.address.ip().to_canonical());
        headers.remove(header::CONTENT_TYPE);
        let Some(command) = command else {
            let call = Call { cluster: connection, path, headers };
            return self.forward(asking, head, info, (upgrade, call, standing), entry).await;
        };
        let path = match format!("{}?{}", asking.path, command.query()).parse() {
            Ok(path) => path,
            Err(_) => {
                let refusal = Refusal::new(StatusCode::BAD_REQUEST, "the query cannot be passed on");
                return Err(Box::new((entry, refusal.told())));
            }
        };
        let run = Run {
            hold,
            permitted: Permitted { standing, visit: self.visit(asking, command.pod.clone()) },
            command,
            call: Call { cluster: connection, path, headers },
        };
        let user_side = hyper::upgrade::on(Request::from_parts(head, ()));
        match run.serve(user_side, upgrade, &self.tasks, asking.peer.place.clone()).await {
            Ok(response) => Ok(entry.give(response)),
            Err(told) => Err(Box::new((entry, told))),
        }
    }

    /// The cluster is asked first: what it says instead of upgrading reaches the user unchanged.
    async fn forward(
        &self,
        asking: &KnownRequest<'_>,
        head: Parts,
        info: &RequestInfo,
        (upgrade, mut call, standing): (Upgrade, Call, LivePermit),
        mut entry: RequestEntry,
    ) -> Result<Response<Body>, NotConnected> {
        let named = upgrade.forward().and_then(|protocol| match protocol {
            ForwardProtocol::Channels => Ok((protocol, channels::ports(&info.query)?)),
            ForwardProtocol::Spdy(_) => Ok((protocol, Vec::new())),
        });
        let (protocol, ports) = match named {
            Ok(named) => named,
            Err(refusal) => return Err(Box::new((entry, refusal.told()))),
        };
        if protocol == ForwardProtocol::Channels
            && let Ok(path) = call.path.path().parse()
        {
            // Towards the cluster each port is named when it is opened.
            call.path = path;
        }
        let first = match call.forward().await {
            Ok((io, transport)) => Side { io, transport, role: Role::Client },
            Err(error) => return Err(Box::new((entry, error.told()))),
        };
        entry.answered(StatusCode::SWITCHING_PROTOCOLS);
        let resource = info.resource.clone().unwrap_or_default();
        let forward = Forward {
            pod: Pod {
                user: asking.login.subject().name.clone(),
                cluster: asking.cluster.settings.name.clone(),
                namespace: resource.namespace,
                name: resource.name,
                source: asking.peer.address.to_string(),
            },
            standing,
            log: self.log.clone(),
            limits: forward::ForwardLimits::default(),
        };
        let user_side = hyper::upgrade::on(Request::from_parts(head, ()));
        let (place, closing) = (asking.peer.place.clone(), self.closing.clone());
        self.tasks.spawn(async move {
            // The user may have gone.
            if let Ok(io) = user_side.await {
                let io = TokioIo::new(io);
                match protocol {
                    ForwardProtocol::Channels => {
                        forward.serve_channels((io, ports), first, call, entry, closing).await;
                    }
                    ForwardProtocol::Spdy(transport) => {
                        let user = Side { io, transport, role: Role::Server };
                        forward.serve(user, first, call, entry, closing).await;
                    }
                }
            }
            drop(place);
        });
        Ok(upgrade.accept(protocol.name()))
    }
}

/// What a command or forwarded ports take, besides the connection.
fn ready(head: &Parts, (info, stream): (&RequestInfo, StreamRequest), permit: &Permit) -> Result<Ready, Refusal> {
    let upgrade = Upgrade::read(&head.method, &head.headers)?;
    let command = match stream {
        StreamRequest::Attach | StreamRequest::Exec => Some(Command::read(info, stream)?),
        StreamRequest::PortForward => None,
        StreamRequest::Proxy => {
            let message = "a proxied request cannot be upgraded to another protocol";
            return Err(Refusal::new(StatusCode::FORBIDDEN, message).for_reason(ReasonCode::Unsupported));
        }
    };
    if command.as_ref().is_some_and(|command| command.streams.tty) {
        permit.terminal().map_err(|denial| refusal::Refusal::new(ReasonCode::NotAllowed, denial.reason))?;
    }
    Ok(Ready { upgrade, command })
}

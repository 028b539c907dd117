//! One request from its head to its answer: who, which cluster, what, may they; then on to where it goes.
//!
//! ```text
//!   caller.rs    a credential -> a login, and the cluster that it may know of
//!   decision.rs  the request -> allowed, refused, or held until other people have approved it
//!   proxy.rs     a request that is allowed, and its answer
//!   connect.rs   one for another protocol: a command, or forwarded ports
//!   (a watch or a log over WebSocket is a request like any other, whose answer becomes messages)
//! ```
//!
//! Each request of a known user to a cluster that the user may know of has one entry in the audit log, made before
//! anything is decided ([`RequestEntry`]); whatever becomes of the request then, the entry is written once.

use std::{collections::HashMap, convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};

use api::refusal::{self, ReasonCode};
use config::{Cluster, HostName, TargetName};
use futures_util::future::BoxFuture;
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use identity::{kube_credential::KubeCredentials, login::EndedLogins};
use ledger::audit::AuditLog;
use listener::Place;
use policy::RuleSet;
use rustls_pki_types::CertificateDer;
use session::Sessions;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;
use wire::request_info::RequestInfo;

use super::{
    body::{Body, BodyError},
    ending::Lifetime,
    proxy::{self, RequestEntry},
    retry::{RememberedRefusals, RetriedRequest},
    server_name::Route,
    status::Refusal,
    upgrade,
    upstream::ClusterConnection,
    watch_socket::WatchSocket,
};

mod caller;
mod connect;
pub(super) mod decision;
mod entry;

use decision::{Allowed, KnownRequest};

/// A cluster behind the bastion, and the connection to it.
#[derive(Debug, Clone)]
pub struct KubeCluster {
    /// What the operator wrote.
    pub settings: Cluster,
    /// Where its requests go.
    pub connection: ClusterConnection,
}

/// What the Kubernetes front decides with.
pub struct Front {
    /// Who people are.
    pub credentials: KubeCredentials,
    /// The logins that people have ended.
    pub ended_logins: EndedLogins,
    /// The rules as they are now; a reload replaces them.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// The clusters.
    pub clusters: HashMap<TargetName, KubeCluster>,
    /// Below it each of them has a TLS server name.
    pub domain: Option<HostName>,
    /// Where requests are written down.
    pub log: AuditLog,
    /// Runs commands, and writes down what is no request.
    pub sessions: Sessions,
    /// The refusals that kubectl asks about twice.
    pub refused: RememberedRefusals,
    /// The tasks of upgraded connections, waited for when the bastion stops.
    pub tasks: TaskTracker,
    /// Cancelled when every connection is to be cut.
    pub closing: CancellationToken,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The certificate that it has proved to hold.
    pub certificate: Option<CertificateDer<'static>>,
    /// What it named in TLS.
    pub server_name: Option<String>,
    /// Its place among the connections, kept as long as anything of it runs.
    pub place: Arc<Place>,
}

impl Front {
    /// Answers one request. What goes wrong is an answer.
    pub fn serve(
        self: Arc<Self>,
        peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
        let span = tracing::info_span!("kube.request", peer.addr = %peer.address, subject.id = tracing::field::Empty);
        let request = request.map(|body| body.map_err(BodyError::from).boxed_unsync());
        let answered = async move {
            Ok(match self.answer(peer, request).await {
                Ok(response) => response,
                Err(refusal) => refusal.response(),
            })
        };
        Box::pin(answered.instrument(span))
    }

    /// The errors are answers that are no audit event of a request: nobody, or no cluster, is known yet.
    async fn answer(&self, peer: Arc<Peer>, request: Request<Body>) -> Result<Response<Body>, Refusal> {
        let started = Instant::now();
        let server_name = peer.server_name.as_deref();
        let Route { cluster: name, path } =
            Route::of(server_name, self.domain.as_ref(), request.uri(), request.headers())?;
        let path = path.to_owned();
        let shown = caller::ShownCredential::of(&peer, request.headers());
        let login = self.authenticate(&shown).await?;
        peer.place.authenticated();
        tracing::Span::current().record("subject.id", login.subject().name.as_str());
        let cluster = self.known_cluster(&login, &peer, &name).await?;

        let (head, body) = request.into_parts();
        let is_upgrade = upgrade::is_asked_for(&head.headers);
        let asked = RetriedRequest {
            user: login.subject().name.clone(),
            cluster: cluster.settings.name.clone(),
            path: head.uri.to_string(),
        };
        let is_websocket = head.headers.contains_key(header::SEC_WEBSOCKET_KEY);
        if is_upgrade
            && !is_websocket
            && let Some(told) = self.refused.take(&asked)
        {
            return Ok(told.response());
        }

        let place = self.log.reserve().await.map_err(|full| {
            tracing::error!("no place in the audit log");
            Refusal::from(refusal::Refusal::new(ReasonCode::AuditUnavailable, full.to_string()))
        })?;
        let info = RequestInfo::parse(&head.method, &path, head.uri.query());
        let asking = KnownRequest { login: &login, cluster, peer: &peer, path: &path, reason: shown.reason };
        let mut entry = RequestEntry::new(place, entry::event(&asking, &head.method, info.as_ref().ok()), started);
        let (info, allowed) = match self.allowed(&asking, &head, info).await {
            Ok(allowed) => allowed,
            Err(refusal) => {
                tracing::info!(target.name = %cluster.settings.name, refused = %refusal.message, "request refused");
                if is_websocket {
                    self.refused.remember(asked, refusal.told());
                }
                return Ok(entry.refuse(&refusal));
            }
        };
        entry.passed_by(allowed.rule.clone().map(String::from));
        if let Some(stream) = info.stream().filter(|_| is_upgrade) {
            return Ok(match self.connect(&asking, head, (&info, stream), allowed, entry).await {
                Ok(response) => response,
                Err(refused) => {
                    let (entry, told) = *refused;
                    if is_websocket {
                        self.refused.remember(asked, told.clone());
                    }
                    entry.tell(&told)
                }
            });
        }

        let lifetime = Lifetime::of(&info);
        let (socket, head) = if is_upgrade {
            match WatchSocket::accept(head, lifetime) {
                Ok((socket, head)) => (Some(socket), head),
                Err(refusal) => return Ok(entry.refuse(&refusal)),
            }
        } else {
            (None, head)
        };
        let Allowed { connection, path, impersonation, standing, .. } = allowed;
        let headers = impersonation.to_cluster(&head.headers, peer.address.ip().to_canonical());
        let mut onward = Request::new(body);
        *onward.method_mut() = head.method;
        *onward.uri_mut() = path.into();
        *onward.headers_mut() = headers;
        let answer = proxy::forward(&connection, onward, entry, lifetime, standing).await;
        Ok(match socket {
            Some(socket) => socket.serve(answer, &self.tasks, self.closing.clone(), peer.place.clone()),
            None => answer,
        })
    }
}

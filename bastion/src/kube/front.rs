//! One request from its head to a decision: who, which cluster, what, and may they.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use config::{Cluster, TargetName, UserName};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, uri::PathAndQuery};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use jiff::Timestamp;
use policy::{ClusterDecision, ClusterPermit, Context, KubeCapability, KubeObject, KubeRequest, RuleEffect, RuleSet};
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use tracing::Instrument as _;

use super::{
    impersonation::Impersonation,
    proxy::{self, Body, BodyError, Entry},
    request_info::{RefusedRequest, RequestInfo, ResourceRequest},
    request_log::RequestLog,
    status::Refusal,
    upstream::ClusterConnection,
};
use crate::{
    audit::{AuditEvent, KubeRequestEvent},
    identity::{
        kube_credential::{CredentialError, KubeCredentials},
        login::Login,
    },
    store::Store,
};

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
    /// The rules as they are now; a reload replaces them.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// The clusters.
    pub clusters: HashMap<TargetName, KubeCluster>,
    /// Where requests are written down.
    pub log: RequestLog,
    /// Where what is no request is written down.
    pub store: Arc<dyn Store>,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The certificate that it has proved to hold.
    pub certificate: Option<CertificateDer<'static>>,
}

/// A request that is allowed, with what it takes to send it on.
struct Allowed {
    connection: ClusterConnection,
    path: PathAndQuery,
    impersonation: Impersonation,
    is_long: bool,
    rule: Option<String>,
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
        let (name, path) = split(request.uri().path()).map(|(name, path)| (name.to_owned(), path.to_owned()))?;
        let token = bearer(request.headers()).map(str::to_owned);
        let login = self.authenticate(peer.certificate.clone(), token).await?;
        tracing::Span::current().record("subject.id", login.subject().name.as_str());
        let rules = Arc::clone(&self.rules.borrow());
        let Some(cluster) = self.reachable_cluster(&rules, &login, &name) else {
            let (user, source) = (login.subject().name.clone(), peer.address.to_string());
            return Err(self.unknown_cluster(user, source, name).await);
        };

        let place = self.log.reserve().await.map_err(|full| {
            tracing::error!("no place in the audit log");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string())
        })?;
        let info = RequestInfo::parse(request.method(), &path, request.uri().query());
        let event = event(&login, cluster, &peer, request.method(), &path, info.as_ref().ok());
        let mut entry = Entry::new(place, event, started);
        let allowed = match self.decide(&rules, &login, cluster, &peer, &request, &path, info) {
            Ok(allowed) => allowed,
            Err(refusal) => {
                tracing::info!(target.name = %cluster.settings.name, refused = %refusal.message, "request refused");
                return Ok(entry.refuse(&refusal));
            }
        };
        entry.passed_by(allowed.rule);

        let headers = allowed.impersonation.to_cluster(request.headers(), peer.address.ip().to_canonical());
        let (head, body) = request.into_parts();
        let mut onward = Request::new(body);
        *onward.method_mut() = head.method;
        *onward.uri_mut() = allowed.path.into();
        *onward.headers_mut() = headers;
        let left = login.expires_at().duration_since(Timestamp::now());
        let left = Duration::try_from(left).unwrap_or_default();
        Ok(proxy::forward(&allowed.connection, onward, entry, allowed.is_long, left).await)
    }

    /// A client certificate, or else a bearer token.
    async fn authenticate(
        &self,
        certificate: Option<CertificateDer<'static>>,
        token: Option<String>,
    ) -> Result<Login, Refusal> {
        let now = Timestamp::now();
        let found = match (certificate, token) {
            (Some(certificate), _) => self.credentials.by_certificate(&certificate, now).await,
            (None, Some(token)) => self.credentials.by_token(&token, now).await,
            (None, None) => {
                let message =
                    "show a client certificate or a token of this bastion; \"bastion kubeconfig\" sets kubectl up";
                return Err(Refusal::new(StatusCode::UNAUTHORIZED, message));
            }
        };
        found.map_err(|error| {
            tracing::info!(%error, "credential refused");
            let status = match &error {
                CredentialError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
                CredentialError::Ended
                | CredentialError::LoginEnded
                | CredentialError::Malformed
                | CredentialError::Unknown => StatusCode::UNAUTHORIZED,
            };
            Refusal::new(status, error.to_string())
        })
    }

    fn reachable_cluster(&self, rules: &RuleSet, login: &Login, name: &str) -> Option<&KubeCluster> {
        let cluster = self.clusters.get(&name.parse::<TargetName>().ok()?)?;
        let is_reachable = !rules.reachable_clusters(login.subject(), [&cluster.settings]).is_empty();
        is_reachable.then_some(cluster)
    }

    /// The same answer for a cluster that does not exist and for one that the user cannot reach.
    async fn unknown_cluster(&self, user: UserName, source: String, name: String) -> Refusal {
        let shown: String = name.chars().take(MAX_SHOWN_CHARS).collect();
        let denial = policy::Denial::unknown_cluster(&shown);
        let event = AuditEvent::AccessRefused {
            user,
            what: format!("cluster {shown:?}"),
            reason: denial.reason.clone(),
            source,
        };
        match self.store.append_audit(Timestamp::now(), &[event]).await {
            Ok(()) => Refusal::new(StatusCode::NOT_FOUND, denial.reason),
            Err(error) => {
                tracing::error!(%error, "refusal could not be written to the audit log");
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the bastion's database does not answer; try again")
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of the one question that is asked here")]
    fn decide(
        &self,
        rules: &RuleSet,
        login: &Login,
        cluster: &KubeCluster,
        peer: &Peer,
        request: &Request<Body>,
        path: &str,
        info: Result<RequestInfo, RefusedRequest>,
    ) -> Result<Allowed, Refusal> {
        let info = info.map_err(|refused| Refusal::new(StatusCode::BAD_REQUEST, refused.to_string()))?;
        let question = question(&info);
        let capability = question.capability();
        let context = Context { now: SystemTime::now(), source: peer.address.ip(), approved: &[] };
        let permit = match rules.decide_cluster(login.subject(), &cluster.settings, capability, &context) {
            ClusterDecision::Allow(permit) => permit,
            ClusterDecision::Deny(denial) => {
                let refusal = Refusal::new(StatusCode::FORBIDDEN, denial.reason);
                return Err(refusal.by_rule(denial.rule.map(String::from)));
            }
        };
        let verdict = rules.judge_request(login.subject(), &cluster.settings, &question, context.now);
        let rule = verdict.rule.map(String::from);
        match verdict.effect {
            RuleEffect::Allow => {}
            RuleEffect::Approve => {
                let message = format!("{} (no approver can be asked for a request yet)", verdict.message);
                return Err(Refusal::new(StatusCode::FORBIDDEN, message).by_rule(rule));
            }
            RuleEffect::Block => return Err(Refusal::new(StatusCode::FORBIDDEN, verdict.message).by_rule(rule)),
        }
        refuse_upgrade(&permit, request.headers())?;
        let impersonation = Impersonation::new(login.authenticated(), &permit)
            .map_err(|error| Refusal::new(StatusCode::FORBIDDEN, error.to_string()))?;
        let path = match request.uri().query() {
            Some(query) => format!("{path}?{query}").parse(),
            None => path.parse::<PathAndQuery>(),
        };
        let path =
            path.map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the path or the query cannot be passed on"))?;
        Ok(Allowed { connection: cluster.connection.clone(), path, impersonation, is_long: is_long(&info), rule })
    }
}

/// `/clusters/NAME/rest` -> name and rest, both raw.
fn split(path: &str) -> Result<(&str, &str), Refusal> {
    let below = path.strip_prefix("/clusters/").filter(|below| !below.is_empty());
    let below = below.ok_or_else(|| {
        let message = "clusters are under /clusters/NAME; \"bastion kubeconfig NAME\" sets kubectl up";
        Refusal::new(StatusCode::NOT_FOUND, message)
    })?;
    Ok(match below.find('/') {
        Some(at) => below.split_at(at),
        None => (below, "/"),
    })
}

/// What goes on as another protocol has a road of its own, or none: it is never passed on unread.
fn refuse_upgrade(permit: &ClusterPermit, headers: &HeaderMap) -> Result<(), Refusal> {
    let connects = headers.get_all(header::CONNECTION).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    let is_upgrade = connects || headers.contains_key(header::UPGRADE);
    match permit.capability() {
        KubeCapability::Attach | KubeCapability::Exec | KubeCapability::PortForward if is_upgrade => {
            let message = format!("{} does not pass through this bastion yet", permit.capability());
            Err(Refusal::new(StatusCode::FORBIDDEN, message))
        }
        KubeCapability::Attach | KubeCapability::Exec => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "the request must ask for an upgrade to WebSocket or SPDY"))
        }
        KubeCapability::Api | KubeCapability::NodeProxy | KubeCapability::PortForward if is_upgrade => {
            Err(Refusal::new(StatusCode::FORBIDDEN, "this request cannot be upgraded to another protocol"))
        }
        KubeCapability::Api | KubeCapability::NodeProxy | KubeCapability::PortForward => Ok(()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(authorization), None) = (shown.next(), shown.next()) else { return None };
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The request as the rules see it.
fn question(info: &RequestInfo) -> KubeRequest<'_> {
    let object = info.resource.as_ref().map(|resource| KubeObject {
        group: &resource.group,
        resource: &resource.resource,
        subresource: &resource.subresource,
        namespace: &resource.namespace,
        name: &resource.name,
    });
    KubeRequest { verb: info.verb, object }
}

/// Whether the head of the answer may take as long as the cluster likes: `logs -f` of a silent pod has none.
fn is_long(info: &RequestInfo) -> bool {
    let subresource = info.resource.as_ref().map(|resource| resource.subresource.as_str());
    matches!(info.verb, "proxy" | "watch") || matches!(subresource, Some("log" | "proxy"))
}

fn event(
    login: &Login,
    cluster: &KubeCluster,
    peer: &Peer,
    method: &Method,
    path: &str,
    info: Option<&RequestInfo>,
) -> KubeRequestEvent {
    let shown = |text: &str| text.chars().take(MAX_SHOWN_CHARS).collect::<String>();
    let resource = info.and_then(|info| info.resource.clone());
    let path = resource.is_none().then(|| shown(path));
    let ResourceRequest { group, resource, subresource, namespace, name, .. } = resource.unwrap_or_default();
    KubeRequestEvent {
        user: login.subject().name.clone(),
        cluster: cluster.settings.name.clone(),
        verb: info.map_or_else(|| method.as_str().to_ascii_lowercase(), |info| info.verb.to_owned()),
        group: shown(&group),
        resource: shown(&resource),
        subresource: shown(&subresource),
        namespace: shown(&namespace),
        name: shown(&name),
        path,
        status: None,
        latency_ms: 0,
        bytes_in: 0,
        bytes_out: 0,
        rule: None,
        refused: None,
        source: peer.address.to_string(),
    }
}

/// Names in Kubernetes have at most 253 characters.
const MAX_SHOWN_CHARS: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_split_and_not_changed() {
        for (path, expected) in [
            ("/clusters/a", ("a", "/")),
            ("/clusters/a/", ("a", "/")),
            ("/clusters/a/api/v1", ("a", "/api/v1")),
            ("/clusters/a//api", ("a", "//api")),
            ("/clusters/a/../b/api", ("a", "/../b/api")),
            ("/clusters/%61/api", ("%61", "/api")),
            ("/clusters/../x", ("..", "/x")),
            ("/clusters//api", ("", "/api")),
        ] {
            assert_eq!(split(path).unwrap(), expected);
        }
        for path in ["/", "/api", "/clusters", "/clusters/", "/Clusters/a", "//clusters/a", "/x/../clusters/a", "*"] {
            assert_eq!(split(path).unwrap_err().status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_token_is_taken_from_one_header_only() {
        let headers = |values: &[&'static str]| {
            values
                .iter()
                .map(|value| (header::AUTHORIZATION, http::HeaderValue::from_static(value)))
                .collect::<HeaderMap>()
        };
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer  abc"])), Some("abc"));
        for values in [&["Basic abc"][..], &["abc"], &[], &["Bearer a", "Bearer b"], &["Basic a", "Bearer b"]] {
            assert_eq!(bearer(&headers(values)), None, "{values:?}");
        }
    }
}

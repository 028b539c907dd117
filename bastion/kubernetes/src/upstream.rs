//! The connection to a cluster's API server, with the bastion's own credential. TLS is always verified.
//!
//! HTTP/1.1 only, a connection for each request that is under way: over one HTTP/2 connection a few users who do not
//! read would take the window of all.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ::kube::{
    Config,
    client::ConfigExt as _,
    config::{KubeConfigOptions, Kubeconfig},
};
use config::{Cluster, ClusterAccess, ClusterCredential, TargetName};
use data_encoding::BASE64;
use http::{Request, Response, Uri, uri::PathAndQuery};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tower::{BoxError, Layer as _, ServiceExt as _, util::BoxCloneSyncService};

use super::body::Body;

/// A cluster that requests can be sent to. Connections are made when they are needed.
#[derive(Debug, Clone)]
pub struct ClusterConnection {
    base: Uri,
    /// When it last refused what it then took over SPDY.
    websocket_refused: Arc<Mutex<Option<Instant>>>,
    service: BoxCloneSyncService<Request<Body>, Response<Incoming>, BoxError>,
}

/// Why a cluster's settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("clusters: {cluster}: {problem}")]
pub struct ClusterError {
    /// Which one.
    pub cluster: TargetName,
    /// What is wrong.
    pub problem: ClusterProblem,
}

/// What is wrong with a cluster's settings.
#[derive(Debug, thiserror::Error)]
pub enum ClusterProblem {
    /// A file with certificates holds none.
    #[error("{0} holds no PEM certificate")]
    Certificates(String),
    /// The credential or the TLS settings cannot be used.
    #[error("the credential cannot be used: {0}")]
    Client(#[from] Box<::kube::Error>),
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bastion runs in no cluster.
    #[error("the bastion does not run in a cluster: {0}")]
    InCluster(#[from] ::kube::config::InClusterError),
    /// TLS would not be verified.
    #[error("insecure-skip-tls-verify is not accepted: name the cluster's CA in certificate-authority-data")]
    Insecure,
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(#[from] Box<::kube::config::KubeconfigError>),
    /// The connection would not be encrypted.
    #[error("plain http is accepted on the loopback interface only; use https")]
    Plain,
    /// The kubeconfig wants something that is not supported.
    #[error("{0} in the kubeconfig is not supported")]
    Unsupported(&'static str),
    /// The URL is none.
    #[error("the server's URL cannot be used: {0}")]
    Url(#[from] http::Error),
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamSendError {
    /// The bastion's own credential could not be renewed.
    #[error("the credential could not be renewed: {0}")]
    Credential(#[source] BoxError),
    /// The connection broke.
    #[error("the exchange failed: {0:?}")]
    Exchange(#[source] BoxError),
    /// There is no connection.
    #[error("no connection: {0:?}")]
    Unreachable(#[source] BoxError),
}

impl ClusterConnection {
    /// Reads the credential and prepares TLS; connects to nobody yet. A kubeconfig's exec plugin is run.
    ///
    /// # Errors
    ///
    /// When the settings cannot be used, or TLS would not be verified.
    pub async fn prepare(cluster: &Cluster) -> Result<Self, ClusterError> {
        let failed = |problem| ClusterError { cluster: cluster.name.clone(), problem };
        let config = load(&cluster.access).await.map_err(failed)?;
        Self::from_config(config).map_err(failed)
    }

    fn from_config(config: Config) -> Result<Self, ClusterProblem> {
        check(&config)?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_keepalive(Some(TCP_KEEPALIVE));
        let tls = config.rustls_https_connector_with_connector(http).map_err(Box::new)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE)
            .build::<_, Body>(tls)
            .map_err(BoxError::from);
        let service = match config.auth_layer().map_err(Box::new)? {
            Some(layer) => BoxCloneSyncService::new(layer.layer(client)),
            None => BoxCloneSyncService::new(client),
        };
        Ok(Self { base: config.cluster_url, websocket_refused: Arc::default(), service })
    }

    /// Sends a request whose URI holds path and query as the API server is to see them.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, UpstreamSendError> {
        *request.uri_mut() = self.uri(request.uri()).map_err(|error| UpstreamSendError::Exchange(error.into()))?;
        self.service.clone().oneshot(request).await.map_err(|error| {
            match error.downcast_ref::<hyper_util::client::legacy::Error>() {
                Some(refused) if refused.is_connect() => UpstreamSendError::Unreachable(error),
                Some(_) => UpstreamSendError::Exchange(error),
                None => UpstreamSendError::Credential(error),
            }
        })
    }

    /// Whether WebSocket need not be tried: it was refused a while ago.
    #[must_use]
    pub fn refuses_websocket(&self) -> bool {
        let refused = self.websocket_refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.is_some_and(|at| at.elapsed() < WITHOUT_WEBSOCKET)
    }

    /// WebSocket was refused, and SPDY was not.
    pub fn websocket_was_refused(&self) {
        *self.websocket_refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The cluster's own URL may have a path of its own (a cluster behind another proxy).
    fn uri(&self, request: &Uri) -> Result<Uri, http::Error> {
        let asked = request.path_and_query().map_or("/", PathAndQuery::as_str);
        let base = self.base.path().trim_end_matches('/');
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = Some(format!("{base}{asked}").parse::<PathAndQuery>()?);
        Ok(Uri::from_parts(parts)?)
    }
}

async fn load(access: &ClusterAccess) -> Result<Config, ClusterProblem> {
    match access {
        ClusterAccess::InCluster => Ok(Config::incluster()?),
        ClusterAccess::Kubeconfig { file, context } => {
            let kubeconfig = Kubeconfig::read_from(file).map_err(Box::new)?;
            let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
            Ok(Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(Box::new)?)
        }
        ClusterAccess::Server { url, ca, credential } => {
            let mut config = Config::new(url.as_str().parse::<Uri>().map_err(http::Error::from)?);
            if let Some(ca) = ca {
                config.root_cert = Some(certificates(ca)?);
            }
            match credential {
                ClusterCredential::Token(token) => config.auth_info.token = Some(token.expose().to_owned().into()),
                ClusterCredential::Certificate { certificate, key } => {
                    let chain = read(certificate)?;
                    config.auth_info.client_certificate_data = Some(BASE64.encode(&chain));
                    config.auth_info.client_key_data = Some(BASE64.encode(key.expose().as_bytes()).into());
                }
            }
            Ok(config)
        }
    }
}

fn check(config: &Config) -> Result<(), ClusterProblem> {
    if config.accept_invalid_certs {
        return Err(ClusterProblem::Insecure);
    }
    if config.proxy_url.is_some() {
        return Err(ClusterProblem::Unsupported("proxy-url"));
    }
    let auth = &config.auth_info;
    if auth.impersonate.is_some() || auth.impersonate_groups.is_some() {
        return Err(ClusterProblem::Unsupported("as: the bastion impersonates its users; impersonation"));
    }
    let host = config.cluster_url.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    if config.cluster_url.scheme_str() != Some("https") && !is_loopback {
        return Err(ClusterProblem::Plain);
    }
    Ok(())
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, ClusterProblem> {
    std::fs::read(path).map_err(|source| ClusterProblem::File { path: path.display().to_string(), source })
}

fn certificates(path: &std::path::Path) -> Result<Vec<Vec<u8>>, ClusterProblem> {
    let pem = read(path)?;
    let found: Vec<Vec<u8>> =
        CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).map(|der| der.as_ref().to_vec()).collect();
    if found.is_empty() { Err(ClusterProblem::Certificates(path.display().to_string())) } else { Ok(found) }
}

/// Longer than any honest connection takes, shorter than kubectl's patience.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A watch may be silent for minutes; a cluster that is gone is noticed nevertheless.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Shorter than the API server's own, so that no request meets a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// For how long SPDY is used at once where WebSocket was refused: it may be one user's rights only.
const WITHOUT_WEBSOCKET: Duration = Duration::from_secs(60);

/// Idle connections that are kept for the next requests.
const MAX_IDLE: usize = 64;

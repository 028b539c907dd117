//! Builds everything from the settings, in the order in which one part needs
//! another, and stops it in the opposite order.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use api::info::{BastionInfo, KubeAddress, SshAddress};
use approval::Approvals;
use config::{Audit, Config, Credential, Store as StoreSettings, Target, TargetName};
use identity::{
    key_file::KeyFileError,
    key_folder::KeyFolder,
    kube_credential::KubeCredentials,
    login::{EndedLogins, LoginService, LoginSettings},
    oidc::{IssuerError, OidcClient, OidcError, OidcSettings},
    revoked_keys::{self, RevokedKeys},
    ssh_ca::{IssueError, SshAuthorities},
    ssh_certificate::TrustedCas,
    x509_ca::{KubeClientCa, X509Error},
};
use jiff::Timestamp;
use kubernetes::{KubeCluster, listener::ListenerTlsError, retry::RememberedRefusals, upstream::ClusterError};
use ledger::{
    audit::AuditLog,
    store::{DeadInstance, Entry, Owner, SessionFilter, SqlStore, Store, StoreError},
};
use listener::{Admission, KnownNetworks, Limits, PlaceLimits};
use policy::{CompileError, RuleSet};
use recorder::{Recorder, RecorderSettings, S3Settings, StorageSettings, storage::StorageError};
use russh::keys::{PrivateKey, PublicKey, ssh_key};
use session::{Registry, Sessions};
use ssh::{
    auth::Authenticator,
    connection::{ConfiguredTarget, Front},
    host_identity::{HostIdentity, ServerSettings},
    target_connection::{HostTrust, SshTarget, TargetCredential},
};
use ssh_client::algorithms::Keepalive;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use url::Url;
use web::{WebState, state::KubeAccess};

use crate::{
    instance::{Instance, InstanceError},
    instances::{Instances, OwnFile},
    reload::Reloader,
};

/// How often what has expired is removed from the store.
const HOUSEKEEPING: Duration = Duration::from_mins(10);

/// How long running sessions may take to end once they have been asked to.
const TERMINATION_LIMIT: Duration = Duration::from_secs(10);

/// How long web requests may take to be answered when the bastion stops.
const WEB_LIMIT: Duration = Duration::from_secs(5);

/// How long recordings may take to be completed in the object store when the
/// bastion stops; what is left is completed at the next start.
const RECORDINGS_LIMIT: Duration = Duration::from_secs(20);

/// Sessions whose sources are known to the listeners from the start.
const REMEMBERED_SESSIONS: u32 = 1_000;

/// How long the last audit events may take to be written when the bastion stops; what the store does not take is kept
/// on disk, and written at the next start.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// The file in the data folder for audit events that the store does not take.
const WAITING_AUDIT: &str = "audit-waiting.jsonl";

/// Pause between two lots of old audit events that are removed: others write, too.
const FORGETTING_PAUSE: Duration = Duration::from_millis(50);

/// Why the bastion did not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Approvals cannot be set up.
    #[error(transparent)]
    Approvals(#[from] approval::StartError),
    /// A key of a target cannot be read.
    #[error("targets: {target}: {what} cannot be read: {source}")]
    Credential {
        /// Which target.
        target: TargetName,
        /// Which key.
        what: &'static str,
        /// What is wrong with it.
        source: ssh_key::Error,
    },
    /// A file in the data folder, or one that the settings name, cannot be used.
    #[error("{path} cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder cannot be used, or is another bastion's.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The issuer's settings cannot be used.
    #[error("identity.oidc: {0}")]
    Issuer(#[from] IssuerError),
    /// An authority's key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A cluster's settings cannot be used.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The bastion's own host certificate cannot be made.
    #[error("the bastion's host certificate cannot be made: {0}")]
    HostCertificate(#[from] IssueError),
    /// An address cannot be listened on.
    #[error("listen.{front}: cannot listen on {address}: {source}. Choose another address, or stop what uses it")]
    Listen {
        /// Which front.
        front: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The client of the issuer cannot be set up.
    #[error("identity.oidc: {0}")]
    Oidc(#[from] OidcError),
    /// The CA for Kubernetes clients cannot be used.
    #[error("the CA for Kubernetes clients: {0}")]
    KubeClientCa(#[from] X509Error),
    /// The Kubernetes front cannot speak TLS.
    #[error("the Kubernetes front: {0}")]
    KubeTls(#[from] ListenerTlsError),
    /// Recordings cannot be kept.
    #[error("recording: {0}")]
    Recording(#[from] recorder::RecordError),
    /// The object store's settings cannot be used.
    #[error("recording.storage: {0}")]
    Storage(#[from] StorageError),
    /// The object store's URL cannot be used.
    #[error("recording.storage: {0:?} is not a usable location")]
    StorageUrl(String),
    /// A revoked key cannot be read.
    #[error("revoked_keys: {0}")]
    RevokedKeys(#[source] ssh_key::Error),
    /// The rules do not compile.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rules(Vec<CompileError>),
    /// The store cannot be opened.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The console's URL cannot be used.
    #[error("web.url: {url} cannot be used: {source}")]
    WebUrl {
        /// The URL.
        url: Url,
        /// What is wrong with it.
        source: url::ParseError,
    },
    /// The web front's certificate cannot be used.
    #[error("web.tls: {0}")]
    Tls(#[from] web::tls::TlsError),
}

/// A bastion whose sockets are bound and whose parts are ready.
pub struct App {
    front: Arc<Front>,
    ssh: ssh::Listener,
    web: web::listener::Listener,
    kube: Option<kubernetes::Listener>,
    store: SqlStore,
    log: AuditLog,
    retention: Audit,
    recorder: Arc<Recorder>,
    registry: Registry,
    reloader: Reloader,
    hangup: Option<Signal>,
    approvals: Approvals,
    instances: Instances,
    drain_notice: Duration,
    /// From then on `/readyz` says so.
    draining: CancellationToken,
    instance: Instance,
}

/// The sockets of the fronts, bound before anything else: settings may depend on their ports.
#[derive(Debug)]
pub struct Sockets {
    ssh: TcpListener,
    web: TcpListener,
    kube: Option<TcpListener>,
    /// Where the SSH front listens.
    pub ssh_address: SocketAddr,
    /// Where the web front listens.
    pub web_address: SocketAddr,
    /// Where the Kubernetes front listens, if it does.
    pub kube_address: Option<SocketAddr>,
}

impl Sockets {
    /// Where this bastion is reached, for people.
    #[must_use]
    pub fn description(&self) -> String {
        let kube = self.kube_address.map(|address| format!(", kube {address}")).unwrap_or_default();
        format!("ssh {}, web {}{kube}", self.ssh_address, self.web_address)
    }

    /// Binds them.
    ///
    /// # Errors
    ///
    /// When an address cannot be bound.
    pub async fn bind(ssh: SocketAddr, web: SocketAddr, kube: Option<SocketAddr>) -> Result<Self, AppError> {
        let bind = async |front, address| {
            let failed = |source| AppError::Listen { front, address, source };
            let socket = TcpListener::bind(address).await.map_err(failed)?;
            let bound = socket.local_addr().map_err(failed)?;
            Ok::<_, AppError>((socket, bound))
        };
        let ((ssh, ssh_address), (web, web_address)) = (bind("ssh", ssh).await?, bind("web", web).await?);
        let (kube, kube_address) = match kube {
            Some(address) => bind("kube", address).await.map(|(socket, address)| (Some(socket), Some(address)))?,
            None => (None, None),
        };
        Ok(Self { ssh, web, kube, ssh_address, web_address, kube_address })
    }
}

impl App {
    /// Builds the bastion in the folder that is `instance`'s; nothing is served before [`App::run`].
    ///
    /// # Errors
    ///
    /// When a setting cannot be used, or a part cannot start.
    pub async fn build(config: Config, sockets: Sockets, mut instance: Instance) -> Result<Self, AppError> {
        if let StoreSettings::Sqlite(database) = &config.store {
            instance.claim_also(database)?;
        }
        instance.claim_also(&config.recording.spool)?;
        let rules = watch::Sender::new(Arc::new(RuleSet::compile(&config.rules).map_err(AppError::Rules)?));
        let keys = config.revoked_keys.as_ref().map(|revoked| revoked.keys.as_slice()).unwrap_or_default();
        let keys = watch::Sender::new(revoked_keys::fingerprints(keys).map_err(AppError::RevokedKeys)?);
        let revoked_keys = RevokedKeys::new(keys.subscribe());
        let revoked = config.revoked_keys.as_ref().map(|revoked| (revoked.file.clone(), keys));
        // Of several instances that start at once one makes the keys.
        let key_folder = KeyFolder::open(&config.keys_dir).await?;
        let authorities = SshAuthorities::load_or_create(&config.keys_dir)?;
        let mut keys = authorities.fingerprints();
        let host_ca = authorities.host.public_key().clone();
        let user_ca = Arc::new(authorities.user);
        let target_ca = Arc::new(authorities.target);
        let own_names: Vec<String> = config.names.iter().map(ToString::to_string).collect();
        let tls = match &config.web.tls {
            Some(files) => web::tls::from_files(&files.certificate, &files.key)?,
            None => {
                let clusters = config.kube.certificate_name().filter(|_| !config.clusters.is_empty());
                let names: Vec<String> = own_names.iter().cloned().chain(clusters).collect();
                web::tls::from_own_ca(&config.keys_dir, &names)?
            }
        };
        keys.extend(tls.authority().map(|fingerprint| ("tls-ca".to_owned(), fingerprint.to_owned())));
        let kube_ca = match config.clusters.is_empty() {
            true => None,
            false => Some(Arc::new(KubeClientCa::load_or_create(&config.keys_dir)?)),
        };
        keys.extend(kube_ca.iter().map(|ca| ("kube-client-ca".to_owned(), ca.fingerprint())));
        drop(key_folder);

        let entry = Entry { description: instance.description().to_owned(), lease: config.instances.lease, keys };
        let shared = SqlStore::open(&config.store, &entry).await?;
        let store: Arc<dyn Store> = Arc::new(shared.clone());
        let own_file = OwnFile::of(&config.data_dir);
        // Whoever had this folder before is gone, whatever its lease says.
        let previous = own_file.read();
        let dead = shared.claim_dead(previous).await?;
        let previous = dead.into_iter().find(|dead| Some(dead.id) == previous);
        let waiting = config.data_dir.join(WAITING_AUDIT);
        let log = AuditLog::start(Arc::clone(&store), &waiting)
            .map_err(|source| AppError::File { path: waiting.clone(), source })?;
        // What an earlier run could not write tells how some sessions ended.
        if let Err(behind) = log.caught_up().await {
            warn!(%behind, "audit events of an earlier run wait to be written");
        }
        let recorder = Arc::new(open_recorder(&config.recording)?);
        complete_cut_off_sessions(&recorder, &shared, previous.as_ref()).await?;

        let lease = shared.lease();
        let logins = EndedLogins::under(lease.clone());
        let login = Arc::new(LoginService::new(
            OidcClient::new(oidc_settings(&config)?)?,
            Arc::clone(&store),
            log.clone(),
            Arc::clone(&user_ca),
            LoginSettings {
                login_lifetime: config.identity.login_lifetime,
                certificate_lifetime: config.identity.certificate_lifetime,
                console_callback: console_callback(&config.web.url)?,
            },
            logins.clone(),
        ));

        let registry = Registry::under(lease);
        let approvals =
            Approvals::start(Arc::clone(&store), config.web.url.clone(), config.approvals.webhook.as_ref()).await?;
        if let Some(previous) = &previous {
            approvals.refuse_left_over(Owner::Instance(previous.id)).await?;
        }
        let sessions = Sessions {
            store: Arc::clone(&store),
            log: log.clone(),
            recorder: Arc::clone(&recorder),
            registry: registry.clone(),
            approvals: approvals.clone(),
            limits: config.sessions.clone(),
        };
        let keepalive =
            Keepalive { interval: config.listen.keepalive_interval, most_unanswered: config.listen.keepalive_max };
        let mut targets = HashMap::new();
        for settings in &config.targets {
            let ssh = ssh_target(settings, &target_ca, keepalive, &revoked_keys)?;
            targets.insert(settings.name.clone(), ConfiguredTarget { settings: settings.clone(), ssh });
        }
        let front = Arc::new(Front {
            authenticator: Authenticator::new(
                Arc::clone(&store),
                TrustedCas::new([user_ca.fingerprint()]).without(revoked_keys.clone()),
                login.ended(),
                format!("bastion login {}", config.web.url.as_str().trim_end_matches('/')),
            ),
            rules: rules.subscribe(),
            targets,
            sessions,
            host_identity: HostIdentity::new(
                authorities.host,
                authorities.host_key,
                own_names.clone(),
                ServerSettings { max_auth_attempts: config.listen.max_auth_attempts, keepalive },
            ),
            max_channels: config.listen.max_channels,
            login_grace_time: config.listen.login_grace_time,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        });
        // Made now, so that an unusable name is an error at the start and not at the first login.
        front.host_identity.server_config(None, Timestamp::now())?;
        let admission = admission(&config.listen, store.as_ref()).await?;
        let ssh = ssh::Listener::new(sockets.ssh, Arc::clone(&front), &admission);
        let tasks = front.tasks.clone();
        let (kube, kube_access) = match (sockets.kube, kube_ca) {
            (Some(socket), Some(ca)) => {
                let parts = KubeParts {
                    store: &store,
                    ca,
                    ended_logins: login.ended(),
                    sessions: &front.sessions,
                    rules: rules.subscribe(),
                    tls: &tls,
                    tasks: &tasks,
                    closing: front.closing.clone(),
                    admission: &admission,
                };
                let (listener, access) = kube_front(&config, socket, parts).await?;
                (Some(listener), Some(access))
            }
            (Some(_) | None, _) => (None, None),
        };
        let info = BastionInfo {
            name: "bastion".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ssh: SshAddress { host: own_names.first().cloned().unwrap_or_default(), port: sockets.ssh_address.port() },
            kube: kube_access.as_ref().map(|access| KubeAddress { url: access.url.to_string() }),
            names: own_names,
            host_ca: public_key_line(&host_ca),
            issuer: config.identity.oidc.issuer.clone(),
        };
        let draining = CancellationToken::new();
        let state = WebState::new(
            Arc::clone(&store),
            log.clone(),
            login,
            rules.subscribe(),
            config.targets.into(),
            kube_access,
            recorder.clone(),
            approvals.clone(),
            draining.clone(),
            info,
            config.web.url,
        );
        let web = web::listener::Listener::new(sockets.web, tls.config, web::router(state), &admission);
        let reloader = Reloader::new(&config.rules, rules, log.clone()).with_revoked_keys(revoked);
        let reloader = reloader.with_others(shared.clone());
        let instances = Instances {
            store: shared.clone(),
            approvals: approvals.clone(),
            logins,
            recorder: Arc::clone(&recorder),
            reload: reloader.called(),
            lease: config.instances.lease,
            own_file,
        };
        Ok(Self {
            front,
            ssh,
            web,
            kube,
            store: shared,
            log,
            retention: config.audit,
            recorder,
            registry,
            approvals,
            reloader,
            hangup: None,
            instances,
            drain_notice: config.instances.drain_notice,
            draining,
            instance,
        })
    }

    /// Reloads the rules at SIGHUP too, and not only when their files change.
    ///
    /// # Errors
    ///
    /// When the signal cannot be listened for.
    pub fn reload_at_hangup(&mut self) -> io::Result<()> {
        self.hangup = Some(signal(SignalKind::hangup())?);
        Ok(())
    }

    /// Serves until `stop`; then no new connection is taken, and sessions that
    /// run have until `drained` to end by themselves. Where other instances take those who come, they are given the time
    /// to be found first: until then everybody is served.
    pub async fn run(self, stop: CancellationToken, drained: impl Future<Output = ()>) {
        let Self {
            front,
            ssh,
            web,
            kube,
            store,
            log,
            retention,
            recorder,
            registry,
            approvals,
            reloader,
            hangup,
            instances,
            drain_notice,
            draining,
            instance,
        } = self;
        let mut drained = pin!(drained);
        let mut is_hurried = false;
        // Sessions that drain are still subject to the rules.
        let reloading = CancellationToken::new();
        let reloader = tokio::spawn(reloader.run(reloading.clone(), hangup));
        let housekeeping = tokio::spawn(keep_house(Arc::new(store.clone()), retention, stop.clone()));
        let together = CancellationToken::new();
        let instances = tokio::spawn(instances.run(together.clone()));
        let (leaving, closed) = (CancellationToken::new(), CancellationToken::new());
        // The console goes on while sessions drain: people may want to see how they end.
        let web_stop = CancellationToken::new();
        let web = tokio::spawn(web.serve(web_stop.clone(), leaving.clone()));
        let kube = kube.map(|kube| tokio::spawn(kube.serve(closed.clone(), leaving.clone(), front.closing.clone())));
        let leave = async {
            stop.cancelled().await;
            // From here on `/readyz` says so.
            draining.cancel();
            if is_followed_by_others(&store).await {
                leaving.cancel();
                tokio::select! {
                    () = tokio::time::sleep(drain_notice) => {}
                    () = &mut drained => is_hurried = true,
                }
            }
            closed.cancel();
        };
        tokio::join!(ssh.run(closed.clone()), leave);

        // Whoever is connected already starts nothing more, either.
        registry.drain();
        let drained = async {
            if !is_hurried {
                drained.await;
            }
        };
        tokio::select! {
            () = registry.emptied() => {}
            () = drained => {
                registry.terminate_all("the bastion is stopping");
                if tokio::time::timeout(TERMINATION_LIMIT, registry.emptied()).await.is_err() {
                    warn!(sessions = registry.len(), "sessions did not end in time");
                }
            }
        }
        approvals.close().await;
        leaving.cancel();
        web_stop.cancel();
        front.closing.cancel();
        if let Some(kube) = kube
            && tokio::time::timeout(TERMINATION_LIMIT, kube).await.is_err()
        {
            warn!("requests to clusters did not end in time");
        }
        front.tasks.close();
        if tokio::time::timeout(TERMINATION_LIMIT, front.tasks.wait()).await.is_err() {
            warn!(tasks = front.tasks.len(), "connections did not end in time");
        }
        if tokio::time::timeout(WEB_LIMIT, web).await.is_err() {
            warn!("web requests did not end in time");
        }
        let unsealed = recorder.shutdown(RECORDINGS_LIMIT).await;
        if unsealed > 0 {
            warn!(unsealed, "recordings wait in the spool; the next start goes on with them");
        }
        reloading.cancel();
        if let Err(error) = reloader.await {
            warn!(%error, "the rule files were not watched to the end");
        }
        housekeeping.abort();
        together.cancel();
        if let Err(error) = instances.await {
            warn!(%error, "other instances were not followed to the end");
        }
        log.close(LOG_LIMIT).await;
        // The others need not wait for the end of the lease.
        store.close().await;
        drop(instance);
        info!("stopped");
    }
}

/// What the Kubernetes front shares with the others.
struct KubeParts<'a> {
    store: &'a Arc<dyn Store>,
    ca: Arc<KubeClientCa>,
    ended_logins: EndedLogins,
    sessions: &'a Sessions,
    rules: watch::Receiver<Arc<RuleSet>>,
    tls: &'a web::tls::Serving,
    tasks: &'a TaskTracker,
    closing: CancellationToken,
    admission: &'a Admission,
}

/// The limits of the listeners, which know who was here before.
async fn admission(settings: &config::Listen, store: &dyn Store) -> Result<Admission, AppError> {
    let known = Arc::new(KnownNetworks::default());
    let (now, clock) = (Timestamp::now(), Instant::now());
    for session in store.sessions(&SessionFilter { limit: REMEMBERED_SESSIONS, ..SessionFilter::default() }).await? {
        let ago = Duration::try_from(now.duration_since(session.started_at)).unwrap_or_default();
        if let (Ok(source), Some(at)) = (session.source.parse::<SocketAddr>(), clock.checked_sub(ago)) {
            known.remember(source.ip().into(), at);
        }
    }
    let places = PlaceLimits {
        connections: settings.max_connections,
        unauthenticated: settings.max_unauthenticated,
        unauthenticated_per_source: settings.max_unauthenticated_per_source,
    };
    let limits =
        Limits { places, login: settings.login_grace_time, idle: settings.http_idle_time, unread: Limits::UNREAD };
    Ok(Admission { limits, known })
}

/// The Kubernetes front, and what the console and the API know of it.
async fn kube_front(
    config: &Config,
    socket: TcpListener,
    parts: KubeParts<'_>,
) -> Result<(kubernetes::Listener, KubeAccess), AppError> {
    let ca = Arc::clone(&parts.ca);
    let tls = kubernetes::listener::tls(Arc::clone(&parts.tls.config.cert_resolver), ca.certificate())?;
    let credentials = KubeCredentials::new(Arc::clone(parts.store), ca, config.identity.certificate_lifetime);
    let mut clusters = HashMap::new();
    for settings in &config.clusters {
        let connection = kubernetes::upstream::ClusterConnection::prepare(settings).await?;
        clusters.insert(settings.name.clone(), KubeCluster { settings: settings.clone(), connection });
    }
    let front = Arc::new(kubernetes::Front {
        credentials: credentials.clone(),
        ended_logins: parts.ended_logins,
        rules: parts.rules,
        clusters,
        domain: config.kube.domain.clone(),
        log: parts.sessions.log.clone(),
        sessions: parts.sessions.clone(),
        refused: RememberedRefusals::default(),
        tasks: parts.tasks.clone(),
        closing: parts.closing,
    });
    let listener = kubernetes::Listener::new(socket, tls, front, parts.admission);
    let covered = |cluster: &config::Cluster| {
        let name = config.kube.server_name(&cluster.name).filter(|name| parts.tls.covers(name))?;
        Some((cluster.name.clone(), name))
    };
    let access = KubeAccess {
        credentials,
        clusters: config.clusters.clone().into(),
        url: config.kube.url.clone(),
        server_names: Arc::new(config.clusters.iter().filter_map(covered).collect()),
    };
    Ok((listener, access))
}

/// Where the issuer sends browsers back to.
///
/// # Errors
///
/// When the console's URL has no place for a path.
pub fn console_callback(console: &Url) -> Result<Url, AppError> {
    console.join("/login/callback").map_err(|source| AppError::WebUrl { url: console.clone(), source })
}

fn open_recorder(settings: &config::Recording) -> Result<Recorder, AppError> {
    let storage = recorder::storage::build(&storage_settings(&settings.storage)?)?;
    Ok(Recorder::open(RecorderSettings {
        spool_limit: settings.spool_limit,
        free_space_floor: settings.free_space_floor,
        upload_interval: settings.upload_interval,
        ..RecorderSettings::new(storage, &settings.spool)
    })?)
}

fn storage_settings(storage: &config::Storage) -> Result<StorageSettings, AppError> {
    let url = |text: String| text.parse::<Url>().map_err(|_| AppError::StorageUrl(text));
    Ok(match storage {
        config::Storage::Folder(folder) => StorageSettings {
            url: Url::from_directory_path(folder).map_err(|()| AppError::StorageUrl(folder.display().to_string()))?,
            s3: None,
        },
        config::Storage::S3(s3) => StorageSettings {
            url: url(format!("s3://{}/{}", s3.bucket, s3.prefix))?,
            s3: Some(S3Settings {
                endpoint: s3.endpoint.clone(),
                region: Some(s3.region.clone()),
                access_key_id: s3.credentials.as_ref().map(|key| key.access_key_id.expose().to_owned()),
                secret_access_key: s3.credentials.as_ref().map(|key| key.secret_access_key.expose().to_owned()),
                path_style: s3.path_style,
                allow_http: s3.allow_http,
            }),
        },
    })
}

/// Says that this instance goes, and whether there is another one for those who come.
async fn is_followed_by_others(store: &SqlStore) -> bool {
    let others = async {
        store.drain().await?;
        store.others().await
    };
    match others.await {
        Ok(others) => others > 0,
        Err(error) => {
            warn!(%error, "other instances were not told that this one drains");
            false
        }
    }
}

/// Completes the rows of sessions that an earlier run of the bastion did not end: one that shared its store with nobody,
/// or the `previous` instance in this folder.
async fn complete_cut_off_sessions(
    recorder: &Recorder,
    store: &SqlStore,
    previous: Option<&DeadInstance>,
) -> Result<(), AppError> {
    let recovered: HashMap<_, _> =
        recorder.recover().await?.into_iter().map(|recovered| (recovered.id, recovered)).collect();
    for owner in [Owner::Nobody].into_iter().chain(previous.map(|previous| Owner::Instance(previous.id))) {
        let running = SessionFilter { running: true, owner: Some(owner), limit: u32::MAX, ..SessionFilter::default() };
        for session in store.sessions(&running).await? {
            let last_event_at = recovered.get(&session.id).and_then(|recovered| recovered.last_event_at);
            store.cut_off(&session, last_event_at.unwrap_or(session.started_at)).await?;
        }
    }
    Ok(())
}

async fn keep_house(store: Arc<dyn Store>, retention: Audit, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = store.forget_expired(Timestamp::now()).await {
            warn!(%error, "what has expired could not be removed from the store");
        }
        match forget_audit(store.as_ref(), retention.keep).await {
            Ok(0) => {}
            Ok(events) => info!(events, "audit events older than audit.keep_days were removed"),
            Err(error) => warn!(%error, "old audit events could not be removed from the store"),
        }
        match store.bytes().await {
            Ok(bytes) if bytes > retention.warn_above => {
                warn!(bytes, "the database is larger than audit.warn_above; a smaller audit.keep_days keeps it small");
            }
            Ok(_) => {}
            Err(error) => warn!(%error, "the size of the database is not known"),
        }
    }
}

/// Removes what is older than `keep`, a few events at a time.
async fn forget_audit(store: &dyn Store, keep: Duration) -> Result<u64, StoreError> {
    let Ok(end) = Timestamp::now().checked_sub(keep) else { return Ok(0) };
    let mut events = 0;
    loop {
        match store.forget_audit(end).await? {
            0 => return Ok(events),
            some => events += some,
        }
        tokio::time::sleep(FORGETTING_PAUSE).await;
    }
}

fn oidc_settings(config: &Config) -> Result<OidcSettings, AppError> {
    let oidc = &config.identity.oidc;
    let extra_ca_pem = match &oidc.ca {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|source| AppError::File { path: path.clone(), source })?),
    };
    Ok(OidcSettings {
        client_secret: oidc.client_secret.as_ref().map(|secret| secret.expose().to_owned()),
        scopes: oidc.scopes.clone(),
        username_claim: oidc.username_claim.clone(),
        username_is_verified: oidc.username_is_verified,
        groups_claim: oidc.groups_claim.clone(),
        extra_ca_pem,
        ..OidcSettings::new(oidc.issuer.parse()?, &oidc.client_id)
    })
}

fn ssh_target(
    settings: &Target,
    target_ca: &Arc<identity::ssh_ca::TargetCa>,
    keepalive: Keepalive,
    revoked: &RevokedKeys,
) -> Result<SshTarget, AppError> {
    let failed = |what| move |source| AppError::Credential { target: settings.name.clone(), what, source };
    let public = |key: &config::PublicKey, what| PublicKey::from_openssh(key.as_str()).map_err(failed(what));
    let credential = match &settings.credential {
        Credential::Certificate => TargetCredential::Certificate(Arc::clone(target_ca)),
        Credential::Password(password) => TargetCredential::Password(password.clone()),
        Credential::PrivateKey(text) => TargetCredential::PrivateKey(Arc::new(
            PrivateKey::from_openssh(text.expose()).map_err(failed("credential.private_key"))?,
        )),
    };
    Ok(SshTarget {
        name: settings.name.clone(),
        address: settings.address.to_string(),
        trust: HostTrust {
            keys: settings.trust.keys.iter().map(|key| public(key, "host_keys")).collect::<Result<_, _>>()?,
            authority: settings.trust.ca.as_ref().map(|key| public(key, "host_ca")).transpose()?,
            revoked: revoked.clone(),
        },
        credential,
        keepalive,
    })
}

/// `ALGORITHM BASE64`, without a comment.
pub(crate) fn public_key_line(key: &PublicKey) -> String {
    let mut key = key.clone();
    key.set_comment("");
    key.to_openssh().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;

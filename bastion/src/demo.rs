//! The demo: everything on one machine with nothing installed. A built-in OIDC
//! issuer, a throw-away SSH target, example rules, SQLite, recordings in a folder.
//!
//! It writes the same `bastion.yaml` that an operator writes, then starts the
//! same [`App`]; only the issuer and the target are its own.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use config::{Config, ConfigErrors};
use demo_peers::{
    issuer::{self, DemoIssuer},
    target::{self, DemoTarget},
};
use identity::{
    key_file::{self, KeyFileError},
    ssh_ca::TargetCa,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    app::{App, AppError, Sockets, console_callback, public_key_line},
    instance::Instance,
};

/// The example rules: few enough to be read while trying the demo.
const RULES: &str = include_str!("demo/rules.yaml");

/// The name of the cluster that `--kubeconfig` adds.
const CLUSTER: &str = "demo-cluster";

/// What the demo is asked for.
#[derive(Debug, Clone)]
pub struct DemoSettings {
    /// The folder for keys, database and recordings.
    pub data_dir: PathBuf,
    /// Where SSH listens.
    pub ssh_listen: SocketAddr,
    /// Where the console and the API listen.
    pub web_listen: SocketAddr,
    /// Where Kubernetes clusters are served, if there is one.
    pub kube_listen: SocketAddr,
    /// The kubeconfig of a cluster to add.
    pub kubeconfig: Option<PathBuf>,
    /// Rules in place of the example rules.
    pub rules: Option<PathBuf>,
    /// A file with more targets.
    pub targets: Option<PathBuf>,
    /// The store, in place of SQLite in the data folder.
    pub store: Option<String>,
    /// Where recordings go, in place of the data folder.
    pub recordings: Option<String>,
}

/// Why the demo did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A part of the bastion could not start.
    #[error(transparent)]
    App(#[from] AppError),
    /// The settings, the rules or the targets do not hold.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// A file or socket of the demo could not be used.
    #[error("the demo cannot use {what}: {source}")]
    Io {
        /// What it needed.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The issuer could not start.
    #[error("the demo's issuer could not start: {0}")]
    Issuer(#[from] issuer::DemoIssuerError),
    /// A key could not be made or read.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}

/// A demo that is ready to run.
pub struct Demo {
    app: App,
    ssh: SocketAddr,
    web: SocketAddr,
    kube: Option<SocketAddr>,
    data_dir: PathBuf,
    rules: PathBuf,
    recordings: String,
    targets: Vec<String>,
    issuer: DemoIssuer,
    _target: DemoTarget,
}

impl Demo {
    /// Starts the issuer and the target, and builds the bastion.
    ///
    /// # Errors
    ///
    /// When a part cannot start.
    pub async fn build(settings: DemoSettings) -> Result<Self, DemoError> {
        let failed = |what: &Path| {
            let what = what.display().to_string();
            move |source| DemoError::Io { what, source }
        };
        std::fs::create_dir_all(&settings.data_dir).map_err(failed(&settings.data_dir))?;
        let data_dir = settings.data_dir.canonicalize().map_err(failed(&settings.data_dir))?;
        let kube = settings.kubeconfig.is_some().then_some(settings.kube_listen);
        let sockets = Sockets::bind(settings.ssh_listen, settings.web_listen, kube).await?;
        let instance = Instance::claim(&data_dir, &sockets.description()).map_err(AppError::from)?;
        let rules = match &settings.rules {
            Some(rules) => rules.canonicalize().map_err(failed(rules))?,
            None => {
                let rules = data_dir.join("rules.yaml");
                std::fs::write(&rules, RULES).map_err(failed(&rules))?;
                rules
            }
        };

        let (ssh, web, kube) = (sockets.ssh_address, sockets.web_address, sockets.kube_address);
        let issuer = DemoIssuer::start(console_callback(&web_url(web)?)?).await?;
        let target_ca = TargetCa::load_or_create(&data_dir.join("ssh-target-ca"))?;
        let host_key = key_file::load_or_create(&data_dir.join("demo-target-host-key"))?;
        let home = data_dir.join("demo-home");
        std::fs::create_dir_all(&home).map_err(failed(&home))?;
        let target = DemoTarget::start(host_key, target_ca.public_key().clone(), home)
            .await
            .map_err(|source| DemoError::Io { what: "a loopback port".into(), source })?;

        let recordings = settings.recordings.clone().unwrap_or_else(|| format!("file://{}", data_dir.display()));
        let mut text = bastion_yaml(&settings, (ssh, web), &data_dir, &rules, &recordings, &issuer, &target);
        if let (Some(kube), Some(kubeconfig)) = (kube, &settings.kubeconfig) {
            let kubeconfig = kubeconfig.canonicalize().map_err(failed(kubeconfig))?;
            text.push_str(&cluster_yaml(kube, &kubeconfig));
        }
        let file = data_dir.join("bastion.yaml");
        std::fs::write(&file, &text).map_err(failed(&file))?;
        let mut config = Config::load(&file)?;
        if let Some(path) = &settings.targets {
            let text = std::fs::read_to_string(path).map_err(failed(path))?;
            let base = path.parent().unwrap_or(Path::new(""));
            config.targets.extend(config::target::parse_targets(&text, base, &path.display().to_string())?);
        }
        let targets = config.targets.iter().map(|target| target.name.to_string()).collect();
        let app = App::build(config, sockets, instance).await?;
        Ok(Self { app, ssh, web, kube, data_dir, rules, recordings, targets, issuer, _target: target })
    }

    /// The one line of `--json`: every address, path and user that a script needs.
    #[must_use]
    pub fn ready_event(&self) -> String {
        let users: Vec<_> =
            issuer::PEOPLE.iter().map(|user| json!({"name": user.name, "groups": user.groups})).collect();
        let targets: Vec<_> = self.targets.iter().map(|name| json!({"name": name, "login": target::NAME})).collect();
        let mut ready = json!({
            "event": "ready",
            "pid": std::process::id(),
            "data_dir": self.data_dir,
            "ssh": {"host": self.ssh.ip().to_string(), "port": self.ssh.port()},
            "web": {"url": self.console(), "ca": self.tls_ca()},
            "issuer": {"url": self.issuer.url()},
            "host_ca": self.data_dir.join("ssh-host-ca.pub"),
            "users": users,
            "targets": targets,
            "rules": self.rules,
            "recordings": self.recordings_path(),
        });
        if let (Some(kube), Some(members)) = (self.kube, ready.as_object_mut()) {
            members.insert("kube".into(), json!({"url": format!("https://{kube}")}));
            members.insert("clusters".into(), json!([{"name": CLUSTER}]));
        }
        ready.to_string()
    }

    /// What a person reads: three steps to a recorded session.
    #[must_use]
    pub fn walkthrough(&self, program: &Path) -> String {
        let program = program.display();
        let dir = self.data_dir.display();
        let url = self.console();
        let ca = self.tls_ca();
        format!(
            "\
The bastion demo is running. Ctrl-C stops it. In another terminal:

1. Log in as alice (without --demo-user a browser opens):

     export BASTION_HOME={dir}/alice
     {program} login {url} --ca {ca} --demo-user alice

2. Use plain ssh; type what you like, then leave with `exit`:

     {program} ssh-config > {dir}/ssh_config
     ssh -F {dir}/ssh_config demo

3. Replay it: open {url}, sign in as alice, choose the session.
   (The browser does not know the demo's certificate authority {ca}; accept the warning.)
   In the terminal: {program} sessions ls, then {program} play ID

{kube}People: alice (engineering), bob (engineering, sre), carol (auditor: sees everybody's sessions), robot (agents).
Rules: {rules}   Settings: {dir}/bastion.yaml   Recordings: {recordings}
",
            ca = ca.display(),
            rules = self.rules.display(),
            recordings = self.recordings_path(),
            kube = self.kube_step(&program),
        )
    }

    /// One more step, where there is a cluster.
    fn kube_step(&self, program: &impl std::fmt::Display) -> String {
        if self.kube.is_none() {
            return String::new();
        }
        let file = self.data_dir.join("kubeconfig");
        let file = file.display();
        format!(
            "\
4. Use plain kubectl with the cluster {CLUSTER}; the cluster sees alice and her groups:

     {program} kubeconfig {CLUSTER} > {file}
     kubectl --kubeconfig {file} get pods -A

"
        )
    }

    /// Runs until `stop`; sessions that run then are ended.
    pub async fn run(self, stop: CancellationToken) {
        self.app.run(stop, std::future::ready(())).await;
    }

    fn console(&self) -> String {
        format!("https://{}", self.web)
    }

    fn tls_ca(&self) -> PathBuf {
        web::tls::ca_path(&self.data_dir)
    }

    /// The folder with the recordings, where they are in a folder; else the bucket's URL.
    fn recordings_path(&self) -> String {
        match self.recordings.strip_prefix("file://") {
            Some(folder) => Path::new(folder).join("recordings").display().to_string(),
            None => self.recordings.clone(),
        }
    }
}

/// The console's URL. The address was bound, so it is one.
fn web_url(address: SocketAddr) -> Result<Url, DemoError> {
    format!("https://{address}")
        .parse()
        .map_err(|error| DemoError::Io { what: format!("the address {address}"), source: io::Error::other(error) })
}

/// The settings that an operator would write for this.
fn bastion_yaml(
    settings: &DemoSettings,
    (ssh, web): (SocketAddr, SocketAddr),
    data_dir: &Path,
    rules: &Path,
    recordings: &str,
    issuer: &DemoIssuer,
    target: &DemoTarget,
) -> String {
    let store = settings.store.as_ref().map(|store| format!("store: {}\n", json!(store))).unwrap_or_default();
    let s3 = if recordings.starts_with("s3://") { s3_settings() } else { String::new() };
    // JSON strings are YAML strings; nothing in a path can end one.
    format!(
        "\
# Written by `bastion demo` at every start; see config/bastion.example.yaml for every setting.
data_dir: {data_dir}
names: [\"127.0.0.1\", localhost, bastion]
listen: {{ ssh: \"{ssh}\", web: \"{web}\" }}
web: {{ url: \"https://{web}\" }}
identity:
  oidc: {{ issuer: {issuer}, client_id: {client_id} }}
targets:
  - {{ name: {name}, address: \"{address}\", host_keys: [{host_key}] }}
recording:
  storage: {recordings}
{s3}{store}rules: [{rules}]
",
        data_dir = json!(data_dir),
        issuer = json!(issuer.url()),
        client_id = json!(issuer.client_id()),
        name = target::NAME,
        address = target.address(),
        host_key = json!(public_key_line(target.host_key())),
        recordings = json!(recordings),
        rules = json!(rules),
    )
}

/// The settings of the cluster that was added.
fn cluster_yaml(listen: SocketAddr, kubeconfig: &Path) -> String {
    format!(
        "\
kube: {{ url: \"https://{listen}\" }}
clusters:
  - {{ name: {CLUSTER}, kubeconfig: {{ file: {file} }} }}
",
        file = json!(kubeconfig)
    )
}

/// S3 settings from the variables that S3 tools use, for `--recordings s3://…`.
fn s3_settings() -> String {
    let variable = |name: &str| std::env::var(name).ok();
    let mut text = String::from("  s3:\n    region: ");
    text.push_str(&json!(variable("AWS_REGION").unwrap_or_else(|| "us-east-1".into())).to_string());
    if let Some(endpoint) = variable("AWS_ENDPOINT_URL") {
        let plain = endpoint.starts_with("http://");
        text.push_str(&format!("\n    endpoint: {}\n    path_style: true\n    allow_http: {plain}", json!(endpoint)));
    }
    if variable("AWS_ACCESS_KEY_ID").is_some() {
        text.push_str("\n    access_key_id: env:AWS_ACCESS_KEY_ID\n    secret_access_key: env:AWS_SECRET_ACCESS_KEY");
    }
    text.push('\n');
    text
}

//! The `bastion` program under test, as `demo` (nothing else needed) or as `serve` (with real peers).

use std::{
    env, fs,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    api::Api,
    oidc::{Provider, install_crypto},
    patience::{SOON, until},
    peers,
    program::{Program, run},
    s3::{ACCESS_KEY, BUCKET, SECRET_KEY},
    sshd::Sshd,
};

/// Rules under which engineers may do everything on every target, with recording required.
pub fn open_rules() -> Value {
    let capabilities = json!(["shell", "exec", "pty", "sftp"]);
    rules(json!([{ "targets": { "names": ["*"] }, "logins": ["*"], "capabilities": capabilities }]))
}

/// Rules with this list of permissions for engineers; the group `auditor` may look at everything.
pub fn rules(allow: Value) -> Value {
    json!({ "roles": {
        "engineer": { "groups": ["engineering"], "allow": allow },
        "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
    } })
}

/// The folder of a PostgreSQL server's socket, set by `make postgres`: each bastion that names no store gets a database.
const POSTGRES_VARIABLE: &str = "BASTION_TEST_POSTGRES";

/// The name of the file with the store's URL, where it is one of these.
const STORE: &str = "store.url";

/// The name of the file with the cluster of `demo`.
const KUBECONFIG: &str = "cluster.kubeconfig";

/// What a bastion is to be like; start it with [`Self::start`].
pub struct Settings {
    provider: Option<String>,
    targets: Vec<Value>,
    /// JSON is YAML, too; a string is the text of the file.
    rules: Value,
    bucket: Option<SocketAddr>,
    kubeconfig: Option<PathBuf>,
    listen: Value,
    log: Option<OwnedFd>,
    data: Option<PathBuf>,
    more: Vec<(&'static str, Value)>,
}

impl Settings {
    /// `bastion demo`: its own issuer, a folder for recordings, and its own target `demo`.
    pub fn demo() -> Self {
        Self {
            provider: None,
            targets: Vec::new(),
            rules: open_rules(),
            bucket: None,
            kubeconfig: None,
            listen: Value::Null,
            log: None,
            data: None,
            more: Vec::new(),
        }
    }

    /// `bastion serve` with this provider.
    pub fn serve(provider: &Provider) -> Self {
        Self { provider: Some(provider.issuer().to_owned()), ..Self::demo() }
    }

    /// `bastion serve` before whose door nobody can log in: its provider does not answer.
    pub fn serve_without_issuer() -> Self {
        Self { provider: Some("http://127.0.0.1:9".to_owned()), ..Self::demo() }
    }

    /// Adds a target.
    #[must_use]
    pub fn target(mut self, target: Value) -> Self {
        self.targets.push(target);
        self
    }

    /// Adds the cluster of this kubeconfig, under the name `demo-cluster`.
    #[must_use]
    pub fn cluster(mut self, kubeconfig: &Path) -> Self {
        self.kubeconfig = Some(kubeconfig.to_owned());
        self
    }

    /// Replaces [`open_rules`].
    #[must_use]
    pub fn rules(mut self, rules: Value) -> Self {
        self.rules = rules;
        self
    }

    /// Replaces [`open_rules`] by the text of a `rules.yaml`.
    #[must_use]
    pub fn rules_text(mut self, text: String) -> Self {
        self.rules = Value::String(text);
        self
    }

    /// Records into the bucket of the S3 server at this address (`serve` only).
    #[must_use]
    pub fn bucket(mut self, server: SocketAddr) -> Self {
        self.bucket = Some(server);
        self
    }

    /// Sets a key at the top of `bastion.yaml`, or keys below it (`serve` only).
    #[must_use]
    pub fn with(mut self, key: &'static str, value: Value) -> Self {
        self.more.push((key, value));
        self
    }

    /// Adds or replaces settings below `listen` (`serve` only).
    #[must_use]
    pub fn listen(mut self, settings: Value) -> Self {
        self.listen = settings;
        self
    }

    /// The log goes here, and not to a file.
    #[must_use]
    pub fn log_into(mut self, pipe: OwnedFd) -> Self {
        self.log = Some(pipe);
        self
    }

    /// Keeps the data folder here, such as on another disk.
    #[must_use]
    pub fn data_in(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// Starts the bastion in a new folder and waits until it is ready.
    ///
    /// # Errors
    /// Fails with the log when it does not get ready.
    pub async fn start(mut self) -> Result<Bastion> {
        install_crypto();
        let folder = tempfile::tempdir()?;
        if let Some(server) = env::var_os(POSTGRES_VARIABLE)
            && self.more.iter().all(|(key, _)| *key != "store")
        {
            let url = new_database(Path::new(&server)).await?;
            fs::write(folder.path().join(STORE), &url)?;
            self.more.push(("store", json!(url)));
        }
        let rules = match self.rules.as_str() {
            Some(text) => text.to_owned(),
            None => serde_json::to_string_pretty(&self.rules)?,
        };
        fs::write(folder.path().join("rules.yaml"), rules)?;
        fs::write(folder.path().join("targets.yaml"), serde_json::to_string_pretty(&self.targets)?)?;
        if let Some(data) = &self.data {
            std::os::unix::fs::symlink(data, folder.path().join("data"))?;
        }
        if let Some(kubeconfig) = &self.kubeconfig {
            fs::copy(kubeconfig, folder.path().join(KUBECONFIG))?;
        }
        let serve = match &self.provider {
            Some(issuer) => Some(self.write_configuration(issuer, folder.path())?),
            None => None,
        };
        let (program, addresses) = launch(folder.path(), serve.as_ref(), self.log.map(Stdio::from)).await?;
        Ok(Bastion { program, addresses, serve, folder })
    }

    /// Writes `bastion.yaml` (JSON is YAML) and returns where the bastion will listen.
    fn write_configuration(&self, issuer: &str, folder: &Path) -> Result<Addresses> {
        let addresses = Addresses {
            ssh: SocketAddr::from(([127, 0, 0, 1], peers::free_port()?)),
            url: format!("https://127.0.0.1:{}", peers::free_port()?),
            data: folder.join("data"),
            keys: match self.more.iter().find(|(key, _)| *key == "keys_dir").and_then(|(_, keys)| keys.as_str()) {
                Some(keys) => keys.into(),
                None => folder.join("data"),
            },
            recordings: folder.join("recordings"),
        };
        let recording = match self.bucket {
            Some(server) => json!({
                "storage": format!("s3://{BUCKET}"),
                "s3": {
                    "endpoint": format!("http://{server}"),
                    "region": "us-east-1",
                    "access_key_id": "env:TEST_ACCESS_KEY",
                    "secret_access_key": "env:TEST_SECRET_KEY",
                    "path_style": true,
                    "allow_http": true,
                },
            }),
            None => json!({ "storage": format!("file://{}", addresses.recordings.display()) }),
        };
        fs::create_dir_all(&addresses.recordings)?;
        let cluster = json!({ "name": "demo-cluster", "kubeconfig": { "file": KUBECONFIG } });
        let clusters = self.kubeconfig.iter().map(|_| &cluster);
        let mut configuration = json!({
            "data_dir": addresses.data,
            "names": ["127.0.0.1"],
            "listen": {
                "ssh": addresses.ssh.to_string(),
                "web": addresses.url.trim_start_matches("https://"),
                "kube": format!("127.0.0.1:{}", peers::free_port()?),
            },
            "clusters": clusters.collect::<Vec<_>>(),
            "web": { "url": addresses.url },
            "identity": { "oidc": { "issuer": issuer, "client_id": "bastion" } },
            "targets": self.targets,
            "recording": recording,
            "rules": ["rules.yaml"],
        });
        if let (Some(listen), Some(more)) =
            (configuration.get_mut("listen").and_then(Value::as_object_mut), self.listen.as_object())
        {
            listen.extend(more.clone());
        }
        for (key, value) in &self.more {
            let configuration = configuration.as_object_mut().context("an object")?;
            match (configuration.get_mut(*key), value.as_object()) {
                (Some(Value::Object(set)), Some(more)) => set.extend(more.clone()),
                _ => drop(configuration.insert((*key).to_owned(), value.clone())),
            }
        }
        fs::write(folder.join("bastion.yaml"), serde_json::to_string_pretty(&configuration)?)?;
        Ok(addresses)
    }
}

/// Where a running bastion is reached, and where it keeps its files.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The SSH front.
    pub ssh: SocketAddr,
    /// The console and the API.
    pub url: String,
    /// The data folder.
    pub data: PathBuf,
    /// The folder of the keys.
    pub keys: PathBuf,
    /// The folder of recordings, unless they go to a bucket.
    pub recordings: PathBuf,
}

/// A running bastion; it is killed with this value.
pub struct Bastion {
    program: Program,
    addresses: Addresses,
    /// Where `serve` listens; `demo` chooses and prints its addresses at each start.
    serve: Option<Addresses>,
    folder: TempDir,
}

impl Bastion {
    /// The SSH front's address.
    pub fn ssh(&self) -> SocketAddr {
        self.addresses.ssh
    }

    /// The URL of console and API.
    pub fn url(&self) -> &str {
        &self.addresses.url
    }

    /// The CA of the web front's certificate.
    pub fn ca(&self) -> PathBuf {
        self.addresses.keys.join("tls-ca.pem")
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.addresses.data
    }

    /// The folder of recordings, unless they go to a bucket.
    pub fn recordings(&self) -> &Path {
        &self.addresses.recordings
    }

    /// The file with the rules.
    pub fn rules_file(&self) -> PathBuf {
        self.folder.path().join("rules.yaml")
    }

    /// Memory, CPU time and log of the process.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Makes `sshd` accept the bastion's certificates.
    ///
    /// # Errors
    /// Fails when the bastion has not written the CA's public key.
    pub fn open(&self, sshd: &Sshd) -> Result<()> {
        sshd.trust(&self.addresses.keys.join("ssh-target-ca.pub"))
    }

    /// The API as `user`, logged in at the issuer that is built into `demo`.
    ///
    /// # Errors
    /// Fails when the login does.
    pub async fn api(&self, user: &str) -> Result<Api> {
        Api::log_in(self, user).await
    }

    /// Sends SIGKILL.
    ///
    /// # Errors
    /// Fails when the process cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.program.kill().await
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// Fails when it goes on for longer than `limit`.
    pub async fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.program.terminate(limit).await
    }

    /// Waits for its end after a signal.
    ///
    /// # Errors
    /// Fails when it goes on for longer than `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.program.ended(limit).await
    }

    /// Starts it again after its end, with the same files. The addresses of `demo` change.
    ///
    /// # Errors
    /// Fails with the log when it does not get ready.
    pub async fn restart(&mut self) -> Result<()> {
        (self.program, self.addresses) = launch(self.folder.path(), self.serve.as_ref(), None).await?;
        Ok(())
    }
}

/// The URL of a database that is made now.
async fn new_database(server: &Path) -> Result<String> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("bastion_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut psql = Command::new("psql");
    psql.arg("-h").arg(server).args(["-U", "postgres", "-c", &format!("CREATE DATABASE {name}")]);
    run(psql, b"", SOON).await?.ok().context("a new database")?;
    Ok(format!("postgres://postgres@localhost:5432/{name}?host={}", server.display()))
}

async fn launch(folder: &Path, serve: Option<&Addresses>, log: Option<Stdio>) -> Result<(Program, Addresses)> {
    let mut command = Command::new(peers::bastion()?);
    command.env_remove("SSH_AUTH_SOCK").env("HOME", folder);
    match serve {
        None => launch_demo(command, folder, log).await,
        Some(addresses) => launch_serve(command, folder, addresses, log).await,
    }
}

async fn launch_demo(mut command: Command, folder: &Path, log: Option<Stdio>) -> Result<(Program, Addresses)> {
    command.args(["demo", "--json", "--ssh-listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(folder.join("data")).arg("--rules").arg(folder.join("rules.yaml"));
    command.arg("--targets").arg(folder.join("targets.yaml"));
    if let Ok(store) = fs::read_to_string(folder.join(STORE)) {
        command.args(["--store", &store]);
    }
    if folder.join(KUBECONFIG).exists() {
        command.args(["--kube-listen", "127.0.0.1:0", "--kubeconfig"]).arg(folder.join(KUBECONFIG));
    }
    let mut program = Program::start_logging("bastion", command, folder, log)?;
    let line = program.line(SOON).await?;
    let ready: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
    let text = |pointer: &str| ready.pointer(pointer).and_then(Value::as_str).context(format!("{pointer} of {line}"));
    let port = ready.pointer("/ssh/port").and_then(Value::as_u64).context("the SSH port")?;
    let addresses = Addresses {
        ssh: SocketAddr::new(text("/ssh/host")?.parse()?, u16::try_from(port)?),
        url: text("/web/url")?.to_owned(),
        data: text("/data_dir")?.into(),
        keys: text("/data_dir")?.into(),
        recordings: text("/recordings")?.into(),
    };
    Ok((program, addresses))
}

async fn launch_serve(
    mut command: Command,
    folder: &Path,
    addresses: &Addresses,
    log: Option<Stdio>,
) -> Result<(Program, Addresses)> {
    command.args(["serve", "--config"]).arg(folder.join("bastion.yaml"));
    command.env("TEST_ACCESS_KEY", ACCESS_KEY).env("TEST_SECRET_KEY", SECRET_KEY);
    let mut program = Program::start_logging("bastion", command, folder, log)?;
    let ca = addresses.keys.join("tls-ca.pem");
    let ready = format!("{}/readyz", addresses.url);
    until("the bastion is ready", SOON, async || {
        program.ensure_running()?;
        let Ok(ca) = fs::read(&ca) else { return Ok(None) };
        let Ok(http) = Api::http(&ca) else { return Ok(None) };
        let answer = http.get(&ready).send().await;
        Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
    })
    .await
    .with_context(|| program.log())?;
    Ok((program, addresses.clone()))
}

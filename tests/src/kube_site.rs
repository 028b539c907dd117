//! A bastion before a real cluster, and `kubectl` of somebody who is logged in there.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    bastion::{Bastion, Settings},
    cluster::{self, Cluster, Objects},
    patience::SOON,
    peers,
    person::Person,
    program::{Outcome, Program, run},
    terminal::{Screen, Terminal},
};

/// Long enough for a hundred megabytes on a busy machine.
pub const COMMAND_LIMIT: Duration = Duration::from_mins(3);

/// How a kubectl reaches the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kubectl {
    /// The cluster's own version, over WebSocket.
    Cluster,
    /// The same, over SPDY.
    ClusterSpdy,
    /// The machine's own, over WebSocket.
    Machine,
    /// The same, over SPDY.
    MachineSpdy,
}

impl Kubectl {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cluster, Self::ClusterSpdy, Self::Machine, Self::MachineSpdy];
}

/// Rules under which engineers may do everything with the demo's cluster as `groups`, with these rules on commands
/// and requests.
pub fn rules(groups: &[&str], rules: &Value) -> Value {
    let capabilities = ["api", "exec", "attach", "port-forward"];
    json!({
        "roles": {
            "engineer": { "groups": ["engineering"], "allow": [
                { "clusters": { "names": ["demo-cluster"] }, "groups": groups, "capabilities": capabilities },
            ] },
            "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
        },
        "rules": rules,
    })
}

/// Counts what the sites of this process make for themselves.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// Lets the group `engineering` do everything in the cluster, until the value is dropped. Each site has a binding of
/// its own, so that none takes away another's.
async fn grant(cluster: &Cluster) -> Result<Objects> {
    let name = format!("bastion-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let objects = cluster.objects(&[&format!("clusterrolebinding/{name}")]).await?;
    let mut grant = cluster.kubectl(cluster.kubeconfig()).await?;
    grant.args(["create", "clusterrolebinding", &name, "--clusterrole=cluster-admin", "--group=engineering"]);
    run(grant, b"", SOON).await?.ok()?;
    Ok(objects)
}

/// Whether the last thing on the screen is the prompt of root's `ash`.
pub fn prompts(screen: &Screen) -> bool {
    screen.lines().iter().rev().find(|line| !line.trim().is_empty()).is_some_and(|line| line.trim_end().ends_with('#'))
}

/// A running `kubectl port-forward`.
pub struct PortForward {
    /// What it says is its log.
    pub kubectl: Program,
    /// The port on this machine.
    pub port: u16,
    _folder: TempDir,
}

/// A bastion before a cluster, and alice.
pub struct KubeSite {
    /// The bastion.
    pub bastion: Bastion,
    /// She is logged in, and kubectl is set up.
    pub alice: Person,
    /// What the test made in the cluster.
    objects: Mutex<Vec<Objects>>,
}

impl KubeSite {
    /// Starts a bastion with these rules before the shared cluster, where the group `engineering` may do everything.
    ///
    /// # Errors
    /// Fails when a part does not start.
    pub async fn start(rules: Value) -> Result<Self> {
        let cluster = Cluster::shared().await?;
        let binding = grant(cluster).await?;
        let site = Self::before(cluster.kubeconfig(), rules).await?;
        site.keep(binding);
        Ok(site)
    }

    /// Starts a bastion with these rules before the cluster of a kubeconfig.
    ///
    /// # Errors
    /// Fails when a part does not start.
    pub async fn before(kubeconfig: &Path, rules: Value) -> Result<Self> {
        let bastion = Settings::demo().cluster(kubeconfig).rules(rules).start().await?;
        let alice = Person::log_in(&bastion, "alice").await?;
        Self::of(bastion, alice).await
    }

    /// A bastion that runs before the shared cluster as an operator runs it, with these settings besides, and alice,
    /// who is logged in at the provider.
    ///
    /// # Errors
    /// Fails when a part does not start.
    pub async fn serving(settings: Settings) -> Result<Self> {
        let cluster = Cluster::shared().await?;
        let binding = grant(cluster).await?;
        let settings = settings.cluster(cluster.kubeconfig()).rules(rules(&["engineering"], &json!([])));
        let bastion = settings.start().await?;
        let alice = Person::log_in_with_browser(&bastion, "alice").await?;
        let site = Self::of(bastion, alice).await?;
        site.keep(binding);
        Ok(site)
    }

    async fn of(bastion: Bastion, alice: Person) -> Result<Self> {
        let written = alice.run_bastion(&["kubeconfig", "demo-cluster"]).await?.ok()?;
        let site = Self { bastion, alice, objects: Mutex::default() };
        fs::write(site.kubeconfig(), written.stdout)?;
        Ok(site)
    }

    /// Starts a pod that sleeps in the shared cluster; it goes with the site.
    ///
    /// # Errors
    /// Fails when it does not run soon.
    pub async fn pod(&self, name: &str) -> Result<()> {
        let pod = Cluster::shared().await?.pod(name).await?;
        self.keep(pod);
        Ok(())
    }

    /// Names objects that the test is going to make in the shared cluster, as `KIND/NAME`; they go with the site.
    ///
    /// # Errors
    /// Fails when those of an earlier run cannot be removed.
    pub async fn makes(&self, names: &[&str]) -> Result<()> {
        let objects = Cluster::shared().await?.objects(names).await?;
        self.keep(objects);
        Ok(())
    }

    fn keep(&self, objects: Objects) {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).push(objects);
    }

    /// Alice's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.alice.home().join("kubeconfig")
    }

    /// A kubectl of hers.
    ///
    /// # Errors
    /// Fails when there is none.
    pub async fn kubectl(&self, kubectl: Kubectl, arguments: &[&str]) -> Result<Command> {
        let mut command = match kubectl {
            Kubectl::Cluster | Kubectl::ClusterSpdy => cluster::kubectl().await?,
            Kubectl::Machine | Kubectl::MachineSpdy => Command::new(peers::find(&["kubectl"], "install kubectl")?),
        };
        command.arg("--kubeconfig").arg(self.kubeconfig());
        let websockets = matches!(kubectl, Kubectl::Cluster | Kubectl::Machine).to_string();
        command.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", &websockets);
        command.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", &websockets);
        self.surround(&mut command)?;
        command.args(arguments);
        Ok(command)
    }

    /// Runs the cluster's kubectl to its end.
    ///
    /// # Errors
    /// Fails when it cannot be started or does not end.
    pub async fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        self.run_with(Kubectl::Cluster, arguments, b"").await
    }

    /// Runs a kubectl to its end, with `input` as standard input.
    ///
    /// # Errors
    /// Fails when it cannot be started or does not end.
    pub async fn run_with(&self, kubectl: Kubectl, arguments: &[&str], input: &[u8]) -> Result<Outcome> {
        run(self.kubectl(kubectl, arguments).await?, input, COMMAND_LIMIT).await
    }

    /// Starts a kubectl of hers in a terminal of 100 × 30.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub async fn terminal(&self, kubectl: Kubectl, arguments: &[&str]) -> Result<Terminal> {
        let command = self.kubectl(kubectl, arguments).await?;
        let command = command.as_std();
        let mut program = pty_process::Command::new(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            program = match value {
                Some(value) => program.env(name, value),
                None => program.env_remove(name),
            };
        }
        Terminal::start(program.env("TERM", "xterm"), 100, 30)
    }

    /// Starts a `kubectl port-forward` of hers to a port of a pod, and waits until it listens.
    ///
    /// # Errors
    /// Fails when it ends instead.
    pub async fn port_forward(&self, kubectl: Kubectl, pod: &str, port: u16) -> Result<PortForward> {
        let command = self.kubectl(kubectl, &["port-forward", pod, &format!(":{port}")]).await?;
        let folder = tempfile::tempdir()?;
        let mut kubectl = Program::start("port-forward", command, folder.path())?;
        let line = kubectl.line(SOON).await?;
        let port = line.strip_prefix("Forwarding from 127.0.0.1:").and_then(|rest| rest.split(' ').next());
        let port = port.with_context(|| line.clone())?.parse()?;
        Ok(PortForward { kubectl, port, _folder: folder })
    }

    /// The credential plugin is found by its name, and kubectl's caches are alice's own.
    ///
    /// # Errors
    /// Fails when the program is not built.
    pub fn surround(&self, command: &mut Command) -> Result<()> {
        let bastion = peers::bastion()?;
        let folder = bastion.parent().context("a program in a folder")?;
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", folder.display()));
        command.env("HOME", self.alice.home()).env("BASTION_HOME", self.alice.home());
        Ok(())
    }

    /// The folder of a session's recording, once the whole of it is there.
    ///
    /// # Errors
    /// Fails when the storage cannot be read.
    pub fn stored(&self, session: &str) -> Result<Option<PathBuf>> {
        let mut folders = vec![self.bastion.recordings().to_owned()];
        while let Some(folder) = folders.pop() {
            if folder.ends_with(session) && folder.join("session.cast").is_file() {
                return Ok(Some(folder));
            }
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                folders.extend(path.is_dir().then_some(path));
            }
        }
        Ok(None)
    }

    /// The audit events of a kind, oldest first, once there are `count` of them.
    ///
    /// # Errors
    /// Fails when they do not come soon.
    pub async fn events(&self, kind: &str, count: usize) -> Result<Vec<Value>> {
        let carol = self.bastion.api("carol").await?;
        crate::patience::until(&format!("{count} events {kind}"), SOON, async || {
            let events = carol.items(&format!("/audit?kind={kind}")).await?;
            Ok((events.len() >= count).then_some(events))
        })
        .await
    }
}

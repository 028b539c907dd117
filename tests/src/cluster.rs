//! A real Kubernetes cluster, one for all tests of a process: `tests/cluster/cluster run`, or the one that
//! `BASTION_E2E_KUBECONFIG` points to.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::{process::Command, sync::OnceCell};

use crate::{
    patience::SOON,
    peers,
    program::{Program, run},
};

/// The variable with the kubeconfig of a cluster that is used in place of ours.
pub const KUBECONFIG_VARIABLE: &str = "BASTION_E2E_KUBECONFIG";

/// The image that every node of our cluster has; it is never pulled.
pub const IMAGE: &str = "test.local/busybox:1";

/// How long a start may take on a busy machine. It takes ten seconds on one that is not.
const START: Duration = Duration::from_mins(5);

static SHARED: OnceCell<Cluster> = OnceCell::const_new();

/// A running cluster.
pub struct Cluster {
    kubeconfig: PathBuf,
    /// `None` for a cluster of others.
    own: Option<Own>,
}

struct Own {
    folder: PathBuf,
    /// The script stops the cluster when its standard input ends, which is when this process does.
    _program: Program,
    _log: TempDir,
}

impl Cluster {
    /// The cluster of this process; the first test that asks starts it.
    ///
    /// # Errors
    /// Fails when it does not start; says what is missing.
    pub async fn shared() -> Result<&'static Self> {
        SHARED.get_or_try_init(Self::start).await
    }

    async fn start() -> Result<Self> {
        if let Some(kubeconfig) = env::var_os(KUBECONFIG_VARIABLE) {
            return Ok(Self { kubeconfig: kubeconfig.into(), own: None });
        }
        let log = tempfile::tempdir()?;
        // The script removes it, and statics are never dropped.
        let folder = env::temp_dir().join(format!("bastion-cluster-{}", std::process::id()));
        let mut command = Command::new(script());
        command.arg("run").arg(&folder);
        let mut program = Program::start("cluster", command, log.path())?;
        let kubeconfig = program.line(START).await.context("`make setup` builds the cluster's programs")?;
        Ok(Self { kubeconfig: kubeconfig.into(), own: Some(Own { folder, _program: program, _log: log }) })
    }

    /// The kubeconfig of an administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's audit log, one event a line; only of our own cluster.
    pub fn audit_log(&self) -> Option<PathBuf> {
        self.own.as_ref().map(|own| own.folder.join("log/audit"))
    }

    /// The kubeconfig of somebody whom the cluster itself knows; only of our own cluster.
    ///
    /// # Errors
    /// Fails when the certificate cannot be made.
    pub async fn user(&self, name: &str, group: &str) -> Result<PathBuf> {
        let own = self.own.as_ref().context("the cluster is not ours")?;
        let mut command = Command::new(script());
        command.arg("user").arg(&own.folder).args([name, group]);
        Ok(run(command, b"", SOON).await?.ok()?.text().trim().into())
    }

    /// kubectl as the one of this kubeconfig.
    ///
    /// # Errors
    /// Fails when there is none.
    pub async fn kubectl(&self, kubeconfig: &Path) -> Result<Command> {
        let mut kubectl = kubectl().await?;
        kubectl.arg("--kubeconfig").arg(kubeconfig);
        Ok(kubectl)
    }

    /// Names objects that a test is going to make, as `KIND/NAME`. What is left of an earlier run is removed.
    ///
    /// # Errors
    /// Fails when it cannot be removed.
    pub async fn objects(&self, names: &[&str]) -> Result<Objects> {
        let objects =
            Objects { kubeconfig: self.kubeconfig.clone(), names: names.iter().map(|&name| name.into()).collect() };
        if self.own.is_none() {
            let mut remove = self.kubectl(&self.kubeconfig).await?;
            remove.args(objects.removal()).arg("--wait");
            run(remove, b"", START).await?.ok()?;
        }
        Ok(objects)
    }

    /// Starts a pod that sleeps, and waits until it runs. The pod goes with the value.
    ///
    /// # Errors
    /// Fails when it does not run soon.
    pub async fn pod(&self, name: &str) -> Result<Objects> {
        self.pod_that(name, &["sleep", "infinity"]).await
    }

    /// Starts a pod that does this, and waits until it runs. The pod goes with the value.
    ///
    /// # Errors
    /// Fails when it does not run soon.
    pub async fn pod_that(&self, name: &str, command: &[&str]) -> Result<Objects> {
        let objects = self.objects(&[&format!("pod/{name}")]).await?;
        let mut start = self.kubectl(&self.kubeconfig).await?;
        start.args(["run", name, "--image", IMAGE, "--image-pull-policy=Never", "--"]).args(command);
        run(start, b"", SOON).await?.ok()?;
        let mut wait = self.kubectl(&self.kubeconfig).await?;
        wait.args(["wait", "--for=condition=Ready", &format!("pod/{name}"), "--timeout=120s"]);
        let waited = run(wait, b"", START).await?;
        ensure!(waited.code == 0, "the pod {name} does not run");
        Ok(objects)
    }
}

/// Objects that a test makes: they are removed with this value, so that the next run finds the cluster as it was.
pub struct Objects {
    kubeconfig: PathBuf,
    names: Vec<String>,
}

impl Objects {
    /// The arguments of kubectl. A program that is process 1 of a container takes no notice of a polite request.
    fn removal(&self) -> Vec<&str> {
        let options = ["delete", "--ignore-not-found", "--force", "--grace-period=0"];
        options.into_iter().chain(self.names.iter().map(String::as_str)).collect()
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        if self.names.is_empty() {
            return;
        }
        let remove = || {
            let mut kubectl = std::process::Command::new(peers::find(&["kubectl"], "install kubectl").ok()?);
            kubectl.arg("--kubeconfig").arg(&self.kubeconfig).args(self.removal()).arg("--wait=false");
            kubectl.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()
        };
        if remove().is_none() {
            eprintln!("these were not removed: {}", self.names.join(" "));
        }
    }
}

/// kubectl of our cluster's version; the machine's own where that is not built.
///
/// # Errors
/// Fails when there is none.
pub async fn kubectl() -> Result<Command> {
    let mut script = Command::new(script());
    script.arg("program");
    let program = PathBuf::from(run(script, b"", SOON).await?.ok()?.text().trim());
    if !program.is_file() {
        return Ok(Command::new(peers::find(&["kubectl"], "install kubectl")?));
    }
    let mut kubectl = Command::new(program);
    kubectl.arg("kubectl");
    Ok(kubectl)
}

fn script() -> PathBuf {
    peers::tests_folder().join("cluster/cluster")
}

//! The same over Kubernetes: stock kubectl straight to a real cluster, and through the bastion, in turn.
//!
//! Straight to the cluster goes its administrator with a client certificate; through the bastion goes alice, whose
//! kubectl calls the credential plugin each time. Without a cluster the rows are left out, and the reason is said.

use std::{collections::BTreeMap, fs, process::Stdio, time::Instant};

use anyhow::{Context, Result, ensure};
use pty_process::Size;
use serde_json::{Value, json};
use tests::{
    cluster::Cluster,
    kube_site::{KubeSite, Kubectl, rules},
    patience::{SOON, within},
    program::run,
};
use tokio::{io::AsyncReadExt, process::Command};

use crate::measure::{LIMIT, echoes, percentile, verdict};

/// The pod in which everything runs.
const POD: &str = "bench";

/// Requests of one repetition.
const REQUESTS: usize = 10;

const COPY: &str = "kubectl cp from a pod, MiB/s";
const ECHO_P50: &str = "kubectl exec -it echo p50, ms";
const ECHO_P99: &str = "kubectl exec -it echo p99, ms";
const GET: &str = "kubectl get pod, ms";

/// One way to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KubeWay {
    /// Straight to its API server.
    Direct,
    /// Through the bastion.
    Bastion,
}

impl KubeWay {
    /// Both, in the order in which they are measured.
    pub(crate) const ALL: [Self; 2] = [Self::Direct, Self::Bastion];

    fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Bastion => "bastion",
        }
    }
}

/// All measured values, by figure and way.
#[derive(Default)]
pub(crate) struct KubeFigures {
    values: BTreeMap<(&'static str, KubeWay), Vec<f64>>,
}

/// A cluster with a pod, and a bastion before it.
///
/// # Errors
/// Fails when the cluster does not start: then the rows are left out.
pub(crate) async fn start(mib: u64) -> Result<KubeSite> {
    let site = KubeSite::start(rules(&["engineering"], &json!([]))).await?;
    site.pod(POD).await?;
    let size = format!("dd if=/dev/zero of=/tmp/bulk bs=1M count={mib}");
    let made = run(kubectl(&site, KubeWay::Direct, &["exec", POD, "--", "sh", "-c", &size]).await?, b"", LIMIT).await?;
    ensure!(made.code == 0, "the file to copy was not made: {}", made.stderr);
    Ok(site)
}

async fn kubectl(site: &KubeSite, way: KubeWay, arguments: &[&str]) -> Result<Command> {
    match way {
        KubeWay::Bastion => site.kubectl(Kubectl::Cluster, arguments).await,
        KubeWay::Direct => {
            let cluster = Cluster::shared().await?;
            let mut command = cluster.kubectl(cluster.kubeconfig()).await?;
            // kubectl's caches are in it, on either way.
            command.env("HOME", site.alice.home()).args(arguments);
            Ok(command)
        }
    }
}

impl KubeFigures {
    /// One repetition of everything on one way.
    pub(crate) async fn measure(&mut self, site: &KubeSite, way: KubeWay, mib: u64) -> Result<()> {
        // The first one fills kubectl's caches and the plugin's.
        get(site, way).await?;
        for _ in 0..REQUESTS {
            let milliseconds = get(site, way).await?;
            self.add(GET, way, milliseconds);
        }
        let mut echoes = keystrokes(site, way).await?;
        self.add(ECHO_P50, way, percentile(&mut echoes, 0.5));
        self.add(ECHO_P99, way, percentile(&mut echoes, 0.99));
        self.add(COPY, way, mib as f64 / copy(site, way, mib).await?);
        Ok(())
    }

    fn add(&mut self, figure: &'static str, way: KubeWay, value: f64) {
        self.values.entry((figure, way)).or_default().push(value);
    }

    fn median(&self, figure: &'static str, way: KubeWay) -> Option<f64> {
        let mut values = self.values.get(&(figure, way))?.clone();
        Some(percentile(&mut values, 0.5))
    }

    /// Rows of the table: medians, and how the bastion's compares.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let medians = |figure| self.median(figure, KubeWay::Direct).zip(self.median(figure, KubeWay::Bastion));
        let row = |figure, reach: &str, reached: &dyn Fn(f64, f64) -> String| {
            let (direct, bastion) = medians(figure)?;
            let reached = reached(direct, bastion);
            Some(json!({ "name": figure, "direct": direct, "bastion": bastion, "reach": reach, "reached": reached }))
        };
        let rows = [
            row(GET, "none set: ratio", &|direct, bastion| format!("{:.2}", bastion / direct)),
            row(ECHO_P50, "<= direct + 0.25 ms", &|direct, bastion| {
                verdict(bastion - direct, bastion - direct <= 0.25)
            }),
            row(ECHO_P99, "none set: ratio", &|direct, bastion| format!("{:.2}", bastion / direct)),
            row(COPY, ">= 0.8x direct", &|direct, bastion| verdict(bastion / direct, bastion / direct >= 0.8)),
        ];
        rows.into_iter().flatten().collect()
    }

    /// Every value, by figure and way.
    pub(crate) fn samples(&self) -> impl Iterator<Item = (String, Value)> {
        self.values.iter().map(|((figure, way), values)| (format!("{figure}, {}", way.name()), json!(values)))
    }
}

/// Milliseconds of `kubectl get`.
async fn get(site: &KubeSite, way: KubeWay) -> Result<f64> {
    let mut command = kubectl(site, way, &["get", "pod", POD, "-o", "name"]).await?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let began = Instant::now();
    let status = within("a request", SOON, async { Ok(command.status().await?) }).await?;
    ensure!(status.success(), "kubectl get on way {} ended with {status}", way.name());
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

/// Milliseconds from a key in kubectl's terminal to its echo by the terminal in the pod.
async fn keystrokes(site: &KubeSite, way: KubeWay) -> Result<Vec<f64>> {
    let echo = "stty -opost -icanon echo; printf ready; exec cat >/dev/null";
    let command = kubectl(site, way, &["exec", "-it", POD, "--", "sh", "-c", echo]).await?;
    let (pty, pts) = pty_process::open()?;
    pty.resize(Size::new(24, 80))?;
    let mut program = pty_process::Command::new(command.as_std().get_program());
    program = program.args(command.as_std().get_args()).kill_on_drop(true);
    for (name, value) in command.as_std().get_envs() {
        program = match value {
            Some(value) => program.env(name, value),
            None => program.env_remove(name),
        };
    }
    let _running = program.env("TERM", "xterm").spawn(pts).context("starting kubectl in a terminal")?;
    let (mut output, mut input) = pty.into_split();
    within("the keystrokes", LIMIT, async {
        let mut shown = Vec::new();
        while !shown.ends_with(b"ready") {
            shown.push(output.read_u8().await.with_context(|| String::from_utf8_lossy(&shown).into_owned())?);
        }
        echoes(&mut input, &mut output).await
    })
    .await
}

/// Seconds of `kubectl cp`; checks that all bytes came.
async fn copy(site: &KubeSite, way: KubeWay, mib: u64) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bulk");
    let (from, to) = (format!("default/{POD}:/tmp/bulk"), file.display().to_string());
    let command = kubectl(site, way, &["cp", &from, &to]).await?;
    let began = Instant::now();
    let copied = run(command, b"", LIMIT).await?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(copied.code == 0, "kubectl cp on way {}: {}", way.name(), copied.stderr);
    let bytes = fs::metadata(&file)?.len();
    ensure!(bytes == mib << 20, "{bytes} bytes came on way {}", way.name());
    Ok(seconds)
}

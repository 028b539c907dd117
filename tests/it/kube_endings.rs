//! What runs in a cluster ends with the login and with the right to it, and kubectl says why where it can.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::at,
    cluster::IMAGE,
    kube_site::{KubeSite, Kubectl, PortForward, prompts, rules},
    patience::{SOON, until},
    program::Program,
    terminal::Terminal,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A log that goes on, and a port that says what it is told.
const TICKER: &str = "nc -l -p 7000 -e cat & while echo tick; do sleep 1; done";

/// One of each that lasts.
struct Running {
    shell: Terminal,
    logs: Program,
    watch: Program,
    forward: PortForward,
    connection: TcpStream,
    _logs: tempfile::TempDir,
}

impl Running {
    async fn start(site: &KubeSite, kubectl: Kubectl, pod: &str) -> Result<Self> {
        let shell = site.terminal(kubectl, &["exec", "-it", pod, "--", "sh"]).await?;
        shell.wait_until("the shell prompts", SOON, prompts).await?;
        let folder = tempfile::tempdir()?;
        let follow = site.kubectl(kubectl, &["logs", "-f", pod]).await?;
        let mut logs = Program::start("logs", follow, folder.path())?;
        ensure!(logs.line(SOON).await? == "tick");
        let get = site.kubectl(kubectl, &["get", "pod", pod, "--watch", "--no-headers"]).await?;
        let mut watch = Program::start("watch", get, folder.path())?;
        ensure!(watch.line(SOON).await?.starts_with(pod));
        let forward = site.port_forward(kubectl, &format!("pod/{pod}"), 7000).await?;
        let mut connection = TcpStream::connect(("127.0.0.1", forward.port)).await?;
        connection.write_all(b"hello").await?;
        let mut echo = [0; 5];
        tokio::time::timeout(SOON, connection.read_exact(&mut echo)).await.context("the port does not answer")??;
        site.events("port_opened", 1).await?;
        Ok(Self { shell, logs, watch, forward, connection, _logs: folder })
    }

    /// Waits until all have ended; `why` is in what kubectl says of it.
    async fn ended(mut self, why: &str) -> Result<()> {
        self.shell.wait_for(why, SOON).await?;
        let (code, screen) = self.shell.finish(SOON).await?;
        ensure!(code != 0, "{}", screen.lines().join("\n"));
        let last = last_line(&mut self.logs).await;
        ensure!(last.starts_with("bastion: ") && last.contains(why), "{last:?} {}", self.logs.log());
        let last = last_line(&mut self.watch).await;
        ensure!(last.contains(why), "{last:?} {}", self.watch.log());
        let mut rest = Vec::new();
        let read = tokio::time::timeout(SOON, self.connection.read_to_end(&mut rest)).await;
        ensure!(read.is_ok(), "the connection goes on; so far: {}", String::from_utf8_lossy(&rest));
        let forward = &self.forward.kubectl;
        let told = async || Ok(forward.log().contains(why).then_some(()));
        until("kubectl says why the port is gone", SOON, told).await.with_context(|| forward.log())
    }
}

/// The last line before the end.
async fn last_line(program: &mut Program) -> String {
    let mut last = String::new();
    while let Ok(line) = program.line(SOON).await {
        last = line;
    }
    last
}

async fn site(pod: &str) -> Result<KubeSite> {
    let site = KubeSite::start(rules(&["engineering"], &json!([]))).await?;
    site.makes(&[&format!("pod/{pod}")]).await?;
    let create = ["run", pod, "--image", IMAGE, "--image-pull-policy=Never", "--", "sh", "-c", TICKER];
    site.run(&create).await?.ok()?;
    site.run(&["wait", "--for=condition=Ready", &format!("pod/{pod}"), "--timeout=60s"]).await?.ok()?;
    Ok(site)
}

/// Why the requests and the ports that were ended did so.
async fn written_down(site: &KubeSite, why: &str) -> Result<()> {
    let because = |event: &&Value, field: &str| at(event, field).as_str().is_some_and(|reason| reason.contains(why));
    let carol = site.bastion.api("carol").await?;
    until("three requests and a port have ended", SOON, async || {
        let requests = carol.items("/audit?kind=kube_request").await?;
        let ports = carol.items("/audit?kind=port_closed").await?;
        let requests = requests.iter().filter(|event| because(event, "/ended")).count();
        Ok((requests == 3 && ports.iter().any(|event| because(&event, "/reason"))).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_what_runs() -> Result<()> {
    let site = site("logged-out").await?;
    let running = Running::start(&site, Kubectl::Cluster, "logged-out").await?;
    site.alice.run_bastion(&["logout"]).await?.ok()?;
    running.ended("your login has ended").await?;
    written_down(&site, "your login has ended").await
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_take_the_right_away_end_what_runs() -> Result<()> {
    let site = site("taken-away").await?;
    let running = Running::start(&site, Kubectl::ClusterSpdy, "taken-away").await?;
    let mut fewer = rules(&["engineering"], &json!([]));
    let of_engineers = fewer.pointer_mut("/roles/engineer/allow/0/clusters/names/0").context("the cluster's name")?;
    *of_engineers = json!("another-cluster");
    let file = site.bastion.rules_file();
    fs::write(file.with_extension("new"), fewer.to_string())?;
    fs::rename(file.with_extension("new"), &file)?;
    running.ended("the rules have changed").await?;
    written_down(&site, "the rules have changed").await
}

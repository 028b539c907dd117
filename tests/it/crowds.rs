//! Crowds of connections that say nothing: those who log in are let in meanwhile, at every port.

use std::{net::SocketAddr, time::Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tests::{
    api::text,
    bastion::Settings,
    crowd::Crowd,
    kube_fault::FaultCluster,
    patience::{SOON, until},
    person::Person,
    program::run,
    site::Site,
    sshd::Sshd,
};
use tokio::process::Command;

/// What the issue asks for.
const SIZE: usize = 10_000;

/// Silent connections that one listener holds at most; see `listen.max_unauthenticated`.
const HELD: usize = 1_000;

/// Files that a bastion may open besides those that it has when nobody is there: enough for one session.
const SPARE_FILES: usize = 60;

/// Nobody else's.
const OTHER_ADDRESS: &str = "127.0.0.77";

struct Fronts {
    site: Site,
    web: SocketAddr,
    kube: SocketAddr,
    _cluster: FaultCluster,
}

impl Fronts {
    async fn start() -> Result<Self> {
        let (sshd, cluster, folder) = (Sshd::start().await?, FaultCluster::start().await?, tempfile::tempdir()?);
        let kubeconfig = cluster.kubeconfig(folder.path())?;
        let bastion = Settings::demo().target(sshd.target("target")?).cluster(&kubeconfig).start().await?;
        bastion.open(&sshd)?;
        let alice = Person::log_in(&bastion, "alice").await?;
        let site = Site { sshd, bastion, alice };
        let info = site.api().await?.get("/info").await?.body;
        let kube = text(info.get("kube").context("a Kubernetes front")?, "url")?;
        let address =
            |url: &str| Ok::<_, anyhow::Error>(url.trim_start_matches("https://").trim_end_matches('/').parse()?);
        let (web, kube) = (address(site.bastion.url())?, address(&kube)?);
        Ok(Self { site, web, kube, _cluster: cluster })
    }

    /// Opens the crowd, then lets `enter` in from another address and from one of the crowd's; each in time.
    async fn besiege(&self, front: &str, to: SocketAddr, enter: impl AsyncFn(&str) -> Result<()>) -> Result<()> {
        for sources in [1, 200] {
            let crowd = Crowd::gather(to, sources, SIZE).await?;
            for from in [OTHER_ADDRESS, &Crowd::source(0).to_string()] {
                for _ in 0..3 {
                    let began = Instant::now();
                    enter(from).await.with_context(|| format!("{front}, {sources} sources, from {from}"))?;
                    let took = began.elapsed();
                    eprintln!("{front}, a crowd from {sources} addresses, in from {from}: {took:?}");
                    ensure!(took < SOON, "{front}, {sources} sources, from {from}: {took:?}");
                }
            }
            // Connections are dropped a moment before they are let go.
            ensure!(crowd.held() <= HELD + 200, "{front} holds {}", crowd.held());
            eprintln!("{front}: {} opened, {} held", crowd.opened(), crowd.held());
        }
        Ok(())
    }
}

/// The status that a web server answers with, asked by curl from this address.
async fn curl(url: &str, from: &str) -> Result<String> {
    let mut curl = Command::new("curl");
    curl.args(["-sk", "--interface", from, "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}", url]);
    Ok(run(curl, b"", SOON).await?.ok()?.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_silent_connections_keep_nobody_out_of_ssh() -> Result<()> {
    let fronts = Fronts::start().await?;
    let site = &fronts.site;
    let log_in = async |from: &str| {
        let outcome = site.alice.ssh(&["-b", from, &Site::destination(), "echo in"]).await?.ok()?;
        ensure!(outcome.text() == "in\n", "{outcome:?}");
        Ok(())
    };
    fronts.besiege("ssh", site.bastion.ssh(), log_in).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_silent_connections_keep_nobody_out_of_the_console_and_clusters() -> Result<()> {
    let fronts = Fronts::start().await?;
    let (web, kube) = (format!("https://{}/readyz", fronts.web), format!("https://{}/clusters/x/version", fronts.kube));
    for (front, to, url, status) in [("web", fronts.web, web, "200"), ("kube", fronts.kube, kube, "401")] {
        let ask = async |from: &str| {
            let answer = curl(&url, from).await?;
            ensure!(answer == status, "{url}: {answer}");
            Ok(())
        };
        fronts.besiege(front, to, ask).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_without_file_descriptors_accepts_again_when_there_are_some() -> Result<()> {
    let site = Site::start().await?;
    let program = site.bastion.program();
    let open = std::fs::read_dir(format!("/proc/{}/fd", program.pid()))?.count();
    let most = Some(u64::try_from(open + SPARE_FILES)?);
    let pid = Pid::from_raw(program.pid()).context("a process")?;
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: most, maximum: most })?;
    let crowd = Crowd::gather(site.bastion.ssh(), 200, 3 * SPARE_FILES).await?;
    until("there are no files left", SOON, async || Ok(program.log().contains("listener cannot accept").then_some(())))
        .await?;
    // Some of the crowd wait in the kernel's queue; each is let in at the cost of one that says nothing.
    let made_room = "had not logged in were dropped to make room";
    until("one has made room", SOON, async || Ok(program.log().contains(made_room).then_some(()))).await?;
    drop(crowd);
    until("somebody logs in", SOON, async || {
        let outcome = site.alice.ssh(&[&Site::destination(), "echo in"]).await?;
        Ok((outcome.text() == "in\n").then_some(()))
    })
    .await?;
    ensure!(program.log().contains("listener accepts again"), "it does not say that it does");
    Ok(())
}

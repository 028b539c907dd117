//! Everything at once that strangers and a bad day can do, and what somebody else notices of it.
//!
//! Nobody reads the log from the start. Then, phase by phase, come a crowd of silent connections at every port;
//! refused logins and refused channels; a store that another process locks. Meanwhile somebody types, logs in again
//! and again, and `/readyz` is asked. The phases print what they notice; that all is well afterwards is demanded.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinSet,
    time::{interval, sleep, timeout},
};

use crate::{
    api::{Api, text},
    bastion::Settings,
    crowd::Crowd,
    kube_fault::FaultCluster,
    patience::{SOON, until, within},
    person::Person,
    site::Site,
    sshd::Sshd,
};

/// Addresses that the crowds come from.
const SOURCES: u32 = 200;

/// A fast typist's pause.
const KEY_PAUSE: Duration = Duration::from_millis(20);

/// Between logins, and between questions whether the bastion is ready.
const PAUSE: Duration = Duration::from_millis(250);

/// What the data folder may grow by: lines of the audit log and small recordings.
const MAX_GROWTH: u64 = 64 << 20;

/// What the memory may grow by: buffers of as many connections as may be there without a login at three ports.
const MAX_MEMORY: u64 = 512 << 20;

/// How bad the storm is.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Silent connections at each port.
    pub crowd: usize,
    /// How long each phase lasts.
    pub phase: Duration,
}

/// Who is in the storm.
struct Scene {
    site: Site,
    ports: [SocketAddr; 3],
    api: Api,
    typist: Typist,
    _cluster: FaultCluster,
    _log: std::io::PipeReader,
}

/// Somebody in a terminal that echoes.
struct Typist {
    _ssh: Child,
    input: ChildStdin,
    output: ChildStdout,
}

/// What was noticed in a phase.
#[derive(Default)]
struct Noticed {
    echoes: Vec<f64>,
    logins: Vec<f64>,
    refused: Vec<String>,
    ready: BTreeMap<String, usize>,
}

impl Storm {
    /// Blows, and prints what was noticed.
    ///
    /// # Errors
    /// Fails when somebody's keys are not echoed at all, and when the bastion does not recover or has grown.
    pub async fn blow(self) -> Result<()> {
        let mut scene = Scene::start().await?;
        let memory = scene.memory()?;
        let data = size(scene.site.bastion.data())?;
        let calm = scene.notice("calm", self.phase).await?;

        let mut crowds = Vec::new();
        for port in scene.ports {
            crowds.push(Crowd::gather(port, SOURCES, self.crowd).await?);
        }
        let crowded = scene.notice("crowds", self.phase).await?;
        let mut refusals = scene.refusals()?;
        scene.notice("crowds, refusals", self.phase).await?;
        let lock = Lock::take(&scene.site.bastion.data().join("bastion.db")).await?;
        scene.notice("crowds, refusals, locked store", self.phase).await?;
        lock.release().await?;
        refusals.shutdown().await;
        drop(crowds);

        until("somebody logs in again", SOON, async || Ok(scene.log_in().await.is_ok().then_some(()))).await?;
        until("it is ready again", SOON, async || Ok((scene.ready().await == "200").then_some(()))).await?;
        let after = scene.notice("afterwards", self.phase).await?;
        ensure!(after.refused.is_empty(), "{:?}", after.refused);
        ensure!(crowded.refused.is_empty(), "{:?}", crowded.refused);
        ensure!(calm.ready.keys().chain(after.ready.keys()).all(|status| status == "200"), "not ready in calm weather");
        let (grown, more) =
            (scene.memory()?.saturating_sub(memory), size(scene.site.bastion.data())?.saturating_sub(data));
        eprintln!("storm: {} MiB of memory and {} MiB of disk more than before", grown >> 20, more >> 20);
        ensure!(grown < MAX_MEMORY && more < MAX_GROWTH, "{grown} bytes of memory, {more} bytes of disk");
        Ok(())
    }
}

impl Scene {
    async fn start() -> Result<Self> {
        let (log, writer) = std::io::pipe()?;
        rustix::pipe::fcntl_setpipe_size(&writer, 4096)?;
        let (sshd, cluster, folder) = (Sshd::start().await?, FaultCluster::start().await?, tempfile::tempdir()?);
        let settings = Settings::demo().target(sshd.target("target")?).cluster(&cluster.kubeconfig(folder.path())?);
        let bastion = settings.log_into(OwnedFd::from(writer)).start().await?;
        bastion.open(&sshd)?;
        let alice = Person::log_in(&bastion, "alice").await?;
        let site = Site { sshd, bastion, alice };
        let api = site.api().await?;
        let info = api.get("/info").await?.body;
        let kube = text(info.get("kube").context("a Kubernetes front")?, "url")?;
        let address =
            |url: &str| Ok::<_, anyhow::Error>(url.trim_start_matches("https://").trim_end_matches('/').parse()?);
        let ports = [site.bastion.ssh(), address(site.bastion.url())?, address(&kube)?];
        let typist = Typist::start(&site.alice).await?;
        Ok(Self { site, ports, api, typist, _cluster: cluster, _log: log })
    }

    /// Types, logs in and asks for this long.
    async fn notice(&mut self, phase: &str, length: Duration) -> Result<Noticed> {
        let end = Instant::now() + length;
        let mut noticed = Noticed::default();
        let Noticed { echoes, logins, refused, ready } = &mut noticed;
        let Self { site, api, typist, .. } = self;
        let (site, api) = (&*site, &*api);
        let typing = async {
            let mut keys = interval(KEY_PAUSE);
            while Instant::now() < end {
                keys.tick().await;
                echoes.push(typist.key().await?);
            }
            Ok::<_, anyhow::Error>(())
        };
        let logging_in = async {
            while Instant::now() < end {
                let began = Instant::now();
                match log_in(site).await {
                    Ok(()) => logins.push(began.elapsed().as_secs_f64() * 1000.0),
                    Err(error) => refused.push(format!("{error:#}")),
                }
                sleep(PAUSE).await;
            }
        };
        let asking = async {
            while Instant::now() < end {
                *ready.entry(status(api).await).or_default() += 1;
                sleep(PAUSE).await;
            }
        };
        let (typed, (), ()) = tokio::join!(typing, logging_in, asking);
        typed.with_context(|| format!("{phase}: the keys"))?;
        let memory = self.memory()? >> 20;
        eprintln!(
            "storm: {phase:<32} echo p50 {:.2} p99 {:.2} ms of {}; login p50 {:.0} worst {:.0} ms of {}, {} refused; ready {:?}; {memory} MiB",
            percentile(&mut noticed.echoes, 0.5),
            percentile(&mut noticed.echoes, 0.99),
            noticed.echoes.len(),
            percentile(&mut noticed.logins, 0.5),
            percentile(&mut noticed.logins, 1.0),
            noticed.logins.len(),
            noticed.refused.len(),
            noticed.ready,
        );
        Ok(noticed)
    }

    /// Strangers whose logins are refused, and somebody whose channels are.
    fn refusals(&self) -> Result<JoinSet<()>> {
        let mut refusals = JoinSet::new();
        let ports = self.ports;
        let mut nowhere = self.site.alice.stock("ssh", &["-q", &format!("nobody@{}", "x".repeat(60)), "true"])?;
        nowhere.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        refusals.spawn(async move {
            loop {
                // Refused or not reached: either is well.
                let _status = nowhere.status().await;
                sleep(PAUSE).await;
            }
        });
        refusals.spawn(async move {
            loop {
                let _refused =
                    timeout(SOON, russh::client::connect(std::sync::Arc::default(), ports[0], Stranger)).await;
                sleep(PAUSE).await;
            }
        });
        Ok(refusals)
    }

    async fn log_in(&self) -> Result<()> {
        log_in(&self.site).await
    }

    async fn ready(&self) -> String {
        status(&self.api).await
    }

    fn memory(&self) -> Result<u64> {
        self.site.bastion.program().resident_bytes()
    }
}

/// Somebody who shakes hands and then does not say who they are.
struct Stranger;

impl russh::client::Handler for Stranger {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _key: &russh::keys::PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

impl Typist {
    async fn start(person: &Person) -> Result<Self> {
        let echoing = "stty -opost -icanon echo; printf ready; exec cat >/dev/null";
        let mut ssh = person.stock("ssh", &["-q", "-tt", &Site::destination(), echoing])?;
        let mut ssh = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let (input, output) =
            (ssh.stdin.take().context("standard input")?, ssh.stdout.take().context("standard output")?);
        let mut typist = Self { _ssh: ssh, input, output };
        let mut ready = [0; 5];
        within("a terminal", SOON, async { Ok(typist.output.read_exact(&mut ready).await?) }).await?;
        Ok(typist)
    }

    /// Milliseconds from a key to its echo.
    async fn key(&mut self) -> Result<f64> {
        let began = Instant::now();
        within("an echo", SOON, async {
            self.input.write_all(b"k").await?;
            Ok(self.output.read_u8().await?)
        })
        .await?;
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }
}

/// Another process that locks the database.
struct Lock {
    holder: Child,
}

impl Lock {
    async fn take(database: &Path) -> Result<Self> {
        let program = "import sqlite3, sys\n\
                       store = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
                       store.execute('BEGIN EXCLUSIVE')\n\
                       print('locked', flush=True)\n\
                       sys.stdin.read()";
        let mut python = Command::new("python3");
        python.args(["-c", program]).arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut holder = python.spawn().context("python3")?;
        let mut said = [0; 6];
        let output = holder.stdout.as_mut().context("standard output")?;
        within("the lock", SOON, async { Ok(output.read_exact(&mut said).await?) }).await?;
        Ok(Self { holder })
    }

    async fn release(mut self) -> Result<()> {
        drop(self.holder.stdin.take());
        within("the end of the lock", SOON, async { Ok(self.holder.wait().await.map(drop)?) }).await
    }
}

async fn log_in(site: &Site) -> Result<()> {
    let outcome = site.alice.ssh(&["-o", "ConnectTimeout=20", &Site::destination(), "true"]).await?;
    ensure!(outcome.code == 0, "{}", outcome.stderr);
    Ok(())
}

/// What `/readyz` says.
async fn status(api: &Api) -> String {
    match api.request(Method::GET, "/readyz").timeout(SOON).send().await {
        Ok(answer) => answer.status().as_u16().to_string(),
        Err(_) => "no answer".to_owned(),
    }
}

/// Bytes of all files below.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Files of the database and of the spool come and go.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len().saturating_sub(1)) as f64 * share).round() as usize;
    values.get(index).copied().unwrap_or(f64::NAN)
}

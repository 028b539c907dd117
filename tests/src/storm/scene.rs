//! Who is in the storm, and what they do.

use std::{
    cell::Cell,
    fs,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    noticed::{Noticed, Weather},
    typist::{Typist, Witness},
};
use crate::{
    api::{Api, at, text},
    bastion::Settings,
    kube_fault::FaultCluster,
    patience::SOON,
    person::Person,
    program::Outcome,
    site::Site,
    sshd::Sshd,
    store_fault::{Disk, Full},
};

/// A fast typist's pause.
const KEY_PAUSE: Duration = Duration::from_millis(20);

/// Between logins, and between questions whether the bastion is ready.
const PAUSE: Duration = Duration::from_millis(250);

/// What the recorder leaves free of a disk (`recording.free_space_floor`), and room for a storm.
const DISK_MEBIBYTES: u32 = 512 + 128;

/// Who is in the storm.
pub(super) struct Scene {
    pub(super) site: Site,
    pub(super) bob: Person,
    pub(super) typist: Typist,
    pub(super) witnesses: Vec<u8>,
    /// Sessions that ran as they should.
    pub(super) logins: Cell<usize>,
    ports: [SocketAddr; 3],
    _cluster: FaultCluster,
    _log: std::io::PipeReader,
    /// Under the data folder, and therefore after the bastion.
    disk: Option<Disk>,
}

impl Scene {
    pub(super) async fn start() -> Result<Self> {
        let (log, writer) = std::io::pipe()?;
        rustix::pipe::fcntl_setpipe_size(&writer, 4096)?;
        let (sshd, cluster, folder) = (Sshd::start().await?, FaultCluster::start().await?, tempfile::tempdir()?);
        let mut settings = Settings::demo().target(sshd.target("target")?).cluster(&cluster.kubeconfig(folder.path())?);
        let disk = Disk::mount(DISK_MEBIBYTES).await?;
        if let Some(disk) = &disk {
            let data = disk.path().join("data");
            fs::create_dir(&data)?;
            settings = settings.data_in(&data);
        }
        let bastion = settings.log_into(OwnedFd::from(writer)).start().await?;
        bastion.open(&sshd)?;
        let (alice, bob) = (Person::log_in(&bastion, "alice").await?, Person::log_in(&bastion, "bob").await?);
        let site = Site { sshd, bastion, alice };
        let info = site.api().await?.get("/info").await?.body;
        let kube = text(info.get("kube").context("a Kubernetes front")?, "url")?;
        let address =
            |url: &str| Ok::<_, anyhow::Error>(url.trim_start_matches("https://").trim_end_matches('/').parse()?);
        let ports = [site.bastion.ssh(), address(site.bastion.url())?, address(&kube)?];
        let typist = Typist::start(&site.alice).await?;
        let (witnesses, logins) = (Vec::new(), Cell::new(0));
        Ok(Self { site, bob, typist, witnesses, logins, ports, _cluster: cluster, _log: log, disk })
    }

    /// Types, logs in and asks as long as `lasting` does.
    pub(super) async fn notice<T>(
        &mut self,
        phase: &str,
        weather: Weather,
        lasting: impl Future<Output = T>,
    ) -> Result<(Noticed, T)> {
        let mut noticed = Noticed::new(phase);
        let Noticed { echoes, logins, refusals, readiness, .. } = &mut noticed;
        let (site, typist, well) = (&self.site, &mut self.typist, &self.logins);
        let is_over = Cell::new(false);
        let lasting = async {
            let lasted = lasting.await;
            is_over.set(true);
            lasted
        };
        let typing = async {
            let mut keys = interval(KEY_PAUSE);
            keys.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !is_over.get() {
                keys.tick().await;
                let mut late = Some(typist.key().await?);
                // Who waits for an echo types the next keys later; those are late as well, and count.
                while let Some(echo) = late {
                    echoes.push(echo);
                    late = echo.checked_sub(KEY_PAUSE).filter(|rest| !rest.is_zero());
                }
            }
            Ok::<_, anyhow::Error>(())
        };
        let logging_in = async {
            while !is_over.get() {
                let began = Instant::now();
                let outcome = log_in(site, well).await?;
                if outcome.code == 0 {
                    logins.push(began.elapsed());
                } else {
                    refusals.push((began.elapsed(), outcome.stderr));
                }
                sleep(PAUSE).await;
            }
            Ok(())
        };
        let (began, busy) = (Instant::now(), site.bastion.program().cpu_time()?);
        let asking = async {
            while !is_over.get() {
                let asked = began.elapsed();
                readiness.push((asked, ready(site).await?));
                sleep(PAUSE).await;
            }
            Ok(())
        };
        let (lasted, typed, entered, answered) = tokio::join!(lasting, typing, logging_in, asking);
        typed.and(entered).and(answered).with_context(|| phase.to_owned())?;
        let busy = self.site.bastion.program().cpu_time()?.saturating_sub(busy);
        noticed.load = (busy.as_secs_f64() / began.elapsed().as_secs_f64(), self.memory()?);
        eprintln!("storm: {noticed}");
        noticed.demand_truth(weather)?;
        Ok((noticed, lasted))
    }

    /// Somebody whose session is to end while nothing can be written.
    pub(super) async fn witness(&self, code: u8) -> Result<Witness> {
        Witness::start(&self.site.alice, code).await
    }

    /// Notices while nothing can be written; in the middle of it a session ends that began before.
    pub(super) async fn endure(&mut self, phase: &str, length: Duration, witness: Witness) -> Result<Noticed> {
        let code = witness.code;
        let lasting = async {
            sleep(length / 2).await;
            let ended = witness.end().await;
            sleep(length / 2).await;
            ended
        };
        let (noticed, ended) = self.notice(phase, Weather::Foul, lasting).await?;
        ended.with_context(|| phase.to_owned())?;
        self.witnesses.push(code);
        Ok(noticed)
    }

    /// Takes all the room that there is for the bastion's files; none where there is no disk of their own.
    pub(super) async fn fill_disk(&self) -> Result<Option<Full>> {
        match &self.disk {
            Some(disk) => Ok(Some(disk.fill().await?)),
            None => Ok(None),
        }
    }

    pub(super) async fn log_in(&self) -> Result<()> {
        let outcome = log_in(&self.site, &self.logins).await?;
        ensure!(outcome.code == 0, "{}", outcome.stderr);
        Ok(())
    }

    /// Why the bastion is not ready, if it is not.
    pub(super) async fn ready(&self) -> Result<Option<String>> {
        ready(&self.site).await
    }

    pub(super) fn ports(&self) -> [SocketAddr; 3] {
        self.ports
    }

    pub(super) fn database(&self) -> PathBuf {
        self.site.bastion.data().join("bastion.db")
    }

    pub(super) fn memory(&self) -> Result<u64> {
        self.site.bastion.program().resident_bytes()
    }

    /// Bytes of all files of the bastion.
    pub(super) fn size(&self) -> Result<u64> {
        size(self.site.bastion.data())
    }
}

async fn log_in(site: &Site, well: &Cell<usize>) -> Result<Outcome> {
    let outcome = site.alice.ssh(&["-o", "ConnectTimeout=20", &Site::destination(), "true"]).await?;
    if outcome.code == 0 {
        well.set(well.get() + 1);
    }
    Ok(outcome)
}

/// Asks `/readyz` over a connection of its own, as whoever comes does: why it is not ready, if it is not.
async fn ready(site: &Site) -> Result<Option<String>> {
    let http = Api::http(&fs::read(site.bastion.ca())?)?;
    let url = format!("{}/readyz", site.bastion.url());
    let answer = http.get(url).timeout(SOON).send().await.context("/readyz does not answer")?;
    if answer.status() == StatusCode::OK {
        return Ok(None);
    }
    let (status, body) = (answer.status(), answer.text().await?);
    ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "{status}: {body}");
    let why = serde_json::from_str(&body).map(|body| at(&body, "/detail").as_str().unwrap_or_default().to_owned());
    Ok(Some(why.unwrap_or(body)))
}

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

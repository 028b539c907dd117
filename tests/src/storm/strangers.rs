//! Those who storm: crowds that say nothing, logins and channels that are refused.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    process::Command,
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
    time::sleep,
};

use super::scene::Scene;
use crate::{
    crowd::Crowd,
    peers,
    ssh_raw::{Credential, Opened, RawSsh, Wire, msg},
};

/// Addresses that the crowds come from.
const SOURCES: u32 = 200;

/// Between what each of those does who are refused.
const PAUSE: Duration = Duration::from_millis(100);

/// Channels to places that are forbidden, in one go.
const FORBIDDEN: u16 = 50;

/// Channels for sessions, in one go: more than one connection may have (`listen.max_channels`).
const SESSIONS: usize = 100;

/// Where those are who storm: on a thread of their own, so that what is measured does not wait in their queue.
pub(super) struct Outside(Option<Runtime>);

/// How often somebody was refused.
pub(super) struct Refused {
    /// Channels that bob did not get.
    pub(super) channels: usize,
}

/// Those who are refused, again and again.
pub(super) struct Refusals {
    is_over: Arc<AtomicBool>,
    counts: [Arc<AtomicUsize>; 3],
    tasks: Vec<JoinHandle<Result<()>>>,
}

impl Outside {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Some(Builder::new_multi_thread().worker_threads(1).enable_all().build()?)))
    }

    /// Gathers a crowd at each port.
    pub(super) async fn gather(&self, ports: [SocketAddr; 3], size: usize) -> Result<Vec<Crowd>> {
        let mut crowds = Vec::new();
        for port in ports {
            crowds.push(Crowd::gather_on(self.handle()?, port, SOURCES, size).await?);
        }
        Ok(crowds)
    }

    /// Begins with refusals.
    pub(super) fn refusals(&self, scene: &Scene) -> Result<Refusals> {
        let on = self.handle()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let counts: [Arc<AtomicUsize>; 3] = Default::default();
        let [places, logins, channels] = counts.clone();
        let ssh = scene.ports()[0];
        let credential = Arc::new(Credential::of(&scene.bob)?);
        let mut nowhere = scene.site.alice.stock("ssh", &["-q", "nobody@nowhere@bastion", "true"])?;
        nowhere.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let tasks = vec![
            on.spawn(ask_for_places(Arc::clone(&is_over), places, nowhere)),
            on.spawn(forge_logins(Arc::clone(&is_over), logins, ssh, Arc::clone(&credential))),
            on.spawn(open_channels(Arc::clone(&is_over), channels, ssh, credential)),
        ];
        Ok(Refusals { is_over, counts, tasks })
    }

    fn handle(&self) -> Result<&Handle> {
        self.0.as_ref().map(Runtime::handle).context("it is over")
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Refusals {
    /// Ends them.
    ///
    /// # Errors
    /// Fails when somebody was cut off or let in, and not refused.
    pub(super) async fn stop(self) -> Result<Refused> {
        self.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await??;
        }
        let [places, logins, channels] = self.counts.map(|count| count.load(Ordering::Relaxed));
        eprintln!("storm: refused: {places} sessions, {logins} logins, {channels} channels of one connection");
        ensure!(places > 0 && logins > 0 && channels > 0, "nobody was refused");
        Ok(Refused { channels })
    }
}

/// Sessions where nobody may go.
async fn ask_for_places(is_over: Arc<AtomicBool>, count: Arc<AtomicUsize>, mut nowhere: Command) -> Result<()> {
    while !is_over.load(Ordering::Relaxed) {
        ensure!(!nowhere.status().await?.success(), "there is no such place, and something ran there");
        count.fetch_add(1, Ordering::Relaxed);
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Logins with somebody's certificate, and a signature that is none.
async fn forge_logins(
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    ssh: SocketAddr,
    credential: Arc<Credential>,
) -> Result<()> {
    let forge = async || {
        let mut client = RawSsh::connect(ssh).await?;
        client.agree("curve25519-sha256,kex-strict-c-v00@openssh.com", "none").await?;
        client.ask_for_authentication().await?;
        client.authenticate_as(&credential, "root@target", "root@elsewhere").await
    };
    while !is_over.load(Ordering::Relaxed) {
        // A stranger may be dropped to make room for another one.
        if let Ok(answer) = forge().await {
            ensure!(answer == msg::USERAUTH_FAILURE, "a forged login was answered by {answer}");
            count.fetch_add(1, Ordering::Relaxed);
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// One connection of somebody who is logged in: channels to forbidden places, and more sessions than it may have.
async fn open_channels(
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    ssh: SocketAddr,
    credential: Arc<Credential>,
) -> Result<()> {
    let mut client = RawSsh::log_in(ssh, &credential, &format!("{}@target", peers::login())).await?;
    while !is_over.load(Ordering::Relaxed) {
        for port in 0..FORBIDDEN {
            let forbidden = Wire::default().text("192.0.2.1").number(port.into()).text("127.0.0.1").number(1);
            let Opened::No(reason) = client.open(b"direct-tcpip", forbidden).await? else {
                bail!("a channel to a forbidden place was not refused");
            };
            ensure!(reason.starts_with(PROHIBITED), "{reason}");
            count.fetch_add(1, Ordering::Relaxed);
        }
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            match client.open(b"session", Wire::default()).await? {
                Opened::Yes(channel) => sessions.push(channel),
                Opened::No(reason) => {
                    ensure!(reason.starts_with(SHORTAGE), "{reason}");
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Opened::Cut => bail!("a connection was cut for its channels"),
            }
        }
        for channel in sessions {
            client.close(channel).await?;
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// `SSH_OPEN_ADMINISTRATIVELY_PROHIBITED` (RFC 4254 §5.1).
const PROHIBITED: &str = "1: ";
/// `SSH_OPEN_RESOURCE_SHORTAGE`.
const SHORTAGE: &str = "4: ";

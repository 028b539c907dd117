//! A TCP balancer before several bastions: it asks each for `/readyz`, and sends new connections to those that are well.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::{
    api::Api,
    bastion::Bastion,
    patience::{SOON, until},
};

/// How often each is asked.
const INTERVAL: Duration = Duration::from_millis(50);

/// A balancer on two free loopback ports; it ends with this value.
pub struct Balancer {
    web: SocketAddr,
    ssh: SocketAddr,
    backends: Arc<Vec<Backend>>,
    tasks: Vec<JoinHandle<()>>,
}

struct Backend {
    web: SocketAddr,
    ssh: SocketAddr,
    is_well: AtomicBool,
}

/// Sockets that are bound before the bastions know each other's addresses.
pub struct Ports {
    web: TcpListener,
    ssh: TcpListener,
}

impl Ports {
    /// Two that are free.
    ///
    /// # Errors
    /// Fails when none is.
    pub async fn bind() -> Result<Self> {
        let bind = async || TcpListener::bind(("127.0.0.1", 0)).await;
        Ok(Self { web: bind().await?, ssh: bind().await? })
    }

    /// The URL of the console and the API.
    ///
    /// # Errors
    /// Fails when the socket has no address.
    pub fn url(&self) -> Result<String> {
        Ok(format!("https://{}", self.web.local_addr()?))
    }
}

impl Balancer {
    /// Begins to balance between these.
    ///
    /// # Errors
    /// Fails when they cannot be asked.
    pub fn start(ports: Ports, bastions: &[&Bastion]) -> Result<Self> {
        let (web, ssh) = (ports.web.local_addr()?, ports.ssh.local_addr()?);
        let mut backends = Vec::new();
        let mut probes = Vec::new();
        for bastion in bastions {
            let web: SocketAddr = bastion.url().trim_start_matches("https://").parse()?;
            backends.push(Backend { web, ssh: bastion.ssh(), is_well: AtomicBool::new(true) });
            let http = Api::http(&std::fs::read(bastion.ca())?)?;
            probes.push((http, format!("{}/readyz", bastion.url())));
        }
        let backends = Arc::new(backends);
        let mut tasks = vec![
            tokio::spawn(accept(ports.web, Arc::clone(&backends), |backend| backend.web)),
            tokio::spawn(accept(ports.ssh, Arc::clone(&backends), |backend| backend.ssh)),
        ];
        for (index, (http, ready)) in probes.into_iter().enumerate() {
            let backends = Arc::clone(&backends);
            tasks.push(tokio::spawn(async move {
                loop {
                    let answer = http.get(&ready).timeout(Duration::from_secs(2)).send().await;
                    if let Some(backend) = backends.get(index) {
                        backend
                            .is_well
                            .store(answer.is_ok_and(|answer| answer.status().is_success()), Ordering::Relaxed);
                    }
                    tokio::time::sleep(INTERVAL).await;
                }
            }));
        }
        Ok(Self { web, ssh, backends, tasks })
    }

    /// The URL of the console and the API.
    pub fn url(&self) -> String {
        format!("https://{}", self.web)
    }

    /// Where SSH is balanced.
    pub fn ssh(&self) -> SocketAddr {
        self.ssh
    }

    /// Waits until the bastion of this number is seen to be well, or not to be.
    ///
    /// # Errors
    /// Fails when that does not come soon.
    pub async fn sees(&self, index: usize, well: bool) -> Result<()> {
        let backend = self.backends.get(index).context("no such bastion")?;
        until(&format!("bastion {index} is well: {well}"), SOON, async || {
            Ok((backend.is_well.load(Ordering::Relaxed) == well).then_some(()))
        })
        .await
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, backends: Arc<Vec<Backend>>, of: fn(&Backend) -> SocketAddr) {
    let next = AtomicUsize::new(0);
    let mut connections = JoinSet::new();
    while let Ok((mut user, _)) = listener.accept().await {
        let first = next.fetch_add(1, Ordering::Relaxed);
        let backends = Arc::clone(&backends);
        connections.spawn(async move {
            let order = (0..backends.len()).filter_map(|place| backends.get((first + place) % backends.len()));
            for backend in order.filter(|backend| backend.is_well.load(Ordering::Relaxed)) {
                // One that is gone in this moment is passed over, as balancers do.
                if let Ok(mut bastion) = TcpStream::connect(of(backend)).await {
                    let _ = copy_bidirectional(&mut user, &mut bastion).await;
                    return;
                }
            }
        });
    }
}

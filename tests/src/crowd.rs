//! A crowd of TCP connections that say nothing, from as many addresses as one likes: all of `127.0.0.0/8` is loopback.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::{
    net::{TcpSocket, TcpStream},
    runtime::Handle,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::patience::until;

/// How long the crowd may take to gather on a busy machine.
const GATHERED: Duration = Duration::from_secs(120);

/// A connection that is not taken that fast waits in the kernel's queue; the crowd goes on.
const CONNECT_LIMIT: Duration = Duration::from_millis(200);

/// Once gathered, the crowd makes up for those who were dropped, so many in each pause.
const AT_A_TIME: usize = 20;

/// See [`AT_A_TIME`].
const PAUSE: Duration = Duration::from_millis(50);

/// The crowd; it leaves with this value.
pub struct Crowd {
    opened: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Crowd {
    /// Opens this many connections, from so many addresses; then goes on to open one for each that was dropped.
    /// Those that were dropped are let go, so that the test itself does not run out of files.
    ///
    /// # Errors
    /// Fails when they cannot be opened.
    pub async fn gather(to: SocketAddr, sources: u32, size: usize) -> Result<Self> {
        Self::gather_on(&Handle::current(), to, sources, size).await
    }

    /// The same, with a runtime of its own.
    ///
    /// # Errors
    /// Fails when they cannot be opened.
    pub async fn gather_on(on: &Handle, to: SocketAddr, sources: u32, size: usize) -> Result<Self> {
        let (opened, held) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let task = on.spawn(crowd(to, sources, size, Arc::clone(&opened), Arc::clone(&held)));
        let crowd = Self { opened, held, task };
        until("the crowd has gathered", GATHERED, async || Ok((crowd.opened() >= size).then_some(()))).await?;
        Ok(crowd)
    }

    /// An address that the crowd comes from.
    pub fn source(number: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(0x7f09_0001 + number)
    }

    /// Connections that were opened so far.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Connections that were not dropped, when last looked at.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn crowd(to: SocketAddr, sources: u32, size: usize, opened: Arc<AtomicUsize>, held: Arc<AtomicUsize>) {
    let mut streams: Vec<TcpStream> = Vec::new();
    let mut next = 0;
    loop {
        for _ in 0..AT_A_TIME {
            next += 1;
            match timeout(CONNECT_LIMIT, connect(to, Crowd::source(next % sources))).await {
                Ok(Ok(stream)) => {
                    opened.fetch_add(1, Ordering::Relaxed);
                    streams.push(stream);
                }
                Ok(Err(_)) | Err(_) => break,
            }
        }
        streams.retain(is_held);
        held.store(streams.len(), Ordering::Relaxed);
        if opened.load(Ordering::Relaxed) >= size {
            sleep(PAUSE).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

async fn connect(to: SocketAddr, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// Whether the other side still holds it; what it says is passed over.
fn is_held(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 1024]) {
        Ok(length) => length > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

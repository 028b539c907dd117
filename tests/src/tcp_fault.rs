//! A TCP relay in front of a peer that refuses, stalls or cuts what goes through it.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// What the relay does with connections, new and running ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Passes every byte on.
    None,
    /// Closes new connections at once and cuts the running ones.
    Refuse,
    /// Keeps connections open and passes nothing on.
    Stall,
}

/// A relay from a free loopback port to a peer; it ends with this value.
pub struct TcpFault {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    task: JoinHandle<()>,
}

impl TcpFault {
    /// Relays to `peer`, at first without a fault.
    ///
    /// # Errors
    /// Fails when no port is free.
    pub async fn before(peer: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (fault, state) = watch::channel(Fault::None);
        let task = tokio::spawn(accept(listener, peer, state));
        Ok(Self { address, fault, task })
    }

    /// Where the relay listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens from now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for TcpFault {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, peer: SocketAddr, state: watch::Receiver<Fault>) {
    let mut relays = JoinSet::new();
    while let Ok((user, _)) = listener.accept().await {
        let state = state.clone();
        relays.spawn(relay(user, peer, state));
    }
}

async fn relay(user: TcpStream, peer: SocketAddr, mut state: watch::Receiver<Fault>) {
    if *state.borrow() == Fault::Refuse {
        return;
    }
    let Ok(peer) = TcpStream::connect(peer).await else { return };
    let (user_read, user_write) = user.into_split();
    let (peer_read, peer_write) = peer.into_split();
    let cut = state.clone();
    tokio::select! {
        _ = state.wait_for(|fault| *fault == Fault::Refuse) => {}
        _ = async { tokio::join!(copy(user_read, peer_write, cut.clone()), copy(peer_read, user_write, cut)) } => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<Fault>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if state.wait_for(|fault| *fault != Fault::Stall).await.is_err() {
            return;
        }
        let Some(read) = buffer.get(..length) else { return };
        if to.write_all(read).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

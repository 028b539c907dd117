//! A TCP relay that is slow as a long way is: every byte arrives, in its order, half a round trip later.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};

/// The relay; it ends with this value.
pub struct SlowLink {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl SlowLink {
    /// Relays from a free loopback port to `peer`, with this time for the way there and back.
    ///
    /// # Errors
    /// Fails when no port is free.
    pub async fn before(peer: SocketAddr, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(listener, peer, round_trip / 2)) })
    }

    /// Where the relay listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SlowLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, peer: SocketAddr, delay: Duration) {
    let mut ways = JoinSet::new();
    while let Ok((user, _)) = listener.accept().await {
        let Ok(peer) = TcpStream::connect(peer).await else { continue };
        // Otherwise small writes would wait for one another as well.
        if user.set_nodelay(true).and(peer.set_nodelay(true)).is_err() {
            continue;
        }
        let ((user_read, user_write), (peer_read, peer_write)) = (user.into_split(), peer.into_split());
        ways.spawn(carry(user_read, peer_write, delay));
        ways.spawn(carry(peer_read, user_write, delay));
    }
}

/// One way, until either end is gone.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut underway) = mpsc::channel::<(Instant, Vec<u8>)>(UNDERWAY);
    let receive = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let bytes = buffer.get(..length).unwrap_or_default().to_vec();
            if sender.send((Instant::now() + delay, bytes)).await.is_err() {
                return;
            }
        }
    };
    let send = async move {
        while let Some((arrival, bytes)) = underway.recv().await {
            sleep_until(arrival).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(receive, send);
}

/// As many pieces as are on the way at most.
const UNDERWAY: usize = 1024;

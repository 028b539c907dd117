//! A target that turns on whoever logs in: an SSH server that opens channels towards its client, and counts those
//! that are opened at it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use russh::{
    Channel, ChannelId,
    keys::{Certificate, PrivateKey, ssh_key::private::Ed25519Keypair},
    server::{self, Auth, ChannelOpenHandle, Handle, Msg, Session},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

/// More than anybody should answer.
const OPENS: usize = 2000;

/// A server that accepts every login. When a command is asked for, it opens `OPENS` channels of five kinds, at most
/// 50 at a time, prints `done` and exits with 0.
pub struct HostileTarget {
    address: SocketAddr,
    host_key: String,
    counts: Arc<Counts>,
    _accepting: JoinSet<()>,
}

/// What came of the channels.
#[derive(Debug, Default)]
struct Counts {
    sessions: AtomicUsize,
    confirmed: AtomicUsize,
    refused: AtomicUsize,
    unanswered: AtomicUsize,
}

impl HostileTarget {
    /// Starts it.
    ///
    /// # Errors
    /// Fails when it cannot listen.
    pub async fn start() -> Result<Self> {
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[3; 32]));
        let host_key = key.public_key().to_openssh()?;
        let config = Arc::new(server::Config { keys: vec![key], ..server::Config::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let mut accepting = JoinSet::new();
        let shared = Arc::clone(&counts);
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (config, handler) = (Arc::clone(&config), Attacker(Arc::clone(&shared)));
                connections.spawn(async move {
                    if let Ok(running) = server::run_stream(config, stream, handler).await {
                        let _ = running.await;
                    }
                });
            }
        });
        Ok(Self { address, host_key, counts, _accepting: accepting })
    }

    /// The target as `bastion.yaml` wants it.
    pub fn target(&self, name: &str) -> Value {
        let (address, host_keys) = (self.address.to_string(), [&self.host_key]);
        json!({ "name": name, "address": address, "host_keys": host_keys, "credential": "certificate" })
    }

    /// How many channels were confirmed, were refused, and had no answer because the connection ended.
    pub fn counts(&self) -> [usize; 3] {
        let Counts { confirmed, refused, unanswered, .. } = &*self.counts;
        [confirmed, refused, unanswered].map(|count| count.load(Ordering::SeqCst))
    }

    /// How many sessions were opened at it.
    pub fn sessions(&self) -> usize {
        self.counts.sessions.load(Ordering::SeqCst)
    }
}

struct Attacker(Arc<Counts>);

impl server::Handler for Attacker {
    type Error = russh::Error;

    async fn auth_openssh_certificate(&mut self, _: &str, _: &Certificate) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.0.sessions.fetch_add(1, Ordering::SeqCst);
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, _: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        session.channel_success(id)?;
        tokio::spawn(attack(session.handle(), id, Arc::clone(&self.0)));
        Ok(())
    }
}

async fn attack(handle: Handle, id: ChannelId, counts: Arc<Counts>) {
    let mut opening = JoinSet::new();
    for number in 0..OPENS {
        let handle = handle.clone();
        opening.spawn(async move {
            match number % 5 {
                0 => handle.channel_open_agent().await,
                1 => handle.channel_open_session().await,
                2 => handle.channel_open_x11("127.0.0.1", 6000).await,
                3 => handle.channel_open_forwarded_tcpip("127.0.0.1", 22, "127.0.0.1", 40_000).await,
                _ => handle.channel_open_direct_tcpip("127.0.0.1", 22, "127.0.0.1", 40_000).await,
            }
        });
        if opening.len() >= 50
            && let Some(opened) = opening.join_next().await
        {
            count(opened, &counts);
        }
    }
    while let Some(opened) = opening.join_next().await {
        count(opened, &counts);
    }
    // The connection may be gone, as it should.
    let _ = handle.data(id, "done\n").await;
    let _ = handle.exit_status_request(id, 0).await;
    let _ = handle.eof(id).await;
    let _ = handle.close(id).await;
}

fn count(opened: Result<Result<Channel<Msg>, russh::Error>, tokio::task::JoinError>, counts: &Counts) {
    let count = match opened {
        Ok(Ok(_)) => &counts.confirmed,
        Ok(Err(russh::Error::ChannelOpenFailure(_))) => &counts.refused,
        Ok(Err(_)) | Err(_) => &counts.unanswered,
    };
    count.fetch_add(1, Ordering::SeqCst);
}

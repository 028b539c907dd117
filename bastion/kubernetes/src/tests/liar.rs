//! A cluster that answers every request with bytes of a test's own, and then keeps the connection open.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use config::{Cluster, ClusterAccess, ClusterCredential, Secret};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::upstream::ClusterConnection;

/// It runs for as long as the test does.
pub(crate) struct Liar {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Liar {
    /// Answers with what `answer` makes of a request's head.
    pub(crate) async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, requests) = (Arc::new(answer), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, counted) = (Arc::clone(&answer), Arc::clone(&counted));
                tokio::spawn(async move {
                    let _ = serve(stream, &*answer, &counted).await;
                });
            }
        });
        Self { address, requests }
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// The bastion's connection to it.
    pub(crate) async fn connection(&self) -> ClusterConnection {
        let credential = ClusterCredential::Token(Secret::new("of-the-bastion".into()));
        let url = format!("http://{}/", self.address).parse().unwrap();
        let access = ClusterAccess::Server { url, ca: None, credential };
        ClusterConnection::prepare(&Cluster { name: "liar".parse().unwrap(), labels: [].into(), access }).await.unwrap()
    }
}

async fn serve(mut stream: TcpStream, answer: &impl Fn(&str) -> String, counted: &AtomicUsize) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        while !read.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
        counted.fetch_add(1, Ordering::SeqCst);
        stream.write_all(answer(&String::from_utf8_lossy(&read)).as_bytes()).await?;
        read.clear();
    }
}

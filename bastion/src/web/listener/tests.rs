use std::path::Path;

use axum::routing;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream as ClientStream};

use super::*;
use crate::web::tls;

struct Served {
    address: SocketAddr,
    connector: TlsConnector,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// One message for each request that has begun on `/slow`.
    begun: mpsc::Receiver<SocketAddr>,
    /// Lets one request on `/slow` end.
    release: Arc<Notify>,
    folder: tempfile::TempDir,
}

async fn served(max_connections: usize) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let config = tls::from_own_ca(folder.path(), &["127.0.0.1".to_owned()]).unwrap().config;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (begin, begun) = mpsc::channel(10);
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let slow = move |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
        begin.send(peer).await.unwrap();
        released.notified().await;
        "slow\n"
    };
    let router = Router::new().route("/slow", routing::get(slow)).route("/", routing::get(async || "fast\n"));
    let stop = CancellationToken::new();
    let listener = Listener::new(socket, config, router, max_connections);
    let task = tokio::spawn(listener.serve(stop.clone()));
    Served { address, connector: connector(folder.path()), stop, task, begun, release, folder }
}

fn connector(data_dir: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(tls::ca_path(data_dir)).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

impl Served {
    async fn connect(&self) -> ClientStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        self.connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await.unwrap()
    }

    async fn ask(&self, path: &str) -> ClientStream<TcpStream> {
        let mut stream = self.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

async fn answer(mut stream: ClientStream<TcpStream>) -> String {
    let mut text = String::new();
    within(stream.read_to_string(&mut text)).await.unwrap();
    text
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), wait).await.expect("in time")
}

#[tokio::test]
async fn requests_are_answered_and_know_their_peer() {
    let mut served = served(10).await;
    assert!(answer(served.ask("/").await).await.ends_with("fast\n"));
    let stream = served.ask("/slow").await;
    let peer = within(served.begun.recv()).await.unwrap();
    assert_eq!(peer, stream.get_ref().0.local_addr().unwrap());
    served.release.notify_one();
    assert!(answer(stream).await.ends_with("slow\n"));
}

#[tokio::test]
async fn http_2_is_spoken_to_those_who_can() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another test may have been faster.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let served = served(10).await;
    let pem = std::fs::read(tls::ca_path(served.folder.path())).unwrap();
    let ca = reqwest::Certificate::from_pem(&pem).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    let answer = within(client.get(format!("https://{}/", served.address)).send()).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(answer.text().await.unwrap(), "fast\n");
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_accepts_no_more() {
    let mut served = served(10).await;
    let stream = served.ask("/slow").await;
    let idle = served.connect().await;
    within(served.begun.recv()).await.unwrap();

    served.stop.cancel();
    let refused = async {
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::task::yield_now().await
        }
    };
    within(refused).await;
    assert!(!served.task.is_finished(), "a request is under way");
    served.release.notify_one();
    assert!(answer(stream).await.ends_with("slow\n"));
    within(&mut served.task).await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_its_turn() {
    let mut served = served(1).await;
    let first = served.ask("/slow").await;
    within(served.begun.recv()).await.unwrap();
    let mut second = std::pin::pin!(async { answer(served.ask("/").await).await });
    let waits = timeout(Duration::from_millis(200), second.as_mut()).await;
    assert!(waits.is_err(), "the only slot is taken");
    served.release.notify_one();
    assert!(answer(first).await.ends_with("slow\n"));
    assert!(within(second).await.ends_with("fast\n"));
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_hurts_nobody() {
    let served = served(10).await;
    let mut wrong = TcpStream::connect(served.address).await.unwrap();
    wrong.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    // An alert or a reset: both end it.
    let _ended = within(wrong.read_to_end(&mut rest)).await;
    assert!(answer(served.ask("/").await).await.ends_with("fast\n"));
}

#[tokio::test]
async fn a_silent_peer_is_dropped_when_the_listener_stops() {
    let served = served(10).await;
    let silent = TcpStream::connect(served.address).await.unwrap();
    assert!(answer(served.ask("/").await).await.ends_with("fast\n"));
    served.stop.cancel();
    within(served.task).await.unwrap();
    drop(silent);
}

use std::{convert::Infallible, path::Path};

use axum::{Extension, body::Body, routing};
use bytes::Bytes;
use futures_util::{Stream, stream};
use listener::{Limits, PlaceLimits, http::Lasting};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream as ClientStream};

use super::*;
use crate::tls;

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

/// Deadlines that no test waits for.
async fn served(max_connections: usize) -> Served {
    let minute = Duration::from_mins(1);
    served_within(max_connections, minute).await
}

async fn served_within(max_connections: usize, deadline: Duration) -> Served {
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
    let router = Router::new()
        .route("/slow", routing::get(slow))
        .route("/endless", routing::get(async || Body::from_stream(endless())))
        .route("/lasting", routing::get(async || (Extension(Lasting), Body::from_stream(endless()))))
        .route("/", routing::get(async || "fast\n"));
    let stop = CancellationToken::new();
    let places = PlaceLimits {
        connections: max_connections,
        unauthenticated: max_connections,
        unauthenticated_per_source: max_connections,
    };
    let limits = Limits { places, login: deadline, idle: deadline, unread: deadline };
    let listener = Listener::new(socket, config, router, &Admission { limits, known: Arc::default() });
    let task = tokio::spawn(listener.serve(stop.clone(), stop.clone()));
    Served { address, connector: connector(folder.path()), stop, task, begun, release, folder }
}

fn endless() -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::repeat_with(|| Ok(Bytes::from_static(&[b'x'; 4096])))
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
async fn a_connection_beyond_the_limit_takes_the_place_of_one_without_a_login() {
    let mut served = served(1).await;
    let first = served.ask("/slow").await;
    within(served.begun.recv()).await.unwrap();
    assert!(answer(served.ask("/").await).await.ends_with("fast\n"));
    let mut rest = Vec::new();
    // It is cut off in the middle of TLS.
    let _error = within(tokio::io::split(first).0.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
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

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

/// Its name, how far a peer gets, and what it goes on to say, again and again.
type Stage = (&'static str, &'static [&'static [u8]], &'static [u8]);

const STAGES: [Stage; 8] = [
    ("nothing", &[], b""),
    ("a byte of the preface of HTTP/2", &[b"P"], b""),
    ("a head that trickles", &[b"GET / HTTP/1.1\r\nx: "], b"x"),
    ("the preface, then pings", &[PREFACE, SETTINGS], PING),
    ("an answer, then nothing", &[REQUEST], b""),
    ("an answer, then a head that trickles", &[REQUEST, b"GET / HTTP/1.1\r\nx: "], b"x"),
    ("an answer that is not read", &[b"GET /endless HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"], b""),
    ("half a body", &[b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\nhalf"], b""),
];

#[tokio::test]
async fn a_peer_that_does_not_get_on_is_dropped_at_every_stage() {
    let served = served_within(100, Duration::from_millis(300)).await;
    let tcp = TcpStream::connect(served.address).await.unwrap();
    assert!(is_dropped(tcp, &[], b"").await, "no handshake");
    let tcp = TcpStream::connect(served.address).await.unwrap();
    assert!(is_dropped(tcp, &[&[0x16, 3, 1]], b"").await, "half a handshake");
    let stages = STAGES.map(async |(stage, said, again)| {
        assert!(is_dropped(served.connect().await, said, again).await, "{stage}");
    });
    futures_util::future::join_all(stages).await;
}

/// Whether the peer is dropped, which says all this without reading, and goes on as told.
async fn is_dropped(mut stream: impl AsyncRead + AsyncWrite + Unpin, said: &[&[u8]], again: &[u8]) -> bool {
    let dropped = async {
        for part in said {
            stream.write_all(part).await?;
        }
        stream.flush().await?;
        let idle = tokio::time::interval(Duration::from_millis(20));
        let mut idle = std::pin::pin!(idle);
        if again.is_empty() {
            // The kernel tells of the end only those who read, so this one reads, but late and slowly.
            idle.tick().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            return tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop);
        }
        loop {
            idle.tick().await;
            stream.write_all(again).await?;
            stream.flush().await?;
        }
    };
    let ended: Result<std::io::Result<()>, _> = timeout(Duration::from_secs(20), dropped).await;
    ended.is_ok()
}

#[tokio::test]
async fn who_waits_for_an_answer_or_reads_what_lasts_stays() {
    let mut served = served_within(100, Duration::from_millis(200)).await;
    let waiting = served.ask("/slow").await;
    within(served.begun.recv()).await.unwrap();
    let mut reading = served.ask("/lasting").await;
    // Until one that came later has been dropped for its silence, twice.
    for _ in 0..2 {
        assert!(is_dropped(served.connect().await, &[], b"").await);
    }
    served.release.notify_one();
    assert!(answer(waiting).await.ends_with("slow\n"));
    let mut much = vec![0; 8 << 20];
    within(reading.read_exact(&mut much)).await.unwrap();
}

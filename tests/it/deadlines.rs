//! A peer that does not get on is dropped, at every stage of every port: the table of stages.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::json;
use tests::{
    bastion::{Bastion, Settings},
    kube_fault::FaultCluster,
    oidc::install_crypto,
    patience::within,
    peers,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0pingpong";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

/// What a peer says first, and again and again, over plain TCP.
const SSH_STAGES: [(&str, &[u8], &[u8]); 4] = [
    ("nothing", b"", b""),
    ("a version that trickles", b"SSH-2.0-", b"x"),
    ("a version, then nothing", b"SSH-2.0-test\r\n", b""),
    // SSH_MSG_IGNORE before any key is exchanged.
    ("a version, then packets", b"SSH-2.0-test\r\n", b"\0\0\0\x0c\x06\x02\0\0\0\0\0\0\0\0\0\0"),
];

/// The same, before TLS.
const TCP_STAGES: [(&str, &[u8], &[u8]); 3] = [
    ("nothing", b"", b""),
    ("half a handshake", b"\x16\x03\x01", b""),
    ("a handshake that trickles", b"\x16\x03\x01\x10", b"\0"),
];

/// The same, inside TLS.
const HTTP_STAGES: [(&str, &[u8], &[u8]); 6] = [
    ("nothing", b"", b""),
    ("a byte of the preface of HTTP/2", b"P", b""),
    ("a head that trickles", b"GET / HTTP/1.1\r\nx: ", b"x"),
    ("HTTP/2, then pings", PREFACE, PING),
    ("an answer, then nothing", REQUEST, b""),
    ("half a body", b"POST /api/v1/login HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\nhalf", b""),
];

/// The body of a request to the API has half a minute.
const LIMIT: Duration = Duration::from_secs(90);

/// A bastion without patience.
async fn hasty(cluster: &FaultCluster) -> Result<(Bastion, SocketAddr)> {
    let folder = tempfile::tempdir()?;
    let kube = SocketAddr::from(([127, 0, 0, 1], peers::free_port()?));
    let listen = json!({ "kube": kube.to_string(), "login_grace_time": "1s", "http_idle_time": "1s" });
    let settings = Settings::serve_without_issuer().cluster(&cluster.kubeconfig(folder.path())?);
    let bastion = settings.listen(listen).start().await?;
    Ok((bastion, kube))
}

/// Fails unless the peer is dropped, which says this and does not read what it is told.
async fn dropped(
    stage: String,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    first: &[u8],
    again: &[u8],
) -> Result<()> {
    let talk = async {
        stream.write_all(first).await?;
        stream.flush().await?;
        if again.is_empty() {
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            return Ok(());
        }
        let mut turn = tokio::time::interval(Duration::from_millis(50));
        loop {
            turn.tick().await;
            stream.write_all(again).await?;
            stream.flush().await?;
        }
    };
    let talked: Result<std::io::Result<()>> = within(&stage, LIMIT, async { Ok(talk.await) }).await;
    talked.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_get_on_is_dropped_at_every_stage_of_every_port() -> Result<()> {
    install_crypto();
    let cluster = FaultCluster::start().await?;
    let (bastion, kube) = hasty(&cluster).await?;
    let web: SocketAddr = bastion.url().trim_start_matches("https://").parse()?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(bastion.ca())?)?;
    let tls = TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()));

    let mut stages = tokio::task::JoinSet::new();
    for (stage, first, again) in SSH_STAGES {
        let stream = TcpStream::connect(bastion.ssh()).await?;
        stages.spawn(dropped(format!("ssh: {stage}"), stream, first, again));
    }
    for (front, address) in [("web", web), ("kube", kube)] {
        for (stage, first, again) in TCP_STAGES {
            let stream = TcpStream::connect(address).await?;
            stages.spawn(dropped(format!("{front}, TCP: {stage}"), stream, first, again));
        }
        for (stage, first, again) in HTTP_STAGES {
            let name = ServerName::try_from("127.0.0.1")?;
            let stream = tls.connect(name, TcpStream::connect(address).await?).await.context("a handshake")?;
            stages.spawn(dropped(format!("{front}, HTTP: {stage}"), stream, first, again));
        }
    }
    let table = stages.len();
    let outcomes = stages.join_all().await;
    ensure!(outcomes.len() == table);
    let failed: Vec<String> = outcomes.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

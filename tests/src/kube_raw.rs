//! Requests to the Kubernetes front, byte by byte: what no client library lets a test send.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Url;

use crate::{
    api::{at, text},
    kube_site::KubeSite,
    oidc::install_crypto,
    patience::{SOON, within},
};

/// The way to the front, with alice's client certificate, or without one.
pub struct RawKube {
    server: Url,
    tls: TlsConnector,
}

/// One connection.
pub struct Wire {
    tls: TlsStream<TcpStream>,
    unread: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub struct RawAnswer {
    /// The status.
    pub status: u16,
    /// The rest of the head.
    pub head: String,
    /// The body.
    pub body: String,
}

impl RawKube {
    /// With the certificate that kubectl would show.
    ///
    /// # Errors
    /// Fails when there is none.
    pub async fn with_certificate(site: &KubeSite) -> Result<Self> {
        let made = site.alice.run_bastion(&["credential", "kube"]).await?.ok()?;
        let made: Value = serde_json::from_slice(&made.stdout)?;
        Self::new(site, Some(at(&made, "/status")))
    }

    /// Without a certificate.
    ///
    /// # Errors
    /// Fails when the kubeconfig names no CA.
    pub fn anonymous(site: &KubeSite) -> Result<Self> {
        Self::new(site, None)
    }

    fn new(site: &KubeSite, identity: Option<&Value>) -> Result<Self> {
        install_crypto();
        let kubeconfig: Value = serde_json::from_slice(&fs::read(site.kubeconfig())?)?;
        let cluster = at(&kubeconfig, "/clusters/0/cluster");
        let ca = BASE64.decode(text(cluster, "certificate-authority-data")?.as_bytes())?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&ca) {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = match identity {
            Some(identity) => {
                let (chain, key) = (text(identity, "clientCertificateData")?, text(identity, "clientKeyData")?);
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>()?;
                config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?
            }
            None => config.with_no_client_auth(),
        };
        Ok(Self { server: text(cluster, "server")?.parse()?, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// The path below which the cluster is.
    pub fn prefix(&self) -> &str {
        self.server.path().trim_end_matches('/')
    }

    /// Host and port of the front.
    ///
    /// # Errors
    /// Fails when the kubeconfig has none.
    pub fn authority(&self) -> Result<String> {
        Ok(format!("{}:{}", self.server.host_str().context("a host")?, self.server.port().context("a port")?))
    }

    /// A new connection.
    ///
    /// # Errors
    /// Fails when the front does not take it.
    pub async fn connect(&self) -> Result<Wire> {
        let tcp = TcpStream::connect(self.authority()?).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(self.server.host_str().context("a host")?.to_owned())?;
        Ok(Wire { tls: self.tls.connect(name, tcp).await?, unread: Vec::new() })
    }

    /// One request on a connection of its own: its lines, without the last empty one.
    ///
    /// # Errors
    /// Fails when there is no answer.
    pub async fn ask(&self, lines: &[&str]) -> Result<RawAnswer> {
        let mut wire = self.connect().await?;
        wire.send(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).await?;
        wire.answer().await.with_context(|| lines.join(" | "))
    }
}

impl Wire {
    /// Sends bytes.
    ///
    /// # Errors
    /// Fails when the front has gone.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.tls.write_all(bytes).await?;
        Ok(self.tls.flush().await?)
    }

    /// The next answer. A body without a length is read to the end of the connection.
    ///
    /// # Errors
    /// Fails when it does not come, or is none.
    pub async fn answer(&mut self) -> Result<RawAnswer> {
        self.answer_within(SOON).await
    }

    /// The next answer, if it comes soon enough.
    ///
    /// # Errors
    /// Fails when it does not come, or is none.
    pub async fn answer_within(&mut self, limit: Duration) -> Result<RawAnswer> {
        within("an answer", limit, self.read_answer()).await
    }

    /// Reads as many bytes as these, which they must be: what follows an upgrade.
    ///
    /// # Errors
    /// Fails when others come, or none.
    pub async fn expect(&mut self, bytes: &[u8]) -> Result<()> {
        let reading = async {
            while self.unread.len() < bytes.len() {
                ensure!(self.more().await? > 0, "the end");
            }
            Ok(())
        };
        within("what is expected", SOON, reading).await?;
        let got: Vec<u8> = self.unread.drain(..bytes.len()).collect();
        ensure!(got == bytes, "{:?}", String::from_utf8_lossy(&got));
        Ok(())
    }

    /// Reads as many bytes, whatever they are.
    ///
    /// # Errors
    /// Fails when they do not come.
    pub async fn skip(&mut self, bytes: usize) -> Result<()> {
        within("more", SOON, async {
            while self.unread.len() < bytes {
                ensure!(self.more().await? > 0, "the end");
            }
            self.unread.drain(..bytes);
            Ok(())
        })
        .await
    }

    /// Whether the front has closed the connection: nothing comes any more.
    ///
    /// # Errors
    /// Fails when something does come, or nothing happens.
    pub async fn is_closed(&mut self) -> Result<()> {
        let more =
            within("the end of the connection", SOON, async { Ok(self.more().await.unwrap_or_default()) }).await?;
        ensure!(more == 0 && self.unread.is_empty(), "{:?}", String::from_utf8_lossy(&self.unread));
        Ok(())
    }

    async fn more(&mut self) -> Result<usize> {
        Ok(self.tls.read_buf(&mut self.unread).await?)
    }

    async fn read_answer(&mut self) -> Result<RawAnswer> {
        let end = self.position(b"\r\n\r\n").await?;
        let head = self.take(end + 4).await?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| head.clone())?;
        let field = |name: &str| {
            let mut fields = head.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
        };
        let body = if status == 101 {
            String::new()
        } else if let Some(length) = field("content-length") {
            self.take(length.parse()?).await?
        } else if field("transfer-encoding").is_some() {
            self.chunks().await?
        } else {
            while self.more().await? > 0 {}
            String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned()
        };
        Ok(RawAnswer { status, head, body })
    }

    async fn chunks(&mut self) -> Result<String> {
        let mut body = String::new();
        loop {
            let end = self.position(b"\r\n").await?;
            let length = usize::from_str_radix(self.take(end + 2).await?.trim(), 16)?;
            body += self.take(length + 2).await?.trim_end_matches("\r\n");
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn position(&mut self, end: &[u8]) -> Result<usize> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return Ok(at);
            }
            ensure!(self.more().await? > 0, "closed after {:?}", String::from_utf8_lossy(&self.unread));
        }
    }

    async fn take(&mut self, length: usize) -> Result<String> {
        while self.unread.len() < length {
            ensure!(self.more().await? > 0, "closed after {:?}", String::from_utf8_lossy(&self.unread));
        }
        Ok(String::from_utf8_lossy(&self.unread.drain(..length).collect::<Vec<_>>()).into_owned())
    }
}

//! A real S3 server (versitygw) on a free port, and `curl` as a stock S3 client.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Result;
use tempfile::TempDir;
use tokio::{net::TcpStream, process::Command};

use crate::{
    patience::{SOON, until},
    peers,
    program::{Program, run},
};

/// The only bucket.
pub const BUCKET: &str = "recordings";

/// The access key.
pub const ACCESS_KEY: &str = "the-tests";

/// Its secret.
pub const SECRET_KEY: &str = "a secret that only the tests know";

const REGION: &str = "us-east-1";

/// A running S3 server with one empty bucket.
pub struct S3 {
    address: SocketAddr,
    program: Program,
    folder: TempDir,
}

impl S3 {
    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// Fails when versitygw is missing or does not start.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = SocketAddr::from(([127, 0, 0, 1], peers::free_port()?));
        // A folder of the POSIX backend is a bucket of the root account.
        fs::create_dir_all(folder.path().join("data").join(BUCKET))?;
        let program = start_versitygw(address, folder.path())?;
        let mut s3 = Self { address, program, folder };
        s3.answers().await?;
        Ok(s3)
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills the server; the bucket stays.
    ///
    /// # Errors
    /// Fails when the process cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.program.kill().await
    }

    /// Starts the server again after [`Self::kill`], at the same address.
    ///
    /// # Errors
    /// Fails when it does not start.
    pub async fn restart(&mut self) -> Result<()> {
        self.program = start_versitygw(self.address, self.folder.path())?;
        self.answers().await
    }

    /// The keys below `prefix`, sorted.
    ///
    /// # Errors
    /// Fails when the server refuses the request.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let listing = self.get(&format!("?list-type=2&prefix={}", prefix.replace('/', "%2F"))).await?;
        let listing = String::from_utf8(listing)?;
        let keys = listing.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
        let mut keys: Vec<String> = keys.map(|(key, _)| key.to_owned()).collect();
        keys.sort();
        Ok(keys)
    }

    /// The bytes of an object.
    ///
    /// # Errors
    /// Fails when there is none.
    pub async fn object(&self, key: &str) -> Result<Vec<u8>> {
        self.get(&format!("/{key}")).await
    }

    /// The key that ends with `name` of the session, once it is there.
    ///
    /// # Errors
    /// Fails when it does not come soon.
    pub async fn key_of(&self, session: &str, name: &str) -> Result<String> {
        until(&format!("{name} of session {session} is in the bucket"), SOON, async || {
            let keys = self.keys("").await?;
            Ok(keys.into_iter().find(|key| key.contains(session) && key.ends_with(name)))
        })
        .await
    }

    async fn get(&self, path_and_query: &str) -> Result<Vec<u8>> {
        let url = format!("http://{}/{BUCKET}{path_and_query}", self.address);
        let mut curl = Command::new(peers::find(&["curl"], "install the Debian package curl")?);
        curl.args(["--silent", "--show-error", "--fail-with-body", "--aws-sigv4", &format!("aws:amz:{REGION}:s3")]);
        // Older curls do not add this header, which S3 wants to be there.
        curl.args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]);
        curl.args(["--user", &format!("{ACCESS_KEY}:{SECRET_KEY}"), &url]);
        Ok(run(curl, b"", SOON).await?.ok()?.stdout)
    }

    async fn answers(&mut self) -> Result<()> {
        let (address, program) = (self.address, &mut self.program);
        until("versitygw listens", SOON, async || {
            program.ensure_running()?;
            Ok(TcpStream::connect(address).await.ok().map(drop))
        })
        .await?;
        self.keys("").await.map(drop)
    }
}

fn start_versitygw(address: SocketAddr, folder: &Path) -> Result<Program> {
    let install = "`make setup` builds it: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0";
    let program: PathBuf = peers::find(&["versitygw"], install)?;
    let mut command = Command::new(program);
    command.args(["--quiet", "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--region", REGION]);
    command.args(["--port", &address.to_string(), "posix"]).arg(folder.join("data"));
    Program::start("versitygw", command, folder)
}

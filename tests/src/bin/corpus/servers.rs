//! The databases that cases share, in a sandbox of their own: what a statement lets a server run does no harm either.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result};
use tests::patience;
use tokio::process::{Child, Command};

use crate::{
    case::Server,
    folder::CaseFolder,
    sandbox::{SERVERS, Sandbox},
};

/// How long servers get until they answer.
const START_LIMIT: Duration = Duration::from_secs(40);

/// Running servers; they end with this value.
pub(crate) struct Servers {
    running: Vec<Server>,
    folder: CaseFolder,
    _child: Child,
}

impl Servers {
    /// Those that answer.
    pub(crate) fn running(&self) -> &[Server] {
        &self.running
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.folder.end();
    }
}

/// Starts the servers that this machine has.
///
/// # Errors
/// Fails when the sandbox does.
pub(crate) async fn start(sandbox: &Sandbox) -> Result<Servers> {
    let folder = sandbox.prepare_servers()?;
    let mut command = Command::new(sandbox.enter());
    command.env("LC_BASTION_CASE", SERVERS).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.kill_on_drop(true).spawn().context("the sandbox of the servers")?;
    let answers = |server: Server| folder.has(server.name());
    let wanted = [Server::Postgres, Server::Mariadb];
    let all = async || Ok((folder.has("settled") || wanted.into_iter().all(answers)).then_some(()));
    if let Err(error) = patience::until("the servers answer", START_LIMIT, all).await {
        eprintln!("corpus: {error:#}");
    }
    let running = wanted.into_iter().filter(|server| answers(*server)).collect();
    Ok(Servers { running, folder, _child: child })
}

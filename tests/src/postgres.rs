//! A PostgreSQL server that is reached by a socket in a folder of its own, as peer of `psql`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    patience::{SOON, until},
    peers,
    program::{Program, run},
};

/// The account that the Debian package makes; the server refuses to run as root.
const ACCOUNT: &str = "postgres";

/// A running server with the user `postgres` and an empty database.
pub struct Postgres {
    folder: TempDir,
    _program: Program,
}

impl Postgres {
    /// Starts a server.
    ///
    /// # Errors
    /// Fails when PostgreSQL is missing or does not start.
    pub async fn start() -> Result<Self> {
        // Short, because a socket's path may have no more than 107 bytes.
        let folder = tempfile::Builder::new().prefix("pg").tempdir()?;
        if rustix::process::getuid().is_root() {
            let mut chown = Command::new("chown");
            chown.arg(ACCOUNT).arg(folder.path());
            run(chown, b"", SOON).await?.ok()?;
        }
        let data = folder.path().join("data");
        let mut initdb = server_program("initdb")?;
        initdb.args(["-A", "trust", "-N", "-U", ACCOUNT, "-D"]).arg(&data);
        run(initdb, b"", SOON).await?.ok().context("initdb")?;
        let mut server = server_program("postgres")?;
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-h", "", "-F"]);
        let log = tempfile::tempdir()?;
        let mut program = Program::start("postgres", server, log.path())?;
        let socket = folder.path().join(".s.PGSQL.5432");
        until("PostgreSQL listens", SOON, async || {
            program.ensure_running()?;
            Ok(socket.exists().then_some(()))
        })
        .await?;
        Ok(Self { folder, _program: program })
    }

    /// The folder of its socket, for `psql -h`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A program of the server's package, as the account that may run it.
fn server_program(name: &str) -> Result<Command> {
    let program = find(name)?;
    if !rustix::process::getuid().is_root() {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]).arg(program).current_dir("/");
    Ok(command)
}

/// Debian keeps the server's programs outside of `PATH`, by version.
fn find(name: &str) -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.is_file()).collect();
    found.sort();
    match found.pop() {
        Some(path) => Ok(path),
        None => peers::find(&[name], "install the Debian package postgresql"),
    }
}

//! `bastion serve`: the server.

use std::{future::Future, path::PathBuf, time::Duration};

use clap::Args;
use client::exit::CommandError;
use config::Config;
use rustix::{
    fs::Mode,
    process::{Resource, getrlimit, setrlimit, umask},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::log::Log;
use crate::{
    app::{App, Sockets},
    instance::Instance,
};

/// How long sessions may go on after the first signal; a second one ends them at once.
const DRAIN_LIMIT: Duration = Duration::from_mins(5);

/// Arguments of `bastion serve`.
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Runs the bastion until it is told to stop.
///
/// # Errors
///
/// When the configuration does not hold, or a part cannot start.
pub fn run(options: &ServeOptions) -> Result<(), CommandError> {
    let config = Config::load(&options.config).map_err(|errors| CommandError::Refused(errors.to_string()))?;
    let _log = Log::to_stderr(&config.telemetry)?;
    raise_file_limit();
    server(async {
        let failed = |error: crate::app::AppError| CommandError::Refused(error.to_string());
        let kube = (!config.clusters.is_empty()).then_some(config.listen.kube);
        let sockets = Sockets::bind(config.listen.ssh, config.listen.web, kube).await.map_err(failed)?;
        let kube = sockets.kube_address.map(tracing::field::display);
        tracing::info!(ssh = %sockets.ssh_address, web = %sockets.web_address, kube, "listening");
        let instance =
            Instance::claim(&config.data_dir, &sockets.description()).map_err(|error| failed(error.into()))?;
        let mut app = App::build(config, sockets, instance).await.map_err(failed)?;
        app.reload_at_hangup()?;
        let stop = CancellationToken::new();
        let signals = stop_on_signals(stop.clone())?;
        app.run(stop, async {
            tokio::select! {
                () = tokio::time::sleep(DRAIN_LIMIT) => {}
                () = signals => {}
            }
        })
        .await;
        Ok(())
    })
}

/// Runs a server on all processors. What it writes is for nobody else to read: recordings, keys, the database, and what
/// libraries make for them.
pub(super) fn server(run: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    umask(Mode::RWXG | Mode::RWXO);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run)
}

/// Cancels `stop` at the first SIGINT or SIGTERM; the future ends at the second.
pub(super) fn stop_on_signals(stop: CancellationToken) -> Result<impl Future<Output = ()>, CommandError> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let second = CancellationToken::new();
    let done = second.clone();
    tokio::spawn(async move {
        for token in [stop, second] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            token.cancel();
        }
    });
    Ok(done.cancelled_owned())
}

/// A session takes two sockets and a spool file; the usual soft limit of 1,024 files is soon reached.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}

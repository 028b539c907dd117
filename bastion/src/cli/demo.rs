//! `bastion demo`: everything on one machine with nothing installed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use client::{exit::CommandError, output};
use config::{LogFormat, Telemetry};
use tokio_util::sync::CancellationToken;

use super::{
    log::Log,
    serve::{server, stop_on_signals},
};
use crate::demo::{Demo, DemoSettings};

/// Arguments of `bastion demo`.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// The folder for keys, database and recordings.
    #[arg(long, value_name = "DIR", default_value = "bastion-data")]
    pub data_dir: PathBuf,
    /// Print one line of JSON once everything answers, in place of the walkthrough.
    #[arg(long)]
    pub json: bool,
    /// Where SSH listens (port 0: any free port).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2222")]
    pub ssh_listen: SocketAddr,
    /// Where the web console and the API listen (port 0: any free port).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    pub web_listen: SocketAddr,
    /// Where Kubernetes clusters are served, with --kubeconfig (port 0: any free port).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6443")]
    pub kube_listen: SocketAddr,
    /// The cluster of this kubeconfig's current context, under the name demo-cluster. Its user must be allowed to
    /// impersonate.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Rules in place of the example rules.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// More targets, in the form that bastion.yaml has under `targets`.
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,
    /// The store, in place of SQLite in the data folder.
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Where recordings go (`file://…`, `s3://…`), in place of the data folder.
    #[arg(long, value_name = "URL")]
    pub recordings: Option<String>,
}

/// Runs the demo until Ctrl-C.
///
/// # Errors
///
/// When a part of it cannot start.
pub fn run(options: DemoOptions) -> Result<(), CommandError> {
    let log = if options.json { "info" } else { "warn" };
    let _log = Log::to_stderr(&Telemetry { log: log.to_owned(), format: LogFormat::Text })?;
    let DemoOptions {
        data_dir,
        json,
        ssh_listen,
        web_listen,
        kube_listen,
        kubeconfig,
        rules,
        targets,
        store,
        recordings,
    } = options;
    let settings =
        DemoSettings { data_dir, ssh_listen, web_listen, kube_listen, kubeconfig, rules, targets, store, recordings };
    server(async {
        let demo = Demo::build(settings).await.map_err(|error| CommandError::Refused(error.to_string()))?;
        let stop = CancellationToken::new();
        // A second Ctrl-C changes nothing: sessions are ended at the first.
        drop(stop_on_signals(stop.clone())?);
        if json {
            output::print(&format!("{}\n", demo.ready_event()))?;
        } else {
            output::print(&demo.walkthrough(&std::env::current_exe()?))?;
        }
        demo.run(stop).await;
        Ok(())
    })
}

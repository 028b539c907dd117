//! The Python client, which speaks version 4 over WebSocket, with the kubeconfig that `bastion kubeconfig` writes.

use anyhow::{Context, Result};
use serde_json::json;
use tests::{
    cluster::IMAGE,
    kube_site::{COMMAND_LIMIT, KubeSite, rules},
    peers,
    program::run,
};
use tokio::process::Command;

/// The version that `tests/setup.sh` installs.
const ENVIRONMENT: &str = "python-kubernetes-34.1.0/bin/python";

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_lists_runs_watches_reads_logs_and_forwards_ports() -> Result<()> {
    let flags = json!({ "all": [["r", "R", "recursive"], ["f", "force"]] });
    let site = KubeSite::start(rules(
        &["engineering"],
        &json!([
            { "name": "rm-rf", "effect": "block", "match": { "command": { "program": ["rm"], "flags": flags } } },
            { "name": "no-nine", "effect": "block", "match": { "request": { "ports": [9] } } },
        ]),
    ))
    .await?;
    site.makes(&["pod/scripted", "configmap/scripted"]).await?;
    let start = ["run", "scripted", "--image", IMAGE, "--image-pull-policy=Never", "--", "sh", "-c"];
    site.run(&[&start[..], &["echo hello; sleep infinity"]].concat()).await?.ok()?;
    site.run(&["wait", "--for=condition=Ready", "pod/scripted", "--timeout=60s"]).await?.ok()?;

    let mut script = Command::new(peers::find(&[ENVIRONMENT], "`make setup` installs the Python package kubernetes")?);
    script.args(["-c", include_str!("kube_python.py"), "scripted", "scripted"]);
    site.surround(&mut script)?;
    script.env("KUBECONFIG", site.kubeconfig());
    run(script, b"", COMMAND_LIMIT).await?.ok().context("the script kube_python.py")?;
    Ok(())
}

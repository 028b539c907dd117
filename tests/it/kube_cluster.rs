//! The cluster itself: when this fails, the tests of the Kubernetes front say nothing about the product.

use std::fs;

use anyhow::{Context, Result, ensure};
use tests::{
    cluster::Cluster,
    patience::{SOON, until},
    program::run,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_runs_pods_and_its_audit_log_names_the_person() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let _pod = cluster.pod("harness").await?;
    let mut exec = cluster.kubectl(cluster.kubeconfig()).await?;
    exec.args(["exec", "harness", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    let outcome = run(exec, b"", SOON).await?;
    ensure!(outcome.code == 7 && outcome.text() == "out\n", "{} {:?}", outcome.code, outcome.text());

    // The rest needs a cluster whose keys we have.
    let Some(log) = cluster.audit_log() else { return Ok(()) };
    // A group of her own: other tests bind `engineering` to every right in the same cluster.
    let carol = cluster.user("carol", "harness").await?;
    let mut forbidden = cluster.kubectl(&carol).await?;
    forbidden.args(["get", "pods"]);
    let outcome = run(forbidden, b"", SOON).await?;
    ensure!(outcome.code == 1 && outcome.stderr.contains("Forbidden"), "{}", outcome.stderr);
    until("the audit log names carol", SOON, async || {
        let log = fs::read_to_string(&log).context("the audit log")?;
        Ok(log.lines().any(|line| line.contains("\"username\":\"carol\"")).then_some(()))
    })
    .await
}

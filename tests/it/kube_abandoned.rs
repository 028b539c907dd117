//! kubectl that is killed in the middle of an upload: the recording is complete, the session over, nothing is left.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    api::{at, text},
    kube_site::{KubeSite, Kubectl, rules},
    patience::{SOON, until},
};
use tokio::io::AsyncWriteExt as _;

/// More than all buffers between kubectl and the pod hold.
const SENT: usize = 16 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_a_sealed_recording_and_nothing_else() -> Result<()> {
    let site = KubeSite::start(rules(&["engineering"], &json!([]))).await?;
    site.pod("abandoned").await?;
    let carol = site.bastion.api("carol").await?;
    for (index, kubectl) in [Kubectl::Cluster, Kubectl::MachineSpdy].into_iter().enumerate() {
        let file = format!("/tmp/upload-{index}");
        // `cat >FILE` would not do: a container runtime may end the input of a program that says nothing.
        let script = format!("echo begun; tee {file}");
        let mut exec = site.kubectl(kubectl, &["exec", "-i", "abandoned", "--", "sh", "-c", &script]).await?;
        exec.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = exec.kill_on_drop(true).spawn()?;
        let mut stdin = child.stdin.take().context("standard input")?;
        stdin.write_all(&vec![b'x'; SENT]).await?;
        child.kill().await?;

        let sessions = carol.ended_sessions("demo-cluster", 2 * index + 1).await?;
        let session = text(sessions.first().context("a session")?, "id")?;
        let cast = carol.cast(&session).await?;
        ensure!(cast.joined("o").contains("begun"), "{kubectl:?}: {}", cast.joined("o"));
        let folder = until("the recording is sealed", SOON, async || site.stored(&session)).await?;
        let sealed = async || Ok(folder.join("manifest.json").is_file().then_some(()));
        until("the manifest is there", SOON, sealed).await?;
        // What ran in the pod has ended, too.
        until("tee is gone", SOON, async || {
            let running = site.run(&["exec", "abandoned", "--", "sh", "-c", "pgrep -x tee || echo none"]).await?;
            Ok((running.text().trim() == "none").then_some(()))
        })
        .await?;
        until("no session goes on", SOON, async || {
            Ok(at(&carol.get("/sessions?running=true").await?.body, "/items/0").is_null().then_some(()))
        })
        .await?;
    }
    Ok(())
}

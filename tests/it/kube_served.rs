//! Commands in pods behind a bastion as an operator runs it: recordings in an S3 bucket, and logins that end.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    api::{Api, at, text},
    bastion::Settings,
    cast::{Cast, text_by_asciinema},
    cluster::Cluster,
    kube_site::{KubeSite, Kubectl, prompts},
    oidc::Provider,
    patience::{SOON, until},
    program::Program,
    s3::S3,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_recording_of_a_pods_shell_is_in_the_bucket_and_plays() -> Result<()> {
    let (s3, provider) = tokio::try_join!(S3::start(), Provider::start())?;
    let site = KubeSite::serving(Settings::serve(&provider).bucket(s3.address())).await?;
    site.pod("in-the-bucket").await?;
    let carol = Api::log_in_at_provider(&site.bastion, "carol").await?;
    for (index, kubectl) in [Kubectl::Cluster, Kubectl::MachineSpdy].into_iter().enumerate() {
        let mut shell = site.terminal(kubectl, &["exec", "-it", "in-the-bucket", "--", "sh"]).await?;
        shell.wait_until("the shell prompts", SOON, prompts).await?;
        shell.type_text("printf '\\033[1;31mred\\033[0m %s\\n' 'in a 'pod; exit 3\n").await?;
        let (code, screen) = shell.finish(SOON).await?;
        ensure!(code == 3, "{kubectl:?}: {}", screen.lines().join("\n"));
        let shown = screen.lines();
        ensure!(shown.iter().any(|line| line.starts_with("red in a pod")), "{kubectl:?}: {shown:#?}");

        let sessions = carol.ended_sessions("demo-cluster", index + 1).await?;
        let session = text(sessions.first().context("a session")?, "id")?;
        // The manifest is written last: with it the recording is whole.
        s3.key_of(&session, "manifest.json").await?;
        let cast = String::from_utf8(s3.object(&s3.key_of(&session, "session.cast").await?).await?)?;
        let recorded = Cast::parse(&cast)?;
        ensure!(recorded.joined("o").contains("red\u{1b}[0m in a pod"), "{kubectl:?}: {}", recorded.joined("o"));
        ensure!(recorded.joined("x") == "3", "{kubectl:?}: {}", recorded.joined("x"));
        ensure!(carol.recording(&session).await? == cast, "{kubectl:?}: the console shows another one");
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("session.cast");
        fs::write(&file, &cast)?;
        let played = text_by_asciinema(&file).await?;
        ensure!(played.iter().any(|line| line.starts_with("red in a pod")), "{kubectl:?}: {played:#?}");
    }
    Ok(())
}

/// The shortest that the settings allow.
const LIFETIME: &str = "1m";

/// All of it, and then some for a busy machine.
const A_MINUTE_AND_MORE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_ends_when_the_login_does_and_kubectl_says_why() -> Result<()> {
    let provider = Provider::start().await?;
    let identity = json!({
        "oidc": { "issuer": provider.issuer(), "client_id": "bastion" }, "login_lifetime": LIFETIME,
    });
    let settings = Settings::serve(&provider).with("identity", identity);
    // Before the login, so that its minute is not spent on it.
    let _pod = Cluster::shared().await?.pod_that("expired", &["sh", "-c", "echo tick; exec sleep infinity"]).await?;
    let site = KubeSite::serving(settings).await?;
    let shell = site.terminal(Kubectl::Cluster, &["exec", "-it", "expired", "--", "sh"]).await?;
    shell.wait_until("the shell prompts", SOON, prompts).await?;
    let folder = tempfile::tempdir()?;
    let follow = site.kubectl(Kubectl::MachineSpdy, &["logs", "-f", "expired"]).await?;
    let mut logs = Program::start("logs", follow, folder.path())?;
    ensure!(logs.line(SOON).await? == "tick");

    let why = "your login has ended";
    shell.wait_for(why, A_MINUTE_AND_MORE).await?;
    let (code, screen) = shell.finish(SOON).await?;
    ensure!(code != 0, "{}", screen.lines().join("\n"));
    let last = logs.line(SOON).await?;
    ensure!(last.starts_with("bastion: ") && last.contains(why), "{last}");
    let carol = Api::log_in_at_provider(&site.bastion, "carol").await?;
    let session = carol.ended_sessions("demo-cluster", 1).await?;
    let session = session.first().context("a session")?;
    ensure!(at(session, "/end").to_string().contains(why), "{session}");
    until("the log's end is written down", SOON, async || {
        let requests = carol.items("/audit?kind=kube_request").await?;
        let ended = |event: &serde_json::Value| at(event, "/ended").as_str().is_some_and(|ended| ended.contains(why));
        Ok(requests.iter().any(|event| at(event, "/subresource") == "log" && ended(event)).then_some(()))
    })
    .await?;
    let again = site.run(&["get", "pod", "expired"]).await?;
    ensure!(again.code != 0 && again.stderr.contains("bastion login"), "{again:?}");
    Ok(())
}

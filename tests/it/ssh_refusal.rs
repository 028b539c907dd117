//! What somebody with a good certificate is refused, and what the message says.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{
    bastion::{Settings, open_rules, rules},
    peers,
    person::Person,
    program::Outcome,
    site::Site,
    sshd::Sshd,
};

fn refused(outcome: &Outcome, words: &[&str]) -> Result<()> {
    ensure!(outcome.code != 0 && outcome.stdout.is_empty(), "not refused: {outcome:?}");
    for word in words {
        ensure!(outcome.stderr.contains(word), "the message lacks {word:?}: {}", outcome.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_target() -> Result<()> {
    let site = Site::start().await?;
    let login = peers::login();
    let named = site.alice.ssh(&[&format!("{login}@nowhere@bastion"), "true"]).await?;
    refused(&named, &["nowhere", "bastion targets"])?;
    let jumped = site.alice.ssh(&["-J", "bastion", &format!("{login}@nowhere"), "true"]).await?;
    refused(&jumped, &["nowhere"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_not_allowed() -> Result<()> {
    let login = peers::login();
    let allow = json!([{ "targets": { "names": ["target"] }, "logins": [login], "capabilities": ["exec"] }]);
    let site = Site::start_with(rules(allow)).await?;
    site.alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    refused(&site.alice.ssh(&["postgres@target@bastion", "true"]).await?, &["postgres", "target"])?;
    refused(&site.alice.ssh(&["postgres@target", "true"]).await?, &["postgres", "target"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capability_that_is_not_allowed() -> Result<()> {
    let allow = json!([{ "targets": { "names": ["target"] }, "logins": ["*"], "capabilities": ["exec"] }]);
    let site = Site::start_with(rules(allow)).await?;
    let destination = Site::destination();
    site.alice.ssh(&[&destination, "true"]).await?.ok()?;
    refused(&site.alice.ssh(&[&destination]).await?, &["shell"])?;
    refused(&site.alice.ssh(&["-s", &destination, "sftp"]).await?, &["sftp"])?;
    let with_terminal = site.alice.ssh(&["-tt", &destination, "echo in"]).await?;
    ensure!(!with_terminal.text().lines().any(|line| line.trim() == "in"), "{with_terminal:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_is_refused_and_the_session_goes_on() -> Result<()> {
    let site = Site::start().await?;
    let port = peers::free_port()?.to_string();
    let forward = format!("{port}:127.0.0.1:{}", site.sshd.address().port());
    let destination = Site::destination();
    let outcome = site.alice.ssh(&["-o", "ExitOnForwardFailure=yes", "-R", &forward, &destination, "true"]).await?;
    ensure!(outcome.code == 255, "a remote forward was granted: {outcome:?}");
    let outcome = site.alice.ssh(&["-W", "127.0.0.1:22", "bastion"]).await?;
    refused(&outcome, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_without_a_role() -> Result<()> {
    let site = Site::start().await?;
    let carol = Person::log_in(&site.bastion, "carol").await?;
    refused(&carol.ssh(&[&format!("{}@target@bastion", peers::login()), "true"]).await?, &["target"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_host_key_has_changed() -> Result<()> {
    let mut site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    site.sshd.change_host_key().await?;
    refused(&site.alice.ssh(&[&Site::destination(), "echo in"]).await?, &["host key", "target"])?;
    let records = site.bastion.api("carol").await?.items("/audit?limit=200").await?;
    ensure!(records.iter().any(|record| record.to_string().contains("host key")), "{records:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_down() -> Result<()> {
    let mut site = Site::start().await?;
    site.sshd.kill().await?;
    refused(&site.alice.ssh(&[&Site::destination(), "true"]).await?, &["target", "could not be reached"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_a_host_ca_is_checked_by_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ca = folder.path().join("ca");
    tests::sshd::make_key(&ca).await?;
    let sshd = Sshd::start().await?;
    let mut target = sshd.target("target")?;
    let entry = target.as_object_mut().ok_or_else(|| anyhow::anyhow!("an object"))?;
    entry.remove("host_keys");
    entry.insert("host_ca".to_owned(), json!(tests::sshd::public_key(&ca.with_extension("pub"))?));
    let bastion = Settings::demo().target(target).rules(open_rules()).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in(&bastion, "alice").await?;
    // The target shows a plain key, which no CA has signed.
    refused(&alice.ssh(&[&Site::destination(), "echo in"]).await?, &["target"])
}

/// What SFTP does with files is not looked at; `scp -O` says which file it is.
#[tokio::test(flavor = "multi_thread")]
async fn sftp_where_a_rule_is_about_files() -> Result<()> {
    let mut rules = open_rules();
    let etc = json!([{ "name": "etc", "effect": "block", "match": { "command": { "writes": ["/etc/**"] } } }]);
    rules["rules"] = etc;
    let site = Site::start_with(rules).await?;
    let destination = Site::destination();
    let why = "needs approval by rule etc: SFTP may touch files that it is about";
    refused(&site.alice.ssh(&["-s", &destination, "sftp"]).await?, &[why])?;
    refused(&site.alice.ssh(&[&destination, "/usr/lib/openssh/sftp-server"]).await?, &["needs approval"])?;

    let file = site.alice.home().join("file");
    std::fs::write(&file, "content")?;
    let copy = async |arguments: &[&str], to: &str| {
        let (file, to) = (file.display().to_string(), format!("{destination}:{to}"));
        let arguments = [arguments, &[&file, &to]].concat();
        tests::program::run(site.alice.stock("scp", &arguments)?, b"", tests::patience::SOON).await
    };
    refused(&copy(&[], "here").await?, &[why])?;
    refused(&copy(&["-O"], "/etc/here").await?, &["blocked by rule etc"])?;
    let there = site.sshd.home().join("here");
    copy(&["-O"], &there.display().to_string()).await?.ok()?;
    ensure!(std::fs::read_to_string(there)? == "content");
    Ok(())
}

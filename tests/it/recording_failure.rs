//! The bucket or the issuer is down: what is refused, what goes on, what is said.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    api::at,
    bastion::{Settings, open_rules, rules},
    cast::Cast,
    oidc::Provider,
    patience::SOON,
    person::Person,
    s3::{BUCKET, S3},
    site::{BucketSite, Site},
    sshd::Sshd,
    tcp_fault::Fault,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bucket_nothing_runs_that_must_be_recorded() -> Result<()> {
    let site = BucketSite::start().await?;
    let folder = tempfile::tempdir()?;
    let touched = folder.path().join("touched");
    let touch = format!("touch {}; echo ran", touched.display());
    site.relay.set(Fault::Refuse);
    let refused = site.alice.ssh(&[&Site::destination(), &touch]).await?;
    ensure!(refused.code == 255 && refused.stdout.is_empty(), "{refused:?}");
    ensure!(refused.stderr.contains("recorded"), "the message does not say why: {refused:?}");
    ensure!(!touched.exists(), "the command ran all the same");
    // bash reads this whoever has sshd start it, also the bastion with a question of its own.
    fs::write(site.sshd.home().join(".bashrc"), format!("touch {}\n", touched.display()))?;
    let refused = site.alice.ssh(&["-tt", &Site::destination()]).await?;
    ensure!(refused.code == 255 && refused.stderr.contains("recorded"), "{refused:?}");
    ensure!(!touched.exists(), "a shell ran all the same");

    site.relay.set(Fault::None);
    site.alice.ssh(&[&Site::destination(), &touch]).await?.ok()?;
    ensure!(touched.exists());
    let records = site.api("carol").await?.items("/audit").await?;
    ensure!(records.iter().any(|record| record.to_string().contains("recording_failed")), "{records:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bucket_best_effort_goes_on_and_is_audited() -> Result<()> {
    let everything = json!(["shell", "exec", "pty", "sftp"]);
    let allow = json!([{ "targets": { "names": ["*"] }, "logins": ["*"], "capabilities": everything,
        "recording": "best-effort" }]);
    let site = BucketSite::start_with(rules(allow)).await?;
    site.relay.set(Fault::Refuse);
    let outcome = site.alice.ssh(&[&Site::destination(), "echo ran"]).await?.ok()?;
    ensure!(outcome.text() == "ran\n", "{outcome:?}");
    let records = site.api("carol").await?.items("/audit").await?;
    ensure!(records.iter().any(|record| record.to_string().contains("recording_failed")), "{records:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_goes_away_for_a_while_loses_nothing() -> Result<()> {
    let mut site = BucketSite::start().await?;
    let mut terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    terminal.type_text("echo be'fore'\n").await?;
    terminal.wait_for("before", SOON).await?;
    site.s3.kill().await?;
    terminal.type_text("echo mean'while'; seq 1 5000 | tail -n 1\n").await?;
    terminal.wait_for("5000", SOON).await?;
    terminal.type_text("exit\n").await?;
    let (_, screen) = terminal.finish(SOON).await?;
    site.s3.restart().await?;

    let sessions = site.api("alice").await?.ended_sessions("target", 1).await?;
    let session = sessions.first().and_then(|session| at(session, "/id").as_str()).context("a session")?;
    let key = site.s3.key_of(session, "session.cast").await?;
    let cast = Cast::parse(&String::from_utf8(site.s3.object(&key).await?)?)?;
    ensure!(cast.joined("o").contains("meanwhile"), "{:?}", cast.joined("o"));
    ensure!(cast.screen()?.lines() == screen.lines(), "{:?}, {:?}", cast.screen()?.lines(), screen.lines());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_rejects_the_signature_is_no_bucket() -> Result<()> {
    let (s3, provider, sshd) = tokio::try_join!(S3::start(), Provider::start(), Sshd::start())?;
    let recording = json!({
        "storage": format!("s3://{BUCKET}"),
        "s3": {
            "endpoint": format!("http://{}", s3.address()),
            "region": "us-east-1",
            "access_key_id": "env:TEST_ACCESS_KEY",
            // Not the secret that belongs to the key.
            "secret_access_key": "env:TEST_ACCESS_KEY",
            "path_style": true,
            "allow_http": true,
        },
    });
    let settings = Settings::serve(&provider).target(sshd.target("target")?).rules(open_rules());
    let bastion = settings.with("recording", recording).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    let refused = alice.ssh(&[&Site::destination(), "echo ran"]).await?;
    ensure!(refused.code == 255 && refused.stdout.is_empty(), "{refused:?}");
    ensure!(s3.keys("").await?.is_empty(), "something was written with a wrong signature");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_that_cannot_be_written_refuses_sessions() -> Result<()> {
    let site = Site::start().await?;
    // A file in place of the folder: root may write anywhere, so permissions would prove nothing.
    let spool = site.bastion.data().join("spool");
    fs::remove_dir_all(&spool).or_else(|error| if spool.exists() { Err(error) } else { Ok(()) })?;
    fs::write(&spool, "in the way")?;
    let refused = site.alice.ssh(&[&Site::destination(), "echo ran"]).await?;
    ensure!(refused.code == 255 && refused.stdout.is_empty(), "{refused:?}");
    ensure!(refused.stderr.contains("recorded"), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_issuer_logins_fail_with_a_reason_and_sessions_go_on() -> Result<()> {
    let mut site = BucketSite::start().await?;
    site.provider.kill().await?;
    site.alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    let bob = Person::stranger()?;
    let ca = site.bastion.ca().display().to_string();
    let outcome = bob.run_bastion(&["login", site.bastion.url(), "--device", "--ca", &ca]).await?;
    ensure!(outcome.code == 1 || outcome.code == 255, "{outcome:?}");
    ensure!(outcome.stderr.contains("issuer") || outcome.stderr.contains("provider"), "{outcome:?}");
    Ok(())
}

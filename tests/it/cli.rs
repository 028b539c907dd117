//! The `bastion` program from a terminal: listings, exports, messages, exit codes.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{api::at, patience::SOON, person::Person, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn listings_and_exports_tell_the_same_as_the_api() -> Result<()> {
    let site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "echo kept"]).await?.ok()?;
    let api = site.api().await?;
    let sessions = api.ended_sessions("target", 1).await?;
    let id = sessions.first().and_then(|session| at(session, "/id").as_str()).context("a session")?;

    let listed = site.alice.run_bastion(&["sessions", "ls", "--output", "json"]).await?.ok()?;
    ensure!(listed.text().contains(id), "{listed:?}");
    let listed: Value = serde_json::from_slice(&listed.stdout)?;
    ensure!(listed.is_array() || listed.get("items").is_some(), "{listed}");
    let table = site.alice.run_bastion(&["sessions", "ls"]).await?.ok()?;
    ensure!(table.text().contains("target"), "{table:?}");
    let shown = site.alice.run_bastion(&["sessions", "show", id]).await?.ok()?;
    ensure!(shown.text().contains("echo kept"), "{shown:?}");
    let exported = site.alice.run_bastion(&["export", id]).await?.ok()?;
    ensure!(exported.text() == api.recording(id).await?, "{exported:?}");
    let targets = site.alice.run_bastion(&["targets", "--output", "json"]).await?.ok()?;
    ensure!(targets.text().contains("target") && targets.text().contains("demo"), "{targets:?}");
    Ok(())
}

/// What was recorded asks, sets and switches what it likes; whoever watches gets their terminal back.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_in_which_a_recording_was_played_is_as_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("some.cast");
    fs::write(
        &file,
        concat!(
            "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n",
            "[0.0, \"o\", \"\\u001b[?1049h\\u001b[?1000h\\u001b[>1u\\u001b]52;c;cGxhbnRlZA==\\u0007\\u001b[6nshown\"]\n",
            "[0.0, \"r\", \"120x65535\"]\n",
        ),
    )?;
    let file = file.to_str().context("a name")?;
    let played = Person::stranger()?.bastion_in_terminal(&["play", file], 80, 24)?;
    let (code, screen) = played.finish(SOON).await?;
    let output = String::from_utf8_lossy(screen.output()).into_owned();
    ensure!(code == 0 && output.starts_with("\x1b[>0u") && output.contains("shown"), "{code}: {output:?}");
    ensure!(!output.contains("52;") && !output.contains("[6n") && !output.contains("[?1000h"), "{output:?}");
    let (_, after) = output.split_once("shown").context("what follows")?;
    ensure!(after.starts_with("\x1b[?1049l\x1b[<u") && after.contains("\x1b[?1000l"), "{after:?}");
    ensure!(after.contains("in windows of up to 120x500"), "{after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_the_exit_code_is_3_and_says_what_to_do() -> Result<()> {
    let stranger = Person::stranger()?;
    for arguments in [&["sessions", "ls"][..], &["targets"], &["ssh-config"]] {
        let outcome = stranger.run_bastion(arguments).await?;
        ensure!(outcome.code == 3 && outcome.stderr.contains("bastion login"), "{arguments:?}: {outcome:?}");
    }
    let usage = stranger.run_bastion(&["sessions", "dance"]).await?;
    ensure!(usage.code == 2, "{usage:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_file_line_key_and_what_was_meant() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join("bastion.yaml"),
        "data_dir: data\nidentity:\n  oidc:\n    isuer: https://idp.example.com\n    client_id: bastion\n\
         targets: []\nrecording: { storage: \"file:///tmp\" }\nrules: [rules.yaml]\n",
    )?;
    fs::write(folder.path().join("rules.yaml"), "roles:\n  engineer:\n    groups: [a]\n    alow: []\n")?;
    let file = folder.path().join("bastion.yaml").display().to_string();
    let outcome = Person::stranger()?.run_bastion(&["check", "--config", &file]).await?;
    ensure!(outcome.code == 1, "{outcome:?}");
    let said = outcome.text() + &outcome.stderr;
    for word in ["bastion.yaml:4", "isuer", "issuer", "rules.yaml:4", "alow", "allow"] {
        ensure!(said.contains(word), "the errors lack {word:?}: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_leaves_nothing_behind_when_it_is_stopped() -> Result<()> {
    let mut site = Site::start().await?;
    let status = site.bastion.terminate(tests::patience::SOON).await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_own_target_gives_a_shell() -> Result<()> {
    let site = Site::start().await?;
    let outcome = site.alice.ssh(&["demo@demo", "echo $((6 * 7)); exit 3"]).await?;
    ensure!(outcome.code == 3 && outcome.text() == "42\n", "{outcome:?}");
    Ok(())
}

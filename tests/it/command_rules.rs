//! Rules on commands, for exec requests: what is blocked has not run, and the user reads why.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    bastion::open_rules,
    patience::SOON,
    program::{Outcome, run},
    site::Site,
};

/// Everything is allowed but `rm -rf`, in any spelling; restarting a service needs an approval.
fn rules() -> Value {
    let on_commands = json!([
        {
            "name": "rm-rf",
            "effect": "block",
            "match": { "command": { "program": ["rm"], "flags": { "all": [["r", "R", "recursive"], ["f", "force"]] } } },
            "message": "deleting whole trees is not allowed here",
        },
        {
            "name": "restart",
            "effect": "approve",
            "match": { "command": { "program": ["systemctl"], "subcommand": ["restart"] } },
        },
    ]);
    let mut rules = open_rules();
    if let Some(document) = rules.as_object_mut() {
        document.insert("rules".to_owned(), on_commands);
    }
    rules
}

fn blocked(outcome: &Outcome, words: &[&str]) -> Result<()> {
    ensure!(outcome.code == 5 && outcome.stdout.is_empty(), "not blocked: {outcome:?}");
    for word in words {
        ensure!(outcome.stderr.contains(word), "the message lacks {word:?}: {}", outcome.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_blocks_does_not_reach_the_target() -> Result<()> {
    let site = Site::start_with(rules()).await?;
    let folder = tempfile::tempdir()?;
    let precious = folder.path().join("precious");
    std::fs::create_dir(&precious)?;
    let path = precious.display();
    for command in [
        format!("rm -rf {path}"),
        format!("true; rm --recursive --force {path}"),
        format!("sh -c 'rm -r -f {path}'"),
        format!("env X=1 nice -n 5 \\r\"m\" -fR {path}"),
        format!("echo $(rm -rf {path})"),
    ] {
        let outcome = site.alice.ssh(&[&Site::destination(), &command]).await?;
        blocked(&outcome, &["deleting whole trees is not allowed here"])?;
        ensure!(precious.exists(), "{command} ran");
    }
    let with_terminal = site.alice.ssh(&["-tt", &Site::destination(), &format!("rm -rf {path}")]).await?;
    ensure!(with_terminal.code == 5 && precious.exists(), "{with_terminal:?}");
    site.alice.ssh(&[&Site::destination(), &format!("rm -r {path}")]).await?.ok()?;
    ensure!(!precious.exists(), "rm -r is not what the rule is about");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_judged_is_refused() -> Result<()> {
    let site = Site::start_with(rules()).await?;
    let destination = Site::destination();
    blocked(&site.alice.ssh(&[&destination, "systemctl restart db"]).await?, &["approvals are not available"])?;
    blocked(&site.alice.ssh(&[&destination, "\"$WHATEVER\" now"]).await?, &["cannot be known"])?;
    let script = site.alice.ssh_with_input(&[&destination, "bash -s"], b"rm -rf /nonexistent\n").await?;
    blocked(&script, &["standard input"])?;
    let shell = site.alice.ssh_with_input(&["-T", &destination], b"rm -rf /nonexistent\n").await?;
    blocked(&shell, &["standard input"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_command_is_audited_with_its_rule() -> Result<()> {
    let site = Site::start_with(rules()).await?;
    blocked(&site.alice.ssh(&[&Site::destination(), "rm -rf /nonexistent"]).await?, &[])?;
    let events = site.bastion.api("carol").await?.items("/audit?kind=channel_refused").await?;
    let event = events.first().map(ToString::to_string).unwrap_or_default();
    ensure!(event.contains("rm-rf") && event.contains("rm -rf /nonexistent"), "{events:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_go_on_beside_rules_on_commands() -> Result<()> {
    let site = Site::start_with(rules()).await?;
    let folder = tempfile::tempdir()?;
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::write(&from, b"content")?;
    let (local, remote) = (from.display().to_string(), format!("{}:{}", Site::destination(), to.display()));
    for options in [&["-q"][..], &["-q", "-O"]] {
        let arguments = [options, &[&local, &remote]].concat();
        run(site.alice.stock("scp", &arguments)?, b"", SOON).await?.ok()?;
        ensure!(std::fs::read(&to)? == b"content", "scp {options:?}");
        std::fs::remove_file(&to)?;
    }
    Ok(())
}

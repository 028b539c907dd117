//! Rules that change while the bastion runs: new ones count at once, bad ones change nothing.

use std::fs;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::{
    bastion::{Bastion, open_rules, rules},
    patience::{SOON, until},
    site::{BucketSite, Site},
    terminal::Screen,
};

/// Everything is allowed but this program.
fn without(program: &str) -> Value {
    let mut rules = open_rules();
    let blocked = json!([{ "name": "no", "effect": "block", "match": { "command": { "program": [program] } } }]);
    if let Some(document) = rules.as_object_mut() {
        document.insert("rules".to_owned(), blocked);
    }
    rules
}

/// Replaces the rules as editors do: another file takes the name.
fn replace(bastion: &Bastion, text: &str) -> Result<()> {
    let file = bastion.rules_file();
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, &file)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_counts_and_a_bad_one_changes_nothing() -> Result<()> {
    let site = Site::start_with(without("hostname")).await?;
    let (destination, carol) = (Site::destination(), site.bastion.api("carol").await?);
    let events = async |kind: &str| carol.items(&format!("/audit?kind={kind}")).await;
    ensure!(site.alice.ssh(&[&destination, "hostname"]).await?.code == 5);
    replace(&site.bastion, &without("id").to_string())?;
    until("new rules", SOON, async || Ok(events("rules_reloaded").await?.first().cloned())).await?;
    site.alice.ssh(&[&destination, "hostname"]).await?.ok()?;
    ensure!(site.alice.ssh(&[&destination, "id"]).await?.code == 5);

    replace(&site.bastion, "roles: { a: { groups: [x], alow: [] } }\nrules: 7\n")?;
    let event = until("a refusal", SOON, async || Ok(events("rules_rejected").await?.first().cloned())).await?;
    ensure!(event["errors"].as_array().is_some_and(|errors| errors.len() == 2), "every error is named: {event}");
    ensure!(site.bastion.program().log().contains("alow"), "the operator is told");
    ensure!(site.alice.ssh(&[&destination, "id"]).await?.code == 5, "the old rules stand");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_counts_for_the_next_line_of_a_running_session() -> Result<()> {
    let site = Site::start_with(without("id")).await?;
    let carol = site.bastion.api("carol").await?;
    let reload = async |program: &str| {
        let before = carol.items("/audit?kind=rules_reloaded").await?.len();
        replace(&site.bastion, &without(program).to_string())?;
        until("new rules", SOON, async || {
            Ok((carol.items("/audit?kind=rules_reloaded").await?.len() > before).then_some(()))
        })
        .await
    };
    let mut shell = site.alice.shell(&Site::destination(), 100, 30).await?;
    let prompts = |screen: &Screen| screen.lines().last().is_some_and(|line| line == ">");
    shell.type_text("printf '%s again\\n' once\r").await?;
    shell.wait_for("once again", SOON).await?;
    shell.wait_until("the shell prompts", SOON, prompts).await?;
    reload("printf").await?;
    shell.type_text("printf '%s again\\n' twice\r").await?;
    shell.wait_for("bastion: blocked by rule no", SOON).await?;
    shell.wait_until("the shell prompts", SOON, prompts).await?;
    reload("id").await?;
    shell.type_text("printf '%s again\\n' thrice\r").await?;
    shell.wait_for("thrice again", SOON).await?;
    ensure!(!shell.screen().lines().iter().any(|line| line == "twice again"), "what was blocked ran");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_new_rules_do_not_allow_is_ended() -> Result<()> {
    let site = Site::start().await?;
    let shell = site.alice.shell(&Site::destination(), 80, 24).await?;
    replace(&site.bastion, &rules(json!([])).to_string().replace("\"allow\":[]", "\"console\":[\"audit\"]"))?;
    shell.wait_for("session ended: the rules have changed", SOON).await?;
    let (code, _) = shell.finish(SOON).await?;
    ensure!(code == 255, "{code}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads_a_server() -> Result<()> {
    let site = BucketSite::start().await?;
    let before = site.bastion.program().log().matches("rules reloaded").count();
    site.bastion.program().signal(Signal::HUP)?;
    until("a reload", SOON, async || {
        Ok((site.bastion.program().log().matches("rules reloaded").count() > before).then_some(()))
    })
    .await?;
    Ok(())
}

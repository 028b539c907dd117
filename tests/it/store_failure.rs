//! The database fails under a running bastion: what is refused, what goes on, and that it all is there afterwards.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    api::{Api, at},
    bastion::{Bastion, Settings, open_rules},
    oidc::Provider,
    patience::{SOON, until},
    peers,
    person::Person,
    program::run,
    site::Site,
    sshd::Sshd,
    store_fault::{Disk, Lock},
};
use tokio::process::Command;

/// Rules in which one command is blocked.
fn rules() -> Value {
    let mut rules = open_rules();
    let no_rm = json!([{ "name": "no-rm", "effect": "block", "message": "nothing is removed here",
        "match": { "command": { "program": ["rm"] } } }]);
    if let Some(rules) = rules.as_object_mut() {
        rules.insert("rules".to_owned(), no_rm);
    }
    rules
}

async fn readiness(bastion: &Bastion, wanted: StatusCode) -> Result<String> {
    let http = Api::http(&fs::read(bastion.ca())?)?;
    let ready = format!("{}/readyz", bastion.url());
    until(&format!("/readyz says {wanted}"), SOON, async || {
        let answer = http.get(&ready).send().await?;
        if answer.status() == wanted { Ok(Some(answer.text().await?)) } else { Ok(None) }
    })
    .await
}

fn kinds(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| at(event, "/kind") == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_loses_no_event_and_no_end_of_a_session() -> Result<()> {
    let site = Site::start_with(rules()).await?;
    site.alice.ssh(&[&Site::destination(), "echo before"]).await?.ok()?;
    let mut terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    terminal.type_text("echo re'ady'\n").await?;
    terminal.wait_for("ready", SOON).await?;

    let lock = Lock::of(&site.bastion.data().join("bastion.db")).await?;
    terminal.type_text("rm -r typed-while-locked\n").await?;
    terminal.wait_for("nothing is removed here", SOON).await?;
    let refused = site.alice.ssh(&[&Site::destination(), "echo during"]).await?;
    ensure!(refused.code == 255 && refused.stdout.is_empty() && refused.stderr.contains("bastion:"), "{refused:?}");
    let why = readiness(&site.bastion, StatusCode::SERVICE_UNAVAILABLE).await?;
    // Which of them holds the only connection that writes is chance.
    let known = ["locked", "does not answer in time", "wait to be written"];
    ensure!(known.iter().any(|words| why.contains(words)), "{why}");
    // The terminal goes on while nothing can be written, and ends meanwhile.
    terminal.type_text("echo still-$((1+1)); exit 7\n").await?;
    let (code, screen) = terminal.finish(SOON).await?;
    ensure!(screen.lines().join("\n").contains("still-2") && code == 7, "{code}: {:?}", screen.lines());
    lock.release().await?;

    readiness(&site.bastion, StatusCode::OK).await?;
    site.alice.ssh(&[&Site::destination(), "echo after"]).await?.ok()?;
    let sessions = site.api().await?.ended_sessions("target", 3).await?;
    ensure!(
        sessions.len() == 3 && !sessions.iter().any(|session| at(session, "/end/how") == "cut_off"),
        "{sessions:?}"
    );
    let events = site.bastion.api("carol").await?.items("/audit").await?;
    let text = format!("{events:?}");
    ensure!(text.contains("typed-while-locked"), "the blocked line is not in the audit log");
    ensure!((kinds(&events, "session_started"), kinds(&events, "session_ended")) == (3, 3), "{events:?}");
    let recovered = events.iter().find(|event| at(event, "/kind") == "store_recovered").context("no notice of it")?;
    ensure!(at(recovered, "/delayed").as_u64() >= Some(1) && at(recovered, "/lost") == 0, "{recovered}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_file_is_gone_lets_nothing_start_and_says_why() -> Result<()> {
    let mut site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "echo before"]).await?.ok()?;
    fs::rename(site.bastion.data().join("bastion.db"), site.bastion.data().join("moved"))?;
    let refused = site.alice.ssh(&[&Site::destination(), "echo during"]).await?;
    ensure!(refused.code == 255 && refused.stdout.is_empty(), "{refused:?}");
    let why = readiness(&site.bastion, StatusCode::SERVICE_UNAVAILABLE).await?;
    ensure!(why.contains("removed or replaced") && why.contains("restarted"), "{why}");

    fs::rename(site.bastion.data().join("moved"), site.bastion.data().join("bastion.db"))?;
    site.bastion.terminate(SOON).await?;
    site.bastion.restart().await?;
    readiness(&site.bastion, StatusCode::OK).await?;
    let events = site.bastion.api("carol").await?.items("/audit").await?;
    ensure!(kinds(&events, "session_started") == 1 && kinds(&events, "session_ended") == 1, "{events:?}");
    ensure!(kinds(&events, "store_recovered") == 1, "what waited is written after the restart: {events:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_bastion_in_the_same_folder_does_not_start_and_names_the_first() -> Result<()> {
    let site = Site::start().await?;
    let mut terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    terminal.type_text("echo re'ady'\n").await?;
    terminal.wait_for("ready", SOON).await?;

    let mut second = Command::new(peers::bastion()?);
    second.args(["demo", "--ssh-listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0", "--data-dir"]);
    second.arg(site.bastion.data());
    let outcome = run(second, b"", SOON).await?;
    let pid = format!("process {}", site.bastion.program().pid());
    let address = site.bastion.ssh().to_string();
    let told = outcome.stderr.contains(&pid) && outcome.stderr.contains(&address);
    ensure!(outcome.code == 1 && told && outcome.stderr.contains("data_dir"), "{outcome:?}");

    let running = site.api().await?.items("/sessions?running=true").await?;
    ensure!(running.len() == 1, "the first one's session was ended: {running:?}");
    terminal.type_text("echo on-$((1+1)); exit\n").await?;
    terminal.finish(SOON).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_for_a_moment_needs_no_restart() -> Result<()> {
    let Some(disk) = Disk::mount(8).await? else {
        eprintln!("skipped: this machine lets nobody mount a small disk; the store's own tests have the same");
        return Ok(());
    };
    let (provider, sshd) = tokio::try_join!(Provider::start(), Sshd::start())?;
    let database = disk.path().join("bastion.db");
    let settings = Settings::serve(&provider).target(sshd.target("target")?).rules(rules());
    let bastion = settings.with("store", json!(format!("sqlite://{}", database.display()))).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    alice.ssh(&[&Site::destination(), "echo before"]).await?.ok()?;

    let full = disk.fill().await?;
    // The log of the database may have room for some more.
    until("nothing starts any more", SOON, async || {
        let outcome = alice.ssh(&[&Site::destination(), "echo during"]).await?;
        Ok((outcome.code == 255).then_some(()))
    })
    .await?;
    let why = readiness(&bastion, StatusCode::SERVICE_UNAVAILABLE).await?;
    ensure!(why.contains("full") || why.contains("wait to be written"), "{why}");

    drop(full);
    readiness(&bastion, StatusCode::OK).await?;
    alice.ssh(&[&Site::destination(), "echo after"]).await?.ok()?;
    let api = Api::log_in_at_provider(&bastion, "carol").await?;
    let events = until("the notice is there", Duration::from_secs(10), async || {
        let events = api.items("/audit").await?;
        Ok((kinds(&events, "store_recovered") > 0).then_some(events))
    })
    .await?;
    ensure!(kinds(&events, "session_started") == kinds(&events, "session_ended"), "{events:?}");
    drop(bastion);
    Ok(())
}

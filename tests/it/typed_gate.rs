//! Lines that are typed into real shells over stock ssh: what a rule blocks does not run, and the shell goes on.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::at,
    bastion::open_rules,
    desk::Desk,
    patience::{SOON, until},
    terminal::Screen,
};

const MESSAGE: &str = "bastion: blocked by rule rm-rf: deleting whole trees is not allowed here";

/// Everything is allowed but `rm -rf`, in this mode.
fn rules(mode: &str) -> Value {
    let mut rules = open_rules();
    let blocked = json!([{
        "name": "rm-rf",
        "effect": "block",
        "match": { "command": { "program": ["rm"], "flags": { "all": [["r", "R", "recursive"], ["f", "force"]] } } },
        "message": "deleting whole trees is not allowed here",
    }]);
    if let Some(rules) = rules.as_object_mut() {
        rules.insert("rules".to_owned(), blocked);
    }
    let allow = rules.pointer_mut("/roles/engineer/allow/0").and_then(Value::as_object_mut);
    if let Some(allow) = allow {
        allow.insert("mode".to_owned(), json!(mode));
    }
    rules
}

async fn desk(mode: &str) -> Result<Desk> {
    Desk::start(rules(mode), "bash --norc").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_line_is_told_recorded_and_audited_and_the_shell_goes_on() -> Result<()> {
    for command in ["bash --norc", "dash"] {
        let mut desk = Desk::start(rules("guard"), command).await?;
        let line = format!("rm -rf {}", desk.precious().display());
        desk.types(&format!("{line}<Enter>")).await?;
        let is_told = |screen: &Screen| screen.lines().iter().any(|shown| shown == MESSAGE);
        desk.shell.wait_until("the message stands on a line of its own", SOON, is_told).await?;
        desk.goes_on(command).await?;
        let (_site, carols, session) = desk.leaves().await?;
        let cast = carols.cast(&session).await?;
        let markers = cast.joined("m");
        ensure!(markers.contains(&format!("blocked by rule rm-rf: {line}")), "{command}: {markers}");
        let events = carols.items("/audit?kind=command_blocked").await?;
        ensure!(events.len() == 1, "{command}: {events:?}");
        let event = events.first().context("one")?;
        ensure!(event["session"] == json!(session) && event["rule"] == "rm-rf", "{command}: {event}");
        ensure!(event["command"] == json!(line) && event["user"] == "alice", "{command}: {event}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_judged_as_it_was_put_together() -> Result<()> {
    let mut desk = desk("guard").await?;
    let told = async |desk: &Desk, times: usize| {
        let is_told =
            |screen: &Screen| screen.lines().iter().filter(|line| line.starts_with("bastion: ")).count() >= times;
        desk.shell.wait_until("the line is not let through", SOON, is_told).await
    };
    desk.types("echo rm -rf precious_folder<Enter>").await?;
    desk.goes_on("history").await?;
    // Recalled and edited; found by search and edited; completed; typed in two halves.
    for (number, line) in [
        "<Up><Up><Home><M-d><Del><Enter>",
        "<C-r>echo rm<C-a><M-d><Del><Enter>",
        "rm -rf prec<Tab><Enter>",
        "precious_folder<C-a>rm -rf <Enter>",
        "rm -r precious_folder<Left><Left><C-a><M-f> -f<Enter>",
    ]
    .into_iter()
    .enumerate()
    {
        desk.types(line).await?;
        told(&desk, number + 1).await?;
        desk.goes_on(&format!("line {number}")).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paste_is_judged_whole() -> Result<()> {
    let mut desk = desk("guard").await?;
    desk.types("<Paste>touch pasted<Newline>rm -rf precious_folder<Newline>touch too<PasteEnd><Enter>").await?;
    desk.shell.wait_for("bastion: blocked by rule rm-rf", SOON).await?;
    desk.goes_on("paste").await?;
    ensure!(!desk.folder().join("pasted").exists(), "a part of the paste ran");
    desk.types("<Paste>touch pasted<Newline>touch too<PasteEnd><Enter>").await?;
    until("a harmless paste runs", SOON, async || Ok(desk.folder().join("too").exists().then_some(()))).await?;
    ensure!(desk.folder().join("pasted").exists());
    desk.goes_on("harmless").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_without_echo_is_kept_nowhere() -> Result<()> {
    const SECRET: &str = "correct-horse-battery";
    let mut desk = desk("guard").await?;
    desk.types("read -s -p 'word? ' word<Enter>").await?;
    let asks = |screen: &Screen| screen.lines().last().is_some_and(|line| line == "word?");
    desk.shell.wait_until("the question", SOON, asks).await?;
    desk.types(&format!("{SECRET}<Enter>")).await?;
    let prompts = |screen: &Screen| screen.lines().last() == Some(&format!("word? {}", desk.prompt()));
    desk.shell.wait_until("the prompt after the answer", SOON, prompts).await?;
    desk.types("echo; echo \"length ${#word}\"<Enter>").await?;
    desk.shell.wait_for(&format!("length {}", SECRET.len()), SOON).await?;
    desk.goes_on("secret").await?;
    let (site, carols, session) = desk.leaves().await?;
    let recording = carols.recording(&session).await?;
    ensure!(recording.contains("word? "), "the question is recorded");
    ensure!(!recording.contains(SECRET), "the secret is in the recording");
    let audit = serde_json::to_string(&carols.items("/audit").await?)?;
    ensure!(audit.contains(&session) && !audit.contains(SECRET), "the secret is in the audit log");
    ensure!(!site.bastion.program().log().contains(SECRET), "the secret is in the log");
    for file in walk(site.bastion.data())? {
        let bytes = std::fs::read(&file)?;
        let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        ensure!(!found, "the secret is in {}", file.display());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_typed_into_vim_is_judged() -> Result<()> {
    let mut desk = desk("guard").await?;
    desk.types("vim -u NONE -N notes.txt<Enter>").await?;
    desk.shell.wait_for("notes.txt\"", SOON).await?;
    desk.types(":!rm -rf precious_folder<Enter>").await?;
    desk.shell.wait_for("bastion: ", SOON).await?;
    desk.types("<Esc><Esc>:q!<Enter>").await?;
    desk.goes_on("vim").await?;
    let (_site, carols, session) = desk.leaves().await?;
    let mut events = carols.items("/audit?kind=command_blocked").await?;
    events.extend(carols.items("/audit?kind=command_held").await?);
    ensure!(events.iter().any(|event| at(event, "/session") == &json!(session)), "{events:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_lets_a_line_run_and_notes_what_would_have_been() -> Result<()> {
    let mut desk = desk("observe").await?;
    let precious = desk.precious();
    desk.types("rm -rf precious_folder<Enter>").await?;
    until("it runs", SOON, async || Ok((!precious.exists()).then_some(()))).await?;
    let (_site, carols, session) = desk.leaves().await?;
    let events = carols.items("/audit?kind=command_observed").await?;
    let event = events.first().context("no event")?;
    ensure!(event["session"] == json!(session) && event["rule"] == "rm-rf" && event["effect"] == "block", "{event}");
    ensure!(event["command"] == "rm -rf precious_folder", "{event}");
    let markers = carols.cast(&session).await?.joined("m");
    ensure!(markers.contains("rm -rf precious_folder"), "{markers}");
    Ok(())
}

/// The files below a folder.
fn walk(folder: &std::path::Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(walk(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

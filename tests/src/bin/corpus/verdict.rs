//! What the bastion said to each case, read from the audit log as an auditor does.

use std::{collections::BTreeMap, fs};

use anyhow::{Result, bail};
use config::rules::SessionMode;
use serde_json::Value;
use tests::{api::at, bastion::Bastion, patience::SOON, person::Person, program::run};

use crate::{case::Verdict, modes, place::target_name};

/// The events that say that something did not go on at once.
const KINDS: [&str; 3] = ["command_blocked", "command_held", "channel_refused"];

/// A verdict, and why.
pub(crate) type Said = (Verdict, String);

/// Every event of these kinds, with its kind.
///
/// # Errors
/// Fails when the log cannot be read.
pub(crate) async fn events(bastion: &Bastion) -> Result<Vec<(&'static str, Value)>> {
    let api = bastion.api("carol").await?;
    let mut events = Vec::new();
    for kind in KINDS {
        let of_kind = api.items(&format!("/audit?kind={kind}&limit=200")).await?;
        events.extend(of_kind.into_iter().map(|event| (kind, event)));
    }
    Ok(events)
}

/// The strictest verdict on each target name that has one.
///
/// # Errors
/// Fails when the log cannot be read.
pub(crate) async fn from_audit(bastion: &Bastion) -> Result<BTreeMap<String, Said>> {
    let mut by_target: BTreeMap<String, Vec<(&str, Value)>> = BTreeMap::new();
    for (kind, event) in events(bastion).await? {
        let target = at(&event, "/target").as_str().unwrap_or_default().to_owned();
        by_target.entry(target).or_default().push((kind, event));
    }
    Ok(by_target.into_iter().map(|(target, events)| (target, strictest(&events))).collect())
}

/// What these events come to; nothing was said against what has none.
pub(crate) fn strictest(events: &[(&str, Value)]) -> Said {
    let mut strictest = (Verdict::Allow, String::new());
    for (kind, event) in events {
        let text = |key: &str| at(event, key).as_str().unwrap_or_default();
        let verdict = verdict(kind, event);
        if strictest.0 < verdict {
            strictest = (verdict, format!("{} {}", text("/rule"), text("/reason")).trim().to_owned());
        }
    }
    strictest
}

fn verdict(kind: &str, event: &Value) -> Verdict {
    let opaque = *at(event, "/opaque") == true;
    match kind {
        "channel_refused" => Verdict::Block,
        _ if opaque => Verdict::HoldUnparseable,
        "command_held" => Verdict::Approve,
        _ => Verdict::Block,
    }
}

/// The verdict of the product's own engine in this mode on words that no shell reads.
///
/// # Errors
/// Fails when `bastion rules explain` does.
pub(crate) async fn on_words(mode: SessionMode, words: &[String], stdin: Option<&str>) -> Result<Said> {
    let nobody = Person::stranger()?;
    let folder = tempfile::tempdir()?;
    let rules = folder.path().join("rules.yaml");
    fs::write(&rules, modes::rules(mode)?)?;
    let rules = rules.display().to_string();
    let mut command = nobody.bastion(&["rules", "explain", "--user", "alice", "--groups", "people"])?;
    command
        .args(["--target", &target_name(0, 0), "--rules", &rules, "--mode", mode.as_str(), "--argv", "--"])
        .args(words);
    let text = run(command, stdin.unwrap_or_default().as_bytes(), SOON).await?.ok()?.text();
    let decides = text.lines().find(|line| line.ends_with("decides")).unwrap_or_default().trim().to_owned();
    let opaque = decides.contains(" opaque:") || decides.contains("(built in)");
    let verdict = match text.lines().next() {
        Some("allow") => Verdict::Allow,
        Some("block") => Verdict::Block,
        Some("approve") if opaque => Verdict::HoldUnparseable,
        Some("approve") => Verdict::Approve,
        _ => bail!("rules explain printed: {text}"),
    };
    Ok((verdict, decides))
}

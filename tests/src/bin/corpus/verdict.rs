//! What the bastion said to each case, read from the audit log as an auditor does.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;
use tests::{api::at, bastion::Bastion, patience::SOON, person::Person, program::run};

use crate::{
    case::Verdict,
    place::{rules_file, target_name},
};

/// The events that say that something did not go on at once.
const KINDS: [&str; 3] = ["command_blocked", "command_held", "channel_refused"];

/// A verdict, and why.
pub(crate) type Said = (Verdict, String);

/// The strictest verdict on each target name that has one.
///
/// # Errors
/// Fails when the log cannot be read.
pub(crate) async fn from_audit(bastion: &Bastion) -> Result<BTreeMap<String, Said>> {
    let api = bastion.api("carol").await?;
    let mut verdicts: BTreeMap<String, Said> = BTreeMap::new();
    for kind in KINDS {
        for event in api.items(&format!("/audit?kind={kind}&limit=200")).await? {
            let text = |key: &str| at(&event, key).as_str().unwrap_or_default().to_owned();
            let said = (verdict(kind, &event), format!("{} {}", text("/rule"), text("/reason")).trim().to_owned());
            let target = text("/target");
            if verdicts.get(&target).is_none_or(|(before, _)| *before < said.0) {
                verdicts.insert(target, said);
            }
        }
    }
    Ok(verdicts)
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

/// The verdict of the product's own engine on words that no shell reads.
///
/// # Errors
/// Fails when `bastion rules explain` does.
pub(crate) async fn on_words(words: &[String], stdin: Option<&str>) -> Result<Said> {
    let nobody = Person::stranger()?;
    let rules = rules_file().display().to_string();
    let mut command = nobody.bastion(&["rules", "explain", "--user", "alice", "--groups", "people"])?;
    command.args(["--target", &target_name(0), "--rules", &rules, "--argv", "--"]).args(words);
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

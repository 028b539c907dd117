//! Bob decides in Chromium, by the inbox and by a link.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::{at, text},
    patience::SOON,
    peers,
    program::run,
    site::Site,
};
use tokio::process::Command;

use crate::approvals::{rules, runs};

/// Decides as a person does, and returns what the page showed.
async fn in_chromium(site: &Site, approval: &str, more: Value) -> Result<Value> {
    let install = "install the Debian package chromium";
    let mut wanted = json!({
        "web_url": site.bastion.url(),
        "ca": site.bastion.ca(),
        "user": "bob",
        "approval": approval,
         "chromium": peers::find(&["chromium", "chromium-browser", "google-chrome"], install)?,
    });
    if let (Some(wanted), Value::Object(more)) = (wanted.as_object_mut(), more) {
        wanted.extend(more);
    }
    let mut node = Command::new(peers::find(&["node", "nodejs"], "install Node.js 20 or later")?);
    node.arg(peers::tests_folder().join("browser/approvals.mjs")).arg(wanted.to_string());
    let shown = run(node, b"", 4 * SOON).await?.ok()?;
    Ok(serde_json::from_slice(&shown.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn bob_decides_in_the_console_by_what_he_sees_there() -> Result<()> {
    let site = Site::start_with(rules()).await?;
    let bobs = site.bastion.api("bob").await?;
    let folder = tempfile::tempdir()?;
    let witness = folder.path().join("witness");
    // What a terminal would not show is named in the page.
    let command = format!("touch {} # \u{202e}\u{1b}[8m", witness.display());

    let deny = async {
        let id = text(&bobs.waiting_approval().await?, "id")?;
        in_chromium(&site, &id, json!({ "action": "deny", "comment": "not today", "link": true })).await
    };
    let (outcome, shown) = tokio::try_join!(runs(&site.alice, &command), deny)?;
    ensure!(outcome.code == 5 && outcome.stderr.contains("denied by bob: not today"), "{outcome:?}");
    ensure!(at(&shown, "/state") == "denied" && !witness.exists(), "{shown}");

    let approve = async {
        let id = text(&bobs.waiting_approval().await?, "id")?;
        in_chromium(&site, &id, json!({ "action": "approve", "scope": "1h" })).await
    };
    let (outcome, shown) = tokio::try_join!(runs(&site.alice, &command), approve)?;
    ensure!(outcome.code == 0 && witness.exists(), "{outcome:?}");
    ensure!(at(&shown, "/state") == "approved" && at(&shown, "/badge") == 1, "{shown}");
    let seen = at(&shown, "/command").as_str().unwrap_or_default();
    ensure!(seen.starts_with(&format!("touch {} # ", witness.display())), "{seen:?}");
    ensure!(!seen.contains(['\u{202e}', '\u{1b}']) && seen.contains("202E"), "{seen:?}");
    ensure!(at(&shown, "/csp_violations") == &json!([]) && at(&shown, "/console_errors") == &json!([]), "{shown}");
    // Approved for an hour: nobody is asked again.
    runs(&site.alice, &command).await?.ok()?;
    Ok(())
}

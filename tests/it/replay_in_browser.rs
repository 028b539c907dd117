//! The replay in Chromium shows what the terminal showed: text, wide characters, size, colours.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{api::at, patience::SOON, peers, program::run, site::Site};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_player_ends_on_the_screen_of_the_terminal() -> Result<()> {
    let site = Site::start().await?;
    let mut terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    terminal.type_text("printf '\\033[31mred\\033[0m \\344\\270\\226\\347\\225\\214 wide\\n'\n").await?;
    terminal.wait_for("red 世界 wide", SOON).await?;
    terminal.resize(100, 30)?;
    terminal.type_text("until [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done; echo re'sized'\n").await?;
    terminal.wait_for("resized", SOON).await?;
    terminal.type_text("exit\n").await?;
    let (_, screen) = terminal.finish(SOON).await?;
    let sessions = site.api().await?.ended_sessions("target", 1).await?;
    let session = sessions.first().map(|session| at(session, "/id").clone()).context("a session")?;

    let wanted = json!({
        "web_url": site.bastion.url(),
        "ca": site.bastion.ca(),
        "user": "alice",
        "session": session,
        "at": "end",
        "chromium": peers::find(&["chromium", "chromium-browser", "google-chrome"], "install the Debian package chromium")?,
    });
    let mut node = Command::new(peers::find(&["node", "nodejs"], "install Node.js 20 or later")?);
    node.arg(peers::tests_folder().join("browser/replay.mjs")).arg(wanted.to_string());
    let replay = run(node, b"", 4 * SOON).await?.ok()?;
    let replay: Value = serde_json::from_slice(&replay.stdout)?;
    let mut text: Vec<String> = serde_json::from_value(at(&replay, "/text").clone())?;
    text.iter_mut().for_each(|line| *line = line.trim_end().to_owned());
    text.truncate(text.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
    ensure!(text == screen.lines(), "player: {text:#?}\nterminal: {:#?}", screen.lines());
    ensure!(at(&replay, "/cols") == 100 && at(&replay, "/rows") == 30, "{replay}");
    let colours = at(&replay, "/colours").as_array().context("colours")?;
    ensure!(
        colours.iter().any(|run| at(run, "/text").as_str().is_some_and(|text| text.trim() == "red")),
        "{colours:?}"
    );
    Ok(())
}

//! The mode `strict` with real shells over stock ssh: the line belongs to the bastion, and only what a rule allows runs.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    bastion::open_rules,
    desk::Desk,
    patience::{SOON, until},
    terminal::Screen,
};

const SHELLS: [&str; 5] = [
    "env LC_ALL=C.UTF-8 bash --norc",
    "env LC_ALL=C.UTF-8 zsh -f",
    "env LC_ALL=C.UTF-8 dash",
    "env LC_ALL=C.UTF-8 busybox ash",
    "env LC_ALL=C.UTF-8 fish --no-config",
];

/// Everything that a few programs do is allowed, and nothing else.
fn rules() -> Value {
    let mut rules = open_rules();
    let programs = ["cat", "cd", "echo", "exit", "ls", "read", "sleep", "touch", "vim"];
    let shells = ["bash", "zsh", "dash", "busybox", "ash", "env", "fish"];
    let allowed = json!([
        { "name": "shells", "effect": "allow", "match": { "command": { "program": shells } } },
        { "name": "everyday", "effect": "allow", "match": { "command": { "program": programs } } },
        { "name": "rm-rf", "effect": "block", "message": "deleting whole trees is not allowed here",
          "match": { "command": { "program": ["rm"], "flags": { "all": [["r", "R", "recursive"], ["f", "force"]] } } } },
    ]);
    if let Some(rules) = rules.as_object_mut() {
        rules.insert("rules".to_owned(), allowed);
    }
    if let Some(allow) = rules.pointer_mut("/roles/engineer/allow/0").and_then(Value::as_object_mut) {
        allow.insert("mode".to_owned(), json!("strict"));
    }
    rules
}

#[tokio::test(flavor = "multi_thread")]
async fn only_lines_that_a_rule_allows_reach_a_shell() -> Result<()> {
    const REFUSED: [&str; 5] =
        ["rm -rf precious_folder", "rmdir precious_folder", "$(echo rmdir) precious_folder", "!!", "x=1"];
    for shell in SHELLS {
        let mut desk = Desk::start(rules(), shell).await.context(shell)?;
        desk.goes_on("first").await.context(shell)?;
        for (number, refused) in REFUSED.into_iter().enumerate() {
            desk.types(&format!("{refused}<Enter>")).await?;
            let says = |screen: &Screen| says(screen) > number;
            desk.shell
                .wait_until("the bastion refuses", SOON, says)
                .await
                .with_context(|| format!("{shell}: {refused}"))?;
            desk.goes_on(&format!("line {number}")).await.context(shell)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_is_edited_in_the_bastion_and_the_target_gets_it_whole() -> Result<()> {
    for shell in SHELLS {
        let mut desk = Desk::start(rules(), shell).await.context(shell)?;
        // Moves, kills and yanks; characters of several bytes and of two columns; history and its search.
        // busybox shows no character of two columns, and what is not shown as it was sent is not accepted.
        let wide = if shell.contains("busybox") { "é" } else { "日本" };
        let (umlauts, found) = (format!("grüße {wide}"), format!("grüße {wide} found"));
        for (keys, expected) in [
            ("ehco one<Home><Right><Del><Del>ch<End><Enter>", "one"),
            ("echo a b c<C-w><C-w>x y<Enter>", "a x y"),
            ("two<C-a>echo <Enter>", "two"),
            (&format!("echo {umlauts}<Enter>"), &umlauts),
            (&format!("echo {wide}<C-w>xy<Enter>"), "xy"),
            ("<Up> again<Enter>", "xy again"),
            ("<C-r>grü<C-e> found<Enter>", &found),
            ("not this<C-c>echo that<Enter>", "that"),
            // Allowed at last, although the keys on the way spell something else.
            ("rm -rf precious_folder<C-u>echo nothing<Enter>", "nothing"),
        ] {
            desk.sees(keys, expected).await.context(shell)?;
        }
        desk.goes_on("edited").await.context(shell)?;
        let (_site, carols, session) = desk.leaves().await.context(shell)?;
        let shown = carols.cast(&session).await?.joined("o");
        ensure!(shown.contains("rm -rf precious_folder"), "{shell}: the recording lacks what the user saw");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_what_is_theirs() -> Result<()> {
    const SECRET: &str = "correct-horse-battery";
    let mut desk = Desk::start(rules(), "bash --norc").await?;
    // A program that runs is interrupted at once.
    desk.types("echo started; sleep 1000<Enter>").await?;
    desk.shell.wait_until("it runs", SOON, |screen| screen.lines().iter().any(|line| line == "started")).await?;
    desk.types("<C-c>").await?;
    desk.goes_on("interrupted").await?;
    // A secret is not shown, and is kept nowhere.
    desk.types("read -s -p 'password: ' word<Enter>").await?;
    let asks = |screen: &Screen| screen.lines().last().is_some_and(|line| line == "password:");
    desk.shell.wait_until("the question", SOON, asks).await?;
    desk.types(&format!("{SECRET}<Enter>")).await?;
    let answered = format!("password: {}", desk.prompt());
    let prompts = |screen: &Screen| screen.lines().last() == Some(&answered);
    desk.shell.wait_until("the prompt after the answer", SOON, prompts).await?;
    desk.types("echo; echo \"length ${#word}\"<Enter>").await?;
    desk.shell.wait_for(&format!("length {}", SECRET.len()), SOON).await?;
    desk.goes_on("secret").await?;
    // An editor owns the screen.
    desk.types("vim -u NONE -N notes.txt<Enter>").await?;
    desk.shell.wait_for("notes.txt\"", SOON).await?;
    desk.types("ihello from vim<Esc>:wq<Enter>").await?;
    desk.goes_on("vim").await?;
    desk.sees("cat notes.txt<Enter>", "hello from vim").await?;
    // A paste is a line like any other.
    desk.sees("<Paste>echo pasted<PasteEnd><Enter>", "pasted").await?;
    desk.types("<Paste>echo one<Newline>rmdir precious_folder<PasteEnd><Enter>").await?;
    until("a paste is refused", SOON, async || Ok((says(&desk.shell.screen()) > 0).then_some(()))).await?;
    desk.goes_on("paste").await?;
    let (site, carols, session) = desk.leaves().await?;
    let recording = carols.recording(&session).await?;
    ensure!(recording.contains("password: ") && !recording.contains(SECRET), "the secret is in the recording");
    ensure!(!site.bastion.program().log().contains(SECRET), "the secret is in the log");
    Ok(())
}

/// How often the bastion has spoken, as far as the screen shows.
fn says(screen: &Screen) -> usize {
    screen.lines().iter().filter(|line| line.starts_with("bastion: ")).count()
}

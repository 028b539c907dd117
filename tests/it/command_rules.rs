//! Rules on commands, for exec requests and scripts on standard input: what is blocked has not run, and the user reads why.

use anyhow::{Context, Result, ensure};
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
    blocked(
        &site.alice.ssh(&[&destination, "systemctl restart db"]).await?,
        &["the rules name nobody who can approve it"],
    )?;
    blocked(&site.alice.ssh(&[&destination, "\"$WHATEVER\" now"]).await?, &["not known before it runs"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_on_standard_input_is_judged_whole_and_runs_byte_for_byte() -> Result<()> {
    let site = Site::start_with(rules()).await?;
    let folder = tempfile::tempdir()?;
    let witness = folder.path().join("witness");
    let destination = Site::destination();
    for command in [&["-T", &destination][..], &[&destination, "bash -s"], &[&destination, "sh"]] {
        // The first line is harmless, but the script is judged before any of it runs.
        let script = format!("touch {}\nrm -r \\\n -f /nonexistent\n", witness.display());
        let outcome = site.alice.ssh_with_input(command, script.as_bytes()).await?;
        blocked(&outcome, &["blocked by rule rm-rf: deleting whole trees is not allowed here"])?;
        ensure!(!witness.exists(), "{command:?}: the first line ran");
    }
    let mut script = b"echo first\n".to_vec();
    while script.len() < 48 * 1024 {
        script.extend_from_slice(
            b"# a long comment that does nothing at all ---------------------------------------------\n",
        );
    }
    script.extend_from_slice(b"echo 'last \xc3\xa9'\nexit 7\n");
    let outcome = site.alice.ssh_with_input(&[&destination, "bash -s"], &script).await?;
    ensure!(outcome.code == 7 && outcome.stdout == "first\nlast é\n".as_bytes(), "{outcome:?}");
    let outcome = site.alice.ssh_with_input(&[&destination, "bash -s"], &vec![b'#'; 60 * 1024 + 1]).await?;
    blocked(&outcome, &["longer than 60 KiB", "split it"])?;
    // Data is not code: it is passed on while it comes.
    let outcome = site.alice.ssh_with_input(&[&destination, "wc -c"], &vec![b'x'; 3 * 1024 * 1024]).await?.ok()?;
    ensure!(outcome.stdout.trim_ascii() == b"3145728", "{outcome:?}");
    Ok(())
}

/// The rules, with this mode for everybody.
fn rules_in_mode(mode: &str) -> Result<Value> {
    let mut rules = rules();
    let roles = rules.get_mut("roles").and_then(Value::as_object_mut).context("roles")?;
    for allow in roles.values_mut().filter_map(|role| role.get_mut("allow")?.as_array_mut()).flatten() {
        allow.as_object_mut().context("an entry")?.insert("mode".to_owned(), json!(mode));
    }
    Ok(rules)
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_only_runs_commands_and_scripts_and_gives_no_shell_and_no_terminal() -> Result<()> {
    let site = Site::start_with(rules_in_mode("exec-only")?).await?;
    let destination = Site::destination();
    let outcome = site.alice.ssh(&[&destination, "echo ran"]).await?.ok()?;
    ensure!(outcome.stdout == b"ran\n", "{outcome:?}");
    let outcome = site.alice.ssh_with_input(&[&destination, "sh -s"], b"echo ran\n").await?.ok()?;
    ensure!(outcome.stdout == b"ran\n", "{outcome:?}");
    for refused in [&["-T", &destination][..], &["-tt", &destination], &["-tt", &destination, "echo ran"]] {
        let outcome = site.alice.ssh_with_input(refused, b"echo ran\n").await?;
        ensure!(outcome.code == 1 && outcome.stderr.contains("bastion run target"), "{refused:?}: {outcome:?}");
        ensure!(!outcome.text().contains("ran"), "{refused:?}: {outcome:?}");
    }
    blocked(&site.alice.ssh(&[&destination, "\"$WHATEVER\" now"]).await?, &["not known before it runs"])
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_lets_everything_run_and_notes_what_would_have_been() -> Result<()> {
    let site = Site::start_with(rules_in_mode("observe")?).await?;
    site.alice.ssh(&[&Site::destination(), "rm -rf /nonexistent"]).await?.ok()?;
    let events = site.bastion.api("carol").await?.items("/audit?kind=command_observed").await?;
    let event = events.first().context("no event")?;
    ensure!(event["rule"] == "rm-rf" && event["effect"] == "block", "{event}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_that_are_code_are_refused_and_audited_and_the_bastions_own_stay_here() -> Result<()> {
    let site = Site::start().await?;
    let options = ["-o", "SetEnv=BASH_ENV=/tmp/x BASTION_REASON=ticket LC_TEST=kept"];
    let outcome = site.alice.ssh(&[&options[..], &[&Site::destination(), "env"]].concat()).await?.ok()?;
    ensure!(!outcome.text().contains("BASH_ENV") && !outcome.text().contains("BASTION_"), "{outcome:?}");
    let events = site.bastion.api("carol").await?.items("/audit?kind=channel_refused").await?;
    let whats: Vec<_> = events.iter().map(|event| event["what"].clone()).collect();
    ensure!(whats == [json!("env BASH_ENV")], "{whats:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_command_is_audited_with_its_rule() -> Result<()> {
    let site = Site::start_with(rules()).await?;
    blocked(&site.alice.ssh(&[&Site::destination(), "rm -rf /nonexistent"]).await?, &[])?;
    let events = site.bastion.api("carol").await?.items("/audit?kind=command_blocked").await?;
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

//! Standard input of exec requests: what a program may run is judged before the target gets it, data streams.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{bastion::open_rules, patience::SOON, program::run, site::Site};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    time::timeout,
};

/// Everything is allowed but `rm -rf`, in this mode.
pub(crate) fn rules(mode: &str) -> Result<Value> {
    let mut rules = open_rules();
    let document = rules.as_object_mut().context("rules")?;
    let rule = json!({
        "name": "rm-rf",
        "effect": "block",
        "match": { "command": { "program": ["rm"], "flags": { "all": [["r", "R", "recursive"], ["f", "force"]] } } },
        "message": "deleting whole trees is not allowed here",
    });
    document.insert("rules".to_owned(), json!([rule]));
    let roles = document.get_mut("roles").and_then(Value::as_object_mut).context("roles")?;
    for allow in roles.values_mut().filter_map(|role| role.get_mut("allow")?.as_array_mut()).flatten() {
        allow.as_object_mut().context("an entry")?.insert("mode".to_owned(), json!(mode));
    }
    Ok(rules)
}

/// Programs that open a shell, or run a line of their input in one, each with the line that would do it.
fn runners(tree: &Path) -> Vec<(&'static str, String)> {
    let remove = format!("rm -rf {}", tree.display());
    let shells = [
        "printf '\\0'; linux64",
        "printf '\\0'; setarch x86_64",
        "printf '\\0'; bash -rcfile x",
        "printf '\\0'; bash -restricted",
        "printf '\\0'; ssh-agent bash",
        "printf '\\0'; choom -n 1 bash",
        "printf '\\0'; choom -n 1 linux64",
        "ld.so /bin/bash",
        "capsh --",
        "fakeroot",
        "cat | linux64",
        "tee /dev/null | linux64",
        "linux64 <&0",
        "cat > /nonexistent/x; linux64",
        "tr x x | linux64",
        "find /dev/null -exec linux64 \\;",
        "xargs -n 9 choom -n 1 --",
    ];
    let mut runners: Vec<(&'static str, String)> = shells.map(|shell| (shell, remove.clone())).to_vec();
    runners.extend([
        ("sqlite3", format!(".shell {remove}")),
        ("m4", format!("syscmd(`{remove}')")),
        ("vi -e", format!(":!{remove}")),
        ("vi -e", format!(":silent !{remove}")),
        ("tmux -C new", format!("run-shell '{remove}'")),
        ("sftp -D /usr/lib/openssh/sftp-server", format!("!{remove}")),
        ("ed", format!("!{remove}")),
    ]);
    runners
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_that_a_rule_blocks_runs_whatever_reads_it() -> Result<()> {
    for mode in ["guard", "exec-only"] {
        let site = Site::start_with(rules(mode)?).await?;
        let folder = tempfile::tempdir()?;
        let tree = folder.path().join("tree");
        for (command, line) in runners(&tree) {
            std::fs::create_dir_all(tree.join("x"))?;
            let outcome =
                site.alice.ssh_with_input(&[&Site::destination(), command], format!("{line}\n").as_bytes()).await?;
            ensure!(tree.join("x").exists(), "{mode}: {command} ran {line}: {outcome:?}");
            ensure!(outcome.code == 5 && outcome.stderr.contains("bastion: "), "{mode}: {command}: {outcome:?}");
        }
        let sessions = site.api().await?.ended_sessions("target", 1).await?;
        ensure!(!sessions.is_empty(), "programs started");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn data_streams_byte_for_byte_and_what_reads_nothing_is_not_disturbed() -> Result<()> {
    for mode in ["guard", "exec-only"] {
        let site = Site::start_with(rules(mode)?).await?;
        let destination = Site::destination();
        let folder = tempfile::tempdir()?;
        // No text, and a line that would be blocked.
        let mut data: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        data.extend_from_slice(b"\nrm -rf /nonexistent\n");
        let there = folder.path().join("there");
        for command in ["cat", "dd bs=64k status=none", "tee /dev/null", "gzip | gunzip", "sh -c cat"] {
            let outcome = site.alice.ssh_with_input(&[&destination, command], &data).await?.ok()?;
            ensure!(outcome.stdout == data, "{mode}: {command} changed what passed");
        }
        let command = format!("cat > {} && wc -c < {0}", there.display());
        let outcome = site.alice.ssh_with_input(&[&destination, &command], &data).await?.ok()?;
        ensure!(outcome.text().trim() == data.len().to_string(), "{mode}: {outcome:?}");
        let outcome = site.alice.ssh_with_input(&[&destination, "sort"], b"rm -rf /x\nb\na\n").await?.ok()?;
        ensure!(outcome.stdout == b"a\nb\nrm -rf /x\n", "{mode}: {outcome:?}");
        let mut tar = tokio::process::Command::new("tar");
        tar.args(["czf", "-", "-C"]).arg(folder.path()).arg("there");
        let archive = run(tar, b"", SOON).await?.ok()?.stdout;
        let back = folder.path().join("back");
        let command = format!("mkdir {0} && tar xzf - -C {0} --strip-components=0 && cat {0}/there", back.display());
        let outcome = site.alice.ssh_with_input(&[&destination, &command], &archive).await?.ok()?;
        ensure!(outcome.stdout == data, "{mode}: the archive changed");
        // Input that nobody reads.
        let outcome = site.alice.ssh_with_input(&[&destination, "echo ran"], b"rm -rf /nonexistent\n").await?.ok()?;
        ensure!(outcome.stdout == b"ran\n", "{mode}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_starts_at_once_and_answers_each_line_that_the_rules_allow() -> Result<()> {
    let site = Site::start_with(rules("guard")?).await?;
    let mut ssh = site.alice.stock("ssh", &[&Site::destination(), "echo ready; sqlite3"])?;
    ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = ssh.spawn()?;
    let mut stdin = child.stdin.take().context("standard input")?;
    let mut lines = BufReader::new(child.stdout.take().context("standard output")?).lines();
    let mut next = async || timeout(SOON, lines.next_line()).await?.map_err(anyhow::Error::from)?.context("the end");
    ensure!(next().await? == "ready", "it starts before anything is sent");
    for (line, answer) in [(".print one", "one"), (".print two", "two"), (".print 'it is'", "it is")] {
        stdin.write_all(format!("{line}\n").as_bytes()).await?;
        ensure!(next().await? == answer, "{line}");
    }
    stdin.write_all(b"rm -rf /nonexistent\n").await?;
    let status = timeout(SOON, child.wait()).await??;
    ensure!(status.code() == Some(5), "{status:?}");
    let mut said = String::new();
    let mut stderr = BufReader::new(child.stderr.take().context("standard error")?).lines();
    while let Some(line) = stderr.next_line().await? {
        said.push_str(&line);
    }
    ensure!(said.contains("blocked by rule rm-rf: deleting whole trees is not allowed here"), "{said}");
    let events = site.bastion.api("carol").await?.items("/audit?kind=command_blocked").await?;
    ensure!(events.iter().any(|event| event["rule"] == "rm-rf"), "{events:?}");
    // Where it ends of itself, its status is its own.
    let outcome = site.alice.ssh_with_input(&[&Site::destination(), "linux64"], b"echo a\nexit 7\n").await?;
    ensure!(outcome.code == 7 && outcome.stdout == b"a\n", "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_exec_only_a_program_that_may_run_its_input_runs_without_any() -> Result<()> {
    let site = Site::start_with(rules("exec-only")?).await?;
    let destination = Site::destination();
    let outcome = site.alice.ssh_with_input(&[&destination, "echo ran; choom -n 1 linux64"], b"").await?.ok()?;
    ensure!(outcome.stdout == b"ran\n", "{outcome:?}");
    let outcome = site.alice.ssh_with_input(&[&destination, "vi -e"], b"1p\n").await?;
    ensure!(outcome.code == 5, "{outcome:?}");
    ensure!(outcome.stderr.contains("vi is not known to read standard input as data"), "{outcome:?}");
    Ok(())
}

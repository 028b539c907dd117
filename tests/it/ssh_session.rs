//! One session with stock `ssh` against a real sshd: shell, exec, PTY, environment, signals, exit.

use anyhow::{Result, ensure};
use tests::{api::at, patience::SOON, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn exec_gives_status_and_separate_stderr() -> Result<()> {
    let site = Site::start().await?;
    let outcome = site.alice.ssh(&[&Site::destination(), "echo out; echo err >&2; exit 7"]).await?;
    ensure!(outcome.code == 7, "{outcome:?}");
    ensure!(outcome.text() == "out\n", "{outcome:?}");
    ensure!(outcome.stderr == "err\n", "{outcome:?}");
    let sessions = site.api().await?.ended_sessions("target", 1).await?;
    let session = sessions.first().unwrap_or(&serde_json::Value::Null);
    ensure!(at(session, "/end/how") == "exited" && at(session, "/end/status") == 7, "{session}");
    ensure!(at(session, "/kind") == "exec" && at(session, "/pty") == false, "{session}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_reads_stdin_to_its_end() -> Result<()> {
    let site = Site::start().await?;
    let input = vec![b'x'; 3_000_000];
    let outcome = site.alice.ssh_with_input(&[&Site::destination(), "wc -c"], &input).await?.ok()?;
    ensure!(outcome.text().trim() == "3000000", "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_runs_in_a_terminal_that_follows_the_window() -> Result<()> {
    let site = Site::start().await?;
    let mut terminal = site.alice.shell(&Site::destination(), 90, 25).await?;
    terminal.type_text("stty size; echo term=$TERM\n").await?;
    terminal.wait_for("25 90", SOON).await?;
    terminal.wait_for("term=xterm-256color", SOON).await?;
    terminal.resize(120, 40)?;
    // The size travels by itself, so the shell is asked until it knows.
    terminal.type_text("until [ \"$(stty size)\" = '40 120' ]; do sleep 0.05; done; echo wide'ned'\n").await?;
    terminal.wait_for("widened", SOON).await?;
    terminal.type_text("exit 3\n").await?;
    let (code, screen) = terminal.finish(SOON).await?;
    ensure!(code == 3, "exit code {code}: {:?}", screen.lines());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_interrupts_reaches_the_program() -> Result<()> {
    let site = Site::start().await?;
    let mut terminal =
        site.alice.ssh_in_terminal(&["-q", "-t", &Site::destination(), "echo ready; cat; echo never"], 80, 24)?;
    // Before that, our own terminal would echo what is typed, too.
    terminal.wait_for("ready", SOON).await?;
    terminal.type_text("typed\n").await?;
    terminal
        .wait_until("cat answers", SOON, |screen| screen.lines().iter().filter(|l| *l == "typed").count() == 2)
        .await?;
    terminal.type_text("\u{3}").await?;
    let (code, screen) = terminal.finish(SOON).await?;
    ensure!(code == 130 || code == 255, "exit code {code}: {:?}", screen.lines());
    ensure!(!screen.lines().iter().any(|line| line == "never"), "{:?}", screen.lines());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadly_signal_is_reported_as_one() -> Result<()> {
    let site = Site::start().await?;
    let outcome = site.alice.ssh(&[&Site::destination(), "kill -TERM $$"]).await?;
    // What ssh makes of an exit signal (RFC 4254 §6.10).
    ensure!(outcome.code == 255, "{outcome:?}");
    let sessions = site.api().await?.ended_sessions("target", 1).await?;
    let end = sessions.first().map(|session| at(session, "/end").clone()).unwrap_or_default();
    ensure!(at(&end, "/how") == "signalled" && at(&end, "/signal") == "TERM", "{end}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_harmless_environment_variables_pass() -> Result<()> {
    let site = Site::start().await?;
    let line = format!(
        "LANG=xx_YY.UTF-8 LC_TEST=yes LD_TEST=no OTHER_TEST=no \
         ssh -o SendEnv='LANG LC_TEST LD_TEST OTHER_TEST' {} \
         'echo \"[$LANG] [$LC_TEST] [$LD_TEST] [$OTHER_TEST]\"'",
        Site::destination()
    );
    let outcome = site.alice.shell_line(&line, SOON).await?.ok()?;
    ensure!(outcome.text() == "[xx_YY.UTF-8] [yes] [] []\n", "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_share_one_connection() -> Result<()> {
    let site = Site::start().await?;
    let line = format!(
        "sock=$(mktemp -d)/s; ssh -fNM -o ControlPath=$sock {d}; \
         for i in 1 2 3 4 5 6 7 8; do ssh -o ControlPath=$sock {d} \"echo $i\" & done; wait; \
         ssh -o ControlPath=$sock -O exit {d} 2>/dev/null",
        d = Site::destination()
    );
    let outcome = site.alice.shell_line(&line, SOON).await?.ok()?;
    let mut lines: Vec<String> = outcome.text().lines().map(str::to_owned).collect();
    lines.sort();
    ensure!(lines.concat() == "12345678", "{outcome:?}");
    site.api().await?.ended_sessions("target", 8).await?;
    Ok(())
}

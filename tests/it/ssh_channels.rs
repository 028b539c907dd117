//! A session channel as behind an sshd: how a program ends is told whoever closes first, input keeps its order, a
//! program without a reader ends, and nothing is promised that the target does not keep.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tests::{
    api::at,
    bastion::{Settings, open_rules},
    patience::{SOON, until},
    person::Person,
    program::Outcome,
    site::Site,
    ssh_raw::{Credential, Opened, RawSsh, Wire},
    sshd::Sshd,
};

/// How long a whole series of commands may take on a busy machine.
const SERIES_LIMIT: Duration = Duration::from_secs(120);

/// Runs this over one shared connection, to which `$s` leads; `$d` is the target.
async fn shared(site: &Site, script: &str) -> Result<Outcome> {
    let line = format!(
        "d={d}; s=\"ssh -S $(mktemp -d)/s\"; $s -fNM $d; {script}; $s -O exit $d 2>/dev/null; exit 0",
        d = Site::destination()
    );
    site.alice.shell_line(&line, SERIES_LIMIT).await?.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_comes_after_the_end_of_the_output_over_a_shared_connection() -> Result<()> {
    let site = Site::start().await?;
    // ssh closes the channel when both directions have ended; the program goes on.
    let outcome = shared(&site, "$s $d 'exec >&- 2>&-; sleep 1; exit 7' </dev/null; echo $?").await?;
    ensure!(outcome.text() == "7\n", "{outcome:?}");
    let sessions = site.api().await?.ended_sessions("target", 1).await?;
    let session = sessions.first().unwrap_or(&serde_json::Value::Null);
    ensure!(at(session, "/end/how") == "exited" && at(session, "/end/status") == 7, "{session}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_status_is_lost_over_a_shared_connection() -> Result<()> {
    let site = Site::start().await?;
    let script = "for i in $(seq 60); do \
                  $s $d true || echo true $?; \
                  $s $d 'exit 3' </dev/null; [ $? = 3 ] || echo exit; \
                  [ \"$(printf 'a\\nb\\n' | $s $d 'cat | wc -l')\" = 2 ] || echo wc; \
                  done";
    let outcome = shared(&site, script).await?;
    ensure!(outcome.text().is_empty(), "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn input_from_a_pipe_is_typed_before_it_ends() -> Result<()> {
    let site = Site::start().await?;
    let target = Site::destination();
    let asks = ["-q", "-tt", &target, "read x; echo got $x"];
    let question = site.alice.ssh_with_input(&asks, b"yes\n").await?.ok()?;
    ensure!(question.text().contains("got yes"), "{question:?}");
    let shell = site.alice.ssh_with_input(&["-q", "-tt", &target], b"exit 7\n").await?;
    ensure!(shell.code == 7, "{shell:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_nobody_reads_ends() -> Result<()> {
    let site = Site::start().await?;
    let line = format!("ssh {} yes | head -1", Site::destination());
    let outcome = site.alice.shell_line(&line, SOON).await?.ok()?;
    ensure!(outcome.text() == "y\n", "{outcome:?}");
    let sessions = site.api().await?.ended_sessions("target", 1).await?;
    let session = sessions.first().unwrap_or(&serde_json::Value::Null);
    // It got SIGPIPE, as from sshd itself.
    ensure!(at(session, "/end/signal") == "PIPE", "{session}");
    ensure!(at(session, "/output_bytes").as_u64().is_some_and(|bytes| bytes < 32 << 20), "{session}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_nobody_reads_ends_on_a_shared_connection_too() -> Result<()> {
    let site = Site::start().await?;
    let outcome = shared(&site, "$s $d yes </dev/null | head -1").await?;
    ensure!(outcome.text() == "y\n", "{outcome:?}");
    let sessions = site.api().await?.ended_sessions("target", 1).await?;
    let session = sessions.first().unwrap_or(&serde_json::Value::Null);
    ensure!(at(session, "/output_bytes").as_u64().is_some_and(|bytes| bytes < 32 << 20), "{session}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn more_channels_than_the_target_opens_run_all_the_same() -> Result<()> {
    // That is sshd's own limit; ssh makes a connection of its own for what is refused.
    let sshd = Sshd::start_with("Match all\nMaxSessions 10\n").await?;
    let bastion = Settings::demo().target(sshd.target("target")?).rules(open_rules()).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in(&bastion, "alice").await?;
    let site = Site { sshd, bastion, alice };
    let script = "for i in $(seq 15); do $s $d 'sleep 6; echo done' </dev/null 2>/dev/null & done; wait";
    let outcome = shared(&site, script).await?;
    ensure!(outcome.text().lines().filter(|line| *line == "done").count() == 15, "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_the_target_does_not_give_is_not_promised() -> Result<()> {
    let sshd = Sshd::start_with("PermitTTY no\nForceCommand echo \"no shell here\"\n").await?;
    let bastion = Settings::demo().target(sshd.target("target")?).rules(open_rules()).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in(&bastion, "alice").await?;
    // The request fails, as directly: who insists on a terminal is told so by ssh itself.
    let outcome = alice.ssh(&["-tt", &Site::destination(), "true"]).await?;
    ensure!(outcome.code == 255 && outcome.stderr.contains("PTY allocation request failed"), "{outcome:?}");
    ensure!(!outcome.stderr.contains("bastion:"), "{outcome:?}");
    let outcome = alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    ensure!(outcome.text() == "no shell here\n", "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_has_its_size_in_pixels_at_the_start_and_after_a_resize() -> Result<()> {
    let site = Site::start().await?;
    let program = "import fcntl, termios, struct, time\n\
                   before = None\n\
                   while True:\n    \
                       now = struct.unpack('HHHH', fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))\n    \
                       if now != before: print('size', *now, flush=True)\n    \
                       before = now; time.sleep(0.02)\n";
    std::fs::write(site.sshd.home().join("size.py"), program)?;
    let command = format!("python3 {}", site.sshd.home().join("size.py").display());
    let mut terminal = site.alice.ssh_in_terminal(&["-q", "-t", &Site::destination(), &command], 80, 24)?;
    terminal.wait_for("size 24 80 0 0", SOON).await?;
    terminal.resize_in_pixels((100, 30), (1000, 600))?;
    terminal.wait_for("size 30 100 1000 600", SOON).await?;

    let credential = Credential::of(&site.alice)?;
    let mut client = RawSsh::log_in(site.bastion.ssh(), &credential, &Site::destination()).await?;
    let Opened::Yes(channel) = client.open(b"session", Wire::default()).await? else { bail!("no session") };
    let size = Wire::default().text("xterm").number(80).number(24).number(800).number(480).string(&[0]);
    client.request(channel, b"pty-req", size).await?;
    let once = "import fcntl, struct, termios; \
                print('size', *struct.unpack('HHHH', fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))))";
    client.request(channel, b"exec", Wire::default().text(&format!("python3 -c \"{once}\""))).await?;
    let ended = client.to_the_end(channel).await?;
    ensure!(ended.stdout.contains("size 24 80 800 480"), "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_killed_leaves_no_session() -> Result<()> {
    let site = Site::start().await?;
    let mut client = site.alice.stock("ssh", &[&Site::destination(), "echo ready; exec sleep 300"])?;
    let mut client = client.stdin(std::process::Stdio::null()).kill_on_drop(true).spawn()?;
    let api = site.api().await?;
    until("the session runs", SOON, async || Ok(api.items("/sessions").await?.first().map(drop))).await?;
    client.kill().await?;
    api.ended_sessions("target", 1).await?;
    Ok(())
}

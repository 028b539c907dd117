//! How long sessions and connections last: with the login, within their limits, and as long as somebody is there.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    bastion::{Bastion, Settings, open_rules, rules},
    oidc::Provider,
    patience::SOON,
    peers,
    person::Person,
    site::Site,
    ssh_raw::{Credential, Opened, RawSsh, Wire},
    sshd::Sshd,
    tcp_fault::{Fault, TcpFault},
};

/// A bastion with these settings, and alice logged in at it. Its target can be made to fall silent.
struct Limited {
    _provider: Provider,
    sshd: Sshd,
    relay: TcpFault,
    bastion: Bastion,
    alice: Person,
}

async fn limited(key: &'static str, value: Value) -> Result<Limited> {
    let (provider, sshd) = tokio::try_join!(Provider::start(), Sshd::start())?;
    let relay = TcpFault::before(sshd.address()).await?;
    let mut target = sshd.target("target")?;
    if let Some(target) = target.as_object_mut() {
        target.insert("address".to_owned(), json!(relay.address().to_string()));
    }
    let settings = Settings::serve(&provider).target(target).rules(open_rules()).with(key, value);
    let bastion = settings.start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    Ok(Limited { _provider: provider, sshd, relay, bastion, alice })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_ends_and_says_why_and_a_busy_one_goes_on() -> Result<()> {
    let site = limited("sessions", json!({ "idle_timeout": "3s" })).await?;
    let started = Instant::now();
    let busy = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 1; done";
    let destination = Site::destination();
    let (idle, busy) = ([destination.as_str(), "sleep 600"], [destination.as_str(), busy]);
    let (idle, busy) = tokio::join!(site.alice.ssh(&idle), site.alice.ssh(&busy));
    let (idle, busy) = (idle?, busy?.ok()?);
    ensure!(idle.code == 255 && idle.stderr.contains("nothing was typed or shown for 3s"), "{idle:?}");
    ensure!(busy.text().lines().count() == 8 && started.elapsed() > Duration::from_secs(7), "{busy:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_session_is_warned_and_ends() -> Result<()> {
    let site = limited("sessions", json!({ "max_duration": "8s", "warning": "6s" })).await?;
    let terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    terminal.wait_for("this session ends in 6s", SOON).await?;
    terminal.wait_for("a session may last 8s here", SOON).await?;
    let (code, _) = terminal.finish(SOON).await?;
    ensure!(code == 255, "exit code {code}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_nothing_as_long_as_somebody_answers() -> Result<()> {
    let site = limited("listen", json!({ "keepalive_interval": "2s", "keepalive_max": 3 })).await?;
    let (address, destination) = (site.bastion.ssh(), Site::destination());
    // Both peers answer, and neither has anything to say.
    let quiet = [destination.as_str(), "sleep 12; echo still here"];
    let quiet = site.alice.ssh(&quiet);
    // This one reads, and does not answer.
    let gone = async {
        let mut client = RawSsh::log_in(address, &Credential::of(&site.alice)?, &destination).await?;
        let Opened::Yes(channel) = client.open(b"session", Wire::default()).await? else { anyhow::bail!("no session") };
        client.request(channel, b"exec", Wire::default().text("sleep 600")).await?;
        let since = Instant::now();
        while client.receive().await?.is_some() {}
        anyhow::Ok(since.elapsed())
    };
    let (quiet, gone) = tokio::join!(quiet, gone);
    ensure!(quiet?.ok()?.text() == "still here\n");
    let gone = gone?;
    ensure!(gone > Duration::from_secs(2), "a peer that is silent for a moment is not gone");
    ensure!(gone < Duration::from_secs(16), "three questions are enough: {gone:?}");

    // A target that falls silent.
    let session = [destination.as_str(), "echo r''an; sleep 600"];
    let session = site.alice.ssh(&session);
    let silenced = async {
        let carol = tests::api::Api::log_in_at_provider(&site.bastion, "carol").await?;
        tests::patience::until("the session runs", SOON, async || {
            let sessions = carol.items("/sessions?target=target").await?;
            Ok(sessions.iter().any(|session| session["ended_at"].is_null()).then_some(()))
        })
        .await?;
        site.relay.set(Fault::Stall);
        anyhow::Ok(())
    };
    let (session, silenced) = tokio::join!(session, silenced);
    silenced?;
    let session = session?;
    ensure!(session.code == 255 && session.stderr.contains("the connection to the target was lost"), "{session:?}");
    drop(site.sshd);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_what_runs_and_says_so() -> Result<()> {
    let site = Site::start().await?;
    let terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    site.alice.run_bastion(&["logout"]).await?.ok()?;
    terminal.wait_for("your login has ended", SOON).await?;
    let (code, _) = terminal.finish(SOON).await?;
    ensure!(code == 255, "exit code {code}");
    let records = site.bastion.api("carol").await?.items("/audit?kind=session_ended").await?;
    ensure!(records.iter().any(|record| record.to_string().contains("your login has ended")), "{records:?}");
    Ok(())
}

/// A client that keeps its connection is not kept out after the next login: the connection ends with the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_connection_ends_with_its_login() -> Result<()> {
    let site = Site::start().await?;
    let socket = site.alice.home().join("shared");
    let control = format!("ControlPath={}", socket.display());
    let destination = Site::destination();
    let shared = ["-o", &control, "-o", "ControlMaster=auto", "-o", "ControlPersist=600", &destination, "echo in"];
    ensure!(site.alice.ssh(&shared).await?.ok()?.text() == "in\n" && socket.exists());
    site.alice.run_bastion(&["logout"]).await?.ok()?;
    tests::patience::until("the shared connection has ended", SOON, async || Ok((!socket.exists()).then_some(()))).await
}

/// Two targets behind one connection to the bastion are decided on by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection_to_two_targets_is_decided_twice() -> Result<()> {
    let sshd = Sshd::start().await?;
    let allow = |name: &str, capability: &str| json!({ "targets": { "names": [name] }, "logins": ["*"], "capabilities": [capability] });
    let settings = Settings::demo().target(sshd.target("one")?).target(sshd.target("two")?);
    let bastion = settings.rules(rules(json!([allow("one", "exec"), allow("two", "sftp")]))).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in(&bastion, "alice").await?;
    let (config, socket) = (alice.ssh_config(), alice.home().join("shared"));
    let master = format!(
        "ssh -o ControlPath={} -o ControlMaster=yes -o ControlPersist=60 -fN bastion 2>/dev/null",
        socket.display()
    );
    alice.shell_line(&master, SOON).await?.ok()?;
    let jump = format!("ProxyCommand=ssh -F {} -S {} -W %h:%p bastion", config.display(), socket.display());
    let login = peers::login();
    let one = alice.ssh(&["-o", &jump, &format!("{login}@one"), "echo in"]).await?.ok()?;
    ensure!(one.text() == "in\n", "{one:?}");
    let two = alice.ssh(&["-o", &jump, &format!("{login}@two"), "echo in"]).await?;
    ensure!(two.code == 1 && two.stdout.is_empty() && two.stderr.contains("exec"), "{two:?}");
    let records = bastion.api("carol").await?.items("/audit?kind=connection_authenticated").await?;
    ensure!(records.len() == 3, "the jump, and each target: {records:?}");
    alice.shell_line(&format!("ssh -S {} -O exit bastion", socket.display()), SOON).await?.ok()?;
    Ok(())
}

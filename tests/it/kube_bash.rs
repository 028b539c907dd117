//! Lines that are typed into bash in a pod. The image of the tests has busybox only, so the machine's own bash is
//! brought along, as people do it: with `kubectl cp`.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    api::{at, text},
    kube_site::{KubeSite, Kubectl, prompts, rules},
    patience::SOON,
    peers,
    program::run,
    terminal::Screen,
};
use tokio::process::Command;

/// How long a shell takes to prompt on a machine that is not busy, and then some.
const A_MOMENT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_into_bash_in_a_pod_is_judged_and_recorded() -> Result<()> {
    let flags = json!({ "all": [["r", "R", "recursive"], ["f", "force"]] });
    let no_trees = json!([{
        "name": "rm-rf", "effect": "block", "match": { "command": { "program": ["rm"], "flags": flags } },
    }]);
    let site = KubeSite::start(rules(&["engineering"], &no_trees)).await?;
    site.pod("with-bash").await?;
    bring_bash(&site, "with-bash").await?;
    let carol = site.bastion.api("carol").await?;
    let before = carol.ended_sessions("demo-cluster", 1).await?.len();
    let mut blocks = 0;
    for (index, kubectl) in [Kubectl::Cluster, Kubectl::MachineSpdy].into_iter().enumerate() {
        let mut shell = site.terminal(kubectl, &["exec", "-it", "with-bash", "--", "bash", "--norc"]).await?;
        shell.wait_until("bash prompts", SOON, prompts).await?;
        // The second is written in bash's own way.
        for line in ["rm -rf /", "$'r\\x6d' -r\"f\" /"] {
            let told = |screen: &Screen| {
                screen.lines().iter().filter(|line| line.contains("bastion: blocked by rule rm-rf")).count()
            };
            let so_far = told(&shell.screen());
            shell.type_text(&format!("{line}\n")).await?;
            shell.wait_until("it is blocked", SOON, |screen| told(screen) > so_far).await.context(line)?;
            let again = |screen: &Screen| told(screen) > so_far && prompts(screen);
            if shell.wait_until("bash prompts", A_MOMENT, again).await.is_err() {
                // A bash without CPU time may see the interrupt that drops the line only at the next key.
                shell.type_text("\u{3}").await?;
                shell.wait_until("bash prompts", SOON, again).await.context(line)?;
            }
            blocks += 1;
        }
        shell.type_text("printf '%s-%s\\n' \"${BASH_VERSION:+bash}\" 'goes on'; exit 4\n").await?;
        shell.wait_for("bash-goes on", SOON).await?;
        let (code, screen) = shell.finish(SOON).await?;
        ensure!(code == 4, "{kubectl:?}: {}", screen.lines().join("\n"));

        let sessions = carol.ended_sessions("demo-cluster", before + index + 1).await?;
        let session = text(sessions.first().context("a session")?, "id")?;
        let cast = carol.cast(&session).await?;
        ensure!(cast.joined("o").contains("bash-goes on") && cast.joined("x") == "4", "{kubectl:?}: it is recorded");
        let markers = cast.joined("m");
        ensure!(markers.contains("rm-rf") && markers.contains("rm -rf /"), "{kubectl:?}: {markers}");
        let blocked = site.events("command_blocked", blocks).await?;
        let of_session = blocked.iter().filter(|event| at(event, "/session") == session.as_str());
        let of_session: Vec<_> = of_session.filter(|event| at(event, "/rule") == "rm-rf").collect();
        ensure!(of_session.len() == 2 && of_session.iter().all(|event| at(event, "/user") == "alice"), "{blocked:#?}");
        ensure!(of_session.iter().any(|event| event.to_string().contains("rm -rf /")), "{blocked:#?}");
    }
    Ok(())
}

/// Copies the machine's bash into a pod, with the libraries that it is linked with.
async fn bring_bash(site: &KubeSite, pod: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    let bash = peers::find(&["bash"], "install the Debian package bash")?;
    let mut ldd = Command::new(peers::find(&["ldd"], "install the Debian package libc-bin")?);
    ldd.arg(&bash);
    let linked = run(ldd, b"", SOON).await?.ok()?.text();
    // `NAME => PATH (ADDRESS)`, and the loader as `PATH (ADDRESS)`.
    let libraries = linked.split_whitespace().filter(|word| word.starts_with('/'));
    let terminal = ["/lib/terminfo/x/xterm", "/usr/share/terminfo/x/xterm"];
    let terminal = terminal.into_iter().find(|path| Path::new(path).exists());
    for path in libraries.chain(terminal) {
        copy(Path::new(path), &root.join(path.trim_start_matches('/')))?;
    }
    copy(&bash, &root.join("bin/bash"))?;
    site.run(&["cp", &root.display().to_string(), &format!("{pod}:/tmp/root")]).await?.ok()?;
    site.run(&["exec", pod, "--", "cp", "-a", "/tmp/root/.", "/"]).await?.ok()?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a folder")?)?;
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

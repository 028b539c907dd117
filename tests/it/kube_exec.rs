//! exec, attach, cp and port-forward through the bastion, with stock kubectl and a real cluster.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::text,
    kube_site::{COMMAND_LIMIT, KubeSite, Kubectl, prompts, rules},
    patience::SOON,
    program::run,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

use crate::shell_dialogue::Dialogue;

fn no_trees() -> Value {
    let flags = json!({ "all": [["r", "R", "recursive"], ["f", "force"]] });
    json!([{
        "name": "rm-rf", "effect": "block", "match": { "command": { "program": ["rm"], "flags": flags } },
        "message": "deleting whole trees is not allowed here",
    }])
}

async fn site(pod: &str) -> Result<KubeSite> {
    let site = KubeSite::start(rules(&["engineering"], &no_trees())).await?;
    site.pod(pod).await?;
    Ok(site)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_its_streams_and_its_exit_code() -> Result<()> {
    let site = site("streams").await?;
    let big: Vec<u8> = (0..100 * 1024 * 1024_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    // The stock program says what the sum is.
    let sum = run(Command::new("sha256sum"), &big, SOON).await?.ok()?.text();
    let sum = sum.split_whitespace().next().context("a sum")?.to_owned();
    for kubectl in Kubectl::ALL {
        let script = "echo out; echo err >&2; exit 7";
        let outcome = site.run_with(kubectl, &["exec", "streams", "--", "sh", "-c", script], b"").await?;
        ensure!(outcome.code == 7 && outcome.text() == "out\n", "{kubectl:?}: {outcome:?}");
        ensure!(outcome.complains("err"), "{kubectl:?}: {outcome:?}");
        let outcome = site.run_with(kubectl, &["exec", "streams", "--", "true"], b"").await?;
        ensure!(outcome.code == 0, "{kubectl:?}: {outcome:?}");
        let outcome = site.run_with(kubectl, &["exec", "streams", "--", "no-such-program"], b"").await?;
        ensure!(outcome.code != 0 && outcome.stderr.contains("no-such-program"), "{kubectl:?}: {outcome:?}");
        let outcome = site.run_with(kubectl, &["exec", "-i", "streams", "--", "sha256sum"], &big).await?.ok()?;
        ensure!(outcome.text().starts_with(&sum), "{kubectl:?}: {}", outcome.text());
    }
    let sessions = site.bastion.api("carol").await?.ended_sessions("demo-cluster", 16).await?;
    let first = sessions.last().context("a session")?;
    ensure!(text(first, "login")? == "streams.default" && text(first, "kind")? == "exec", "{first}");
    let cast = site.bastion.api("carol").await?.cast(&text(first, "id")?).await?;
    ensure!(cast.joined("o").contains("out") && cast.joined("o").contains("err"), "stderr is recorded, too");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_copied_both_ways_unchanged() -> Result<()> {
    let site = site("copies").await?;
    let folder = tempfile::tempdir()?;
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    let bytes: Vec<u8> = (0..100_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    std::fs::write(&there, &bytes)?;
    let sums = async |path: &std::path::Path| {
        let mut sum = Command::new("sha256sum");
        sum.arg(path);
        let here = run(sum, b"", COMMAND_LIMIT).await?.ok()?.text();
        let in_pod = site.run(&["exec", "copies", "--", "sha256sum", "/tmp/file"]).await?.ok()?.text();
        let first = |text: &str| text.split_whitespace().next().map(str::to_owned);
        Ok::<_, anyhow::Error>((first(&here), first(&in_pod)))
    };
    // Both transports; the other two kubectls are the same program in another version.
    for kubectl in [Kubectl::Cluster, Kubectl::MachineSpdy] {
        let to = there.display().to_string();
        site.run_with(kubectl, &["cp", &to, "copies:/tmp/file"], b"").await?.ok()?;
        let (here, in_pod) = sums(&there).await?;
        ensure!(here.is_some() && here == in_pod, "{kubectl:?}: {here:?} is {in_pod:?} in the pod");
        site.run_with(kubectl, &["cp", "copies:/tmp/file", &back.display().to_string()], b"").await?.ok()?;
        ensure!(sums(&back).await?.0 == here, "{kubectl:?}: it comes back as another");
        std::fs::remove_file(&back)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_blocks_is_refused_once_and_never_runs() -> Result<()> {
    let site = site("blocked").await?;
    site.run(&["exec", "blocked", "--", "mkdir", "/tmp/precious"]).await?.ok()?;
    for kubectl in Kubectl::ALL {
        for command in [&["rm", "-rf", "/tmp/precious"][..], &["sh", "-c", "rm -r -f /tmp/precious"]] {
            let arguments = [&["exec", "blocked", "--"], command].concat();
            let outcome = site.run_with(kubectl, &arguments, b"").await?;
            ensure!(
                outcome.code == 1 && outcome.stderr.contains("bastion: blocked by rule rm-rf"),
                "{kubectl:?}: {outcome:?}"
            );
        }
    }
    let script = b"echo started\nrm -rf /tmp/precious\n";
    let outcome = site.run_with(Kubectl::Cluster, &["exec", "-i", "blocked", "--", "sh"], script).await?;
    ensure!(outcome.code == 5 && outcome.stdout.is_empty(), "{outcome:?}");
    site.run(&["exec", "blocked", "--", "ls", "-d", "/tmp/precious"]).await?.ok()?;
    let events = site.events("command_blocked", 9).await?;
    ensure!(events.len() == 9, "kubectl's second try is no event of its own: {events:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_of_a_pod_answers_each_command_without_a_terminal() -> Result<()> {
    let site = site("talked").await?;
    for kubectl in Kubectl::ALL {
        let mut dialogue = Dialogue::of(site.kubectl(kubectl, &["exec", "-i", "talked", "--", "sh"]).await?)?;
        for (sent, answer) in [("echo one $((1 + 1))\n", "one 2"), ("if true\nthen\necho two\nfi\n", "two")] {
            dialogue.send(sent).await?;
            ensure!(dialogue.answer().await? == answer, "{kubectl:?}: {sent:?}");
        }
        dialogue.send("rm -rf /tmp/precious\n").await?;
        let (code, said) = dialogue.ended().await?;
        ensure!(code == Some(5) && said.contains("blocked by rule rm-rf"), "{kubectl:?}: {code:?}: {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_into_a_shell_of_a_pod_is_judged() -> Result<()> {
    let site = site("typed").await?;
    site.run(&["exec", "typed", "--", "mkdir", "/tmp/precious"]).await?.ok()?;
    for kubectl in Kubectl::ALL {
        let mut shell = site.terminal(kubectl, &["exec", "-it", "typed", "--", "sh"]).await?;
        shell.wait_until("the shell prompts", SOON, prompts).await?;
        shell.type_text("stty size\n").await?;
        shell.wait_for("30 100", SOON).await?;
        shell.resize(90, 25)?;
        shell.type_text("stty size\n").await?;
        shell.wait_for("25 90", SOON).await?;
        shell.type_text("rm -rf /tmp/precious\n").await?;
        shell.wait_for("bastion: blocked by rule rm-rf", SOON).await?;
        shell.type_text("echo still $((40 + 2))\n").await?;
        shell.wait_for("still 42", SOON).await?;
        shell.type_text("exit 3\n").await?;
        let (code, screen) = shell.finish(SOON).await?;
        ensure!(code == 3, "{kubectl:?}: {code}\n{}", screen.lines().join("\n"));
    }
    site.run(&["exec", "typed", "--", "ls", "-d", "/tmp/precious"]).await?.ok()?;
    ensure!(site.events("command_blocked", 4).await?.len() == 4, "one event each");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_that_a_program_opens_is_judged_as_one_that_is_named() -> Result<()> {
    let site = site("opened").await?;
    site.run(&["exec", "opened", "--", "mkdir", "/tmp/precious"]).await?.ok()?;
    for (opener, kubectl) in [
        // k9s, Rancher, and Lens.
        ("command -v bash >/dev/null && exec bash || exec sh", Kubectl::Cluster),
        (
            "TERM=xterm-256color; export TERM; [ -x /bin/bash ] && ([ -x /usr/bin/script ] && /usr/bin/script -q -c \"/bin/bash\" /dev/null || exec /bin/bash) || exec /bin/sh",
            Kubectl::ClusterSpdy,
        ),
        ("clear; (bash || ash)", Kubectl::Machine),
    ] {
        let mut shell = site.terminal(kubectl, &["exec", "-it", "opened", "--", "sh", "-c", opener]).await?;
        shell.wait_until("the shell prompts", SOON, prompts).await?;
        shell.type_text("rm -rf /tmp/precious\n").await?;
        shell.wait_for("bastion: blocked by rule rm-rf", SOON).await?;
        shell.type_text("echo still $((40 + 2))\n").await?;
        shell.wait_for("still 42", SOON).await?;
        shell.type_text("exit 3\n").await?;
        let (code, screen) = shell.finish(SOON).await?;
        ensure!(code == 3, "{opener}: {code}\n{}", screen.lines().join("\n"));
    }
    site.run(&["exec", "opened", "--", "ls", "-d", "/tmp/precious"]).await?.ok()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_runs_already_is_attached_to() -> Result<()> {
    let site = KubeSite::start(rules(&["engineering"], &no_trees())).await?;
    site.makes(&["pod/guest"]).await?;
    let arguments = ["run", "-it", "guest", "--image", tests::cluster::IMAGE, "--image-pull-policy=Never", "--", "sh"];
    let mut shell = site.terminal(Kubectl::Cluster, &arguments).await?;
    shell.wait_for("try pressing enter", SOON).await?;
    shell.type_text("\n").await?;
    shell.wait_until("the shell prompts", SOON, prompts).await?;
    shell.type_text("rm -rf /tmp\n").await?;
    shell.wait_for("bastion: blocked by rule rm-rf", SOON).await?;
    shell.type_text("exit\n").await?;
    shell.finish(SOON).await?;
    let sessions = site.bastion.api("carol").await?.ended_sessions("demo-cluster", 1).await?;
    ensure!(sessions.iter().any(|session| session["kind"] == "attach"), "{sessions:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_are_forwarded_for_many_connections() -> Result<()> {
    let site = site("ports").await?;
    let serve = "mkdir -p /tmp/www && echo hello from the pod > /tmp/www/index.html && httpd -h /tmp/www -p 8080";
    site.run(&["exec", "ports", "--", "sh", "-c", serve]).await?.ok()?;
    for (index, kubectl) in Kubectl::ALL.into_iter().enumerate() {
        let port = tests::peers::free_port()?;
        let mut forward = site.kubectl(kubectl, &["port-forward", "pod/ports", &format!("{port}:8080")]).await?;
        forward.kill_on_drop(true).stdout(std::process::Stdio::piped());
        let mut forward = forward.spawn()?;
        let mut said = [0; 64];
        forward.stdout.as_mut().context("stdout")?.read_exact(&mut said[..10]).await?;
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..100 {
            connections.spawn(async move {
                let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
                connection.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
                let mut answer = String::new();
                connection.read_to_string(&mut answer).await?;
                ensure!(answer.contains("hello from the pod"), "{answer}");
                Ok(())
            });
        }
        while let Some(ended) = connections.join_next().await {
            ended?.with_context(|| format!("{kubectl:?}"))?;
        }
        forward.kill().await?;
        let forwards = tests::patience::until("the forward is written down", SOON, async || {
            let events = site.events("kube_request", 1).await?;
            let forwards = events.iter().filter(|event| event.to_string().contains("portforward")).count();
            Ok((forwards > index).then_some(events))
        });
        let events = forwards.await?;
        ensure!(events.iter().any(|event| event.to_string().contains("\"bytes_out\":")), "bytes are counted");
    }
    Ok(())
}

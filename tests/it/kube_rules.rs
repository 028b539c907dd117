//! What a rule blocks or holds in a cluster, with what is left of it in the recording and in the audit log.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::{Api, at, text},
    kube_site::{COMMAND_LIMIT, KubeSite, Kubectl, prompts, rules},
    patience::{SOON, until},
    program::run,
    terminal::{Screen, Terminal},
};

fn on_commands() -> Value {
    let flags = json!({ "all": [["r", "R", "recursive"], ["f", "force"]] });
    json!([
        {
            "name": "rm-rf", "effect": "block", "match": { "command": { "program": ["rm"], "flags": flags } },
            "message": "deleting whole trees is not allowed here",
        },
        {
            "name": "ask-first", "effect": "approve", "match": { "command": { "program": ["mkdir"] } },
            "approvers": { "groups": ["sre"] }, "message": "new folders need a second pair of eyes",
        },
    ])
}

async fn site(pod: &str) -> Result<KubeSite> {
    let site = KubeSite::start(rules(&["engineering"], &on_commands())).await?;
    site.pod(pod).await?;
    Ok(site)
}

/// The one event of a kind with this member.
async fn event(site: &KubeSite, kind: &str, pointer: &str, value: &str) -> Result<Value> {
    let events = site.events(kind, 1).await?;
    let mut events = events.into_iter().filter(|event| at(event, pointer) == value);
    let event = events.next().with_context(|| format!("no {kind} with {value}"))?;
    ensure!(events.next().is_none(), "two {kind} with {value}");
    Ok(event)
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_in_a_shell_of_a_pod_are_blocked_and_held_and_that_is_recorded() -> Result<()> {
    let site = site("recorded").await?;
    let bob = site.bastion.api("bob").await?;
    let carol = site.bastion.api("carol").await?;
    for (index, kubectl) in Kubectl::ALL.into_iter().enumerate() {
        let mut shell = site.terminal(kubectl, &["exec", "-it", "recorded", "--", "sh"]).await?;
        shell.wait_until("the shell prompts", SOON, prompts).await?;
        shell.type_text("rm -rf /\n").await?;
        shell.wait_for("bastion: blocked by rule rm-rf", SOON).await?;
        shell.wait_until("the shell prompts", SOON, prompts).await?;
        let waiting = asks(&mut shell, &bob, &format!("mkdir /tmp/typed-{index}")).await?;
        ensure!(at(&waiting, "/command") == &json!(format!("mkdir /tmp/typed-{index}")), "{waiting}");
        ensure!(at(&waiting, "/target") == "demo-cluster" && at(&waiting, "/login") == "recorded.default", "{waiting}");
        let id = text(&waiting, "id")?;
        bob.post(&format!("/approvals/{id}/approve"), json!({ "scope": "once" })).await?;
        carol.approval_in_state(&id, "approved").await?;
        shell.wait_until("the shell prompts", SOON, prompts).await?;
        shell.type_text("ls -d /tmp/typed-*; exit\n").await?;
        shell.wait_for(&format!("/tmp/typed-{index}"), SOON).await?;
        let (code, screen) = shell.finish(SOON).await?;
        ensure!(code == 0, "{kubectl:?}: {}", screen.lines().join("\n"));

        let sessions = carol.ended_sessions("demo-cluster", index + 1).await?;
        let session = text(sessions.first().context("a session")?, "id")?;
        let cast = carol.cast(&session).await?;
        let markers = cast.joined("m");
        for word in ["rm-rf", "rm -rf /", &format!("mkdir /tmp/typed-{index}"), "bob"] {
            ensure!(markers.contains(word), "{kubectl:?}: no {word} in {markers}");
        }
        let blocked = site.events("command_blocked", index + 1).await?;
        let mut blocked = blocked.iter().filter(|event| at(event, "/session") == session.as_str());
        let blocked = blocked.find(|event| at(event, "/rule") == "rm-rf").context("an event of the block")?;
        ensure!(at(blocked, "/user") == "alice", "{blocked}");
        ensure!(at(blocked, "/target") == "demo-cluster" && blocked.to_string().contains("rm -rf /"), "{blocked}");
        let decided = event(&site, "approval_decided", "/approval", &id).await?;
        ensure!(at(&decided, "/session") == session.as_str() && at(&decided, "/by/0") == "bob", "{decided}");
        let stored = until("the recording is stored", SOON, async || site.stored(&session)).await?;
        let stored = fs::read_to_string(stored.join("session.cast"))?;
        ensure!(stored == carol.recording(&session).await?, "what the console shows is what is stored");
    }
    Ok(())
}

/// Types a line until it waits for people: on a machine without CPU time the gate may find that its echo is missing,
/// and then wants it once more.
async fn asks(shell: &mut Terminal, bob: &Api, line: &str) -> Result<Value> {
    let count = |screen: &Screen, text: &str| screen.lines().iter().filter(|line| line.contains(text)).count();
    for _ in 0..3 {
        let refused = count(&shell.screen(), "^C");
        shell.type_text(&format!("{line}\n")).await?;
        let waits = |screen: &Screen| count(screen, "bastion: waiting for approval") > 0;
        let answered = |screen: &Screen| waits(screen) || (count(screen, "^C") > refused && prompts(screen));
        shell.wait_until("the gate answers", SOON, answered).await?;
        if waits(&shell.screen()) {
            return bob.waiting_approval().await;
        }
    }
    anyhow::bail!("it never waits: {:#?}", shell.screen().lines())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_exec_waits_for_somebody_else_and_runs_as_it_was_approved() -> Result<()> {
    let site = site("waiting").await?;
    let (bob, carol) = (site.bastion.api("bob").await?, site.bastion.api("carol").await?);
    for (index, kubectl) in Kubectl::ALL.into_iter().enumerate() {
        for (vote, code) in [("approve", 0), ("deny", 5)] {
            let folder = format!("/tmp/{vote}-{index}  two");
            let exec = site.kubectl(kubectl, &["exec", "waiting", "--", "mkdir", &folder]).await?;
            let deciding = async {
                let waiting = bob.waiting_approval().await?;
                ensure!(at(&waiting, "/command").to_string().contains(&folder), "{waiting}");
                let id = text(&waiting, "id")?;
                let before = site.run(&["exec", "waiting", "--", "ls", "-d", &folder]).await?;
                ensure!(before.code != 0, "it ran before");
                let body = if vote == "approve" { json!({ "scope": "once" }) } else { json!({ "comment": "not now" }) };
                bob.post(&format!("/approvals/{id}/{vote}"), body).await?;
                Ok(id)
            };
            let (outcome, id) = tokio::try_join!(run(exec, b"", COMMAND_LIMIT), deciding)?;
            ensure!(outcome.code == code, "{kubectl:?} {vote}: {outcome:?}");
            ensure!(code == 0 || outcome.stderr.contains("not now"), "{kubectl:?} {vote}: {outcome:?}");
            let after = site.run(&["exec", "waiting", "--", "ls", "-d", &folder]).await?;
            ensure!((after.code == 0) == (code == 0), "{kubectl:?} {vote}: {after:?}");
            let decided = event(&site, "approval_decided", "/approval", &id).await?;
            ensure!(at(&decided, "/by/0") == "bob", "{decided}");
        }
    }
    let blocked = site.run(&["exec", "waiting", "--", "rm", "-rf", "/"]).await?;
    ensure!(blocked.code == 1 && blocked.stderr.contains("bastion: blocked by rule rm-rf"), "{blocked:?}");
    let event = event(&site, "command_blocked", "/rule", "rm-rf").await?;
    ensure!(at(&event, "/user") == "alice" && event.to_string().contains("rm -rf /"), "{event}");
    let sessions = carol.ended_sessions("demo-cluster", 1).await?;
    let mut commands = sessions.iter().filter_map(|session| at(session, "/command").as_str());
    let refused = |command: &str| command.starts_with("rm") || command.starts_with("mkdir /tmp/deny");
    ensure!(!commands.any(refused), "what was refused was never begun: {sessions:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_request_is_one_event_with_its_rule() -> Result<()> {
    let delete = json!({ "request": { "verbs": ["delete"], "resources": ["namespaces"], "names": ["guarded"] } });
    let keep = json!([{ "name": "keep", "effect": "block", "match": delete, "message": "ask the platform team" }]);
    let site = KubeSite::start(rules(&["engineering"], &keep)).await?;
    site.makes(&["namespace/guarded"]).await?;
    site.run(&["create", "namespace", "guarded"]).await?.ok()?;
    for (index, kubectl) in [Kubectl::Cluster, Kubectl::Machine].into_iter().enumerate() {
        let blocked = site.run_with(kubectl, &["delete", "namespace", "guarded"], b"").await?;
        ensure!(blocked.code == 1 && blocked.stderr.contains("bastion: ask the platform team"), "{blocked:?}");
        let events = site.events("kube_request", 1).await?;
        let events: Vec<_> = events.iter().filter(|event| at(event, "/rule") == "keep").collect();
        ensure!(events.len() == index + 1, "{events:#?}");
        let event = events.first().context("an event")?;
        let what = (at(event, "/user"), at(event, "/verb"), at(event, "/resource"), at(event, "/name"));
        ensure!(what == (&json!("alice"), &json!("delete"), &json!("namespaces"), &json!("guarded")), "{event}");
        ensure!(at(event, "/status") == 403 && at(event, "/refused") == "ask the platform team", "{event}");
    }
    site.run(&["get", "namespace", "guarded"]).await?.ok()?;
    Ok(())
}

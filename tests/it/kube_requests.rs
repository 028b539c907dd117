//! Plain requests through the bastion: the cluster sees the person, and the rules are kept.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    cluster::Cluster,
    kube_site::{COMMAND_LIMIT, KubeSite, Kubectl, rules},
    patience::{SOON, until},
    program::run,
};

fn on_namespaces() -> Value {
    let delete =
        |names: &str| json!({ "request": { "verbs": ["delete"], "resources": ["namespaces"], "names": [names] } });
    json!([
        { "name": "keep", "effect": "block", "match": delete("keep-*"), "message": "ask the platform team" },
        { "name": "ask", "effect": "approve", "match": delete("ask-*"), "approvers": { "groups": ["sre"] } },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_works_and_the_clusters_own_audit_log_names_the_person() -> Result<()> {
    let site = KubeSite::start(rules(&["engineering"], &json!([]))).await?;
    site.pod("plain").await?;
    for (index, kubectl) in [Kubectl::Cluster, Kubectl::Machine].into_iter().enumerate() {
        let name = format!("settings-{index}");
        let object =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": "b" } });
        site.run_with(kubectl, &["apply", "-f", "-"], object.to_string().as_bytes()).await?.ok()?;
        let got = site.run_with(kubectl, &["get", "configmap", &name, "-o", "jsonpath={.data.a}"], b"").await?.ok()?;
        ensure!(got.text() == "b", "{got:?}");
        site.run_with(kubectl, &["describe", "configmap", &name], b"").await?.ok()?;
        site.run_with(kubectl, &["delete", "configmap", &name], b"").await?.ok()?;
        let can = site.run_with(kubectl, &["auth", "can-i", "--list"], b"").await?.ok()?;
        ensure!(can.text().contains("*.*"), "{can:?}");
        let who = site.run_with(kubectl, &["auth", "whoami", "-o", "json"], b"").await?.ok()?;
        let who: Value = serde_json::from_slice(&who.stdout)?;
        ensure!(who["status"]["userInfo"]["username"] == "alice", "{who}");
    }
    let Some(log) = Cluster::shared().await?.audit_log() else { return Ok(()) };
    until("the cluster's audit log names alice", SOON, async || {
        let log = fs::read_to_string(&log).context("the audit log")?;
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut hers = events.filter(|event| event["impersonatedUser"]["username"] == "alice");
        Ok(hers.find(|event| event["impersonatedUser"]["groups"].to_string().contains("engineering")).map(drop))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_clusters_reaches_kubectl_unchanged() -> Result<()> {
    let site = KubeSite::start(rules(&["strangers"], &json!([]))).await?;
    site.pod("unreachable").await?;
    for kubectl in Kubectl::ALL {
        let outcome = site.run_with(kubectl, &["get", "pods"], b"").await?;
        let expected = "pods is forbidden: User \"alice\" cannot list resource \"pods\"";
        ensure!(outcome.code == 1 && outcome.stderr.contains(expected), "{kubectl:?}: {outcome:?}");
        ensure!(!outcome.stderr.contains("bastion"), "{outcome:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_blocked_or_wait_for_other_people() -> Result<()> {
    let site = KubeSite::start(rules(&["engineering"], &on_namespaces())).await?;
    site.makes(&["namespace/keep-it", "namespace/ask-yes", "namespace/ask-no"]).await?;
    for name in ["keep-it", "ask-yes", "ask-no"] {
        site.run(&["create", "namespace", name]).await?.ok()?;
    }
    let blocked = site.run(&["delete", "namespace", "keep-it"]).await?;
    ensure!(blocked.code == 1 && blocked.stderr.contains("bastion: ask the platform team"), "{blocked:?}");
    let bob = site.bastion.api("bob").await?;
    for (name, vote, code) in [("ask-yes", "approve", 0), ("ask-no", "deny", 1)] {
        let delete = site.kubectl(Kubectl::Cluster, &["delete", "namespace", name, "--wait=false"]).await?;
        let deciding = async {
            let waiting = until("it waits", SOON, async || {
                let waiting = bob.items("/approvals?state=pending").await?;
                Ok(waiting.into_iter().next())
            })
            .await?;
            let id = waiting["id"].as_str().context("an id")?;
            let text = waiting["command"].to_string();
            ensure!(text.contains("DELETE") && text.contains(name), "{waiting}");
            let body = if vote == "approve" { json!({ "scope": "once" }) } else { json!({ "comment": "not today" }) };
            bob.post(&format!("/approvals/{id}/{vote}"), body).await?;
            Ok::<_, anyhow::Error>(())
        };
        let (outcome, decided) = tokio::join!(run(delete, b"", COMMAND_LIMIT), deciding);
        decided?;
        let outcome = outcome?;
        ensure!(outcome.code == code, "{name}: {outcome:?}");
        ensure!(code == 0 || outcome.stderr.contains("not today"), "{outcome:?}");
    }
    Ok(())
}

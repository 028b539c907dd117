//! Who may reach a cluster only after other people have said yes: for one connection, or for a time.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::{at, text},
    kube_site::{COMMAND_LIMIT, KubeSite, Kubectl},
    patience::{SOON, until},
    person::Person,
    program::run,
};

/// Engineers may ask the API; everything else waits for `sre`, who want to know why.
fn by_approval() -> Value {
    let (clusters, groups) = (json!({ "names": ["demo-cluster"] }), json!(["engineering"]));
    let approval = json!({ "groups": ["sre"], "reason": "required" });
    json!({ "roles": {
        "engineer": { "groups": ["engineering"], "allow": [
            { "clusters": clusters, "groups": groups, "capabilities": ["api"] },
            { "clusters": clusters, "groups": groups, "capabilities": ["exec", "port-forward"], "approval": approval },
        ] },
        "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
    } })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exec_waits_for_somebody_else_who_reads_why() -> Result<()> {
    let site = KubeSite::start(by_approval()).await?;
    site.pod("approved").await?;
    let bob = Person::log_in(&site.bastion, "bob").await?;
    let api = site.bastion.api("bob").await?;
    for kubectl in [Kubectl::Cluster, Kubectl::MachineSpdy] {
        let exec = ["exec", "approved", "--", "echo", "it ran"];
        let unexplained = site.run_with(kubectl, &exec, b"").await?;
        ensure!(unexplained.code != 0 && unexplained.stdout.is_empty(), "{kubectl:?}: {unexplained:?}");
        ensure!(unexplained.stderr.contains("BASTION_REASON='ticket 4711' kubectl"), "{kubectl:?}: {unexplained:?}");

        for decision in [&["approve"][..], &["deny", "--comment", "not on a Sunday"]] {
            let mut explained = site.kubectl(kubectl, &exec).await?;
            explained.env("BASTION_REASON", "ticket 4711");
            let deciding = async {
                let waiting = api.waiting_approval().await?;
                let id = text(&waiting, "id")?;
                let shown = bob.run_bastion(&["approvals", "show", &id]).await?.ok()?.text();
                for word in ["ticket 4711", "alice", "demo-cluster", "approved.default", "echo"] {
                    ensure!(shown.contains(word), "{kubectl:?}: no {word} in {shown}");
                }
                bob.run_bastion(&[&["approvals", decision[0], &id], &decision[1..]].concat()).await?.ok()?;
                Ok(())
            };
            let (outcome, ()) = tokio::try_join!(run(explained, b"", COMMAND_LIMIT), deciding)?;
            if decision[0] == "approve" {
                ensure!(outcome.code == 0 && outcome.text() == "it ran\n", "{kubectl:?}: {outcome:?}");
            } else {
                ensure!(outcome.code != 0 && outcome.stdout.is_empty(), "{kubectl:?}: {outcome:?}");
                let said = &outcome.stderr;
                ensure!(said.contains("not on a Sunday") && said.contains("bob"), "{kubectl:?}: {said}");
            }
            ensure!(outcome.stderr.contains("needs an approval"), "{kubectl:?} says why it waits: {}", outcome.stderr);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_port_waits_for_somebody_else() -> Result<()> {
    let site = KubeSite::start(by_approval()).await?;
    site.pod("approved-port").await?;
    let api = site.bastion.api("bob").await?;
    let forward = ["port-forward", "pod/approved-port", ":8080"];
    let unexplained = site.run(&forward).await?;
    ensure!(unexplained.code == 1, "{unexplained:?}");
    ensure!(unexplained.stderr.contains("BASTION_REASON='ticket 4711' kubectl"), "{unexplained:?}");
    let mut explained = site.kubectl(Kubectl::Cluster, &forward).await?;
    explained.env("BASTION_REASON", "ticket 4711");
    let deciding = async {
        let id = text(&api.waiting_approval().await?, "id")?;
        api.post(&format!("/approvals/{id}/deny"), json!({ "comment": "use the replica" })).await?;
        Ok(())
    };
    let (denied, ()) = tokio::try_join!(run(explained, b"", COMMAND_LIMIT), deciding)?;
    ensure!(denied.code == 1 && denied.stderr.contains("use the replica"), "{denied:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn access_to_a_cluster_is_asked_for_and_given_for_a_time() -> Result<()> {
    let request = json!([{
        "clusters": { "names": ["demo-cluster"] }, "groups": ["engineering"], "capabilities": ["api", "exec"],
        "approvers": { "groups": ["sre"] }, "max": "1h",
    }]);
    let site = KubeSite::start(json!({ "roles": {
        "engineer": { "groups": ["engineering"], "request": request },
        "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
    } }))
    .await?;
    site.pod("for-a-time").await?;
    let (alice, bob) = (&site.alice, Person::log_in(&site.bastion, "bob").await?);

    let listed = async || Ok::<_, anyhow::Error>(alice.run_bastion(&["targets"]).await?.ok()?.text());
    ensure!(!listed().await?.contains("demo-cluster"), "nothing may be done there yet");
    let get = ["get", "pod", "for-a-time", "-o", "name"];
    let early = site.run(&get).await?;
    ensure!(early.code == 1 && early.stdout.is_empty(), "{early:?}");
    ensure!(early.stderr.contains("bastion access request demo-cluster --for"), "it says what to type: {early:?}");

    let ask = ["access", "request", "demo-cluster", "--for", "10m", "--reason", "ticket 4711", "--output", "json"];
    let asked = alice.run_bastion(&ask).await?.ok()?;
    let asked: Value = serde_json::from_str(&asked.text()).with_context(|| asked.text())?;
    let id = text(&asked, "id")?;
    ensure!(site.run(&get).await?.code == 1, "asking alone opens nothing");
    bob.run_bastion(&["approvals", "approve", &id]).await?.ok()?;
    let open = until("the cluster is open", SOON, async || {
        let outcome = site.run(&get).await?;
        Ok((outcome.code == 0).then_some(outcome))
    })
    .await?;
    ensure!(open.text() == "pod/for-a-time\n", "{open:?}");
    let there = listed().await?;
    let row = there.lines().find(|line| line.starts_with("demo-cluster")).context("it is listed now")?;
    ensure!(row.contains("cluster") && row.contains("api exec"), "{row}");
    let ran = site.run(&["exec", "for-a-time", "--", "echo", "it ran"]).await?.ok()?;
    ensure!(ran.text() == "it ran\n", "{ran:?}");
    let mine = alice.run_bastion(&["access", "ls", "--output", "json"]).await?.ok()?.text();
    let mine: Value = serde_json::from_str(&mine).with_context(|| mine.clone())?;
    ensure!(at(&mine, "/0/target") == "demo-cluster", "{mine}");
    Ok(())
}

//! Which ports of a pod may be forwarded, what kubectl says of the others, and what is written down.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::{at, text},
    kube_site::{COMMAND_LIMIT, KubeSite, Kubectl, rules},
    patience::{SOON, until, within},
    program::run,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The role names some ports, and a rule blocks one of them again.
fn some_ports() -> Value {
    let (clusters, groups) = (json!({ "names": ["demo-cluster"] }), json!(["engineering"]));
    json!({
        "roles": {
            "engineer": { "groups": ["engineering"], "allow": [
                { "clusters": clusters, "groups": groups, "capabilities": ["api", "exec"] },
                { "clusters": clusters, "groups": groups, "capabilities": ["port-forward"], "ports": ["8000-8080"] },
            ] },
            "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
        },
        "rules": [{
            "name": "no-debug-port", "effect": "block", "match": { "request": { "ports": [8005] } },
            "message": "nobody records what passes a debug port",
        }],
    })
}

/// What a web server there answers; empty when the connection is closed instead.
async fn page(port: u16) -> Result<String> {
    within("the answer or the end", SOON, async {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut answer = Vec::new();
        // A connection that is refused may be reset before or after the request.
        if connection.write_all(b"GET / HTTP/1.0\r\n\r\n").await.is_ok() {
            let _ = connection.read_to_end(&mut answer).await;
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_port_is_decided_and_written_down() -> Result<()> {
    let site = KubeSite::start(some_ports()).await?;
    site.pod("some-ports").await?;
    let serve = "mkdir -p /tmp/www && echo a page of the pod > /tmp/www/index.html && \
                 for port in 8080 8005 9999; do httpd -h /tmp/www -p $port; done";
    site.run(&["exec", "some-ports", "--", "sh", "-c", serve]).await?.ok()?;
    for (index, kubectl) in [Kubectl::Cluster, Kubectl::MachineSpdy].into_iter().enumerate() {
        let allowed = site.port_forward(kubectl, "pod/some-ports", 8080).await?;
        ensure!(page(allowed.port).await?.contains("a page of the pod"), "{kubectl:?}: {}", allowed.kubectl.log());
        for (port, why) in [(8005, "nobody records what passes a debug port"), (9999, "9999")] {
            let refused = site.port_forward(kubectl, "pod/some-ports", port).await?;
            let answer = page(refused.port).await?;
            ensure!(answer.is_empty(), "{kubectl:?}: port {port} answers {answer}");
            until("kubectl says why", SOON, async || {
                let log = refused.kubectl.log();
                Ok(log.lines().any(|line| line.contains("bastion: ") && line.contains(why)).then_some(()))
            })
            .await
            .with_context(|| format!("{kubectl:?}: {}", refused.kubectl.log()))?;
        }

        let opened = site.events("port_opened", index + 1).await?;
        ensure!(opened.len() == index + 1 && opened.iter().all(|event| at(event, "/port") == 8080), "{opened:#?}");
        let closed = site.events("port_closed", index + 1).await?;
        let carries = |event: &Value, field: &str| at(event, field).as_u64().is_some_and(|bytes| bytes > 15);
        for event in &closed {
            let (user, pod) = (at(event, "/user"), at(event, "/pod"));
            ensure!(user == "alice" && pod == "some-ports" && at(event, "/port") == 8080, "{event}");
            ensure!(carries(event, "/bytes_in") && carries(event, "/bytes_out"), "{event}");
        }
        let refused = site.events("port_refused", 2 * (index + 1)).await?;
        ensure!(refused.len() == 2 * (index + 1), "{refused:#?}");
        for (port, rule) in [(8005, json!("no-debug-port")), (9999, Value::Null)] {
            let mut of_port = refused.iter().filter(|event| at(event, "/port") == port);
            ensure!(of_port.clone().count() == index + 1, "{refused:#?}");
            ensure!(of_port.all(|event| at(event, "/rule") == &rule), "{refused:#?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_a_rule_holds_is_forwarded_once_somebody_else_has_said_yes() -> Result<()> {
    let ports = json!({ "request": { "resources": ["pods"], "subresources": ["portforward"] } });
    let held = json!([{
        "name": "ports", "effect": "approve", "match": ports, "approvers": { "groups": ["sre"] },
        "message": "ports need a second pair of eyes",
    }]);
    let site = KubeSite::start(rules(&["engineering"], &held)).await?;
    site.pod("held-port").await?;
    let serve = "mkdir -p /tmp/www && echo a page of the pod > /tmp/www/index.html && httpd -h /tmp/www -p 8080";
    site.run(&["exec", "held-port", "--", "sh", "-c", serve]).await?.ok()?;
    let bob = site.bastion.api("bob").await?;
    for (index, kubectl) in [Kubectl::Cluster, Kubectl::MachineSpdy].into_iter().enumerate() {
        let asked = async || {
            let waiting = bob.waiting_approval().await?;
            ensure!(at(&waiting, "/command").to_string().contains("pods/held-port/portforward"), "{waiting}");
            text(&waiting, "id")
        };
        let approving = async {
            let id = asked().await?;
            let opened = site.bastion.api("carol").await?.items("/audit?kind=port_opened").await?;
            ensure!(opened.len() == index, "{kubectl:?}: it is open before anybody has said yes: {opened:#?}");
            bob.post(&format!("/approvals/{id}/approve"), json!({ "scope": "once" })).await
        };
        let (forward, _) = tokio::try_join!(site.port_forward(kubectl, "pod/held-port", 8080), approving)?;
        ensure!(page(forward.port).await?.contains("a page of the pod"), "{kubectl:?}: {}", forward.kubectl.log());
        site.events("port_opened", index + 1).await?;
        drop(forward);

        let denying = async {
            let body = json!({ "comment": "use the replica" });
            bob.post(&format!("/approvals/{}/deny", asked().await?), body).await
        };
        let kubectl_again = site.kubectl(kubectl, &["port-forward", "pod/held-port", ":8080"]).await?;
        let (denied, _) = tokio::try_join!(run(kubectl_again, b"", COMMAND_LIMIT), denying)?;
        ensure!(denied.code == 1, "{kubectl:?}: {denied:?}");
        for word in ["ports need a second pair of eyes", "bob", "use the replica"] {
            ensure!(denied.stderr.contains(word), "{kubectl:?}: no {word} in {denied:?}");
        }
        let decided = site.events("approval_decided", 2 * (index + 1)).await?;
        ensure!(decided.len() == 2 * (index + 1), "one question each, over either transport: {decided:#?}");
    }
    Ok(())
}

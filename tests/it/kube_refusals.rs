//! What a Kubernetes client reads of a refusal: HTTP status, reason and code, each as the page of reason codes has it;
//! and the same code in the audit log.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    kube_fault::{Behaviour, FaultCluster, Step},
    kube_raw::RawKube,
    kube_site::{KubeSite, rules},
};

/// A refusal, as a client sees it.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    status: u16,
    reason: String,
    code: String,
}

fn refused(status: u16, reason: &str, code: &str) -> Refused {
    Refused { status, reason: reason.to_owned(), code: code.to_owned() }
}

/// Asks for `true` in this pod, with these words, as kubectl would over WebSocket.
async fn exec(raw: &RawKube, pod: &str, words: &[&str]) -> Result<Refused> {
    let words = words.iter().map(|word| format!("command={word}&")).collect::<String>();
    ask(raw, &format!("{pod}/exec?{words}stdout=true"), "v5.channel.k8s.io").await
}

/// Asks for what is under the pods, with an upgrade to WebSocket.
async fn ask(raw: &RawKube, what: &str, protocol: &str) -> Result<Refused> {
    let path = format!("{}/api/v1/namespaces/default/pods/{what}", raw.prefix());
    let answer = raw
        .ask(&[
            &format!("GET {path} HTTP/1.1"),
            &format!("Host: {}", raw.authority()?),
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            &format!("Sec-WebSocket-Protocol: {protocol}"),
        ])
        .await?;
    let status: Value = serde_json::from_str(&answer.body).with_context(|| format!("{answer:?}"))?;
    let text = |pointer: &str| status.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = status.pointer("/code").and_then(Value::as_u64);
    ensure!(text("/message").starts_with("bastion: ") && code == Some(answer.status.into()), "{status}");
    Ok(Refused { status: answer.status, reason: text("/reason"), code: text("/details/causes/0/reason") })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_status_and_its_code_and_the_audit_log_has_it_too() -> Result<()> {
    let (folder, cluster) = (tempfile::tempdir()?, FaultCluster::start().await?);
    let more = json!([
        { "name": "rm", "effect": "block", "match": { "command": { "program": ["rm"] } } },
        { "name": "svc", "effect": "approve", "match": { "command": { "program": ["systemctl"] } } },
        { "name": "vault", "effect": "block", "match": { "request": { "names": ["vault"] } } },
    ]);
    let site = KubeSite::before(&cluster.kubeconfig(folder.path())?, rules(&["engineering"], &more)).await?;
    let raw = RawKube::with_certificate(&site).await?;
    cluster.set(Behaviour::of([Step::exit(0)]));
    for (pod, words, expected) in [
        ("web", &["rm", "-rf", "x"][..], refused(403, "Forbidden", "command_blocked")),
        ("web", &["systemctl", "stop", "db"], refused(403, "Forbidden", "approval_cannot_be_asked")),
        ("vault", &["true"], refused(403, "Forbidden", "request_blocked")),
    ] {
        let seen = exec(&raw, pod, words).await?;
        ensure!(seen == expected, "{pod} {words:?}: {seen:?}");
    }
    for (what, protocol, expected) in [
        ("vault/portforward?ports=80", "v4.channel.k8s.io", refused(403, "Forbidden", "request_blocked")),
        ("web/portforward?ports=80", "v9.channel.k8s.io", refused(403, "Forbidden", "unsupported")),
        ("vault/log?follow=true", "binary.k8s.io", refused(403, "Forbidden", "request_blocked")),
        ("web/log?follow=true", "v9.channel.k8s.io", refused(403, "Forbidden", "unsupported")),
    ] {
        let seen = ask(&raw, what, protocol).await?;
        ensure!(seen == expected, "{what} {protocol}: {seen:?}");
    }
    ensure!(cluster.seen().upgrades.is_empty(), "the cluster heard of it: {:?}", cluster.seen().upgrades);

    let carol = site.bastion.api("carol").await?;
    let events = carol.items("/audit?kind=kube_request").await?;
    for code in ["command_blocked", "approval_cannot_be_asked", "request_blocked", "unsupported"] {
        ensure!(events.iter().any(|event| event["code"] == code), "{code}: {events:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_a_bad_gateway() -> Result<()> {
    let (folder, cluster) = (tempfile::tempdir()?, FaultCluster::start().await?);
    let kubeconfig = cluster.kubeconfig(folder.path())?;
    let site = KubeSite::before(&kubeconfig, rules(&["engineering"], &json!([]))).await?;
    let raw = RawKube::with_certificate(&site).await?;
    drop(cluster);
    let seen = exec(&raw, "web", &["true"]).await?;
    let expected = refused(502, "InternalError", "target_unavailable");
    ensure!(seen == expected, "{seen:?}");
    for (what, protocol) in [
        ("?watch=true", ""),
        ("web/log?follow=true", "binary.k8s.io"),
        ("web/portforward?ports=80", "v4.channel.k8s.io"),
    ] {
        let seen = ask(&raw, what, protocol).await?;
        ensure!(seen == expected, "{what}: {seen:?}");
    }
    Ok(())
}

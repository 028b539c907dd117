//! What no stock client sends: headers that name somebody else, paths that two readers read in two ways, requests in
//! requests. Each is refused or has no effect, and the cluster says itself who it thinks asked.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::at,
    cluster::Cluster,
    kube_raw::{RawAnswer, RawKube},
    kube_site::{KubeSite, rules},
    patience::{SOON, until},
    program::run,
};

/// What the secret holds, in the base64 of its form in JSON, and in protobuf.
const PLANTED: [&str; 2] = ["cGxhbnRlZC00NzEx", "planted-4711"];

/// With it the bastion has decided, and nobody else.
const BLOCKED: &str = "bastion: secrets stay where they are";

/// Alice is an administrator of the cluster, and the bastion lets her see no secret.
async fn site(secret: &str) -> Result<KubeSite> {
    let no_secrets = json!([{
        "name": "no-secrets", "effect": "block", "message": "secrets stay where they are",
        "match": { "request": { "resources": ["secrets"], "names": ["planted*"] } },
    }]);
    let site = KubeSite::start(rules(&["engineering"], &no_secrets)).await?;
    site.makes(&[&format!("secret/{secret}")]).await?;
    let admin = Cluster::shared().await?;
    let mut create = admin.kubectl(admin.kubeconfig()).await?;
    create.args(["create", "secret", "generic", secret, "--from-literal=value=planted-4711"]);
    run(create, b"", SOON).await?.ok()?;
    Ok(site)
}

/// The events of the cluster's own audit log that a user agent left; `None` where the cluster is not ours.
async fn audited(agent: &str) -> Result<Option<Vec<Value>>> {
    let Some(log) = Cluster::shared().await?.audit_log() else { return Ok(None) };
    let log = fs::read_to_string(log).context("the audit log")?;
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(Some(events.filter(|event| at(event, "/userAgent").as_str() == Some(agent)).collect()))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_a_request_claims_to_be_the_cluster_sees_alice() -> Result<()> {
    let site = site("planted-claims").await?;
    let raw = RawKube::with_certificate(&site).await?;
    let line = format!("POST {}/apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1", raw.prefix());
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" }).to_string();
    let length = format!("Content-Length: {}", review.len());
    // Who asks as somebody else is told that it is not done.
    let refused: &[&[&str]] = &[
        &["Impersonate-User: system:admin"],
        &["impersonate-user: root", "IMPERSONATE-USER: bob", "iMpErSoNaTe-GrOuP: system:masters"],
        &["Impersonate-User: alice", "Impersonate-Group: engineering", "Impersonate-Group: system:masters"],
        &["Impersonate-Uid: 0", "Impersonate-Extra-Scopes: all", "Impersonate-Extra-a%2fb: c"],
        &["Impersonate_User: root", "Impersonate_Group: system:masters", "X_Remote_User: root"],
        &["Connection: keep-alive, impersonate-user, Impersonate-Group", "Impersonate-User: root"],
        &["Impersonate-User:\troot", "Impersonate-User:", "Impersonate-Group:"],
    ];
    let claims: &[&[&str]] = &[
        &[],
        &["X_Remote_User: root", "X-Impersonate-User: root"],
        &["Connection: Impersonate-User"],
        &["Connection: close", "Connection: X-Forwarded-For", "X-Forwarded-For: 192.0.2.1"],
        &["X-Remote-User: root", "X-Remote-Group: system:masters", "X-Remote-Extra-A: b", "X-Remote-Uid: 0"],
        &["Authorization: Bearer of-somebody-else"],
        &["Authorization: Basic cm9vdDpyb290"],
        &["Authorization: Bearer a", "authorization: Bearer b", "Proxy-Authorization: Basic cm9vdDpyb290"],
        &["Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c29tZWJvZHk"],
        // Half of the next are no HTTP: then there must be no answer but a refusal.
        &["Impersonate-User : root"],
        &["X-Folded: a\r\n Impersonate-User: root"],
        &["X-Folded: a\r\n\tImpersonate-User: root"],
        &["X-Bare: a\nImpersonate-User: root\nImpersonate-Group: system:masters"],
        &["X-Bare: a\rImpersonate-User: root"],
        &["X-Nul: a\0b", "Impersonate-User: root"],
        &[" Impersonate-User: root"],
    ];
    let mut answered = 0;
    for (claim, is_refused) in
        claims.iter().map(|claim| (claim, false)).chain(refused.iter().map(|claim| (claim, true)))
    {
        let mut request =
            vec![line.as_str(), "Host: bastion", "User-Agent: claimant", "Content-Type: application/json", &length];
        request.extend_from_slice(claim);
        let body = format!("\r\n{review}");
        let mut wire = raw.connect().await?;
        wire.send(format!("{}\r\n{body}", request.join("\r\n")).as_bytes()).await?;
        let answer = wire.answer().await.with_context(|| format!("{claim:?}"))?;
        if answer.status == 400 && !is_refused {
            continue;
        }
        // How the folded and the bare ones are read is HTTP's matter; whoever reads a name there must refuse it.
        if is_refused || (answer.status == 403 && claim.concat().to_lowercase().contains("impersonate-user")) {
            ensure!(answer.status == 403 && answer.body.contains("bastion: --as"), "{claim:?}: {answer:?}");
            continue;
        }
        ensure!(answer.status == 201, "{claim:?}: {answer:?}");
        let who: Value = serde_json::from_str(&answer.body)?;
        let who = at(&who, "/status/userInfo");
        let expected = json!({ "username": "alice", "groups": ["engineering", "system:authenticated"] });
        ensure!(*who == expected, "{claim:?}: {who}");
        answered += 1;
    }
    ensure!(answered >= 9, "most are neutral and not refused: {answered}");

    until("the audit log has them all", SOON, async || {
        let Some(events) = audited("claimant").await? else { return Ok(Some(())) };
        // A request that has just come in is not yet anybody's but the bastion's.
        let events: Vec<_> = events.iter().filter(|event| at(event, "/stage") == "ResponseComplete").collect();
        for event in &events {
            let who = (at(event, "/impersonatedUser/username"), at(event, "/impersonatedUser/groups").to_string());
            ensure!(who == (&json!("alice"), r#"["engineering","system:authenticated"]"#.to_owned()), "{event}");
        }
        Ok((events.len() == answered).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_goes_round_a_rule() -> Result<()> {
    let site = site("planted-path").await?;
    let raw = RawKube::with_certificate(&site).await?;
    let (prefix, authority) = (raw.prefix(), raw.authority()?);
    let honest = format!("{prefix}/api/v1/namespaces/default/secrets/planted-path");
    let below = format!("{prefix}/api/v1/namespaces/default");
    let blocked = [
        honest.clone(),
        format!("{honest}/"),
        format!("{below}/%73ecrets/planted-path"),
        format!("{below}/secrets/planted%2dpath"),
        format!("{below}/secrets?fieldSelector=metadata.name%3Dplanted-path"),
        format!("{below}/secrets?watch=1&fieldSelector=metadata.name%3Dplanted-path"),
        format!("{prefix}/api/v1/watch/namespaces/default/secrets/planted-path"),
        format!("https://{authority}{honest}"),
        format!("http://elsewhere.example{honest}"),
    ];
    for target in &blocked {
        let answer = get(&raw, target, &[]).await?;
        ensure!(answer.status == 403 && answer.body.contains(BLOCKED), "{target}: {answer:?}");
    }
    let refused = [
        format!("/{honest}"),
        format!("{prefix}//api/v1/namespaces/default/secrets/planted-path"),
        format!("{prefix}/api/v1//namespaces/default/secrets/planted-path"),
        format!("{honest}//"),
        format!("{below}/secrets%2fplanted-path"),
        format!("{below}/secrets%2Fplanted-path"),
        format!("{below}/secrets%252fplanted-path"),
        format!("{below}/configmaps/../secrets/planted-path"),
        format!("{below}/configmaps/%2e%2e/secrets/planted-path"),
        format!("{below}/configmaps/.%2E/secrets/planted-path"),
        format!("{below}/configmaps/%252e%252e/secrets/planted-path"),
        format!("{below}/./secrets/planted-path"),
        format!("{below}/secrets\\planted-path"),
        format!("{below}/secrets%5cplanted-path"),
        format!("{below}/secrets/planted-path%00"),
        format!("{below}/secrets/planted-path%0a"),
        format!("{below}/secrets/planted-path%"),
        format!("{below}/secrets/planted-path%zz"),
        format!("{below}/secrets/%ff"),
        format!("{prefix}/../demo-cluster/api/v1/namespaces/default/secrets/planted-path"),
        format!("{prefix}%2fapi/v1/namespaces/default/secrets/planted-path"),
        format!("{}/api/v1/namespaces/default/secrets/planted-path", prefix.to_uppercase()),
        format!("/clusters/./demo-cluster{}", honest.trim_start_matches(prefix)),
        "/api/v1/namespaces/default/secrets/planted-path".to_owned(),
        format!("http://{authority}"),
        "*".to_owned(),
        authority.clone(),
    ];
    for target in &refused {
        let answer = get(&raw, target, &[]).await?;
        ensure!((400..500).contains(&answer.status), "{target}: {answer:?}");
    }
    // These name other things, to the bastion and to the API server alike.
    let neutral = [
        format!("{prefix}/API/V1/namespaces/default/secrets/planted-path"),
        format!("{below}/Secrets/planted-path"),
        format!("{below}/SECRETS/planted-path"),
        format!("{below}/secrets;a=b/planted-path"),
        format!("{below}/secrets%3fa/planted-path"),
        format!("{below}/configmaps?x=/../secrets/planted-path"),
    ];
    for target in &neutral {
        let answer = get(&raw, target, &[]).await?;
        ensure!(PLANTED.iter().all(|secret| !answer.body.contains(secret)), "{target}: {answer:?}");
    }
    let overrides =
        ["X-HTTP-Method-Override: GET", "X-Original-URL: /", "X-Rewrite-URL: /api", "X-Forwarded-Prefix: /"];
    let answer = get(&raw, &honest, &overrides).await?;
    ensure!(answer.status == 403 && answer.body.contains(BLOCKED), "{answer:?}");
    Ok(())
}

async fn get(raw: &RawKube, target: &str, headers: &[&str]) -> Result<RawAnswer> {
    let line = format!("GET {target} HTTP/1.1");
    let answer = raw.ask(&[&[line.as_str(), "Host: bastion", "Connection: close"], headers].concat()).await?;
    ensure!(PLANTED.iter().all(|secret| !answer.body.contains(secret)), "{target}: {answer:?}");
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another() -> Result<()> {
    let site = site("planted-smuggled").await?;
    let raw = RawKube::with_certificate(&site).await?;
    // As the cluster would understand it; the bastion's own credential would be its user.
    let hidden = "GET /api/v1/namespaces/default/secrets/planted-smuggled HTTP/1.1\r\nHost: cluster\r\nUser-Agent: smuggled\r\n\r\n";
    let chunked = format!("0\r\n\r\n{hidden}");
    let (all, five) = (format!("Content-Length: {}", chunked.len()), "Content-Length: 5");
    let framings: &[&[&str]] = &[
        &[&all, "Transfer-Encoding: chunked"],
        &["Transfer-Encoding: chunked", five],
        &[five, &all],
        &[&all, five],
        &["Content-Length: 5, 500"],
        &["Content-Length: +5"],
        &["Content-Length: 0x5"],
        &["Content-Length: 5\r\n 00"],
        &["Content-Length: -1"],
        &["Content-Length: 18446744073709551621"],
        &["Transfer-Encoding: chunked, identity"],
        &["Transfer-Encoding: identity", "Transfer-Encoding: chunked"],
        &["Transfer-Encoding: xchunked"],
        &["Transfer-Encoding : chunked", &all],
        &["Transfer-Encoding:\r\n chunked", &all],
        &["Transfer-Encoding: chunked\nX: y", &all],
        &["Transfer-Encoding: \x0bchunked", &all],
        &["X: y\rTransfer-Encoding: chunked", &all],
        &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked", five],
        &["Transfer_Encoding: chunked", five],
    ];
    let path = format!("{}/api/v1/namespaces/default/configmaps?dryRun=All", raw.prefix());
    for framing in framings {
        let lines = [&["", "Host: bastion", "Content-Type: application/json"], *framing].concat();
        for method in ["POST", "GET"] {
            let head = format!("{method} {path} HTTP/1.1{}\r\n\r\n", lines.join("\r\n"));
            let mut wire = raw.connect().await?;
            wire.send(format!("{head}{chunked}").as_bytes()).await?;
            // As many answers as the front will give, until it closes or has nothing more to say.
            let mut answers = Vec::new();
            while let Ok(answer) = wire.answer_within(PATIENCE).await {
                ensure!(PLANTED.iter().all(|secret| !answer.body.contains(secret)), "{method} {framing:?}: {answer:?}");
                answers.push(answer);
            }
            // What looks like a second request is none of a cluster's: it has no cluster in its path.
            let honest = |answer: &RawAnswer| answer.status < 400 || answer.status == 404 || answer.status == 400;
            ensure!(answers.iter().skip(1).all(honest), "{method} {framing:?}: {answers:?}");
        }
    }
    // And a chunk that is longer than it says.
    for chunk in ["FFFFFFFFFFFFFFFFF\r\n", "5\nhello\r\n0\r\n\r\n", "5;a=\n\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: bastion\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut wire = raw.connect().await?;
        wire.send(format!("{head}{chunk}{hidden}").as_bytes()).await?;
        while let Ok(answer) = wire.answer_within(PATIENCE).await {
            ensure!(answer.status >= 400, "{chunk:?}: {answer:?}");
        }
    }
    let events = audited("smuggled").await?.unwrap_or_default();
    ensure!(events.is_empty(), "the cluster was asked: {events:#?}");
    Ok(())
}

/// The front answers at once or not at all.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_becomes_another_protocol_unread() -> Result<()> {
    let site = site("planted-upgrade").await?;
    site.pod("upgraded").await?;
    let raw = RawKube::with_certificate(&site).await?;
    let pod = "/api/v1/namespaces/default/pods/upgraded";
    let web_socket = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    let with = |more: &[&'static str]| [&web_socket[..], more].concat();
    let v4 = "Sec-WebSocket-Protocol: v4.channel.k8s.io";
    let unknown = "Sec-WebSocket-Protocol: v9.channel.k8s.io";
    let exec = format!("{pod}/exec?command=true&stdout=true");
    let cases: Vec<(&str, String, Vec<&str>)> = vec![
        ("GET", exec.clone(), vec!["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"]),
        ("GET", exec.clone(), vec!["Upgrade: foo"]),
        ("POST", exec.clone(), vec!["Upgrade: SPDY/2"]),
        ("POST", exec.clone(), vec!["Upgrade: SPDY/3.1, websocket", "X-Stream-Protocol-Version: v4.channel.k8s.io"]),
        (
            "POST",
            exec.clone(),
            vec!["Upgrade: SPDY/3.1", "Upgrade: foo", "X-Stream-Protocol-Version: v4.channel.k8s.io"],
        ),
        ("POST", exec.clone(), vec!["Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v9.channel.k8s.io"]),
        ("POST", exec.clone(), vec!["Upgrade: SPDY/3.1"]),
        ("GET", exec.clone(), vec![]),
        ("POST", exec.clone(), vec![]),
        ("GET", exec.clone(), with(&[])),
        ("GET", exec.clone(), with(&["Sec-WebSocket-Protocol: channel.k8s.io"])),
        ("GET", exec.clone(), with(&["Sec-WebSocket-Protocol: base64.channel.k8s.io"])),
        ("POST", exec.clone(), with(&[v4])),
        ("GET", format!("{pod}/portforward?ports=80"), vec!["Upgrade: foo"]),
        ("GET", format!("{pod}/portforward?ports=80"), with(&[unknown])),
        ("GET", format!("{pod}/proxy/"), with(&[v4])),
        ("GET", format!("{pod}/proxy/exec"), vec!["Upgrade: h2c"]),
        (
            "GET",
            "/api/v1/nodes/localhost/proxy/exec/default/upgraded/upgraded?command=true&output=1".into(),
            with(&[v4]),
        ),
        ("GET", "/api/v1/namespaces/default/pods".into(), vec!["Upgrade: h2c"]),
        ("GET", format!("{pod}/log?follow=1"), with(&[unknown])),
        ("GET", "/healthz".into(), vec!["Upgrade: foo"]),
    ];
    for (method, target, headers) in cases {
        let line = format!("{method} {}{target} HTTP/1.1", raw.prefix());
        let request =
            [&[line.as_str(), "Host: bastion", "Connection: Upgrade", "Content-Length: 0"], &headers[..]].concat();
        let answer = raw.ask(&request).await?;
        ensure!((400..500).contains(&answer.status) && answer.body.contains("bastion:"), "{request:?}: {answer:?}");
    }
    let carol = site.bastion.api("carol").await?;
    ensure!(carol.items("/sessions?target=demo-cluster").await?.is_empty(), "nothing ran");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_that_runs_something_is_judged_as_a_post() -> Result<()> {
    let flags = json!({ "all": [["r", "R", "recursive"], ["f", "force"]] });
    let on_commands = json!([
        { "name": "rm-rf", "effect": "block", "match": { "command": { "program": ["rm"], "flags": flags } } },
        { "name": "no-forward", "effect": "block", "match": { "request": { "resources": ["pods"], "subresources": ["portforward"] } } },
    ]);
    let site = KubeSite::start(rules(&["engineering"], &on_commands)).await?;
    site.pod("judged").await?;
    let raw = RawKube::with_certificate(&site).await?;
    let pod = format!("{}/api/v1/namespaces/default/pods/judged", raw.prefix());
    for (target, protocol, reason) in [
        ("exec?command=rm&command=-rf&command=/tmp&stdout=true", "v4.channel.k8s.io", "bastion: blocked by rule rm-rf"),
        (
            "exec?stdout=1&command=sh&command=-c&command=rm%20-rf%20/tmp",
            "v4.channel.k8s.io",
            "bastion: blocked by rule rm-rf",
        ),
        ("portforward?ports=80", "portforward.k8s.io", "bastion: blocked by rule no-forward"),
    ] {
        let mut told = Vec::new();
        for method in ["GET", "POST"] {
            let line = format!("{method} {pod}/{target} HTTP/1.1");
            let version = format!("X-Stream-Protocol-Version: {protocol}");
            let request = [
                line.as_str(),
                "Host: bastion",
                "Connection: Upgrade",
                "Upgrade: SPDY/3.1",
                "Content-Length: 0",
                &version,
            ];
            let answer = raw.ask(&request).await?;
            ensure!(answer.status == 403 && answer.body.contains(reason), "{line}: {answer:?}");
            told.push(answer.body);
        }
        ensure!(told.windows(2).all(|pair| pair.first() == pair.last()), "{told:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_a_credential_of_the_bastions() -> Result<()> {
    let site = site("planted-stranger").await?;
    let raw = RawKube::anonymous(&site)?;
    let token = site.alice.run_bastion(&["credential", "kube", "--token"]).await?.ok()?;
    let token: Value = serde_json::from_slice(&token.stdout)?;
    let token = at(&token, "/status/token").as_str().context("a token")?.to_owned();
    let line = format!("GET {}/api/v1/namespaces HTTP/1.1", raw.prefix());
    let ask = async |headers: &[&str]| raw.ask(&[&[line.as_str(), "Host: bastion"], headers].concat()).await;
    let hers = format!("Authorization: Bearer {token}");
    ensure!(ask(&[&hers]).await?.status == 200, "her token is good");
    for headers in [
        &[][..],
        &["Authorization: Bearer x"],
        &["Authorization: Bearer x", &hers],
        &[&hers, "Authorization: Bearer x"],
        &[&format!("Proxy-Authorization: Bearer {token}")],
        &[&format!("Authorization: Basic {token}")],
        &["Impersonate-User: alice", "X-Remote-User: alice"],
        &["X-Forwarded-Client-Cert: Subject=\"CN=alice\"", "X-SSL-Client-Verify: SUCCESS"],
    ] {
        let answer = ask(headers).await?;
        ensure!(answer.status == 401 && answer.body.contains("bastion:"), "{headers:?}: {answer:?}");
    }
    let in_the_query = format!("GET {}/api/v1/namespaces?access_token={token} HTTP/1.1", raw.prefix());
    ensure!(raw.ask(&[in_the_query.as_str(), "Host: bastion"]).await?.status == 401);
    Ok(())
}

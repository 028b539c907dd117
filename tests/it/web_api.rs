//! The HTTP API: who may see what, in what form, and that looking is audited.

use anyhow::{Context, Result, ensure};
use reqwest::{Method, header};
use serde_json::json;
use tests::{
    api::{Api, at},
    site::Site,
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_entrance_is_open() -> Result<()> {
    let site = Site::start().await?;
    let api = Api::anonymous(&site.bastion)?;
    for path in ["/whoami", "/targets", "/sessions", "/sessions/0/recording.cast", "/audit"] {
        let response = api.request(Method::GET, &format!("/api/v1{path}")).send().await?;
        ensure!(response.status() == 401, "{path}: {response:?}");
        let kind = response.headers().get(header::CONTENT_TYPE).context("a content type")?.to_str()?.to_owned();
        ensure!(kind.starts_with("application/problem+json"), "{path}: {kind}");
        let problem: serde_json::Value = response.json().await?;
        ensure!(
            at(&problem, "/detail")
                .as_str()
                .is_some_and(|detail| detail.contains("log in") || detail.contains("login")),
            "{path}: {problem}"
        );
    }
    let answer = api.post("/certificates/ssh", json!({ "public_key": site.sshd.host_key()? })).await?;
    ensure!(answer.status == 401, "{answer:?}");
    for path in ["/api/v1/info", "/api/v1/openapi.json", "/healthz", "/readyz"] {
        let response = api.request(Method::GET, path).send().await?;
        ensure!(response.status().is_success(), "{path}: {response:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_their_own_sessions_and_auditors_see_all() -> Result<()> {
    let site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "echo mine"]).await?.ok()?;
    let sessions = site.api().await?.ended_sessions("target", 1).await?;
    let id = sessions.first().and_then(|session| at(session, "/id").as_str()).context("a session")?;

    let bob = site.bastion.api("bob").await?;
    ensure!(bob.items("/sessions").await?.is_empty(), "bob sees alice's session");
    // 404 and not 403: that there is such a session is nobody else's business.
    for path in [format!("/sessions/{id}"), format!("/sessions/{id}/recording.cast")] {
        ensure!(bob.get(&path).await?.status == 404, "{path}");
    }
    ensure!(bob.get("/audit").await?.status == 403);

    let carol = site.bastion.api("carol").await?;
    ensure!(carol.items("/sessions").await?.len() == 1);
    ensure!(carol.recording(id).await?.contains("mine"));
    let records = carol.items("/audit").await?;
    let viewed = |record: &serde_json::Value| {
        let text = record.to_string();
        text.contains(id) && text.contains("carol") && text.contains("viewed")
    };
    ensure!(records.iter().any(viewed), "{records:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_served_in_ranges() -> Result<()> {
    let site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "seq 1 1000"]).await?.ok()?;
    let api = site.api().await?;
    let sessions = api.ended_sessions("target", 1).await?;
    let id = sessions.first().and_then(|session| at(session, "/id").as_str()).context("a session")?;
    let whole = api.recording(id).await?;
    let path = format!("/api/v1/sessions/{id}/recording.cast");
    let range = api.request(Method::GET, &path).header(header::RANGE, "bytes=10-99").send().await?;
    ensure!(range.status() == 206, "{range:?}");
    let expected = format!("bytes 10-99/{}", whole.len());
    ensure!(range.headers().get(header::CONTENT_RANGE).context("content-range")?.to_str()? == expected, "{range:?}");
    ensure!(Some(range.bytes().await?.as_ref()) == whole.as_bytes().get(10..100));
    let beyond = api.request(Method::GET, &path).header(header::RANGE, "bytes=999999999-").send().await?;
    ensure!(beyond.status() == 416, "{beyond:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_comes_with_a_strict_policy() -> Result<()> {
    let site = Site::start().await?;
    let page = Api::anonymous(&site.bastion)?.request(Method::GET, "/").send().await?;
    ensure!(page.status().is_success(), "{page:?}");
    let policy = page.headers().get(header::CONTENT_SECURITY_POLICY).context("no policy")?.to_str()?.to_owned();
    ensure!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
    ensure!(!policy.contains("unsafe-inline") || policy.contains("style-src"), "{policy}");
    ensure!(policy.contains("frame-ancestors 'none'"), "{policy}");
    Ok(())
}

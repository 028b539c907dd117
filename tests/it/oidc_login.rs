//! Logins at a certified OpenID provider, end to end: browser flow, device flow, groups, refusals.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{
    api::{Api, at},
    bastion::{Settings, open_rules},
    oidc::Provider,
    peers,
    person::Person,
    site::Site,
    sshd::Sshd,
};

#[tokio::test(flavor = "multi_thread")]
async fn browser_and_device_logins_lead_to_a_session() -> Result<()> {
    let (provider, sshd) = tokio::try_join!(Provider::start(), Sshd::start())?;
    let bastion = Settings::serve(&provider).target(sshd.target("target")?).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    let bob = Person::log_in_with_device(&bastion, "bob").await?;
    for (person, name) in [(&alice, "alice"), (&bob, "bob")] {
        let outcome = person.ssh(&[&Site::destination(), "exit 7"]).await?;
        ensure!(outcome.code == 7, "{name}: {outcome:?}");
        ensure!(sshd.log().contains(&format!(" ID {name}")), "{}", sshd.log());
    }
    let sessions = Api::log_in_at_provider(&bastion, "carol").await?.ended_sessions("target", 2).await?;
    let mut users: Vec<_> = sessions.iter().map(|session| at(session, "/user").as_str().unwrap_or_default()).collect();
    users.sort_unstable();
    ensure!(users == ["alice", "bob"], "{sessions:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_secret_logs_in_too() -> Result<()> {
    let provider = Provider::start().await?;
    let oidc = json!({ "issuer": provider.issuer(), "client_id": "bastion-with-secret", "client_secret": "env:TEST_SECRET_KEY" });
    let bastion = Settings::serve(&provider).with("identity", json!({ "oidc": oidc })).start().await?;
    let api = Api::log_in_at_provider(&bastion, "alice").await?;
    let who = api.get("/whoami").await?;
    ensure!(
        at(&who.body, "/user/name") == "alice" && at(&who.body, "/user/groups") == &json!(["engineering"]),
        "{who:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_groups_logs_in_and_reaches_nothing() -> Result<()> {
    let (provider, sshd) = tokio::try_join!(Provider::start(), Sshd::start())?;
    let bastion = Settings::serve(&provider).target(sshd.target("target")?).rules(open_rules()).start().await?;
    bastion.open(&sshd)?;
    let mallory = Person::log_in_with_browser(&bastion, "mallory").await?;
    let outcome = mallory.ssh(&[&format!("{}@target@bastion", peers::login()), "echo in"]).await?;
    ensure!(outcome.code != 0 && outcome.stdout.is_empty(), "{outcome:?}");
    ensure!(sshd.log().lines().all(|line| !line.contains("Accepted")), "{}", sshd.log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_counts_once() -> Result<()> {
    let provider = Provider::start().await?;
    let bastion = Settings::serve(&provider).start().await?;
    let api = Api::anonymous(&bastion)?;
    let start = api.post("/login", json!({ "redirect_uri": "http://127.0.0.1:9/callback" })).await?.body;
    let page = at(&start, "/authorization_url").as_str().unwrap_or_default();
    let back = tests::oidc::log_in(page, "alice").await?;
    let code = back.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    let finish = json!({ "state": at(&start, "/state"), "code": code });
    let first = api.post("/login/finish", finish.clone()).await?;
    ensure!(first.status.is_success(), "{first:?}");
    let second = api.post("/login/finish", finish).await?;
    ensure!(second.status.is_client_error() && at(&second.body, "/token").is_null(), "{second:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_ended_gets_no_certificate() -> Result<()> {
    let site = Site::start().await?;
    let api = site.api().await?;
    ensure!(api.get("/whoami").await?.status.is_success());
    let ended = api.request(reqwest::Method::DELETE, "/api/v1/login").send().await?;
    ensure!(ended.status().is_success(), "{ended:?}");
    let answer = api.post("/certificates/ssh", json!({ "public_key": site.sshd.host_key()? })).await?;
    ensure!(answer.status == 401, "{answer:?}");
    Ok(())
}

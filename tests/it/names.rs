//! Names that people choose at their issuer give nobody what is somebody else's: sessions, recordings, rights by name,
//! four-eyes. All with a certified OpenID provider at which they change their names.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::{Api, at, text},
    bastion::{Bastion, Settings},
    oidc::Provider,
    person::Person,
    site::Site,
    sshd::Sshd,
};

use super::approvals::runs;

/// Engineers may do everything, some of it with the word of others; alice reads the audit log because of her name.
fn rules() -> Value {
    let all = json!([{
        "targets": { "names": ["*"] }, "logins": ["*"], "capabilities": ["shell", "exec", "pty"],
    }]);
    json!({
        "roles": {
            "engineer": { "groups": ["engineering"], "allow": all },
            "reader": { "users": ["alice"], "console": ["audit"] },
            "operator": { "users": ["#carol"], "console": ["sessions", "audit", "names"] },
        },
        "approvals": { "groups": ["sre"], "count": 1 },
        "rules": [
            { "name": "touch", "effect": "approve", "match": { "command": { "program": ["touch"] } } },
        ],
    })
}

async fn site() -> Result<(Provider, Sshd, Bastion)> {
    let (provider, sshd) = tokio::try_join!(Provider::start(), Sshd::start())?;
    let settings = Settings::serve(&provider).target(sshd.target("target")?).rules(rules());
    let bastion = settings.start().await?;
    bastion.open(&sshd)?;
    Ok((provider, sshd, bastion))
}

async fn name(api: &Api) -> Result<String> {
    Ok(at(&api.get("/whoami").await?.body, "/user/name").as_str().context("a name")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_alices_name_gets_nothing_of_hers() -> Result<()> {
    let (provider, sshd, bastion) = site().await?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    runs(&alice, "echo of-alice").await?.ok()?;
    let alices = Api::log_in_at_provider(&bastion, "alice").await?;
    let session = text(alices.ended_sessions("target", 1).await?.first().context("one")?, "id")?;

    provider.rename("mallory", "alice", Some("engineering")).await?;
    let mallory = Person::log_in_with_browser(&bastion, "mallory").await?;
    let mallorys = Api::log_in_at_provider(&bastion, "mallory").await?;
    let own_name = name(&mallorys).await?;
    ensure!(own_name.starts_with("alice+") && own_name != "alice", "{own_name}");
    ensure!(mallorys.items("/sessions").await?.is_empty(), "the sessions of alice are in the list");
    for path in [format!("/sessions/{session}"), format!("/sessions/{session}/recording.cast")] {
        ensure!(alices.get(&path).await?.status == 200, "alice: {path}");
        ensure!(mallorys.get(&path).await?.status == 404, "mallory: {path}");
    }
    ensure!(mallorys.get("/sessions?user=alice").await?.status == 403);
    // What a rule gives to the name alice it gives to her.
    ensure!(alices.get("/audit").await?.status == 200 && mallorys.get("/audit").await?.status == 403);

    // At the target and in the audit log the two are told apart.
    runs(&mallory, "echo of-mallory").await?.ok()?;
    let log = sshd.log();
    ensure!(log.contains(" ID alice ") && log.contains(&format!(" ID {own_name} ")), "{log}");
    let logins = alices.items("/audit?kind=logged_in").await?;
    let claimed = |event: &&Value| at(event, "/claimed") == "alice";
    let login = logins.iter().find(claimed).context("no login under a name of somebody else")?;
    ensure!(at(login, "/user") == &json!(own_name) && at(login, "/person/subject") == "mallory", "{login}");
    for event in alices.items("/audit?kind=session_started").await? {
        let (user, subject) = (at(&event, "/user"), at(&event, "/person/subject"));
        ensure!((user == "alice") == (subject == "alice"), "{event}");
        ensure!(at(&event, "/person/issuer") == provider.issuer(), "{event}");
    }
    let bound = alices.items("/audit?kind=name_bound").await?;
    ensure!(bound.iter().any(|event| at(event, "/user") == "alice" && at(event, "/subject") == "alice"), "{bound:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_new_name_is_the_same_person() -> Result<()> {
    let (provider, _sshd, bastion) = site().await?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    runs(&alice, "echo of-alice").await?.ok()?;
    provider.rename("alice", "alice.smith", None).await?;
    let renamed = Api::log_in_at_provider(&bastion, "alice").await?;
    ensure!(name(&renamed).await? == "alice.smith");
    let session = text(renamed.ended_sessions("target", 1).await?.first().context("her session")?, "id")?;
    ensure!(renamed.recording(&session).await?.contains("of-alice"));
    ensure!(renamed.get("/audit").await?.status == 403, "the rule is for the name alice");
    // The name that she had stays hers.
    provider.rename("mallory", "alice", None).await?;
    ensure!(name(&Api::log_in_at_provider(&bastion, "mallory").await?).await?.starts_with("alice+"));

    // Bob may decide, but not about himself, whatever he is called.
    let bob = Person::log_in_with_browser(&bastion, "bob").await?;
    let folder = tempfile::tempdir()?;
    let witness = folder.path().join("witness");
    let command = format!("touch {}", witness.display());
    let decide = async {
        provider.rename("bob", "robert", None).await?;
        let robert = Api::log_in_at_provider(&bastion, "bob").await?;
        ensure!(name(&robert).await? == "robert");
        let waiting = robert.waiting_approval().await?;
        let id = text(&waiting, "id")?;
        ensure!(
            at(&waiting, "/may_decide") == false && at(&waiting, "/requester/person/subject") == "bob",
            "{waiting}"
        );
        let refused = robert.post(&format!("/approvals/{id}/approve"), json!({})).await?;
        ensure!(refused.status == 403 && refused.body.to_string().contains("their own request"), "{refused:?}");
        let cancelled = robert.delete(&format!("/approvals/{id}")).await?;
        ensure!(cancelled.status == 200, "his own request is still his: {cancelled:?}");
        Ok(())
    };
    let (outcome, ()) = tokio::try_join!(runs(&bob, &command), decide)?;
    ensure!(outcome.code == 5 && !witness.exists(), "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_of_one_name_are_told_apart_where_they_decide() -> Result<()> {
    let (provider, _sshd, bastion) = site().await?;
    let (bob, bobs) =
        (Person::log_in_with_browser(&bastion, "bob").await?, Api::log_in_at_provider(&bastion, "bob").await?);
    provider.rename("mallory", "bob", Some("engineering,sre")).await?;
    let other = Person::log_in_with_browser(&bastion, "mallory").await?;
    let others = Api::log_in_at_provider(&bastion, "mallory").await?;
    let others_name = name(&others).await?;
    ensure!(others_name.starts_with("bob+"), "{others_name}");
    let folder = tempfile::tempdir()?;
    for (asks, asks_name, decides, decides_name) in
        [(&bob, "bob", &others, &*others_name), (&other, &*others_name, &bobs, "bob")]
    {
        let witness = folder.path().join(asks_name);
        let command = format!("touch {}", witness.display());
        let decide = async {
            let waiting = decides.waiting_approval().await?;
            ensure!(at(&waiting, "/requester/name") == asks_name, "{waiting}");
            let id = text(&waiting, "id")?;
            let approved = decides.post(&format!("/approvals/{id}/approve"), json!({})).await?;
            ensure!(at(&approved.body, "/votes/0/by") == decides_name, "{approved:?}");
            Ok(())
        };
        let (outcome, ()) = tokio::try_join!(runs(asks, &command), decide)?;
        ensure!(outcome.code == 0 && witness.exists(), "{outcome:?}");
        ensure!(outcome.stderr.contains(&format!("approved by {decides_name}")), "{}", outcome.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_releases_a_name() -> Result<()> {
    let (provider, _sshd, bastion) = site().await?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    let alices = Api::log_in_at_provider(&bastion, "alice").await?;
    let carol = Person::log_in_with_browser(&bastion, "carol").await?;
    let listed = carol.run_bastion(&["names", "ls"]).await?.ok()?.text();
    ensure!(listed.contains("alice") && listed.contains(provider.issuer()), "{listed}");
    for refused in
        [alice.run_bastion(&["names", "ls"]).await?, alice.run_bastion(&["names", "release", "carol"]).await?]
    {
        ensure!(refused.code == 1 && refused.stderr.contains("console: [names]"), "{refused:?}");
    }
    provider.rename("mallory", "alice", None).await?;
    ensure!(name(&Api::log_in_at_provider(&bastion, "mallory").await?).await? != "alice");

    let released = carol.run_bastion(&["names", "release", "alice"]).await?.ok()?.text();
    ensure!(released.contains("#alice"), "{released}");
    let again = carol.run_bastion(&["names", "release", "alice"]).await?;
    ensure!(again.code == 1 && again.stderr.contains("nobody's"), "{again:?}");
    // Who had it cannot go on under it.
    ensure!(alices.get("/whoami").await?.status == 401);
    let refused = alice.ssh(&[&Site::destination(), "echo in"]).await?;
    ensure!(refused.code != 0 && refused.stdout.is_empty(), "{refused:?}");
    // The next who comes has it.
    ensure!(name(&Api::log_in_at_provider(&bastion, "mallory").await?).await? == "alice");
    ensure!(name(&Api::log_in_at_provider(&bastion, "alice").await?).await?.starts_with("alice+"));
    Ok(())
}

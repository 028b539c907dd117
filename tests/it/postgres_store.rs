//! A bastion on a PostgreSQL database: a day of it, a second bastion with other keys that is refused, and a copy into a
//! file. What several instances do is in `several_instances`.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::{Api, at, text},
    bastion::Settings,
    oidc::Provider,
    patience::SOON,
    person::Person,
    postgres::Postgres,
    site::Site,
    sshd::Sshd,
};

/// Rules in which `touch` needs the approval of somebody in the group `sre`.
fn rules() -> Value {
    let capabilities = json!(["shell", "exec", "pty"]);
    json!({
        "roles": {
            "engineer": {
                "groups": ["engineering"],
                "allow": [{ "targets": { "names": ["*"] }, "logins": ["*"], "capabilities": capabilities }],
            },
            "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
        },
        "rules": [{
            "name": "touch",
            "effect": "approve",
            "match": { "command": { "program": ["touch"] } },
            "approvers": { "groups": ["sre"] },
        }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bastion_works_on_postgres_alone_and_everything_can_be_copied_out() -> Result<()> {
    let (provider, sshd, server) = tokio::try_join!(Provider::start(), Sshd::start(), Postgres::start())?;
    let url = format!("postgres://postgres@localhost:5432/postgres?host={}", server.folder().display());
    let settings = || {
        Ok::<_, anyhow::Error>(
            Settings::serve(&provider).target(sshd.target("target")?).rules(rules()).with("store", json!(url)),
        )
    };
    let mut bastion = settings()?.start().await?;
    bastion.open(&sshd)?;
    ensure!(!bastion.data().join("bastion.db").exists(), "it has a file all the same");

    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    let (bobs, carols) =
        tokio::try_join!(Api::log_in_at_provider(&bastion, "bob"), Api::log_in_at_provider(&bastion, "carol"))?;
    ensure!(alice.ssh(&[&Site::destination(), "echo on $((40+2))"]).await?.ok()?.text() == "on 42\n");
    let folder = tempfile::tempdir()?;
    let witness = folder.path().join("witness");
    let command = format!("touch {}", witness.display());
    let destination = Site::destination();
    let arguments = [destination.as_str(), command.as_str()];
    let (ran, approved) = tokio::join!(alice.ssh(&arguments), async {
        let id = text(&bobs.waiting_approval().await?, "id")?;
        ensure!(!witness.exists(), "it ran before it was approved");
        let answer = bobs.post(&format!("/approvals/{id}/approve"), json!({})).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok::<_, anyhow::Error>(())
    });
    approved?;
    ran?.ok()?;
    ensure!(witness.exists(), "it did not run");
    let sessions = carols.ended_sessions("target", 2).await?;
    ensure!(sessions.iter().all(|session| at(session, "/end/how") == "exited"), "{sessions:?}");
    let events = carols.items("/audit").await?;
    for (kind, count) in [("session_started", 2), ("session_ended", 2), ("approval_decided", 1), ("logged_in", 3)] {
        let found = events.iter().filter(|event| at(event, "/kind") == kind).count();
        ensure!(found == count, "{found} of {kind}: {events:?}");
    }

    // Another one on the same database, with keys of its own.
    let refused = settings()?.start().await.err().context("a second bastion started")?;
    let told = format!("{refused:#}");
    let pid = format!("process {} on ", bastion.program().pid());
    ensure!(told.contains("is not that of another bastion") && told.contains(&pid), "{told}");
    ensure!(told.contains("keys_dir"), "{told}");
    let copy = format!("sqlite://{}/copy.db", folder.path().display());
    let outcome = alice.run_bastion(&["store", "copy", &url, &copy]).await?;
    ensure!(outcome.code == 1 && outcome.stderr.contains("held by another bastion"), "{outcome:?}");
    ensure!(alice.ssh(&[&Site::destination(), "echo still"]).await?.ok()?.text() == "still\n");

    bastion.terminate(SOON).await?;
    let outcome = alice.run_bastion(&["store", "copy", &url, &copy]).await?;
    ensure!(outcome.code == 0 && outcome.text().contains("both are the same"), "{outcome:?}");
    let rows = outcome.text();
    let row = rows.lines().find(|line| line.starts_with("sessions ")).context("no line of the sessions")?;
    ensure!(row.split_whitespace().nth(1) == Some("3"), "{rows}");
    let again = alice.run_bastion(&["store", "copy", &url, &copy]).await?;
    ensure!(again.code == 1 && again.stderr.contains("the target is not empty"), "{again:?}");
    let secret = alice.run_bastion(&["store", "copy", "postgres://a:hidden@localhost/b", &copy]).await?;
    ensure!(secret.code == 2 && !format!("{secret:?}").contains("hidden@"), "{secret:?}");

    bastion.restart().await?;
    ensure!(alice.ssh(&[&Site::destination(), "echo again"]).await?.ok()?.text() == "again\n", "the login is there");
    Ok(())
}

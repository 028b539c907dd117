//! Commands that other people decide about: alice asks, bob decides, over the API and with the CLI.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::{Api, at, text},
    bastion::Settings,
    oidc::Provider,
    peers,
    person::Person,
    program::Outcome,
    site::Site,
    sshd::Sshd,
};

use crate::shell_dialogue::Dialogue;

/// Everybody but carol may do everything; some commands only with the word of others.
pub(crate) fn rules() -> Value {
    let all = json!([{
        "targets": { "names": ["*"] }, "logins": ["*"], "capabilities": ["shell", "exec", "pty", "sftp"],
    }]);
    let approve = |name: &str, program: &str, approvers: Value| {
        json!({
            "name": name,
            "effect": "approve",
            "match": { "command": { "program": [program] } },
            "approvers": approvers,
        })
    };
    json!({
        "roles": {
            "engineer": { "groups": ["engineering"], "allow": all },
            "agent": { "groups": ["agents"], "allow": all },
            "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
        },
        "approvals": { "groups": ["sre"], "count": 1 },
        "rules": [
            approve("touch", "touch", json!({ "groups": ["sre"] })),
            approve("two-people", "mkdir", json!({ "groups": ["engineering", "auditor"], "count": 2 })),
            approve("soon", "rmdir", json!({ "groups": ["sre"], "expires": "10s" })),
            approve("explained", "ln", json!({ "groups": ["sre"], "reason": "required" })),
            {
                "name": "rm-rf",
                "effect": "block",
                "match": { "command": { "program": ["rm"], "flags": { "all": [["r", "R"], ["f"]] } } },
                "message": "deleting whole trees is not allowed here",
            },
        ],
    })
}

/// A target, and who works on it.
struct People {
    site: Site,
    bob: Person,
    bobs: Api,
    carols: Api,
    folder: tempfile::TempDir,
}

impl People {
    async fn start() -> Result<Self> {
        let site = Site::start_with(rules()).await?;
        let bob = Person::log_in(&site.bastion, "bob").await?;
        let (bobs, carols) = (site.bastion.api("bob").await?, site.bastion.api("carol").await?);
        Ok(Self { site, bob, bobs, carols, folder: tempfile::tempdir()? })
    }

    /// A file that is there once something ran.
    fn witness(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    async fn alice_runs(&self, command: &str) -> Result<Outcome> {
        runs(&self.site.alice, command).await
    }

    /// What bob sees of the one command that waits.
    async fn waiting(&self) -> Result<(String, Value)> {
        let approval = self.bobs.waiting_approval().await?;
        Ok((text(&approval, "id")?, approval))
    }
}

/// One command by stock `ssh`.
pub(crate) async fn runs(person: &Person, command: &str) -> Result<Outcome> {
    person.ssh(&[&Site::destination(), command]).await
}

/// A vote over the API.
async fn vote(api: &Api, id: &str, word: &str, body: Value) -> Result<Value> {
    let answer = api.post(&format!("/approvals/{id}/{word}"), body).await?;
    ensure!(answer.status == 200, "{word}: {answer:?}");
    Ok(answer.body)
}

/// A vote over the API that is refused.
async fn no_vote(api: &Api, id: &str, status: u16, words: &str) -> Result<()> {
    for word in ["approve", "deny"] {
        let answer = api.post(&format!("/approvals/{id}/{word}"), json!({})).await?;
        ensure!(answer.status == status && answer.body.to_string().contains(words), "{word}: {answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_bob_approves_is_what_runs_to_the_byte() -> Result<()> {
    let people = People::start().await?;
    for by_cli in [false, true] {
        let witness = people.witness(if by_cli { "cli" } else { "api" });
        let command = format!("touch {}; printf '%s|' \"two  blanks\"  \\#  $'a\\x62c'", witness.display());
        let decide = async {
            let (id, approval) = people.waiting().await?;
            ensure!(!witness.exists(), "it ran before anybody approved it");
            ensure!(at(&approval, "/command") == &json!(command), "bob sees {approval}");
            ensure!(at(&approval, "/requester/name") == "alice" && at(&approval, "/rule") == "touch", "{approval}");
            ensure!(at(&approval, "/target") == "target" && at(&approval, "/login") == &json!(peers::login()));
            let parse = at(&approval, "/commands").to_string();
            ensure!(parse.contains("touch") && parse.contains("printf"), "{parse}");
            if by_cli {
                let shown = people.bob.run_bastion(&["approvals", "show", &id]).await?.ok()?.text();
                ensure!(shown.contains("alice") && shown.contains(&command), "{shown}");
                people.bob.run_bastion(&["approvals", "approve", &id, "--comment", "go"]).await?.ok()?;
            } else {
                vote(&people.bobs, &id, "approve", json!({ "comment": "go" })).await?;
            }
            let approval = people.bobs.approval_in_state(&id, "approved").await?;
            ensure!(at(&approval, "/votes/0/by") == "bob" && at(&approval, "/votes/0/comment") == "go", "{approval}");
            Ok(())
        };
        let (outcome, ()) = tokio::try_join!(people.alice_runs(&command), decide)?;
        ensure!(outcome.code == 0 && outcome.text() == "two  blanks|#|abc|", "{outcome:?}");
        ensure!(outcome.stderr.contains("bastion: approved by bob"), "{}", outcome.stderr);
        ensure!(witness.exists());
    }
    let decided = people.carols.items("/audit?kind=approval_decided").await?;
    ensure!(decided.len() == 2 && decided.iter().all(|event| event["state"] == "approved"), "{decided:?}");
    ensure!(decided.iter().all(|event| event["by"] == json!(["bob"])), "{decided:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_as_input_is_not_approved_as_a_command() -> Result<()> {
    let people = People::start().await?;
    let witness = people.witness("script");
    let destination = Site::destination();
    let script = format!("touch {}\n", witness.display());
    let run =
        async |arguments: &[&str], input: &str| people.site.alice.ssh_with_input(arguments, input.as_bytes()).await;
    let with_script = [&*destination, "sh -s x"];
    let approve = async {
        let (id, approval) = people.waiting().await?;
        let act = at(&approval, "/act");
        ensure!(at(&approval, "/command") == "sh -s x" && at(act, "/kind") == "exec", "{approval}");
        let stdin = json!({ "how": "given", "text": script.replace('\n', "⟨LF⟩") });
        ensure!(at(act, "/stdin") == &stdin && at(act, "/terminal").is_null(), "the parts stand apart: {act}");
        let shown = people.bob.run_bastion(&["approvals", "show", &id]).await?.ok()?.text();
        ensure!(shown.contains("\ncommand\n  sh -s x\n") && shown.contains("\nstandard input\n  touch "), "{shown}");
        vote(&people.bobs, &id, "approve", json!({ "scope": "for", "for": "1h" })).await
    };
    let (outcome, _) = tokio::try_join!(run(&with_script, &script), approve)?;
    ensure!(outcome.code == 0 && witness.exists(), "{outcome:?}");
    // The same again is approved.
    std::fs::remove_file(&witness)?;
    run(&with_script, &script).await?.ok()?;
    ensure!(witness.exists());
    std::fs::remove_file(&witness)?;

    // The same bytes one after the other, and another thing: each is asked for anew.
    let together = format!("sh -s x\n{script}");
    for (arguments, input) in [(vec!["-T", &*destination], &*together), (vec![&*destination, &*together], "")] {
        let deny = async {
            let (id, _) = people.waiting().await?;
            vote(&people.bobs, &id, "deny", json!({})).await
        };
        let (outcome, _) = tokio::try_join!(run(&arguments, input), deny)?;
        ensure!(outcome.code == 5 && !witness.exists(), "{arguments:?}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_bob_denies_does_not_run_and_alice_reads_why() -> Result<()> {
    let people = People::start().await?;
    let witness = people.witness("denied");
    let command = format!("touch {}", witness.display());
    for by_cli in [false, true] {
        let decide = async {
            let (id, _) = people.waiting().await?;
            if by_cli {
                people.bob.run_bastion(&["approvals", "deny", &id, "--comment", "not on a Friday"]).await?.ok()?;
            } else {
                vote(&people.bobs, &id, "deny", json!({ "comment": "not on a Friday" })).await?;
            }
            no_vote(&people.bobs, &id, 409, "denied already").await
        };
        let (outcome, ()) = tokio::try_join!(people.alice_runs(&command), decide)?;
        ensure!(outcome.code == 5 && outcome.stdout.is_empty() && !witness.exists(), "{outcome:?}");
        ensure!(outcome.stderr.contains("denied by bob: not on a Friday"), "{}", outcome.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_whom_the_rule_names_decide_and_nobody_on_their_own() -> Result<()> {
    let people = People::start().await?;
    let (alices, robots) = (people.site.api().await?, people.site.bastion.api("robot").await?);
    let witness = people.witness("own");
    // Bob belongs to the group that decides, and asks himself.
    let command = format!("touch {}", witness.display());
    let refused = async {
        let (id, _) = people.waiting().await?;
        no_vote(&people.bobs, &id, 403, "").await?;
        let by_cli = people.bob.run_bastion(&["approvals", "approve", &id]).await?;
        ensure!(by_cli.code == 1 && by_cli.stderr.contains("their own request"), "{by_cli:?}");
        // Carol sees all that waits, and is not of the group; robot does not see it at all.
        no_vote(&people.carols, &id, 403, "").await?;
        no_vote(&robots, &id, 404, "").await?;
        no_vote(&alices, &id, 404, "").await?;
        ensure!(people.carols.delete(&format!("/approvals/{id}")).await?.status == 403);
        ensure!(!witness.exists(), "refused votes count");
        ensure!(at(&people.bobs.get(&format!("/approvals/{id}")).await?.body, "/votes") == &json!([]));
        people.bob.run_bastion(&["approvals", "cancel", &id]).await?.ok()?;
        Ok(())
    };
    let bob_runs = runs(&people.bob, &command);
    let (outcome, ()) = tokio::try_join!(bob_runs, refused)?;
    ensure!(outcome.code == 5 && outcome.stderr.contains("cancelled") && !witness.exists(), "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_people_are_two_different_people() -> Result<()> {
    let people = People::start().await?;
    let alices = people.site.api().await?;
    let robot = Person::log_in(&people.site.bastion, "robot").await?;
    let folder = people.witness("two");
    let command = format!("mkdir {}", folder.display());
    let decide = async {
        let (id, approval) = people.waiting().await?;
        ensure!(at(&approval, "/needed/count") == 2, "{approval}");
        let approval = vote(&people.bobs, &id, "approve", json!({})).await?;
        ensure!(at(&approval, "/state") == "pending" && !folder.exists(), "one is not enough: {approval}");
        no_vote(&people.bobs, &id, 409, "").await?;
        let again = people.bob.run_bastion(&["approvals", "approve", &id]).await?;
        ensure!(again.code == 1, "the same person twice: {again:?}");
        ensure!(!folder.exists(), "the same person counted twice");
        let approval = vote(&people.carols, &id, "approve", json!({})).await?;
        ensure!(at(&approval, "/state") == "approved", "{approval}");
        no_vote(&alices, &id, 409, "approved already").await
    };
    let (outcome, ()) = tokio::try_join!(runs(&robot, &command), decide)?;
    ensure!(outcome.code == 0 && folder.is_dir(), "{outcome:?}");
    ensure!(outcome.stderr.contains("1 of 2 approvals") && outcome.stderr.contains("bob, carol"), "{}", outcome.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_decides_is_refused_when_its_time_is_over() -> Result<()> {
    let people = People::start().await?;
    let folder = people.witness("kept");
    std::fs::create_dir(&folder)?;
    let command = format!("rmdir {}", folder.display());
    let login = peers::login();
    let run = ["run", "target", "--login", &login, "--json", "--", &command];
    let (by_ssh, by_run) = tokio::try_join!(people.alice_runs(&command), people.site.alice.run_bastion(&run))?;
    ensure!(by_ssh.code == 4 && by_ssh.stderr.contains("nobody approved it in time"), "{by_ssh:?}");
    ensure!(by_run.code == 4 && by_run.text().contains(r#""event":"waiting_approval""#), "{by_run:?}");
    ensure!(folder.is_dir(), "it ran");
    let decided = people.bobs.items("/approvals?state=decided").await?;
    ensure!(decided.len() == 2 && decided.iter().all(|approval| approval["state"] == "expired"), "{decided:?}");
    let late = text(decided.first().context("one")?, "id")?;
    no_vote(&people.bobs, &late, 409, "expired already").await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_asks_no_more() -> Result<()> {
    let people = People::start().await?;
    let witness = people.witness("gone");
    let command = format!("touch {}", witness.display());
    let gone = tokio::select! {
        outcome = people.alice_runs(&command) => anyhow::bail!("{outcome:?}"),
        waiting = people.waiting() => waiting?.0,
    };
    // The end of `ssh` takes the question back; nobody can approve it any more.
    people.bobs.approval_in_state(&gone, "cancelled").await?;
    no_vote(&people.bobs, &gone, 409, "cancelled already").await?;
    ensure!(!witness.exists(), "it ran");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_that_a_rule_requires_is_shown_to_the_approver() -> Result<()> {
    let people = People::start().await?;
    let link = people.witness("link");
    let command = format!("ln -s /etc/hosts {}", link.display());
    let outcome = people.alice_runs(&command).await?;
    ensure!(outcome.code == 5 && outcome.stderr.contains("reason"), "{outcome:?}");
    let login = peers::login();
    let run = ["run", "target", "--login", &login, "--reason", "ticket 42", "--", &command];
    let decide = async {
        let (id, approval) = people.waiting().await?;
        ensure!(at(&approval, "/reason") == "ticket 42", "{approval}");
        vote(&people.bobs, &id, "approve", json!({})).await
    };
    let (outcome, _) = tokio::try_join!(people.site.alice.run_bastion(&run), decide)?;
    ensure!(outcome.code == 0 && link.is_symlink(), "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reads_each_step_and_the_next_command_as_json() -> Result<()> {
    let people = People::start().await?;
    let robot = Person::log_in(&people.site.bastion, "robot").await?;
    let login = peers::login();
    let run = async |command: &str| {
        let outcome = robot.run_bastion(&["run", "target", "--login", &login, "--json", "--", command]).await?;
        let events: Result<Vec<Value>, _> = outcome.text().lines().map(serde_json::from_str).collect();
        Ok::<_, anyhow::Error>((outcome.code, events.with_context(|| outcome.text())?))
    };
    let kinds = |events: &[Value]| events.iter().map(|event| event["event"].clone()).collect::<Vec<_>>();

    let witness = people.witness("agent");
    let command = format!("touch {} && echo done && exit 3", witness.display());
    let decide = async {
        let (id, _) = people.waiting().await?;
        people.bob.run_bastion(&["approvals", "approve", &id]).await?.ok()?;
        Ok(id)
    };
    let ((code, events), id) = tokio::try_join!(run(&command), decide)?;
    ensure!(code == 3 && witness.exists(), "{code} {events:?}");
    ensure!(kinds(&events) == ["waiting_approval", "approved", "started", "output", "exit"], "{events:?}");
    let [waiting, approved, started, output, exit] = events.as_slice() else { anyhow::bail!("{events:?}") };
    ensure!(waiting["next"] == json!(format!("bastion approvals approve {id}")), "{waiting}");
    ensure!(waiting["rule"] == "touch" && approved["by"] == json!(["bob"]) && started["session"].is_string());
    ensure!(output["data"] == "done\n" && output["stream"] == "stdout" && exit["code"] == 3, "{events:?}");

    let (code, events) = run("rm -rf /nonexistent").await?;
    ensure!(code == 5 && kinds(&events) == ["blocked", "exit"], "{events:?}");
    let blocked = events.first().context("one")?;
    ensure!(blocked["rule"] == "rm-rf", "{blocked}");
    ensure!(blocked["message"].as_str().is_some_and(|text| text.contains("whole trees")), "{blocked}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_refuses_what_waits_and_keeps_what_was_decided() -> Result<()> {
    // The issuer of the demo is a new one after each start, and so would everybody be.
    let (provider, sshd) = tokio::try_join!(Provider::start(), Sshd::start())?;
    let settings = Settings::serve(&provider).target(sshd.target("target")?).rules(rules());
    let mut bastion = settings.start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    let bob = Person::log_in_with_browser(&bastion, "bob").await?;
    let bobs = Api::log_in_at_provider(&bastion, "bob").await?;
    let folder = tempfile::tempdir()?;
    let witness = folder.path().join("witness");
    let command = format!("touch {}", witness.display());

    let decide = async {
        let id = text(&bobs.waiting_approval().await?, "id")?;
        bob.run_bastion(&["approvals", "approve", &id, "--for", "1h"]).await?.ok()
    };
    let (outcome, _) = tokio::try_join!(runs(&alice, &command), decide)?;
    ensure!(outcome.code == 0 && witness.exists(), "{outcome:?}");
    std::fs::remove_file(&witness)?;

    let other = folder.path().join("other");
    let waits = format!("touch {}", other.display());
    let stop = async {
        let id = text(&bobs.waiting_approval().await?, "id")?;
        bastion.kill().await?;
        Ok(id)
    };
    let (outcome, id) = tokio::try_join!(runs(&alice, &waits), stop)?;
    ensure!(outcome.code == 255, "{outcome:?}");
    bastion.restart().await?;

    let approval = bobs.get(&format!("/approvals/{id}")).await?.body;
    ensure!(at(&approval, "/state") == "cancelled", "{approval}");
    ensure!(at(&approval, "/remark").as_str().is_some_and(|remark| remark.contains("restarted")), "{approval}");
    no_vote(&bobs, &id, 409, "cancelled already").await?;
    ensure!(!other.exists(), "it ran");
    // The very same command goes on to be approved; another one does not.
    runs(&alice, &command).await?.ok()?;
    ensure!(witness.exists());
    let longer = format!("{command} ");
    let asked = tokio::select! {
        outcome = runs(&alice, &longer) => anyhow::bail!("{outcome:?}"),
        asked = bobs.waiting_approval() => asked?,
    };
    ensure!(at(&asked, "/command") == &json!(longer), "{asked}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_a_dialogue_with_a_shell_waits_and_the_next_one_behind_it() -> Result<()> {
    let people = People::start().await?;
    let (given, denied) = (people.witness("given"), people.witness("denied"));
    let mut dialogue = Dialogue::start(&people.site, &[&Site::destination(), "sh"])?;
    dialogue.send("echo ready\n").await?;
    ensure!(dialogue.answer().await? == "ready");
    dialogue.send(&format!("touch {}\necho behind\n", given.display())).await?;
    let (id, approval) = people.waiting().await?;
    ensure!(text(&approval, "command")?.contains("touch") && !given.exists(), "{approval}");
    vote(&people.bobs, &id, "approve", json!({})).await?;
    ensure!(dialogue.answer().await? == "behind" && given.exists());
    dialogue.send(&format!("touch {}\necho behind\n", denied.display())).await?;
    let (id, _) = people.waiting().await?;
    vote(&people.bobs, &id, "deny", json!({ "comment": "not on a Friday" })).await?;
    let (code, said) = dialogue.ended().await?;
    ensure!(code == Some(5) && said.contains("denied by bob: not on a Friday") && !denied.exists(), "{code:?}: {said}");
    Ok(())
}

//! Lines that other people decide about, typed into a shell over stock ssh: the shell goes on, whatever comes of them.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::{Api, at, text},
    patience::{SOON, until},
    person::Person,
    site::Site,
    terminal::Terminal,
};

use crate::approvals::rules;

/// Somebody in a shell, and bob, who decides.
struct Room {
    site: Site,
    bobs: Api,
    shell: Terminal,
    folder: tempfile::TempDir,
}

impl Room {
    async fn of(user: &str) -> Result<Self> {
        let site = Site::start_with(rules()).await?;
        let bobs = site.bastion.api("bob").await?;
        let person = Person::log_in(&site.bastion, user).await?;
        let shell = person.shell(&Site::destination(), 400, 40).await?;
        Ok(Self { site, bobs, shell, folder: tempfile::tempdir()? })
    }

    fn witness(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Types a line, and returns the approval that it waits for.
    async fn asks(&mut self, line: &str) -> Result<Value> {
        self.shell.type_text(&format!("{line}\r")).await?;
        let approval = self.bobs.waiting_approval().await?;
        let id = text(&approval, "id")?;
        self.shell.wait_for(&format!("bastion: waiting for approval {id}"), SOON).await?;
        ensure!(at(&approval, "/command") == &json!(line), "bob sees {approval}");
        ensure!(at(&approval, "/session").is_string(), "{approval}");
        Ok(approval)
    }

    async fn bob(&self, word: &str, id: &str, body: Value) -> Result<()> {
        let answer = self.bobs.post(&format!("/approvals/{id}/{word}"), body).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    }

    /// The shell prompts, nothing is left on its line, and what is typed next runs.
    async fn goes_on(&mut self, word: &str) -> Result<()> {
        let prompts = |screen: &tests::terminal::Screen| screen.lines().last().is_some_and(|line| line == ">");
        self.shell.wait_until("the shell prompts", SOON, prompts).await?;
        self.shell.type_text(&format!("echo '{word}' goes on\r")).await?;
        self.shell
            .wait_until("the next line runs", SOON, |screen| {
                let lines = screen.lines();
                lines.contains(&format!("{word} goes on")) && lines.last().is_some_and(|line| line == ">")
            })
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_line_runs_as_it_was_typed() -> Result<()> {
    let mut room = Room::of("alice").await?;
    let bob = Person::log_in(&room.site.bastion, "bob").await?;
    for (name, by_cli) in [("api", false), ("cli", true)] {
        let witness = room.witness(name);
        let line = format!("touch '{}  two'  ; echo \"as  typed {name}\"", witness.display());
        let approval = room.asks(&line).await?;
        let id = text(&approval, "id")?;
        let url = text(&approval, "url")?;
        room.shell.wait_for(&format!("of sre can approve: {url} (Ctrl-C cancels)"), SOON).await?;
        ensure!(std::fs::read_dir(room.folder.path())?.count() == usize::from(by_cli), "it ran before");
        if by_cli {
            bob.run_bastion(&["approvals", "approve", &id]).await?.ok()?;
        } else {
            room.bob("approve", &id, json!({})).await?;
        }
        let expected = format!("as  typed {name}");
        room.shell.wait_until("it runs", SOON, |screen| screen.lines().contains(&expected)).await?;
        ensure!(room.witness(&format!("{name}  two")).exists(), "not what was typed");
        room.goes_on(name).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_line_is_gone_and_the_shell_goes_on() -> Result<()> {
    let mut room = Room::of("alice").await?;
    let witness = room.witness("denied");
    let approval = room.asks(&format!("touch {}", witness.display())).await?;
    room.bob("deny", &text(&approval, "id")?, json!({ "comment": "not on a Friday" })).await?;
    room.shell.wait_for("bastion: denied by bob: not on a Friday", SOON).await?;
    room.goes_on("denied").await?;
    ensure!(!witness.exists(), "it ran");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_takes_the_question_back() -> Result<()> {
    let mut room = Room::of("alice").await?;
    let witness = room.witness("cancelled");
    let approval = room.asks(&format!("touch {}", witness.display())).await?;
    let id = text(&approval, "id")?;
    room.shell.type_text("\u{3}").await?;
    room.shell.wait_for("bastion: cancelled; the command was not sent", SOON).await?;
    room.bobs.approval_in_state(&id, "cancelled").await?;
    let late = room.bobs.post(&format!("/approvals/{id}/approve"), json!({})).await?;
    ensure!(late.status == 409, "{late:?}");
    room.goes_on("cancelled").await?;
    ensure!(!witness.exists(), "it ran");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_nobody_decides_about_is_gone_when_its_time_is_over() -> Result<()> {
    let mut room = Room::of("alice").await?;
    let folder = room.witness("kept");
    std::fs::create_dir(&folder)?;
    let approval = room.asks(&format!("rmdir {}", folder.display())).await?;
    room.shell.wait_for("bastion: nobody approved it in time", SOON).await?;
    room.bobs.approval_in_state(&text(&approval, "id")?, "expired").await?;
    room.goes_on("expired").await?;
    ensure!(folder.is_dir(), "it ran");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_takes_its_question_back() -> Result<()> {
    let mut room = Room::of("alice").await?;
    let witness = room.witness("gone");
    let approval = room.asks(&format!("touch {}", witness.display())).await?;
    let Room { site, bobs, shell, .. } = room;
    drop(shell);
    let id = text(&approval, "id")?;
    bobs.approval_in_state(&id, "cancelled").await?;
    ensure!(bobs.post(&format!("/approvals/{id}/approve"), json!({})).await?.status == 409);
    site.bastion.api("carol").await?.ended_sessions("target", 1).await?;
    ensure!(!witness.exists(), "it ran");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_bastion_runs_nothing_that_waits() -> Result<()> {
    let mut room = Room::of("alice").await?;
    let witness = room.witness("stopped");
    room.asks(&format!("touch {}", witness.display())).await?;
    room.site.bastion.terminate(SOON).await?;
    let (code, _) = room.shell.finish(SOON).await?;
    ensure!(code == 255 && !witness.exists(), "{code}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_for_the_session_counts_for_the_same_line_only() -> Result<()> {
    let mut room = Room::of("alice").await?;
    let witness = room.witness("session");
    let line = format!("touch {}", witness.display());
    let approval = room.asks(&line).await?;
    room.bob("approve", &text(&approval, "id")?, json!({ "scope": "session" })).await?;
    let exists =
        async |there: bool| until("the file comes", SOON, async || Ok((witness.exists() == there).then_some(()))).await;
    exists(true).await?;
    room.goes_on("first").await?;
    std::fs::remove_file(&witness)?;
    room.shell.type_text(&format!("{line}\r")).await?;
    exists(true).await?;
    room.goes_on("second").await?;
    room.asks(&format!("{line} {line}")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_people_are_counted_at_the_prompt() -> Result<()> {
    let mut room = Room::of("robot").await?;
    let carols = room.site.bastion.api("carol").await?;
    let folder = room.witness("two");
    let approval = room.asks(&format!("mkdir {}", folder.display())).await?;
    let id = text(&approval, "id")?;
    room.shell.wait_for("2 of engineering, auditor can approve", SOON).await?;
    room.bob("approve", &id, json!({})).await?;
    room.shell.wait_for("bastion: waiting for approval: 1 of 2", SOON).await?;
    let again = room.bobs.post(&format!("/approvals/{id}/approve"), json!({})).await?;
    ensure!(again.status == 409 && !folder.exists(), "the same person twice: {again:?}");
    ensure!(carols.post(&format!("/approvals/{id}/approve"), json!({})).await?.status == 200);
    until("it runs", SOON, async || Ok(folder.is_dir().then_some(()))).await?;
    room.goes_on("two").await
}

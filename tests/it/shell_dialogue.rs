//! A shell without a terminal, talked with command by command: it starts at once and answers, and what a rule is about
//! does not reach it.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tests::{patience::SOON, site::Site};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::exec_input::rules;

/// A program that waits for each answer.
pub(crate) struct Dialogue {
    child: Child,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Dialogue {
    pub(crate) fn start(site: &Site, arguments: &[&str]) -> Result<Self> {
        Self::of(site.alice.stock("ssh", arguments)?)
    }

    pub(crate) fn of(mut program: Command) -> Result<Self> {
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = program.spawn()?;
        let stdin = child.stdin.take().context("standard input")?;
        let answers = BufReader::new(child.stdout.take().context("standard output")?).lines();
        Ok(Self { child, stdin, answers })
    }

    pub(crate) async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.stdin.write_all(text.as_bytes()).await?)
    }

    pub(crate) async fn answer(&mut self) -> Result<String> {
        timeout(SOON, self.answers.next_line()).await??.context("the end")
    }

    /// How it ended, and what was said on stderr.
    pub(crate) async fn ended(mut self) -> Result<(Option<i32>, String)> {
        let status = timeout(SOON, self.child.wait()).await??;
        let mut said = String::new();
        self.child.stderr.take().context("standard error")?.read_to_string(&mut said).await?;
        Ok((status.code(), said))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_answers_each_command_and_what_a_rule_blocks_ends_the_session() -> Result<()> {
    let site = Site::start_with(rules("guard")?).await?;
    let destination = Site::destination();
    let tree = tempfile::tempdir()?;
    for command in [&["-T", &*destination][..], &[&*destination, "sh"], &[&*destination, "env X=1 bash --noprofile"]] {
        let mut dialogue = Dialogue::start(&site, command)?;
        for (sent, answer) in [
            ("echo one $((1 + 1))\n", "one 2"),
            ("\n# a comment\nif true\nthen\n", ""),
            ("echo 'two\nthree'\nfi\n", "two"),
            ("", "three"),
            ("cat <<E\nrm -rf it is text\nE\n", "rm -rf it is text"),
        ] {
            dialogue.send(sent).await?;
            if !answer.is_empty() {
                ensure!(dialogue.answer().await? == answer, "{command:?}: {sent:?}");
            }
        }
        dialogue.send(&format!("rm -r \\\n -f {}\n", tree.path().display())).await?;
        let (code, said) = dialogue.ended().await?;
        ensure!(code == Some(5), "{command:?}: {code:?}: {said}");
        ensure!(said.contains("blocked by rule rm-rf: deleting whole trees is not allowed here"), "{said}");
        ensure!(tree.path().exists(), "{command:?} removed it");
    }
    let events = site.bastion.api("carol").await?.items("/audit?kind=command_blocked").await?;
    ensure!(events.len() == 3 && events.iter().all(|event| event["rule"] == "rm-rf"), "{events:?}");
    // Where it ends of itself, its status is its own.
    let mut dialogue = Dialogue::start(&site, &["-T", &destination])?;
    dialogue.send("echo a\n").await?;
    ensure!(dialogue.answer().await? == "a");
    dialogue.send("exit 7\n").await?;
    ensure!(dialogue.ended().await?.0 == Some(7));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_says_first_is_shown_although_nothing_is_sent() -> Result<()> {
    let site = Site::start_with(rules("guard")?).await?;
    let mut dialogue = Dialogue::start(&site, &[&Site::destination(), "echo 'no shell for you'; exec sh"])?;
    ensure!(dialogue.answer().await? == "no shell for you");
    drop(dialogue.stdin);
    ensure!(timeout(SOON, dialogue.child.wait()).await??.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_exec_only_what_cannot_be_known_ends_a_dialogue() -> Result<()> {
    let site = Site::start_with(rules("exec-only")?).await?;
    for (sent, why) in [("$CMD\n", "not known before it runs"), ("some-tool\necho b\n", "some-tool is not known")] {
        let mut dialogue = Dialogue::start(&site, &[&Site::destination(), "sh"])?;
        dialogue.send("echo a\n").await?;
        ensure!(dialogue.answer().await? == "a");
        dialogue.send(sent).await?;
        let (code, said) = dialogue.ended().await?;
        ensure!(code == Some(5) && said.contains(why), "{sent:?}: {code:?}: {said}");
    }
    Ok(())
}

//! Alice at the prompt of a real shell, with something near her that must not be deleted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    api::{Api, text},
    keys,
    patience::{SOON, until},
    site::Site,
    terminal::{Screen, Terminal},
};

/// Alice in a shell, in a folder of its own that holds the folder `precious_folder`.
pub struct Desk {
    /// The bastion, and alice.
    pub site: Site,
    /// Her terminal.
    pub shell: Terminal,
    folder: tempfile::TempDir,
    prompt: String,
}

impl Desk {
    /// In the shell that `command` starts, under these rules; they must allow `cd`, `echo` and `exit`.
    ///
    /// # Errors
    /// Fails when the shell does not prompt.
    pub async fn start(rules: Value, command: &str) -> Result<Self> {
        let site = Site::start_with(rules).await?;
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("precious_folder"))?;
        let prompts = |screen: &Screen| screen.lines().last().is_some_and(|line| line.ends_with(['#', '$', '%', '>']));
        let arguments = ["-q", "-e", "none", "-t", &Site::destination(), command];
        let mut shell = site.alice.ssh_in_terminal(&arguments, 200, 40)?;
        shell.wait_until("the shell prompts", SOON, prompts).await?;
        let before = shell.screen().lines();
        shell.type_text(&format!("cd {}\r", folder.path().display())).await?;
        shell
            .wait_until("the shell is in the folder", SOON, |screen| screen.lines() != before && prompts(screen))
            .await?;
        let prompt = until("a new prompt", SOON, async || {
            let lines = shell.screen().lines();
            Ok(lines.last().filter(|line| lines.len() > before.len() && !line.contains(" cd ")).cloned())
        })
        .await?;
        Ok(Self { site, shell, folder, prompt })
    }

    /// Where the shell is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What must not be deleted.
    pub fn precious(&self) -> PathBuf {
        self.folder.path().join("precious_folder")
    }

    /// How the last line looks when the shell prompts.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// Types keys by their names, see [`keys`].
    ///
    /// # Errors
    /// Fails when a name is wrong or the shell is gone.
    pub async fn types(&mut self, named_keys: &str) -> Result<()> {
        self.shell.type_text(&keys::bytes(named_keys)?).await
    }

    /// Waits until the shell prompts and nothing is left on its line.
    ///
    /// # Errors
    /// Fails when it does not soon.
    pub async fn prompts(&self) -> Result<()> {
        let prompts = |screen: &Screen| screen.lines().last().is_some_and(|line| line == &self.prompt);
        self.shell.wait_until("the shell prompts", SOON, prompts).await
    }

    /// Types a line, and waits until some line of the screen is `expected` and the shell prompts.
    ///
    /// # Errors
    /// Fails when it does not soon.
    pub async fn sees(&mut self, named_keys: &str, expected: &str) -> Result<()> {
        self.types(named_keys).await?;
        let sees = |screen: &Screen| {
            let lines = screen.lines();
            lines.last().is_some_and(|line| line == &self.prompt) && lines.iter().any(|line| line == expected)
        };
        self.shell.wait_until(&format!("{expected:?} after {named_keys:?}"), SOON, sees).await
    }

    /// The shell prompts, nothing is left on its line, and what is typed next runs.
    ///
    /// # Errors
    /// Fails when it does not soon, or when something precious was deleted.
    pub async fn goes_on(&mut self, word: &str) -> Result<()> {
        self.prompts().await?;
        self.sees(&format!("echo '{word}' goes on<Enter>"), &format!("{word} goes on")).await?;
        ensure!(self.precious().is_dir(), "{word}: rm -rf ran");
        Ok(())
    }

    /// Ends the shell, and returns its session with carol, who may look at it.
    ///
    /// # Errors
    /// Fails when it does not end soon.
    pub async fn leaves(mut self) -> Result<(Site, Api, String)> {
        self.types("exit<Enter>").await?;
        self.shell.finish(SOON).await?;
        let carols = self.site.bastion.api("carol").await?;
        let sessions = carols.ended_sessions("target", 1).await?;
        Ok((self.site, carols, text(sessions.first().context("a session")?, "id")?))
    }
}

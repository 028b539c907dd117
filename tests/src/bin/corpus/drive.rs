//! The user's side of a typed case: types the keystrokes, as a person does who waits for the shell in between.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use tests::terminal::Terminal;

use crate::{
    case::{Case, Step},
    folder::CaseFolder,
    place::{Place, SIZE},
    sandbox::comparable,
};

/// How many times longer than usual is waited.
static PATIENCE: AtomicU32 = AtomicU32::new(1);

/// Waits so many times longer than usual from now on.
pub(crate) fn be_patient(times: u32) {
    PATIENCE.store(times, Ordering::Relaxed);
}

/// Without output for so long a shell has answered.
const QUIET: Duration = Duration::from_millis(350);

/// A key that changes nothing on the screen is not waited for longer than this.
const FIRST_OUTPUT: Duration = Duration::from_millis(700);

/// A program that never stops to print is not waited for longer than this.
const SETTLE_LIMIT: Duration = Duration::from_secs(3);

/// For the first prompt on a busy machine.
const PROMPT_LIMIT: Duration = Duration::from_secs(20);

/// What a line runs shows up within this time.
const RUN_LIMIT: Duration = Duration::from_secs(2);

/// Lines that may wait one after another in the queue of what was typed ahead.
const MOST_HELD_AT_ONCE: usize = 8;

/// What the bastion says while a line is held.
const HELD: [&[u8]; 2] = [b"bastion: waiting", b"bastion: held"];

/// Before whatever the bastion says.
const SAID: &[u8] = b"bastion: ";

const POLL_INTERVAL: Duration = Duration::from_millis(15);

/// Types a case, and returns the last screen.
///
/// # Errors
/// Fails when no prompt comes, or the connection ends before the last key.
pub(crate) async fn typed(place: &Place, name: &str, case: &Case, folder: &CaseFolder) -> Result<String> {
    let mut user = Typist::new(place.shell(name, SIZE)?);
    user.wait_for_prompt(case, folder).await?;
    for step in &case.keystrokes {
        match step {
            Step::Keys(keys) => user.keys(keys).await?,
            Step::Wait { wait_s } => user.rest(Duration::from_secs_f64(*wait_s)).await?,
            Step::Resize { resize: (columns, rows) } => {
                user.terminal.resize(*columns, *rows)?;
                user.settle().await?;
            }
        }
    }
    user.wait_for_runs(case, folder).await?;
    Ok(user.shown())
}

/// Somebody at a terminal.
pub(crate) struct Typist {
    pub(crate) terminal: Terminal,
    /// Output up to here has been searched for questions to the terminal.
    answered: usize,
    /// Output up to here has been searched for what the bastion says.
    seen: usize,
}

impl Typist {
    /// Nothing has been read yet.
    pub(crate) fn new(terminal: Terminal) -> Self {
        Self { terminal, answered: 0, seen: 0 }
    }

    async fn wait_for_prompt(&mut self, case: &Case, folder: &CaseFolder) -> Result<()> {
        let deadline = Instant::now() + PROMPT_LIMIT;
        loop {
            self.answer().await?;
            // A prompt of the case's own may end with anything.
            let prompts = |line: &String| line.ends_with('$') || !case.home.is_empty();
            let prompts = self.terminal.screen().lines().last().is_some_and(prompts);
            if prompts && folder.started() {
                return self.settle().await;
            }
            anyhow::ensure!(Instant::now() < deadline, "no prompt; the screen was:\n{}", self.shown());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Types, waits, and gives up each line that the bastion holds.
    async fn keys(&mut self, keys: &str) -> Result<()> {
        self.terminal.type_text(keys).await.context("the connection has ended")?;
        self.settle().await?;
        for _ in 0..MOST_HELD_AT_ONCE {
            if !self.held() {
                break;
            }
            self.terminal.type_text("\u{3}").await.context("the connection has ended")?;
            self.settle().await?;
        }
        Ok(())
    }

    /// Waits until an answer has come and is complete.
    async fn settle(&mut self) -> Result<()> {
        let began = Instant::now();
        let before = self.length();
        let (mut length, mut changed) = (before, began);
        while began.elapsed() < SETTLE_LIMIT {
            tokio::time::sleep(POLL_INTERVAL).await;
            self.answer().await?;
            let now = self.length();
            if now != length {
                (length, changed) = (now, Instant::now());
            }
            let patience = if length == before { FIRST_OUTPUT } else { QUIET } * PATIENCE.load(Ordering::Relaxed);
            if changed.elapsed() >= patience || self.waits_for_approval() {
                break;
            }
        }
        Ok(())
    }

    /// Waits, and answers what the terminal is asked meanwhile.
    pub(crate) async fn rest(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            tokio::time::sleep(POLL_INTERVAL).await;
            self.answer().await?;
        }
        Ok(())
    }

    /// Answers where the cursor is, as every terminal does: busybox ash asks.
    pub(crate) async fn answer(&mut self) -> Result<()> {
        let reply = {
            let screen = self.terminal.screen();
            let new = screen.output().get(self.answered..).unwrap_or_default();
            let asked = contains(new, b"\x1b[6n");
            self.answered = screen.output().len();
            asked.then(|| screen.cursor())
        };
        if let Some((row, column)) = reply {
            // The program may have gone on without it.
            let _ = self.terminal.type_text(&format!("\u{1b}[{};{}R", row + 1, column + 1)).await;
        }
        Ok(())
    }

    /// Whether the bastion has said since the last call that it holds a line.
    fn held(&mut self) -> bool {
        let held = self.waits_for_approval();
        self.seen = self.length();
        held
    }

    fn waits_for_approval(&self) -> bool {
        let screen = self.terminal.screen();
        let new = screen.output().get(self.seen..).unwrap_or_default();
        HELD.iter().any(|words| contains(new, words))
    }

    /// The same for all cases: a dangerous one that runs late has run, unless the bastion has said that it will not.
    async fn wait_for_runs(&mut self, case: &Case, folder: &CaseFolder) -> Result<()> {
        let wanted = case.runs.clone().map(comparable).unwrap_or_default();
        let deadline = Instant::now() + RUN_LIMIT * PATIENCE.load(Ordering::Relaxed);
        let refused = !case.harmless() && contains(self.terminal.screen().output(), SAID);
        while !refused && folder.comparable_runs()?.len() < wanted.len() && Instant::now() < deadline {
            self.rest(POLL_INTERVAL).await?;
        }
        Ok(())
    }

    /// How much has come.
    pub(crate) fn length(&self) -> usize {
        self.terminal.screen().output().len()
    }

    /// The screen.
    pub(crate) fn shown(&self) -> String {
        self.terminal.screen().lines().join("\n")
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

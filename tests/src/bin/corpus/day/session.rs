//! A shell that somebody works in for a day, with or without a bastion in between.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{day::Line, drive::Typist, folder::CaseFolder, place::Place};

/// A window as people have it.
const SIZE: (u16, u16) = (110, 35);

/// The prompt of the shell.
const PROMPT: &str = "me@target:~$";

/// Ends of the prompts of shells and of programs that read lines.
const PROMPTS: [&str; 7] = ["$", "#", ">", "...", "]:", "(gdb)", "(Pdb)"];

/// What the bastion says begins with this.
const SAID: &str = "bastion: ";

/// A key has been echoed when nothing more comes for so long; a person's next key comes later.
const ECHO: Duration = Duration::from_millis(40);

/// So long after the last output a prompt is the next one.
const QUIET: Duration = Duration::from_millis(180);

/// So long after its last output a program with a screen waits for keys.
const SCREEN_QUIET: Duration = Duration::from_millis(1500);

/// So long after its last output a program without a screen does not come back. Some work long in silence, on a busy
/// machine longer (`python3 -m venv`).
const STUCK: Duration = Duration::from_secs(30);

/// A program that goes on to show something is left after this time.
const SCREEN_LIMIT: Duration = Duration::from_secs(4);

/// No line takes longer.
const LINE_LIMIT: Duration = Duration::from_secs(75);

const POLL_INTERVAL: Duration = Duration::from_millis(15);

/// Words that open vi.
const EDITORS: [&str; 4] = ["vim", "vi", "view", "\\e"];

/// The way out of vi.
const LEAVE_EDITOR: &str = "\u{1b}:q!\r";

/// What ends anything that reads keys, so that one lost line does not take the day with it.
const RESCUES: [&str; 5] = ["\u{3}", LEAVE_EDITOR, "q", "\u{3}", "\u{4}"];

/// What came of one line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// The simple commands that the shell ran.
    pub(crate) ran: Vec<String>,
    /// The stubs that ran.
    pub(crate) stubs: Vec<Vec<String>>,
    /// Whether the shell prompts after it.
    pub(crate) at_shell: bool,
    /// Whether something prompts after it.
    pub(crate) at_prompt: bool,
    /// Whether it had to be brought back to who prompts without a bastion.
    pub(crate) astray: bool,
    /// Whether the line stood on the screen.
    pub(crate) echoed: bool,
    /// Whether the bastion spoke.
    pub(crate) said: bool,
    /// What it said.
    pub(crate) words: String,
    /// The last rows of the screen.
    pub(crate) screen: Vec<String>,
    /// The keys that left what the line had opened.
    way_out: Vec<&'static str>,
    /// Whether something prompted before these keys.
    prompted: bool,
}

/// The session.
pub(crate) struct Session<'day> {
    typist: Typist,
    folder: &'day CaseFolder,
    ran: usize,
    stubs: usize,
    /// Before here, a program that was ended may have left its screen on.
    screen_from: usize,
}

impl<'day> Session<'day> {
    /// Waits for the first prompt.
    pub(crate) async fn start(place: &Place, name: &str, folder: &'day CaseFolder) -> Result<Self> {
        let mut session =
            Self { typist: Typist::new(place.shell(name, SIZE)?), folder, ran: 0, stubs: 0, screen_from: 0 };
        let began = Instant::now();
        while !session.at_shell() || !folder.started() {
            ensure!(began.elapsed() < LINE_LIMIT, "no prompt; the screen was:\n{}", session.typist.shown());
            session.typist.rest(POLL_INTERVAL).await?;
        }
        // What start-up files run is no line's.
        (session.ran, session.stubs) = (folder.commands().len(), folder.runs()?.len());
        Ok(session)
    }

    /// Types a line with no bastion in between, and finds the way out of what it opens.
    pub(crate) async fn alone(&mut self, line: &Line, keys_follow: bool) -> Result<Done> {
        let from = self.type_line(line).await?;
        self.settle(from, None).await?;
        let mut done = Done { prompted: self.prompts(), echoed: self.shows(line), ..Done::default() };
        for way in self.ways_out(line) {
            if self.prompts() || keys_follow || line.keys.is_some() {
                break;
            }
            self.typist.terminal.type_text(way).await.context("the connection has ended")?;
            self.settle(self.typist.length(), None).await?;
            done.way_out.push(way);
        }
        self.end(from, done)
    }

    /// Ends everything but the shell where that had to be done behind the bastion.
    pub(crate) async fn follow(&mut self, through: &Done) -> Result<()> {
        if through.at_shell && !self.at_shell() { self.rescue().await } else { Ok(()) }
    }

    /// Gives up the line that somebody was about to type, as [`Self::after`] does with one that is held.
    pub(crate) async fn give_up(&mut self) -> Result<Done> {
        let from = self.typist.length();
        self.typist.terminal.type_text("\u{3}").await.context("the connection has ended")?;
        self.settle(from, None).await?;
        self.end(from, Done::default())
    }

    /// Types a line behind the bastion, and leaves what it opens by the keys that did it without.
    pub(crate) async fn after(&mut self, line: &Line, expected: &Done) -> Result<Done> {
        let from = self.type_line(line).await?;
        self.settle(from, Some((line, expected))).await?;
        let mut done = Done { prompted: self.prompts(), echoed: self.shows(line), ..Done::default() };
        if self.spoke(from) {
            // What waits for an approval, or is to be typed again, is given up.
            self.typist.terminal.type_text("\u{3}").await?;
            self.settle(self.typist.length(), None).await?;
        } else {
            for way in &expected.way_out {
                self.typist.terminal.type_text(way).await.context("the connection has ended")?;
                self.settle(self.typist.length(), None).await?;
            }
        }
        if self.astray(expected) {
            // What follows is for the shell, or for the program that prompts without a bastion.
            done.screen = self.last_rows();
            for way in RESCUES {
                if self.astray(expected) {
                    self.typist.terminal.type_text(way).await.context("the connection has ended")?;
                    self.quiet(QUIET * 2, SCREEN_QUIET).await?;
                }
            }
            if self.astray(expected) {
                self.rescue().await?;
            }
            done.astray = true;
        }
        self.end(from, done)
    }

    /// Whether the next line would go to somebody else than without a bastion.
    fn astray(&self, expected: &Done) -> bool {
        (expected.at_shell && !self.at_shell()) || (expected.at_prompt && !self.prompts())
    }

    /// Has everything ended but the shell, because no key reaches what runs.
    async fn rescue(&mut self) -> Result<()> {
        self.folder.rescue()?;
        let began = Instant::now();
        while !self.at_shell() {
            ensure!(began.elapsed() < LINE_LIMIT, "no prompt after all; the screen was:\n{}", self.typist.shown());
            self.quiet(QUIET, SCREEN_QUIET).await?;
            if !self.at_shell() {
                self.typist.terminal.type_text("\u{3}").await.context("the connection has ended")?;
            }
        }
        self.screen_from = self.typist.length();
        Ok(())
    }

    /// How people leave what does not come back by itself: editors, pagers, and programs that go on.
    fn ways_out(&self, line: &Line) -> Vec<&'static str> {
        let editor = line.text.split_whitespace().any(|word| EDITORS.contains(&word));
        let first = if editor { LEAVE_EDITOR } else { "q" };
        let first = if self.alternate() { vec![first] } else { Vec::new() };
        [first, vec!["\u{3}", "\u{4}", "\u{18}"]].concat()
    }

    /// Text, then Enter as soon as the text is there; returns where the output of the line begins.
    async fn type_line(&mut self, line: &Line) -> Result<usize> {
        let from = self.typist.length();
        let text = line.keys.as_ref().unwrap_or(&line.text);
        self.typist.terminal.type_text(text).await.context("the connection has ended")?;
        if line.keys.is_none() {
            self.quiet(ECHO, ECHO * 8).await?;
            self.typist.terminal.type_text("\r").await.context("the connection has ended")?;
        }
        Ok(from)
    }

    /// Waits until an answer has come: a prompt, a screen, or nothing for long.
    async fn settle(&mut self, from: usize, expected: Option<(&Line, &Done)>) -> Result<()> {
        let began = Instant::now();
        let (mut length, mut changed) = (self.typist.length(), began);
        // Enter has to be answered by something first.
        self.quiet(ECHO, ECHO * 8).await?;
        while began.elapsed() < LINE_LIMIT {
            self.typist.rest(POLL_INTERVAL).await?;
            let now = self.typist.length();
            if now != length {
                (length, changed) = (now, Instant::now());
            }
            let quiet = changed.elapsed();
            let as_expected = expected.is_none_or(|(line, done)| {
                !done.prompted || (self.reached(done) && (!done.echoed || self.shows(line)))
            });
            let enough = match (self.prompts(), self.alternate()) {
                _ if self.spoke(from) => QUIET * 2,
                (true, _) if as_expected => QUIET,
                (true, _) | (false, true) => SCREEN_QUIET,
                (false, false) if expected.is_some_and(|(_, done)| !done.prompted) => SCREEN_QUIET,
                (false, false) => STUCK,
            };
            let shows_on = self.alternate() && began.elapsed() >= SCREEN_LIMIT;
            if quiet >= enough || shows_on {
                break;
            }
        }
        Ok(())
    }

    /// Whether as much has run as without a bastion.
    fn reached(&self, expected: &Done) -> bool {
        let stubs = self.folder.runs().unwrap_or_default().len().saturating_sub(self.stubs);
        self.folder.commands().len().saturating_sub(self.ran) >= expected.ran.len() && stubs >= expected.stubs.len()
    }

    async fn quiet(&mut self, time: Duration, limit: Duration) -> Result<()> {
        let began = Instant::now();
        let (mut length, mut changed) = (self.typist.length(), None);
        while began.elapsed() < limit && changed.is_none_or(|at: Instant| at.elapsed() < time) {
            self.typist.rest(POLL_INTERVAL).await?;
            if self.typist.length() != length {
                (length, changed) = (self.typist.length(), Some(Instant::now()));
            }
        }
        Ok(())
    }

    fn end(&mut self, from: usize, mut done: Done) -> Result<Done> {
        let (commands, runs) = (self.folder.commands(), self.folder.runs()?);
        done.ran = commands.get(self.ran..).unwrap_or_default().to_vec();
        done.stubs = runs.get(self.stubs..).unwrap_or_default().to_vec();
        (self.ran, self.stubs) = (commands.len(), runs.len());
        (done.at_shell, done.at_prompt) = (self.at_shell(), self.prompts());
        done.words = self.said(from).unwrap_or_default();
        done.said = !done.words.is_empty();
        if done.screen.is_empty() {
            done.screen = self.last_rows();
        }
        Ok(done)
    }

    fn at_shell(&self) -> bool {
        self.cursor_row() == PROMPT
    }

    /// Whether something waits for a line: the cursor stands right behind a prompt.
    fn prompts(&self) -> bool {
        let row = self.cursor_row();
        let (_, column) = self.typist.terminal.screen().cursor();
        let behind = (row.chars().count()..=row.chars().count() + 1).contains(&column);
        row == PROMPT || (behind && !self.alternate() && PROMPTS.iter().any(|end| row.ends_with(end)))
    }

    /// What stands in front of the cursor; a program that was ended may have left something behind it.
    fn cursor_row(&self) -> String {
        let screen = self.typist.terminal.screen();
        let (row, column) = screen.cursor();
        let line = screen.lines().get(row).cloned().unwrap_or_default();
        line.chars().take(column).collect::<String>().trim_end().to_owned()
    }

    /// Whether a program has a screen of its own.
    fn alternate(&self) -> bool {
        let screen = self.typist.terminal.screen();
        let output = screen.output().get(self.screen_from..).unwrap_or_default();
        let find = |words: &[u8]| output.windows(words.len()).rposition(|window| window == words);
        find(b"\x1b[?1049h") > find(b"\x1b[?1049l")
    }

    /// Whether the line, or its end where it is long, can be read on the screen.
    fn shows(&self, line: &Line) -> bool {
        let text: String = line.text.chars().filter(|letter| !letter.is_whitespace()).collect();
        let screen: String = self.typist.shown().chars().filter(|letter| !letter.is_whitespace()).collect();
        line.keys.is_none() && screen.contains(&text)
    }

    fn spoke(&self, from: usize) -> bool {
        self.said(from).is_some()
    }

    /// What the bastion said in the output from here.
    fn said(&self, from: usize) -> Option<String> {
        let screen = self.typist.terminal.screen();
        let text = String::from_utf8_lossy(screen.output().get(from..).unwrap_or_default()).into_owned();
        let (_, words) = text.split_once(SAID)?;
        Some(words.lines().next().unwrap_or_default().trim().to_owned())
    }

    fn last_rows(&self) -> Vec<String> {
        let lines = self.typist.terminal.screen().lines();
        lines.iter().skip(lines.len().saturating_sub(6)).cloned().collect()
    }
}

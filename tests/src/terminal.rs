//! A program in a terminal: type, wait until the screen shows something, resize, read the screen.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use pty_process::{Command, OwnedReadPty, OwnedWritePty, Size};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Child,
    task::JoinHandle,
};

use crate::patience::{until, within};

/// What a terminal of a given size shows after some output.
pub struct Screen {
    model: avt::Terminal,
    /// The first bytes of a character whose last ones have not come yet.
    incomplete: Vec<u8>,
    /// Every byte that came.
    output: Vec<u8>,
}

impl Screen {
    /// An empty screen.
    ///
    /// # Errors
    /// Fails when a side is 0.
    pub fn new(columns: u16, rows: u16) -> Result<Self> {
        let model = avt::Terminal::new(columns.into(), rows.into())?;
        Ok(Self { model, incomplete: Vec::new(), output: Vec::new() })
    }

    /// Shows more output.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        self.incomplete.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.incomplete) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => self.incomplete.len(),
        };
        let rest = self.incomplete.split_off(whole);
        let text = String::from_utf8_lossy(&self.incomplete).into_owned();
        self.incomplete = rest;
        self.model.feed(text.as_str());
    }

    /// Changes the size, as the window of a terminal does.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.model.resize(columns.into(), rows.into());
    }

    /// The visible lines without blanks at their ends and without empty lines at the end.
    pub fn lines(&self) -> Vec<String> {
        let screen = self.model.screen();
        let (_, rows) = self.model.size();
        let line = |row| screen.line(row).map(|line| line.text().trim_end().to_owned()).unwrap_or_default();
        let mut lines: Vec<String> = (0..rows).map(line).collect();
        lines.truncate(lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
        lines
    }

    /// The visible state with colours and cursor, as escape sequences: equal for equal screens.
    pub fn dump(&self) -> String {
        self.model.dump()
    }

    /// Row and column of the cursor, from 0.
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.model.cursor();
        (cursor.row, cursor.col)
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        self.model.size()
    }

    /// Every byte that was shown so far.
    pub fn output(&self) -> &[u8] {
        &self.output
    }
}

/// A program that runs in a pseudo-terminal; it is killed with this value.
pub struct Terminal {
    child: Child,
    input: OwnedWritePty,
    screen: Arc<Mutex<Screen>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts `program` in a terminal of `columns` × `rows`.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub fn start(program: Command, columns: u16, rows: u16) -> Result<Self> {
        let (pty, pts) = pty_process::open()?;
        pty.resize(Size::new(rows, columns))?;
        let child = program.kill_on_drop(true).spawn(pts).context("starting a program in a terminal")?;
        let (output, input) = pty.into_split();
        let screen = Arc::new(Mutex::new(Screen::new(columns, rows)?));
        let reader = tokio::spawn(show(output, screen.clone()));
        Ok(Self { child, input, screen, reader })
    }

    /// Types `text`.
    ///
    /// # Errors
    /// Fails when the program is gone.
    pub async fn type_text(&mut self, text: &str) -> Result<()> {
        Ok(self.input.write_all(text.as_bytes()).await?)
    }

    /// Waits until some line of the screen holds `text`.
    ///
    /// # Errors
    /// Fails with the screen after `limit`.
    pub async fn wait_for(&self, text: &str, limit: Duration) -> Result<()> {
        self.wait_until(&format!("the screen shows {text:?}"), limit, |screen| {
            screen.lines().iter().any(|line| line.contains(text))
        })
        .await
    }

    /// Waits until `shown` holds for the screen.
    ///
    /// # Errors
    /// Fails with the screen after `limit`.
    pub async fn wait_until(&self, what: &str, limit: Duration, shown: impl Fn(&Screen) -> bool) -> Result<()> {
        let outcome = until(what, limit, async || Ok(shown(&self.screen()).then_some(()))).await;
        outcome.with_context(|| format!("the screen was:\n{}", self.screen().lines().join("\n")))
    }

    /// Changes the size of the window, which tells the program so.
    ///
    /// # Errors
    /// Fails when the terminal is gone.
    pub fn resize(&mut self, columns: u16, rows: u16) -> Result<()> {
        self.screen().resize(columns, rows);
        Ok(self.input.resize(Size::new(rows, columns))?)
    }

    /// Changes the size of the window, in cells and in pixels (columns and width first).
    ///
    /// # Errors
    /// Fails when the terminal is gone.
    pub fn resize_in_pixels(&mut self, cells: (u16, u16), pixels: (u16, u16)) -> Result<()> {
        self.screen().resize(cells.0, cells.1);
        Ok(self.input.resize(Size::new_with_pixel(cells.1, cells.0, pixels.0, pixels.1))?)
    }

    /// What is shown now.
    pub fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the program's end and returns its exit code and the last screen.
    ///
    /// # Errors
    /// Fails when the program goes on for longer than `limit`.
    pub async fn finish(mut self, limit: Duration) -> Result<(i32, Screen)> {
        let status = within("the end of the program in the terminal", limit, async { Ok(self.child.wait().await?) });
        let status = match status.await {
            Ok(status) => status,
            Err(error) => bail!("{error}; the screen was:\n{}", self.screen().lines().join("\n")),
        };
        within("the last output", limit, async { Ok((&mut self.reader).await?) }).await?;
        let mut last = self.screen();
        let blank = Screen::new(1, 1)?;
        Ok((status.code().unwrap_or(-1), std::mem::replace(&mut *last, blank)))
    }
}

/// Reads until every process has let go of the terminal, which Linux reports as an I/O error.
async fn show(mut output: OwnedReadPty, screen: Arc<Mutex<Screen>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = output.read(&mut buffer).await {
        if let Some(read) = buffer.get(..length) {
            screen.lock().unwrap_or_else(PoisonError::into_inner).feed(read);
        }
    }
}

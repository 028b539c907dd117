//! A reader of asciicast v3 that shares no code with the recorder, and the stock reader beside it.
//!
//! It is strict where the format is: a line that is not an event makes the whole recording invalid.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::{peers, program::run, terminal::Screen};

/// First line of a recording.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// 3.
    pub version: u8,
    /// The first size of the terminal.
    pub term: Term,
    /// Seconds since 1970.
    pub timestamp: Option<u64>,
    /// What was run.
    pub command: Option<String>,
}

/// The terminal in a [`Header`].
#[derive(Debug, Deserialize)]
pub struct Term {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// One event of a recording.
#[derive(Debug)]
pub struct Event {
    /// Seconds since the recording's start.
    pub time: f64,
    /// `o`, `i`, `m`, `r`, `x` or another code.
    pub code: String,
    /// The event's data.
    pub data: String,
}

/// A whole recording.
#[derive(Debug)]
pub struct Cast {
    /// The first line.
    pub header: Header,
    /// The other lines.
    pub events: Vec<Event>,
}

impl Cast {
    /// Reads a recording.
    ///
    /// # Errors
    /// Fails with the number of the first line that is not as the format wants it.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().context("an empty recording")?;
        let header: Header = serde_json::from_str(first).with_context(|| format!("the header {first}"))?;
        ensure!(header.version == 3, "version {}", header.version);
        ensure!(text.ends_with('\n'), "the last line is not whole");
        let mut time = 0.0;
        let mut events = Vec::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (interval, code, data): (f64, String, String) =
                serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
            ensure!(interval >= 0.0, "line {}: time runs backwards", number + 1);
            time += interval;
            events.push(Event { time, code, data });
        }
        Ok(Self { header, events })
    }

    /// The data of all events with this code, one after the other.
    pub fn joined(&self, code: &str) -> String {
        self.of(code).map(|event| event.data.as_str()).collect()
    }

    /// The events with this code.
    pub fn of<'cast>(&'cast self, code: &'cast str) -> impl Iterator<Item = &'cast Event> {
        self.events.iter().filter(move |event| event.code == code)
    }

    /// The screen after the last event.
    ///
    /// # Errors
    /// Fails at a size that is not `COLUMNSxROWS`.
    pub fn screen(&self) -> Result<Screen> {
        let mut screen = Screen::new(self.header.term.cols, self.header.term.rows)?;
        for event in &self.events {
            match event.code.as_str() {
                "o" => screen.feed(event.data.as_bytes()),
                "r" => {
                    let size = event.data.split_once('x').with_context(|| format!("size {}", event.data))?;
                    screen.resize(size.0.parse()?, size.1.parse()?);
                }
                _ => {}
            }
        }
        Ok(screen)
    }
}

/// All the text that the recording shows, lines that scrolled away included, as asciinema itself makes of it.
///
/// # Errors
/// Fails when asciinema is missing or refuses the recording.
pub async fn text_by_asciinema(cast: &Path) -> Result<Vec<String>> {
    let program = peers::find(&["asciinema"], "`make setup` builds asciinema 3 from crates.io")?;
    let text = cast.with_extension("txt");
    let mut command = Command::new(program);
    command.args(["convert", "--overwrite", "--output-format", "txt"]).arg(cast).arg(&text);
    run(command, b"", Duration::from_secs(120)).await?.ok().context("asciinema convert")?;
    let text = std::fs::read_to_string(text)?;
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.truncate(lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
    Ok(lines)
}

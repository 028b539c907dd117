//! What commands print: tables for people, JSON for programs.
//!
//! Session commands, names and server messages are text that somebody else chose. In a terminal
//! they could move the cursor or change the title, so control characters are made [`visible`].

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::exit::CommandError;
use super::shown::{is_hidden, visible};

/// `--output`, the same for every listing.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputOptions {
    /// How to print.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

/// How a listing is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people.
    #[default]
    Table,
    /// JSON, as the API gives it.
    Json,
}

/// Prints a value as JSON.
///
/// # Errors
///
/// When stdout cannot be written.
pub fn print_json(value: &serde_json::Value) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    print(&format!("{}\n", escaped_json(&text)))
}

/// A value as one line of JSON, ended.
#[must_use]
pub fn json_line(value: &impl Serialize) -> String {
    // Nothing that is printed here has keys other than strings, so this cannot fail.
    let text = serde_json::to_string(value).unwrap_or_default();
    format!("{}\n", escaped_json(&text))
}

/// JSON leaves some characters as they are that a terminal obeys: those from U+007F to U+009F, and
/// those that turn the reading direction. All of them can only stand in strings.
fn escaped_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) && character != '\n' {
            // Writing to a String cannot fail. Every hidden character has four hexadecimal digits.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Prints text as it is.
///
/// # Errors
///
/// When stdout cannot be written.
pub fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Rows under a heading, aligned by the width that a terminal gives to each character.
#[derive(Debug)]
pub struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with only its heading.
    #[must_use]
    pub fn new(heading: [&str; COLUMNS]) -> Self {
        Self { rows: vec![heading.map(str::to_owned)] }
    }

    /// Adds a row. An empty cell is shown as `-`.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| if cell.is_empty() { "-".to_owned() } else { visible(&cell).into_owned() }));
    }

    /// The table as text, each line ended, without blanks at the ends of lines.
    #[must_use]
    pub fn render(&self) -> String {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.width() + COLUMN_GAP));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A point in time as a person here reads it.
#[must_use]
pub fn local_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Blanks between two columns.
const COLUMN_GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_display_width() {
        let mut table = Table::new(["NAME", "LOGIN", "NOTE"]);
        table.row(["web1".into(), "demo".into(), "x".into()]);
        table.row(["日本".into(), String::new(), "y".into()]);
        assert_eq!(table.render(), "NAME  LOGIN  NOTE\nweb1  demo   x\n日本  -      y\n");
    }

    #[test]
    fn control_characters_reach_no_terminal() {
        let mut table = Table::new(["COMMAND"]);
        table.row(["a\x1b]0;title\x07b\r\nc\u{202e}d\u{9b}2J".into()]);
        let text = table.render();
        assert!(!text.replace('\n', "").chars().any(is_hidden), "{text:?}");
        assert!(text.contains("a\\u{1b}]0;title\\u{7}b\\r\\nc\\u{202e}d\\u{9b}2J"), "{text}");
    }

    #[test]
    fn json_moves_no_cursor_and_says_the_same() {
        let value = serde_json::json!({"a\u{9b}": "\x1b[2J\u{7f}\u{202e}\u{feff}é\n"});
        let line = json_line(&value);
        assert!(!line.trim_end().chars().any(is_hidden), "{line:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
        let pretty = escaped_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!pretty.replace('\n', "").chars().any(is_hidden), "{pretty:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&pretty).unwrap(), value);
    }
}

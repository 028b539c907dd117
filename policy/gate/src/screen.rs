//! [`Screen`]: what the target shows, for the gate, which reads the line that is about to be accepted.
//!
//! The terminal is emulated by `avt`. Output is kept until somebody looks, and only its end: a screen
//! is a few KiB, so of a flood the last `KEPT_BYTES` decide what is on it. What the flood did to the
//! modes that matter here ([`Modes`]) is followed byte by byte.
//!
//! Words of the bastion itself are never fed: this is the target's view.

use avt::{Cell, Color, ScreenKind, Terminal};
use mask::WindowSize;
use unicode_width::UnicodeWidthChar as _;

mod modes;
mod pane;
mod reading;

pub use modes::{ModeChange, Modes};
pub use pane::PaneLine;
pub use reading::{LineStart, Reading};

/// The screen of one terminal.
pub struct Screen {
    terminal: Terminal,
    modes: Modes,
    pending: Vec<u8>,
    /// Whether characters without a width were drawn, which have no cell, since a line began.
    has_marks: bool,
}

impl Screen {
    /// An empty screen.
    #[must_use]
    pub fn new(size: WindowSize) -> Self {
        Self { terminal: blank(emulated(size)), modes: Modes::default(), pending: Vec::new(), has_marks: false }
    }

    /// Takes output of the target; `changes` gets what it does to the modes.
    pub fn output(&mut self, data: &[u8], changes: &mut Vec<ModeChange>) {
        self.modes.output(data, changes);
        let data = data.get(data.len().saturating_sub(KEPT_BYTES)..).unwrap_or_default();
        if self.pending.len() + data.len() > 2 * KEPT_BYTES {
            let kept = KEPT_BYTES.saturating_sub(data.len());
            self.pending.drain(..self.pending.len().saturating_sub(kept));
            // What a sequence that was cut left behind must not eat what follows: CAN ends it (ECMA-48).
            if let Some(first) = self.pending.first_mut() {
                *first = CANCEL;
            }
        }
        self.pending.extend_from_slice(data);
    }

    /// The terminal has a new size.
    pub fn resize(&mut self, size: WindowSize) {
        self.settle();
        let (cols, rows) = emulated(size);
        self.terminal.resize(cols, rows);
    }

    /// The modes that output has set.
    #[must_use]
    pub fn modes(&self) -> &Modes {
        &self.modes
    }

    /// Where a line would begin that is typed now.
    pub fn line_start(&mut self) -> LineStart {
        self.settle();
        reading::line_start(&self.terminal)
    }

    /// Whether the screen shows `text`, with the cursor before its character `cursor`, typed at `start`.
    pub fn shows(&mut self, start: &LineStart, text: &str, cursor: usize) -> Reading {
        self.settle();
        reading::compare(&self.terminal, start, text, cursor)
    }

    /// Whether the screen shows `text` behind the prompt of `start`, however it is broken into rows.
    pub fn holds(&mut self, start: &LineStart, text: &str) -> bool {
        self.settle();
        reading::holds(&self.terminal, start, text)
    }

    /// The text that stands in the input area that began at `start`, as far as that can be told.
    pub fn read(&mut self, start: &LineStart) -> Option<String> {
        self.settle();
        reading::read(&self.terminal, start).filter(|_| !self.has_marks)
    }

    /// A line ends: what is read from here on is of the next one.
    pub fn line_ended(&mut self) {
        self.settle();
        self.has_marks = false;
    }

    /// The row of the cursor, from its first column to its last sign.
    pub fn cursor_row(&mut self) -> String {
        self.settle();
        let row = self.terminal.cursor().row;
        self.terminal.screen().line(row).map(|line| line.text().trim_end().to_owned()).unwrap_or_default()
    }

    /// The line of the cursor within its pane.
    pub fn pane_line(&mut self) -> PaneLine {
        self.settle();
        pane::read(&self.terminal)
    }

    /// Whether one entry of a menu below the line of the cursor is marked.
    pub fn shows_menu(&mut self) -> bool {
        self.settle();
        pane::shows_menu(&self.terminal)
    }

    /// What was typed into a picker such as fzf, if the cursor is in one.
    pub fn picker_query(&mut self) -> Option<String> {
        self.settle();
        pane::picker_query(&self.terminal)
    }

    /// Whether an emulated alternate screen is shown. It is drawn by output: it may only ever make the gate stricter.
    pub fn is_alternate(&mut self) -> bool {
        self.settle();
        self.terminal.active_screen_kind() == ScreenKind::Alternate
    }

    /// The visible text, without blanks at the ends of rows and without empty rows at the end.
    pub fn text(&mut self) -> String {
        self.settle();
        let (_, rows) = self.terminal.size();
        let screen = self.terminal.screen();
        let mut text = String::new();
        for row in 0..rows {
            text.push_str(screen.line(row).map(avt::Line::text).unwrap_or_default().trim_end());
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// Draws what waits.
    fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let whole = whole_characters(&self.pending);
        let (now, later) = self.pending.split_at(whole);
        let text = String::from_utf8_lossy(now);
        if text.chars().any(is_mark) {
            self.has_marks = true;
            // A terminal draws them into the cell before, and the emulated one would give each a cell.
            self.terminal.feed(text.replace(is_mark, "").as_str());
        } else {
            self.terminal.feed(text.as_ref());
        }
        self.pending = later.to_vec();
    }
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen")
            .field("modes", &self.modes)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

/// Whether a character has no width of its own, such as an accent that combines with the letter before it.
fn is_mark(character: char) -> bool {
    !character.is_ascii() && character.width() == Some(0)
}

/// Whether a cell looks like what a shell only proposes: fish and zsh-autosuggestions draw proposals in grey.
fn is_proposal(cell: &Cell) -> bool {
    let grey = match cell.pen().foreground() {
        Some(Color::Indexed(index)) => index == 8 || (236..=246).contains(&index),
        Some(Color::RGB(rgb)) => rgb.r == rgb.g && rgb.g == rgb.b && (0x40..=0xa0).contains(&rgb.r),
        None => false,
    };
    grey || cell.pen().is_faint()
}

fn blank((cols, rows): (usize, usize)) -> Terminal {
    #[expect(clippy::expect_used, reason = "the only error is a zero, and emulated sizes have none")]
    Terminal::new(cols, rows).expect("a terminal of at least one cell")
}

/// How many of the bytes are whole UTF-8 characters, or can never become some.
fn whole_characters(bytes: &[u8]) -> usize {
    // A character is at most four bytes long.
    let tail = bytes.len().saturating_sub(3);
    for start in tail..bytes.len() {
        if let Some(Err(error)) = bytes.get(start..).map(str::from_utf8)
            && error.valid_up_to() == 0
            && error.error_len().is_none()
        {
            return start;
        }
    }
    bytes.len()
}

/// How much output is drawn at most: more than any screen holds, with attributes for every cell.
const KEPT_BYTES: usize = 64 * 1024;

/// CAN: ends a control sequence without effect (ECMA-48 §8.3.9).
const CANCEL: u8 = 0x18;

/// The size as far as it is emulated.
fn emulated(size: WindowSize) -> (usize, usize) {
    let WindowSize { cols, rows } = size.bounded();
    (cols.into(), rows.into())
}

#[cfg(test)]
mod tests;

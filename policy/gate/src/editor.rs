//! [`LineEditor`]: the line editor that the bastion offers where it owns the line: keys in, drawing out.
//!
//! Only whole lines leave it, so that what was judged is what is sent. It has readline's emacs keys, a
//! history with incremental search, and pastes of several lines, which are drawn as rows of their own and are one
//! entry. It does not complete, and knows no Vi mode.
//!
//! Drawing uses nothing newer than a VT100 and does not rely on wrapping by the terminal. Each drawing starts where
//! the one before left the cursor; who writes to the terminal in between draws anew with
//! [`LineEditor::begin_with`]. A text taller than the window is drawn to its end: rows that left it at the top repeat.

mod buffer;
mod edits;
mod history;
mod layout;
mod search;

use std::fmt::Write as _;

use self::{
    buffer::Buffer,
    history::History,
    layout::{Layout, Position},
    search::Search,
};
use crate::key::Key;

/// A line editor.
#[derive(Debug)]
pub struct LineEditor {
    prompt: String,
    columns: usize,
    is_hidden: bool,
    buffer: Buffer,
    history: History,
    search: Option<Search>,
    /// What was pasted so far, between the marks of a paste.
    pasting: Option<String>,
    /// Where the cursor of the terminal is, from the first row of the prompt on.
    drawn_cursor: Position,
}

/// The answer to a key.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct EditorStep {
    /// What to write to the terminal.
    pub draw: Vec<u8>,
    /// Set when the line is done. The next one starts with [`LineEditor::begin`].
    pub done: Option<Entered>,
}

/// How a line ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// C-d on an empty line.
    EndOfInput,
    /// C-c.
    Interrupted,
    /// Enter; the line without it. Line breaks within come from a paste.
    Line(String),
}

#[expect(clippy::wildcard_enum_match_arm, reason = "keys are many, and most do nothing of note")]
impl LineEditor {
    /// An editor without history. The prompt is plain text: control characters in it are shown, not obeyed.
    #[must_use]
    pub fn new(prompt: &str, columns: u16) -> Self {
        Self {
            prompt: prompt.to_owned(),
            columns: width(columns),
            is_hidden: false,
            buffer: Buffer::default(),
            history: History::default(),
            search: None,
            pasting: None,
            drawn_cursor: Position::default(),
        }
    }

    /// Draws the prompt at the cursor, which is at the start of a row, with an empty line.
    pub fn begin(&mut self) -> Vec<u8> {
        self.begin_with("")
    }

    /// Draws the prompt as [`Self::begin`] does, with a line to edit.
    pub fn begin_with(&mut self, text: &str) -> Vec<u8> {
        self.buffer = Buffer::of(text);
        self.history.leave();
        (self.search, self.pasting) = (None, None);
        self.drawn_cursor = Position::default();
        self.redraw().into_bytes()
    }

    /// The line as it is.
    #[must_use]
    pub fn text(&self) -> String {
        self.buffer.text()
    }

    /// Sets the prompt of the next drawing.
    pub fn set_prompt(&mut self, prompt: &str) {
        prompt.clone_into(&mut self.prompt);
    }

    /// Whether what is typed is neither shown nor remembered, for secrets.
    pub fn hide_input(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
    }

    /// The window has another width: draws anew.
    pub fn resize(&mut self, columns: u16) -> Vec<u8> {
        self.columns = width(columns);
        self.redraw().into_bytes()
    }

    /// Inserts a text as pasted: CR is a line break, and line breaks at its end are left out.
    pub fn paste(&mut self, text: &str) -> Vec<u8> {
        self.leave_search();
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let draw = if self.buffer.insert(text.trim_end_matches('\n')) { self.redraw() } else { BELL.to_owned() };
        draw.into_bytes()
    }

    /// Ends a search, as Enter does, and gives the line.
    pub fn leave_for_enter(&mut self) -> String {
        self.leave_search();
        self.text()
    }

    /// Takes the line from the terminal: the prompt stays, with the cursor behind it. It is not remembered.
    pub fn take(&mut self) -> (String, Vec<u8>) {
        let is_drawn = self.search.is_some() || !self.buffer.is_empty();
        self.leave_search();
        let text = self.buffer.text();
        self.buffer = Buffer::default();
        self.history.leave();
        self.pasting = None;
        (text, if is_drawn { self.redraw().into_bytes() } else { Vec::new() })
    }

    /// Puts a line into the history.
    pub fn remember(&mut self, line: &str) {
        self.history.remember(line);
    }

    /// Takes a key.
    pub fn press(&mut self, key: &Key) -> EditorStep {
        if self.pasting.is_some() {
            return EditorStep { draw: self.pasted(*key), done: None };
        }
        match key {
            Key::PasteStart => {
                self.pasting = Some(String::new());
                EditorStep::default()
            }
            Key::Report | Key::PasteEnd => EditorStep::default(),
            Key::Enter | Key::LineFeed => self.enter(),
            Key::Ctrl('c') => {
                self.leave_search();
                self.finish("^C", Entered::Interrupted)
            }
            Key::Ctrl('d') if self.search.is_none() && self.buffer.is_empty() => self.finish("", Entered::EndOfInput),
            _ => EditorStep { draw: self.edit(*key).into_bytes(), done: None },
        }
    }

    fn edit(&mut self, key: Key) -> String {
        let was_searching = self.search.is_some();
        if was_searching && self.search_key(key) {
            return self.redraw();
        }
        match key {
            Key::Char(char) if !was_searching && self.can_append(char) => return self.append(char),
            Key::Ctrl('r' | 's') if !self.is_hidden => {
                self.search = Some(Search::start(&self.buffer));
                return self.redraw();
            }
            Key::Ctrl('l') => {
                self.drawn_cursor = Position::default();
                return format!("\x1b[H\x1b[2J{}", self.redraw());
            }
            _ => {}
        }
        let revision = self.buffer.revision();
        let bell = if self.buffer.press(key) || self.browse(key) { "" } else { BELL };
        // A key that ends a search leaves its prompt to be replaced.
        let draw = match was_searching || self.buffer.revision() != revision {
            true => self.redraw(),
            false => self.move_cursor(),
        };
        draw + bell
    }

    /// Keys for the history. False if there is nothing in that direction, or if it is another key.
    fn browse(&mut self, key: Key) -> bool {
        if self.is_hidden {
            return false;
        }
        let text = match key {
            Key::Up | Key::Ctrl('p') => self.history.older(&self.buffer),
            Key::Down | Key::Ctrl('n') => self.history.newer(),
            Key::Alt('<') => self.history.oldest(&self.buffer),
            Key::Alt('>') => self.history.latest(),
            _ => None,
        };
        let Some(text) = text else { return false };
        self.buffer.replace(&text);
        true
    }

    fn enter(&mut self) -> EditorStep {
        self.leave_search();
        let text = self.buffer.text();
        if !self.is_hidden {
            self.history.remember(&text);
        }
        self.finish("", Entered::Line(text))
    }

    /// Leaves the line as it is on the screen, and goes to the next row.
    fn finish(&mut self, mark: &str, entered: Entered) -> EditorStep {
        self.buffer.move_to_end();
        let mut draw = self.redraw();
        draw.push_str(mark);
        draw.push_str("\r\n");
        self.buffer = Buffer::default();
        self.history.leave();
        self.drawn_cursor = Position::default();
        EditorStep { draw: draw.into_bytes(), done: Some(entered) }
    }

    fn pasted(&mut self, key: Key) -> Vec<u8> {
        let char = match key {
            Key::PasteEnd => {
                let text = self.pasting.take().unwrap_or_default();
                return self.paste(&text);
            }
            Key::Char(char) => char,
            Key::Ctrl(letter) => layout::control(letter),
            Key::Enter => '\r',
            Key::LineFeed => '\n',
            Key::Tab => '\t',
            Key::Escape => '\x1b',
            Key::Backspace => '\x7f',
            _ => char::REPLACEMENT_CHARACTER,
        };
        if let Some(text) = self.pasting.as_mut().filter(|text| text.len() <= buffer::MAX_BYTES) {
            text.push(char);
        }
        Vec::new()
    }

    /// Whether the character can be drawn without anything else: the usual case.
    fn can_append(&self, char: char) -> bool {
        let width = layout::plain_width(char);
        self.search.is_none()
            && !self.is_hidden
            && self.buffer.is_at_end()
            && width.is_some_and(|width| self.drawn_cursor.column + width < self.columns)
    }

    fn append(&mut self, char: char) -> String {
        if !self.buffer.press(Key::Char(char)) {
            return BELL.to_owned();
        }
        self.drawn_cursor.column += layout::plain_width(char).unwrap_or(0);
        char.to_string()
    }

    fn move_cursor(&mut self) -> String {
        let target = self.layout().cursor;
        let mut draw = String::new();
        self.move_to(target, &mut draw);
        draw
    }

    fn redraw(&mut self) -> String {
        let mut draw = String::new();
        self.move_to(Position::default(), &mut draw);
        draw.push_str("\x1b[J");
        let layout = self.layout();
        draw.push_str(&layout.drawn);
        self.drawn_cursor = layout.end;
        self.move_to(layout.cursor, &mut draw);
        draw
    }

    fn layout(&self) -> Layout {
        match &self.search {
            _ if self.is_hidden => Layout::of(&self.prompt, &[], 0, self.columns),
            Some(search) => Layout::of(&search.prompt(), self.buffer.chars(), self.buffer.cursor(), self.columns),
            None => Layout::of(&self.prompt, self.buffer.chars(), self.buffer.cursor(), self.columns),
        }
    }

    /// Moves the cursor of the terminal within what is drawn. Writing to a `String` does not fail.
    fn move_to(&mut self, target: Position, draw: &mut String) {
        let drawn = std::mem::replace(&mut self.drawn_cursor, target);
        if drawn == target {
            return;
        }
        let _ = match (drawn.row, target.row) {
            (from, to) if to < from => write!(draw, "\x1b[{}A", from - to),
            (from, to) if to > from => write!(draw, "\x1b[{}B", to - from),
            _ => Ok(()),
        };
        draw.push('\r');
        if target.column > 0 {
            let _ = write!(draw, "\x1b[{}C", target.column);
        }
    }
}

/// A terminal that does not tell its width has 80 columns, and a wide character must fit.
fn width(columns: u16) -> usize {
    match columns {
        0 => 80,
        columns => usize::from(columns).max(2),
    }
}

const BELL: &str = "\x07";

#[cfg(test)]
mod tests;

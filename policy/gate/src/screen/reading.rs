//! Reads the line that is being edited from the screen, and compares it with what was typed.
//!
//! A line begins where the cursor stood when its first key was pressed: right of the prompt. From there
//! the text is laid out as line editors and the tty driver lay it out: it wraps at the last column, a wide
//! character does not straddle two rows, a control character is shown as `^X`, a tab reaches to the next
//! eighth column, a newline begins a new row. Laying out what was typed, and comparing, knows more than
//! reading alone: blanks at the ends of rows are no riddle then.

use avt::{Cell, Line, Terminal};
use unicode_width::UnicodeWidthChar;

use super::is_proposal;

/// Where a line begins: what stands left and right of the cursor on its row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineStart {
    /// The prompt, or its last row.
    pub prompt: String,
    /// What stands right of the cursor, such as zsh's `RPROMPT`; mostly nothing.
    pub right: String,
    /// The row above, where the prompt's own row is blank.
    above: String,
    column: usize,
}

/// What comparing the screen with a text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The screen shows exactly the text.
    Agrees,
    /// The screen shows the beginning of the text: the rest of the echo may be under way.
    Behind,
    /// The screen shows something else.
    Differs,
    /// The screen shows nothing of the text.
    Nothing,
}

impl LineStart {
    /// Whether something that is no blank stands before the line.
    #[must_use]
    pub fn has_prompt(&self) -> bool {
        !self.prompt.trim().is_empty()
    }

    /// Whether the line begins behind the same prompt as that one, save for a clock or a counter in it.
    #[must_use]
    pub fn is_behind_prompt_of(&self, other: &Self) -> bool {
        is_prompt(&self.prompt, &other.prompt)
    }

    /// Whether the prompt can be found again: by its row, or by the one above.
    #[must_use]
    pub fn can_be_found(&self) -> bool {
        self.has_prompt() || !self.above.is_empty()
    }

    /// Whether the line may begin in this row.
    fn is_in(&self, terminal: &Terminal, index: usize) -> bool {
        let cells = row(terminal, index);
        let is_here = cells.get(..self.column).is_some_and(|cells| is_prompt(&text(cells), &self.prompt));
        let is_below = || index.checked_sub(1).is_some_and(|above| is_prompt(&trimmed(terminal, above), &self.above));
        is_here && (self.has_prompt() || self.above.is_empty() || is_below())
    }
}

/// Whether this is the prompt: a clock, a counter or an exit status in it may have changed meanwhile.
fn is_prompt(shown: &str, prompt: &str) -> bool {
    let is_same = |(one, other): (char, char)| one == other || (one.is_ascii_digit() && other.is_ascii_digit());
    shown.chars().count() == prompt.chars().count() && shown.chars().zip(prompt.chars()).all(is_same)
}

fn trimmed(terminal: &Terminal, index: usize) -> String {
    text(&row(terminal, index)).trim_end().to_owned()
}

pub(super) fn line_start(terminal: &Terminal) -> LineStart {
    let cursor = terminal.cursor();
    let row = row(terminal, cursor.row);
    let column = cursor.col.min(row.len());
    let (left, right) = row.split_at(column);
    let prompt = text(left);
    let above = cursor.row.checked_sub(1).filter(|_| prompt.trim().is_empty());
    let above = above.map(|above| trimmed(terminal, above)).unwrap_or_default();
    LineStart { prompt, right: text(right).trim_end().to_owned(), above, column }
}

pub(super) fn compare(terminal: &Terminal, start: &LineStart, typed: &str, cursor: usize) -> Reading {
    let (columns, _) = terminal.size();
    if agrees(terminal, start, &lay_out(start.column, typed, cursor, columns)) {
        return Reading::Agrees;
    }
    if agrees(terminal, start, &lay_out(start.column, "", 0, columns)) {
        return Reading::Nothing;
    }
    match to_cursor(terminal, start) {
        Some(shown) if typed.starts_with(&shown) => Reading::Behind,
        _ => Reading::Differs,
    }
}

pub(super) fn read(terminal: &Terminal, start: &LineStart) -> Option<String> {
    let area = area(terminal, start)?;
    let mut cells = area.cells;
    let behind_cursor = cells.get(area.cursor..).unwrap_or_default();
    // A proposal reaches from the cursor to the end.
    if behind_cursor.iter().filter(|cell| cell.char() != ' ').all(is_proposal) {
        cells.truncate(area.cursor);
    }
    let read: String = cells.iter().filter(|cell| cell.width() > 0).map(Cell::char).collect();
    let mut read = read.trim_end();
    if !start.right.is_empty() {
        read = read.strip_suffix(start.right.trim_start()).map_or(read, str::trim_end);
    }
    Some(read.to_owned())
}

/// Whether the rows from the prompt to the cursor show the text. Blanks do not count: a line editor that is wrong about
/// the width of its prompt breaks rows where nobody would.
pub(super) fn holds(terminal: &Terminal, start: &LineStart, expected: &str) -> bool {
    let cursor = terminal.cursor();
    let lowest = cursor.row.saturating_sub(MAX_LINE_ROWS);
    let Some(first) = (lowest..=cursor.row).rev().find(|index| start.is_in(terminal, *index)) else { return false };
    let mut shown = String::new();
    for index in first..=cursor.row {
        let cells = row(terminal, index);
        let from = if index == first { start.column } else { 0 };
        let to = if index == cursor.row { cursor.col.min(cells.len()) } else { cells.len() };
        shown.push_str(&text(cells.get(from..to).unwrap_or_default()));
    }
    let marks = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
    !expected.trim().is_empty() && marks(&shown) == marks(expected)
}

/// What the screen shows between the start of the line and the cursor.
fn to_cursor(terminal: &Terminal, start: &LineStart) -> Option<String> {
    let area = area(terminal, start)?;
    let cells = area.cells.get(..area.cursor)?;
    Some(cells.iter().filter(|cell| cell.width() > 0).map(Cell::char).collect())
}

/// The cells of the input area, and how many of them stand before the cursor.
struct Area {
    cells: Vec<Cell>,
    cursor: usize,
}

/// The rows that were wrapped into one another around the cursor, if they begin with the prompt.
fn area(terminal: &Terminal, start: &LineStart) -> Option<Area> {
    let cursor = terminal.cursor();
    let mut first = cursor.row;
    while first > 0 && continues(terminal, first - 1) && cursor.row - first < MAX_LINE_ROWS {
        first -= 1;
    }
    let mut last = cursor.row;
    while continues(terminal, last) && last - cursor.row < MAX_LINE_ROWS {
        last += 1;
    }
    if !start.can_be_found() || !start.is_in(terminal, first) {
        return None;
    }
    let mut cells = Vec::new();
    let mut before_cursor = 0;
    for index in first..=last {
        let row = row(terminal, index);
        let from = if index == first { start.column } else { 0 };
        if index == cursor.row {
            before_cursor = cells.len() + cursor.col.min(row.len()).checked_sub(from)?;
        }
        let next_is_wide = index < last && self::row(terminal, index + 1).first().is_some_and(|cell| cell.width() > 1);
        // A wide character that did not fit left a blank behind that nobody typed.
        let to =
            if next_is_wide && row.last().is_some_and(|cell| cell.char() == ' ') { row.len() - 1 } else { row.len() };
        cells.extend_from_slice(row.get(from..to).unwrap_or_default());
    }
    Some(Area { cursor: before_cursor.min(cells.len()), cells })
}

/// Whether the row goes on in the next one. Some editors wrap by themselves: then only the full row tells.
fn continues(terminal: &Terminal, index: usize) -> bool {
    let (_, rows) = terminal.size();
    let line = terminal.screen();
    let Some(line) = line.line(index) else { return false };
    index + 1 < rows && (line.is_wrapped() || line.cells().last().is_some_and(|cell| cell.char() != ' '))
}

/// A text as rows of cells, and where the cursor stands.
struct RowLayout {
    /// For each cell its character; `None` for the second half of a wide one. The first row begins at the line's start.
    rows: Vec<Vec<Option<char>>>,
    cursor: (usize, usize),
    /// The rows that begin after a newline.
    breaks: Vec<usize>,
}

/// By how much a row is indented that begins after a newline: fish indents such rows.
fn indentation(cells: &[Cell], expected: &[Option<char>], layout: &RowLayout, index: usize, cursor: usize) -> usize {
    if !layout.breaks.contains(&index) {
        return 0;
    }
    let blanks = |count: usize| cells.get(..count).is_some_and(is_blank);
    if index == layout.cursor.0 {
        // The cursor tells it.
        return cursor.checked_sub(layout.cursor.1).filter(|count| blanks(*count)).unwrap_or_default();
    }
    let shown = cells.iter().position(|cell| cell.char() != ' ').unwrap_or_default();
    let typed = expected.iter().position(|cell| *cell != Some(' ')).unwrap_or_default();
    shown.saturating_sub(typed)
}

fn lay_out(start: usize, text: &str, cursor: usize, columns: usize) -> RowLayout {
    let mut layout = RowLayout { rows: vec![Vec::new()], cursor: (0, start), breaks: Vec::new() };
    let mut column = start;
    let place = |rows: &mut Vec<Vec<Option<char>>>, column: &mut usize, character: char, width: usize| {
        if *column + width > columns {
            rows.push(Vec::new());
            *column = 0;
        }
        if let Some(row) = rows.last_mut() {
            row.push(Some(character));
            row.extend(std::iter::repeat_n(None, width - 1));
        }
        *column += width;
        if *column == columns {
            rows.push(Vec::new());
            *column = 0;
        }
    };
    for (index, character) in text.chars().enumerate() {
        if index == cursor {
            layout.cursor = (layout.rows.len() - 1, column);
        }
        match character {
            '\n' => {
                layout.rows.push(Vec::new());
                layout.breaks.push(layout.rows.len() - 1);
                column = 0;
            }
            '\t' => {
                for _ in 0..TAB_WIDTH - column % TAB_WIDTH {
                    place(&mut layout.rows, &mut column, ' ', 1);
                }
            }
            control if control.is_ascii_control() => {
                place(&mut layout.rows, &mut column, '^', 1);
                place(&mut layout.rows, &mut column, char::from(control as u8 ^ 0x40), 1);
            }
            _ => {
                // What has no width has no cell.
                if let Some(width @ 1..) = character.width() {
                    place(&mut layout.rows, &mut column, character, width);
                }
            }
        }
    }
    if cursor >= text.chars().count() {
        layout.cursor = (layout.rows.len() - 1, column);
    }
    layout
}

fn agrees(terminal: &Terminal, start: &LineStart, layout: &RowLayout) -> bool {
    let (columns, rows) = terminal.size();
    let cursor = terminal.cursor();
    // A cursor that waits behind the last column stands before the next row.
    let (cursor_row, cursor_col) = if cursor.col >= columns { (cursor.row + 1, 0) } else { (cursor.row, cursor.col) };
    let is_indented = layout.cursor.0 > 0 && layout.breaks.contains(&layout.cursor.0);
    if cursor_col != layout.cursor.1 && !is_indented {
        return false;
    }
    let last = layout.rows.len() - 1;
    // What is higher than the screen is drawn by line editors in their own ways (readline draws the rows that do
    // not fit over one another): then only the row of the cursor can be compared.
    let is_too_high = layout.rows.len() > rows && !layout.breaks.is_empty();
    layout.rows.iter().enumerate().filter(|(index, _)| !is_too_high || *index == layout.cursor.0).all(
        |(index, expected)| {
            // What has been scrolled out of sight cannot be compared.
            let Some(shown) = (cursor_row + index).checked_sub(layout.cursor.0) else { return true };
            if shown >= rows {
                return expected.is_empty();
            }
            let cells = row(terminal, shown);
            let from = if index == 0 { start.column } else { indentation(&cells, expected, layout, index, cursor_col) };
            if index == 0 && !is_prompt(&text(cells.get(..from).unwrap_or_default()), &start.prompt) {
                return false;
            }
            let Some((here, behind)) = cells.get(from..).and_then(|cells| cells.split_at_checked(expected.len()))
            else {
                return false;
            };
            let same = here.iter().zip(expected).all(|(cell, expected)| match expected {
                Some(character) => cell.char() == *character,
                None => cell.width() == 0,
            });
            same && (is_blank(behind)
                || (index == last
                    && (behind.iter().filter(|cell| cell.char() != ' ').all(is_proposal) || is_right(behind, start))))
        },
    )
}

/// Whether the cells show what stood right of the cursor from the beginning.
fn is_right(cells: &[Cell], start: &LineStart) -> bool {
    !start.right.is_empty() && text(cells).trim() == start.right.trim()
}

fn is_blank(cells: &[Cell]) -> bool {
    cells.iter().all(|cell| cell.char() == ' ')
}

fn text(cells: &[Cell]) -> String {
    cells.iter().filter(|cell| cell.width() > 0).map(Cell::char).collect()
}

fn row(terminal: &Terminal, index: usize) -> Vec<Cell> {
    terminal.screen().line(index).map(Line::cells).unwrap_or_default().to_vec()
}

/// The longest line that is read, in rows.
const MAX_LINE_ROWS: usize = 200;

/// Tab stops of a new terminal.
const TAB_WIDTH: usize = 8;

//! The line of the cursor within its pane: multiplexers and editors divide the screen by lines of box-drawing
//! characters, and a text that does not fit into a row of a pane goes on in its next row.

use avt::{Cell, Line, Terminal};

use super::is_proposal;

/// What stands around the cursor in its pane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaneLine {
    /// The rows that may belong together, the row of the cursor last; rows that do not begin the line are the whole
    /// width of the pane.
    rows: Vec<String>,
    /// The row of the cursor up to the cursor.
    pub to_cursor: String,
    /// What follows in the rows below.
    rest: String,
    /// How many rows of the pane are below.
    pub below: usize,
    /// Whether it is the first or the last row of the screen.
    pub at_edge: bool,
}

impl PaneLine {
    /// The line as it may begin in each row: first in that of the cursor, then in those above.
    pub fn readings(&self) -> impl Iterator<Item = String> {
        (0..self.rows.len()).rev().map(|from| {
            let mut text: String = self.rows.get(from..).unwrap_or_default().concat();
            text.push_str(&self.rest);
            text.truncate(text.trim_end().len());
            text
        })
    }

    /// The row of the cursor alone, with what follows it.
    #[must_use]
    pub fn row(&self) -> String {
        self.readings().next().unwrap_or_default()
    }
}

pub(super) fn read(terminal: &Terminal) -> PaneLine {
    let cursor = terminal.cursor();
    let (columns, height) = terminal.size();
    let row = cells(terminal, cursor.row);
    let is_border = |column: usize| is_border(terminal, &row, cursor.row, column);
    let column = cursor.col.min(columns.saturating_sub(1));
    let left = (0..column).rev().find(|column| is_border(*column)).map_or(0, |column| column + 1);
    let right = (column..columns).find(|column| is_border(*column)).unwrap_or(columns);
    let part = |index: usize| -> Vec<Cell> { cells(terminal, index).get(left..right).unwrap_or_default().to_vec() };
    let mut rows = vec![];
    let mut index = cursor.row;
    let mut here = part(index);
    let behind = here.get(column.saturating_sub(left)..).unwrap_or_default();
    let goes_on = is_full(&here);
    // A proposal reaches from the cursor to the end.
    if behind.iter().filter(|cell| cell.char() != ' ').all(is_proposal) {
        here.truncate(column.saturating_sub(left).max(usize::from(cursor.col >= right) * here.len()));
    }
    let to_cursor = text(here.get(..cursor.col.saturating_sub(left).min(here.len())).unwrap_or_default());
    rows.push(text(&here));
    while index > 0 && cursor.row - index < MAX_ROWS {
        let above = part(index - 1);
        if !is_full(&above) {
            break;
        }
        rows.push(text(&above));
        index -= 1;
    }
    rows.reverse();
    let mut rest = String::new();
    let mut last = cursor.row;
    let mut full = goes_on;
    while full && last + 1 < height && last - cursor.row < MAX_ROWS {
        last += 1;
        let below = part(last);
        full = is_full(&below);
        rest.push_str(&text(&below));
    }
    let below = (cursor.row + 1..height).take_while(|index| !is_divider(&part(*index))).count();
    PaneLine { rows, to_cursor, rest, below, at_edge: cursor.row == 0 || cursor.row + 1 == height }
}

/// Whether a cell in a row below the cursor has a background of its own, as the chosen entry of a menu has.
pub(super) fn shows_menu(terminal: &Terminal) -> bool {
    let (_, height) = terminal.size();
    let is_marked = |cell: &Cell| cell.pen().is_inverse() || cell.pen().background().is_some();
    (terminal.cursor().row + 1..height).any(|index| {
        // A row that is marked from end to end is a line of status.
        let row = cells(terminal, index);
        let marked = row.iter().filter(|cell| is_marked(cell) && cell.width() > 0).count();
        marked > 0 && marked < row.len() && row.iter().any(|cell| is_marked(cell) && cell.char() != ' ')
    })
}

/// fzf shows what was typed behind `>`, and next to it how many entries there are: `3/12`.
pub(super) fn picker_query(terminal: &Terminal) -> Option<String> {
    let cursor = terminal.cursor();
    let row = text(&cells(terminal, cursor.row));
    let query = row.trim_start().strip_prefix("> ")?.trim();
    let counts = |index: Option<usize>| {
        let row = index.map(|index| text(&cells(terminal, index))).unwrap_or_default();
        let word = row.split_whitespace().find(|word| word.contains('/')).unwrap_or_default();
        word.split_once('/').is_some_and(|(found, all)| {
            [found, all].iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    (counts(cursor.row.checked_sub(1)) || counts(Some(cursor.row + 1))).then(|| query.to_owned())
}

/// Whether the row of a pane may go on in the next: its last cell is taken. One blank may have been typed there.
fn is_full(cells: &[Cell]) -> bool {
    let blanks = cells.iter().rev().take_while(|cell| cell.char() == ' ' && cell.width() > 0).count();
    blanks <= 1 && !is_divider(cells)
}

/// Whether the row is a line between two panes.
fn is_divider(cells: &[Cell]) -> bool {
    cells.first().is_some_and(|cell| HORIZONTAL.contains(&cell.char()))
        && cells.iter().filter(|cell| HORIZONTAL.contains(&cell.char())).count() * 2 > cells.len()
}

/// Whether a line between two panes runs through the cell from above to below.
fn is_border(terminal: &Terminal, row: &[Cell], index: usize, column: usize) -> bool {
    let is_line = |cell: Option<&Cell>| cell.is_some_and(|cell| VERTICAL.contains(&cell.char()));
    let beside = |index: Option<usize>| index.is_some_and(|index| is_line(cells(terminal, index).get(column)));
    is_line(row.get(column)) && (beside(index.checked_sub(1)) || beside(Some(index + 1)))
}

fn text(cells: &[Cell]) -> String {
    cells.iter().filter(|cell| cell.width() > 0).map(Cell::char).collect()
}

fn cells(terminal: &Terminal, index: usize) -> Vec<Cell> {
    terminal.screen().line(index).map(Line::cells).unwrap_or_default().to_vec()
}

const VERTICAL: [char; 12] = ['│', '┃', '║', '├', '┤', '┼', '┬', '┴', '╋', '┣', '┫', '╬'];
const HORIZONTAL: [char; 10] = ['─', '━', '═', '├', '┤', '┼', '┬', '┴', '╋', '╬'];

/// As many rows above and below the cursor as are read as one line.
const MAX_ROWS: usize = 64;

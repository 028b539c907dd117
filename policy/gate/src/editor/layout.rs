//! How a text looks on a screen of some columns, and where its cursor is.

use unicode_width::UnicodeWidthChar as _;

/// A cell, counted from the first one of the prompt's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    pub(super) row: usize,
    pub(super) column: usize,
}

/// A prompt and a text, drawn from column 0 on.
#[derive(Debug)]
pub(super) struct Layout {
    /// What to write: rows end with CR LF, also where a full one wraps.
    pub(super) drawn: String,
    /// Where the cursor belongs.
    pub(super) cursor: Position,
    /// Where writing leaves it.
    pub(super) end: Position,
    columns: usize,
}

impl Layout {
    pub(super) fn of(prompt: &str, text: &[char], cursor: usize, columns: usize) -> Self {
        let nowhere = Position::default();
        let mut layout = Self { drawn: String::new(), cursor: nowhere, end: nowhere, columns };
        let prompt: Vec<char> = prompt.chars().collect();
        layout.put_text(&prompt, usize::MAX);
        layout.cursor = layout.end;
        layout.put_text(text, cursor);
        if cursor >= text.len() {
            layout.cursor = layout.end;
        }
        layout
    }

    fn put_text(&mut self, text: &[char], cursor: usize) {
        let mut start = 0;
        while let Some(first) = text.get(start) {
            let end = next_cluster(text, start);
            let marks: String = text.get(start + 1..end).unwrap_or_default().iter().collect();
            let position = match (*first, plain_width(*first)) {
                ('\n', _) => self.put_break(),
                ('\t', _) => self.put_tab(),
                (char, Some(width)) => self.put(&format!("{char}{marks}"), width),
                // A mark has nothing before it to stand on.
                (char, None) if is_mark(char) => self.put(&format!("◌{char}{marks}"), 1),
                (char, None) => self.put_each(&escaped(char)),
            };
            if (start..end).contains(&cursor) {
                self.cursor = position;
            }
            start = end;
        }
    }

    /// Puts what stays together into the next cells; the answer is the first of them.
    fn put(&mut self, cells: &str, width: usize) -> Position {
        if self.end.column + width > self.columns {
            self.put_break();
        }
        let position = self.end;
        self.drawn.push_str(cells);
        self.end.column += width;
        // A terminal that is told so leaves a full row at once, and all terminals do it alike.
        if self.end.column == self.columns {
            self.put_break();
        }
        position
    }

    fn put_each(&mut self, narrow: &str) -> Position {
        let position = self.end;
        for char in narrow.chars() {
            self.put(char.encode_utf8(&mut [0; 4]), 1);
        }
        position
    }

    fn put_tab(&mut self) -> Position {
        let blanks = TAB - self.end.column % TAB;
        self.put_each(&" ".repeat(blanks.min(self.columns - self.end.column)))
    }

    fn put_break(&mut self) -> Position {
        let position = self.end;
        self.drawn.push_str("\r\n");
        self.end = Position { row: self.end.row + 1, column: 0 };
        position
    }
}

/// The columns of a character that is shown as it is; none for marks, and for what is shown otherwise.
pub(super) fn plain_width(char: char) -> Option<usize> {
    char.width().filter(|width| *width > 0 && !is_invisible(char))
}

/// Where the cluster that begins at `start` ends: a character, and the marks that combine with it.
pub(super) fn next_cluster(text: &[char], start: usize) -> usize {
    let takes_marks = |char: char| plain_width(char).is_some() || is_mark(char);
    let marks = text.get(start + 1..).unwrap_or_default().iter().take_while(|char| is_mark(**char)).count();
    match text.get(start) {
        Some(first) if takes_marks(*first) => start + 1 + marks,
        Some(_) => start + 1,
        None => start,
    }
}

/// Whether a cluster begins there, or the text ends.
pub(super) fn is_border(text: &[char], at: usize) -> bool {
    let (Some(char), Some(before)) = (text.get(at), at.checked_sub(1).and_then(|before| text.get(before))) else {
        return true;
    };
    !is_mark(*char) || !(is_mark(*before) || plain_width(*before).is_some())
}

/// The control character of Control and that key.
pub(super) fn control(letter: char) -> char {
    char::from(u8::try_from(letter.to_ascii_uppercase()).unwrap_or_default() & 0x1f)
}

fn is_mark(char: char) -> bool {
    char.width() == Some(0) && !is_invisible(char)
}

/// What has no look of its own and changes that of others: shown by number, for nobody should approve unseen what
/// turns text around.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn escaped(char: char) -> String {
    match char {
        '\0'..='\x1f' => format!("^{}", char::from(u8::try_from(char).unwrap_or_default() | 0x40)),
        '\x7f' => "^?".to_owned(),
        _ => format!("<{:x}>", u32::from(char)),
    }
}

const TAB: usize = 8;

//! [`ViKeys`]: whether vi and its kin insert what is typed, take it as commands, or as a command line, as far as the
//! keys tell. A mapping of the user's own escapes it; then the row of the command line tells.

use crate::key::Key;

/// How vi reads the next key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ViKeys {
    mode: Mode,
    /// An operator such as `d` waits for a motion.
    operator: Option<Operator>,
    /// The next key is part of the one before: `fx`, `ra`, `"x`, `iw`.
    argument: bool,
    visual: bool,
    /// The command line so far.
    line: String,
}

/// What is typed now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// A line of commands: after `:`.
    CommandLine,
    /// An expression: after C-r and `=`.
    Expression,
    /// Text.
    Insert,
    #[default]
    Normal,
    /// A pattern: after `/`.
    Search,
}

/// What is done with what a motion covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Change,
    Filter,
    Other,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "keys are many, and most do nothing of note")]
impl ViKeys {
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// The command line or the expression that is being typed.
    pub(super) fn command_line(&self) -> Option<&str> {
        matches!(self.mode, Mode::CommandLine | Mode::Expression).then_some(&self.line)
    }

    pub(super) fn press(&mut self, key: &Key) {
        match (self.mode, key) {
            // Escape, and a key that came with it.
            (_, Key::Alt(char)) => {
                *self = Self::default();
                self.command(*char);
            }
            (_, Key::Escape | Key::Ctrl('c')) | (Mode::Normal, Key::Ctrl('[')) => *self = Self::default(),
            (Mode::Insert | Mode::CommandLine, Key::Char('=')) if self.argument => self.set(Mode::Expression),
            (Mode::Insert, Key::Ctrl('r')) => self.argument = true,
            (Mode::Insert, _) => self.argument = false,
            (Mode::CommandLine | Mode::Expression | Mode::Search, key) => self.in_line(key),
            (Mode::Normal, Key::Char(char)) => self.command(*char),
            (Mode::Normal, Key::Insert) => self.mode = Mode::Insert,
            (Mode::Normal, Key::Ctrl('v')) => self.visual = true,
            (Mode::Normal, _) => self.argument = false,
        }
    }

    /// Enter: what was begun is done.
    pub(super) fn enter(&mut self) {
        match self.mode {
            // The text goes on in the next row.
            Mode::Insert => {}
            Mode::CommandLine if inserts(&self.line) => self.set(Mode::Insert),
            Mode::CommandLine | Mode::Normal | Mode::Search => *self = Self::default(),
            // It was begun while a text or a line was typed; which, the keys no longer tell.
            Mode::Expression => self.set(Mode::Insert),
        }
    }

    fn in_line(&mut self, key: &Key) {
        let is_argument = std::mem::take(&mut self.argument);
        match key {
            Key::Char(char) if self.line.len() < MAX_LINE => self.line.push(*char),
            Key::Backspace | Key::Ctrl('h') if self.line.pop().is_none() => self.set(Mode::Normal),
            Key::Ctrl('u') => self.line.clear(),
            Key::Ctrl('r') => self.argument = !is_argument,
            _ => {}
        }
    }

    fn command(&mut self, char: char) {
        if std::mem::take(&mut self.argument) {
            return self.moved();
        }
        match char {
            ':' => self.set(Mode::CommandLine),
            '/' | '?' => self.set(Mode::Search),
            'f' | 'F' | 't' | 'T' | 'r' | 'm' | '\'' | '`' | '"' | '@' | 'q' | 'Z' | 'z' | ']' | '[' => {
                self.argument = true;
            }
            '0'..='9' => {}
            // An object of text: `diw`, `ca"`. `gi`, which inserts, is taken for one: the keys then say less.
            'i' | 'a' if self.visual || self.operator.is_some() => self.argument = true,
            'v' | 'V' => self.visual = !self.visual,
            'c' | 's' | 'C' | 'S' | 'R' if self.visual => self.set(Mode::Insert),
            '!' if self.visual => self.filter(),
            'd' | 'y' | 'x' | '<' | '>' | 'J' | '~' | 'u' | 'U' if self.visual => self.set(Mode::Normal),
            _ if self.operator.is_some() => self.moved(),
            'c' => self.operator = Some(Operator::Change),
            '!' => self.operator = Some(Operator::Filter),
            'd' | 'y' | '<' | '>' | '=' | 'g' => self.operator = Some(Operator::Other),
            'i' | 'a' | 'o' | 'O' | 'I' | 'A' | 's' | 'S' | 'C' | 'R' => self.set(Mode::Insert),
            _ => {}
        }
    }

    /// The motion that an operator waits for is complete.
    fn moved(&mut self) {
        match self.operator.take() {
            Some(Operator::Change) => self.set(Mode::Insert),
            Some(Operator::Filter) => self.filter(),
            Some(Operator::Other) | None => {}
        }
    }

    /// vi writes the range and the mark itself.
    fn filter(&mut self) {
        self.set(Mode::CommandLine);
        self.line.push_str(".!");
    }

    fn set(&mut self, mode: Mode) {
        *self = Self { mode, ..Self::default() };
    }
}

/// Whether the command line leaves text to be typed: `:startinsert`, `:append`, `:insert`, `:change`.
fn inserts(line: &str) -> bool {
    let name = line.trim().trim_end_matches('!');
    matches!(name, "a" | "append" | "i" | "insert" | "c" | "change") || name.starts_with("star")
}

/// The longest command line that is kept.
const MAX_LINE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyReader;

    fn after(keys: &str) -> (Mode, String) {
        let (mut presses, mut vi) = (Vec::new(), ViKeys::default());
        let mut reader = KeyReader::default();
        reader.feed(keys.as_bytes(), &mut presses);
        reader.flush(&mut presses);
        for press in presses {
            if press.key == Key::Enter { vi.enter() } else { vi.press(&press.key) }
        }
        (vi.mode(), vi.command_line().unwrap_or_default().to_owned())
    }

    #[test]
    fn keys_tell_the_mode() {
        for keys in
            ["i", "ihello: !x\rmore", "cw", "ciw", "cc", "3cw", "c$", "ggdGo", "A", "fxa", "ddO", "viwc", "I", "da\"i"]
        {
            assert_eq!(after(keys).0, Mode::Insert, "{keys}");
        }
        for keys in [
            "", "x", "dw", "diw", "fi", "ra", "\"ayy", "mi", "iabc\x1b", "viwd", "yi(", "ciw\x1b", ":w\r", "/a\r", "qa",
        ] {
            assert_eq!(after(keys).0, Mode::Normal, "{keys}");
        }
        for (keys, line) in [
            (":wq", "wq"),
            ("ix\x1b:w !sh", "w !sh"),
            ("dd:q", "q"),
            ("!!sh", ".!sh"),
            ("!ipsh", ".!sh"),
            ("VG!sh", ".!sh"),
            ("i\x12=system('x')", "system('x')"),
        ] {
            assert_eq!(after(keys).1, line, "{keys}");
        }
    }
}

//! `${…}`, and the escapes of `$'…'`.

use super::{Scanner, closing::closing_brace};
use crate::{Shell, Word, parse, word::Atom};

impl Scanner<'_> {
    pub(super) fn parameter(&mut self, quoted: bool) {
        let start = self.at;
        let Some(end) = closing_brace(self.chars, start) else {
            self.at = self.chars.len();
            return self.strange("a ${ is not closed");
        };
        let inner: String = self.chars.get(start..end).unwrap_or_default().iter().collect();
        self.at = end + 1;
        if !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return self.variable(&inner, quoted);
        }
        if let Some(value) = self.without_ending(&inner) {
            value.atoms().iter().for_each(|atom| self.push(atom.clone()));
            return;
        }
        if let Some((flags, rest)) = inner.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            // `e` expands the value once more, `P` takes it for a name, `%` for a prompt.
            let is_harmless = flags.chars().all(|c| "ULCAfFjskvwWqQoOuitzcan@0123456789:,./-_".contains(c));
            if !is_harmless || !is_parameter(rest) {
                self.strange("it uses flags of zsh in ${…}");
            }
            self.inner_of(start, end);
            return self.push(Atom::Unknown { splits: true });
        }
        if inner.contains("@P") {
            self.strange("the value of a variable is expanded as a prompt");
        }
        if let Some(code) = inner.strip_prefix([' ', '\t', '\n', '|']) {
            // `${ command; }` of ksh and bash 5.3.
            self.found.programs.push(parse::program(code));
        }
        if !is_parameter(&inner) {
            self.strange("it has a ${…} that cannot be read");
        }
        if inner.starts_with('!') && !inner.contains('[') {
            // The value is the name of another variable, or of an element.
            self.found.evaluated.push(inner.clone());
        }
        if inner.contains('[') || inner.contains(':') || self.shell == Shell::Zsh {
            self.found.evaluated.push(evaluated_part(&inner).to_owned());
        }
        self.inner_of(start, end);
        self.push(Atom::Unknown { splits: !quoted || inner.contains('@') });
    }

    /// `${NAME%END}` of a value that is known, and ends so.
    fn without_ending(&self, inner: &str) -> Option<Word> {
        let (name, end) = inner.split_once('%')?;
        let end = end.strip_prefix('%').unwrap_or(end);
        let is_plain = !end.is_empty() && end.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        self.variables.get(name).filter(|value| is_plain && !value.splits())?.without_end(end)
    }

    pub(super) fn ansi_c_quoted(&mut self) {
        if self.found.word.atoms.is_empty() {
            self.found.word.atoms.push(Atom::Text(String::new()));
        }
        let mut text = String::new();
        loop {
            match self.next() {
                Some('\'') => break,
                Some('\\') => match self.next() {
                    Some(escape) => self.ansi_c_escape(escape, &mut text),
                    None => return self.strange("a quote is not closed"),
                },
                Some(character) => text.push(character),
                None => return self.strange("a quote is not closed"),
            }
        }
        self.found.word.push_text(&text);
    }

    fn ansi_c_escape(&mut self, escape: char, text: &mut String) {
        let (radix, digits) = match escape {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => (8, 3),
            'c' => {
                self.next();
                return self.strange("it has a control character");
            }
            _ => {
                let character = match escape {
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'e' | 'E' => '\u{1b}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    '\\' | '\'' | '"' | '?' => escape,
                    other => {
                        text.push('\\');
                        other
                    }
                };
                return text.push(character);
            }
        };
        let mut value = escape.to_digit(8).filter(|_| radix == 8).unwrap_or(0);
        let mut left = if radix == 8 { digits - 1 } else { digits };
        while left > 0 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)) else { break };
            value = value.wrapping_mul(radix).wrapping_add(digit);
            self.at += 1;
            left -= 1;
        }
        match char::from_u32(value) {
            // A byte above ASCII is part of a character in an encoding that is not known here.
            Some(character) if value != 0 && (value < 0x80 || radix == 16 && digits > 2) => text.push(character),
            _ => self.strange("it has bytes that are no text"),
        }
    }
}

/// What of `NAME[EXPRESSION]…` or `NAME:EXPRESSION` is evaluated.
fn evaluated_part(inner: &str) -> &str {
    let Some(at) = inner.find(['[', ':']) else { return "" };
    let rest = inner.get(at + 1..).unwrap_or_default();
    // `:-`, `:=`, `:+` and `:?` give a word.
    if inner.get(at..).is_some_and(|rest| rest.starts_with(':')) && rest.starts_with(['-', '=', '+', '?']) {
        ""
    } else {
        rest
    }
}

/// Whether the text between the braces of `${…}` begins as a parameter with an operator does.
fn is_parameter(inner: &str) -> bool {
    let name = inner.trim_start_matches(['!', '#', '=', '~', '^', '+']);
    if name.is_empty() || !inner.starts_with(|c: char| c.is_alphanumeric() || "_!#@*?-$=~^+".contains(c)) {
        return matches!(inner, "#" | "!" | "?" | "-" | "$" | "@" | "*");
    }
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    let operator = if end == 0 { name.chars().nth(1) } else { name.get(end..).and_then(|rest| rest.chars().next()) };
    operator.is_none_or(|c| ":-=?+#%/^,@[*~".contains(c))
}

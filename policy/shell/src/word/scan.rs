//! Reads a raw word: quotes go, substitutions are found and parsed.

pub(super) mod closing;
mod parameter;

use super::{Atom, Mode, Scanned, Word, output};
use crate::{Shell, Variables, parse, static_text};
use closing::{closing, matching};

/// Reads one word of brush-parser's tree.
pub(crate) fn scan(raw: &str, mode: Mode, shell: Shell, variables: &Variables) -> Scanned {
    scan_behind(raw, mode, shell, variables, 0)
}

/// Reads what is inside a word of which `read` bytes were read again already.
fn scan_behind(raw: &str, mode: Mode, shell: Shell, variables: &Variables, read: usize) -> Scanned {
    let chars: Vec<char> = raw.chars().collect();
    let last_bracket = chars.iter().rposition(|c| *c == ']');
    let found = Scanned { read, ..Scanned::default() };
    let mut scanner = Scanner { chars: &chars, at: 0, last_bracket, shell, variables, found };
    match mode {
        Mode::Word => scanner.word(),
        Mode::HereDocument => scanner.here_document(),
        Mode::Inner => scanner.inner(),
    }
    scanner.found
}

struct Scanner<'a> {
    chars: &'a [char],
    at: usize,
    /// The place of the last `]`.
    last_bracket: Option<usize>,
    shell: Shell,
    variables: &'a Variables,
    found: Scanned,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn text(&mut self, character: char) {
        self.found.word.push_text(character.encode_utf8(&mut [0; 4]));
    }

    fn push(&mut self, atom: Atom) {
        self.found.word.push(atom);
    }

    fn strange(&mut self, why: &'static str) {
        self.found.strange.get_or_insert(why);
    }

    fn word(&mut self) {
        match self.peek() {
            Some('~') if self.shell == Shell::Zsh && self.chars.get(1) == Some(&'[') => {
                self.strange("zsh calls a function for ~[…]");
            }
            Some('~') => self.tilde(),
            Some('=') if self.shell == Shell::Zsh && self.chars.get(1).is_some_and(|c| c.is_alphanumeric()) => {
                // The path of that program.
                self.at = 1;
                self.found.word.push_text("/usr/bin/");
            }
            _ => {}
        }
        while let Some(character) = self.next() {
            match character {
                '\\' => self.escape(),
                '\'' => self.single_quoted(),
                '"' => self.double_quoted(),
                '$' => self.dollar(false),
                '`' => self.backquoted(false),
                '*' | '?' => self.push(Atom::Glob),
                '[' if self.last_bracket.is_some_and(|last| last >= self.at) => self.bracket(),
                '^' | '#' if self.shell == Shell::Zsh && self.found.word.start().contains('/') => self.zsh_pattern(),
                '(' | ')' => {
                    self.text(character);
                    self.strange("it has a pattern that runs code in some shells");
                }
                _ => self.text(character),
            }
        }
    }

    /// `/etc/^x` and `/etc/x#y` of zsh, with an option that many set: any name in that folder.
    fn zsh_pattern(&mut self) {
        let start = self.found.word.start();
        let folder = start.rfind('/').and_then(|at| start.get(..=at)).unwrap_or_default().to_owned();
        let (from, end) = (self.at, self.chars.len());
        let has_folders = self.chars.iter().skip(from).any(|c| *c == '/');
        self.found.word = Word::of(folder);
        self.push(if has_folders { Atom::Unknown { splits: true } } else { Atom::Glob });
        self.inner_of(from, end);
        self.at = end;
    }

    fn tilde(&mut self) {
        let end = self.chars.iter().position(|c| *c == '/').unwrap_or(self.chars.len());
        let name = self.chars.get(1..end).unwrap_or_default();
        if name.is_empty() {
            self.at = end;
            self.push(Atom::Home);
        } else if name.iter().all(|c| c.is_alphanumeric() || "-_.+".contains(*c)) {
            self.at = end;
            self.push(Atom::Unknown { splits: false });
        }
    }

    fn escape(&mut self) {
        match self.next() {
            Some('\n') | None => {}
            Some(character) => self.text(character),
        }
    }

    fn single_quoted(&mut self) {
        self.found.word.push_text("");
        loop {
            match self.next() {
                Some('\'') => break,
                Some(character) => self.text(character),
                None => return self.strange("a quote is not closed"),
            }
        }
        if self.found.word.atoms.is_empty() {
            self.found.word.atoms.push(Atom::Text(String::new()));
        }
    }

    fn double_quoted(&mut self) {
        if self.found.word.atoms.is_empty() {
            self.found.word.atoms.push(Atom::Text(String::new()));
        }
        loop {
            match self.next() {
                Some('"') => return,
                Some('\\') => self.escape_in_double_quotes("$`\"\\"),
                Some('$') => self.dollar(true),
                Some('`') => self.backquoted(true),
                Some(character) => self.text(character),
                None => return self.strange("a quote is not closed"),
            }
        }
    }

    fn escape_in_double_quotes(&mut self, escapable: &str) {
        match self.next() {
            Some('\n') | None => {}
            Some(character) => {
                if !escapable.contains(character) {
                    self.text('\\');
                }
                self.text(character);
            }
        }
    }

    fn here_document(&mut self) {
        while let Some(character) = self.next() {
            match character {
                '\\' => self.escape_in_double_quotes("$`\\"),
                '$' => self.dollar(true),
                '`' => self.backquoted(true),
                _ => self.text(character),
            }
        }
    }

    /// Finds code in text of which nothing else matters.
    fn inner(&mut self) {
        while let Some(character) = self.next() {
            match character {
                '\\' => {
                    self.next();
                }
                // Inside double quotes single quotes are text, and this may be inside:
                // so code is looked for within them too.
                '$' => self.dollar(self.peek() == Some('\'')),
                '`' => self.backquoted(true),
                _ => {}
            }
        }
        self.found.word = Word::unknown(true);
    }

    fn bracket(&mut self) {
        self.push(Atom::Glob);
        // The pattern's own text does not matter; code in it does.
        let start = self.found.word.clone();
        while let Some(character) = self.next() {
            match character {
                ']' => break,
                '\\' => self.escape(),
                '\'' => self.single_quoted(),
                '"' => self.double_quoted(),
                '$' => self.dollar(false),
                '`' => self.backquoted(false),
                _ => {}
            }
        }
        let splits = self.found.word.splits();
        self.found.word = start;
        if splits {
            self.push(Atom::Unknown { splits });
        }
    }

    /// Reads what follows a `$`.
    fn dollar(&mut self, quoted: bool) {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        match rest {
            ['(', '(', ..] => self.arithmetic(quoted),
            ['(', ..] => {
                self.at += 1;
                self.substitution(quoted);
            }
            ['{', ..] => {
                self.at += 1;
                self.parameter(quoted);
            }
            ['[', ..] => {
                let end = rest.iter().position(|c| *c == ']').unwrap_or(rest.len());
                self.evaluated(self.at + 1, self.at + end);
                self.at += (end + 1).min(rest.len());
                self.push(Atom::Unknown { splits: !quoted });
            }
            ['\'', ..] if !quoted => {
                self.at += 1;
                self.ansi_c_quoted();
            }
            ['"', ..] if !quoted => {
                self.at += 1;
                self.double_quoted();
            }
            [first, ..] if first.is_ascii_alphabetic() || *first == '_' => {
                let end = rest.iter().position(|c| !c.is_ascii_alphanumeric() && *c != '_').unwrap_or(rest.len());
                let name: String = rest.iter().take(end).collect();
                self.at += end;
                // zsh reads a subscript here without braces.
                if self.peek() == Some('[') && matches!(self.shell, Shell::Unknown | Shell::Zsh) {
                    let close = self.chars.iter().skip(self.at).position(|c| *c == ']').unwrap_or_default();
                    let text = self.chars.get(self.at..self.at + close).unwrap_or_default().iter().collect();
                    self.found.evaluated.push(text);
                    self.push(Atom::Unknown { splits: !quoted });
                }
                self.variable(&name, quoted);
            }
            [first, ..] if first.is_ascii_digit() || "@*#?-$!".contains(*first) => {
                let name = first.to_string();
                self.at += 1;
                self.variable(&name, quoted && *first != '@');
            }
            // `$=NAME` of zsh: the value, split.
            ['=' | '~' | '^' | '+', first, ..]
                if first.is_alphabetic() && matches!(self.shell, Shell::Zsh | Shell::Unknown) =>
            {
                self.at += 1;
                self.dollar(false);
            }
            _ => self.text('$'),
        }
    }

    fn variable(&mut self, name: &str, quoted: bool) {
        let Some(value) = self.variables.get(name) else {
            // It is what `~` is. A value that would split is held where it is set.
            if name == "HOME" {
                // What an opening quote left.
                self.found.word.atoms.retain(|atom| !matches!(atom, Atom::Text(text) if text.is_empty()));
                return self.push(Atom::Home);
            }
            // Numbers, whoever sets them.
            let is_number = matches!(name, "$" | "?" | "#" | "RANDOM" | "UID" | "EUID" | "PPID" | "LINENO");
            let splits = !quoted && !IS_ONE_WORD.contains(&name);
            return self.push(if is_number { Atom::Name } else { Atom::Unknown { splits } });
        };
        // What is known is put in as it is only where the shell would not split or match it.
        let is_plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "-_./:=@%+,".contains(c));
        if self.found.word.atoms.is_empty() && quoted {
            self.found.word.atoms.push(Atom::Text(String::new()));
        }
        for atom in value.atoms.clone() {
            match &atom {
                Atom::Text(text) if quoted || is_plain(text) => self.push(atom),
                Atom::Name => self.push(atom),
                Atom::Glob | Atom::Home | Atom::Unknown { .. } if quoted => self.push(atom),
                Atom::Glob | Atom::Home | Atom::Text(_) | Atom::Unknown { .. } => {
                    self.push(Atom::Unknown { splits: true })
                }
            }
        }
    }

    fn inner_of(&mut self, start: usize, end: usize) {
        let text: String = self.chars.get(start..end).unwrap_or_default().iter().collect();
        self.found.read += text.len();
        if self.found.read > MAX_READ_AGAIN {
            return self.strange("code is nested in code too deeply");
        }
        let inner = scan_behind(&text, Mode::Inner, self.shell, self.variables, self.found.read);
        self.found.read = inner.read;
        self.found.programs.extend(inner.programs);
        self.found.evaluated.extend(inner.evaluated);
        if let Some(why) = inner.strange {
            self.strange(why);
        }
    }

    /// Notes arithmetic, and the code in it.
    fn evaluated(&mut self, start: usize, end: usize) {
        let text = self.chars.get(start..end).unwrap_or_default().iter().collect();
        self.found.evaluated.push(text);
        self.inner_of(start, end);
    }

    /// `$((…))`, or a command substitution that begins with a subshell.
    fn arithmetic(&mut self, quoted: bool) {
        let close = matching(self.chars, self.at + 1, '(', ')');
        match close {
            Some(close) if self.chars.get(close + 1) == Some(&')') => {
                self.evaluated(self.at + 2, close);
                self.at = close + 2;
                self.push(Atom::Name);
            }
            _ => {
                self.at += 1;
                self.substitution(quoted);
            }
        }
    }

    /// `$(…)`: it ends at the first bracket at which a whole program ends.
    fn substitution(&mut self, quoted: bool) {
        let start = self.at;
        let rest = self.chars.get(start..).unwrap_or_default();
        self.push(Atom::Unknown { splits: !quoted && !static_text::is_one_word(rest) });
        let mut candidates = Vec::new();
        let mut from = start;
        while let Some(close) = closing(self.chars, from) {
            candidates.push(close);
            from = close + 1;
            if candidates.len() == MAX_CANDIDATES {
                break;
            }
        }
        for (index, close) in candidates.iter().enumerate() {
            let text: String = self.chars.get(start..*close).unwrap_or_default().iter().collect();
            self.found.read += text.len() * usize::from(index > 0);
            if self.found.read > MAX_READ_AGAIN {
                break;
            }
            if let Ok(program) = parse::program(&text) {
                let scan = |raw: &str| scan(raw, Mode::Word, self.shell, self.variables).word;
                let is_name = output::is_name(&program, &scan);
                self.push(if is_name { Atom::Name } else { Atom::Unknown { splits: !quoted } });
                self.found.programs.push(Ok(program));
                self.at = close + 1;
                return;
            }
        }
        self.at = self.chars.len();
        self.push(Atom::Unknown { splits: !quoted });
        self.found.programs.push(Err("a command substitution cannot be read".to_owned()));
    }

    fn backquoted(&mut self, quoted: bool) {
        self.push(Atom::Unknown { splits: !quoted });
        let mut text = String::new();
        loop {
            match self.next() {
                Some('`') => break,
                Some('\\') => match self.next() {
                    Some(character) if "$`\\".contains(character) || (quoted && character == '"') => {
                        text.push(character)
                    }
                    Some(character) => text.extend(['\\', character]),
                    None => {}
                },
                Some(character) => text.push(character),
                None => return self.strange("a backquote is not closed"),
            }
        }
        self.found.programs.push(parse::program(&text));
    }
}

/// Variables that the shell sets itself, to a number, a name or a folder.
const IS_ONE_WORD: [&str; 16] = [
    "#", "$", "?", "!", "BASHPID", "EUID", "HOSTNAME", "LINENO", "OLDPWD", "PPID", "PWD", "RANDOM", "SECONDS", "SHLVL",
    "UID", "USER",
];

/// A `case` inside a substitution has brackets that close nothing; more of them than this are not tried.
const MAX_CANDIDATES: usize = 16;

/// The most bytes of one word that are read again, to find where code ends or what is in `${…}`.
const MAX_READ_AGAIN: usize = 32 * 1024;

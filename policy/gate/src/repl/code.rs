//! [`Code`]: names and strings of a text in a programming language, told apart without its grammar.
//!
//! Strings are blanked in [`Code::text`], so that a name in it is a name. A string that the language looks into for code
//! (`f"{x}"`, `"#{x}"`) stays there too.

use super::Meaning;

/// How a language writes strings and comments.
pub(super) struct Syntax {
    /// What opens and ends strings, the longest first.
    pub(super) quotes: &'static [&'static str],
    /// What begins a comment that the line ends.
    pub(super) comments: &'static [&'static str],
    /// What begins code in a string.
    pub(super) interpolation: &'static [&'static str],
}

/// A language as far as it is known what of it runs programs.
pub(super) struct Runs {
    /// Names that run something wherever they stand.
    pub(super) names: &'static [&'static str],
    /// Names that do so unless they belong to something: `eval(x)`, and not `model.eval()`.
    pub(super) bare: &'static [&'static str],
    /// Names that do so as a part of one of these: `os.system`, and not `platform.system`.
    pub(super) owned: &'static [(&'static [&'static str], &'static [&'static str])],
    /// Functions that are given a name, and what for: harmless if that is a string which is none of the names above.
    pub(super) by_name: &'static [&'static str],
    /// Whether it runs what stands in backquotes.
    pub(super) backquotes: bool,
}

/// A text, read.
pub(super) struct Code {
    /// The code, with nothing left of strings but their quotes.
    pub(super) text: String,
    pub(super) strings: Vec<String>,
}

/// A name, and what stands around it.
pub(super) struct Name<'t> {
    pub(super) name: &'t str,
    /// What it belongs to: `os` of `os.path`; empty where that is no name.
    pub(super) owner: Option<&'t str>,
    pub(super) behind: &'t str,
}

impl Code {
    pub(super) fn read(source: &str, syntax: &Syntax) -> Self {
        let (mut text, mut strings, mut inner) = (String::new(), Vec::new(), String::new());
        let mut rest = source;
        while let Some(character) = rest.chars().next() {
            if let Some(quote) = syntax.quotes.iter().find(|quote| rest.starts_with(**quote)) {
                let behind = rest.get(quote.len()..).unwrap_or_default();
                let end = end_of_string(behind, quote);
                let string = behind.get(..end).unwrap_or(behind);
                if syntax.interpolation.iter().any(|start| string.contains(start)) {
                    inner.push(' ');
                    inner.push_str(string);
                }
                if strings.len() < MAX_STRINGS {
                    strings.push(string.to_owned());
                }
                text.push_str("\"\"");
                rest = behind.get(end + quote.len()..).unwrap_or_default();
            } else if syntax.comments.iter().any(|mark| rest.starts_with(mark)) {
                rest = rest.find('\n').and_then(|at| rest.get(at..)).unwrap_or_default();
            } else {
                text.push(character);
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
            }
        }
        text.push_str(&inner);
        Self { text, strings }
    }

    /// The names in it.
    pub(super) fn names(&self) -> impl Iterator<Item = Name<'_>> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = self.text.get(at..)?;
            let start = at + rest.find(is_part)?;
            let word = self.text.get(start..)?;
            let length = word.find(|c| !is_part(c)).unwrap_or(word.len());
            at = start + length;
            let before = self.text.get(..start)?.trim_end();
            let owner = ["::", "->", ".", ":"].iter().find_map(|sign| Some((sign, before.strip_suffix(sign)?)));
            let owner = owner.map(|(sign, owner)| {
                let owner = owner.trim_end();
                let from = owner.rfind(|c| !is_part(c)).map_or(0, |at| at + 1);
                (*sign, owner.get(from..).unwrap_or_default())
            });
            // A symbol (`:name`) belongs to nothing.
            let owner = owner.filter(|owner| *owner != (":", "")).map(|(_, owner)| owner);
            Some(Name { name: word.get(..length)?, owner, behind: self.text.get(at..)?.trim_start() })
        })
    }

    /// Whether it says one of these names.
    pub(super) fn says(&self, names: &[String]) -> bool {
        !names.is_empty() && self.names().any(|name| names.iter().any(|other| other == name.name))
    }

    /// Whether it runs something.
    pub(super) fn runs(&self, runs: &Runs) -> bool {
        let is_run = |name: &Name<'_>| {
            let Name { name, owner, behind } = name;
            let owned = |(owners, names): &(&[&str], &[&str])| {
                owner.is_some_and(|owner| owners.contains(&owner)) && names.contains(name)
            };
            runs.names.contains(name)
                || (owner.is_none() && runs.bare.contains(name))
                || runs.owned.iter().any(owned)
                || (runs.by_name.contains(name) && !self.is_given_a_string(behind))
        };
        let is_named = |string: &String| {
            runs.by_name.iter().any(|function| self.text.contains(function))
                && (runs.names.contains(&string.as_str())
                    || runs.bare.contains(&string.as_str())
                    || runs.owned.iter().any(|(_, names)| names.contains(&string.as_str())))
        };
        (runs.backquotes && self.text.contains('`'))
            || self.names().any(|name| is_run(&name))
            || self.strings.iter().any(is_named)
    }

    /// Whether a call gets a string, alone or behind one other argument: `(x, "y")`, and not `(x, "y" + z)`.
    fn is_given_a_string(&self, behind: &str) -> bool {
        let arguments = behind.strip_prefix('(').unwrap_or(behind);
        arguments.split([',', ')']).take(2).map(str::trim).any(|argument| {
            let symbol = argument.strip_prefix(':').unwrap_or_default();
            argument == "\"\""
                || (!symbol.is_empty() && symbol.chars().all(|c| c.is_alphanumeric() || "_?!".contains(c)))
        })
    }

    /// The names that it binds: left of `=`, and behind words such as `def` and `as`.
    pub(super) fn bound(&self, keywords: &[&str]) -> Vec<String> {
        let mut bound = Vec::new();
        let mut last = "";
        for name in self.names() {
            let is_assigned = name.behind.starts_with('=') && !name.behind.starts_with("==")
                || [":=", "<-", "}", "]", ","].iter().any(|sign| name.behind.starts_with(sign));
            if (keywords.contains(&last) || is_assigned) && bound.len() < MAX_NAMES {
                bound.push(name.name.to_owned());
            }
            last = name.name;
        }
        bound
    }

    /// What its strings may come to be as commands: each one that has several words, and those that follow one another.
    pub(super) fn quoted(&self, runs: bool) -> Vec<Meaning> {
        let alone = self.strings.iter().filter(|string| runs || string.trim().contains(' ')).cloned();
        let lists = (0..self.strings.len()).filter_map(|from| self.strings.get(from..)).filter(|list| list.len() > 1);
        alone.chain(lists.map(|list| list.join(" "))).take(MAX_STRINGS * 2).map(Meaning::Maybe).collect()
    }
}

/// Where a string ends that was opened with that quote: at its end, if nothing ends it.
fn end_of_string(text: &str, quote: &str) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if text.get(at..).is_some_and(|rest| rest.starts_with(quote)) {
            return at;
        }
    }
    text.len()
}

/// What begins a line that is a command for a shell: the text behind one of these.
pub(super) fn escaped(statement: &str, starts: &[&str]) -> Vec<Meaning> {
    let lines = statement.lines().map(str::trim_start);
    lines.filter_map(|line| starts.iter().find_map(|start| line.strip_prefix(start))).map(shell).collect()
}

/// A text for a shell.
pub(super) fn shell(text: &str) -> Meaning {
    Meaning::Shell(text.trim().to_owned())
}

/// Whether a prompt is `start`, a number, and `end`: `In [12]:`.
pub(super) fn is_counted(prompt: &str, start: &str, end: &str) -> bool {
    let number = prompt.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

/// As many strings as are looked at.
const MAX_STRINGS: usize = 8;

/// As many names as one statement binds.
const MAX_NAMES: usize = 16;

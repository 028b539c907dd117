//! [`Word`]: one word after quote removal, as far as it is static; and the code inside it.
//!
//! The quoting rules are those of the Bash Reference Manual, "Quoting" and "Shell Expansions".
//! brush-parser leaves words as they were written, so every place where code can hide
//! (parameter defaults, arithmetic, subscripts, here-documents) is read here.

use std::fmt;

use brush_parser::ast;

use super::undecoded::is_undecoded;

mod braces;
mod output;
mod scan;

pub(super) use braces::expand_braces;
pub(super) use output::prints_name;
pub(super) use scan::scan;

/// One word: text, with gaps where it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    atoms: Vec<Atom>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom {
    /// A pattern that the shell replaces by file names.
    Glob,
    /// The home folder of somebody.
    Home,
    /// What is not known, but is a name: it has no slash and no blank in it, does not begin with a dash, and is not empty.
    Name,
    /// Known text.
    Text(String),
    /// Anything; where `splits`, even several words or none.
    Unknown {
        /// Whether it may be several words, or none.
        splits: bool,
    },
}

/// What was found in a word: itself, the programs inside, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) word: Word,
    pub(super) programs: Vec<Result<ast::Program, String>>,
    pub(super) strange: Option<&'static str>,
    /// Arithmetic and subscripts in it, whose names are evaluated.
    pub(super) evaluated: Vec<String>,
    /// How many bytes were read more than once to find where code in it ends.
    pub(super) read: usize,
}

/// How the text of a word is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Arithmetic, a subscript, the inside of `${…}`: only the code in it counts.
    Inner,
    /// The body of an unquoted here-document.
    HereDocument,
    /// A word outside of quotes.
    Word,
}

/// Whether a word may have code in it, or another word.
pub(super) fn may_have_code(raw: &str) -> bool {
    raw.contains('`') || ["$(", "${", "$["].iter().any(|start| raw.contains(start))
}

/// What stands for a gap in a text that is read again: it is not known there either.
const GAP: char = char::MAX;

/// What a part of a word costs besides its bytes.
const ATOM_SIZE: usize = 16;

// === impl Word ===

impl Word {
    /// A word that is known.
    #[must_use]
    pub fn of(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.contains(is_undecoded) {
            let mut word = Self::default();
            word.push_text(&text);
            return word;
        }
        Self { atoms: vec![Atom::Text(text)] }
    }

    /// A word that may be anything; where `splits`, also none or several.
    pub fn unknown(splits: bool) -> Self {
        Self { atoms: vec![Atom::Unknown { splits }] }
    }

    /// The text, if all of it is known.
    #[must_use]
    pub fn known(&self) -> Option<&str> {
        match self.atoms.as_slice() {
            [] => Some(""),
            [Atom::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The known text at the beginning.
    pub fn start(&self) -> &str {
        if let Some(Atom::Text(text)) = self.atoms.first() { text } else { "" }
    }

    /// The text, with a character in each gap that is no part of any text; none where it begins with a gap.
    pub(crate) fn patched(&self) -> Option<String> {
        (self.known().is_some() || !self.start().is_empty()).then(|| self.patched_throughout())
    }

    /// The same of every word.
    pub(crate) fn patched_throughout(&self) -> String {
        let of = |atom: &Atom| match atom {
            Atom::Text(text) => text.clone(),
            Atom::Glob | Atom::Home | Atom::Name | Atom::Unknown { .. } => GAP.to_string(),
        };
        self.atoms.iter().map(of).collect()
    }

    /// The known text at the end.
    pub(crate) fn ending(&self) -> &str {
        if let Some(Atom::Text(text)) = self.atoms.last() { text } else { "" }
    }

    /// How much there is to look at, in bytes.
    pub(super) fn size(&self) -> usize {
        let text = |atom: &Atom| if let Atom::Text(text) = atom { text.len() } else { 0 };
        self.atoms.iter().map(|atom| ATOM_SIZE + text(atom)).sum()
    }

    /// Whether nothing of its beginning is known.
    #[must_use]
    pub fn begins_unknown(&self) -> bool {
        let is_empty = |atom: &&Atom| matches!(atom, Atom::Text(text) if text.is_empty());
        matches!(self.atoms.iter().find(|atom| !is_empty(atom)), Some(Atom::Unknown { .. }))
    }

    /// Whether it may become several words, or none.
    pub fn splits(&self) -> bool {
        self.atoms.iter().any(|atom| matches!(atom, Atom::Unknown { splits: true }))
    }

    /// Whether it is a pattern of file names, and else known.
    pub fn is_glob(&self) -> bool {
        self.atoms.contains(&Atom::Glob)
    }

    /// The word without its first `bytes` bytes, which must be known text.
    pub fn without_start(&self, bytes: usize) -> Self {
        let mut word = self.clone();
        if let Some(Atom::Text(text)) = word.atoms.first_mut() {
            *text = text.get(bytes..).unwrap_or_default().to_owned();
            if text.is_empty() {
                word.atoms.remove(0);
            }
        }
        word
    }

    /// The parts.
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// This word and `other` as one word that does not split.
    pub fn followed_by(mut self, other: &Self) -> Self {
        for atom in &other.atoms {
            self.push(if matches!(atom, Atom::Unknown { .. }) {
                Atom::Unknown { splits: false }
            } else {
                atom.clone()
            });
        }
        self
    }

    /// The same word, of which no part makes more words.
    #[must_use]
    pub fn joined(mut self) -> Self {
        for atom in &mut self.atoms {
            if let Atom::Unknown { splits } = atom {
                *splits = false;
            }
        }
        self
    }

    /// The word without this text at its end; none where it does not end so.
    pub(crate) fn without_end(&self, end: &str) -> Option<Self> {
        let mut word = self.clone();
        let Some(Atom::Text(text)) = word.atoms.last_mut() else { return None };
        *text = text.strip_suffix(end)?.to_owned();
        if text.is_empty() && word.atoms.len() > 1 {
            word.atoms.pop();
        }
        Some(word)
    }

    /// Whether some of it is known.
    pub fn has_text(&self) -> bool {
        self.atoms.iter().any(|atom| matches!(atom, Atom::Text(text) if !text.is_empty()) || matches!(atom, Atom::Home))
    }

    /// A file that is not known in the folder of this path.
    pub fn child(&self) -> Self {
        let mut word = self.clone();
        let ends_in_slash = matches!(word.atoms.last(), Some(Atom::Text(text)) if text.ends_with('/'));
        word.push_text(if ends_in_slash { "" } else { "/" });
        word.push(Atom::Unknown { splits: false });
        word
    }

    /// Adds text at the end; what stands for bytes that are no text, or for a gap, is not known.
    pub fn push_text(&mut self, text: &str) {
        let mut rest = text;
        while let Some((known, more)) = rest.split_once(is_undecoded) {
            self.push_known(known);
            let splits = rest.get(known.len()..).is_some_and(|gap| gap.starts_with(GAP));
            self.atoms.push(Atom::Unknown { splits });
            rest = more;
        }
        self.push_known(rest);
    }

    fn push_known(&mut self, text: &str) {
        if let Some(Atom::Text(last)) = self.atoms.last_mut() {
            last.push_str(text);
        } else if !text.is_empty() {
            self.atoms.push(Atom::Text(text.to_owned()));
        }
    }

    /// Adds a part at the end.
    pub fn push(&mut self, atom: Atom) {
        if let Atom::Text(text) = &atom { self.push_text(text) } else { self.atoms.push(atom) }
    }

    /// The same word with all occurrences of `mark` unknown.
    pub(crate) fn with_gaps_at(&self, mark: &str) -> Self {
        let mut word = Self::default();
        for atom in &self.atoms {
            let Atom::Text(text) = atom else {
                word.push(atom.clone());
                continue;
            };
            for (index, part) in text.split(mark).enumerate() {
                if index > 0 {
                    word.push(Atom::Unknown { splits: false });
                }
                word.push_text(part);
            }
        }
        word
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known();
        if known.is_some_and(|text| {
            text.is_empty()
                || text.contains(|c: char| c.is_whitespace() || c.is_control() || "'\"\\$`;&|<>(){}*?".contains(c))
        }) {
            return write!(f, "{:?}", known.unwrap_or_default());
        }
        for atom in &self.atoms {
            match atom {
                Atom::Glob => f.write_str("*")?,
                Atom::Home => f.write_str("~")?,
                Atom::Text(text) => f.write_str(text)?,
                Atom::Name | Atom::Unknown { .. } => f.write_str("…")?,
            }
        }
        Ok(())
    }
}

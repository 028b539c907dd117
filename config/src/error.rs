//! [`ConfigError`]: what is wrong in a file, where, and what was expected.
//!
//! A file is read to its end before anything is reported, so that one run of
//! `bastion check` shows everything there is to repair.

use std::{fmt, path::PathBuf};

/// A place in a text file; both numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Location {
    /// The line, or 0 for the file as a whole.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// A value and the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Location,
}

/// One thing that is wrong in a settings or rules file.
///
/// Displays as `FILE:LINE:COLUMN: KEY: PROBLEM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named to us.
    pub file: String,
    /// The place in the file.
    pub at: Location,
    /// The path of the key, such as `targets[1].address`; empty for the document itself.
    pub key: String,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a key or its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The key stands twice in the same mapping.
    #[error("this key was already given on line {first_line}")]
    DuplicateKey {
        /// Where it stands first.
        first_line: u32,
    },
    /// A required key is not there, or has no value.
    #[error("missing; expected {expected}")]
    Missing {
        /// What belongs there.
        expected: String,
    },
    /// The value is well formed but cannot be used; the text says what to do.
    #[error("{0}")]
    Refused(String),
    /// The text is not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// The value is not of the expected form.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What belongs there, with an example.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// There is no such setting.
    #[error("unknown key; {hint}")]
    UnknownKey {
        /// A similar key, or all the known ones.
        hint: String,
    },
    /// A file that the settings name cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    UnreadableFile {
        /// The file's path.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
}

/// Everything that is wrong, by file and then by line; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors of one file, in the order of its lines.
    pub(crate) fn of_file(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by_key(|error| error.at);
        Self(errors)
    }

    /// Appends the errors of another file.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The errors, by file and then by line.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

// === impl Location ===

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

// === impl ConfigError ===

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.at.line > 0 {
            write!(f, ":{}", self.at)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}

// === impl ConfigErrors ===

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

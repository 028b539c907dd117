//! Reads typed values out of a YAML tree and collects what is wrong with it.
//!
//! A reader is a function from a [`Field`] to a value. One that fails has
//! reported why, and returns the proof of that ([`Reported`]); its caller goes on
//! with the next key and gives up only when it has read them all. So in a struct
//! literal the fields with `?` come after those that still read something.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{
    error::{ConfigError, ConfigErrors, Located, Location, Problem},
    suggestion,
    yaml::{self, Entry, Node, Value},
};

/// What a reader returns.
pub(crate) type Read<T> = Result<T, Reported>;

/// The proof that an error was reported. Only this module makes one.
#[derive(Debug)]
pub(crate) struct Reported(());

/// Reads the document `text` with `read`; relative paths in it start at `base_dir`.
pub(crate) fn document<T>(
    text: &str,
    base_dir: &Path,
    file: &str,
    read: impl FnOnce(&Field<'_>) -> Read<T>,
) -> Result<T, ConfigErrors> {
    let report = Report {
        file: file.to_owned(),
        base_dir: base_dir.to_owned(),
        errors: RefCell::default(),
        #[cfg(test)]
        keys: RefCell::default(),
    };
    let value = match yaml::parse(text) {
        Ok(root) => read(&Field { report: &report, value: &root.value, at: root.at, path: String::new() }),
        Err((message, at)) => Err(report.push(at, "", Problem::Syntax(message))),
    };
    #[cfg(test)]
    tests::KEYS.with_borrow_mut(|keys| keys.append(&mut report.keys.borrow_mut()));
    let errors = report.errors.into_inner();
    match value {
        Ok(value) if errors.is_empty() => Ok(value),
        Ok(_) | Err(Reported(())) => Err(ConfigErrors::of_file(errors)),
    }
}

/// The error for a file that could not be read at all.
pub(crate) fn unreadable_document(path: &Path, error: &std::io::Error) -> ConfigErrors {
    ConfigErrors::of_file(vec![ConfigError {
        file: path.display().to_string(),
        at: Location::default(),
        key: String::new(),
        problem: Problem::UnreadableFile { path: path.to_owned(), reason: error.to_string() },
    }])
}

/// What is known about the file that is being read.
struct Report {
    file: String,
    base_dir: PathBuf,
    errors: RefCell<Vec<ConfigError>>,
    /// Every key that was looked for, and whether it was there.
    #[cfg(test)]
    keys: RefCell<Vec<(String, bool)>>,
}

impl Report {
    fn push(&self, at: Location, key: &str, problem: Problem) -> Reported {
        let error = ConfigError { file: self.file.clone(), at, key: key.to_owned(), problem };
        self.errors.borrow_mut().push(error);
        Reported(())
    }
}

/// A place in the document: a value, or the absence of one, and the path to it.
pub(crate) struct Field<'a> {
    report: &'a Report,
    value: &'a Value,
    at: Location,
    path: String,
}

impl<'a> Field<'a> {
    /// Where the value stands.
    pub(crate) fn at(&self) -> Location {
        self.at
    }

    /// The value.
    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    /// Whether there is no value: no key, or nothing after it.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.value, Value::Absent | Value::Null)
    }

    /// Whether the value is a mapping.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, Value::Table(_))
    }

    /// Whether the value is a mapping with this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        matches!(self.value, Value::Table(entries) if entries.iter().any(|entry| entry.key == key))
    }

    /// The name of the file that is being read.
    pub(crate) fn file(&self) -> &'a str {
        &self.report.file
    }

    /// `path` as seen from the folder of the file that is being read.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        self.report.base_dir.join(path)
    }

    /// Reports that the value is not what was expected.
    pub(crate) fn expected(&self, expected: &str) -> Reported {
        let expected = expected.to_owned();
        self.report(match describe(self.value) {
            None => Problem::Missing { expected },
            Some(found) => Problem::Unexpected { expected, found },
        })
    }

    /// Reports that the value cannot be used.
    pub(crate) fn refused(&self, why: impl Into<String>) -> Reported {
        self.report(Problem::Refused(why.into()))
    }

    /// Reports a problem at the value.
    pub(crate) fn report(&self, problem: Problem) -> Reported {
        self.report.push(self.at, &self.path, problem)
    }

    /// The value as text.
    pub(crate) fn text(&self, expected: &str) -> Read<&'a str> {
        match self.value {
            Value::Text(text) => Ok(text),
            Value::Boolean(_) | Value::Fraction(_) | Value::Integer(_) => {
                Err(self.expected(&format!("{expected} (in quotes)")))
            }
            Value::Absent | Value::List(_) | Value::Null | Value::Table(_) => Err(self.expected(expected)),
        }
    }

    /// The value as text of the form that `parse` accepts.
    pub(crate) fn parse<T>(&self, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Read<T> {
        parse(self.text(expected)?).ok_or_else(|| self.expected(expected))
    }

    /// The value as one of the shared names.
    pub(crate) fn name<N: FromStr<Err = crate::NameError>>(&self, expected: &str) -> Read<N> {
        self.text(expected)?.parse().map_err(|error: crate::NameError| self.refused(error.to_string()))
    }

    /// The value as `true` or `false`.
    pub(crate) fn boolean(&self) -> Read<bool> {
        let Value::Boolean(value) = self.value else {
            return Err(self.expected("true or false"));
        };
        Ok(*value)
    }

    /// The value as a number from `1` to `max`.
    pub(crate) fn count(&self, max: usize) -> Read<usize> {
        let number = if let Value::Integer(value) = self.value { usize::try_from(*value).ok() } else { None };
        number
            .filter(|count| (1..=max).contains(count))
            .ok_or_else(|| self.expected(&format!("a number from 1 to {max}")))
    }

    /// The value as one of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Read<T> {
        let words = choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or ");
        self.parse(&words, |text| choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value))
    }

    /// The value as a list; all the items are read, whatever is wrong with some.
    pub(crate) fn list<T>(&self, expected: &str, read: impl Fn(&Self) -> Read<T>) -> Read<Vec<T>> {
        let Value::List(items) = self.value else {
            return Err(self.expected(expected));
        };
        let read_item = |(index, node): (usize, &'a Node)| {
            let path = format!("{}[{index}]", self.path);
            read(&Field { report: self.report, value: &node.value, at: node.at, path })
        };
        items.iter().enumerate().map(read_item).collect::<Vec<_>>().into_iter().collect()
    }

    /// The value as a mapping with keys of the operator's choice; all are read.
    pub(crate) fn entries<T>(
        &self,
        expected: &str,
        read: impl Fn(&Located<&'a str>, &Self) -> Read<T>,
    ) -> Read<Vec<T>> {
        let Value::Table(entries) = self.value else {
            return Err(self.expected(expected));
        };
        let duplicates = self.check_duplicates(entries);
        let read_entry = |entry: &'a Entry| {
            let key = Located { value: entry.key.as_str(), at: entry.at };
            let path = self.path_of(&entry.key);
            read(&key, &Field { report: self.report, value: &entry.value.value, at: entry.value.at, path })
        };
        let values = entries.iter().map(read_entry).collect::<Vec<_>>().into_iter().collect();
        duplicates.and(values)
    }

    /// The value as a mapping with known keys: those that `read` asks for. A
    /// section that is absent reads as an empty one.
    pub(crate) fn table<T>(&self, expected: &str, read: impl FnOnce(&Table<'_, 'a>) -> Read<T>) -> Read<T> {
        let entries: &[Entry] = match self.value {
            Value::Table(entries) => entries,
            Value::Absent | Value::Null => &[],
            Value::Boolean(_) | Value::Fraction(_) | Value::Integer(_) | Value::List(_) | Value::Text(_) => {
                return Err(self.expected(expected));
            }
        };
        let duplicates = self.check_duplicates(entries);
        let table = Table { field: self, entries, known: RefCell::default() };
        let value = read(&table);
        let unknown = table.check_unknown();
        duplicates.and(unknown).and(value)
    }

    fn check_duplicates(&self, entries: &[Entry]) -> Read<()> {
        let mut result = Ok(());
        for (index, entry) in entries.iter().enumerate() {
            if let Some(first) = entries.iter().take(index).find(|other| other.key == entry.key) {
                let problem = Problem::DuplicateKey { first_line: first.at.line };
                result = Err(self.report.push(entry.at, &self.path_of(&entry.key), problem));
            }
        }
        result
    }

    fn path_of(&self, key: &str) -> String {
        // A key is the operator's text: shown as it is only where that cannot mislead.
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c));
        let key = if plain { key.to_owned() } else { format!("{key:?}") };
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }
}

/// A mapping whose keys are asked for one by one.
pub(crate) struct Table<'t, 'a> {
    field: &'t Field<'a>,
    entries: &'a [Entry],
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'_, 'a> {
    /// Reads the value of a key that must be there, or a section.
    pub(crate) fn required<T>(&self, key: &'static str, read: impl FnOnce(&Field<'a>) -> Read<T>) -> Read<T> {
        read(&self.field(key))
    }

    /// Reads the value of a key if it is there.
    pub(crate) fn present<T>(&self, key: &'static str, read: impl FnOnce(&Field<'a>) -> Read<T>) -> Option<Read<T>> {
        let field = self.field(key);
        (!field.is_missing()).then(|| read(&field))
    }

    /// Reads the value of a key; nothing if it is not there or wrong.
    pub(crate) fn optional<T>(&self, key: &'static str, read: impl FnOnce(&Field<'a>) -> Read<T>) -> Option<T> {
        self.present(key, read)?.ok()
    }

    /// Reads the value of a key, or takes its default.
    pub(crate) fn or<T>(&self, key: &'static str, default: T, read: impl FnOnce(&Field<'a>) -> Read<T>) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The value of a key, or its absence at the place of the mapping.
    pub(crate) fn field(&self, key: &'static str) -> Field<'a> {
        let parent = self.field;
        self.known.borrow_mut().push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key);
        let (value, at) = entry.map_or((&ABSENT, parent.at), |entry| (&entry.value.value, entry.value.at));
        let path = parent.path_of(key);
        #[cfg(test)]
        parent.report.keys.borrow_mut().push((path.clone(), entry.is_some()));
        Field { report: parent.report, value, at, path }
    }

    fn check_unknown(&self) -> Read<()> {
        let known = self.known.borrow();
        let mut result = Ok(());
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let hint = match suggestion::nearest(&entry.key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            let path = self.field.path_of(&entry.key);
            result = Err(self.field.report.push(entry.at, &path, Problem::UnknownKey { hint }));
        }
        result
    }
}

static ABSENT: Value = Value::Absent;

/// The longest text that an error message repeats, in characters.
const MAX_SHOWN_CHARS: usize = 60;

/// A value in the words of an error message; nothing if it is not there.
fn describe(value: &Value) -> Option<String> {
    Some(match value {
        Value::Absent => return None,
        Value::Boolean(value) => format!("the boolean {value}"),
        Value::Fraction(value) => format!("the number {value}"),
        Value::Integer(value) => format!("the number {value}"),
        Value::List(_) => "a list".to_owned(),
        Value::Null => "nothing".to_owned(),
        Value::Table(_) => "a mapping".to_owned(),
        Value::Text(text) if text.chars().count() > MAX_SHOWN_CHARS => {
            format!("{:?}…", text.chars().take(MAX_SHOWN_CHARS).collect::<String>())
        }
        Value::Text(text) => format!("{text:?}"),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    thread_local! {
        /// The keys that the readers of this test asked for, and whether they were there.
        pub(crate) static KEYS: RefCell<Vec<(String, bool)>> = const { RefCell::new(Vec::new()) };
    }
}

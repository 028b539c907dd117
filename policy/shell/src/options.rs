//! Reads the options in front of what a wrapper runs, by the table of that wrapper.
//!
//! Guessing whether an option takes a value misreads `sudo -u root env`; so an option that is
//! not in the table is an error, and the command is opaque.

use super::Word;

/// The options of a program.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    /// Letters without a value.
    pub(super) flags: &'static str,
    /// Letters with a value, attached or in the next argument.
    pub(super) values: &'static str,
    /// Words without a value, or with one after `=` only.
    pub(super) long_flags: &'static [&'static str],
    /// Words with a value.
    pub(super) long_values: &'static [&'static str],
}

/// What stands in front of the operands.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The options, in order, each with its value.
    pub(super) options: Vec<(String, Option<Word>)>,
    /// The operands.
    pub(super) operands: Vec<Word>,
}

impl Found {
    /// Whether one of the options was given.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The value of the last of the options.
    pub(super) fn value(&self, names: &[&str]) -> Option<&Word> {
        self.options.iter().rev().find(|(name, _)| names.contains(&name.as_str()))?.1.as_ref()
    }
}

impl Options {
    /// Reads the options, and where one of them cannot be read, those before the first word of
    /// which nothing is known. The error says that there was such a one.
    pub(super) fn read_as_far_as_known(&self, arguments: &[Word]) -> (Option<Found>, Result<(), String>) {
        match self.read(arguments) {
            Ok(found) => (Some(found), Ok(())),
            Err(why) => {
                let is_gap = |word: &Word| word.known().is_none() && word.start().is_empty();
                let end = arguments.iter().position(is_gap);
                let found = end.and_then(|end| self.read(arguments.get(..end).unwrap_or_default()).ok());
                (found, Err(why))
            }
        }
    }

    /// Reads the options up to the first operand.
    pub(super) fn read(&self, arguments: &[Word]) -> Result<Found, String> {
        let mut found = Found::default();
        let mut rest = arguments;
        while let Some((argument, after)) = rest.split_first() {
            let Some(text) = argument.known() else {
                let is_operand = !argument.start().is_empty() && !argument.start().starts_with('-');
                if is_operand || argument.is_glob() {
                    break;
                }
                // `-F"$x"`: a letter whose value is attached.
                let letter = argument.start().strip_prefix('-').and_then(|letters| letters.chars().next());
                if let Some(letter) = letter.filter(|letter| self.values.contains(*letter) && !argument.splits()) {
                    found.options.push((letter.to_string(), Some(argument.without_start(1 + letter.len_utf8()))));
                    rest = after;
                    continue;
                }
                // `--name=…` with a known name.
                let Some((name, _)) = argument.start().strip_prefix("--").and_then(|text| text.split_once('=')) else {
                    return Err("an option is not known before it runs".to_owned());
                };
                let name = self.long(name).ok_or_else(|| unknown(name))?;
                found.options.push((name.to_owned(), Some(Word::unknown(false))));
                rest = after;
                continue;
            };
            if text == "--" {
                rest = after;
                break;
            }
            if let Some(long) = text.strip_prefix("--") {
                let (name, value) =
                    long.split_once('=').map_or((long, None), |(name, value)| (name, Some(Word::of(value))));
                let name = self.long(name).ok_or_else(|| unknown(text))?;
                rest = after;
                let value = match value {
                    None if self.long_values.contains(&name) => {
                        let (value, after) = rest.split_first().ok_or_else(|| unknown(text))?;
                        rest = after;
                        Some(value.clone())
                    }
                    value => value,
                };
                found.options.push((name.to_owned(), value));
            } else if let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                rest = self.read_letters(letters, after, &mut found)?;
            } else {
                break;
            }
        }
        found.operands = rest.to_vec();
        Ok(found)
    }

    fn read_letters<'w>(&self, letters: &str, mut rest: &'w [Word], found: &mut Found) -> Result<&'w [Word], String> {
        for (index, letter) in letters.char_indices() {
            let name = letter.to_string();
            if self.values.contains(letter) {
                let attached = letters.get(index + letter.len_utf8()..).unwrap_or_default();
                let value = if attached.is_empty() {
                    let (value, after) = rest.split_first().ok_or_else(|| unknown(letters))?;
                    rest = after;
                    value.clone()
                } else {
                    Word::of(attached)
                };
                if value.splits() {
                    return Err("an option is not known before it runs".to_owned());
                }
                found.options.push((name, Some(value)));
                return Ok(rest);
            }
            if !self.flags.contains(letter) {
                return Err(unknown(letters));
            }
            found.options.push((name, None));
        }
        Ok(rest)
    }

    /// The option that `word` names in full or by an unambiguous beginning.
    fn long(&self, word: &str) -> Option<&'static str> {
        let all = || self.long_flags.iter().chain(self.long_values).copied();
        if let Some(name) = all().chain(["help", "version"]).find(|name| *name == word) {
            return Some(name);
        }
        let mut fitting = all().filter(|name| name.starts_with(word));
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

fn unknown(option: &str) -> String {
    format!("the option {option:?} of a program that runs another is not known")
}

//! [`Flags`]: options of a command in any spelling and order.
//!
//! `-rf`, `-r -f`, `-fr`, `--recursive --force`, `--recurs`, and `rm x -rf`: getopt of GNU takes
//! them all. After `--` nothing is an option.

use config::rules::RuleEffect;
use shell::{Atom, Word};

use super::Match;

/// The options that a rule asks for. Each item lists the names of one option.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    pub(crate) all: Vec<Vec<String>>,
    pub(crate) any: Vec<Vec<String>>,
    pub(crate) none: Vec<Vec<String>>,
    pub(crate) takes_value: Vec<String>,
}

impl Flags {
    /// How surely the options are there.
    pub(super) fn matches(&self, arguments: &[Word], effect: RuleEffect) -> Match {
        let all = self.all.iter().map(|names| self.state(arguments, names)).min().unwrap_or(Match::Yes);
        let any = self.any.iter().map(|names| self.state(arguments, names)).max().unwrap_or(Match::Yes);
        let none = self.none.iter().map(|names| self.state(arguments, names)).max().unwrap_or(Match::No);
        // An exception must be sure where it makes a rule milder.
        let excepted = none == Match::Yes || (none == Match::Maybe && effect == RuleEffect::Allow);
        if excepted { Match::No } else { all.min(any) }
    }

    fn state(&self, arguments: &[Word], names: &[String]) -> Match {
        let mut state = Match::No;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument.known() == Some("--") {
                break;
            }
            let (found, takes_next) = self.argument(argument, names);
            state = state.max(found);
            if takes_next {
                arguments.next();
            }
        }
        state
    }

    /// Whether `argument` gives the option, and whether the next one is its value.
    fn argument(&self, argument: &Word, names: &[String]) -> (Match, bool) {
        let text = argument.start();
        let is_known = argument.known().is_some();
        let unsure = if !is_known && may_be_option(argument) { Match::Maybe } else { Match::No };
        if let Some(long) = text.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or(long);
            let is_named = |option: &String| option.chars().count() > 1 && option.starts_with(name) && !name.is_empty();
            let takes_next = !long.contains('=') && self.takes_value.iter().any(|option| option == name);
            return (Match::of(names.iter().any(is_named)).max(unsure), takes_next);
        }
        let Some(letters) = text.strip_prefix('-') else { return (unsure, false) };
        // Some programs have words after a single dash.
        let word = letters.split('=').next().unwrap_or(letters);
        if word.chars().count() > 1 && names.iter().any(|option| option == word) {
            return (Match::Yes, false);
        }
        for (at, letter) in letters.char_indices() {
            let letter = letter.encode_utf8(&mut [0; 4]).to_owned();
            if names.contains(&letter) {
                return (Match::Yes, false);
            }
            if self.takes_value.contains(&letter) {
                return (unsure, is_known && at + letter.len() == letters.len());
            }
        }
        (unsure, self.takes_value.iter().any(|option| option.as_str() == word))
    }

    /// The arguments that may be the first operand: an option that is not known to take none
    /// may have taken the one after it.
    pub(super) fn first_operands<'w>(&self, arguments: &'w [Word]) -> Vec<&'w Word> {
        let mut candidates = Vec::new();
        let mut rest = arguments.iter();
        let mut after_option = false;
        while let Some(argument) = rest.next() {
            let text = argument.start();
            if argument.known() == Some("--") {
                candidates.extend(rest.next());
                break;
            }
            if text.starts_with('-') && text.len() > 1 {
                let (_, takes_next) = self.argument(argument, &[]);
                if takes_next {
                    rest.next();
                }
                after_option = !takes_next && !text.contains('=');
                continue;
            }
            candidates.push(argument);
            if !after_option && !argument.splits() {
                break;
            }
            after_option = argument.splits();
        }
        candidates
    }
}

/// Whether a word with gaps may turn out to be an option.
fn may_be_option(word: &Word) -> bool {
    if word.splits() {
        return true;
    }
    match word.atoms().first() {
        None | Some(Atom::Home | Atom::Name) => false,
        Some(Atom::Text(text)) if !text.is_empty() => text.starts_with('-'),
        // A file that is called like an option, or a value that is one.
        Some(Atom::Glob | Atom::Text(_) | Atom::Unknown { .. }) => word.atoms().iter().all(|atom| match atom {
            Atom::Text(text) => text.chars().all(|c| c.is_ascii_alphanumeric() || "-_=".contains(c)),
            Atom::Glob | Atom::Home | Atom::Name | Atom::Unknown { .. } => true,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(all: &[&[&str]], arguments: &[&str]) -> bool {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let flags = Flags {
            all: all.iter().map(|list| names(list)).collect(),
            takes_value: vec!["o".to_owned(), "output".to_owned()],
            ..Flags::default()
        };
        let words: Vec<Word> = arguments.iter().map(|text| Word::of(*text)).collect();
        flags.matches(&words, RuleEffect::Block) == Match::Yes
    }

    #[test]
    fn every_spelling_of_an_option_is_the_same() {
        let rm: [&[&str]; 2] = [&["r", "R", "recursive"], &["f", "force"]];
        for spelling in [
            "-rf x",
            "-fr x",
            "-r -f x",
            "-f -r x",
            "-Rf x",
            "-fR x",
            "--recursive --force x",
            "--force --recursive x",
            "--recurs --forc x",
            "--r --f x",
            "-r --force x",
            "-vrf x",
            "-rvf x",
            "x -rf",
            "x -r y -f",
            "-f x -R",
            "--rec -f -- x",
            "-rf -- x",
            "-v -r -i -f x",
            "-dfr x",
        ] {
            assert!(state(&rm, &spelling.split(' ').collect::<Vec<_>>()), "{spelling}");
        }
        for other in ["-r x", "-f x", "-- -rf", "-f -- -r", "x", "--recursive x", "--forceful -r x", "-v x"] {
            assert!(!state(&rm, &other.split(' ').collect::<Vec<_>>()), "{other}");
        }
    }

    #[test]
    fn the_value_of_an_option_is_no_option() {
        let flag: [&[&str]; 1] = [&["f", "force"]];
        assert!(!state(&flag, &["-ofile"]));
        assert!(!state(&flag, &["-o", "-f"]));
        assert!(!state(&flag, &["--output", "-f"]));
        assert!(state(&flag, &["--output=x", "-f"]));
        assert!(state(&flag, &["-o", "x", "-f"]));
        assert!(state(&[&["auto-approve"]], &["-auto-approve"]));
    }
}

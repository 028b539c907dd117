//! Arithmetic and subscripts: in bash, zsh and ksh they run the code in what they evaluate, even where it is quoted, or
//! where it is the value of a variable (`read v <<< 'a[$(rm x)]'; echo $((v))`).
//!
//! The text of an expression is known, so the code in it is followed. Of a variable it is decided by where the value
//! comes from:
//!
//! - `read`, `mapfile` and the like take it from their input. Where that is known, the code in it is followed where the
//!   variable is evaluated; else it is opaque there. Not so where the input is what a program prints that prints numbers
//!   (`wc -l * | while read n f; do …`), or the terminal, whose lines are judged themselves.
//! - `n=$(cat)` where that reads what the session sends is the same.
//! - Any other `n=$(PROGRAM)` is taken for a number: who computes with it wants one, and `n=$(wc -l < f); echo $((n+1))`
//!   is what people write all day. A program that prints code there is one that somebody has prepared.
//! - An assignment of text with code in it is noted where it stands.
//!
//! dash, ash and fish evaluate numbers and names only: nothing runs there.

use std::{collections::BTreeMap, sync::Arc};

use brush_parser::ast;

use super::{Stdin, Walker, has_code};
use crate::{Shell, Word, base_name};

/// The variables that somebody may have put code into, with the text that they were read from if it is known.
pub(super) type Taken = BTreeMap<String, Option<Arc<str>>>;

impl Walker<'_> {
    /// Whether the shell runs code in what it evaluates.
    fn evaluates_code(&self) -> bool {
        !matches!(self.shell, Shell::Ash | Shell::Dash | Shell::Fish)
    }

    /// An expression that is evaluated.
    pub(super) fn evaluated(&mut self, expression: &str) {
        self.inner(expression);
        self.evaluates_names(expression, false);
    }

    /// Looks for variables in an expression, or only for those that are put into it where `expanded`.
    pub(super) fn evaluates_names(&mut self, expression: &str, expanded: bool) {
        if self.taken.is_empty() || !self.evaluates_code() {
            return;
        }
        let values: Vec<Option<Arc<str>>> = names(expression)
            .filter(|(is_expanded, _)| *is_expanded || !expanded)
            .filter_map(|(_, name)| self.taken.get(name).cloned())
            .collect();
        for value in values {
            match value {
                Some(text) if has_code(&text) => self.inner(&text),
                Some(_) => {}
                None => self.opaque("a value that was read is evaluated as arithmetic, which runs the code in it"),
            }
        }
    }

    /// Whether a variable that holds what was read is put into a word.
    pub(super) fn has_taken(&self, raw: &str) -> bool {
        names(raw).any(|(is_expanded, name)| is_expanded && self.taken.contains_key(name))
    }

    /// The builtins that evaluate their arguments, of which `raw` is as they are written.
    pub(super) fn evaluating_builtin(&mut self, argv: &[Word], raw: &[&ast::Word]) {
        if !self.evaluates_code() {
            return;
        }
        let Some((program, arguments)) = builtin(argv) else { return };
        if program.known() == Some("set") {
            let taken =
                raw.iter().flat_map(|word| names(&word.value)).find_map(|(_, name)| self.taken.get(name)).cloned();
            self.taken.extend(taken.iter().flat_map(|value| POSITIONAL.map(|name| (name.to_owned(), value.clone()))));
            return;
        }
        let has = |option: &str| arguments.iter().any(|word| word.known() == Some(option));
        let has_letter = |letter: char| {
            arguments.iter().any(|word| {
                word.start().starts_with(['-', '+']) && !word.start().starts_with("--") && word.start().contains(letter)
            })
        };
        let evaluates = match program.known().map(base_name) {
            Some("let" | "unset" | "read" | "readarray" | "mapfile" | "getopts" | "integer" | "float") => true,
            Some("declare" | "export" | "local" | "readonly" | "typeset") => true,
            Some("printf") => arguments.iter().any(|word| word.start().starts_with("-v")),
            Some("test" | "[") => has("-v") || has("-R"),
            Some("wait") => has_letter('p'),
            // zsh: as a prompt.
            Some("print") => has_letter('P'),
            _ => false,
        };
        if !evaluates {
            return;
        }
        let only_name = program.known() == Some("printf");
        for word in arguments.iter().take(if only_name { 2 } else { usize::MAX }) {
            // What is put into a text that is not known is followed on its own.
            if let Some(text) = word.known().filter(|text| has_code(text)) {
                self.inner(text);
            }
        }
        let takes_names = program.known() == Some("let");
        let declares = matches!(program.known(), Some("declare" | "local" | "typeset"));
        let takes_value = !declares || has_letter('i') || has_letter('n');
        let is_data = matches!(program.known(), Some("export" | "readonly"));
        for word in raw.iter().filter(|_| !is_data) {
            let name = word.value.split('=').next().unwrap_or_default();
            self.evaluates_names(if takes_value { &word.value } else { name }, !takes_names);
        }
    }

    /// `read NAMES…`: where their values come from.
    pub(super) fn takes_values(&mut self, argv: &[Word]) {
        let Some((program, arguments)) = builtin(argv) else { return };
        if !matches!(program.known(), Some("read" | "mapfile" | "readarray")) {
            return;
        }
        let value = match &self.stdin {
            _ if self.input_is_numbers => return,
            Stdin::Session if self.cx.interactive => return,
            Stdin::Text(text) if !has_code(text) => return,
            Stdin::Text(text) => Some(text.clone()),
            Stdin::Made | Stdin::Session | Stdin::Unknown => None,
        };
        let given = arguments.iter().filter_map(Word::known).filter(|word| is_name(word)).map(str::to_owned);
        let default = ["REPLY", "MAPFILE", "reply"].map(str::to_owned);
        self.taken.extend(given.chain(default).map(|name| (name, value.clone())));
    }

    /// A variable gets the value `raw`; `captures` where what the session sends is in it.
    pub(super) fn takes_value(&mut self, name: &str, raw: &str, captures: bool) {
        let mut value = None;
        if captures {
            value = Some(self.flow.sent());
        }
        if !self.taken.is_empty() {
            let taken = names(raw).filter(|(is_expanded, _)| *is_expanded).find_map(|(_, name)| self.taken.get(name));
            value = value.or(taken.cloned());
        }
        if let Some(value) = value {
            self.taken.insert(name.to_owned(), value);
        }
    }
}

/// The builtin that runs, and its arguments.
fn builtin(argv: &[Word]) -> Option<(&Word, &[Word])> {
    let is_prefix = |word: &&Word| matches!(word.known(), Some("builtin" | "command" | "noglob" | "--"));
    argv.get(argv.iter().take_while(is_prefix).count()..)?.split_first()
}

/// Whether the last program of a list prints numbers.
pub(super) fn list_prints_numbers(list: &ast::CompoundList, scan: &dyn Fn(&str) -> Word) -> bool {
    let last = list.0.last().map(|ast::CompoundListItem(and_or, _)| and_or);
    let is_one = list.0.len() == 1 && last.is_some_and(|and_or| and_or.additional.is_empty());
    let command = last.and_then(|and_or| and_or.first.seq.last());
    is_one && command.is_some_and(|command| prints_numbers(command, scan))
}

/// Whether a program prints numbers, and names at most behind them.
pub(super) fn prints_numbers(command: &ast::Command, scan: &dyn Fn(&str) -> Word) -> bool {
    const PROGRAMS: [&str; 14] =
        ["cksum", "date", "df", "du", "expr", "free", "id", "nproc", "ps", "seq", "stat", "uniq", "wc", "who"];
    let ast::Command::Simple(simple) = command else { return false };
    let Some(name) = &simple.word_or_name else { return false };
    let words: Vec<Word> = simple
        .suffix
        .iter()
        .flat_map(|suffix| &suffix.0)
        .filter_map(|item| match item {
            ast::CommandPrefixOrSuffixItem::Word(word) => Some(scan(&word.value)),
            ast::CommandPrefixOrSuffixItem::AssignmentWord(..)
            | ast::CommandPrefixOrSuffixItem::IoRedirect(_)
            | ast::CommandPrefixOrSuffixItem::ProcessSubstitution(..) => None,
        })
        .collect();
    let counts = |option: &str| words.iter().any(|word| word.known() == Some(option));
    match scan(&name.value).known().map(base_name) {
        Some("grep" | "egrep" | "fgrep") => counts("-c"),
        Some(name) => PROGRAMS.contains(&name),
        None => false,
    }
}

/// The names in an expression, each with whether a `$` or `${` stands before it.
fn names(expression: &str) -> impl Iterator<Item = (bool, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + expression.get(rest..)?.find(is_part)?;
        let tail = expression.get(start..)?;
        let end = start + tail.find(|c| !is_part(c)).unwrap_or(tail.len());
        rest = end;
        let before = expression.get(..start)?.trim_end_matches(['!', '#']);
        Some((before.ends_with(['$', '{']), expression.get(start..end)?))
    })
    .filter(|(is_expanded, name)| is_name(name) || (*is_expanded && POSITIONAL.contains(name)))
}

/// `$1` … as `set -- WORDS` sets them.
const POSITIONAL: [&str; 4] = ["1", "2", "3", "4"];

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_') && word.chars().all(|c| c.is_alphanumeric() || c == '_')
}

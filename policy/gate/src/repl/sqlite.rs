//! sqlite3 and DuckDB: statements, and commands behind a dot, which may be cut short.

use super::{Language, Meaning, Place, code::shell, sql};

/// Their language.
pub(super) struct Sqlite;

impl Language for Sqlite {
    fn is_spoken_by(&self, program: &str) -> bool {
        matches!(program, "sqlite3" | "sqlite" | "duckdb" | "litecli" | "sqlcipher")
    }

    fn runs(&self) -> (&'static str, &'static str) {
        ("sqlite3", ":memory:")
    }

    fn place(&self, prompt: &str) -> Option<Place> {
        match prompt {
            "sqlite>" | "D" | "duckdb>" => Some(Place::First),
            // Newer ones show what is open: `(x1...>`, `'...>`.
            "·" | "‣" => Some(Place::Next),
            _ => (prompt.ends_with("...>") && prompt.chars().count() < 12).then_some(Place::Next),
        }
    }

    fn quits(&self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        let word = words.next().unwrap_or_default().trim_end_matches(';');
        word == ".q" || is_short(word, ".quit", 3) || is_short(word, ".exit", 3)
    }

    fn means(&self, statement: &str) -> Vec<Meaning> {
        let mut means = sql::served(statement);
        for line in statement.lines().map(str::trim_start).filter(|line| line.starts_with('.')) {
            means.extend(command(line));
        }
        means
    }
}

/// What a command behind a dot does.
fn command(line: &str) -> Vec<Meaning> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let word = word.to_ascii_lowercase();
    let rest = rest.trim();
    let mut means = Vec::new();
    if is_short(&word, ".shell", 2) || is_short(&word, ".system", 2) {
        means.push(shell(rest));
    }
    let is_any = |names: &[&str]| names.iter().any(|long| is_short(&word, long, 2));
    // Where a file is named, `|` names a program.
    if let Some((before, command)) = rest.split_once('|').filter(|_| is_any(&FILES) || is_any(&[".import", ".read"])) {
        let quote = before.chars().last().filter(|quote| matches!(quote, '"' | '\''));
        let end = quote.and_then(|quote| command.find(quote)).unwrap_or(command.len());
        means.push(shell(command.get(..end).unwrap_or(command)));
    } else if is_any(&FILES) {
        let file = rest.split_whitespace().next_back().unwrap_or_default();
        means.extend((!file.is_empty()).then(|| sql::of_file("tee", file)));
    }
    if is_short(&word, ".read", 3) && !rest.contains('|') {
        means.push(Meaning::Shell(format!("sqlite3 -init {rest}")));
    }
    if is_short(&word, ".load", 2) || is_short(&word, ".extension", 4) {
        means.push(Meaning::Unknown);
    }
    means
}

/// Commands that name a file to be written.
const FILES: [&str; 9] = [".backup", ".clone", ".dump", ".excel", ".log", ".once", ".output", ".save", ".trace"];

/// Whether `word` is the beginning of `long`, of at least so many signs.
fn is_short(word: &str, long: &str, least: usize) -> bool {
    word.len() >= least && long.starts_with(word)
}

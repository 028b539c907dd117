//! [`Repl`]: a language at a prompt of its own, and what a statement of it runs.
//!
//! One [`Language`] for each family, in a file each: how its prompts look, where it ends, and what of a statement is
//! given to a shell, or runs what cannot be known. All else is text of the language, which no rule on commands is
//! about. `code` reads names and strings, for the languages that are programmed in.
//!
//! ```text
//!  statement --Language::means--> Shell(text)   judged as a line of a shell: `\! text`, `!text`, `.once |text`
//!                                 Maybe(text)   only what a rule surely matches: strings, files that are named
//!                                 Unknown       it runs something: os.system(x), eval(x), names that such a line bound
//! ```
//!
//! **Invariant:** who reads is told by the line that started the program; the prompt only confirms it. Where the shell's
//! own prompt looks like the language's, a line is judged as both.

use std::fmt;

mod calculators;
mod clients;
mod code;
mod debuggers;
mod functional;
mod javascript;
mod mysql;
mod psql;
mod python;
mod ruby;
mod scripting;
mod sql;
mod sqlite;
mod statistics;

/// A language at its prompt.
#[derive(Clone, Copy)]
pub struct Repl {
    language: &'static dyn Language,
    /// Whether a shell may read instead, whose prompt looks the same.
    is_shared: bool,
}

/// What a statement does beside its own language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It gives this text to a shell.
    Shell(String),
    /// This text may come to be a command.
    Maybe(String),
    /// It may run anything.
    Unknown,
}

/// Where in a statement a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the first one.
    First,
    /// It goes on with one that was begun.
    Next,
}

/// A family of programs that read a language at a prompt.
pub(crate) trait Language: Sync {
    /// Whether a program of that name speaks it.
    fn is_spoken_by(&self, program: &str) -> bool;

    /// The program and the option with which a statement would run.
    fn runs(&self) -> (&'static str, &'static str);

    /// What a prompt of it asks for; `prompt` has no blanks at its end. None if it is no prompt of it.
    fn place(&self, prompt: &str) -> Option<Place>;

    /// Whether a line ends the program.
    fn quits(&self, line: &str) -> bool;

    /// What a statement does beside its own language.
    fn means(&self, statement: &str) -> Vec<Meaning>;

    /// The names that a statement binds.
    fn binds(&self, _statement: &str) -> Vec<String> {
        Vec::new()
    }

    /// The names of what may run anything that a harmless statement binds: `import subprocess as sp`.
    fn binds_of_modules(&self, _statement: &str) -> Vec<String> {
        Vec::new()
    }

    /// Whether a statement says one of these names.
    fn says(&self, _statement: &str, _names: &[String]) -> bool {
        false
    }
}

/// What was said to a language so far that counts for what is said next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    /// The lines of the statement at hand.
    begun: Vec<String>,
    /// Names that stand for what may run anything.
    bound: Vec<String>,
}

const LANGUAGES: &[&dyn Language] = &[
    &psql::Psql,
    &mysql::Mysql,
    &sqlite::Sqlite,
    &python::Python,
    &javascript::NODE,
    &javascript::MONGO,
    &ruby::Ruby,
    &debuggers::Debugger,
    &scripting::LUA,
    &scripting::PHP,
    &scripting::PERL,
    &statistics::R,
    &statistics::OCTAVE,
    &statistics::JULIA,
    &functional::GHCI,
    &functional::ERLANG,
    &functional::ELIXIR,
    &functional::JAVA,
    &functional::SCALA,
    &functional::CLOJURE,
    &calculators::Calculator,
    &clients::REDIS,
    &clients::CLICKHOUSE,
    &clients::CASSANDRA,
    &clients::SQLCMD,
    &clients::SFTP,
    &clients::LFTP,
    &clients::NSLOOKUP,
    &clients::OPENSSL,
];

/// The language that a program of this name reads at a prompt.
pub(crate) fn of_program(name: &str) -> Option<Repl> {
    let language = LANGUAGES.iter().find(|language| language.is_spoken_by(name))?;
    Some(Repl { language: *language, is_shared: false })
}

impl Repl {
    /// Whether the text left of the cursor looks like its prompt. What does not is read as a shell's line.
    #[must_use]
    pub fn has_prompt(&self, prompt: &str) -> bool {
        self.place(prompt).is_some()
    }

    /// The same where a shell waits that has this prompt.
    pub(crate) fn beside(self, shells_prompt: Option<&str>) -> Self {
        Self { is_shared: shells_prompt.is_some_and(|prompt| self.has_prompt(prompt)), ..self }
    }

    /// Whether a shell may read instead, whose prompt looks the same.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    pub(crate) fn place(&self, prompt: &str) -> Option<Place> {
        self.language.place(prompt.trim_end())
    }

    /// The program and the option with which a statement would run.
    pub(crate) fn runs(&self) -> (&'static str, &'static str) {
        self.language.runs()
    }

    /// Whether a line ends the program: a shell reads what comes next.
    pub(crate) fn quits(&self, line: &str) -> bool {
        self.language.quits(line.trim())
    }

    /// What a statement does beside its own language.
    pub(crate) fn means(&self, statement: &str, session: &Session) -> Vec<Meaning> {
        if statement.len() > MAX_STATEMENT_BYTES {
            return vec![Meaning::Unknown];
        }
        let (mut means, mut bytes) = (Vec::new(), 0);
        for meaning in self.language.means(statement) {
            bytes += match &meaning {
                Meaning::Maybe(text) | Meaning::Shell(text) => text.len(),
                Meaning::Unknown => 0,
            };
            if means.len() == MAX_MEANINGS || bytes > MAX_MEANING_BYTES {
                means.push(Meaning::Unknown);
                break;
            }
            means.push(meaning);
        }
        if self.language.says(statement, &session.bound) {
            means.push(Meaning::Unknown);
        }
        means
    }
}

impl Session {
    /// The statement that a line belongs to, typed at that prompt.
    pub(crate) fn statement(&self, line: &str, repl: Repl, prompt: &str) -> String {
        let begun = if repl.place(prompt) == Some(Place::Next) { self.begun.as_slice() } else { &[] };
        begun.iter().map(String::as_str).chain([line]).collect::<Vec<_>>().join("\n")
    }

    /// A line went on, typed at that prompt.
    pub(crate) fn went_on(&mut self, line: &str, repl: Repl, prompt: &str) {
        let statement = self.statement(line, repl, prompt);
        if repl.place(prompt) == Some(Place::First) {
            self.begun.clear();
        }
        self.begun.push(line.to_owned());
        // Of a statement that is longer than is read the end counts.
        while self.begun.len() > 1 && self.begun.iter().map(|line| line.len() + 1).sum::<usize>() > MAX_BEGUN_BYTES {
            self.begun.remove(0);
        }
        if repl.means(&statement, self).contains(&Meaning::Unknown) {
            for name in repl.language.binds(&statement) {
                if !self.bound.contains(&name) && self.bound.len() < MAX_BOUND {
                    self.bound.push(name);
                }
            }
        } else {
            self.bound.extend(repl.language.binds_of_modules(&statement));
            self.bound.truncate(MAX_BOUND);
        }
    }
}

impl PartialEq for Repl {
    fn eq(&self, other: &Self) -> bool {
        self.runs() == other.runs() && self.is_shared == other.is_shared
    }
}

impl Eq for Repl {}

impl fmt::Debug for Repl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repl").field("runs", &self.runs().0).field("is_shared", &self.is_shared).finish()
    }
}

/// The longest statement that is read.
const MAX_STATEMENT_BYTES: usize = 16 * 1024;

/// How much is kept of the lines of a statement.
const MAX_BEGUN_BYTES: usize = 8 * 1024;

/// As many texts as are judged of one statement.
const MAX_MEANINGS: usize = 32;

/// How much of a statement is judged as commands: one Enter is to be answered within some milliseconds.
const MAX_MEANING_BYTES: usize = 4 * 1024;

/// As many names as are remembered.
const MAX_BOUND: usize = 64;

#[cfg(test)]
mod tests;

//! [`Parsed`]: what a rule looks at: the commands that a text would run, as far as that can be known.
//!
//! A text becomes commands in steps, each in its file:
//! `limits` (what is too long or too deep is not parsed at all) → `dialect` (which shells would read the text
//! otherwise) → `parse` (brush-parser's tree is walked; `fish` has a parser of its own) → `word` (quotes go,
//! substitutions are found) → `unwrap` (what `sudo`, `xargs`, `sh -c` … would run), with `code` (programs of awk, sed …),
//! `git`, `variables` (whose value is run), `languages` (what an interpreter is given), `harmless` and `one_liner` (code of
//! other languages that runs nothing, surely and as far as its words tell), `client` (programs with statements and
//! commands of their own), `settings` (what sets up a shell), `tools` (debuggers and the like), `tamper` (what changes how
//! lines are accepted), `file_access` (what is read and written), and `input` (what the session's standard input is for the programs).
//!
//! **Invariant:** what is not understood ends in [`Parsed::opaque`], never in silence.
//! What this cannot see: aliases and functions that an earlier line defined, what a program that
//! is not in the tables does with its arguments, links, and files whose content changes later.

mod awk;
mod called;
pub mod client;
mod code;
pub mod completeness;
mod dialect;
mod file_access;
mod fish;
mod git;
mod harmless;
mod hooks;
mod input;
mod languages;
mod limits;
mod one_liner;
mod options;
mod parse;
pub mod path;
mod reasons;
mod runners;
mod settings;
mod short_names;
mod smuggled;
mod static_text;
mod tables;
mod tamper;
mod tools;
mod undecoded;
mod unwrap;
mod variables;
mod word;
mod wrappers;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use file_access::{Touched, reads, writes};
pub use input::{Live, LiveReader};
pub use parse::UNREADABLE;
pub use undecoded::decode;
pub use word::Atom;
pub use word::Word;

/// The shell that will read the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shell {
    /// BusyBox ash.
    Ash,
    /// GNU bash.
    Bash,
    /// Debian's dash, and other plain POSIX shells.
    Dash,
    /// fish.
    Fish,
    /// What runs by the name `sh`: bash, dash, ash or their like.
    Sh,
    /// Not known: what any of these would do.
    #[default]
    Unknown,
    /// zsh.
    Zsh,
}

/// What is known about the place where the text will run.
#[derive(Debug, Clone, Default)]
pub struct ParseContext {
    /// The shell.
    pub shell: Shell,
    /// Whether the text is typed at a prompt: history expansion applies, and a program
    /// without input reads from the terminal, where the next lines are judged too.
    pub interactive: bool,
    /// Whether the text is the request that opens the terminal, and not a line that is typed there: no gate has read
    /// anything yet that it could tamper with.
    pub opens: bool,
    /// The current folder there.
    pub folder: Folder,
    /// What lines before it have done.
    pub earlier: Earlier,
}

/// What lines before a text have done that gives its words another meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Names of files that they have written: run now, they are no scripts that stood there.
    pub written: Vec<String>,
    /// Other names that they gave to commands, and the words of these.
    pub aliases: Vec<(String, String)>,
}

impl ParseContext {
    /// A line that is typed at a prompt of which nothing more is known.
    #[must_use]
    pub fn typed() -> Self {
        Self { interactive: true, ..Self::default() }
    }
}

/// What a text would run.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// Everything that runs, or may run, wrappers and what they wrap each on their own.
    pub commands: Vec<Command>,
    /// What may run as well: what an argument of a program that is not known here would be as a command.
    pub guesses: Vec<Command>,
    /// The folder after it.
    pub folder: Folder,
    /// What cannot be known.
    pub opaque: Vec<Opaque>,
    /// What changes how lines are accepted or shown.
    pub tampering: Vec<Tampering>,
    /// The other names that it gives to commands, and the words of these.
    pub aliases: Vec<(String, String)>,
    /// Code in other languages, for rules on text.
    pub code: Vec<String>,
    /// Whether standard input is read as commands: the caller must have it judged before it goes there.
    pub stdin_is_code: bool,
    /// Whether that is so because shells read it, and nothing else does whose commands are not read here.
    pub stdin_is_commands: bool,
    /// Whether a program takes some of it as data.
    pub stdin_is_data: bool,
    /// Interpreters, by their index in `commands`, that read standard input as code of a language that is no shell's.
    pub foreign_code: Vec<usize>,
    /// Programs that may do anything with what the session sends on standard input.
    pub live: Vec<LiveReader>,
    /// Whether standard input is read as statements of another language, which rules on text may be about.
    pub stdin_is_text: bool,
}

/// One simple command after quote removal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<Word>,
    /// The variables that are set for it, or by it where there is no program.
    pub assignments: Vec<(String, Word)>,
    /// Its redirections to files.
    pub redirects: Vec<Redirect>,
    /// The text of its standard input, where that is known.
    pub stdin: Option<Arc<str>>,
    /// Whether its standard input comes from a file or another program, and is not known.
    pub stdin_is_unknown: bool,
    /// Whether that is a file which by its name has statements or data for a client of databases.
    pub stdin_is_named: bool,
    /// Whether no other program gets what it prints.
    pub is_shown: bool,
    /// The folder it runs in.
    pub folder: Folder,
    /// Through how many other programs of the text it is run: `sudo env vim` is three commands, of level 0, 1 and 2.
    pub level: usize,
}

/// A redirection to or from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Whether the file is written (`>`), or else read (`<`). `<>` counts as writing.
    pub writes: bool,
    /// The file.
    pub file: Word,
}

/// Something that cannot be known before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque {
    /// Why, in plain words.
    pub why: String,
    /// The index in [`Parsed::commands`] of the command it is about; none for the whole text.
    pub command: Option<usize>,
    /// Of which kind it is.
    pub kind: OpaqueKind,
}

/// Of which kind what cannot be known is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpaqueKind {
    /// What is data to who means well, and lets in code that is not known: it counts where that is blocked.
    Doubtful,
    /// The text says what runs, by name: a script, a program of one's own, settings. What is in it stands elsewhere.
    Script,
    /// The text itself hides what it runs.
    Hidden,
}

/// Something that changes how lines are accepted or shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampering {
    /// What does it, such as `bind`.
    pub what: String,
}

/// The current folder as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Folder {
    /// This path below one of the folders that the home folder is in, which are `/` and mostly `/home`.
    Above(String),
    /// This path below the home folder, which is where a session starts.
    Home(String),
    /// Somewhere; nothing is known.
    #[default]
    Inherited,
    /// This one.
    Known(String),
    /// The text changes to a folder that it computes.
    Computed,
    /// The one before (`cd -`).
    Previous,
}

/// Parses a line or script.
#[must_use]
pub fn parse(text: &str, cx: &ParseContext) -> Parsed {
    parse_with_stdin(text, None, cx)
}

/// Parses a line or script whose standard input is known.
#[must_use]
pub fn parse_with_stdin(text: &str, stdin: Option<&str>, cx: &ParseContext) -> Parsed {
    parse::text(text, stdin, cx)
}

/// What an argument vector would run that is executed without a shell.
#[must_use]
pub fn argv(words: &[String], stdin: Option<&str>, cx: &ParseContext) -> Parsed {
    parse::argv(words, stdin, cx)
}

/// The values that are known of variables.
pub(crate) type Variables = BTreeMap<String, Word>;

impl Earlier {
    /// A line has gone on that runs this.
    pub fn ran(&mut self, parsed: &Parsed) {
        for name in parsed.written_names() {
            if !self.written.iter().any(|written| written == name) && self.written.len() < MAX_EARLIER {
                self.written.push(name.to_owned());
            }
        }
        for alias in &parsed.aliases {
            if !self.aliases.contains(alias) && self.aliases.len() < MAX_EARLIER {
                self.aliases.push(alias.clone());
            }
        }
    }
}

/// As many files, and as many names of commands, as are kept of the lines before.
const MAX_EARLIER: usize = 256;

impl Parsed {
    /// The names of the files that it fills with text, by a redirection or from another machine.
    pub fn written_names(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().flat_map(|command| {
            let redirected = command.redirects.iter().filter(|redirect| redirect.writes).map(|redirect| &redirect.file);
            let fills = matches!(command.program(), Some("curl" | "dd" | "sponge" | "tee" | "wget"));
            let named = command.arguments().iter().filter(move |_| fills);
            redirected.chain(named).map(|file| base_name(file.ending())).filter(|name| !name.is_empty())
        })
    }
}

// === impl Command ===

impl Command {
    /// The base name of the program, if it is known.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        program_name(self.argv.first()?)
    }

    /// Whether it is a client of a database that reads statements which are not known.
    pub fn runs_unknown_statements(&self) -> bool {
        self.stdin_is_unknown
            && !self.stdin_is_named
            && self.program().is_some_and(|name| hooks::SQL_CLIENTS.contains(&name))
            && !self.arguments().iter().any(hooks::brings_statements)
    }

    /// Whether it changes the folder of the shell.
    pub fn changes_folder(&self) -> bool {
        matches!(self.program(), Some("cd" | "chdir" | "j" | "popd" | "pushd" | "z"))
    }

    /// The arguments.
    #[must_use]
    pub fn arguments(&self) -> &[Word] {
        self.argv.get(1..).unwrap_or_default()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blank = "";
        for (name, value) in &self.assignments {
            write!(f, "{blank}{name}={value}")?;
            blank = " ";
        }
        for word in &self.argv {
            write!(f, "{blank}{word}")?;
            blank = " ";
        }
        for redirect in &self.redirects {
            write!(f, "{blank}{}{}", if redirect.writes { ">" } else { "<" }, redirect.file)?;
            blank = " ";
        }
        Ok(())
    }
}

// === impl Shell ===

impl Shell {
    /// Whether it reads the text as bash does where POSIX leaves room.
    pub fn has_bash_grammar(self) -> bool {
        matches!(self, Self::Bash | Self::Zsh)
    }

    /// The shell of that program name.
    pub fn of_program(name: &str) -> Option<Self> {
        Some(match name.trim_start_matches('-') {
            "bash" | "rbash" => Self::Bash,
            "dash" | "posh" | "yash" => Self::Dash,
            "ash" => Self::Ash,
            "sh" | "ksh" | "ksh93" | "mksh" | "lksh" | "pdksh" | "rksh" | "hush" | "oksh" => Self::Sh,
            "zsh" | "rzsh" => Self::Zsh,
            "fish" => Self::Fish,
            _ => return None,
        })
    }
}

/// The base name of a program, also where the folder is not known: `~/bin/rm`, `"$X"/rm`.
fn program_name(word: &Word) -> Option<&str> {
    let path = word.known().or_else(|| Some(word.ending()).filter(|end| !word.splits() && end.starts_with('/')))?;
    Some(base_name(path))
}

/// The last component of a path.
pub fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

//! [`Client`]: programs with a language of their own, of statements, commands or macros, in which some words run other
//! programs: what of such a text runs, and as what.
//!
//! Each language is read in its file as far as that takes; where a text may be read in two ways, what either of them
//! runs counts. What a program runs is mostly code of a shell. The same functions read arguments (`psql -c`), known
//! standard input, and the lines that are typed at the program's prompt.

use super::{
    Command, Redirect, Shell, Word,
    parse::{Stdin, Walker},
    reasons,
};

mod editor;
mod macros;
mod mysql;
mod psql;
mod server;
mod sqlite;
mod transfer;

/// A program with a language of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// clickhouse-client.
    Clickhouse,
    /// cqlsh.
    Cql,
    /// dc.
    Dc,
    /// ed.
    Ed,
    /// ftp, sftp and smbclient.
    Ftp,
    /// gnuplot.
    Gnuplot,
    /// lftp.
    Lftp,
    /// m4.
    M4,
    /// mongosh.
    Mongo,
    /// mysql and mariadb.
    Mysql,
    /// psql, and clients that read its commands.
    Psql,
    /// redis-cli.
    Redis,
    /// groff and troff.
    Roff,
    /// sqlcmd.
    Sqlcmd,
    /// sqlite3.
    Sqlite,
    /// sqlplus, and clients that read its commands.
    Sqlplus,
    /// vim, and vi and ex.
    Vim,
}

/// What a text of such a language runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCode {
    /// A file of the same language, of which nothing is known.
    File,
    /// Something that cannot be known before it runs, and why.
    Opaque(&'static str),
    /// Nothing, but this file is read.
    Reads(String),
    /// Code of a shell.
    Shell(String),
    /// Nothing, but this file is written.
    Writes(String),
}

impl Client {
    /// The client of that program name.
    #[must_use]
    pub fn of_program(name: &str) -> Option<Self> {
        Some(match name {
            "clickhouse" | "clickhouse-client" => Self::Clickhouse,
            "cqlsh" => Self::Cql,
            "dc" => Self::Dc,
            "ed" => Self::Ed,
            "ftp" | "lukemftp" | "netkit-ftp" | "pftp" | "sftp" | "smbclient" | "tnftp" => Self::Ftp,
            "gnuplot" => Self::Gnuplot,
            "lftp" => Self::Lftp,
            "m4" | "gm4" => Self::M4,
            "mongo" | "mongosh" => Self::Mongo,
            "mysql" | "mariadb" | "mycli" => Self::Mysql,
            "psql" | "cockroach" | "pgcli" | "usql" | "vsql" | "ysqlsh" => Self::Psql,
            "redis-cli" | "valkey-cli" => Self::Redis,
            "groff" | "troff" | "nroff" => Self::Roff,
            "sqlcmd" => Self::Sqlcmd,
            "sqlite3" | "sqlite" | "sqlcipher" | "duckdb" => Self::Sqlite,
            "sqlplus" | "beeline" | "hive" | "spark-sql" => Self::Sqlplus,
            "ex" | "gvim" | "nvi" | "nvim" | "rview" | "rvim" | "vi" | "view" | "vim" | "vimdiff" | "vimx" => Self::Vim,
            _ => return None,
        })
    }

    /// What `text` runs: statements and commands of the program, in one line or several.
    #[must_use]
    pub fn runs(self, text: &str) -> Vec<ClientCode> {
        let mut out = Codes(Vec::new());
        match self {
            Self::Clickhouse => server::clickhouse(text, &mut out),
            Self::Cql => server::cql(text, &mut out),
            Self::Dc => macros::dc(text, &mut out),
            Self::Ed => editor::ed(text, &mut out),
            Self::Ftp => transfer::ftp(text, &mut out),
            Self::Gnuplot => macros::gnuplot(text, &mut out),
            Self::Lftp => transfer::lftp(text, &mut out),
            Self::M4 => macros::m4(text, &mut out),
            Self::Mongo => server::mongo(text, &mut out),
            Self::Mysql => mysql::runs(text, &mut out),
            Self::Psql => psql::runs(text, &mut out),
            Self::Redis => server::redis(text, &mut out),
            Self::Roff => macros::roff(text, &mut out),
            Self::Sqlcmd => server::sqlcmd(text, &mut out),
            Self::Sqlite => sqlite::runs(text, &mut out),
            Self::Sqlplus => server::sqlplus(text, &mut out),
            Self::Vim => editor::vim(text, &mut out),
        }
        if out.is_full() {
            out.0.push(ClientCode::Opaque("it runs too many programs"));
        }
        out.0
    }
}

/// What was found, each piece once.
struct Codes(Vec<ClientCode>);

impl Codes {
    fn push(&mut self, code: ClientCode) {
        if !self.is_full() && !self.0.contains(&code) {
            self.0.push(code);
        }
    }

    /// Whether no more is read: then the text is opaque.
    fn is_full(&self) -> bool {
        self.0.len() >= MAX_CODES
    }
}

/// Reads what a client is given: its statements in arguments, and on standard input where that is known.
pub(super) fn follow(walker: &mut Walker<'_>, client: Client, arguments: &[Word]) {
    match client {
        Client::Sqlite => operands(walker, client, arguments),
        Client::Redis => {
            let words: Vec<&str> =
                arguments.iter().filter(|word| !word.start().starts_with('-')).map(Word::start).collect();
            statements(walker, client, &words.join(" "));
        }
        // Without the option it runs nothing.
        Client::Roff if !arguments.iter().any(|word| is_letter_or(word, 'U', "--unsafe")) => return,
        Client::Mongo if arguments.iter().any(|word| [".js", ".mjs"].iter().any(|end| word.start().ends_with(end))) => {
            walker.opaque_command(reasons::SCRIPT);
        }
        Client::Dc | Client::Gnuplot | Client::M4 | Client::Roff => {
            let is_code = |at: usize| {
                let before = at.checked_sub(1).and_then(|before| arguments.get(before));
                before.is_some_and(|before| matches!(before.start(), "-e" | "--expression"))
            };
            let mut words = arguments.iter().enumerate();
            if words.any(|(at, word)| !word.start().starts_with('-') && !is_code(at)) {
                walker.doubtful_command("it reads a script whose content is not known");
            }
        }
        // The text to be edited.
        Client::Vim if arguments.iter().any(|word| word.known() == Some("-")) => return,
        Client::Clickhouse
        | Client::Cql
        | Client::Ed
        | Client::Ftp
        | Client::Lftp
        | Client::Mongo
        | Client::Mysql
        | Client::Psql
        | Client::Sqlcmd
        | Client::Sqlplus
        | Client::Vim => {}
    }
    match walker.stdin.clone() {
        // Also where an argument brings statements: nothing is read twice for it.
        Stdin::Text(text) => {
            // What a program that it runs may read of it is not known.
            let outer = std::mem::replace(&mut walker.stdin, Stdin::Unknown);
            statements(walker, client, &text);
            walker.stdin = outer;
        }
        Stdin::Made | Stdin::Unknown => {
            walker.doubtful_command("it reads statements that are not known before it runs")
        }
        Stdin::Session => {}
    }
}

/// Whether the word is that option, alone or in a bundle of letters.
fn is_letter_or(word: &Word, letter: char, long: &str) -> bool {
    let start = word.start();
    start == long || (start.starts_with('-') && !start.starts_with("--") && start.contains(letter))
}

/// The operands of sqlite3 after the name of the file.
fn operands(walker: &mut Walker<'_>, client: Client, arguments: &[Word]) {
    let mut has_file = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let start = argument.start();
        if let Some(name) = start.strip_prefix('-').filter(|_| argument.known().is_some()) {
            let name = name.trim_start_matches('-');
            if SQLITE_VALUES.split_ascii_whitespace().any(|known| known == name) {
                rest.next();
            }
        } else if !has_file {
            has_file = true;
        } else {
            statement_word(walker, client, argument);
        }
    }
}

/// A word that is statements. Where some of it is not known, that may be any: but `psql -c` takes only statements for the
/// server behind one that does not begin with a backslash.
pub(super) fn statement_word(walker: &mut Walker<'_>, client: Client, word: &Word) {
    statements(walker, client, word.start());
    let is_for_server =
        client == Client::Psql && !word.start().trim_start().is_empty() && !word.start().starts_with('\\');
    if word.known().is_none() && !is_for_server {
        walker.doubtful_command("statements of it are not known before they run");
    }
}

/// Follows what a text in the language of the client runs.
pub(super) fn statements(walker: &mut Walker<'_>, client: Client, text: &str) {
    let index = walker.out.commands.len().checked_sub(1);
    for code in client.runs(text) {
        match code {
            ClientCode::File => walker.doubtful_command("it reads statements from a file that is not known"),
            ClientCode::Opaque(why) => walker.opaque_at(index, why),
            ClientCode::Reads(file) => touched(walker, &file, false),
            ClientCode::Writes(file) => touched(walker, &file, true),
            ClientCode::Shell(code) => walker.code(&code, Shell::Unknown),
        }
    }
}

/// As a redirection would read or write it.
fn touched(walker: &mut Walker<'_>, file: &str, writes: bool) {
    let redirects = vec![Redirect { writes, file: Word::of(file) }];
    walker.push(Command { redirects, ..Command::default() });
}

/// Options of sqlite3 with a value.
const SQLITE_VALUES: &str = "\
    cmd escape heap init key hexkey lookaside maxsize mmap newline nonce nullvalue pagecache separator textkey vfs zip";

/// Whether `word` stands in `text` as a word of its own.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// What stands behind each `name(` in `text`, of which `lower` is the same in lower case.
fn after_call<'t>(text: &'t str, lower: &str, name: &str) -> Vec<&'t str> {
    let mut calls = Vec::new();
    for (at, _) in lower.match_indices(name) {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let before = lower.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).unwrap_or_default().trim_start();
        if let (Some(call), false) = (after.strip_prefix('('), before.is_some_and(is_part)) {
            calls.push(call);
        }
        if calls.len() > MAX_CODES {
            break;
        }
    }
    calls
}

/// The file that stands at the beginning of `text`, quoted or not.
fn path(text: &str) -> Option<String> {
    let text = text.trim_start();
    let quoted = ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.split_once(*quote));
    let path = match quoted {
        Some((path, _)) => path,
        None => text.split([' ', '\t', '\n', ';', ')', ',']).next().unwrap_or_default(),
    };
    let is_path = !path.is_empty() && !path.starts_with([':', '-', '|', '`']);
    is_path.then(|| path.to_owned())
}

/// The files that are named behind each `word` of `text`, of which `lower` is the same in lower case.
fn files_behind<'t>(text: &'t str, lower: &'t str, word: &'t str) -> impl Iterator<Item = String> {
    let behind = lower.match_indices(word).filter_map(move |(at, _)| text.get(at + word.len()..));
    behind.filter(|rest| rest.trim_start().starts_with(['\'', '"'])).take(MAX_CODES).filter_map(path)
}

/// A value that is known, without the quotes around all of it.
fn unquoted(value: &str) -> Option<String> {
    let bare = ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
    let is_plain = |c: char| !matches!(c, '\'' | '"' | '`' | '\\' | ':');
    bare.chars().all(is_plain).then(|| bare.to_owned())
}

/// So many different pieces of code are read of one text.
const MAX_CODES: usize = 64;

#[cfg(test)]
mod tests;

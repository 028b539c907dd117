//! The client of MySQL and MariaDB.

use super::{Language, Meaning, Place, code::shell, sql};

/// Its language.
pub(super) struct Mysql;

impl Language for Mysql {
    fn is_spoken_by(&self, program: &str) -> bool {
        // Distributions add to the name: `mysql-8.0`, `mariadb10`.
        let rest = program.strip_prefix("mysql").or_else(|| program.strip_prefix("mariadb"));
        rest.is_some_and(|rest| !OTHERS.iter().any(|other| rest.trim_start_matches(['-', '_']).starts_with(other)))
            || matches!(program, "mycli" | "tidb" | "percona")
    }

    fn runs(&self) -> (&'static str, &'static str) {
        ("mysql", "-e")
    }

    /// `mysql>`, `mysql [db]>`, `MariaDB [(none)]>`, and what goes on: `->`, `'>`, `">`, `` `> ``, `/*>`.
    fn place(&self, prompt: &str) -> Option<Place> {
        if matches!(prompt, "    ->" | "    '>" | "    \">" | "    `>" | "    /*>" | "->") {
            return Some(Place::Next);
        }
        let name = prompt.strip_suffix('>')?;
        let is_first = ["mysql", "MariaDB [", "MySQL [", "mysql [", "MySQL ", "mariadb"]
            .iter()
            .any(|start| name.strip_prefix(start).is_some_and(|rest| !rest.contains(['$', '#', '~', '/'])));
        // mycli: `user@host:db>`
        let is_mycli = name.contains('@') && name.contains(':') && !name.contains(['$', '#', '~', '/', ' ']);
        (is_first || is_mycli).then_some(Place::First)
    }

    fn quits(&self, line: &str) -> bool {
        matches!(line.trim_end_matches(';').to_ascii_lowercase().as_str(), "exit" | "quit" | "\\q")
    }

    fn means(&self, statement: &str) -> Vec<Meaning> {
        let mut means = sql::served(statement);
        for line in statement.lines().map(str::trim_start) {
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let rest = rest.trim().trim_end_matches(';');
            match word.trim_end_matches(';').to_ascii_lowercase().as_str() {
                "system" | "pager" | "\\p" => means.push(shell(rest)),
                "source" | "\\." => means.push(Meaning::Shell(format!("mysql < {rest}"))),
                "tee" => means.push(sql::of_file("tee", rest)),
                _ => {}
            }
            means.extend(short(line));
        }
        means
    }
}

/// Commands of one letter, which may stand anywhere behind a backslash.
fn short(line: &str) -> Vec<Meaning> {
    let (text, _) = sql::without_strings(line);
    let mut means = Vec::new();
    for (at, _) in line.match_indices('\\').take(MAX_COMMANDS) {
        let mut rest = line.get(at + 1..).unwrap_or_default().chars();
        let letter = rest.next();
        let rest = rest.as_str().trim().trim_end_matches(';');
        // In a string it is none, but where one ends the client alone knows.
        match letter {
            Some('!') => means.push(shell(rest)),
            Some('P') if text.contains("\\P") => means.push(shell(rest)),
            Some('.') if text.contains("\\.") => means.push(Meaning::Shell(format!("mysql < {rest}"))),
            Some('T') if text.contains("\\T") => means.push(sql::of_file("tee", rest)),
            _ => {}
        }
    }
    means
}

/// What follows in names of programs that are no such client.
const OTHERS: &[&str] = &[
    "admin",
    "backup",
    "binlog",
    "check",
    "conf",
    "config",
    "convert",
    "d",
    "dump",
    "find",
    "hotcopy",
    "import",
    "install",
    "optimize",
    "pump",
    "plugin",
    "router",
    "sh",
    "show",
    "slap",
    "tzinfo",
    "upgrade",
    "secure",
    "service",
    "setpermission",
    "test",
    "tuner",
    "waitpid",
    "xtrabackup",
];

/// As many commands as are looked at in one line.
const MAX_COMMANDS: usize = 16;

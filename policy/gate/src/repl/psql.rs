//! psql, and clients that read its commands after a backslash.

use super::{Language, Meaning, Place, code::shell, sql};

/// psql's language.
pub(super) struct Psql;

impl Language for Psql {
    fn is_spoken_by(&self, program: &str) -> bool {
        program
            .strip_prefix("psql")
            .is_some_and(|version| version.trim_matches(['-', '.']).parse::<u32>().is_ok() || version.is_empty())
            || matches!(program, "pgcli" | "cockroach" | "usql" | "gsql" | "vsql" | "ysqlsh")
    }

    fn runs(&self) -> (&'static str, &'static str) {
        ("psql", "-c")
    }

    /// `db=>`, `db=#`, `db-#`, `db'#`, `db(#`, `db"#`, `db*#`, `db$#`, with `*` in a transaction and `!` in one that failed;
    /// pgcli has the name of the user and the host before it.
    fn place(&self, prompt: &str) -> Option<Place> {
        let text = prompt.strip_suffix(['#', '>'])?;
        let in_comment = text.ends_with('*');
        let text = text.strip_suffix(['*', '!', '?']).unwrap_or(text);
        let (name, sign) =
            text.char_indices().next_back().map(|(at, sign)| (text.get(..at).unwrap_or_default(), sign))?;
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.:[]()@/\\+*".contains(c));
        match sign {
            _ if !is_name => None,
            '=' | '^' | '@' => Some(Place::First),
            '-' | '\'' | '"' | '(' | '$' | '*' => Some(Place::Next),
            _ if in_comment && sign.is_alphanumeric() => Some(Place::Next),
            _ if sign.is_alphanumeric()
                && prompt.ends_with('>')
                && name.contains(['@', ':'])
                && !name.contains(['/', '\\']) =>
            {
                Some(Place::First)
            }
            _ => None,
        }
    }

    fn quits(&self, line: &str) -> bool {
        matches!(line.trim_end_matches(';'), "\\q" | "exit" | "quit" | "\\quit")
    }

    fn means(&self, statement: &str) -> Vec<Meaning> {
        let mut means = sql::served(statement);
        for line in statement.lines() {
            means.extend(commands(line));
        }
        means
    }
}

/// What the commands of a line do: they stand behind backslashes, in or behind a statement.
pub(super) fn commands(line: &str) -> Vec<Meaning> {
    let mut means = Vec::new();
    let starts: Vec<usize> = line.match_indices('\\').map(|(at, _)| at + 1).take(MAX_COMMANDS).collect();
    for start in &starts {
        let text = line.get(*start..).unwrap_or_default();
        if let Some(command) = text.strip_prefix('!').or_else(|| text.strip_prefix('|')) {
            means.push(shell(command));
            // The rest of the line is the shell's.
            return means;
        }
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '+'))).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let rest = rest.trim_start_matches('(').trim();
        if let Some((_, command)) = rest.split_once('|').filter(|_| PIPES.contains(&name)) {
            means.push(shell(command));
        }
        match name {
            "i" | "ir" | "include" | "include_relative" => means.push(Meaning::Shell(format!("psql -f {rest}"))),
            "setenv" => means.push(shell(&format!("export {}", rest.replacen(char::is_whitespace, "=", 1)))),
            "gexec" => means.push(Meaning::Unknown),
            "g" | "gx" | "o" | "out" | "w" | "write" | "lo_export" | "log" | "s"
                if !rest.is_empty() && !rest.contains('|') =>
            {
                let file = rest.rsplit(' ').next().unwrap_or(rest);
                means.push(sql::of_file("tee", file));
            }
            "pipe_once" => means.push(shell(rest)),
            _ => {}
        }
        // A shell runs what stands in backquotes, with the values of psql's variables in it.
        let mut quoted = rest.split('`').skip(1).step_by(2).peekable();
        if quoted.peek().is_some() && name != "!" {
            for command in quoted {
                means.push(shell(command));
                if command.contains(':') {
                    means.push(Meaning::Unknown);
                }
            }
        }
    }
    means
}

/// Commands whose result goes to a program behind `|`.
const PIPES: &[&str] = &["g", "gx", "o", "out", "w", "write", "gdesc", "watch", "crosstabview"];

/// As many commands as are looked at in one line.
const MAX_COMMANDS: usize = 16;

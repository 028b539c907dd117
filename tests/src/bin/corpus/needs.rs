//! What a case needs beside its shell: programs that read what is typed next, and servers. A case whose program is
//! missing on this machine is named and left out, because it would not show what it is there for.

use std::{collections::BTreeSet, path::Path};

use crate::case::{Case, Mode, Request, Server};

/// Programs that take over the keys once they run: the lines after them are theirs.
const READERS: &str = "
    bc emacs ex ftp fzf gdb htop ipython3 irb less lftp man mc more mysql mysqlreal nano nawk
    node nvim psql python3 redis-cli screen sqlite3 tmux top vi view vim
";

/// `PATH` of the sandbox, without its stubs.
const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The words of notes by which a case without the field says that it wants a server.
const NEEDS_SERVER: &str = "needs a server";

/// The programs of [`READERS`] that a case names.
pub(crate) fn programs(case: &Case) -> BTreeSet<&'static str> {
    let text = case.text();
    let words: BTreeSet<&str> = text.split(|letter: char| !letter.is_alphanumeric() && letter != '-').collect();
    READERS.split_whitespace().filter(|program| words.contains(program)).collect()
}

/// The servers that a case wants.
pub(crate) fn servers(case: &Case) -> Vec<Server> {
    if !case.servers.is_empty() || !case.notes.contains(NEEDS_SERVER) {
        return case.servers.clone();
    }
    vec![if case.text().contains("mysql") { Server::Mariadb } else { Server::Postgres }]
}

/// What is missing for a case, if something is; `running` are the servers that are there.
pub(crate) fn missing(case: &Case, running: &[Server]) -> Option<String> {
    let words_only = matches!(case.command, Some(Request::Words(_)));
    if case.mode == Mode::Typed && !words_only {
        let absent = programs(case).into_iter().find(|program| !installed(program));
        if let Some(program) = absent {
            return Some(format!("{program} is not installed"));
        }
    }
    let server = servers(case).into_iter().find(|server| !running.contains(server));
    server.map(|server| format!("there is no {} server", server.name()))
}

/// Whether the sandbox has a program; psql, mysql and mysqlreal stand there for themselves.
pub(crate) fn installed(program: &str) -> bool {
    ["psql", "mysql", "mysqlreal"].contains(&program)
        || FOLDERS.iter().any(|folder| Path::new(folder).join(program).exists())
}

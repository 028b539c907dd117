//! Clients of other servers: ClickHouse, Cassandra, Redis, MongoDB, SQL Server, Oracle.

use super::{ClientCode, Codes, files_behind, has_word};

/// clickhouse-client: tables that are the output of a program.
pub(super) fn clickhouse(text: &str, out: &mut Codes) {
    let lower = text.to_ascii_lowercase();
    if has_word(&lower, "executable") || has_word(&lower, "executablepool") {
        out.push(ClientCode::Opaque("a statement makes the server run a program"));
    }
    files_behind(text, &lower, "into outfile").for_each(|file| out.push(ClientCode::Writes(file)));
    files_behind(text, &lower, "file(").for_each(|file| out.push(ClientCode::Reads(file)));
}

/// cqlsh: `SOURCE 'FILE'`, `CAPTURE 'FILE'`, `COPY t TO 'FILE'`.
pub(super) fn cql(text: &str, out: &mut Codes) {
    let lower = text.to_ascii_lowercase();
    for file in files_behind(text, &lower, "source") {
        out.push(ClientCode::File);
        out.push(ClientCode::Reads(file));
    }
    files_behind(text, &lower, "capture").for_each(|file| out.push(ClientCode::Writes(file)));
    if has_word(&lower, "copy") {
        files_behind(text, &lower, "to").for_each(|file| out.push(ClientCode::Writes(file)));
        files_behind(text, &lower, "from").for_each(|file| out.push(ClientCode::Reads(file)));
    }
}

/// redis-cli: settings with which the server writes files, and libraries that it loads.
pub(super) fn redis(text: &str, out: &mut Codes) {
    for line in text.lines() {
        let lower = line.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_whitespace().take(4).collect();
        let is_code = match words.as_slice() {
            ["module", "load" | "loadex", ..] | ["debug" | "slaveof" | "replicaof", ..] => true,
            ["config", "set", name, ..] => {
                matches!(*name, "dir" | "dbfilename" | "appendfilename" | "unixsocket" | "logfile")
            }
            _ => false,
        };
        if is_code {
            out.push(ClientCode::Opaque("the server loads or writes a file that may be run"));
        }
    }
}

/// mongosh: JavaScript in which other programs can be reached.
pub(super) fn mongo(text: &str, out: &mut Codes) {
    const WORDS: [&str; 14] = [
        "Function",
        "constructor",
        "edit",
        "eval",
        "global",
        "globalThis",
        "import",
        "load",
        "module",
        "process",
        "require",
        "run",
        "runProgram",
        "this",
    ];
    if WORDS.iter().any(|word| has_word(text, word)) || text.contains('\\') {
        out.push(ClientCode::Opaque("it runs code of another language"));
    }
}

/// sqlcmd: `!!CODE`, `:!!CODE`, and `xp_cmdshell`.
pub(super) fn sqlcmd(text: &str, out: &mut Codes) {
    for line in text.lines().map(str::trim) {
        let line = line.strip_prefix(':').unwrap_or(line);
        if let Some(code) = line.strip_prefix("!!") {
            out.push(ClientCode::Shell(code.trim().to_owned()));
        }
        if line.to_ascii_lowercase().starts_with("r ") {
            out.push(ClientCode::File);
        }
    }
    if text.to_ascii_lowercase().contains("xp_cmdshell") {
        out.push(ClientCode::Opaque("a statement makes the server run a program"));
    }
}

/// sqlplus and beeline: `!CODE`, `host CODE`, `@FILE`.
pub(super) fn sqlplus(text: &str, out: &mut Codes) {
    for line in text.lines().map(str::trim) {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        if let Some(code) = line.strip_prefix(['!', '$']) {
            let code = code.strip_prefix("sh ").unwrap_or(code).trim().trim_end_matches(';');
            out.push(ClientCode::Shell(if code.is_empty() { "sh" } else { code }.to_owned()));
        } else if "host".starts_with(&name.to_ascii_lowercase()) && name.len() >= 2 {
            out.push(ClientCode::Shell(if rest.is_empty() { "sh" } else { rest.trim() }.to_owned()));
        } else if line.starts_with('@') {
            out.push(ClientCode::File);
        } else if "edit".starts_with(&name.to_ascii_lowercase()) && name.len() >= 2 {
            out.push(ClientCode::Shell("vi".to_owned()));
        }
    }
}

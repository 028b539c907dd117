//! psql: its backslash commands (PostgreSQL documentation, "psql", Meta-Commands), and statements with which the server
//! runs a program.
//!
//! Where a string begins and ends depends on settings, variables and separators that a text can change. So the text is
//! read in every way that it may be read, and what any of them runs counts.

use super::{ClientCode, Codes, files_behind, has_word, path, unquoted};
use crate::{tamper, variables};

pub(super) fn runs(text: &str, out: &mut Codes) {
    scan(text, false, out);
    scan(text, true, out);
    let lower = text.to_ascii_lowercase();
    // A separator in a line of commands, or a variable with a quote in it, can open a string that is not seen here.
    let is_unsure = text.lines().any(|line| line.trim_start().starts_with('\\') && line.contains("\\\\"))
        || (lower.contains("\\set") && text.contains(['"', '\'']) && text.contains(':'));
    if is_unsure {
        let mut commands =
            text.lines().flat_map(|line| line.match_indices('\\').filter_map(move |(at, _)| line.get(at + 1..)));
        commands.by_ref().take(MAX_COMMANDS).for_each(|line| command(line, MAX_DEPTH, out));
        if commands.next().is_some() {
            out.push(ClientCode::Opaque("it has too many commands in it"));
        }
    }
    if lower.contains("\\gset") && (lower.contains("chr(") || lower.contains("decode(") || text.contains("'\\")) {
        out.push(ClientCode::Opaque("a variable is the result of a query, and may hold commands"));
    }
    programs(text, &lower, out);
    if has_word(&lower, "copy") {
        files_behind(text, &lower, " to ").for_each(|file| out.push(ClientCode::Writes(file)));
        files_behind(text, &lower, " from ").for_each(|file| out.push(ClientCode::Reads(file)));
    }
    for name in ["pg_read_file(", "pg_read_binary_file(", "lo_import("] {
        files_behind(text, &lower, name).for_each(|file| out.push(ClientCode::Reads(file)));
    }
    if SERVER_CODE.iter().any(|word| has_word(&lower, word)) {
        out.push(ClientCode::Opaque("a statement may make the server run a program"));
    }
}

/// Finds the backslash commands outside of strings; where `escapes`, a backslash in a plain string escapes.
fn scan(text: &str, escapes: bool, out: &mut Codes) {
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"', '$', '-', '/', '\\']) {
        let before = rest.get(..at).unwrap_or_default();
        let here = rest.get(at..).unwrap_or_default();
        rest = match here.as_bytes() {
            [b'\'', ..] => {
                let is_escaped = before.ends_with(['e', 'E']);
                after_string(here, '\'', escapes || is_escaped)
            }
            [b'"', ..] => after_string(here, '"', false),
            [b'$', ..] => after_dollar(here),
            [b'-', b'-', ..] => here.split_once('\n').map_or("", |(_, rest)| rest),
            [b'/', b'*', ..] => here.split_once("*/").map_or("", |(_, rest)| rest),
            [b'\\', ..] => {
                let line = here.lines().next().unwrap_or_default();
                command(line.get(1..).unwrap_or_default(), 0, out);
                here.get(line.len()..).unwrap_or_default()
            }
            _ => here.get(1..).unwrap_or_default(),
        };
    }
}

fn after_string(text: &str, quote: char, escapes: bool) -> &str {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = chars.next() {
        if character == '\\' && escapes {
            chars.next();
        } else if character == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return text.get(at + quote.len_utf8()..).unwrap_or_default();
        }
    }
    ""
}

/// `$tag$ … $tag$`
fn after_dollar(text: &str) -> &str {
    let rest = text.get(1..).unwrap_or_default();
    let tag = rest.split_once('$').map(|(tag, _)| tag);
    let is_tag = |tag: &&str| {
        tag.chars().all(|c| c.is_alphanumeric() || c == '_') && !tag.starts_with(|c: char| c.is_ascii_digit())
    };
    let Some(tag) = tag.filter(is_tag) else { return rest };
    let mark = format!("${tag}$");
    text.get(mark.len()..).and_then(|body| body.split_once(mark.as_str())).map_or("", |(_, rest)| rest)
}

/// One line after the backslash, `depth` texts deep.
fn command(line: &str, depth: usize, out: &mut Codes) {
    if let Some(code) = line.strip_prefix(['!', '|']) {
        let code = code.trim();
        // Alone it opens a shell.
        return out.push(ClientCode::Shell(if code.is_empty() { "sh".to_owned() } else { code.to_owned() }));
    }
    let end = line.find(|c: char| c.is_whitespace() || "\\|(`'".contains(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start();
    match name {
        "copy" => return copy(rest, out),
        "e" | "edit" | "ef" | "ev" => out.push(ClientCode::Shell("vi".to_owned())),
        "i" | "ir" | "include" | "include_relative" => {
            out.push(ClientCode::File);
            path(rest).into_iter().for_each(|file| out.push(ClientCode::Reads(file)));
        }
        "g" | "gx" | "o" | "out" | "w" | "write" => {
            let target = match rest.strip_prefix('(') {
                Some(options) => options.split_once(')').map_or("", |(_, target)| target).trim_start(),
                None => rest,
            };
            let bare = target.trim_start_matches(['\'', '"']);
            if let Some(code) = bare.strip_prefix('|') {
                out.push(ClientCode::Shell(code.trim_end_matches(['\'', '"']).trim().to_owned()));
                return;
            }
            if bare.starts_with(':') {
                out.push(ClientCode::Opaque("where the output goes is the value of a variable"));
            }
            path(target).into_iter().for_each(|file| out.push(ClientCode::Writes(file)));
        }
        "s" => path(rest).into_iter().for_each(|file| out.push(ClientCode::Writes(file))),
        "lo_import" => path(rest).into_iter().for_each(|file| out.push(ClientCode::Reads(file))),
        "lo_export" => {
            let file = rest.split_once(char::is_whitespace).and_then(|(_, file)| path(file));
            file.into_iter().for_each(|file| out.push(ClientCode::Writes(file)));
        }
        "setenv" => {
            if let Some((variable, value)) = rest.split_once(char::is_whitespace) {
                set_variable(variable, value.trim(), out);
            }
        }
        "set" if depth < MAX_DEPTH && rest.contains('\\') => {
            // A variable may hold commands, which run where it is named.
            let value = rest.replace("\\\\", "\\");
            let value = value.trim_end_matches(['\'', '"']);
            let mut commands = value.match_indices('\\').filter_map(|(at, _)| value.get(at + 1..));
            commands.by_ref().take(MAX_DEPTH).for_each(|line| command(line, MAX_DEPTH, out));
            if commands.next().is_some() {
                out.push(ClientCode::Opaque("the value of a variable has too many commands in it"));
            }
        }
        _ => {}
    }
    let mut pieces = line.split('`').skip(1);
    while let Some(code) = pieces.next() {
        let has_variable = code.match_indices(':').any(|(at, _)| {
            code.get(at + 1..)
                .is_some_and(|next| next.starts_with(|c: char| c.is_alphanumeric() || "'\"{_".contains(c)))
        });
        if has_variable {
            out.push(ClientCode::Opaque("code has the value of a variable in it"));
        }
        if !code.trim().is_empty() {
            out.push(ClientCode::Shell(code.trim().to_owned()));
        }
        pieces.next();
    }
    // Arguments end at the next command.
    if depth < MAX_DEPTH
        && let Some(at) = rest.find('\\')
    {
        command(rest.get(at + 1..).unwrap_or_default(), depth + 1, out);
    }
}

/// `\copy TABLE FROM FILE`, or `TO`.
fn copy(rest: &str, out: &mut Codes) {
    let lower = rest.to_ascii_lowercase();
    let last = |word: &str| lower.rfind(word).map(|at| at + word.len());
    let (from, to) = (last(" from "), last(" to "));
    let Some(file) = from.max(to).and_then(|at| path(rest.get(at..)?)) else { return };
    match file.to_ascii_lowercase().as_str() {
        "stdin" | "stdout" | "pstdin" | "pstdout" | "program" => {}
        _ if to > from => out.push(ClientCode::Writes(file)),
        _ => out.push(ClientCode::Reads(file)),
    }
}

fn set_variable(name: &str, value: &str, out: &mut Codes) {
    if variables::is_run(name) {
        out.push(match unquoted(value) {
            Some(code) => ClientCode::Shell(code),
            None => ClientCode::Opaque("a variable that is run is set to what is not known"),
        });
    } else if variables::is_looked_at(name) || tamper::is_prompt_variable(name) || name == "PATH" {
        out.push(ClientCode::Opaque("a variable is set that changes what runs"));
    }
}

/// `COPY … FROM PROGRAM 'CODE'`, as a statement and as `\copy`, also where a string may be run as a statement.
fn programs(text: &str, lower: &str, out: &mut Codes) {
    for (at, word) in lower.match_indices("program") {
        let before = lower.get(..at).unwrap_or_default();
        let is_clause = before.ends_with(char::is_whitespace)
            && before.split_whitespace().next_back().is_some_and(|word| matches!(word, "from" | "to"));
        if !is_clause {
            continue;
        }
        let rest = text.get(at + word.len()..).unwrap_or_default().trim_start();
        let end = rest.strip_prefix('\'').and_then(|rest| rest.find('\''));
        let code = end.and_then(|end| rest.get(1..=end));
        let after = end.and_then(|end| rest.get(end + 2..)).unwrap_or_default();
        match code {
            Some(code) if !code.is_empty() && !code.contains('\\') && !after.starts_with('\'') => {
                out.push(ClientCode::Shell(code.to_owned()));
            }
            _ if rest.starts_with(['\'', '$', 'e', 'E', 'u', 'U', ':', '"']) => {
                out.push(ClientCode::Opaque("a statement runs a program that cannot be read"));
            }
            _ => {}
        }
    }
}

/// Words of statements with which the server runs code that is none of SQL.
const SERVER_CODE: [&str; 14] = [
    "archive_command",
    "archive_cleanup_command",
    "restore_command",
    "recovery_end_command",
    "ssl_passphrase_command",
    "session_preload_libraries",
    "shared_preload_libraries",
    "local_preload_libraries",
    "plperlu",
    "plpython3u",
    "plpythonu",
    "plpython2u",
    "pltclu",
    "plsh",
];

/// So many commands are read where nobody knows what is a string.
const MAX_COMMANDS: usize = 256;

/// How deep values of variables are read as commands.
const MAX_DEPTH: usize = 4;

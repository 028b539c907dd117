//! vim's expressions: the functions that give a text to a shell, to an interpreter, or to vim's command line.

use super::ex::{self, Run};
use crate::judging;

/// What the expression runs.
pub(super) fn runs(text: &str, depth: usize, found: &mut Vec<Run>) {
    for (name, kind) in FUNCTIONS {
        for (at, _) in text.match_indices(name).take(MAX_CALLS) {
            let before = text.get(..at).unwrap_or_default();
            let after = text.get(at + name.len()..).unwrap_or_default();
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') || !after.trim_start().starts_with('(') {
                continue;
            }
            let arguments = after.trim_start().trim_start_matches('(');
            call(kind, before, arguments, depth, found);
        }
    }
    // What the shell sees in the name of a file.
    if let Some((_, inside)) = text.split_once("expand(").or_else(|| text.split_once("glob(")) {
        let mut parts = inside.split('`').skip(1);
        if let (Some(shell), Some(_)) = (parts.next(), parts.next()) {
            found.push(Run::Shell(shell.to_owned()));
        }
    }
}

fn call(kind: Function, before: &str, arguments: &str, depth: usize, found: &mut Vec<Run>) {
    // `'cmd'->system()`.
    let is_method = before.ends_with("->");
    let text = if is_method { before } else { arguments };
    let strings = strings(text);
    let is_unknown = is_computed(text) || strings.is_empty();
    match kind {
        Function::Shell => {
            if is_unknown {
                found.push(Run::Opaque);
            }
            found.extend(quoted_lists(text).into_iter().map(Run::Shell));
        }
        Function::Keys => {
            if is_unknown {
                found.push(Run::Opaque);
            }
            strings.iter().for_each(|text| ex::command(text, depth + 1, found));
            let after_colon = strings.iter().filter_map(|text| text.split_once(':'));
            after_colon.for_each(|(_, text)| ex::command(text, depth + 1, found));
        }
        Function::Delete => {
            let is_whole = strings.iter().skip(1).any(|flags| flags.contains("rf"));
            if let Some(name) = strings.first() {
                let flag = if is_whole { "-rf" } else { "-f" };
                found.push(Run::Like(format!("rm {flag} '{}'", name.replace('\'', "'\\''"))));
            } else {
                found.push(Run::Opaque);
            }
        }
        Function::Write => match strings.last() {
            Some(name) => found.push(Run::Like(format!("tee '{}'", name.replace('\'', "'\\''")))),
            None => found.push(Run::Opaque),
        },
        Function::Code => found.push(Run::Opaque),
    }
}

/// The strings of an expression, in either kind of quotes.
pub(super) fn strings(text: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if !matches!(char, '"' | '\'') || strings.len() >= MAX_STRINGS {
            continue;
        }
        let mut string = String::new();
        loop {
            match chars.next() {
                None => break,
                Some(end) if end == char => break,
                // Only double quotes know escapes.
                Some('\\') if char == '"' => match chars.next() {
                    Some('<') => string.push('<'),
                    Some(escaped) => string.push(escaped),
                    None => break,
                },
                Some(other) => string.push(other),
            }
        }
        strings.push(string);
    }
    strings
}

/// The strings, and those that follow one another joined: a command as one text, or as a list of words.
pub(super) fn quoted_lists(text: &str) -> Vec<String> {
    let mut lists = judging::quoted(text);
    lists.extend(strings(text));
    lists
}

/// Whether the expression has more than strings, lists and numbers: names, and what is joined.
pub(super) fn is_computed(text: &str) -> bool {
    let mut quote = None;
    let mut open = 0usize;
    for char in text.chars() {
        match (quote, char) {
            (None, '"' | '\'') => quote = Some(char),
            (Some(end), char) if end == char => quote = None,
            (Some(_), _) => {}
            (None, '(' | '[' | '{') => open += 1,
            // Behind the call is no argument of it.
            (None, ')' | ']' | '}') if open == 0 => return false,
            (None, ')' | ']' | '}') => open -= 1,
            (None, char) if char.is_alphabetic() || matches!(char, '.' | '$' | '@' | '&' | '_') => return true,
            (None, _) => {}
        }
    }
    false
}

#[derive(Debug, Clone, Copy)]
enum Function {
    /// Code of another language.
    Code,
    /// It removes a file, or a folder with all that is in it.
    Delete,
    /// vim's own commands or keys.
    Keys,
    /// A command as a text, or as a list of words.
    Shell,
    /// A file is written.
    Write,
}

const FUNCTIONS: [(&str, Function); 22] = [
    ("system", Function::Shell),
    ("systemlist", Function::Shell),
    ("job_start", Function::Shell),
    ("jobstart", Function::Shell),
    ("term_start", Function::Shell),
    ("termopen", Function::Shell),
    ("term_sendkeys", Function::Shell),
    ("chansend", Function::Shell),
    ("ch_sendraw", Function::Shell),
    ("libcall", Function::Code),
    ("libcallnr", Function::Code),
    ("pyeval", Function::Code),
    ("py3eval", Function::Code),
    ("pyxeval", Function::Code),
    ("perleval", Function::Code),
    ("rubyeval", Function::Code),
    ("luaeval", Function::Code),
    ("execute", Function::Keys),
    ("feedkeys", Function::Keys),
    ("win_execute", Function::Keys),
    ("delete", Function::Delete),
    ("writefile", Function::Write),
];

/// As many calls of one function as are read.
const MAX_CALLS: usize = 4;

/// As many strings as are read.
const MAX_STRINGS: usize = 8;

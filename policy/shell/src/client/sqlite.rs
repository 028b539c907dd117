//! The shell of SQLite: its dot-commands, and functions that run a program (sqlite.org/cli.html).

use super::{ClientCode, Codes, after_call, files_behind, path};
use crate::reasons;

pub(super) fn runs(text: &str, out: &mut Codes) {
    for line in text.lines() {
        if let Some(line) = line.trim_start().strip_prefix('.') {
            command(line, out);
        }
    }
    let lower = text.to_ascii_lowercase();
    for call in after_call(text, &lower, "edit") {
        if out.is_full() {
            return;
        }
        edit(call, out);
    }
    files_behind(text, &lower, "writefile(").for_each(|file| out.push(ClientCode::Writes(file)));
    files_behind(text, &lower, "readfile(").for_each(|file| out.push(ClientCode::Reads(file)));
    if !after_call(text, &lower, "load_extension").is_empty() {
        out.push(ClientCode::Opaque("it loads a library"));
    }
}

/// A dot-command without its dot. Its name may be cut short.
fn command(line: &str, out: &mut Codes) {
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim();
    let is = |full: &str| !name.is_empty() && full.starts_with(name);
    if is("shell") || is("system") {
        out.push(shell(rest));
        return;
    }
    if is("excel") || is("www") {
        return out.push(ClientCode::Opaque("it opens a file in another program"));
    }
    if is("load") {
        return out.push(ClientCode::Opaque("it loads a library"));
    }
    let last = rest.split_whitespace().next_back().unwrap_or_default();
    let first = rest.split_whitespace().find(|word| !word.starts_with('-')).unwrap_or_default();
    let is_one_of = |names: &[&str]| !rest.contains('|') && names.iter().any(|full| is(full));
    if is_one_of(&["backup", "clone", "log", "once", "output", "save", "trace"]) {
        path(last).into_iter().for_each(|file| out.push(ClientCode::Writes(file)));
    } else if is_one_of(&["import", "open", "read", "restore"]) {
        path(first).into_iter().for_each(|file| out.push(ClientCode::Reads(file)));
    }
    if is("read") && !piped(rest, out) {
        return out.push(ClientCode::Opaque(reasons::SCRIPT));
    }
    if is("import") || is("once") || is("output") || is("log") || is("trace") {
        piped(rest, out);
    }
    if (is("once") || is("output"))
        && rest.split_whitespace().any(|word| matches!(word, "-e" | "-x" | "--e" | "--x" | "-w"))
    {
        out.push(ClientCode::Opaque("it opens a file in another program"));
    }
}

/// The words are joined again, so that quotes around all of it make no difference.
fn shell(code: &str) -> ClientCode {
    let bare = code.trim_matches(['\'', '"']);
    ClientCode::Shell(if bare.len() + 2 == code.len() { bare } else { code }.to_owned())
}

/// Whether the first argument after the options is a pipe: `|CODE`, or `'|CODE'`.
fn piped(arguments: &str, out: &mut Codes) -> bool {
    let at = arguments.find('|').filter(|at| {
        let before = arguments.get(..*at).unwrap_or_default();
        before.is_empty() || before.ends_with(['\'', '"']) || before.ends_with(char::is_whitespace)
    });
    let Some(at) = at else { return false };
    let code = arguments.get(at + 1..).unwrap_or_default();
    let quote = arguments.get(..at).and_then(|before| before.chars().next_back()).filter(|c| matches!(c, '\'' | '"'));
    let code = match quote.and_then(|quote| code.split_once(quote)) {
        Some((code, _)) => code,
        None => code,
    };
    out.push(ClientCode::Shell(code.trim().to_owned()));
    true
}

/// `edit(VALUE, 'EDITOR')`, from behind its bracket.
fn edit(call: &str, out: &mut Codes) {
    let (mut depth, mut quote, mut comma) = (0_usize, None, None);
    let mut end = call.len();
    for (at, character) in call.char_indices() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(character),
            ('(', None) => depth += 1,
            (')', None) if depth == 0 => {
                end = at;
                break;
            }
            (')', None) => depth -= 1,
            (',', None) if depth == 0 => comma = Some(at + 1),
            _ => {}
        }
    }
    let Some(comma) = comma else { return out.push(ClientCode::Shell("vi".to_owned())) };
    let editor = call.get(comma..end).unwrap_or_default().trim();
    let code = editor.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).filter(|code| !code.contains('\''));
    out.push(match code {
        Some(code) => ClientCode::Shell(code.to_owned()),
        None => ClientCode::Opaque("which editor it runs is not known before it runs"),
    });
}

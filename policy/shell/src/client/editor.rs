//! The line commands of vi, vim and ex (vimdoc.sourceforge.net, `usr_toc` and `index`), and of ed (POSIX).
//!
//! Only a small part of them is known to run nothing; every other command may.

use super::{ClientCode, Codes, after_call, path};

/// Commands of vim, one a line, as `-c` takes them or `ex` reads them.
pub(super) fn vim(text: &str, out: &mut Codes) {
    let mut is_input = false;
    for line in text.lines() {
        if is_input {
            is_input = line != ".";
            shell_line(line, out);
        } else {
            is_input = is_input_command(line, &["a", "append", "i", "insert", "c", "change"]);
            if !is_input {
                vim_line(line, 0, out);
            }
        }
    }
}

/// Commands of ed.
pub(super) fn ed(text: &str, out: &mut Codes) {
    let mut is_input = false;
    for line in text.lines() {
        // A command that has failed takes no input: what would be input is a command then.
        shell_line(line, out);
        if is_input {
            is_input = line != ".";
            continue;
        }
        is_input = is_input_command(line, &["a", "i", "c"]);
        let nested =
            ["g", "v", "G", "V"].iter().find_map(|name| after_address(line).strip_prefix(name)).and_then(delimited);
        if let Some((_, command)) = nested {
            shell_line(command, out);
        }
    }
}

/// `!CODE`, and `r !CODE`, `w !CODE`, `e !CODE`.
fn shell_line(line: &str, out: &mut Codes) {
    let command = after_address(line);
    let code = command.strip_prefix('!').or_else(|| {
        let rest = command.strip_prefix(['r', 'w', 'W', 'e', 'E', 'f'])?;
        rest.trim_start().strip_prefix('!').filter(|_| rest.starts_with([' ', '\t', '!']))
    });
    match code {
        Some(code) if !code.trim().is_empty() => out.push(ClientCode::Shell(code.trim().to_owned())),
        Some(_) => {}
        None => file(command, out),
    }
}

/// `w FILE`, `r FILE`, `e FILE`.
fn file(command: &str, out: &mut Codes) {
    let Some((name, argument)) = command.split_once([' ', '\t']) else { return };
    let Some(file) = path(argument) else { return };
    match name.trim_end_matches('!') {
        "w" | "W" | "wr" | "write" | "wq" | "x" | "xit" | "sav" | "saveas" | "up" | "update" => {
            out.push(ClientCode::Writes(file));
        }
        "e" | "E" | "ed" | "edit" | "r" | "re" | "read" | "sp" | "split" | "tabe" | "tabedit" | "vi" | "view"
        | "vs" | "vsplit" => {
            out.push(ClientCode::Reads(file));
        }
        _ => {}
    }
}

fn is_input_command(line: &str, names: &[&str]) -> bool {
    names.contains(&after_address(line).trim_end())
}

/// The command behind its lines: `1,$d`, `/x/+1d`.
fn after_address(line: &str) -> &str {
    let mut rest = line.trim_start();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || " \t:,;.$%+-*&".contains(c));
        if let Some((_, after)) = rest.strip_prefix(['/', '?']).and_then(|_| delimited(rest)) {
            rest = after;
        } else if let Some(mark) = rest.strip_prefix('\'') {
            rest = mark.get(mark.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
        } else {
            return rest;
        }
    }
}

/// `/PATTERN/REST`
fn delimited(text: &str) -> Option<(&str, &str)> {
    let delimiter = text.chars().next().filter(|c| !c.is_alphanumeric() && !c.is_whitespace())?;
    let mut chars = text.char_indices().skip(1);
    while let Some((at, character)) = chars.next() {
        if character == '\\' {
            chars.next();
        } else if character == delimiter {
            let first = text.get(delimiter.len_utf8()..at)?;
            return Some((first, text.get(at + delimiter.len_utf8()..)?));
        }
    }
    None
}

fn vim_line(line: &str, depth: usize, out: &mut Codes) {
    let command = after_address(line);
    if depth > MAX_DEPTH || out.is_full() {
        return out.push(ClientCode::Opaque("an editor's command may run another program"));
    }
    if command.is_empty() || command.starts_with('"') {
        return;
    }
    let end = command.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(command.len());
    let (name, rest) = command.split_at(end);
    let argument = rest.trim_start();
    if !argument.starts_with('!') || rest.starts_with("! ") {
        file(command, out);
    }
    match name {
        "" if rest.starts_with('!') => {
            let code = rest.trim_start_matches('!').trim();
            out.push(ClientCode::Shell(if code.is_empty() { "sh" } else { code }.to_owned()));
        }
        "r" | "re" | "read" | "w" | "wr" | "write"
            if argument.starts_with('!') && (name.starts_with('r') || rest.starts_with(' ')) =>
        {
            out.push(ClientCode::Shell(argument.trim_start_matches('!').trim().to_owned()));
        }
        "ter" | "term" | "terminal" => {
            out.push(ClientCode::Shell(if argument.is_empty() { "sh" } else { argument }.to_owned()))
        }
        "sh" | "shell" => out.push(ClientCode::Shell("sh".to_owned())),
        "s" | "substitute" => match delimited(rest).and_then(|(_, rest)| substituted(rest, command)) {
            Some(rest) => next_command(rest, depth, out),
            None => other(command, out),
        },
        "g" | "v" | "global" | "vglobal" => match delimited(rest.trim_start_matches('!')) {
            Some((_, command)) => vim_line(command, depth + 1, out),
            None => other(command, out),
        },
        "se" | "set" | "setl" | "setlocal" if argument.split_whitespace().all(is_harmless_option) => {}
        _ if HARMLESS.split_ascii_whitespace().any(|known| known == name) && !argument.contains(['|', '`', '=']) => {}
        _ if HARMLESS.split_ascii_whitespace().any(|known| known == name) && !argument.contains(['`', '=']) => {
            let rest = rest.split_once('|').map_or("", |(_, rest)| rest);
            vim_line(rest, depth + 1, out);
        }
        _ => other(command, out),
    }
}

/// What stands behind the replacement and flags of a substitution that evaluates nothing.
fn substituted<'t>(rest: &'t str, command: &str) -> Option<&'t str> {
    // Without a last delimiter the replacement reaches to the end.
    let delimiter = command.chars().find(|c| !c.is_ascii_alphabetic())?;
    let from = format!("{delimiter}{rest}");
    let (replacement, flags) = match delimited(&from) {
        Some((replacement, flags)) => (replacement.len(), flags.len()),
        None => (rest.len(), 0),
    };
    let text = rest.get(..replacement)?;
    if text.contains("\\=") || text.contains('|') {
        return None;
    }
    rest.get(rest.len() - flags..)
}

/// Behind flags: nothing, or a bar and another command.
fn next_command(rest: &str, depth: usize, out: &mut Codes) {
    let rest = rest.trim_start_matches(|c: char| "&cegiInp#lr 0123456789".contains(c));
    match rest.strip_prefix('|') {
        Some(command) => vim_line(command, depth + 1, out),
        None if rest.is_empty() => {}
        None => other(rest, out),
    }
}

/// A command that is not known: where it names code, that runs.
fn other(command: &str, out: &mut Codes) {
    let lower = command.to_ascii_lowercase();
    for name in ["system", "systemlist", "job_start", "term_start", "jobstart", "termopen"] {
        for call in after_call(command, &lower, name) {
            let call = call.trim_start();
            let quote = call.chars().next().filter(|c| matches!(c, '\'' | '"'));
            let code = quote.and_then(|quote| call.get(1..)?.split_once(quote));
            if let Some((code, _)) = code {
                out.push(ClientCode::Shell(code.to_owned()));
            }
        }
    }
    if let Some((_, code)) = command.split_once('!').filter(|(_, code)| !code.trim().is_empty()) {
        out.push(ClientCode::Shell(code.trim().to_owned()));
    }
    out.push(ClientCode::Opaque("an editor's command may run another program"));
}

/// A setting that names no program, expression or file.
fn is_harmless_option(option: &str) -> bool {
    let name = option.split(['=', ':', '?', '!', '&', '+', '-', '^']).next().unwrap_or_default();
    let has_value = option.len() > name.len() + 1;
    !has_value || HARMLESS_OPTIONS.split_ascii_whitespace().any(|known| known == name)
}

const HARMLESS_OPTIONS: &str = "\
    ai bg background cc colorcolumn enc encoding et ff fenc fileencoding fileformat filetype fo ft list mouse nu nuw \
    number scrolloff sts so softtabstop sw shiftwidth syn syntax tabstop textwidth ts tw ul undolevels";

/// Commands that run nothing and read no script, whatever stands behind them.
const HARMLESS: &str = "\
    b bd bn bp buffer bfirst blast bnext bprevious close co colo colorscheme copy d del delete e edit enew file first \
    ha hi highlight j join k last ls m ma mark marks move n new next noh nohlsearch nu number on only p pr prev previous print pu \
    put q qa qall quit redo reg registers ret retab sp split syn syntax t tabe tabedit tabn tabnew tabp u undo up update vi view vs \
    vsplit w wa wall wn wq wqa x xa xall xit y yank z";

/// How deep commands stand in one another.
const MAX_DEPTH: usize = 16;

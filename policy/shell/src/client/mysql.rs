//! mysql and mariadb: the client's own commands (MySQL manual, "mysql Client Commands").

use super::{ClientCode, Codes, files_behind, has_word, path};

pub(super) fn runs(text: &str, out: &mut Codes) {
    let lower = text.to_ascii_lowercase();
    // With another delimiter a statement may end anywhere.
    let ends_anywhere = has_word(&lower, "delimiter");
    for (comments, escapes) in [(true, true), (true, false), (false, true)] {
        scan(text, comments, escapes, ends_anywhere, out);
    }
    for name in ["into outfile", "into dumpfile"] {
        files_behind(text, &lower, name).for_each(|file| out.push(ClientCode::Writes(file)));
    }
    for name in [" infile", "load_file("] {
        files_behind(text, &lower, name).for_each(|file| out.push(ClientCode::Reads(file)));
    }
    if ["soname", "sys_exec", "sys_eval", "into dumpfile"].iter().any(|word| has_word(&lower, word)) {
        out.push(ClientCode::Opaque("a statement may make the server run a program"));
    }
}

/// Finds the commands outside of strings, and of `comments` where these are told from statements.
fn scan(text: &str, comments: bool, escapes: bool, ends_anywhere: bool, out: &mut Codes) {
    let mut at = 0;
    let mut line_end = 0;
    // Whether nothing of a statement was read yet.
    let mut is_fresh = true;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if line_end <= at {
            line_end = rest.find('\n').map_or(text.len(), |end| at + end);
        }
        let Some(first) = rest.chars().next() else { return };
        let next = at + first.len_utf8();
        let to_line_end = |from: usize| text.get(from..line_end).unwrap_or_default();
        at = match first {
            '\n' => {
                is_fresh |= ends_anywhere;
                next
            }
            _ if first.is_whitespace() => next,
            ';' => {
                is_fresh = true;
                next
            }
            '\\' => {
                let letter = to_line_end(next).chars().next().unwrap_or_default();
                let behind = (next + letter.len_utf8()).min(line_end.max(next));
                is_fresh |= matches!(letter, 'g' | 'G' | 'c');
                if command(&letter.to_string(), to_line_end(behind), out) { line_end } else { behind }
            }
            '#' if comments => line_end.max(next),
            '-' if comments && ["-- ", "--\t", "--\n"].iter().any(|start| rest.starts_with(start)) => {
                line_end.max(next)
            }
            // A comment that begins with `!` is none.
            '/' if comments && rest.starts_with("/*") && !rest.starts_with("/*!") => {
                rest.find("*/").map_or(text.len(), |end| at + end + 2)
            }
            '\'' | '"' | '`' => {
                is_fresh = false;
                next + length_of_string(text.get(next..).unwrap_or_default(), first, escapes && first != '`')
            }
            _ if is_fresh && first.is_ascii_alphabetic() => {
                is_fresh = false;
                let word = to_line_end(at);
                let end = word.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(word.len());
                let (name, argument) = word.split_at(end);
                if name.len() > 1 && command(&name.to_ascii_lowercase(), argument, out) {
                    is_fresh = true;
                    line_end
                } else {
                    at + end
                }
            }
            _ => {
                is_fresh = false;
                next
            }
        };
    }
}

/// As far as its closing quote. A doubled quote begins a string that goes on.
fn length_of_string(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices();
    while let Some((at, character)) = chars.next() {
        if character == '\\' && escapes {
            chars.next();
        } else if character == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Whether it is a command that takes the rest of the line.
fn command(name: &str, argument: &str, out: &mut Codes) -> bool {
    let argument = argument.trim().trim_end_matches(';').trim();
    match name {
        "!" | "system" => {
            let code = if argument.is_empty() { "sh" } else { argument };
            out.push(ClientCode::Shell(code.to_owned()));
        }
        "P" | "pager" if !argument.is_empty() => out.push(ClientCode::Shell(argument.to_owned())),
        "." | "source" => {
            out.push(ClientCode::File);
            path(argument).into_iter().for_each(|file| out.push(ClientCode::Reads(file)));
        }
        "T" | "tee" => path(argument).into_iter().for_each(|file| out.push(ClientCode::Writes(file))),
        "e" | "edit" => out.push(ClientCode::Shell("vi".to_owned())),
        _ => return false,
    }
    true
}

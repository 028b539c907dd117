//! What kind of text a command substitution is: some programs print a name, with no slash and no blank in it, whatever
//! it is. A file called `backup-$(date +%F).tgz` is in this folder.

use brush_parser::ast;

use super::Word;

/// Whether the output of the program is a name; `scan` reads a word of it.
pub(super) fn is_name(program: &ast::Program, scan: &dyn Fn(&str) -> Word) -> bool {
    let [list] = program.complete_commands.as_slice() else { return false };
    let [ast::CompoundListItem(and_or, _)] = list.0.as_slice() else { return false };
    let [ast::Command::Simple(simple)] = and_or.first.seq.as_slice() else { return false };
    let is_one = and_or.additional.is_empty() && !and_or.first.bang;
    if !is_one || simple.prefix.as_ref().is_some_and(|prefix| !prefix.0.is_empty()) {
        return false;
    }
    let Some(name) = simple.word_or_name.as_ref().and_then(|name| scan(&name.value).known().map(str::to_owned)) else {
        return false;
    };
    let mut words = Vec::new();
    let mut reads = false;
    for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
        match item {
            ast::CommandPrefixOrSuffixItem::Word(word) => match scan(&word.value).known() {
                Some(word) => words.push(word.to_owned()),
                // The file of `stat`.
                None if name == "stat" => {}
                None => return false,
            },
            ast::CommandPrefixOrSuffixItem::IoRedirect(ast::IoRedirect::File(
                None,
                ast::IoFileRedirectKind::Read,
                _,
            )) => reads = true,
            ast::CommandPrefixOrSuffixItem::IoRedirect(_)
            | ast::CommandPrefixOrSuffixItem::AssignmentWord(..)
            | ast::CommandPrefixOrSuffixItem::ProcessSubstitution(..) => return false,
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    prints_name(&name, &words, reads)
}

/// Whether a program prints a name; where it `reads` a file that is redirected to it.
pub(crate) fn prints_name(name: &str, words: &[&str], reads: bool) -> bool {
    match (name, words) {
        ("date", words) => date(words),
        ("hostname", [] | ["-s" | "-f" | "-d" | "--short" | "--fqdn" | "--domain"]) => true,
        ("arch" | "nproc" | "logname" | "uuidgen" | "whoami", []) => true,
        ("id", ["-u" | "-g" | "-un" | "-gn" | "-nu" | "-ng"]) => true,
        ("uname", [] | ["-i" | "-m" | "-n" | "-p" | "-r" | "-s"]) => true,
        ("stat", ["-c" | "--format", "%s" | "%Y" | "%a" | "%u" | "%g", ..]) => true,
        ("wc", ["-l" | "-c" | "-w" | "-m"]) => reads,
        ("git", ["rev-parse", "HEAD"] | ["rev-parse", "--short", "HEAD"]) => true,
        _ => false,
    }
}

/// `date [OPTIONS] +FORMAT`, with a format that makes no slash and no blank.
fn date(words: &[&str]) -> bool {
    let mut format = None;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.strip_prefix('+') {
            Some(text) if format.is_none() => format = Some(text),
            _ if matches!(*word, "-u" | "--utc" | "--universal") => {}
            _ if matches!(*word, "-d" | "--date" | "-r" | "--reference" | "-v") => {
                rest.next();
            }
            _ if word.starts_with("--date=") || word.starts_with("--reference=") || word.starts_with("-v") => {}
            _ => return false,
        }
    }
    let Some(format) = format else { return false };
    let mut chars = format.chars().peekable();
    let begins_well = match chars.clone().next() {
        Some('%') => chars.clone().nth(1).is_some_and(|c| "aAbBCdFgGhHIjmMNsSTuUVwWyY".contains(c)),
        first => first.is_some_and(char::is_alphanumeric),
    };
    while let Some(character) = chars.next() {
        if character != '%' {
            if !(character.is_alphanumeric() || "-_.:+,=@".contains(character)) {
                return false;
            }
            continue;
        }
        while chars.next_if(|c| c.is_ascii_digit() || matches!(c, '-' | ':')).is_some() {}
        if !chars.next().is_some_and(|c| "aAbBCdFgGhHIjmMNpPRsSTuUVwWyYzZ".contains(c)) {
            return false;
        }
    }
    begins_well
}

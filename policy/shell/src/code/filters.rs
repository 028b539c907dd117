//! Programs of awk and sed.

use super::{GAPS, keep_code};
use crate::{Command, Redirect, Word, awk, base_name, harmless, options::Options, parse::Walker, reasons};

/// A program of awk runs nothing unless it says `system`, `|`, `getline`, or writes to a file.
pub(super) fn awk(walker: &mut Walker<'_>, arguments: &[Word]) {
    const OPTIONS: Options = Options {
        flags: "bcCgGhkMnNOPrsStV",
        values: "FvfeEidlL",
        long_flags: &[
            "characters-as-bytes",
            "traditional",
            "csv",
            "bignum",
            "posix",
            "re-interval",
            "sandbox",
            "lint",
            "optimize",
            "numeric-data",
        ],
        long_values: &["field-separator", "assign", "file", "source", "exec", "include", "load"],
    };
    let found = match OPTIONS.read(arguments) {
        Ok(found) => found,
        Err(why) => return walker.opaque_command(why),
    };
    if found.has(&["f", "file", "E", "exec", "i", "include", "l", "load", "L"]) {
        let file = found.value(&["f", "file"]).map(|file| base_name(file.ending()).to_owned());
        let is_alone = found
            .options
            .iter()
            .all(|(name, _)| !matches!(name.as_str(), "E" | "exec" | "i" | "include" | "l" | "load" | "L"));
        return match file {
            Some(file) if is_alone && !file.is_empty() && !walker.has_written(&file) => walker.script(reasons::SCRIPT),
            _ => walker.opaque_command(reasons::SCRIPT),
        };
    }
    if found.has(&["version", "help", "h", "V"]) {
        return;
    }
    let program = found.value(&["e", "source"]).or(found.operands.first());
    let Some(program) = program else { return };
    let writes = program.patched().as_deref().and_then(awk::writes).filter(|_| found.value(&["e", "source"]).is_none());
    let Some(writes) = writes else {
        keep_code(walker, arguments);
        return walker.opaque_command("its awk program may run commands");
    };
    if program.known().is_none() {
        walker.script(GAPS);
    }
    if !writes.is_empty() {
        let redirects = writes.into_iter().map(|file| Redirect { writes: true, file }).collect();
        walker.push(Command { redirects, ..Command::default() });
    }
}

/// A script of sed runs nothing unless it has `e` or `w`, or the flags `e` or `w` of `s`.
pub(super) fn sed(walker: &mut Walker<'_>, arguments: &[Word]) {
    let mut scripts: Vec<&Word> = Vec::new();
    let mut operands = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.known().unwrap_or(word.start());
        match text {
            "-e" | "--expression" => scripts.extend(rest.next()),
            "--" => operands.extend(rest.by_ref()),
            "--help" | "--version" => return,
            "-l" | "--line-length" => {
                rest.next();
            }
            _ if text.starts_with("--file") || text.starts_with("-f") => {
                let file = match text {
                    "-f" | "--file" => rest.next().map(|word| base_name(word.ending()).to_owned()),
                    _ => Some(base_name(text.trim_start_matches("-f").rsplit('=').next().unwrap_or(text)).to_owned()),
                };
                return match file {
                    Some(file) if !file.is_empty() && !walker.has_written(&file) => walker.script(reasons::SCRIPT),
                    _ => walker.opaque_command(reasons::SCRIPT),
                };
            }
            _ if text.starts_with("--expression=") || text.starts_with("--e") => {
                return walker.opaque_command("its sed script may run commands");
            }
            _ if text.starts_with("--in-place") || text.starts_with("-i") || text.starts_with("--") => {}
            _ if text.starts_with('-') && text.len() > 1 => {
                let letters = text.trim_start_matches('-');
                if !letters.chars().all(|c| "nrEszubei".contains(c)) || letters.contains('f') {
                    // A suffix of -i, such as -i.bak, is no letter.
                    if !letters.contains('i') {
                        return walker.opaque_command("an option of sed is not known");
                    }
                }
                if letters.ends_with('e') {
                    scripts.extend(rest.next());
                }
            }
            _ => operands.push(word),
        }
    }
    if scripts.is_empty() {
        scripts.extend(operands.first().copied());
    }
    for script in scripts {
        if !(script.known().is_some() || script.has_text()) || !harmless::sed(&script.patched_throughout()) {
            walker.out.code.extend(script.known().map(str::to_owned));
            walker.opaque_command("its sed script may run commands or write files");
        } else if script.known().is_none() {
            walker.script(GAPS);
        }
    }
}

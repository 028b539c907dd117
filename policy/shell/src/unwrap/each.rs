//! Programs that run a command for each of many things: `xargs`, `parallel`, `find -exec`.

use super::{run, unlisted};
use crate::{
    Command, Shell, Variables, Word, base_name,
    options::{Found, Options},
    parse::{Stdin, Walker},
    word::Atom,
};

pub(super) fn xargs(walker: &mut Walker<'_>, found: &Found) {
    let mut command = found.operands.clone();
    let replace = match found.value(&["I", "replace", "J"]) {
        Some(mark) => mark.known().map(str::to_owned),
        None if found.has(&["i", "replace"]) => Some("{}".to_owned()),
        None => None,
    };
    if command.is_empty() {
        return;
    }
    // With `-a` the arguments come from a file, and standard input stays what it is.
    let left = if found.has(&["a", "arg-file"]) { walker.stdin.clone() } else { Stdin::Unknown };
    let stdin = std::mem::replace(&mut walker.stdin, left);
    if let Stdin::Text(text) = &stdin {
        walker.guess(&[command.as_slice(), &text.split_whitespace().map(Word::of).collect::<Vec<_>>()].concat());
    }
    // What comes in becomes a part of the code.
    let is_shell =
        command.first().and_then(Word::known).is_some_and(|name| Shell::of_program(base_name(name)).is_some());
    let makes_code = is_shell && matches!(stdin, Stdin::Text(_)) && replace.is_some();
    let is_listed = (matches!(stdin, Stdin::Unknown) || found.has(&["a", "arg-file"])) && takes_files(&command);
    let files = is_listed.then(|| listed_files(walker)).flatten();
    let is_taken = files.is_some() && replace.is_none();
    match replace {
        Some(mark) if !mark.is_empty() => command = command.iter().map(|word| word.with_gaps_at(&mark)).collect(),
        _ => match files {
            Some(files) => command.extend(files),
            None => command.push(Word::unknown(true)),
        },
    }
    if makes_code {
        walker.opaque_command("it runs code that is not known before it runs");
    }
    if is_taken {
        walker.script("which files it is about is not known before it runs");
    }
    let index = walker.out.commands.len();
    let name = command.first().and_then(Word::known).map(base_name).unwrap_or_default().to_owned();
    run(walker, command, Vec::new(), Vec::new());
    walker.stdin = stdin;
    if !unlisted::takes_data(&name) {
        // Its arguments may be a command, and what comes in becomes arguments.
        walker.reads_changed_input(index);
    }
}

/// Whether the command is one for files whose names are listed: `xargs rm`.
fn takes_files(command: &[Word]) -> bool {
    matches!(
        command.first().and_then(Word::known).map(base_name),
        Some("chmod" | "gzip" | "ls" | "rm" | "rmdir" | "sed" | "touch" | "unlink" | "wc")
    )
}

/// What the program in front prints names of, where these are files in folders that are known. A list in a file has names
/// in it, and no options.
fn listed_files(walker: &Walker<'_>) -> Option<Vec<Word>> {
    let own = walker.out.commands.last()?;
    let is_list = own.redirects.iter().any(|redirect| !redirect.writes)
        || own.argv.iter().any(|word| matches!(word.known(), Some("-a" | "--arg-file")));
    // Filters between the two pass names on.
    let is_filter = |command: &&Command| {
        let operands = command.arguments().iter().filter(|word| !word.start().starts_with('-')).count();
        matches!(command.program(), Some("grep" | "head" | "sort" | "tail" | "uniq"))
            && operands < 2
            && !command.arguments().iter().any(|word| word.start().starts_with("-l") || word.start().starts_with("-r"))
    };
    let lister = walker.out.commands.iter().rev().skip(1).find(|command| !is_filter(command)).filter(|_| !is_list);
    let Some(lister) = lister else { return is_list.then(|| vec![found_file()]) };
    let mut starts = match lister.program()? {
        "find" => {
            let is_start = |word: &&Word| !word.start().starts_with(['-', '(', '!']);
            lister.arguments().iter().take_while(is_start).cloned().collect()
        }
        "ls" | "git" | "fd" | "rg" | "grep" => Vec::new(),
        _ => return None,
    };
    if starts.is_empty() {
        let is_elsewhere =
            |word: &Word| word.known().is_none_or(|text| text.starts_with(['/', '~']) || text.contains(".."));
        if lister.arguments().iter().any(is_elsewhere) {
            return None;
        }
        starts.push(Word::of("."));
    }
    starts.iter().all(|start| !start.begins_unknown()).then(|| starts.iter().map(Word::child).collect())
}

pub(super) fn parallel(walker: &mut Walker<'_>, arguments: &[Word]) {
    const OPTIONS: Options = Options {
        flags: "0kmqtuvX",
        values: "aCdIjLNnPSs",
        long_flags: &[
            "keep-order",
            "null",
            "verbose",
            "bar",
            "progress",
            "eta",
            "dry-run",
            "ungroup",
            "line-buffer",
            "no-notice",
            "will-cite",
            "tag",
            "xargs",
            "pipe",
        ],
        long_values: &[
            "jobs",
            "colsep",
            "delimiter",
            "delay",
            "retries",
            "timeout",
            "joblog",
            "max-args",
            "halt",
            "load",
            "nice",
        ],
    };
    let found = match OPTIONS.read(arguments) {
        Ok(found) => found,
        Err(why) => return walker.opaque_command(why),
    };
    let end = found.operands.iter().position(|word| word.start().starts_with(":::")).unwrap_or(found.operands.len());
    let mut command = found.operands.get(..end).unwrap_or_default().to_vec();
    if command.is_empty() {
        return walker.opaque_command("each line of its input is run as a command");
    }
    command.push(Word::unknown(true));
    let command: Vec<Word> = command.iter().map(|word| word.with_gaps_at("{}")).collect();
    let words: Vec<&str> = command.iter().map_while(Word::known).collect();
    // A single quoted argument is a line of shell code, and what comes in is quoted for it.
    if let Some(code) = command.first().and_then(Word::patched).filter(|code| code.contains(' ')) {
        let rest = command.iter().skip(1).filter_map(Word::known).collect::<Vec<_>>().join(" ");
        let has_gap = command.first().is_some_and(|word| word.known().is_none());
        let behind = if has_gap { "" } else { "\"$@\"" };
        return walker.code_with_gaps(&format!("{code} {rest} {behind}"), Shell::Unknown, Variables::new());
    }
    if words.iter().any(|word| word.contains(|c: char| c.is_whitespace() || ";&|<>$`(){}'\"\\".contains(c))) {
        walker.code(&words.join(" "), Shell::Unknown);
        walker.opaque_command("it runs code with arguments that are not known");
    }
    let words: Vec<Word> =
        words.iter().flat_map(|word| word.split_whitespace()).map(Word::of).chain([Word::unknown(true)]).collect();
    run(walker, words, Vec::new(), Vec::new());
}

pub(super) fn find(walker: &mut Walker<'_>, arguments: &[Word]) {
    let mut rest = arguments;
    while let Some((argument, after)) = rest.split_first() {
        rest = after;
        if let Some(start) = ["--exec=", "--exec-batch="].iter().find(|start| argument.start().starts_with(**start)) {
            // As fd takes it: everything behind it belongs to the command.
            let program = argument.without_start(start.len());
            let command = [program].into_iter().chain(after.iter().map(|word| word.with_gaps_at("{}")));
            return run(walker, command.collect(), Vec::new(), Vec::new());
        }
        if !matches!(
            argument.known(),
            Some("-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X" | "--exec" | "--exec-batch")
        ) {
            if argument.splits() && argument.start().is_empty() {
                walker.opaque_command("an argument of find may run a program");
            }
            continue;
        }
        let end = after.iter().position(|word| matches!(word.known(), Some(";" | "+"))).unwrap_or(after.len());
        let command: Vec<Word> =
            after.get(..end).unwrap_or_default().iter().map(|word| word.with_gaps_at("{}")).collect();
        // What find puts in begins with the folder where it starts, so it is no option.
        let starts = arguments.first().is_some_and(|word| !word.start().is_empty());
        let command: Vec<Word> = command
            .into_iter()
            .map(|word| if starts && word == Word::unknown(false) { found_file() } else { word })
            .collect();
        if !command.is_empty() {
            run(walker, command, Vec::new(), Vec::new());
        }
        rest = after.get(end..).unwrap_or_default();
    }
}

/// A path that find puts in: it is not known, but it is no option.
fn found_file() -> Word {
    let mut word = Word::of("./");
    word.push(Atom::Unknown { splits: false });
    word
}

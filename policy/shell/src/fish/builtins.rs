//! Commands of fish that other shells do not have, or not so.

use crate::{Command, Redirect, Shell, Word, base_name, parse::Walker, unwrap};

/// Follows a command that only fish knows; whether it was one.
pub(super) fn follow(walker: &mut Walker<'_>, argv: &[Word], redirects: &[Redirect]) -> bool {
    let Some((program, arguments)) = argv.split_first() else { return false };
    let Some(name) = program.known() else { return false };
    match name {
        "." | "source" if arguments.iter().all(|word| word.known() == Some("-")) => {
            note(walker, argv, redirects, "tr");
            walker.stdin_code(Shell::Fish);
        }
        "abbr" => {
            code_of(walker, &values_of_abbreviation(arguments));
            return false;
        }
        "bind" => {
            let is_code = |word: &&Word| !word.start().starts_with('-');
            code_of(walker, &arguments.iter().filter(is_code).skip(1).cloned().collect::<Vec<_>>());
            return false;
        }
        "commandline" | "edit_command_buffer" | "fish_commandline_append" | "fish_commandline_prepend" | "funcsave" => {
            walker.tampering(name);
            note(walker, argv, redirects, "true");
        }
        "complete" => {
            completions(walker, arguments);
            return false;
        }
        "fish_add_path" => {
            note(walker, argv, redirects, "true");
            path(walker, &arguments.iter().filter(|word| !word.start().starts_with('-')).cloned().collect::<Vec<_>>());
        }
        "read" => {
            for prompt in values(arguments, &["-p", "--prompt", "-R", "--right-prompt"]) {
                code_of(walker, &[prompt]);
            }
            return false;
        }
        "set" => {
            set(walker, argv, redirects);
            return false;
        }
        _ if SILENT.split_ascii_whitespace().any(|silent| silent == name) => note(walker, argv, redirects, "true"),
        _ if FILTERS.split_ascii_whitespace().any(|filter| filter == name) => note(walker, argv, redirects, "tr"),
        _ => return false,
    }
    true
}

/// Notes a command that runs nothing, and reads its input as the program `like` does.
fn note(walker: &mut Walker<'_>, argv: &[Word], redirects: &[Redirect], like: &str) {
    let index = walker.out.commands.len();
    walker.push(Command { argv: argv.to_vec(), redirects: redirects.to_vec(), ..Command::default() });
    walker.reads_input(index, Some(base_name(like)), &[]);
}

/// `set [OPTIONS] NAME VALUES…`
fn set(walker: &mut Walker<'_>, argv: &[Word], redirects: &[Redirect]) {
    let arguments = argv.get(1..).unwrap_or_default();
    let is_option = |word: &&Word| word.start().starts_with('-') && word.start().len() > 1;
    let options = arguments.iter().take_while(is_option).count();
    let has = |letter: char, long: &str| {
        arguments
            .iter()
            .take(options)
            .filter_map(Word::known)
            .any(|option| if option.starts_with("--") { option == long } else { option.contains(letter) })
    };
    let asks = has('q', "--query") || has('n', "--names") || has('S', "--show");
    let Some((name, values)) = arguments.get(options..).unwrap_or_default().split_first() else { return };
    let Some(name) = name.known().filter(|_| !asks) else {
        if !asks {
            walker.opaque("which variable is set is not known");
        }
        return;
    };
    let name = name.split_once('[').map_or(name, |(name, _)| name);
    walker.variables.remove(name);
    if has('e', "--erase") {
        return;
    }
    if matches!(name, "PATH" | "fish_user_paths") {
        path(walker, values);
        return;
    }
    let value = match values {
        [] => Word::of(""),
        [only] if !only.splits() => only.clone(),
        _ => Word::unknown(true),
    };
    unwrap::assignment(walker, name, &value);
    let is_plain = arguments.get(options).and_then(Word::known) == Some(name) && !has('a', "--append");
    if is_plain && !values.is_empty() && redirects.is_empty() && !value.splits() && walker.is_set_once(name) {
        walker.variables.insert(name.to_owned(), value);
    }
}

/// The folders in which programs are looked for.
fn path(walker: &mut Walker<'_>, folders: &[Word]) {
    for folder in folders {
        // A gap at the start is the old value.
        let mut value = folder.clone();
        value.push_text(":");
        unwrap::assignment(walker, "PATH", &value);
    }
}

/// `complete -c PROGRAM -a '(CODE)' -n CODE`: run when somebody types.
fn completions(walker: &mut Walker<'_>, arguments: &[Word]) {
    code_of(walker, &values(arguments, &["-n", "--condition"]));
    for list in values(arguments, &["-a", "--arguments"]) {
        // It is expanded as the arguments of a command are.
        match list.known() {
            Some(text) => later(walker, &format!("echo {text}")),
            None => walker.opaque("which code completes a line is not known"),
        }
    }
}

/// The values of options.
fn values(arguments: &[Word], options: &[&str]) -> Vec<Word> {
    let mut values = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.known().unwrap_or(word.start());
        if options.contains(&text) {
            values.extend(rest.next().cloned());
            continue;
        }
        let attached = options.iter().find_map(|option| {
            let mark = if option.starts_with("--") { format!("{option}=") } else { (*option).to_owned() };
            text.starts_with(&mark).then_some(mark.len())
        });
        values.extend(attached.map(|length| word.without_start(length)));
    }
    values
}

/// `abbr -a NAME VALUE…`: what fish types for somebody.
fn values_of_abbreviation(arguments: &[Word]) -> Vec<Word> {
    let operands: Vec<&Word> = arguments.iter().filter(|word| !word.start().starts_with('-')).skip(1).collect();
    match operands.iter().map(|word| word.known()).collect::<Option<Vec<&str>>>() {
        Some(words) if words.is_empty() => Vec::new(),
        Some(words) => vec![Word::of(words.join(" "))],
        None => vec![Word::unknown(false)],
    }
}

fn code_of(walker: &mut Walker<'_>, words: &[Word]) {
    for word in words {
        match word.known() {
            Some(text) => later(walker, text),
            None => walker.opaque("it sets code that is not known before it runs"),
        }
    }
}

/// Code that runs at another time.
fn later(walker: &mut Walker<'_>, text: &str) {
    walker.flow.substitutions += 1;
    walker.code(text, Shell::Fish);
    walker.flow.substitutions -= 1;
}

/// Builtins and functions of fish that run nothing of what they are given, and read nothing.
const SILENT: &str = "\
    [ argparse block breakpoint contains count dirh dirs emit fish_config fish_is_root_user fish_opt fish_status_to_signal \
    fish_update_completions functions isatty math nextd prevd prompt_hostname prompt_login prompt_pwd random set_color \
    status test type ulimit wait";

/// The same, but they may print what they read.
const FILTERS: &str = "fish_indent path psub string";

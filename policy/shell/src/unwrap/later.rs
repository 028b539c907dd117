//! Commands that take code or values as arguments and run them, now or later: `eval`, `alias`, `trap`, `at` …

use super::{assignment, code_of_words, joined, run};
use crate::{Shell, Variables, Word, code, options::Found, parse::Walker, reasons, short_names};

pub(super) fn eval(walker: &mut Walker<'_>, arguments: &[Word]) {
    let arguments = if arguments.first().and_then(Word::known) == Some("--") {
        arguments.get(1..).unwrap_or_default()
    } else {
        arguments
    };
    if let Some(text) = joined(arguments) {
        return walker.code(&text, walker.shell);
    }
    if walker.prints_settings {
        return walker.script("what a program prints to set up the shell is not known before it runs");
    }
    walker.opaque_command("eval runs code that is not known before it runs");
    let known: Vec<&str> = arguments.iter().map_while(Word::known).collect();
    if !known.is_empty() {
        walker.code(&format!("{} {}", known.join(" "), all_arguments(walker.shell)), walker.shell);
    }
}

/// How a shell writes all arguments of what is running.
fn all_arguments(shell: Shell) -> &'static str {
    if shell == Shell::Fish { "$argv" } else { "\"$@\"" }
}

/// An alias is its value with further arguments.
pub(super) fn alias(walker: &mut Walker<'_>, arguments: &[Word]) {
    if arguments.iter().any(|word| word.start().is_empty() && word.known().is_none()) {
        walker.opaque_command("an alias is not known before it is defined");
    }
    let has_options = arguments.iter().any(|word| word.start().starts_with('-') && word.known() != Some("--"));
    let is_global = walker.shell == Shell::Zsh
        && arguments
            .iter()
            .any(|word| word.known().is_some_and(|word| word.starts_with(['-', '+']) && word.contains('g')));
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let value = match (argument.start().split_once('='), walker.shell) {
            (Some((name, _)), _) => argument.without_start(name.len() + 1),
            // fish: `alias NAME VALUE`.
            (None, Shell::Fish | Shell::Unknown) if !argument.start().starts_with('-') => match arguments.next() {
                Some(value) => value.clone(),
                None => return,
            },
            (None, _) => continue,
        };
        let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || " -_./:=@%+,".contains(c));
        match value.known() {
            // What stands behind it is judged where it is used.
            Some(text) if !has_options && is_plain(text) && walker.shell != Shell::Fish => {
                let name = argument.start().split('=').next().unwrap_or_default();
                walker.out.aliases.push((name.to_owned(), text.to_owned()));
                walker.code(text, walker.shell);
            }
            // It may stand anywhere in a line, and end with what begins in front of it: `alias -g G='| grep'`.
            Some(text) if is_global => {
                walker.flow.substitutions += 1;
                if !text.trim_start().starts_with(['|', ';', '&']) {
                    walker.code(text, walker.shell);
                }
                walker.code(&format!(": {text}"), walker.shell);
                walker.flow.substitutions -= 1;
            }
            _ => {
                let name = argument.start().split_once('=').map_or(argument.start(), |(name, _)| name);
                alias_value(walker, name, &value);
            }
        }
    }
}

/// What an alias stands for, with whatever is typed behind it. Where that is a program by its usual short name, or by its
/// own, the line with the alias is read as the program's, so its arguments are judged there.
pub(crate) fn alias_value(walker: &mut Walker<'_>, name: &str, value: &Word) {
    let Some(text) = value.known() else {
        return walker.opaque_command("an alias is not known before it is defined");
    };
    let code = if short_names::stands_for(name, text) {
        text.to_owned()
    } else {
        format!("{text} {}", all_arguments(walker.shell))
    };
    walker.flow.substitutions += 1;
    walker.code(&code, walker.shell);
    walker.flow.substitutions -= 1;
}

pub(super) fn trap(walker: &mut Walker<'_>, arguments: &[Word]) {
    let arguments = if arguments.first().and_then(Word::known) == Some("--") {
        arguments.get(1..).unwrap_or_default()
    } else {
        arguments
    };
    match arguments.first().map(Word::known) {
        None | Some(Some("" | "-" | "-l" | "-p" | "-P")) => {}
        Some(Some(text)) => walker.code(text, walker.shell),
        Some(None) => {
            let shell = walker.shell;
            walker.code_word(&arguments.first().cloned().unwrap_or_default(), shell, Variables::new());
        }
    }
}

/// `export NAME=VALUE`, and as fish and csh have it `set -x NAME VALUE…` and `setenv NAME VALUE`.
pub(super) fn declare(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    let only_looks = |word: &Word| {
        let text = word.start();
        ["--erase", "--query", "--show"].contains(&text)
            || text.starts_with('-') && !text.starts_with("--") && text.contains(['e', 'q', 'S'])
    };
    if matches!(name, "set" | "setenv") && !arguments.iter().any(only_looks) {
        let mut words = arguments.iter().skip_while(|word| word.start().starts_with('-'));
        if let (Some(Some(name)), Some(first)) = (words.next().map(Word::known), words.next()) {
            let value = words.fold(first.clone(), |value, word| value.followed_by(&Word::of(" ")).followed_by(word));
            let name = name.to_owned();
            assignment(walker, &name, &value);
        }
    }
    for argument in arguments {
        let start = argument.start();
        if let Some((name, _)) = start.split_once('=') {
            let name = name.trim_end_matches('+').to_owned();
            assignment(walker, &name, &argument.without_start(start.find('=').map_or(0, |at| at + 1)));
        }
    }
}

pub(super) fn at(walker: &mut Walker<'_>, arguments: &[Word]) {
    let is = |option: &str| arguments.iter().any(|word| word.known() == Some(option));
    if is("-l") || is("-r") || is("-d") || is("-c") || is("-V") {
        return;
    }
    if arguments.iter().any(|word| word.start().starts_with("-f")) {
        return walker.opaque_command(reasons::SCRIPT);
    }
    walker.stdin_code(Shell::Unknown);
}

/// `capsh [--SETTING=VALUE…] -- ARGUMENTS OF BASH…`
pub(super) fn capsh(walker: &mut Walker<'_>, arguments: &[Word]) {
    let Some(end) = arguments.iter().position(|word| matches!(word.known(), Some("--" | "=="))) else { return };
    if arguments.iter().any(|word| word.known() == Some("==") || word.start().starts_with("--shell")) {
        return walker.opaque_command("which program it runs cannot be read");
    }
    code::shell(walker, Shell::Bash, arguments.get(end + 1..).unwrap_or_default());
}

pub(super) fn code_after_operands(walker: &mut Walker<'_>, arguments: &[Word], skip: usize) {
    let rest = arguments.get(skip..).unwrap_or_default();
    let rest = if rest.first().and_then(Word::known) == Some("-c") { rest.get(1..).unwrap_or_default() } else { rest };
    if rest.is_empty() { walker.stdin_code(Shell::Unknown) } else { code_of_words(walker, rest) }
}

pub(super) fn namespace(walker: &mut Walker<'_>, arguments: &[Word]) {
    let word = |at: usize| arguments.get(at).and_then(Word::known).unwrap_or_default();
    let at = arguments.iter().position(|word| matches!(word.known(), Some("netns" | "vrf")));
    if let Some(at) = at.filter(|at| "exec".starts_with(word(at + 1)) && !word(at + 1).is_empty()) {
        let command = arguments.get(at + 3..).unwrap_or_default();
        if word(at + 2).starts_with('-') || command.is_empty() {
            return walker.opaque_command("what ip runs cannot be read");
        }
        run(walker, command.to_vec(), Vec::new(), Vec::new());
    } else if arguments
        .iter()
        .any(|word| matches!(word.start(), "-b" | "-ba" | "-bat" | "-batc" | "-batch" | "--batch"))
    {
        walker.opaque_command("it runs commands from a file");
    }
}

/// Properties of a unit that run a program: `systemd-run -p ExecStop=CODE`.
pub(super) fn unit(walker: &mut Walker<'_>, found: &Found) {
    for (name, value) in &found.options {
        let Some(value) = value.as_ref().filter(|_| matches!(name.as_str(), "p" | "property" | "timer-property"))
        else {
            continue;
        };
        if value.start().starts_with("Exec") {
            match value.known().and_then(|text| text.split_once('=')) {
                Some((_, code)) => walker.code(code.trim_start_matches(['@', '-', ':', '+', '!', '|']), Shell::Unknown),
                None => walker.opaque_command("what the unit runs is not known before it runs"),
            }
        }
    }
}

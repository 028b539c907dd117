//! Variables that get a value in other places than an assignment: options of programs, and builtins of the shell.

use super::{assignment, scheduled};
use crate::{Shell, Word, options::Found, parse::Walker, variables};

/// Variables, and settings of a unit, that are given as values of options.
pub(super) fn given(walker: &mut Walker<'_>, name: &str, found: &Found) {
    if name == "systemd-run" && found.has(&["S", "shell"]) {
        walker.stdin_code(Shell::Unknown);
    }
    for (option, value) in &found.options {
        let Some(value) = value else { continue };
        let Some((given, _)) = value.start().split_once('=') else { continue };
        let rest = value.without_start(given.len() + 1);
        match (name, option.as_str()) {
            ("systemd-run", "E" | "setenv") | ("strace" | "ltrace", "E" | "env") => assignment(walker, given, &rest),
            ("systemd-run", "p" | "property" | "timer-property" | "path-property" | "socket-property") => {
                scheduled::unit_setting(walker, given, &rest);
            }
            _ => {}
        }
    }
}

/// Variables that get a value by other means than an assignment.
pub(super) fn set_otherwise(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    let set = if name == "printf" {
        let is_option = |word: &&Word| word.known() == Some("-v");
        arguments.iter().skip_while(|word| !is_option(word)).skip(1).take(1).collect::<Vec<_>>()
    } else {
        arguments.iter().collect()
    };
    for variable in set.into_iter().filter_map(Word::known) {
        if variable == "HOME" {
            walker.opaque_command("HOME is changed: `~` may mean any folder");
        }
        if variables::is_run(variable) {
            walker.opaque_command("a variable gets a value that is not known, and it is run");
        }
    }
}

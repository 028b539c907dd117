//! Values that a program runs: of its settings, and of the variables that it looks at.
//!
//! A value is shell code, and the program puts words of its own behind it, or sends something to what it runs. `PAGER=sh`
//! runs what is shown as code, and `EDITOR=sh` the file that is edited.

use super::{
    Shell, Word,
    parse::{Stdin, Walker},
};

/// How a program calls what a value of its settings names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// With nothing behind it.
    Alone,
    /// With words that are not known.
    WithArguments,
    /// With the name of a file, as editors are.
    WithFile,
    /// With a host and what is to run there, as ssh is.
    WithHost,
    /// With what it is to show as its input, as pagers are.
    WithInput,
}

/// Follows a value that is run; `what` says what has it.
pub(super) fn value(walker: &mut Walker<'_>, what: &str, value: &Word, called: Called) {
    let Some(text) = value.known() else {
        return walker.opaque(format!("{what} is code that is not known"));
    };
    if text.trim().is_empty() || walker.has_valued_enough() {
        return;
    }
    let code = match called {
        Called::Alone | Called::WithInput => text.to_owned(),
        Called::WithArguments => format!("{text} \"$@\""),
        // Nobody's rule is about that file.
        Called::WithFile => format!("{text} /tmp/COMMIT_EDITMSG"),
        Called::WithHost if text.split(' ').next().is_some_and(is_ssh) => text.to_owned(),
        Called::WithHost => format!("{text} host git-upload-pack x"),
    };
    // An editor reads the terminal. A shell in its place would read more than the file.
    let first = super::base_name(text.split_whitespace().next().unwrap_or_default());
    let is_editor = called == Called::WithFile && Shell::of_program(first).is_none();
    let read = if is_editor { Stdin::Text("".into()) } else { Stdin::Unknown };
    let stdin = std::mem::replace(&mut walker.stdin, read);
    let handed_on = walker.flow.handed_on;
    walker.code(&code, Shell::Unknown);
    walker.flow.handed_on = handed_on;
    walker.stdin = stdin;
}

/// What ssh itself makes of its options is looked at without the host that comes later.
fn is_ssh(program: &str) -> bool {
    matches!(super::base_name(program), "ssh" | "plink" | "autossh")
}

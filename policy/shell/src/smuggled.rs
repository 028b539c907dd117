//! Options that nobody sees in the text: words that are not known, and files whose names are options.
//!
//! `tar $X` runs a program if `X` is `--to-command=…`, and `tar cf a *` if a file is called so. Who means well has no such
//! values and files, so this is doubtful, for programs that have options whose value is run.

use super::{Word, parse::Walker};

/// Notes words of a program with such options that may be more options than one sees.
pub(super) fn options(walker: &mut Walker<'_>, arguments: &[Word]) {
    if arguments.iter().any(|word| word.splits() && word.start().is_empty()) {
        walker.doubtful("an argument that is not known may be an option that runs code");
    }
}

/// Notes what makes files whose names read as options.
pub(super) fn names(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    if !matches!(name, "touch" | "cp" | "mv" | "ln" | "mkdir" | "tee" | "install" | "truncate") {
        return;
    }
    let mut operands = arguments.iter().skip_while(|word| word.known() != Some("--")).skip(1);
    if operands.any(|word| word.start().starts_with('-')) || arguments.iter().any(is_option_in_folder) {
        walker.doubtful("it makes a file whose name is an option");
    }
}

/// `./--to-command=x`
pub(super) fn is_option_in_folder(word: &Word) -> bool {
    word.start().rsplit('/').next().is_some_and(|name| name.starts_with('-')) && word.start().contains('/')
}

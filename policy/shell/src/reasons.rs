//! Why it cannot be known what would run, in the words that several readers share.

/// A file of code, by its name.
pub(crate) const SCRIPT: &str = "it runs a script whose content is not known";

/// A program whose name the text computes.
pub(crate) const UNKNOWN_PROGRAM: &str = "which program it runs is not known before it runs";

/// An option or operand that is a command in a form that is not read.
pub(crate) const ARGUMENT_RUNS: &str = "an argument may run another program";

/// A program that another one chooses.
pub(crate) const NOT_LOOKED_FOR: &str = "it runs another program that is not looked for here";

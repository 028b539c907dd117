//! R, Octave and Julia.

use super::{
    Place,
    code::{Runs, Syntax},
    scripting::{Scripting, is_one_of},
};

pub(super) static R: Scripting = Scripting {
    programs: &["R", "radian"],
    runs: ("Rscript", "-e"),
    place: |prompt| is_one_of(prompt, &[">", "r$>"], &["+"]),
    quits: &["q()", "quit()"],
    escapes: &[],
    syntax: Syntax { quotes: &["\"", "'"], comments: &["#"], interpolation: &[] },
    code: Runs {
        names: &["system2", "shell", "pipe", "dyn", "parse", "sys.call", "unlink"],
        bare: &["system", "eval", "source", "parse", "get", "match.fun"],
        owned: &[(&["base"], &["system", "eval", "source", "get"]), (&["do"], &["call"]), (&["sys"], &["source"])],
        by_name: &[],
        backquotes: false,
    },
    signs: &[".C(", ".Call(", ".External(", "`system", "dyn.load"],
    binding: &["function"],
};

pub(super) static OCTAVE: Scripting = Scripting {
    programs: &["octave", "octave-cli", "matlab"],
    runs: ("octave", "--eval"),
    place: |prompt| {
        let number = prompt.strip_prefix("octave:").and_then(|rest| rest.strip_suffix('>'));
        let is_counted = number.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()));
        if is_counted { Some(Place::First) } else { is_one_of(prompt, &[">>"], &[">"]) }
    },
    quits: &["exit", "quit"],
    escapes: &["!"],
    syntax: Syntax { quotes: &["\""], comments: &["%", "#"], interpolation: &[] },
    code: Runs {
        names: &["system", "unix", "dos", "popen", "popen2", "exec", "evalin", "evalc", "str2func", "feval", "mex"],
        bare: &["eval", "source", "run", "cellfun"],
        owned: &[],
        by_name: &[],
        backquotes: false,
    },
    signs: &[],
    binding: &["function"],
};

/// The prompt `shell>` of Julia is none of these: there a shell reads.
pub(super) static JULIA: Scripting = Scripting {
    programs: &["julia"],
    runs: ("julia", "-e"),
    place: |prompt| {
        let is_package = prompt.ends_with("pkg>");
        if is_package { Some(Place::First) } else { is_one_of(prompt, &["julia>", "help?>"], &[""]) }
    },
    quits: &["exit()", "quit()"],
    escapes: &[";"],
    syntax: Syntax { quotes: &["\"\"\"", "\""], comments: &["#"], interpolation: &["$("] },
    code: Runs {
        names: &["ccall", "include", "invokelatest", "getfield", "getproperty", "include_string"],
        bare: &["run", "eval", "pipeline"],
        owned: &[(&["Base", "Core", "Meta"], &["run", "eval", "parse"])],
        by_name: &[],
        backquotes: true,
    },
    signs: &["@eval", "@ccall"],
    binding: &["function", "macro", "const", "global"],
};

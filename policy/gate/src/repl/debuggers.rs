//! gdb and LLDB: commands that may be cut short, and expressions that call functions of the program.

use super::{
    Language, Meaning, Place,
    code::{Code, Runs, Syntax, shell},
    sql,
};

/// Their language.
pub(super) struct Debugger;

impl Language for Debugger {
    fn is_spoken_by(&self, program: &str) -> bool {
        let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
        matches!(program, "gdb" | "lldb" | "cgdb" | "rust-gdb" | "rust-lldb" | "gdb-multiarch" | "dlv")
    }

    fn runs(&self) -> (&'static str, &'static str) {
        ("gdb", "-ex")
    }

    fn place(&self, prompt: &str) -> Option<Place> {
        match prompt {
            "(gdb)" | "(lldb)" | "(dlv)" => Some(Place::First),
            ">" | "..." => Some(Place::Next),
            _ => None,
        }
    }

    fn quits(&self, line: &str) -> bool {
        matches!(line, "q" | "quit" | "exit")
    }

    fn means(&self, statement: &str) -> Vec<Meaning> {
        statement.lines().map(str::trim).filter(|line| !line.is_empty()).flat_map(command).collect()
    }
}

/// What one command does.
fn command(line: &str) -> Vec<Meaning> {
    if let Some(command) = line.strip_prefix('!') {
        return vec![shell(command)];
    }
    let end = line.find(|c: char| !(c.is_alphanumeric() || "_-|".contains(c))).unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, ""));
    let rest = rest.trim();
    let is = |long: &str, least: usize| word.len() >= least && long.starts_with(word);
    let mut means = Vec::new();
    if is("shell", 3) {
        means.push(shell(rest));
    } else if is("platform", 4) && rest.split_whitespace().next().is_some_and(|what| "shell".starts_with(what)) {
        means.push(shell(rest.split_once(char::is_whitespace).map_or("", |(_, command)| command)));
    } else if is("make", 3) {
        means.push(Meaning::Shell(format!("make {rest}")));
    } else if is("pipe", 3) || word.starts_with('|') {
        means.extend(line.rsplit_once('|').map(|(_, command)| shell(command)));
    } else if is("run", 1) || is("start", 3) || word == "starti" {
        // A shell starts the program, and reads its arguments.
        means.extend((!rest.is_empty()).then(|| Meaning::Shell(format!("debugged-program {rest}"))));
    } else if is("set", 3) {
        means.extend(setting(rest));
    } else if is("source", 2) && !is("s", 1) {
        means.push(Meaning::Shell(format!("source {rest}")));
    } else if is("python", 2) || word == "pi" || is("script", 4) || is("guile", 2) || is("compile", 4) {
        let code = Code::read(rest, &SYNTAX);
        means.extend(code.quoted(true));
        means.push(Meaning::Unknown);
    } else if is("target", 3) {
        means.extend(rest.split_once('|').map(|(_, command)| shell(command)));
    } else if is("alias", 5) || is("command", 7) || is("expand", 6) {
        means.extend(rest.contains("shell").then_some(Meaning::Unknown));
        means.extend(rest.contains("import").then_some(Meaning::Unknown));
        means.extend(rest.contains("source").then_some(Meaning::Unknown));
    } else if matches!(word, "dump" | "save" | "gcore" | "generate-core-file" | "append" | "restore") {
        means.extend(rest.split_whitespace().map(|file| sql::of_file("tee", file)));
    }
    if is("call", 3)
        || is("print", 1)
        || is("inspect", 3)
        || is("output", 3)
        || is("expression", 1)
        || is("eval", 2)
        || is("printf", 6)
        || is("display", 4)
        || is("if", 2)
        || is("while", 2)
        || word == "po"
    {
        means.extend(expression(rest));
    }
    means
}

/// A setting whose value is run, or that is an expression.
fn setting(rest: &str) -> Vec<Meaning> {
    let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match name {
        "exec-wrapper" => vec![shell(value)],
        "args" => vec![Meaning::Shell(format!("debugged-program {value}"))],
        "environment" | "env" => vec![shell(&format!("export {}", value.replacen(char::is_whitespace, "=", 1)))],
        "startup-with-shell" | "auto-load" | "data-directory" => vec![Meaning::Unknown],
        "logging" => value.split_whitespace().skip(1).map(|file| sql::of_file("tee", file)).collect(),
        _ => expression(rest),
    }
}

/// An expression of the debugged program's language may call its functions.
fn expression(text: &str) -> Vec<Meaning> {
    let code = Code::read(text, &SYNTAX);
    let runs = code.runs(&RUNS) || code.text.contains("$_shell");
    let mut means = code.quoted(runs);
    means.extend(runs.then_some(Meaning::Unknown));
    means
}

const SYNTAX: Syntax = Syntax { quotes: &["\""], comments: &[], interpolation: &[] };

const RUNS: Runs = Runs {
    names: &[
        "system",
        "popen",
        "execl",
        "execle",
        "execlp",
        "execv",
        "execve",
        "execvp",
        "execvpe",
        "posix_spawn",
        "posix_spawnp",
        "fork",
        "vfork",
        "dlopen",
        "mprotect",
        "syscall",
        "_shell",
        "_gdb_setting",
    ],
    bare: &[],
    owned: &[],
    by_name: &[],
    backquotes: false,
};

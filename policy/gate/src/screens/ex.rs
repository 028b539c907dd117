//! What a command line of vi, vim and their kin gives to a shell or to an interpreter: `:!`, `:w !`, `:term`,
//! `system()`, `makeprg` and others (vim's `:help index`, `:help function-list`, `:help option-list`).
//!
//! A command that is not in these tables gives nothing. What cannot be known becomes [`Run::Opaque`].

use super::expression::{self, quoted_lists};

/// What a command line runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Run {
    /// A line for a shell.
    Shell(String),
    /// A line that means what a shell's line would mean: only what a rule surely matches counts.
    Like(String),
    /// Code of another language: the program, its option, and the code.
    Code(&'static str, &'static str, String),
    /// Something that cannot be known.
    Opaque,
    /// A shell in place of the editor.
    ShellOpens,
    /// A shell or a program in a window of the editor.
    WindowOpens,
}

/// What the line runs, with or without its colon.
pub(super) fn runs(line: &str) -> Vec<Run> {
    let mut found = Vec::new();
    command(line.get(..line.floor_char_boundary(MAX_BYTES)).unwrap_or(line), 0, &mut found);
    found.truncate(MAX_RUNS);
    found
}

/// What an expression runs: after `:call`, `=` and their like.
pub(super) fn expression_runs(text: &str) -> Vec<Run> {
    let mut found = Vec::new();
    expression::runs(text, 0, &mut found);
    found.truncate(MAX_RUNS);
    found
}

pub(super) fn command(line: &str, depth: usize, found: &mut Vec<Run>) {
    if depth > MAX_DEPTH || found.len() > MAX_RUNS {
        return;
    }
    let line = line.trim_start_matches([':', ' ', '\t']);
    let rest = after_range(line);
    let has_range = rest.len() < line.len();
    if let Some(shell) = rest.strip_prefix('!') {
        return bang(shell, has_range, found);
    }
    if let Some(register) = rest.strip_prefix(['@', '*']) {
        // `@:` is the line before, which was judged.
        if !register.trim_start().starts_with([':', '@']) && !register.trim().is_empty() {
            found.push(Run::Opaque);
        }
        return;
    }
    let name_end = name_end(rest);
    let (name, after) = rest.split_at(name_end);
    let (has_bang, argument) = match after.strip_prefix('!') {
        Some(argument) => (true, argument),
        None => (false, after),
    };
    let argument = argument.trim_start();
    if MODIFIERS.iter().any(|modifier| is(name, *modifier)) {
        // What stands behind it: `:silent !cmd`, `:verbose 3 cmd`; `:silent!cmd` has the mark of its own.
        return command(argument, depth + 1, found);
    }
    if name.is_empty() {
        return;
    }
    backquoted(argument, found);
    let kind = kind(name);
    match kind {
        Some(kind) => known(kind, name, has_bang, argument, depth, found),
        // A command of the user's own may do anything with its words.
        None if name.starts_with(|c: char| c.is_ascii_uppercase()) => found.push(Run::Like(argument.to_owned())),
        None => {}
    }
    let takes_all = matches!(kind, Some(Kind::Window | Kind::Nested | Kind::Normal | Kind::Code(..)));
    let runs_all = argument.starts_with('!') || (has_bang && kind == Some(Kind::Read));
    if !takes_all && !runs_all {
        following(argument, depth, found);
    }
}

fn kind(name: &str) -> Option<Kind> {
    let holds_keys = name.ends_with("map") || name.contains("abbr") || name.ends_with("menu") || MAPS.contains(&name);
    let known = TABLE.iter().find(|(command, _)| is(name, *command)).map(|(_, kind)| *kind);
    known.or(holds_keys.then_some(Kind::Nested))
}

fn known(kind: Kind, name: &str, has_bang: bool, argument: &str, depth: usize, found: &mut Vec<Run>) {
    match kind {
        Kind::Read => match argument.strip_prefix('!') {
            Some(shell) => bang(shell, false, found),
            None if name.starts_with('r') && has_bang && !argument.is_empty() => bang(argument, false, found),
            None => file("cat", argument, found),
        },
        Kind::Write => match argument.strip_prefix('!').filter(|_| !has_bang) {
            Some(shell) => bang(shell, true, found),
            None => file("tee", argument, found),
        },
        Kind::Window => {
            let program = argument.split_whitespace().position(|word| !word.starts_with("++"));
            let words: Vec<&str> = argument.split_whitespace().collect();
            if let Some(words) = program.and_then(|from| words.get(from..)) {
                found.push(Run::Shell(words.join(" ")));
            }
            found.push(Run::WindowOpens);
        }
        Kind::Shell => found.push(Run::ShellOpens),
        Kind::Make => found.push(Run::Shell(format!("make {argument}"))),
        Kind::Grep => found.push(Run::Shell(format!("grep {argument}"))),
        Kind::Source if argument.is_empty() => {}
        Kind::Source => found.push(Run::Opaque),
        Kind::Expression => {
            if let Some(option) = argument.strip_prefix('&') {
                assigned(option, found);
            }
            if argument.starts_with('@') {
                for text in expression::strings(argument) {
                    typed_keys(&text, depth, found);
                }
            }
            expression::runs(argument, depth, found);
        }
        Kind::Execute => {
            let strings = expression::strings(argument);
            if strings.is_empty() || expression::is_computed(argument) {
                found.push(Run::Opaque);
            }
            strings.iter().for_each(|text| command(text, depth + 1, found));
            expression::runs(argument, depth, found);
        }
        Kind::Normal => typed_keys(argument, depth, found),
        Kind::Set => options(argument, depth, found),
        Kind::Nested => nested(argument, depth, found),
        Kind::Code(program, option) if !argument.is_empty() => {
            found.push(Run::Code(program, option, argument.to_owned()));
        }
        Kind::Code(..) => found.push(Run::Opaque),
    }
}

/// What follows `!`. With a range the program reads what the buffer has.
fn bang(shell: &str, reads: bool, found: &mut Vec<Run>) {
    let shell = shell.trim_start();
    if shell.is_empty() {
        found.push(Run::ShellOpens);
        return;
    }
    // A mark within stands for the command before.
    let repeats = shell.char_indices().any(|(at, c)| {
        c == '!'
            && shell.get(..at).is_none_or(|before| !before.ends_with('\\') && !before.ends_with(['$', '[']))
            && !shell.get(at + 1..).is_some_and(|after| after.starts_with('='))
    });
    if repeats {
        found.push(Run::Opaque);
    }
    found.push(Run::Shell(if reads { format!("cat ./buffer | {{ {shell}\n}}") } else { shell.to_owned() }));
}

/// A file that is read or written.
fn file(program: &str, argument: &str, found: &mut Vec<Run>) {
    let argument = argument.trim_start_matches('>').trim();
    let name = argument.split(" | ").next().unwrap_or_default();
    let name = name.split_whitespace().find(|word| !word.starts_with("++"));
    if let Some(name) = name.filter(|name| !name.starts_with(['#', '%', '`'])) {
        found.push(Run::Like(format!("{program} '{}'", name.replace('\'', "'\\''"))));
    }
}

/// vim has what stands in backquotes run where it expects the name of a file.
fn backquoted(argument: &str, found: &mut Vec<Run>) {
    let mut parts = argument.split('`').skip(1);
    while let (Some(inside), Some(_)) = (parts.next(), parts.next()) {
        match inside.strip_prefix('=') {
            Some(text) => expression::runs(text, 0, found),
            None if inside.trim().is_empty() => {}
            None => found.push(Run::Shell(inside.to_owned())),
        }
    }
}

/// The commands after `|`.
fn following(argument: &str, depth: usize, found: &mut Vec<Run>) {
    let mut quote = None;
    for (at, char) in argument.char_indices() {
        match (quote, char) {
            (None, '"' | '\'') => quote = Some(char),
            (Some(open), close) if open == close => quote = None,
            (None, '|') => return command(argument.get(at + 1..).unwrap_or_default(), depth + 1, found),
            _ => {}
        }
    }
    // A quote may have been a comment or an apostrophe.
    if let (Some(_), Some((_, rest))) = (quote, argument.rsplit_once('|')) {
        command(rest, depth + 1, found);
    }
}

/// Keys that are typed for the user: the command lines in them.
fn typed_keys(keys: &str, depth: usize, found: &mut Vec<Run>) {
    for (at, sign) in keys.match_indices([':', '!']).take(MAX_PLACES) {
        let rest = up_to_enter(keys.get(at + 1..).unwrap_or_default());
        if rest.trim().is_empty() {
            continue;
        }
        if sign == ":" { command(rest, depth + 1, found) } else { bang(rest, true, found) }
    }
}

/// Commands that others hold: `:au Event * cmd`, `:g/pattern/cmd`, `:map key :cmd<CR>`.
fn nested(argument: &str, depth: usize, found: &mut Vec<Run>) {
    let places = argument.match_indices([' ', '/', '|', ':', '>', '#', ',']).map(|(at, _)| at + 1);
    for at in std::iter::once(0).chain(places).take(MAX_PLACES) {
        let rest = up_to_enter(argument.get(at..).unwrap_or_default());
        let mut inner = Vec::new();
        command(rest, depth + 1, &mut inner);
        // That a word is also the name of a command says nothing yet.
        found.extend(inner.into_iter().filter(|run| !matches!(run, Run::ShellOpens | Run::WindowOpens)));
    }
}

fn up_to_enter(keys: &str) -> &str {
    let end = keys.match_indices('<').map(|(at, _)| at).find(|at| {
        let name = keys.get(*at..).unwrap_or_default().to_ascii_lowercase();
        ["<cr>", "<enter>", "<return>", "<nl>", "<bar>", "<c-m>"].iter().any(|enter| name.starts_with(enter))
    });
    keys.get(..end.unwrap_or(keys.len())).unwrap_or(keys).trim_end_matches(['\r', '\n'])
}

/// `:set name=value …`.
fn options(argument: &str, depth: usize, found: &mut Vec<Run>) {
    let mut words: Vec<String> = vec![String::new()];
    let mut chars = argument.chars();
    while let Some(char) = chars.next() {
        let Some(word) = words.last_mut() else { return };
        match char {
            '\\' => word.extend(chars.next()),
            ' ' | '\t' => words.push(String::new()),
            _ => word.push(char),
        }
    }
    for word in words {
        let Some((name, value)) = word.split_once(['=', ':']) else { continue };
        let name = name.trim_end_matches(['+', '^', '-']);
        option(name, value, found);
        if name.ends_with("expr") || EXPRESSION_OPTIONS.contains(&name) || value.contains("%!") || value.contains("%{")
        {
            expression::runs(value, depth, found);
        }
    }
}

fn option(name: &str, value: &str, found: &mut Vec<Run>) {
    if value.is_empty() {
        return;
    }
    if name.ends_with("prg") || PROGRAM_OPTIONS.contains(&name) {
        found.push(Run::Shell(value.trim_start_matches([':', '!']).to_owned()));
    } else if SHELL_OPTIONS.contains(&name) {
        found.push(Run::Shell(format!("true {value} ./file")));
    }
}

/// `:let &makeprg = "…"`.
fn assigned(text: &str, found: &mut Vec<Run>) {
    let Some((name, value)) = text.split_once('=') else { return };
    let name = name.trim_end_matches(['+', '.', '-', ' ']).trim_start_matches("l:").trim_start_matches("g:");
    let mut inner = Vec::new();
    option(name, "value", &mut inner);
    if inner.is_empty() {
        return;
    }
    if expression::is_computed(value) {
        found.push(Run::Opaque);
    }
    for text in quoted_lists(value) {
        option(name, &text, found);
    }
}

/// What stands behind the range that a command works on.
fn after_range(line: &str) -> &str {
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_digit() || " \t,;.$%+-".contains(c));
        let next = match trimmed.chars().next() {
            Some('\'') => {
                let mark = trimmed.chars().nth(1).map_or(0, char::len_utf8);
                trimmed.get(1 + mark..)
            }
            Some('\\') => trimmed.get(2..).filter(|_| trimmed.get(1..2).is_some_and(|c| "/?&".contains(c))),
            Some(delimiter @ ('/' | '?')) => trimmed.get(1..).and_then(|inside| {
                let end = inside
                    .match_indices(delimiter)
                    .find(|(at, _)| !inside.get(..*at).unwrap_or_default().ends_with('\\'));
                end.and_then(|(at, _)| inside.get(at + 1..))
            }),
            _ => None,
        };
        match next {
            Some(next) if next.len() < rest.len() => rest = next,
            _ => return trimmed,
        }
    }
}

fn name_end(rest: &str) -> usize {
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let name = rest.get(..letters).unwrap_or_default();
    // `py3`, `python3`, `vim9cmd`; and the commands of the user's own.
    let has_digits = matches!(name, "py" | "python" | "vim") || name.starts_with(|c: char| c.is_ascii_uppercase());
    if has_digits { rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len()) } else { letters }
}

/// Whether it is the name of the command, or as much of it as is needed.
fn is(name: &str, (full, least): (&str, usize)) -> bool {
    name.len() >= least && full.starts_with(name)
}

/// What a command does with its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code(&'static str, &'static str),
    Execute,
    Expression,
    Grep,
    Make,
    Nested,
    Normal,
    Read,
    Set,
    Shell,
    Source,
    Window,
    Write,
}

/// Commands, with how much of their name is needed.
const TABLE: [((&str, usize), Kind); 91] = [
    (("read", 1), Kind::Read),
    (("edit", 1), Kind::Read),
    (("split", 2), Kind::Read),
    (("vsplit", 2), Kind::Read),
    (("tabedit", 4), Kind::Read),
    (("tabnew", 6), Kind::Read),
    (("view", 3), Kind::Read),
    (("sview", 2), Kind::Read),
    (("new", 3), Kind::Read),
    (("vnew", 3), Kind::Read),
    (("write", 1), Kind::Write),
    (("wq", 2), Kind::Write),
    (("xit", 1), Kind::Write),
    (("exit", 3), Kind::Write),
    (("update", 2), Kind::Write),
    (("saveas", 3), Kind::Write),
    (("terminal", 2), Kind::Window),
    (("shell", 2), Kind::Shell),
    (("make", 3), Kind::Make),
    (("lmake", 4), Kind::Make),
    (("grep", 2), Kind::Grep),
    (("grepadd", 5), Kind::Grep),
    (("lgrep", 3), Kind::Grep),
    (("lgrepadd", 6), Kind::Grep),
    (("source", 2), Kind::Source),
    (("pyfile", 3), Kind::Source),
    (("py3file", 4), Kind::Source),
    (("pyxfile", 4), Kind::Source),
    (("luafile", 4), Kind::Source),
    (("rubyfile", 5), Kind::Source),
    (("tclfile", 4), Kind::Source),
    (("mzfile", 3), Kind::Source),
    (("call", 3), Kind::Expression),
    (("echo", 2), Kind::Expression),
    (("echomsg", 5), Kind::Expression),
    (("echon", 5), Kind::Expression),
    (("echoerr", 5), Kind::Expression),
    (("echoconsole", 5), Kind::Expression),
    (("let", 3), Kind::Expression),
    (("const", 4), Kind::Expression),
    (("final", 5), Kind::Expression),
    (("var", 3), Kind::Expression),
    (("eval", 2), Kind::Expression),
    (("return", 4), Kind::Expression),
    (("if", 2), Kind::Expression),
    (("elseif", 5), Kind::Expression),
    (("while", 2), Kind::Expression),
    (("for", 3), Kind::Expression),
    (("throw", 2), Kind::Expression),
    (("put", 2), Kind::Expression),
    (("iput", 2), Kind::Expression),
    (("cexpr", 3), Kind::Expression),
    (("lexpr", 3), Kind::Expression),
    (("caddexpr", 5), Kind::Expression),
    (("laddexpr", 3), Kind::Expression),
    (("cgetexpr", 5), Kind::Expression),
    (("lgetexpr", 5), Kind::Expression),
    (("substitute", 1), Kind::Expression),
    (("execute", 3), Kind::Execute),
    (("normal", 4), Kind::Normal),
    (("set", 2), Kind::Set),
    (("setlocal", 4), Kind::Set),
    (("setglobal", 4), Kind::Set),
    (("autocmd", 2), Kind::Nested),
    (("command", 3), Kind::Nested),
    (("global", 1), Kind::Nested),
    (("vglobal", 1), Kind::Nested),
    (("bufdo", 4), Kind::Nested),
    (("argdo", 5), Kind::Nested),
    (("windo", 5), Kind::Nested),
    (("tabdo", 4), Kind::Nested),
    (("cdo", 3), Kind::Nested),
    (("cfdo", 3), Kind::Nested),
    (("ldo", 2), Kind::Nested),
    (("lfdo", 3), Kind::Nested),
    (("folddoopen", 5), Kind::Nested),
    (("folddoclosed", 7), Kind::Nested),
    (("map", 3), Kind::Nested),
    (("python", 2), Kind::Code("python3", "-c")),
    (("py3", 3), Kind::Code("python3", "-c")),
    (("python3", 7), Kind::Code("python3", "-c")),
    (("pyx", 3), Kind::Code("python3", "-c")),
    (("pythonx", 7), Kind::Code("python3", "-c")),
    (("pydo", 3), Kind::Code("python3", "-c")),
    (("py3do", 4), Kind::Code("python3", "-c")),
    (("perl", 2), Kind::Code("perl", "-e")),
    (("perldo", 5), Kind::Code("perl", "-e")),
    (("ruby", 3), Kind::Code("ruby", "-e")),
    (("rubydo", 5), Kind::Code("ruby", "-e")),
    (("lua", 3), Kind::Code("lua", "-e")),
    (("luado", 4), Kind::Code("lua", "-e")),
];

/// Short names of commands that bind keys or words.
const MAPS: [&str; 16] =
    ["no", "nn", "ino", "nm", "im", "cno", "cm", "vn", "vno", "xn", "xno", "ono", "tno", "ab", "ia", "ca"];

/// Words before a command.
const MODIFIERS: [(&str, usize); 26] = [
    ("silent", 3),
    ("verbose", 4),
    ("noautocmd", 3),
    ("keepalt", 5),
    ("keepjumps", 5),
    ("keepmarks", 3),
    ("keeppatterns", 5),
    ("lockmarks", 3),
    ("noswapfile", 3),
    ("unsilent", 3),
    ("vertical", 4),
    ("horizontal", 3),
    ("tab", 3),
    ("aboveleft", 3),
    ("belowright", 3),
    ("botright", 2),
    ("topleft", 2),
    ("leftabove", 5),
    ("rightbelow", 6),
    ("confirm", 4),
    ("hide", 3),
    ("sandbox", 3),
    ("browse", 3),
    ("legacy", 3),
    ("try", 3),
    ("else", 2),
];

/// Options whose value is a command, by their short names and those that end in no `prg`.
const PROGRAM_OPTIONS: [&str; 8] = ["mp", "gp", "kp", "ep", "fp", "shell", "sh", "browsex"];

/// Options whose value is put around commands.
const SHELL_OPTIONS: [&str; 6] = ["shellpipe", "sp", "shellredir", "srr", "shellcmdflag", "shcf"];

/// Options whose value is an expression, and whose name does not say so.
const EXPRESSION_OPTIONS: [&str; 11] =
    ["pex", "pexpr", "fde", "inde", "inex", "fex", "dex", "ccv", "charconvert", "bexpr", "opfunc"];

/// As deep as commands within commands are read.
const MAX_DEPTH: usize = 3;

/// As many places as are looked at for a command within another.
const MAX_PLACES: usize = 24;

/// As many commands of one line as are judged.
const MAX_RUNS: usize = 48;

/// As much of a line as is read.
const MAX_BYTES: usize = 4096;

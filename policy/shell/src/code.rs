//! Programs that run code: shells, and interpreters of other languages.
//!
//! Shell code is followed. Code of another language is opaque, and kept for rules on text, unless [`harmless`] knows
//! that it runs nothing.

use super::{
    Shell, Variables, Word, base_name, harmless,
    languages::{self, Runs},
    one_liner,
    options::Options,
    parse::{Stdin, Walker},
    reasons,
};

mod filters;

/// `bash [OPTIONS] [-c CODE [NAME [ARGUMENTS…]] | -s | FILE]`
pub(super) fn shell(walker: &mut Walker<'_>, shell: Shell, arguments: &[Word]) {
    const OPTIONS: Options = Options {
        flags: "abcefhiklmnprstuvxBCDEHPTNdqy",
        values: "oO",
        long_flags: &[
            "debugger",
            "dump-po-strings",
            "dump-strings",
            "login",
            "noediting",
            "noprofile",
            "norc",
            "posix",
            "pretty-print",
            "restricted",
            "verbose",
            "command",
            "interactive",
            "no-config",
            "private",
            "no-execute",
            "emacs",
            "vi",
        ],
        long_values: &["init-file", "rcfile", "init-command"],
    };
    let arguments = long_with_one_dash(walker, shell, arguments);
    let arguments: Vec<Word> = arguments.iter().map(plus_as_minus).collect();
    let (found, known) = OPTIONS.read_as_far_as_known(&arguments);
    if let Err(why) = known {
        walker.opaque_command(why);
    }
    let Some(found) = found else { return };
    if found.has(&["help", "version"]) {
        return;
    }
    if found.has(&["init-file", "rcfile", "init-command"]) {
        walker.opaque_command("it reads a file of commands first");
    }
    if found.has(&["c", "command"]) {
        let Some((code, rest)) = found.operands.split_first() else { return };
        walker.elsewhere(|walker| walker.code_word(code, shell, positional(rest)));
        return;
    }
    // It reads the script, and runs nothing of it.
    if found.options.iter().all(|(name, _)| matches!(name.as_str(), "n" | "v"))
        && found.has(&["n"])
        && shell != Shell::Zsh
    {
        return;
    }
    match found.operands.first() {
        // `-s` reads from standard input, and the operands are its arguments.
        _ if found.has(&["s"]) => walker.stdin_code(shell),
        None => walker.stdin_code(shell),
        Some(file) if matches!(file.known(), Some("-" | "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0")) => {
            walker.stdin_code(shell)
        }
        Some(_) => walker.opaque_command(reasons::SCRIPT),
    }
}

/// bash reads its long options with one dash too, where they come first: `-rcfile FILE`.
fn long_with_one_dash(walker: &mut Walker<'_>, shell: Shell, arguments: &[Word]) -> Vec<Word> {
    const NAMES: [&str; 14] = [
        "debugger",
        "dump-po-strings",
        "dump-strings",
        "init-file",
        "login",
        "noediting",
        "noprofile",
        "norc",
        "posix",
        "pretty-print",
        "rcfile",
        "restricted",
        "verbose",
        "wordexp",
    ];
    let is_long =
        |word: &Word| word.known().and_then(|text| text.strip_prefix('-')).is_some_and(|name| NAMES.contains(&name));
    if !matches!(shell, Shell::Bash | Shell::Sh | Shell::Unknown) || !arguments.iter().any(is_long) {
        return arguments.to_vec();
    }
    if shell != Shell::Bash {
        walker.opaque_command("how the shell reads its options is not clear");
    }
    let long = |word: &Word| if is_long(word) { Word::of(format!("-{}", word.start())) } else { word.clone() };
    arguments.iter().map(long).collect()
}

/// `+x` unsets what `-x` sets.
fn plus_as_minus(word: &Word) -> Word {
    match word.known().and_then(|text| text.strip_prefix('+')) {
        Some(rest) if !rest.is_empty() && rest.chars().all(char::is_alphabetic) => Word::of(format!("-{rest}")),
        _ => word.clone(),
    }
}

/// `$0`, `$1` … as far as they are known.
fn positional(words: &[Word]) -> Variables {
    let mut variables = Variables::new();
    if words.iter().any(Word::splits) {
        return variables;
    }
    for (index, word) in words.iter().enumerate().take(10) {
        variables.insert(index.to_string(), word.clone());
    }
    // `"$@"` of one argument is that argument.
    if let [_, only] = words {
        variables.insert("@".to_owned(), only.clone());
    }
    variables
}

/// Interpreters of other languages, and programs with a language of their own.
pub(super) fn interpreter(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    let family = family(name);
    match family {
        "awk" | "gawk" | "mawk" | "nawk" | "original-awk" => filters::awk(walker, arguments),
        "sed" | "gsed" => filters::sed(walker, arguments),
        // What is known of it is read as the editor's language.
        "ed" | "ex" if matches!(walker.stdin, Stdin::Text(_)) => {}
        "ed" | "ex" => other_stdin(walker, name, false),
        _ if is_language(name) || OTHER_SHELLS.contains(&family) => {
            let is_foreign = is_language(name);
            if is_foreign {
                walker.is_foreign();
            }
            let is_silent = |word: &Word| {
                matches!(word.known(), Some("--version" | "-V" | "-v" | "--help" | "-h" | "-version" | "-VV"))
            };
            if !arguments.is_empty() && arguments.iter().all(is_silent) {
                return;
            }
            if arguments.is_empty()
                || arguments.iter().all(|word| word.known().is_some_and(|word| QUIET.contains(&word)))
            {
                return other_stdin(walker, family, is_foreign);
            }
            if is_harmless_module(arguments) || is_harmless_code(family, arguments) {
                return;
            }
            match languages::runs(family, arguments) {
                Runs::Nothing => {}
                Runs::Input => other_stdin(walker, family, is_foreign),
                Runs::File(file, rest) => foreign_file(walker, &file, &rest, arguments),
                Runs::Code(texts, rest) => foreign_code(walker, family, &texts, &rest, arguments),
                Runs::Unclear => {
                    keep_code(walker, arguments);
                    walker.opaque_command(FOREIGN);
                }
            }
        }
        _ => {}
    }
}

/// A file of code, or a module, by its name.
fn foreign_file(walker: &mut Walker<'_>, file: &Word, rest: &[Word], arguments: &[Word]) {
    const RUN_CODE: [&str; 5] = ["cProfile", "code", "pdb", "profile", "timeit"];
    let text = file.known().unwrap_or(file.ending());
    let name = base_name(text);
    // What is called like a file of shell code is that, or is made to look so.
    let is_for_a_shell = [".sh", ".bash", ".zsh", ".fish", ".ksh"].iter().any(|ending| name.ends_with(ending));
    let is_special = file.start().starts_with("/dev/") || file.start().starts_with("/proc/");
    let has_code =
        RUN_CODE.contains(&name) && rest.iter().any(|word| word.known().is_none_or(|text| text.contains(' ')));
    if is_for_a_shell || is_special || has_code || walker.has_written(name) {
        keep_code(walker, arguments);
        return walker.opaque_command(reasons::SCRIPT);
    }
    walker.script(reasons::SCRIPT);
}

/// Code in the arguments. Files that it names may be read and written.
fn foreign_code(walker: &mut Walker<'_>, family: &str, texts: &[Word], rest: &[Word], arguments: &[Word]) {
    keep_code(walker, arguments);
    // perl runs what stands in front of a `|` in the name of a file that it is to read.
    let is_piped = family == "perl" && rest.iter().any(|word| word.known().is_none_or(|text| text.contains('|')));
    for text in texts {
        match text.known() {
            Some(code) if !is_piped && !one_liner::names_danger(family, code) => name_files(walker, code),
            _ => return walker.opaque_command(FOREIGN),
        }
    }
    walker.script(FOREIGN);
}

/// Has the rules look at the files that code of another language names.
fn name_files(walker: &mut Walker<'_>, code: &str) {
    for text in one_liner::strings(code).filter(|text| text.starts_with(['/', '~']) || text.contains("..")) {
        for program in ["cat", "tee"] {
            walker.guess(&[Word::of(program), Word::of(text)]);
        }
    }
}

const FOREIGN: &str = "it runs code of another language";
const GAPS: &str = "its code has values in it that are not known before it runs";

/// The program without its version: `python` of `python3.11`.
pub(super) fn family(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// Whether a program of this name is an interpreter of a language that is no shell's.
pub(super) fn is_language(name: &str) -> bool {
    LANGUAGES.contains(&family(name))
}

const LANGUAGES: [&str; 50] = [
    "R",
    "Rscript",
    "bpython",
    "bun",
    "clisp",
    "coffee",
    "deno",
    "elixir",
    "erl",
    "expect",
    "ghci",
    "groovy",
    "guile",
    "iex",
    "ipython",
    "irb",
    "java",
    "jrunscript",
    "jshell",
    "julia",
    "jython",
    "kotlin",
    "lua",
    "luajit",
    "micropython",
    "node",
    "nodejs",
    "ocaml",
    "octave",
    "octave-cli",
    "osascript",
    "perl",
    "php",
    "pry",
    "ptpython",
    "pypy",
    "python",
    "racket",
    "raku",
    "ruby",
    "runghc",
    "runhaskell",
    "sbcl",
    "scala",
    "scheme",
    "swipl",
    "tclsh",
    "ts-node",
    "tsx",
    "wish",
];

/// Options with which an interpreter reads its input as without.
const QUIET: &[&str] = &[
    "-",
    "--classic",
    "--interactive",
    "--no-banner",
    "--no-confirm-exit",
    "--no-readline",
    "--no-save",
    "--noautocomplete",
    "--nocolorize",
    "--quiet",
    "--silent",
    "--simple-prompt",
    "--vanilla",
    "-B",
    "-i",
    "-q",
    "-s",
    "-u",
];

/// `python3 -m MODULE` of modules that run nothing.
fn is_harmless_module(arguments: &[Word]) -> bool {
    let words: Vec<Option<&str>> = arguments.iter().map(Word::known).collect();
    matches!(
        words.as_slice(),
        [
            Some("-m"),
            Some(
                "json.tool"
                    | "venv"
                    | "site"
                    | "sysconfig"
                    | "platform"
                    | "calendar"
                    | "zipfile"
                    | "tarfile"
                    | "base64"
            ),
            ..
        ]
    )
}

/// `python3 -c CODE`, `node -e CODE`, `perl -pe CODE FILE…`, where the code runs nothing.
fn is_harmless_code(family: &str, arguments: &[Word]) -> bool {
    let words: Vec<Option<&str>> = arguments.iter().map(Word::known).collect();
    match (family, words.as_slice()) {
        ("python" | "pypy", [Some("-c"), Some(code), ..]) => harmless::python(code),
        ("node" | "nodejs", [Some("-e" | "-p" | "-pe" | "--eval" | "--print"), Some(code)]) => {
            harmless::javascript(code)
        }
        ("perl", [options @ .., Some(code), Some(file)]) if ends_in_code(options) && !file.starts_with('-') => {
            harmless::perl(code)
        }
        ("perl", [options @ .., Some(code)]) if ends_in_code(options) => harmless::perl(code),
        _ => false,
    }
}

/// Whether options of perl say no more than that its code, which follows, runs for each line.
fn ends_in_code(options: &[Option<&str>]) -> bool {
    const EACH_LINE: [&str; 11] = ["-pe", "-ne", "-lpe", "-lne", "-p", "-n", "-e", "-i", "-i.bak", "-pi", "-pi.bak"];
    options.iter().all(|option| option.is_some_and(|option| EACH_LINE.contains(&option)))
        && options.last().copied().flatten().is_some_and(|option| option.ends_with('e'))
}

/// Shells whose code is not read here: a line that a rule is about may mean in them what it says.
const OTHER_SHELLS: [&str; 9] = ["csh", "elvish", "es", "nu", "powershell", "pwsh", "rc", "tcsh", "xonsh"];

/// Code of another language on standard input; where the language `is_foreign`, no line of it is one of a shell.
fn other_stdin(walker: &mut Walker<'_>, family: &str, is_foreign: bool) {
    walker.flow.handed_on = true;
    match walker.stdin.clone() {
        Stdin::Session if walker.cx.interactive => {}
        Stdin::Text(text) if text.trim().is_empty() => {}
        Stdin::Session => {
            if is_foreign {
                walker.out.foreign_code.extend(walker.out.commands.len().checked_sub(1));
            } else {
                walker.out.stdin_is_code = true;
                walker.out.stdin_is_commands = false;
            }
            walker.opaque_command("it runs what comes on standard input");
        }
        Stdin::Text(text) => {
            walker.out.code.push(text.to_string());
            if harmless::python(&text) && matches!(family, "python" | "pypy") {
                return;
            }
            if one_liner::names_danger(family, &text) {
                return walker.opaque_command(FOREIGN);
            }
            name_files(walker, &text);
            walker.script(FOREIGN);
        }
        Stdin::Made | Stdin::Unknown => walker.opaque_command("it runs the output of another program"),
    }
}

fn keep_code(walker: &mut Walker<'_>, arguments: &[Word]) {
    walker
        .out
        .code
        .extend(arguments.iter().filter_map(Word::known).filter(|text| text.contains(' ')).map(str::to_owned));
}

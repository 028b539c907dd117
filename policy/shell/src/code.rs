//! Programs that run code: shells, and interpreters of other languages.
//!
//! Shell code is followed. Code of another language is opaque, and kept for rules on text, unless [`harmless`] knows
//! that it runs nothing.

use super::{
    Shell, Variables, Word, harmless,
    options::Options,
    parse::{Stdin, Walker},
};

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
        walker.code_word(code, shell, positional(rest));
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
        Some(_) => walker.opaque_command("it runs a script whose content is not known"),
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
    if !matches!(shell, Shell::Bash | Shell::Unknown) || !arguments.iter().any(is_long) {
        return arguments.to_vec();
    }
    if shell == Shell::Unknown {
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
        "awk" | "gawk" | "mawk" | "nawk" | "original-awk" => awk(walker, arguments),
        "sed" | "gsed" => sed(walker, arguments),
        "ed" | "ex" => other_stdin(walker, false),
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
                || arguments.iter().all(|word| matches!(word.known(), Some("-i" | "-q" | "-" | "-u" | "-B")))
            {
                return other_stdin(walker, is_foreign);
            }
            if is_harmless_module(arguments) || is_harmless_code(family, arguments) {
                return;
            }
            keep_code(walker, arguments);
            walker.opaque_command("it runs code of another language");
        }
        _ => {}
    }
}

/// The program without its version: `python` of `python3.11`.
pub(super) fn family(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// Whether a program of this name is an interpreter of a language that is no shell's.
pub(super) fn is_language(name: &str) -> bool {
    LANGUAGES.contains(&family(name))
}

const LANGUAGES: [&str; 27] = [
    "Rscript",
    "bun",
    "deno",
    "elixir",
    "erl",
    "expect",
    "ghci",
    "groovy",
    "guile",
    "ipython",
    "irb",
    "java",
    "jshell",
    "julia",
    "lua",
    "luajit",
    "node",
    "nodejs",
    "osascript",
    "perl",
    "php",
    "pypy",
    "python",
    "ruby",
    "scala",
    "tclsh",
    "wish",
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
    const EACH_LINE: [&str; 9] = ["-pe", "-ne", "-lpe", "-lne", "-p", "-n", "-e", "-i", "-i.bak"];
    options.iter().all(|option| option.is_some_and(|option| EACH_LINE.contains(&option)))
        && options.last().copied().flatten().is_some_and(|option| option.ends_with('e'))
}

/// Shells whose code is not read here: a line that a rule is about may mean in them what it says.
const OTHER_SHELLS: [&str; 9] = ["csh", "elvish", "es", "nu", "powershell", "pwsh", "rc", "tcsh", "xonsh"];

/// Code of another language on standard input; where the language `is_foreign`, no line of it is one of a shell.
fn other_stdin(walker: &mut Walker<'_>, is_foreign: bool) {
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
            walker.opaque_command("it runs code of another language");
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

/// A program of awk runs nothing unless it says `system`, `|`, `getline`, or writes to a file.
fn awk(walker: &mut Walker<'_>, arguments: &[Word]) {
    const OPTIONS: Options = Options {
        flags: "bcCgGhkMnNOPrsStV",
        values: "FvfeEidlL",
        long_flags: &[
            "characters-as-bytes",
            "traditional",
            "csv",
            "bignum",
            "posix",
            "re-interval",
            "sandbox",
            "lint",
            "optimize",
            "numeric-data",
        ],
        long_values: &["field-separator", "assign", "file", "source", "exec", "include", "load"],
    };
    let found = match OPTIONS.read(arguments) {
        Ok(found) => found,
        Err(why) => return walker.opaque_command(why),
    };
    if found.has(&["f", "file", "E", "exec", "i", "include", "l", "load", "L"]) {
        return walker.opaque_command("it runs a script whose content is not known");
    }
    if found.has(&["version", "help", "h", "V"]) {
        return;
    }
    let program = found.value(&["e", "source"]).or(found.operands.first());
    let Some(program) = program else { return };
    if !program.known().is_some_and(harmless::awk) || found.value(&["e", "source"]).is_some() {
        keep_code(walker, arguments);
        walker.opaque_command("its awk program may run commands or write files");
    }
}

/// A script of sed runs nothing unless it has `e` or `w`, or the flags `e` or `w` of `s`.
fn sed(walker: &mut Walker<'_>, arguments: &[Word]) {
    let mut scripts: Vec<&Word> = Vec::new();
    let mut operands = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.known().unwrap_or(word.start());
        match text {
            "-e" | "--expression" => scripts.extend(rest.next()),
            "--" => operands.extend(rest.by_ref()),
            "--help" | "--version" => return,
            "-l" | "--line-length" => {
                rest.next();
            }
            _ if text.starts_with("--file") || text.starts_with("-f") => {
                return walker.opaque_command("it runs a script whose content is not known");
            }
            _ if text.starts_with("--expression=") || text.starts_with("--e") => {
                return walker.opaque_command("its sed script may run commands");
            }
            _ if text.starts_with("--in-place") || text.starts_with("-i") || text.starts_with("--") => {}
            _ if text.starts_with('-') && text.len() > 1 => {
                let letters = text.trim_start_matches('-');
                if !letters.chars().all(|c| "nrEszubei".contains(c)) || letters.contains('f') {
                    // A suffix of -i, such as -i.bak, is no letter.
                    if !letters.contains('i') {
                        return walker.opaque_command("an option of sed is not known");
                    }
                }
                if letters.ends_with('e') {
                    scripts.extend(rest.next());
                }
            }
            _ => operands.push(word),
        }
    }
    if scripts.is_empty() {
        scripts.extend(operands.first().copied());
    }
    for script in scripts {
        // Gaps are values of variables: they may hold more commands.
        if !script.known().is_some_and(harmless::sed) {
            walker.out.code.extend(script.known().map(str::to_owned));
            walker.opaque_command("its sed script may run commands or write files");
        }
    }
}

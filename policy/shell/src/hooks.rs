//! Programs that do something else, and run a command where an argument asks for it.

use super::{
    Shell, Variables, Word, base_name,
    client::{self, Client},
    git,
    parse::{Stdin, Walker, has_code},
    reasons, smuggled, tools, unwrap, variables,
};

mod ansible;
mod table;

/// What the value of an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HookValue {
    /// Variables of Ansible, of which some name programs.
    AnsibleVariables,
    /// Keys and what they do, as of fzf: `KEY:execute(CODE)`.
    Binding,
    /// Shell code.
    Code,
    /// Shell code after `exec=`, as of `tar --checkpoint-action`.
    CodeAfterExec,
    /// Something that may run code, in a language of its own.
    Other,
    /// A file with settings that may run code, and seldom do.
    Script,
    /// A setting of ssh.
    Setting,
    /// A file with statements of SQL.
    SqlFile,
    /// Statements of a client, or what stands behind the words that make statements of it.
    Statements(Client, &'static str),
}

use HookValue::{AnsibleVariables, Binding, Code, CodeAfterExec, Other, Script, Setting, SqlFile, Statements};

/// Follows what options of programs run.
pub(super) fn check(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    for options in table::of(name).filter(|options| !options.is_empty()) {
        options_of(walker, arguments, options);
        smuggled::options(walker, arguments);
    }
    if let Some(client) = Client::of_program(name) {
        client::follow(walker, client, arguments);
    }
    if runs_file(name, arguments) {
        walker.doubtful_command("it runs what is in a file");
        if name == "mount" {
            // What a filesystem of FUSE is called may be a program.
            unwrap::guess_arguments(walker, arguments);
        }
    }
    smuggled::names(walker, name, arguments);
    match name {
        "git" => git::check(walker, arguments),
        "less" | "more" | "most" | "zless" | "zmore" | "bzless" | "xzless" | "vi" | "vim" | "nvim" | "view"
        | "vimdiff" | "rvim" | "rview" | "gvim" | "vimx" | "nvi" | "ex" => {
            pluses(walker, name, arguments);
        }
        name if SQL_CLIENTS.contains(&name) => sql(walker, arguments),
        "make" | "gmake" => make(walker, arguments),
        // It is a script of that name in a folder.
        "service" if arguments.iter().any(|word| word.start().contains('/')) => {
            walker.opaque_command("it runs a file whose content is not known");
        }
        // A file system of a program names that in place of a device.
        "mount" if arguments.iter().any(|word| word.start().starts_with("fuse") || word.start().contains("tfuse")) => {
            for code in arguments.iter().filter(|word| word.known().is_none_or(|text| text.contains([' ', '#']))) {
                walker.code_word(code, Shell::Unknown, Variables::new());
            }
        }
        "patch" => words_that(walker, arguments, |text| matches!(text, "-e" | "--ed")),
        "dnf" | "yum" => words_that(walker, arguments, |text| text.contains("pluginpath")),
        "compgen" | "complete" => words_that(walker, arguments, has_code),
        "socat" => words_that(walker, arguments, |text| {
            let text = text.to_ascii_lowercase();
            text.starts_with("exec") || text.starts_with("system") || text.starts_with("shell")
        }),
        "apt" | "apt-cache" | "apt-get" | "aptitude" | "dpkg" => {
            words_that(walker, arguments, |text| text.contains("::"))
        }
        "ansible" => ansible::module(walker, arguments),
        _ if tools::run(walker, name, arguments) => {}
        "salt" | "pssh" | "pdsh" | "parallel-ssh" | "clush" | "mussh" | "dsh" | "run-parts" | "start-stop-daemon"
        | "entr" | "hyperfine" | "watchexec" | "expect" | "gdb" | "lldb" | "cscli" | "multipass" | "vagrant"
        | "firejail" | "proot" | "bwrap" | "valgrind" | "perf" | "daemonize" | "dtach" | "abduco" | "zellij"
        | "byobu" | "nsh" | "mosh" | "telnet" | "rsh" | "rlogin" | "rexec" | "machinectl" | "virsh"
            if !arguments.iter().all(|word| matches!(word.known(), Some("--version" | "--help" | "-V" | "-h"))) =>
        {
            walker.opaque_command(reasons::NOT_LOOKED_FOR);
        }
        _ => {}
    }
}

fn options_of(walker: &mut Walker<'_>, arguments: &[Word], options: &[(&str, HookValue)]) {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.known().unwrap_or(argument.start());
        if text == "--" {
            return;
        }
        for (option, kind) in options {
            let is_long = option.starts_with("--");
            // Of those with one dash and a name, some programs take two dashes too.
            let is_named = !is_long && option.len() > 2;
            let named = text.split('=').next().unwrap_or(text);
            let value = if is_named
                && text.contains('=')
                && (named == *option || named.strip_prefix('-') == Some(option))
            {
                Some(argument.without_start(named.len() + 1))
            } else if text == *option || (is_named && text.strip_prefix('-') == Some(option)) {
                rest.clone().next().cloned()
            } else if is_long && text.len() > 4 && text.split('=').next().is_some_and(|name| option.starts_with(name)) {
                // An option may be cut short.
                match text.find('=') {
                    Some(at) => Some(argument.without_start(at + 1)),
                    None => rest.clone().next().cloned(),
                }
            } else if !is_long && option.len() == 2 && ends_cluster(text, option) {
                rest.clone().next().cloned()
            } else if !is_long && option.len() == 2 && text.starts_with(option) {
                Some(argument.without_start(option.len()))
            } else {
                let is_bundled = matches!(kind, Statements(Client::Mysql | Client::Psql, _));
                let at = attached_in_cluster(text, option).filter(|_| is_bundled);
                at.map(|at| argument.without_start(at))
            };
            if let Some(value) = value {
                follow(walker, &value, *kind);
            }
        }
    }
}

/// Whether `text` is a bundle of letters of which the last is the option: `-avze`.
fn ends_cluster(text: &str, option: &str) -> bool {
    let (Some(letters), Some(letter)) = (text.strip_prefix('-'), option.strip_prefix('-')) else { return false };
    letters.len() > 1 && letters.ends_with(letter) && letters.chars().all(|c| c.is_ascii_alphabetic())
}

/// A file to write to that may be a program: `|CODE`, or `!CODE`.
pub(super) fn piped(walker: &mut Walker<'_>, file: Option<&Word>) {
    let Some(file) = file.filter(|file| file.start().starts_with(['|', '!'])) else { return };
    follow(walker, &file.without_start(1), Code);
}

/// Where the value begins that is attached to the option in a bundle of letters: `-tAcVALUE`.
fn attached_in_cluster(text: &str, option: &str) -> Option<usize> {
    let (letters, letter) = (text.strip_prefix('-')?, option.strip_prefix('-').filter(|letter| letter.len() == 1)?);
    let at = letters.find(letter)?;
    letters.get(..at)?.chars().all(|c| c.is_ascii_alphanumeric()).then_some(at + 2)
}

fn follow(walker: &mut Walker<'_>, value: &Word, kind: HookValue) {
    // What reaches it is what the program makes of its own input, if anything.
    let outer = walker.stdin.clone();
    if outer == Stdin::Session && !walker.cx.interactive {
        walker.stdin = Stdin::Made;
    }
    follow_value(walker, value, kind);
    walker.stdin = outer;
}

fn follow_value(walker: &mut Walker<'_>, value: &Word, kind: HookValue) {
    match (kind, value.known()) {
        (AnsibleVariables, _) => ansible::variables(walker, value),
        (Code, _) => walker.code_word(value, Shell::Unknown, Variables::new()),
        (Statements(client, start), _) => {
            client::statement_word(walker, client, &Word::of(start).followed_by(value));
        }
        (Script, _) => walker.doubtful_command("it reads settings that may run code"),
        (Setting, _) => unwrap::ssh_setting(walker, value),
        (SqlFile, _) if is_named_statements(value) && !walker.has_written(base_name(value.ending())) => {
            walker.script("it reads statements from a file");
        }
        (CodeAfterExec, Some(text)) => {
            if let Some((_, code)) = text.split_once("exec=") {
                walker.code(code, Shell::Unknown);
            }
        }
        (Other, Some("NONE" | "NORC" | "/dev/null")) => {}
        (Binding, Some(text)) => binding(walker, text),
        (Binding | CodeAfterExec | Other | SqlFile, _) => {
            walker.out.code.extend(value.known().map(str::to_owned));
            walker.opaque_command(reasons::ARGUMENT_RUNS);
        }
    }
}

/// Actions of fzf that run something have their code in brackets, or to the end behind a colon.
fn binding(walker: &mut Walker<'_>, text: &str) {
    for action in ["execute", "execute-silent", "become", "reload", "reload-sync", "preview", "change-preview"] {
        for (at, _) in text.match_indices(action) {
            let rest = text.get(at + action.len()..).unwrap_or_default();
            let Some(open) = rest.chars().next() else { continue };
            let close = match open {
                '(' => ')',
                '[' => ']',
                '{' => '}',
                '<' => '>',
                ':' => '\n',
                c if c.is_ascii_punctuation() && !matches!(c, '-' | '+' | ',') => c,
                _ => continue,
            };
            let code = rest.get(1..).unwrap_or_default();
            walker.code(code.rsplit_once(close).map_or(code, |(code, _)| code), Shell::Unknown);
        }
    }
    if text.contains("transform") {
        walker.opaque_command(reasons::ARGUMENT_RUNS);
    }
}

/// A command of an editor.
pub(super) fn editor_command(walker: &mut Walker<'_>, text: &str) {
    // The reader of man's pages in nvim.
    if text != "Man!" {
        client::statements(walker, Client::Vim, text);
    }
}

/// `vim +COMMAND`, `less +COMMAND`.
fn pluses(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    // A script of keys, where it does not mean to be silent.
    let is = |names: &[&str]| arguments.iter().position(|word| names.contains(&word.start()));
    if let Some(script) =
        is(&["-s"]).filter(|_| name != "ex" && !name.ends_with("less") && !name.starts_with("mo") && name != "zmore")
        && is(&["-e", "-E"]).is_none_or(|silent| script < silent)
    {
        walker.opaque_command(reasons::SCRIPT);
    }
    for argument in arguments {
        let Some(command) = argument.start().strip_prefix('+') else { continue };
        match argument.known() {
            Some(_) if command.starts_with('/') || matches!(command, "F" | "G") => {}
            Some(_) => editor_command(walker, command),
            None => walker.opaque_command("an editor's command is not known"),
        }
    }
}

/// A makefile on standard input, another shell for its recipes, and variables, which are what makefiles run.
fn make(walker: &mut Walker<'_>, arguments: &[Word]) {
    for word in arguments.iter().filter(|word| !word.start().starts_with('-')) {
        if let Some((name, _)) = word.start().split_once('=') {
            variables::set(walker, name.trim_end_matches([':', '?', '+', '!']), &word.without_start(name.len() + 1));
        }
    }
    let reads_input = arguments
        .iter()
        .any(|word| matches!(word.known(), Some("-" | "-f-" | "/dev/stdin" | "--file=-" | "--makefile=-")));
    if reads_input
        || arguments.iter().any(|word| word.start().starts_with("SHELL=") || word.start().starts_with(".SHELLFLAGS="))
    {
        walker.opaque_command("an argument of make runs another program");
    }
}

/// Clients of databases, which read statements.
pub(super) const SQL_CLIENTS: [&str; 7] =
    ["psql", "mysql", "mariadb", "sqlite3", "cockroach", "clickhouse-client", "sqlcmd"];

/// Whether an argument of such a client gives it statements, so that it does not read its input.
pub(super) fn brings_statements(word: &Word) -> bool {
    let start = word.start();
    ["-c", "-f", "-e", "-q", "--command", "--file", "--execute", "--query", "-l"]
        .iter()
        .any(|option| start.starts_with(option))
}

/// Whether a file is called like one of statements or of data, which a client reads as a script.
pub(super) fn is_named_statements(file: &Word) -> bool {
    let name =
        [".gz", ".xz", ".bz2", ".zst"].iter().fold(file.ending(), |name, end| name.strip_suffix(end).unwrap_or(name));
    [".sql", ".cql", ".ddl", ".dml", ".psql", ".csv", ".tsv", ".dump"].iter().any(|ending| name.ends_with(ending))
}

/// Whether an operand is a file that has code, such as a package of one's own.
fn runs_file(name: &str, arguments: &[Word]) -> bool {
    let has = |options: &[&str]| arguments.iter().any(|word| options.contains(&word.start()));
    let mut operands = arguments.iter().map(Word::start).filter(|start| !start.starts_with('-'));
    let is_path = |text: &str| text.contains('/') && !text.contains("://");
    match name {
        "insmod" | "logrotate" => operands.next().is_some(),
        "go" => has(&["run", "generate"]),
        "dpkg" => has(&["-i", "--install", "--unpack"]),
        "rpm" => arguments.iter().any(|word| {
            let letters = word.start().strip_prefix('-').filter(|letters| !letters.starts_with('-'));
            letters.is_some_and(|letters| letters.starts_with(['i', 'U', 'F'])) || word.start() == "--install"
        }),
        "apt" | "apt-get" | "dnf" | "gem" | "npm" | "pip" | "pip3" | "pipx" | "pnpm" | "yarn" | "yum" | "zypper" => {
            operands.next().is_some_and(|command| matches!(command, "add" | "i" | "in" | "install"))
                && operands.any(is_path)
        }
        "mount" => arguments.iter().any(|word| word.start().contains("fuse")),
        // Every program looks for its libraries in the folders that it is given.
        "ldconfig" => operands.any(|folder| !variables::is_installed(&Word::of(folder))),
        "rustc" => arguments.iter().any(|word| word.start().contains("linker")),
        _ => false,
    }
}

/// Rules on text may be about what clients of databases read.
fn sql(walker: &mut Walker<'_>, arguments: &[Word]) {
    if walker.stdin == Stdin::Session && !walker.cx.interactive && !arguments.iter().any(brings_statements) {
        walker.out.stdin_is_text = true;
    }
}

fn words_that(walker: &mut Walker<'_>, arguments: &[Word], runs: impl Fn(&str) -> bool) {
    for argument in arguments {
        if runs(argument.known().unwrap_or(argument.start())) {
            walker.out.code.extend(argument.known().map(str::to_owned));
            return walker.opaque_command(reasons::ARGUMENT_RUNS);
        }
    }
}

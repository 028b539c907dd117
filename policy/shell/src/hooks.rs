//! Programs that do something else, and run a command where an argument asks for it.

use super::{
    Shell, Variables, Word, base_name,
    parse::{Stdin, Walker, has_code},
    tools, unwrap,
};

/// What the value of an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HookValue {
    /// Shell code.
    Code,
    /// Shell code after `exec=`, as of `tar --checkpoint-action`.
    CodeAfterExec,
    /// Something that may run code, in a language of its own.
    Other,
    /// An editor's command: shell code after `!`.
    Editor,
    /// A setting of ssh.
    Setting,
    /// A file with statements of SQL.
    Statements,
}

use HookValue::{Code, CodeAfterExec, Editor, Other, Setting, Statements};

/// Follows what options of programs run.
pub(super) fn check(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    for (programs, options) in HOOKS {
        if programs.contains(&name) {
            options_of(walker, arguments, options);
        }
    }
    match name {
        "git" => git(walker, arguments),
        "less" | "more" | "vi" | "vim" | "nvim" | "view" | "vimdiff" | "rvim" | "ex" => pluses(walker, arguments),
        name if SQL_CLIENTS.contains(&name) => sql(walker, arguments),
        "make" | "gmake" => make(walker, arguments),
        "compgen" | "complete" => words_that(walker, arguments, has_code),
        "dc" => words_that(walker, arguments, |text| text.contains('!')),
        "socat" => words_that(walker, arguments, |text| {
            let text = text.to_ascii_lowercase();
            text.starts_with("exec") || text.starts_with("system") || text.starts_with("shell")
        }),
        "apt" | "apt-get" | "aptitude" | "dpkg" => words_that(walker, arguments, |text| text.contains("::")),
        "ansible" => ansible(walker, arguments),
        _ if tools::run(walker, name, arguments) => {}
        "salt" | "pssh" | "pdsh" | "parallel-ssh" | "clush" | "mussh" | "dsh" | "run-parts" | "start-stop-daemon"
        | "entr" | "hyperfine" | "watchexec" | "expect" | "gdb" | "lldb" | "cscli" | "multipass" | "vagrant"
        | "firejail" | "proot" | "bwrap" | "valgrind" | "perf" | "daemonize" | "dtach" | "abduco" | "zellij"
        | "byobu" | "nsh" | "mosh" | "telnet" | "rsh" | "rlogin" | "rexec" | "machinectl" | "virsh"
            if !arguments.iter().all(|word| matches!(word.known(), Some("--version" | "--help" | "-V" | "-h"))) =>
        {
            walker.opaque_command("it runs another program that is not looked for here");
        }
        _ => {}
    }
}

type Hooks = (&'static [&'static str], &'static [(&'static str, HookValue)]);

/// Programs, and their options whose value is run.
const HOOKS: &[Hooks] = &[
    (
        &["tar", "gtar", "bsdtar"],
        &[
            ("--to-command", Code),
            ("--use-compress-program", Code),
            ("-I", Code),
            ("--checkpoint-action", CodeAfterExec),
            ("--rsh-command", Code),
            ("--rmt-command", Code),
            ("--info-script", Code),
            ("--new-volume-script", Code),
            ("-F", Code),
        ],
    ),
    (&["mapfile", "readarray", "compgen", "complete"], &[("-C", Code)]),
    (&["rsync"], &[("-e", Code), ("--rsh", Code), ("--rsync-path", Code)]),
    (&["scp", "sftp"], &[("-S", Code), ("-D", Code), ("-F", Other), ("-o", Setting)]),
    (&["sort"], &[("--compress-program", Code)]),
    (&["split"], &[("--filter", Code)]),
    (&["man"], &[("-P", Code), ("--pager", Code), ("-H", Code), ("--html", Code), ("-C", Other)]),
    (&["zip"], &[("-TT", Code), ("--unzip-command", Code)]),
    (
        &["nc", "ncat", "netcat", "nc.traditional"],
        &[("-e", Code), ("--exec", Code), ("-c", Code), ("--sh-exec", Code), ("--lua-exec", Other)],
    ),
    (&["tcpdump"], &[("-z", Code)]),
    (&["xterm", "konsole", "gnome-terminal", "alacritty"], &[("-e", Code), ("-x", Code)]),
    (
        &["emacs", "emacsclient"],
        &[
            ("--eval", Other),
            ("-f", Other),
            ("--load", Other),
            ("-l", Other),
            ("--funcall", Other),
            ("--script", Other),
        ],
    ),
    (
        &["vi", "vim", "nvim", "view", "rvim", "ex", "vimdiff"],
        &[("-c", Editor), ("--cmd", Editor), ("-S", Other), ("-s", Other), ("-u", Other)],
    ),
    (&["wget"], &[("--use-askpass", Code), ("-e", Other), ("--execute", Other)]),
    (&["psql"], &[("-f", Statements), ("--file", Statements)]),
    (&["env", "nmap"], &[("--script", Other)]),
    (&["logrotate"], &[("-m", Code), ("--mail", Code)]),
    (&["journalctl", "systemctl"], &[]),
    (&["make", "gmake"], &[("--eval", Other), ("-E", Other)]),
    (&["iptables-restore"], &[("--modprobe", Code)]),
    (&["mount"], &[]),
    (&["ldconfig"], &[]),
];

fn options_of(walker: &mut Walker<'_>, arguments: &[Word], options: &[(&str, HookValue)]) {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.known().unwrap_or(argument.start());
        if text == "--" {
            return;
        }
        for (option, kind) in options {
            let is_long = option.starts_with("--");
            let value = if text == *option {
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
                None
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
        (Code, _) => walker.code_word(value, Shell::Unknown, Variables::new()),
        (Setting, _) => unwrap::ssh_setting(walker, value),
        (Statements, _) if is_named_statements(value) && !walker.has_written(base_name(value.ending())) => {
            walker.script("it reads statements from a file");
        }
        (CodeAfterExec, Some(text)) => {
            if let Some((_, code)) = text.split_once("exec=") {
                walker.code(code, Shell::Unknown);
            }
        }
        (Editor, Some("NONE")) => {}
        (Editor, Some(text)) => editor_command(walker, text),
        (Other, Some("NONE" | "NORC" | "/dev/null")) => {}
        (CodeAfterExec | Editor | Other | Statements, _) => {
            walker.out.code.extend(value.known().map(str::to_owned));
            walker.opaque_command("an argument may run another program");
        }
    }
}

fn editor_command(walker: &mut Walker<'_>, text: &str) {
    match text.split_once('!') {
        Some((_, code)) => {
            walker.code(code, Shell::Unknown);
            walker.opaque_command("an editor's command runs another program");
        }
        None if text.trim_start_matches(':').chars().all(|c| c.is_ascii_digit() || c == '$') => {}
        None if ["set ", "syntax ", "colorscheme "].iter().any(|start| text.starts_with(start))
            && !text.contains(['|', '\n']) => {}
        None => walker.opaque_command("an editor's command may run another program"),
    }
}

/// `vim +COMMAND`, `less +COMMAND`.
fn pluses(walker: &mut Walker<'_>, arguments: &[Word]) {
    for argument in arguments {
        let Some(command) = argument.start().strip_prefix('+') else { continue };
        match argument.known() {
            Some(_) if command.starts_with('/') || matches!(command, "F" | "G") => {}
            Some(_) => editor_command(walker, command),
            None => walker.opaque_command("an editor's command is not known"),
        }
    }
}

fn git(walker: &mut Walker<'_>, arguments: &[Word]) {
    const CODE_SETTINGS: [&str; 14] = [
        "alias.",
        "core.pager",
        "core.editor",
        "core.sshcommand",
        "core.fsmonitor",
        "core.hookspath",
        "pager.",
        "diff.",
        "difftool.",
        "mergetool.",
        "sequence.editor",
        "credential.",
        "filter.",
        "gpg.",
    ];
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        let text = word.known().unwrap_or(word.start());
        let setting = match text {
            "-c" | "--config-env" => words.peek().map(|word| word.start().to_ascii_lowercase()),
            "config" => Some(
                arguments
                    .iter()
                    .filter_map(Word::known)
                    .find(|text| text.contains('.'))
                    .unwrap_or_default()
                    .to_ascii_lowercase(),
            ),
            _ => None,
        };
        if setting.is_some_and(|setting| CODE_SETTINGS.iter().any(|start| setting.starts_with(start))) {
            let is_read =
                arguments.iter().any(|word| matches!(word.known(), Some("--get" | "--list" | "-l" | "--unset")));
            // Another name for a command of git's own.
            let is_plain =
                |word: &Word| word.known().is_some_and(|text| !text.contains(['!', '=', '-']) || text == "--global");
            let is_alias = text == "config" && arguments.iter().any(|word| word.start().starts_with("alias."));
            if !(is_read || is_alias && arguments.iter().all(is_plain)) {
                walker.opaque_command("a setting of git runs another program");
            }
        }
        match text {
            "-x" | "--exec" | "--extcmd" | "--upload-pack" | "--receive-pack" | "--tree-filter" | "--index-filter"
            | "--msg-filter" | "--env-filter" => {
                if let (Some(code), true) = (
                    words.peek(),
                    text != "-x" || arguments.iter().any(|word| matches!(word.known(), Some("rebase" | "difftool"))),
                ) {
                    walker.code_word(code, Shell::Unknown, Variables::new());
                }
            }
            "foreach" => {
                let code: Vec<Word> =
                    words.by_ref().filter(|word| word.known() != Some("--recursive")).cloned().collect();
                match code.as_slice() {
                    [code] => walker.code_word(code, Shell::Unknown, Variables::new()),
                    command => unwrap::run(walker, command.to_vec(), Vec::new(), Vec::new()),
                }
            }
            "run" if arguments.iter().any(|word| word.known() == Some("bisect")) => {
                unwrap::run(walker, words.by_ref().cloned().collect(), Vec::new(), Vec::new());
            }
            _ if ["--exec=", "--extcmd=", "--upload-pack=", "--receive-pack="]
                .iter()
                .any(|start| text.starts_with(start)) =>
            {
                walker.code_word(
                    &word.without_start(text.find('=').map_or(0, |at| at + 1)),
                    Shell::Unknown,
                    Variables::new(),
                );
            }
            _ if text.starts_with("ext::") || text.starts_with("--exec-path=") => {
                walker.opaque_command("an argument of git runs another program")
            }
            _ => {}
        }
    }
}

/// `ansible HOSTS -m MODULE -a ARGUMENTS`: modules that look, and those that run a command of the shell there.
fn ansible(walker: &mut Walker<'_>, arguments: &[Word]) {
    let value = |short: &str, long: &str| {
        let at = arguments.iter().position(|word| word.known().is_some_and(|text| text == short || text == long))?;
        arguments.get(at + 1)
    };
    let module = value("-m", "--module-name").map_or(Some("command"), Word::known);
    let module = module.and_then(|name| name.rsplit('.').next());
    match (module, value("-a", "--args")) {
        (Some("command" | "raw" | "shell"), Some(code)) => {
            walker.elsewhere(|walker| walker.code_word(code, Shell::Unknown, Variables::new()));
        }
        (
            Some(
                "debug" | "find" | "gather_facts" | "getent" | "package_facts" | "ping" | "service_facts" | "setup"
                | "stat",
            ),
            _,
        ) => {}
        _ if arguments
            .iter()
            .any(|word| matches!(word.known(), Some("--list-hosts" | "--version" | "--help" | "-h"))) => {}
        _ => walker.opaque_command("it runs another program that is not looked for here"),
    }
}

/// A makefile on standard input, and another shell for its recipes.
fn make(walker: &mut Walker<'_>, arguments: &[Word]) {
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
    [".sql", ".ddl", ".dml", ".psql", ".csv", ".tsv", ".dump"].iter().any(|ending| name.ends_with(ending))
}

/// Clients of databases run programs for `\!`, `.shell` and the like.
fn sql(walker: &mut Walker<'_>, arguments: &[Word]) {
    if walker.stdin == Stdin::Session && !walker.cx.interactive && !arguments.iter().any(brings_statements) {
        walker.out.stdin_is_text = true;
    }
    if matches!(walker.stdin, Stdin::Made | Stdin::Unknown) && !arguments.iter().any(brings_statements) {
        walker.script("it reads statements from a file or another program");
    }
    words_that(walker, arguments, |text| {
        let lower = text.to_ascii_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        ["\\!", ".read", ".shell", ".system", "from program", "to program", "\\o |", "\\g |"]
            .iter()
            .any(|code| lower.contains(code))
            || lower.starts_with("system ")
    });
}

fn words_that(walker: &mut Walker<'_>, arguments: &[Word], runs: impl Fn(&str) -> bool) {
    for argument in arguments {
        if runs(argument.known().unwrap_or(argument.start())) {
            walker.out.code.extend(argument.known().map(str::to_owned));
            return walker.opaque_command("an argument may run another program");
        }
    }
}

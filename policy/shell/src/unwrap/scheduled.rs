//! Code that runs later: `crontab`, and files whose lines are run by somebody, once they are written.
//!
//! Which files these are: crontabs, units of systemd, what shells read when they start, hooks, and settings of programs
//! that name code. Where their new text is known it is judged as if it were run now; where not, it cannot be known.

use super::{assignment, ssh_setting};
use crate::{
    Command, Shell, Word, base_name, file_access, git, hooks,
    parse::{Stdin, Walker},
    word::Atom,
};

/// Who runs the lines of a file, and how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// `command="…"` before a key of ssh.
    Keys,
    /// cron; in the system's tables a line names its user.
    Cron { has_user: bool },
    /// Entries of a desktop: `Exec=`.
    Desktop,
    /// An editor's commands.
    Editor,
    /// git's settings.
    Git,
    /// A program with a language of its own.
    Other,
    /// A shell.
    Shell,
    /// ssh's settings.
    Ssh,
    /// systemd.
    Unit,
}

/// `crontab FILE`, `crontab -`
pub(super) fn crontab(walker: &mut Walker<'_>, arguments: &[Word]) {
    let mut file = None;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.known() {
            Some("-u" | "-c") => drop(words.next()),
            Some("-" | "/dev/stdin") => file = None,
            Some(option) if option.len() > 1 && option.starts_with('-') => {
                if option.contains(['l', 'r', 'e', 'V', 'd']) {
                    return;
                }
            }
            _ => file = Some(word),
        }
    }
    if file.is_some() {
        return walker.opaque_command("it runs commands from a file whose content is not known");
    }
    walker.flow.handed_on = true;
    match walker.stdin.clone() {
        Stdin::Text(text) => lines(walker, Lines::Cron { has_user: false }, &text),
        Stdin::Session if walker.cx.interactive => {}
        Stdin::Session => {
            walker.out.stdin_is_code = true;
            walker.opaque_command("it runs what comes on standard input");
        }
        Stdin::Made | Stdin::Unknown => walker.opaque_command("it runs the output of another program"),
    }
}

/// `systemctl set-environment NAME=VALUE…`, and `systemctl link UNIT…`
pub(super) fn systemctl(walker: &mut Walker<'_>, arguments: &[Word]) {
    let mut words = arguments.iter().skip_while(|word| word.start().starts_with('-'));
    match words.next().and_then(Word::known) {
        Some("set-environment") => {
            for word in words {
                if let Some((name, _)) = word.start().split_once('=') {
                    assignment(walker, name, &word.without_start(name.len() + 1));
                }
            }
        }
        Some("link") => walker.doubtful("a unit from elsewhere is used"),
        _ => {}
    }
}

/// `tee FILE…`
pub(super) fn tee(walker: &mut Walker<'_>) {
    let Some(index) = walker.out.commands.len().checked_sub(1) else { return };
    let Some(command) = walker.out.commands.get(index).cloned() else { return };
    let text = match &walker.stdin {
        Stdin::Text(text) => Some(text.to_string()),
        Stdin::Made | Stdin::Session | Stdin::Unknown => None,
    };
    written(walker, index, &Command { redirects: Vec::new(), ..command }, text.as_deref());
}

/// Programs that put a file there of which nothing is known.
pub(super) fn copied(walker: &mut Walker<'_>) {
    let command = walker.out.commands.last().cloned().unwrap_or_default();
    let command = Command { redirects: Vec::new(), ..command };
    if file_access::writes(&command).iter().any(|touched| runs_lines(&touched.path).is_some()) {
        walker.doubtful("it puts a file where its lines are run");
    }
}

/// Follows what the redirections of a command write, which is `text` where that is known.
pub(crate) fn redirected(walker: &mut Walker<'_>, index: usize, text: Option<&str>) {
    let Some(command) = walker.out.commands.get(index).filter(|command| !command.redirects.is_empty()) else { return };
    let echoed = if text.is_none() { echoed(command) } else { None };
    let command =
        Command { redirects: command.redirects.clone(), folder: command.folder.clone(), ..Command::default() };
    written(walker, index, &command, text.or(echoed.as_deref()));
}

/// What `echo` prints of words with backslashes: shells differ, so it is both readings.
fn echoed(command: &Command) -> Option<String> {
    let words: Option<Vec<&str>> = command.arguments().iter().map(Word::known).collect();
    let text = words.filter(|_| command.program() == Some("echo"))?.join(" ");
    let is_other = |escape: &&str| escape.starts_with(|c: char| c.is_ascii_digit() || "xuUc".contains(c));
    let has_other = text.split('\\').skip(1).any(|escape| is_other(&escape));
    (!has_other).then(|| format!("{text}\n{}", text.replace("\\n", "\n").replace("\\t", "\t")))
}

fn written(walker: &mut Walker<'_>, index: usize, command: &Command, text: Option<&str>) {
    for touched in file_access::writes(command) {
        match (runs_lines(&touched.path), text) {
            (Some(how), Some(text)) => lines(walker, how, text),
            // What such a file mostly has is no code.
            (Some(Lines::Editor | Lines::Git | Lines::Keys | Lines::Other | Lines::Ssh), None) => {
                walker.doubtful("it writes settings that may run code, and which is not known");
            }
            (Some(Lines::Cron { .. } | Lines::Desktop | Lines::Shell | Lines::Unit), None) => {
                walker.opaque_at(Some(index), "it writes a file whose lines are run, and what is not known");
            }
            (None, _) => {}
        }
    }
}

/// How the lines of the file are run, if they are.
fn runs_lines(path: &Word) -> Option<Lines> {
    let Some(Atom::Text(tail)) = path.atoms().last() else { return None };
    let tail = tail.as_str();
    let name = base_name(tail);
    let is_known = path.known().is_some();
    let below = |folder: &str| tail.contains(folder);
    let is = |list: &str| list.split_ascii_whitespace().any(|word| word == name);
    let ends = |list: &str| list.split_ascii_whitespace().any(|end| tail.ends_with(end));
    Some(match name {
        _ if ends("/etc/crontab") || below("/etc/cron.d/") => Lines::Cron { has_user: true },
        _ if below("/var/spool/cron/") => Lines::Cron { has_user: false },
        _ if below("/etc/cron.") || below("/etc/init.d/") || below("/etc/profile.d/") => Lines::Shell,
        _ if below("/systemd/") && ends(".service .timer .socket .path .mount .target .slice .conf") => Lines::Unit,
        _ if below("/autostart/") && ends(".desktop") => Lines::Desktop,
        _ if below(".git/hooks/") || (below("hooks/") || below(".husky/")) && is(HOOKS) => Lines::Shell,
        _ if below("/fish/conf.d/") || below("/fish/functions/") || ends("/fish/config.fish") => Lines::Shell,
        _ if is(START_UP) || ends("/etc/profile /etc/rc.local /etc/zsh/zshrc /etc/zsh/zshenv .ssh/rc") => Lines::Shell,
        _ if below("-hooks.d/") || below("/etc/update-motd.d/") || below("dispatcher.d/") => Lines::Shell,
        "authorized_keys" | "authorized_keys2" => Lines::Keys,
        ".gitconfig" | ".gitmodules" => Lines::Git,
        _ if ends("/.git/config /git/config /etc/gitconfig") || (is_known && tail == ".git/config") => Lines::Git,
        _ if ends(".ssh/config /etc/ssh/ssh_config") => Lines::Ssh,
        ".vimrc" | ".exrc" | "init.vim" | ".gvimrc" => Lines::Editor,
        _ if is(OTHER) => Lines::Other,
        _ => return None,
    })
}

/// Judges the lines of a file as if they were run now.
fn lines(walker: &mut Walker<'_>, how: Lines, text: &str) {
    if walker.has_valued_enough() {
        return;
    }
    let stdin = std::mem::replace(&mut walker.stdin, Stdin::Unknown);
    let handed_on = walker.flow.handed_on;
    walker.flow.substitutions += 1;
    let text = text.replace("\\\n", " ");
    let settings = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    match how {
        Lines::Shell => script(walker, &text),
        Lines::Cron { has_user } => settings().for_each(|line| cron(walker, line, has_user)),
        Lines::Unit => settings().for_each(|line| unit(walker, line)),
        Lines::Desktop => {
            for code in settings().filter_map(|line| line.strip_prefix("Exec=")) {
                walker.code(code, Shell::Unknown);
            }
        }
        Lines::Keys => settings().for_each(|line| key(walker, line)),
        Lines::Ssh => settings().for_each(|line| ssh_setting(walker, &Word::of(line))),
        Lines::Git => git_settings(walker, settings()),
        Lines::Editor => {
            for line in settings().filter(|line| !line.starts_with('"')) {
                hooks::editor_command(walker, line);
            }
        }
        Lines::Other => {
            for line in settings() {
                walker.guess_code(line);
                walker.guess_code(line.split_once('=').map_or("", |(_, value)| value));
                if line.contains(['!', '|', '`']) || line.contains("$(") || line.contains("#(") || names_code(line) {
                    walker.opaque("it writes settings that run code");
                }
            }
        }
    }
    walker.flow.substitutions -= 1;
    walker.flow.handed_on = handed_on;
    walker.stdin = stdin;
}

/// Whether a setting in a language of its own speaks of what is run.
fn names_code(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.starts_with("pager")
        || line.starts_with("editor")
        || [
            "run-shell",
            "if-shell",
            "shell",
            "exec",
            "system",
            "command",
            "pipe-pane",
            "source",
            "import",
            "require",
            "python",
        ]
        .iter()
        .any(|word| line.contains(word))
}

fn script(walker: &mut Walker<'_>, text: &str) {
    let interpreter = text.strip_prefix("#!").and_then(|rest| rest.lines().next()).map(|line| {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        base_name(if base_name(first) == "env" { words.next().unwrap_or_default() } else { first }).to_owned()
    });
    match interpreter.map(|name| Shell::of_program(&name)) {
        Some(None) => {
            walker.out.code.push(text.to_owned());
            walker.opaque("it writes a script of another language that is run later");
        }
        Some(Some(shell)) => walker.code(text, shell),
        None => walker.code(text, Shell::Unknown),
    }
}

/// `MIN HOUR DAY MONTH WEEKDAY [USER] COMMAND`, `@daily [USER] COMMAND`, `NAME = VALUE`: crontab(5).
fn cron(walker: &mut Walker<'_>, line: &str, has_user: bool) {
    if let Some((name, value)) = line.split_once('=') {
        let name = name.trim();
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return assignment(walker, name, &Word::of(value.trim().trim_matches(['"', '\''])));
        }
    }
    let fields = if line.starts_with('@') { 1 } else { 5 } + usize::from(has_user);
    let mut rest = line;
    for _ in 0..fields {
        rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    }
    // What follows the first `%` is the command's input, and every further one ends a line of it.
    let escaped = rest.replace("\\%", "\0");
    let (command, input) = escaped.split_once('%').map_or((escaped.as_str(), ""), |(command, input)| (command, input));
    let plain = |text: &str, percent: &str| text.replace('%', percent).replace('\0', "%");
    walker.stdin = Stdin::Text(plain(input, "\n").into());
    walker.code(&plain(command, "%"), Shell::Unknown);
    walker.stdin = Stdin::Unknown;
}

/// `ExecStart=`, `ExecStopPost=`, and `Environment=`: systemd.service(5).
fn unit(walker: &mut Walker<'_>, line: &str) {
    let Some((name, value)) = line.split_once('=') else { return };
    unit_setting(walker, name.trim(), &Word::of(value.trim()));
}

/// A setting of a unit, in its file or given to `systemd-run`.
pub(super) fn unit_setting(walker: &mut Walker<'_>, name: &str, value: &Word) {
    match name {
        "Environment" => {
            for pair in git::words(value.start()).into_iter().flatten() {
                if let Some((name, value)) = pair.split_once('=') {
                    assignment(walker, name, &Word::of(value));
                }
            }
        }
        "EnvironmentFile" => walker.doubtful("a unit has variables from a file"),
        "ExecPaths" | "ExecSearchPath" => {}
        _ if name.starts_with("Exec") => match value.known() {
            Some(text) => walker.code(text.trim_start_matches(['@', '-', ':', '+', '!', '|']), Shell::Unknown),
            None => walker.opaque("a unit runs code that is not known"),
        },
        _ => {}
    }
}

/// `OPTIONS TYPE KEY`: sshd(8), of which `command="…"` runs whatever who logs in asks for.
fn key(walker: &mut Walker<'_>, line: &str) {
    let Some(at) = line.to_ascii_lowercase().find("command=\"") else { return };
    let mut code = String::new();
    let mut chars = line.get(at + "command=\"".len()..).unwrap_or_default().chars();
    while let Some(character) = chars.next() {
        match character {
            '"' => break,
            '\\' => code.extend(chars.next()),
            _ => code.push(character),
        }
    }
    walker.code(&code, Shell::Unknown);
}

/// `[section "subsection"]` and `name = value`: git-config(1).
fn git_settings<'t>(walker: &mut Walker<'_>, lines: impl Iterator<Item = &'t str>) {
    let mut section = String::new();
    for line in lines {
        let line = match line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            Some((head, rest)) => {
                let (name, subsection) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
                section = match subsection.trim().trim_matches('"') {
                    "" => name.to_owned(),
                    subsection => format!("{name}.{subsection}"),
                };
                rest.trim()
            }
            None => line,
        };
        if let Some((name, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"').replace("\\\"", "\"");
            git::settings::set(walker, &Word::of(format!("{section}.{}", name.trim())), &Word::of(value));
        }
    }
}

/// What shells read when they start, and when they end.
const START_UP: &str = "\
    .bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .zlogout \
    .kshrc .mkshrc .cshrc .tcshrc .login .logout .shrc .xinitrc .xprofile .xsession .xsessionrc .envrc bash.bashrc";

/// The scripts that git runs.
const HOOKS: &str = "\
    applypatch-msg commit-msg fsmonitor-watchman post-applypatch post-checkout post-commit post-merge post-receive \
    post-rewrite post-update pre-applypatch pre-auto-gc pre-commit pre-merge-commit pre-push pre-rebase pre-receive \
    prepare-commit-msg push-to-checkout reference-transaction sendemail-validate update";

/// Settings of programs in which code may stand.
const OTHER: &str = "\
    .Rprofile .emacs .forward .gdbinit .inputrc .irbrc .lesskey .lldbinit .mailcap .mailrc .muttrc .my.cnf .npmrc .nanorc \
    .perldb .procmailrc .pryrc .psqlrc .pythonrc .pythonrc.py .rgrc .ripgreprc .screenrc .sqliterc .tmux.conf .wgetrc \
    .pam_environment sitecustomize.py usercustomize.py";

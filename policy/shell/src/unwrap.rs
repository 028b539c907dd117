//! What a command runs in turn: `sudo`, `env`, `xargs`, `find -exec`, `sh -c`, `ssh`, `kubectl exec` …
//!
//! Each layer is noted as a command of its own, so that a rule may be about the wrapper or about
//! what it wraps.

use super::{
    Command, OpaqueKind, Redirect, Shell, Variables, Word, base_name, code, hooks, options::Found, parse::Walker,
    program_name, reasons, runners, settings, short_names, tables, tamper, variables, wrappers,
};

mod assigned;
mod described;
mod each;
mod elsewhere;
mod hosts;
mod later;
mod scheduled;
mod unlisted;

use assigned::{given, set_otherwise};
use each::{find, parallel, xargs};
use elsewhere::{container, kubectl, kubectl_inside, screen, tmux};
use hosts::ssh;
pub(super) use hosts::ssh_setting;
pub(super) use later::alias_value;
use later::{alias, at, capsh, code_after_operands, declare, eval, namespace, trap};
pub(super) use scheduled::redirected;
pub(super) use unlisted::guess_arguments;

/// Follows a command that runs.
pub(super) fn run(
    walker: &mut Walker<'_>,
    argv: Vec<Word>,
    assignments: Vec<(String, Word)>,
    redirects: Vec<Redirect>,
) {
    let index = walker.out.commands.len();
    walker.push(Command { argv: argv.clone(), assignments, redirects, ..Command::default() });
    walker.flow.handed_on = false;
    follow_argv(walker, &argv);
    if let Some((program, arguments)) = argv.split_first() {
        walker.reads_input(index, program.known().map(base_name), arguments);
    }
    walker.flow.handed_on = true;
}

fn follow_argv(walker: &mut Walker<'_>, argv: &[Word]) {
    let Some((program, arguments)) = argv.split_first() else { return };
    let Some(path) = program.known() else {
        let Some(name) = program_name(program).filter(|name| !name.is_empty()) else {
            // `$X` may also vanish, and the next word be the command.
            return walker.opaque_command(reasons::UNKNOWN_PROGRAM);
        };
        // `~/bin/x`: a program of that name.
        runs_file(walker, name);
        walker.wrappers += 1;
        follow(walker, name, arguments);
        walker.wrappers -= 1;
        return;
    };
    if path.is_empty() {
        return walker.opaque_command("the name of the program is empty");
    }
    if walker.wrappers == MAX_WRAPPERS || walker.has_run_enough(argv.len()) {
        return walker.opaque_command("a program runs another that runs another, too deeply");
    }
    if is_unclear(path) {
        walker.opaque_command("how the shell reads its first word is not clear");
        let clear = arguments.iter().skip_while(|word| word.known().is_some_and(is_unclear));
        let clear: Vec<Word> = clear.cloned().collect();
        if !clear.is_empty() {
            walker.wrappers += 1;
            run(walker, clear, Vec::new(), Vec::new());
            walker.wrappers -= 1;
        }
        return;
    }
    let name = base_name(path);
    if let Some(words) = walker.alias_of(path) {
        walker.wrappers += 1;
        run(walker, words.into_iter().chain(arguments.iter().cloned()).collect(), Vec::new(), Vec::new());
        walker.wrappers -= 1;
        return;
    }
    if let Some(service) = path.strip_prefix("/etc/init.d/").or_else(|| path.strip_prefix("/etc/rc.d/init.d/")) {
        let words = [Word::of("service"), Word::of(service)].into_iter().chain(arguments.iter().cloned()).collect();
        return run(walker, words, Vec::new(), Vec::new());
    }
    if path.contains('/') && !is_installed_program(path) {
        let is_open_to_all = OPEN_TO_ALL.iter().any(|folder| path.starts_with(folder));
        if is_open_to_all {
            walker.opaque_command("it runs a file in a folder where anybody writes");
        } else {
            runs_file(walker, name);
        }
    } else if SCRIPT_ENDINGS.iter().any(|ending| path.ends_with(ending)) {
        walker.script(reasons::SCRIPT);
    }
    tamper::check(walker, name, arguments);
    if matches!(name, "getopts" | "mapfile" | "printf" | "read" | "readarray") {
        set_otherwise(walker, name, arguments);
    }
    if let Some(usual) = short_names::program_of(name) {
        let argv: Vec<Word> = [Word::of(usual)].into_iter().chain(arguments.iter().cloned()).collect();
        walker.guess(&argv);
    }
    walker.wrappers += 1;
    follow(walker, name, arguments);
    walker.wrappers -= 1;
}

/// Notes that it runs a file that is no installed program. What its name says is followed all the same: it may be the
/// interpreter of a virtual environment, or a copy of `rm`.
fn runs_file(walker: &mut Walker<'_>, name: &str) {
    if walker.has_written(name) {
        walker.opaque_command("it runs a file that the text has written before");
    } else {
        walker.script("it runs a file whose content is not known");
    }
}

/// Whether it is a word of the grammar (`time -- CMD`), or the `{name}` of a redirection to a descriptor that the shell
/// chooses (`{fd}>FILE CMD`): the parser takes them for names of programs.
fn is_unclear(word: &str) -> bool {
    if matches!(word, "--" | "{" | "if" | "while" | "until" | "for" | "case" | "begin" | "function" | "switch") {
        return true;
    }
    let name = word.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

/// Follows an assignment, before a command or alone.
pub(super) fn assignment(walker: &mut Walker<'_>, name: &str, value: &Word) {
    if tables::is_table(name) {
        return tables::entry(walker, name, value);
    }
    // Words that are known split where they split by default, or in fewer places.
    let is_narrower = name == "IFS" && value.known().is_some_and(|value| value.chars().all(char::is_whitespace));
    if tamper::is_prompt_variable(name) && !is_narrower && !variables::is_plain_environment(name, value) {
        walker.tampering(format!("{name}="));
    }
    variables::set(walker, name, value);
    let is_folder = |folder: &str| folder.starts_with('/') && !folder.contains(char::is_whitespace);
    if name == "HOME" && !value.known().is_some_and(is_folder) {
        walker.opaque("HOME is changed: `~` may mean any folder");
    }
    if name == "CDPATH" || name == "cdpath" {
        walker.opaque("CDPATH is changed: `cd` may lead to any folder");
    }
    if name == "PATH" || name == "path" {
        walker.flow.redefined = true;
        let is_foreign = |folder: &str| !folder.is_empty() && !is_installed_program(&format!("{folder}/x"));
        // What stands before the first gap is searched first; a gap at the start is the old value.
        let mut folders: Vec<&str> = value.start().split(':').collect();
        if value.known().is_none() {
            folders.pop();
        }
        let foreign: Vec<&str> = folders.into_iter().filter(|folder| is_foreign(folder)).collect();
        if foreign.iter().any(|folder| !is_folder_of_programs(folder)) {
            walker.opaque("PATH is changed: names of programs may mean others");
        } else if !foreign.is_empty() {
            walker.note("PATH is changed: names of programs may mean others".to_owned(), None, OpaqueKind::Script);
        }
    }
}

/// Whether a folder in front of `PATH` is one where people put programs of their own, and not one that anybody writes to.
fn is_folder_of_programs(folder: &str) -> bool {
    let is_open_to_all = OPEN_TO_ALL.iter().any(|start| folder.starts_with(start));
    folder.starts_with('/')
        && !folder.contains("..")
        && !is_open_to_all
        && ["bin", "sbin", "scripts", "condabin"].contains(&base_name(folder))
}

fn follow(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    if let Some(shell) = Shell::of_program(name) {
        return code::shell(walker, shell, arguments);
    }
    if let Some(wrapper) = wrappers::find(name) {
        return wrapped(walker, name, wrapper, arguments);
    }
    runners::follow(walker, name, arguments);
    match name {
        "alias" => alias(walker, arguments),
        "at" | "batch" => at(walker, arguments),
        "crontab" => scheduled::crontab(walker, arguments),
        "systemctl" => scheduled::systemctl(walker, arguments),
        "tee" => scheduled::tee(walker),
        "capsh" => capsh(walker, arguments),
        "newgrp" | "login" => walker.stdin_code(Shell::Unknown),
        "crictl" | "ctr" | "docker" | "docker-compose" | "lxc" | "nerdctl" | "podman" => {
            container(walker, arguments);
            hooks::check(walker, name, arguments);
        }
        "declare" | "export" | "local" | "readonly" | "typeset" | "setenv" => declare(walker, name, arguments),
        "eval" => eval(walker, arguments),
        "find" | "gfind" | "fd" | "fdfind" => find(walker, arguments),
        "ip" => namespace(walker, arguments),
        "kubectl" | "oc" | "k" | "microk8s.kubectl" => {
            kubectl(walker, arguments);
            hooks::check(walker, name, arguments);
        }
        "k3s" | "microk8s" | "minikube" => kubectl_inside(walker, arguments),
        // What they evaluate was looked at as it is written.
        "let" | "test" | "[" | "printf" | "unset" => {}
        "parallel" | "sem" => parallel(walker, arguments),
        "screen" => screen(walker, arguments),
        "sg" => code_after_operands(walker, arguments, 1),
        "source" | "." => settings::source(walker, arguments),
        "sudoedit" => {}
        "tmux" => tmux(walker, arguments),
        "trap" => trap(walker, arguments),
        _ => {
            if matches!(name, "cp" | "mv" | "install" | "ln" | "dd" | "rsync" | "scp" | "curl" | "wget") {
                scheduled::copied(walker);
            }
            code::interpreter(walker, name, arguments);
            hooks::check(walker, name, arguments);
            unlisted::guess(walker, name, arguments);
        }
    }
}

fn wrapped(walker: &mut Walker<'_>, name: &str, wrapper: &wrappers::Wrapper, arguments: &[Word]) {
    let (mut found, mut known) = wrapper.options.read_as_far_as_known(arguments);
    // `ssh "$host" uptime`: the first word that is not known is the host.
    if let (Some(found), true, "ssh") = (&mut found, known.is_err(), name) {
        let is_gap = |word: &Word| word.known().is_none() && word.start().is_empty();
        let operands = arguments.iter().position(is_gap).and_then(|at| arguments.get(at..)).unwrap_or_default();
        if found.operands.is_empty() && !operands.is_empty() {
            found.operands = operands.to_vec();
            known = Ok(());
            walker.script("which host it is is not known before it runs");
        }
    }
    if let Err(why) = known {
        walker.opaque_command(why);
    }
    let Some(found) = found else { return };
    given(walker, name, &found);
    for code in wrapper.code {
        if let Some(text) = found.value(&[code]) {
            walker.code_word(&text.clone(), Shell::Unknown, Variables::new());
        }
    }
    let is_shell = |word: &Word| word.known().is_some_and(|path| Shell::of_program(base_name(path)).is_some());
    if matches!(name, "su" | "runuser") && found.value(&["s", "shell"]).is_some_and(|shell| !is_shell(shell)) {
        walker.opaque_command("which program it runs as a shell is not known");
    }
    let gave_code = wrapper.code.iter().any(|code| found.has(&[code]));
    match name {
        "env" => return env(walker, &found),
        "flock" => return flock(walker, &found),
        "script" | "su" => return shell_of_user(walker, name, &found, gave_code),
        "ssh" | "autossh" | "slogin" => return ssh(walker, &found),
        "watch" => return watch(walker, &found),
        "strace" | "ltrace" => hooks::piped(walker, found.value(&["o", "output"])),
        "systemd-run" => later::unit(walker, &found),
        "xargs" => return xargs(walker, &found),
        _ => {}
    }
    let mut operands = found.operands.as_slice();
    if wrapper.assigns {
        operands = assigned(walker, operands);
    }
    let is_idle = found.has(wrapper.idle) || found.has(&["help", "version"]);
    if name == "sudo" && is_idle && !found.has(&["l", "list"]) {
        if found.has(&["e", "edit"]) {
            run(walker, [Word::of("sudoedit")].into_iter().chain(found.operands).collect(), Vec::new(), Vec::new());
        }
        return;
    }
    let Some(command) = operands.get(wrapper.skip..).filter(|command| !command.is_empty()) else {
        if operands.iter().any(Word::splits) {
            return walker.opaque_command(reasons::UNKNOWN_PROGRAM);
        }
        let asks_for_shell =
            wrapper.shell || (matches!(name, "sudo" | "doas") && found.has(&["s", "i", "shell", "login"]));
        if asks_for_shell || (name == "runuser" && !gave_code) {
            walker.stdin_code(Shell::Unknown);
        }
        return;
    };
    if is_idle {
        walker.flow.handed_on = true;
        return;
    }
    if operands.iter().take(wrapper.skip).any(Word::splits) {
        return walker.opaque_command(reasons::UNKNOWN_PROGRAM);
    }
    // A request that opens a shell so opens it as if it had named it.
    if name == "exec"
        && !walker.cx.opens
        && walker.shells == 0
        && command.first().and_then(Word::known).is_some_and(|name| Shell::of_program(base_name(name)).is_some())
    {
        walker.tampering("exec of a shell");
    }
    if name == "runuser" && !found.has(&["u", "user"]) {
        return shell_of_user(walker, "su", &found, gave_code);
    }
    run(walker, command.to_vec(), Vec::new(), Vec::new());
}

/// Follows the `NAME=value` words in front, and gives what comes after.
fn assigned<'w>(walker: &mut Walker<'_>, mut operands: &'w [Word]) -> &'w [Word] {
    while let Some((first, rest)) = operands.split_first() {
        let Some((name, _)) = first.start().split_once('=') else { break };
        // `BASH_FUNC_x%%` is one too.
        if name.is_empty() || name.contains('/') {
            break;
        }
        let name = name.to_owned();
        assignment(walker, &name, &first.without_start(name.len() + 1));
        operands = rest;
    }
    operands
}

fn env(walker: &mut Walker<'_>, found: &Found) {
    let mut operands = found.operands.clone();
    if let Some(text) = found.value(&["S", "split-string"]) {
        let is_plain = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric() || " -_./,:=@%+".contains(c));
        let Some(text) = text.known().filter(is_plain) else {
            return walker.opaque_command("how env splits its argument is not known");
        };
        operands.splice(0..0, text.split(' ').filter(|word| !word.is_empty()).map(Word::of));
        if operands.first().is_some_and(|word| word.start().starts_with('-')) {
            return walker.opaque_command("how env splits its argument is not known");
        }
    }
    // A lone `-` is `-i`.
    let operands = operands.strip_prefix(&[Word::of("-")]).unwrap_or(&operands);
    let command = assigned(walker, operands);
    if command.is_empty() {
        // It prints.
        walker.flow.handed_on = true;
    } else {
        run(walker, command.to_vec(), Vec::new(), Vec::new());
    }
}

fn flock(walker: &mut Walker<'_>, found: &Found) {
    match found.operands.get(1..).unwrap_or_default() {
        [] => {}
        [option, code, ..] if matches!(option.known(), Some("-c" | "--command")) => {
            walker.code_word(&code.clone(), Shell::Unknown, Variables::new());
        }
        // Options may stand after the file too.
        [option, ..] if option.start().starts_with('-') => walker.opaque_command("what flock runs cannot be read"),
        command => run(walker, command.to_vec(), Vec::new(), Vec::new()),
    }
}

/// `su [-] [USER [ARGUMENTS…]]`, and `script [FILE]`.
fn shell_of_user(walker: &mut Walker<'_>, name: &str, found: &Found, mut gave_code: bool) {
    let mut operands = found.operands.as_slice();
    let is_login = |word: &Word| word.known() == Some("-");
    while name == "su" && operands.first().is_some_and(is_login) {
        operands = operands.get(1..).unwrap_or_default();
    }
    let options = operands.get(1..).unwrap_or_default();
    if !options.is_empty() {
        // `su root -c CODE`: util-linux reads options after the user as well.
        let wrapper = wrappers::find(name).map(|wrapper| wrapper.options.read(options));
        match wrapper {
            Some(Ok(found)) if found.operands.is_empty() => {
                if let Some(text) = found.value(&["c", "command", "session-command"]) {
                    gave_code = true;
                    walker.code_word(&text.clone(), Shell::Unknown, Variables::new());
                }
            }
            Some(Ok(found)) if name == "script" && found.options.is_empty() => {
                // BSD: `script FILE COMMAND…`.
                return run(walker, found.operands, Vec::new(), Vec::new());
            }
            _ => return walker.opaque_command("what it runs cannot be read"),
        }
    }
    if !gave_code && !found.has(&["help", "version"]) {
        walker.stdin_code(Shell::Unknown);
    }
}

fn watch(walker: &mut Walker<'_>, found: &Found) {
    if found.has(&["x", "exec"]) {
        return run(walker, found.operands.clone(), Vec::new(), Vec::new());
    }
    code_of_words(walker, &found.operands);
}

/// Arguments that a program joins with blanks and gives to a shell.
pub(super) fn code_of_words(walker: &mut Walker<'_>, words: &[Word]) {
    if words.is_empty() {
        return;
    }
    match joined(words) {
        Some(text) => walker.code(&text, Shell::Unknown),
        None if patched(words).is_some() => {
            walker.code_with_gaps(&patched(words).unwrap_or_default(), Shell::Unknown, Variables::new());
        }
        None => {
            // What is known of it can be judged all the same.
            let known: Vec<&str> = words.iter().map_while(Word::known).collect();
            if !known.is_empty() {
                walker.code(&format!("{} \"$@\"", known.join(" ")), Shell::Unknown);
            }
            walker.opaque("it runs code that is not known before it runs");
        }
    }
}

fn joined(words: &[Word]) -> Option<String> {
    let words: Option<Vec<&str>> = words.iter().map(Word::known).collect();
    Some(words?.join(" "))
}

fn patched(words: &[Word]) -> Option<String> {
    let (first, rest) = words.split_first()?;
    let rest = rest.iter().map(|word| Word::of("x").followed_by(word).patched().unwrap_or_default());
    let rest: String = rest.flat_map(|word| [" ".to_owned(), word.get(1..).unwrap_or_default().to_owned()]).collect();
    Some(first.patched()? + &rest)
}

/// Whether a path is where installed programs are.
fn is_installed_program(path: &str) -> bool {
    let Some(normal) = crate::path::normal(path) else { return false };
    let Some((folder, _)) = normal.rsplit_once('/') else { return false };
    const FOLDERS: [&str; 12] = [
        "/bin",
        "/sbin",
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/usr/local/sbin",
        "/usr/games",
        "/snap/bin",
        "/opt/bin",
        "/usr/lib/openssh",
        "/usr/libexec/openssh",
        "/opt/homebrew/bin",
    ];
    FOLDERS.contains(&folder)
        || ["/opt/", "/usr/", "/nix/store/", "/run/current-system/"].iter().any(|start| normal.starts_with(start))
            && (folder.ends_with("/bin") || folder.ends_with("/sbin") || normal.starts_with("/usr/lib"))
}

/// Folders where anybody writes.
const OPEN_TO_ALL: [&str; 4] = ["/tmp/", "/var/tmp/", "/dev/", "/proc/"];

/// The most programs that run one another in one command.
const MAX_WRAPPERS: usize = 32;

const SCRIPT_ENDINGS: [&str; 7] = [".sh", ".bash", ".py", ".pl", ".rb", ".zsh", ".js"];

//! What kind of reader a program is, by its name and its arguments.

use shell::Shell;

use super::named_language;
use crate::repl::{self, Repl};

/// What a program does with the terminal.
pub(super) enum Kind {
    /// It takes what is typed as text.
    Data,
    /// It shows several shells, or a shell beside something else, on one screen.
    Multiplexer,
    /// It is a shell, or opens one here or elsewhere, unless it is told what to run.
    Opens,
    /// A language at a prompt.
    Repl(Repl),
    /// It runs another program, and reads nothing itself.
    Runs,
    /// It has a screen of its own, or opens an editor or a pager.
    Screen,
    /// Any other.
    Unknown,
}

/// The kind of `program`, called with these words; a word that is not known is empty.
pub(super) fn kind(program: &str, words: &[&str]) -> Kind {
    let says = |names: &[&str]| words.iter().any(|word| names.contains(word));
    match program {
        "sudo" | "doas" if says(&["-l", "--list", "-v", "-k", "-K", "--validate", "--version"]) => Kind::Runs,
        // The editor is noted as what it runs.
        "sudo" if says(&["-e", "--edit"]) => Kind::Screen,
        "env" | "nice" | "ionice" | "nohup" | "time" | "command" | "builtin" | "timeout" | "stdbuf" | "setsid"
        | "taskset" | "chrt" | "numactl" | "strace" | "ltrace" | "faketime" | "xargs" | "find" | "fd" | "flock" => {
            Kind::Runs
        }
        "tee" | "mail" | "mailx" | "wall" => Kind::Data,
        "base64" | "cat" | "md5sum" | "nl" | "rev" | "sha256sum" | "sort" | "tac" | "uniq" | "wc"
            if words.iter().all(|word| word.starts_with('-')) =>
        {
            Kind::Data
        }
        "git" => git(words),
        "systemctl" => of_systemctl(words),
        "kubectl" | "oc" | "k" => of_kubectl(words),
        "docker" | "podman" | "nerdctl" | "docker-compose" | "crictl" | "ctr" | "lxc" | "incus" => of_containers(words),
        "crontab" if !says(&["-e"]) => Kind::Unknown,
        "aws" if says(&["start-session", "execute-command", "ec2-instance-connect", "ecs-exec"]) => Kind::Opens,
        "aws" => Kind::Screen,
        "gcloud" | "az" if !says(&["ssh", "exec", "shell", "attach", "run", "container", "start-iap-tunnel"]) => {
            Kind::Unknown
        }
        "poetry" | "pipenv" | "uv" | "uvx" | "pipx" | "conda" | "mamba" | "pdm" | "hatch" | "rye" | "bundle"
        | "rlwrap" | "npx" => match named_language(words) {
            Some(repl) => Kind::Repl(repl),
            None if opens_a_shell(program) => Kind::Opens,
            None => Kind::Unknown,
        },
        "rails" | "bin/rails" if says(&["console", "c"]) => repl::of_program("irb").map_or(Kind::Unknown, Kind::Repl),
        "rails" if says(&["dbconsole", "db"]) => Kind::Opens,
        _ if opens_a_shell(program) => Kind::Opens,
        _ if SCREENS.contains(&program) => Kind::Screen,
        _ if MULTIPLEXERS.contains(&program) => Kind::Multiplexer,
        _ if brings_code(program, words) => Kind::Unknown,
        _ => repl::of_program(program).map_or(Kind::Unknown, Kind::Repl),
    }
}

/// Whether a language is given its code, runs it and ends.
fn brings_code(program: &str, words: &[&str]) -> bool {
    let options: &[&str] = match program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "python" | "pypy" | "psql" => &["-c"],
        "lua" | "mariadb" | "mysql" | "perl" | "ruby" => &["-e"],
        "node" | "nodejs" => &["-e", "-p", "-pe", "--eval", "--print"],
        "php" => &["-r"],
        _ => return false,
    };
    words.iter().any(|word| options.contains(word)) && !words.contains(&"-i")
}

/// Whether a program may read commands as a shell does: it is one, or it opens one here or elsewhere.
pub(super) fn opens_a_shell(program: &str) -> bool {
    Shell::of_program(program).is_some() || OPENERS.contains(&program)
}

/// The first word that is no option, behind options of which some take the next word.
fn subcommand<'w>(words: &[&'w str], with_value: &[&str]) -> &'w str {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if with_value.contains(word) {
            rest.next();
        } else if !word.starts_with('-') {
            return word;
        }
    }
    ""
}

/// git opens a pager or an editor for some of its commands.
fn git(words: &[&str]) -> Kind {
    if words.iter().any(|word| matches!(*word, "--no-pager" | "-P" | "--version" | "--help")) {
        return if words.contains(&"--help") { Kind::Screen } else { Kind::Unknown };
    }
    match subcommand(words, &["-C", "-c", "--git-dir", "--work-tree", "--namespace"]) {
        "add" | "clone" | "fetch" | "init" | "mv" | "push" | "remote" | "reset" | "restore" | "rm" | "status"
        | "switch" | "checkout" | "clean" | "submodule" | "rev-parse" | "ls-files" | "ls-remote" | "archive" | "gc"
        | "fsck" | "apply" | "am" | "" => Kind::Unknown,
        _ => Kind::Screen,
    }
}

fn of_systemctl(words: &[&str]) -> Kind {
    match subcommand(words, &["-H", "-M", "-t", "-p", "-n", "-s", "-o"]) {
        "" | "status" | "cat" | "show" | "help" | "edit" | "list-units" | "list-unit-files" | "list-timers"
        | "list-sockets" | "list-jobs" | "list-dependencies" | "list-machines" | "list-automounts" | "list-paths"
        | "show-environment"
            if !words.contains(&"--no-pager") =>
        {
            Kind::Screen
        }
        _ => Kind::Unknown,
    }
}

fn of_kubectl(words: &[&str]) -> Kind {
    let with_value = ["-n", "--namespace", "--context", "--cluster", "--kubeconfig", "-s", "--server", "--user"];
    match subcommand(words, &with_value) {
        "edit" => Kind::Screen,
        "annotate" | "api-resources" | "api-versions" | "apply" | "auth" | "autoscale" | "certificate"
        | "cluster-info" | "completion" | "config" | "cordon" | "cp" | "create" | "delete" | "describe" | "diff"
        | "drain" | "events" | "explain" | "expose" | "get" | "label" | "logs" | "patch" | "port-forward" | "proxy"
        | "replace" | "rollout" | "scale" | "set" | "taint" | "top" | "uncordon" | "version" | "wait" => Kind::Unknown,
        _ => Kind::Opens,
    }
}

fn of_containers(words: &[&str]) -> Kind {
    let with_value = ["-H", "--host", "-c", "--context", "-l", "--log-level", "-f", "--file", "-p", "--project-name"];
    let groups = ["compose", "container", "image", "volume", "network", "system", "buildx", "builder"];
    let rest: Vec<&str> = words.iter().copied().filter(|word| !groups.contains(word)).collect();
    match subcommand(&rest, &with_value) {
        "build" | "commit" | "config" | "cp" | "df" | "diff" | "down" | "events" | "history" | "images" | "info"
        | "inspect" | "kill" | "list" | "load" | "login" | "logout" | "logs" | "ls" | "pause" | "port" | "prune"
        | "ps" | "pull" | "push" | "rename" | "restart" | "rm" | "rmi" | "save" | "search" | "stats" | "stop"
        | "tag" | "top" | "unpause" | "up" | "update" | "version" | "wait" => Kind::Unknown,
        _ => Kind::Opens,
    }
}

/// Programs that open a shell, or something that may be one.
const OPENERS: &[&str] = &[
    ".",
    "autossh",
    "aws",
    "az",
    "busybox",
    "chroot",
    "conda",
    "crictl",
    "csh",
    "ctr",
    "devbox",
    "direnv",
    "doas",
    "docker",
    "elvish",
    "eval",
    "exec",
    "expect",
    "gcloud",
    "guix",
    "incus",
    "kubectl",
    "login",
    "lxc",
    "machinectl",
    "minicom",
    "mosh",
    "multipass",
    "nc",
    "ncat",
    "nerdctl",
    "newgrp",
    "nix",
    "nix-shell",
    "nsenter",
    "nu",
    "oc",
    "picocom",
    "pipenv",
    "pkexec",
    "podman",
    "poetry",
    "pwsh",
    "rsh",
    "run0",
    "runuser",
    "script",
    "setpriv",
    "sg",
    "slogin",
    "socat",
    "source",
    "ssh",
    "sshpass",
    "su",
    "sudo",
    "tcsh",
    "telnet",
    "toybox",
    "unbuffer",
    "unshare",
    "vagrant",
    "virsh",
    "xonsh",
];

/// Programs with a screen of their own, or that open one: an editor or a pager.
const SCREENS: &[&str] = &[
    "alsamixer",
    "atop",
    "bat",
    "batcat",
    "btop",
    "cfdisk",
    "crontab",
    "delta",
    "dialog",
    "ed",
    "emacs",
    "emacsclient",
    "ex",
    "glances",
    "helix",
    "htop",
    "hx",
    "iftop",
    "info",
    "iotop",
    "joe",
    "journalctl",
    "jed",
    "kak",
    "less",
    "lnav",
    "loginctl",
    "lynx",
    "man",
    "mcedit",
    "mcview",
    "micro",
    "more",
    "most",
    "mutt",
    "nano",
    "ncdu",
    "ne",
    "neomutt",
    "nethogs",
    "nmtui",
    "nvim",
    "pico",
    "sudoedit",
    "tig",
    "top",
    "vi",
    "view",
    "vigr",
    "vim",
    "vimdiff",
    "vipw",
    "visudo",
    "watch",
    "whiptail",
    "zless",
    "zmore",
];

/// Programs that show shells, or give what is typed to one, on a screen that they divide.
const MULTIPLEXERS: &[&str] = &[
    "byobu",
    "dvtm",
    "k9s",
    "lazydocker",
    "lazygit",
    "lf",
    "mc",
    "nnn",
    "ranger",
    "screen",
    "tmux",
    "vifm",
    "yazi",
    "zellij",
];

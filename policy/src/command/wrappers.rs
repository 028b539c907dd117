//! The table of programs that run the rest of their arguments as a command.

use super::options::Options;

/// A program that runs another.
pub(super) struct Wrapper {
    pub(super) names: &'static [&'static str],
    pub(super) options: Options,
    /// The operands before the command.
    pub(super) skip: usize,
    /// Whether `NAME=value` may stand before the command.
    pub(super) assigns: bool,
    /// Options with which nothing is run.
    pub(super) idle: &'static [&'static str],
    /// Whether it runs a shell where no command is given.
    pub(super) shell: bool,
    /// Options whose value is shell code.
    pub(super) code: &'static [&'static str],
}

const PLAIN: Wrapper = Wrapper {
    names: &[],
    options: Options { flags: "", values: "", long_flags: &[], long_values: &[] },
    skip: 0,
    assigns: false,
    idle: &[],
    shell: false,
    code: &[],
};

/// The wrapper of that name.
pub(super) fn find(name: &str) -> Option<&'static Wrapper> {
    WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name))
}

static WRAPPERS: [Wrapper; 37] = [
    Wrapper {
        names: &["sudo"],
        options: Options {
            flags: "AbBEeHiKklnNPSsVv",
            values: "CDghpRrTtUu",
            long_flags: &[
                "askpass",
                "background",
                "bell",
                "preserve-env",
                "edit",
                "set-home",
                "login",
                "remove-timestamp",
                "reset-timestamp",
                "list",
                "non-interactive",
                "no-update",
                "preserve-groups",
                "stdin",
                "shell",
                "validate",
            ],
            long_values: &[
                "close-from",
                "chdir",
                "group",
                "host",
                "prompt",
                "chroot",
                "role",
                "command-timeout",
                "type",
                "other-user",
                "user",
            ],
        },
        assigns: true,
        idle: &["e", "edit", "l", "list", "K", "k", "remove-timestamp", "reset-timestamp", "V", "v", "validate"],
        ..PLAIN
    },
    Wrapper { names: &["doas"], options: Options { flags: "Lns", values: "Cu", ..PLAIN.options }, ..PLAIN },
    Wrapper {
        names: &["env"],
        options: Options {
            flags: "i0v",
            values: "uCSP",
            long_flags: &[
                "ignore-environment",
                "null",
                "debug",
                "block-signal",
                "default-signal",
                "ignore-signal",
                "list-signal-handling",
            ],
            long_values: &["unset", "chdir", "split-string", "argv0"],
        },
        assigns: true,
        ..PLAIN
    },
    Wrapper {
        names: &[
            "nohup",
            "builtin",
            "noglob",
            "nocorrect",
            "-",
            "and",
            "or",
            "not",
            "else",
            "setarch",
            "linux32",
            "linux64",
            "eatmydata",
            "fakeroot",
            "torsocks",
            "unbuffer",
            "chronic",
            "catchsegv",
            "dbus-run-session",
            "busybox",
            "toybox",
            "tini",
            "dumb-init",
            "doexec",
            "x86_64",
            "i386",
            "i686",
        ],
        ..PLAIN
    },
    Wrapper { names: &["gosu", "su-exec", "setuidgid", "repeat"], skip: 1, ..PLAIN },
    Wrapper {
        names: &["nice"],
        options: Options { values: "n", flags: "0123456789", long_values: &["adjustment"], ..PLAIN.options },
        ..PLAIN
    },
    Wrapper {
        names: &["timeout"],
        options: Options {
            flags: "fpv",
            values: "ks",
            long_flags: &["foreground", "preserve-status", "verbose"],
            long_values: &["kill-after", "signal"],
        },
        skip: 1,
        ..PLAIN
    },
    Wrapper {
        names: &["setsid"],
        options: Options { flags: "cfw", long_flags: &["ctty", "fork", "wait"], ..PLAIN.options },
        ..PLAIN
    },
    Wrapper {
        names: &["stdbuf"],
        options: Options { values: "ioe", long_values: &["input", "output", "error"], ..PLAIN.options },
        ..PLAIN
    },
    Wrapper {
        names: &["time", "gtime"],
        options: Options {
            flags: "apqvVl",
            values: "fo",
            long_flags: &["portability", "verbose", "append", "quiet"],
            long_values: &["format", "output"],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["command"],
        options: Options { flags: "pvVqs", long_flags: &["query", "search", "all"], ..PLAIN.options },
        idle: &["v", "V", "q", "s", "query", "search", "all"],
        ..PLAIN
    },
    Wrapper { names: &["exec"], options: Options { flags: "cl", values: "a", ..PLAIN.options }, ..PLAIN },
    Wrapper {
        names: &["ionice"],
        options: Options {
            flags: "t",
            values: "cnpPu",
            long_flags: &["ignore"],
            long_values: &["class", "classdata", "pid", "pgid", "uid"],
        },
        idle: &["p", "P", "u", "pid", "pgid", "uid"],
        ..PLAIN
    },
    Wrapper {
        names: &["chrt"],
        options: Options {
            flags: "abfimorRvd",
            values: "TPDp",
            long_flags: &[
                "all-tasks",
                "batch",
                "fifo",
                "idle",
                "max",
                "other",
                "rr",
                "reset-on-fork",
                "verbose",
                "deadline",
            ],
            long_values: &["pid", "sched-runtime", "sched-period", "sched-deadline"],
        },
        skip: 1,
        idle: &["m", "max", "p", "pid"],
        ..PLAIN
    },
    Wrapper {
        names: &["taskset"],
        options: Options { flags: "acp", long_flags: &["all-tasks", "cpu-list", "pid"], ..PLAIN.options },
        skip: 1,
        idle: &["p", "pid"],
        ..PLAIN
    },
    Wrapper {
        names: &["numactl"],
        options: Options {
            flags: "abHls",
            values: "CNimp",
            long_flags: &[
                "all",
                "balancing",
                "hardware",
                "localalloc",
                "show",
                "interleave",
                "membind",
                "cpunodebind",
                "physcpubind",
                "preferred",
            ],
            long_values: &[],
        },
        idle: &["H", "s", "hardware", "show"],
        ..PLAIN
    },
    Wrapper {
        names: &["flock"],
        options: Options {
            flags: "sxenuFov",
            values: "wE",
            long_flags: &["shared", "exclusive", "nonblock", "nb", "unlock", "no-fork", "close", "verbose"],
            long_values: &["timeout", "wait", "conflict-exit-code"],
        },
        skip: 1,
        ..PLAIN
    },
    Wrapper {
        names: &["strace", "ltrace"],
        options: Options {
            flags: "cCdDfFhiklLnqrStTvVwxyYzZA",
            values: "aeEobpPsuUXI",
            long_flags: &["follow-forks", "summary-only", "summary", "quiet", "no-abbrev"],
            long_values: &["output", "attach", "trace", "expr", "string-limit", "user", "env"],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["chroot"],
        options: Options { long_flags: &["skip-chdir"], long_values: &["groups", "userspec"], ..PLAIN.options },
        skip: 1,
        shell: true,
        ..PLAIN
    },
    Wrapper {
        names: &["nsenter"],
        options: Options {
            flags: "aCcFiknmNpTuUZ",
            values: "tSGW",
            long_flags: &[
                "all",
                "mount",
                "uts",
                "ipc",
                "net",
                "pid",
                "cgroup",
                "user",
                "time",
                "preserve-credentials",
                "keep-caps",
                "root",
                "wd",
                "no-fork",
                "follow-context",
                "env",
                "join-cgroup",
            ],
            long_values: &["target", "setuid", "setgid", "wdns"],
        },
        shell: true,
        ..PLAIN
    },
    Wrapper {
        names: &["unshare"],
        options: Options {
            flags: "cCfimnprTuU",
            values: "RSGw",
            long_flags: &[
                "mount",
                "uts",
                "ipc",
                "net",
                "pid",
                "user",
                "cgroup",
                "time",
                "fork",
                "map-root-user",
                "map-current-user",
                "map-auto",
                "kill-child",
                "mount-proc",
                "keep-caps",
                "forward-signals",
            ],
            long_values: &[
                "root",
                "wd",
                "setuid",
                "setgid",
                "propagation",
                "setgroups",
                "map-user",
                "map-group",
                "monotonic",
                "boottime",
            ],
        },
        shell: true,
        ..PLAIN
    },
    Wrapper {
        names: &["setpriv"],
        options: Options {
            flags: "d",
            long_flags: &["clear-groups", "keep-groups", "init-groups", "reset-env", "nnp", "no-new-privs", "dump"],
            long_values: &[
                "reuid",
                "regid",
                "ruid",
                "rgid",
                "groups",
                "inh-caps",
                "ambient-caps",
                "bounding-set",
                "securebits",
            ],
            ..PLAIN.options
        },
        ..PLAIN
    },
    Wrapper {
        names: &["systemd-run"],
        options: Options {
            flags: "dGPqrtS",
            values: "EHMpu",
            long_flags: &[
                "user",
                "system",
                "scope",
                "wait",
                "pty",
                "pipe",
                "quiet",
                "collect",
                "remain-after-exit",
                "no-block",
                "same-dir",
                "shell",
                "no-ask-password",
                "send-sighup",
                "expand-environment",
            ],
            long_values: &[
                "unit",
                "property",
                "description",
                "slice",
                "uid",
                "gid",
                "nice",
                "working-directory",
                "setenv",
                "on-active",
                "on-boot",
                "on-startup",
                "on-calendar",
                "on-unit-active",
                "timer-property",
                "service-type",
                "host",
                "machine",
            ],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["systemd-inhibit"],
        options: Options { long_flags: &["list"], long_values: &["what", "who", "why", "mode"], ..PLAIN.options },
        ..PLAIN
    },
    Wrapper {
        names: &["systemd-cat"],
        options: Options { values: "tp", long_values: &["identifier", "priority", "level-prefix"], ..PLAIN.options },
        ..PLAIN
    },
    Wrapper {
        names: &["pkexec", "run0"],
        options: Options { long_flags: &["disable-internal-agent"], long_values: &["user"], ..PLAIN.options },
        ..PLAIN
    },
    Wrapper {
        names: &["proxychains", "proxychains4"],
        options: Options { flags: "q", values: "f", ..PLAIN.options },
        ..PLAIN
    },
    Wrapper {
        names: &["prlimit"],
        options: Options {
            values: "po",
            long_flags: &["nofile", "nproc", "core", "as", "cpu", "fsize", "memlock", "stack"],
            long_values: &["pid", "output"],
            ..PLAIN.options
        },
        idle: &["p", "pid"],
        ..PLAIN
    },
    Wrapper { names: &["cgexec"], options: Options { values: "g", long_flags: &["sticky"], ..PLAIN.options }, ..PLAIN },
    Wrapper {
        names: &["rlwrap"],
        options: Options { flags: "acrmnNRvi", values: "fHsPpSt", ..PLAIN.options },
        ..PLAIN
    },
    Wrapper { names: &["sshpass"], options: Options { flags: "ehvV", values: "dfpP", ..PLAIN.options }, ..PLAIN },
    Wrapper {
        names: &["runuser"],
        options: Options {
            flags: "flmpP",
            values: "ucgGsw",
            long_flags: &["fast", "login", "preserve-environment", "pty"],
            long_values: &[
                "user",
                "command",
                "session-command",
                "group",
                "supp-group",
                "shell",
                "whitelist-environment",
            ],
        },
        code: &["c", "command", "session-command"],
        ..PLAIN
    },
    Wrapper {
        names: &["xargs"],
        options: Options {
            flags: "0ilopertx",
            values: "aEdILnPsRJS",
            long_flags: &[
                "null",
                "open-tty",
                "interactive",
                "no-run-if-empty",
                "verbose",
                "exit",
                "show-limits",
                "eof",
                "replace",
                "max-lines",
            ],
            long_values: &["arg-file", "delimiter", "max-args", "max-procs", "max-chars", "process-slot-var"],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["watch"],
        options: Options {
            flags: "bcdegprtwx",
            values: "nqs",
            long_flags: &[
                "beep",
                "color",
                "differences",
                "errexit",
                "chgexit",
                "precise",
                "no-rerun",
                "no-title",
                "no-wrap",
                "exec",
            ],
            long_values: &["interval", "equexit", "shotsdir"],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["ssh", "autossh", "slogin"],
        options: Options { flags: "46AaCfGgKkMNnqsTtVvXxYy", values: "BbcDEeFIiJLlmOoPpQRSWw", ..PLAIN.options },
        skip: 1,
        ..PLAIN
    },
    Wrapper {
        names: &["script"],
        options: Options {
            flags: "aefqt",
            values: "cEIBOTmo",
            long_flags: &["append", "return", "flush", "force", "quiet", "timing"],
            long_values: &[
                "command",
                "echo",
                "log-in",
                "log-io",
                "log-out",
                "log-timing",
                "logging-format",
                "output-limit",
            ],
        },
        code: &["c", "command"],
        ..PLAIN
    },
    Wrapper {
        names: &["su"],
        options: Options {
            flags: "flmpP",
            values: "cgGsw",
            long_flags: &["fast", "login", "preserve-environment", "pty"],
            long_values: &["command", "session-command", "group", "supp-group", "shell", "whitelist-environment"],
        },
        code: &["c", "command", "session-command"],
        ..PLAIN
    },
];

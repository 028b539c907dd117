//! The table of programs that run the rest of their arguments as a command.

mod elsewhere;

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
    [elsewhere::WRAPPERS, WRAPPERS].into_iter().flatten().find(|wrapper| wrapper.names.contains(&name))
}

static WRAPPERS: &[Wrapper] = &[
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
            "eatmydata",
            "unbuffer",
            "chronic",
            "catchsegv",
            "dbus-run-session",
            "busybox",
            "toybox",
            "tini",
            "dumb-init",
            "doexec",
        ],
        ..PLAIN
    },
    Wrapper {
        names: &["linux32", "linux64", "x86_64", "i386", "i486", "i586", "i686", "setarch", "uname26"],
        options: Options {
            flags: "3BFILRSTXZv",
            long_flags: &["32bit", "3gb", "4gb", "addr-no-randomize", "uname-2.6", "verbose"],
            ..PLAIN.options
        },
        shell: true,
        ..PLAIN
    },
    Wrapper {
        names: &["fakeroot", "fakeroot-sysv", "fakeroot-tcp"],
        options: Options {
            flags: "uhv",
            values: "lsib",
            long_flags: &["unknown-is-real"],
            long_values: &["lib", "faked"],
        },
        shell: true,
        ..PLAIN
    },
    Wrapper {
        names: &["torsocks"],
        options: Options { flags: "diq", values: "aPup", ..PLAIN.options },
        shell: true,
        ..PLAIN
    },
    Wrapper { names: &["ssh-agent"], options: Options { flags: "cDdksT", values: "aEOPt", ..PLAIN.options }, ..PLAIN },
    Wrapper {
        names: &["choom"],
        options: Options { values: "np", long_values: &["adjust", "pid"], ..PLAIN.options },
        idle: &["p", "pid"],
        ..PLAIN
    },
    Wrapper {
        names: &[
            "ld.so",
            "ld-linux.so.2",
            "ld-linux-x86-64.so.2",
            "ld-linux-aarch64.so.1",
            "ld-musl-x86_64.so.1",
            "ld-musl-aarch64.so.1",
        ],
        options: Options {
            long_flags: &["inhibit-cache", "list", "verify"],
            long_values: &["argv0", "audit", "inhibit-rpath", "library-path", "preload"],
            ..PLAIN.options
        },
        idle: &["list", "verify"],
        ..PLAIN
    },
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
];

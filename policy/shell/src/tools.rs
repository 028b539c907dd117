//! Tools of developers that run a program: debuggers, profilers, benchmarks, virtual machines.

use super::{Shell, Variables, Word, options::Options, parse::Walker, reasons, unwrap};

/// Follows what the tool runs; whether it is one of these.
pub(super) fn run(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) -> bool {
    match name {
        "gdb" | "lldb" => debugger(walker, arguments),
        "hyperfine" => {
            for code in arguments.iter().filter(|word| !word.start().starts_with('-')) {
                walker.elsewhere(|walker| walker.code_word(code, Shell::Unknown, Variables::new()));
            }
            // `--prepare=CODE`
            for word in arguments.iter().filter(|word| word.start().starts_with("--")) {
                if let Some(at) = word.start().find('=') {
                    walker.elsewhere(|walker| {
                        walker.code_word(&word.without_start(at + 1), Shell::Unknown, Variables::new())
                    });
                }
            }
        }
        // A shell there reads what comes in, as with ssh.
        "mosh" | "rlogin" | "telnet"
            if (1..3).contains(&arguments.len())
                && arguments.iter().all(|word| word.known().is_some_and(|text| !text.starts_with('-'))) =>
        {
            walker.stdin_code(Shell::Unknown);
        }
        "perf" => profiler(walker, arguments),
        "vagrant" => machine(walker, arguments),
        // All its options have their values attached.
        "valgrind" if !arguments.iter().any(|word| word.start().starts_with("--vgdb")) => {
            let program: Vec<Word> =
                arguments.iter().skip_while(|word| word.start().starts_with("--")).cloned().collect();
            if !program.is_empty() {
                unwrap::run(walker, program, Vec::new(), Vec::new());
            }
        }
        _ => return false,
    }
    true
}

/// `gdb [OPTIONS] [PROGRAM [CORE]]`: its commands are typed, or stand in `-ex`.
fn debugger(walker: &mut Walker<'_>, arguments: &[Word]) {
    const HARMLESS: [&str; 14] = [
        "backtrace",
        "bt",
        "c",
        "continue",
        "detach",
        "disas",
        "frame",
        "info",
        "list",
        "p",
        "print",
        "quit",
        "thread",
        "x",
    ];
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.known().unwrap_or_default();
        let is_plain = match text {
            "-ex" | "--ex" | "-o" | "--one-line" => rest.next().and_then(Word::known).is_some_and(|command| {
                let first = command.split_ascii_whitespace().next().unwrap_or_default();
                HARMLESS.contains(&first) && !command.contains(['!', '|', '$', '(']) || command == "set pagination off"
            }),
            "-p" | "--pid" | "-c" | "--core" => rest.next().is_some_and(|value| value.known().is_some()),
            "-q" | "-quiet" | "--quiet" | "-batch" | "--batch" | "-nx" | "-nh" | "-n" | "-tui" | "--version"
            | "--help" => true,
            // What is debugged gets the rest.
            "-args" | "--args" | "--" => {
                let program: Vec<Word> = rest.by_ref().cloned().collect();
                return unwrap::run(walker, program, Vec::new(), Vec::new());
            }
            _ => word.known().is_some() && !text.starts_with('-'),
        };
        if !is_plain {
            return walker.opaque_command("a command of the debugger may run another program");
        }
    }
    walker.script("it runs a program whose content is not known");
}

/// `perf record [OPTIONS] [--] PROGRAM`
fn profiler(walker: &mut Walker<'_>, arguments: &[Word]) {
    const OPTIONS: Options = Options {
        flags: "aAdDgiKnNqRsSTvxzB",
        values: "CceFGmoprtuI",
        long_flags: &["all-cpus", "children", "stdio", "tui", "no-children", "summary", "verbose", "quiet"],
        long_values: &["call-graph", "cpu", "event", "freq", "output", "pid", "repeat", "sort", "tid", "user", "input"],
    };
    let Some((command, rest)) = arguments.split_first() else { return };
    match command.known() {
        Some(
            "annotate" | "buildid-list" | "diff" | "evlist" | "list" | "report" | "--version" | "--help" | "version",
        ) => {}
        Some("record" | "stat" | "top" | "trace" | "sched" | "mem" | "lock") => match OPTIONS.read(rest) {
            Ok(found) if found.operands.is_empty() => {}
            Ok(found) => unwrap::run(walker, found.operands, Vec::new(), Vec::new()),
            Err(why) => walker.opaque_command(why),
        },
        _ => walker.opaque_command(reasons::NOT_LOOKED_FOR),
    }
}

/// `vagrant up`, `vagrant ssh [-c CODE]`
fn machine(walker: &mut Walker<'_>, arguments: &[Word]) {
    let words: Vec<Option<&str>> = arguments.iter().map(Word::known).collect();
    match words.as_slice() {
        []
        | [
            Some(
                "box" | "global-status" | "init" | "port" | "ssh-config" | "status" | "validate" | "version"
                | "--version" | "--help",
            ),
            ..,
        ] => {}
        [Some("halt" | "provision" | "reload" | "resume" | "suspend" | "up"), ..] => {
            walker.script("what is in its file of settings stands elsewhere");
        }
        [Some("ssh")] => walker.stdin_code(Shell::Unknown),
        [Some("ssh"), Some(machine)] if !machine.starts_with('-') => walker.stdin_code(Shell::Unknown),
        [Some("ssh"), .., Some("-c" | "--command"), _] => {
            if let Some(code) = arguments.last() {
                walker.elsewhere(|walker| walker.code_word(code, Shell::Unknown, Variables::new()));
            }
        }
        _ => walker.opaque_command(reasons::NOT_LOOKED_FOR),
    }
}

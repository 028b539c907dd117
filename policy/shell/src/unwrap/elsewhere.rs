//! Programs that run a command somewhere else on the machine: containers, pods, other terminals.

use super::{run, unlisted};
use crate::{Shell, Variables, Word, options::Options, parse::Walker};

const EXEC_OPTIONS: Options = Options {
    flags: "dituTqDI",
    values: "cenuwfspl",
    long_flags: &[
        "stdin",
        "tty",
        "quiet",
        "interactive",
        "detach",
        "privileged",
        "it",
        "rm",
        "no-TTY",
        "no-tty",
        "sync",
        "latest",
        "attach",
    ],
    long_values: &[
        "container",
        "namespace",
        "filename",
        "pod-running-timeout",
        "env",
        "env-file",
        "user",
        "workdir",
        "detach-keys",
        "index",
        "timeout",
        "context",
        "kubeconfig",
        "cluster",
        "image",
        "name",
        "restart",
        "labels",
        "overrides",
        "target",
        "command",
    ],
};

/// `kubectl exec POD -- COMMAND…`, and everything else after a `--`.
pub(super) fn kubectl(walker: &mut Walker<'_>, arguments: &[Word]) {
    if let Some(dashes) = arguments.iter().position(|word| word.known() == Some("--")) {
        let command = arguments.get(dashes + 1..).unwrap_or_default();
        if !command.is_empty() {
            run(walker, command.to_vec(), Vec::new(), Vec::new());
        }
        return;
    }
    if let Some(exec) = arguments.iter().position(|word| matches!(word.known(), Some("exec" | "rsh"))) {
        operand_and_command(walker, arguments.get(exec + 1..).unwrap_or_default());
    }
}

/// `k3s kubectl …`, `minikube OPTIONS… kubectl -- …`
pub(super) fn kubectl_inside(walker: &mut Walker<'_>, arguments: &[Word]) {
    let Some(at) = arguments.iter().position(|word| word.known() == Some("kubectl")) else { return };
    let command = arguments.get(at..).unwrap_or_default().iter();
    run(walker, command.filter(|word| word.known() != Some("--")).cloned().collect(), Vec::new(), Vec::new());
}

/// `OPTIONS… WHERE OPTIONS… COMMAND…`
fn operand_and_command(walker: &mut Walker<'_>, arguments: &[Word]) {
    // `docker exec "$id" env`: the first word that is not known is the container.
    let gap = arguments.iter().position(|word| word.known().is_none() && word.start().is_empty());
    let before =
        gap.and_then(|at| EXEC_OPTIONS.read(arguments.get(..at)?).ok()).filter(|found| found.operands.is_empty());
    let operands = match (before, gap) {
        (Some(_), Some(at)) => {
            walker.script("which container it is is not known before it runs");
            Ok(arguments.get(at..).unwrap_or_default().to_vec())
        }
        _ => EXEC_OPTIONS.read(arguments).map(|found| found.operands),
    };
    let command = operands.and_then(|operands| EXEC_OPTIONS.read(operands.get(1..).unwrap_or_default()));
    match command {
        Ok(found) if !found.operands.is_empty() => run(walker, found.operands, Vec::new(), Vec::new()),
        Ok(_) => {}
        Err(why) => walker.opaque_command(why),
    }
}

pub(super) fn container(walker: &mut Walker<'_>, arguments: &[Word]) {
    const RUN: Options = Options {
        flags: "ditPqT",
        values: "acehlmpuvw",
        long_flags: &[
            "detach",
            "init",
            "interactive",
            "tty",
            "privileged",
            "publish-all",
            "read-only",
            "rm",
            "sig-proxy",
            "quiet",
            "no-deps",
            "service-ports",
            "no-healthcheck",
            "oom-kill-disable",
            "build",
            "use-aliases",
        ],
        long_values: &[
            "add-host",
            "annotation",
            "attach",
            "cap-add",
            "cap-drop",
            "cgroupns",
            "cidfile",
            "cpus",
            "cpu-shares",
            "cpuset-cpus",
            "device",
            "dns",
            "entrypoint",
            "env",
            "env-file",
            "expose",
            "gpus",
            "group-add",
            "hostname",
            "ip",
            "ipc",
            "label",
            "link",
            "log-driver",
            "log-opt",
            "mac-address",
            "memory",
            "memory-swap",
            "mount",
            "name",
            "net",
            "network",
            "network-alias",
            "pid",
            "pids-limit",
            "platform",
            "publish",
            "pull",
            "restart",
            "runtime",
            "security-opt",
            "shm-size",
            "stop-signal",
            "stop-timeout",
            "storage-opt",
            "sysctl",
            "tmpfs",
            "ulimit",
            "user",
            "userns",
            "uts",
            "volume",
            "volumes-from",
            "workdir",
        ],
    };
    guess_variables(walker, arguments);
    let position =
        |names: &[&str]| arguments.iter().position(|word| word.known().is_some_and(|text| names.contains(&text)));
    // Only as the first word: later it may be the value of an option (`docker --context ps exec …`).
    let groups = ["compose", "container", "image"];
    let is_group = |word: &&Word| word.known().is_some_and(|text| groups.contains(&text));
    let harmless = position(&[
        "ps", "logs", "images", "inspect", "build", "pull", "push", "rm", "rmi", "stop", "start", "cp", "info",
        "version", "stats", "top", "list", "ls",
    ])
    .filter(|at| *at == arguments.iter().take_while(is_group).count());
    match (position(&["exec"]), position(&["run", "create"])) {
        (Some(exec), _) if harmless.is_none_or(|other| exec < other) => {
            let rest = arguments.get(exec + 1..).unwrap_or_default();
            // lxc and ctr put a `--` before the command.
            match rest.iter().position(|word| word.known() == Some("--")) {
                Some(dashes) => {
                    let command = rest.get(dashes + 1..).unwrap_or_default();
                    if !command.is_empty() {
                        run(walker, command.to_vec(), Vec::new(), Vec::new());
                    }
                }
                None => operand_and_command(walker, rest),
            }
        }
        (None, Some(at)) if harmless.is_none_or(|other| at < other) => {
            match RUN.read(arguments.get(at + 1..).unwrap_or_default()) {
                Ok(found) => {
                    let mut command = found.operands.get(1..).unwrap_or_default().to_vec();
                    if let Some(entrypoint) = found.value(&["entrypoint"]) {
                        command.insert(0, entrypoint.clone());
                    }
                    // Arguments of the image's own program look like a command; options do not.
                    if command.first().is_some_and(|word| !word.start().starts_with('-')) {
                        run(walker, command, Vec::new(), Vec::new());
                    }
                }
                Err(why) => walker.opaque_command(why),
            }
        }
        _ if harmless.is_none() && position(&["service", "plugin", "machine", "farm"]).is_some() => {
            // Their options are not described.
            unlisted::guess(walker, "service of containers", arguments);
        }
        _ => {}
    }
}

/// Variables that are set in a container: what looks at them there is not known.
fn guess_variables(walker: &mut Walker<'_>, arguments: &[Word]) {
    let after = arguments.iter().skip(1).zip(arguments);
    let apart =
        after.filter(|(_, option)| matches!(option.known(), Some("-e" | "--env"))).map(|(value, _)| value.start());
    let attached = arguments.iter().filter_map(|word| word.start().strip_prefix("--env="));
    for pair in apart.chain(attached) {
        if let Some((_, value)) = pair.split_once('=') {
            walker.guess_code(value);
        }
    }
}

pub(super) fn screen(walker: &mut Walker<'_>, arguments: &[Word]) {
    const OPTIONS: Options = Options {
        flags: "aADdfLmOqRrUvwxiln",
        values: "ceEhpsStT",
        long_flags: &["ls", "list", "wipe"],
        long_values: &[],
    };
    let has = |option: &str| arguments.iter().any(|word| word.known() == Some(option));
    if has("-ls") || has("-list") || has("-wipe") {
        return;
    }
    if has("-X") || has("-c") {
        return walker.opaque_command("it sends commands to another session");
    }
    match OPTIONS.read(arguments) {
        Ok(found) if found.has(&["r", "x", "R"]) => {}
        Ok(found) if found.operands.is_empty() => walker.stdin_code(Shell::Unknown),
        Ok(found) => run(walker, found.operands, Vec::new(), Vec::new()),
        Err(why) => walker.opaque_command(why),
    }
}

pub(super) fn tmux(walker: &mut Walker<'_>, arguments: &[Word]) {
    const GLOBAL: Options = Options { flags: "2CDluNUvV", values: "cfLST", long_flags: &[], long_values: &[] };
    const OPENING: Options =
        Options { flags: "AdDEPXbhvkIZlr", values: "cenFfstxyTpO", long_flags: &[], long_values: &[] };
    const SAFE: [&str; 22] = [
        "a",
        "at",
        "att",
        "attach",
        "attach-session",
        "detach",
        "detach-client",
        "has",
        "has-session",
        "kill-server",
        "kill-session",
        "list-sessions",
        "list-windows",
        "list-panes",
        "list-clients",
        "ls",
        "lsw",
        "lsp",
        "rename-session",
        "rename-window",
        "select-window",
        "switch-client",
    ];
    const OPENS: [&str; 10] = [
        "new",
        "new-session",
        "new-window",
        "neww",
        "respawn-pane",
        "respawn-window",
        "split-window",
        "splitw",
        "popup",
        "display-popup",
    ];
    let found = match GLOBAL.read(arguments) {
        Ok(found) => found,
        Err(why) => return walker.opaque_command(why),
    };
    if let Some(code) = found.value(&["c"]) {
        return walker.code_word(&code.clone(), Shell::Unknown, Variables::new());
    }
    if found.value(&["f"]).is_some_and(|file| file.known() != Some("/dev/null")) {
        return walker.opaque_command("tmux reads a configuration that may run code");
    }
    let Some((command, rest)) = found.operands.split_first() else { return };
    let is_list = rest.iter().any(|word| matches!(word.known(), Some(";")) || word.start().ends_with(';'));
    match command.known() {
        Some(name) if SAFE.contains(&name) && !is_list => {}
        Some(name) if OPENS.contains(&name) && !is_list => match OPENING.read(rest) {
            Ok(found) => match found.operands.as_slice() {
                [] => {}
                [code] => walker.code_word(&code.clone(), Shell::Unknown, Variables::new()),
                command => run(walker, command.to_vec(), Vec::new(), Vec::new()),
            },
            Err(why) => walker.opaque_command(why),
        },
        _ => {
            for word in rest {
                if let Some(text) = word.known() {
                    walker.out.code.push(text.to_owned());
                }
            }
            walker.opaque_command("tmux may run it in another window");
        }
    }
}

//! Ansible: modules, and the variables that say what it runs on its hosts.

use super::{Shell, Variables, Walker, Word, reasons, variables as settings};

/// `ansible HOSTS -m MODULE -a ARGUMENTS`: modules that look, and those that run a command of the shell there.
pub(super) fn module(walker: &mut Walker<'_>, arguments: &[Word]) {
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
        _ => walker.opaque_command(reasons::NOT_LOOKED_FOR),
    }
}

/// A value of `--extra-vars`, `NAME=VALUE` or JSON: interpreters, programs and options of ssh by the names that Ansible
/// itself has for them.
pub(super) fn variables(walker: &mut Walker<'_>, value: &Word) {
    let text = value.start();
    if value.known().is_none() || text.contains("\\u") {
        walker.doubtful_command("variables of it are not known");
    }
    for (at, _) in text.match_indices("ansible_").take(MAX_VARIABLES) {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = text.get(at..).unwrap_or_default();
        let (name, rest) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        let rest = rest.trim_start_matches(['"', '\'', ' ']);
        let Some(value) = rest.strip_prefix(['=', ':']).map(str::trim_start) else { continue };
        let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.split_once(*quote));
        let value = match quoted {
            Some((value, _)) => value,
            None => value.split([' ', ',', '}', '\n']).next().unwrap_or_default(),
        };
        // It looks for one itself.
        if value.starts_with("auto") {
            continue;
        }
        // The names have the endings of what other programs look at.
        let name = name.to_ascii_uppercase();
        let name = name.strip_suffix("_EXE").map_or(name.clone(), |name| format!("{name}_PROGRAM"));
        settings::set(walker, &name, &Word::of(value));
    }
}

/// So many variables of one argument are read.
const MAX_VARIABLES: usize = 64;

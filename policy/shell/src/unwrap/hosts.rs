//! What `ssh` runs on the other host, and what its settings run on this one.

use super::{code_of_words, joined};
use crate::{Shell, Word, options::Found, parse::Walker, wrappers};

pub(super) fn ssh(walker: &mut Walker<'_>, found: &Found) {
    let mut operands = found.operands.as_slice();
    let mut options = found.options.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>();
    // Options may stand after the host too.
    if let Some((_, rest)) = operands.split_first() {
        let wrapper = wrappers::find("ssh").map(|wrapper| wrapper.options.read(rest));
        match wrapper {
            Some(Ok(more)) => {
                options.extend(more.options);
                operands = rest.get(rest.len() - more.operands.len()..).unwrap_or_default();
            }
            _ => {
                walker.opaque_command("an option of ssh is not known");
                return code_of_words(walker, rest);
            }
        }
    }
    for (name, value) in &options {
        let Some(value) = value else { continue };
        if name == "F" {
            walker.opaque_command("ssh reads a configuration that may run code");
        }
        if name == "I" {
            walker.opaque_command("ssh loads a library");
        }
        if name == "o" {
            ssh_setting(walker, value);
        }
    }
    let has = |names: &[&str]| options.iter().any(|(name, _)| names.contains(&name.as_str()));
    if has(&["V", "Q", "G", "O"]) || found.operands.is_empty() {
        return;
    }
    match joined(operands) {
        // A shell there reads what comes in; at a terminal each line is judged when it is typed.
        Some(text) if text.trim().is_empty() => {
            if !has(&["N", "W"]) {
                walker.stdin_code(Shell::Unknown);
            }
        }
        Some(text) => walker.elsewhere(|walker| walker.code(&text, Shell::Unknown)),
        None => walker.elsewhere(|walker| code_of_words(walker, operands)),
    }
}

pub(crate) fn ssh_setting(walker: &mut Walker<'_>, setting: &Word) {
    let start = setting.start().to_ascii_lowercase();
    let is_code = [
        "proxycommand",
        "localcommand",
        "knownhostscommand",
        "remotecommand",
        "pkcs11provider",
        "securitykeyprovider",
        "xauthlocation",
    ];
    if ["match", "include"].iter().any(|name| start.trim_start().starts_with(name)) {
        return walker.opaque_command("a setting of ssh may run a program");
    }
    if start.is_empty() {
        return walker.opaque_command("a setting of ssh is not known");
    }
    if let Some(name) = is_code.into_iter().find(|name| start.trim_start().starts_with(name)) {
        let value = setting.known().and_then(|text| text.trim_start().get(name.len()..));
        match value {
            Some(value) => walker.code(value.trim_start_matches([' ', '=']), Shell::Unknown),
            None => walker.opaque_command("a setting of ssh is code that is not known"),
        }
    }
}

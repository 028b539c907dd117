//! Tables of a shell that are set like arrays, and whose values are code: `functions[f]='…'` of zsh, `BASH_ALIASES[a]='…'`.

use super::{Word, parse::Walker, unwrap};

/// What the values of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    /// Begun commands, with whatever is typed behind them.
    Aliases,
    /// Code.
    Functions,
    /// Text that stands for a word anywhere in a line.
    GlobalAliases,
    /// Paths: of the programs that names mean, or of folders.
    Paths,
    /// Settings of the shell.
    Settings,
}

fn values_of(table: &str) -> Option<Values> {
    Some(match table {
        "BASH_ALIASES" | "aliases" | "dis_aliases" | "dis_saliases" | "saliases" => Values::Aliases,
        "dis_functions" | "functions" => Values::Functions,
        "dis_galiases" | "galiases" => Values::GlobalAliases,
        "BASH_CMDS" | "commands" | "nameddirs" => Values::Paths,
        "options" => Values::Settings,
        _ => return None,
    })
}

/// Whether `name` is a table, or an entry of one (`aliases[x]`).
pub(super) fn is_table(name: &str) -> bool {
    name.split('[').next().and_then(values_of).is_some()
}

/// Follows a value that is set in the table `name`, or in an entry of it.
pub(super) fn entry(walker: &mut Walker<'_>, name: &str, value: &Word) {
    let mut parts = name.splitn(2, '[');
    let Some(kind) = parts.next().and_then(values_of) else { return };
    let key = parts.next().unwrap_or_default().trim_end_matches(']');
    if kind == Values::Settings {
        return walker.tampering(name);
    }
    let Some(text) = value.known() else {
        return walker.opaque(format!("the value of {name} is code that is not known"));
    };
    match kind {
        // A list of keys and values may stand here, and a key alone is no code.
        Values::Aliases => unwrap::alias_value(walker, key, value),
        Values::Functions => later(walker, text),
        Values::GlobalAliases => later(walker, &format!(": {text}")),
        Values::Paths => walker.opaque(format!("{name} is set: names of programs or folders may mean others")),
        Values::Settings => {}
    }
}

/// Code that runs at another time.
fn later(walker: &mut Walker<'_>, text: &str) {
    walker.flow.substitutions += 1;
    walker.code(text, walker.shell);
    walker.flow.substitutions -= 1;
}

//! Languages of macros and drawings: m4, roff, dc, gnuplot.

use super::{ClientCode, Codes, after_call, has_word};
use crate::reasons;

/// m4: macros that run programs, and those that could make such a macro.
pub(super) fn m4(text: &str, out: &mut Codes) {
    for call in after_call(text, text, "syscmd").into_iter().chain(after_call(text, text, "esyscmd")) {
        let code = call.trim_start_matches('`');
        let end = code.find(['\'', ')']).unwrap_or(code.len());
        out.push(ClientCode::Shell(code.get(..end).unwrap_or_default().to_owned()));
    }
    if M4.split_ascii_whitespace().any(|word| text.contains(word)) {
        out.push(ClientCode::Opaque("a macro of it may run a program"));
    }
}

const M4: &str = "builtin changecom changequote changeword cmd define defn esys format indir include m4_ maketemp mkstemp pushdef substr sys translit";

/// roff that may run programs (`-U`).
pub(super) fn roff(text: &str, out: &mut Codes) {
    for line in text.lines() {
        for (at, name) in line.match_indices("sy ").chain(line.match_indices("pso ")) {
            let before = line.get(..at).unwrap_or_default().trim_end();
            if !out.is_full() && (before.ends_with(['.', '\'']) || before.ends_with("do")) {
                let code = line.get(at + name.len()..).unwrap_or_default().trim();
                out.push(ClientCode::Shell(code.to_owned()));
            }
        }
        let request = line.trim_start_matches(['.', '\'']).trim_start();
        if line.starts_with(['.', '\''])
            && ["rn ", "als ", "cc ", "c2 ", "ec", "PS", "sh", "open", "mso ", "so "]
                .iter()
                .any(|start| request.starts_with(start))
        {
            out.push(ClientCode::Opaque("a request of it may run a program"));
        }
    }
}

/// dc: `!CODE`, which is no comparison.
pub(super) fn dc(text: &str, out: &mut Codes) {
    for line in text.lines() {
        for (at, _) in line.match_indices('!') {
            let code = line.get(at + 1..).unwrap_or_default();
            if !code.starts_with(['<', '>', '=']) && !out.is_full() {
                out.push(ClientCode::Shell(code.trim().to_owned()));
            }
        }
    }
}

/// gnuplot: `!CODE`, `system`, backquotes, and files that are pipes.
pub(super) fn gnuplot(text: &str, out: &mut Codes) {
    for line in text.lines().flat_map(|line| line.split(';')).map(str::trim) {
        if let Some(code) = line.strip_prefix('!') {
            out.push(ClientCode::Shell(code.trim().to_owned()));
        }
        for code in line.split('`').skip(1).step_by(2) {
            out.push(ClientCode::Shell(code.trim().to_owned()));
        }
        for quote in ['"', '\''] {
            for string in line.split(quote).skip(1).step_by(2) {
                if let Some(code) = string.trim_start().strip_prefix(['<', '|']) {
                    out.push(match code.trim() {
                        "" => ClientCode::Opaque(reasons::UNKNOWN_PROGRAM),
                        code => ClientCode::Shell(code.to_owned()),
                    });
                }
            }
        }
        if has_word(line, "system") || has_word(line, "shell") {
            let quoted = line.split(['"', '\'']).nth(1);
            out.push(quoted.map_or(ClientCode::Opaque("it runs a program"), |code| ClientCode::Shell(code.to_owned())));
        }
        if line.starts_with("load")
            || line.starts_with("call")
            || line.starts_with('@')
            || has_word(line, "eval")
            || has_word(line, "evaluate")
        {
            out.push(ClientCode::Opaque(reasons::SCRIPT));
        }
    }
}

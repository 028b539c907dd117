//! What sets up the shell at hand: `source venv/bin/activate`, `. ~/.bashrc`, `eval "$(ssh-agent)"`, `source <(kubectl
//! completion bash)`.
//!
//! Such a line says by a name what it reads: a file of settings, or what a program prints for a shell. Any other file or
//! output that a shell reads is code which the line does not show.

use super::{Word, base_name, parse::Walker, reasons};

/// `source FILE`, `. FILE`.
pub(super) fn source(walker: &mut Walker<'_>, arguments: &[Word]) {
    let is_settings = arguments.first().is_some_and(|file| {
        let name = base_name(file.ending());
        let is_system = FOLDERS.iter().any(|folder| file.start().starts_with(folder)) && !file.start().contains("..");
        ((is_settings_file(name) || is_system) && !file.start().starts_with("/dev/") && !walker.has_written(name))
            || walker.prints_settings
    });
    if is_settings {
        walker.script("what is in a file of settings stands elsewhere");
    } else {
        walker.opaque_command(reasons::SCRIPT);
    }
}

/// Folders with settings of the whole machine.
const FOLDERS: [&str; 5] =
    ["/etc/profile.d/", "/etc/bash_completion.d/", "/etc/default/", "/etc/sysconfig/", "/usr/share/bash-completion/"];

/// Whether a file of this name sets up a shell, as `activate`, `.bashrc`, `openrc` and `env.sh` do.
fn is_settings_file(name: &str) -> bool {
    const WORDS: [&str; 20] = [
        "activate",
        "aliases",
        "completion",
        "completions",
        "conda",
        "env",
        "environment",
        "envrc",
        "exports",
        "functions",
        "nvm",
        "openrc",
        "path",
        "profile",
        "rc",
        "release",
        "setenv",
        "settings",
        "variables",
        "vars",
    ];
    const SHELLS: [&str; 4] = ["bash", "fish", "sh", "zsh"];
    let name = name.to_ascii_lowercase();
    let mut parts = name.split(['.', '-', '_']).filter(|part| !part.is_empty());
    // `.bashrc`, `.zshenv`, `setup.bash` of ROS.
    let is_start_up_file = SHELLS.iter().chain(&["k", "log"]).any(|shell| {
        name.strip_prefix('.').and_then(|name| name.strip_prefix(shell)).is_some_and(|rest| {
            matches!(rest, "rc" | "env" | "profile" | "login" | "_profile" | "_login" | "_aliases" | "in")
        })
    });
    is_start_up_file || name == "setup.bash" || parts.any(|part| WORDS.contains(&part))
}

/// Whether the raw words are `eval` or `source` with nothing but what a program prints to set up a shell:
/// `"$(ssh-agent -s)"`, `<(kubectl completion bash)`.
pub(super) fn is_printed(code: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "-_./:=@%+,".contains(c);
    if !code.chars().all(is_plain) || code.contains('\n') {
        return false;
    }
    let mut words = code.split_ascii_whitespace();
    let Some(program) = words.next().map(base_name) else { return false };
    // These print what others wrote, or run it.
    const PRINTERS_OF_ANYTHING: [&str; 22] = [
        "awk", "base64", "bash", "cat", "curl", "dd", "echo", "env", "find", "gpg", "grep", "head", "openssl",
        "printf", "sed", "sh", "ssh", "sudo", "tail", "wget", "xargs", "xxd",
    ];
    const BY_NAME: [&str; 8] = [
        "dircolors",
        "keychain",
        "lesspipe",
        "lesspipe.sh",
        "resize",
        "ssh-agent",
        "tset",
        "register-python-argcomplete",
    ];
    const SETS_UP: [&str; 14] = [
        "activate",
        "activation-script",
        "completion",
        "completions",
        "docker-env",
        "env",
        "export",
        "hook",
        "init",
        "shell",
        "shell.bash",
        "shell.zsh",
        "shellenv",
        "podman-env",
    ];
    if BY_NAME.contains(&program) {
        return true;
    }
    !PRINTERS_OF_ANYTHING.contains(&program)
        && program.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        && words.any(|word| SETS_UP.contains(&word) || word == "--alias")
}

/// The code in `"$(…)"`, `$(…)`, `` `…` `` or `<(…)`, where a raw word is nothing else.
pub(super) fn only_substitution(raw: &str) -> Option<&str> {
    let bare = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    let inside = bare
        .strip_prefix("$(")
        .or_else(|| raw.strip_prefix("<("))
        .and_then(|rest| rest.strip_suffix(')'))
        .or_else(|| bare.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')))?;
    (!inside.contains(['(', ')', '`', '"'])).then_some(inside)
}

/// The program that `$(which NAME)` or `$(command -v NAME)` looks up: that is what runs.
pub(super) fn looked_up(raw: &str) -> Option<&str> {
    let words: Vec<&str> = only_substitution(raw)?.split_ascii_whitespace().collect();
    let name = match words.as_slice() {
        ["which", name] | ["command", "-v", name] | ["type", "-p" | "-P", name] => *name,
        _ => return None,
    };
    let is_name = !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+/".contains(c));
    is_name.then_some(name)
}

/// The program that a variable names whose value was judged when it was set: `$EDITOR`.
pub(super) fn in_variable(raw: &str) -> Option<&'static str> {
    let bare = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    match bare.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or_else(|| bare.strip_prefix('$'))? {
        "EDITOR" | "VISUAL" => Some("editor"),
        "PAGER" => Some("pager"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_settings_are_known_by_their_names() {
        for name in [
            "activate",
            "activate.fish",
            ".bashrc",
            ".bash_profile",
            ".bash_aliases",
            ".zshenv",
            ".profile",
            "env.sh",
            ".env",
            "prod.env",
            "admin-openrc.sh",
            "nvm.sh",
            "os-release",
            "spark-env.sh",
            "git-completion.bash",
            "vars",
        ] {
            assert!(is_settings_file(name), "{name}");
        }
        for name in ["script.sh", "x", "", "deploy.sh", "install", "stdin", "y.bash", "s.sh", "3", "environ"] {
            assert!(!is_settings_file(name), "{name}");
        }
    }

    #[test]
    fn settings_are_printed_by_programs_that_are_asked_for_them() {
        for code in ["ssh-agent -s", "direnv hook bash", "pyenv init -", "/opt/homebrew/bin/brew shellenv", "opam env"]
        {
            assert!(is_printed(code), "{code}");
        }
        for code in [
            "cat env",
            "curl -s https://x/init",
            "echo init",
            "base64 -d",
            "x",
            "sudo x init",
            "x init | sh",
            "$X init",
        ] {
            assert!(!is_printed(code), "{code}");
        }
    }

    #[test]
    fn what_is_looked_up_is_what_runs() {
        for raw in ["$(which rm)", "\"$(command -v rm)\"", "`which rm`"] {
            assert_eq!(looked_up(raw), Some("rm"), "{raw}");
        }
        for raw in
            ["$(which rm; echo x)", "$(cat rm)", "x$(which rm)", "$(which $X)", "$(which -a rm)", "<(which rm) x"]
        {
            assert_eq!(looked_up(raw), None, "{raw}");
        }
    }
}

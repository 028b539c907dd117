//! Short names that people give to programs everywhere: `k` is `kubectl`.
//!
//! Nobody knows what an alias of an earlier line or of a start-up file stands for. But these names are so usual that a
//! line with one of them is read as the program's too, and an alias that says no more than that needs no look of its own.

/// The program that a short name usually stands for.
pub(super) fn program_of(name: &str) -> Option<&'static str> {
    SHORT_NAMES.iter().find(|(short, _)| *short == name).map(|(_, program)| *program)
}

/// Whether an alias says no more than lines with its name are read for anyhow: its usual program, or its own name with
/// options that change only what is shown or asked.
pub(super) fn stands_for(name: &str, value: &str) -> bool {
    let mut words = value.split_ascii_whitespace().filter(|word| *word != "sudo");
    let program = words.next();
    if program_of(name).is_some() && program == program_of(name) {
        return words.next().is_none();
    }
    program == Some(name) && words.all(|word| SHOWN_OR_ASKED.contains(&word))
}

const SHORT_NAMES: [(&str, &str); 19] = [
    ("ap", "ansible-playbook"),
    ("d", "docker"),
    ("dc", "docker-compose"),
    ("dco", "docker-compose"),
    ("dk", "docker"),
    ("g", "git"),
    ("ipt", "iptables"),
    ("jc", "journalctl"),
    ("jctl", "journalctl"),
    ("k", "kubectl"),
    ("kc", "kubectl"),
    ("kctl", "kubectl"),
    ("kube", "kubectl"),
    ("pm", "podman"),
    ("sc", "systemctl"),
    ("sctl", "systemctl"),
    ("tf", "terraform"),
    ("tfm", "terraform"),
    ("tg", "terragrunt"),
];

const SHOWN_OR_ASKED: [&str; 16] = [
    "--color",
    "--color=always",
    "--color=auto",
    "--color=never",
    "--group-directories-first",
    "--human-readable",
    "--interactive",
    "--preserve-root",
    "--verbose",
    "-F",
    "-H",
    "-I",
    "-h",
    "-i",
    "-iv",
    "-v",
];

//! Cases of commands, and how their verdicts are scored.

use std::{path::Path, time::SystemTime};

use config::{RuleDoc, Target, rules::RuleEffect, target::parse_targets};
use policy::{CommandInput, Judging, Resource, RuleSet, Subject, Verdict};
use shell::{ParseContext, Shell};

/// A case: what somebody wants to run, and what should happen.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) mode: String,
    pub(crate) shell: Shell,
    pub(crate) command: Vec<String>,
    pub(crate) stdin: Option<String>,
    pub(crate) expected: String,
    pub(crate) also: Vec<String>,
}

/// How a verdict compares with what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Score {
    Right,
    Noisy,
    UsabilityMiss,
    Failure,
}

impl Case {
    pub(crate) fn score(&self, verdict: &Verdict) -> Score {
        let got = effect_word(verdict);
        if got == self.expected || self.also.iter().any(|word| word == got) {
            Score::Right
        } else if got == "allow" {
            Score::Failure
        } else if self.expected == "allow" {
            Score::UsabilityMiss
        } else {
            Score::Noisy
        }
    }

    pub(crate) fn text(&self) -> String {
        self.command.join(" ")
    }
}

/// The corpus's word for a verdict.
pub(crate) fn effect_word(verdict: &Verdict) -> &'static str {
    match verdict.effect {
        RuleEffect::Allow => "allow",
        RuleEffect::Approve if verdict.opaque => "hold-unparseable",
        RuleEffect::Approve => "approve",
        RuleEffect::Block => "block",
    }
}

pub(crate) fn rules() -> RuleSet {
    let document = RuleDoc::parse(include_str!("../../../tests/corpus/rules.yaml"), "rules.yaml");
    let document = document.unwrap_or_else(|errors| panic!("{errors}"));
    RuleSet::compile(&[document]).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// What the rules say to somebody on some host.
pub(crate) fn judge(rules: &RuleSet, input: CommandInput<'_>, judging: &Judging) -> Verdict {
    let target = target();
    let login = "demo".parse().unwrap_or_else(|error| panic!("{error}"));
    let resource = Resource::Host { target: &target, login: &login };
    let who = Subject {
        issuer: "https://id.example.com".to_owned(),
        id: "1".to_owned(),
        name: "alice".parse().unwrap_or_else(|error| panic!("{error}")),
        email: None,
        groups: ["people".parse().unwrap_or_else(|error| panic!("{error}"))].into(),
    };
    rules.judge(&who, resource, input, judging)
}

/// The verdict on a case; none for what is no command.
pub(crate) fn verdict(rules: &RuleSet, case: &Case) -> Option<Verdict> {
    let place = ParseContext { shell: case.shell, interactive: case.mode == "typed", ..ParseContext::default() };
    let judging = Judging { place, ..Judging::guard(SystemTime::UNIX_EPOCH) };
    let first = case.command.first()?;
    if first.starts_with('<') {
        return None;
    }
    let input = match (case.mode.as_str(), &case.stdin) {
        ("kubectl-exec", stdin) => CommandInput::Argv(&case.command, stdin.as_deref()),
        (_, Some(stdin)) => CommandInput::Script(first, stdin),
        (_, None) => CommandInput::Line(first),
    };
    Some(judge(rules, input, &judging))
}

fn target() -> Target {
    let text = "- { name: web1, address: 'a:22', host_ca: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ' }";
    let targets = parse_targets(text, Path::new(""), "targets.yaml").unwrap_or_else(|errors| panic!("{errors}"));
    targets.into_iter().next().unwrap_or_else(|| unreachable!("there is one"))
}

/// Reads cases of the corpus's form; typed ones only where a line is typed without editing.
pub(crate) fn read(text: &str) -> Result<Vec<Case>, serde_json::Error> {
    let mut cases = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let value: serde_json::Value = serde_json::from_str(line)?;
        let word = |key: &str| value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let words = |key: &str| {
            value
                .get(key)
                .and_then(serde_json::Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let command = match value.get("command") {
            Some(serde_json::Value::String(text)) => vec![text.clone()],
            Some(serde_json::Value::Array(_)) => words("command"),
            _ => continue,
        };
        let shell = match word("shell").as_str() {
            "bash" => Shell::Bash,
            "zsh" => Shell::Zsh,
            "dash" => Shell::Dash,
            "ash" => Shell::Ash,
            "fish" => Shell::Fish,
            _ => Shell::Unknown,
        };
        cases.push(Case {
            id: word("id"),
            mode: word("mode"),
            shell,
            command,
            stdin: value.get("stdin").and_then(serde_json::Value::as_str).map(str::to_owned),
            expected: word("expected"),
            also: words("also_acceptable"),
        });
    }
    Ok(cases)
}

/// Reads lines such as `block: rm -rf /x` and `hold@zsh+typed: …`. `\n` is a line break; all are tried in every shell that
/// can read them.
pub(crate) fn dangerous(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((expected, command)) = line.split_once(": ").filter(|_| !line.starts_with('#')) else { continue };
        let (expected, mode) = expected.split_once('@').unwrap_or((expected, "exec"));
        let is = |part: &str| mode.split('+').any(|given| given == part);
        let shells: &[Shell] = if is("fish") {
            &[Shell::Fish]
        } else if is("zsh") {
            &[Shell::Zsh]
        } else {
            &[Shell::Bash, Shell::Unknown]
        };
        for shell in shells {
            cases.push(Case {
                id: format!("line {} {shell:?}", number + 1),
                mode: if is("typed") { "typed".to_owned() } else { "exec".to_owned() },
                shell: *shell,
                command: vec![command.replace("\\n", "\n")],
                stdin: None,
                expected: match expected {
                    "hold" => "hold-unparseable",
                    other => other,
                }
                .to_owned(),
                also: match expected {
                    "hold" => vec!["block".to_owned(), "approve".to_owned()],
                    _ => Vec::new(),
                },
            });
        }
    }
    cases
}

/// Reads one benign command a line; each is tried typed and as exec, where the shell is known and where not.
pub(crate) fn benign(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("# ")) {
        for (mode, shell) in [("typed", Shell::Bash), ("exec", Shell::Unknown)] {
            cases.push(Case {
                id: format!("line {} {mode}", number + 1),
                mode: mode.to_owned(),
                shell,
                command: vec![line.replace("\\n", "\n")],
                stdin: (mode == "exec").then(String::new),
                expected: "allow".to_owned(),
                also: Vec::new(),
            });
        }
    }
    cases
}

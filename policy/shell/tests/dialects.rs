//! What each shell makes of a text: the tables of `dialects.txt`.
//!
//! A line is `SHELL[+typed] VERDICT: TEXT`, and `\n` is a line break. The verdict is `runs` where the program `danger` runs
//! for sure, `holds` where something cannot be known, or only may be code, and `safe` where neither is so.

use shell::{ParseContext, Parsed, Shell, parse};

fn shell_of(name: &str) -> Shell {
    match name {
        "ash" => Shell::Ash,
        "bash" => Shell::Bash,
        "dash" => Shell::Dash,
        "fish" => Shell::Fish,
        "sh" => Shell::Sh,
        "unknown" => Shell::Unknown,
        "zsh" => Shell::Zsh,
        other => panic!("no shell is called {other}"),
    }
}

fn verdict(parsed: &Parsed) -> &'static str {
    if parsed.commands.iter().any(|command| command.program() == Some("danger")) {
        return "runs";
    }
    let may_run = parsed.guesses.iter().any(|command| command.program() == Some("danger"));
    if may_run || !parsed.opaque.is_empty() || !parsed.tampering.is_empty() { "holds" } else { "safe" }
}

fn check(table: &str) {
    let mut wrong = Vec::new();
    for (number, line) in table.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("# ")) {
        let (head, text) = line.split_once(": ").unwrap_or_else(|| panic!("line {}: {line}", number + 1));
        let (shells, expected) = head.split_once(' ').unwrap_or_else(|| panic!("line {}: {line}", number + 1));
        let text = text.replace("\\n", "\n").replace("\\N", "\\n");
        for name in shells.split(',') {
            let (name, interactive) = name.split_once('+').map_or((name, false), |(name, _)| (name, true));
            let place = ParseContext { shell: shell_of(name), interactive, ..ParseContext::default() };
            let parsed = parse(&text, &place);
            let got = verdict(&parsed);
            if got != expected {
                let why: Vec<String> = parsed.opaque.iter().map(|opaque| opaque.why.clone()).collect();
                let ran: Vec<String> = parsed.commands.iter().map(ToString::to_string).collect();
                wrong.push(format!(
                    "{} {name}: {got} for {expected}: {text} {ran:?} {why:?} {:?}",
                    number + 1,
                    parsed.tampering
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn where_shells_differ_each_reading_counts() {
    check(include_str!("dialects.txt"));
}

#[test]
fn fish_is_read_by_its_own_grammar() {
    check(include_str!("fish.txt"));
}

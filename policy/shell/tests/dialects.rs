//! What each shell makes of a text: the tables of `dialects.txt`.
//!
//! A line is `SHELL[+typed] VERDICT: TEXT`, and `\n` is a line break. The verdict is `runs` where the program `danger` runs
//! for sure, `holds` where something cannot be known, or only may be code, and `safe` where neither is so.

#![expect(clippy::panic, reason = "a test that cannot read its table has failed")]

use shell::{OpaqueKind, ParseContext, Parsed, Shell, parse};

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
    // What is doubtful is so only of who is not trusted.
    let is_held = parsed.opaque.iter().any(|opaque| opaque.kind != OpaqueKind::Doubtful);
    if may_run || is_held || !parsed.tampering.is_empty() { "holds" } else { "safe" }
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

/// Texts that would take long, or go deep, in one shell or another.
fn bombs() -> Vec<String> {
    let nests = [
        ("(", ")"),
        ("echo (", ")"),
        ("echo \"$(", ")\""),
        ("begin; ", "; end"),
        ("if true; ", "; end"),
        ("function f; ", "; end"),
        ("for x in a b; ", "; end"),
        ("switch a; case b; ", "; end"),
        ("not ", ""),
        ("and ", ""),
        ("eval '", "'"),
        ("fish -c \"", "\""),
        ("ssh h \"\\x61; ", "\""),
        ("eval \\x61 ", ""),
        ("{a,", "}"),
        ("x[", "]"),
        ("$x[(", ")]"),
        ("$$", "x"),
        ("$((a[", "]))"),
        ("${a[", "]}"),
        ("{ ", " }"),
    ];
    let mut texts: Vec<String> = nests
        .iter()
        .flat_map(|(open, close)| {
            [8, 60, 300].map(|times| format!("{}danger{}", open.repeat(times), close.repeat(times)))
        })
        .collect();
    let pieces = [
        "{a,b}",
        "\\x61",
        "\\155 ",
        "# ",
        "#'",
        "$'",
        "$'a' ",
        "&a",
        "a;",
        "a|",
        "(a)",
        "'\\'",
        "\"$x\" ",
        "echo (a);",
        "set x a; $x ",
        "read v; echo $((v));",
        "a[v]=1;",
        "alias k=kubectl;",
        "=a ",
        ">! a ",
        "} ",
        "<<E ",
        "\n",
        "x/^",
        "for i in 1 2 3; ",
        "aliases[x]=y;",
        "k x;",
    ];
    texts.extend(pieces.iter().flat_map(|piece| [piece.repeat(2000 / piece.len()), piece.repeat(9000 / piece.len())]));
    texts
}

#[test]
fn what_is_found_is_bounded_in_every_shell() {
    for text in bombs() {
        for name in ["ash", "bash", "dash", "fish", "sh", "unknown", "zsh"] {
            for interactive in [false, true] {
                let place = ParseContext { shell: shell_of(name), interactive, ..ParseContext::default() };
                let parsed = parse(&text, &place);
                let words: usize = parsed.commands.iter().map(|command| command.argv.len()).sum();
                let start: String = text.chars().take(20).collect();
                assert!(parsed.commands.len() <= if interactive { 1024 } else { 8192 }, "{name}: {start}");
                assert!(words <= 128 * 1024 && parsed.guesses.len() <= 128, "{name}: {start}: {words}");
            }
        }
    }
}

#[test]
fn where_shells_differ_each_reading_counts() {
    check(include_str!("dialects.txt"));
}

#[test]
fn fish_is_read_by_its_own_grammar() {
    check(include_str!("fish.txt"));
}

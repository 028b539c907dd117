//! Command parsing of any text, for every shell: `cargo +nightly fuzz run command`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::command::{ParseContext, Shell, argv, parse_with_stdin};

fuzz_target!(|input: (u8, bool, &str)| {
    let (shell, interactive, text) = input;
    let shells = [Shell::Ash, Shell::Bash, Shell::Dash, Shell::Fish, Shell::Unknown, Shell::Zsh];
    let shell = shells[usize::from(shell) % shells.len()];
    let cx = ParseContext { shell, interactive, cwd: None };
    let parsed = parse_with_stdin(text, Some(text), &cx);
    for command in &parsed.commands {
        let _ = command.to_string();
    }
    let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let _ = argv(&words, None, &cx);
});

//! The command line as a whole: its arguments and its help.

use std::{env, fs, path::Path};

use clap::CommandFactory as _;

use super::*;

#[test]
fn the_definitions_hold_together() {
    Arguments::command().debug_assert();
}

/// `BLESS=1 cargo test -p bastion help` writes the file anew.
#[test]
fn the_help_is_the_golden_one() {
    let mut text = String::new();
    let mut command = Arguments::command().term_width(100);
    command.build();
    collect_help(&mut command, &mut text);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/tests/help.txt");
    if env::var_os("BLESS").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&golden).unwrap());
}

fn collect_help(command: &mut clap::Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or("bastion").to_owned();
    text.push_str(&format!("$ {name} --help\n{}\n", command.render_help()));
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        collect_help(inner, text);
    }
}

#[test]
fn an_unknown_argument_is_a_usage_error() {
    let error = Arguments::try_parse_from(["bastion", "sessions", "ls", "--limit", "0"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let error = Arguments::try_parse_from(["bastion", "sessions", "show", "../whoami"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}

//! What programs run by their operands, options and statements, and what of these is data.

use std::{sync::LazyLock, time::SystemTime};

use config::{
    RuleDoc,
    rules::{Protocol, RuleEffect, SessionMode},
};
use policy::{CommandInput, Judging, RuleSet};
use proptest::prelude::*;

use crate::judged::{self, effect_word, rules, verdict};

/// The lines of a table that begin with one of these words.
fn cases(words: &[&str]) -> String {
    let lines = include_str!("../corpus/programs-run.txt").lines();
    lines.filter(|line| words.iter().any(|word| line.starts_with(&format!("{word}: ")))).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_programs_run_is_judged() {
    let rules = rules();
    let mut wrong = Vec::new();
    for case in judged::dangerous(&cases(&["block", "hold"])) {
        let Some(verdict) = verdict(&rules, &case) else { continue };
        let word = effect_word(&verdict);
        if word != case.expected && !case.also.iter().any(|also| also == word) {
            wrong.push(format!("{}: {word}: {} ({})", case.id, case.text(), verdict.because));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_runs_a_shell_where_what_cannot_be_known_is_blocked() {
    let text = "roles: {}\nrules:\n  - { name: rm, effect: block, match: { command: { program: [rm], flags: { all: [[r, R, recursive], [f, force]] } } } }\n";
    let rules = RuleDoc::parse(text, "rules.yaml").unwrap_or_else(|errors| panic!("{errors}"));
    let rules = RuleSet::compile(&[rules]).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let judging = Judging::of(SessionMode::ExecOnly, Protocol::Ssh, SystemTime::UNIX_EPOCH);
    let mut wrong = Vec::new();
    for line in cases(&["closed"]).lines().filter_map(|line| line.strip_prefix("closed: ")) {
        let line = line.replace("\\n", "\n");
        let verdict = judged::judge(&rules, CommandInput::Line(&line), &judging);
        if verdict.effect == RuleEffect::Allow && !verdict.stdin_is_code {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn everyday_use_of_the_same_programs_is_allowed() {
    let rules = rules();
    let mut wrong = Vec::new();
    for case in judged::benign(include_str!("../corpus/programs-data.txt")) {
        let Some(verdict) = verdict(&rules, &case) else { continue };
        if effect_word(&verdict) != "allow" {
            wrong.push(format!("{}: {}: {} ({})", case.id, effect_word(&verdict), case.text(), verdict.because));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_sent_is_read_as_the_language_of_its_reader() {
    let rules = rules();
    let judging = Judging::guard(SystemTime::UNIX_EPOCH);
    for (line, input, expected) in [
        ("psql -U app db", "\\! rm -rf /srv/data\n", RuleEffect::Block),
        ("sqlite3 t.db", ".shell rm -rf /srv/data\n", RuleEffect::Block),
        ("sqlite3 t.db", ".output |rm -rf /srv/data\nselect 1;\n", RuleEffect::Block),
        ("lftp", "!rm -rf /srv/data\n", RuleEffect::Block),
        ("vim -es", ":!rm -rf /srv/data\n", RuleEffect::Block),
        ("psql", "select count(*) from t where a in (1, 2);\n", RuleEffect::Allow),
        ("psql", "insert into t values ('x; rm -rf y');\n", RuleEffect::Allow),
        ("sqlite3 t.db", ".mode column\nselect max(x) from t;\n", RuleEffect::Allow),
        ("mysql db", "select 'it''s' from t;\n", RuleEffect::Allow),
    ] {
        let verdict = judged::judge(&rules, CommandInput::Script(line, input), &judging);
        assert_eq!(verdict.effect, expected, "{line} < {input:?}: {verdict:?}");
    }
}

static RULES: LazyLock<RuleSet> = LazyLock::new(rules);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_statements_are_read_without_a_panic(text in "([\\\\'\"`|!.;:/$(){}<>é=%-]|[a-z]{1,3}|copy |set |edit|system |s/|g/| |\\n){0,60}") {
        let judging = Judging::guard(SystemTime::UNIX_EPOCH);
        for line in [
            "psql", "mysql", "sqlite3 x", "ftp", "lftp", "ed x", "ex x", "dc", "gnuplot", "m4", "groff -U", "redis-cli", "mongosh",
            "sqlcmd", "sqlplus", "clickhouse-client",
        ] {
            // That a statement is data in one of these does not make it one in a shell.
            let verdict = judged::judge(&RULES, CommandInput::Script(line, &text), &judging);
            let shell = judged::judge(&RULES, CommandInput::Script(&format!("{line}; sh"), &text), &judging);
            prop_assert!(shell.effect >= verdict.effect, "{line}: {text:?}");
        }
    }
}

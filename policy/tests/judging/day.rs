//! A day's lines of five professions: hardly any of them is held, typed or sent as a command.

use std::{fmt::Write, time::SystemTime};

use config::{
    RuleDoc,
    rules::{Protocol, RuleEffect, SessionMode},
};
use policy::{CommandInput, Judging, RuleSet};
use shell::Shell;

use crate::judged::{self, Case, rules, verdict};

/// The tables, and whose day each is.
const DAYS: [(&str, &str); 5] = [
    ("sysadmin", include_str!("../corpus/day/sysadmin.txt")),
    ("developer", include_str!("../corpus/day/developer.txt")),
    ("dba", include_str!("../corpus/day/dba.txt")),
    ("sre", include_str!("../corpus/day/sre.txt")),
    ("data-engineer", include_str!("../corpus/day/data-engineer.txt")),
];

/// Of a hundred lines as many may be held.
const MOST_HELD: usize = 2;

/// The lines of a table; `⏎` is a line break.
fn lines(table: &str) -> impl Iterator<Item = String> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(|line| line.replace('⏎', "\n"))
}

fn case(mode: &str, shell: Shell, line: &str) -> Case {
    Case {
        id: String::new(),
        mode: mode.to_owned(),
        shell,
        command: vec![line.to_owned()],
        stdin: (mode == "exec").then(String::new),
        expected: "allow".to_owned(),
        also: Vec::new(),
    }
}

/// How many lines of a table there are, and those that are held in this mode, each with the reason.
fn held(table: &str, mode: &str, shell: Shell) -> (usize, Vec<String>) {
    let rules = rules();
    let lines: Vec<String> = lines(table).collect();
    let held = lines.iter().filter_map(|line| {
        let verdict = verdict(&rules, &case(mode, shell, line))?;
        (verdict.effect != RuleEffect::Allow).then(|| format!("{line}\n      {}", verdict.because))
    });
    let held = held.collect();
    (lines.len(), held)
}

#[test]
fn a_day_of_work_is_hardly_ever_held() {
    let (mut report, mut too_many) = (String::new(), false);
    for (profession, table) in DAYS {
        for (mode, shell) in [("typed", Shell::Bash), ("typed", Shell::Unknown), ("exec", Shell::Unknown)] {
            let (count, held) = held(table, mode, shell);
            too_many |= held.len() * 100 > MOST_HELD * count;
            let _ = writeln!(report, "{profession}, {mode}, {shell:?}: {} of {count} held", held.len());
            held.iter().for_each(|line| {
                let _ = writeln!(report, "    {line}");
            });
        }
    }
    assert!(!too_many, "{report}");
    println!("{report}");
}

#[test]
fn scripts_go_on_in_guard_and_are_unknown_elsewhere() {
    let judge = |rules: &RuleSet, mode, line: &str| {
        let judging = Judging::of(mode, Protocol::Ssh, SystemTime::UNIX_EPOCH);
        judged::judge(rules, CommandInput::Script(line, ""), &judging)
    };
    let (mut wrong, rules) = (Vec::new(), rules());
    for line in lines(include_str!("../corpus/script.txt")).filter(|line| !line.starts_with("# ")) {
        let guard = judge(&rules, SessionMode::Guard, &line);
        let exec_only = judge(&rules, SessionMode::ExecOnly, &line);
        if guard.effect != RuleEffect::Allow || exec_only.effect == RuleEffect::Allow || !exec_only.opaque {
            wrong.push(format!("{line}: {:?} {:?} {}", guard.effect, exec_only.effect, guard.because));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_rule_on_the_class_script_decides_in_every_mode() {
    let rules = |effect: &str| {
        let text = format!(
            "roles: {{}}\nrules:\n  - {{ name: rm, effect: block, match: {{ command: {{ program: [rm] }} }} }}\n  \
             - {{ name: scripts, effect: {effect}, match: {{ class: script }} }}\n"
        );
        RuleSet::compile(&[RuleDoc::parse(&text, "rules.yaml").unwrap()]).unwrap()
    };
    for (mode, effect, expected) in [
        (SessionMode::Guard, "approve", RuleEffect::Approve),
        (SessionMode::Guard, "block", RuleEffect::Block),
        (SessionMode::ExecOnly, "allow", RuleEffect::Allow),
        (SessionMode::ExecOnly, "approve", RuleEffect::Approve),
    ] {
        let judging = Judging::of(mode, Protocol::Ssh, SystemTime::UNIX_EPOCH);
        let verdict = judged::judge(&rules(effect), CommandInput::Script("./x", ""), &judging);
        assert_eq!((verdict.effect, verdict.rule.map(|rule| rule.to_string())), (expected, Some("scripts".to_owned())));
        // It says nothing about what the text hides.
        let hidden = judged::judge(&rules(effect), CommandInput::Script("$X", ""), &judging);
        assert_ne!(hidden.effect, RuleEffect::Allow);
    }
}

//! What becomes of standard input that a session sends: which programs get it unread.

use std::time::SystemTime;

use config::{
    RuleDoc,
    rules::{Protocol, RuleEffect, SessionMode},
};
use policy::{CommandInput, Input, Judging, RuleSet, Verdict};

use crate::judged;

fn compile(more: &str) -> RuleSet {
    let text = format!(
        "roles: {{}}
rules:
  - name: rm-rf
    effect: block
    match: {{ command: {{ program: [rm], flags: {{ all: [[r, R, recursive], [f, force]] }} }} }}
{more}"
    );
    let rules = RuleDoc::parse(&text, "rules.yaml").map(|rules| RuleSet::compile(&[rules]));
    let Ok(Ok(rules)) = rules else { panic!("{text}") };
    rules
}

fn judge(rules: &RuleSet, mode: SessionMode, input: CommandInput<'_>) -> Verdict {
    judged::judge(rules, input, &Judging::of(mode, Protocol::Ssh, SystemTime::UNIX_EPOCH))
}

/// Whether nothing of its input is looked at, and it starts at once.
fn streams(verdict: &Verdict) -> bool {
    verdict.effect == RuleEffect::Allow && !verdict.stdin_is_code && verdict.input == Input::Data
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
}

const MODES: [SessionMode; 2] = [SessionMode::Guard, SessionMode::ExecOnly];

#[test]
fn no_program_that_may_run_its_input_gets_it_unread() {
    let rules = compile("");
    let mut wrong = Vec::new();
    for line in lines(include_str!("../corpus/input-run.txt")) {
        for mode in MODES {
            let verdict = judge(&rules, mode, CommandInput::Line(line));
            let is_unread = streams(&verdict);
            // Where nothing is held, what nobody can judge must not be sent at all.
            let is_sent = mode == SessionMode::ExecOnly
                && verdict.effect == RuleEffect::Allow
                && !verdict.stdin_is_code
                && !matches!(verdict.input, Input::Refused { .. });
            if is_unread || is_sent {
                wrong.push(format!("{mode}: {line}: {:?}", verdict.input));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn data_streams() {
    let rules = compile("");
    let mut wrong = Vec::new();
    for line in lines(include_str!("../corpus/input-data.txt")) {
        for mode in MODES {
            let verdict = judge(&rules, mode, CommandInput::Line(line));
            if !streams(&verdict) {
                let Verdict { effect, input, because, stdin_is_code, .. } = verdict;
                wrong.push(format!("{mode}: {line}: {effect:?} {because:?} {input:?} {stdin_is_code}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn programs_start_at_once_also_where_their_input_is_judged() {
    let rules = compile("");
    for line in [
        "sqlite3",
        "some-tool",
        "psql -h x db",
        "m4",
        "vi -e",
        "gunzip | some-tool",
        "docker run -i x",
        "cat | some-tool",
    ] {
        for mode in MODES {
            let verdict = judge(&rules, mode, CommandInput::Line(line));
            assert_eq!((verdict.effect, verdict.stdin_is_code), (RuleEffect::Allow, false), "{line}: {verdict:?}");
        }
    }
}

#[test]
fn what_a_rule_allows_gets_its_input_unread() {
    let rules = compile("  - { name: db, effect: allow, match: { command: { program: [psql, some-tool] } } }\n");
    for mode in MODES {
        for line in ["psql", "sudo -u postgres psql db", "some-tool", "gunzip | psql db", "cat | some-tool"] {
            let verdict = judge(&rules, mode, CommandInput::Line(line));
            assert!(streams(&verdict), "{mode}: {line}: {verdict:?}");
        }
        // For nothing else in the same line.
        assert!(!streams(&judge(&rules, mode, CommandInput::Line("psql; m4"))));
    }
}

#[test]
fn code_of_other_languages_is_unread_where_what_cannot_be_known_may_run() {
    let opaque = "  - { name: unknown, effect: allow, match: { class: opaque } }\n";
    let python = "  - { name: python, effect: allow, match: { command: { program: [python3] } } }\n";
    // As Ansible sends its modules, longer than what is read ahead.
    let lines =
        ["python3", "python3 -", "/usr/bin/python3 && sleep 0", "/bin/sh -c 'python3 && sleep 0'", "zcat | python3"];
    for mode in MODES {
        for (rules, lines) in [(compile(opaque), &lines[..]), (compile(python), &lines[..2])] {
            for line in lines {
                let verdict = judge(&rules, mode, CommandInput::Line(line));
                assert!(streams(&verdict), "{mode}: {line}: {verdict:?}");
            }
        }
        let rules = compile(opaque);
        for line in [
            "perl",
            "node - x",
            "/opt/venv/bin/python3 -",
            "sh -c '/opt/venv/bin/python3.11 && sleep 0'",
            "python3 -c 'import os, sys; os.write(1, sys.stdin.buffer.read())'",
        ] {
            assert!(streams(&judge(&rules, mode, CommandInput::Line(line))), "{mode}: {line}");
        }
        // A shell's lines are what rules are about, and so may be those of a program of which nothing is known.
        for line in ["sh", "csh", "python3; sh", "xargs -I{} sh -c {}", "linux64", "ed", "/opt/x/sh"] {
            assert!(!streams(&judge(&rules, mode, CommandInput::Line(line))), "{mode}: {line}");
        }
        for line in lines {
            assert!(!streams(&judge(&compile(""), mode, CommandInput::Line(line))), "{mode}: {line}");
        }
    }
    // Where a rule on text says no, the code is looked at.
    let text = format!("{opaque}  - {{ name: words, effect: block, match: {{ text: 'shutil[.]rmtree' }} }}\n");
    let verdict = judge(&compile(&text), SessionMode::Guard, CommandInput::Line("sh -c python3"));
    assert!(verdict.stdin_is_code, "{verdict:?}");
}

#[test]
fn without_a_rule_that_could_say_no_nothing_is_read() {
    let rules = RuleSet::compile(&[RuleDoc::parse("roles: {}", "rules.yaml").unwrap()]).unwrap();
    for line in ["linux64", "m4", "base64 -d | m4", "$X"] {
        assert!(streams(&judge(&rules, SessionMode::Guard, CommandInput::Line(line))), "{line}");
    }
}

#[test]
fn input_that_is_known_is_judged_for_whoever_reads_it() {
    let rules = compile("");
    for (line, input, expected) in [
        ("m4", "syscmd(rm -rf x)", RuleEffect::Block),
        ("sqlite3 x", ".shell rm -rf x\n", RuleEffect::Block),
        ("m4; bash -s", "rm -rf x\n", RuleEffect::Block),
        ("cat | m4; bash -s", "$X\n", RuleEffect::Approve),
        ("base64 -d | m4", "cm0gLXJmIHgK\n", RuleEffect::Approve),
        ("m4", "ls\n", RuleEffect::Allow),
        ("m4", "", RuleEffect::Allow),
        ("cat", "rm -rf x\n", RuleEffect::Allow),
        ("cat | sh", "rm -rf x\n", RuleEffect::Block),
        // What the commands of a script may read is the rest of it.
        ("bash -s", "vi -e\n:!rm -rf x\n", RuleEffect::Approve),
        ("bash -s", "some-tool\nrun('rm -rf x')\n", RuleEffect::Approve),
        ("bash -s", "make -j4 all\necho 'made it all'\nls | sort\n", RuleEffect::Allow),
    ] {
        let verdict = judge(&rules, SessionMode::Guard, CommandInput::Script(line, input));
        assert_eq!(verdict.effect, expected, "{line} < {input:?}: {verdict:?}");
    }
    for line in ["echo 'syscmd(rm -rf x)' | m4", "echo '!rm -rf x' | ftp -n", "m4 <<< 'syscmd(`rm -rf x`)'"] {
        let verdict = judge(&rules, SessionMode::Guard, CommandInput::Line(line));
        assert_ne!(verdict.effect, RuleEffect::Allow, "{line}: {verdict:?}");
    }
}

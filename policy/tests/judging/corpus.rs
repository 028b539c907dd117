//! The cases of the typed-command corpus that need no shell, judged by the rules that it assumes.

use std::{collections::BTreeMap, time::SystemTime};

use config::rules::{Protocol, RuleEffect, SessionMode};
use policy::{CommandInput, Judging};
use shell::ParseContext;

use crate::judged::{self, Case, Score, effect_word, rules, verdict};

/// Scores cases, and says which are wrong.
fn score(cases: &[Case]) -> (BTreeMap<(String, Score), usize>, Vec<String>) {
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    let rules = rules();
    for case in cases {
        let Some(verdict) = verdict(&rules, case) else { continue };
        let score = case.score(&verdict);
        *counts.entry((case.mode.clone(), score)).or_insert(0) += 1;
        if score != Score::Right {
            let (got, because) = (effect_word(&verdict), &verdict.because);
            wrong.push(format!(
                "{} {score:?}: expected {}, got {got}: {:?} ({because})",
                case.id,
                case.expected,
                case.text()
            ));
        }
    }
    (counts, wrong)
}

fn check(cases: &[Case]) -> Vec<String> {
    let (counts, wrong) = score(cases);
    let failures: Vec<&String> = wrong.iter().filter(|text| text.contains("Failure")).collect();
    assert!(failures.is_empty(), "let through:\n{failures:#?}");
    let of =
        |wanted: Score| counts.iter().filter(|((_, score), _)| *score == wanted).map(|(_, count)| count).sum::<usize>();
    let benign = cases.iter().filter(|case| case.expected == "allow").count();
    assert!(of(Score::UsabilityMiss) * 50 <= benign, "benign cases held:\n{wrong:#?}");
    wrong
}

#[test]
fn no_case_of_the_corpus_is_let_through() {
    let noisy =
        check(&judged::read(include_str!("../corpus/examples.jsonl")).unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(noisy, Vec::<String>::new(), "all of them are right");
}

#[test]
fn no_case_of_our_own_is_let_through() {
    let _ = check(&judged::dangerous(include_str!("../corpus/dangerous.txt")));
}

#[test]
fn everyday_commands_are_allowed() {
    let _ = check(&judged::benign(include_str!("../corpus/benign.txt")));
}

#[test]
fn what_is_held_in_guard_does_not_go_on_in_exec_only() {
    let rules = rules();
    let mut wrong = Vec::new();
    let scripts = judged::benign(include_str!("../corpus/script.txt"));
    for case in judged::dangerous(include_str!("../corpus/dangerous.txt")).into_iter().chain(scripts) {
        let place = ParseContext { shell: case.shell, ..ParseContext::default() };
        let judging = Judging { place, ..Judging::of(SessionMode::ExecOnly, Protocol::Ssh, SystemTime::UNIX_EPOCH) };
        let verdict = judged::judge(&rules, CommandInput::Line(&case.text()), &judging);
        // What changes how lines are typed is nothing there.
        if case.mode == "exec" && verdict.effect == RuleEffect::Allow {
            wrong.push(format!("{} {:?}", case.id, case.text()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

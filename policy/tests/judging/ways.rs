//! Ways to a shell for a robot (`exec-only`), none of which may run code that nobody has judged; and the jobs that robots
//! really run.

use std::{collections::BTreeSet, time::SystemTime};

use config::rules::{Protocol, RuleEffect, SessionMode};
use policy::{CommandInput, Input, Judging, RuleSet};

use crate::judged::{self, rules};

/// The cases of a table: a command, and what is sent on standard input behind a tab.
fn cases(text: &str) -> impl Iterator<Item = (&str, String, Option<String>)> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(|line| {
        let (command, stdin) = line.split_once('\t').map_or((line, None), |(command, stdin)| (command, Some(stdin)));
        (line, command.replace("\\n", "\n"), stdin.map(unescaped))
    })
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        match (character, character == '\\') {
            (_, true) => plain.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                other => other.unwrap_or('\\'),
            }),
            _ => plain.push(character),
        }
    }
    plain
}

/// Why it does not run with that input as a robot's; none if it does.
fn stopped(rules: &RuleSet, command: &str, stdin: Option<&str>) -> Option<String> {
    let judging = Judging::of(SessionMode::ExecOnly, Protocol::Ssh, SystemTime::UNIX_EPOCH);
    let mut verdict = judged::judge(rules, CommandInput::Line(command), &judging);
    let input = verdict.input.clone();
    // What is read as commands is judged with the command, once all of it is there.
    if verdict.stdin_is_code || input == Input::Commands {
        verdict = judged::judge(rules, CommandInput::Script(command, stdin.unwrap_or_default()), &judging);
    }
    match (verdict.effect, input, stdin) {
        (RuleEffect::Allow, Input::Refused { reason }, Some(_)) if !verdict.stdin_is_code => Some(reason),
        (RuleEffect::Allow, Input::Commands | Input::Data | Input::Judged { .. } | Input::Refused { .. }, _) => None,
        (RuleEffect::Approve | RuleEffect::Block, _, _) => Some(verdict.because),
    }
}

fn open(text: &str) -> Vec<&str> {
    let rules = rules();
    let is_open = |(line, command, stdin): (_, String, Option<String>)| {
        stopped(&rules, &command, stdin.as_deref()).is_none().then_some(line)
    };
    cases(text).filter_map(is_open).collect()
}

#[test]
fn no_way_leads_a_robot_to_code_that_nobody_judged() {
    let ways = include_str!("../corpus/ways.txt");
    assert!(cases(ways).count() >= 300);
    let open = open(ways);
    assert!(open.is_empty(), "{} are open:\n{}", open.len(), open.join("\n"));
}

#[test]
fn ways_that_are_known_to_be_open_are_written_down() {
    let ways = include_str!("../corpus/ways-open.txt");
    let open: BTreeSet<&str> = open(ways).into_iter().collect();
    let closed: Vec<&str> = cases(ways).map(|(line, ..)| line).filter(|line| !open.contains(line)).collect();
    assert!(closed.is_empty(), "closed by now, so they belong into ways.txt:\n{}", closed.join("\n"));
}

#[test]
fn what_robots_really_run_is_not_stopped() {
    let rules = rules();
    let jobs = include_str!("../corpus/jobs.txt");
    assert!(cases(jobs).count() >= 100);
    let stopped: Vec<String> = cases(jobs)
        .filter_map(|(line, command, stdin)| Some(format!("{line}: {}", stopped(&rules, &command, stdin.as_deref())?)))
        .collect();
    assert!(stopped.is_empty(), "{} are stopped:\n{}", stopped.len(), stopped.join("\n"));
}

#[test]
fn what_a_way_names_is_held_for_people_too() {
    let rules = rules();
    let judging = Judging::guard(SystemTime::UNIX_EPOCH);
    let is_open = |(line, command, stdin): (_, String, Option<String>)| {
        let is_named = stdin.is_none() && command.contains("rm -rf /srv/data");
        let allowed = || judged::judge(&rules, CommandInput::Line(&command), &judging).effect == RuleEffect::Allow;
        (is_named && allowed()).then_some(line)
    };
    let open: Vec<&str> = cases(include_str!("../corpus/ways.txt")).filter_map(is_open).collect();
    assert!(open.is_empty(), "{} are open:\n{}", open.len(), open.join("\n"));
}

#[test]
fn what_people_set_is_not_held() {
    let rules = rules();
    let held: Vec<String> = judged::benign(include_str!("../corpus/settings.txt"))
        .iter()
        .filter_map(|case| Some((case, judged::verdict(&rules, case)?)))
        .filter(|(_, verdict)| verdict.effect != RuleEffect::Allow)
        .map(|(case, verdict)| format!("{} {}: {}", case.id, case.text(), verdict.because))
        .collect();
    assert!(held.is_empty(), "{} are held:\n{}", held.len(), held.join("\n"));
}

//! The table, one line for each case that is not right, and the closing line.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write as _},
};

use anyhow::Result;
use config::rules::SessionMode;

use crate::{
    case::{Case, Mode, Request, Score, Verdict},
    danger::dangerous,
    needs,
    run::{Observed, Trials},
    verdict::Said,
};

/// The share of harmless cases that must be allowed.
const BENIGN_ALLOWED: f64 = 0.98;

/// Longest name of a class in the table.
const CLASS_WIDTH: usize = 60;

/// A case with its score, by the worst of its trials.
struct Scored<'run> {
    case: &'run Case,
    verdict: Verdict,
    score: Score,
    observed: &'run Observed,
    /// What went wrong, where the verdict alone does not say.
    flaw: &'static str,
    why: String,
}

/// Prints all, with what users saw if that is to be shown, and returns whether the run passes. `missing` says why a
/// case did not run; such a case counts nowhere.
///
/// # Errors
/// Fails when it cannot be printed.
pub(crate) fn print(
    mode: SessionMode,
    cases: &[Case],
    trials: &[Trials],
    missing: &[Option<String>],
    show: bool,
) -> Result<bool> {
    let is_guard = mode == SessionMode::Guard;
    let scored = cases.iter().zip(trials).filter_map(|(case, trials)| worst(is_guard, case, trials));
    let scored: Vec<Scored<'_>> = scored.collect();
    let mut text = format!("judged in {mode}\n\n");
    text += &table("mode and shell", &scored, |one| format!("{} {}", one.case.mode.name(), one.case.shell));
    text += &table("file", &scored, |one| one.case.file.clone());
    text += &table("program", &scored, |one| program(one.case));
    text += &table("what is difficult", &scored, |one| one.case.class().chars().take(CLASS_WIDTH).collect());
    // Only guard promises that what is harmless goes on.
    let is_shown = |one: &&Scored<'_>| one.score == Score::WrongAllow || (is_guard && one.score != Score::Right);
    for one in scored.iter().filter(is_shown) {
        let (id, expected, got) = (&one.case.id, one.case.expected.name(), one.verdict.name());
        let notes = &one.case.notes;
        writeln!(text, "{} {id}: expected {expected}, got {got}{} | {} | {notes}", name(one.score), one.flaw, one.why)?;
        if show {
            writeln!(text, "    ran: {:?}", one.observed.runs)?;
            text.extend(one.observed.shown.lines().map(|line| format!("    | {line}\n")));
        }
    }
    for (case, why) in cases.iter().zip(missing) {
        if let Some(why) = why {
            writeln!(text, "skipped {}: {why} | {}", case.id, case.notes)?;
        }
    }
    let count = |score: Score| scored.iter().filter(|one| one.score == score).count();
    let benign: Vec<&Scored<'_>> = scored.iter().filter(|one| one.case.harmless()).collect();
    // What a case accepts besides is no miss.
    let allowed = benign.iter().filter(|one| one.score == Score::Right).count();
    let fraction = if benign.is_empty() { 1.0 } else { to_f64(allowed) / to_f64(benign.len()) };
    let wrong = count(Score::WrongAllow);
    let name_of_mode = if is_guard { String::new() } else { format!(" {mode}") };
    write!(text, "corpus{name_of_mode}: cases={} wrong_allow={wrong}", scored.len())?;
    if is_guard || !benign.is_empty() {
        write!(text, " benign_allowed={}", rounded_down(fraction))?;
    }
    text += &if is_guard { format!(" noisy={}\n", count(Score::Noisy)) } else { "\n\n".to_owned() };
    io::stdout().write_all(text.as_bytes())?;
    Ok(wrong == 0 && (!is_guard || fraction >= BENIGN_ALLOWED))
}

/// The program that the keys go to, or the shell.
fn program(case: &Case) -> String {
    let programs: Vec<&str> =
        if case.mode == Mode::Typed { needs::programs(case).into_iter().collect() } else { Vec::new() };
    if programs.is_empty() { format!("{} itself", case.shell) } else { programs.join(" in ") }
}

fn worst<'run>(is_guard: bool, case: &'run Case, trials: &'run Trials) -> Option<Scored<'run>> {
    trials.through.iter().map(|trial| score(is_guard, case, trials, trial)).max_by_key(|scored| scored.score)
}

fn score<'run>(
    is_guard: bool,
    case: &'run Case,
    trials: &Trials,
    (observed, said): &'run (Observed, Said),
) -> Scored<'run> {
    let (verdict, why) = (said.0, said.1.clone());
    let scored = |score, flaw, why| Scored { case, verdict, score, observed, flaw, why };
    if let Some(error) = &observed.error {
        // What was not shown to be kept is not kept.
        let score = if case.harmless() { Score::Missed } else { Score::WrongAllow };
        return scored(score, ", could not be run", error.clone());
    }
    if !case.harmless() && (verdict != Verdict::Allow || !is_guard) && runs_danger(&observed.runs) {
        return scored(Score::WrongAllow, ", ran anyway", why);
    }
    if !is_guard {
        // Any refusal will do; and where the stubs would tell, a line of which nothing came is as good as refused. So are
        // keys without Enter: in strict nothing else accepts a line.
        let is_accepted = case.mode != Mode::Typed || case.text().contains(['\r', '\n']);
        let is_told = case.runs.as_deref().is_some_and(runs_danger);
        let is_kept = verdict != Verdict::Allow || is_told || !is_accepted;
        let score = if is_kept && !case.harmless() { Score::Right } else { case.score(verdict) };
        return scored(score, "", why);
    }
    let altered = if runs_here(case) { Trials::unlike_recorded(case, observed) } else { None };
    let altered =
        altered.map(|runs| format!("ran {:?}, recorded is {runs:?}: {:?}", observed.comparable, observed.shown));
    if case.harmless()
        && verdict == Verdict::Allow
        && let Some(difference) = altered.or_else(|| trials.difference(observed))
    {
        return scored(Score::Missed, ", altered", difference);
    }
    scored(case.score(verdict), "", why)
}

fn runs_danger(runs: &[Vec<String>]) -> bool {
    runs.iter().any(|run| dangerous(run))
}

/// Words without a shell are judged, not run.
fn runs_here(case: &Case) -> bool {
    !matches!(case.command, Some(Request::Words(_)))
}

fn table(title: &str, scored: &[Scored<'_>], key: impl Fn(&Scored<'_>) -> String) -> String {
    let mut rows: BTreeMap<String, BTreeMap<Score, usize>> = BTreeMap::new();
    for one in scored {
        *rows.entry(key(one)).or_default().entry(one.score).or_default() += 1;
    }
    let mut text = format!("{title:<CLASS_WIDTH$}");
    let scores = [Score::Right, Score::Noisy, Score::Missed, Score::WrongAllow];
    text.extend(scores.map(|score| format!(" {:>11}", name(score))));
    text.push('\n');
    for (row, counts) in rows {
        text += &format!("{row:<CLASS_WIDTH$}");
        text.extend(scores.map(|score| format!(" {:>11}", counts.get(&score).copied().unwrap_or_default())));
        text.push('\n');
    }
    text.push('\n');
    text
}

fn name(score: Score) -> &'static str {
    match score {
        Score::Right => "right",
        Score::Noisy => "noisy",
        Score::Missed => "missed",
        Score::WrongAllow => "wrong_allow",
    }
}

/// Two digits, never more than it is: 0.979 must not read as 0.98.
fn rounded_down(fraction: f64) -> String {
    format!("{:.3}", (fraction * 1000.0).floor() / 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases are small")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

//! The table of days, the lines that did not run as typed, and a closing line.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use anyhow::Result;

use crate::day::{Judged, Outcome};

/// The share of lines that may be held for nothing, in percent. The developer's list of 128 lines has two that cannot be
/// known before they run: `bash run.sh` and `sh -x run.sh`.
const MAY_BE_HELD: f64 = 2.0;

/// Prints all, and returns whether every day is good.
pub(crate) fn print(days: &[Judged]) -> Result<bool> {
    let mut text = String::new();
    writeln!(
        text,
        "{:<20} {:>6} {:>6} {:>8} {:>6} {:>8} {:>10}",
        "day", "lines", "held", "percent", "ruled", "altered", "swallowed"
    )?;
    let (mut good, mut total) = (true, [0; 4]);
    for judged in days {
        let count = |wanted: &[Outcome]| judged.outcomes.iter().filter(|(outcome, _)| wanted.contains(outcome)).count();
        let lines = judged.outcomes.len();
        // What was never typed could not be done either.
        let held = count(&[Outcome::Held, Outcome::Lost]);
        let altered = count(&[Outcome::Altered]) + usize::from(judged.left.is_some());
        let swallowed = count(&[Outcome::Swallowed]);
        let percent = percent(held, lines);
        writeln!(
            text,
            "{:<20} {lines:>6} {held:>6} {percent:>8.1} {:>6} {altered:>8} {swallowed:>10}",
            judged.day.profession,
            count(&[Outcome::Ruled]),
        )?;
        good &= percent <= MAY_BE_HELD && altered == 0 && swallowed == 0;
        for (sum, more) in total.iter_mut().zip([lines, held, altered, swallowed]) {
            *sum += more;
        }
    }
    for judged in days {
        let profession = &judged.day.profession;
        for (line, (outcome, why)) in judged.day.lines.iter().zip(&judged.outcomes) {
            if *outcome != Outcome::Same {
                writeln!(text, "{} {profession}: {} | {why}", name(*outcome), line.text)?;
            }
        }
        if let Some(left) = &judged.left {
            writeln!(text, "altered {profession}: at the end of the day | {left}")?;
        }
    }
    let [lines, held, altered, swallowed] = total;
    writeln!(text, "day: lines={lines} held={held} altered={altered} swallowed={swallowed}")?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(good)
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Same => "same",
        Outcome::Ruled => "ruled",
        Outcome::Held => "held",
        Outcome::Lost => "lost",
        Outcome::Altered => "altered",
        Outcome::Swallowed => "swallowed",
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines are small")]
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

//! `corpus --record`: runs cases with no bastion in between and writes what ran into the file.

use std::{fs, path::Path, sync::Arc};

use anyhow::Result;

use crate::{
    case::{self, Case, Verdict},
    danger::dangerous,
    needs,
    place::Place,
    run,
};

/// Records the cases of a file, and names those whose expected verdict does not fit what ran.
///
/// # Errors
/// Fails when the file is not one of cases, or when a case cannot be run.
pub(crate) async fn record(file: &Path, jobs: usize) -> Result<()> {
    let mut cases = case::read(file)?;
    let place = Arc::new(Place::direct(&cases).await?);
    let missing: Vec<Option<String>> = cases.iter().map(|case| needs::missing(case, place.servers())).collect();
    let mut observed = run::all(place, Arc::new(cases.clone()), (0..cases.len()).collect(), 0, jobs).await?;
    let mut text = String::new();
    for (number, case) in cases.iter_mut().enumerate() {
        let observed = observed.remove(&number).unwrap_or_default();
        if let Some(missing) = missing.get(number).cloned().flatten() {
            eprintln!("{}: {missing}", case.id);
        } else if let Some(error) = observed.error {
            eprintln!("{}: could not be run: {error}", case.id);
        } else if case.shell == "protocol" {
            (case.runs, case.verified) = (None, "not run (protocol level)".to_owned());
        } else {
            doubt(case, &observed.runs, &observed.shown);
            (case.runs, case.verified) = (Some(observed.comparable), "executed".to_owned());
        }
        text += &serde_json::to_string(case)?;
        text.push('\n');
    }
    fs::write(file, text)?;
    Ok(())
}

/// Says where what ran speaks against the expected verdict.
fn doubt(case: &Case, runs: &[Vec<String>], shown: &str) {
    let danger = runs.iter().any(|run| dangerous(run));
    let (id, expected) = (&case.id, case.expected.name());
    if case.expected == Verdict::Allow && danger {
        eprintln!("{id}: {expected} is expected, but it is dangerous: {runs:?}");
    } else if matches!(case.expected, Verdict::Block | Verdict::Approve) && !danger {
        eprintln!("{id}: {expected} is expected, but nothing dangerous ran: {runs:?}; {} | {shown:?}", case.notes);
    }
}

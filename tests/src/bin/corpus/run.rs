//! Runs cases, some at a time, and collects what came of each.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use tokio::task::LocalSet;

use crate::{
    case::{Case, Mode, Request, Verdict},
    drive,
    place::{Place, target_name},
    request, sandbox,
    verdict::{self, Said},
};

/// How often a case is tried that could not be run, before it counts as wrong.
const ATTEMPTS: usize = 2;

/// What came of a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// The stubs that ran, without those that no case can be compared by.
    pub(crate) comparable: Vec<Vec<String>>,
    /// All stubs that ran.
    pub(crate) runs: Vec<Vec<String>>,
    /// What the user saw at the end.
    pub(crate) shown: String,
    /// The verdict, where it does not come from the audit log.
    pub(crate) said: Option<Said>,
    /// Why it could not be run, if so.
    pub(crate) error: Option<String>,
}

/// Runs all cases, `jobs` at a time, in no certain order; the results have the order of the cases.
///
/// # Errors
/// Fails when a task does, never because of a case.
pub(crate) async fn all(place: Arc<Place>, cases: Arc<Vec<Case>>, jobs: usize) -> Result<Vec<Observed>> {
    let results = Arc::new(Mutex::new(vec![Observed::default(); cases.len()]));
    let next = Arc::new(AtomicUsize::new(0));
    let workers = LocalSet::new();
    for _ in 0..jobs {
        let (place, cases, results, next) = (place.clone(), cases.clone(), results.clone(), next.clone());
        workers.spawn_local(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(case) = cases.get(number) else { return };
                let observed = one(&place, number, case).await;
                if let Some(place) = results.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number) {
                    *place = observed;
                }
                progress(number + 1, cases.len());
            }
        });
    }
    workers.await;
    let results = results.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(results.clone())
}

/// Runs again, with more patience, the cases whose last line was not decided when they ended: nothing of them ran,
/// and nothing was said. The machine was too busy for them.
pub(crate) async fn undecided(place: &Arc<Place>, cases: &[Case], observed: &mut [Observed], said: &[Said]) {
    drive::be_patient();
    for (number, ((case, one), said)) in cases.iter().zip(observed).zip(said).enumerate() {
        let ran = case.runs.as_ref().is_none_or(|runs| *runs == one.comparable);
        if case.mode == Mode::Typed && case.expected != Verdict::Allow && said.0 == Verdict::Allow && !ran {
            *one = self::one(place, number, case).await;
        }
    }
}

async fn one(place: &Place, number: usize, case: &Case) -> Observed {
    let mut observed = Observed::default();
    for _ in 0..ATTEMPTS {
        observed = match attempt(place, &target_name(number), case).await {
            Ok(observed) => observed,
            Err(error) => Observed { error: Some(format!("{error:#}")), ..Observed::default() },
        };
        if observed.error.is_none() {
            break;
        }
    }
    observed
}

async fn attempt(place: &Place, name: &str, case: &Case) -> Result<Observed> {
    let folder = place.sandbox.prepare(name, case)?;
    let mut observed = Observed::default();
    let stdin = case.stdin.as_deref();
    let outcome = match (case.mode, &case.command) {
        (Mode::Typed, _) => drive::typed(place, name, case, &folder).await.map(|shown| observed.shown = shown),
        (Mode::KubectlExec, Some(Request::Words(words))) => on_words(place, name, words, stdin, &mut observed).await,
        (Mode::Exec | Mode::Stdin, Some(Request::Text(text))) if text.starts_with('<') && text.ends_with('>') => {
            let answer = request::protocol(place, name, text, stdin, &folder).await;
            answer.map(|(shown, verdict)| {
                observed.said = verdict.map(|verdict| (verdict, "by what the target got".to_owned()));
                observed.shown = shown;
            })
        }
        (Mode::Exec | Mode::Stdin, Some(Request::Text(text))) => {
            request::exec(place, name, text, stdin).await.map(|shown| observed.shown = shown)
        }
        _ => Err(anyhow::anyhow!("a case without a command of its mode")),
    };
    folder.end();
    outcome?;
    observed.runs = folder.runs()?;
    observed.comparable = sandbox::comparable(observed.runs.clone());
    ensure!(!observed.shown.contains("sandbox: "), "{}", observed.shown);
    Ok(observed)
}

/// Words that no shell reads: by `kubectl exec`, or to the engine by itself where there is no cluster.
async fn on_words(
    place: &Place,
    name: &str,
    words: &[String],
    stdin: Option<&str>,
    observed: &mut Observed,
) -> Result<()> {
    match &place.pod {
        Some(pod) => {
            let (shown, said) = pod.run(words, stdin).await?;
            (observed.shown, observed.said) = (shown, Some(said));
        }
        None if place.bastion().is_some() => observed.said = Some(verdict::on_words(words, stdin).await?),
        None => observed.shown = request::words(place, name).await?,
    }
    Ok(())
}

/// Verdicts on all cases.
///
/// # Errors
/// Fails when the audit log cannot be read.
pub(crate) async fn verdicts(place: &Place, observed: &[Observed]) -> Result<Vec<Said>> {
    let bastion = place.bastion().context("no bastion has said anything")?;
    let mut audited = verdict::from_audit(bastion).await?;
    let allowed = || (Verdict::Allow, String::new());
    Ok(observed
        .iter()
        .enumerate()
        .map(|(number, one)| {
            let said = one.said.clone();
            said.unwrap_or_else(|| audited.remove(&target_name(number)).unwrap_or_else(allowed))
        })
        .collect())
}

/// The files of cases in a folder, by name.
///
/// # Errors
/// Fails when the folder cannot be read.
pub(crate) fn case_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// One line for every fifty cases: the whole takes minutes.
fn progress(number: usize, of: usize) {
    if number.is_multiple_of(50) {
        eprintln!("corpus: {number} of {of} cases started");
    }
}

//! Runs cases, some at a time, and collects what came of each.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use config::rules::SessionMode;
use tokio::task::LocalSet;

use crate::{
    case::{Case, Mode, Request, Verdict},
    drive, needs,
    place::{Place, target_name},
    request, sandbox,
    verdict::{self, Said},
    witness,
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
    /// The files of the home folder at the end.
    pub(crate) files: BTreeMap<String, String>,
    /// What the user saw at the end.
    pub(crate) shown: String,
    /// The verdict, where it does not come from the audit log.
    pub(crate) said: Option<Said>,
    /// Why it could not be run, if so.
    pub(crate) error: Option<String>,
}

/// The trials of one case behind the bastion, each with its verdict, and its runs with no bastion in between.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trials {
    pub(crate) through: Vec<(Observed, Said)>,
    pub(crate) direct: Vec<Observed>,
}

/// Trials of dangerous cases at the speed of everybody; all must be right.
const FIRST: usize = 0;

/// How much longer is waited for a case that was not decided.
const PATIENCE: u32 = 4;

/// Runs all cases in this mode: first everything at the usual speed, then again, with patience, those that were not decided.
/// Dangerous and harmless ones get the same: undecided is a case that was let through and did not do what it does with
/// no bastion in between, which a busy machine can be the reason for.
///
/// # Errors
/// Fails when a place does, never because of a case.
pub(crate) async fn judge(
    mode: SessionMode,
    cases: &Arc<Vec<Case>>,
    jobs: usize,
    repeat: usize,
) -> Result<(Vec<Trials>, Vec<Option<String>>)> {
    let names = (0..cases.len()).flat_map(|number| (FIRST..=repeat).map(move |trial| target_name(number, trial)));
    let through = Arc::new(Place::behind_bastion(mode, cases, names.collect()).await?);
    // What harmless cases do is compared in guard alone.
    let direct = if mode == SessionMode::Guard { Some(Arc::new(Place::direct(cases).await?)) } else { None };
    drive::be_patient(1);
    let missing: Vec<Option<String>> = cases.iter().map(|case| needs::missing(case, through.servers())).collect();
    let mut trials = vec![Trials::default(); cases.len()];
    let here = |number: &usize| missing.get(*number).is_some_and(Option::is_none);
    let of = |wanted: &dyn Fn(&Case) -> bool| -> Vec<usize> {
        cases.iter().enumerate().filter(|(_, case)| wanted(case)).map(|(number, _)| number).filter(here).collect()
    };
    // Harmless ones once, dangerous ones as often as is asked for.
    for trial in FIRST..repeat {
        let numbers = of(&|case| trial == FIRST || !case.harmless());
        behind(&through, cases, &numbers, (trial, false), jobs, &mut trials).await?;
    }
    if let Some(direct) = &direct {
        without(direct, cases, &of(&witnessed), jobs, &mut trials).await?;
    }
    drive::be_patient(PATIENCE);
    let undecided: Vec<usize> = of(&|case| direct.is_some() || !case.harmless())
        .into_iter()
        .filter(|number| cases.get(*number).zip(trials.get(*number)).is_some_and(|(case, one)| one.undecided(case)))
        .collect();
    behind(&through, cases, &undecided, (repeat, true), jobs, &mut trials).await?;
    let Some(direct) = direct else { return Ok((trials, missing)) };
    let again: Vec<usize> = undecided.into_iter().filter(|number| cases.get(*number).is_some_and(witnessed)).collect();
    without(&direct, cases, &again, jobs, &mut trials).await?;
    Ok((trials, missing))
}

impl Trials {
    /// Whether the last trial was let through and yet did not do what it should or would.
    fn undecided(&self, case: &Case) -> bool {
        let Some((observed, said)) = self.through.last() else { return false };
        let recorded = Self::unlike_recorded(case, observed).is_none();
        case.mode != Mode::KubectlExec
            && said.0 == Verdict::Allow
            && (!recorded || (case.harmless() && self.difference(observed).is_some()))
    }

    /// What was recorded, if that is something else than what ran.
    pub(crate) fn unlike_recorded(case: &Case, observed: &Observed) -> Option<Vec<Vec<String>>> {
        case.runs.clone().map(sandbox::comparable).filter(|runs| *runs != observed.comparable)
    }

    /// What this trial did differently from the runs with no bastion in between.
    pub(crate) fn difference(&self, through: &Observed) -> Option<String> {
        witness::difference(&self.direct.iter().collect::<Vec<_>>(), through)
    }
}

/// Whether what a case does is compared with what it does without a bastion.
fn witnessed(case: &Case) -> bool {
    case.harmless() && case.shell != "protocol" && case.mode != Mode::KubectlExec
}

/// One trial of these cases behind the bastion; a patient one takes the place of the last one.
async fn behind(
    place: &Arc<Place>,
    cases: &Arc<Vec<Case>>,
    numbers: &[usize],
    (trial, patient): (usize, bool),
    jobs: usize,
    trials: &mut [Trials],
) -> Result<()> {
    let observed = all(place.clone(), cases.clone(), numbers.to_vec(), trial, jobs).await?;
    let bastion = place.bastion().context("no bastion has said anything")?;
    let mut audited = verdict::from_audit(bastion).await?;
    for (number, observed) in observed {
        let said = observed.said.clone();
        let said =
            said.or_else(|| audited.remove(&target_name(number, trial))).unwrap_or((Verdict::Allow, String::new()));
        let case = trials.get_mut(number).context("a case that is not there")?;
        if patient {
            case.through.pop();
        }
        case.through.push((observed, said));
    }
    Ok(())
}

/// These cases with no bastion in between.
async fn without(
    place: &Arc<Place>,
    cases: &Arc<Vec<Case>>,
    numbers: &[usize],
    jobs: usize,
    trials: &mut [Trials],
) -> Result<()> {
    for (number, observed) in all(place.clone(), cases.clone(), numbers.to_vec(), FIRST, jobs).await? {
        trials.get_mut(number).context("a case that is not there")?.direct.push(observed);
    }
    Ok(())
}

/// Runs the cases of these numbers, `jobs` at a time, in no certain order; the results have the order of the numbers.
///
/// # Errors
/// Fails when a task does, never because of a case.
pub(crate) async fn all(
    place: Arc<Place>,
    cases: Arc<Vec<Case>>,
    numbers: Vec<usize>,
    trial: usize,
    jobs: usize,
) -> Result<BTreeMap<usize, Observed>> {
    let results = Arc::new(Mutex::new(BTreeMap::new()));
    let (next, numbers) = (Arc::new(AtomicUsize::new(0)), Arc::new(numbers));
    let workers = LocalSet::new();
    for _ in 0..jobs {
        let (place, cases, numbers) = (place.clone(), cases.clone(), numbers.clone());
        let (results, next) = (results.clone(), next.clone());
        workers.spawn_local(async move {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(number) = numbers.get(at).copied() else { return };
                let Some(case) = cases.get(number) else { return };
                let observed = one(&place, &target_name(number, trial), case).await;
                results.lock().unwrap_or_else(PoisonError::into_inner).insert(number, observed);
                progress(at + 1, numbers.len());
            }
        });
    }
    workers.await;
    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *results))
}

async fn one(place: &Place, name: &str, case: &Case) -> Observed {
    let mut observed = Observed::default();
    for _ in 0..ATTEMPTS {
        observed = match attempt(place, name, case).await {
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
    observed.files = folder.files()?;
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
        None => match place.mode() {
            Some(mode) => observed.said = Some(verdict::on_words(mode, words, stdin).await?),
            None => observed.shown = request::words(place, name).await?,
        },
    }
    Ok(())
}

/// The files of this kind in a folder, by name.
///
/// # Errors
/// Fails when the folder cannot be read.
pub(crate) fn files_in(folder: &Path, kind: &str) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == kind) {
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

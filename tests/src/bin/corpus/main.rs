//! `make corpus`: typed commands and requests, judged by the real product in front of real shells.
//!
//! Every case goes through the built `bastion`, with the rules of `tests/corpus/rules.yaml`, to a real sshd whose
//! sessions end in a sandbox with stubs in place of dangerous programs. The verdict is what the audit log says, and
//! the stubs tell what really ran. Cases without a shell go by `kubectl exec` into a pod of the cluster of `tests/cluster`.
//!
//! ```text
//! corpus [--jobs N] [--only TEXT] [--show] [FILE…]     judge the cases; default: tests/corpus/*.jsonl
//! corpus --record FILE…                                run them with no bastion and write `runs`
//! ```

use std::{env, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use tests::{peers, program::keep_logs_quiet};

use crate::place::Place;

mod case;
mod danger;
mod drive;
mod place;
mod pod;
mod record;
mod report;
mod request;
mod run;
mod sandbox;
mod verdict;

/// Cases that run at a time: most of the time of one is waiting for quiet.
const JOBS: usize = 8;

struct Options {
    record: bool,
    jobs: usize,
    /// Also print what the user saw and what ran, for cases that are not right.
    show: bool,
    /// Only cases whose id holds this.
    only: String,
    files: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = options(env::args().skip(1))?;
    sandbox::check_machine()?;
    // The closing line of the report is to be the last one.
    keep_logs_quiet();
    if options.record {
        for file in &options.files {
            record::record(file, options.jobs).await?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut cases = Vec::new();
    for file in &options.files {
        cases.extend(case::read(file)?);
    }
    cases.retain(|case| case.id.contains(&options.only));
    ensure!(!cases.is_empty(), "no case to run");
    let cases = Arc::new(cases);
    let place = Arc::new(Place::behind_bastion(&cases).await?);
    let mut observed = run::all(place.clone(), cases.clone(), options.jobs).await?;
    let first = run::verdicts(&place, &observed).await?;
    run::undecided(&place, &cases, &mut observed, &first).await;
    let verdicts = run::verdicts(&place, &observed).await?;
    let passed = report::print(&cases, &observed, &verdicts, options.show)?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options { record: false, show: false, jobs: JOBS, only: String::new(), files: Vec::new() };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--record" => options.record = true,
            "--show" => options.show = true,
            "--jobs" => options.jobs = words.next().and_then(|text| text.parse().ok()).context("--jobs N")?,
            "--only" => options.only = words.next().context("--only TEXT")?,
            _ if word.starts_with('-') => {
                bail!("{word} is not known: corpus [--record] [--jobs N] [--only TEXT] [--show] [FILE…]")
            }
            _ => options.files.push(word.into()),
        }
    }
    ensure!(options.jobs > 0, "--jobs 0 runs nothing");
    if options.files.is_empty() {
        options.files = run::case_files(&peers::tests_folder().join("corpus"))?;
    }
    Ok(options)
}

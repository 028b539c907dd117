//! `make corpus`: typed commands and requests, judged by the real product in front of real shells.
//!
//! Every case goes through the built `bastion`, with the rules of `tests/corpus/rules.yaml`, to a real sshd whose
//! sessions end in a sandbox with stubs in place of dangerous programs. The verdict is what the audit log says, and
//! the stubs tell what really ran. Cases without a shell go by `kubectl exec` into a pod of the cluster of `tests/cluster`.
//!
//! What is harmless also runs with no bastion in between, and must do the same.
//!
//! ```text
//! corpus [OPTION…] [FILE…]    judge the cases; default: tests/corpus/*.jsonl, after the days of tests/corpus/day, in all
//!                             modes; those of a FILE in guard
//!     --mode MODE             only in guard, strict or exec-only
//!     --jobs N                cases that run at a time
//!     --only TEXT             those whose id holds this
//!     --repeat N              dangerous ones so often; each time must be right
//!     --show                  also what users saw
//! corpus --day FILE…          everyday lines, typed one after another, with and without a bastion
//! corpus --record FILE…       run cases with no bastion and write `runs`
//! ```

use std::{env, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use config::rules::SessionMode;
use tests::{peers, program::keep_logs_quiet};

mod case;
mod danger;
mod day;
mod drive;
mod folder;
mod modes;
mod needs;
mod place;
mod pod;
mod record;
mod report;
mod request;
mod run;
mod sandbox;
mod servers;
mod verdict;
mod witness;

/// Cases that run at a time: most of the time of one is waiting for quiet.
const JOBS: usize = 8;

struct Options {
    record: bool,
    day: bool,
    mode: Option<SessionMode>,
    jobs: usize,
    repeat: usize,
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
    if options.day {
        return Ok(exit(day::run(&options.files).await?));
    }
    let everything = options.files.is_empty();
    let corpus = peers::tests_folder().join("corpus");
    let files = if everything { run::files_in(&corpus, "jsonl")? } else { options.files };
    let mut cases = Vec::new();
    for file in &files {
        cases.extend(case::read(file)?);
    }
    cases.retain(|case| case.id.contains(&options.only));
    ensure!(!cases.is_empty(), "no case to run");
    // The days first: the closing line of the cases is the last one.
    let whole = everything && options.only.is_empty() && options.mode.is_none();
    let mut passed = !whole || day::run(&run::files_in(&corpus.join("day"), "txt")?).await?;
    let modes = match options.mode {
        Some(mode) => vec![mode],
        None if everything => modes::ALL.to_vec(),
        None => vec![SessionMode::Guard],
    };
    for mode in modes {
        let cases = Arc::new(modes::cases(mode, &cases));
        let (trials, missing) = run::judge(mode, &cases, options.jobs, options.repeat).await?;
        passed &= report::print(mode, &cases, &trials, &missing, options.show)?;
    }
    Ok(exit(passed))
}

fn exit(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options {
        record: false,
        day: false,
        mode: None,
        show: false,
        jobs: JOBS,
        repeat: 1,
        only: String::new(),
        files: Vec::new(),
    };
    let number = |word: Option<String>| word.and_then(|text| text.parse().ok());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--record" => options.record = true,
            "--day" => options.day = true,
            "--show" => options.show = true,
            "--mode" => options.mode = Some(modes::named(&words.next().unwrap_or_default())?),
            "--jobs" => options.jobs = number(words.next()).context("--jobs N")?,
            "--repeat" => options.repeat = number(words.next()).context("--repeat N")?,
            "--only" => options.only = words.next().context("--only TEXT")?,
            _ if word.starts_with('-') => bail!("{word} is not known; see the top of tests/src/bin/corpus/main.rs"),
            _ => options.files.push(word.into()),
        }
    }
    ensure!(options.jobs > 0 && options.repeat > 0, "--jobs 0 and --repeat 0 run nothing");
    Ok(options)
}

//! Runs fuzz targets on a stable compiler: `fuzz SECONDS [TARGET…]`; `fuzz input FILE TARGET` runs one input again.
//!
//! Each target runs in a process of its own, for an overflow of the stack ends one. Before an input runs it is written
//! to a file, whose name is printed when the target fails.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    process::{Command, ExitCode},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use fuzz::{TARGETS, Target, mutation::Mutator};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", seconds, name, number] => {
            run(target(name)?, Duration::from_secs(seconds.parse()?), number.parse()?)?;
            Ok(ExitCode::SUCCESS)
        }
        ["input", file, name] => {
            (target(name)?.run)(&fs::read(file)?);
            Ok(ExitCode::SUCCESS)
        }
        [seconds, names @ ..] => run_each(seconds.parse()?, names),
        [] => Err("usage: fuzz SECONDS [TARGET…]".into()),
    }
}

fn run_each(seconds: u64, names: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
    let number = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut failed = Vec::new();
    for target in TARGETS.iter().filter(|target| names.is_empty() || names.contains(&target.name)) {
        let status = Command::new(env::current_exe()?)
            .args(["run", &seconds.to_string(), target.name, &number.to_string()])
            .status()?;
        if !status.success() {
            say(&format!("{}: FAILED ({status}); the input: {}", target.name, input_file(target).display()))?;
            failed.push(target.name);
        }
    }
    say(&format!(
        "fuzz: number {number}, failed: {}",
        if failed.is_empty() { "none".into() } else { failed.join(" ") }
    ))?;
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(target: &'static Target, time: Duration, number: u64) -> Result<(), Box<dyn Error>> {
    let (report, reports) = mpsc::channel();
    let worker = thread::spawn(move || run_inputs(target, time, number, &report).map_err(|error| error.to_string()));
    loop {
        match reports.recv_timeout(TOO_LONG) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => return Err(format!("an input takes more than {TOO_LONG:?}").into()),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    say(&worker.join().map_err(|_| "it panicked")??)?;
    Ok(fs::remove_file(input_file(target))?)
}

fn run_inputs(target: &Target, time: Duration, number: u64, report: &Sender<()>) -> Result<String, Box<dyn Error>> {
    let mut mutator = Mutator::new(target.seeds, number);
    let file = File::create(input_file(target))?;
    let (start, mut runs, mut longest) = (Instant::now(), 0_u64, Duration::ZERO);
    while start.elapsed() < time {
        let input = mutator.next_input();
        file.set_len(u64::try_from(input.len())?)?;
        file.write_all_at(input, 0)?;
        let begin = Instant::now();
        (target.run)(input);
        longest = longest.max(begin.elapsed());
        report.send(())?;
        runs += 1;
    }
    Ok(format!("{}: {runs} inputs, the longest took {longest:?}", target.name))
}

fn target(name: &str) -> Result<&'static Target, String> {
    let names = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    TARGETS.iter().find(|target| target.name == name).ok_or_else(|| format!("no target {name}; there are {}", names()))
}

fn input_file(target: &Target) -> PathBuf {
    env::temp_dir().join(format!("bastion-fuzz-{}", target.name))
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}

/// Nothing that is as short as these inputs may take so long, whatever else the machine does.
const TOO_LONG: Duration = Duration::from_secs(60);

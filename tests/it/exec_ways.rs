//! Ways to a shell for a robot (`exec-only`), and the jobs that robots really run, over real ssh: at the target every
//! program that they name has a stand-in, which tells that it started and whether it was sent anything.

use std::fs;

use anyhow::{Result, ensure};
use tests::program::run;

use crate::exec_input_programs::{SESSION_LIMIT, Stage, side_by_side};

/// Ways, none of which may be gone: a command, and its standard input behind a tab.
const WAYS: &str = include_str!("../../policy/tests/corpus/ways.txt");

/// What robots really run, in the same form.
const JOBS: &str = include_str!("../../policy/tests/corpus/jobs.txt");

/// Leaves its name in `started`, and in `fed` as well if a byte came.
const TELLS: &str = r#"#!/bin/bash
echo "${0##*/}" >>"$HOME/started"
if IFS= read -r -d '' -n 1 _; then echo "${0##*/}" >>"$HOME/fed"; fi
exec /bin/cat >/dev/null
"#;

/// They pass on what they read to the program that counts.
const PASS_ON: [&str; 8] = ["base64", "cat", "dd", "head", "rev", "tee", "tr", "xxd"];

/// Nobody stands in for a path, and what is written there would be the machine's.
const PLACES: [&str; 2] = ["/bin/", "/etc/"];

/// A rule of the unit tests is about these, and none of this test's.
const RULED: [&str; 2] = ["kexec -e", "systemctl edit x"];

/// A line of such a table.
struct Line {
    text: &'static str,
    command: String,
    input: Option<String>,
}

fn lines(table: &'static str) -> impl Iterator<Item = Line> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let lines = lines.filter(|line| !RULED.contains(line) && !PLACES.iter().any(|place| line.contains(place)));
    lines.map(|text| {
        let (command, input) = text.split_once('\t').map_or((text, None), |(command, input)| (command, Some(input)));
        let input = input.map(|input| input.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t"));
        Line { text, command: command.replace("\\n", "\n"), input: input.map(|input| input.replace('\0', "\\")) }
    })
}

/// What came of a line, in short, where that is not what it should be.
async fn judged(stage: &Stage, case: String, line: &Line, is_way: bool) -> Result<Option<String>> {
    let folder = stage.prepare(&case)?;
    let input = line.input.as_deref().unwrap_or_default();
    let outcome = run(stage.ssh(&case, &line.command)?, input.as_bytes(), SESSION_LIMIT).await?;
    let names = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let (started, fed) = (names("started"), names("fed"));
    let is_refused = outcome.code == 5 && outcome.stderr.contains("bastion: ");
    // Where the input is the way, a program may wait for it, and gets none of it.
    let is_gone = !fed.is_empty() || started.lines().any(|name| line.input.is_none() || name == "rm");
    let is_right = if is_way { is_refused && !is_gone } else { !outcome.stderr.contains("bastion: ") };
    let what =
        || format!("{}: exit code {}, started {started:?}, fed {fed:?}, {}", line.text, outcome.code, outcome.stderr);
    Ok((!is_right).then(what))
}

/// The lines of which something else came than should.
async fn wrong(table: &'static str, is_way: bool) -> Result<Vec<String>> {
    let lines: Vec<Line> = lines(table).collect();
    let commands: Vec<String> = lines.iter().map(|line| line.command.clone()).collect();
    let stage =
        Stage::start("exec-only", "trusted-tool", TELLS, &commands, if is_way { &PASS_ON } else { &[] }).await?;
    let control = Line { text: "control", command: "trusted-tool".to_owned(), input: Some("x\n".to_owned()) };
    let found = judged(&stage, "control".to_owned(), &control, true).await?.unwrap_or_default();
    ensure!(found.contains("fed \"trusted-tool"), "the stand-in says nothing: {found}");
    let works = lines.into_iter().enumerate().map(|(at, line)| {
        let stage = stage.clone();
        async move { judged(&stage, format!("line-{at}"), &line, is_way).await }
    });
    Ok(side_by_side(works).await?.into_iter().flatten().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_on_any_way_that_leads_a_robot_to_a_shell() -> Result<()> {
    ensure!(lines(WAYS).count() >= 600, "{} ways", lines(WAYS).count());
    let gone = wrong(WAYS, true).await?;
    ensure!(gone.is_empty(), "{} {gone:#?}", gone.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_robots_really_run_starts() -> Result<()> {
    ensure!(lines(JOBS).count() >= 200, "{} jobs", lines(JOBS).count());
    let stopped = wrong(JOBS, false).await?;
    ensure!(stopped.is_empty(), "{} {stopped:#?}", stopped.len());
    Ok(())
}

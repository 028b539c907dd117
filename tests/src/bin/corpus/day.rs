//! `corpus --day FILE…`: the everyday lines of professions, typed one after another into bash, first with no bastion in
//! between and then behind one, in the same sandbox with the same stubs. What each line ran is compared.
//!
//! A file has one line to be typed in a line; those that begin with `# ` are for its reader, and `<keys> …` are keys by
//! name (`tests/src/keys.rs`) without Enter. Where a line opens a program with a screen and no keys follow, the runner
//! leaves it, as it ends what does not come back by itself.

use std::{collections::BTreeMap, fs, path::PathBuf, rc::Rc};

use anyhow::{Context, Result, ensure};
use config::rules::SessionMode;
use tests::keys;
use tokio::task::LocalSet;

use crate::{
    case::Server,
    danger::dangerous,
    day::session::{Done, Session},
    folder::CaseFolder,
    place::Place,
    witness,
};

mod report;
mod session;

/// The start-up files of a day: the prompt of all cases, and a log of what the shell runs.
const PROFILE: &str = "PS1='me@target:~$ '\nHISTFILE=~/.history\nexport PIP_RETRIES=0 PIP_NO_INDEX=1 LESSHISTFILE=-\n\
                       trap 'printf \"%s\\0\" \"$BASH_COMMAND\" >>/tmp/case/ran' DEBUG\n";

/// A login shell, as tmux starts one, reads the other.
const PROFILES: [(&str, &str); 2] = [(".bashrc", PROFILE), (".bash_profile", PROFILE)];

/// What programs remember of the lines that they read.
const HISTORIES: [&str; 6] =
    [".psql_history", ".python_history", ".sqlite_history", ".mariadb_history", ".mysql_history", ".node_repl_history"];

type Files = BTreeMap<String, String>;

/// The lines of a profession.
struct Day {
    profession: String,
    lines: Vec<Line>,
}

/// One line of a day.
#[derive(Debug)]
struct Line {
    text: String,
    /// Keys by name, instead of text and Enter.
    keys: Option<String>,
}

/// What came of a line behind the bastion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It ran as it was typed.
    Same,
    /// Held or refused, by a rule that is about what it ran.
    Ruled,
    /// Held or refused, although nothing dangerous runs.
    Held,
    /// Never typed, because the program that it was for had not been let through.
    Lost,
    /// Something else ran, or it hangs.
    Altered,
    /// Nothing ran, and nothing was said.
    Swallowed,
}

/// What came of a day.
struct Judged {
    day: Day,
    outcomes: Vec<(Outcome, String)>,
    /// What is left differs.
    left: Option<String>,
}

/// Types the days of all files, prints what came of them, and returns whether all are good.
///
/// # Errors
/// Fails when a file is not one of lines, or a session cannot be held.
pub(crate) async fn run(files: &[PathBuf]) -> Result<bool> {
    let days = files.iter().map(read).collect::<Result<Vec<_>>>()?;
    ensure!(!days.is_empty(), "no day to type");
    let direct = Place::direct(&[]).await?.with_servers().await?;
    let names = (0..days.len()).map(target).collect();
    let through = Place::behind_bastion(SessionMode::Guard, &[], names).await?.with_servers().await?;
    let places = Rc::new((direct, through));
    let all = LocalSet::new();
    let mut judged = Vec::new();
    let mut tasks = Vec::new();
    for (number, day) in days.into_iter().enumerate() {
        let places = places.clone();
        tasks.push(all.spawn_local(async move {
            let profession = day.profession.clone();
            judge(&places.0, &places.1, number, day).await.with_context(|| format!("the day of {profession}"))
        }));
    }
    all.await;
    for task in tasks {
        judged.push(task.await??);
    }
    report::print(&judged)
}

/// The name of a day as a target.
fn target(number: usize) -> String {
    format!("day{number}")
}

fn read(file: &PathBuf) -> Result<Day> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let profession = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    let lines = lines.map(|text| {
        let keys = text.strip_prefix("<keys> ").map(keys::bytes).transpose()?;
        Ok(Line { text: text.to_owned(), keys })
    });
    Ok(Day { profession, lines: lines.collect::<Result<_>>()? })
}

/// How a line was got on with behind the bastion.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Typed,
    /// Typed and given up, because it was held or refused.
    GivenUp,
    /// Typed, and then everything but the shell was ended, because it did not get back to where it should.
    Stuck,
    /// Left out, because the program that it is for was not let through.
    LeftOut,
}

async fn judge(direct: &Place, through: &Place, number: usize, mut day: Day) -> Result<Judged> {
    leave_out(&mut day, direct.servers());
    let (mut expected, mut plain) = alone(direct, number, &day, &[]).await?;
    let (done, behind) = after(through, number, &day, &expected).await?;
    let ruled: Vec<bool> = expected.iter().map(|one| one.stubs.iter().any(|run| dangerous(run))).collect();
    if done.iter().any(|(step, _)| *step != Step::Typed) {
        // What did not run is missed by later lines, so they are compared with a day that lacks it, too.
        (expected, plain) = alone(direct, number, &day, &done).await?;
    }
    let mut outcomes = Vec::new();
    // A line that a rule is about takes those with it that were for its program.
    let mut by_rule = false;
    for ((expected, ruled), (step, done)) in expected.iter().zip(ruled).zip(&done) {
        let outcome = match step {
            Step::Typed => compare(expected, done),
            Step::Stuck => Outcome::Altered,
            Step::GivenUp if ruled => Outcome::Ruled,
            Step::GivenUp => Outcome::Held,
            Step::LeftOut if by_rule => Outcome::Ruled,
            Step::LeftOut => Outcome::Lost,
        };
        by_rule = outcome == Outcome::Ruled;
        outcomes.push((outcome, describe(outcome, expected, done)));
    }
    Ok(Judged { day, outcomes, left: witness::files(&plain, &[], &behind) })
}

/// A day with no bastion in between, and the files that it leaves; `earlier` is how it went behind one, if it did.
async fn alone(place: &Place, number: usize, day: &Day, earlier: &[(Step, Done)]) -> Result<(Vec<Done>, Files)> {
    let folder = place.sandbox.prepare_day(&target(number), &PROFILES)?;
    let mut session = Session::start(place, &target(number), &folder).await?;
    let mut expected = Vec::new();
    for (at, line) in day.lines.iter().enumerate() {
        let keys_follow = day.lines.get(at + 1).is_some_and(|next| next.keys.is_some());
        let done = match earlier.get(at).map_or(Step::Typed, |(step, _)| *step) {
            Step::Typed | Step::Stuck => session.alone(line, keys_follow).await,
            Step::GivenUp => session.give_up().await,
            Step::LeftOut => Ok(Done::default()),
        };
        if let Some((Step::GivenUp | Step::Stuck, through)) = earlier.get(at) {
            session.follow(through).await?;
        }
        let done = done.with_context(|| format!("directly, at {:?}", line.text))?;
        ensure!(!done.said, "the bastion spoke where there is none, at {:?}", line.text);
        expected.push(done);
    }
    let files = left(&folder)?;
    folder.end();
    Ok((expected, files))
}

/// The same day behind the bastion.
async fn after(place: &Place, number: usize, day: &Day, expected: &[Done]) -> Result<(Vec<(Step, Done)>, Files)> {
    let folder = place.sandbox.prepare_day(&target(number), &PROFILES)?;
    let mut session = Session::start(place, &target(number), &folder).await?;
    let mut all = Vec::new();
    let mut lost = false;
    for (line, expected) in day.lines.iter().zip(expected) {
        if lost {
            all.push((Step::LeftOut, Done::default()));
            lost = !expected.at_shell;
            continue;
        }
        let done = session.after(line, expected).await.with_context(|| format!("behind, at {:?}", line.text))?;
        lost = (done.said || done.astray) && done.at_shell && !expected.at_shell;
        let step = match (done.said, lost) {
            (true, _) => Step::GivenUp,
            (false, true) => Step::Stuck,
            (false, false) => Step::Typed,
        };
        all.push((step, done));
    }
    let files = left(&folder)?;
    folder.end();
    Ok((all, files))
}

/// Lines for a server that this machine does not have: from where its client is opened to where it is left.
fn leave_out(day: &mut Day, running: &[Server]) {
    if running.contains(&Server::Mariadb) {
        return;
    }
    let mut inside = false;
    day.lines.retain(|line| {
        let opens = line.text.starts_with("mysqlreal");
        let leaves = inside && line.text == "exit";
        let keep = !opens && !inside;
        inside = (inside && !leaves) || (opens && !line.text.contains(" -e "));
        if !keep {
            eprintln!("corpus: {}: left out, there is no mariadb server: {}", day.profession, line.text);
        }
        keep
    });
}

fn compare(expected: &Done, done: &Done) -> Outcome {
    if done.ran != expected.ran || done.stubs != expected.stubs {
        if done.ran.is_empty() && done.stubs.is_empty() { Outcome::Swallowed } else { Outcome::Altered }
    } else if expected.echoed && !done.echoed {
        Outcome::Swallowed
    } else if done.astray || expected.at_shell != done.at_shell {
        Outcome::Altered
    } else {
        Outcome::Same
    }
}

fn describe(outcome: Outcome, expected: &Done, done: &Done) -> String {
    match outcome {
        Outcome::Same | Outcome::Lost => String::new(),
        Outcome::Ruled | Outcome::Held => done.words.clone(),
        Outcome::Altered | Outcome::Swallowed => format!(
            "ran {:?} {:?} instead of {:?} {:?}; {:?}",
            done.ran, done.stubs, expected.ran, expected.stubs, done.screen
        ),
    }
}

/// The files and the memories of programs at the end, with every number as `#`, because times differ; of files that are
/// not text, only that they are there.
fn left(folder: &CaseFolder) -> Result<Files> {
    let mut files = folder.files()?;
    for history in HISTORIES {
        files.extend(folder.home_file(history).map(|text| (history.to_owned(), text)));
    }
    for (path, text) in &mut files {
        // CMake makes up names of folders for what it tries, and logs them.
        if text.contains(['\0', char::REPLACEMENT_CHARACTER]) || path.contains("CMakeFiles/") {
            text.clear();
        }
        // pg_dump makes up a word for each dump.
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("restrict ")).collect();
        *text = lines.join("\n");
        *text = text.chars().map(|letter| if letter.is_ascii_digit() { '#' } else { letter }).collect();
    }
    Ok(files)
}

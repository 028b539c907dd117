//! Standard input of exec requests, program by program. Most of the programs are not installed, and those that are
//! behave: so each has a stand-in at the target, which takes its name and does the worst that it could do.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    api::{Api, text},
    bastion::Settings,
    patience::{SOON, until, within},
    peers,
    person::Person,
    program::{Outcome, run},
    site::Site,
    sshd::Sshd,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

use crate::exec_input;

/// Programs that may run what they read, a command a line.
const RUNNERS: &str = include_str!("../../policy/tests/corpus/input-run.txt");

/// Honest uses of standard input, a command a line.
const HONEST: &str = include_str!("../../policy/tests/corpus/input-data.txt");

/// More of them, of a program that a rule allows.
const ALLOWED: [&str; 6] = [
    "psql",
    "psql -v ON_ERROR_STOP=1 db",
    "psql -X -q -f - db",
    "sudo -u postgres psql db",
    "gunzip | psql db",
    "cat > x.sql && psql -f x.sql db",
];

/// Runs each line that comes, as a shell does; where an argument names a descriptor, it comes from there.
const RUNS_INPUT: &str = r#"#!/bin/bash
echo "in ${0##*/}"
for word; do
    case $word in
    /dev/fd/*) exec /bin/sh <&"${word##*/}" ;;
    /proc/*/fd/*) exec /bin/sh "$word" ;;
    esac
done
exec /bin/sh
"#;

/// Counts what comes, and leaves the count where the output of another does not hide it.
const COUNTS_INPUT: &str = r#"#!/bin/sh
count=$(/usr/bin/wc -c)
echo "$count"
echo "$count" >>"$COUNTS"
"#;

/// They have no stand-in that runs what it reads: they pass it on to one.
const PASS_ON: [&str; 8] = ["base64", "cat", "dd", "gunzip", "head", "rm", "tee", "tr"];

/// They have no stand-in that counts: what they leave is compared.
const LEAVE_DATA: [&str; 6] = ["cat", "chmod", "dd", "mkdir", "mv", "tee"];

/// What the shell does itself, and what has another input: nobody counts there.
const UNCOUNTED: [&str; 12] = [
    r#"while read -r l; do echo "$l"; done"#,
    r#"while read -r a b; do printf '%s\n' "$b"; done"#,
    r#"read x; echo "$x""#,
    "mapfile -t x; echo ${#x[@]}",
    "echo hi",
    "true",
    "command -v x",
    "some-tool < /dev/null",
    "some-tool </etc/hosts",
    "some-tool <<< x",
    "echo x | some-tool",
    "cat /etc/hosts | some-tool",
];

/// They fail with any data: nobody stands in for a path, and there is no such file.
const FAILING: [&str; 2] = ["/usr/lib/openssh/sftp-server", "test -f x"];

/// As many sessions run at once.
const AT_ONCE: usize = 8;

/// How long the answer to a line is waited for. Some programs read everything before they run any of it, and the next
/// line is sent all the same.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How long one session may take on a busy machine.
pub(crate) const SESSION_LIMIT: Duration = Duration::from_secs(60);

/// The longest output that is looked for in a recording, in bytes: of data that is no text only a part is there.
const MAX_COMPARED: usize = 4096;

/// The commands of a corpus, each once. What would touch files of the machine does so in the folder of its case.
fn commands(corpus: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let lines = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let lines = lines.map(|line| line.replace(" /nope", " nope/x").replace(" /tmp/", " ").replace("cd /srv", "cd srv"));
    lines.filter(|line| seen.insert(line.clone())).collect()
}

/// A target with stand-ins, behind a bastion.
pub(crate) struct Stage {
    /// All sessions share one connection.
    _connection: Child,
    shared: PathBuf,
    site: Site,
    folder: TempDir,
}

impl Stage {
    /// Every word of the lines that may be a program has the stand-in, but those that are `real`. A rule allows the
    /// program `allowed`.
    pub(crate) async fn start(
        mode: &str,
        allowed: &str,
        stand_in: &str,
        lines: &[String],
        real: &[&str],
    ) -> Result<Arc<Self>> {
        let folder = tempfile::tempdir()?;
        let (programs, script) = (folder.path().join("programs"), folder.path().join("stand-in"));
        fs::write(&script, stand_in)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        fs::create_dir(&programs)?;
        let is_apart = |c: char| !c.is_ascii_alphanumeric() && !"._+-".contains(c);
        let words = lines.iter().flat_map(|line| line.split(is_apart)).chain([allowed]);
        let names: HashSet<&str> = words.filter(|word| !word.is_empty() && !word.starts_with(['-', '.'])).collect();
        for name in names.iter().filter(|name| !real.contains(name)) {
            symlink(&script, programs.join(name))?;
        }
        let at = folder.path().display();
        let sshd = Sshd::start_with(&format!(
            "ForceCommand cd {at}/${{LC_CASE:?}} && export COUNTS={at}/$LC_CASE/counts HOME=$PWD && \
             export PATH={at}/programs:$PATH && exec /bin/bash -c \"$SSH_ORIGINAL_COMMAND\"\n"
        ))
        .await?;
        let mut rules = exec_input::rules(mode)?;
        let rule = json!({ "name": "allowed", "effect": "allow", "match": { "command": { "program": [allowed] } } });
        rules.get_mut("rules").and_then(Value::as_array_mut).context("rules")?.push(rule);
        let bastion = Settings::demo().target(sshd.target("target")?).rules(rules).start().await?;
        bastion.open(&sshd)?;
        let alice = Person::log_in(&bastion, "alice").await?;
        let shared = alice.home().join("shared");
        let path = format!("ControlPath={}", shared.display());
        let options = ["-N", "-o", "ControlMaster=yes", "-o", &path, "-o", "SendEnv=LC_CASE", &Site::destination()];
        let mut connection = alice.stock("ssh", &options)?;
        connection.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let connection = connection.spawn()?;
        until("the shared connection is there", SOON, async || Ok(shared.exists().then_some(()))).await?;
        Ok(Arc::new(Self { _connection: connection, shared, site: Site { sshd, bastion, alice }, folder }))
    }

    /// The folder in which the session of this case runs.
    pub(crate) fn prepare(&self, case: &str) -> Result<PathBuf> {
        let folder = self.folder.path().join(case);
        fs::create_dir_all(folder.join("srv"))?;
        Ok(folder)
    }

    /// Stock `ssh` that runs `line` there.
    pub(crate) fn ssh(&self, case: &str, line: &str) -> Result<Command> {
        let mut command = Command::new(peers::find(&["ssh"], "install the Debian package openssh-client")?);
        command.args(["-F", "none", "-o", "BatchMode=yes", "-o", "SendEnv=LC_CASE", "-S"]).arg(&self.shared);
        command.args([&Site::destination(), line]).env("LC_CASE", case);
        Ok(command)
    }

    /// The ids of all sessions that were started, by their commands.
    async fn sessions(&self, api: &Api) -> Result<HashMap<String, Vec<String>>> {
        let mut sessions: HashMap<String, Vec<String>> = HashMap::new();
        for session in api.ended_sessions("target", 1).await? {
            sessions.entry(text(&session, "command")?).or_default().push(text(&session, "id")?);
        }
        Ok(sessions)
    }

    /// Fails where a line that a client was shown by a command is not in the recording of its session.
    async fn ensure_recorded(&self, shown: impl Iterator<Item = (&String, &Outcome)>) -> Result<()> {
        let api = Arc::new(self.site.api().await?);
        let sessions = self.sessions(&api).await?;
        let shown = shown.filter(|(_, outcome)| (1..MAX_COMPARED).contains(&outcome.stdout.len()));
        let works = shown.map(|(command, outcome)| {
            let (api, command, text) = (api.clone(), command.clone(), outcome.text());
            let ids = sessions.get(&command).cloned().unwrap_or_default();
            async move {
                for id in &ids {
                    let recorded = api.cast(id).await?.joined("o");
                    if text.lines().all(|line| recorded.contains(line)) {
                        return Ok(None);
                    }
                }
                Ok(Some(format!("{command}: {text:?} is not in its recording ({} sessions)", ids.len())))
            }
        });
        let missing: Vec<String> = side_by_side(works).await?.into_iter().flatten().collect();
        ensure!(missing.is_empty(), "{missing:#?}");
        Ok(())
    }
}

/// Does [`AT_ONCE`] works at a time.
pub(crate) async fn side_by_side<T: Send + 'static>(
    works: impl Iterator<Item = impl Future<Output = Result<T>> + Send + 'static>,
) -> Result<Vec<T>> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for work in works {
        let places = places.clone();
        tasks.spawn(async move {
            let _place = places.acquire().await?;
            work.await
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// What is sent: a line that is allowed and leaves a witness, and one that a rule blocks.
#[derive(Clone, Copy, PartialEq)]
enum Sent {
    /// The second once the first was answered.
    InTurn,
    /// Both, and the end.
    AtOnce,
    /// Only the first, and the end.
    Allowed,
}

/// What became of one of [`RUNNERS`].
struct Run {
    line: String,
    outcome: Outcome,
    /// The line that is allowed has run.
    ran: bool,
    /// The line that is blocked has not.
    tree_stands: bool,
}

impl Run {
    async fn of(stage: Arc<Stage>, case: String, line: String, sent: Sent) -> Result<Self> {
        let folder = stage.prepare(&case)?;
        let (witness, tree) = (folder.join("ran"), folder.join("tree"));
        fs::create_dir(&tree)?;
        let allowed = format!("echo ok-{case} | tee {}\n", witness.display());
        let blocked = format!("rm -rf {}\n", tree.display());
        let ssh = stage.ssh(&case, &line)?;
        let outcome = match sent {
            Sent::InTurn => within("a session", SESSION_LIMIT, in_turn(ssh, &allowed, &blocked)).await,
            Sent::AtOnce => run(ssh, (allowed + &blocked).as_bytes(), SESSION_LIMIT).await,
            Sent::Allowed => run(ssh, allowed.as_bytes(), SESSION_LIMIT).await,
        };
        let outcome = outcome.with_context(|| line.clone())?;
        Ok(Self { line, outcome, ran: witness.exists(), tree_stands: tree.exists() })
    }

    /// The bastion said no.
    fn is_refused(&self) -> bool {
        self.outcome.code == 5 && self.outcome.stderr.contains("bastion: ")
    }

    /// The line that is allowed has run, and the client was shown what it printed.
    fn is_answered(&self) -> bool {
        self.ran && self.outcome.text().contains("ok-")
    }

    fn shown(&self) -> (&String, &Outcome) {
        (&self.line, &self.outcome)
    }
}

/// Sends one line, and the other once something with `ok` has come back, or the end.
async fn in_turn(mut ssh: Command, first: &str, second: &str) -> Result<Outcome> {
    ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = ssh.spawn()?;
    let mut stdin = child.stdin.take().context("standard input")?;
    let mut shown = child.stdout.take().context("standard output")?;
    let mut stdout = Vec::new();
    // A program may end without having read anything.
    let _ = stdin.write_all(first.as_bytes()).await;
    let answer = async {
        while shown.read_buf(&mut stdout).await? > 0 && !String::from_utf8_lossy(&stdout).contains("ok-") {}
        anyhow::Ok(())
    };
    if let Ok(answered) = timeout(ANSWER_LIMIT, answer).await {
        answered?;
    }
    let _ = stdin.write_all(second.as_bytes()).await;
    drop(stdin);
    shown.read_to_end(&mut stdout).await?;
    let end = child.wait_with_output().await?;
    let stderr = String::from_utf8_lossy(&end.stderr).into_owned();
    Ok(Outcome { code: end.status.code().unwrap_or(-1), stdout, stderr })
}

async fn run_all(stage: &Arc<Stage>, name: &str, lines: impl Iterator<Item = (&String, Sent)>) -> Result<Vec<Run>> {
    let works = lines.enumerate();
    side_by_side(works.map(|(at, (line, sent))| Run::of(stage.clone(), format!("{name}-{at}"), line.clone(), sent)))
        .await
}

/// Fails where there is such a run.
fn ensure_none<'a>(what: &str, runs: impl Iterator<Item = &'a Run>) -> Result<()> {
    let runs: Vec<String> = runs
        .map(|Run { line, outcome, .. }| {
            format!("{line}: exit code {}, {:?}, {}", outcome.code, outcome.text(), outcome.stderr)
        })
        .collect();
    ensure!(runs.is_empty(), "{what}: {} {runs:#?}", runs.len());
    Ok(())
}

/// A stage on which stand-ins run what they read, and do so: a tree that stands would say nothing otherwise.
async fn stage_of_runners(mode: &str, lines: &[String]) -> Result<Arc<Stage>> {
    let stage = Stage::start(mode, "trusted-tool", RUNS_INPUT, lines, &PASS_ON).await?;
    let control = Run::of(stage.clone(), "control".to_owned(), "trusted-tool".to_owned(), Sent::AtOnce).await?;
    ensure!(control.ran && !control.tree_stands, "the stand-in did not run its input: {:?}", control.outcome);
    Ok(stage)
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_programs_run_no_line_that_was_not_judged_and_what_is_shown_is_recorded() -> Result<()> {
    // What these read is a script of their own, which is read and judged as a whole.
    let is_script = |line: &String| matches!(line.split_whitespace().next(), Some("crontab" | "ed"));
    let lines: Vec<String> = commands(RUNNERS).into_iter().filter(|line| !is_script(line)).collect();
    let programs: HashSet<&str> = lines.iter().filter_map(|line| line.split_whitespace().next()).collect();
    ensure!(programs.len() >= 300, "{} programs", programs.len());

    // For robots nothing may run before all of it was judged.
    let stage = stage_of_runners("exec-only", &lines).await?;
    let robots = run_all(&stage, "robot", lines.iter().map(|line| (line, Sent::AtOnce))).await?;
    ensure_none("exec-only, and it ran", robots.iter().filter(|run| run.ran || !run.tree_stands))?;
    ensure_none("exec-only, and nobody said no", robots.iter().filter(|run| !run.is_refused()))?;
    stage.ensure_recorded(robots.iter().map(Run::shown)).await?;
    let started = stage.sessions(&stage.site.api().await?).await?;

    // People get an answer to each line, where the input is not read as a whole before anything is started.
    let stage = stage_of_runners("guard", &lines).await?;
    let sent = |line: &String| if started.contains_key(line) { Sent::InTurn } else { Sent::AtOnce };
    let people = run_all(&stage, "guarded", lines.iter().map(|line| (line, sent(line)))).await?;
    ensure_none("guard, and it ran", people.iter().filter(|run| !run.tree_stands))?;
    ensure_none("guard, and nobody said no", people.iter().filter(|run| !run.is_refused()))?;
    let answered = people.iter().filter(|run| run.is_answered()).count();
    ensure!(answered >= 200, "only {answered} programs got the line that is allowed");
    // What the rule was named for was read as a script.
    let scripts = robots.iter().filter(|run| run.outcome.stderr.contains("rule rm-rf"));
    let scripts = run_all(&stage, "script", scripts.map(|run| (&run.line, Sent::Allowed))).await?;
    let ran = scripts.iter().filter(|run| run.is_answered()).count();
    ensure!(ran >= 100, "only {ran} scripts ran in which everything is allowed");
    stage.ensure_recorded(people.iter().chain(&scripts).map(Run::shown)).await
}

/// What became of an honest use.
struct Use {
    line: String,
    outcome: Outcome,
    /// All that was sent was counted, printed or kept.
    arrived: bool,
}

impl Use {
    async fn of(stage: Arc<Stage>, case: String, line: String, data: Arc<Vec<u8>>) -> Result<Self> {
        let folder = stage.prepare(&case)?;
        let outcome = run(stage.ssh(&case, &line)?, &data, SESSION_LIMIT).await.with_context(|| line.clone())?;
        let counts = fs::read_to_string(folder.join("counts")).unwrap_or_default();
        let is_counted = counts.lines().any(|count| count == data.len().to_string());
        let arrived = is_counted || outcome.stdout == *data || is_kept(&folder, &data)?;
        Ok(Self { line, outcome, arrived })
    }

    fn is_disturbed(&self) -> bool {
        self.outcome.code != 0
            || self.outcome.stderr.contains("bastion: ")
            || self.arrived == UNCOUNTED.contains(&self.line.as_str())
    }
}

/// Whether a file below the folder holds the data.
fn is_kept(folder: &Path, data: &[u8]) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_here = if path.is_dir() { is_kept(&path, data)? } else { fs::read(&path)? == data };
        if is_here {
            return Ok(true);
        }
    }
    Ok(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_honest_uses_stream() -> Result<()> {
    let mut lines = commands(HONEST);
    lines.retain(|line| !FAILING.contains(&line.as_str()));
    lines.extend(ALLOWED.map(str::to_owned));
    ensure!(lines.len() >= 300, "{} uses", lines.len());
    // Longer than what is judged, no text, and with a line that would be blocked.
    let mut data: Vec<u8> = (0..5_000).flat_map(|row| format!("{row}, a row of data\n").into_bytes()).collect();
    data.extend_from_slice(b"\0rm -rf tree\nrm -rf tree\n\0\xff\nlast\n");
    let data = Arc::new(data);
    for mode in ["guard", "exec-only"] {
        let stage = Stage::start(mode, "psql", COUNTS_INPUT, &lines, &LEAVE_DATA).await?;
        let works = lines.iter().enumerate();
        let works = works.map(|(at, line)| Use::of(stage.clone(), format!("use-{at}"), line.clone(), data.clone()));
        let uses = side_by_side(works).await?;
        let disturbed = uses.iter().filter(|one| one.is_disturbed());
        let disturbed: Vec<String> = disturbed
            .map(|Use { line, outcome, arrived }| {
                format!("{line}: exit code {}, arrived: {arrived}, {}", outcome.code, outcome.stderr)
            })
            .collect();
        ensure!(disturbed.is_empty(), "{mode}: {} {disturbed:#?}", disturbed.len());
        stage.ensure_recorded(uses.iter().map(|one| (&one.line, &one.outcome))).await?;
    }
    Ok(())
}

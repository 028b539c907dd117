//! A day at the prompt in guard mode: next to nothing is held, and what runs is what was typed.
//!
//! `tests/corpus/everyday.txt` is typed twice, into the same shell with and without a bastion in between. The shell
//! logs each simple command before it runs it; the logs, the histories of shell, psql and python, and the files that are
//! left must be the same. The days of five professions, with programs that are stubs, are typed by `corpus --day`.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use tests::{
    bastion::Settings,
    keys, peers,
    person::Person,
    postgres::Postgres,
    program::run,
    sshd::{self, Sshd},
    terminal::Terminal,
};

/// The share of lines that may be held or blocked.
const MAY_BE_HELD: f64 = 0.02;

/// Hundreds of lines are typed at the speed of a shell, side by side.
const DAYS_LIMIT: Duration = Duration::from_secs(900);

/// Lines of the paste.
const PASTED_LINES: usize = 50;

/// What programs remember of what was typed into them.
const HISTORIES: [&str; 3] = [".bash_history", ".psql_history", ".python_history"];

/// What the shell of the target is set up with. `LESS` stays unset: else git keeps `less` open for a single line.
///
/// What runs without a terminal is what the bastion asks of the shell, and nobody's command.
const PROFILE: &str = r#"PS1='day$ ' PS2='> ' HISTFILE=~/.bash_history
export LANG=C.UTF-8 PAGER=less MANPAGER=less PGHOST=PGFOLDER PSQL_PAGER=cat TMUX_TMPDIR=~ PYTHONSTARTUP=
cd ~
[ -t 0 ] && trap 'printf "%s\n" "$BASH_COMMAND" >>~/.ran' DEBUG
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_commands_is_neither_held_nor_altered() -> Result<()> {
    let script = fs::read_to_string(peers::tests_folder().join("corpus/everyday.txt"))?;
    let lines: Vec<&str> = script.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).collect();
    for line in &lines {
        typed(line)?;
    }
    let postgres = Postgres::start().await?;
    let direct = Day::start(&postgres, false).await?;
    let guarded = Day::start(&postgres, true).await?;
    // One after the other: they share the database.
    let plain = direct.type_all(&lines).await?;
    let through = guarded.type_all(&lines).await?;
    let held = through.held.len();
    eprintln!("everyday: {} lines, {held} held or blocked, {} commands ran", lines.len(), through.ran.len());
    ensure!(lines.len() >= 200, "the script has {} lines", lines.len());
    ensure!(plain.held.is_empty(), "the bastion spoke where there is none: {:?}", plain.held);
    ensure!(to_f64(held) <= MAY_BE_HELD * to_f64(lines.len()), "held or blocked: {:#?}", through.held);
    ensure!(plain.ran.len() >= lines.len() / 2, "the shell ran only {} commands: {:#?}", plain.ran.len(), plain.ran);
    let mut expected = plain.ran.iter();
    for command in &through.ran {
        ensure!(
            expected.any(|one| one == command),
            "altered, or not typed: {command:?}; {}",
            difference(&plain, &through)
        );
    }
    ensure!(held > 0 || plain.ran == through.ran, "not all ran: {}", difference(&plain, &through));
    ensure!(held > 0 || plain.files == through.files, "files differ: {:?} {:?}", plain.files, through.files);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_of_professions_and_of_tmux_are_neither_held_nor_altered() -> Result<()> {
    let folder = peers::tests_folder().join("corpus/day");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_corpus"));
    command.arg("--day");
    for day in ["sysadmin", "sre", "developer", "dba", "data-engineer", "tmux"] {
        command.arg(folder.join(day).with_extension("txt"));
    }
    let outcome = run(command, b"", DAYS_LIMIT).await?.ok()?;
    let closing = outcome.text().lines().last().unwrap_or_default().to_owned();
    ensure!(closing.starts_with("day: lines="), "it ended with {closing:?}");
    Ok(())
}

/// A shell that somebody works in.
struct Day {
    sshd: Sshd,
    /// The bastion in between, if there is one, with who uses it.
    guard: Option<(tests::bastion::Bastion, Person)>,
    folder: tempfile::TempDir,
}

/// What came of a day.
struct Outcome {
    /// The simple commands that the shell ran.
    ran: Vec<String>,
    /// The files at the end, with their contents.
    files: Vec<(String, String)>,
    /// The lines that the bastion did not let through at once.
    held: Vec<String>,
}

impl Day {
    async fn start(postgres: &Postgres, guarded: bool) -> Result<Self> {
        let sshd = Sshd::start().await?;
        write_home(&sshd.home(), postgres.folder())?;
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("key");
        sshd::make_key(&key).await?;
        let mut guard = None;
        if guarded {
            let rules = fs::read_to_string(peers::tests_folder().join("corpus/rules.yaml"))?;
            let bastion = Settings::demo().rules_text(rules).target(sshd.target("target")?).start().await?;
            bastion.open(&sshd)?;
            let alice = Person::log_in(&bastion, "alice").await?;
            guard = Some((bastion, alice));
        } else {
            sshd.authorize(&key.with_extension("pub"))?;
        }
        Ok(Self { sshd, guard, folder })
    }

    fn shell(&self) -> Result<Terminal> {
        let login = peers::login();
        if let Some((_, alice)) = &self.guard {
            return alice.ssh_in_terminal(&["-q", "-e", "none", &format!("{login}@target")], 100, 30);
        }
        let program = peers::find(&["ssh"], "install the Debian package openssh-client")?;
        let address = self.sshd.address();
        let command = pty_process::Command::new(program)
            .args([
                "-q",
                "-e",
                "none",
                "-F",
                "none",
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ])
            .args(["-p", &address.port().to_string(), "-i"])
            .arg(self.folder.path().join("key"))
            .arg(format!("{login}@{}", address.ip()))
            .env("TERM", "xterm-256color")
            .env_remove("SSH_AUTH_SOCK");
        Terminal::start(command, 100, 30)
    }

    async fn type_all(&self, lines: &[&str]) -> Result<Outcome> {
        let mut terminal = self.shell()?;
        let prompts = |screen: &tests::terminal::Screen| screen.lines().last().is_some_and(|line| line == "day$");
        terminal.wait_until("the shell prompts", Duration::from_secs(30), prompts).await?;
        let mut held = Vec::new();
        for line in lines {
            let before = terminal.screen().output().len();
            terminal.type_text(&typed(line)?).await.with_context(|| format!("before {line:?}"))?;
            settle(&terminal).await;
            if said_by_bastion(terminal.screen().output().get(before..).unwrap_or_default()) {
                held.push((*line).to_owned());
                // What waits for an approval is given up.
                terminal.type_text("\u{3}").await?;
                settle(&terminal).await;
            }
        }
        terminal.wait_until("the day ends at the prompt", Duration::from_secs(20), prompts).await?;
        terminal.type_text("exit\r").await?;
        let _ = terminal.finish(Duration::from_secs(20)).await?;
        let home = self.sshd.home();
        let ran = fs::read_to_string(home.join(".ran")).context("the shell ran nothing")?;
        let mut files = Vec::new();
        read_files(&home, &home, &mut files)?;
        files.sort();
        Ok(Outcome { ran: ran.lines().map(str::to_owned).collect(), files, held })
    }
}

/// The bytes of a line of the script.
fn typed(line: &str) -> Result<String> {
    if line == "<PASTE 50>" {
        let pasted: Vec<String> = (1..=PASTED_LINES).map(|number| format!("echo pasted line {number}")).collect();
        return keys::bytes(&format!("<Paste>{}<PasteEnd><Enter>", pasted.join("<Newline>")));
    }
    match line.strip_suffix("<.>") {
        Some(line) => keys::bytes(line),
        None => keys::bytes(&format!("{line}<Enter>")),
    }
}

/// Waits as a person does: until the answer is there.
async fn settle(terminal: &Terminal) {
    const POLL_INTERVAL: Duration = Duration::from_millis(15);
    let began = std::time::Instant::now();
    let (mut length, mut changed) = (terminal.screen().output().len(), None);
    while began.elapsed() < Duration::from_secs(3) {
        tokio::time::sleep(POLL_INTERVAL).await;
        let now = terminal.screen().output().len();
        if now != length {
            (length, changed) = (now, Some(std::time::Instant::now()));
        }
        let quiet =
            changed.map_or(began.elapsed() > Duration::from_secs(1), |at| at.elapsed() > Duration::from_millis(180));
        if quiet {
            return;
        }
    }
}

fn said_by_bastion(output: &[u8]) -> bool {
    String::from_utf8_lossy(output).contains("bastion: ")
}

/// Start-up files of the shell, and something to work with.
fn write_home(home: &Path, postgres: &Path) -> Result<()> {
    let profile = PROFILE.replace("PGFOLDER", &postgres.display().to_string());
    for file in [".bash_profile", ".bashrc"] {
        fs::write(home.join(file), &profile)?;
    }
    fs::create_dir(home.join("docs"))?;
    fs::write(home.join("docs/readme.txt"), "some text to read\n")?;
    fs::write(home.join("docs/notes.txt"), "buy milk\ncall bob\n")?;
    let long: String = (1..=200).map(|number| format!("this is line {number}\n")).collect();
    fs::write(home.join("docs/long.txt"), long)?;
    Ok(())
}

/// The files below `folder`, without those that programs keep for themselves.
fn read_files(home: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.strip_prefix(home)?.display().to_string();
        let hidden = name.starts_with('.') && !HISTORIES.contains(&name.as_str());
        if hidden || name.contains(".git") || name.starts_with("tmux-") {
            continue;
        }
        if path.is_dir() {
            read_files(home, &path, files)?;
        } else {
            files.push((name, String::from_utf8_lossy(&fs::read(&path)?).into_owned()));
        }
    }
    Ok(())
}

fn difference(plain: &Outcome, through: &Outcome) -> String {
    let at = plain.ran.iter().zip(&through.ran).take_while(|(one, other)| one == other).count();
    let around = |ran: &[String]| ran.iter().skip(at.saturating_sub(3)).take(8).cloned().collect::<Vec<_>>();
    format!("directly {:#?}, through the bastion {:#?}", around(&plain.ran), around(&through.ran))
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines are small")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

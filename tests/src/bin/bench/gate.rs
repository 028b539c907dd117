//! What the gate costs at each Enter: reading the line, parsing it, and asking the rules of the corpus.

use std::{
    collections::BTreeSet,
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, anyhow, ensure};
use config::{Login, RuleDoc, Target, target::parse_targets};
use gate::{Act, Gate, Judge, foreground::Foreground, screen::Screen};
use mask::WindowSize;
use policy::{CommandInput, Judging, Protocol, Resource, RuleSet, SessionMode, Subject};
use shell::ParseContext;
use tests::peers;

/// Lines as people type them, from short to nasty.
const LINES: [&str; 4] = [
    "ls -la /var/log",
    "sudo journalctl -u nginx --since '1 hour ago' | grep -i error | tail -n 50",
    "for host in web1 web2 web3; do ssh-keyscan -t ed25519 \"$host\" 2>/dev/null; done | sort -u",
    "find /srv -name '*.log' -mtime +30 -exec sh -c 'for f; do gzip -9 \"$f\"; done' sh {} + && echo \"$(date -Is) ok\" >>~/done.log",
];

/// What nests.
const NESTS: [(&str, &str); 14] = [
    ("(", ")"),
    ("{ ", "; }"),
    ("$(", ")"),
    ("\"$(", ")\""),
    ("`", "`"),
    ("${x:-", "}"),
    ("if ", "; then :; fi"),
    ("case x in x) ", ";; esac"),
    ("[[ ( ", " ) ]]"),
    ("((", "))"),
    ("eval ", ""),
    ("sudo ", ""),
    ("sh -c ", ""),
    ("<(", ")"),
];

/// What makes many commands and words of few bytes.
const DENSE: [&str; 14] = [
    "a;",
    "a|",
    "a\n",
    ")",
    "<(a) ",
    "$(a) ",
    "eval a;",
    "{a,b} ",
    "a<<E\nx\nE\n",
    "{1..256} ",
    "~/a ",
    "../a ",
    "ln -s a b;",
    "env a=b c;",
];

/// What begins a long text that is read more than once, or makes many of its words.
const BEGUN: [&str; 6] =
    ["if ", "case x in x) case x in x) case x in x) case x in x) ", "x ", "cat @", "coproc ", "\""];

/// What a long line is made of.
const LONG: [&str; 3] = ["x", "a;", "rm -rf "];

/// How often each of the worst lines is measured.
const RUNS: usize = 1;

/// The waits of the gate that are played after Enter.
const STEPS: usize = 3;

/// How often each line is measured; medians are reported.
const REPETITIONS: usize = 400;

/// Microseconds at each Enter.
pub(crate) struct PerEnter {
    /// Parsing the line, and asking the rules.
    pub(crate) parse_and_rules: f64,
    /// Drawing a full screen, and reading the line from it.
    pub(crate) screen: f64,
    /// From Enter to the decision to send it on, all together.
    pub(crate) whole: f64,
    /// The same for the worst of the lines that nest as deep as they can, or that are not closed.
    pub(crate) worst_bomb: f64,
    /// The same for 1 MiB of text.
    pub(crate) longest: f64,
}

/// Measures on this thread.
///
/// # Errors
/// Fails when the rules of the corpus cannot be used, or a harmless line is held.
pub(crate) fn per_enter() -> Result<PerEnter> {
    let rules = rules()?;
    let (target, login, who) = place()?;
    let judging = Judging {
        place: ParseContext::typed(),
        ..Judging::of(SessionMode::Guard, Protocol::Ssh, SystemTime::UNIX_EPOCH)
    };
    let judge =
        |input: CommandInput<'_>| rules.judge(&who, Resource::Host { target: &target, login: &login }, input, &judging);
    let (mut parsing, mut reading, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for line in LINES {
        for _ in 0..REPETITIONS {
            parsing.push(timed(|| black_box(judge(CommandInput::Line(black_box(line))))).0);
            reading.push(read(line)?);
            let mut gate = Gate::new(WindowSize::DEFAULT, Foreground::Shell);
            let mut now = Instant::now();
            let mut acts = Vec::new();
            gate.output(b"\x1b[?2004huser@host:~$ ", now, &judge, &mut acts);
            now += Duration::from_secs(1);
            gate.typed(line.as_bytes(), now, &judge, &mut acts);
            gate.output(line.as_bytes(), now, &judge, &mut acts);
            acts.clear();
            now += Duration::from_secs(1);
            let (took, ()) = timed(|| gate.typed(b"\r", now, &judge, &mut acts));
            ensure!(acts == [Act::Forward(b"\r".to_vec())], "{line}: {acts:?}");
            whole.push(took);
        }
    }
    let bombs = bombs();
    let worst_bomb = bombs.iter().map(|bomb| pasted(bomb, &judge)).fold(0.0, f64::max);
    let longest =
        LONG.map(|piece| pasted(&piece.repeat((1 << 20) / piece.len()), &judge)).into_iter().fold(0.0, f64::max);
    Ok(PerEnter {
        parse_and_rules: median(parsing),
        screen: median(reading),
        whole: median(whole),
        worst_bomb,
        longest,
    })
}

/// What a parser would go deep into, at every depth, and what is begun and never closed.
fn bombs() -> Vec<String> {
    let mut bombs = Vec::new();
    for (open, close) in NESTS {
        for depth in [4, 8, 16, 32, 64, 256, 1000] {
            let open = open.repeat(depth);
            bombs.extend([format!(":; {open}rm -rf x{}", close.repeat(depth)), format!(":; {open}rm -rf x")]);
        }
    }
    for piece in DENSE {
        for bytes in [1000, 2000, 4000, 8000] {
            let text = piece.repeat(bytes / piece.len());
            bombs.extend(BEGUN.map(|begin| format!("{begin}{text}")));
            bombs.extend([format!("{text}'"), text]);
        }
    }
    // A path may follow each of these: together they are as long as the square of the word.
    bombs.extend([":", "@", ",", "=", "a,b"].map(|piece| format!("cat {}", piece.repeat(8000 / piece.len()))));
    bombs
}

/// The longest step, in microseconds, from Enter behind such a paste to the answer: the median of some runs.
fn pasted(text: &str, judge: Judge<'_>) -> f64 {
    let runs = (0..RUNS).map(|_| {
        let mut gate = Gate::new(WindowSize::DEFAULT, Foreground::Shell);
        let (mut now, mut acts, mut longest) = (Instant::now(), Vec::new(), Duration::ZERO);
        gate.output(b"\x1b[?2004huser@host:~$ ", now, judge, &mut acts);
        now += Duration::from_secs(1);
        gate.typed(format!("\x1b[200~{text}\x1b[201~").as_bytes(), now, judge, &mut acts);
        gate.output(text.replace('\n', "\r\n").as_bytes(), now, judge, &mut acts);
        now += Duration::from_secs(1);
        longest = longest.max(timed(|| gate.typed(b"\r", now, judge, &mut acts)).0);
        // No shell answers here, so the gate may go on asking for one.
        for _ in 0..STEPS {
            let Some(deadline) = gate.deadline() else { break };
            now = now.max(deadline) + Duration::from_millis(1);
            longest = longest.max(timed(|| gate.tick(now, judge, &mut acts)).0);
        }
        longest
    });
    median(runs.collect())
}

/// A screen full of output, a prompt and the line.
fn read(line: &str) -> Result<Duration> {
    let mut screen = Screen::new(WindowSize::DEFAULT);
    let mut changes = Vec::new();
    screen.output("some words of output that fill a row of the screen\r\n".repeat(30).as_bytes(), &mut changes);
    screen.output(b"user@host:~$ ", &mut changes);
    let start = screen.line_start();
    let (took, read) = timed(|| {
        screen.output(line.as_bytes(), &mut changes);
        screen.read(&start)
    });
    ensure!(read.as_deref() == Some(line), "{line} was read as {read:?}");
    Ok(took)
}

fn rules() -> Result<RuleSet> {
    let file = peers::tests_folder().join("corpus/rules.yaml");
    let text = fs::read_to_string(&file)?;
    let document = RuleDoc::parse(&text, "rules.yaml").map_err(|errors| anyhow!("{errors}"))?;
    RuleSet::compile(&[document]).map_err(|errors| anyhow!("{errors:?}"))
}

fn place() -> Result<(Target, Login, Subject)> {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
    let text = format!("- {{ name: demo, address: \"192.0.2.1:22\", host_keys: [\"{key}\"] }}");
    let targets = parse_targets(&text, Path::new("."), "targets.yaml").map_err(|errors| anyhow!("{errors}"))?;
    let target = targets.into_iter().next().context("a target")?;
    let who = Subject {
        issuer: "https://issuer.example".into(),
        id: "1".into(),
        name: "alice".parse()?,
        email: None,
        groups: BTreeSet::from(["people".parse()?, "engineering".parse()?]),
    };
    Ok((target, "demo".parse()?, who))
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let value = work();
    (began.elapsed(), value)
}

fn median(mut values: Vec<Duration>) -> f64 {
    values.sort_unstable();
    values.get(values.len() / 2).map_or(0.0, |value| value.as_secs_f64() * 1e6)
}

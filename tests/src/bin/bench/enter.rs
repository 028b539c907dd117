//! How much later a command starts because its line is judged: from Enter to its first output, at several distances.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    bastion::{Bastion, Settings, rules},
    patience::{SOON, within},
    peers,
    person::Person,
    slow_link::SlowLink,
    sshd::{self, Sshd},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout, Command},
    time::{Instant, sleep},
};

use crate::measure::{percentile, verdict};

/// The distances between the bastion and the target, as round trips in milliseconds, and how much later a line may
/// start that was typed, and one that was recalled.
const DISTANCES: [(u64, f64, f64); 3] = [(0, 1.0, 5.0), (100, 10.0, 110.0), (250, 10.0, 260.0)];

/// Lines of each kind at each distance.
const LINES: usize = 11;

/// The time between two keys of somebody who types fast.
const KEY: Duration = Duration::from_millis(60);

/// The time in which somebody looks at a line that was recalled.
const LOOK: Duration = Duration::from_millis(300);

/// How bash prompts without start-up files; its version follows.
const PROMPT: &[u8] = b"bash-";

/// Its output is not in its own text.
const LINE: &str = "echo m$((6*7))";
const OUTPUT: &[u8] = b"m42";

/// Milliseconds from Enter to the first output, of lines that are typed and of lines that are recalled.
type Lines = [Vec<f64>; 2];

/// The same straight and through the bastion, at each distance.
pub(crate) struct Enter(Vec<(u64, Lines, Lines)>);

impl Enter {
    /// Measures all distances.
    pub(crate) async fn measure() -> Result<Self> {
        let mut measured = Vec::new();
        for (round_trip, ..) in DISTANCES {
            let site = Site::start(Duration::from_millis(round_trip)).await?;
            measured.push((round_trip, site.lines(false).await?, site.lines(true).await?));
        }
        Ok(Self(measured))
    }

    /// Rows of the table.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for ((round_trip, direct, bastion), (_, typed, recalled)) in self.0.iter().zip(DISTANCES) {
            for (kind, (direct, bastion), reach) in
                kinds(direct, bastion).map(|(kind, ways)| (kind, ways, if kind == "typed" { typed } else { recalled }))
            {
                let medians = [direct, bastion].map(|samples| percentile(&mut samples.clone(), 0.5));
                let [direct, bastion] = medians;
                rows.push(json!({
                    "name": format!("Enter to start, {kind}, {round_trip} ms away, ms"),
                    "direct": direct,
                    "bastion": bastion,
                    "reach": format!("<= direct + {reach} ms"),
                    "reached": verdict(bastion - direct, bastion - direct <= reach),
                }));
            }
        }
        rows
    }

    /// Every value, by distance, kind and way.
    pub(crate) fn samples(&self) -> impl Iterator<Item = (String, Value)> {
        self.0.iter().flat_map(|(round_trip, direct, bastion)| {
            kinds(direct, bastion).flat_map(move |(kind, (direct, bastion))| {
                [("direct", direct), ("bastion", bastion)].map(|(way, values)| {
                    (format!("Enter to start, {kind}, {round_trip} ms away, {way}"), json!(values))
                })
            })
        })
    }
}

fn kinds<'a>(
    direct: &'a Lines,
    bastion: &'a Lines,
) -> impl Iterator<Item = (&'static str, (&'a Vec<f64>, &'a Vec<f64>))> {
    ["typed", "recalled"].into_iter().zip(direct.iter().zip(bastion))
}

/// A target that far away.
struct Site {
    /// It runs as long as the site is there.
    _bastion: Bastion,
    person: Person,
    folder: tempfile::TempDir,
    link: SlowLink,
    target: Sshd,
}

impl Site {
    async fn start(round_trip: Duration) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("key");
        sshd::make_key(&key).await?;
        let target = Sshd::start().await?;
        target.authorize(&key.with_extension("pub"))?;
        let link = SlowLink::before(target.address(), round_trip).await?;
        let mut settings = target.target("target")?;
        *settings.get_mut("address").context("the target's address")? = link.address().to_string().into();
        let allow = json!([{ "targets": { "names": ["*"] }, "logins": ["*"], "capabilities": ["exec", "pty"] }]);
        // Without a rule that says no nothing is read.
        let rule = json!({ "name": "rm", "effect": "block", "match": { "command": { "program": ["rm"] } } });
        let mut rules = rules(allow);
        rules.as_object_mut().context("the rules")?.insert("rules".to_owned(), json!([rule]));
        let bastion = Settings::demo().target(settings).rules(rules).start().await?;
        bastion.open(&target)?;
        let person = Person::log_in(&bastion, "alice").await?;
        Ok(Self { _bastion: bastion, person, folder, link, target })
    }

    /// The samples of lines that are typed, and of the same line recalled.
    async fn lines(&self, through: bool) -> Result<Lines> {
        let mut ssh = if through { self.through()? } else { self.direct()? };
        // With a prompt of its own it would have to be approved: `PS1=` changes what lines look like.
        let bash = "exec bash --norc --noprofile -i";
        let mut ssh = ssh.arg(bash).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut terminal = Terminal {
            input: ssh.stdin.take().context("standard input")?,
            output: ssh.stdout.take().context("standard output")?,
            seen: Vec::new(),
        };
        terminal.wait_for(PROMPT).await?;
        let (mut typed, mut recalled) = (Vec::new(), Vec::new());
        for _ in 0..LINES {
            for key in LINE.bytes() {
                terminal.input.write_all(&[key]).await?;
                sleep(KEY).await;
            }
            typed.push(terminal.enter().await?);
            terminal.input.write_all(b"\x1b[A").await?;
            terminal.wait_for(LINE.as_bytes()).await?;
            sleep(LOOK).await;
            recalled.push(terminal.enter().await?);
        }
        Ok([typed, recalled])
    }

    fn direct(&self) -> Result<Command> {
        let known = self.folder.path().join("known_hosts");
        let (address, key) = (self.link.address(), self.target.host_key()?);
        std::fs::write(&known, format!("[{}]:{} {key}\n", address.ip(), address.port()))?;
        let mut ssh = Command::new(peers::find(&["ssh"], "install the Debian package openssh-client")?);
        ssh.args(["-F", "none", "-q", "-tt", "-p", &address.port().to_string()]);
        ssh.arg("-i").arg(self.folder.path().join("key")).args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known.display()));
        ssh.arg(format!("{}@{}", peers::login(), address.ip())).env_remove("SSH_AUTH_SOCK");
        Ok(ssh)
    }

    fn through(&self) -> Result<Command> {
        let mut ssh = self.person.stock("ssh", &["-q", "-tt"])?;
        ssh.arg(format!("{}@target@bastion", peers::login()));
        Ok(ssh)
    }
}

/// A terminal of which only the order of what comes matters.
struct Terminal {
    input: ChildStdin,
    output: ChildStdout,
    seen: Vec<u8>,
}

impl Terminal {
    /// Milliseconds from Enter to the first output of the command; then its prompt is waited for.
    async fn enter(&mut self) -> Result<f64> {
        let began = Instant::now();
        self.input.write_all(b"\r").await?;
        self.wait_for(OUTPUT).await?;
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        self.wait_for(PROMPT).await?;
        Ok(milliseconds)
    }

    /// Reads until `text` has come, and forgets what came up to its end.
    async fn wait_for(&mut self, text: &[u8]) -> Result<()> {
        within("the target's output", SOON, async {
            loop {
                if let Some(at) = self.seen.windows(text.len()).position(|window| window == text) {
                    self.seen.drain(..at + text.len());
                    return Ok(());
                }
                let mut buffer = [0; 4096];
                let length = self.output.read(&mut buffer).await?;
                ensure!(length > 0, "it ended before {:?} came", String::from_utf8_lossy(text));
                self.seen.extend_from_slice(buffer.get(..length).unwrap_or_default());
            }
        })
        .await
    }
}

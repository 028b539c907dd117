//! No byte is lost at the end of a session, at the user or in the recording, and every session is closed.

use std::{collections::HashMap, process::Stdio, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use tests::{
    api::{Api, at},
    patience::within,
    peers,
    site::Site,
};
use tokio::{io::AsyncReadExt, sync::Semaphore, task::JoinSet};

/// Runs of each kind.
const RUNS: usize = 300;

/// Sizes go from 1 byte to this.
const LARGEST: u64 = 32 << 20;

/// Larger runs send text only: a NUL takes six bytes in a recording.
const LARGEST_OF_NULS: u64 = 1 << 20;

/// How many run at the same time.
const AT_ONCE: usize = 4;

/// How long one run may take on a busy machine.
const RUN_LIMIT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_terminals_lose_no_byte() -> Result<()> {
    no_byte_is_lost(true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_commands_lose_no_byte() -> Result<()> {
    no_byte_is_lost(false).await
}

/// One run: what is sent and how.
#[derive(Clone, Copy, Debug)]
struct Run {
    number: usize,
    pty: bool,
    bytes: u64,
    byte: u8,
    stdin_open: bool,
    status: i32,
}

impl Run {
    fn new(number: usize, pty: bool) -> Self {
        // Fractions of the golden ratio cover the range evenly; the first two runs are its ends.
        let fraction = match number {
            0 => 0.0,
            1 => 1.0,
            _ => (number as f64 * 0.618_033_988_749_895).fract(),
        };
        let bytes = (LARGEST as f64).powf(fraction).round() as u64;
        let nuls = number.is_multiple_of(3) && bytes <= LARGEST_OF_NULS;
        let byte = if nuls { 0 } else { b'x' };
        Self { number, pty, bytes, byte, stdin_open: number.is_multiple_of(2), status: (number % 5) as i32 }
    }

    fn command(&self) -> String {
        let Self { number, bytes, status, .. } = self;
        let raw = if self.pty { "stty -opost; " } else { "" };
        let text = if self.byte == 0 { "" } else { " | tr '\\0' x" };
        format!(": run {number}; {raw}head -c {bytes} /dev/zero{text}; exit {status}")
    }

    async fn execute(self, site: Arc<Site>) -> Result<()> {
        let destination = format!("{}@target@bastion", peers::login());
        let terminal = if self.pty { "-tt" } else { "-T" };
        let mut ssh = site.alice.stock("ssh", &["-q", terminal, &destination, &self.command()])?;
        ssh.stdin(if self.stdin_open { Stdio::piped() } else { Stdio::null() });
        let mut ssh = ssh.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdin = ssh.stdin.take();
        let mut output = ssh.stdout.take().context("standard output")?;
        let mut buffer = vec![0; 256 * 1024];
        let mut bytes = 0;
        loop {
            let length = output.read(&mut buffer).await?;
            let read = buffer.get(..length).unwrap_or_default();
            if let Some(other) = read.iter().position(|byte| *byte != self.byte) {
                let shown: String =
                    String::from_utf8_lossy(read.get(other..).unwrap_or_default()).chars().take(200).collect();
                bail!("after {} bytes came {shown:?}", bytes + other as u64);
            }
            bytes += length as u64;
            if length == 0 {
                break;
            }
        }
        let status = ssh.wait().await?;
        drop(stdin);
        ensure!(bytes == self.bytes, "{bytes} bytes came");
        ensure!(status.code() == Some(self.status), "ended with {status}");
        Ok(())
    }

    /// All of the output is in the recording where it is text, and counted in any case.
    async fn is_recorded(&self, api: &Api, session: &serde_json::Value) -> Result<()> {
        ensure!(at(session, "/end/status") == self.status, "{session}");
        ensure!(at(session, "/output_bytes") == self.bytes, "{session}");
        if self.byte == 0 && !self.pty {
            return Ok(());
        }
        let id = at(session, "/id").as_str().context("a session id")?;
        let cast = api.cast(id).await?;
        let recorded: u64 = cast.of("o").map(|event| event.data.len() as u64).sum();
        ensure!(recorded == self.bytes, "{recorded} bytes are recorded");
        ensure!(cast.of("o").all(|event| event.data.bytes().all(|byte| byte == self.byte)), "other bytes recorded");
        ensure!(cast.joined("x") == self.status.to_string(), "exit status {:?} is recorded", cast.joined("x"));
        Ok(())
    }
}

async fn no_byte_is_lost(pty: bool) -> Result<()> {
    let site = Arc::new(Site::start().await?);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for number in 0..RUNS {
        let (run, site, places) = (Run::new(number, pty), site.clone(), places.clone());
        tasks.spawn(async move {
            let _place = places.acquire().await?;
            within("a run", RUN_LIMIT, run.execute(site)).await.with_context(|| format!("{run:?}"))
        });
    }
    let mut failures = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        failures.extend(outcome?.err().map(|error| format!("{error:#}")));
    }
    ensure!(failures.is_empty(), "{} of {RUNS} runs failed: {failures:#?}", failures.len());

    let api = site.api().await?;
    let sessions = api.ended_sessions("target", RUNS).await?;
    ensure!(sessions.len() == RUNS, "{} sessions", sessions.len());
    let by_command: HashMap<&str, _> =
        sessions.iter().filter_map(|session| Some((at(session, "/command").as_str()?, session))).collect();
    for number in 0..RUNS {
        let run = Run::new(number, pty);
        let session = by_command.get(run.command().as_str()).with_context(|| format!("no session of {run:?}"))?;
        run.is_recorded(&api, session).await.with_context(|| format!("{run:?}: {session}"))?;
    }
    Ok(())
}

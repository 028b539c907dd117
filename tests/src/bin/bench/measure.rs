//! What is measured on a way, and how the medians compare with the figures to reach.

use std::{
    collections::BTreeMap,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use tests::patience::{SOON, within};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    process::{Child, Command},
};

use crate::{
    enter::Enter,
    gate::PerEnter,
    kube::KubeFigures,
    memory::Memory,
    way::{Way, Ways},
};

/// Text through a terminal, in MiB.
const PTY_TEXT_MIB: u64 = 64;

/// Keystrokes of one repetition.
const KEYSTROKES: usize = 1000;

/// Logins of one repetition.
const LOGINS: usize = 5;

/// The longest that one measurement may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);

const BULK_DOWN: &str = "bulk down, MiB/s";
const BULK_UP: &str = "bulk up, MiB/s";
const CPU_DOWN: &str = "CPU of the bastion down, s/GiB";
const CPU_UP: &str = "CPU of the bastion up, s/GiB";
const ECHO_P50: &str = "keystroke echo p50, ms";
const ECHO_P99: &str = "keystroke echo p99, ms";
const LOGIN: &str = "ssh target true, ms";
const PTY_TEXT: &str = "terminal text, recorded, MiB/s";

/// All measured values, by figure and way.
#[derive(Default)]
pub(crate) struct Figures {
    values: BTreeMap<(&'static str, Way), Vec<f64>>,
}

impl Figures {
    /// One repetition of everything on one way.
    pub(crate) async fn measure(&mut self, ways: &Ways, way: Way, mib: u64) -> Result<()> {
        let cpu = ways.bastion.program().cpu_time()?;
        let seconds = transfer(ways, way, &[], &format!("head -c {mib}M /dev/zero"), mib).await?;
        self.add(BULK_DOWN, way, mib as f64 / seconds);
        let cpu = self.add_cpu(CPU_DOWN, ways, way, cpu, mib)?;
        self.add(BULK_UP, way, mib as f64 / upload(ways, way, mib).await?);
        self.add_cpu(CPU_UP, ways, way, cpu, mib)?;
        let text =
            format!("stty -opost; head -c {} /dev/zero | base64 -w 76 | head -c {PTY_TEXT_MIB}M", PTY_TEXT_MIB << 20);
        let seconds = transfer(ways, way, &["-tt"], &text, PTY_TEXT_MIB).await?;
        self.add(PTY_TEXT, way, PTY_TEXT_MIB as f64 / seconds);
        for _ in 0..LOGINS {
            self.add(LOGIN, way, login(ways, way).await?);
        }
        let mut echoes = keystrokes(ways, way).await?;
        self.add(ECHO_P50, way, percentile(&mut echoes, 0.5));
        self.add(ECHO_P99, way, percentile(&mut echoes, 0.99));
        Ok(())
    }

    fn add(&mut self, figure: &'static str, way: Way, value: f64) {
        self.values.entry((figure, way)).or_default().push(value);
    }

    /// CPU time of the bastion since `before`, per GiB; gives the time now.
    fn add_cpu(&mut self, figure: &'static str, ways: &Ways, way: Way, before: Duration, mib: u64) -> Result<Duration> {
        let now = ways.bastion.program().cpu_time()?;
        if matches!(way, Way::Bastion | Way::BastionJump) {
            self.add(figure, way, (now - before).as_secs_f64() * 1024.0 / mib as f64);
        }
        Ok(now)
    }

    fn median(&self, figure: &'static str, way: Way) -> Option<f64> {
        let mut values = self.values.get(&(figure, way))?.clone();
        Some(percentile(&mut values, 0.5))
    }

    /// Rows of the table with medians, ratios and what is to be reached.
    pub(crate) fn report(
        &self,
        runs: u64,
        mib: u64,
        memory: &Memory,
        per_enter: &PerEnter,
        enter: &Enter,
        kube: &KubeFigures,
    ) -> Value {
        let faster =
            |row: &'static str, than: Way, factor: f64| self.ratio(row, than).map(|ratio| (ratio, ratio >= factor));
        let slower =
            |row: &'static str, than: Way, factor: f64| self.ratio(row, than).map(|ratio| (ratio, ratio <= factor));
        let more = |row: &'static str, than: Way| Some(self.median(row, Way::Bastion)? - self.median(row, than)?);
        let cpu = |row: &'static str| self.median(row, Way::Bastion).map(|seconds| (seconds, seconds <= 1.6));
        let rows = [
            self.row(BULK_DOWN, ">= 1.3x ssh -J", faster(BULK_DOWN, Way::Jump, 1.3)),
            self.row(BULK_DOWN, ">= 0.8x direct", faster(BULK_DOWN, Way::Direct, 0.8)),
            self.row(BULK_UP, ">= 1.3x ssh -J", faster(BULK_UP, Way::Jump, 1.3)),
            self.row(BULK_UP, ">= 0.8x direct", faster(BULK_UP, Way::Direct, 0.8)),
            self.row(PTY_TEXT, ">= 0.9x direct", faster(PTY_TEXT, Way::Direct, 0.9)),
            self.row(LOGIN, "<= 0.85x ssh -J", slower(LOGIN, Way::Jump, 0.85)),
            self.row(ECHO_P50, "<= direct + 0.25 ms", more(ECHO_P50, Way::Direct).map(|ms| (ms, ms <= 0.25))),
            self.row(ECHO_P99, "<= that of ssh -J", slower(ECHO_P99, Way::Jump, 1.0)),
            self.row(CPU_DOWN, "<= 1.6 s", cpu(CPU_DOWN)),
            self.row(CPU_UP, "<= 1.6 s", cpu(CPU_UP)),
            gate_row("gate per Enter: parse, rules, µs", per_enter.parse_and_rules, 100.0),
            gate_row("gate per Enter: screen, µs", per_enter.screen, 100.0),
            gate_row("gate per Enter: all, µs", per_enter.whole, 100.0),
            gate_row("gate per Enter: worst bomb, µs", per_enter.worst_bomb, 10_000.0),
            gate_row("gate per Enter: 1 MiB line, µs", per_enter.longest, 10_000.0),
        ];
        let rows: Vec<Value> = rows.into_iter().chain(enter.rows()).chain(memory.rows()).chain(kube.rows()).collect();
        let samples: Map<String, Value> =
            self.samples().chain(enter.samples()).chain(memory.samples()).chain(kube.samples()).collect();
        json!({ "runs": runs, "bulk_mib": mib, "figures": rows, "samples": samples })
    }

    /// The bastion's median by another way's. The form `login@target@bastion` has one encrypted hop less than `-J`.
    fn ratio(&self, figure: &'static str, than: Way) -> Option<f64> {
        Some(self.median(figure, Way::Bastion)? / self.median(figure, than)?)
    }

    fn row(&self, figure: &'static str, reach: &str, reached: Option<(f64, bool)>) -> Value {
        let mut row = Map::new();
        row.insert("name".to_owned(), figure.into());
        for way in Way::ALL {
            if let Some(median) = self.median(figure, way) {
                row.insert(way.name().to_owned(), median.into());
            }
        }
        row.insert("reach".to_owned(), reach.into());
        row.insert("reached".to_owned(), reached.map_or("-".to_owned(), |(value, ok)| verdict(value, ok)).into());
        Value::Object(row)
    }

    fn samples(&self) -> impl Iterator<Item = (String, Value)> {
        self.values.iter().map(|((figure, way), values)| (format!("{figure}, {}", way.name()), json!(values)))
    }
}

fn gate_row(name: &str, microseconds: f64, reach: f64) -> Value {
    let reached = verdict(microseconds, microseconds <= reach);
    json!({ "name": name, "bastion": microseconds, "reach": format!("<= {reach} µs"), "reached": reached })
}

pub(crate) fn verdict(value: f64, reached: bool) -> String {
    format!("{value:.2} {}", if reached { "yes" } else { "NO" })
}

/// Seconds from the first byte of output to the last, login not included; checks that all bytes came.
async fn transfer(ways: &Ways, way: Way, options: &[&str], command: &str, mib: u64) -> Result<f64> {
    let mut ssh = ways.ssh(way, options)?;
    ssh.arg(ways.destination(way)).arg(command).stdin(Stdio::null());
    let mut ssh = ssh.stdout(Stdio::piped()).spawn()?;
    let mut output = ssh.stdout.take().context("standard output")?;
    within("a bulk transfer", LIMIT, async {
        let mut buffer = vec![0; 256 * 1024];
        let mut bytes = output.read(&mut buffer).await? as u64;
        let began = Instant::now();
        loop {
            match output.read(&mut buffer).await? {
                0 => break,
                length => bytes += length as u64,
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        ensure!(ssh.wait().await?.success() && bytes == mib << 20, "{bytes} bytes came on way {}", way.name());
        Ok(seconds)
    })
    .await
}

/// Seconds from the first byte sent to the count that the target gives back.
async fn upload(ways: &Ways, way: Way, mib: u64) -> Result<f64> {
    let mut ssh = ways.ssh(way, &[])?;
    ssh.arg(ways.destination(way)).arg("echo ready; wc -c").stdin(Stdio::piped());
    let mut ssh = ssh.stdout(Stdio::piped()).spawn()?;
    let mut output = ssh.stdout.take().context("standard output")?;
    let mut input = ssh.stdin.take().context("standard input")?;
    within("an upload", LIMIT, async {
        let mut ready = [0; 6];
        output.read_exact(&mut ready).await?;
        let began = Instant::now();
        let block = vec![0; 1 << 20];
        for _ in 0..mib {
            input.write_all(&block).await?;
        }
        drop(input);
        let mut count = String::new();
        output.read_to_string(&mut count).await?;
        ensure!(count.trim() == (mib << 20).to_string(), "{count} bytes arrived on way {}", way.name());
        Ok(began.elapsed().as_secs_f64())
    })
    .await
}

/// Milliseconds of `ssh … true`.
async fn login(ways: &Ways, way: Way) -> Result<f64> {
    let mut ssh = ways.ssh(way, &[])?;
    ssh.arg(ways.destination(way)).arg("true").stdin(Stdio::null());
    let began = Instant::now();
    let status = within("a login", SOON, async { Ok(ssh.status().await?) }).await?;
    ensure!(status.success(), "ssh on way {} ended with {status}", way.name());
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

/// Milliseconds from a key to its echo by the terminal of the target.
async fn keystrokes(ways: &Ways, way: Way) -> Result<Vec<f64>> {
    let mut ssh = typing(ways, way)?;
    let mut input = ssh.stdin.take().context("standard input")?;
    let mut output = ssh.stdout.take().context("standard output")?;
    within("the keystrokes", LIMIT, async {
        // The program says when the terminal is set up: echo on, one key at a time, no translation.
        let mut ready = [0; 5];
        output.read_exact(&mut ready).await?;
        echoes(&mut input, &mut output).await
    })
    .await
}

/// Milliseconds from each key to its echo, one key at a time, on a terminal that echoes.
pub(crate) async fn echoes(
    input: &mut (impl AsyncWrite + Unpin),
    output: &mut (impl AsyncRead + Unpin),
) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(KEYSTROKES);
    for _ in 0..KEYSTROKES {
        let began = Instant::now();
        input.write_all(b"k").await?;
        let echo = output.read_u8().await?;
        ensure!(echo == b'k', "echoed {echo}");
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

/// A session whose terminal echoes, and whose program reads and says nothing.
pub(crate) fn typing(ways: &Ways, way: Way) -> Result<Child> {
    let mut ssh: Command = ways.ssh(way, &["-tt"])?;
    ssh.arg(ways.destination(way)).arg("stty -opost -icanon echo; printf ready; exec cat >/dev/null");
    Ok(ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
}

/// The value below which this share of the values lies.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = ((values.len().saturating_sub(1)) as f64 * share).round() as usize;
    values.get(index).copied().unwrap_or(f64::NAN)
}

//! What sessions take of the bastion's memory: when they are the first, after others have come and gone, and what stays.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::patience::{SOON, until, within};
use tokio::{io::AsyncReadExt, process::Child};

use crate::{
    measure::{typing, verdict},
    way::{Way, Ways},
};

/// Waves of sessions that come and go.
const WAVES: usize = 5;

/// Looks at the memory, one each 20 ms, that show about the same when it stands still.
const STILL: usize = 100;

/// Less than this is no change.
const NOISE: u64 = 256 * 1024;

/// Bytes of the bastion's memory.
pub(crate) struct Memory {
    sessions: usize,
    /// Before the first session.
    start: u64,
    /// While the sessions of each wave are open and idle.
    open: Vec<u64>,
    /// After each wave has closed.
    closed: Vec<u64>,
}

impl Memory {
    /// Opens the sessions of a wave, all at the same time, and closes them, some times.
    ///
    /// # Errors
    /// Fails when a session does not start.
    pub(crate) async fn measure(ways: &Ways, sessions: usize) -> Result<Self> {
        let mut memory = Self { sessions, start: still(ways).await?, open: Vec::new(), closed: Vec::new() };
        for wave in 1..=WAVES {
            eprintln!("bench: {sessions} idle sessions, wave {wave} of {WAVES}");
            let mut open = Vec::with_capacity(sessions);
            for _ in 0..sessions {
                open.push(idle(ways).await?);
            }
            memory.open.push(still(ways).await?);
            for mut session in open {
                session.kill().await?;
            }
            memory.closed.push(still(ways).await?);
        }
        Ok(memory)
    }

    /// Rows of the table.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let per_session = |open: Option<&u64>, closed: u64| {
            open.map_or(f64::NAN, |open| open.saturating_sub(closed) as f64 / self.sessions as f64 / 1000.0)
        };
        let row = |name: String, value: f64, most: f64, unit: &str| {
            let reached = verdict(value, value <= most);
            json!({ "name": name, "bastion": value, "reach": format!("<= {most} {unit}"), "reached": reached })
        };
        let mb = |bytes: Option<&u64>| bytes.map_or(f64::NAN, |bytes| bytes.saturating_sub(self.start) as f64 / 1e6);
        let n = self.sessions;
        vec![
            row("memory per idle session, KB".to_owned(), per_session(self.open.first(), self.start), 160.0, "KB"),
            row(
                format!("the same in wave {WAVES} of {n}, KB"),
                per_session(self.open.last(), self.start),
                LATER_KB,
                "KB",
            ),
            row(format!("more than at first, {WAVES} waves gone, MB"), mb(self.closed.last()), STAYS_MB, "MB"),
        ]
    }

    /// Every value.
    pub(crate) fn samples(&self) -> impl Iterator<Item = (String, Value)> {
        [
            ("memory at first, bytes", json!(self.start)),
            ("memory with the sessions of each wave, bytes", json!(self.open)),
            ("memory after each wave, bytes", json!(self.closed)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
    }
}

/// A session whose terminal is there, and which does nothing.
async fn idle(ways: &Ways) -> Result<Child> {
    let mut session = typing(ways, Way::Bastion)?;
    let output = session.stdout.as_mut().context("standard output")?;
    let mut ready = [0; 5];
    within("an idle session", SOON, async { Ok(output.read_exact(&mut ready).await?) }).await?;
    Ok(session)
}

/// The bytes once they change no more: recordings are still uploaded, and memory is given back with a delay.
async fn still(ways: &Ways) -> Result<u64> {
    let program = ways.bastion.program();
    let (mut first, mut same) = (program.resident_bytes()?, 0);
    until("the memory stands still", SOON, async || {
        let now = program.resident_bytes()?;
        same += 1;
        if now.abs_diff(first) > NOISE {
            (first, same) = (now, 0);
        }
        Ok((same >= STILL).then_some(now))
    })
    .await
}

/// A session that comes after others may find their memory in pieces.
const LATER_KB: f64 = 400.0;

/// What the allocator may keep for the next sessions.
const STAYS_MB: f64 = 64.0;

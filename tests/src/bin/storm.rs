//! `make storm`: everything at once that strangers and a bad day can do, and what somebody else notices of it.

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, value_parser};
use tests::{program::keep_logs_quiet, storm::Storm};

/// Silent crowds at every port, refused logins and channels, a log that nobody reads, a locked store, a full disk;
/// meanwhile somebody types and logs in. Prints what they notice in each phase; fails when others are held up, when
/// the bastion does not recover by itself, and when anything is missing afterwards.
#[derive(Debug, Parser)]
#[command(name = "storm")]
struct Options {
    /// Silent connections at each port.
    #[arg(long, env = "STORM_CROWD", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..=100_000))]
    crowd: u64,
    /// How long each of the six phases lasts, in seconds; the crowds gather besides. The first certificate of who
    /// storms is good for ten minutes.
    #[arg(long, env = "STORM_SECONDS", default_value_t = 50, value_parser = value_parser!(u64).range(3..=75))]
    seconds: u64,
    /// Demands nothing of how long things take, for a machine that is busy otherwise or a bastion without optimisation.
    #[arg(long)]
    untimed: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Options { crowd, seconds, untimed } = Options::parse();
    keep_logs_quiet();
    Storm { crowd: usize::try_from(crowd)?, phase: Duration::from_secs(seconds), timed: !untimed }.blow().await
}

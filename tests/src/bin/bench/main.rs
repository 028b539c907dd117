//! `make bench`: the figures of the product page, measured side by side in one run.
//!
//! Four ways lead to one sshd: direct, `ssh -J` through a second sshd, and the bastion in its two forms. Every
//! repetition goes once through all ways before the next one starts, so that a noisy moment hits them alike;
//! what is printed are medians. Two ways lead to a real Kubernetes cluster: direct, and through the bastion; where none
//! can be started, that is said and these rows are left out.

use std::{env, fs, path::Path};

use crate::{
    enter::Enter,
    kube::{KubeFigures, KubeWay},
    measure::Figures,
    memory::Memory,
    way::{Way, Ways},
};
use anyhow::{Context, Result, ensure};
use clap::{Parser, value_parser};
use serde_json::Value;

mod enter;
mod gate;
mod kube;
mod measure;
mod memory;
mod way;

/// Measures direct ssh, ssh -J and the bastion side by side, prints a table, and writes every sample to bench.json in
/// the target folder. Takes some minutes.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// Repetitions of every measurement; medians are printed.
    #[arg(long, env = "BENCH_RUNS", default_value_t = 5, value_parser = value_parser!(u64).range(1..))]
    runs: u64,
    /// What a bulk transfer carries, in MiB.
    #[arg(long, env = "BENCH_MIB", default_value_t = 1024, value_parser = value_parser!(u64).range(1..))]
    mib: u64,
    /// The sessions of each of the waves after which memory is looked at.
    #[arg(long, env = "BENCH_SESSIONS", default_value_t = 300)]
    sessions: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Options { runs, mib, sessions } = Options::parse();
    let ways = Ways::start().await?;
    let kube_site = kube::start(mib).await;
    if let Err(error) = &kube_site {
        eprintln!("bench: the rows of Kubernetes are left out: {error:#}");
    }
    let (mut figures, mut kube_figures) = (Figures::default(), KubeFigures::default());
    for run in 1..=runs {
        eprintln!("bench: repetition {run} of {runs}");
        for way in Way::ALL {
            figures.measure(&ways, way, mib).await?;
        }
        for way in KubeWay::ALL {
            if let Ok(site) = &kube_site {
                kube_figures.measure(site, way, mib).await?;
            }
        }
    }
    let memory = Memory::measure(&ways, sessions).await?;
    let enter = Enter::measure().await?;
    let report = figures.report(runs, mib, &memory, &gate::per_enter()?, &enter, &kube_figures);
    print(&report)?;
    write(&report)
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
fn print(report: &Value) -> Result<()> {
    let rows = report.get("figures").and_then(Value::as_array).context("figures")?;
    ensure!(!rows.is_empty(), "nothing was measured");
    let ways = Way::ALL.map(|way| format!("{:>10}", way.name())).join(" ");
    println!("{:<38} {ways}  {:<20} reached", "median", "reach");
    for row in rows {
        let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |way: Way| row.get(way.name()).and_then(Value::as_f64);
        let cell = |way: Way| number(way).map_or(format!("{:>10}", "-"), |value| format!("{value:>10.2}"));
        println!("{:<38} {}  {:<20} {}", text("name"), Way::ALL.map(cell).join(" "), text("reach"), text("reached"));
    }
    Ok(())
}

fn write(report: &Value) -> Result<()> {
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let file = Path::new(&target).join("bench.json");
    fs::write(&file, serde_json::to_string_pretty(report)?)?;
    eprintln!("bench: every sample is in {}", file.display());
    Ok(())
}

//! Whoever stops reading holds up nobody else, and costs a bounded amount of memory.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use tests::{
    patience::{SOON, within},
    site::Site,
};
use tokio::{io::AsyncReadExt, process::Command};

/// What `head -c 100M` sends.
const HUNDRED_MIB: u64 = 104_857_600;

/// Growth of the bastion's memory that a stalled 100 MiB stream may cause.
const GROWTH_LIMIT_BYTES: u64 = 16 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_pauses_gets_every_byte() -> Result<()> {
    let site = Site::start().await?;
    // The first session pays for what every session shares.
    site.alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    let before = site.bastion.program().resident_bytes()?;
    site.bastion.program().forget_peak()?;
    let line = format!("head -c 100M /dev/zero | ssh {} cat | (sleep 10; wc -c)", Site::destination());
    let outcome = site.alice.shell_line(&line, Duration::from_secs(180)).await?.ok()?;
    ensure!(outcome.text().trim() == HUNDRED_MIB.to_string(), "{outcome:?}");
    let growth = site.bastion.program().peak_resident_bytes()?.saturating_sub(before);
    ensure!(growth < GROWTH_LIMIT_BYTES, "the bastion grew by {} KiB", growth / 1024);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_not_read_does_not_hold_up_its_neighbour() -> Result<()> {
    let site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    let before = site.bastion.program().resident_bytes()?;
    site.bastion.program().forget_peak()?;

    let folder = tempfile::tempdir()?;
    let socket = format!("ControlPath={}", folder.path().join("socket").display());
    let destination = Site::destination();
    let options = ["-o", &socket, &destination];
    let mut master = site.alice.stock("ssh", &["-N", "-M"])?;
    let mut master = master.args(options).stdin(Stdio::null()).kill_on_drop(true).spawn()?;
    tests::patience::until("the control socket is there", SOON, async || {
        Ok(folder.path().join("socket").exists().then_some(()))
    })
    .await?;

    let mut stalled = channel(&site, &options, "head -c 100M /dev/zero")?.spawn()?;
    let mut unread = stalled.stdout.take().context("standard output")?;
    // Its first byte proves that the channel is open; nothing more is read for now.
    unread.read_u8().await?;

    let neighbour = channel(&site, &options, "head -c 100M /dev/zero")?.spawn()?;
    let went_on = within("the neighbour's 100 MiB", Duration::from_secs(120), async {
        Ok(count(neighbour.stdout.context("standard output")?).await?)
    });
    ensure!(went_on.await? == HUNDRED_MIB, "the neighbour lost bytes");
    let growth = site.bastion.program().peak_resident_bytes()?.saturating_sub(before);
    ensure!(growth < GROWTH_LIMIT_BYTES, "the bastion grew by {} KiB", growth / 1024);

    let rest = within("the stalled channel's rest", Duration::from_secs(120), async { Ok(count(unread).await?) });
    ensure!(rest.await? == HUNDRED_MIB - 1, "the stalled channel lost bytes");
    ensure!(stalled.wait().await?.success());
    master.kill().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_read_costs_bounded_memory() -> Result<()> {
    let site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    let before = site.bastion.program().resident_bytes()?;
    site.bastion.program().forget_peak()?;
    let line = format!("head -c 100M /dev/zero | ssh {} 'sleep 5; wc -c'", Site::destination());
    let outcome = site.alice.shell_line(&line, Duration::from_secs(180)).await?.ok()?;
    ensure!(outcome.text().trim() == HUNDRED_MIB.to_string(), "{outcome:?}");
    let growth = site.bastion.program().peak_resident_bytes()?.saturating_sub(before);
    ensure!(growth < GROWTH_LIMIT_BYTES, "the bastion grew by {} KiB", growth / 1024);
    Ok(())
}

fn channel(site: &Site, options: &[&str], command: &str) -> Result<Command> {
    let mut ssh = site.alice.stock("ssh", options)?;
    ssh.arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    Ok(ssh)
}

/// How many bytes come until the end.
async fn count(mut from: impl tokio::io::AsyncRead + Unpin) -> std::io::Result<u64> {
    let mut total = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(total),
            length => total += length as u64,
        }
    }
}

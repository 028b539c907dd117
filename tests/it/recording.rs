//! The recording holds what was shown, while the session runs, after its end and after a crash.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{
    api::at,
    cast::{Cast, text_by_asciinema},
    patience::{SOON, until},
    program::run,
    s3::S3,
    site::{BucketSite, Site},
};
use tokio::process::Command;

/// From the screen to the bucket: one upload interval of a second, and the upload itself on a busy machine.
const SHOWN_TO_STORED: Duration = Duration::from_secs(3);

/// The most output that `kill -9` of the bastion may take from a recording, in seconds.
const LOST_AT_MOST: f64 = 1.0;

#[tokio::test(flavor = "multi_thread")]
async fn the_cast_in_the_bucket_ends_on_the_screen_of_the_terminal() -> Result<()> {
    let site = BucketSite::start().await?;
    let mut terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    terminal
        .type_text("printf '\\033[1;31mred\\033[0m \\344\\270\\226\\347\\225\\214 \\360\\237\\246\\200\\n'\n")
        .await?;
    terminal.wait_for("red 世界", SOON).await?;
    terminal.resize(100, 30)?;
    terminal.type_text("until [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done; echo re'sized'\n").await?;
    terminal.wait_for("resized", SOON).await?;
    terminal.type_text("seq 1 40; printf '\\033[44mblue\\033[0m\\n'; exit 0\n").await?;
    let (code, screen) = terminal.finish(SOON).await?;
    ensure!(code == 0, "exit code {code}");

    let session = only_session(&site).await?;
    let key = site.s3.key_of(&session, "session.cast").await?;
    let bytes = site.s3.object(&key).await?;
    let text = String::from_utf8(bytes.clone())?;
    let cast = Cast::parse(&text)?;
    ensure!(
        cast.screen()?.lines() == screen.lines(),
        "cast: {:#?}\nterminal: {:#?}",
        cast.screen()?.lines(),
        screen.lines()
    );
    ensure!(cast.screen()?.dump() == screen.dump(), "colours or cursor differ");
    ensure!(cast.of("r").any(|event| event.data == "100x30"), "the resize is not recorded");
    ensure!(cast.joined("x") == "0", "the exit status is not recorded");

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("session.cast");
    fs::write(&file, &text)?;
    let shown = text_by_asciinema(&file).await?;
    ensure!(shown.ends_with(&screen.lines()), "asciinema: {shown:#?}\nterminal: {:#?}", screen.lines());

    let manifest = site.s3.key_of(&session, "manifest.json").await?;
    let manifest = String::from_utf8(site.s3.object(&manifest).await?)?;
    ensure!(manifest.contains(&sha256(&bytes).await?), "the manifest does not seal the cast: {manifest}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shown_is_in_the_bucket_while_the_session_runs() -> Result<()> {
    let site = BucketSite::start().await?;
    let mut terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    for round in 0..5 {
        let mark = format!("mark-{round}-shown");
        terminal.type_text(&format!("echo mark-{round}-'shown'\n")).await?;
        terminal.wait_for(&mark, SOON).await?;
        let shown = Instant::now();
        until(&format!("{mark} is in the bucket"), SOON, async || {
            Ok(parts(&site.s3).await?.contains(&mark).then_some(()))
        })
        .await?;
        ensure!(shown.elapsed() < SHOWN_TO_STORED, "{mark} came after {:?}", shown.elapsed());
    }
    terminal.type_text("exit\n").await?;
    terminal.finish(SOON).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_costs_a_second_at_most_and_the_rest_plays() -> Result<()> {
    let mut site = BucketSite::start().await?;
    let clock = "while :; do date +%s.%N; sleep 0.05; done";
    let terminal = site.alice.ssh_in_terminal(&["-q", "-t", &Site::destination(), clock], 80, 24)?;
    let lines = |screen: &tests::terminal::Screen| screen.output().iter().filter(|byte| **byte == b'\n').count();
    terminal.wait_until("the clock ran for some seconds", SOON, |screen| lines(screen) > 60).await?;
    let session = only_session_id(&site.api("alice").await?.items("/sessions").await?)?;
    site.bastion.kill().await?;
    let (_, screen) = terminal.finish(SOON).await?;
    let shown = last_time(&String::from_utf8_lossy(screen.output()))?;

    site.bastion.restart().await?;
    let api = site.api("alice").await?;
    let ended = api.ended_sessions("target", 1).await?;
    ensure!(ended.iter().all(|session| at(session, "/end/how") == "cut_off"), "{ended:?}");
    let key = site.s3.key_of(&session, "session.cast").await?;
    let text = String::from_utf8(site.s3.object(&key).await?)?;
    let cast = Cast::parse(&text)?;
    let lost = shown - last_time(&cast.joined("o"))?;
    ensure!(lost <= LOST_AT_MOST, "{lost} s of output are lost");
    ensure!(cast.joined("m").contains("cut off"), "no marker says so: {:?}", cast.joined("m"));
    ensure!(api.recording(&session).await? == text, "the API serves another recording than the bucket has");

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("session.cast");
    fs::write(&file, &text)?;
    ensure!(!text_by_asciinema(&file).await?.is_empty());
    site.s3.key_of(&session, "manifest.json").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_text_is_recorded_and_binary_kept_in_part_counted_and_hashed() -> Result<()> {
    let site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "echo plain; echo wrong >&2"]).await?.ok()?;
    site.alice
        .ssh(&[&Site::destination(), "head -c 300000 /dev/zero; echo first after it; seq 2000; echo last"])
        .await?
        .ok()?;
    site.alice.ssh(&[&Site::destination(), "printf '\\0'; echo customer-list; echo alpha-$((6*7))"]).await?.ok()?;
    let api = site.api().await?;
    let sessions = api.ended_sessions("target", 3).await?;
    let of = |command: &str| {
        let found =
            sessions.iter().find(|session| at(session, "/command").as_str().is_some_and(|c| c.contains(command)));
        found.and_then(|session| at(session, "/id").as_str()).context("the session")
    };
    let cast = api.cast(of("plain")?).await?;
    ensure!(cast.joined("o").contains("plain") && api.recording(of("plain")?).await?.contains("wrong"), "{cast:?}");
    let binary = api.recording(of("/dev/zero")?).await?;
    // Eight bytes make it binary, 64 KiB are kept, the rest is not.
    let kept = 8 + 64 * 1024;
    let left_out = format!("stdout is text again: {} bytes not recorded, blake3 ", 300_000 - kept);
    ensure!(binary.contains(&left_out) && binary.matches("\\u0000").count() == kept, "{binary:.2000}");
    let shown = Cast::parse(&binary)?.joined("o");
    ensure!(shown.contains("first after it\r\n1\r\n2\r\n") && shown.ends_with("2000\r\nlast\r\n"), "{shown:.2000}");
    let shown = api.cast(of("customer")?).await?.joined("o");
    ensure!(shown == "\0customer-list\r\nalpha-42\r\n", "{shown:?}");
    // Whatever the umask was with which the bastion was started, and whichever library makes the files.
    ensure!(only_for_the_owner(site.bastion.recordings())? > 0, "no recordings");
    ensure!(only_for_the_owner(&site.bastion.data().join("spool"))? > 0, "no spool");
    Ok(())
}

/// Checks that nobody else can read what is in a folder, and gives the number of files.
fn only_for_the_owner(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Parts go when the whole recording is there.
        let Ok(metadata) = entry.metadata() else { continue };
        ensure!(metadata.permissions().mode() & 0o077 == 0, "{entry:?}: {metadata:?}");
        files += if metadata.is_dir() { only_for_the_owner(&entry.path())? } else { 1 };
    }
    Ok(files)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_in_two_packets_stays_one_and_typed_secrets_stay_out() -> Result<()> {
    let site = Site::start().await?;
    let mut terminal = site.alice.shell(&Site::destination(), 80, 24).await?;
    terminal.type_text("printf '\\344'; sleep 0.3; printf '\\270\\226\\n'\n").await?;
    terminal.wait_for("世", SOON).await?;
    terminal.type_text("stty -echo; echo as'king'; read secret; stty echo; echo length ${#secret}\n").await?;
    terminal.wait_for("asking", SOON).await?;
    terminal.type_text("opensesame\n").await?;
    terminal.wait_for("length 10", SOON).await?;
    terminal.type_text("exit\n").await?;
    terminal.finish(SOON).await?;
    let api = site.api().await?;
    let session = only_session_id(&api.ended_sessions("target", 1).await?)?;
    let text = api.recording(&session).await?;
    ensure!(Cast::parse(&text)?.joined("o").contains('世') && !text.contains('\u{fffd}'), "{text}");
    ensure!(!text.contains("opensesame"), "{text}");
    Ok(())
}

async fn only_session(site: &BucketSite) -> Result<String> {
    only_session_id(&site.api("alice").await?.ended_sessions("target", 1).await?)
}

fn only_session_id(sessions: &[Value]) -> Result<String> {
    ensure!(sessions.len() == 1, "{sessions:?}");
    let id = sessions.first().and_then(|session| at(session, "/id").as_str());
    Ok(id.context("a session id")?.to_owned())
}

/// What the parts of all recordings hold, one after the other.
async fn parts(s3: &S3) -> Result<String> {
    let mut text = String::new();
    for key in s3.keys("recordings/").await?.iter().filter(|key| key.contains("/parts/")) {
        // A part may be gone between the listing and now.
        text.push_str(&String::from_utf8_lossy(&s3.object(key).await.unwrap_or_default()));
    }
    Ok(text)
}

/// The last whole line of `date +%s.%N`.
fn last_time(output: &str) -> Result<f64> {
    let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last = whole.lines().rev().find_map(|line| line.trim().parse().ok());
    last.with_context(|| format!("no time in {output:?}"))
}

/// The SHA-256 of some bytes in hexadecimal, by a stock program.
async fn sha256(bytes: &[u8]) -> Result<String> {
    let sum = run(Command::new("sha256sum"), bytes, SOON).await?.ok()?.text();
    Ok(sum.split_whitespace().next().context("a sum")?.to_owned())
}

//! A log that nobody reads holds up nothing and nobody.

use std::{
    io::{BufRead as _, BufReader, PipeReader},
    os::fd::OwnedFd,
    sync::mpsc,
};

use anyhow::{Context, Result, ensure};
use tests::{
    api::{Api, text},
    bastion::{Bastion, Settings},
    kube_fault::FaultCluster,
    patience::SOON,
    person::Person,
    site::Site,
    sshd::Sshd,
};

/// Logins while nobody reads; eleven were once enough to hang everything.
const LOGINS: usize = 50;

/// Lines of the log that are more than wait for a reader.
const LINES: usize = 6_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_up_nobody_and_says_what_it_lost() -> Result<()> {
    let (reader, writer) = std::io::pipe()?;
    // A pipe of one page is full after some lines.
    rustix::pipe::fcntl_setpipe_size(&writer, 4096)?;
    let (sshd, cluster, folder) = (Sshd::start().await?, FaultCluster::start().await?, tempfile::tempdir()?);
    let settings = Settings::demo().target(sshd.target("target")?).cluster(&cluster.kubeconfig(folder.path())?);
    let mut bastion = settings.log_into(OwnedFd::from(writer)).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in(&bastion, "alice").await?;
    for _ in 0..LOGINS {
        let outcome = alice.ssh(&[&Site::destination(), "echo in"]).await?.ok()?;
        ensure!(outcome.text() == "in\n", "{outcome:?}");
    }
    refusals(&bastion).await?;

    let lines = read(reader);
    let report = loop {
        let line = lines.recv_timeout(SOON).context("the log does not say what it lost")?;
        if line.contains("log lines were dropped") {
            break line;
        }
    };
    let dropped = report.rsplit("dropped=").next().and_then(|count| count.trim().parse::<usize>().ok());
    ensure!(dropped.is_some_and(|dropped| dropped > 0 && dropped < 2 * LINES), "{report}");

    // What is said at last comes out at the end.
    bastion.terminate(SOON).await?;
    while !lines.recv_timeout(SOON).context("the last line was lost")?.contains("stopped") {}
    Ok(())
}

/// Has the bastion log a line each time.
async fn refusals(bastion: &Bastion) -> Result<()> {
    let info = bastion.api("alice").await?.get("/info").await?.body;
    let kube = text(info.get("kube").context("a Kubernetes front")?, "url")?;
    let http = Api::http(&std::fs::read(bastion.ca())?)?;
    let url = format!("{}/clusters/demo-cluster/version", kube.trim_end_matches('/'));
    for _ in 0..LINES {
        let status = http.get(&url).bearer_auth("nobody's").send().await?.status();
        ensure!(status == 401, "{status}");
    }
    Ok(())
}

/// The lines, as they come; by a thread of its own, for a pipe is read in no other way.
fn read(reader: PipeReader) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

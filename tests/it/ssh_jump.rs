//! The ways to name a target, and that no stock client is asked about a host key.

use anyhow::{Result, ensure};
use tests::{peers, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_named_by_jump_by_user_name_or_by_configuration() -> Result<()> {
    let site = Site::start().await?;
    let login = peers::login();
    let named_in_user = format!("{login}@target@bastion");
    let jump = format!("{login}@target");
    let ways: [&[&str]; 3] = [&[&jump], &["-J", "bastion", &jump], &[&named_in_user]];
    for way in ways {
        let mut arguments = vec!["-o", "StrictHostKeyChecking=yes"];
        arguments.extend(way);
        arguments.push("echo there");
        let outcome = site.alice.ssh(&arguments).await?.ok()?;
        ensure!(outcome.text() == "there\n", "{way:?}: {outcome:?}");
        ensure!(outcome.stderr.is_empty(), "{way:?}: {outcome:?}");
    }
    site.api().await?.ended_sessions("target", ways.len()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cert_authority_line_is_all_that_a_client_needs() -> Result<()> {
    let site = Site::start().await?;
    let folder = tempfile::tempdir()?;
    let known_hosts = folder.path().join("known_hosts");
    let ca = std::fs::read_to_string(site.bastion.data().join("ssh-host-ca.pub"))?;
    std::fs::write(&known_hosts, format!("@cert-authority * {ca}"))?;
    let known = format!("UserKnownHostsFile={}", known_hosts.display());
    let options = ["-o", &known, "-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes"];
    let mut trusted = options.to_vec();
    let destination = Site::destination();
    trusted.extend([destination.as_str(), "true"]);
    site.alice.ssh(&trusted).await?.ok()?;

    std::fs::write(&known_hosts, "")?;
    let outcome = site.alice.ssh(&trusted).await?;
    ensure!(outcome.code == 255, "a client that trusts nobody got in: {outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_sees_who_it_is() -> Result<()> {
    let site = Site::start().await?;
    site.alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    let log = site.sshd.log();
    let accepted = log.lines().find(|line| line.contains("Accepted publickey")).unwrap_or_default();
    ensure!(accepted.contains(" ID alice"), "{accepted:?} of {log}");
    Ok(())
}

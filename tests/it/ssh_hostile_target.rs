//! A target is no friend: what it may do to the bastion that logs in to it.

use std::fs;

use anyhow::{Result, bail, ensure};
use serde_json::json;
use tests::{
    bastion::{Bastion, Settings, open_rules, rules},
    hostile_target::HostileTarget,
    patience::{SOON, until},
    person::Person,
    site::Site,
    ssh_raw::{Credential, Opened, RawSsh, Wire},
    sshd::Sshd,
};

/// The most channels that are answered at all before the connection is ended: those of one that was still under way.
const MOST_ANSWERED: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_opens_channels_gets_none_and_loses_its_connection() -> Result<()> {
    let (hostile, sshd) = (HostileTarget::start().await?, Sshd::start().await?);
    let settings = Settings::demo().target(hostile.target("hostile")).target(sshd.target("target")?);
    let bastion = settings.rules(open_rules()).start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in(&bastion, "alice").await?;

    let outcome = alice.ssh(&["root@hostile@bastion", "anything"]).await?;
    ensure!(outcome.code == 255 && outcome.stderr.contains("the connection to the target was lost"), "{outcome:?}");
    let answered = until("every channel is counted", SOON, async || {
        let [confirmed, refused, unanswered] = hostile.counts();
        Ok((unanswered > 0).then_some([confirmed, refused]))
    })
    .await?;
    let [confirmed, refused] = answered;
    ensure!(confirmed == 0, "{confirmed} channels were confirmed, {refused} refused");
    ensure!(refused <= MOST_ANSWERED, "{refused} channels were answered");

    // `bastion run` is a client of the same bastion; others go on as if nothing had been.
    let run = alice.run_bastion(&["run", "hostile", "--login", "root", "--", "x"]).await?;
    ensure!(run.code == 255, "{run:?}");
    ensure!(hostile.counts()[0] == 0, "{:?}", hostile.counts());
    alice.ssh(&[&Site::destination(), "true"]).await?.ok()?;
    Ok(())
}

/// A target that counts its channels, and a connection to it on which one was opened.
async fn standing() -> Result<(HostileTarget, Bastion, Person, RawSsh)> {
    let target = HostileTarget::start().await?;
    let bastion = Settings::demo().target(target.target("hostile")).rules(open_rules()).start().await?;
    let alice = Person::log_in(&bastion, "alice").await?;
    let mut standing = RawSsh::log_in(bastion.ssh(), &Credential::of(&alice)?, "root@hostile").await?;
    let Opened::Yes(_) = standing.open(b"session", Wire::default()).await? else { bail!("no session") };
    ensure!(target.sessions() == 1);
    Ok((target, bastion, alice, standing))
}

/// Opens another channel: it is refused in words, and the target hears nothing of it.
async fn refused(target: &HostileTarget, mut standing: RawSsh) -> Result<()> {
    let Opened::Yes(channel) = standing.open(b"session", Wire::default()).await? else {
        bail!("refused without words")
    };
    ensure!(target.sessions() == 1, "a channel was opened at the target");
    standing.request(channel, b"exec", Wire::default().text("anything")).await?;
    let ended = standing.to_the_end(channel).await?;
    ensure!(ended.stderr.contains("bastion: ") && target.sessions() == 1, "{ended:?}");
    Ok(())
}

/// The target is asked for a channel before the program is known: not for whom it is closed to by now.
#[tokio::test(flavor = "multi_thread")]
async fn no_channel_is_opened_at_a_target_that_the_rules_have_closed() -> Result<()> {
    let (target, bastion, _alice, standing) = standing().await?;
    let elsewhere = json!([{ "targets": { "names": ["another"] }, "logins": ["*"], "capabilities": ["exec"] }]);
    fs::write(bastion.rules_file(), rules(elsewhere).to_string())?;
    let carol = bastion.api("carol").await?;
    until("the rules are those without the target", SOON, async || {
        Ok(carol.items("/audit?kind=rules_reloaded").await?.first().cloned())
    })
    .await?;
    refused(&target, standing).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_channel_is_opened_at_a_target_for_a_login_that_has_ended() -> Result<()> {
    let (target, _bastion, alice, standing) = standing().await?;
    alice.run_bastion(&["logout"]).await?.ok()?;
    refused(&target, standing).await
}

//! A target is no friend: what it may do to the bastion that logs in to it.

use anyhow::{Result, ensure};
use tests::{
    bastion::{Settings, open_rules},
    hostile_target::HostileTarget,
    patience::{SOON, until},
    person::Person,
    site::Site,
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

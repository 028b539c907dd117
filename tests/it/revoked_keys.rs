//! Keys that the operator revoked while the bastion runs: of a person, of the target, of the bastion's own user CA.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{
    api::Api,
    bastion::Settings,
    oidc::Provider,
    patience::{SOON, until},
    person::Person,
    program::Outcome,
    site::Site,
    sshd::{Sshd, public_key},
};

/// Replaces the file, and logs alice in until what she is told has changed.
async fn after(file: &Path, text: &str, alice: &Person, expected: impl Fn(&Outcome) -> bool) -> Result<()> {
    fs::write(file, text)?;
    until("the changed file counts", SOON, async || {
        let outcome = alice.ssh(&[&Site::destination(), "echo in"]).await?;
        Ok(expected(&outcome).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_counts_for_nothing_from_the_next_login_on() -> Result<()> {
    let (provider, sshd) = tokio::try_join!(Provider::start(), Sshd::start())?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("revoked_keys");
    fs::write(&file, "# none\n")?;
    let settings = Settings::serve(&provider).target(sshd.target("target")?).with("revoked_keys", json!(file));
    let bastion = settings.start().await?;
    bastion.open(&sshd)?;
    let alice = Person::log_in_with_browser(&bastion, "alice").await?;
    let is_in = |outcome: &Outcome| outcome.code == 0 && outcome.text() == "in\n";
    let says = |word: &'static str| move |outcome: &Outcome| outcome.code == 255 && outcome.stderr.contains(word);
    ensure!(is_in(&alice.ssh(&[&Site::destination(), "echo in"]).await?));

    let own = public_key(&alice.home().join("id_ed25519.pub"))?;
    after(&file, &format!("# lost\n{own}\n"), &alice, says("the key of this certificate was revoked")).await?;
    after(&file, &format!("@revoked * {}\n", sshd.host_key()?), &alice, |outcome| {
        outcome.code != 0 && outcome.stderr.contains("it showed a key that is revoked (SHA256:")
    })
    .await?;
    let ca = public_key(&bastion.data().join("ssh-user-ca.pub"))?;
    after(&file, &format!("{ca}\n"), &alice, says("the authority that signed this certificate was revoked")).await?;
    after(&file, "", &alice, is_in).await?;

    // A file that does not read changes nothing, and is reported.
    after(&file, &format!("{own}\n"), &alice, says("revoked")).await?;
    fs::write(&file, "not a key\n")?;
    let carol = Api::log_in_at_provider(&bastion, "carol").await?;
    let events = async |kind: &str| carol.items(&format!("/audit?kind={kind}")).await;
    let rejected = async || Ok(events("revoked_keys_rejected").await?.first().cloned());
    let rejected = until("the report", SOON, rejected).await?;
    ensure!(rejected["error"].as_str().is_some_and(|error| error.contains("line 1")), "{rejected}");
    ensure!(says("revoked")(&alice.ssh(&[&Site::destination(), "echo in"]).await?));
    ensure!(!events("revoked_keys_reloaded").await?.is_empty());
    Ok(())
}

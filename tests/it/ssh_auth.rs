//! Certificates that do not count. Each is the valid one with one flaw: same key, same serial number, same names.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    api::text,
    patience::SOON,
    peers,
    program::{Outcome, run},
    site::Site,
    sshd,
};
use tokio::process::Command;

/// A key of alice's, the serial number that the bastion gave it, and the bastion's own CA to forge with.
struct Forge {
    site: Site,
    folder: tempfile::TempDir,
    serial: String,
}

impl Forge {
    async fn start() -> Result<Self> {
        let site = Site::start().await?;
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("key");
        sshd::make_key(&key).await?;
        let public_key = sshd::public_key(&key.with_extension("pub"))?;
        let answer = site.api().await?.post("/certificates/ssh", json!({ "public_key": public_key })).await?;
        text(&answer.body, "certificate").with_context(|| format!("{answer:?}"))?;
        let serial = answer.body.get("serial").context("a serial number")?.to_string();
        let serial = serial.trim_matches('"').to_owned();
        Ok(Self { site, folder, serial })
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn ca(&self) -> PathBuf {
        self.site.bastion.data().join("ssh-user-ca")
    }

    /// Signs alice's key with `ca` and these options, and tries to get in with it.
    async fn try_with(&self, ca: &Path, options: &[&str]) -> Result<Outcome> {
        let mut all = vec!["-I", "alice", "-z", &self.serial];
        all.extend(options);
        sshd::sign(ca, &self.key(), &all).await?;
        self.connect().await
    }

    async fn connect(&self) -> Result<Outcome> {
        self.connect_with("-T").await
    }

    /// With one more option of ssh.
    async fn connect_with(&self, option: &str) -> Result<Outcome> {
        let address = self.site.bastion.ssh();
        let known_hosts = self.site.alice.home().join("known_hosts");
        let mut ssh = Command::new(peers::find(&["ssh"], "install the Debian package openssh-client")?);
        ssh.args(["-F", "none", option, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(self.key());
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known_hosts.display()));
        ssh.args(["-o", "StrictHostKeyChecking=yes", "-p", &address.port().to_string()]);
        ssh.arg("-l").arg(Site::destination()).args([&address.ip().to_string(), "echo in"]);
        ssh.env_remove("SSH_AUTH_SOCK");
        run(ssh, b"", SOON).await
    }

    /// The certificate with this flaw is refused with a message that holds `word`.
    async fn refuses(&self, options: &[&str], word: &str) -> Result<()> {
        refused(&self.try_with(&self.ca(), options).await?, word)
    }
}

/// A client that sends whatever certificate it is given, and keeps what the bastion says.
#[derive(Clone, Default)]
struct BluntClient {
    banner: Arc<Mutex<String>>,
}

impl BluntClient {
    /// Whether the certificate opened a login, and the banner.
    async fn offer(address: SocketAddr, key: &Path, certificate: &Path) -> Result<(bool, String)> {
        let client = Self::default();
        let mut connection = russh::client::connect(Arc::default(), address, client.clone()).await?;
        let key = Arc::new(russh::keys::load_secret_key(key, None)?);
        let certificate = russh::keys::load_openssh_certificate(certificate)?;
        let answer = connection.authenticate_openssh_cert(Site::destination(), key, certificate).await?;
        let banner = client.banner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((answer.success(), banner))
    }
}

impl russh::client::Handler for BluntClient {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _key: &russh::keys::PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }

    async fn auth_banner(&mut self, text: &str, _session: &mut russh::client::Session) -> Result<(), Self::Error> {
        self.banner.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }
}

fn refused(outcome: &Outcome, word: &str) -> Result<()> {
    ensure!(outcome.code == 255 && outcome.stdout.is_empty(), "not refused: {outcome:?}");
    ensure!(outcome.stderr.contains(word), "the message lacks {word:?}: {}", outcome.stderr);
    ensure!(outcome.stderr.contains("bastion login"), "the message does not say what to do: {}", outcome.stderr);
    Ok(())
}

const VALID: [&str; 4] = ["-n", "alice", "-V", "-1m:+5m"];

#[tokio::test(flavor = "multi_thread")]
async fn the_forged_certificate_without_a_flaw_is_admitted() -> Result<()> {
    let forge = Forge::start().await?;
    let outcome = forge.try_with(&forge.ca(), &VALID).await?.ok()?;
    ensure!(outcome.text() == "in\n", "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permit_pty_there_is_no_terminal() -> Result<()> {
    let forge = Forge::start().await?;
    let no_pty = [&VALID[..], &["-O", "no-pty"]].concat();
    let plain = forge.try_with(&forge.ca(), &no_pty).await?.ok()?;
    ensure!(plain.text() == "in\n", "{plain:?}");
    let terminal = forge.connect_with("-tt").await?;
    ensure!(terminal.code == 1 && terminal.stdout.is_empty(), "not refused: {terminal:?}");
    ensure!(terminal.stderr.contains("your certificate does not permit pty"), "{terminal:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn expired() -> Result<()> {
    Forge::start().await?.refuses(&["-n", "alice", "-V", "-2h:-1h"], "expired").await
}

#[tokio::test(flavor = "multi_thread")]
async fn not_yet_valid() -> Result<()> {
    Forge::start().await?.refuses(&["-n", "alice", "-V", "+1h:+2h"], "not valid before").await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_host_type() -> Result<()> {
    let forge = Forge::start().await?;
    let options = ["-I", "alice", "-z", &forge.serial, "-h", "-n", "alice", "-V", "-1m:+5m"];
    let certificate = sshd::sign(&forge.ca(), &forge.key(), &options).await?;
    // Stock ssh does not even send such a certificate, so this takes a client that does.
    let (admitted, banner) = BluntClient::offer(forge.site.bastion.ssh(), &forge.key(), &certificate).await?;
    ensure!(!admitted, "a host certificate opened a login");
    ensure!(banner.contains("host certificate") && banner.contains("bastion login"), "{banner:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_principal() -> Result<()> {
    Forge::start().await?.refuses(&["-V", "-1m:+5m"], "names no user").await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_unknown_critical_option() -> Result<()> {
    let option = ["-n", "alice", "-V", "-1m:+5m", "-O", "critical:only-on-sundays@example.com=yes"];
    Forge::start().await?.refuses(&option, "only-on-sundays@example.com").await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_wrong_address() -> Result<()> {
    let elsewhere = ["-n", "alice", "-V", "-1m:+5m", "-O", "source-address=192.0.2.0/24"];
    let forge = Forge::start().await?;
    forge.refuses(&elsewhere, "192.0.2.0/24").await?;
    let here = ["-n", "alice", "-V", "-1m:+5m", "-O", "source-address=192.0.2.0/24,127.0.0.0/8"];
    forge.try_with(&forge.ca(), &here).await?.ok()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_foreign_ca() -> Result<()> {
    let forge = Forge::start().await?;
    let foreign = forge.folder.path().join("foreign");
    sshd::make_key(&foreign).await?;
    refused(&forge.try_with(&foreign, &VALID).await?, "not issued by this bastion")
}

#[tokio::test(flavor = "multi_thread")]
async fn self_signed() -> Result<()> {
    let forge = Forge::start().await?;
    refused(&forge.try_with(&forge.key(), &VALID).await?, "signed by its own key")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_ca_that_targets_trust() -> Result<()> {
    let forge = Forge::start().await?;
    let ca = forge.site.bastion.data().join("ssh-target-ca");
    refused(&forge.try_with(&ca, &VALID).await?, "not issued by this bastion")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_serial_number_that_was_never_given() -> Result<()> {
    let mut forge = Forge::start().await?;
    forge.serial = "4711".to_owned();
    forge.refuses(&VALID, "no record of this certificate").await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_another_user_with_the_same_serial_number() -> Result<()> {
    let forge = Forge::start().await?;
    sshd::sign(&forge.ca(), &forge.key(), &["-I", "bob", "-z", &forge.serial, "-n", "bob", "-V", "-1m:+5m"]).await?;
    refused(&forge.connect().await?, "another user")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_key_is_no_certificate() -> Result<()> {
    let forge = Forge::start().await?;
    // The first value of an option counts: with its questions allowed, ssh shows the instructions.
    let outcome = forge.connect_with("-oBatchMode=no").await?;
    refused(&outcome, "certificate")?;
    ensure!(outcome.stderr.matches("bastion login").count() == 1, "said more than once: {outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_certificate_does_not_open_the_target_past_the_bastion() -> Result<()> {
    let forge = Forge::start().await?;
    let known_hosts = forge.folder.path().join("known_hosts");
    let port = forge.site.sshd.address().port();
    fs::write(&known_hosts, format!("[127.0.0.1]:{port} {}\n", forge.site.sshd.host_key()?))?;
    let login = peers::login();
    sshd::sign(&forge.ca(), &forge.key(), &["-I", "alice", "-z", &forge.serial, "-n", &format!("alice,{login}")])
        .await?;
    let mut ssh = Command::new(peers::find(&["ssh"], "install the Debian package openssh-client")?);
    ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(forge.key());
    ssh.arg("-o").arg(format!("UserKnownHostsFile={}", known_hosts.display()));
    ssh.args(["-p", &port.to_string(), &format!("{login}@127.0.0.1"), "echo in"]);
    let outcome = run(ssh, b"", SOON).await?;
    ensure!(outcome.code == 255 && outcome.stderr.contains("Permission denied"), "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_audited() -> Result<()> {
    let forge = Forge::start().await?;
    forge.refuses(&["-n", "alice", "-V", "-2h:-1h"], "expired").await?;
    let records = forge.site.bastion.api("carol").await?.items("/audit?limit=200").await?;
    ensure!(records.iter().any(|record| record.to_string().contains("expired")), "{records:?}");
    Ok(())
}

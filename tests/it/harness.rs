//! The peers themselves: when one of these fails, the others say nothing about the product.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{
    cast::{Cast, text_by_asciinema},
    oidc::{self, Provider},
    patience::SOON,
    peers,
    program::run,
    s3::S3,
    sshd::{self, Sshd},
    tcp_fault::{Fault, TcpFault},
    terminal::{Screen, Terminal},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command};

#[tokio::test(flavor = "multi_thread")]
async fn sshd_admits_certificates_of_the_trusted_ca_only() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (ca, key, foreign) = (folder.path().join("ca"), folder.path().join("key"), folder.path().join("foreign"));
    for path in [&ca, &key, &foreign] {
        sshd::make_key(path).await?;
    }
    let target = Sshd::start().await?;
    target.trust(&ca.with_extension("pub"))?;
    let known = format!("[127.0.0.1]:{} {}\n", target.address().port(), target.host_key()?);
    fs::write(folder.path().join("known_hosts"), known)?;

    let login = peers::login();
    let mut codes = Vec::new();
    for signer in [&ca, &foreign] {
        sshd::sign(signer, &key, &["-I", "somebody", "-n", &login]).await?;
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i"]).arg(&key);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", folder.path().join("known_hosts").display()));
        ssh.args(["-p", &target.address().port().to_string(), &format!("{login}@127.0.0.1"), "exit 7"]);
        codes.push(run(ssh, b"", SOON).await?.code);
    }
    ensure!(codes == [7, 255], "exit codes {codes:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_is_read_by_a_stock_client_and_survives_a_restart() -> Result<()> {
    let mut s3 = S3::start().await?;
    ensure!(s3.keys("").await?.is_empty());
    s3.kill().await?;
    ensure!(s3.keys("").await.is_err());
    s3.restart().await?;
    ensure!(s3.keys("recordings/").await?.is_empty());
    ensure!(s3.object("nothing").await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_logs_in_by_code_and_by_device() -> Result<()> {
    let provider = Provider::start().await?;
    let issuer = provider.issuer();
    oidc::install_crypto();
    let http = reqwest::Client::builder().timeout(SOON).build()?;

    // The challenge of RFC 7636 appendix B.
    let authorization = format!(
        "{issuer}/auth?client_id=bastion&response_type=code&scope=openid%20profile%20email%20groups&state=s&nonce=n\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A45678%2Fcallback&code_challenge_method=S256\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    let back = oidc::log_in(&authorization, "alice").await?;
    ensure!(back.port() == Some(45678), "{back}");
    let code = back.query_pairs().find(|(name, _)| name == "code").context("a code")?.1.into_owned();
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let redirect = "http://127.0.0.1:45678/callback";
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "bastion"),
        ("code", &code),
        ("code_verifier", verifier),
        ("redirect_uri", redirect),
    ];
    let token: Value = http.post(format!("{issuer}/token")).form(&form).send().await?.json().await?;
    let claims = claims(&token)?;
    ensure!(claims.get("preferred_username").and_then(Value::as_str) == Some("alice"), "{claims}");
    ensure!(claims.get("groups") == Some(&serde_json::json!(["engineering"])), "{claims}");

    let form = [("client_id", "bastion"), ("scope", "openid profile groups")];
    let device: Value = http.post(format!("{issuer}/device/auth")).form(&form).send().await?.json().await?;
    let page = device.get("verification_uri_complete").and_then(Value::as_str).context(device.to_string())?;
    oidc::approve_device(page, "bob").await?;
    let code = device.get("device_code").and_then(Value::as_str).context("a device code")?;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "bastion"),
        ("device_code", code),
    ];
    let token: Value = http.post(format!("{issuer}/token")).form(&form).send().await?.json().await?;
    ensure!(self::claims(&token)?.get("sub").and_then(Value::as_str) == Some("bob"), "{token}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_and_both_cast_readers_agree() -> Result<()> {
    let shell = pty_process::Command::new("/bin/sh").env("PS1", "$ ").env_remove("ENV");
    let mut terminal = Terminal::start(shell, 80, 24)?;
    terminal.wait_for("$", SOON).await?;
    terminal.type_text("printf '\\033[31mred\\033[0m \\344\\270\\226\\n'; stty size\n").await?;
    terminal.wait_for("24 80", SOON).await?;
    // What is typed before the shell prompts is echoed where it comes.
    let prompts =
        |screen: &Screen| screen.lines().iter().rev().find(|line| !line.is_empty()).is_some_and(|line| line == "$");
    terminal.wait_until("the shell prompts", SOON, prompts).await?;
    terminal.resize(100, 30)?;
    terminal.type_text("stty size; exit 7\n").await?;
    let (code, screen) = terminal.finish(SOON).await?;
    ensure!(code == 7, "exit code {code}");
    ensure!(screen.lines().iter().any(|line| line == "red 世"), "{:?}", screen.lines());
    ensure!(screen.lines().iter().any(|line| line == "30 100"), "{:?}", screen.lines());

    let output = serde_json::to_string(&String::from_utf8_lossy(screen.output()))?;
    let text = format!(
        "{{\"version\":3,\"term\":{{\"cols\":80,\"rows\":24}}}}\n\
         [0.1,\"r\",\"100x30\"]\n[0.0,\"o\",{output}]\n[0.0,\"x\",\"7\"]\n"
    );
    let cast = Cast::parse(&text)?;
    ensure!(cast.screen()?.lines() == screen.lines());
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("session.cast");
    fs::write(&file, &text)?;
    let stock = text_by_asciinema(&file).await?;
    ensure!(stock == screen.lines(), "asciinema: {stock:?}, terminal: {:?}", screen.lines());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_cuts_running_connections_and_refuses_new_ones() -> Result<()> {
    let s3 = S3::start().await?;
    let relay = TcpFault::before(s3.address()).await?;
    let mut running = TcpStream::connect(relay.address()).await?;
    running.write_all(b"GET / HTTP/1.1\r\n").await?;
    relay.set(Fault::Refuse);
    let mut rest = Vec::new();
    let cut = tokio::io::AsyncReadExt::read_to_end(&mut running, &mut rest);
    ensure!(tokio::time::timeout(Duration::from_secs(5), cut).await.is_ok(), "the connection is still open");
    Ok(())
}

/// The claims of an ID token, whose signature is not what is tested here.
fn claims(token: &Value) -> Result<Value> {
    let token = token.get("id_token").and_then(Value::as_str).with_context(|| token.to_string())?;
    let payload = token.split('.').nth(1).context("a JWT")?;
    Ok(serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes())?)?)
}

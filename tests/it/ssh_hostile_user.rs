//! What a client may do that is no client: before it has logged in, and in place of what clients do. The bastion's
//! memory and everybody else's logins do not depend on it.

use anyhow::{Context, Result, ensure};
use tests::{
    bastion::{Settings, open_rules},
    patience::{SOON, within},
    peers,
    person::Person,
    site::Site,
    ssh_raw::{Credential, Opened, RawSsh, Reader, Wire, msg},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

const STRICT: &str = "curve25519-sha256,kex-strict-c-v00@openssh.com";

/// More than anything here may cost.
const MEMORY: u64 = 64 * 1024 * 1024;

async fn log_in(site: &Site) -> Result<RawSsh> {
    RawSsh::log_in(site.bastion.ssh(), &Credential::of(&site.alice)?, &Site::destination()).await
}

/// Runs `attack`, and then checks memory, and that somebody else gets in.
async fn survives(site: &Site, attack: impl Future<Output = Result<()>>) -> Result<()> {
    log_in(site).await?.run("true").await?;
    let before = site.bastion.program().resident_bytes()?;
    within("the attack", SOON, attack).await?;
    let after = site.bastion.program().resident_bytes()?;
    ensure!(after < before + MEMORY, "{} MiB before and {} after", before >> 20, after >> 20);
    let ended = log_in(site).await?.run("echo in").await?;
    ensure!(ended.stdout == "in\n", "{ended:?}");
    Ok(())
}

/// Reads until the bastion closes.
async fn closed(stream: &mut TcpStream) -> Result<()> {
    let mut bytes = [0; 4096];
    // It may be reset.
    while stream.read(&mut bytes).await.unwrap_or(0) > 0 {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_proved_for_one_user_name_counts_for_no_other() -> Result<()> {
    let site = Site::start().await?;
    let (address, credential) = (site.bastion.ssh(), Credential::of(&site.alice)?);
    let (here, elsewhere) = (Site::destination(), format!("{}@nowhere", peers::login()));
    let begin = async || {
        let mut client = RawSsh::connect(address).await?;
        client.agree(STRICT, "none").await?;
        client.ask_for_authentication().await?;
        anyhow::Ok(client)
    };

    // Offered for one destination, and proved for another: only what is proved counts.
    let mut client = begin().await?;
    ensure!(client.offer(&credential, &elsewhere).await? == msg::USERAUTH_PK_OK);
    ensure!(client.authenticate(&credential, &here).await? == msg::USERAUTH_SUCCESS);
    ensure!(client.run("echo in").await?.stdout == "in\n");
    let mut client = begin().await?;
    ensure!(client.offer(&credential, &here).await? == msg::USERAUTH_PK_OK);
    ensure!(client.authenticate(&credential, &elsewhere).await? == msg::USERAUTH_SUCCESS);
    let ended = client.run("echo in").await?;
    ensure!(ended.stdout.is_empty() && ended.stderr.contains("nowhere"), "{ended:?}");

    // A signature for one user name is none for another.
    let mut client = begin().await?;
    ensure!(client.offer(&credential, &here).await? == msg::USERAUTH_PK_OK);
    ensure!(client.authenticate_as(&credential, &elsewhere, &here).await? == msg::USERAUTH_FAILURE);

    // Questions of another method, begun for somebody else, lead to nothing and leave nothing behind.
    let mut client = begin().await?;
    let questions = Wire::message(msg::USERAUTH_REQUEST).text("bob").text("ssh-connection");
    client.send(&questions.text("keyboard-interactive").text("").text("").into_bytes()).await?;
    client.authentication_answer().await?;
    ensure!(client.authenticate_as(&credential, "bob", &here).await? == msg::USERAUTH_FAILURE);
    ensure!(client.authenticate(&credential, &here).await? == msg::USERAUTH_SUCCESS);
    ensure!(client.run("echo in").await?.stdout == "in\n");
    Ok(())
}

/// CVE-2023-48795: with the strict key exchange nothing may come between version and new keys.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_exchange_is_strict_towards_users() -> Result<()> {
    let site = Site::start().await?;
    let mut client = RawSsh::connect(site.bastion.ssh()).await?;
    client.agree(STRICT, "none").await?;
    let kex = client.offered.first().context("the names of key exchanges")?;
    ensure!(kex.split(',').any(|name| name == "kex-strict-s-v00@openssh.com"), "{kex}");
    // A cipher can be given up, the order of packets not: nothing that needs it is offered without.
    let mut injected = RawSsh::connect(site.bastion.ssh()).await?;
    injected.send(&Wire::message(msg::IGNORE).text("").into_bytes()).await?;
    ensure!(injected.agree(STRICT, "none").await.is_err(), "a packet before the key exchange was taken");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_exchange_is_strict_towards_targets() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let key = russh::keys::PrivateKey::from(russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&[5; 32]));
    let target = serde_json::json!({
        "name": "target", "address": listener.local_addr()?.to_string(),
        "host_keys": [key.public_key().to_openssh()?], "credential": "certificate",
    });
    let bastion = Settings::demo().target(target).rules(open_rules()).start().await?;
    let alice = Person::log_in(&bastion, "alice").await?;
    let user = format!("{}@target@bastion", peers::login());
    let command = [user.as_str(), "true"];
    let (outcome, offered) = tokio::join!(alice.ssh(&command), async {
        let (stream, _) = listener.accept().await?;
        let mut stream = BufReader::new(stream);
        stream.write_all(b"SSH-2.0-target\r\n").await?;
        while stream.read_u8().await? != b'\n' {}
        let mut packet = vec![0; usize::try_from(stream.read_u32().await?)?];
        stream.read_exact(&mut packet).await?;
        // Padding length, message number and cookie come before the names.
        anyhow::Ok(Reader::of(packet.get(18..).context("a KEXINIT")?).text()?)
    });
    let offered = offered?;
    ensure!(offered.split(',').any(|name| name == "kex-strict-c-v00@openssh.com"), "{offered}");
    ensure!(outcome?.code == 255);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_compressed() -> Result<()> {
    let site = Site::start().await?;
    let mut client = RawSsh::connect(site.bastion.ssh()).await?;
    ensure!(client.agree(STRICT, "zlib,zlib@openssh.com").await.is_err(), "compression was agreed on");
    ensure!(client.offered.get(6..8).is_some_and(|names| names == ["none", "none"]), "{:?}", client.offered);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_login_nothing_makes_it_take_memory() -> Result<()> {
    let site = Site::start().await?;
    let address = site.bastion.ssh();
    survives(&site, async {
        for length in [u32::MAX, 1 << 31, 256 << 20, 300_000, 0, 3] {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(b"SSH-2.0-raw\r\n").await?;
            let _ = stream.write_all(&[&length.to_be_bytes()[..], &[0; 4096]].concat()).await;
            closed(&mut stream).await.with_context(|| format!("a packet of {length} bytes"))?;
        }
        // A version that never comes: lines before it, or one that does not end.
        for junk in [&b"no version\r\n"[..], b"x"] {
            let mut stream = TcpStream::connect(address).await?;
            for _ in 0..10_000 {
                if stream.write_all(junk).await.is_err() {
                    break;
                }
            }
            closed(&mut stream).await.context("lines in place of a version")?;
        }
        Ok(())
    })
    .await
}

/// As OpenSSH says it of a connection that has its one session, against whoever gets hold of it later.
#[tokio::test(flavor = "multi_thread")]
async fn after_the_word_that_no_session_follows_none_does() -> Result<()> {
    let site = Site::start().await?;
    let mut client = log_in(&site).await?;
    ensure!(client.run("echo in").await?.stdout == "in\n", "no session before");
    client.global(b"no-more-sessions@openssh.com", Wire::default()).await?;
    match client.open(b"session", Wire::default()).await? {
        Opened::No(reason) => ensure!(reason.contains("no more sessions"), "{reason}"),
        Opened::Yes(_) => anyhow::bail!("a session was opened"),
        Opened::Cut => anyhow::bail!("the connection did not go on"),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_to_nothing_and_channels_that_nobody_gets_cost_nothing() -> Result<()> {
    let site = Site::start().await?;
    survives(&site, async {
        let mut client = log_in(&site).await?;
        let mut replies = Vec::new();
        for number in [msg::REQUEST_SUCCESS, msg::REQUEST_FAILURE] {
            replies.push(vec![number]);
        }
        for number in [msg::CHANNEL_SUCCESS, msg::CHANNEL_FAILURE, msg::CHANNEL_EOF, msg::CHANNEL_CLOSE] {
            replies.push(Wire::message(number).number(7).into_bytes());
        }
        replies.push(Wire::message(msg::CHANNEL_WINDOW_ADJUST).number(7).number(u32::MAX).into_bytes());
        for _ in 0..5_000 {
            for reply in &replies {
                client.send(reply).await?;
            }
        }
        ensure!(client.run("echo in").await?.stdout == "in\n", "the connection did not go on");

        // All of them are sent before the first answer is read.
        let mut packets = Vec::new();
        for number in 0..10_000 {
            let open = Wire::message(msg::CHANNEL_OPEN).text("unknown@example.com").number(1_000_000 + number);
            packets.extend(client.packet(&open.number(1 << 20).number(1 << 15).into_bytes())?);
        }
        client.send_bytes(&packets).await?;
        for _ in 0..10_000 {
            client.expect(msg::CHANNEL_OPEN_FAILURE).await?;
        }
        ensure!(client.run("echo in").await?.stdout == "in\n", "the connection did not go on");

        // A channel that is open gets as much window as it likes, and that is all.
        let Opened::Yes(channel) = client.open(b"session", Wire::default()).await? else { anyhow::bail!("no session") };
        for _ in 0..1_000 {
            let adjust = Wire::message(msg::CHANNEL_WINDOW_ADJUST).number(channel).number(u32::MAX);
            client.send(&adjust.into_bytes()).await?;
        }
        client.close(channel).await
    })
    .await
}

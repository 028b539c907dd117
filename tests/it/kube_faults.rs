//! Commands and ports on a cluster that refuses, cuts, dawdles and lies, with stock kubectl at the user's end.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    api::text,
    cast::Cast,
    kube_fault::{Behaviour, ENDLESS, FaultCluster, Step, spdy, websocket},
    kube_raw::RawKube,
    kube_site::{KubeSite, Kubectl, rules},
    patience::{SOON, until, within},
    program::{Outcome, run},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const MIB: u64 = 1024 * 1024;

/// A bastion before a faulty cluster.
struct Faulty {
    site: KubeSite,
    cluster: FaultCluster,
    _folder: tempfile::TempDir,
}

impl Faulty {
    async fn start() -> Result<Self> {
        Self::under(json!([])).await
    }

    /// With these rules on commands.
    async fn under(commands: Value) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let cluster = FaultCluster::start().await?;
        let site = KubeSite::before(&cluster.kubeconfig(folder.path())?, rules(&["engineering"], &commands)).await?;
        Ok(Self { site, cluster, _folder: folder })
    }

    /// A command through the bastion, while the cluster does this.
    async fn exec(&self, behaviour: Behaviour, options: &[&str], input: &[u8]) -> Result<Outcome> {
        self.cluster.set(behaviour);
        let arguments = [&["exec"], options, &["peer", "--", "program"]].concat();
        run(self.site.kubectl(Kubectl::Cluster, &arguments).await?, input, SOON).await
    }

    /// The recording of the session that ended last, when `count` have.
    async fn cast(&self, count: usize) -> Result<Cast> {
        let carol = self.site.bastion.api("carol").await?;
        let sessions = carol.ended_sessions("demo-cluster", count).await?;
        carol.cast(&text(sessions.first().context("a session")?, "id")?).await
    }
}

fn out(text: &str) -> Step {
    Step::Out(text.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_websocket_is_spoken_to_in_spdy_and_that_is_remembered() -> Result<()> {
    let faulty = Faulty::start().await?;
    let steps = [Step::AwaitEnd, out("out"), Step::Err(b"err".to_vec()), Step::exit(7)];
    let input: Vec<u8> = (0..1_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    for (round, websocket) in [403, 400].into_iter().enumerate() {
        let behaviour = Behaviour { websocket: Some(websocket), ..Behaviour::of(steps.clone()) };
        let ended = faulty.exec(behaviour, &["-i"], &input).await?;
        ensure!(ended.code == 7 && ended.text() == "out" && ended.stderr.starts_with("err"), "{ended:?}");
        let seen = faulty.cluster.seen();
        ensure!(seen.stdin == input, "four megabytes arrived as they were: {}", seen.stdin.len());
        let path = "/api/v1/namespaces/default/pods/peer/exec";
        let (get, post) = (format!("GET {path} websocket"), format!("POST {path} spdy/3.1"));
        // The second time nobody asks for what was refused a moment ago.
        let expected = if round == 0 { vec![get, post] } else { vec![post] };
        ensure!(seen.upgrades == expected, "{:?}", seen.upgrades);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_a_rule_blocks_reaches_no_program_that_may_run_it() -> Result<()> {
    let block = json!([{ "name": "no-rm", "effect": "block", "match": { "command": { "program": ["rm"] } } }]);
    let faulty = Faulty::under(block).await?;
    for behaviour in
        [Behaviour::of([Step::AwaitEnd, Step::exit(0)]), Behaviour::of([Step::AwaitEnd]).without_websocket()]
    {
        let ended = faulty.exec(behaviour, &["-i"], b"ls\nrm -r /srv\nls\n").await?;
        ensure!(ended.code != 0 && ended.stderr.contains("no-rm"), "{ended:?}");
        let stdin = faulty.cluster.seen().stdin.clone();
        ensure!(b"ls\n".starts_with(&stdin), "{:?}", String::from_utf8_lossy(&stdin));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_are_forwarded_to_a_cluster_without_websocket() -> Result<()> {
    let faulty = Faulty::start().await?;
    for kubectl in [Kubectl::Cluster, Kubectl::ClusterSpdy] {
        faulty.cluster.set(Behaviour::of([]).without_websocket());
        let port = tests::peers::free_port()?;
        let mut forward = faulty.site.kubectl(kubectl, &["port-forward", "pod/peer", &format!("{port}:80")]).await?;
        forward.kill_on_drop(true).stdout(std::process::Stdio::piped());
        let mut forward = forward.spawn()?;
        let mut said = [0; 10];
        within("the port", SOON, async { Ok(forward.stdout.as_mut().context("stdout")?.read_exact(&mut said).await?) })
            .await?;
        let mut before = None;
        for connection in 0..300 {
            let mut tcp = TcpStream::connect(("127.0.0.1", port)).await?;
            let sent = format!("connection {connection}");
            tcp.write_all(sent.as_bytes()).await?;
            let mut got = vec![0; sent.len()];
            let echo = within("the echo", SOON, async { Ok(tcp.read_exact(&mut got).await?) });
            echo.await.with_context(|| format!("{kubectl:?}, connection {connection}"))?;
            ensure!(got == sent.as_bytes(), "{kubectl:?}: {:?}", String::from_utf8_lossy(&got));
            if connection == 50 {
                before = Some(faulty.site.bastion.program().resident_bytes()?);
            }
        }
        let (before, after) = (before.context("a figure")?, faulty.site.bastion.program().resident_bytes()?);
        ensure!(after < before + 4 * MIB, "{kubectl:?}: {before} -> {after} bytes");
        forward.kill().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_is_cut_anywhere_arrives_whole_and_is_recorded() -> Result<()> {
    let faulty = Faulty::start().await?;
    // Long enough for every form of a frame's length, with characters that a cut goes through.
    let long = "äöü€😀".repeat(5_000);
    let steps = [out("short "), out(&"x".repeat(300)), out(&long), Step::exit(3)];
    let expected = format!("short {}{long}", "x".repeat(300));
    let mut sessions = 0;
    // The cluster's transport stays what it was, so SPDY is the last.
    for without_websocket in [false, true] {
        let behaviour = |steps: &[Step]| {
            let behaviour = Behaviour::of(steps);
            if without_websocket { behaviour.without_websocket() } else { behaviour }
        };
        let together = [Step::Together(steps.to_vec())];
        let mut variants = vec![behaviour(&steps), behaviour(&together)];
        variants.extend([1, 2, 3, 7, 1021].map(|piece| behaviour(&steps).in_pieces(piece)));
        for variant in variants {
            let piece = variant.piece;
            let ended = faulty.exec(variant, &[], b"").await?;
            ensure!(ended.code == 3 && ended.text() == expected, "pieces of {piece}: {} {}", ended.code, ended.stderr);
            sessions += 1;
            let cast = faulty.cast(sessions).await?;
            ensure!(cast.joined("o") == expected, "pieces of {piece}: the recording differs");
            ensure!(cast.joined("x") == "3", "pieces of {piece}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_and_control_frames_between_them_are_one_message() -> Result<()> {
    let faulty = Faulty::start().await?;
    let frames = [
        websocket::frame(websocket::BINARY, false, b"\x01one "),
        websocket::frame(websocket::PING, true, b"alive?"),
        websocket::frame(websocket::CONTINUATION, false, b""),
        websocket::frame(websocket::CONTINUATION, false, b"two "),
        websocket::frame(websocket::CONTINUATION, true, b""),
        websocket::frame(websocket::BINARY, true, b"\x01"),
        websocket::frame(websocket::BINARY, true, b"\x01three"),
    ];
    for piece in [0, 1, 2] {
        let behaviour = Behaviour::of([Step::Raw(frames.concat()), Step::exit(0)]).in_pieces(piece);
        let ended = faulty.exec(behaviour, &[], b"").await?;
        ensure!(ended.code == 0 && ended.text() == "one two three", "pieces of {piece}: {ended:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_output_before_any_size_is_known() -> Result<()> {
    let faulty = Faulty::start().await?;
    for behaviour in
        [Behaviour::of([out("first"), Step::AwaitEnd]), Behaviour::of([out("first"), Step::Hold]).without_websocket()]
    {
        faulty.cluster.set(behaviour);
        let raw = RawKube::with_certificate(&faulty.site).await?;
        let mut wire = raw.connect().await?;
        let target = format!("{}/api/v1/namespaces/default/pods/peer/exec", raw.prefix());
        let request = format!(
            "GET {target}?command=program&stdin=true&stdout=true&tty=true HTTP/1.1\r\nHost: bastion\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n"
        );
        wire.send(request.as_bytes()).await?;
        let answer = wire.answer().await?;
        ensure!(answer.status == 101, "{answer:?}");
        // The empty message that says "open", and the output.
        let expected = [websocket::frame(websocket::BINARY, true, b"\x01"), websocket::frame(2, true, b"\x01first")];
        wire.expect(&expected.concat()).await?;
    }
    Ok(())
}

/// What a peer may say that is not true, and what the user is to be told of it at the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_lies_ends_its_own_session_only() -> Result<()> {
    let faulty = Faulty::start().await?;
    // In the middle of the connection's zlib stream.
    let mut headers = spdy::HeaderWriter::default();
    headers.reply(1, &[]);
    let huge_header = headers.reply(1, &u32::MAX.to_be_bytes());
    let lies: Vec<(&str, bool, Vec<Step>)> = vec![
        ("closes in the middle", false, vec![out("begun")]),
        ("ends without a status", false, vec![out("begun"), Step::HalfClose]),
        ("an endless status", false, vec![Step::Status("{\"a".repeat(50_000)), out("begun")]),
        ("a length of 2^63", false, vec![out("begun"), Step::Raw(websocket::head(2, true, 1 << 63)), Step::Hold]),
        ("a message of 2 GiB", false, vec![out("begun"), Step::Raw(websocket::head(2, true, 1 << 31)), Step::Hold]),
        ("text", false, vec![out("begun"), Step::Raw(websocket::frame(1, true, b"1text")), Step::Hold]),
        ("reserved bits", false, vec![out("begun"), Step::Raw(websocket::frame(0x72, true, b"\x01x")), Step::Hold]),
        ("nothing begins", false, vec![out("begun"), Step::Raw(websocket::frame(0, true, b"\x01x")), Step::Hold]),
        ("bytes that are no frames", false, vec![out("begun"), Step::Raw(vec![0xff; 4096]), Step::Hold]),
        ("2^32-1 headers", true, vec![out("begun"), Step::Raw(huge_header), Step::Hold]),
        ("a frame of 16 MiB", true, vec![out("begun"), Step::Raw(vec![0x80, 3, 0, 4, 0, 255, 255, 255]), Step::Hold]),
        (
            "data of no stream",
            true,
            vec![out("begun"), Step::Raw(spdy::data(99, b"x", false)), out(""), Step::Raw(vec![0xff; 64]), Step::Hold],
        ),
        (
            "streams of its own",
            true,
            vec![out("begun"), Step::Raw(spdy::control(spdy::SYN_STREAM, 0, &[0; 10])), Step::Hold],
        ),
        ("goes away", true, vec![out("begun"), Step::Raw(spdy::pair(spdy::GOAWAY, 0, 0))]),
        (
            "resets everything",
            true,
            vec![
                out("begun"),
                Step::Raw((1..=9).step_by(2).flat_map(|id| spdy::pair(spdy::RST_STREAM, id, 2)).collect()),
            ],
        ),
        ("closes in the middle over SPDY", true, vec![out("begun")]),
    ];
    let memory = faulty.site.bastion.program().resident_bytes()?;
    for (count, (lie, is_spdy, steps)) in lies.into_iter().enumerate() {
        // Not before the streams are there.
        let behaviour = Behaviour::of([&[Step::AwaitInput(1)], steps.as_slice()].concat());
        let behaviour = if is_spdy { behaviour.without_websocket() } else { behaviour };
        let ended = faulty.exec(behaviour, &["-i"], b"x").await.with_context(|| format!("{lie}: kubectl waits"))?;
        ensure!(ended.code != 0, "{lie}: {ended:?}");
        ensure!(ended.text() == "begun", "{lie}: what came before is shown: {ended:?}");
        ensure!(ended.stderr.contains("bastion:"), "{lie}: {ended:?}");
        let cast = faulty.cast(count + 1).await?;
        ensure!(cast.joined("o").contains("begun"), "{lie}: and recorded");
    }
    // Others are not touched by it.
    let behaviour = Behaviour::of([out("fine"), Step::exit(0)]);
    ensure!(faulty.exec(behaviour, &[], b"").await?.ok()?.text() == "fine");
    let peak = faulty.site.bastion.program().peak_resident_bytes()?;
    ensure!(peak < memory + 64 * MIB, "{memory} -> {peak} bytes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_channels_and_a_second_status_are_no_output() -> Result<()> {
    let faulty = Faulty::start().await?;
    let frame = |bytes: &[u8]| Step::Raw(websocket::frame(websocket::BINARY, true, bytes));
    let steps = [out("a"), frame(b"\x00input"), frame(b"\x04size"), out("b"), Step::exit(4), Step::exit(0)];
    let ended = faulty.exec(Behaviour::of(steps), &[], b"").await?;
    ensure!(ended.code == 4 && ended.text() == "ab", "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stop_fill_no_memory_and_hold_up_nobody() -> Result<()> {
    let faulty = Faulty::start().await?;
    faulty.cluster.set(Behaviour::of([out("fine"), Step::exit(0)]));
    let raw = RawKube::with_certificate(&faulty.site).await?;
    let program = faulty.site.bastion.program();
    let memory = program.resident_bytes()?;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut wire = raw.connect().await?;
        wire.send(format!("GET {}{ENDLESS} HTTP/1.1\r\nHost: bastion\r\n\r\n", raw.prefix()).as_bytes()).await?;
        readers.push(wire);
    }
    faulty.cluster.sees("every list has begun", |seen| seen.lists == READERS).await?;
    // Time enough to take gigabytes from the cluster, and kubectl's commands still have theirs.
    for _ in 0..10 {
        let ended = run(faulty.site.kubectl(Kubectl::Cluster, &["exec", "peer", "--", "program"]).await?, b"", SOON);
        ensure!(ended.await?.ok()?.text() == "fine");
    }
    let peak = program.peak_resident_bytes()?;
    ensure!(peak < memory + 64 * MIB, "{memory} -> {peak} bytes");
    // A reader that goes on gets on.
    let first = readers.first_mut().context("a reader")?;
    first.expect(b"HTTP/1.1 200 OK\r\n").await?;
    for _ in 0..64 {
        first.skip(1024 * 1024).await?;
    }
    drop(readers);
    faulty.cluster.sees("the cluster is told that they have left", |seen| seen.lists == 0).await?;
    let peak = program.peak_resident_bytes()?;
    ensure!(peak < memory + 64 * MIB, "{memory} -> {peak} bytes");
    Ok(())
}

/// Each a list without an end.
const READERS: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_that_fail_leave_nothing_behind() -> Result<()> {
    let faulty = Faulty::start().await?;
    let refusing = Behaviour { spdy: Some(403), ..Behaviour::of([]).without_websocket() };
    faulty.cluster.set(refusing);
    let raw = RawKube::with_certificate(&faulty.site).await?;
    let target = format!("{}/api/v1/namespaces/default/pods/peer", raw.prefix());
    let exec = format!("POST {target}/exec?command=program&stdout=true");
    let forward = format!("POST {target}/portforward?ports=80");
    let mut before = None;
    let mut wire = raw.connect().await?;
    for round in 0..ROUNDS {
        for (line, protocol) in [(&exec, "v4.channel.k8s.io"), (&forward, "portforward.k8s.io")] {
            let request = format!(
                "{line} HTTP/1.1\r\nHost: bastion\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\
                 X-Stream-Protocol-Version: {protocol}\r\n\r\n"
            );
            wire.send(request.as_bytes()).await?;
            let answer = wire.answer().await?;
            ensure!(answer.status == 403 && answer.body.contains("no spdy/3.1 here"), "{round}: {answer:?}");
        }
        if round == ROUNDS / 4 {
            before = Some(held(&faulty)?);
        }
    }
    let (memory, files) = before.context("figures")?;
    until("nothing is held any more", SOON, async || {
        let now = held(&faulty)?;
        Ok((now.1 <= files + 4 && now.0 < memory + 16 * MIB).then_some(()))
    })
    .await
    .with_context(|| format!("{memory} bytes and {files} files became {:?}", held(&faulty).unwrap_or_default()))
}

/// Bytes in memory, and open files.
fn held(faulty: &Faulty) -> Result<(u64, usize)> {
    let program = faulty.site.bastion.program();
    Ok((program.resident_bytes()?, fs::read_dir(format!("/proc/{}/fd", program.pid()))?.count()))
}

/// Two upgrades each.
const ROUNDS: usize = 5_000;

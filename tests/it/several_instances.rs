//! Several bastions on one PostgreSQL database, one bucket and one folder of keys, behind a TCP balancer: they are one
//! bastion to people, also while one of them dies, is stopped for a while, or is restarted.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::{
    api::{Api, at, text},
    balancer::{Balancer, Ports},
    bastion::{Bastion, Settings},
    oidc::Provider,
    patience::{SOON, until, within},
    person::Person,
    postgres::Postgres,
    s3::S3,
    site::Site,
    sshd::Sshd,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

/// Long enough that a busy machine renews it, short enough to wait for its end.
const LEASE: Duration = Duration::from_secs(4);

/// What others may take beyond the lease to end what a dead instance left, on a busy machine.
const A_LITTLE: Duration = Duration::from_secs(8);

/// By a notification it takes moments; a look by itself comes only every five seconds.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Two bastions, and all that they share.
struct Pair {
    s3: S3,
    database: Postgres,
    provider: Provider,
    sshd: Sshd,
    keys: tempfile::TempDir,
    a: Bastion,
    b: Bastion,
    balancer: Balancer,
}

impl Pair {
    async fn start() -> Result<Self> {
        let (provider, sshd, database, s3) =
            tokio::try_join!(Provider::start(), Sshd::start(), Postgres::start(), S3::start())?;
        let (keys, ports) = (tempfile::tempdir()?, Ports::bind().await?);
        let url = ports.url()?;
        let settings = || settings(&provider, &sshd, &database, &s3, &url, keys.path());
        // Both at once, in an empty folder of keys and on an empty database.
        let (a, b) = tokio::try_join!(settings()?.start(), settings()?.start())?;
        a.open(&sshd)?;
        let balancer = Balancer::start(ports, &[&a, &b])?;
        Ok(Self { s3, database, provider, sshd, keys, a, b, balancer })
    }

    /// Somebody who logs in by the balancer, and whose `ssh` goes by it, too.
    async fn person(&self, name: &str) -> Result<Person> {
        let person = Person::log_in_with_browser_by(&self.balancer.url(), &self.a.ca(), name).await?;
        person.connect_by(self.balancer.ssh())?;
        Ok(person)
    }
}

fn settings(
    provider: &Provider,
    sshd: &Sshd,
    database: &Postgres,
    s3: &S3,
    url: &str,
    keys: &Path,
) -> Result<Settings> {
    let store = format!("postgres://postgres@localhost:5432/postgres?host={}", database.folder().display());
    Ok(Settings::serve(provider)
        .target(sshd.target("target")?)
        .rules(rules())
        .bucket(s3.address())
        .with("store", json!(store))
        .with("keys_dir", json!(keys))
        .with("web", json!({ "url": url }))
        .with("instances", json!({ "lease": format!("{}s", LEASE.as_secs()), "drain_notice": "2s" })))
}

/// `touch` needs the approval of somebody in the group `sre`.
fn rules() -> Value {
    let capabilities = json!(["shell", "exec", "pty"]);
    let allow = json!([{
        "targets": { "names": ["*"] }, "logins": ["*"], "capabilities": capabilities,
    }]);
    json!({
        "roles": {
            "engineer": { "groups": ["engineering"], "allow": allow },
            "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
        },
        "rules": [{
            "name": "touch",
            "effect": "approve",
            "match": { "command": { "program": ["touch"] } },
            "approvers": { "groups": ["sre"] },
        }],
    })
}

/// A command over `ssh` that has said its first word, and runs until its file is written.
struct Held {
    child: Child,
    go: PathBuf,
}

impl Held {
    /// Starts it at a bastion.
    async fn start(person: &Person, bastion: &Bastion, folder: &Path, name: &str) -> Result<Self> {
        person.connect_by(bastion.ssh())?;
        let go = folder.join(name);
        let line = format!("echo begun-{name}; until [ -e {} ]; do sleep 0.1; done; echo done-{name}", go.display());
        let mut command = person.stock("ssh", &[&Site::destination(), &line])?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut output = BufReader::new(child.stdout.take().context("standard output")?).lines();
        let first = within("the first word", SOON, async { Ok(output.next_line().await?) }).await?;
        ensure!(first.as_deref() == Some(format!("begun-{name}").as_str()), "{first:?}");
        child.stdout = Some(output.into_inner().into_inner());
        Ok(Self { child, go })
    }

    /// Lets it end, and gives its exit code and what it said.
    async fn finish(self) -> Result<(i32, String)> {
        fs::write(&self.go, "")?;
        self.ended().await
    }

    /// Waits for its end.
    async fn ended(self) -> Result<(i32, String)> {
        let output = within("the end of ssh", SOON, async { Ok(self.child.wait_with_output().await?) }).await?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_are_one_bastion() -> Result<()> {
    let pair = Pair::start().await?;
    let folder = tempfile::tempdir()?;
    // A login by one, ssh by the other; the certificates of both are those of one authority.
    let alice = Person::log_in_with_browser(&pair.a, "alice").await?;
    let bobs = Api::log_in_at_provider(&pair.b, "bob").await?;
    let carols = Api::log_in_at_provider(&pair.a, "carol").await?;
    for bastion in [&pair.a, &pair.b] {
        alice.connect_by(bastion.ssh())?;
        ensure!(alice.ssh(&[&Site::destination(), "echo on $((40+2))"]).await?.ok()?.text() == "on 42\n");
    }

    // Held at A, seen and approved at B.
    alice.connect_by(pair.a.ssh())?;
    let witness = folder.path().join("witness");
    let (destination, command) = (Site::destination(), format!("touch {}", witness.display()));
    let arguments = [destination.as_str(), command.as_str()];
    let held = alice.ssh(&arguments);
    let approve = async {
        let id = text(&bobs.waiting_approval().await?, "id")?;
        ensure!(!witness.exists(), "it ran before it was approved");
        // Somebody who looks at it over the API of B meanwhile sees it at once, and so does one at A.
        let path = format!("/approvals/{id}?wait=20");
        let theirs = carols.at(&pair.a)?;
        let asked = Instant::now();
        let looks = async { tokio::try_join!(carols.get(&path), theirs.get(&path)) };
        let approval = async {
            let body = json!({});
            bobs.post(&format!("/approvals/{id}/approve"), body).await
        };
        let (looked, answer) = tokio::join!(looks, approval);
        ensure!(answer?.status == 200, "not approved");
        let (one, other) = looked?;
        ensure!(asked.elapsed() < Duration::from_secs(15), "a long poll was not told");
        Ok::<_, anyhow::Error>((one, other, Instant::now()))
    };
    let (ran, approved) = tokio::join!(held, approve);
    let (.., approved_at) = approved?;
    ran?.ok()?;
    ensure!(witness.exists(), "it did not run");
    ensure!(approved_at.elapsed() < AT_ONCE, "its end took {:?}", approved_at.elapsed());

    // Both list everything; what runs at one is read at the other.
    let one = Held::start(&alice, &pair.a, folder.path(), "at-a").await?;
    let other = Held::start(&alice, &pair.b, folder.path(), "at-b").await?;
    let at_b = carols.at(&pair.b)?;
    for api in [&carols, &at_b] {
        let running = api.items("/sessions?running=true").await?;
        ensure!(running.len() == 2, "{running:?}");
        for session in &running {
            let id = text(session, "id")?;
            until("the recording is readable", SOON, async || {
                Ok(api.recording(&id).await.ok().filter(|cast| cast.contains("begun-")))
            })
            .await?;
        }
    }

    // A logout at one ends what runs at both.
    let logged_out = Instant::now();
    alice.run_bastion(&["logout"]).await?.ok()?;
    for held in [one, other] {
        let (code, said) = held.ended().await?;
        ensure!(code != 0 && said.contains("your login has ended"), "{code}: {said}");
    }
    ensure!(logged_out.elapsed() < AT_ONCE, "sessions outlived their login by {:?}", logged_out.elapsed());
    ensure!(alice.ssh(&[&Site::destination(), "echo still"]).await?.code != 0, "nobody begins without a login");
    let sessions = at_b.ended_sessions("target", 5).await?;
    ensure!(sessions.iter().filter(|session| at(session, "/end/how") == "terminated").count() == 2, "{sessions:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_one_reads_anew_are_read_by_the_other_and_other_keys_are_refused() -> Result<()> {
    let pair = Pair::start().await?;
    let alice = Person::log_in_with_browser(&pair.a, "alice").await?;
    let folder = tempfile::tempdir()?;
    let running = Held::start(&alice, &pair.b, folder.path(), "ruled").await?;
    let stricter = rules().to_string().replace("\"exec\"", "\"sftp\"");
    for bastion in [&pair.a, &pair.b] {
        fs::write(bastion.rules_file(), &stricter)?;
    }
    let changed = Instant::now();
    pair.a.program().signal(Signal::HUP)?;
    let (code, said) = running.ended().await?;
    ensure!(code != 0 && said.contains("the rules have changed"), "{code}: {said}");
    ensure!(changed.elapsed() < AT_ONCE, "it took {:?}", changed.elapsed());

    let own = tempfile::tempdir()?;
    let url = pair.balancer.url();
    let other = settings(&pair.provider, &pair.sshd, &pair.database, &pair.s3, &url, own.path())?;
    let refused = other.start().await.err().context("one with other keys started")?;
    let told = format!("{refused:#}");
    ensure!(told.contains("is not that of another bastion") && told.contains("keys_dir"), "{told}");
    ensure!(pair.keys.path().join("ssh-user-ca").exists() && !pair.a.data().join("ssh-user-ca").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_instance_left_is_ended_by_the_other_within_the_lease() -> Result<()> {
    const SESSIONS: usize = 20;
    let mut pair = Pair::start().await?;
    let folder = tempfile::tempdir()?;
    let alice = Person::log_in_with_browser(&pair.b, "alice").await?;
    let carols = Api::log_in_at_provider(&pair.b, "carol").await?;
    let mut left = Vec::new();
    for number in 0..SESSIONS {
        left.push(Held::start(&alice, &pair.a, folder.path(), &format!("left-{number}")).await?);
    }
    let kept = Held::start(&alice, &pair.b, folder.path(), "kept").await?;
    // A command that waits for other people at A.
    alice.connect_by(pair.a.ssh())?;
    let witness = folder.path().join("witness");
    let mut waits = alice.stock("ssh", &[&Site::destination(), &format!("touch {}", witness.display())])?;
    let waits = waits.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let bobs = Api::log_in_at_provider(&pair.b, "bob").await?;
    let approval = text(&bobs.waiting_approval().await?, "id")?;
    let running = carols.items("/sessions?running=true").await?;
    ensure!(running.len() == SESSIONS + 1, "{} run", running.len());
    // What was shown is in the bucket.
    for session in &running {
        let id = text(session, "id")?;
        until("what was shown is stored", SOON, async || {
            Ok(carols.recording(&id).await.ok().filter(|cast| cast.contains("begun-")))
        })
        .await?;
    }

    let killed = Instant::now();
    pair.a.kill().await?;
    let ended = until("all that ran at A is cut off", LEASE + A_LITTLE, async || {
        let sessions = carols.items("/sessions").await?;
        let cut_off: Vec<Value> = sessions.into_iter().filter(|session| at(session, "/end/how") == "cut_off").collect();
        Ok((cut_off.len() == SESSIONS).then_some(cut_off))
    })
    .await?;
    eprintln!("cut off after {:?}", killed.elapsed());
    let refused = bobs.approval_in_state(&approval, "cancelled").await?;
    ensure!(at(&refused, "/remark").as_str().is_some_and(|remark| remark.contains("is gone")), "{refused}");
    for session in &ended {
        let id = text(session, "id")?;
        let cast = until("the recording is sealed", SOON, async || {
            let cast = carols.recording(&id).await?;
            Ok(cast.contains("cut off: the bastion stopped").then_some(cast))
        })
        .await?;
        ensure!(cast.contains("begun-left-"), "{cast}");
        pair.s3.key_of(&id, "manifest.json").await?;
    }
    let running = carols.items("/sessions?running=true").await?;
    ensure!(running.len() == 1, "what runs at B goes on: {running:?}");
    ensure!(!witness.exists(), "what waited at A did not run");
    drop(waits);
    for held in left {
        let (code, _) = held.ended().await?;
        ensure!(code == 255, "ssh ended with {code}");
    }

    // It comes back in its folder, and changes nothing of that.
    pair.a.restart().await?;
    let alices = Person::log_in_with_browser(&pair.a, "alice").await?;
    ensure!(alices.ssh(&[&Site::destination(), "echo back"]).await?.ok()?.text() == "back\n");
    let (code, said) = kept.finish().await?;
    ensure!((code, said.trim_end()) == (0, "done-kept"), "{code}: {said}");
    let events = carols.items("/audit?kind=session_ended").await?;
    for session in &ended {
        let id = text(session, "id")?;
        let ends: Vec<_> = events.iter().filter(|event| at(event, "/session") == id.as_str()).collect();
        ensure!(ends.len() == 1, "{ends:?}");
    }
    let bucket = pair.s3.keys("").await?;
    let parts: Vec<_> = ended.iter().filter_map(|session| at(session, "/id").as_str()).collect();
    let left: Vec<_> =
        bucket.iter().filter(|key| key.contains("/parts/") && parts.iter().any(|id| key.contains(id))).collect();
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_was_stopped_for_longer_than_its_lease_ends_what_others_have_ended() -> Result<()> {
    let pair = Pair::start().await?;
    let folder = tempfile::tempdir()?;
    let alice = Person::log_in_with_browser(&pair.a, "alice").await?;
    let carols = Api::log_in_at_provider(&pair.b, "carol").await?;
    let held = Held::start(&alice, &pair.a, folder.path(), "stopped").await?;
    pair.a.program().signal(Signal::STOP)?;
    let session = until("it is cut off", LEASE + A_LITTLE, async || {
        let mut sessions = carols.items("/sessions").await?;
        Ok(sessions.pop().filter(|session| at(session, "/end/how") == "cut_off"))
    })
    .await?;
    // What it would have done by itself when it goes on: it must not.
    fs::write(&held.go, "")?;
    pair.a.program().signal(Signal::CONT)?;
    let (code, said) = held.ended().await?;
    ensure!(code != 0 && !said.contains("done-stopped"), "{code}: {said}");

    // It is another instance now, and serves people.
    until("A is well again", SOON, async || {
        let answer = Api::anonymous(&pair.a)?.request(reqwest::Method::GET, "/readyz").send().await;
        Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
    })
    .await?;
    ensure!(alice.ssh(&[&Site::destination(), "echo again"]).await?.ok()?.text() == "again\n");
    let id = text(&session, "id")?;
    let now = carols.get(&format!("/sessions/{id}")).await?.body;
    ensure!(now == session, "what was decided stays: {now}");
    let ends = carols.items(&format!("/audit?kind=session_ended&session={id}")).await?;
    ensure!(ends.len() == 1, "{ends:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_under_load_cuts_no_session_and_fails_no_login() -> Result<()> {
    let mut pair = Pair::start().await?;
    let folder = tempfile::tempdir()?;
    let alice = Arc::new(pair.person("alice").await?);
    let long = pair.person("alice").await?;
    let carols = Api::log_in_at_provider(&pair.b, "carol").await?;
    let (stop, commands, logins) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut load = tokio::task::JoinSet::new();
    for worker in 0..3 {
        let (alice, stop, commands) = (Arc::clone(&alice), Arc::clone(&stop), Arc::clone(&commands));
        load.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let said = format!("load-{worker}");
                let outcome = alice.ssh(&[&Site::destination(), &format!("sleep 0.2; echo {said}")]).await?.ok()?;
                ensure!(outcome.text().trim_end() == said, "{outcome:?}");
                commands.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    let (url, ca) = (pair.balancer.url(), pair.a.ca());
    {
        let (stop, logins) = (Arc::clone(&stop), Arc::clone(&logins));
        load.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let api = Api::log_in_at_provider_by(&url, &ca, "bob").await?;
                let answer = api.get("/sessions").await?;
                ensure!(answer.status == 200, "{answer:?}");
                logins.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }

    let Pair { a, b, balancer, .. } = &mut pair;
    for (index, bastion) in [a, b].into_iter().enumerate() {
        let held = Held::start(&long, bastion, folder.path(), &format!("long-{index}")).await?;
        let (before, logged_in) = (commands.load(Ordering::Relaxed), logins.load(Ordering::Relaxed));
        bastion.program().signal(Signal::TERM)?;
        balancer.sees(index, false).await?;
        // Others go on without it, and it with what runs there.
        until("the others go on", SOON * 2, async || {
            let (now, logged_in_now) = (commands.load(Ordering::Relaxed), logins.load(Ordering::Relaxed));
            if let Some(Ok(done)) = load.try_join_next() {
                done?;
            }
            Ok((now >= before + 6 && logged_in_now >= logged_in + 2).then_some(()))
        })
        .await?;
        let drained = Api::anonymous(bastion)?.request(reqwest::Method::GET, "/readyz").send().await?;
        ensure!(drained.status() == 503 && drained.text().await?.contains("draining"), "it drains in words");
        let (code, said) = held.finish().await?;
        ensure!((code, said.trim_end()) == (0, format!("done-long-{index}").as_str()), "{code}: {said}");
        let status = bastion.ended(SOON).await?;
        ensure!(status.success(), "{status}");
        bastion.restart().await?;
        balancer.sees(index, true).await?;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(done) = load.join_next().await {
        done??;
    }
    let sessions = carols.ended_sessions("target", commands.load(Ordering::Relaxed) + 2).await?;
    let odd: Vec<_> = sessions.iter().filter(|session| at(session, "/end/how") != "exited").collect();
    ensure!(odd.is_empty(), "{odd:?}");
    eprintln!("{} commands, {} logins", commands.load(Ordering::Relaxed), logins.load(Ordering::Relaxed));
    Ok(())
}

//! Every type of channel and request that a user can ask for × what they are allowed, and when: what runs is recorded
//! and in the audit log, what is not allowed is refused, and what nobody knows is refused.
//!
//! A type without a row fails the first test: the rows are compared with the callbacks of the SSH engine and with the
//! capabilities of roles.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use policy::Capability;
use serde_json::{Value, json};
use tests::{
    api::Api,
    bastion::{Bastion, Settings},
    oidc::Provider,
    patience::{SOON, until},
    peers,
    person::Person,
    ssh_raw::{Credential, Opened, RawSsh, Reply, Wire},
    sshd::Sshd,
};

/// What a user asks for.
#[derive(Clone, Copy)]
struct Row {
    /// As it goes over the network.
    name: &'static [u8],
    /// What follows the name.
    more: fn() -> Wire,
    asks: Asks,
    /// The callback of the SSH engine that it reaches.
    callback: Option<&'static str>,
    /// The capability that allows it, or could some day.
    capability: Option<Capability>,
    /// What the audit log says of it: that it ran, or why not.
    audited: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// A channel that opens for everybody: nothing runs by it.
    Channel,
    /// A channel that nobody gets.
    ChannelForNobody,
    /// A request before everything else, that is all right for everybody.
    Request,
    /// A request that nobody is granted.
    RequestForNobody,
    /// A global request that everybody is granted, on a connection that opens no session.
    GlobalForAll,
    /// A global request that nobody is granted.
    GlobalForNobody,
    /// A jump to a target.
    Jump,
    /// A program in a session: what it is sent, and what it says if it runs.
    Program { input: &'static [u8], proof: &'static str },
    /// A terminal, for a program that says that it has one.
    Terminal,
    /// A request without an answer, which changes nothing.
    Silent,
}

/// When it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Allowed,
    NotAllowed,
    AfterLogout,
    Draining,
    WithoutRole,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Granted,
    /// With what the user reads.
    Refused(String),
    Cut,
}

const ROWS: &[Row] = &[
    // Before the jump, whose data would come between.
    channel(b"no-more-sessions@openssh.com", nothing, Asks::GlobalForAll, Some("global_request"), None),
    channel(b"session", nothing, Asks::Channel, Some("channel_open_session"), None),
    Row {
        capability: Some(Capability::LocalForward),
        ..channel(b"direct-tcpip", to_target, Asks::Jump, Some("channel_open_direct_tcpip"), None)
    },
    Row {
        capability: Some(Capability::StreamlocalForward),
        ..channel(
            b"direct-streamlocal@openssh.com",
            to_socket,
            Asks::ChannelForNobody,
            Some("channel_open_direct_streamlocal"),
            Some("streamlocal-forward"),
        )
    },
    channel(
        b"forwarded-tcpip",
        to_target,
        Asks::ChannelForNobody,
        Some("channel_open_forwarded_tcpip"),
        Some("forwarded-tcpip"),
    ),
    channel(b"x11", from_display, Asks::ChannelForNobody, Some("channel_open_x11"), Some("\"x11\"")),
    channel(b"auth-agent@openssh.com", nothing, Asks::ChannelForNobody, None, None),
    channel(b"tun@openssh.com", to_tunnel, Asks::ChannelForNobody, None, None),
    channel(b"unknown@example.com", nothing, Asks::ChannelForNobody, None, None),
    channel(b"caf\xe9", nothing, Asks::ChannelForNobody, None, None),
    Row {
        capability: Some(Capability::Exec),
        ..program(b"exec", || Wire::default().text("echo r''an"), b"", "ran", "exec_request")
    },
    Row { capability: Some(Capability::Shell), ..program(b"shell", nothing, b"echo r''an\n", "ran", "shell_request") },
    Row {
        capability: Some(Capability::Sftp),
        // SSH_FXP_INIT; the answer names extensions.
        ..program(
            b"subsystem",
            || Wire::default().text("sftp"),
            b"\0\0\0\x05\x01\0\0\0\x03",
            "posix-rename@openssh.com",
            "subsystem_request",
        )
    },
    Row {
        capability: Some(Capability::Pty),
        ..request(b"pty-req", || terminal("xterm"), Asks::Terminal, Some("pty_request"), Some("session_started"))
    },
    request(b"pty-req", || terminal("xt\nrm"), Asks::RequestForNobody, Some("pty_request"), None),
    request(b"subsystem", || Wire::default().text("netconf"), Asks::Program { input: b"", proof: "never" }, None, None),
    request(b"env", || variable(b"LC_TIME", b"C"), Asks::Request, Some("env_request"), None),
    request(b"env", || variable(b"LD_PRELOAD", b"x"), Asks::RequestForNobody, Some("env_request"), None),
    request(b"env", || variable(b"LC_A\nB", b"x"), Asks::RequestForNobody, None, None),
    request(b"env", || variable(b"LC_A;B", b"x"), Asks::RequestForNobody, None, None),
    request(b"env", || variable(b"LC_caf\xe9", b"x"), Asks::RequestForNobody, None, None),
    request(b"env", || variable(b"LANG", b"caf\xe9"), Asks::RequestForNobody, None, None),
    request(b"window-change", four_numbers, Asks::Silent, Some("window_change_request"), None),
    request(b"signal", || Wire::default().text("INT"), Asks::Silent, Some("signal"), None),
    request(b"signal", || Wire::default().string(b"caf\xe9"), Asks::Silent, None, None),
    request(b"break", || Wire::default().number(500), Asks::RequestForNobody, None, None),
    request(b"xon-xoff", || Wire::default().flag(true), Asks::RequestForNobody, None, None),
    request(b"unknown@example.com", nothing, Asks::RequestForNobody, None, None),
    request(b"caf\xe9", nothing, Asks::RequestForNobody, None, None),
    Row {
        capability: Some(Capability::AgentForward),
        ..request(
            b"auth-agent-req@openssh.com",
            nothing,
            Asks::RequestForNobody,
            Some("agent_request"),
            Some("agent-forward"),
        )
    },
    Row {
        capability: Some(Capability::X11Forward),
        ..request(b"x11-req", display, Asks::RequestForNobody, Some("x11_request"), Some("x11-forward"))
    },
    Row {
        capability: Some(Capability::RemoteForward),
        ..global(b"tcpip-forward", port, Some("tcpip_forward"), Some("remote-forward of 127.0.0.1:8080"))
    },
    global(b"cancel-tcpip-forward", port, Some("cancel_tcpip_forward"), None),
    global(b"streamlocal-forward@openssh.com", socket, Some("streamlocal_forward"), Some("remote-forward of /tmp/s")),
    global(b"cancel-streamlocal-forward@openssh.com", socket, Some("cancel_streamlocal_forward"), None),
    global(b"keepalive@openssh.com", nothing, None, None),
    global(b"hostkeys-prove-00@openssh.com", nothing, None, None),
    global(b"unknown@example.com", nothing, None, None),
    global(b"caf\xe9", nothing, None, None),
];

/// Callbacks that are about who somebody is, or about what is open already.
const NO_REQUESTS: [&str; 17] = [
    "adjust_window",
    "auth_certificate_offered",
    "auth_keyboard_interactive",
    "auth_none",
    "auth_openssh_certificate",
    "auth_password",
    "auth_publickey",
    "auth_publickey_offered",
    "auth_succeeded",
    "authentication_banner",
    "channel_close",
    "channel_eof",
    "channel_open_confirmation",
    "data",
    "extended_data",
    "lookup_dh_gex_group",
    "window_adjusted",
];

#[test]
fn every_type_has_a_row() -> Result<()> {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.patched/russh/src/server/mod.rs");
    let text = fs::read_to_string(&engine).with_context(|| engine.display().to_string())?;
    let callbacks = text.split("pub trait Handler").nth(1).and_then(|rest| rest.split("\n}\n").next());
    let name = |line: &str| {
        let rest = line.strip_prefix("    fn ")?;
        rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().map(str::to_owned)
    };
    let callbacks: BTreeSet<String> = callbacks.context("the trait")?.lines().filter_map(name).collect();
    ensure!(callbacks.len() > 20, "the callbacks were not found: {callbacks:?}");
    let rows = ROWS.iter().filter_map(|row| row.callback).chain(NO_REQUESTS).map(str::to_owned).collect();
    ensure!(callbacks == rows, "without a row: {:?}", callbacks.symmetric_difference(&rows).collect::<Vec<_>>());
    for capability in Capability::HOST {
        ensure!(ROWS.iter().any(|row| row.capability == Some(capability)), "{capability} has no row");
    }
    Ok(())
}

/// A bastion with one host under three names, on which different things are allowed.
struct Site {
    /// Of a bastion that is not `demo`, which does not wait for sessions when it stops.
    provider: Option<Provider>,
    _sshd: Sshd,
    bastion: Bastion,
    alice: Person,
}

/// On `all` engineers may do everything, on `exec` and `sftp` only that; of `nothing` they must not know.
fn rules(group: &str) -> Value {
    let allow = |names: &str, capabilities: &[&str]| json!({ "targets": { "names": [names] }, "logins": ["*"], "capabilities": capabilities });
    let every: Vec<String> = Capability::HOST.iter().map(ToString::to_string).collect();
    let every: Vec<&str> = every.iter().map(String::as_str).collect();
    json!({ "roles": {
        "engineer": { "groups": [group], "allow": [allow("all", &every), allow("exec", &["exec"]), allow("sftp", &["sftp"])] },
        "auditor": { "groups": ["auditor"], "console": ["sessions", "audit"] },
    } })
}

impl Site {
    async fn start() -> Result<Self> {
        let (sshd, bastion) = Self::bastion(Settings::demo()).await?;
        let alice = Person::log_in(&bastion, "alice").await?;
        Ok(Self { provider: None, _sshd: sshd, bastion, alice })
    }

    async fn serving() -> Result<Self> {
        let provider = Provider::start().await?;
        let (sshd, bastion) = Self::bastion(Settings::serve(&provider)).await?;
        let alice = Person::log_in_with_browser(&bastion, "alice").await?;
        Ok(Self { provider: Some(provider), _sshd: sshd, bastion, alice })
    }

    async fn bastion(settings: Settings) -> Result<(Sshd, Bastion)> {
        let sshd = Sshd::start().await?;
        let mut settings = settings.rules(rules("engineering"));
        for name in ["all", "exec", "sftp", "nothing"] {
            settings = settings.target(sshd.target(name)?);
        }
        let bastion = settings.start().await?;
        bastion.open(&sshd)?;
        Ok((sshd, bastion))
    }

    async fn carol(&self) -> Result<Api> {
        match self.provider {
            Some(_) => Api::log_in_at_provider(&self.bastion, "carol").await,
            None => self.bastion.api("carol").await,
        }
    }

    /// A connection to the target, and one to the bastion itself.
    async fn connect(&self, target: &str) -> Result<(RawSsh, RawSsh)> {
        let (address, credential) = (self.bastion.ssh(), Credential::of(&self.alice)?);
        let user = format!("{}@{target}", peers::login());
        Ok((RawSsh::log_in(address, &credential, &user).await?, RawSsh::log_in(address, &credential, "alice").await?))
    }

    fn recordings(&self) -> usize {
        fn manifests(folder: &Path) -> usize {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| match entry.file_type() {
                    Ok(kind) if kind.is_dir() => manifests(&entry.path()),
                    _ => usize::from(entry.file_name() == "manifest.json"),
                })
                .sum()
        }
        manifests(self.bastion.recordings())
    }

    /// Waits until a session on `all` runs.
    async fn runs(&self) -> Result<()> {
        let carol = self.carol().await?;
        until("a session runs", SOON, async || {
            let sessions = carol.items("/sessions?target=all").await?;
            Ok(sessions.iter().any(|session| session["ended_at"].is_null()).then_some(()))
        })
        .await
    }

    async fn audit(&self) -> Result<String> {
        let events = self.carol().await?.items("/audit?limit=200").await?;
        Ok(events.iter().map(|event| format!("{event}\n")).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_allowed_runs_and_is_recorded_and_nothing_else_does() -> Result<()> {
    let site = Site::start().await?;
    let (mut to_target, mut to_bastion) = site.connect("all").await?;
    let mut runs = 0;
    for row in ROWS {
        check(row, When::Allowed, &mut to_target, &mut to_bastion).await?;
        runs += usize::from(row.granted(When::Allowed) && matches!(row.asks, Asks::Program { .. } | Asks::Terminal));
    }
    // Nothing of it has ended the connection.
    ensure!(to_target.run("echo r''an").await?.stdout == "ran\n");
    runs += 1;
    let carol = site.carol().await?;
    let sessions = carol.ended_sessions("all", runs).await?;
    ensure!(sessions.len() == runs, "{runs} programs ran, and there are {} sessions", sessions.len());
    until("each session has its recording", SOON, async || Ok((site.recordings() == runs).then_some(()))).await?;
    let audit = site.audit().await?;
    for row in ROWS {
        let Some(words) = row.audited else { continue };
        ensure!(audit.contains(words), "{}: the audit log lacks {words:?}: {audit}", row.shown());
    }

    let (mut exec, _) = site.connect("exec").await?;
    let (mut sftp, mut to_bastion) = site.connect("sftp").await?;
    for row in ROWS {
        let is_exec = row.capability == Some(Capability::Exec);
        let target = if is_exec { &mut sftp } else { &mut exec };
        check(row, When::NotAllowed, target, &mut to_bastion).await?;
    }
    ensure!(site.recordings() == runs, "something was recorded that was refused");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_on_a_standing_connection_once_the_role_is_gone_or_the_login_has_ended() -> Result<()> {
    let site = Site::start().await?;
    let (mut to_target, mut to_bastion) = site.connect("all").await?;
    ensure!(to_target.run("echo r''an").await?.stdout == "ran\n");

    fs::write(site.bastion.rules_file(), rules("nobody").to_string())?;
    until("the role is gone", SOON, async || Ok((to_target.run("echo r''an").await?.stdout.is_empty()).then_some(())))
        .await?;
    for row in ROWS {
        check(row, When::WithoutRole, &mut to_target, &mut to_bastion).await?;
    }
    fs::write(site.bastion.rules_file(), rules("engineering").to_string())?;
    until("the role is back", SOON, async || Ok((to_target.run("echo r''an").await?.stdout == "ran\n").then_some(())))
        .await?;

    let (mut other, _) = site.connect("all").await?;
    let Opened::Yes(channel) = other.open(b"session", Wire::default()).await? else { bail!("no session") };
    other.request(channel, b"exec", Wire::default().text("echo r''an; exec sleep 600")).await?;
    site.runs().await?;
    let credential = Credential::of(&site.alice)?;
    site.alice.run_bastion(&["logout"]).await?.ok()?;
    for row in ROWS {
        check(row, When::AfterLogout, &mut to_target, &mut to_bastion).await?;
    }
    // What ran is told, and ended; the connections end too.
    let ended = other.to_the_end(channel).await?;
    ensure!(ended.stdout == "ran\n" && ended.stderr.contains("your login has ended"), "{ended:?}");
    for connection in [&mut to_target, &mut to_bastion, &mut other] {
        while connection.receive().await?.is_some() {}
    }
    // The certificate has not run out, and opens nothing.
    let user = format!("{}@all", peers::login());
    ensure!(RawSsh::log_in(site.bastion.ssh(), &credential, &user).await.is_err(), "a login after the logout");
    ensure!(site.audit().await?.contains("your login has ended"), "no word of it in the audit log");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_on_a_standing_connection_while_the_bastion_stops() -> Result<()> {
    let site = Site::serving().await?;
    let (mut to_target, mut to_bastion) = site.connect("all").await?;
    let (mut other, _) = site.connect("all").await?;
    let Opened::Yes(channel) = other.open(b"session", Wire::default()).await? else { bail!("no session") };
    // It holds the drain up until its input ends.
    other.request(channel, b"exec", Wire::default().text("head -c 1; echo r''an")).await?;
    site.runs().await?;
    site.bastion.program().signal(rustix::process::Signal::TERM)?;
    until("nothing starts any more", SOON, async || {
        Ok((to_target.run("echo r''an").await?.stdout.is_empty()).then_some(()))
    })
    .await?;
    for row in ROWS {
        check(row, When::Draining, &mut to_target, &mut to_bastion).await?;
    }
    other.send(&Wire::message(tests::ssh_raw::msg::CHANNEL_DATA).number(channel).text("x").into_bytes()).await?;
    let ended = other.to_the_end(channel).await?;
    ensure!(ended.stdout == "xran\n" && ended.code == Some(0), "{ended:?}");
    Ok(())
}

/// Asks for it, and checks the answer.
async fn check(row: &Row, when: When, to_target: &mut RawSsh, to_bastion: &mut RawSsh) -> Result<()> {
    let shown = format!("{} {when:?}", row.shown());
    let is_without_session = matches!(row.asks, Asks::Jump | Asks::GlobalForAll);
    let connection = if is_without_session { to_bastion } else { to_target };
    let answer = match ask(row, when, connection).await {
        // It may have ended between two packets.
        Err(_) if when == When::AfterLogout => Answer::Cut,
        answer => answer.with_context(|| shown.clone())?,
    };
    let words = match when {
        When::AfterLogout => "your login has ended",
        When::Draining => "the bastion is stopping",
        When::Allowed | When::NotAllowed | When::WithoutRole => "",
    };
    match (row.granted(when), answer) {
        (true, Answer::Granted) => Ok(()),
        // A connection ends soon after its login.
        (_, Answer::Cut) if when == When::AfterLogout => Ok(()),
        (false, Answer::Refused(text)) => {
            let says = matches!(row.asks, Asks::Jump | Asks::Program { .. } | Asks::Terminal);
            let is_known = row.capability.is_some();
            ensure!(!says || !is_known || text.contains(words), "{shown}: refused with the words {text:?}");
            Ok(())
        }
        (_, answer) => bail!("{shown}: {answer:?}"),
    }
}

async fn ask(row: &Row, when: When, connection: &mut RawSsh) -> Result<Answer> {
    let more = match (row.asks, when) {
        (Asks::Jump, When::NotAllowed) => to_unknown(),
        _ => (row.more)(),
    };
    let of = |reply: Reply| match reply {
        Reply::Success => Answer::Granted,
        Reply::Failure => Answer::Refused(String::new()),
        Reply::Cut => Answer::Cut,
    };
    match row.asks {
        Asks::Channel | Asks::ChannelForNobody | Asks::Jump => Ok(match connection.open(row.name, more).await? {
            Opened::Yes(channel) => {
                connection.close(channel).await?;
                Answer::Granted
            }
            Opened::No(why) => Answer::Refused(why),
            Opened::Cut => Answer::Cut,
        }),
        Asks::GlobalForAll | Asks::GlobalForNobody => Ok(of(connection.global(row.name, more).await?)),
        Asks::Request | Asks::RequestForNobody => {
            let Opened::Yes(channel) = connection.open(b"session", Wire::default()).await? else {
                return Ok(Answer::Cut);
            };
            connection.request(channel, row.name, more).await?;
            let answer = of(connection.reply().await?);
            // The end of the channel writes down what was refused before.
            connection.request(channel, b"subsystem", Wire::default().text("none")).await?;
            connection.to_the_end(channel).await?;
            Ok(answer)
        }
        Asks::Silent => {
            let Opened::Yes(channel) = connection.open(b"session", Wire::default()).await? else {
                return Ok(Answer::Cut);
            };
            let silent =
                Wire::message(tests::ssh_raw::msg::CHANNEL_REQUEST).number(channel).string(row.name).flag(false);
            connection.send(&silent.bytes(&more.into_bytes()).into_bytes()).await?;
            connection.request(channel, b"env", variable(b"LC_TIME", b"C")).await?;
            let answer = of(connection.reply().await?);
            connection.close(channel).await?;
            Ok(answer)
        }
        Asks::Program { input, proof } => run(connection, None, (row.name, more), input, proof).await,
        Asks::Terminal => {
            let command = Wire::default().text("test -t 1 && echo has''-one");
            run(connection, Some((row.name, more)), (b"exec", command), b"", "has-one").await
        }
    }
}

async fn run(
    connection: &mut RawSsh,
    before: Option<(&[u8], Wire)>,
    (name, more): (&[u8], Wire),
    input: &[u8],
    proof: &str,
) -> Result<Answer> {
    let channel = match connection.open(b"session", Wire::default()).await? {
        Opened::Yes(channel) => channel,
        Opened::No(why) => return Ok(Answer::Refused(why)),
        Opened::Cut => return Ok(Answer::Cut),
    };
    if let Some((name, more)) = before {
        connection.request(channel, name, more).await?;
    }
    connection.request(channel, name, more).await?;
    if !input.is_empty() {
        let data = Wire::message(tests::ssh_raw::msg::CHANNEL_DATA).number(channel).string(input);
        connection.send(&data.into_bytes()).await?;
    }
    // An sftp-server whose input ends does not finish what it says.
    let is_sftp = name == b"subsystem";
    if !is_sftp {
        connection.eof(channel).await?;
    }
    let ended = connection.to_the_end_after(channel, is_sftp.then_some(proof)).await?;
    Ok(if ended.stdout.contains(proof) {
        Answer::Granted
    } else if ended.code.is_some() || ended.answers.1 > 0 {
        Answer::Refused(ended.stderr + &ended.stdout)
    } else {
        Answer::Cut
    })
}

impl Row {
    fn granted(&self, when: When) -> bool {
        match self.asks {
            Asks::Channel | Asks::GlobalForAll | Asks::Request | Asks::Silent => true,
            Asks::ChannelForNobody | Asks::GlobalForNobody | Asks::RequestForNobody => false,
            Asks::Jump | Asks::Program { .. } | Asks::Terminal => when == When::Allowed && self.capability.is_some(),
        }
    }

    fn shown(&self) -> String {
        format!("{:?} {:?}", String::from_utf8_lossy(self.name), String::from_utf8_lossy(&(self.more)().into_bytes()))
    }
}

const fn channel(
    name: &'static [u8],
    more: fn() -> Wire,
    asks: Asks,
    callback: Option<&'static str>,
    audited: Option<&'static str>,
) -> Row {
    Row { name, more, asks, callback, capability: None, audited }
}

const fn request(
    name: &'static [u8],
    more: fn() -> Wire,
    asks: Asks,
    callback: Option<&'static str>,
    audited: Option<&'static str>,
) -> Row {
    channel(name, more, asks, callback, audited)
}

const fn global(
    name: &'static [u8],
    more: fn() -> Wire,
    callback: Option<&'static str>,
    audited: Option<&'static str>,
) -> Row {
    channel(name, more, Asks::GlobalForNobody, callback, audited)
}

const fn program(
    name: &'static [u8],
    more: fn() -> Wire,
    input: &'static [u8],
    proof: &'static str,
    callback: &'static str,
) -> Row {
    channel(name, more, Asks::Program { input, proof }, Some(callback), Some("session_started"))
}

fn nothing() -> Wire {
    Wire::default()
}

/// Of a target that is there, as a jump names it.
fn to_target() -> Wire {
    Wire::default().text("all").number(22).text("127.0.0.1").number(40_000)
}

fn to_unknown() -> Wire {
    Wire::default().text("nothing").number(22).text("127.0.0.1").number(40_000)
}

fn to_socket() -> Wire {
    Wire::default().text("/tmp/s").text("").number(0)
}

fn to_tunnel() -> Wire {
    Wire::default().number(1).number(0)
}

fn from_display() -> Wire {
    Wire::default().text("127.0.0.1").number(6000)
}

fn four_numbers() -> Wire {
    Wire::default().number(100).number(30).number(0).number(0)
}

fn terminal(term: &str) -> Wire {
    Wire::default().text(term).number(80).number(24).number(0).number(0).string(&[0])
}

fn variable(name: &[u8], value: &[u8]) -> Wire {
    Wire::default().string(name).string(value)
}

fn display() -> Wire {
    Wire::default().flag(false).text("MIT-MAGIC-COOKIE-1").text("00").number(0)
}

fn port() -> Wire {
    Wire::default().text("127.0.0.1").number(8080)
}

fn socket() -> Wire {
    Wire::default().text("/tmp/s")
}

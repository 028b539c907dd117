//! `bastion run` against an SSH server that speaks as the bastion does.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use api::info::SshAddress;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Certificate, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelMsg, Sig};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::key;
use crate::tests::Person;
use crate::tests::fake_api::FakeApi;

/// What the server does with a command.
#[derive(Clone)]
enum Step {
    Stdout(&'static [u8]),
    Stderr(&'static [u8]),
    /// Sends back what comes until the end of input.
    Echo,
    Exit(u32),
    ExitSignal(Sig),
    /// Nothing more until the client goes.
    Hang,
}

#[derive(Default)]
struct Seen {
    user: String,
    env: HashMap<String, String>,
    command: String,
    signals: Vec<String>,
    closed: bool,
}

#[derive(Clone)]
struct FakeBastion {
    script: Vec<Step>,
    seen: Arc<Mutex<Seen>>,
}

impl Handler for FakeBastion {
    type Error = russh::Error;

    async fn auth_openssh_certificate(&mut self, user: &str, _: &Certificate) -> Result<Auth, Self::Error> {
        self.seen.lock().unwrap().user = user.to_owned();
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        tokio::spawn(self.clone().serve(channel, session.handle()));
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(id)
    }
}

impl FakeBastion {
    async fn serve(self, mut channel: Channel<Msg>, connection: russh::server::Handle) {
        while let Some(message) = channel.wait().await {
            #[expect(clippy::wildcard_enum_match_arm, reason = "anything else is a mistake of the client")]
            match message {
                ChannelMsg::SetEnv { variable_name, variable_value, .. } => {
                    self.seen.lock().unwrap().env.insert(variable_name, variable_value);
                }
                ChannelMsg::Exec { command, .. } => {
                    self.seen.lock().unwrap().command = String::from_utf8(command).unwrap();
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        for step in &self.script {
            match step {
                Step::Stdout(data) => channel.data_bytes(data.to_vec()).await.unwrap(),
                Step::Stderr(data) => channel.extended_data_bytes(1, data.to_vec()).await.unwrap(),
                Step::Exit(status) => channel.exit_status(*status).await.unwrap(),
                Step::ExitSignal(signal) => connection
                    .exit_signal_request(channel.id(), signal.clone(), false, String::new(), String::new())
                    .await
                    .unwrap(),
                Step::Echo => {
                    while let Some(ChannelMsg::Data { data }) = channel.wait().await {
                        channel.data_bytes(data).await.unwrap();
                    }
                }
                Step::Hang => {
                    while let Some(message) = channel.wait().await {
                        if let ChannelMsg::Signal { signal } = message {
                            self.seen.lock().unwrap().signals.push(format!("{signal:?}"));
                        }
                    }
                    self.seen.lock().unwrap().closed = true;
                }
            }
        }
        let _ = channel.close().await;
    }
}

/// A host key with a certificate for `name` by `ca`.
fn host(ca: &PrivateKey, name: &str) -> (PrivateKey, Certificate) {
    let key = key::generate("host").unwrap();
    let now = u64::try_from(Timestamp::now().as_second()).unwrap();
    let mut builder =
        Builder::new([7_u8; 16].as_slice(), key.public_key().key_data().clone(), now - 60, now + 600).unwrap();
    builder.cert_type(CertType::Host).unwrap().key_id("host").unwrap().valid_principal(name).unwrap();
    let certificate = builder.sign(ca).unwrap();
    (key, certificate)
}

struct Site {
    person: Person,
    info: BastionInfo,
    seen: Arc<Mutex<Seen>>,
}

/// Somebody who is logged in, and a server that shows this host key.
async fn site(host: impl FnOnce(&PrivateKey) -> (PrivateKey, Option<Certificate>), script: Vec<Step>) -> Site {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    let (key, certificate) = host(api.ca());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ssh = SshAddress { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
    let info = serde_json::from_value(json!({ "ssh": ssh, "names": ["127.0.0.1"], "host_ca": "" })).unwrap();
    let seen = Arc::<Mutex<Seen>>::default();
    let handler = FakeBastion { script, seen: Arc::clone(&seen) };
    let config = russh::server::Config {
        keys: vec![key],
        certificates: certificate.into_iter().collect(),
        ..russh::server::Config::default()
    };
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // The client may leave at any point.
        if let Ok(session) = russh::server::run_stream(Arc::new(config), stream, handler).await {
            let _ = session.await;
        }
    });
    Site { person, info, seen }
}

async fn honest(script: Vec<Step>) -> Site {
    site(
        |ca| {
            let (key, certificate) = host(ca, "127.0.0.1");
            (key, Some(certificate))
        },
        script,
    )
    .await
}

impl Site {
    async fn connect(&self) -> Result<connection::Connection, CommandError> {
        let login = self.person.home.saved_login().unwrap().unwrap();
        let destination = Destination { login: "root".parse().unwrap(), target: "web1".parse().unwrap() };
        connection::connect(&self.person.home, &login, &self.info, &destination).await
    }

    async fn run(&self, words: Words, input: &'static [u8]) -> (Result<Ending, CommandError>, String, String) {
        let connection = self.connect().await.unwrap();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut printer = Printer::new(words, &mut stdout, &mut stderr);
        let mut remote = Remote::start(&connection, "uptime", Some("ticket")).await.unwrap();
        let ending = remote.serve(&mut printer, Some(Cursor::new(input))).await;
        connection::close(connection).await;
        (ending, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }
}

const WAITING: &[u8] = b"\x1eBASTION {\"event\":\"waiting_approval\",\"approval\":\"01935f00-0000-7000-8000-000000000001\",\"rule\":\"restart-service\",\"message\":\"ask sre\\u001b[2J\"}\n";
const APPROVED: &[u8] = b"\x1eBASTION {\"event\":\"approved\",\"by\":[\"bob\"]}\n";
const STARTED: &[u8] = b"\x1eBASTION {\"event\":\"started\",\"session\":\"s1\"}\n";
const BLOCKED: &[u8] =
    b"\x1eBASTION {\"event\":\"blocked\",\"rule\":\"no-rm\",\"message\":\"blocked by rule no-rm: not here\"}\n";

#[tokio::test]
async fn bytes_input_and_exit_code_pass_through() {
    let site = honest(vec![
        Step::Stderr(STARTED),
        Step::Stdout(b"out\n"),
        Step::Stderr(b"\x1eBASTION err\n"),
        Step::Echo,
        Step::Exit(7),
    ])
    .await;
    let (ending, stdout, stderr) = site.run(Words::Plain, b"typed").await;
    assert_eq!(ending.unwrap().code(), 7);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("out\ntyped", "\x1eBASTION err\n"));
    let seen = site.seen.lock().unwrap();
    assert_eq!((seen.user.as_str(), seen.command.as_str()), ("root@web1", "uptime"));
    assert_eq!((seen.env["BASTION_EVENTS"].as_str(), seen.env["BASTION_REASON"].as_str()), ("1", "ticket"));
}

#[tokio::test]
async fn with_json_each_step_is_one_line() {
    let script = vec![
        Step::Stderr(WAITING),
        Step::Stderr(APPROVED),
        Step::Stderr(STARTED),
        Step::Stdout(b"\xe2\x82"),
        Step::Stdout(b"\xac"),
        Step::Stderr(BLOCKED),
        Step::ExitSignal(Sig::TERM),
    ];
    let (ending, stdout, stderr) = honest(script).await.run(Words::Json, b"").await;
    assert_eq!((ending.unwrap().code(), stderr.as_str()), (143, ""));
    let mut events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // stdout and stderr are streams of their own, but packets keep their order.
    let forged = events.pop().unwrap();
    assert_eq!(
        (&forged["event"], &forged["stream"]),
        (&json!("output"), &json!("stderr")),
        "after `started` it is output"
    );
    assert_eq!(events[0]["next"], "bastion approvals approve 01935f00-0000-7000-8000-000000000001");
    assert_eq!(events[0]["expires_at"], Value::Null);
    assert_eq!(
        events[1..],
        [
            json!({"event": "approved", "by": ["bob"]}),
            json!({"event": "started", "session": "s1"}),
            json!({"event": "output", "stream": "stdout", "data": "€"}),
        ]
    );
}

#[tokio::test]
async fn waiting_and_blocked_are_said_on_stderr_without_control_characters() {
    let (ending, stdout, stderr) =
        honest(vec![Step::Stderr(WAITING), Step::Stderr(BLOCKED), Step::Exit(4)]).await.run(Words::Plain, b"").await;
    assert_eq!((ending.unwrap().code(), stdout.as_str()), (4, ""));
    assert!(stderr.contains("bastion: held by rule restart-service: ask sre\\u{1b}[2J\n"), "{stderr}");
    assert!(stderr.contains("bastion approvals approve 01935f00-0000-7000-8000-000000000001\n"), "{stderr}");
    assert!(stderr.ends_with("bastion: blocked by rule no-rm: not here\n"), "{stderr}");
}

#[tokio::test]
async fn a_block_is_exit_code_5_even_where_the_server_gives_none() {
    let (ending, ..) = honest(vec![Step::Stderr(BLOCKED)]).await.run(Words::Plain, b"").await;
    assert_eq!(ending.unwrap().code(), 5);
}

#[tokio::test]
async fn what_is_down_is_no_block_and_its_code_is_passed_on() {
    let down = b"\x1eBASTION {\"event\":\"blocked\",\"code\":\"target_unavailable\",\"message\":\"web1: refused\"}\n";
    let (ending, stdout, _) = honest(vec![Step::Stderr(down), Step::Exit(255)]).await.run(Words::Json, b"").await;
    let event: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert_eq!((ending.unwrap().code(), &event["code"]), (255, &json!("target_unavailable")));
}

#[tokio::test]
async fn an_end_without_exit_status_is_no_success() {
    let (ending, ..) = honest(vec![Step::Stdout(b"half")]).await.run(Words::Plain, b"").await;
    assert_eq!(ending.unwrap_err().code(), 255);
}

#[tokio::test]
async fn a_command_that_is_given_up_gets_a_signal_and_its_channel_is_closed() {
    let site = honest(vec![Step::Stderr(WAITING), Step::Hang]).await;
    let connection = site.connect().await.unwrap();
    let mut stdout = tokio::io::duplex(4096);
    let mut remote = Remote::start(&connection, "uptime", None).await.unwrap();
    let mut printer = Printer::new(Words::Json, &mut stdout.0, tokio::io::sink());
    // The line of the event is the moment at which it waits.
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(&mut stdout.1);
    tokio::select! {
        ended = remote.serve(&mut printer, None::<tokio::io::Empty>) => panic!("{ended:?}"),
        read = tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line) => drop(read.unwrap()),
    }
    assert!(remote.waits());
    assert_eq!(Stopped::TimedOut.ending(remote.waits()).unwrap_err().code(), 4);
    remote.abandon(Stopped::TimedOut).await;
    connection::close(connection).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !site.seen.lock().unwrap().closed {
        assert!(std::time::Instant::now() < deadline, "the server's channel is still open");
        tokio::task::yield_now().await;
    }
    assert_eq!(site.seen.lock().unwrap().signals, ["TERM"]);
}

#[test]
fn what_was_given_up_has_its_exit_code() {
    assert_eq!(Stopped::Interrupted.ending(false).unwrap().code(), 130);
    assert_eq!(Stopped::Terminated.ending(true).unwrap().code(), 143);
    assert_eq!(Stopped::TimedOut.ending(false).unwrap_err().code(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_prove_that_it_is_the_bastion_gets_no_login() {
    let stranger = key::generate("another ca").unwrap();
    let certified = |ca: &PrivateKey, name: &str| {
        let (key, certificate) = host(ca, name);
        (key, Some(certificate))
    };
    let sites = [
        site(|_| certified(&stranger, "127.0.0.1"), vec![]).await,
        site(|ca| certified(ca, "web1"), vec![]).await,
        site(|ca| (host(ca, "127.0.0.1").0, None), vec![]).await,
    ];
    for site in sites {
        let error = site.connect().await.err().unwrap();
        assert_eq!(error.code(), 255);
        assert!(error.to_string().contains("host certificate is not accepted"), "{error}");
        assert_eq!(site.seen.lock().unwrap().user, "");
    }
}

#[tokio::test]
async fn a_name_that_a_load_balancer_answers_for_is_checked_in_its_place() {
    let mut site = site(
        |ca| {
            let (key, certificate) = host(ca, "bastion.example.com");
            (key, Some(certificate))
        },
        vec![],
    )
    .await;
    site.info.names = vec!["bastion.example.com".into()];
    site.connect().await.unwrap();
}

#[test]
fn the_login_may_be_left_out_where_one_is_named() {
    let target =
        |logins: &[&str]| serde_json::from_value::<TargetItem>(json!({"name": "demo", "logins": logins})).unwrap();
    assert_eq!(account(&target(&["*", "demo"])).unwrap().as_str(), "demo");
    assert_eq!(account(&target(&["demo"])).unwrap().as_str(), "demo");
    for logins in [&["*"][..], &["root", "demo"], &[]] {
        assert_eq!(account(&target(logins)).unwrap_err().code(), 2, "{logins:?}");
    }
}

//! The user's side of a case that is one SSH request: exec, exec with standard input, and the requests that are written
//! as `<…>`.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
};

use crate::{case::Verdict, folder::CaseFolder, place::Place};

/// How long a request may go on; then it is ended, and what it ran so far counts.
const LIMIT: Duration = Duration::from_secs(12);

/// How long a forward gets to be refused.
const FORWARD_LIMIT: Duration = Duration::from_secs(4);

/// More output than anybody reads.
const MOST_OUTPUT: u64 = 1 << 20;

/// What a shell without a terminal reads where a case does not say what.
const DANGEROUS_SCRIPT: &[u8] = b"rm -rf /srv/data\n";

/// Sends an exec request and returns what it printed.
///
/// # Errors
/// Fails when `ssh` cannot be started.
pub(crate) async fn exec(place: &Place, name: &str, command: &str, stdin: Option<&str>) -> Result<String> {
    let command = place.ssh(name, &["-T"], &[command])?;
    to_the_end(command, stdin.unwrap_or_default().as_bytes(), LIMIT).await
}

/// Starts the words of a case without a shell, which needs the sandbox, not the bastion.
///
/// # Errors
/// Fails when `ssh` cannot be started.
pub(crate) async fn words(place: &Place, name: &str) -> Result<String> {
    to_the_end(place.ssh(name, &["-T"], &["words"])?, b"", LIMIT).await
}

/// Sends the request that is written as `<…>`. The verdict is known where the audit log does not tell.
///
/// # Errors
/// Fails when the form is not known.
pub(crate) async fn protocol(
    place: &Place,
    name: &str,
    request: &str,
    stdin: Option<&str>,
    folder: &CaseFolder,
) -> Result<(String, Option<Verdict>)> {
    let inner = request.trim_start_matches('<').trim_end_matches('>').trim();
    let (what, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let rest = rest.trim();
    let what = what.trim_end_matches("@openssh.com");
    let shown = match what {
        "env" => return environment(place, name, rest, folder).await.map(|(shown, verdict)| (shown, Some(verdict))),
        "shell" => {
            let script = stdin.map_or(DANGEROUS_SCRIPT, str::as_bytes);
            to_the_end(place.ssh(name, &["-T"], &[])?, script, LIMIT).await?
        }
        "direct-tcpip" => to_the_end(place.ssh(name, &["-W", rest], &[])?, b"", FORWARD_LIMIT).await?,
        "direct-streamlocal" | "streamlocal" => stream_local(place, name, rest).await?,
        "tcpip-forward" | "streamlocal-forward" | "remote-forward" => {
            let options = ["-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9"];
            to_the_end(place.ssh(name, &options, &[])?, b"", FORWARD_LIMIT).await?
        }
        "subsystem" => to_the_end(place.ssh(name, &["-s"], &[rest])?, b"", FORWARD_LIMIT).await?,
        "x11-req" | "x11" => {
            let mut ssh = place.ssh(name, &["-Y", "-o", "ExitOnForwardFailure=yes"], &["true"])?;
            ssh.env("DISPLAY", "127.0.0.1:9");
            to_the_end(ssh, b"", FORWARD_LIMIT).await?
        }
        "auth-agent-req" | "agent" | "agent-forward" => agent(place, name).await?,
        _ => bail!("the form of this request is not known: {request}"),
    };
    Ok((shown, None))
}

/// A refused variable does not end a session, so what counts is whether the target got it.
async fn environment(place: &Place, name: &str, assignment: &str, folder: &CaseFolder) -> Result<(String, Verdict)> {
    let (variable, value) = assignment.split_once('=').context("no assignment")?;
    let value = value.trim_matches(['\'', '"']);
    // ssh reads the words of SetEnv as a shell would, so quotes go around the value.
    let more = format!(" {variable}=\"{}\"", value.replace('"', "\\\""));
    let command = place.ssh_with_environment(name, &more, &["-T"], &["true"])?;
    let shown = to_the_end(command, b"", LIMIT).await?;
    let set = folder.environment().iter().any(|pair| *pair == format!("{variable}={value}"));
    Ok((shown, if set { Verdict::Allow } else { Verdict::Block }))
}

/// A forward to a socket on the target is asked for when somebody connects.
async fn stream_local(place: &Place, name: &str, path: &str) -> Result<String> {
    let port = tests::peers::free_port()?;
    let forward = format!("127.0.0.1:{port}:{path}");
    let ssh = place.ssh(name, &["-N", "-L", &forward], &[])?;
    let connect = async {
        let connection = tests::patience::until("ssh listens", FORWARD_LIMIT, async || {
            Ok(TcpStream::connect(("127.0.0.1", port)).await.ok())
        });
        let mut connection = connection.await?;
        let _ = tokio::time::timeout(FORWARD_LIMIT, connection.read(&mut [0; 16])).await;
        Ok::<_, anyhow::Error>(())
    };
    let (shown, connected) = tokio::join!(to_the_end(ssh, b"", FORWARD_LIMIT), connect);
    connected?;
    shown
}

/// `ssh` asks for this only when it has an agent that answers.
async fn agent(place: &Place, name: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("agent");
    let program = tests::peers::find(&["ssh-agent"], "install the Debian package openssh-client")?;
    let mut agent =
        Command::new(program).arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
    let listens = async || Ok(socket.exists().then_some(()));
    tests::patience::until("the agent listens", FORWARD_LIMIT, listens).await?;
    let own = format!("IdentityAgent={}", socket.display());
    let shown = to_the_end(place.ssh(name, &["-T", "-A", "-o", &own], &["true"])?, b"", FORWARD_LIMIT).await;
    agent.kill().await?;
    shown
}

/// Runs a program until it ends, the bastion holds the request, or the time is over; returns what it printed.
pub(crate) async fn to_the_end(mut command: Command, input: &[u8], limit: Duration) -> Result<String> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let (mut stdin, stdout) = child.stdin.take().zip(child.stdout.take()).context("no pipes")?;
    let stderr = child.stderr.take().context("no pipe")?;
    let feed = async {
        // A program may end without having read everything.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let output = async {
        let mut output = Vec::new();
        let _ = BufReader::new(stdout).take(MOST_OUTPUT).read_to_end(&mut output).await;
        String::from_utf8_lossy(&output).into_owned()
    };
    let messages = async {
        let (mut lines, mut messages) = (BufReader::new(stderr).lines(), String::new());
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with("bastion: waiting") || line.starts_with("bastion: held") {
                let _ = child.start_kill();
            }
            messages += &format!("{line}\n");
        }
        messages
    };
    let shown = match tokio::time::timeout(limit, async { tokio::join!(feed, output, messages) }).await {
        Ok(((), output, messages)) => output + &messages,
        Err(_) => "(it went on)".to_owned(),
    };
    let _ = child.kill().await;
    Ok(shown)
}

//! The demo's throw-away SSH target: a small SSH server on loopback that runs a
//! shell in a PTY, as the user who started the demo, in a folder of its own.
//!
//! It stands in for a real host: it trusts the bastion's target CA and nothing
//! else, so it shows that a login really comes with a certificate.

use std::os::unix::process::ExitStatusExt;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use russh::{
    Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, MethodKind, MethodSet, Sig,
    keys::{Certificate, PrivateKey, PublicKey, ssh_key::certificate::CertType},
    server::{self, Auth, ChannelOpenHandle, Msg, Session},
};
use rustix::process::{Pid, Signal, kill_process_group};
use ssh_client::message::{END_OF_WRITE, wants_reply};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    process::Command,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// The target's name and its only account.
pub const NAME: &str = "demo";

/// Size of the buffer between the program and the channel, in bytes.
const BUFFER_BYTES: usize = 32 * 1024;

/// After the program has ended, its terminal is read until it is silent for this long: a
/// program left in the background may hold it open for ever.
const LAST_OUTPUT: Duration = Duration::from_millis(200);

/// The type of extended data that is stderr (RFC 4254 §5.2).
const STDERR: u32 = 1;

/// Where OpenSSH's sftp server is on common systems.
const SFTP_SERVERS: [&str; 3] =
    ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"];

/// The running target.
pub struct DemoTarget {
    address: SocketAddr,
    host_key: PublicKey,
    server: tokio::task::JoinHandle<()>,
}

impl DemoTarget {
    /// Starts it on a free loopback port, with `home` as the home folder of its account.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(host_key: PrivateKey, target_ca: PublicKey, home: PathBuf) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, public) = (listener.local_addr()?, host_key.public_key().clone());
        let config = Arc::new(server::Config {
            methods: MethodSet::from(&[MethodKind::PublicKey][..]),
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![host_key],
            inactivity_timeout: None,
            nodelay: true,
            consumption_window: true,
            application_channels: true,
            ..server::Config::default()
        });
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let handler = TargetHandler { target_ca: target_ca.clone(), home: home.clone() };
                let config = Arc::clone(&config);
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    if let Ok(session) = server::run_stream(config, stream, handler).await {
                        // How a connection of the demo's target ended concerns nobody.
                        let _ = session.await;
                    }
                });
            }
        });
        Ok(Self { address, host_key: public, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its host key, to be pinned.
    #[must_use]
    pub fn host_key(&self) -> &PublicKey {
        &self.host_key
    }
}

impl Drop for DemoTarget {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One connection.
struct TargetHandler {
    target_ca: PublicKey,
    home: PathBuf,
}

impl server::Handler for TargetHandler {
    type Error = russh::Error;

    async fn auth_openssh_certificate(&mut self, user: &str, certificate: &Certificate) -> Result<Auth, russh::Error> {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let good = user == NAME
            && certificate.cert_type() == CertType::User
            && certificate.valid_principals().iter().any(|principal| principal == NAME)
            && certificate.critical_options().iter().next().is_none()
            && certificate.validate_at(now, [&self.target_ca.fingerprint(Default::default())]).is_ok();
        Ok(if good { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        let (home, handle) = (self.home.clone(), session.handle());
        tokio::spawn(serve(channel, handle, home));
        Ok(())
    }
}

/// Collects the requests of one channel, then runs its program to the end.
async fn serve(channel: Channel<Msg>, handle: server::Handle, home: PathBuf) {
    let mut terminal = None;
    let mut env = Vec::new();
    let (mut reader, writer) = channel.split();
    let program = loop {
        let message = reader.wait().await;
        let owed = message.as_ref().is_some_and(wants_reply);
        let (granted, program) = match message {
            None | Some(ChannelMsg::Close) => {
                let _ = writer.close().await;
                return;
            }
            Some(ChannelMsg::RequestPty { term, col_width, row_height, .. }) => {
                env.push(("TERM".to_owned(), term));
                terminal = Some(size(col_width, row_height));
                (true, None)
            }
            Some(ChannelMsg::SetEnv { variable_name, variable_value, .. }) => {
                env.push((variable_name, variable_value));
                (true, None)
            }
            Some(ChannelMsg::RequestShell { .. }) => (true, Some(vec!["-i".to_owned()])),
            Some(ChannelMsg::Exec { command, .. }) => {
                (true, Some(vec!["-c".to_owned(), String::from_utf8_lossy(&command).into_owned()]))
            }
            Some(ChannelMsg::RequestSubsystem { name, .. }) => {
                let server = sftp_server().filter(|_| name == "sftp");
                (server.is_some(), server.map(|server| vec!["-c".to_owned(), format!("exec {server}")]))
            }
            Some(_) => (false, None),
        };
        if owed && writer.reply(granted).await.is_err() {
            return;
        }
        if let Some(program) = program {
            break program;
        }
    };
    let ended = match terminal {
        Some(size) => run_in_terminal(program, env, size, &home, reader, &writer).await,
        None => run_with_pipes(program, env, &home, reader, &writer).await,
    };
    let status = match ended {
        Ok(status) => status,
        Err(error) => {
            let _ = writer.extended_data_bytes(STDERR, format!("demo target: {error}\r\n")).await;
            ExitStatus::from_raw(127 << 8)
        }
    };
    // The other side may be gone; there is nobody else to tell.
    let _ = writer.eof().await;
    if let Some(code) = status.code() {
        let _ = writer.exit_status(code.try_into().unwrap_or(u32::MAX)).await;
    } else {
        let signal = signal_name(status.signal().unwrap_or_default());
        let _ = handle.exit_signal_request(writer.id(), signal, false, String::new(), String::new()).await;
    }
    let _ = writer.close().await;
}

/// The arguments with which `/bin/sh` becomes the shell with these: the bastion itself makes files for nobody else
/// (umask 077), the accounts of hosts do not.
fn as_a_login_makes_files(arguments: Vec<String>) -> impl Iterator<Item = String> {
    let words = ["-c", "umask 022; exec \"$0\" \"$@\""].map(str::to_owned);
    words.into_iter().chain([shell().to_owned()]).chain(arguments)
}

/// Runs a shell in a new terminal.
async fn run_in_terminal(
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    size: Size,
    home: &Path,
    reader: ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> io::Result<ExitStatus> {
    let (pty, pts) = pty_process::open().map_err(io::Error::other)?;
    pty.resize(size).map_err(io::Error::other)?;
    let mut child = pty_process::Command::new("/bin/sh")
        .args(as_a_login_makes_files(arguments))
        .env_clear()
        .envs(environment(home))
        .envs(env)
        .current_dir(home)
        .kill_on_drop(true)
        .spawn(pts)
        .map_err(io::Error::other)?;
    let (mut output, input) = pty.into_split();
    let typing = tokio::spawn(type_into(reader, input, child.id()));

    let mut buffer = vec![0; BUFFER_BYTES];
    let status = loop {
        tokio::select! {
            biased;
            read = output.read(&mut buffer) => match read {
                // EIO: the last process that held the terminal has gone.
                Ok(0) | Err(_) => break child.wait().await?,
                Ok(read) => send(writer, buffer.get(..read).unwrap_or_default()).await?,
            },
            status = child.wait() => {
                drain(&mut output, &mut buffer, writer).await?;
                break status?;
            }
        }
    };
    typing.abort();
    Ok(status)
}

/// What a program left in its terminal when it ended.
async fn drain(output: &mut OwnedReadPty, buffer: &mut [u8], writer: &ChannelWriteHalf<Msg>) -> io::Result<()> {
    while let Ok(Ok(read @ 1..)) = timeout(LAST_OUTPUT, output.read(buffer)).await {
        send(writer, buffer.get(..read).unwrap_or_default()).await?;
    }
    Ok(())
}

/// Carries input, sizes and signals to a program in a terminal.
async fn type_into(mut reader: ChannelReadHalf, mut input: OwnedWritePty, child: Option<u32>) {
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Data { data }) => {
                if input.write_all(&data).await.is_err() {
                    return;
                }
                reader.release(data.len().try_into().unwrap_or(u32::MAX));
            }
            Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => {
                let _ = input.resize(size(col_width, row_height));
            }
            Some(ChannelMsg::Signal { signal }) => forward_signal(child, &signal),
            None | Some(ChannelMsg::Close) => return forward_signal(child, &Sig::HUP),
            Some(_) => {}
        }
    }
}

/// Runs a shell with pipes.
async fn run_with_pipes(
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    home: &Path,
    reader: ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> io::Result<ExitStatus> {
    let mut child = Command::new("/bin/sh")
        .args(as_a_login_makes_files(arguments))
        .env_clear()
        .envs(environment(home))
        .envs(env)
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let unread = CancellationToken::new();
    let feeding = tokio::spawn(feed(reader, child.stdin.take(), child.id(), unread.clone()));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Who does not read gets no output; the program still ends as it ends.
    let always_read = CancellationToken::new();
    tokio::join!(copy(stdout, writer, None, &unread), copy(stderr, writer, Some(STDERR), &always_read));
    let status = child.wait().await;
    feeding.abort();
    status
}

/// Carries input and signals to a program with pipes. `unread` is cancelled when nobody reads its output any more.
async fn feed(
    mut reader: ChannelReadHalf,
    mut input: Option<impl AsyncWrite + Unpin>,
    child: Option<u32>,
    unread: CancellationToken,
) {
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Data { data }) => {
                if let Some(open) = &mut input
                    && open.write_all(&data).await.is_err()
                {
                    input = None;
                }
                reader.release(data.len().try_into().unwrap_or(u32::MAX));
            }
            Some(ChannelMsg::Eof) => input = None,
            Some(ChannelMsg::Request { name, .. }) if name == END_OF_WRITE => unread.cancel(),
            Some(ChannelMsg::Signal { signal }) => forward_signal(child, &signal),
            // As sshd: it goes on, without anybody.
            Some(ChannelMsg::Close) => return unread.cancel(),
            None => return forward_signal(child, &Sig::HUP),
            Some(_) => {}
        }
    }
}

/// Copies one output stream to the channel until it ends, or nobody reads it.
async fn copy(
    stream: Option<impl AsyncRead + Unpin>,
    writer: &ChannelWriteHalf<Msg>,
    extended: Option<u32>,
    unread: &CancellationToken,
) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Some(Ok(read @ 1..)) = unread.run_until_cancelled(stream.read(&mut buffer)).await {
        let data = buffer.get(..read).unwrap_or_default().to_vec();
        let written = async {
            match extended {
                None => writer.data_bytes(data).await,
                Some(kind) => writer.extended_data_bytes(kind, data).await,
            }
        };
        if !matches!(unread.run_until_cancelled(written).await, Some(Ok(()))) {
            return;
        }
    }
}

async fn send(writer: &ChannelWriteHalf<Msg>, data: &[u8]) -> io::Result<()> {
    writer.data_bytes(data.to_vec()).await.map_err(io::Error::other)
}

fn forward_signal(child: Option<u32>, signal: &Sig) {
    let number = match signal {
        Sig::HUP => Signal::HUP,
        Sig::INT => Signal::INT,
        Sig::QUIT => Signal::QUIT,
        Sig::KILL => Signal::KILL,
        Sig::TERM => Signal::TERM,
        Sig::USR1 => Signal::USR1,
        Sig::ABRT | Sig::ALRM | Sig::FPE | Sig::ILL | Sig::PIPE | Sig::SEGV | Sig::Custom(_) => return,
    };
    if let Some(group) = child.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // The program may have ended at this moment.
        let _ = kill_process_group(group, number);
    }
}

fn signal_name(number: i32) -> Sig {
    match number {
        1 => Sig::HUP,
        2 => Sig::INT,
        3 => Sig::QUIT,
        4 => Sig::ILL,
        6 => Sig::ABRT,
        8 => Sig::FPE,
        9 => Sig::KILL,
        10 => Sig::USR1,
        11 => Sig::SEGV,
        13 => Sig::PIPE,
        14 => Sig::ALRM,
        15 => Sig::TERM,
        number => Sig::Custom(format!("{number}@bastion-demo")),
    }
}

fn size(cols: u32, rows: u32) -> Size {
    let cells = |cells: u32, default| if cells == 0 { default } else { u16::try_from(cells).unwrap_or(u16::MAX) };
    Size::new(cells(rows, 24), cells(cols, 80))
}

fn sftp_server() -> Option<&'static str> {
    SFTP_SERVERS.into_iter().find(|server| Path::new(server).exists())
}

/// bash if it is there, else whatever `sh` is.
fn shell() -> &'static str {
    if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" }
}

/// The environment of the demo's account: nothing of the person who started the demo but the search path.
fn environment(home: &Path) -> Vec<(String, String)> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    [
        ("HOME", home.display().to_string()),
        ("LOGNAME", NAME.to_owned()),
        ("PATH", path),
        ("PS1", "demo@demo:\\w\\$ ".to_owned()),
        ("SHELL", shell().to_owned()),
        ("USER", NAME.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

//! A stand-in for an API server that refuses, cuts, dawdles and lies: only what kubectl asks for before it runs a
//! command or forwards a port, and then whatever a test wants. Shares no code with the product.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::patience::{SOON, until};

pub mod channels;
pub mod spdy;
pub mod websocket;

use channels::Protocol;

/// The path of a list without an end.
pub const ENDLESS: &str = "/api/v1/namespaces/default/configmaps";

/// What a command does once it runs; also what the server does to its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Standard output.
    Out(Vec<u8>),
    /// Standard error.
    Err(Vec<u8>),
    /// What is written on the stream of the status.
    Status(String),
    /// These in a single write.
    Together(Vec<Self>),
    /// These bytes, whatever they mean.
    Raw(Vec<u8>),
    /// Waits for so many bytes of standard input.
    AwaitInput(usize),
    /// Waits for the end of standard input.
    AwaitEnd,
    /// Ends the sending half of the connection, and reads on.
    HalfClose,
    /// Reads on, and says nothing, until the peer leaves.
    Hold,
}

impl Step {
    /// The status of a command that ended with a code.
    pub fn exit(code: u8) -> Self {
        Self::Status(if code == 0 {
            json!({ "metadata": {}, "status": "Success" }).to_string()
        } else {
            json!({
                "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
                "message": format!("command terminated with non-zero exit code: exit status {code}"),
                "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
            })
            .to_string()
        })
    }
}

/// How the server behaves from now on.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// The status with which WebSocket is refused, if it is.
    pub websocket: Option<u16>,
    /// The same for SPDY.
    pub spdy: Option<u16>,
    /// The longest write; 0 is as long as it comes.
    pub piece: usize,
    /// What a command does.
    pub steps: Vec<Step>,
}

impl Behaviour {
    /// Takes any transport, writes whole, and does this.
    pub fn of(steps: impl Into<Vec<Step>>) -> Self {
        Self { websocket: None, spdy: None, piece: 0, steps: steps.into() }
    }

    /// The same without WebSocket.
    #[must_use]
    pub fn without_websocket(self) -> Self {
        Self { websocket: Some(403), ..self }
    }

    /// The same in writes of at most `piece` bytes.
    #[must_use]
    pub fn in_pieces(self, piece: usize) -> Self {
        Self { piece, ..self }
    }
}

/// What the server saw.
#[derive(Default, Debug)]
pub struct Seen {
    /// Method, path and the protocol that was asked for, of requests that ask for one.
    pub upgrades: Vec<String>,
    /// The standard input of the last command.
    pub stdin: Vec<u8>,
    /// Sizes of the last command's terminal, as they came.
    pub sizes: Vec<String>,
    /// Lists without an end that somebody reads, or at least has not left.
    pub lists: usize,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Seen>,
}

/// The server; it ends with this value.
pub struct FaultCluster {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl FaultCluster {
    /// Starts it on a free loopback port.
    ///
    /// # Errors
    /// Fails when there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let behaviour = Mutex::new(Behaviour::of([]));
        let shared = Arc::new(Shared { behaviour, seen: Mutex::default() });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Writes a kubeconfig for it.
    ///
    /// # Errors
    /// Fails when the file cannot be written.
    pub fn kubeconfig(&self, folder: &Path) -> Result<PathBuf> {
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "fault",
            "clusters": [{ "name": "fault", "cluster": { "server": format!("http://{}", self.address) } }],
            "users": [{ "name": "bastion", "user": { "token": "of-the-bastion" } }],
            "contexts": [{ "name": "fault", "context": { "cluster": "fault", "user": "bastion" } }],
        });
        let path = folder.join("fault.kubeconfig");
        std::fs::write(&path, kubeconfig.to_string())?;
        Ok(path)
    }

    /// From now on it behaves so, and what it saw is forgotten.
    pub fn set(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
        *lock(&self.shared.seen) = Seen::default();
    }

    /// What it saw.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.shared.seen)
    }

    /// Waits until it saw `what`.
    ///
    /// # Errors
    /// Fails when that does not come soon.
    pub async fn sees(&self, what: &str, seen: impl Fn(&Seen) -> bool) -> Result<()> {
        let outcome = until(what, SOON, async || Ok(seen(&self.seen()).then_some(()))).await;
        outcome.with_context(|| format!("{:?}", self.seen().upgrades))
    }
}

impl Drop for FaultCluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A peer that leaves is what some tests want.
            let _ = serve(stream, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The head of a request.
struct Head {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
}

impl Head {
    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { bail!("no request line") };
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Ok(Self { method: method.to_owned(), target: target.to_owned(), fields: fields.collect() })
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = Head::parse(&String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()))?;
        let body: usize = head.field("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        buffer.drain(..end + 4);
        while buffer.len() < body {
            stream.read_buf(&mut buffer).await?;
        }
        buffer.drain(..body);
        if head.path() == ENDLESS {
            lock(&shared.seen).lists += 1;
            let left = list(&mut stream).await;
            lock(&shared.seen).lists -= 1;
            return left;
        }
        let Some(protocol) = head.field("upgrade").map(str::to_ascii_lowercase) else {
            let (status, answer) = answer(&head);
            write_answer(&mut stream, status, &answer).await?;
            continue;
        };
        lock(&shared.seen).upgrades.push(format!("{} {} {protocol}", head.method, head.path()));
        let behaviour = lock(&shared.behaviour).clone();
        let refused = if protocol == "websocket" { behaviour.websocket } else { behaviour.spdy };
        if let Some(status) = refused {
            let refusal = json!({
                "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status,
                "message": format!("no {protocol} here"), "reason": "Forbidden",
            });
            write_answer(&mut stream, status, &refusal).await?;
            continue;
        }
        let protocol = switch(&mut stream, &head, &protocol).await?;
        return protocol.run(stream, behaviour, &shared.seen).await;
    }
}

/// A list that goes on as long as somebody takes it.
async fn list(stream: &mut TcpStream) -> Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{{\"items\":[",
        u64::MAX / 2
    );
    stream.write_all(head.as_bytes()).await?;
    let items = "{\"kind\":\"ConfigMap\"},".repeat(4096);
    loop {
        stream.write_all(items.as_bytes()).await?;
    }
}

/// Answers that the protocol is changed, to what is offered first.
async fn switch(stream: &mut TcpStream, head: &Head, protocol: &str) -> Result<Protocol> {
    let is_forward = head.path().ends_with("/portforward");
    let (line, protocol) = match (protocol, head.field("sec-websocket-key")) {
        ("websocket", Some(key)) => {
            let offered =
                head.field("sec-websocket-protocol").unwrap_or_default().split(',').next().unwrap_or_default();
            let lines = format!(
                "websocket\r\nSec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {offered}",
                websocket::accept(key)
            );
            (lines, Protocol::web_socket())
        }
        _ => {
            let offered = head.field("x-stream-protocol-version").unwrap_or_default();
            // Which streams are wanted, the query says.
            let wanted = |name: &str| head.target.contains(&format!("{name}=true"));
            let streams = 1 + ["stdin", "stdout", "stderr", "tty"].into_iter().filter(|name| wanted(name)).count();
            let protocol = if is_forward { Protocol::echo() } else { Protocol::spdy(streams) };
            (format!("SPDY/3.1\r\nX-Stream-Protocol-Version: {offered}"), protocol)
        }
    };
    let answer = format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {line}\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    Ok(protocol)
}

async fn write_answer(stream: &mut TcpStream, status: u16, body: &Value) -> Result<()> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Ok(stream.write_all(head.as_bytes()).await?)
}

/// What kubectl asks for before it runs a command or forwards a port.
fn answer(head: &Head) -> (u16, Value) {
    let pod = head.path().strip_prefix("/api/v1/namespaces/default/pods/");
    match (head.path(), pod) {
        ("/api", _) => (200, json!({ "kind": "APIVersions", "versions": ["v1"] })),
        ("/apis", _) => (200, json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [] })),
        ("/api/v1", _) => {
            let pods = json!({ "name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod",
                "verbs": ["get", "list"], "shortNames": ["po"] });
            (200, json!({ "kind": "APIResourceList", "groupVersion": "v1", "resources": [pods] }))
        }
        (_, Some(name)) if !name.contains('/') => {
            let container = json!({ "name": "main", "image": "none", "stdin": true, "tty": false });
            let spec = json!({ "containers": [container], "nodeName": "nowhere" });
            (
                200,
                json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": name, "namespace": "default" },
                "spec": spec, "status": { "phase": "Running" } }),
            )
        }
        _ => (404, json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404 })),
    }
}

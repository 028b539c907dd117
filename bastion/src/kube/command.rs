//! exec and attach: a request becomes a session, as an SSH channel does.
//!
//! ```text
//!   request ── judged ──> refused: a Status, before anything is upgraded
//!                 │  └──> held, or commands on standard input: the user's side is upgraded, told, waited for
//!                 └─────> session: recording open ──> cluster upgraded ──> user's side upgraded ──> relay
//! ```
//!
//! What the cluster says instead of upgrading reaches the user unchanged.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use bytes::Bytes;
use config::{Login, TargetName};
use http::StatusCode;
use policy::{
    Hold, Input, Permit, Protocol, WindowSize,
    approval::{Act, ActKind, Stdin},
};
use tokio::sync::oneshot;

use super::{
    dial::{Call, DialError},
    remote_command::{RemoteTargetReader, RemoteTargetWriter},
    request_info::{RequestInfo, StreamRequest},
    status::{Refusal, Told},
    stream::Streams,
    upgrade::Upgrade,
};
use crate::{
    identity::Authenticated,
    session::{
        SessionRequest,
        applicant::{Applicant, Judged},
        approve::HeldReader,
        leg::{LegClosed, UserReader, UserWriter},
        permit::LivePermit,
        request::{Request, judge_request, quoted},
        script::Script,
        start::PreparedTarget,
        terminal::{FromUser, Terminal},
        voice::{BLOCKED, REFUSED, Said, Voice},
    },
    store::SessionKind,
};

mod approval;
pub mod door;

use door::{Answer, Door, DoorReader, DoorWriter, Waiting, door};

/// What is to run, as the query says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Whether it is started, or runs already.
    pub kind: SessionKind,
    /// The program and its arguments; empty for attach.
    pub words: Vec<String>,
    /// In which container of the pod, where the request says so.
    pub container: Option<String>,
    /// Its streams.
    pub streams: Streams,
    /// `POD.NAMESPACE`, as in the cluster's own DNS.
    pub pod: Login,
}

impl Command {
    /// Reads a request for exec or attach.
    ///
    /// # Errors
    ///
    /// When it says nothing that could run.
    pub fn read(info: &RequestInfo, stream: StreamRequest) -> Result<Self, Refusal> {
        let refused = |message: &str| Refusal::new(StatusCode::BAD_REQUEST, message);
        let resource = info.resource.as_ref().filter(|resource| resource.rest.is_empty());
        let resource = resource.ok_or_else(|| refused("the path goes on after the pod"))?;
        let pod = format!("{}.{}", resource.name, resource.namespace).parse();
        let words: Vec<String> = match stream {
            StreamRequest::Exec => info.query.all("command").map(str::to_owned).collect(),
            StreamRequest::Attach | StreamRequest::PortForward | StreamRequest::Proxy => Vec::new(),
        };
        if stream == StreamRequest::Exec && words.is_empty() {
            return Err(refused("you must specify at least one command for the container"));
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err(refused("no argument of a program has a NUL character"));
        }
        let set = |name| info.query.is_set(name);
        let tty = set("tty");
        let streams = Streams { stdin: set("stdin"), stdout: set("stdout"), stderr: set("stderr") && !tty, tty };
        if !(streams.stdin || streams.stdout || streams.stderr) {
            return Err(refused("you must specify at least 1 of stdin, stdout, stderr"));
        }
        Ok(Self {
            kind: if stream == StreamRequest::Exec { SessionKind::Exec } else { SessionKind::Attach },
            words,
            container: info.query.first("container").filter(|name| !name.is_empty()).map(str::to_owned),
            streams,
            pod: pod.map_err(|_| refused("the pod's name is none"))?,
        })
    }

    /// The query with which the cluster is asked for exactly this.
    #[must_use]
    pub fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for word in &self.words {
            query.append_pair("command", word);
        }
        if let Some(container) = &self.container {
            query.append_pair("container", container);
        }
        let Streams { stdin, stdout, stderr, tty } = self.streams;
        for (name, wanted) in [("stdin", stdin), ("stdout", stdout), ("stderr", stderr), ("tty", tty)] {
            if wanted {
                query.append_pair(name, "true");
            }
        }
        query.finish()
    }

    /// What the rules on commands look at.
    fn request(&self) -> Request<'_> {
        let terminal = self.streams.tty;
        match self.kind {
            SessionKind::Attach => Request::Attach { terminal, stdin: self.streams.stdin },
            SessionKind::Exec | SessionKind::Sftp | SessionKind::Shell => {
                Request::Argv { words: &self.words, terminal }
            }
        }
    }

    /// Exactly what will run, for those who approve it; `stdin` is all of its standard input, where that was read.
    fn act(&self, stdin: Option<&[u8]>) -> Act {
        let kind = if self.kind == SessionKind::Attach { ActKind::Attach } else { ActKind::Argv };
        Act {
            container: self.container.clone(),
            terminal: self.streams.tty.then(|| TERM.to_owned()),
            stdin: match stdin {
                _ if !self.streams.stdin => Stdin::None,
                Some(stdin) => Stdin::Given(Bytes::copy_from_slice(stdin)),
                None => Stdin::Live,
            },
            ..Act::of(kind, Protocol::Kubernetes, self.words.iter().cloned())
        }
    }
}

/// Somebody who may run commands in a cluster, and what they want to run.
pub struct Run {
    /// Who.
    pub user: Authenticated,
    /// The permission of this session.
    pub permit: Permit,
    /// What other people have to say first.
    pub hold: Option<Hold>,
    /// What ends it.
    pub standing: LivePermit,
    /// What the audit log and other people are told.
    pub applicant: Applicant,
    /// What is to run.
    pub command: Command,
    /// How the cluster is asked for it.
    pub call: Call,
    /// From where.
    pub source: SocketAddr,
}

impl Run {
    /// Answers the request: by a refusal, or by an upgrade behind which a task serves the session.
    ///
    /// # Errors
    ///
    /// With what the user is told.
    pub async fn serve(
        self,
        connection: hyper::upgrade::OnUpgrade,
        upgrade: Upgrade,
        tasks: &tokio_util::task::TaskTracker,
        hold: impl Send + 'static,
    ) -> Result<Answer, Told> {
        let transport = upgrade.command().map_err(|refusal| refusal.told())?;
        let judged = self.judge(self.no_stdin()).await;
        if let Judged::Refused { rule, reason } = judged {
            return Err(Refusal::new(StatusCode::FORBIDDEN, reason).by_rule(rule.map(String::from)).told());
        }
        let (answer, answered) = oneshot::channel();
        let streams = self.command.streams;
        let legs = door(Waiting { answer, connection, upgrade, transport, streams });
        tasks.spawn(async move {
            self.admitted(judged, legs).await;
            drop(hold);
        });
        let gone = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the session ended before it began").told();
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Where nothing comes on standard input, all of it is known.
    fn no_stdin(&self) -> Option<&'static [u8]> {
        (!self.command.streams.stdin).then_some(b"")
    }

    async fn judge(&self, stdin: Option<&[u8]>) -> Judged {
        let (rules, mode) = (self.standing.rules.borrow().clone(), self.permit.obligations().mode);
        let (who, what) = (&self.standing.user, self.standing.site());
        let request = self.command.request();
        let verdict = judge_request(&rules, who, what, mode, (request, stdin), SystemTime::now());
        self.applicant.judged(verdict, request, stdin.filter(|stdin| !stdin.is_empty())).await
    }

    /// Waits for what the role wants to be approved.
    async fn admitted(mut self, judged: Judged, (door, reader, writer): (Arc<Door>, DoorReader, DoorWriter)) {
        let Some(hold) = self.hold.take() else { return self.judged(judged, door, reader, writer).await };
        if door.open().await.is_err() {
            return;
        }
        let mut reader = HeldReader::new(reader, self.command.streams.tty);
        if self.connection_approved(hold, &mut reader, &writer).await {
            let judged = self.judge(self.no_stdin()).await;
            self.judged(judged, door, reader, writer).await;
        }
    }

    async fn judged<R: UserReader>(self, judged: Judged, door: Arc<Door>, reader: R, writer: DoorWriter) {
        let is_terminal = self.command.streams.tty;
        match judged {
            Judged::Allowed(input) => self.start(door, reader, writer, input).await,
            Judged::Refused { rule, reason } => {
                refuse(&writer, Said::Blocked { rule, message: reason, approval: None }).await
            }
            // The user waits with words, and so on an open connection.
            Judged::Held(verdict) => {
                if door.open().await.is_ok() {
                    let mut reader = HeldReader::new(reader, is_terminal);
                    if let Some(input) = self.approved(&verdict, self.no_stdin(), &mut reader, &writer).await {
                        self.start(door, reader, writer, input).await;
                    }
                }
            }
            Judged::NeedsStdin => {
                if door.open().await.is_ok() {
                    self.script(door, reader, writer).await;
                }
            }
        }
    }

    /// Reads all of standard input, has it judged, and only then runs what was asked for.
    async fn script<R: UserReader>(self, door: Arc<Door>, reader: R, writer: DoorWriter) {
        let paid = PaidReader { reader, writer: writer.clone() };
        let script = match Script::read(paid).await {
            Ok(script) => script,
            Err(error) => return refuse(&writer, blocked(error.to_string())).await,
        };
        let stdin = Bytes::copy_from_slice(script.bytes());
        let mut reader = HeldReader::new(script.into_reader(), false);
        match self.judge(Some(&stdin)).await {
            Judged::Allowed(input) => self.start(door, reader, writer, input).await,
            Judged::Held(verdict) => {
                if let Some(input) = self.approved(&verdict, Some(&stdin), &mut reader, &writer).await {
                    self.start(door, reader, writer, input).await;
                }
            }
            Judged::NeedsStdin => {
                refuse(&writer, blocked("the commands on standard input cannot be judged".to_owned())).await;
            }
            Judged::Refused { rule, reason } => {
                refuse(&writer, Said::Blocked { rule, message: reason, approval: None }).await
            }
        }
    }

    async fn start<R: UserReader>(self, door: Arc<Door>, reader: R, writer: DoorWriter, input: Input) {
        let Self { user, permit, standing, applicant, command, call, source, hold: _ } = self;
        let text = (!command.words.is_empty()).then(|| Bytes::from(quoted(&command.words)));
        let terminal = command.streams.tty;
        let request = SessionRequest {
            user,
            permit,
            standing,
            protocol: Protocol::Kubernetes,
            container: command.container,
            kind: command.kind,
            command: text,
            input,
            // Its size follows at once, or never.
            terminal: terminal.then(|| Terminal { term: TERM.to_owned(), size: WindowSize::DEFAULT }),
            env: Vec::new(),
            reason: applicant.reason.clone(),
            events: false,
            source,
        };
        let target = Prepared { call, streams: command.streams, cluster: applicant.target.clone(), door };
        applicant.sessions.run(request, (reader, writer), async { Ok(target) }).await;
    }
}

async fn refuse(writer: &DoorWriter, said: Said) {
    let status = if matches!(&said, Said::Blocked { .. }) { BLOCKED } else { REFUSED };
    Voice::Words.refuse(writer, &said, status).await;
}

fn blocked(message: String) -> Said {
    Said::Blocked { rule: None, message, approval: None }
}

/// A cluster that is asked once the recording is open: in Kubernetes to be connected is to run.
struct Prepared {
    call: Call,
    streams: Streams,
    cluster: TargetName,
    door: Arc<Door>,
}

/// Why nothing runs.
#[derive(Debug, thiserror::Error)]
enum LaunchError {
    #[error("{0}")]
    Dial(String),
    #[error("the user has gone")]
    UserGone(#[from] LegClosed),
}

impl PreparedTarget for Prepared {
    type Reader = RemoteTargetReader;
    type Writer = RemoteTargetWriter;
    type Error = LaunchError;

    async fn launch(self) -> Result<(RemoteTargetReader, RemoteTargetWriter), LaunchError> {
        match self.call.command(self.streams).await {
            Ok(legs) => {
                self.door.open().await?;
                Ok(legs)
            }
            Err(error) => {
                if matches!(&error, DialError::Refused(told) if told.status == StatusCode::UNAUTHORIZED) {
                    tracing::error!(target.name = %self.cluster, "the cluster does not take the bastion's own credential");
                }
                let reason = error.to_string();
                self.door.refuse(error.told());
                Err(LaunchError::Dial(reason))
            }
        }
    }
}

/// A user who may send on while a script is read: it is longer than what a connection holds.
struct PaidReader<R> {
    reader: R,
    writer: DoorWriter,
}

impl<R: UserReader> UserReader for PaidReader<R> {
    async fn next(&mut self) -> FromUser {
        let event = self.reader.next().await;
        if let FromUser::Data(data) = &event {
            self.writer.release(data.len());
        }
        event
    }
}

/// What kubectl's terminals understand; the container has its own word for it.
const TERM: &str = "xterm";

#[cfg(test)]
mod tests;

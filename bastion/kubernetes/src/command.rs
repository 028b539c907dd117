//! exec and attach: a request becomes a session, as an SSH channel does.
//!
//! ```text
//!   request ── judged ──> refused: a Status, before anything is upgraded
//!                 │  └──> held, or commands on standard input: the user's side is upgraded, told, waited for
//!                 └─────> session: recording open ──> cluster upgraded ──> user's side upgraded ──> relay
//! ```
//!
//! What the cluster says instead of upgrading reaches the user unchanged.

use std::sync::Arc;

use approval::{ApprovalKind, Approvals, NewApproval};
use bytes::Bytes;
use config::{Login, TargetName};
use http::StatusCode;
use mask::WindowSize;
use policy::{
    Approved, Hold, Protocol,
    approval::{Act, ActKind, Stdin},
};
use session::{
    SessionRequest,
    admission::{AccessRequest, Admitted, NotPermitted, Permitted, admit},
    leg::{LegClosed, UserWriter as _},
    line_gate::LoginShell,
    request::{Request, quoted},
    start::PreparedTarget,
    terminal::Terminal,
    visit::Judged,
};
use tokio::sync::oneshot;
use wire::{
    request_info::{RequestInfo, StreamRequest},
    stream::Streams,
};

use super::{
    dial::{Call, DialError},
    front::decision::for_each_connection,
    remote_command::{RemoteTargetReader, RemoteTargetWriter},
    status::{Refusal, Told},
    upgrade::Upgrade,
};

pub mod user_upgrade;

use user_upgrade::{PendingUpgrade, UpgradeAnswer, UpgradedReader, UpgradedWriter, UserUpgrade, user_upgrade};

/// What is to run, as the query says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments; empty for attach, where it runs already.
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
        if self.words.is_empty() {
            Request::Attach { terminal, stdin: self.streams.stdin }
        } else {
            Request::Argv { words: &self.words, terminal }
        }
    }

    /// Exactly what will run, for those who approve it; `stdin` is all of its standard input, where that was read.
    fn act(&self, stdin: Option<&[u8]>) -> Act {
        let kind = if self.words.is_empty() { ActKind::Attach } else { ActKind::Argv };
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
    /// What other people have to say first.
    pub hold: Option<Hold>,
    /// Who, and the permission of this session, which ends it where it no longer holds.
    pub permitted: Permitted,
    /// What is to run.
    pub command: Command,
    /// How the cluster is asked for it.
    pub call: Call,
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
    ) -> Result<UpgradeAnswer, Told> {
        let transport = upgrade.command().map_err(|refusal| refusal.told())?;
        if self.hold.is_some()
            && let Judged::Refused(refusal) = self.permitted.judge(self.request(), self.no_stdin().into()).await
        {
            // Nobody is asked about what would not run.
            return Err(Refusal::from(refusal).told());
        }
        let (answer, answered) = oneshot::channel();
        let streams = self.command.streams;
        let (user_upgrade, reader, writer) =
            user_upgrade(PendingUpgrade { answer, connection, upgrade, transport, streams });
        tasks.spawn(async move {
            match admit(self, reader, &writer).await {
                Ok(admitted) => start(admitted, user_upgrade, writer).await,
                Err(refusal) => writer.refuse(&refusal).await,
            }
            drop(hold);
        });
        let gone = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the session ended before it began").told();
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Where nothing comes on standard input, all of it is known.
    fn no_stdin(&self) -> Option<&'static [u8]> {
        (!self.command.streams.stdin).then_some(b"")
    }
}

impl AccessRequest for Run {
    fn request(&self) -> Request<'_> {
        self.command.request()
    }

    fn act(&self, stdin: Option<&Bytes>) -> Act {
        self.command.act(stdin.map(AsRef::as_ref))
    }

    fn has_terminal(&self) -> bool {
        self.command.streams.tty
    }

    fn has_stdin(&self) -> bool {
        self.command.streams.stdin
    }

    async fn permitted(&self, approved: &[Approved]) -> Result<Permitted, NotPermitted> {
        if let Some(hold) = self.hold.clone().filter(|_| approved.is_empty()) {
            return Err(NotPermitted::Held(hold));
        }
        let mut permitted = self.permitted.clone();
        permitted.standing.approved.extend_from_slice(approved);
        match permitted.standing.lost_now() {
            Some(lost) => Err(NotPermitted::Refused(lost)),
            None => Ok(permitted),
        }
    }

    fn approvals(&self) -> Approvals {
        self.permitted.visit.sessions.approvals.clone()
    }

    fn session_question(&self, hold: Hold) -> Option<NewApproval> {
        let mut new =
            self.permitted.visit.question(ApprovalKind::Session, self.command.act(self.no_stdin()), hold.approvers);
        new.because = for_each_connection(&hold.role);
        Some(new)
    }

    async fn script_refused(&self, reason: &str) {
        tracing::info!(target.name = %self.permitted.visit.target, reason, "script on standard input refused");
    }
}

/// Runs what was asked for, to its end.
async fn start(admitted: Admitted<Run, UpgradedReader>, user_upgrade: Arc<UserUpgrade>, writer: UpgradedWriter) {
    let (asked, permitted, input, reader) = admitted.into_parts();
    let Run { command, call, .. } = asked;
    let text = (!command.words.is_empty()).then(|| Bytes::from(quoted(&command.words)));
    let (sessions, cluster) = (permitted.visit.sessions.clone(), permitted.visit.target.clone());
    let request = SessionRequest {
        permitted,
        kind: command.request().kind(),
        command: text,
        input,
        // Its size follows at once, or never.
        terminal: command.streams.tty.then(|| Terminal { term: TERM.to_owned(), size: WindowSize::DEFAULT }),
        env: Vec::new(),
        login_shell: LoginShell::default(),
    };
    let target = Prepared { call, streams: command.streams, cluster, user_upgrade };
    sessions.run(request, (reader, writer), async { Ok(target) }).await;
}

/// A cluster that is asked once the recording is open: in Kubernetes to be connected is to run.
struct Prepared {
    call: Call,
    streams: Streams,
    cluster: TargetName,
    user_upgrade: Arc<UserUpgrade>,
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
                self.user_upgrade.open().await?;
                Ok(legs)
            }
            Err(error) => {
                if matches!(&error, DialError::Refused(told) if told.status == StatusCode::UNAUTHORIZED) {
                    tracing::error!(target.name = %self.cluster, "the cluster does not take the bastion's own credential");
                }
                let reason = error.to_string();
                self.user_upgrade.refuse(error.told());
                Err(LaunchError::Dial(reason))
            }
        }
    }
}

/// What kubectl's terminals understand; the container has its own word for it.
const TERM: &str = "xterm";

#[cfg(test)]
mod tests;

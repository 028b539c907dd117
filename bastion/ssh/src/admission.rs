//! A session channel, from its requests to its end: what it asks for is admitted as in every front
//! ([`session::admission`]), and then runs on the target's channel.

use std::{sync::Arc, time::Duration};

use api::refusal::{ReasonCode, Refusal};
use approval::{ApprovalKind, Approvals, NewApproval};
use bytes::Bytes;
use policy::{
    Approved, Capability, Hold, Protocol,
    approval::{Act, ActKind},
};
use russh::{
    Channel,
    server::{self, ChannelOpenHandle},
};
use session::{
    SessionRequest,
    admission::{AccessRequest, Admitted, NotPermitted, Permitted, admit},
    leg::UserWriter as _,
    line_gate::LoginShell,
    notice_format::NoticeFormat,
    request::Request,
    terminal::Terminal,
};
use tokio::time::timeout;

use super::{
    ahead::Ahead,
    channel::{self, ChannelRequests},
    connection::Connection,
    login_shell::{Asking, Question},
    target_leg::{ChannelSetup, Program},
    user_leg::{self, SshUserReader, SshUserWriter},
};

/// How long a channel may stay open without asking for a program.
const REQUEST_DEADLINE: Duration = Duration::from_secs(60);

/// Which environment variables a user may set, in words.
const ENV_ACCEPTED: &str =
    "only LANG, LC_* (no encoding that is unlike ASCII) and the names of the terminal may be set";

/// Opens one session channel, if the target opens one for it, and serves it to its end.
pub async fn open(
    connection: Arc<Connection>,
    channel: Channel<server::Msg>,
    reply: ChannelOpenHandle,
    handle: server::Handle,
) {
    let mut ahead = match Ahead::open(&connection).await {
        Ok(ahead) => ahead,
        Err(refusal) => return reply.reject(refusal).await,
    };
    reply.accept().await;
    let id = channel.id();
    serve(connection, channel, handle.clone(), &mut ahead).await;
    // Neither channel closes by itself.
    ahead.close().await;
    let _ = handle.close(id).await;
}

async fn serve(connection: Arc<Connection>, channel: Channel<server::Msg>, handle: server::Handle, ahead: &mut Ahead) {
    let (mut reading, writing) = channel.split();
    let collecting = channel::collect(&mut reading, &writing, ahead);
    let Ok(Some(asked)) = timeout(REQUEST_DEADLINE, collecting).await else { return };
    let (reader, writer) = user_leg::legs((reading, writing), handle, asked.owed, NoticeFormat::of(asked.events()));
    if !asked.refused_env.is_empty() {
        let what = format!("env {}", asked.refused_env.join(", "));
        connection.refuse(&what, ENV_ACCEPTED).await;
    }
    if let Program::Subsystem(name) = &asked.program
        && name != SFTP
    {
        let message = format!("the subsystem {name:?} is not known; only {SFTP} is");
        connection.refuse("subsystem", &message).await;
        return writer.refuse(&Refusal::new(ReasonCode::Unsupported, message)).await;
    }
    match admit(ChannelRequest { connection, asked }, reader, &writer).await {
        Ok(admitted) => run(admitted, writer, ahead).await,
        Err(refusal) => writer.refuse(&refusal).await,
    }
}

/// What a channel asks for.
struct ChannelRequest {
    connection: Arc<Connection>,
    asked: ChannelRequests,
}

impl AccessRequest for ChannelRequest {
    fn request(&self) -> Request<'_> {
        self.asked.request()
    }

    fn act(&self, stdin: Option<&Bytes>) -> Act {
        self.asked.act(stdin)
    }

    fn has_terminal(&self) -> bool {
        self.asked.has_terminal()
    }

    /// A channel has one always; whether anything comes is seen when it does.
    fn has_stdin(&self) -> bool {
        true
    }

    async fn permitted(&self, approved: &[Approved]) -> Result<Permitted, NotPermitted> {
        let capabilities = self.asked.capabilities();
        let permit = self.connection.permit(&capabilities, approved).await?;
        let standing = self.connection.standing(permit, capabilities, approved.to_vec());
        let visit = self.connection.visit(self.asked.reason());
        let gone = || NotPermitted::Refused(Refusal::new(ReasonCode::TargetUnavailable, "the target is gone"));
        let (standing, visit) = standing.zip(visit).ok_or_else(gone)?;
        Ok(Permitted { standing, visit })
    }

    fn approvals(&self) -> Approvals {
        self.connection.front().sessions.approvals.clone()
    }

    fn session_question(&self, hold: Hold) -> Option<NewApproval> {
        let Hold { role, approvers } = hold;
        let wanted = self.asked.capabilities().into_iter().map(Capability::as_str);
        let act = Act::of(ActKind::Session, Protocol::Ssh, wanted);
        let mut new = self.connection.question(ApprovalKind::Session, act, self.asked.reason(), approvers)?;
        new.because = format!("the role {role} needs an approval for each session");
        Some(new)
    }

    async fn script_refused(&self, reason: &str) {
        self.connection.refuse_for(ReasonCode::InputNotJudged, "script on standard input", reason).await;
    }
}

/// Runs what the channel asks for, to its end.
async fn run(admitted: Admitted<ChannelRequest, SshUserReader>, writer: SshUserWriter, ahead: &mut Ahead) {
    let (channel, permitted, input, reader) = admitted.into_parts();
    let ChannelRequest { connection, asked } = channel;
    let Some(target) = connection.target().cloned() else { return };
    let is_typed = asked.pty.is_some() && matches!(asked.program, Program::Shell);
    let login_shell = if is_typed { LoginShell::asked() } else { LoginShell::default() };
    let question =
        is_typed.then(|| Question { target: Arc::clone(&target), env: asked.env.clone(), told: login_shell.clone() });
    let command = match &asked.program {
        Program::Exec(command) => Some(Bytes::from(command.clone())),
        Program::Shell | Program::Subsystem(_) => None,
    };
    let request = SessionRequest {
        permitted,
        kind: asked.request().kind(),
        command,
        input,
        terminal: asked.pty.as_ref().map(|pty| Terminal { term: pty.term.clone(), size: pty.size }),
        env: asked.env.clone(),
        login_shell,
    };
    let setup = ChannelSetup { pty: asked.pty, env: asked.env, program: asked.program };
    let tasks = connection.front().tasks.clone();
    let preparing = async {
        let channel = target.prepare(ahead.take(), setup).await?;
        Ok(Asking { channel, question, tasks })
    };
    connection.front().sessions.run(request, (reader, writer), preparing).await;
}

/// The only subsystem.
const SFTP: &str = "sftp";

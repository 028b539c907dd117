//! From a channel's request to a running session: the permit, the judgement of the command, the wait for
//! other people where either needs it, and a script on standard input, read whole.
//!
//! What was true before a wait need not be true after it: permit and judgement are asked for again then.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use config::RuleName;
use policy::{
    Approved, Capability, Hold, Input, Permit, Protocol, Verdict,
    approval::{Act, ActKind},
};
use russh::{
    Channel,
    server::{self, ChannelOpenHandle},
};
use tokio::time::timeout;

use super::{
    ahead::Ahead,
    channel::{self, Asked},
    connection::{Connection, NotPermitted},
    target_connection::TargetConnection,
    target_leg::{ChannelSetup, Program},
    user_leg::{self, SshUserReader, SshUserWriter},
};
use crate::{
    approval::ApprovalKind,
    session::{
        SessionRequest,
        applicant::Judged,
        approve::{HeldReader, approve},
        leg::{UserReader, UserWriter},
        script::Script,
        start::refuse,
        terminal::Terminal,
        voice::{BLOCKED, REFUSED, Said, Voice},
    },
    store::SessionKind,
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
    let (reader, writer) = user_leg::legs((reading, writing), handle, asked.owed);
    if !asked.refused_env.is_empty() {
        let what = format!("env {}", asked.refused_env.join(", "));
        connection.refuse(&what, ENV_ACCEPTED).await;
    }
    Admission::new(connection, asked, writer, ahead).serve(reader).await;
}

/// A channel whose program may not start yet.
struct Admission<'a> {
    /// The user's connection.
    connection: Arc<Connection>,
    /// What the channel asks for.
    asked: Asked,
    /// Where the user is told.
    writer: SshUserWriter,
    voice: Voice,
    /// The target's channel.
    ahead: &'a mut Ahead,
    /// What other people approved for this session.
    approved: Vec<Approved>,
}

/// A permit, and the connection to its target.
type Permitted = (Permit, Arc<TargetConnection>);

impl<'a> Admission<'a> {
    fn new(connection: Arc<Connection>, asked: Asked, writer: SshUserWriter, ahead: &'a mut Ahead) -> Self {
        let voice = Voice::of(asked.events());
        Self { connection, asked, writer, voice, ahead, approved: Vec::new() }
    }

    /// Serves the channel to its end.
    async fn serve(mut self, reader: SshUserReader) {
        let mut reader = HeldReader::new(reader, self.asked.has_terminal());
        let Some((permit, target)) = self.permit(&mut reader).await else { return };
        match self.connection.judge(&permit, self.asked.request(), None).await {
            Judged::NeedsStdin => self.script(reader).await,
            judged @ (Judged::Allowed(_) | Judged::Held(_) | Judged::Refused { .. }) => {
                self.judged(judged, None, (permit, target), reader).await
            }
        }
    }

    /// Reads all of standard input, has it judged, and only then runs what was asked for.
    async fn script(mut self, reader: HeldReader<SshUserReader>) {
        // Clients may wait for this before they send anything.
        self.writer.accept().await;
        let script = match Script::read(reader).await {
            Ok(script) => script,
            Err(error) => {
                self.connection.refuse("script on standard input", &error.to_string()).await;
                return self.refuse(error.to_string(), BLOCKED).await;
            }
        };
        let stdin = Bytes::copy_from_slice(script.bytes());
        let mut reader = HeldReader::new(script.into_reader(), false);
        // The rules may have changed while the user was sending.
        let Some((permit, target)) = self.permit(&mut reader).await else { return };
        let judged = self.connection.judge(&permit, self.asked.request(), Some(&stdin)).await;
        self.judged(judged, Some(stdin), (permit, target), reader).await;
    }

    async fn judged<R: UserReader>(
        mut self,
        judged: Judged,
        stdin: Option<Bytes>,
        (permit, target): Permitted,
        mut reader: HeldReader<R>,
    ) {
        match judged {
            Judged::Allowed(input) => run(self, permit, target, reader, input).await,
            Judged::NeedsStdin => {
                self.refuse("the commands on standard input cannot be judged".to_owned(), BLOCKED).await;
            }
            Judged::Refused { rule, reason } => {
                let said = Said::Blocked { rule, message: reason, approval: None };
                self.voice.refuse(&self.writer, &said, BLOCKED).await;
            }
            Judged::Held(verdict) => {
                let Some(rule) = self.command_approved(&permit, &verdict, stdin.as_ref(), &mut reader).await else {
                    return;
                };
                let Some((permit, target)) = self.permit(&mut reader).await else { return };
                match self.connection.judge(&permit, self.asked.request(), stdin.as_deref()).await {
                    Judged::Allowed(input) => run(self, permit, target, reader, input).await,
                    // Still the same rule, which has its approval now.
                    Judged::Held(again) if again.rule == rule => run(self, permit, target, reader, again.input).await,
                    Judged::Held(_) | Judged::NeedsStdin => {
                        self.refuse("the rules have changed while it waited; ask again".to_owned(), BLOCKED).await;
                    }
                    Judged::Refused { rule, reason } => {
                        let said = Said::Blocked { rule, message: reason, approval: None };
                        self.voice.refuse(&self.writer, &said, BLOCKED).await;
                    }
                }
            }
        }
    }

    /// The permit for the session, after the wait for other people where it needs one. `None`: the user was told.
    async fn permit<R: UserReader>(&mut self, reader: &mut HeldReader<R>) -> Option<Permitted> {
        let capabilities = self.asked.capabilities();
        match self.connection.permit(&capabilities, &self.approved).await {
            Ok(permitted) => return Some(permitted),
            Err(NotPermitted::Held(hold)) => self.session_approved(hold, reader).await?,
            Err(NotPermitted::Refused(reason)) => {
                self.refuse(reason, REFUSED).await;
                return None;
            }
        }
        match self.connection.permit(&capabilities, &self.approved).await {
            Ok(permitted) => Some(permitted),
            Err(NotPermitted::Held(_)) => {
                self.refuse("the rules have changed while it waited; ask again".to_owned(), REFUSED).await;
                None
            }
            Err(NotPermitted::Refused(reason)) => {
                self.refuse(reason, REFUSED).await;
                None
            }
        }
    }

    async fn session_approved<R: UserReader>(&mut self, hold: Hold, reader: &mut HeldReader<R>) -> Option<()> {
        let Hold { role, approvers } = hold;
        let wanted = self.asked.capabilities().into_iter().map(Capability::as_str);
        let act = Act::of(ActKind::Session, Protocol::Ssh, wanted);
        let mut new = self.connection.question(ApprovalKind::Session, act, self.asked.reason(), approvers)?;
        new.because = format!("the role {role} needs an approval for each session");
        let legs = (reader, &self.writer);
        match approve(&self.connection.front().sessions.approvals, new, legs, self.voice, async |_| {}).await {
            Ok(granted) => {
                self.approved.extend(granted.approved_session());
                Some(())
            }
            Err(unapproved) => {
                unapproved.tell(&self.writer, self.voice).await;
                None
            }
        }
    }

    /// Waits for the approval of a command; the rule that it is about.
    async fn command_approved<R: UserReader>(
        &self,
        permit: &Permit,
        verdict: &Verdict,
        stdin: Option<&Bytes>,
        reader: &mut HeldReader<R>,
    ) -> Option<Option<RuleName>> {
        let shown = self.asked.request().shown(stdin.map(AsRef::as_ref));
        let applicant = self.connection.applicant(permit, self.asked.reason());
        let legs = (reader, &self.writer);
        match applicant.command_approved(verdict, self.asked.act(stdin), &shown, legs, self.voice).await {
            Ok(()) => Some(verdict.rule.clone()),
            Err(unapproved) => {
                unapproved.tell(&self.writer, self.voice).await;
                None
            }
        }
    }

    async fn refuse(&self, message: String, status: u32) {
        let said = Said::Blocked { rule: None, message, approval: None };
        self.voice.refuse(&self.writer, &said, status).await;
    }
}

/// Runs what the channel asks for, to its end.
async fn run<R: UserReader>(
    admission: Admission<'_>,
    permit: Permit,
    target: Arc<TargetConnection>,
    reader: R,
    input: Input,
) {
    let Admission { connection, asked, writer, ahead, approved, .. } = admission;
    let (kind, command) = match &asked.program {
        Program::Shell => (SessionKind::Shell, None),
        Program::Exec(command) => (SessionKind::Exec, Some(Bytes::from(command.clone()))),
        Program::Subsystem(name) if name == SFTP => (SessionKind::Sftp, None),
        Program::Subsystem(name) => {
            let reason = format!("the subsystem {name:?} is not known; only {SFTP} is");
            connection.refuse("subsystem", &reason).await;
            return refuse(&writer, &reason, REFUSED).await;
        }
    };
    let Some(standing) = connection.standing(&permit, asked.capabilities(), approved) else {
        return refuse(&writer, "the target is gone", REFUSED).await;
    };
    let request = SessionRequest {
        user: connection.user().clone(),
        permit,
        standing,
        protocol: Protocol::Ssh,
        container: None,
        kind,
        command,
        input,
        terminal: asked.pty.as_ref().map(|pty| Terminal { term: pty.term.clone(), size: pty.size }),
        env: asked.env.clone(),
        reason: asked.own.reason,
        events: asked.own.events,
        source: connection.source(),
    };
    let setup = ChannelSetup { pty: asked.pty, env: asked.env, program: asked.program };
    connection.front().sessions.run(request, (reader, writer), target.prepare(ahead.take(), setup)).await;
}

/// The only subsystem.
const SFTP: &str = "sftp";

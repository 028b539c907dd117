//! From a permit to a running session, in this order: target prepared and
//! recording open (side by side), session row and audit event written, program
//! started, relay. Nothing runs before the recording is open, unless the permit
//! says that recording is best effort.

use std::{fmt::Display, future::Future, panic::AssertUnwindSafe};

use api::{
    events::Event,
    refusal::{ReasonCode, Refusal},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use ledger::{
    audit::{
        AuditEvent,
        log::{Place, Unwritten},
    },
    store::{SessionEnd, SessionKind, SessionRecord, StoreError},
};
use mask::WindowSize;
use policy::{Input, RecordingDuty, approval::Person};
use recorder::{Details, Header, Mode, RecordError, Recording, SessionId};
use tracing::{error, info, warn};

use super::{
    admission::Permitted,
    dialogue_gate::DialogueGate,
    gate::Gate,
    leg::{TargetReader, TargetWriter, UserReader, UserWriter, say},
    line_gate::{LineGate, LoginShell},
    relay::{Outcome, relay},
    sessions::Sessions,
    tap::{self, Tap},
    terminal::Terminal,
    termination::Termination,
    visit::Visit,
};

/// A target whose program can be started.
pub trait PreparedTarget: Send {
    /// The reading half of the started program.
    type Reader: TargetReader;
    /// The writing half of the started program.
    type Writer: TargetWriter;
    /// Why it could not be prepared or started, in words that fit after the target's name.
    type Error: Display + Send;

    /// Starts the program.
    ///
    /// # Errors
    ///
    /// When the target refuses or is gone.
    fn launch(self) -> impl Future<Output = Result<(Self::Reader, Self::Writer), Self::Error>> + Send;

    /// Gives it up: its program is not to run.
    fn abandon(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}

/// A session that somebody is permitted to start.
pub struct SessionRequest {
    /// Who, and the permission: it ends the session when it no longer holds.
    pub permitted: Permitted,
    /// What it runs.
    pub kind: SessionKind,
    /// The command of an exec request.
    pub command: Option<Bytes>,
    /// What is to be done with its standard input.
    pub input: Input,
    /// Its terminal.
    pub terminal: Option<Terminal>,
    /// The environment that the target was asked to set.
    pub env: Vec<(String, String)>,
    /// Which shell reads what is typed, once it is known.
    pub login_shell: LoginShell,
}

impl Sessions {
    /// Runs one session to its end. `preparing` gives the target with its terminal set up.
    pub async fn run<UR, UW, P>(
        &self,
        request: SessionRequest,
        (user_reader, user_writer): (UR, UW),
        preparing: impl Future<Output = Result<P, P::Error>> + Send,
    ) where
        UR: UserReader,
        UW: UserWriter,
        P: PreparedTarget,
    {
        let id = SessionId::new();
        let record = session_record(id, &request);
        let gate = gate(&request);
        let visit = Visit { session: Some(id), ..request.permitted.visit.clone() };
        // The end is written down for sure, or nothing begins.
        let place = match self.log.reserve().await {
            Ok(place) => place,
            Err(full) => {
                return user_writer.refuse(&Refusal::new(ReasonCode::AuditUnavailable, full.to_string())).await;
            }
        };
        let (prepared, recording) = tokio::join!(preparing, self.open_recording(id, &request, &record));
        let (started, place) = match self.start(&request, &record, prepared, recording, place).await {
            Ok(started) => started,
            Err(refusal) => {
                info!(session.id = %id, target.name = %record.target, reason = refusal.message, "session not started");
                return user_writer.refuse(&refusal).await;
            }
        };
        let Started { reader, writer, tap, termination, entry } = started;
        user_writer.accept().await;
        say(&user_writer, &Event::Started { session: Some(id.to_string()) }).await;
        let legs = ((user_reader, user_writer), (reader, writer));
        let relayed = relay(legs.0, legs.1, gate, tap, &visit, termination);
        // A fault of ours in one session is that session's end, and no other's.
        match AssertUnwindSafe(relayed).catch_unwind().await {
            Ok(outcome) => self.end(id, outcome, place).await,
            Err(_) => self.fell(id, place).await,
        }
        drop(entry);
    }

    /// Writes what has to be written before the program runs, then starts it.
    async fn start<P: PreparedTarget>(
        &self,
        request: &SessionRequest,
        record: &SessionRecord,
        prepared: Result<P, P::Error>,
        recording: Result<Recording, RecordError>,
        place: Place,
    ) -> Result<(Started<P>, Place), Refusal> {
        let id = record.id;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let reason = error.to_string();
                let event = AuditEvent::TargetUnavailable {
                    user: record.user.clone(),
                    target: record.target.clone(),
                    reason: reason.clone(),
                };
                place.fill(event);
                discard(recording, &reason).await;
                return Err(Refusal::new(ReasonCode::TargetUnavailable, format!("{}: {reason}", record.target)));
            }
        };
        let required = request.permitted.standing.permit.obligations().recording == RecordingDuty::Required;
        let recording = match recording {
            Ok(recording) => Some(recording),
            Err(error) => {
                let event =
                    AuditEvent::RecordingFailed { session: id, reason: error.to_string(), terminated: required };
                if required {
                    prepared.abandon().await;
                    place.fill(event);
                    let message = format!(
                        "this session has to be recorded, and that is not possible now: {error}. Try again later"
                    );
                    return Err(Refusal::new(ReasonCode::RecordingUnavailable, message));
                }
                if let Err(full) = self.audit(event).await {
                    return Err(Refusal::new(ReasonCode::AuditUnavailable, full.to_string()));
                }
                None
            }
        };
        if let Some(lost) = request.permitted.standing.clone().lost_now() {
            prepared.abandon().await;
            discard(recording.ok_or(RecordError::Finished), &lost.message).await;
            return Err(lost);
        }
        // Entered before it is written down: the bastion does not stop in between.
        let Some((entry, termination)) = self.registry.enter(id) else {
            discard(recording.ok_or(RecordError::Finished), STOPPING).await;
            return Err(Refusal::new(ReasonCode::Stopping, STOPPING));
        };
        if let Err(error) = self.write_start(record).await {
            prepared.abandon().await;
            let reason = error.to_string();
            tracing::error!(session.id = %id, reason, "the session's start could not be written");
            if matches!(error, Unwritten::Store(StoreError::Deadline(_))) {
                // What was given up may be written all the same: then it is a session that has ended.
                let end = SessionEnd::Disconnected { reason: reason.clone() };
                place.fill(AuditEvent::SessionEnded { session: id, end, output_bytes: 0 });
            }
            discard(recording.ok_or(RecordError::Finished), &reason).await;
            let message = "the bastion cannot write its audit log now, so nothing may start. Try again later";
            return Err(Refusal::new(ReasonCode::AuditUnavailable, message));
        }
        let termination = termination.or_lost(request.permitted.standing.clone());
        let termination = termination.within(self.limits.clone(), request.terminal.is_some());
        let tap = Tap::new(recording, required);
        info!(
            session.id = %id, subject.id = %record.user, target.name = %record.target, login = %record.login,
            "session started"
        );
        match prepared.launch().await {
            Ok((reader, writer)) => Ok((Started { reader, writer, tap, termination, entry }, place)),
            Err(error) => {
                let reason = error.to_string();
                let end = SessionEnd::Disconnected { reason: reason.clone() };
                self.end(id, Outcome { end, tap, recording_failure: None }, place).await;
                Err(Refusal::new(ReasonCode::TargetUnavailable, format!("{}: {reason}", record.target)))
            }
        }
    }

    async fn open_recording(
        &self,
        id: SessionId,
        request: &SessionRequest,
        record: &SessionRecord,
    ) -> Result<Recording, RecordError> {
        let terminal = request.terminal.as_ref();
        let header = Header {
            size: terminal.map_or(WindowSize::DEFAULT, |terminal| terminal.size),
            term: terminal.map(|terminal| terminal.term.clone()),
            title: Some(format!("{} on {} as {}", record.user, record.target, record.login)),
            command: record.command.clone(),
            env: request.env.iter().cloned().collect(),
            details: Details {
                user: record.user.clone(),
                target: record.target.clone(),
                login: record.login.clone(),
                source: record.source.clone(),
                kind: record.kind.as_str().into(),
            },
        };
        let mode =
            Mode { pty: terminal.is_some(), keep_binary: request.permitted.standing.permit.obligations().keep_binary };
        self.recorder.start(id, header, mode).await
    }

    /// The session row and its audit event: both stand before the program starts.
    async fn write_start(&self, record: &SessionRecord) -> Result<(), Unwritten> {
        self.log.caught_up().await?;
        let event = AuditEvent::SessionStarted {
            session: record.id,
            user: record.user.clone(),
            target: record.target.clone(),
            login: record.login.clone(),
            what: record.kind,
            command: record.command.clone(),
            source: record.source.clone(),
        };
        Ok(self.store.start_session(record, &[event]).await?)
    }

    /// Completes the recording, and with the audit log the session's row. A failure here cannot be told to the user
    /// any more.
    async fn end(&self, id: SessionId, outcome: Outcome, place: Place) {
        let Outcome { end, tap, recording_failure } = outcome;
        let output_bytes = tap.output_bytes();
        let mut events = Vec::new();
        if let Some(error) = recording_failure {
            let terminated = matches!(end, SessionEnd::Terminated { .. });
            events.push(AuditEvent::RecordingFailed { session: id, reason: error.to_string(), terminated });
        }
        if let Some(recording) = tap.into_recording()
            && let Err(error) = recording.finish(recording_end(&end)).await
        {
            warn!(session.id = %id, %error, "the recording was not finished; it is completed at the next start");
            events.push(AuditEvent::RecordingFailed { session: id, reason: error.to_string(), terminated: false });
        }
        info!(session.id = %id, ?end, output_bytes, "session ended");
        events.push(AuditEvent::SessionEnded { session: id, end, output_bytes });
        place.fill_all(events);
        self.log.settled().await;
    }
}

impl Sessions {
    /// Writes down a session whose task has panicked. Its recording is completed at the next start.
    async fn fell(&self, id: SessionId, place: Place) {
        error!(session.id = %id, "the session ended by a fault of the bastion");
        let end = SessionEnd::Terminated { reason: "a fault of the bastion".to_owned() };
        place.fill(AuditEvent::SessionEnded { session: id, end, output_bytes: 0 });
        self.log.settled().await;
    }
}

/// A session whose program runs.
struct Started<P: PreparedTarget> {
    reader: P::Reader,
    writer: P::Writer,
    tap: Tap,
    termination: Termination,
    entry: super::registry::RegistryEntry,
}

/// What a user reads who wants to start something while the bastion stops.
pub const STOPPING: &str = "the bastion is stopping and starts no new session; try again in a moment";

/// Ends a recording of a session that never ran.
async fn discard(recording: Result<Recording, RecordError>, reason: &str) {
    if let Ok(recording) = recording
        && let Err(error) = recording.finish(recorder::End::Disconnected { reason: reason.to_owned() }).await
    {
        warn!(%error, "the recording of a session that did not start was not finished");
    }
}

/// The gate of a session: a terminal is typed into; other input is read where a program may run it.
fn gate(request: &SessionRequest) -> Gate {
    let standing = &request.permitted.standing;
    let Some(terminal) = &request.terminal else {
        let gate = DialogueGate::new(standing.clone(), &request.input);
        return gate.map_or(Gate::Open, |gate| Gate::Dialogue(Box::new(gate)));
    };
    let command = request.command.as_deref().map(String::from_utf8_lossy);
    let gate = LineGate::new(standing.clone(), terminal.size, command.as_deref());
    Gate::Lines(Box::new(gate.behind(request.login_shell.clone())))
}

fn session_record(id: SessionId, request: &SessionRequest) -> SessionRecord {
    let visit = &request.permitted.visit;
    SessionRecord {
        id,
        person: Some(Person::of(visit.user.subject())),
        user: visit.user.subject().name.clone(),
        target: visit.target.clone(),
        login: visit.login.clone(),
        kind: request.kind,
        command: request.command.clone().map(tap::masked_text),
        pty: request.terminal.is_some(),
        source: visit.source.to_string(),
        started_at: Timestamp::now(),
        ended_at: None,
        end: None,
        output_bytes: 0,
    }
}

fn recording_end(end: &SessionEnd) -> recorder::End {
    match end {
        SessionEnd::CutOff => recorder::End::CutOff { reason: "the bastion stopped".into() },
        SessionEnd::Disconnected { reason } => recorder::End::Disconnected { reason: reason.clone() },
        SessionEnd::Exited { status } => recorder::End::Exited { status: *status },
        SessionEnd::Signalled { signal } => recorder::End::Signalled { signal: signal.clone() },
        SessionEnd::Terminated { reason } => recorder::End::Terminated { reason: reason.clone() },
    }
}

#[cfg(test)]
pub(super) mod tests;

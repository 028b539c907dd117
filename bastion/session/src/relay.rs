//! The one loop of a session: wait for an event, handle it, do what follows.
//!
//! Handling is synchronous (`Relay::handle`) and is tested by feeding it
//! events. Each side is read only while the other side's outbox has room, and
//! written while its own outbox has something, so a user who stops reading can
//! still type Ctrl-C, and nothing grows without limit.
//!
//! A sender's window is opened again only when its bytes have been written on
//! the other side ([`UserWriter::release`], [`TargetWriter::release`]), so what
//! waits in an outbox is bounded by the window too.
//!
//! At the end the target's output, exit status, EOF and close reach the user in
//! that order (RFC 4254 §6.10). A user who closes the channel first still gets
//! the exit status: the program goes on until it ends by itself (§5.3).

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::{Fuse, FusedFuture, FutureExt};
use gate::{Answer, Question, Report};
use ledger::store::SessionEnd;
use recorder::{ExitStatus, RecordError};
use tokio::time::{Instant, sleep_until};
use user_side::{DeferredInput, Reads, UserSide};

use super::{
    asking::{PendingQuestion, QuestionProgress},
    dialogue_gate::DialogueGate,
    gate::Gate,
    leg::{LegClosed, TargetReader, TargetWriter, UserReader, UserWriter},
    line_gate::LineGate,
    modes::SeenModes,
    outbox::{Outbox, ToTarget, ToUser, write_target, write_user},
    tap::{Note, Tap},
    terminal::{FromTarget, FromUser, OutputStream},
    termination::{Notice, Termination},
    visit::Visit,
    zmodem::{self, Zmodem},
};

/// How long the target may take to close after the user has gone.
const TARGET_CLOSE_GRACE: Duration = Duration::from_secs(10);

/// How long the user may take to read the last words after the bastion ended the session.
const TERMINATION_GRACE: Duration = Duration::from_secs(5);

/// How long a user may take to read what a program left behind that has ended.
const USER_DRAIN_LIMIT: Duration = Duration::from_hours(1);

/// How much output of a program is taken, and recorded, that nobody reads any more. A target that knows
/// `eow@openssh.com`, or a close, stops long before: this ends a program that would write for ever.
const UNREAD_LIMIT: usize = 4 * 1024 * 1024;

/// Exit status that tells the user that the connection behind the bastion failed, as `ssh` itself does.
const CONNECTION_FAILED: u32 = 255;

/// What came of a session.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: SessionEnd,
    /// Its tap, with the recording that is to be finished.
    pub tap: Tap,
    /// Why the recording stopped before the session did.
    pub recording_failure: Option<RecordError>,
}

/// Carries bytes between the two legs until both are done with each other.
pub async fn relay<UR, UW, TR, TW>(
    (mut user, user_writer): (UR, UW),
    (mut target, target_writer): (TR, TW),
    gate: Gate,
    tap: Tap,
    visit: &Visit,
    mut termination: Termination,
) -> Outcome
where
    UR: UserReader,
    UW: UserWriter,
    TR: TargetReader,
    TW: TargetWriter,
{
    let mut relay = Relay::new(gate, tap);
    let mut asking = PendingQuestion::default();
    let mut writing_user = pin!(Fuse::terminated());
    let mut writing_target = pin!(Fuse::terminated());
    // Beside what waits for the target's window: a program that nobody reads may itself wait for a reader.
    let mut telling_target = pin!(Fuse::terminated());

    while !relay.is_over() || (relay.user != UserSide::Gone && !writing_user.is_terminated()) {
        if writing_user.is_terminated()
            && let Some(item) = relay.to_user.pop()
        {
            writing_user.set(write_user(&user_writer, item).fuse());
        }
        if writing_target.is_terminated()
            && let Some(item) = relay.to_target.pop()
        {
            writing_target.set(write_target(&target_writer, item).fuse());
        }
        if std::mem::take(&mut relay.tells_unread) {
            telling_target.set(target_writer.unread().fuse());
        }

        let event = tokio::select! {
            event = user.next(), if relay.reads_user() => RelayEvent::User(event),
            event = target.next(), if relay.reads_target() => RelayEvent::Target(event),
            written = &mut writing_user, if !writing_user.is_terminated() => RelayEvent::UserWritten(written),
            written = &mut writing_target, if !writing_target.is_terminated() => RelayEvent::TargetWritten(written),
            _ = &mut telling_target, if !telling_target.is_terminated() => continue,
            () = relay.tap.room(), if !relay.tap.has_room() => continue,
            () = sleep_until(relay.gate_deadline().unwrap_or_else(Instant::now)), if relay.gate_deadline().is_some() => {
                RelayEvent::GateDue
            }
            answered = asking.next(), if asking.is_open() => match answered {
                QuestionProgress::Answer(answer, by) => RelayEvent::Answered(answer, by),
                QuestionProgress::Status(text) => RelayEvent::Status(text),
                QuestionProgress::Waiting(text) => RelayEvent::Waiting(text),
            },
            error = relay.tap.failed(), if relay.recording_failure.is_none() => RelayEvent::RecordingFailed(error),
            notice = termination.notice(), if relay.end.is_none() => match notice {
                Notice::End(reason) => RelayEvent::Terminated(reason),
                Notice::Warn(text) => RelayEvent::Waiting(text),
            },
            () = sleep_until(relay.deadline.unwrap_or_else(Instant::now)), if relay.deadline.is_some() => {
                RelayEvent::Expired
            }
        };
        // Whatever came, if others may have taken over by now, nothing of it passes.
        let event = match termination.unheld().filter(|_| relay.end.is_none()) {
            Some(reason) => RelayEvent::Terminated(reason.to_owned()),
            None => event,
        };
        if event.is_traffic() {
            termination.traffic();
        }
        let released = relay.handle(event);
        let mut full = None;
        for decision in relay.decisions.drain(..) {
            match decision {
                Decision::Ask(question) => asking.begin(visit, question),
                Decision::Report(report) => full = full.or(visit.report(report).err()),
                Decision::Withdraw => asking.withdraw(),
            }
        }
        if let Some(full) = full {
            relay.terminate(full.to_string());
        }
        if std::mem::take(&mut relay.drops_input) {
            writing_target.set(Fuse::terminated());
        }
        if released.to_target > 0 {
            target_writer.release(released.to_target);
        }
        if released.to_user > 0 {
            user_writer.release(released.to_user);
        }
    }
    // Whatever the reason for the end was, neither channel stays open.
    let _ = tokio::time::timeout(TERMINATION_GRACE, async {
        let _ = target_writer.close().await;
        let _ = user_writer.close().await;
    })
    .await;
    relay.into_outcome()
}

/// What the loop waits for.
#[derive(Debug)]
enum RelayEvent {
    Answered(Answer, Option<String>),
    Expired,
    GateDue,
    RecordingFailed(RecordError),
    Status(String),
    Target(FromTarget),
    TargetWritten(Result<usize, LegClosed>),
    Terminated(String),
    User(FromUser),
    UserWritten(Result<usize, LegClosed>),
    Waiting(String),
}

impl RelayEvent {
    /// Whether the session is in use by it: also while its user waits for other people.
    fn is_traffic(&self) -> bool {
        matches!(
            self,
            Self::Answered(..)
                | Self::Status(_)
                | Self::Target(FromTarget::Stdout(_) | FromTarget::Stderr(_))
                | Self::User(FromUser::Data(_))
        )
    }
}

/// Bytes that have been dealt with, by the side whose window they open.
#[derive(Debug, Default, PartialEq, Eq)]
struct Released {
    to_target: usize,
    to_user: usize,
}

/// What follows from what the gate decided, beyond the two sides.
#[derive(Debug)]
enum Decision {
    Ask(Question),
    Report(Report),
    Withdraw,
}

/// The state of one session. It does no I/O.
#[derive(Debug)]
struct Relay {
    gate: Gate,
    tap: Tap,
    to_user: Outbox<ToUser>,
    to_target: Outbox<ToTarget>,
    user: UserSide,
    reads: Reads,
    /// The target is to be told that nobody reads.
    tells_unread: bool,
    /// What came from the target since, in bytes.
    unread: usize,
    /// What came from the user behind what the gate holds.
    waiting: DeferredInput,
    /// Bytes of it that the gate has taken since.
    passed: usize,
    target_open: bool,
    /// The target's channel is being closed: no more input follows.
    input_closed: bool,
    /// What is being written to the target is given up.
    drops_input: bool,
    /// What output has changed at the user's terminal, where there is one.
    modes: SeenModes,
    zmodem: Zmodem,
    exit: Option<ExitStatus>,
    end: Option<SessionEnd>,
    recording_failure: Option<RecordError>,
    deadline: Option<Instant>,
    decisions: Vec<Decision>,
}

impl Relay {
    fn new(gate: Gate, tap: Tap) -> Self {
        Self {
            gate,
            tap,
            to_user: Outbox::default(),
            to_target: Outbox::default(),
            user: UserSide::Open,
            reads: Reads::ALL,
            tells_unread: false,
            unread: 0,
            waiting: DeferredInput::default(),
            passed: 0,
            target_open: true,
            input_closed: false,
            drops_input: false,
            modes: SeenModes::default(),
            zmodem: Zmodem::default(),
            exit: None,
            end: None,
            recording_failure: None,
            deadline: None,
            decisions: Vec::new(),
        }
    }

    /// Whether the user may be read now.
    fn reads_user(&self) -> bool {
        self.user == UserSide::Open
            && self.to_target.has_room()
            && self.to_user.has_room_for_words()
            && self.gate.has_room()
            && self.waiting.has_room()
    }

    /// Whether the target may be read now.
    fn reads_target(&self) -> bool {
        self.target_open && self.to_user.has_room() && self.tap.has_room()
    }

    /// Whether nothing more can happen but the write to the user that is under way.
    fn is_over(&self) -> bool {
        !self.target_open && (self.user == UserSide::Gone || self.to_user.is_empty())
    }

    /// Handles one event; the answer says whose window may be opened, and by how much.
    fn handle(&mut self, event: RelayEvent) -> Released {
        let mut released = self.react(event);
        self.pass_waiting();
        released.to_user += std::mem::take(&mut self.passed);
        released
    }

    fn react(&mut self, event: RelayEvent) -> Released {
        match event {
            RelayEvent::User(event) => self.user_event(event),
            RelayEvent::Target(event) => self.target_event(event),
            RelayEvent::UserWritten(Ok(bytes)) => Released { to_target: bytes, to_user: 0 },
            RelayEvent::TargetWritten(Ok(bytes)) => Released { to_target: 0, to_user: bytes },
            RelayEvent::UserWritten(Err(LegClosed)) => self.user_unwritten(),
            RelayEvent::TargetWritten(Err(LegClosed)) => {
                // The reading half says how it ended; what it still holds is not lost.
                self.to_target.clear();
                Released::default()
            }
            RelayEvent::RecordingFailed(error) => {
                self.recording_failed(error);
                Released::default()
            }
            RelayEvent::Terminated(reason) => {
                self.terminate(reason);
                Released::default()
            }
            RelayEvent::Answered(answer, by) => {
                if let Some(by) = by {
                    self.note(Note::Marker(by.clone()));
                    self.message(&by);
                }
                match self.gate {
                    Gate::Dialogue(_) => self.dialogue_acts(|gate, acts| gate.answered(answer, acts)),
                    Gate::Lines(_) | Gate::Open => self.gate_acts(|gate, acts| gate.answered(answer, acts)),
                }
                Released::default()
            }
            RelayEvent::GateDue => {
                self.gate_acts(LineGate::tick);
                self.dialogue_acts(DialogueGate::tick);
                Released::default()
            }
            RelayEvent::Waiting(text) => {
                self.message(&text);
                Released::default()
            }
            RelayEvent::Status(text) => {
                // On the line of before: nothing but the bastion writes there while its user waits. Without a terminal
                // there is no such line.
                if let Gate::Lines(_) = self.gate {
                    self.say(Bytes::from(format!("\r\x1b[Kbastion: {text}")));
                }
                Released::default()
            }
            RelayEvent::Expired => {
                self.user = UserSide::Gone;
                self.target_open = false;
                Released::default()
            }
        }
    }

    fn target_event(&mut self, event: FromTarget) -> Released {
        match event {
            FromTarget::Stdout(data) => return self.output(OutputStream::Stdout, data),
            FromTarget::Stderr(data) => return self.output(OutputStream::Stderr, data),
            FromTarget::Exit(status) => {
                self.end_of_output();
                self.note(Note::Exit(status.clone()));
                self.to_user.push(0, ToUser::Exit(status.clone()));
                self.exit = Some(status);
            }
            FromTarget::Failed(failure) => {
                self.end_of_output();
                match self.tap.failure(failure) {
                    Ok(failure) => {
                        self.to_user.push(failure.words.len() + failure.exact.len(), ToUser::Failed(failure))
                    }
                    Err(error) => self.recording_failed(error),
                }
            }
            FromTarget::Eof => {
                self.end_of_output();
                self.end_to_user(ToUser::Eof);
            }
            FromTarget::Closed => {
                self.end_of_output();
                self.target_open = false;
                // Answered now: the user may take long to read the rest.
                self.close_target_now();
                if self.exit.is_none() && self.end.is_none() && self.user == UserSide::Open {
                    self.undo_modes();
                    self.message(if self.unread > UNREAD_LIMIT {
                        "the program was ended: nobody reads its output any more"
                    } else {
                        "the connection to the target was lost before the program said how it ended"
                    });
                    self.to_user.push(0, ToUser::Exit(ExitStatus::Code(CONNECTION_FAILED)));
                }
                self.to_user.push(0, ToUser::Close);
                self.expire_in(USER_DRAIN_LIMIT);
            }
            FromTarget::Unread => self.end_to_user(ToUser::Unread),
        }
        Released::default()
    }

    fn output(&mut self, stream: OutputStream, data: Bytes) -> Released {
        let received = data.len();
        let shown = data.clone();
        self.gate_acts(LineGate::showing);
        match self.tap.output(stream, data) {
            Ok(_) if !self.reads(stream) => return self.unread_output(received),
            Ok(masked) => {
                if let Gate::Lines(_) = self.gate {
                    self.modes.output(masked.bytes());
                }
                self.to_user.push(received, ToUser::Output(stream, masked, received));
            }
            Err(error) => self.recording_failed(error),
        }
        self.gate_acts(|gate, acts| gate.output(&shown, acts));
        if matches!(self.gate, Gate::Lines(_)) && self.zmodem.begins(&shown, Instant::now()) {
            self.send(0, ToTarget::Judged(Bytes::from_static(zmodem::CANCEL)));
            self.say(Bytes::from_static(zmodem::CANCEL));
            self.message(zmodem::REFUSED);
            // The user's cursor stands on a row of its own now, and so the gate's does.
            self.gate_acts(|gate, acts| gate.output(b"\r\n", acts));
        }
        Released::default()
    }

    fn gate_deadline(&self) -> Option<Instant> {
        match &self.gate {
            Gate::Dialogue(gate) => gate.deadline().map(Instant::from_std),
            Gate::Lines(gate) => gate.deadline().map(Instant::from_std),
            Gate::Open => None,
        }
    }

    fn end_of_output(&mut self) {
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            match self.tap.end_of_output(stream) {
                Ok(rest) if rest.bytes().is_empty() || !self.reads(stream) => {}
                Ok(rest) => self.to_user.push(0, ToUser::Output(stream, rest, 0)),
                Err(error) => self.recording_failed(error),
            }
        }
    }

    fn note(&mut self, note: Note) {
        if let Err(error) = self.tap.note(note) {
            self.recording_failed(error);
        }
    }

    fn recording_failed(&mut self, error: RecordError) {
        if self.recording_failure.is_some() {
            return;
        }
        let reason = format!("the recording cannot go on: {error}");
        self.recording_failure = Some(error);
        if !self.tap.abandon_recording() {
            self.terminate(reason);
        }
    }

    /// The bastion ends the session: what was shown stays shown, nothing more is.
    fn terminate(&mut self, reason: String) {
        let said = format!("session ended: {reason}");
        self.terminate_saying(&said, reason, CONNECTION_FAILED);
    }

    fn terminate_saying(&mut self, said: &str, reason: String, status: u32) {
        if self.end.is_some() {
            return;
        }
        // Best effort: the recording may be what failed.
        let _ = self.tap.note(Note::Marker(format!("session ended by the bastion: {reason}")));
        self.undo_modes();
        self.message(said);
        self.to_user.push(0, ToUser::Exit(ExitStatus::Code(status)));
        self.end_to_user(ToUser::Eof);
        self.to_user.push(0, ToUser::Close);
        self.close_target_now();
        self.end = Some(SessionEnd::Terminated { reason });
        self.target_open = false;
        self.expire_in(TERMINATION_GRACE);
    }

    fn expire_in(&mut self, limit: Duration) {
        self.deadline = Some(Instant::now() + limit);
    }

    fn into_outcome(self) -> Outcome {
        let end = self.end.unwrap_or(match self.exit {
            Some(ExitStatus::Code(status)) => SessionEnd::Exited { status },
            Some(ExitStatus::Signal(signal)) => SessionEnd::Signalled { signal },
            None if self.user == UserSide::Open && self.unread <= UNREAD_LIMIT => {
                SessionEnd::Disconnected { reason: "the connection to the target was lost".into() }
            }
            None if self.user == UserSide::Open => {
                SessionEnd::Disconnected { reason: "nobody read the program's output any more".into() }
            }
            None => SessionEnd::Disconnected { reason: "the user's connection was closed".into() },
        });
        Outcome { end, tap: self.tap, recording_failure: self.recording_failure }
    }
}

mod acts;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod tests;
mod user_side;

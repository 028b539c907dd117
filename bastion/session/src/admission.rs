//! From what somebody asks for to what may start, the same for every front:
//!
//! ```text
//!   asked ── permitted ── judged ── approved ── admitted
//!             │    ^        │ ^        │
//!   other people   │        │ └ script on standard input, read whole; or the beginning of a dialogue
//!                  └────────┴──────────┘ what was true before a wait need not be true after it
//! ```
//!
//! A front says what is asked for and how its rules are asked ([`AccessRequest`]); how a refusal looks is its writer's
//! ([`UserWriter::refuse`]).

use std::{future::Future, time::SystemTime};

use api::refusal::{ReasonCode, Refusal};
use approval::{Approvals, NewApproval};
use bytes::Bytes;
use policy::{Approved, Hold, Input, Verdict, approval::Act};

use super::{
    approve::{HeldReader, approve},
    leg::{UserReader, UserWriter},
    permit::LivePermit,
    request::{Request, Stdin, judge_start},
    script::{Script, SessionInput},
    visit::{Judged, Visit},
};

/// What a front brings: what is asked for, and by whom.
pub trait AccessRequest: Send + Sync {
    /// What is to run.
    fn request(&self) -> Request<'_>;

    /// Exactly what will run, for those who approve it; `stdin` is all of its standard input, where that was read.
    fn act(&self, stdin: Option<&Bytes>) -> Act;

    /// Whether it has a terminal, where Ctrl-C is a key.
    fn has_terminal(&self) -> bool;

    /// Whether anything may come on its standard input.
    fn has_stdin(&self) -> bool;

    /// Whether it is permitted now, with what other people have approved.
    fn permitted(&self, approved: &[Approved]) -> impl Future<Output = Result<Permitted, NotPermitted>> + Send;

    /// Where other people are asked.
    fn approvals(&self) -> Approvals;

    /// What other people are asked, where the role wants that for the session itself.
    fn session_question(&self, hold: Hold) -> Option<NewApproval>;

    /// Writes down that standard input was no script that could be judged.
    fn script_refused(&self, reason: &str) -> impl Future<Output = ()> + Send;
}

/// A permit, and whom it is for.
#[derive(Clone)]
pub struct Permitted {
    /// The permit, and how it is asked for again.
    pub standing: LivePermit,
    /// Who is written down, and asks other people.
    pub visit: Visit,
}

/// Why there is no permit.
#[derive(Debug)]
pub enum NotPermitted {
    /// The session has to wait for other people.
    Held(Hold),
    /// It may not start.
    Refused(Refusal),
}

/// What may start. Nothing else makes one but [`admit`], and what was admitted cannot be exchanged:
///
/// ```compile_fail,E0616
/// fn exchange<R>(admitted: &mut session::admission::Admitted<&str, R>) {
///     admitted.asked = "rm -rf /";
/// }
/// ```
pub struct Admitted<A, R> {
    asked: A,
    permitted: Permitted,
    input: Input,
    reader: AdmittedReader<R>,
}

/// The user's side, with what was read of it.
pub type AdmittedReader<R> = HeldReader<SessionInput<HeldReader<R>>>;

/// Something that was asked for, and what was approved of it.
struct Admission<'w, A, W> {
    asked: A,
    writer: &'w W,
    approved: Vec<Approved>,
}

/// Brings what is asked for to where it may start. Its user is told what it waits for, and may give up.
///
/// # Errors
///
/// When it may not start. The user is still to be told; the audit log knows.
pub async fn admit<A, R, W>(asked: A, reader: R, writer: &W) -> Result<Admitted<A, R>, Refusal>
where
    A: AccessRequest,
    R: UserReader,
    W: UserWriter,
{
    let has_terminal = asked.has_terminal();
    let mut reader = HeldReader::new(reader, has_terminal);
    let mut admission = Admission { asked, writer, approved: Vec::new() };
    let mut permitted = admission.permitted(&mut reader).await?;
    // Where nothing comes on standard input, all of it is known.
    let mut stdin = (!admission.asked.has_stdin()).then(Bytes::new);
    let mut by_command = false;
    let mut judged = permitted.judge(admission.asked.request(), stdin.as_deref().into()).await;
    let mut reader = if let Judged::NeedsStdin { by_command: may_be_dialogue } = judged {
        let script = admission.script(reader, may_be_dialogue).await?;
        stdin = script.whole().cloned();
        by_command = stdin.is_none();
        let mut replayed = HeldReader::new(SessionInput::Replayed(script.into_reader()), false);
        permitted = admission.permitted(&mut replayed).await?;
        judged = permitted.judge(admission.asked.request(), known(stdin.as_ref(), by_command)).await;
        replayed
    } else {
        HeldReader::new(SessionInput::Live(reader), has_terminal)
    };
    let input = match judged {
        Judged::Allowed(input) => input,
        Judged::Refused(refusal) => return Err(refusal),
        Judged::NeedsStdin { .. } => {
            return Err(Refusal::new(ReasonCode::InputNotJudged, "the commands on standard input cannot be judged"));
        }
        Judged::Held(verdict) => {
            admission.approved(&permitted, &verdict, stdin.as_ref(), &mut reader).await?;
            permitted = admission.permitted(&mut reader).await?;
            match permitted.judge(admission.asked.request(), known(stdin.as_ref(), by_command)).await {
                Judged::Allowed(input) => input,
                // Still the same rule, which has its approval now.
                Judged::Held(again) if again.rule == verdict.rule => again.input,
                Judged::Held(_) | Judged::NeedsStdin { .. } => return Err(Refusal::rules_changed()),
                Judged::Refused(refusal) => return Err(refusal),
            }
        }
    };
    Ok(Admitted { asked: admission.asked, permitted, input, reader })
}

impl<A, R> Admitted<A, R> {
    /// What was asked for, its permit, what is to be done with its standard input, and the user's side.
    pub fn into_parts(self) -> (A, Permitted, Input, AdmittedReader<R>) {
        (self.asked, self.permitted, self.input, self.reader)
    }
}

impl<A: AccessRequest, W: UserWriter> Admission<'_, A, W> {
    /// The permit, after the wait for other people where it needs one.
    async fn permitted<R: UserReader>(&mut self, reader: &mut HeldReader<R>) -> Result<Permitted, Refusal> {
        let hold = match self.asked.permitted(&self.approved).await {
            Ok(permitted) => return Ok(permitted),
            Err(NotPermitted::Refused(refusal)) => return Err(refusal),
            Err(NotPermitted::Held(hold)) => hold,
        };
        let (new, approvals) = (self.asked.session_question(hold), self.asked.approvals());
        let new = new.ok_or_else(Refusal::rules_changed)?;
        self.writer.open().await.map_err(|_| user_gone())?;
        let granted = approve(&approvals, new, (reader, self.writer), async |_| {}).await?;
        self.approved.extend(granted.approved_session());
        match self.asked.permitted(&self.approved).await {
            Ok(permitted) => Ok(permitted),
            Err(NotPermitted::Held(_)) => Err(Refusal::rules_changed()),
            Err(NotPermitted::Refused(refusal)) => Err(refusal),
        }
    }

    /// Reads all of standard input, or what has come where its sender waits for answers and it `may_be_dialogue`.
    async fn script<R: UserReader>(&self, reader: R, may_be_dialogue: bool) -> Result<Script<R>, Refusal> {
        self.writer.open().await.map_err(|_| user_gone())?;
        // Clients may wait for this before they send anything.
        self.writer.accept().await;
        match Script::read(reader, may_be_dialogue, |bytes| self.writer.kept(bytes)).await {
            Ok(script) => Ok(script),
            Err(error) => {
                let message = error.to_string();
                self.asked.script_refused(&message).await;
                Err(Refusal::new(ReasonCode::InputNotJudged, message))
            }
        }
    }

    /// Waits until other people have approved the command.
    async fn approved<R: UserReader>(
        &self,
        permitted: &Permitted,
        verdict: &Verdict,
        stdin: Option<&Bytes>,
        reader: &mut HeldReader<R>,
    ) -> Result<(), Refusal> {
        if verdict.approvers.is_some() {
            self.writer.open().await.map_err(|_| user_gone())?;
        }
        let shown = self.asked.request().shown(stdin.map(AsRef::as_ref).filter(|stdin| !stdin.is_empty()));
        let act = self.asked.act(stdin);
        permitted.visit.command_approved(verdict, act, &shown, (reader, self.writer)).await
    }
}

impl Permitted {
    /// What the rules on commands say to the request, with what is known of its standard input. What is refused is in
    /// the audit log then.
    pub async fn judge(&self, request: Request<'_>, stdin: Stdin<'_>) -> Judged {
        let (rules, mode) = (self.standing.rules.borrow().clone(), self.standing.permit.obligations().mode);
        let (who, what) = (&self.standing.user, self.standing.access.resource());
        let verdict = judge_start(&rules, who, what, mode, (request, stdin), SystemTime::now());
        let shown = match stdin {
            Stdin::All(all) => Some(all).filter(|all| !all.is_empty()),
            Stdin::Commands | Stdin::Unread => None,
        };
        self.visit.judged(verdict, request, shown).await
    }
}

/// What is known of standard input: all of it, where it was read, or that its commands are judged one by one.
fn known(all: Option<&Bytes>, by_command: bool) -> Stdin<'_> {
    if by_command { Stdin::Commands } else { all.map(AsRef::as_ref).into() }
}

/// Nobody is there any more who could be told.
fn user_gone() -> Refusal {
    Refusal::new(ReasonCode::ApprovalCancelled, "the user has gone")
}

#[cfg(test)]
mod tests;

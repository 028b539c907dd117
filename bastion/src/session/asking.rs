//! A typed line that other people decide about, from the question to the answer.

use std::{future, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use policy::{
    Verdict,
    gate::{Answer, Question},
};
use tokio::time::{Instant, sleep_until};

use super::{approve::waiting_for, report::Reporter, tap::masked_text, voice::approved};
use crate::approval::{ApprovalKind, NewApproval, Progress, Waiting};

/// What comes of a question.
#[derive(Debug)]
pub enum Asked {
    /// It is decided; and by whom, where people said yes.
    Answer(Answer, Option<String>),
    /// How far it is, for the user, on a line that is drawn again and again.
    Status(String),
    /// That it waits, for the user.
    Waiting(String),
}

/// The question at hand, if there is one.
#[derive(Default)]
pub struct Asking(State);

#[derive(Default)]
enum State {
    #[default]
    Closed,
    /// The answer is known already.
    Known(Answer),
    /// People have been asked; the user is not told yet.
    Asked(Box<Open>),
    /// The user was told.
    Told(Box<Open>),
}

/// A question that is open.
struct Open {
    waiting: Waiting,
    text: Bytes,
    because: String,
    approvals: usize,
    /// When the user sees next how long it still may take.
    redraw_at: Instant,
}

impl Asking {
    /// Asks.
    pub async fn begin(&mut self, reporter: &Reporter, question: Question) {
        let Verdict { message, rule, approvers, commands, .. } = question.verdict.clone();
        let Some(needed) = approvers else {
            reporter.asked(&question, None).await;
            self.0 =
                State::Known(Answer::Refused(format!("held: {message}, and the rules name nobody who can approve it")));
            return;
        };
        let text = Bytes::from(question.text.clone());
        let new = NewApproval {
            kind: ApprovalKind::Command,
            requester: reporter.subject.clone(),
            target: reporter.target.clone(),
            login: reporter.login.clone(),
            session: Some(reporter.session),
            rule,
            text: text.clone(),
            commands,
            screen: Some(masked_text(question.screen.clone().into())),
            reason: reporter.reason.clone(),
            because: message.clone(),
            needed,
            source: reporter.source.clone(),
        };
        self.0 = match reporter.sessions.approvals.standing(&new).await {
            Ok(Some(granted)) if granted.text() == &text => State::Known(Answer::Approved),
            Ok(_) => match reporter.sessions.approvals.request(new).await {
                Ok(waiting) => {
                    reporter.asked(&question, Some(waiting.id())).await;
                    let redraw_at = Instant::now() + REDRAW;
                    State::Asked(Box::new(Open { waiting, text, because: message, approvals: 0, redraw_at }))
                }
                Err(error) => {
                    reporter.asked(&question, None).await;
                    State::Known(Answer::Refused(format!("held: {message}: {error}{HOW_TO_GIVE_A_REASON}")))
                }
            },
            Err(error) => State::Known(Answer::Refused(format!("held: {message}: {error}"))),
        };
    }

    /// Whether a question is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.0, State::Closed)
    }

    /// What comes next of it. Cancel-safe.
    pub async fn next(&mut self) -> Asked {
        match std::mem::take(&mut self.0) {
            State::Closed => future::pending().await,
            State::Known(answer) => Asked::Answer(answer, None),
            State::Asked(open) => {
                let text = waiting_for(&open.waiting, &open.because);
                self.0 = State::Told(open);
                Asked::Waiting(text)
            }
            State::Told(open) => {
                self.0 = State::Told(open);
                let State::Told(open) = &mut self.0 else { return future::pending().await };
                let outcome = tokio::select! {
                    progress = open.waiting.changed() => match progress {
                        Progress::Decided(outcome) => Some(outcome),
                        Progress::Voted { approvals, .. } => {
                            open.approvals = approvals;
                            None
                        }
                    },
                    () = sleep_until(open.redraw_at) => None,
                };
                let Some(outcome) = outcome else {
                    open.redraw_at = Instant::now() + REDRAW;
                    return Asked::Status(open.status());
                };
                let (answer, by) = match outcome.granted(&open.text) {
                    Ok(granted) => (Answer::Approved, Some(approved(&granted.by()))),
                    Err(why) => (Answer::Refused(why), None),
                };
                self.0 = State::Closed;
                Asked::Answer(answer, by)
            }
        }
    }

    /// Takes the question back. The store may be down: then it expires.
    pub async fn withdraw(&mut self) {
        if let State::Asked(open) | State::Told(open) = std::mem::take(&mut self.0) {
            let _ = open.waiting.cancel().await;
        }
    }
}

impl Open {
    fn status(&self) -> String {
        let left = self.waiting.expires_at().duration_since(Timestamp::now()).as_secs().max(0);
        let (approvals, of) = (self.approvals, self.waiting.needed().count);
        format!("waiting for approval: {approvals} of {of}, {}:{:02} left (Ctrl-C cancels)", left / 60, left % 60)
    }
}

/// How often the time that is left is drawn anew.
const REDRAW: Duration = Duration::from_secs(5);

/// What to do where a reason is required.
const HOW_TO_GIVE_A_REASON: &str =
    " (a reason is given when you connect: ssh -o SetEnv='BASTION_REASON=…', or bastion run --reason)";

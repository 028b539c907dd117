//! A typed line that other people decide about, from the question to the answer.

use std::{future, time::Duration};

use approval::{Application, NewApproval, Progress, Waiting};
use gate::{Answer, Question};
use jiff::Timestamp;
use policy::approval::{Act, ActKind};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::{
    approve::waiting_for,
    notice_format::approved,
    tap::{masked_text, shown},
    visit::Visit,
};

/// What comes of a question.
#[derive(Debug)]
pub enum QuestionProgress {
    /// It is decided; and by whom, where people said yes.
    Answer(Answer, Option<String>),
    /// How far it is, for the user, on a line that is drawn again and again.
    Status(String),
    /// That it waits, for the user.
    Waiting(String),
}

/// The question at hand, if there is one.
#[derive(Default)]
pub struct PendingQuestion(QuestionState);

#[derive(Default)]
enum QuestionState {
    #[default]
    Closed,
    /// The store is asked; whoever takes the question back lets go of the answer.
    Begun(oneshot::Receiver<Self>),
    /// The answer is known already.
    Known(Answer),
    /// People have been asked; the user is not told yet.
    Asked(OpenQuestion),
    /// The user was told.
    Told(OpenQuestion),
}

/// A question that is open.
struct OpenQuestion {
    waiting: Box<Waiting>,
    approvals: usize,
    /// When the user sees next how long it still may take.
    redraw_at: Instant,
}

impl PendingQuestion {
    /// Asks. The session goes on while the store is asked.
    pub fn begin(&mut self, visit: &Visit, question: Question) {
        let (answer, begun) = oneshot::channel();
        let visit = visit.clone();
        let approvals = visit.sessions.approvals.clone();
        approvals.in_background(async move {
            // Nobody takes it if the question was taken back; then it is withdrawn.
            let _ = answer.send(QuestionState::begun(&visit, question).await);
        });
        self.0 = QuestionState::Begun(begun);
    }

    /// Whether a question is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.0, QuestionState::Closed)
    }

    /// What comes next of it. Cancel-safe.
    pub async fn next(&mut self) -> QuestionProgress {
        if let QuestionState::Begun(begun) = &mut self.0 {
            let unanswered = || QuestionState::Known(Answer::Refused("held: the bastion is stopping".to_owned()));
            self.0 = begun.await.unwrap_or_else(|_| unanswered());
        }
        match std::mem::take(&mut self.0) {
            QuestionState::Closed | QuestionState::Begun(_) => future::pending().await,
            QuestionState::Known(answer) => QuestionProgress::Answer(answer, None),
            QuestionState::Asked(open) => {
                let text = waiting_for(&open.waiting);
                self.0 = QuestionState::Told(open);
                QuestionProgress::Waiting(text)
            }
            QuestionState::Told(open) => {
                self.0 = QuestionState::Told(open);
                let QuestionState::Told(open) = &mut self.0 else { return future::pending().await };
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
                    return QuestionProgress::Status(open.status());
                };
                let (answer, by) = match open.waiting.settle(outcome) {
                    Ok(granted) => (Answer::Approved, Some(approved(&granted.by()))),
                    Err(refusal) => (Answer::Refused(refusal.message), None),
                };
                self.0 = QuestionState::Closed;
                QuestionProgress::Answer(answer, by)
            }
        }
    }

    /// Takes the question back. The store may be down: then it expires.
    pub fn withdraw(&mut self) {
        if let QuestionState::Asked(open) | QuestionState::Told(open) = std::mem::take(&mut self.0) {
            open.waiting.cancel_later();
        }
    }
}

impl QuestionState {
    async fn begun(visit: &Visit, question: Question) -> Self {
        let Question { text, screen, verdict, .. } = question;
        let command = shown(text.clone());
        let act = Act::of(ActKind::Line, visit.protocol, [text]);
        let asked = match visit.command_question(&verdict, act) {
            Ok(new) => {
                let new = NewApproval { screen: Some(masked_text(screen.into())), ..new };
                visit.sessions.approvals.apply(new).await
            }
            Err(refusal) => Err(refusal),
        };
        match asked {
            Ok(Application::Granted(_)) => Self::Known(Answer::Approved),
            Ok(Application::Waiting(waiting)) => {
                visit.held(&command, &verdict, Some(waiting.id())).await;
                let redraw_at = Instant::now() + REDRAW;
                Self::Asked(OpenQuestion { waiting, approvals: 0, redraw_at })
            }
            Err(refusal) => {
                visit.held(&command, &verdict, None).await;
                Self::Known(Answer::Refused(format!("held: {}", refusal.message)))
            }
        }
    }
}

impl OpenQuestion {
    fn status(&self) -> String {
        let left = self.waiting.expires_at().duration_since(Timestamp::now()).as_secs().max(0);
        let (approvals, of) = (self.approvals, self.waiting.needed().count);
        format!("waiting for approval: {approvals} of {of}, {}:{:02} left (Ctrl-C cancels)", left / 60, left % 60)
    }
}

/// How often the time that is left is drawn anew.
const REDRAW: Duration = Duration::from_secs(5);

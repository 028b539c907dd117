//! A line that other people decide about, from the question to the answer.

use std::future;

use policy::gate::{Answer, Question};

use super::report::Reporter;

/// What comes of a question.
#[derive(Debug)]
pub enum Asked {
    /// It is decided.
    Answer(Answer),
    /// How far it is, for the user.
    Progress(String),
}

/// The question at hand, if there is one.
#[derive(Debug, Default)]
pub struct Asking {
    answer: Option<Answer>,
}

impl Asking {
    /// Asks.
    pub async fn begin(&mut self, reporter: &Reporter, question: Question) {
        reporter.asked(&question, None).await;
        self.answer = Some(Answer::Refused(question.verdict.message));
    }

    /// Whether a question is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.answer.is_some()
    }

    /// What comes next of it. Cancel-safe.
    pub async fn next(&mut self) -> Asked {
        match self.answer.take() {
            Some(answer) => Asked::Answer(answer),
            None => future::pending().await,
        }
    }

    /// Takes the question back.
    pub async fn withdraw(&mut self) {
        self.answer = None;
    }
}

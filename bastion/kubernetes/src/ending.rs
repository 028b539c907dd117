//! The end of an answer that is not allowed any longer: the login has ended, or the rules have changed.
//!
//! Who reads on is told why, where the answer has words for it: a watch gets an `ERROR` event with a Status, the log
//! of a container a last line. What is not a whole answer then never looks like one: but for a watch, which may end
//! at any event, the connection breaks off.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use api::refusal::{self, ReasonCode};
use bytes::Bytes;
use http::{HeaderMap, header};
use session::permit::LivePermit;
use tokio::time::{Sleep, sleep};
use wire::request_info::RequestInfo;

use super::status::Refusal;

/// How long an answer may take, and how whoever reads it is told that it ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as the cluster likes, as the log of a container that is followed: a last line says why it ends.
    Log,
    /// As long as the cluster likes; it breaks off.
    Open,
    /// The head comes soon.
    Short,
    /// As long as the cluster likes: a last event says why it ends.
    Watch,
}

impl Lifetime {
    /// That of the answer to this request.
    #[must_use]
    pub fn of(info: &RequestInfo) -> Self {
        let subresource = info.resource.as_ref().map(|resource| resource.subresource.as_str());
        match (info.verb, subresource) {
            ("watch", _) => Self::Watch,
            (_, Some("log")) => Self::Log,
            ("proxy", _) | (_, Some("proxy")) => Self::Open,
            _ => Self::Short,
        }
    }
}

/// What an answer ends with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// It breaks off.
    Abort,
    /// It is over.
    End,
    /// What was said is on its way.
    Wait,
    /// This is said.
    Words(Bytes),
}

/// Waits until an answer is not allowed any longer, and then says its last words.
pub(super) struct AnswerEnding {
    form: Form,
    state: EndingState,
    /// Why it ends.
    lost: Option<Refusal>,
    /// Whether what was passed on ends with a line.
    is_at_line: bool,
}

/// In which form a reader is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Line,
    None,
    WatchEvent,
}

enum EndingState {
    Allowed(Pin<Box<dyn Future<Output = Refusal> + Send>>),
    Said(Pin<Box<Sleep>>),
    Over,
}

/// Why a request is not allowed any longer, as an answer.
pub(super) fn lost(standing: &LivePermit, reason: &str) -> Refusal {
    let code = if standing.login_has_ended() { ReasonCode::LoginEnded } else { ReasonCode::RulesChanged };
    refusal::Refusal::new(code, reason).into()
}

impl AnswerEnding {
    /// For an answer with these headers that is allowed as long as `standing` is.
    pub(super) fn new(lifetime: Lifetime, headers: &HeaderMap, mut standing: LivePermit) -> Self {
        let is = |name: &str| {
            let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            content_type.is_some_and(|value| value.split(';').next().unwrap_or_default().trim() == name)
                && !headers.contains_key(header::CONTENT_ENCODING)
                && !headers.contains_key(header::CONTENT_LENGTH)
        };
        let form = match lifetime {
            Lifetime::Log if is("text/plain") => Form::Line,
            Lifetime::Watch if is("application/json") => Form::WatchEvent,
            Lifetime::Log | Lifetime::Open | Lifetime::Short | Lifetime::Watch => Form::None,
        };
        let end = async move {
            let reason = standing.lost().await;
            lost(&standing, &reason)
        };
        Self { form, state: EndingState::Allowed(Box::pin(end)), lost: None, is_at_line: true }
    }

    /// Notes what was passed on.
    pub(super) fn passed(&mut self, data: &[u8]) {
        if let Some(last) = data.last() {
            self.is_at_line = *last == b'\n';
        }
    }

    /// Why it ends.
    pub(super) fn lost(&self) -> Option<&Refusal> {
        self.lost.as_ref()
    }

    /// What is said next; pending as long as the answer is allowed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Last> {
        match &mut self.state {
            EndingState::Allowed(end) => {
                let Poll::Ready(refusal) = end.as_mut().poll(cx) else { return Poll::Pending };
                let words = self.words(&refusal);
                self.lost = Some(refusal);
                let Some(words) = words else {
                    self.state = EndingState::Over;
                    return Poll::Ready(Last::Abort);
                };
                self.state = EndingState::Said(Box::pin(sleep(FLUSH)));
                Poll::Ready(Last::Words(words))
            }
            EndingState::Said(flushed) => {
                if flushed.as_mut().poll(cx).is_pending() {
                    return Poll::Ready(Last::Wait);
                }
                self.state = EndingState::Over;
                Poll::Ready(if self.form == Form::WatchEvent { Last::End } else { Last::Abort })
            }
            EndingState::Over => Poll::Ready(Last::End),
        }
    }

    /// Nothing is put into the middle of an event; a line of a log is ended first.
    fn words(&self, refusal: &Refusal) -> Option<Bytes> {
        match self.form {
            Form::Line => {
                let break_line = if self.is_at_line { "" } else { "\n" };
                Some(format!("{break_line}bastion: {}\n", refusal.message).into())
            }
            Form::WatchEvent if self.is_at_line => {
                let status: serde_json::Value = serde_json::from_slice(&refusal.told().body).ok()?;
                let event = serde_json::json!({ "type": "ERROR", "object": status });
                Some(format!("{event}\n").into())
            }
            Form::None | Form::WatchEvent => None,
        }
    }
}

impl fmt::Debug for AnswerEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerEnding").field("form", &self.form).field("lost", &self.lost).finish_non_exhaustive()
    }
}

/// What breaks off takes along what was not written yet: the last words get this long.
const FLUSH: Duration = Duration::from_millis(250);

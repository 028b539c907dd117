//! A request and its answer, streamed both ways. Nothing is buffered: watches and `logs -f` arrive as they are sent,
//! a slow reader slows its own stream only, and when one side gives up the other is told.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use api::refusal::{self, ReasonCode};
use bytes::{Buf as _, Bytes};
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use ledger::audit::{AuditEvent, KubeRequestEvent, log::Place};
use listener::http::Lasting;
use session::permit::LivePermit;

use super::{
    body::{Body, BodyError},
    ending::{AnswerEnding, Last, Lifetime, lost},
    impersonation::to_user,
    status::{Refusal, Told},
    upstream::{ClusterConnection, UpstreamSendError},
};

/// What will be written down of a request when it has ended, however it ends.
#[derive(Debug)]
pub struct RequestEntry {
    place: Option<Place>,
    event: Box<KubeRequestEvent>,
    started: Instant,
    bytes_in: Arc<AtomicU64>,
}

impl RequestEntry {
    /// An entry for `event` at `place`.
    #[must_use]
    pub fn new(place: Place, event: KubeRequestEvent, started: Instant) -> Self {
        Self { place: Some(place), event: Box::new(event), started, bytes_in: Arc::default() }
    }

    /// The rule that let it pass.
    pub fn passed_by(&mut self, rule: Option<String>) {
        self.event.rule = rule;
    }

    /// Answers in place of the cluster.
    #[must_use]
    pub fn refuse(mut self, refusal: &Refusal) -> Response<Body> {
        self.event.refused = Some(refusal.message.clone());
        self.event.code = refusal.code;
        self.event.rule.clone_from(&refusal.rule);
        self.answered(refusal.status);
        let is_discovery = self.event.resource.is_empty() && refusal.status == StatusCode::FORBIDDEN;
        let told = if is_discovery { refusal.told_in_text() } else { refusal.told() };
        told.response().map(|body| self.count_out(body, None))
    }

    /// Gives an answer that is ready.
    #[must_use]
    pub fn give(mut self, response: Response<Body>) -> Response<Body> {
        self.answered(response.status());
        response.map(|body| self.count_out(body, None))
    }

    /// The same for a refusal of the bastion's own that is said in `told`, or of the cluster's.
    #[must_use]
    pub fn tell(mut self, told: &Told) -> Response<Body> {
        self.event.refused = Some(told.message());
        self.event.code = told.code;
        self.give(told.response())
    }

    /// Where bytes for the cluster are counted.
    #[must_use]
    pub fn bytes_in(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_in)
    }

    /// Bytes that the user was sent.
    pub fn sent(&mut self, bytes: u64) {
        self.event.bytes_out = bytes;
    }

    /// Why the bastion has ended it.
    pub fn ended(&mut self, refusal: &Refusal) {
        self.event.ended = Some(refusal.message.clone());
        self.event.code = refusal.code;
    }

    /// The head of the answer is on its way.
    pub fn answered(&mut self, status: StatusCode) {
        self.event.status = Some(status.as_u16());
        self.event.latency_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    }

    fn count_in(&self, body: Body) -> Body {
        CountedIn { body, bytes: Arc::clone(&self.bytes_in) }.boxed_unsync()
    }

    fn count_out(self, body: Body, ending: Option<AnswerEnding>) -> Body {
        CountedOut { body, entry: self, ending }.boxed_unsync()
    }
}

impl Drop for RequestEntry {
    fn drop(&mut self) {
        self.event.bytes_in = self.bytes_in.load(Ordering::Relaxed);
        if let Some(place) = self.place.take() {
            place.fill(AuditEvent::KubeRequest(self.event.clone()));
        }
    }
}

/// Sends a request whose headers are fit for the cluster, and passes the answer on for as long as it is allowed.
pub async fn forward(
    cluster: &ClusterConnection,
    request: Request<Body>,
    mut entry: RequestEntry,
    lifetime: Lifetime,
    mut standing: LivePermit,
) -> Response<Body> {
    let request = request.map(|body| entry.count_in(body));
    let deadline = async {
        match lifetime {
            Lifetime::Short => tokio::time::sleep(HEAD_DEADLINE).await,
            // `logs -f` of a silent pod has no head until it speaks.
            Lifetime::Log | Lifetime::Open | Lifetime::Watch => std::future::pending().await,
        }
    };
    let response = tokio::select! {
        sent = cluster.send(request) => match sent {
            Ok(response) => response,
            Err(error) => {
                tracing::warn!(%error, "the cluster did not answer");
                return entry.refuse(&unavailable(&error));
            }
        },
        () = deadline => {
            let message = "the cluster took too long to answer; it may still do what it was asked";
            let refusal = Refusal::new(StatusCode::GATEWAY_TIMEOUT, message);
            return entry.refuse(&refusal.for_reason(ReasonCode::TargetUnavailable));
        }
        reason = standing.lost() => {
            let refusal = lost(&standing, &reason);
            entry.ended(&refusal);
            return entry.refuse(&refusal);
        }
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        // Passed on, it would tell kubectl that the user's credential is the wrong one.
        tracing::error!("the cluster does not take the bastion's own credential");
        let message = "the cluster does not take the bastion's own credential; tell the operator";
        return entry.refuse(&refusal::Refusal::new(ReasonCode::TargetUnavailable, message).into());
    }
    if response.status().is_informational() {
        let message = "the cluster changed the protocol unasked";
        return entry.refuse(&refusal::Refusal::new(ReasonCode::TargetUnavailable, message).into());
    }
    entry.answered(response.status());
    let (head, body) = response.into_parts();
    let ending = AnswerEnding::new(lifetime, &head.headers, standing);
    let mut answer = Response::new(entry.count_out(body.map_err(BodyError::from).boxed_unsync(), Some(ending)));
    *answer.status_mut() = head.status;
    *answer.headers_mut() = to_user(&head.headers);
    if lifetime != Lifetime::Short {
        answer.extensions_mut().insert(Lasting);
    }
    answer
}

/// What a user reads of a cluster that did not answer.
#[must_use]
pub fn unavailable(error: &UpstreamSendError) -> Refusal {
    let message = match error {
        UpstreamSendError::Credential(_) => {
            "the bastion has no credential for the cluster right now; tell the operator"
        }
        UpstreamSendError::Exchange(_) => "the connection to the cluster broke before it answered; try again",
        UpstreamSendError::Unreachable(_) => {
            "the cluster cannot be reached from the bastion; try again, or tell the operator"
        }
    };
    // Not 503: client libraries would repeat requests for minutes without a word.
    refusal::Refusal::new(ReasonCode::TargetUnavailable, message).into()
}

/// A request's body, with the count of what was read of it.
struct CountedIn {
    body: Body,
    bytes: Arc<AtomicU64>,
}

impl HttpBody for CountedIn {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.bytes.fetch_add(length(frame), Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. When it is dropped, read to its end or not, the entry is written.
struct CountedOut {
    body: Body,
    entry: RequestEntry,
    /// What ends it when it is not allowed any longer.
    ending: Option<AnswerEnding>,
}

impl HttpBody for CountedOut {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { body, entry, ending } = &mut *self;
        if let Some(ending) = ending
            && let Poll::Ready(last) = ending.poll(cx)
        {
            if let (None, Some(refusal)) = (&entry.event.ended, ending.lost()) {
                entry.ended(refusal);
            }
            return match last {
                Last::Words(words) => Poll::Ready(Some(Ok(Frame::data(words)))),
                Last::Wait => Poll::Pending,
                Last::End => Poll::Ready(None),
                Last::Abort => {
                    let reason = ending.lost().map(|refusal| refusal.message.clone()).unwrap_or_default();
                    Poll::Ready(Some(Err(BodyError::Lost(reason))))
                }
            };
        }
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            entry.event.bytes_out += length(frame);
            if let (Some(ending), Some(data)) = (ending, frame.data_ref()) {
                ending.passed(data);
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| u64::try_from(data.remaining()).unwrap_or(u64::MAX))
}

/// Longer than the API server's own limit (60 s) for requests that are not long-running.
const HEAD_DEADLINE: Duration = Duration::from_secs(90);

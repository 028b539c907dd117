//! HTTP/1.1 and HTTP/2 over TLS, with a deadline at every stage that a peer can draw out.
//!
//! | stage | deadline |
//! | --- | --- |
//! | from the accept to the head of the first request | [`Limits::login`](super::Limits) |
//! | between requests, whatever HTTP/2 frames come | [`Limits::idle`](super::Limits) |
//! | an answer that is ready and not asked for | [`Limits::unread`](super::Limits); of users more |
//! | from the goodbye to the end | `PARTING` |
//!
//! hyper has a deadline for the head of an HTTP/1.1 request only. So the count of exchanges (requests and their
//! answers) is kept here, and the connection is ended by what it says, not by what bytes go by: pings and a header
//! that trickles are no requests. A request whose answer takes its time is the server's affair; how long its body may
//! take is up to who reads it. What is meant to last ([`Lasting`]: watches, followed logs) may be read as slowly as
//! people like.

use std::{
    collections::BTreeMap,
    error::Error,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{sync::Notify, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Limits, Place, tls::Accepted};

/// What an HTTP server bears of its clients' messages.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// How often an HTTP/2 peer is asked whether it lives.
    pub keep_alive: Duration,
    /// How long the head of a request may be.
    pub max_head_bytes: u32,
    /// Requests at a time on one HTTP/2 connection.
    pub max_streams: u32,
}

/// Among the extensions of a response: it lasts as long as its reader likes, and may wait for its reader.
#[derive(Debug, Clone, Copy)]
pub struct Lasting;

/// Serves a connection to its end. At `stop`, requests that are under way are answered, and no more are read.
#[expect(clippy::manual_async_fn, reason = "that the future is Send has to be said for the compiler to see it")]
pub fn serve<S, B>(
    accepted: Accepted,
    limits: HttpLimits,
    stop: CancellationToken,
    service: S,
) -> impl Future<Output = ()> + Send
where
    S: Service<Request<Incoming>, Response = Response<B>, Future: Send, Error: Into<Box<dyn Error + Send + Sync>>>
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    async move {
        let Accepted { stream, peer, place, limits: deadlines } = accepted;
        let watch = Arc::new(Watch::new(deadlines, place));
        let (server, watched) = (server(limits), Arc::clone(&watch));
        let service = service_fn(move |request| {
            let exchange = Exchange::begin(Arc::clone(&watched));
            let answered = service.call(request);
            async move { answered.await.map(|response| exchange.carry(response)) }
        });
        let mut connection = pin!(server.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let mut parting = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(peer.addr = %peer, %error, "connection ended");
                    }
                    return;
                }
                () = stop.cancelled(), if !parting => {}
                overdue = watch.overdue() => {
                    tracing::debug!(peer.addr = %peer, ?overdue, "connection took too long");
                    if parting || overdue == Overdue::Unread {
                        return;
                    }
                }
            }
            parting = true;
            watch.part();
            connection.as_mut().graceful_shutdown();
        }
    }
}

fn server(limits: HttpLimits) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    let max_head_bytes = usize::try_from(limits.max_head_bytes).unwrap_or(usize::MAX);
    server.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(max_head_bytes);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.keep_alive)
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(limits.max_head_bytes);
    server
}

/// What goes on on one connection.
#[derive(Debug)]
struct Watch {
    limits: Limits,
    place: Arc<Place>,
    state: Mutex<ExchangeState>,
    /// The first exchange has begun, or the last has ended.
    turned: Notify,
}

#[derive(Debug)]
struct ExchangeState {
    /// The exchanges that are open, each with the time since when a part of its answer waits to be asked for.
    open: BTreeMap<u64, Option<Instant>>,
    next: u64,
    /// Since when there is none.
    idle: Instant,
    /// When the peer was told that the connection ends.
    parting: Option<Instant>,
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overdue {
    /// The first request did not come.
    First,
    /// No other one came.
    Idle,
    /// An answer is not read.
    Unread,
    /// The peer does not go.
    Parting,
}

impl Watch {
    fn new(limits: Limits, place: Arc<Place>) -> Self {
        // Only the handshake is over: nothing has been asked.
        place.silent();
        let state = ExchangeState { open: BTreeMap::new(), next: 0, idle: Instant::now(), parting: None };
        Self { limits, place, state: Mutex::new(state), turned: Notify::new() }
    }

    /// Waits until something has taken too long.
    async fn overdue(&self) -> Overdue {
        loop {
            let (deadline, _) = self.deadline();
            tokio::select! {
                () = sleep_until(deadline.into()) => {}
                () = self.turned.notified() => {}
            }
            let now = Instant::now();
            if let (deadline, Some(what)) = self.deadline()
                && deadline <= now
            {
                return what;
            }
        }
    }

    /// What is due next; nothing, if it is only time to look again.
    fn deadline(&self) -> (Instant, Option<Overdue>) {
        let state = self.lock();
        let patience = if self.place.is_authenticated() { PATIENCE_WITH_USERS } else { 1 };
        let unread = self.limits.unread * patience;
        let offered = state.open.values().filter_map(|offered| *offered).min();
        match (state.open.is_empty(), state.parting, offered) {
            (true, Some(parting), _) => (parting.max(state.idle) + PARTING, Some(Overdue::Parting)),
            (true, None, _) if state.next == 0 => (self.place.since() + self.limits.login, Some(Overdue::First)),
            (true, None, _) => (state.idle + self.limits.idle, Some(Overdue::Idle)),
            (false, _, Some(offered)) => (offered + unread, Some(Overdue::Unread)),
            (false, _, None) => (Instant::now() + unread, None),
        }
    }

    fn part(&self) {
        self.lock().parting = Some(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, ExchangeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request and its answer, until the latter has been handed over or given up.
#[derive(Debug)]
struct Exchange {
    watch: Arc<Watch>,
    number: u64,
}

impl Exchange {
    fn begin(watch: Arc<Watch>) -> Self {
        let mut state = watch.lock();
        let number = state.next;
        state.next += 1;
        let first = state.open.is_empty();
        state.open.insert(number, None);
        drop(state);
        if first {
            watch.place.heard();
            watch.turned.notify_one();
        }
        Self { watch, number }
    }

    /// The answer, whose parts are watched.
    fn carry<B>(self, response: Response<B>) -> Response<Watched<B>> {
        let lasting = response.extensions().get::<Lasting>().is_some();
        response.map(|body| Watched { body, rest: Bytes::new(), exchange: self, lasting })
    }

    fn offered(&self, since: Option<Instant>) {
        if let Some(offered) = self.watch.lock().open.get_mut(&self.number) {
            *offered = since;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.watch.lock();
        state.open.remove(&self.number);
        if state.open.is_empty() {
            state.idle = Instant::now();
            drop(state);
            self.watch.place.silent();
            self.watch.turned.notify_one();
        }
    }
}

/// The body of an answer. hyper asks for the next part when there is room for it.
struct Watched<B> {
    body: B,
    /// What is left of a large part: handed over at once, it would seem to have been read.
    rest: Bytes,
    exchange: Exchange,
    lasting: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Self { body, rest, exchange, lasting } = &mut *self;
        if rest.is_empty() {
            exchange.offered(None);
            match ready!(Pin::new(body).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => *rest = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let part = rest.split_to(rest.len().min(PART_BYTES));
        exchange.offered((!*lasting).then(Instant::now));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest + body.lower());
        if let Some(upper) = body.upper() {
            hint.set_upper(rest + upper);
        }
        hint
    }
}

/// Who has logged in may read so many times as slowly: somebody may have paused a download.
const PATIENCE_WITH_USERS: u32 = 5;

/// How long a peer may take to go once it has been told.
const PARTING: Duration = Duration::from_secs(5);

/// The parts in which an answer is handed over.
const PART_BYTES: usize = 16 * 1024;

//! A cluster that says what it was asked, and misbehaves on demand. Plain HTTP on loopback.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

pub(super) struct TestCluster {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    heads: Mutex<Vec<Value>>,
    watch: Mutex<Option<mpsc::Sender<Bytes>>>,
    opened: Notify,
    broken: Notify,
}

impl TestCluster {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, state }
    }

    pub(super) fn heads(&self) -> Vec<Value> {
        self.state.heads.lock().unwrap().clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.heads().len()
    }

    /// Sends a part of the watch that is open, or will be.
    pub(super) async fn push(&self, text: &'static str) {
        loop {
            let opened = self.state.opened.notified();
            let watch = self.state.watch.lock().unwrap().clone();
            match watch {
                Some(watch) => return watch.send(Bytes::from_static(text.as_bytes())).await.unwrap(),
                None => opened.await,
            }
        }
    }

    /// Ends an answer in the middle.
    pub(super) fn break_off(&self) {
        self.state.broken.notify_one();
    }

    /// Returns when nobody reads the watch any more.
    pub(super) async fn watch_ended(&self) {
        let watch = self.state.watch.lock().unwrap().take().unwrap();
        watch.closed().await;
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let head = json!({ "method": request.method().as_str(), "uri": request.uri().to_string(), "headers": headers });
    state.heads.lock().unwrap().push(head.clone());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let whole = |bytes: Bytes| Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
    let mut response = match query.as_str() {
        "trailers" => {
            let body = request.into_body().collect().await;
            let trailers = body.ok().and_then(|body| body.trailers().cloned()).unwrap_or_default();
            Response::new(whole(Bytes::from(json!({ "head": head, "trailers": trailers.len() }).to_string())))
        }
        "echo" => Response::new(request.into_body().map_err(std::io::Error::other).boxed_unsync()),
        "watch=true" | "follow=true" => {
            let (sender, receiver) = mpsc::channel(1);
            *state.watch.lock().unwrap() = Some(sender);
            state.opened.notify_waiters();
            let parts = futures_util::stream::unfold(receiver, |mut receiver| async {
                receiver.recv().await.map(|bytes| (Ok(Frame::data(bytes)), receiver))
            });
            let content_type = if query == "watch=true" { "application/json" } else { "text/plain" };
            let response = Response::builder().header("content-type", content_type);
            response.body(StreamBody::new(parts).boxed_unsync()).unwrap()
        }
        "break" => {
            let half = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"half")))]);
            let end = futures_util::stream::once(async move {
                state.broken.notified().await;
                Err(std::io::Error::other("broken off"))
            });
            Response::new(StreamBody::new(half.chain(end)).boxed_unsync())
        }
        "forbidden" => Response::new(whole(Bytes::from_static(b"pods is forbidden"))),
        _ => Response::new(whole(Bytes::from(head.to_string()))),
    };
    *response.status_mut() = match query.as_str() {
        "unauthorized" => StatusCode::UNAUTHORIZED,
        "forbidden" => StatusCode::FORBIDDEN,
        _ => StatusCode::OK,
    };
    Ok(response)
}

//! [`Webhook`]: tells a receiver of requests and decisions by signed HTTP posts.
//!
//! ```text
//! X-Bastion-Timestamp: unix seconds of this attempt
//! X-Bastion-Delivery:  an id, the same for each attempt
//! X-Bastion-Signature: v1=hex(hmac_sha256(secret, "v1:{timestamp}:{delivery}:{body}"))
//! ```
//!
//! A receiver checks the signature, refuses timestamps that are minutes old, and remembers deliveries for as long:
//! so nobody else can make it believe anything, nor make it do the same twice. It cannot decide anything by its
//! answer; people decide where the link leads.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use api::approvals::ApprovalView;
use aws_lc_rs::hmac;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use reqwest::{Certificate, Client, StatusCode, header, redirect};
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};
use url::{Host, Url};
use uuid::Uuid;

use super::{Approval, ApprovalKind, StartError, view, view::cut};

/// What a receiver is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// A request was decided.
    ApprovalDecided,
    /// Somebody asks for an approval.
    ApprovalRequested,
}

/// The way to the receiver: a bounded queue.
pub(super) struct Webhook {
    queue: mpsc::Sender<Delivery>,
}

/// One message, and its name.
struct Delivery {
    id: Uuid,
    body: Bytes,
}

/// The JSON that is posted.
#[derive(Serialize)]
struct Message {
    event: Event,
    approval: ApprovalView,
    /// For a chat: one line of Slack's mrkdwn with the link.
    text: String,
}

/// Where deliveries go, and how they are signed.
struct Receiver {
    client: Client,
    url: Url,
    key: hmac::Key,
}

/// What became of an attempt.
enum Attempt {
    Delivered,
    /// The receiver does not want it, now or later.
    Refused(String),
    /// It may work later.
    Unavailable(String),
}

impl Webhook {
    /// Starts to deliver, until `closing`.
    pub(super) fn start(
        settings: &config::Webhook,
        tasks: &TaskTracker,
        closing: &CancellationToken,
    ) -> Result<Self, StartError> {
        let receiver = Arc::new(Receiver::new(settings)?);
        let (queue, deliveries) = mpsc::channel(QUEUE);
        tasks.spawn(deliver_all(receiver, deliveries, tasks.clone(), closing.clone()));
        Ok(Self { queue })
    }

    /// Puts a message into the queue.
    pub(super) fn send(&self, event: Event, record: &Approval, console: &Url) -> Result<(), &'static str> {
        let approval = ApprovalView { screen: None, ..view::view(record, None, console, Timestamp::now()) };
        let message = Message { event, approval, text: text(event, record, console) };
        let body = serde_json::to_vec(&message).map_err(|_| "the message cannot be written")?;
        let delivery = Delivery { id: Uuid::now_v7(), body: body.into() };
        self.queue.try_send(delivery).map_err(|_| "too many deliveries wait")
    }
}

impl Receiver {
    fn new(settings: &config::Webhook) -> Result<Self, StartError> {
        let failed = |error: reqwest::Error| StartError::Webhook(error.to_string());
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Fails only when another thread was faster, which is as good.
            let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let extra = match &settings.ca {
            Some(path) => {
                let pem = std::fs::read(path).map_err(|source| StartError::Ca { path: path.clone(), source })?;
                Certificate::from_pem_bundle(&pem).map_err(failed)?
            }
            None => Vec::new(),
        };
        let builder = Client::builder()
            .timeout(DEADLINE)
            .user_agent(concat!("bastion/", env!("CARGO_PKG_VERSION")))
            // What is signed goes to the receiver that the settings name, and to no other.
            .redirect(redirect::Policy::none());
        let is_loopback = match settings.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let builder = match is_loopback {
            true => builder.no_proxy().tls_certs_only(extra),
            false => builder.tls_certs_merge(extra),
        };
        Ok(Self {
            client: builder.build().map_err(failed)?,
            url: settings.url.clone(),
            key: hmac::Key::new(hmac::HMAC_SHA256, settings.secret.expose().as_bytes()),
        })
    }

    async fn attempt(&self, delivery: &Delivery) -> Attempt {
        let timestamp = Timestamp::now().as_second();
        let signature = signature(&self.key, timestamp, delivery.id, &delivery.body);
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Bastion-Timestamp", timestamp.to_string())
            .header("X-Bastion-Delivery", delivery.id.to_string())
            .header("X-Bastion-Signature", signature)
            .body(delivery.body.clone());
        match request.send().await {
            Ok(response) if response.status().is_success() => Attempt::Delivered,
            Ok(response) => {
                let status = response.status();
                let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
                if status.is_server_error() || later.contains(&status) {
                    Attempt::Unavailable(format!("HTTP status {}", status.as_u16()))
                } else {
                    Attempt::Refused(format!("HTTP status {}", status.as_u16()))
                }
            }
            // The URL may hold a token (chats do that), so that it is not repeated.
            Err(error) => Attempt::Unavailable(error.without_url().to_string()),
        }
    }

    /// Delivers, with a pause after each failure that is twice as long as the one before.
    async fn deliver(&self, delivery: Delivery) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let reason = match self.attempt(&delivery).await {
                Attempt::Delivered => return debug!(delivery.id = %delivery.id, attempt, "delivered"),
                Attempt::Refused(reason) => {
                    return warn!(delivery.id = %delivery.id, reason, "the webhook's receiver refuses a delivery");
                }
                Attempt::Unavailable(reason) => reason,
            };
            if attempt == ATTEMPTS {
                return warn!(delivery.id = %delivery.id, reason, attempt, "a delivery to the webhook was given up");
            }
            debug!(delivery.id = %delivery.id, reason, attempt, "delivery failed");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

/// Delivers what comes, several at a time: one that fails for long does not hold up the others.
async fn deliver_all(
    receiver: Arc<Receiver>,
    mut deliveries: mpsc::Receiver<Delivery>,
    tasks: TaskTracker,
    closing: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(AT_A_TIME));
    let work = async {
        while let Some(delivery) = deliveries.recv().await {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let (receiver, closing) = (Arc::clone(&receiver), closing.clone());
            tasks.spawn(async move {
                let _slot = slot;
                let given_up = closing.run_until_cancelled(receiver.deliver(delivery)).await.is_none();
                if given_up {
                    warn!("the bastion stopped before a delivery to the webhook was done");
                }
            });
        }
    };
    let _ = closing.run_until_cancelled(work).await;
}

fn signature(key: &hmac::Key, timestamp: i64, delivery: Uuid, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("v1:{timestamp}:{delivery}:").as_bytes());
    context.update(body);
    format!("v1={}", HEXLOWER.encode(context.sign().as_ref()))
}

/// One line of Slack's mrkdwn. Names have no characters that mean something there; everything else is escaped.
fn text(event: Event, record: &Approval, console: &Url) -> String {
    let who = record.requester.name.as_str();
    let what = match record.kind {
        ApprovalKind::Access => format!(
            "access to *{}* as {} for {}",
            record.target,
            record.login,
            record.lasting.map(view::duration).unwrap_or_default()
        ),
        ApprovalKind::Command => {
            let command = view::command(record).unwrap_or_default();
            let input = view::input(record).map(|input| format!(" with the input {}", code(&input)));
            let input = input.unwrap_or_default();
            format!("to run {}{input} on *{}* as {}", code(&command), record.target, record.login)
        }
        ApprovalKind::Session => format!("a session on *{}* as {}", record.target, record.login),
    };
    let url = view::url(console, record.id);
    let mut line;
    match event {
        Event::ApprovalDecided => {
            line = format!("*{who}* asked for approval: {what} — {}", record.state);
            for vote in &record.votes {
                let _ = write!(line, ", {} by *{}*", if vote.approve { "approved" } else { "denied" }, vote.name);
            }
            let _ = write!(line, " — <{url}|details>");
        }
        Event::ApprovalRequested => {
            line = format!("*{who}* asks for approval: {what}");
            if let Some(reason) = &record.reason {
                let _ = write!(line, " — {}", escaped(&cut(reason.clone(), MAX_SHOWN)));
            }
            let _ = write!(line, " — <{url}|decide>");
        }
    }
    line
}

/// As code. It cannot hold a backtick, so that one is named.
fn code(command: &str) -> String {
    let head = cut(command.to_owned(), MAX_SHOWN);
    format!("`{}`", escaped(&head.replace('`', "⟨U+0060⟩")))
}

/// "Replace the ampersand, less-than sign and greater-than sign" (Slack, formatting text for app surfaces).
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Deliveries that wait while the receiver is down: some minutes of a busy day.
const QUEUE: usize = 256;

/// A receiver that answers slowly meets no more connections than this.
const AT_A_TIME: usize = 4;

/// For one attempt, from the connection to the answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// With the pauses below: given up after about a minute, when most requests still wait for somebody.
const ATTEMPTS: u32 = 6;

const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A chat shows a line or two; the rest is where the link leads.
const MAX_SHOWN: usize = 300;

#[cfg(test)]
mod tests;

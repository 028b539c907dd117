//! What waits for a port to read it: bytes from the user, in their order.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

/// What the user did with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PortInput {
    /// It sent this.
    Data(Bytes),
    /// It sends no more.
    End,
    /// It is gone, or the connection is ended for another reason.
    Gone(Option<String>),
}

/// Where the hub puts what the user sends, and a pair takes it from. It does not block: the hub stops reading instead.
#[derive(Debug, Clone)]
pub(super) struct Inbox(Arc<InboxState>);

#[derive(Debug)]
struct InboxState {
    waiting: Mutex<QueuedInput>,
    /// For the pair: there is something.
    arrived: Notify,
    /// For the hub, one for all pairs: something was taken.
    taken: Arc<Notify>,
}

#[derive(Debug, Default)]
struct QueuedInput {
    items: VecDeque<PortInput>,
    bytes: usize,
}

impl Inbox {
    pub(super) fn new(taken: Arc<Notify>) -> Self {
        Self(Arc::new(InboxState { waiting: Mutex::default(), arrived: Notify::new(), taken }))
    }

    pub(super) fn put(&self, item: PortInput) {
        let mut waiting = self.lock();
        if matches!(waiting.items.back(), Some(PortInput::Gone(_))) {
            return;
        }
        match &item {
            PortInput::Data(data) => waiting.bytes += data.len(),
            PortInput::End => {}
            // Nobody reads what was sent before.
            PortInput::Gone(_) => *waiting = QueuedInput::default(),
        }
        waiting.items.push_back(item);
        drop(waiting);
        self.0.arrived.notify_one();
    }

    /// The next item, or without `room` only the news that the user is gone. One task takes. Cancel-safe.
    pub(super) async fn take(&self, room: bool) -> PortInput {
        loop {
            let next = {
                let mut waiting = self.lock();
                let next = waiting.items.pop_front_if(|item| room || matches!(item, PortInput::Gone(_)));
                if let Some(PortInput::Data(data)) = &next {
                    waiting.bytes -= data.len();
                }
                next
            };
            match next {
                Some(item) => {
                    self.0.taken.notify_one();
                    return item;
                }
                // What arrives in between leaves a permit behind: it is not missed.
                None => self.0.arrived.notified().await,
            }
        }
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, QueuedInput> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

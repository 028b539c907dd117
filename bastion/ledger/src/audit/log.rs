//! [`AuditLog`]: the way of every audit event into the store. Nobody waits for the store to write something down,
//! and nothing that was accepted is lost:
//!
//! ```text
//!   record, Place::fill ──> memory (bounded) ──> store
//!                              |   the store fails: all that waits goes to a file in data_dir,
//!                              └──> file (bounded) ──> store, in order, when it takes them again
//! ```
//!
//! What happens while there is no room any more is refused by whoever asks for a place. What must not happen without
//! being in the store itself (the start of a session, the sight of a recording) asks [`AuditLog::write`] or
//! [`AuditLog::caught_up`] and is refused if that fails.
//!
//! Each event has a number in its queue, and the store keeps the last one that it took: a write that was answered
//! too late, or before a crash, is not done twice.

use std::{
    collections::VecDeque,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{AuditEvent, queued::QueuedEvent, refusals::Refusals, spill::Spill};
use crate::store::{Store, StoreError};

/// The audit log, as those see it who write into it. Cheap to clone.
#[derive(Clone)]
pub struct AuditLog(Arc<LogState>);

/// A place in the log for the event or the few events of one end. Whoever has one can always write it down.
#[derive(Debug)]
pub struct Place {
    log: AuditLog,
    room: OwnedSemaphorePermit,
}

/// There is no room for another event, because the store does not take those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bastion cannot write its audit log right now; try again in a moment")]
pub struct LogFull;

/// Something must be in the store before it happens, and cannot be.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// Events that happened before are not in the store yet.
    #[error("{0}")]
    Behind(String),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct LogState {
    store: Arc<dyn Store>,
    room: Arc<Semaphore>,
    queue: Mutex<EventQueue>,
    woken: Notify,
    progress: watch::Sender<QueueProgress>,
    closing: CancellationToken,
    writer: Mutex<Option<JoinHandle<()>>>,
    patience: Duration,
}

/// What is in memory.
#[derive(Default)]
struct EventQueue {
    events: VecDeque<Queued>,
    last: u64,
    refusals: Refusals,
    /// Events for which there was no room.
    lost: u64,
}

struct Queued {
    event: QueuedEvent,
    _room: Option<OwnedSemaphorePermit>,
}

/// How far the writer is.
#[derive(Debug, Default)]
struct QueueProgress {
    /// The last number that is in the store or on disk.
    kept: u64,
    /// Why the store does not take events, if it does not.
    trouble: Option<Trouble>,
}

#[derive(Debug, Clone)]
struct Trouble {
    since: Timestamp,
    reason: String,
    delayed: u64,
    /// Why they cannot be kept on disk, if they cannot.
    not_kept: Option<String>,
}

impl AuditLog {
    /// Starts the task that writes into `store`. `waiting` is the file for what the store does not take; what an
    /// earlier run left there is written first.
    ///
    /// # Errors
    ///
    /// When the file cannot be read and written.
    pub fn start(store: Arc<dyn Store>, waiting: &Path) -> io::Result<Self> {
        Self::start_with(store, waiting, LogLimits::default())
    }

    /// The same with little room: a place takes two of these units, an event one or more. Whoever finds none waits for
    /// a tenth of a second.
    ///
    /// # Errors
    ///
    /// When the file cannot be read and written.
    pub fn with_room(store: Arc<dyn Store>, waiting: &Path, units: usize) -> io::Result<Self> {
        Self::start_with(
            store,
            waiting,
            LogLimits { units, patience: Duration::from_millis(100), ..LogLimits::default() },
        )
    }

    fn start_with(store: Arc<dyn Store>, waiting: &Path, limits: LogLimits) -> io::Result<Self> {
        let spill = Spill::open(waiting)?;
        let trouble = (spill.waiting() > 0).then(|| Trouble {
            since: spill.since().unwrap_or_else(Timestamp::now),
            reason: "the bastion stopped while the store took no events".to_owned(),
            delayed: spill.waiting(),
            not_kept: None,
        });
        let shared = Arc::new(LogState {
            store,
            room: Arc::new(Semaphore::new(limits.units)),
            queue: Mutex::new(EventQueue { last: spill.last(), ..EventQueue::default() }),
            woken: Notify::new(),
            progress: watch::Sender::new(QueueProgress { kept: spill.last(), trouble }),
            closing: CancellationToken::new(),
            writer: Mutex::new(None),
            patience: limits.patience,
        });
        let writer = LogWriter {
            shared: Arc::clone(&shared),
            queue: spill.queue().into(),
            spill: Arc::new(Mutex::new(spill)),
            limits,
        };
        *lock(&shared.writer) = Some(tokio::spawn(writer.run()));
        Ok(Self(shared))
    }

    /// Writes something down that has happened. Never waits.
    ///
    /// # Errors
    ///
    /// When there is no room: then nothing more may happen. Refusals are counted even so.
    pub fn record(&self, event: AuditEvent) -> Result<(), LogFull> {
        let now = Timestamp::now();
        if !self.queue().refusals.admit(&event, now) {
            return Ok(());
        }
        let (event, bytes) = event.measured();
        let room = Arc::clone(&self.0.room).try_acquire_many_owned(units(bytes));
        let mut queue = self.queue();
        let Ok(room) = room else {
            queue.lost = queue.lost.saturating_add(1);
            return Err(LogFull);
        };
        queue.push(event, now, Some(room));
        drop(queue);
        self.0.woken.notify_one();
        Ok(())
    }

    /// The same, and waits until the event is in the store or is known to be late: whoever acts next finds it there.
    ///
    /// # Errors
    ///
    /// As [`Self::record`].
    pub async fn record_now(&self, event: AuditEvent) -> Result<(), LogFull> {
        self.record(event)?;
        self.settled().await;
        Ok(())
    }

    /// Takes a place for something that will have to be written down.
    ///
    /// # Errors
    ///
    /// When there is none within some seconds.
    pub async fn reserve(&self) -> Result<Place, LogFull> {
        let room = Arc::clone(&self.0.room).acquire_many_owned(PLACE_UNITS);
        match timeout(self.0.patience, room).await {
            Ok(Ok(room)) => Ok(Place { log: self.clone(), room }),
            Ok(Err(_)) | Err(_) => Err(LogFull),
        }
    }

    /// Writes something into the store before it happens.
    ///
    /// # Errors
    ///
    /// When that fails; it may not happen then.
    pub async fn write(&self, event: AuditEvent) -> Result<(), Unwritten> {
        self.caught_up().await?;
        Ok(self.0.store.append_audit(Timestamp::now(), &[event]).await?)
    }

    /// Waits some seconds until the store has every event that it did not take when it should have.
    ///
    /// # Errors
    ///
    /// When it has not. What has to be in the store before it happens would overtake what happened.
    pub async fn caught_up(&self) -> Result<(), Unwritten> {
        let mut progress = self.0.progress.subscribe();
        let _ = timeout(self.0.patience, progress.wait_for(|progress| progress.trouble.is_none())).await;
        self.check().map_err(Unwritten::Behind)
    }

    /// Whether the store takes the events.
    ///
    /// # Errors
    ///
    /// In words for the operator, when it does not.
    pub fn check(&self) -> Result<(), String> {
        match &self.0.progress.borrow().trouble {
            None => Ok(()),
            Some(Trouble { since, not_kept, .. }) => {
                let not_kept = if not_kept.is_some() { ", and cannot be kept on disk either" } else { "" };
                Err(format!("audit events wait to be written since {since}{not_kept}"))
            }
        }
    }

    /// Waits until everything that was recorded is in the store, or is known to be late.
    pub async fn settled(&self) {
        let last = self.queue().last;
        let mut progress = self.0.progress.subscribe();
        let settled = progress.wait_for(|progress| progress.kept >= last || progress.trouble.is_some());
        let _ = timeout(self.0.patience, settled).await;
    }

    /// Writes the rest, into the store or to disk, and stops.
    pub async fn close(&self, limit: Duration) {
        self.0.closing.cancel();
        let writer = lock(&self.0.writer).take();
        if let Some(writer) = writer
            && timeout(limit, writer).await.is_err()
        {
            tracing::error!(events = self.queue().events.len(), "audit events were not written before the end");
        }
    }

    fn queue(&self) -> MutexGuard<'_, EventQueue> {
        lock(&self.0.queue)
    }
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditLog").finish_non_exhaustive()
    }
}

impl Place {
    /// Puts the event there.
    pub fn fill(self, event: AuditEvent) {
        self.fill_all([event]);
    }

    /// Puts the events of one end there, in this order.
    pub fn fill_all(self, events: impl IntoIterator<Item = AuditEvent>) {
        let Self { log, room } = self;
        let mut room = Some(room);
        let mut queue = log.queue();
        let now = Timestamp::now();
        for event in events {
            if queue.refusals.admit(&event, now) {
                let (event, bytes) = event.measured();
                // A place is for a usual event. A larger one takes more if there is more: it must not be lost for it.
                let more = units(bytes).saturating_sub(PLACE_UNITS);
                let more = Arc::clone(&log.0.room).try_acquire_many_owned(more).ok();
                let room = match (room.take(), more) {
                    (Some(mut room), Some(more)) => {
                        room.merge(more);
                        Some(room)
                    }
                    (room, more) => room.or(more),
                };
                queue.push(event, now, room);
            }
        }
        drop(queue);
        log.0.woken.notify_one();
    }
}

impl EventQueue {
    fn push(&mut self, event: AuditEvent, at: Timestamp, room: Option<OwnedSemaphorePermit>) {
        self.last += 1;
        self.events.push_back(Queued { event: QueuedEvent { number: self.last, at, event }, _room: room });
    }
}

/// The task that writes.
struct LogWriter {
    shared: Arc<LogState>,
    queue: Arc<str>,
    spill: Arc<Mutex<Spill>>,
    limits: LogLimits,
}

impl LogWriter {
    async fn run(self) {
        loop {
            let closing = self.shared.closing.is_cancelled();
            self.sum_up(closing);
            if self.shared.progress.borrow().trouble.is_some() {
                if !self.recover(Instant::now()).await {
                    return;
                }
                continue;
            }
            let batch = self.batch();
            if batch.is_empty() {
                if closing {
                    return;
                }
                tokio::select! {
                    () = self.shared.woken.notified() => {}
                    () = tokio::time::sleep(SUMS) => {}
                    () = self.shared.closing.cancelled() => {}
                }
            } else if let Err(error) = self.shared.store.append_queued(&self.queue, &batch).await {
                tracing::error!(%error, "the store takes no audit events; they are kept until it does");
                let trouble =
                    Trouble { since: Timestamp::now(), reason: error.to_string(), delayed: 0, not_kept: None };
                self.shared.progress.send_modify(|progress| progress.trouble = Some(trouble));
                if !self.recover(Instant::now() + self.limits.retry).await {
                    return;
                }
            } else {
                self.took(batch.len());
            }
        }
    }

    /// Keeps what waits on disk and tries the store, until that has taken everything; false if it has not and the
    /// bastion stops.
    async fn recover(&self, mut retry_at: Instant) -> bool {
        let mut closing = self.shared.closing.is_cancelled();
        loop {
            self.sum_up(closing);
            if Instant::now() >= retry_at {
                match self.drain().await {
                    Ok(true) => {
                        self.recovered();
                        return true;
                    }
                    Ok(false) => continue,
                    Err(reason) => {
                        self.trouble(|trouble| trouble.reason = reason);
                        retry_at = Instant::now() + self.limits.retry;
                    }
                }
            }
            self.keep().await;
            if closing {
                return false;
            }
            tokio::select! {
                () = sleep_until(retry_at) => {}
                () = self.shared.woken.notified() => {}
                () = self.shared.closing.cancelled() => (closing, retry_at) = (true, Instant::now()),
            }
        }
    }

    /// Writes a batch; true if that was all.
    async fn drain(&self) -> Result<bool, String> {
        let store = &self.shared.store;
        if self.on_disk(|spill| Ok(spill.waiting())).await? == 0 {
            let batch = self.batch();
            store.append_queued(&self.queue, &batch).await.map_err(|error| error.to_string())?;
            self.took(batch.len());
            self.late(batch.len());
            return Ok(batch.len() < BATCH);
        }
        let batch = self.on_disk(|spill| spill.head(BATCH)).await?;
        store.append_queued(&self.queue, &batch.events).await.map_err(|error| error.to_string())?;
        self.on_disk(move |spill| spill.taken(&batch)).await?;
        Ok(false)
    }

    /// Moves what is in memory to the disk, as far as there is room.
    async fn keep(&self) {
        let batch = self.batch_of(usize::MAX);
        if batch.is_empty() {
            return;
        }
        let (count, most) = (batch.len(), self.limits.spill_bytes);
        let kept = self.on_disk(move |spill| {
            if spill.bytes() >= most {
                return Err(io::Error::other(format!("{most} bytes wait there already")));
            }
            spill.append(batch.iter())
        });
        match kept.await {
            Ok(()) => {
                self.took(count);
                self.late(count);
                self.trouble(|trouble| trouble.not_kept = None);
            }
            Err(reason) => {
                tracing::error!(%reason, waiting = count, "audit events wait in memory only");
                self.trouble(|trouble| trouble.not_kept = Some(reason));
            }
        }
    }

    fn recovered(&self) {
        let mut queue = lock(&self.shared.queue);
        let Some(Trouble { since, reason, delayed, .. }) = self.shared.progress.borrow().trouble.clone() else {
            return;
        };
        let (until, lost) = (Timestamp::now(), std::mem::take(&mut queue.lost));
        tracing::info!(delayed, lost, "the store takes audit events again");
        queue.push(AuditEvent::StoreRecovered { from: since, until, delayed, lost, reason }, until, None);
        drop(queue);
        self.shared.progress.send_modify(|progress| progress.trouble = None);
    }

    fn sum_up(&self, all: bool) {
        let mut queue = lock(&self.shared.queue);
        let now = Timestamp::now();
        let sums = if all { queue.refusals.rest() } else { queue.refusals.due(now) };
        for sum in sums {
            queue.push(sum, now, None);
        }
    }

    fn batch(&self) -> Vec<QueuedEvent> {
        self.batch_of(BATCH)
    }

    fn batch_of(&self, most: usize) -> Vec<QueuedEvent> {
        lock(&self.shared.queue).events.iter().take(most).map(|queued| queued.event.clone()).collect()
    }

    /// The first `count` events are in the store or on disk.
    fn took(&self, count: usize) {
        let last = lock(&self.shared.queue).events.drain(..count).next_back().map(|queued| queued.event.number);
        if let Some(last) = last {
            self.shared.progress.send_modify(|progress| progress.kept = last);
        }
    }

    fn late(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.trouble(|trouble| trouble.delayed = trouble.delayed.saturating_add(count));
    }

    fn trouble(&self, change: impl FnOnce(&mut Trouble)) {
        self.shared.progress.send_modify(|progress| {
            if let Some(trouble) = &mut progress.trouble {
                change(trouble);
            }
        });
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spill) -> io::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let spill = Arc::clone(&self.spill);
        let done = spawn_blocking(move || work(&mut lock(&spill))).await;
        done.map_err(io::Error::from).flatten().map_err(|error| error.to_string())
    }
}

/// How much waits, and how long for.
#[derive(Debug, Clone, Copy)]
struct LogLimits {
    /// Most in memory.
    units: usize,
    /// Most on disk.
    spill_bytes: u64,
    /// Pause between tries to write.
    retry: Duration,
    /// How long somebody waits for a place, or for the log to catch up.
    patience: Duration,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            units: 64 * 1024,
            spill_bytes: 256 << 20,
            retry: Duration::from_secs(1),
            patience: Duration::from_secs(5),
        }
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).saturating_add(1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What memory is counted in: at most 64 Ki of these wait, and each event takes one at least.
const UNIT_BYTES: usize = 1024;

/// What a place takes: the end of a session, or a request to a cluster with its names.
const PLACE_UNITS: u32 = 2;

/// Events that are written in one transaction.
const BATCH: usize = 256;

/// How often it is seen whether a minute of refusals is over.
const SUMS: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

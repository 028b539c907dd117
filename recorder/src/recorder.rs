//! The recorder: starts recordings, and owns the spool, the writer and the uploads.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    SessionId,
    asciicast::{
        Header,
        v3::{self, Encoder, Mode},
    },
    clock::{Clock, SystemClock},
    error::RecordError,
    id::RecordingKeys,
    manifest::{MANIFEST_VERSION, Manifest, PART_BYTES},
    read::RecordingReader,
    recording::{Recording, Tape},
    recovery::{self, Recovered},
    spool::Spool,
    storage::Storage,
    upload::{self, put_new},
    writer::Writer,
};

/// How a recorder works.
#[derive(Clone)]
pub struct RecorderSettings {
    /// Where recordings go.
    pub storage: Storage,
    /// The local folder that holds each recording until the object store has it; not shared between machines.
    pub spool_dir: PathBuf,
    /// How many bytes all recordings in the spool may take. A running recording is in the spool as a whole.
    pub spool_limit: u64,
    /// How many bytes of the spool's disk stay free; running recordings have some reserved besides.
    pub free_space_floor: u64,
    /// How old what the object store does not have may get while it answers.
    pub upload_interval: Duration,
    /// How long the object store may take to acknowledge the first part before a session is refused.
    pub start_deadline: Duration,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Told what happens in the background.
    pub observer: Option<Arc<dyn Fn(Notice) + Send + Sync>>,
}

impl RecorderSettings {
    /// The defaults: 10 GiB of spool, 512 MiB left free, an upload each second, 5 s for the first.
    #[must_use]
    pub fn new(storage: Storage, spool_dir: impl Into<PathBuf>) -> Self {
        Self {
            storage,
            spool_dir: spool_dir.into(),
            spool_limit: 10 << 30,
            free_space_floor: 512 << 20,
            upload_interval: Duration::from_secs(1),
            start_deadline: Duration::from_secs(5),
            clock: Arc::new(SystemClock::new()),
            observer: None,
        }
    }
}

impl fmt::Debug for RecorderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecorderSettings").field("spool_dir", &self.spool_dir).finish_non_exhaustive()
    }
}

/// What happens in the background, for metrics and the audit log. Called from the recorder's tasks: must not block.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A recording was put aside, and nothing of it was removed: someone has to look at it.
    Quarantined {
        /// The session.
        session: SessionId,
        /// Where its spool folder is now.
        folder: PathBuf,
        /// Why.
        error: RecordError,
    },
    /// The object store has all of a recording, and its manifest.
    Sealed(Arc<Manifest>),
    /// The object store answers again.
    StorageAnswers,
    /// The object store does not answer; recordings wait in the spool. Said once.
    StorageFails {
        /// What it said.
        reason: String,
    },
}

/// Starts recordings. Dropped, it stops all work at once, as a crash would.
#[derive(Debug)]
pub struct Recorder {
    pub(crate) core: Arc<Core>,
}

impl Recorder {
    /// Opens the spool and starts the writer. Call [`Recorder::recover`] next.
    ///
    /// # Errors
    ///
    /// When the spool folder cannot be used.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn open(settings: RecorderSettings) -> Result<Self, RecordError> {
        let spool = Spool::open(&settings.spool_dir, settings.spool_limit, settings.free_space_floor)?;
        let spool_dir = settings.spool_dir.clone();
        let core = Arc::new(Core {
            settings,
            spool,
            writer: Arc::default(),
            tapes: Mutex::default(),
            part_permits: Semaphore::new(CONCURRENT_PARTS),
            seal_permits: Semaphore::new(CONCURRENT_SEALS),
            probe_permit: Arc::new(Semaphore::new(1)),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            runtime: Handle::current(),
            storage_fails: AtomicBool::new(false),
            sealed: Notify::new(),
        });
        core.writer.start(Arc::downgrade(&core)).map_err(|error| RecordError::spool(spool_dir, error))?;
        Ok(Self { core })
    }

    /// Starts a recording. Returns when its header is in the spool *and* the object store has acknowledged it: only then
    /// may the session run.
    ///
    /// # Errors
    ///
    /// When either failed, or the object store did not answer in time. Nothing is recorded then.
    pub async fn start(&self, id: SessionId, header: Header, mode: Mode) -> Result<Recording, RecordError> {
        let core = &self.core;
        let line = v3::header_line(id, core.settings.clock.wall(), header);
        let size = line.len() as u64;
        let mut unstarted = Unstarted::new(core, id, size)?;
        let mut file = &unstarted.file;
        file.write_all(&line).map_err(|error| RecordError::spool(core.spool.folder(id), error))?;
        let reserved = core.spool.reserve(file, size);

        let key = core.keys(id).part(0);
        let acknowledged = timeout(core.settings.start_deadline, put_new(core.store(), &key, line.into())).await;
        acknowledged.unwrap_or_else(|_| {
            let waited = core.settings.start_deadline;
            Err(RecordError::Storage { reason: format!("no answer within {waited:?}") })
        })?;

        let file = unstarted.keep()?;
        let tape = Arc::new(Tape::new(id, file, Arc::clone(&core.settings.clock), Encoder::new(mode)));
        {
            let mut state = tape.state();
            state.written = size;
            state.reserved = reserved;
            state.uploaded = size;
            state.parts = 1;
        }
        core.tapes().insert(id, Arc::clone(&tape));
        Ok(Recording { tape, core: Arc::clone(core) })
    }

    /// Takes over the recordings of dead processes. What they wrote is cut at the last whole line, marked as cut off
    /// unless it was finished, and uploaded in the background.
    ///
    /// # Errors
    ///
    /// When the spool folder cannot be read. A damaged recording is put aside and is no error.
    pub async fn recover(&self) -> Result<Vec<Recovered>, RecordError> {
        recovery::recover(&self.core).await
    }

    /// Completes the recordings of a dead process of another machine with what the object store has of them: its parts,
    /// marked as cut off. One that is sealed, or of which there is nothing, stays as it is. Returns when all are done;
    /// what this process has in its own spool it completes from there.
    ///
    /// # Errors
    ///
    /// When the spool cannot be written. The others are completed all the same.
    pub async fn complete_from_parts(&self, ids: &[SessionId]) -> Result<(), RecordError> {
        recovery::complete_from_parts(&self.core, ids).await
    }

    /// Opens a recording for reading, running or finished.
    ///
    /// # Errors
    ///
    /// When there is none, or the object store does not answer.
    pub async fn read(&self, id: SessionId) -> Result<RecordingReader, RecordError> {
        RecordingReader::open(&self.core, id).await
    }

    /// The manifest of a finished recording; `None` while it is not sealed.
    ///
    /// # Errors
    ///
    /// When the object store does not answer, or the manifest is not one of ours.
    pub async fn manifest(&self, id: SessionId) -> Result<Option<Manifest>, RecordError> {
        self.core.manifest(id).await
    }

    /// Whether the spool would take another recording now.
    ///
    /// # Errors
    ///
    /// When it would not, or does not answer in time.
    pub async fn check(&self) -> Result<(), RecordError> {
        let (core, spool_dir) = (Arc::clone(&self.core), self.core.settings.spool_dir.clone());
        let probe = async move {
            // Kept by the thread that probes, which may wait for the disk for ever: then it is the only one.
            let permit = Arc::clone(&core.probe_permit).acquire_owned().await;
            let probed = spawn_blocking(move || {
                let _permit = permit;
                core.spool.probe()
            });
            probed.await.unwrap_or_else(|error| Err(RecordError::spool(spool_dir, error.into())))
        };
        let deadline = self.core.settings.start_deadline;
        timeout(deadline, probe)
            .await
            .unwrap_or_else(|slow| Err(RecordError::spool(&self.core.settings.spool_dir, slow.into())))
    }

    /// How many recordings the object store does not have completely, and the bytes they take in the spool.
    #[must_use]
    pub fn backlog(&self) -> (usize, u64) {
        (self.core.tapes().len(), self.core.spool.space.used())
    }

    /// Waits until all finished recordings are sealed, at most for `deadline`. Gives the number of recordings that are
    /// not: they stay in the spool, and the next start goes on with them. Recordings still running count as such.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        let until = Instant::now() + deadline;
        let settled = async {
            loop {
                let sealed = self.core.sealed.notified();
                if !self.core.tapes().values().any(|tape| tape.state().end.is_some()) {
                    break;
                }
                sealed.await;
            }
        };
        let _ = tokio::time::timeout_at(until, settled).await;
        self.core.stop.cancel();
        self.core.tracker.close();
        self.core.tracker.wait().await;
        self.core.tapes().len()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.core.stop.cancel();
    }
}

/// The spool folder of a recording that has not started; dropped, it goes away again.
struct Unstarted<'a> {
    core: &'a Core,
    id: SessionId,
    size: u64,
    file: File,
    kept: bool,
}

impl<'a> Unstarted<'a> {
    fn new(core: &'a Core, id: SessionId, size: u64) -> Result<Self, RecordError> {
        core.spool.space.take(size)?;
        match core.spool.create(id) {
            Ok(file) => Ok(Self { core, id, size, file, kept: false }),
            Err(error) => {
                core.spool.space.give_back(size);
                Err(error)
            }
        }
    }

    fn keep(&mut self) -> Result<File, RecordError> {
        let file = self.file.try_clone().map_err(|error| RecordError::spool(self.core.spool.folder(self.id), error))?;
        self.kept = true;
        Ok(file)
    }
}

impl Drop for Unstarted<'_> {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = self.core.spool.remove(self.id, self.size)
        {
            tracing::warn!(session.id = %self.id, %error, "the folder of a refused recording stays in the spool");
        }
    }
}

/// What the recorder, its recordings and its tasks share.
pub(crate) struct Core {
    pub(crate) settings: RecorderSettings,
    pub(crate) spool: Spool,
    pub(crate) writer: Arc<Writer>,
    /// The recordings that are in the spool: running, or not sealed yet.
    tapes: Mutex<HashMap<SessionId, Arc<Tape>>>,
    /// One for each upload of a part at a time; bounds connections and memory.
    pub(crate) part_permits: Semaphore,
    /// The same for whole recordings, which take longer: they must not hold up the parts of running ones.
    pub(crate) seal_permits: Semaphore,
    probe_permit: Arc<Semaphore>,
    tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    runtime: Handle,
    pub(crate) storage_fails: AtomicBool,
    /// Told when a recording left the spool.
    sealed: Notify,
}

impl Core {
    pub(crate) fn store(&self) -> &dyn ObjectStore {
        &*self.settings.storage.store
    }

    pub(crate) fn keys(&self, id: SessionId) -> RecordingKeys {
        RecordingKeys::new(&self.settings.storage.prefix, id)
    }

    pub(crate) fn tapes(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Tape>>> {
        self.tapes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tape(&self, id: SessionId) -> Option<Arc<Tape>> {
        self.tapes().get(&id).cloned()
    }

    /// The recording is no longer in the spool.
    pub(crate) fn forget(&self, id: SessionId) {
        self.tapes().remove(&id);
        self.sealed.notify_waiters();
    }

    pub(crate) fn notify(&self, notice: Notice) {
        if let Some(observer) = &self.settings.observer {
            observer(notice);
        }
    }

    pub(crate) async fn manifest(&self, id: SessionId) -> Result<Option<Manifest>, RecordError> {
        let key = self.keys(id).manifest();
        let bytes = match self.store().get(&key).await {
            Ok(found) => found.bytes().await.map_err(|error| RecordError::storage(&error))?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(RecordError::storage(&error)),
        };
        match serde_json::from_slice::<Manifest>(&bytes) {
            Ok(manifest) if manifest.version <= MANIFEST_VERSION && manifest.session == id => Ok(Some(manifest)),
            Ok(_) => Err(RecordError::Conflict { key: key.to_string() }),
            Err(error) => Err(RecordError::Damaged { reason: format!("its manifest: {error}") }),
        }
    }

    /// Waits until none of these is in the spool, or the recorder stops.
    pub(crate) async fn sealed(&self, ids: &[SessionId]) {
        let settled = async {
            loop {
                let sealed = self.sealed.notified();
                if !ids.iter().any(|id| self.tapes().contains_key(id)) {
                    return;
                }
                sealed.await;
            }
        };
        tokio::select! {
            () = settled => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Starts the upload of what the object store does not have, unless one runs.
    pub(crate) fn upload_if_needed(self: &Arc<Self>, tape: &Arc<Tape>) {
        {
            let mut state = tape.state();
            let waiting = state.written - state.uploaded;
            if waiting == 0 && !state.ended {
                return;
            }
            if waiting >= PART_BYTES || state.ended {
                tape.part_ready.notify_one();
            }
            if std::mem::replace(&mut state.uploading, true) {
                return;
            }
        }
        self.spawn(upload::upload(Arc::clone(self), Arc::clone(tape)));
    }

    /// Runs a task until it ends or the recorder stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let task = self.tracker.track_future(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
        self.runtime.spawn(task);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.writer.stop();
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("spool", &self.spool).finish_non_exhaustive()
    }
}

/// How many parts are uploaded at a time; each takes at most 4 MiB of memory.
const CONCURRENT_PARTS: usize = 8;
/// How many recordings are sealed at a time; each takes at most one block of memory (8 MiB, below 70 GiB).
const CONCURRENT_SEALS: usize = 4;

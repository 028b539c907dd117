//! One recording: start, record, finish.
//!
//! [`Recording::record`] encodes an event into a buffer in memory and returns.
//! One thread of the [`Recorder`](crate::Recorder) writes the buffers of all
//! recordings to their spool files, 50 ms later at most. While nothing happens
//! a recording has no task, no timer and no buffer.

use std::{
    fs::File,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    SessionId,
    asciicast::v3::Encoder,
    clock::Clock,
    error::RecordError,
    event::{End, EventKind},
    recorder::Core,
};

/// How much may wait for the spool's disk before [`Recording::ready`] waits.
pub const BUFFER_BYTES: usize = 1024 * 1024;

/// How much may wait before [`Recording::record`] fails: room for markers and for chunks that were on their way.
const OVERRUN_BYTES: usize = 8 * BUFFER_BYTES;

/// A running recording. Dropped without [`Recording::finish`] it is finished as cut off.
#[derive(Debug)]
pub struct Recording {
    pub(crate) tape: Arc<Tape>,
    pub(crate) core: Arc<Core>,
}

/// What a finished recording holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many events.
    pub events: u64,
    /// The time of the last event since the start.
    pub duration: Duration,
    /// Bytes of output (stdout and stderr) that came, whether recorded or only counted.
    pub output_bytes: u64,
    /// The size of the recording in bytes.
    pub size: u64,
}

impl Recording {
    /// The session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.tape.id
    }

    /// Records an event that happens now. Does not wait.
    ///
    /// # Errors
    ///
    /// When recording cannot go on; the event is lost then, and so are all later ones.
    pub fn record(&self, event: EventKind) -> Result<(), RecordError> {
        let urgent = {
            let mut state = self.tape.state();
            state.check()?;
            if state.buffer.len() >= OVERRUN_BYTES {
                drop(state);
                self.tape.fail(RecordError::Overrun);
                return Err(RecordError::Overrun);
            }
            let at = self.tape.now();
            let RecordingState { encoder, buffer, .. } = &mut *state;
            encoder.event(at, &event, buffer);
            if buffer.is_empty() {
                return Ok(());
            }
            let urgent = buffer.len() >= URGENT_BYTES && !std::mem::replace(&mut state.urgent, true);
            if std::mem::replace(&mut state.queued, true) && !urgent {
                return Ok(());
            }
            urgent
        };
        self.core.writer.push(&self.tape, urgent);
        Ok(())
    }

    /// Whether there is room for more; [`Recording::ready`] waits for it. True when recording cannot go on: then there is
    /// nothing to wait for.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let state = self.tape.state();
        state.failure.is_some() || state.buffer.len() < BUFFER_BYTES
    }

    /// Waits until there is room for more. Call it before taking the next chunk from the target: then a slow disk slows
    /// the target down, and nothing is lost.
    ///
    /// # Errors
    ///
    /// When recording cannot go on.
    pub async fn ready(&self) -> Result<(), RecordError> {
        self.tape
            .wait(|state| match state.check() {
                Err(error) => Some(Err(error)),
                Ok(()) => (state.buffer.len() < BUFFER_BYTES).then_some(Ok(())),
            })
            .await
    }

    /// Waits until recording cannot go on, and says why. A session that must be recorded ends then.
    pub async fn failed(&self) -> RecordError {
        self.tape.wait(|state| state.failure.clone()).await
    }

    /// How many bytes of output came so far.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.tape.state().encoder.output_bytes()
    }

    /// Ends the recording. Returns as soon as the spool holds all of it; uploading goes on in the background, and after a
    /// crash at the next start.
    ///
    /// # Errors
    ///
    /// When not all of it could be written. What could be is kept, and uploaded as cut off.
    pub async fn finish(self, end: End) -> Result<Summary, RecordError> {
        self.end(end);
        self.tape
            .wait(|state| {
                state.ended.then(|| match &state.failure {
                    Some(failure) => Err(failure.clone()),
                    None => Ok(Summary {
                        events: state.encoder.events(),
                        duration: state.encoder.duration(),
                        output_bytes: state.encoder.output_bytes(),
                        size: state.written,
                    }),
                })
            })
            .await
    }

    fn end(&self, end: End) {
        {
            let mut state = self.tape.state();
            if state.end.is_some() {
                return;
            }
            let at = self.tape.now();
            let RecordingState { encoder, buffer, .. } = &mut *state;
            encoder.finish(at, &end, buffer);
            state.end = Some(end);
            state.queued = true;
            state.urgent = true;
        }
        self.core.writer.push(&self.tape, true);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.end(End::CutOff { reason: "the session's recording was given up".into() });
    }
}

/// What the session, the writer and the uploads share of one recording.
pub(crate) struct Tape {
    pub(crate) id: SessionId,
    pub(crate) file: File,
    clock: Arc<dyn Clock>,
    origin: Duration,
    state: Mutex<RecordingState>,
    /// Told when the state changed: room, failure, end.
    changed: Notify,
    /// Told when a whole part waits, so that its upload need not wait for the interval.
    pub(crate) part_ready: Notify,
}

/// The changing part. No lock is held across a wait or a write.
#[derive(Debug)]
pub(crate) struct RecordingState {
    pub(crate) encoder: Encoder,
    /// Whole lines that are not in the spool yet.
    pub(crate) buffer: Vec<u8>,
    /// Whether the writer knows about the buffer.
    pub(crate) queued: bool,
    /// Whether the writer was told to hurry.
    pub(crate) urgent: bool,
    /// Bytes in the spool file; always whole lines.
    pub(crate) written: u64,
    /// How far the disk has room for it, whatever else fills the disk.
    pub(crate) reserved: u64,
    /// Bytes in the parts that the object store has; never more than `written`.
    pub(crate) uploaded: u64,
    /// The number of those parts.
    pub(crate) parts: u32,
    /// When the last of them was uploaded.
    pub(crate) last_part_at: Instant,
    /// Whether an upload task exists. At most one does.
    pub(crate) uploading: bool,
    /// Set when the session ended.
    pub(crate) end: Option<End>,
    /// Whether the spool holds all of it, end included: nothing more is written.
    pub(crate) ended: bool,
    /// Whether it was fetched from the object store, which still has it: then it is not worth keeping.
    pub(crate) is_copy: bool,
    pub(crate) failure: Option<RecordError>,
}

impl Tape {
    pub(crate) fn new(id: SessionId, file: File, clock: Arc<dyn Clock>, encoder: Encoder) -> Self {
        let state = RecordingState {
            encoder,
            buffer: Vec::new(),
            queued: false,
            urgent: false,
            written: 0,
            reserved: 0,
            uploaded: 0,
            parts: 0,
            last_part_at: Instant::now(),
            uploading: false,
            end: None,
            ended: false,
            is_copy: false,
            failure: None,
        };
        let origin = clock.monotonic();
        let (changed, part_ready) = (Notify::new(), Notify::new());
        Self { id, file, clock, origin, state: Mutex::new(state), changed, part_ready }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, RecordingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fail(&self, error: RecordError) {
        self.state().failure.get_or_insert(error);
        self.changed.notify_waiters();
    }

    pub(crate) fn tell(&self) {
        self.changed.notify_waiters();
    }

    fn now(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.origin)
    }

    async fn wait<T>(&self, mut look: impl FnMut(&RecordingState) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = look(&self.state()) {
                return found;
            }
            changed.await;
        }
    }
}

impl RecordingState {
    fn check(&self) -> Result<(), RecordError> {
        match (&self.failure, &self.end) {
            (Some(failure), _) => Err(failure.clone()),
            (None, Some(_)) => Err(RecordError::Finished),
            (None, None) => Ok(()),
        }
    }
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tape").field("id", &self.id).finish_non_exhaustive()
    }
}

/// From here on the writer does not linger: at full speed it then writes a few hundred kilobytes at a time.
const URGENT_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::MetadataExt as _, sync::Arc, task::Poll};

    use futures_util::poll;
    use mask::{Masker, WindowSize};
    use object_store::memory::InMemory;

    use super::*;
    use crate::{Details, Header, Mode, Recorder, RecorderSettings, Storage, spool::RESERVE};

    fn header() -> Header {
        Header {
            size: WindowSize::DEFAULT,
            term: None,
            title: None,
            command: None,
            env: [].into(),
            details: Details {
                user: "alice".parse().unwrap(),
                target: "web1".parse().unwrap(),
                login: "root".parse().unwrap(),
                source: "192.0.2.1:1".into(),
                kind: "exec".into(),
            },
        }
    }

    async fn started(dir: &tempfile::TempDir) -> (Recorder, Recording) {
        let storage = Storage { store: Arc::new(InMemory::new()), prefix: "".into() };
        let settings = RecorderSettings { free_space_floor: 0, ..RecorderSettings::new(storage, dir.path()) };
        let recorder = Recorder::open(settings).unwrap();
        let recording =
            recorder.start(SessionId::new(), header(), Mode { pty: true, ..Mode::default() }).await.unwrap();
        (recorder, recording)
    }

    /// A recording whose writer does not write any more, as if the disk had stopped to answer.
    async fn stuck(dir: &tempfile::TempDir) -> (Recorder, Recording) {
        let (recorder, recording) = started(dir).await;
        recording.core.writer.stop();
        (recorder, recording)
    }

    fn chunk(bytes: usize) -> EventKind {
        EventKind::Output(Masker::new().feed(vec![b'x'; bytes].into()))
    }

    #[tokio::test]
    async fn there_is_no_room_while_the_disk_does_not_answer() {
        let dir = tempfile::tempdir().unwrap();
        let (_recorder, recording) = stuck(&dir).await;
        assert!(recording.ready().await.is_ok());
        recording.tape.state().buffer = vec![b'\n'; BUFFER_BYTES];
        let mut ready = Box::pin(recording.ready());
        assert!(poll!(&mut ready).is_pending());
        recording.tape.state().buffer.truncate(BUFFER_BYTES - 1);
        recording.tape.tell();
        assert!(matches!(poll!(&mut ready), Poll::Ready(Ok(()))));
    }

    #[tokio::test]
    async fn who_does_not_wait_for_room_gets_an_error_and_not_all_memory() {
        let dir = tempfile::tempdir().unwrap();
        let (_recorder, recording) = stuck(&dir).await;
        recording.tape.state().buffer = vec![b'\n'; OVERRUN_BYTES];
        assert!(matches!(recording.record(chunk(1)), Err(RecordError::Overrun)));
        assert!(matches!(recording.failed().await, RecordError::Overrun));
        assert!(matches!(recording.ready().await, Err(RecordError::Overrun)));
        assert_eq!(recording.tape.state().buffer.len(), OVERRUN_BYTES);
    }

    #[tokio::test]
    async fn an_idle_recording_takes_little_memory() {
        let dir = tempfile::tempdir().unwrap();
        let (_recorder, recording) = stuck(&dir).await;
        assert!(size_of::<Tape>() < 1024, "{}", size_of::<Tape>());
        assert_eq!(recording.tape.state().buffer.capacity(), 0);
    }

    /// A recording that is written into this file.
    fn into_file(file: File, core: &Arc<Core>) -> Recording {
        let encoder = Encoder::new(Mode { pty: true, ..Mode::default() });
        let tape = Arc::new(Tape::new(SessionId::new(), file, Arc::clone(&core.settings.clock), encoder));
        Recording { tape, core: Arc::clone(core) }
    }

    #[tokio::test]
    async fn a_disk_that_something_else_fills_ends_no_recording_that_has_reserved_room() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage { store: Arc::new(InMemory::new()), prefix: "".into() };
        // No disk has that much.
        let settings =
            RecorderSettings { free_space_floor: u64::MAX / 2, ..RecorderSettings::new(storage, dir.path()) };
        let recorder = Recorder::open(settings).unwrap();
        let path = dir.path().join("cast");
        let recording = into_file(File::options().append(true).create(true).open(&path).unwrap(), &recorder.core);
        recording.tape.state().reserved = 64 * 1024;
        recording.record(chunk(10_000)).unwrap();
        let written = recording.tape.wait(|state| (state.written > 0).then_some(state.written)).await;
        assert!(written > 10_000 && std::fs::metadata(&path).unwrap().len() == written);
        recording.record(chunk(64 * 1024)).unwrap();
        assert!(matches!(recording.failed().await, RecordError::DiskFull { .. }));
        assert!(matches!(recorder.check().await, Err(RecordError::DiskFull { .. })), "and no other can start");
    }

    #[tokio::test]
    async fn room_is_reserved_from_the_start_and_given_back_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let (recorder, recording) = started(&dir).await;
        let taken = |file: &File| file.metadata().unwrap().blocks() * 512;
        let (file, reserved) = (recording.tape.file.try_clone().unwrap(), recording.tape.state().reserved);
        if reserved == recording.tape.state().written {
            // A file system that cannot: then it is as it was without.
            return;
        }
        assert!(reserved > RESERVE && taken(&file) >= RESERVE, "{reserved} bytes, {} taken", taken(&file));
        recording.record(chunk(200 * 1024)).unwrap();
        recording.tape.wait(|state| (state.reserved > reserved).then_some(())).await;
        assert!(file.metadata().unwrap().len() < RESERVE && taken(&file) >= 200 * 1024 + RESERVE);
        assert!(recorder.check().await.is_ok());
        recording.finish(End::Exited { status: 0 }).await.unwrap();
        assert!(taken(&file) < 200 * 1024 + RESERVE / 2, "{} taken", taken(&file));
    }

    #[tokio::test]
    async fn a_write_that_fails_fails_the_recording() {
        let dir = tempfile::tempdir().unwrap();
        let (_recorder, other) = started(&dir).await;
        // The real thing: every write to it gives ENOSPC.
        let recording = into_file(File::options().append(true).open("/dev/full").unwrap(), &other.core);
        recording.record(chunk(10)).unwrap();
        let failure = recording.failed().await;
        assert!(
            matches!(&failure, RecordError::Spool { source, .. } if source.kind() == std::io::ErrorKind::StorageFull)
        );
        assert!(matches!(recording.record(chunk(1)), Err(RecordError::Spool { .. })));
        assert!(recording.finish(End::Exited { status: 0 }).await.is_err());
    }
}

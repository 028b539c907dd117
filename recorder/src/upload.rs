//! Spool to object store: parts while the session runs, then the whole.
//!
//! Everything is retried for ever, because the spool is the truth and nothing
//! in it is removed before the object store has confirmed. What cannot succeed
//! by trying again (the object store holds something else under our key, the
//! spool file is not what we wrote) puts the recording into quarantine.
//!
//! Object keys are written once: parts, a small `session.cast` and the manifest
//! with `If-None-Match`, where the service knows it.

use std::{
    os::unix::fs::FileExt as _,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, path::Path};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use crate::{
    error::RecordError,
    manifest::{PART_BYTES, whole_lines},
    recorder::{Core, Notice},
    recording::Tape,
    seal,
};

/// Uploads what a recording has, until it has no more; seals it when it ended. The only task of its recording.
pub(crate) async fn upload(core: Arc<Core>, tape: Arc<Tape>) {
    let result = loop {
        match next(&core, &tape) {
            NextPart::Idle => return,
            NextPart::Part { index, from, to } => {
                if let Err(error) = upload_part(&core, &tape, index, from, to).await {
                    break Err(error);
                }
            }
            NextPart::Seal => break seal::seal(&core, &tape).await,
            NextPart::Wait(until) => tokio::select! {
                () = sleep_until(until) => {}
                () = tape.part_ready.notified() => {}
            },
        }
    };
    if let Err(error) = result {
        quarantine(&core, &tape, error);
    }
}

enum NextPart {
    /// Nothing to do until something is recorded.
    Idle,
    Part {
        index: u32,
        from: u64,
        to: u64,
    },
    Seal,
    Wait(Instant),
}

fn next(core: &Core, tape: &Tape) -> NextPart {
    let mut state = tape.state();
    let waiting = state.written - state.uploaded;
    if state.ended && (waiting == 0 || state.written <= seal::SINGLE_PUT_BYTES) {
        // A small recording goes up whole at once, which is as fast as its last part would be.
        return NextPart::Seal;
    }
    if waiting == 0 {
        state.uploading = false;
        return NextPart::Idle;
    }
    let due = state.last_part_at + core.settings.upload_interval;
    if !state.ended && waiting < PART_BYTES && Instant::now() < due {
        return NextPart::Wait(due);
    }
    NextPart::Part { index: state.parts, from: state.uploaded, to: state.written.min(state.uploaded + PART_BYTES) }
}

async fn upload_part(core: &Core, tape: &Arc<Tape>, index: u32, from: u64, to: u64) -> Result<(), RecordError> {
    let key = core.keys(tape.id).part(index);
    let size = retry(core, &core.part_permits, || async {
        let mut lines = read_spool(tape, from, to).await.map_err(permanent)?;
        lines.truncate(whole_lines(&lines));
        if lines.is_empty() {
            let reason = format!("no whole line at byte {from}");
            return Err(Failure::Permanent(RecordError::Damaged { reason }));
        }
        let size = lines.len() as u64;
        put_new(core.store(), &key, lines).await.map_err(classify)?;
        Ok(size)
    })
    .await?;
    let mut state = tape.state();
    state.uploaded += size;
    state.parts += 1;
    state.last_part_at = Instant::now();
    Ok(())
}

/// Puts an object that must not exist, or exist with the same contents: then an earlier try had succeeded after all.
pub(crate) async fn put_new(store: &dyn ObjectStore, key: &Path, contents: Bytes) -> Result<(), RecordError> {
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match store.put_opts(key, contents.clone().into(), options).await {
        Ok(_) => Ok(()),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
            let found = store.get(key).await.map_err(|error| RecordError::storage(&error))?;
            if found.meta.size == contents.len() as u64
                && found.bytes().await.map_err(|error| RecordError::storage(&error))? == contents
            {
                return Ok(());
            }
            Err(RecordError::Conflict { key: key.to_string() })
        }
        // A service without conditional writes.
        Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
            store.put(key, contents.into()).await.map(|_| ()).map_err(|error| RecordError::storage(&error))
        }
        Err(error) => Err(RecordError::storage(&error)),
    }
}

/// Reads a range of the spool file.
pub(crate) async fn read_spool(tape: &Arc<Tape>, from: u64, to: u64) -> Result<Bytes, RecordError> {
    let tape = Arc::clone(tape);
    let read = move || {
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or_default()];
        tape.file.read_exact_at(&mut bytes, from)?;
        Ok::<_, std::io::Error>(Bytes::from(bytes))
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(RecordError::Damaged { reason: format!("cannot be read: {error}") }),
        Err(error) => Err(RecordError::Damaged { reason: format!("reading was given up: {error}") }),
    }
}

/// Whether trying again can help.
pub(crate) enum Failure {
    Passing(RecordError),
    Permanent(RecordError),
}

pub(crate) fn permanent(error: RecordError) -> Failure {
    Failure::Permanent(error)
}

pub(crate) fn classify(error: RecordError) -> Failure {
    if matches!(error, RecordError::Storage { .. }) { Failure::Passing(error) } else { Failure::Permanent(error) }
}

/// Tries until it succeeds or cannot succeed: at once, then after half a second, a second, … 30 seconds, each time a
/// random half of it less, so that recordings do not come back all at the same moment. Takes one of `permits`
/// for each try.
pub(crate) async fn retry<T, F>(
    core: &Core,
    permits: &Semaphore,
    mut attempt: impl FnMut() -> F,
) -> Result<T, RecordError>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let result = {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            attempt().await
        };
        match result {
            Ok(value) => {
                if core.storage_fails.swap(false, Ordering::Relaxed) {
                    tracing::info!("the object store of the recordings answers again");
                    core.notify(Notice::StorageAnswers);
                }
                return Ok(value);
            }
            Err(Failure::Permanent(error)) => return Err(error),
            Err(Failure::Passing(error)) => {
                if !core.storage_fails.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "recordings cannot be uploaded, and wait in the spool");
                    core.notify(Notice::StorageFails { reason: error.to_string() });
                }
                sleep(pause - pause.mul_f64(random() / 2.0)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// A number from 0 to 1. Version 7 of UUIDs ends in 62 random bits.
fn random() -> f64 {
    f64::from(Uuid::now_v7().as_u128() as u16) / f64::from(u16::MAX)
}

pub(crate) fn quarantine(core: &Core, tape: &Tape, error: RecordError) {
    tape.fail(error.clone());
    let (ended, is_copy) = {
        let mut state = tape.state();
        state.uploading = state.ended;
        (state.ended, state.is_copy)
    };
    if is_copy {
        // Others have sealed it meanwhile, or what the object store has cannot be read: that is all still there.
        tracing::warn!(session.id = %tape.id, %error, "a recording of a dead instance stays as the object store has it");
        let size = tape.state().written;
        if let Err(error) = core.spool.remove(tape.id, size) {
            tracing::warn!(session.id = %tape.id, %error, "its copy stays in the spool until the next start");
        }
        return core.forget(tape.id);
    }
    if !ended {
        // The session sees the failure and ends. The upload is tried once more then, and the folder put aside.
        tracing::error!(session.id = %tape.id, %error, "a recording cannot be uploaded");
        return;
    }
    match core.spool.quarantine(tape.id) {
        Ok(folder) => {
            tracing::error!(session.id = %tape.id, %error, folder = %folder.display(), "a recording is in quarantine");
            core.notify(Notice::Quarantined { session: tape.id, folder, error });
        }
        Err(failure) => tracing::error!(session.id = %tape.id, %error, %failure, "a recording cannot be put aside"),
    }
    core.spool.space.give_back(tape.state().written);
    core.forget(tape.id);
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

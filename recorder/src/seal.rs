//! The end of a recording: `session.cast` whole, then the manifest, and only then the local copy goes.

use std::{os::unix::fs::FileExt as _, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use tokio::time::timeout;

use crate::{
    SessionId,
    error::RecordError,
    event::End,
    manifest::{self, Manifest},
    recorder::{Core, Notice},
    recording::Tape,
    upload::{Failure, classify, put_new, read_spool, retry},
};

/// Up to here `session.cast` is one request; S3 wants at least this much in each part of a larger one but the last.
pub(crate) const SINGLE_PUT_BYTES: u64 = 5 * 1024 * 1024;

/// Uploads an ended recording as a whole and seals it. Doing it again, or in another process, does no harm.
pub(crate) async fn seal(core: &Arc<Core>, tape: &Arc<Tape>) -> Result<(), RecordError> {
    let manifest = Arc::new(survey(tape).await?);
    let keys = core.keys(tape.id);
    let sealed = retry(core, &core.seal_permits, || async { core.manifest(tape.id).await.map_err(classify) }).await?;
    match sealed {
        Some(sealed) if sealed == *manifest => {}
        // Sealed is sealed: what stands there is never replaced.
        Some(_) => return Err(RecordError::Conflict { key: keys.manifest().to_string() }),
        None => {
            retry(core, &core.seal_permits, || async { put_cast(core, tape, &manifest).await }).await?;
            let bytes = Bytes::from(serde_json::to_vec_pretty(&*manifest).unwrap_or_default());
            retry(core, &core.seal_permits, || async {
                put_new(core.store(), &keys.manifest(), bytes.clone()).await.map_err(classify)
            })
            .await?;
        }
    }
    core.notify(Notice::Sealed(Arc::clone(&manifest)));
    remove_parts(core, tape.id).await;
    if let Err(error) = core.spool.remove(tape.id, manifest.size) {
        tracing::warn!(session.id = %tape.id, %error, "an uploaded recording stays in the spool until the next start");
    }
    core.forget(tape.id);
    Ok(())
}

async fn survey(tape: &Arc<Tape>) -> Result<Manifest, RecordError> {
    let (size, end) = {
        let state = tape.state();
        (state.written, state.end.clone())
    };
    let end = end.unwrap_or(End::CutOff { reason: "its end is not known".into() });
    let tape = Arc::clone(tape);
    let read = move || {
        let actual = tape.file.metadata().map_err(|error| RecordError::spool("session.cast", error))?.len();
        if actual != size {
            return Err(RecordError::Damaged { reason: format!("it has {actual} bytes, but {size} were written") });
        }
        let survey = manifest::survey(tape.id, size, |range| {
            let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
            tape.file.read_exact_at(&mut bytes, range.start)?;
            Ok(bytes)
        })?;
        Ok(survey.into_manifest(tape.id, end))
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(result) => result,
        Err(error) => Err(RecordError::Damaged { reason: format!("reading was given up: {error}") }),
    }
}

/// Puts `session.cast` and checks that the object store has as much as was sent.
async fn put_cast(core: &Core, tape: &Arc<Tape>, manifest: &Manifest) -> Result<(), Failure> {
    let key = core.keys(tape.id).cast();
    if manifest.size <= SINGLE_PUT_BYTES {
        let bytes = read_spool(tape, 0, manifest.size).await.map_err(Failure::Permanent)?;
        if manifest::sha256(&bytes) != manifest.sha256 {
            let reason = "it changed while it was uploaded".into();
            return Err(Failure::Permanent(RecordError::Damaged { reason }));
        }
        put_new(core.store(), &key, bytes).await.map_err(classify)?;
    } else {
        // Not hashed once more, which would cost as much as all else here: nothing is appended any more, a shorter file
        // fails to be read, and an S3 request is signed together with its payload.
        let passing = |error: object_store::Error| Failure::Passing(RecordError::storage(&error));
        let mut upload = core.store().put_multipart(&key).await.map_err(passing)?;
        let sent = async {
            let mut offset = 0;
            while offset < manifest.size {
                let end = manifest.size.min(offset + block_bytes(manifest.size));
                let bytes = read_spool(tape, offset, end).await.map_err(Failure::Permanent)?;
                upload.put_part(bytes.into()).await.map_err(passing)?;
                offset = end;
            }
            // A large upload replaces what is there: not what others have sealed meanwhile, who took this process for dead.
            if core.manifest(tape.id).await.map_err(classify)?.is_some() {
                return Err(Failure::Permanent(RecordError::Conflict {
                    key: core.keys(tape.id).manifest().to_string(),
                }));
            }
            upload.complete().await.map_err(passing)
        };
        if let Err(error) = sent.await {
            // Best effort: what is left is for the bucket's lifecycle rule on incomplete uploads.
            let _ = upload.abort().await;
            return Err(error);
        }
    }
    let stored = core.store().head(&key).await.map_err(|error| Failure::Passing(RecordError::storage(&error)))?;
    if stored.size != manifest.size {
        let reason = format!("{key} has {} bytes, but {} were sent", stored.size, manifest.size);
        return Err(Failure::Passing(RecordError::Storage { reason }));
    }
    Ok(())
}

/// The size of a block of a multipart upload: all are the same but the last, and there are at most 10,000.
fn block_bytes(size: u64) -> u64 {
    SMALLEST_BLOCK.max(size.div_ceil(MAX_BLOCKS))
}

/// The parts are in `session.cast` now. What cannot be removed does no harm: a sealed recording is never read from them.
async fn remove_parts(core: &Core, id: SessionId) {
    let parts = core.store().list(Some(&core.keys(id).parts())).map_ok(|part| part.location);
    let removal = core.store().delete_stream(Box::pin(parts)).try_for_each(|_| async { Ok(()) });
    match timeout(REMOVAL_DEADLINE, removal).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(session.id = %id, %error, "parts of a sealed recording stay behind"),
        Err(_) => tracing::warn!(session.id = %id, "parts of a sealed recording stay behind: no answer"),
    }
}

const REMOVAL_DEADLINE: Duration = Duration::from_secs(30);
const SMALLEST_BLOCK: u64 = 8 * 1024 * 1024;
/// S3 takes 10,000; this leaves room for rounding.
const MAX_BLOCKS: u64 = 9_000;

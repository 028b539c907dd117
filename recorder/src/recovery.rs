//! At the start: the recordings of dead processes. At any time: those of dead instances on other machines, of which there
//! is only what the object store has.
//!
//! A recording that was finished but not sealed is uploaded. One that was cut
//! off gets a marker that says so. One that cannot be read is put aside once,
//! and the others go on.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use object_store::ObjectStoreExt as _;

use crate::{
    SessionId,
    asciicast::v3::{Encoder, Mode},
    error::RecordError,
    event::End,
    manifest::{self, Survey},
    read::list_parts,
    recorder::{Core, Notice},
    recording::Tape,
    upload::{self, classify, permanent, retry},
};

/// A recording of a dead process.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The session.
    pub id: SessionId,
    /// When the last event was recorded, as far as the spool shows.
    pub last_event_at: Option<Timestamp>,
    /// What becomes of the recording.
    pub outcome: Recovery,
}

/// What becomes of a recording of a dead process.
#[derive(Debug, Clone)]
pub enum Recovery {
    /// The process died before the session ended. It is marked as cut off and uploaded.
    CutOff,
    /// The session had ended; what was missing is uploaded.
    Finished(End),
    /// Its spool is damaged: it was put aside, for someone to look at.
    Quarantined(RecordError),
}

pub(crate) async fn recover(core: &Arc<Core>) -> Result<Vec<Recovered>, RecordError> {
    let ids = core.spool.adopt()?;
    let mut recovered = Vec::new();
    for id in ids {
        let taken = Arc::clone(core);
        let found = match tokio::task::spawn_blocking(move || take_over(&taken, id)).await {
            Ok(found) => found,
            Err(error) => Err(RecordError::Damaged { reason: error.to_string() }),
        };
        match found {
            Ok(Some(found)) => recovered.push(found),
            Ok(None) => {}
            Err(error) => recovered.push(put_aside(core, id, error)),
        }
    }
    Ok(recovered)
}

fn take_over(core: &Arc<Core>, id: SessionId) -> Result<Option<Recovered>, RecordError> {
    let file = core.spool.reopen(id)?;
    let io = |error| RecordError::spool(core.spool.folder(id), error);
    let size = file.metadata().map_err(io)?.len();
    let whole = last_line_end(&file, size).map_err(io)?;
    if whole < size {
        file.set_len(whole).map_err(io)?;
    }
    // An end that does not fit the file is that of a longer one: a power failure took the rest.
    let end = core.spool.read_end(id).and_then(|(end, at)| (at == whole).then_some(end));
    let survey = match whole {
        0 => None,
        _ => Some(manifest::survey(id, whole, |range| {
            let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
            file.read_exact_at(&mut bytes, range.start)?;
            Ok(bytes)
        })?),
    };
    let tape = Arc::new(Tape::new(id, file, Arc::clone(&core.settings.clock), Encoder::new(Mode::default())));
    core.spool.space.count(whole);
    {
        let mut state = tape.state();
        state.written = whole;
        state.end = Some(end.clone().unwrap_or_else(cut_off));
        // This task seals it; the spool shows no more than this to readers until then.
        state.uploading = true;
    }
    core.tapes().insert(id, Arc::clone(&tape));
    let finished = end.is_some();
    core.spawn(complete(Arc::clone(core), tape, finished));
    let outcome = end.map_or(Recovery::CutOff, Recovery::Finished);
    Ok(Some(Recovered { id, last_event_at: survey.as_ref().and_then(last_event_at), outcome }))
}

pub(crate) async fn complete_from_parts(core: &Arc<Core>, ids: &[SessionId]) -> Result<(), RecordError> {
    let begin = |id: SessionId| {
        let core = Arc::clone(core);
        async move {
            begin_from_parts(&core, id).await.inspect_err(|error| {
                tracing::error!(session.id = %id, %error, "a recording of a dead instance cannot be completed");
            })
        }
    };
    let begun: Vec<_> = ids.iter().copied().map(begin).collect();
    let begun = stream::iter(begun).buffer_unordered(AT_A_TIME);
    let begun = begun.fold(Ok(()), |all, one| std::future::ready(all.and(one)));
    // The object store may not answer for as long as it likes; then nothing is begun, and asked again.
    let begun = core.stop.run_until_cancelled(begun).await.unwrap_or(Ok(()));
    core.sealed(ids).await;
    begun
}

/// Makes an empty recording in the spool that is filled from the object store, unless there is nothing to do.
async fn begin_from_parts(core: &Arc<Core>, id: SessionId) -> Result<(), RecordError> {
    if core.tape(id).is_some() {
        return Ok(());
    }
    let ask = || async {
        let is_sealed = core.manifest(id).await.map_err(classify)?.is_some();
        let parts = list_parts(core, id).await.map_err(classify)?;
        Ok((is_sealed, !parts.is_empty()))
    };
    if !matches!(retry(core, &core.seal_permits, ask).await?, (false, true)) {
        return Ok(());
    }
    let file = core.spool.create(id)?;
    let tape = Arc::new(Tape::new(id, file, Arc::clone(&core.settings.clock), Encoder::new(Mode::default())));
    {
        let mut state = tape.state();
        state.end = Some(cut_off());
        state.uploading = true;
        state.is_copy = true;
    }
    core.tapes().insert(id, Arc::clone(&tape));
    core.spawn(complete_remote(Arc::clone(core), tape));
    Ok(())
}

/// Whoever died may have put the whole recording there, and not sealed it.
async fn complete_remote(core: Arc<Core>, tape: Arc<Tape>) {
    match restore_whole(&core, &tape).await {
        Ok(is_whole) => complete(core, tape, is_whole).await,
        Err(error) => upload::quarantine(&core, &tape, error),
    }
}

/// Fetches `session.cast`, if there is one.
async fn restore_whole(core: &Core, tape: &Arc<Tape>) -> Result<bool, RecordError> {
    let key = core.keys(tape.id).cast();
    let spool = |error| RecordError::spool(core.spool.folder(tape.id), error);
    retry(core, &core.seal_permits, || async {
        // A try that was cut off is begun anew.
        core.spool.space.give_back(std::mem::take(&mut tape.state().written));
        tape.file.set_len(0).map_err(spool).map_err(permanent)?;
        let passing = |error: object_store::Error| classify(RecordError::storage(&error));
        let mut whole = match core.store().get(&key).await {
            Ok(found) => found.into_stream(),
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(passing(error)),
        };
        while let Some(bytes) = whole.try_next().await.map_err(passing)? {
            (&tape.file).write_all(&bytes).map_err(spool).map_err(permanent)?;
            core.spool.space.count(bytes.len() as u64);
            tape.state().written += bytes.len() as u64;
        }
        let mut state = tape.state();
        state.end = Some(End::CutOff { reason: "the bastion stopped before it sealed the recording".into() });
        Ok(true)
    })
    .await
}

/// Brings a recording that was taken over to its end, and seals it.
async fn complete(core: Arc<Core>, tape: Arc<Tape>, finished: bool) {
    if !finished {
        match mark_cut_off(&core, &tape).await {
            Ok(true) => {}
            Ok(false) => {
                // Not even the header was written, neither here nor there: the session never started.
                let _ = core.spool.remove(tape.id, 0);
                return core.forget(tape.id);
            }
            Err(error) => return upload::quarantine(&core, &tape, error),
        }
    }
    {
        let mut state = tape.state();
        // What is in parts is of no interest any more: `session.cast` comes next.
        state.uploaded = state.written;
        state.ended = true;
    }
    upload::upload(core, tape).await;
}

/// Appends the marker. Gives `false` when there is nothing to mark.
async fn mark_cut_off(core: &Core, tape: &Arc<Tape>) -> Result<bool, RecordError> {
    let spool = |error| RecordError::spool(core.spool.folder(tape.id), error);
    restore_from_parts(core, tape).await?;
    if tape.state().written == 0 {
        return Ok(false);
    }
    let mut line = Vec::new();
    let end = cut_off();
    Encoder::new(Mode::default()).finish(std::time::Duration::ZERO, &end, &mut line);
    (&tape.file).write_all(&line).map_err(spool)?;
    core.spool.space.count(line.len() as u64);
    let size = {
        let mut state = tape.state();
        state.written += line.len() as u64;
        state.written
    };
    core.spool.write_end(tape.id, &end, size)?;
    Ok(true)
}

/// After a power failure the spool file may be shorter than what was uploaded of it: then the parts count.
async fn restore_from_parts(core: &Core, tape: &Arc<Tape>) -> Result<(), RecordError> {
    let parts = retry(core, &core.seal_permits, || async { list_parts(core, tape.id).await.map_err(classify) }).await?;
    let uploaded: u64 = parts.iter().map(|part| part.size).sum();
    let written = tape.state().written;
    if uploaded <= written {
        return Ok(());
    }
    let spool = |error| RecordError::spool(core.spool.folder(tape.id), error);
    core.spool.space.give_back(written);
    tape.state().written = 0;
    tape.file.set_len(0).map_err(spool)?;
    for part in parts {
        let bytes = retry(core, &core.seal_permits, || async {
            let fetched = async { core.store().get(&part.location).await?.bytes().await };
            fetched.await.map_err(|error| {
                // Others have sealed the recording meanwhile, and removed its parts.
                let is_gone = matches!(error, object_store::Error::NotFound { .. });
                let error = RecordError::storage(&error);
                if is_gone { permanent(error) } else { classify(error) }
            })
        })
        .await?;
        (&tape.file).write_all(&bytes).map_err(spool)?;
        core.spool.space.count(bytes.len() as u64);
        tape.state().written += bytes.len() as u64;
    }
    Ok(())
}

fn put_aside(core: &Core, id: SessionId, error: RecordError) -> Recovered {
    match core.spool.quarantine(id) {
        Ok(folder) => {
            tracing::error!(session.id = %id, %error, folder = %folder.display(), "a recording is in quarantine");
            core.notify(Notice::Quarantined { session: id, folder, error: error.clone() });
        }
        Err(failure) => tracing::error!(session.id = %id, %error, %failure, "a recording cannot be put aside"),
    }
    Recovered { id, last_event_at: None, outcome: Recovery::Quarantined(error) }
}

fn cut_off() -> End {
    End::CutOff { reason: "the bastion stopped before the session ended".into() }
}

fn last_event_at(survey: &Survey) -> Option<Timestamp> {
    let start = Timestamp::from_second(survey.started_at).ok()?;
    start.checked_add(SignedDuration::try_from(survey.duration).ok()?).ok()
}

/// Where the last whole line ends.
fn last_line_end(file: &File, size: u64) -> io::Result<u64> {
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(SEARCH_BYTES);
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.read_exact_at(&mut bytes, start)?;
        let whole = manifest::whole_lines(&bytes);
        if whole > 0 {
            return Ok(start + whole as u64);
        }
        end = start;
    }
    Ok(0)
}

const SEARCH_BYTES: u64 = 64 * 1024;

/// Recordings of dead instances that are looked at together; how many are uploaded is bounded elsewhere.
const AT_A_TIME: usize = 8;

//! Reads a recording, running or finished, from wherever it is.
//!
//! What is given always ends at a whole line, because a player stops at half a
//! line.

use std::{fs::File, ops::Range, os::unix::fs::FileExt as _, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use object_store::{ObjectMeta, ObjectStore, path::Path};

use crate::{SessionId, error::RecordError, recorder::Core};

/// A recording as it was when it was opened. Holds what it reads: it goes on after the session ends.
#[derive(Debug)]
pub struct RecordingReader {
    len: u64,
    sha256: Option<String>,
    source: CastSource,
}

#[derive(Debug, Clone)]
enum CastSource {
    /// In this process's spool.
    Spool(Arc<File>),
    /// In the object store: consecutive ranges of the recording. One, when it is finished; else its parts.
    Objects(Arc<dyn ObjectStore>, Vec<(Path, Range<u64>)>),
}

impl RecordingReader {
    pub(crate) async fn open(core: &Core, id: SessionId) -> Result<Self, RecordError> {
        if let Some(reader) = Self::in_spool(core, id) {
            return Ok(reader);
        }
        if let Some(reader) = Self::sealed(core, id).await? {
            return Ok(reader);
        }
        if let Some(reader) = Self::in_parts(core, id).await? {
            return Ok(reader);
        }
        // It may have been sealed, and its parts removed, while we looked.
        Self::sealed(core, id).await?.ok_or(RecordError::NotFound(id))
    }

    /// How many bytes there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a recording has a header at least")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether this is the whole recording, sealed. If not, more may follow.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.sha256.is_some()
    }

    /// The SHA-256 of the whole recording in hexadecimal, when it is complete.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// The bytes of `range`, cut to [`RecordingReader::len`], in pieces of at most 256 KiB or as the object store gives
    /// them.
    #[must_use]
    pub fn read(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes, RecordError>> {
        let range = range.start.min(self.len)..range.end.min(self.len);
        match self.source.clone() {
            CastSource::Spool(file) => {
                stream::iter(steps(range)).then(move |step| read_file(Arc::clone(&file), step)).boxed()
            }
            CastSource::Objects(store, objects) => {
                let wanted: Vec<_> =
                    objects.into_iter().filter_map(|(key, at)| overlap(&at, &range).map(|of| (key, of))).collect();
                stream::iter(wanted)
                    .then(move |(key, range)| {
                        let store = Arc::clone(&store);
                        async move { read_object(&*store, &key, range).await }
                    })
                    .try_flatten()
                    .boxed()
            }
        }
    }

    fn in_spool(core: &Core, id: SessionId) -> Option<Self> {
        let tape = core.tape(id)?;
        let file = core.spool.reader(id).ok()?;
        let len = tape.state().written;
        (len > 0).then(|| Self { len, sha256: None, source: CastSource::Spool(Arc::new(file)) })
    }

    async fn sealed(core: &Core, id: SessionId) -> Result<Option<Self>, RecordError> {
        let Some(manifest) = core.manifest(id).await? else { return Ok(None) };
        let objects = vec![(core.keys(id).cast(), 0..manifest.size)];
        let source = CastSource::Objects(Arc::clone(&core.settings.storage.store), objects);
        Ok(Some(Self { len: manifest.size, sha256: Some(manifest.sha256), source }))
    }

    async fn in_parts(core: &Core, id: SessionId) -> Result<Option<Self>, RecordError> {
        let mut end = 0;
        let mut objects = Vec::new();
        for part in list_parts(core, id).await? {
            objects.push((part.location, end..end + part.size));
            end += part.size;
        }
        let source = CastSource::Objects(Arc::clone(&core.settings.storage.store), objects);
        Ok((end > 0).then_some(Self { len: end, sha256: None, source }))
    }
}

/// The parts of a recording, from the first to the last before a gap.
pub(crate) async fn list_parts(core: &Core, id: SessionId) -> Result<Vec<ObjectMeta>, RecordError> {
    let keys = core.keys(id);
    let mut parts: Vec<ObjectMeta> =
        core.store().list(Some(&keys.parts())).try_collect().await.map_err(|error| RecordError::storage(&error))?;
    parts.sort_by(|one, other| one.location.cmp(&other.location));
    let unbroken = parts.iter().zip(0..).take_while(|(part, index)| part.location == keys.part(*index)).count();
    parts.truncate(unbroken);
    Ok(parts)
}

fn steps(range: Range<u64>) -> impl Iterator<Item = Range<u64>> + Send {
    let (mut at, end) = (range.start, range.end);
    std::iter::from_fn(move || {
        let step = at..end.min(at + STEP_BYTES);
        at = step.end;
        (step.start < step.end).then_some(step)
    })
}

async fn read_file(file: Arc<File>, range: Range<u64>) -> Result<Bytes, RecordError> {
    let read = move || {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok::<_, std::io::Error>(Bytes::from(bytes))
    };
    let damaged = |reason: String| RecordError::Damaged { reason };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| damaged(error.to_string()))?
        .map_err(|error| damaged(format!("cannot be read: {error}")))
}

async fn read_object(
    store: &dyn ObjectStore,
    key: &Path,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, RecordError>>, RecordError> {
    let options = object_store::GetOptions { range: Some(range.into()), ..object_store::GetOptions::default() };
    let found = store.get_opts(key, options).await.map_err(|error| RecordError::storage(&error))?;
    Ok(found.into_stream().map_err(|error| RecordError::storage(&error)).boxed())
}

fn overlap(object: &Range<u64>, wanted: &Range<u64>) -> Option<Range<u64>> {
    let start = object.start.max(wanted.start);
    let end = object.end.min(wanted.end);
    (start < end).then(|| start - object.start..end - object.start)
}

const STEP_BYTES: u64 = 256 * 1024;

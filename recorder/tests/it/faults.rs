//! An object store in memory that fails as told, and is as strict as S3 about the size of parts.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart, memory::InMemory,
    path::Path,
};

/// What is asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Complete,
    Get,
    List,
    Put,
    PutPart,
}

/// What the store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Does it, but says that it failed.
    DoneButFailed,
    Fail,
    /// Never answers.
    Hang,
    Ok,
}

type Plan = Arc<dyn Fn(Call, &str) -> Answer + Send + Sync>;

#[derive(Clone)]
pub(crate) struct FaultyStore {
    pub(crate) inner: Arc<InMemory>,
    plan: Arc<Mutex<Plan>>,
    pub(crate) failures: Arc<AtomicUsize>,
}

impl FaultyStore {
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::default(),
            plan: Arc::new(Mutex::new(Arc::new(|_, _| Answer::Ok))),
            failures: Arc::default(),
        }
    }

    pub(crate) fn plan(&self, plan: impl Fn(Call, &str) -> Answer + Send + Sync + 'static) {
        *self.plan.lock().unwrap() = Arc::new(plan);
    }

    pub(crate) fn heal(&self) {
        self.plan(|_, _| Answer::Ok);
    }

    /// The object whose key ends like this.
    pub(crate) async fn object(&self, end: &str) -> Option<Bytes> {
        let key = self.keys().await.into_iter().find(|key| key.ends_with(end))?;
        Some(self.inner.get(&Path::from(key)).await.unwrap().bytes().await.unwrap())
    }

    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> =
            self.inner.list(None).map_ok(|object| object.location.to_string()).try_collect().await.unwrap();
        keys.sort();
        keys
    }

    /// The parts in their order, concatenated.
    pub(crate) async fn parts(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for key in self.keys().await.into_iter().filter(|key| key.contains("/parts/")) {
            all.extend(self.inner.get(&Path::from(key)).await.unwrap().bytes().await.unwrap());
        }
        all
    }

    /// The same, of one session.
    pub(crate) async fn parts_of(&self, id: recorder::SessionId) -> Vec<u8> {
        let mut all = Vec::new();
        for key in self.keys().await.into_iter().filter(|key| key.contains(&format!("{id}/parts/"))) {
            all.extend(self.inner.get(&Path::from(key)).await.unwrap().bytes().await.unwrap());
        }
        all
    }

    async fn answer(&self, call: Call, key: &str) -> Result<bool> {
        let plan = Arc::clone(&self.plan.lock().unwrap());
        match plan(call, key) {
            Answer::Ok => Ok(true),
            Answer::DoneButFailed => Ok(false),
            Answer::Fail => Err(self.failure()),
            Answer::Hang => std::future::pending().await,
        }
    }

    fn failure(&self) -> Error {
        self.failures.fetch_add(1, Ordering::SeqCst);
        Error::Generic { store: "faulty", source: "told to fail".into() }
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let honest = self.answer(Call::Put, location.as_ref()).await?;
        let result = self.inner.put_opts(location, payload, opts).await?;
        if honest { Ok(result) } else { Err(self.failure()) }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(StrictUpload { store: self.clone(), key: location.to_string(), inner, sizes: Vec::new() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.answer(Call::Get, location.as_ref()).await?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            store.answer(Call::List, prefix.as_ref().map(Path::as_ref).unwrap_or_default()).await?;
            Ok::<_, Error>(store.inner.list(prefix.as_ref()))
        };
        listed.into_stream().try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// S3 refuses an upload in which a part other than the last has less than 5 MiB.
struct StrictUpload {
    store: FaultyStore,
    key: String,
    inner: Box<dyn MultipartUpload>,
    sizes: Vec<usize>,
}

#[async_trait]
impl MultipartUpload for StrictUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.sizes.push(data.content_length());
        let (store, key) = (self.store.clone(), self.key.clone());
        let put = self.inner.put_part(data);
        async move {
            store.answer(Call::PutPart, &key).await?;
            put.await
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let honest = self.store.answer(Call::Complete, &self.key).await?;
        let (_, all_but_last) = self.sizes.split_last().unwrap();
        if all_but_last.iter().any(|size| *size < 5 * 1024 * 1024) {
            return Err(Error::Generic { store: "faulty", source: "EntityTooSmall".into() });
        }
        let result = self.inner.complete().await?;
        if honest { Ok(result) } else { Err(self.store.failure()) }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

impl fmt::Debug for StrictUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StrictUpload")
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

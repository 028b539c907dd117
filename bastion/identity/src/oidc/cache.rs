//! [`Cached`]: one document of the issuer, fetched by one task at a time.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Semaphore, time::Instant};

use super::error::OidcError;

/// A document that is kept for a time. Nothing stale is ever given out.
pub(crate) struct Cached<T> {
    max_age: Duration,
    entry: Mutex<Option<CacheEntry<T>>>,
    /// One fetch at a time; everybody else waits for its result.
    fetching: Semaphore,
}

struct CacheEntry<T> {
    document: Arc<T>,
    fetched_at: Instant,
}

impl<T> Cached<T> {
    pub(crate) fn new(max_age: Duration) -> Self {
        Self { max_age, entry: Mutex::new(None), fetching: Semaphore::new(1) }
    }

    /// The document, fetched if there is none that is young enough.
    pub(crate) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, OidcError>
    where
        F: Future<Output = Result<T, OidcError>>,
    {
        self.get_younger_than(self.max_age, fetch).await
    }

    /// The document, fetched again if it is `age` old.
    pub(crate) async fn get_younger_than<F>(
        &self,
        age: Duration,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, OidcError>
    where
        F: Future<Output = Result<T, OidcError>>,
    {
        if let Some(document) = self.younger_than(age) {
            return Ok(document);
        }
        // Closed never; an error could only mean that, and then fetching beside somebody else does no harm.
        let _turn = self.fetching.acquire().await;
        if let Some(document) = self.younger_than(age) {
            return Ok(document);
        }
        let document = Arc::new(fetch().await?);
        let entry = CacheEntry { document: Arc::clone(&document), fetched_at: Instant::now() };
        *self.entry.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
        Ok(document)
    }

    fn younger_than(&self, age: Duration) -> Option<Arc<T>> {
        let entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        entry.as_ref().filter(|entry| entry.fetched_at.elapsed() < age).map(|entry| Arc::clone(&entry.document))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_document_is_fetched_once_and_again_when_it_is_old() {
        let fetches = AtomicU32::new(0);
        let fetch = || async { Ok(fetches.fetch_add(1, Ordering::Relaxed)) };
        let keeps = Cached::new(Duration::MAX);
        assert_eq!((*keeps.get(fetch).await.unwrap(), *keeps.get(fetch).await.unwrap()), (0, 0));
        assert_eq!(*keeps.get_younger_than(Duration::ZERO, fetch).await.unwrap(), 1);
        assert_eq!(*keeps.get(fetch).await.unwrap(), 1, "the younger document is kept");
        let forgets = Cached::new(Duration::ZERO);
        assert_eq!((*forgets.get(fetch).await.unwrap(), *forgets.get(fetch).await.unwrap()), (2, 3));
    }

    #[tokio::test]
    async fn many_askers_make_one_fetch() {
        let cache = Cached::new(Duration::MAX);
        let fetches = AtomicU32::new(0);
        let fetch = || async {
            tokio::task::yield_now().await;
            Ok(fetches.fetch_add(1, Ordering::Relaxed))
        };
        let (a, b, c) = tokio::join!(cache.get(fetch), cache.get(fetch), cache.get(fetch));
        assert_eq!((*a.unwrap(), *b.unwrap(), *c.unwrap()), (0, 0, 0));
    }

    #[tokio::test]
    async fn a_failed_fetch_is_not_kept() {
        let cache = Cached::<u32>::new(Duration::MAX);
        assert!(cache.get(|| async { Err(OidcError::DeviceCodeExpired) }).await.is_err());
        assert_eq!(*cache.get(|| async { Ok(7) }).await.unwrap(), 7);
    }
}

//! [`Lease`]: for how long an instance may count on being one of those that share a database. The database ends it by
//! its own clock, a little after this one has ended it here: whoever lost it has stopped before anybody else goes on
//! with what it left. What hangs on it keeps a [`Tenure`], which is over for good when the lease is lost once.
//!
//! Here time is that of a monotonic clock, from before the database was asked. A process that was stopped meanwhile sees
//! at its next step that the time is over.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// A lease that is kept by the store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lease(Arc<LeaseShared>);

/// The time from when a lease was got until it is lost. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tenure {
    shared: Arc<LeaseShared>,
    number: u64,
    states: watch::Receiver<LeaseState>,
}

#[derive(Debug)]
struct LeaseShared {
    /// Where `until` is counted from.
    origin: Instant,
    /// In milliseconds.
    until: AtomicU64,
    state: watch::Sender<LeaseState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct LeaseState {
    number: u64,
    /// Why it is not held now, if it is not.
    lost: Option<String>,
}

impl Lease {
    /// Of a store that nobody shares.
    #[must_use]
    pub fn for_ever() -> Self {
        Self::with(u64::MAX)
    }

    /// One that lasts until then, unless it is renewed by whoever keeps it.
    #[must_use]
    pub fn until(end: Instant) -> Self {
        let lease = Self::with(0);
        lease.extend(end);
        lease
    }

    fn with(until: u64) -> Self {
        let state = watch::Sender::new(LeaseState { number: 0, lost: None });
        Self(Arc::new(LeaseShared { origin: Instant::now(), until: AtomicU64::new(until), state }))
    }

    /// What hangs on the lease from now on. One that is not held gives a tenure that is over.
    #[must_use]
    pub fn tenure(&self) -> Tenure {
        let states = self.0.state.subscribe();
        let number = states.borrow().number;
        Tenure { shared: Arc::clone(&self.0), number, states }
    }

    /// Whether it is held now.
    ///
    /// # Errors
    ///
    /// Why it is not, in words.
    pub fn check(&self) -> Result<(), String> {
        match &self.0.state.borrow().lost {
            Some(reason) => Err(reason.clone()),
            None if self.0.is_over() => Err(UNANSWERED.to_owned()),
            None => Ok(()),
        }
    }

    /// Resolves when it is lost. Cancel-safe.
    pub async fn lost(&self) {
        self.tenure().over().await;
    }

    /// Resolves when it is held, if it is not. Cancel-safe.
    pub async fn held(&self) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.0.state.subscribe().wait_for(|state| state.lost.is_none()).await;
    }

    /// It lasts until then.
    pub fn extend(&self, end: Instant) {
        let until = end.saturating_duration_since(self.0.origin);
        self.0.until.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// It was got again, until then. What hung on it before does not come back.
    pub fn begin(&self, end: Instant) {
        self.extend(end);
        self.0.state.send_modify(|state| *state = LeaseState { number: state.number + 1, lost: None });
    }

    /// It is lost. The first reason counts.
    pub fn lose(&self, reason: &str) {
        self.0.until.store(0, Ordering::Release);
        self.0.state.send_if_modified(|state| {
            let news = state.lost.is_none();
            if news {
                state.lost = Some(reason.to_owned());
            }
            news
        });
    }

    /// Loses it when its time is over, again and again. Somebody else renews it.
    pub async fn expire(self) {
        loop {
            self.held().await;
            let left = self.0.left();
            if left.is_zero() {
                self.lose(UNANSWERED);
            } else {
                tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    () = self.lost() => {}
                }
            }
        }
    }
}

impl LeaseShared {
    fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn left(&self) -> Duration {
        let until = self.until.load(Ordering::Acquire);
        let now = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(until.saturating_sub(now))
    }
}

impl Tenure {
    /// Of a store that nobody shares.
    #[must_use]
    pub fn for_ever() -> Self {
        Lease::for_ever().tenure()
    }

    /// Whether the lease was lost since, or has run out at this moment.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let state = self.states.borrow();
        state.number != self.number || state.lost.is_some() || self.shared.is_over()
    }

    /// Resolves when it is over; at once, if its time has run out and nobody has noticed yet. Cancel-safe.
    pub async fn over(&mut self) {
        while !self.is_over() {
            if self.states.changed().await.is_err() {
                std::future::pending().await
            }
        }
    }
}

/// Why a lease ran out.
const UNANSWERED: &str = "the database has not answered for too long";

#[cfg(test)]
mod tests {
    use super::*;

    fn soon(milliseconds: u64) -> Instant {
        Instant::now() + Duration::from_millis(milliseconds)
    }

    #[tokio::test]
    async fn a_lease_that_is_not_renewed_is_lost_and_takes_along_what_hung_on_it() {
        let lease = Lease::until(soon(60_000));
        let expiry = tokio::spawn(lease.clone().expire());
        let mut tenure = lease.tenure();
        assert!(lease.check().is_ok() && !tenure.is_over());
        lease.extend(soon(0));
        // Known at once to whoever looks, and soon to whoever waits.
        assert!(tenure.is_over() && lease.check().is_err());
        lease.lose("anything");
        tokio::time::timeout(Duration::from_secs(20), tenure.over()).await.unwrap();
        assert!(lease.tenure().is_over(), "nothing begins without it");

        lease.begin(soon(60_000));
        assert!(tenure.is_over(), "what was lost does not come back");
        let mut next = lease.tenure();
        assert!(!next.is_over() && lease.check().is_ok());
        lease.lose("the network");
        lease.lose("something else");
        tokio::time::timeout(Duration::from_secs(20), next.over()).await.unwrap();
        assert_eq!(lease.check().unwrap_err(), "the network");
        expiry.abort();
    }

    #[tokio::test]
    async fn it_expires_by_itself() {
        let lease = Lease::until(soon(30));
        let expiry = tokio::spawn(lease.clone().expire());
        tokio::time::timeout(Duration::from_secs(20), lease.lost()).await.unwrap();
        lease.begin(soon(30));
        let mut tenure = lease.tenure();
        tokio::time::timeout(Duration::from_secs(20), tenure.over()).await.unwrap();
        expiry.abort();
    }

    #[tokio::test]
    async fn what_nobody_shares_is_never_lost() {
        let (lease, tenure) = (Lease::for_ever(), Tenure::for_ever());
        assert!(lease.check().is_ok() && !lease.tenure().is_over() && !tenure.is_over());
    }
}

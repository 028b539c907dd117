//! What hangs on a login learns at once that it has ended: by itself, or by `bastion logout`. Where several instances share
//! a store, another one may have ended it: it is known here who is followed, so that the store can be asked about them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use ledger::store::{Lease, Store, StoreError, Tenure, TokenHash};
use tokio::sync::watch;

use super::Login;

/// The logins that somebody has ended, each until it would have ended by itself, and those that are followed.
#[derive(Debug, Clone)]
pub struct EndedLogins(Arc<LiveShared>);

#[derive(Debug)]
struct LiveShared {
    ended: watch::Sender<HashMap<TokenHash, Timestamp>>,
    followed: Mutex<HashMap<TokenHash, Weak<Followed>>>,
    lease: Lease,
}

/// A login that something hangs on.
#[derive(Debug)]
struct Followed {
    token: TokenHash,
    ends: Timestamp,
    by: Weak<LiveShared>,
}

impl EndedLogins {
    /// Logins that are good for something only as long as this lease is held.
    #[must_use]
    pub fn under(lease: Lease) -> Self {
        Self(Arc::new(LiveShared { ended: watch::Sender::default(), followed: Mutex::default(), lease }))
    }

    /// Follows a login that is good now. One that was ended since it was looked up is known as well.
    #[must_use]
    pub fn follow(&self, login: &Login) -> LiveLogin {
        let followed = self.0.follow(login);
        LiveLogin { followed, ended: self.0.ended.subscribe(), tenure: self.0.lease.tenure() }
    }

    /// The logins that something hangs on.
    #[must_use]
    pub fn followed(&self) -> Vec<TokenHash> {
        self.0.followed().keys().copied().collect()
    }

    /// A login that is followed has ended, as the store has it.
    pub fn found(&self, token: TokenHash, now: Timestamp) {
        let followed = self.0.followed().get(&token).and_then(Weak::upgrade);
        if let Some(followed) = followed
            && !self.0.ended.borrow().contains_key(&token)
        {
            self.add(token, followed.ends, now);
        }
    }

    pub(super) fn add(&self, token: TokenHash, ends: Timestamp, now: Timestamp) {
        self.0.ended.send_modify(|ended| {
            ended.retain(|_, ends| *ends > now);
            ended.insert(token, ends);
        });
    }
}

impl Default for EndedLogins {
    fn default() -> Self {
        Self::under(Lease::for_ever())
    }
}

impl LiveShared {
    fn follow(self: &Arc<Self>, login: &Login) -> Arc<Followed> {
        let mut all = self.followed();
        if let Some(followed) = all.get(&login.token).and_then(Weak::upgrade) {
            return followed;
        }
        let followed = Followed { token: login.token, ends: login.expires_at, by: Arc::downgrade(self) };
        let followed = Arc::new(followed);
        all.insert(login.token, Arc::downgrade(&followed));
        followed
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<TokenHash, Weak<Followed>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        if let Some(by) = self.by.upgrade() {
            let mut all = by.followed();
            // Somebody else may follow it again already.
            if all.get(&self.token).is_some_and(|followed| followed.strong_count() == 0) {
                all.remove(&self.token);
            }
        }
    }
}

/// A login, and what is known of its end.
#[derive(Debug, Clone)]
pub struct LiveLogin {
    followed: Arc<Followed>,
    ended: watch::Receiver<HashMap<TokenHash, Timestamp>>,
    tenure: Tenure,
}

impl LiveLogin {
    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.followed.ends <= Timestamp::now() || self.ended.borrow().contains_key(&self.followed.token)
    }

    /// Whether the store could not be counted on at some time since it is followed: what hung on it then is over.
    #[must_use]
    pub fn is_unheld(&self) -> bool {
        self.tenure.is_over()
    }

    /// When it ends by itself.
    #[must_use]
    pub fn ends(&self) -> SystemTime {
        self.followed.ends.into()
    }

    /// Whether it stands, asked of the store.
    ///
    /// # Errors
    ///
    /// When the store does not answer: then nobody knows.
    pub async fn stands(&self, store: &dyn Store, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.has_ended() && store.login(self.followed.token, now).await?.is_some())
    }

    /// Resolves when it has ended, by itself or by somebody. Cancel-safe.
    pub async fn ended(&mut self) {
        while !self.has_ended() {
            let left = self.ends().duration_since(SystemTime::now()).unwrap_or_default();
            // In the first moment after it: a time that is cut to the timer's steps may be over too soon.
            let by_itself = tokio::time::sleep(left + Duration::from_millis(1));
            tokio::select! {
                () = by_itself => {}
                () = self.logged_out() => return,
            }
        }
    }

    /// Resolves when somebody has ended it. Cancel-safe.
    pub async fn logged_out(&mut self) {
        let token = self.followed.token;
        if self.ended.wait_for(|ended| ended.contains_key(&token)).await.is_err() {
            std::future::pending().await
        }
    }

    /// Resolves when somebody has ended it, or when the store cannot be counted on. Cancel-safe.
    pub async fn cut(&mut self) {
        let mut tenure = self.tenure.clone();
        tokio::select! {
            () = self.logged_out() => {}
            () = tenure.over() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::store::{LoginKind, LoginRecord};
    use policy::Subject;

    use super::*;

    fn login(token: u8, now: Timestamp) -> Login {
        let subject = Subject {
            issuer: "https://id.example.com".into(),
            id: "4711".into(),
            name: "alice".parse().unwrap(),
            email: None,
            groups: [].into(),
        };
        let expires_at = now + jiff::SignedDuration::from_hours(1);
        let token = TokenHash([token; 32]);
        Login::of_record(LoginRecord { token, kind: LoginKind::Cli, subject, created_at: now, expires_at })
    }

    #[tokio::test]
    async fn who_is_followed_is_known_until_nobody_follows_and_learns_what_the_store_says() {
        let (logins, now) = (EndedLogins::default(), Timestamp::now());
        let (one, other) = (login(1, now), login(2, now));
        let mut first = logins.follow(&one);
        let (second, third) = (logins.follow(&one), logins.follow(&other));
        assert_eq!(logins.followed().len(), 2);
        drop(first.clone());
        logins.found(TokenHash([1; 32]), now);
        logins.found(TokenHash([9; 32]), now);
        tokio::time::timeout(Duration::from_secs(20), first.cut()).await.unwrap();
        assert!(first.has_ended() && second.has_ended() && !third.has_ended() && !first.is_unheld());
        drop((first, third));
        assert_eq!(logins.followed(), [TokenHash([1; 32])]);
        drop(second);
        assert!(logins.followed().is_empty());
    }
}

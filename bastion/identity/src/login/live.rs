//! What hangs on a login learns at once that it has ended: by itself, or by `bastion logout`.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use ledger::store::{Store, StoreError, TokenHash};
use tokio::sync::watch;

use super::Login;

/// The logins that somebody has ended, each until it would have ended by itself.
#[derive(Debug, Clone, Default)]
pub struct EndedLogins(watch::Sender<HashMap<TokenHash, Timestamp>>);

impl EndedLogins {
    /// Follows a login that is good now. One that was ended since it was looked up is known as well.
    #[must_use]
    pub fn follow(&self, login: &Login) -> LiveLogin {
        LiveLogin { token: login.token, ends: login.expires_at, ended: self.0.subscribe() }
    }

    pub(super) fn add(&self, token: TokenHash, ends: Timestamp, now: Timestamp) {
        self.0.send_modify(|ended| {
            ended.retain(|_, ends| *ends > now);
            ended.insert(token, ends);
        });
    }
}

/// A login, and what is known of its end.
#[derive(Debug, Clone)]
pub struct LiveLogin {
    token: TokenHash,
    ends: Timestamp,
    ended: watch::Receiver<HashMap<TokenHash, Timestamp>>,
}

impl LiveLogin {
    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ends <= Timestamp::now() || self.ended.borrow().contains_key(&self.token)
    }

    /// When it ends by itself.
    #[must_use]
    pub fn ends(&self) -> SystemTime {
        self.ends.into()
    }

    /// Whether it stands, asked of the store.
    ///
    /// # Errors
    ///
    /// When the store does not answer: then nobody knows.
    pub async fn stands(&self, store: &dyn Store, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.has_ended() && store.login(self.token, now).await?.is_some())
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
        if self.ended.wait_for(|ended| ended.contains_key(&self.token)).await.is_err() {
            std::future::pending().await
        }
    }
}

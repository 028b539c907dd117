//! What hangs on a login learns at once that it has ended: by itself, or by `bastion logout`.

use std::{collections::HashMap, time::SystemTime};

use jiff::Timestamp;
use tokio::sync::watch;

use super::Login;
use crate::store::TokenHash;

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

    /// Resolves when somebody has ended it. Cancel-safe.
    pub async fn logged_out(&mut self) {
        if self.ended.wait_for(|ended| ended.contains_key(&self.token)).await.is_err() {
            std::future::pending().await
        }
    }

    /// One that ends by itself only.
    #[cfg(test)]
    pub(crate) fn of_test(ends: SystemTime) -> Self {
        let ends = ends.try_into().unwrap();
        Self { token: TokenHash([0; 32]), ends, ended: EndedLogins::default().0.subscribe() }
    }
}

//! [`Changes`]: what other instances have changed in the store, as far as it was heard. They say what to look at, and
//! not what is there now: that is read from the store. What is heard twice counts once, and of too much at a time only
//! the fact is kept, so that this never grows.

use std::{
    collections::BTreeSet,
    fmt,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use api::id::ApprovalId;
use tokio::sync::Notify;

/// Something that was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Access that was approved for a time: granted, or ended.
    Access,
    /// A request for an approval.
    Approval(ApprovalId),
    /// An instance came, went, or said something of itself.
    Instances,
    /// Logins were ended.
    Logins,
    /// Rules or revoked keys were read anew.
    Reload,
}

/// Several changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// There may be others, of any kind.
    pub everything: bool,
    /// Those that are known.
    pub changes: BTreeSet<Change>,
}

/// What was heard and not yet looked at.
#[derive(Debug, Default)]
pub struct Changes {
    heard: Mutex<Heard>,
    news: Notify,
}

impl Changes {
    /// What was heard since the last call, once there is something. Cancel-safe.
    pub async fn next(&self) -> Heard {
        loop {
            let news = self.news.notified();
            let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
            if heard != Heard::default() {
                return heard;
            }
            news.await;
        }
    }

    /// Something may have been missed.
    pub(in crate::store) fn miss(&self) {
        self.add(|heard| *heard = Heard { everything: true, changes: BTreeSet::new() });
    }

    pub(in crate::store) fn hear(&self, change: Change) {
        self.add(|heard| {
            if heard.everything {
                return;
            }
            heard.changes.insert(change);
            if heard.changes.len() > MOST_HEARD {
                *heard = Heard { everything: true, changes: BTreeSet::new() };
            }
        });
    }

    fn add(&self, add: impl FnOnce(&mut Heard)) {
        add(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.notify_one();
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access => f.write_str("access"),
            Self::Approval(id) => write!(f, "approval {id}"),
            Self::Instances => f.write_str("instances"),
            Self::Logins => f.write_str("logins"),
            Self::Reload => f.write_str("reload"),
        }
    }
}

/// A word of another version: something that is not known here was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownChange;

impl FromStr for Change {
    type Err = UnknownChange;

    fn from_str(text: &str) -> Result<Self, UnknownChange> {
        match text.split_once(' ') {
            Some(("approval", id)) => id.parse().map(Self::Approval).map_err(|_| UnknownChange),
            Some(_) => Err(UnknownChange),
            None => match text {
                "access" => Ok(Self::Access),
                "instances" => Ok(Self::Instances),
                "logins" => Ok(Self::Logins),
                "reload" => Ok(Self::Reload),
                _ => Err(UnknownChange),
            },
        }
    }
}

/// More of them at a time are not looked at one by one.
const MOST_HEARD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let all =
            [Change::Access, Change::Approval(ApprovalId::new()), Change::Instances, Change::Logins, Change::Reload];
        for change in all {
            assert_eq!(change.to_string().parse(), Ok(change));
        }
        for other in ["", "approval", "approval x", "access 1", "sessions", "reload "] {
            assert_eq!(other.parse::<Change>(), Err(UnknownChange), "{other}");
        }
    }

    #[tokio::test]
    async fn what_is_heard_twice_counts_once_and_too_much_is_everything() {
        let changes = Changes::default();
        for _ in 0..1000 {
            changes.hear(Change::Logins);
        }
        let heard = changes.next().await;
        assert_eq!(heard, Heard { everything: false, changes: [Change::Logins].into() });
        for _ in 0..1000 {
            changes.hear(Change::Approval(ApprovalId::new()));
        }
        assert_eq!(changes.next().await, Heard { everything: true, changes: BTreeSet::new() });
        changes.hear(Change::Access);
        changes.miss();
        assert!(changes.next().await.everything);
    }
}

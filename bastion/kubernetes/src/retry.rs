//! What was refused just now. Stock kubectl repeats a refused WebSocket request over SPDY, to the same path: the
//! second is answered as the first was, and is no decision and no audit event of its own.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use config::{TargetName, UserName};

use super::status::Told;

/// Who asked for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetriedRequest {
    /// Who.
    pub user: UserName,
    /// Of which cluster.
    pub cluster: TargetName,
    /// Path and query, raw.
    pub path: String,
}

/// The refusals of the last seconds.
#[derive(Debug, Default)]
pub struct RememberedRefusals(Mutex<VecDeque<(Instant, RetriedRequest, Told)>>);

impl RememberedRefusals {
    /// Remembers the refusal of a WebSocket request.
    pub fn remember(&self, asked: RetriedRequest, told: Told) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(at, _, _)| at.elapsed() < REMEMBERED);
        if all.len() >= MAX_REMEMBERED {
            all.pop_front();
        }
        all.push_back((Instant::now(), asked, told));
    }

    /// The answer to a request that was refused a moment ago; it is given once.
    pub fn take(&self, asked: &RetriedRequest) -> Option<Told> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|(at, other, _)| other == asked && at.elapsed() < REMEMBERED)?;
        all.remove(at).map(|(_, _, told)| told)
    }
}

/// kubectl repeats it at once.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The oldest go first; who asks again then is judged again.
const MAX_REMEMBERED: usize = 1024;

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::status::Refusal;

    #[test]
    fn a_refusal_is_repeated_once_and_to_whoever_got_it() {
        let asked = |user: &str, cluster: &str, path: &str| RetriedRequest {
            user: user.parse().unwrap(),
            cluster: cluster.parse().unwrap(),
            path: path.to_owned(),
        };
        let refused = RememberedRefusals::default();
        let told = Refusal::new(StatusCode::FORBIDDEN, "no").told();
        refused.remember(asked("alice", "dev", "/exec?command=a"), told.clone());
        for other in [
            asked("bob", "dev", "/exec?command=a"),
            asked("alice", "prod", "/exec?command=a"),
            asked("alice", "dev", "/exec?command=b"),
        ] {
            assert_eq!(refused.take(&other), None, "{other:?}");
        }
        assert_eq!(refused.take(&asked("alice", "dev", "/exec?command=a")), Some(told));
        assert_eq!(refused.take(&asked("alice", "dev", "/exec?command=a")), None);
    }
}

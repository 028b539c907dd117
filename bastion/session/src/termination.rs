//! [`Termination`]: tells a session that it is to end, or will end soon.
//!
//! It ends when somebody asks for it, when the bastion may count on its store no more ([`Tenure`]), when its permit no
//! longer holds (login, rules, approvals: [`LivePermit`]), when it has lasted as long as it may, or when nothing has
//! passed for as long as that may be.

use std::{
    future::pending,
    time::{Duration, SystemTime},
};

use config::SessionLimits;
use jiff::SignedDuration;
use ledger::store::Tenure;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::permit::{LivePermit, UNHELD};

/// What a session is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It is to end; why, in words for its user.
    End(String),
    /// It will end; when and why.
    Warn(String),
}

/// Tells a session that it is to end.
#[derive(Debug)]
pub struct Termination {
    asked: watch::Receiver<Option<String>>,
    tenure: Tenure,
    permit: Option<LivePermit>,
    /// When the permit was found to hold last, if nothing has changed since.
    held: Option<SystemTime>,
    limits: SessionLimits,
    started: Instant,
    last_traffic: Instant,
    /// Whether it is told that it will end: it has somebody who reads that, and was not told yet.
    warns: bool,
}

impl Termination {
    /// One that ends when `asked` gives a reason, and with the tenure.
    pub(super) fn new(asked: watch::Receiver<Option<String>>, tenure: Tenure) -> Self {
        let now = Instant::now();
        let limits = SessionLimits::default();
        Self { asked, tenure, permit: None, held: None, limits, started: now, last_traffic: now, warns: false }
    }

    /// The same, for a session that is also to end when its permit no longer holds.
    #[must_use]
    pub fn or_lost(self, permit: LivePermit) -> Self {
        Self { permit: Some(permit), ..self }
    }

    /// The same, for a session that has these limits, and is warned before its end if `warns`.
    #[must_use]
    pub fn within(self, limits: SessionLimits, warns: bool) -> Self {
        Self { limits, warns, ..self }
    }

    /// Something has passed, in either direction.
    pub fn traffic(&mut self) {
        self.last_traffic = Instant::now();
    }

    /// Why nothing may pass at this moment, by the clock: whoever was stopped for a while learns it before anything else.
    #[must_use]
    pub fn unheld(&self) -> Option<&'static str> {
        self.tenure.is_over().then_some(UNHELD)
    }

    /// What the session is to be told next. Cancel-safe; after [`Notice::End`] it is not called again.
    pub async fn notice(&mut self) -> Notice {
        let due = self.due();
        let Self { asked, tenure, permit, held, .. } = self;
        let asked = async {
            match asked.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
                Ok(Some(reason)) => reason,
                // Nobody can ask any more.
                Ok(None) | Err(_) => pending().await,
            }
        };
        let lost = async {
            match permit {
                Some(permit) => permit.lost_since(held).await,
                None => pending().await,
            }
        };
        let due = async {
            let Some((when, due)) = due else { return pending().await };
            sleep_until(when).await;
            due
        };
        let due = tokio::select! {
            // Whose end has come needs no warning of it.
            biased;
            () = tenure.over() => return Notice::End(UNHELD.to_owned()),
            reason = asked => return Notice::End(reason),
            reason = lost => return Notice::End(reason),
            due = due => due,
        };
        self.warns &= !matches!(due, TimedNotice::Warning { .. });
        self.said(due)
    }

    /// What becomes due next because of the time that has passed, and when.
    fn due(&self) -> Option<(Instant, TimedNotice)> {
        let SessionLimits { max_duration, idle_timeout, .. } = self.limits;
        let longest = max_duration.map(|limit| (self.started + limit, TimedNotice::LongestReached(limit)));
        let idle = idle_timeout.map(|limit| (self.last_traffic + limit, TimedNotice::Idle(limit)));
        let warning = if self.warns { self.warning() } else { None };
        // The first of those that are due at the same time ends it.
        [longest, idle, warning].into_iter().flatten().min_by_key(|(when, _)| *when)
    }

    /// When to warn of the end that is known now.
    fn warning(&self) -> Option<(Instant, TimedNotice)> {
        let now = Instant::now();
        let login = self.permit.as_ref().and_then(|permit| permit.login.as_ref()).map(|login| {
            let left = login.ends().duration_since(SystemTime::now()).unwrap_or_default();
            (now + left, "your login ends then; \"bastion login\" gives a new one, for a new session")
        });
        let longest = self.limits.max_duration;
        let longest = longest.map(|limit| (self.started + limit, "it has lasted as long as a session may then"));
        let (end, why) = login.into_iter().chain(longest).min()?;
        let when = end.checked_sub(self.limits.warning).unwrap_or(now);
        Some((when, TimedNotice::Warning { end, why }))
    }

    /// In words.
    fn said(&self, due: TimedNotice) -> Notice {
        match due {
            TimedNotice::Idle(limit) => Notice::End(format!("nothing was typed or shown for {}", shown(limit))),
            TimedNotice::LongestReached(limit) => {
                Notice::End(format!("a session may last {} here; open a new one", shown(limit)))
            }
            TimedNotice::Warning { end, why } => {
                // To the nearest second: this moment is always a bit later than the one that was meant.
                let left = end.saturating_duration_since(Instant::now()) + Duration::from_millis(500);
                let left = left.min(self.limits.warning);
                Notice::Warn(format!("this session ends in {}: {why}", shown(left)))
            }
        }
    }
}

/// What becomes due as time passes. Words are made of it only then: it is asked for at every turn of the relay.
#[derive(Debug, Clone, Copy)]
enum TimedNotice {
    /// Nothing has passed for this long.
    Idle(Duration),
    /// It has lasted this long.
    LongestReached(Duration),
    /// It is to be warned of this end.
    Warning { end: Instant, why: &'static str },
}

/// A duration in whole seconds, as people write it.
fn shown(duration: Duration) -> String {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    format!("{:#}", SignedDuration::from_secs(seconds)).replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::{
        super::permit::tests::{login_until, permit, rules},
        *,
    };
    use jiff::Timestamp;

    const MINUTE: Duration = Duration::from_mins(1);

    /// A session that started two hours ago, so that what is due can be said without waiting for it.
    fn termination(limits: SessionLimits, warns: bool) -> (watch::Sender<Option<String>>, Termination) {
        let (sender, receiver) = watch::channel(None);
        let mut termination = Termination::new(receiver, Tenure::for_ever()).within(limits, warns);
        termination.started -= 120 * MINUTE;
        termination.last_traffic = termination.started;
        (sender, termination)
    }

    /// After how many minutes of the session something is due, and what.
    fn due(termination: &Termination) -> Option<(u64, Notice)> {
        let (when, due) = termination.due()?;
        Some(((when - termination.started).as_secs() / 60, termination.said(due)))
    }

    fn end(reason: &str) -> Notice {
        Notice::End(reason.to_owned())
    }

    #[tokio::test]
    async fn without_limits_a_session_goes_on_until_somebody_ends_it() {
        let (sender, mut termination) = termination(SessionLimits::default(), true);
        assert_eq!(due(&termination), None);
        sender.send_replace(Some("enough".to_owned()));
        assert_eq!(termination.notice().await, end("enough"));
    }

    #[tokio::test]
    async fn the_longest_session_is_warned_and_ends() {
        let limits =
            SessionLimits { max_duration: Some(180 * MINUTE), warning: 5 * MINUTE, ..SessionLimits::default() };
        let (_sender, mut long) = termination(limits.clone(), true);
        let Some((175, Notice::Warn(text))) = due(&long) else { panic!("{:?}", due(&long)) };
        assert!(text.starts_with("this session ends in 5m: it has lasted"), "{text}");
        long.started -= 57 * MINUTE;
        let Notice::Warn(text) = long.notice().await else { panic!("no warning") };
        assert!(text.starts_with("this session ends in 3m: it has lasted"), "{text}");
        // One is enough, and traffic changes nothing.
        long.traffic();
        assert_eq!(due(&long), Some((180, end("a session may last 3h here; open a new one"))));
        long.started -= 3 * MINUTE;
        assert_eq!(long.notice().await, end("a session may last 3h here; open a new one"));

        // It comes a moment late, and says what was set all the same.
        let (_sender, mut punctual) = termination(limits.clone(), true);
        punctual.started = Instant::now() - 175 * MINUTE + Duration::from_millis(20);
        let Notice::Warn(text) = punctual.notice().await else { panic!("no warning") };
        assert!(text.starts_with("this session ends in 5m: it has lasted"), "{text}");

        // A program that no terminal shows has nobody who reads it.
        let (_sender, unwarned) = termination(limits, false);
        assert_eq!(due(&unwarned), Some((180, end("a session may last 3h here; open a new one"))));
    }

    #[tokio::test]
    async fn an_idle_session_ends_and_a_busy_one_goes_on() {
        let limits = SessionLimits { idle_timeout: Some(10 * MINUTE), ..SessionLimits::default() };
        let (_sender, mut termination) = termination(limits, true);
        let idle = end("nothing was typed or shown for 10m");
        assert_eq!(due(&termination), Some((10, idle.clone())));
        termination.traffic();
        assert_eq!(due(&termination), Some((130, idle.clone())));
        termination.last_traffic -= 10 * MINUTE;
        assert_eq!(termination.notice().await, idle);
    }

    #[tokio::test]
    async fn a_session_is_warned_before_its_login_ends_and_ends_with_it() {
        let rules = watch::Sender::new(rules("capabilities: [pty, shell]"));
        let under = async |left: Duration| {
            let mut permit = permit(&rules);
            permit.login = Some(login_until(Timestamp::now() + SignedDuration::try_from(left).unwrap()).await);
            let (sender, termination) = termination(SessionLimits::default(), true);
            (sender, termination.or_lost(permit))
        };
        let (_sender, long) = under(20 * MINUTE + Duration::from_secs(10)).await;
        let Some((135, Notice::Warn(text))) = due(&long) else { panic!("{:?}", due(&long)) };
        assert!(text.starts_with("this session ends in 5m: your login ends then"), "{text}");

        // One that begins shortly before is told at once, and how long is left.
        let (_sender, mut short) = under(2 * MINUTE).await;
        let Notice::Warn(text) = short.notice().await else { panic!("no warning") };
        assert!(text.starts_with("this session ends in 2m: your login ends then"), "{text}");

        let (_sender, mut over) = under(Duration::ZERO).await;
        assert_eq!(over.notice().await, end("your login has ended; run \"bastion login\""));
    }
}

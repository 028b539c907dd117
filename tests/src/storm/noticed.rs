//! What somebody notices in a phase, and what is demanded of it.

use std::{
    collections::BTreeMap,
    fmt::{Display, Formatter},
    time::Duration,
};

use anyhow::{Result, ensure};

/// What may be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// Whatever strangers do, everything works.
    Fair,
    /// Nothing can be written: no session starts.
    Foul,
}

/// After this it does not say any more that it is ready when it is not: an answer is good for a second, and another
/// one goes by until it is given on a busy machine.
const TRUE_AFTER: Duration = Duration::from_secs(2);

/// Echoes may take twice as long as in calm weather at this share of all, or so much longer: those who storm, the
/// client, the target and the measuring itself share two processors with the bastion, and wait for their turn.
const SHARE: f64 = 0.99;
/// See [`SHARE`].
const SLACK: Duration = Duration::from_millis(2);

/// What a login takes, from the start of `ssh` to the end of the command.
const MAX_LOGIN: Duration = Duration::from_secs(1);

/// How long somebody may wait to be refused: a call to the store takes five seconds at most, and there are a few.
const MAX_REFUSAL: Duration = Duration::from_secs(20);

/// What was noticed in a phase.
pub(super) struct Noticed {
    phase: String,
    /// Processors that the bastion kept busy, and bytes of memory that it had at the end.
    pub(super) load: (f64, u64),
    /// From a key to its echo.
    pub(super) echoes: Vec<Duration>,
    /// How long those logins took that were let in.
    pub(super) logins: Vec<Duration>,
    /// How long the others took, and what they were told.
    pub(super) refusals: Vec<(Duration, String)>,
    /// When `/readyz` was asked, and why it was not ready.
    pub(super) readiness: Vec<(Duration, Option<String>)>,
}

impl Noticed {
    pub(super) fn new(phase: &str) -> Self {
        let (load, echoes, logins, refusals, readiness) = Default::default();
        Self { phase: phase.to_owned(), load, echoes, logins, refusals, readiness }
    }

    /// Whether those were let in who should be, the others were told why, and `/readyz` told the truth.
    pub(super) fn demand_truth(&self, weather: Weather) -> Result<()> {
        let Self { phase, refusals, readiness, .. } = self;
        ensure!(!readiness.is_empty() && !self.echoes.is_empty(), "{phase}: nobody asked, or nobody typed");
        match weather {
            Weather::Fair => {
                ensure!(refusals.is_empty(), "{phase}: {refusals:?}");
                let unready = readiness.iter().find(|(_, why)| why.is_some());
                ensure!(unready.is_none(), "{phase}: it says that it is not ready: {unready:?}");
            }
            Weather::Foul => {
                let told = |words: &str| words.lines().any(|line| line.contains("bastion: ") && line.len() > 20);
                let silent = refusals.iter().find(|(took, words)| !told(words) || *took > MAX_REFUSAL);
                ensure!(silent.is_none(), "{phase}: refused without words, or late: {silent:?}");
                let lie = readiness.iter().find(|(asked, why)| *asked > TRUE_AFTER && why.is_none());
                ensure!(lie.is_none(), "{phase}: it says that it is ready: {lie:?}");
            }
        }
        Ok(())
    }

    /// What took longer than it may, by what it took in calm weather.
    pub(super) fn slower_than(&self, calm: &Self) -> Option<String> {
        let [echo, usual] = [self, calm].map(|phase| share(&phase.echoes, SHARE).unwrap_or_default());
        let most = (2 * usual).max(usual + SLACK);
        let login = share(&self.logins, SHARE).unwrap_or_default();
        let is_slow = echo > most || login > MAX_LOGIN;
        is_slow.then(|| format!("{}: echoes took {echo:?} of {most:?}, logins {login:?} of {MAX_LOGIN:?}", self.phase))
    }

    /// What `/readyz` said, and how often. Moments in it would make each answer another one.
    fn answers(&self) -> BTreeMap<&str, usize> {
        let mut answers = BTreeMap::new();
        for (_, why) in &self.readiness {
            let why = why.as_deref().unwrap_or("yes");
            *answers.entry(why.split(" since ").next().unwrap_or(why)).or_default() += 1;
        }
        answers
    }

    /// What the refused were told, and how often.
    fn words(&self) -> BTreeMap<&str, usize> {
        let mut words = BTreeMap::new();
        for (_, told) in &self.refusals {
            let line = told.lines().find(|line| line.contains("bastion: ")).unwrap_or(told);
            *words.entry(line).or_default() += 1;
        }
        words
    }
}

impl Display for Noticed {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let milliseconds = |values: &[Duration], part| share(values, part).unwrap_or_default().as_secs_f64() * 1000.0;
        write!(
            f,
            "{:<32} echo p50 {:.2} p99 {:.2} worst {:.0} ms of {}; login p50 {:.0} p99 {:.0} worst {:.0} ms of {}; ready {:?}",
            self.phase,
            milliseconds(&self.echoes, 0.5),
            milliseconds(&self.echoes, SHARE),
            milliseconds(&self.echoes, 1.0),
            self.echoes.len(),
            milliseconds(&self.logins, 0.5),
            milliseconds(&self.logins, SHARE),
            milliseconds(&self.logins, 1.0),
            self.logins.len(),
            self.answers(),
        )?;
        let (processors, memory) = self.load;
        write!(f, "; {processors:.2} processors, {} MiB", memory >> 20)?;
        if let Some(worst) = self.refusals.iter().map(|(took, _)| took.as_secs_f64()).reduce(f64::max) {
            write!(f, "; refused within {worst:.1} s: {:?}", self.words())?;
        }
        Ok(())
    }
}

fn share(values: &[Duration], part: f64) -> Option<Duration> {
    let mut values = values.to_vec();
    values.sort_unstable();
    let index = (values.len().saturating_sub(1) as f64 * part).round() as usize;
    values.get(index).copied()
}

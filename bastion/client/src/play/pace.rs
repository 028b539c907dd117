//! [`Pace`]: when each event is due.

use std::time::Duration;

/// Turns times in the recording into times since the start of playing.
#[derive(Debug)]
pub(super) struct Pace {
    speed: f64,
    idle_limit: Duration,
    last: Duration,
    due: Duration,
}

impl Pace {
    pub(super) fn new(speed: f64, idle_limit: Option<Duration>) -> Self {
        Self { speed, idle_limit: idle_limit.unwrap_or(Duration::MAX), last: Duration::ZERO, due: Duration::ZERO }
    }

    /// Pauses are cut first and sped up then, as stock players do.
    pub(super) fn due(&mut self, at: Duration) -> Duration {
        let pause = at.saturating_sub(self.last).min(self.idle_limit);
        self.last = self.last.max(at);
        let pause = Duration::try_from_secs_f64(pause.as_secs_f64() / self.speed).unwrap_or(LONGEST);
        self.due = self.due.saturating_add(pause).min(LONGEST);
        self.due
    }
}

/// Reads `--speed`.
pub(super) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("a factor is a number above 0, such as 2 or 0.5".to_owned()),
    }
}

/// Reads `--idle-limit`.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a pause is a number of seconds from 0 on, such as 2 or 0.5".to_owned())
}

/// Beyond this a clock could overflow; nobody waits for it.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_cut_and_sped_up() {
        let mut pace = Pace::new(2.0, Some(Duration::from_secs(4)));
        let due = [1, 1, 3, 103, 104].map(|at| pace.due(Duration::from_secs(at)).as_secs_f64());
        assert_eq!(due, [0.5, 0.5, 1.5, 3.5, 4.0]);
    }

    #[test]
    fn times_out_of_order_or_range_do_not_hurt() {
        let mut pace = Pace::new(f64::MIN_POSITIVE, None);
        assert_eq!(pace.due(Duration::MAX), LONGEST);
        assert_eq!(pace.due(Duration::ZERO), LONGEST);
    }

    #[test]
    fn factors_and_pauses_are_checked() {
        for text in ["0", "-1", "nan", "inf", "x", ""] {
            assert!(speed(text).is_err(), "{text}");
        }
        for text in ["-1", "nan", "inf", "x"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    }
}

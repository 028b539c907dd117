//! Lengths of time on the command line.

use std::time::Duration;

/// Reads `90s`, `15m`, `2h` or `1h30m`.
///
/// # Errors
///
/// When it is none of these, or not longer than nothing.
pub fn parse(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| "write a time such as 90s, 15m or 2h".to_owned())
}

/// The same for the API, in whole seconds: a part of one counts as one.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_that_last_are_read() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(seconds(parse("1500ms").unwrap()), "2s");
        for text in ["", "0s", "-1h", "1", "tomorrow"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

//! [`TimeWindow`]: hours of the week, by the clock of a time zone.

use jiff::{
    Timestamp, ToSpan,
    civil::{Time, Weekday},
    tz::TimeZone,
};

use crate::reader::{Field, Read};

/// Hours of the week. A window that ends before it begins goes on after midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeWindow {
    /// The days on which it begins.
    pub days: Vec<Weekday>,
    /// When it begins.
    pub from: Time,
    /// When it ends; the same as `from` means after a whole day.
    pub to: Time,
    /// Whose clock counts.
    pub time_zone: TimeZone,
}

impl TimeWindow {
    /// Whether `now` is inside, by the clock on the wall: where it is set back, an hour counts twice.
    #[must_use]
    pub fn contains(&self, now: Timestamp) -> bool {
        let local = now.to_zoned(self.time_zone.clone());
        let (today, time) = (local.date(), local.time());
        let begins_on = |day: Weekday| self.days.contains(&day);
        let yesterday = today.checked_sub(1.day()).map_or(today, |date| date).weekday();
        if self.from < self.to {
            begins_on(today.weekday()) && (self.from..self.to).contains(&time)
        } else {
            (begins_on(today.weekday()) && time >= self.from) || (begins_on(yesterday) && time < self.to)
        }
    }

    pub(super) fn read(field: &Field<'_>) -> Read<Self> {
        field.table(
            r#"a time window such as { days: [mon, tue], from: "09:00", to: "17:00", time_zone: Europe/Berlin }"#,
            |window| {
                let days = window
                    .present("days", |days| days.list("a list of days such as [mon, tue]", |day| day.choice(&DAYS)))
                    .transpose();
                let time = |key| window.present(key, |time| time.parse("a time such as 17:30", clock)).transpose();
                let (from, to) = (time("from"), time("to"));
                let time_zone = window.present("time_zone", |zone| {
                    zone.parse("a time zone such as Europe/Berlin", |name| TimeZone::get(name).ok())
                });
                let days = days?.unwrap_or_else(|| DAYS.map(|(_, day)| day).to_vec());
                if days.is_empty() {
                    return Err(field.refused("names no day; leave days out for all"));
                }
                Ok(Self {
                    days,
                    from: from?.unwrap_or(Time::midnight()),
                    to: to?.unwrap_or(Time::midnight()),
                    time_zone: time_zone.transpose()?.unwrap_or(TimeZone::UTC),
                })
            },
        )
    }
}

/// Hours and minutes.
fn clock(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| (digits.len() == 2).then(|| digits.parse::<i8>().ok()).flatten();
    match (number(hours)?, number(minutes)?) {
        (24, 0) => Some(Time::midnight()),
        (hours, minutes) => Time::new(hours, minutes, 0, 0).ok(),
    }
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &[Weekday], from: &str, to: &str, zone: &str) -> TimeWindow {
        let time_zone = TimeZone::get(zone).unwrap();
        TimeWindow { days: days.to_vec(), from: clock(from).unwrap(), to: clock(to).unwrap(), time_zone }
    }

    #[test]
    fn a_window_follows_the_clock_of_its_zone() {
        let office = window(&[Weekday::Monday, Weekday::Friday], "09:00", "17:00", "Europe/Berlin");
        for (now, inside) in [
            // Winter: one hour ahead of UTC. Summer: two.
            ("2026-01-05T08:00:00Z", true),
            ("2026-01-05T07:59:59Z", false),
            ("2026-07-06T07:00:00Z", true),
            ("2026-07-06T15:00:00Z", false),
            ("2026-07-07T10:00:00Z", false),
        ] {
            assert_eq!(office.contains(now.parse().unwrap()), inside, "{now}");
        }
    }

    #[test]
    fn a_window_across_midnight_belongs_to_the_day_it_begins_on() {
        let night = window(&[Weekday::Saturday], "22:00", "06:00", "UTC");
        for (now, inside) in [
            ("2026-01-03T22:00:00Z", true),
            ("2026-01-04T05:59:59Z", true),
            ("2026-01-04T06:00:00Z", false),
            ("2026-01-04T22:30:00Z", false),
            ("2026-01-03T05:00:00Z", false),
        ] {
            assert_eq!(night.contains(now.parse().unwrap()), inside, "{now}");
        }
        let day = window(&[Weekday::Sunday], "00:00", "24:00", "UTC");
        assert!(day.contains("2026-01-04T23:59:59Z".parse().unwrap()));
        assert!(!day.contains("2026-01-05T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn the_hour_that_daylight_saving_repeats_or_skips_is_judged_by_the_wall_clock() {
        let early = window(&[Weekday::Sunday], "02:00", "03:00", "Europe/Berlin");
        // 25 October 2026: 02:30 comes twice.
        assert!(early.contains("2026-10-25T00:30:00Z".parse().unwrap()));
        assert!(early.contains("2026-10-25T01:30:00Z".parse().unwrap()));
        assert!(!early.contains("2026-10-25T02:30:00Z".parse().unwrap()));
        // 29 March 2026: after 01:59 comes 03:00.
        assert!(!early.contains("2026-03-29T00:59:00Z".parse().unwrap()));
        assert!(!early.contains("2026-03-29T01:00:00Z".parse().unwrap()));
    }
}

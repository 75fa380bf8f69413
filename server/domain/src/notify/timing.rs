//! When a person gets their mail: at once, or gathered every hour or every day.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const HOUR_MICROS: i64 = 3_600_000_000;

/// When mail is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "when")]
pub enum Timing {
    /// One mail an event.
    AtOnce,
    /// What has gathered, at every full hour.
    Hourly,
    /// What has gathered, once a day.
    Daily {
        /// Minutes after midnight in the zone, below 1,440.
        minute: u16,
        /// A name of the time zone database, such as `Europe/Berlin`.
        zone: String,
    },
}

/// Why a time of the day can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTiming {
    #[error("there is no time zone {0:?}; write it as Europe/Berlin or UTC")]
    Zone(String),
    #[error("{0:?} is no time of a day; write it as 07:30")]
    Time(String),
}

impl Timing {
    /// Once a day at a time such as `07:30` in a zone.
    ///
    /// # Errors
    /// When either can't be read.
    pub fn daily(time: &str, zone: &str) -> Result<Self, InvalidTiming> {
        let invalid = || InvalidTiming::Time(time.chars().take(80).collect());
        let (hour, minute) = time.split_once(':').filter(|_| time.len() == 5).ok_or_else(invalid)?;
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
        match (number(hour), number(minute)) {
            (Some(hour @ 0..=23), Some(minute @ 0..=59)) => {
                time_zone(zone)?;
                Ok(Self::Daily { minute: hour * 60 + minute, zone: zone.to_owned() })
            }
            _ => Err(invalid()),
        }
    }

    /// The first instant after `now` at which mail is due. A time of the day that a change to summer time skips is the
    /// one after the gap; one that comes twice is the first.
    pub fn next_after(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::AtOnce => now,
            Self::Hourly => Timestamp::from_micros((now.as_micros().div_euclid(HOUR_MICROS) + 1) * HOUR_MICROS),
            // A zone that is known no more, as an update of the database may bring about, must not lose the mail.
            Self::Daily { minute, zone } => {
                let zone = time_zone(zone).unwrap_or(TimeZone::UTC);
                next_day_time(*minute, &zone, now).unwrap_or_else(|| now.plus_ms(24 * HOUR_MICROS / 1_000))
            }
        }
    }
}

fn time_zone(name: &str) -> Result<TimeZone, InvalidTiming> {
    TimeZone::get(name).map_err(|_| InvalidTiming::Zone(name.chars().take(80).collect()))
}

fn next_day_time(minute: u16, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let instant = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?;
    let today = instant.to_zoned(zone.clone()).date();
    let midnight = Time::midnight();
    let time = midnight.checked_add(Span::new().minutes(i64::from(minute))).ok()?;
    [today, today.checked_add(1.day()).ok()?, today.checked_add(2.days()).ok()?].into_iter().find_map(|day| {
        let due = day.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp().as_microsecond();
        (due > now.as_micros()).then(|| Timestamp::from_micros(due))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(timing: &Timing, now: &str) -> String {
        timing.next_after(now.parse().unwrap()).to_string()[..16].to_owned()
    }

    #[test]
    fn a_digest_comes_at_the_persons_own_time_of_the_day() {
        let berlin = Timing::daily("07:30", "Europe/Berlin").unwrap();
        assert_eq!(next(&berlin, "2026-01-10T06:00:00Z"), "2026-01-10T06:30");
        assert_eq!(next(&berlin, "2026-01-10T06:30:00Z"), "2026-01-11T06:30");
        assert_eq!(next(&berlin, "2026-03-28T12:00:00Z"), "2026-03-29T05:30", "summer time begins");
        let early = Timing::daily("02:30", "Europe/Berlin").unwrap();
        assert_eq!(next(&early, "2026-03-28T23:30:00Z"), "2026-03-29T01:30", "02:30 is skipped");
        assert_eq!(next(&early, "2026-10-24T23:30:00Z"), "2026-10-25T00:30", "02:30 comes twice");
        assert_eq!(next(&Timing::Hourly, "2026-01-10T06:00:00Z"), "2026-01-10T07:00");
    }

    #[test]
    fn what_is_no_time_or_no_zone_is_refused() {
        for (time, zone) in [("7:30", "UTC"), ("24:00", "UTC"), ("+7:30", "UTC"), ("07:30", "Europe/Nowhere"), ("", "")]
        {
            assert!(Timing::daily(time, zone).is_err(), "{time:?} {zone:?}");
        }
    }

    proptest! {
        #[test]
        fn a_digest_is_due_later_and_within_two_days(now in 0_i64..4_000_000_000_000_000, minute in 0_u16..1_440, zone in 0_usize..4) {
            let zone = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"][zone].to_owned();
            let (timing, now) = (Timing::Daily { minute, zone }, Timestamp::from_micros(now));
            let due = timing.next_after(now);
            prop_assert!(due > now && due <= now.plus_ms(49 * 3_600_000), "{} {}", now, due);
        }
    }
}

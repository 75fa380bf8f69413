//! Scheduled promotions: their states, and the instants that people mean when they write a local time.

use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What has become of a scheduled promotion. All but the first are ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleState {
    /// It waits for its instant, or after that for the gate.
    Pending,
    /// It was carried out.
    Done,
    /// Its deadline has passed.
    Lapsed,
    /// It can't be carried out any more.
    Failed,
    /// A person has taken it back.
    Cancelled,
}

impl ScheduleState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Done, Self::Lapsed, Self::Failed, Self::Cancelled];

    /// The state as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Lapsed => "lapsed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What is to be done about a pending schedule at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    NotYet,
    Now,
    TooLate,
}

/// Judges an instant that has really come: from `at` on and up to `deadline` it is due.
pub fn due(at: Timestamp, deadline: Timestamp, now: Timestamp) -> Due {
    match now {
        now if now < at => Due::NotYet,
        now if now <= deadline => Due::Now,
        _ => Due::TooLate,
    }
}

/// Why a text is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstant {
    #[error(
        "{0:?} is not an instant: write it as RFC 3339 with an offset, such as 2026-03-27T17:00:00+01:00, or as a local time such as 2026-03-27T17:00 with its zone"
    )]
    Text(String),
    #[error("{0:?} is a local time; name its zone, such as Europe/Berlin, or add its offset")]
    NoZone(String),
    #[error("{0:?} has an offset of its own; leave out the zone or the offset")]
    Twice(String),
    #[error("there is no time zone {0:?}; write it as Europe/Berlin")]
    Zone(String),
    #[error("{local} does not exist in {zone}, where clocks are put forward then; choose {earlier} or {later}")]
    Skipped { local: String, zone: String, earlier: String, later: String },
    #[error("{local} comes twice in {zone}, where clocks are put back then; choose {earlier} or {later}")]
    Repeated { local: String, zone: String, earlier: String, later: String },
}

/// Reads an instant: RFC 3339 with an offset, or with a zone a local date and time. A local time that a
/// daylight-saving change skips or repeats is refused, with both instants that may be meant.
///
/// # Errors
/// `InvalidInstant`.
pub fn instant(text: &str, zone: Option<&str>) -> Result<Timestamp, InvalidInstant> {
    let text = text.trim();
    let shown = || text.chars().take(80).collect::<String>();
    let absolute = text.parse::<jiff::Timestamp>().ok();
    let local = text.parse::<civil::DateTime>().ok().filter(|_| text.len() > "2026-03-27".len());
    let (local, zone) = match (absolute, local, zone) {
        (Some(_), _, Some(_)) => return Err(InvalidInstant::Twice(shown())),
        (Some(instant), _, None) => return Ok(Timestamp::from_micros(instant.as_microsecond())),
        (None, Some(_), None) => return Err(InvalidInstant::NoZone(shown())),
        (None, None, _) => return Err(InvalidInstant::Text(shown())),
        (None, Some(local), Some(zone)) => (local, zone),
    };
    let rules = TimeZone::get(zone).map_err(|_| InvalidInstant::Zone(zone.chars().take(80).collect()))?;
    let choice = |offset: Offset| {
        let instant = offset.to_timestamp(local).map_err(|_| InvalidInstant::Text(shown()))?;
        Ok::<_, InvalidInstant>(instant)
    };
    let said = |instant: jiff::Timestamp| {
        let offset = rules.to_offset(instant);
        instant.display_with_offset(offset).to_string()
    };
    let ambiguous = rules.to_ambiguous_timestamp(local).offset();
    let (local, zone) = (local.to_string(), zone.to_owned());
    match ambiguous {
        AmbiguousOffset::Unambiguous { offset } => Ok(Timestamp::from_micros(choice(offset)?.as_microsecond())),
        // Before the gap the smaller offset holds: read with it, the local time lies after the gap.
        AmbiguousOffset::Gap { before, after } => {
            let (earlier, later) = (said(choice(after)?), said(choice(before)?));
            Err(InvalidInstant::Skipped { local, zone, earlier, later })
        }
        AmbiguousOffset::Fold { before, after } => {
            let said = |offset| Ok::<_, InvalidInstant>(choice(offset)?.display_with_offset(offset).to_string());
            Err(InvalidInstant::Repeated { local, zone, earlier: said(before)?, later: said(after)? })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_local_time_is_read_in_its_zone() {
        let winter = instant("2026-03-27T17:00", Some("Europe/Berlin")).unwrap();
        assert_eq!(winter, at("2026-03-27T16:00:00Z"));
        assert_eq!(instant("2026-03-30 17:00:30", Some("Europe/Berlin")), Ok(at("2026-03-30T15:00:30Z")));
        assert_eq!(instant("2026-03-27T17:00:00+01:00", None), Ok(winter));
    }

    #[test]
    fn a_local_time_that_is_skipped_or_repeated_is_refused_with_both_choices() {
        let skipped = instant("2026-03-29T02:30", Some("Europe/Berlin")).unwrap_err().to_string();
        assert!(skipped.contains("does not exist in Europe/Berlin"), "{skipped}");
        assert!(skipped.ends_with("choose 2026-03-29T01:30:00+01:00 or 2026-03-29T03:30:00+02:00"), "{skipped}");
        let repeated = instant("2026-10-25T02:30", Some("Europe/Berlin")).unwrap_err().to_string();
        assert!(repeated.contains("comes twice in Europe/Berlin"), "{repeated}");
        assert!(repeated.ends_with("choose 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"), "{repeated}");
        // Midnight itself is skipped there, and half an hour elsewhere.
        assert!(matches!(instant("2026-09-06T00:30", Some("America/Santiago")), Err(InvalidInstant::Skipped { .. })));
        assert!(matches!(
            instant("2026-10-04T02:15", Some("Australia/Lord_Howe")),
            Err(InvalidInstant::Skipped { .. })
        ));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, zone) in [
            ("", None),
            ("friday", Some("Europe/Berlin")),
            ("2026-03-27", Some("Europe/Berlin")),
            ("2026-03-27T17:00", None),
            ("2026-03-27T17:00", Some("Mars/Olympus")),
            ("2026-03-27T17:00:00Z", Some("Europe/Berlin")),
            ("2026-03-27T17:00:00+01:00", Some("Europe/Berlin")),
            ("2026-02-30T17:00", Some("Europe/Berlin")),
        ] {
            assert!(instant(text, zone).is_err(), "{text:?} in {zone:?}");
        }
    }

    proptest! {
        /// Every instant that is written as a local time of some zone is read as itself, or refused with a sentence
        /// in which it is one of the choices.
        #[test]
        fn each_choice_of_a_local_time_leads_to_the_instant_that_it_names(
            seconds in 1_600_000_000_i64..2_000_000_000,
            zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
                "America/Santiago", "Africa/Casablanca"]),
        ) {
            let rules = TimeZone::get(zone).unwrap();
            let stamp = jiff::Timestamp::from_second(seconds).unwrap();
            let local = rules.to_datetime(stamp).to_string();
            match instant(&local, Some(zone)) {
                Ok(read) => prop_assert_eq!(read, Timestamp::from_micros(stamp.as_microsecond())),
                Err(InvalidInstant::Repeated { earlier, later, .. }) => {
                    let choices = [at(&earlier), at(&later)];
                    prop_assert!(choices.contains(&Timestamp::from_micros(stamp.as_microsecond())));
                    prop_assert!(choices[0] < choices[1]);
                }
                Err(error) => prop_assert!(false, "{local} in {zone}: {error}"),
            }
        }

        /// What is due at one instant was never due before `at`, nor is it after the deadline.
        #[test]
        fn it_is_due_from_its_instant_to_its_deadline(at in 0..1_000_i64, lasts in 0..1_000_i64, now in -10..3_000_i64) {
            let [from, until, now] = [at, at + lasts, now].map(Timestamp::from_micros);
            let expected = if now < from { Due::NotYet } else if now > until { Due::TooLate } else { Due::Now };
            prop_assert_eq!(due(from, until, now), expected);
        }
    }
}

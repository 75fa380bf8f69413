//! Target dates: instants as people mean them, in a time zone. A local time that does not exist there, or comes twice,
//! is refused with a sentence that says which: nobody is to find out at night that the clocks were changed.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::{Failure, FailureKind};
use crate::time::Timestamp;

/// The longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 120;

/// An IANA time zone, such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Why a text is no target date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    #[error("{0:?} is not an IANA time zone; write one such as Europe/Berlin or UTC")]
    Zone(String),
    #[error(
        "{0:?} is not a date and time; write 2026-03-27T17:00 in the named zone, or with an offset 2026-03-27T17:00+01:00"
    )]
    Date(String),
    #[error(
        "{text} does not exist in {zone}: the clocks are put forward then, from {before} to {after}; choose another"
    )]
    Gap { text: String, zone: String, before: String, after: String },
    #[error("{text} comes twice in {zone}, as the clocks are put back then; write {first} or {second}")]
    Twice { text: String, zone: String, first: String, second: String },
    #[error("{text} has another offset than {zone}, where it is {there} then; write that, or leave the offset out")]
    Offset { text: String, zone: String, there: String },
    #[error("the date names the zone {written}, and the request {zone}; name one of them")]
    Zones { written: String, zone: String },
}

impl Failure for InvalidTarget {
    fn kind(&self) -> FailureKind {
        FailureKind::Invalid
    }

    fn field(&self) -> Option<&'static str> {
        Some(if matches!(self, Self::Zone(_)) { "zone" } else { "date" })
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Zone {
    /// The zone's name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

impl FromStr for Zone {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let found = if text.len() <= TEXT_BYTES_MAX { TimeZone::get(text).ok() } else { None };
        let named = found.filter(|zone| zone.iana_name().is_some());
        named.map(Self).ok_or_else(|| InvalidTarget::Zone(shown(text)))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An instant in the zone in which people mean it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetDate {
    pub at: Timestamp,
    pub zone: Zone,
}

impl TargetDate {
    /// Reads a date and time: local in the zone, or with an offset that the zone has then, or in UTC with `Z`. What
    /// `Display` writes is read too; it names its zone itself.
    ///
    /// # Errors
    /// What is wrong with it: see `InvalidTarget`.
    pub fn parse(text: &str, zone: Option<Zone>) -> Result<Self, InvalidTarget> {
        let invalid = || InvalidTarget::Date(shown(text));
        if text.len() > TEXT_BYTES_MAX {
            return Err(invalid());
        }
        let (date, written) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            Some((date, name)) => (date, Some(name.parse::<Zone>()?)),
            None => (text, None),
        };
        let zone = match (written, zone) {
            (Some(written), Some(zone)) if written != zone => {
                return Err(InvalidTarget::Zones { written: written.to_string(), zone: zone.to_string() });
            }
            (Some(zone), _) | (None, Some(zone)) => zone,
            (None, None) => return Err(InvalidTarget::Zone(String::new())),
        };
        match date.parse::<jiff::Timestamp>() {
            Ok(instant) => with_offset(date, instant, zone),
            Err(_) => local(date, date.parse().map_err(|_| invalid())?, zone),
        }
    }
}

fn with_offset(text: &str, instant: jiff::Timestamp, zone: Zone) -> Result<TargetDate, InvalidTarget> {
    let there = instant.to_zoned(zone.0.clone());
    let is_utc = text.ends_with(['Z', 'z']);
    // The text's own date and time without its offset: it is the zone's when the offsets are the same.
    let written: Option<DateTime> = text.parse().ok().or_else(|| text.get(..19)?.parse().ok());
    if !is_utc && written.is_some_and(|written| written != there.datetime()) {
        let there = format!("{}{}", there.datetime(), there.offset());
        return Err(InvalidTarget::Offset { text: shown(text), zone: zone.to_string(), there });
    }
    Ok(TargetDate { at: Timestamp::from_micros(instant.as_microsecond()), zone })
}

fn local(text: &str, date: DateTime, zone: Zone) -> Result<TargetDate, InvalidTarget> {
    let ambiguous = zone.0.to_ambiguous_timestamp(date);
    let at = |offset: jiff::tz::Offset| format!("{date}{offset}");
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {
            let instant = ambiguous.unambiguous().map_err(|_| InvalidTarget::Date(shown(text)))?;
            Ok(TargetDate { at: Timestamp::from_micros(instant.as_microsecond()), zone })
        }
        AmbiguousOffset::Gap { before, after } => {
            let (text, before, after) = (shown(text), before.to_string(), after.to_string());
            Err(InvalidTarget::Gap { text, zone: zone.to_string(), before, after })
        }
        AmbiguousOffset::Fold { before, after } => {
            let (first, second) = (at(before), at(after));
            Err(InvalidTarget::Twice { text: shown(text), zone: zone.to_string(), first, second })
        }
    }
}

impl fmt::Display for TargetDate {
    /// The local date and time with its offset and zone: `2026-03-27T17:00:00+01:00[Europe/Berlin]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.at.as_micros()) {
            Ok(instant) => write!(f, "{}", instant.to_zoned(self.zone.0.clone())),
            Err(_) => write!(f, "{}", self.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, zone: &str) -> Result<TargetDate, InvalidTarget> {
        TargetDate::parse(text, Some(zone.parse().unwrap()))
    }

    #[test]
    fn a_local_time_is_meant_in_its_zone_in_winter_and_in_summer() {
        let winter = read("2026-03-27T17:00", "Europe/Berlin").unwrap();
        assert_eq!(winter.to_string(), "2026-03-27T17:00:00+01:00[Europe/Berlin]");
        assert_eq!(winter.at, "2026-03-27T16:00:00Z".parse().unwrap());
        let summer = read("2026-03-30 17:00", "Europe/Berlin").unwrap();
        assert_eq!(summer.at, "2026-03-30T15:00:00Z".parse().unwrap());
        assert_eq!(read("2026-03-27T16:00:00Z", "Europe/Berlin"), Ok(winter.clone()));
        assert_eq!(read("2026-03-27T17:00:00+01:00", "Europe/Berlin"), Ok(winter.clone()));
        assert_eq!(TargetDate::parse(&winter.to_string(), None), Ok(winter));
        assert_eq!(
            read("2026-07-01T09:30", "Asia/Kathmandu").unwrap().to_string(),
            "2026-07-01T09:30:00+05:45[Asia/Kathmandu]"
        );
        assert_eq!(read("2026-07-01T09:30", "UTC").unwrap().to_string(), "2026-07-01T09:30:00+00:00[UTC]");
    }

    #[test]
    fn a_time_that_the_clocks_leave_out_is_refused_and_the_refusal_says_so() {
        for (text, zone) in [
            ("2026-03-29T02:30", "Europe/Berlin"),
            ("2026-03-08T02:00", "America/New_York"),
            ("2026-10-04T02:15", "Australia/Lord_Howe"),
            ("2011-12-30T12:00", "Pacific/Apia"),
        ] {
            let refused = read(text, zone).unwrap_err();
            assert!(matches!(refused, InvalidTarget::Gap { .. }), "{refused}");
            assert!(refused.to_string().contains(zone) && refused.to_string().contains("does not exist"), "{refused}");
        }
        assert!(read("2026-03-29T02:30:00+01:00", "Europe/Berlin").is_err(), "nor with an offset");
        assert!(read("2026-03-29T03:00", "Europe/Berlin").is_ok());
    }

    #[test]
    fn a_time_that_comes_twice_is_meant_by_its_offset() {
        let refused = read("2026-10-25T02:30", "Europe/Berlin").unwrap_err();
        let sentence = refused.to_string();
        assert!(sentence.contains("2026-10-25T02:30:00+02 or 2026-10-25T02:30:00+01"), "{sentence}");
        let first = read("2026-10-25T02:30:00+02:00", "Europe/Berlin").unwrap();
        let second = read("2026-10-25T02:30:00+01", "Europe/Berlin").unwrap();
        assert_eq!(first.at.plus_ms(3_600_000), second.at);
        assert_ne!(first.to_string(), second.to_string());
    }

    #[test]
    fn what_is_no_date_in_a_zone_is_refused() {
        for (text, zone) in [("soon", "UTC"), ("2026-02-30T12:00", "UTC"), ("2026-03-27T17:00+05:00", "Europe/Berlin")]
        {
            assert!(read(text, zone).is_err(), "{text}");
        }
        for name in ["Berlin", "", "+01:00", "Europe/Berlin\0", &"x".repeat(500)] {
            assert!(name.parse::<Zone>().is_err(), "{name:?}");
        }
        let two = TargetDate::parse("2026-03-27T17:00:00+01:00[Europe/Berlin]", Some("UTC".parse().unwrap()));
        assert!(matches!(two, Err(InvalidTarget::Zones { .. })));
        assert!(matches!(TargetDate::parse("2026-03-27T17:00", None), Err(InvalidTarget::Zone(_))));
    }

    proptest! {
        #[test]
        fn a_date_is_read_as_it_is_written(seconds in 0_i64..4_000_000_000, zone in 0_usize..5) {
            let names = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"];
            let zone: Zone = names[zone].parse().unwrap();
            let date = TargetDate { at: Timestamp::from_micros(seconds * 1_000_000), zone };
            prop_assert_eq!(TargetDate::parse(&date.to_string(), None), Ok(date));
        }
    }
}

//! Change windows and freeze windows: spans of time, once or recurring, in a time zone.
//!
//! A recurring window is a start as a local time, a duration and an RFC 5545 recurrence rule. Occurrences are counted in
//! local time and only then become instants, so `every Friday 17:00` stays 17:00 across daylight-saving changes. A local
//! time that a change skips is taken with the offset before it, one that comes twice is the first (RFC 5545, 3.3.5).
//! The duration is RFC 5545's, too: its days are calendar days, its hours are hours.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use chrono::{DateTime, TimeZone as _};
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};
use rrule::{Frequency, RRule, RRuleSet, Tz, Unvalidated};
use serde::{Deserialize, Serialize};

use super::ask::Class;
use crate::time::Timestamp;

const NAME_BYTES_MAX: usize = 100;
const RULE_BYTES_MAX: usize = 500;
const EXCEPT_MAX: usize = 400;
/// The longest window, in days.
const DAYS_MAX: i64 = 400;
/// Occurrences that are looked at around an instant.
const NEAR_MAX: u16 = 1_000;
/// Windows that follow each other without a gap are walked through up to this many.
const STEPS_MAX: usize = 1_000;

/// Whether a window lets through or keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Where there are change windows for a class, it passes only within one.
    Change,
    /// Nothing of its classes passes. Freeze windows win over change windows.
    Freeze,
}

/// A window as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: String,
    kind: WindowKind,
    /// The classes that it binds.
    #[serde(default = "promotions")]
    classes: BTreeSet<Class>,
    /// The first start, as a local time.
    starts: civil::DateTime,
    /// How long it lasts, such as `PT8H` or `P2DT15H`.
    lasts: String,
    /// An IANA time zone, such as `Europe/Berlin`.
    zone: String,
    /// An RFC 5545 recurrence rule; absent: once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Local dates on which no occurrence starts.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    except: BTreeSet<civil::Date>,
}

fn promotions() -> BTreeSet<Class> {
    [Class::Regular, Class::Hotfix].into()
}

/// Why a window can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    #[error("a window needs a name of 1 to {NAME_BYTES_MAX} bytes")]
    Name,
    #[error(
        "window {0}: name at least one class that it binds: regular, hotfix or rollback; the glass breaks through all"
    )]
    Classes(String),
    #[error("window {name}: there is no time zone {zone:?}; write it as Europe/Berlin")]
    Zone { name: String, zone: String },
    #[error("window {name}: {lasts:?} is no duration from a minute to {DAYS_MAX} days; write it as PT8H or P2DT15H")]
    Lasts { name: String, lasts: String },
    #[error("window {name}: the recurrence rule can't be used: {why}")]
    Rule { name: String, why: String },
    #[error("window {0}: more than {EXCEPT_MAX} exceptions; end the rule and begin another window")]
    Except(String),
}

/// A change or freeze window.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Window {
    document: Document,
    zone: TimeZone,
    lasts: Span,
    /// The occurrences as local times that are written as if they were UTC.
    recurring: Option<RRuleSet>,
}

// All else follows from the document.
impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

/// From when until when, the end excluded.
pub type Stretch = (Timestamp, Timestamp);

impl TryFrom<Document> for Window {
    type Error = InvalidWindow;

    fn try_from(document: Document) -> Result<Self, InvalidWindow> {
        let name = document.name.clone();
        if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(InvalidWindow::Name);
        }
        if document.classes.is_empty() || document.classes.contains(&Class::BreakGlass) {
            return Err(InvalidWindow::Classes(name));
        }
        if document.except.len() > EXCEPT_MAX {
            return Err(InvalidWindow::Except(name));
        }
        let zone = TimeZone::get(&document.zone)
            .map_err(|_| InvalidWindow::Zone { name: name.clone(), zone: document.zone.chars().take(80).collect() })?;
        let lasts = duration(&document).ok_or_else(|| InvalidWindow::Lasts {
            name: name.clone(),
            lasts: document.lasts.chars().take(80).collect(),
        })?;
        let recurring = document.rule.as_deref().map(|rule| recurring(document.starts, &zone, rule)).transpose();
        let recurring = recurring.map_err(|why| InvalidWindow::Rule { name, why })?;
        Ok(Self { document, zone, lasts, recurring })
    }
}

impl From<Window> for Document {
    fn from(window: Window) -> Self {
        window.document
    }
}

fn duration(document: &Document) -> Option<Span> {
    let span = Span::from_str(&document.lasts).ok().filter(|_| document.lasts.len() <= 40)?;
    let end = document.starts.checked_add(span).ok()?;
    let is_fit = end >= document.starts.checked_add(1.minute()).ok()?
        && end <= document.starts.checked_add(DAYS_MAX.days()).ok()?;
    is_fit.then_some(span)
}

/// A local time as the library's UTC.
fn as_utc(local: civil::DateTime) -> Option<DateTime<Tz>> {
    let seconds = local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Tz::UTC.timestamp_opt(seconds, 0).single()
}

/// The library's UTC as the local time that it stands for.
fn as_local(date: &DateTime<Tz>) -> Option<civil::DateTime> {
    let at = jiff::Timestamp::from_second(date.timestamp()).ok()?;
    Some(at.to_zoned(TimeZone::UTC).datetime())
}

fn recurring(starts: civil::DateTime, zone: &TimeZone, rule: &str) -> Result<RRuleSet, String> {
    if rule.len() > RULE_BYTES_MAX || rule.contains(['\n', '\r']) {
        return Err(format!("give one line of at most {RULE_BYTES_MAX} bytes, such as FREQ=WEEKLY;BYDAY=FR"));
    }
    let upper = rule.to_ascii_uppercase();
    let until = upper.split(';').find_map(|part| part.trim().strip_prefix("UNTIL="));
    if until.is_some_and(|until| !until.ends_with('Z')) {
        return Err("write UNTIL as an instant in UTC, such as UNTIL=20261231T230000Z".to_owned());
    }
    let rule: RRule<Unvalidated> = rule.parse().map_err(|error: rrule::RRuleError| error.to_string())?;
    if matches!(rule.get_freq(), Frequency::Hourly | Frequency::Minutely | Frequency::Secondly) {
        return Err("a window recurs at most daily; name more hours with BYHOUR".to_owned());
    }
    let rule = match rule.get_until().map(DateTime::timestamp) {
        None => rule,
        Some(until) => {
            let until = jiff::Timestamp::from_second(until).map_err(|error| error.to_string())?;
            let until = as_utc(until.to_zoned(zone.clone()).datetime()).ok_or("UNTIL is out of range")?;
            rule.until(until)
        }
    };
    let starts = as_utc(starts).ok_or("the start is out of range")?;
    rule.build(starts).map_err(|error| error.to_string())
}

impl Window {
    pub fn name(&self) -> &str {
        &self.document.name
    }

    pub fn kind(&self) -> WindowKind {
        self.document.kind
    }

    /// Whether it has to do with a class.
    pub fn binds(&self, class: Class) -> bool {
        self.document.classes.contains(&class)
    }

    /// An instant as the window's own people read it.
    pub fn shown(&self, at: Timestamp) -> String {
        match jiff::Timestamp::from_microsecond(at.as_micros()) {
            Ok(at) => at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M %Q").to_string(),
            Err(_) => at.to_string(),
        }
    }

    /// The occurrence that an instant lies in.
    pub fn open_at(&self, at: Timestamp) -> Option<Stretch> {
        self.near(at).into_iter().find(|(start, end)| *start <= at && at < *end)
    }

    /// The first start after an instant.
    pub fn next_start(&self, at: Timestamp) -> Option<Timestamp> {
        let first = self.near(at).into_iter().map(|(start, _)| start).find(|start| *start > at);
        let Some(recurring) = self.recurring.as_ref().filter(|_| first.is_none()) else { return first };
        let after = as_utc(self.local(at)?)?;
        let later = recurring.clone().after(after).all(EXCEPT_MAX as u16 + 2).dates;
        later.iter().filter_map(|date| self.stretch(as_local(date)?)).map(|(start, _)| start).find(|start| *start > at)
    }

    fn local(&self, at: Timestamp) -> Option<civil::DateTime> {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        Some(at.to_zoned(self.zone.clone()).datetime())
    }

    /// The occurrences that may hold an instant, or start within a day of it, in order.
    fn near(&self, at: Timestamp) -> Vec<Stretch> {
        let around = || {
            let local = self.local(at)?;
            let from = local.checked_sub(self.lasts).ok()?.checked_sub(1.day()).ok()?;
            Some((from, local.checked_add(1.day()).ok()?))
        };
        let (Some((from, to)), Some(recurring)) = (around(), &self.recurring) else {
            return self.stretch(self.document.starts).into_iter().collect();
        };
        let (Some(from), Some(to)) = (as_utc(from), as_utc(to)) else { return Vec::new() };
        let dates = recurring.clone().after(from).before(to).all(NEAR_MAX).dates;
        dates.iter().filter_map(|date| self.stretch(as_local(date)?)).collect()
    }

    /// The occurrence that starts at a local time, unless it is an exception.
    fn stretch(&self, start: civil::DateTime) -> Option<Stretch> {
        if self.document.except.contains(&start.date()) {
            return None;
        }
        let start = start.to_zoned(self.zone.clone()).ok()?; // skipped and repeated times as RFC 5545 has them
        let end = start.checked_add(self.lasts).ok()?;
        let instant = |at: jiff::Timestamp| Timestamp::from_micros(at.as_microsecond());
        Some((instant(start.timestamp()), instant(end.timestamp())))
    }
}

/// What the windows say of a class at an instant: `None` when it passes, otherwise the window in the way and when the
/// way opens, if it ever does.
pub fn opens_at(windows: &[Window], class: Class, at: Timestamp) -> Option<(&Window, Option<Timestamp>)> {
    let first = in_the_way(windows, class, at)?;
    let mut next = first.1;
    for _ in 0..STEPS_MAX {
        let Some(then) = next else { break };
        match in_the_way(windows, class, then) {
            None => return Some((first.0, Some(then))),
            Some((_, later)) => next = later,
        }
    }
    Some((first.0, None))
}

/// The window that keeps a class out at an instant, and the first instant at which that one does no more.
fn in_the_way(windows: &[Window], class: Class, at: Timestamp) -> Option<(&Window, Option<Timestamp>)> {
    let binding = |kind| windows.iter().filter(move |window| window.kind() == kind && window.binds(class));
    let frozen = binding(WindowKind::Freeze).filter_map(|window| Some((window, window.open_at(at)?.1)));
    if let Some((window, end)) = frozen.max_by_key(|(_, end)| *end) {
        return Some((window, Some(end)));
    }
    if binding(WindowKind::Change).any(|window| window.open_at(at).is_some()) {
        return None;
    }
    let next = binding(WindowKind::Change).map(|window| (window, window.next_start(at)));
    next.min_by_key(|(_, start)| start.unwrap_or(Timestamp::from_micros(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: serde_json::Value) -> Window {
        serde_json::from_value(text).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn weekend() -> Window {
        window(serde_json::json!({ "name": "weekend", "kind": "freeze", "starts": "2026-01-02T17:00:00",
            "lasts": "P2DT15H", "zone": "Europe/Berlin", "rule": "FREQ=WEEKLY;BYDAY=FR" }))
    }

    #[test]
    fn a_recurring_window_keeps_its_local_time_across_daylight_saving() {
        let weekend = weekend();
        // Winter time, the weekend on which summer time begins, summer time, the weekend on which it ends.
        for (start, end) in [
            ("2026-03-20T16:00:00Z", "2026-03-23T07:00:00Z"),
            ("2026-03-27T16:00:00Z", "2026-03-30T06:00:00Z"),
            ("2026-04-03T15:00:00Z", "2026-04-06T06:00:00Z"),
            ("2026-10-23T15:00:00Z", "2026-10-26T07:00:00Z"),
        ] {
            assert_eq!(weekend.open_at(at(start)), Some((at(start), at(end))), "{start}");
            assert_eq!(weekend.open_at(at(start).plus_ms(-1)), None);
            assert_eq!(weekend.open_at(at(end).plus_ms(-1)), Some((at(start), at(end))));
            assert_eq!(weekend.open_at(at(end)), None);
            assert_eq!(
                opens_at(std::slice::from_ref(&weekend), Class::Regular, at(start)),
                Some((&weekend, Some(at(end))))
            );
        }
        assert_eq!(opens_at(&[weekend], Class::Rollback, at("2026-03-28T12:00:00Z")), None);
    }

    #[test]
    fn a_start_that_a_change_skips_or_repeats_is_the_one_of_rfc_5545() {
        let nightly = window(serde_json::json!({ "name": "night", "kind": "change", "starts": "2026-01-01T02:30:00",
            "lasts": "PT30M", "zone": "Europe/Berlin", "rule": "FREQ=DAILY" }));
        assert!(nightly.open_at(at("2026-03-29T01:30:00Z")).is_some(), "02:30 does not exist: 03:30 summer time");
        assert!(nightly.open_at(at("2026-10-25T00:30:00Z")).is_some(), "the first of two 02:30");
        assert!(nightly.open_at(at("2026-10-25T01:30:00Z")).is_none());
        assert_eq!(nightly.next_start(at("2026-10-25T00:30:00Z")), Some(at("2026-10-26T01:30:00Z")));
    }

    #[test]
    fn freeze_windows_win_over_change_windows_and_the_way_opens_when_both_allow() {
        let office = window(serde_json::json!({ "name": "office", "kind": "change", "starts": "2026-01-01T09:00:00",
            "lasts": "PT8H", "zone": "UTC", "rule": "FREQ=DAILY", "classes": ["regular"] }));
        let fair = window(serde_json::json!({ "name": "fair", "kind": "freeze", "starts": "2026-05-04T00:00:00",
            "lasts": "P3D", "zone": "UTC" }));
        let windows = [office, fair];
        let open = |class, text| opens_at(&windows, class, at(text)).map(|(w, t)| (w.name().to_owned(), t));
        assert_eq!(open(Class::Regular, "2026-05-03T10:00:00Z"), None);
        assert_eq!(open(Class::Hotfix, "2026-05-03T20:00:00Z"), None, "no change window binds hotfixes");
        let opens = Some(at("2026-05-07T09:00:00Z"));
        assert_eq!(open(Class::Regular, "2026-05-05T10:00:00Z"), Some(("fair".to_owned(), opens)));
        assert_eq!(open(Class::Regular, "2026-05-03T18:00:00Z"), Some(("office".to_owned(), opens)));
        assert_eq!(
            open(Class::Hotfix, "2026-05-05T10:00:00Z"),
            Some(("fair".to_owned(), Some(at("2026-05-07T00:00:00Z"))))
        );
    }

    #[test]
    fn a_way_that_never_opens_says_so() {
        let over = window(serde_json::json!({ "name": "launch", "kind": "change", "starts": "2026-01-01T09:00:00",
            "lasts": "PT8H", "zone": "UTC" }));
        assert_eq!(
            opens_at(std::slice::from_ref(&over), Class::Regular, at("2026-02-01T00:00:00Z")),
            Some((&over, None))
        );
        let always = window(serde_json::json!({ "name": "always", "kind": "freeze", "starts": "2026-01-01T00:00:00",
            "lasts": "P1D", "zone": "UTC", "rule": "FREQ=DAILY" }));
        assert_eq!(
            opens_at(std::slice::from_ref(&always), Class::Regular, at("2026-02-01T00:00:00Z")),
            Some((&always, None))
        );
    }

    #[test]
    fn rules_end_and_have_exceptions() {
        let text = |rule: &str| {
            serde_json::json!({ "name": "w", "kind": "freeze", "starts": "2026-03-01T12:00:00",
            "lasts": "PT1H", "zone": "America/New_York", "rule": rule, "except": ["2026-03-03"] })
        };
        let twice = window(text("FREQ=DAILY;COUNT=4"));
        let noon = |day: u32, hour: u32| at(&format!("2026-03-{day:02}T{hour}:00:00Z"));
        assert!(twice.open_at(noon(2, 17)).is_some() && twice.open_at(noon(3, 17)).is_none());
        assert!(twice.open_at(noon(4, 17)).is_some() && twice.open_at(noon(5, 17)).is_none());
        let until = window(text("FREQ=DAILY;UNTIL=20260309T160000Z"));
        assert!(until.open_at(noon(9, 16)).is_some(), "noon is 16:00Z since summer time began");
        assert!(until.open_at(noon(10, 16)).is_none());
    }

    #[test]
    fn what_can_be_no_window_is_refused() {
        let good = serde_json::json!({ "name": "w", "kind": "freeze", "starts": "2026-03-01T12:00:00", "lasts": "PT1H", "zone": "UTC" });
        assert!(serde_json::from_value::<Window>(good.clone()).is_ok());
        for (field, value) in [
            ("name", serde_json::json!("")),
            ("classes", serde_json::json!([])),
            ("classes", serde_json::json!(["break_glass"])),
            ("zone", serde_json::json!("Europe/Atlantis")),
            ("lasts", serde_json::json!("PT0S")),
            ("lasts", serde_json::json!("P500D")),
            ("lasts", serde_json::json!("-PT1H")),
            ("rule", serde_json::json!("FREQ=SECONDLY")),
            ("rule", serde_json::json!("FREQ=WEEKLY;BYDAY=XX")),
            ("rule", serde_json::json!("FREQ=DAILY;UNTIL=20261231")),
            ("rule", serde_json::json!("FREQ=DAILY\nRRULE:FREQ=SECONDLY")),
            ("starts", serde_json::json!("2026-03-01T12:00:00Z")),
            ("until", serde_json::json!("x")),
        ] {
            let mut wrong = good.clone();
            wrong[field] = value.clone();
            assert!(serde_json::from_value::<Window>(wrong).is_err(), "{field}: {value}");
        }
    }
}

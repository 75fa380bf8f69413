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
mod tests;
